"""Schema migrations: each package keeps its own branch of Alembic revisions."""

from collections.abc import Iterable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from quanyu.kernel.control import ControlStore

HERE = Path(__file__).parent / "migrations"


def alembic_config(packages: Iterable[Path]) -> Config:
    """Alembic's settings for these folders of revisions (the kernel's own is always among them)."""
    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.set_main_option("path_separator", "os")
    locations = [HERE / "versions", *packages]
    config.set_main_option("version_locations", ":".join(str(path) for path in locations))
    return config


def migrate(store: ControlStore, packages: Iterable[Path]) -> None:
    """Bring the store to the newest revision of every branch; quick when it is there already."""
    config = alembic_config(packages)
    heads = set(ScriptDirectory.from_config(config).get_heads())
    with store.engine.connect() as connection:
        if set(MigrationContext.configure(connection).get_current_heads()) == heads:
            return
    config.attributes["store"] = store
    command.upgrade(config, "heads")
