"""The control store: one transactional database (SQLite in WAL, or PostgreSQL) under all packages.

A package declares its tables on :class:`Table` and works inside a :class:`~sqlalchemy.orm.Session`
that :meth:`ControlStore.begin` or :meth:`ControlStore.read` gives it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import (
    Connection,
    DateTime,
    Dialect,
    Engine,
    MetaData,
    Text,
    TypeDecorator,
    create_engine,
    event,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeEngine

from quanyu.kernel.errors import Unavailable
from quanyu.kernel.events import Events

_BUSY_MS = 15_000
_CACHE_KIB = 32_768
"""Of each connection to SQLite; a search among a million entries reads much again."""
SNAPSHOT = "snapshot"
"""Marks in ``Session.info`` that all the session reads is of one moment."""


class Table(DeclarativeBase):
    """What every table declares itself on; constraint names are fixed, for migrations."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Moment(TypeDecorator[datetime]):
    """An aware UTC instant; SQLite keeps it without its offset, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("a datetime without an offset names no instant")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Json(TypeDecorator[Any]):
    """A JSON document: ``jsonb`` on PostgreSQL, text on SQLite."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.JSONB())
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return orjson.dumps(value).decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return orjson.loads(value)


class ControlStore:
    """A handle on the control store.

    ``url`` is an SQLAlchemy URL (``sqlite:///…`` or ``postgresql+psycopg://…``). Events that a
    package adds with :func:`announce` reach ``events`` only after the transaction committed.
    """

    def __init__(self, url: str, events: Events | None = None) -> None:
        self.url = url
        self.events = events or Events()
        self.engine = _engine(url)
        self._writer = self.engine.execution_options(quanyu_write=True)
        self._reader = self.engine
        if self.dialect == "postgresql":  # as SQLite does: all is read as it was at one moment
            self._reader = self.engine.execution_options(isolation_level="REPEATABLE READ")

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self.engine.dialect.name

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """A write transaction: committed on leaving, rolled back on any exception."""
        with Session(self._writer, expire_on_commit=False) as session:
            with session.begin():
                yield session
            for happened in session.info.pop("events", ()):
                self.events.dispatch(happened)

    @contextmanager
    def trial(self) -> Iterator[Session]:
        """A write transaction to see what would come of it: rolled back, and no event told."""
        with Session(self._writer, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A snapshot to read; rolled back when it is closed."""
        with Session(self._reader, expire_on_commit=False, info={SNAPSHOT: True}) as session:
            yield session

    @contextmanager
    def snapshot(self) -> Iterator[tuple[Connection, Session]]:
        """:meth:`read` with its connection. A session costs more than a short question: this one
        costs nothing before it is asked."""
        with (
            self.look() as connection,
            Session(connection, expire_on_commit=False, info={SNAPSHOT: True}) as session,
        ):
            yield connection, session

    @contextmanager
    def look(self) -> Iterator[Connection]:
        """:meth:`read` for statements alone, without objects: half the work of a short question."""
        with self._reader.connect() as connection:
            yield connection

    def check(self) -> None:
        """Raise :class:`Unavailable` when the store does not answer."""
        try:
            with self.engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except Exception as error:
            raise Unavailable(
                "the control store does not answer: {why}", why=type(error).__name__
            ) from error

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def announce(session: Session, happened: object) -> None:
    """Publish an event once this transaction has committed; never if it rolls back."""
    session.info.setdefault("events", []).append(happened)


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True, pool_size=5, max_overflow=10)
    Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": _BUSY_MS / 1000})

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: object) -> None:
        # SQLAlchemy shall say BEGIN, not the driver: only so can a writer take its lock at once.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={_BUSY_MS}",
            f"cache_size=-{_CACHE_KIB}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        if connection.get_execution_options().get("quanyu_write", False):
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:  # takes no lock, so it cannot fail: the driver alone is a tenth of the work
            connection.connection.dbapi_connection.execute("BEGIN")

    return engine
