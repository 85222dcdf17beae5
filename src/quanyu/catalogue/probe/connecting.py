"""To a database of somebody else: only to hosts that may be asked, only to read, not for long."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from quanyu.kernel import Invalid, Unavailable, resolve_host

SECONDS = 8
"""How long one question to a database may take."""

NETWORK = {"postgresql": ("postgresql+psycopg", 5432), "mysql": ("mysql+pymysql", 3306),
           "mariadb": ("mariadb+pymysql", 3306)}  # fmt: skip
"""Databases that may be asked from the web, with their drivers and usual ports."""

_QUERY = frozenset({"sslmode", "charset", "application_name"})
"""Options of an address from the web; others could name files, sockets or other hosts."""


@dataclass(frozen=True, slots=True)
class Reachable:
    """A database that may be asked; ``said`` is how it is named to people, without its password."""

    url: URL
    said: str
    dialect: str


def reachable(address: str, *, allow_private: bool, local: bool = False) -> Reachable:
    """The database at a SQLAlchemy URL.

    ``local`` is for whoever holds the node's command line: then files, sockets and drivers of any
    kind are read too. Raises ``Invalid`` or ``Refused`` (rule ``fetch.private``).
    """
    try:
        url = make_url(address.strip())
        dialect = url.get_backend_name()
    except (ArgumentError, ValueError) as error:
        raise _no_url() from error
    if dialect in NETWORK and not (local and not url.host):
        return _by_network(url, dialect, allow_private=allow_private or local)
    if not local:
        raise Invalid(
            "databases of the kind “{kind}” are not read from here",
            field="database",
            mend="give one of: {kinds}; files are given as files",
            kind=dialect[:40],
            kinds=", ".join(NETWORK),
        )
    try:
        url.get_dialect()
    except (NoSuchModuleError, ImportError) as error:
        raise Invalid(
            "no driver is installed for “{kind}”",
            field="database",
            mend="install its driver beside quanyu",
            kind=dialect[:40],
        ) from error
    # Where a file lies on this machine is nobody's business.
    named = f"{dialect}:{PurePath(url.database or '').name}"
    said = url.set(query={}).render_as_string(hide_password=True) if url.host else named
    return Reachable(url, said, dialect)


def _by_network(url: URL, dialect: str, *, allow_private: bool) -> Reachable:
    driver, port = NETWORK[dialect]
    if not url.host or not url.database:
        raise _no_url()
    strange = sorted(set(url.query) - _QUERY)
    if strange:
        raise Invalid(
            "this option is not taken here: {option}",
            field="database",
            mend="leave it out; possible are: {options}",
            option=strange[0][:40],
            options=", ".join(sorted(_QUERY)),
        )
    address = resolve_host(url.host, url.port or port, allow_private=allow_private,
                           field="database")  # fmt: skip
    said = f"{dialect}://{url.host}{f':{url.port}' if url.port else ''}/{url.database}"
    pinned = url.set(drivername=driver)
    if dialect == "postgresql":
        # The name stays for TLS; the connection is made to the address that was checked.
        pinned = pinned.update_query_dict({"hostaddr": address, "connect_timeout": str(SECONDS)})
    else:
        pinned = pinned.set(host=address)
    return Reachable(pinned, said, dialect)


@contextmanager
def asking(database: Reachable, seconds: int | None = SECONDS) -> Iterator[Connection]:
    """A connection that can only read, each question within so many seconds (``None``: as long as
    rows keep coming).

    Raises ``Unavailable`` when the database does not answer or does not let one in.
    """
    engine = _engine(database, seconds)
    try:
        with engine.connect() as connection:
            _only_read(connection, database.dialect, seconds)
            yield connection
            connection.rollback()
    except SQLAlchemyError as error:
        raise Unavailable(
            "the database does not answer as it should: {why}",
            field="database",
            mend="check host, name, user and password",
            why=_why(error, database),
        ) from error
    finally:
        engine.dispose()


def _engine(database: Reachable, seconds: int | None) -> Engine:
    if database.dialect == "sqlite":
        return _sqlite(database, seconds)
    arguments: dict[str, object] = {}
    if database.dialect == "postgresql":
        arguments["options"] = (
            f"-c statement_timeout={(seconds or 0) * 1000} -c default_transaction_read_only=on "
            f"-c lock_timeout={SECONDS * 500} -c idle_in_transaction_session_timeout=60000"
        )
    elif database.dialect in {"mysql", "mariadb"}:
        arguments = {"connect_timeout": SECONDS, "read_timeout": SECONDS * 2,
                     "write_timeout": SECONDS, "local_infile": False}  # fmt: skip
    return create_engine(database.url, connect_args=arguments, poolclass=NullPool)


def _sqlite(database: Reachable, seconds: int | None) -> Engine:
    """A file, opened so that it cannot be written, not even its journal."""
    import sqlite3
    import time
    from pathlib import Path
    from urllib.parse import quote

    path = Path(database.url.database or "").expanduser().resolve()
    if not path.is_file():
        raise Invalid("there is no file {path}", field="database", mend="check the path", path=path)

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)

    @event.listens_for(engine, "before_cursor_execute")
    def _bounded(connection: Connection, *_: object) -> None:
        until = time.monotonic() + (seconds or 3600)
        raw: Any = connection.connection.dbapi_connection
        raw.set_progress_handler(lambda: int(time.monotonic() > until), 10_000)

    return engine


def _only_read(connection: Connection, dialect: str, seconds: int | None) -> None:
    if dialect in {"mysql", "mariadb"}:
        connection.execute(text("SET SESSION TRANSACTION READ ONLY"))
        known: Any = connection.dialect  # an address may say “mysql” of a MariaDB
        limit = (
            f"SET SESSION max_statement_time={seconds or 0}"
            if known.is_mariadb
            else f"SET SESSION MAX_EXECUTION_TIME={(seconds or 0) * 1000}"
        )
        try:
            connection.execute(text(limit))
        except SQLAlchemyError:  # an older one: the driver's own time limit holds
            connection.rollback()
        connection.rollback()


def _why(error: SQLAlchemyError, database: Reachable) -> str:
    """What the database said, in one line, without the password and the question."""
    said = str(getattr(error, "orig", None) or type(error).__name__)
    line = " ".join(said.split())[:200]
    password = database.url.password
    return line.replace(str(password), "…") if password else line


def _no_url() -> Invalid:
    return Invalid(
        "this is no address of a database",
        field="database",
        mend="write it as postgresql://user:password@host/database",
    )
