"""The small city of :mod:`people` on each database that a node may stand on."""

import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from quanyu.kernel import ControlStore

sys.path.insert(0, str(Path(__file__).parent))

from people import City, found


@pytest.fixture(scope="session")
def founded(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> City:
    """The city on SQLite, copied for each test: passwords take long to hash."""
    path = tmp_path_factory.mktemp("founded") / "control.sqlite"
    shutil.copy(sqlite_template, path)
    store = ControlStore(f"sqlite:///{path}")
    made = found(store)
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    return made


@pytest.fixture
def city(founded: City, tmp_path: Path) -> Iterator[City]:
    path = tmp_path / "control.sqlite"
    shutil.copy(founded.store.url.removeprefix("sqlite:///"), path)
    store = ControlStore(f"sqlite:///{path}")
    yield replace(founded, store=store)
    store.close()


@pytest.fixture
def any_city(request: pytest.FixtureRequest, any_store: ControlStore) -> City:
    if any_store.dialect == "sqlite":
        made: City = request.getfixturevalue("city")
        return made
    return found(any_store)
