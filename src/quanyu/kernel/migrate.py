"""Opening a node's control store, its tables brought up to date.

Each room keeps its own branch of Alembic revisions in its folder ``migrations``.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from quanyu.kernel.control import ControlStore
from quanyu.kernel.errors import Invalid
from quanyu.kernel.events import Events
from quanyu.kernel.settings import Settings

HERE = Path(__file__).parent / "migrations"


def alembic_config() -> Config:
    """Alembic's settings: the kernel's revisions and those in each room's ``migrations``."""
    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.set_main_option("path_separator", "os")
    rooms = sorted(path for path in HERE.parents[1].glob("*/migrations") if path != HERE)
    locations = [HERE / "versions", *rooms]
    config.set_main_option("version_locations", ":".join(str(path) for path in locations))
    return config


def migrate(store: ControlStore) -> None:
    """Bring the store to the newest revision of every branch; quick when it is there already."""
    config = alembic_config()
    heads = set(ScriptDirectory.from_config(config).get_heads())
    with store.engine.connect() as connection:
        if set(MigrationContext.configure(connection).get_current_heads()) == heads:
            return
    config.attributes["store"] = store
    command.upgrade(config, "heads")


def open_control(settings: Settings, events: Events | None = None) -> ControlStore:
    """The control store of an initialised node, its tables brought up to date.

    Raises :class:`Invalid` for a folder that holds no node.
    """
    if settings.database_url is None and not (settings.dir / "control.sqlite").exists():
        raise Invalid(
            "{folder} holds no node",
            field="dir",
            mend="make one: quanyu init --dir {folder}",
            folder=settings.dir,
        )
    control = ControlStore(settings.control_url, events)
    migrate(control)
    return control


def create_control(settings: Settings) -> ControlStore:
    """The control store of a new node, with its tables."""
    settings.dir.mkdir(parents=True, exist_ok=True)
    control = ControlStore(settings.control_url)
    migrate(control)
    return control
