"""New control stores, migrated already: copies of one that each process makes, as it takes long."""

import atexit
import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from quanyu.kernel import ControlStore, Settings, create_control, migrate


def migrated(path: Path) -> ControlStore:
    """An empty store in the SQLite file ``path``."""
    shutil.copy(template(), path)
    return ControlStore(f"sqlite:///{path}")


def new_control(settings: Settings) -> ControlStore:
    """The control store of a new node, as :func:`quanyu.kernel.create_control` makes it."""
    if settings.database_url is not None:
        return create_control(settings)
    settings.dir.mkdir(parents=True, exist_ok=True)
    return migrated(settings.dir / "control.sqlite")


@cache
def template() -> Path:
    """A migrated, empty store that nobody has open."""
    folder = TemporaryDirectory(prefix="quanyu-migrated-")
    atexit.register(folder.cleanup)
    path = Path(folder.name) / "control.sqlite"
    store = ControlStore(f"sqlite:///{path}")
    migrate(store)
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    return path
