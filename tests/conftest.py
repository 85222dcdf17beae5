"""Fixtures that every room's tests share: fresh control stores on SQLite and on PostgreSQL."""

import gc
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import create_engine, text
from xdist.scheduler import LoadScopeScheduling

from quanyu.kernel import ControlStore

sys.path.insert(0, str(Path(__file__).parent))

from emptied import Databases
from migrated import template
from stacks import stacks_of_servers
from warm import warm_quanyu

# A busy machine is no fault of what is tested: only what is found counts, not how quickly.
settings.register_profile("calm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("calm")

# Children keep their byte code, or each command would compile the whole program anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

LONGEST = (
    "web_changing", "portal", "portal_browser", "web", "federation", "catalogue", "city_map", "e2e",
    "docs", "market", "streams", "harvest", "cli",
)  # fmt: skip
"""Folders that take longest, the longest first."""

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


class _ByFolder(LoadScopeScheduling):
    """A folder's tests run in one process, which makes once what they share, and ends it."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("::")[0].rpartition("/")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _ByFolder:
    return _ByFolder(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Each process begins to collect at another folder, and finds compiled what others had."""
    report = yield
    own = getattr(collector.config, "workerinput", None)
    if own is not None and collector.path == Path(__file__).parent:
        number, count = int(own["workerid"].removeprefix("gw")), own["workercount"]
        first = len(report.result) * number // count
        report.result = report.result[first:] + report.result[:first]
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest folders: at the end they would keep one process busy, others idle."""
    here = Path(__file__).parent
    place = {here / name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: (place.get(item.path.parent, len(LONGEST)), item.path))


def pytest_collection_finish() -> None:
    """All that was imported and collected stays: the collector of garbage need not look at it."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where a server did not answer, the report says what it was about."""
    report = yield
    if call.excinfo is not None and call.excinfo.errisinstance(httpx.ReadTimeout):
        report.sections.append(("stacks of the servers", stacks_of_servers()))
    return report


def _postgresql_bin() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    here = shutil.which("initdb")
    return Path(here).parent if here else None


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """URL prefix of a throw-away PostgreSQL on a loopback socket."""
    binaries = _postgresql_bin()
    if binaries is None:
        pytest.skip("no PostgreSQL server binaries: apt-get install postgresql")
    # PostgreSQL refuses to run as root; Debian's package brings a user for it.
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory(prefix="quanyu-pg-") as folder:
        home = Path(folder)
        home.chmod(0o777)
        data = home / "data"
        subprocess.run(
            [*as_user, binaries / "initdb", "-D", data, "-U", "quanyu", "-A", "trust", "--no-sync"],
            check=True,
            capture_output=True,
            cwd=home,
        )
        options = f"-c listen_addresses='' -c unix_socket_directories={home} -c fsync=off"
        control = [*as_user, binaries / "pg_ctl", "-D", data, "-w"]
        subprocess.run(
            [*control, "-o", options, "-l", home / "log", "start"],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=home,
        )
        try:
            yield f"postgresql+psycopg://quanyu@/{{name}}?host={home}"
        finally:
            subprocess.run(
                [*control, "-m", "immediate", "stop"], check=True, capture_output=True, cwd=home
            )


@pytest.fixture(scope="session")
def quanyu_command() -> Path:
    """The ``quanyu`` command, imported once for all its runs."""
    return warm_quanyu()


@pytest.fixture(scope="session")
def sqlite_template() -> Path:
    """A migrated, empty SQLite store, copied for each test."""
    return template()


ON_POSTGRESQL = os.environ.get("QUANYU_TEST_CONTROL") == "postgresql"
"""Whether tests whose store is not a contract's stand on PostgreSQL for once, not on SQLite."""


@pytest.fixture
def store(
    request: pytest.FixtureRequest, tmp_path: Path, sqlite_template: Path
) -> Iterator[ControlStore]:
    """A fresh control store: on SQLite, unless the tests are to stand on PostgreSQL."""
    if ON_POSTGRESQL:
        with _on_postgresql(request) as opened:
            yield opened
        return
    path = tmp_path / "control.sqlite"
    shutil.copy(sqlite_template, path)
    opened = ControlStore(f"sqlite:///{path}")
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def postgresql_databases(postgresql_server: str) -> Databases:
    """Migrated, empty databases on PostgreSQL, one for each test."""
    return Databases(postgresql_server)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def any_store(request: pytest.FixtureRequest) -> Iterator[ControlStore]:
    """A fresh control store on each database that a node may stand on (the contract suites)."""
    if request.param == "sqlite":
        yield request.getfixturevalue("store")
        return
    with _on_postgresql(request) as opened:
        yield opened


@contextmanager
def _on_postgresql(request: pytest.FixtureRequest) -> Iterator[ControlStore]:
    """A store on PostgreSQL for one test."""
    databases: Databases = request.getfixturevalue("postgresql_databases")
    with databases.one() as url:
        opened = ControlStore(url)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def node_databases(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """The line of a node's settings that names its own database; empty where it is SQLite's."""
    if not ON_POSTGRESQL:
        return lambda _: ""
    server: str = request.getfixturevalue("postgresql_server")

    def made(name: str) -> str:
        admin = create_engine(server.format(name="postgres"), isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}"'))
        admin.dispose()
        return f'database_url = "{server.format(name=name)}"\n'

    return made
