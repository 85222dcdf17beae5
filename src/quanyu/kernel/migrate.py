"""Opening a node's control store, its tables brought up to date.

Each room keeps its own branch of Alembic revisions in its folder ``migrations``.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from quanyu.kernel.control import ControlStore
from quanyu.kernel.errors import Invalid
from quanyu.kernel.events import Events
from quanyu.kernel.settings import Settings

if TYPE_CHECKING:
    from alembic.config import Config

HERE = Path(__file__).parent / "migrations"


def revision_folders() -> list[Path]:
    """Where revisions are kept: the kernel's own and those of each room."""
    rooms = sorted(path for path in HERE.parents[1].glob("*/migrations") if path != HERE)
    return [HERE / "versions", *rooms]


def alembic_config() -> "Config":
    """Alembic's settings over all those folders."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.set_main_option("path_separator", "os")
    config.set_main_option("version_locations", ":".join(map(str, revision_folders())))
    return config


def migrate(store: ControlStore) -> None:
    """Bring the store to the newest revision of every branch; quick when it is there already."""
    if _current(store) == _newest():
        return
    from alembic import command

    config = alembic_config()
    config.attributes["store"] = store
    command.upgrade(config, "heads")


def _newest() -> set[str]:
    """The last revision of each room, by the names of files (``room_0001_what.py``).

    Alembic itself is loaded only when there is something to do: it takes longer than a start.
    """
    newest: dict[str, str] = {}
    for folder in revision_folders():
        for path in sorted(folder.glob("*_[0-9][0-9][0-9][0-9]_*.py")):
            room, number, _ = path.stem.split("_", 2)
            newest[room] = f"{room}_{number}"
    return set(newest.values())


def _current(store: ControlStore) -> set[str]:
    with store.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return set()
        return set(connection.scalars(text("SELECT version_num FROM alembic_version")))


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
