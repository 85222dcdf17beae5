"""The recent store: observations as they come in, durable when a transaction returns.

On a node with SQLite it is a file of its own beside the control store, so that a flood of
observations keeps nobody waiting who writes there; on PostgreSQL its tables lie in that database.
All writers take numbers from one row, so that numbers are given in the order of commits: who has
seen number *n* will never see a lower one appear.
"""

import fcntl
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import Any

import orjson
from sqlalchemy import Connection, CursorResult, inspect, text
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError

from quanyu.kernel import ControlStore, Unavailable
from quanyu.streams.observations.model import COLUMNS

_TYPES = {
    **dict.fromkeys(COLUMNS, "BIGINT"),
    "number": "DOUBLE PRECISION",
    **dict.fromkeys(("key", "text", "json", "quality", "parameters"), "TEXT"),
}
_NAMES = {
    name: f"{name}_us" for name in ("start", "end", "result_time", "valid_start", "valid_end")
}
_NAMES["received"] = "received_us"
SQL_COLUMNS = tuple(_NAMES.get(name, name) for name in COLUMNS)
_LIST = ", ".join(SQL_COLUMNS)
_SET = ", ".join(f"{name} = excluded.{name}" for name in SQL_COLUMNS[3:])
_SCHEMA = 1
_GONE = "observation_recent_gone"
_SIZES = (32, 8, 1)
"""Rows of one statement that inserts: few numbers, so that the statements stay prepared."""
STATES = ("seq", "long_version", "moved_seq", "moving_seq", "schema")


class Recent:
    """Transactions on the recent store; one for each process, shared by its threads."""

    def __init__(self, control: ControlStore, folder: Path) -> None:
        self._own = control.dialect == "sqlite"
        self._store = (
            ControlStore(f"sqlite:///{folder.resolve() / 'observations.sqlite'}")
            if self._own
            else control
        )
        self._lock = Lock()
        self._file = (folder / "observations.lock").open("a") if self._own else None
        self._make()

    def close(self) -> None:
        """Give the connections back that are its own."""
        if self._own:
            self._store.close()
        if self._file is not None:
            self._file.close()

    @contextmanager
    def write(self) -> Iterator["Transaction"]:
        """A write transaction; raises ``Unavailable`` when what was written cannot be kept."""
        with self._lock:
            if self._file is not None:  # SQLite lets writers sleep; a lock of the file wakes them
                fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                with self._store.begin() as session:
                    yield Transaction(session.connection(), self._store.dialect)
            except (OperationalError, DatabaseError) as error:
                raise Unavailable(
                    "observations cannot be kept now: {why}",
                    mend="send them again later",
                    why=str(error.orig)[:200],
                ) from error
            finally:
                if self._file is not None:
                    fcntl.flock(self._file, fcntl.LOCK_UN)

    @contextmanager
    def read(self) -> Iterator["Transaction"]:
        """All that is read is of one moment."""
        with self._store.look() as connection, connection.begin():
            yield Transaction(connection, self._store.dialect)

    def _make(self) -> None:
        if self._made():
            return
        rowid = " WITHOUT ROWID" if self._own else ""
        with self.write() as transaction:
            if not self._own:
                transaction.run("SELECT pg_advisory_xact_lock(7305821)")
            for statement in _statements(rowid):
                transaction.run(statement)
            transaction.many(
                "INSERT INTO observation_state VALUES (?, ?) ON CONFLICT DO NOTHING",
                [(name, {"schema": _SCHEMA, "long_version": -1}.get(name, 0)) for name in STATES],
            )

    def _made(self) -> bool:
        """Whether all is there: what is made last; all is made in one transaction."""
        there = inspect(self._store.engine)
        if not there.has_table("observation_recent"):
            return False
        return _GONE in [one["name"] for one in there.get_indexes("observation_recent")]


def _statements(rowid: str) -> list[str]:
    columns = ", ".join(f"{n} {_TYPES[c]}" for n, c in zip(SQL_COLUMNS, COLUMNS, strict=True))
    keyed = columns.replace("datastream BIGINT", "datastream BIGINT PRIMARY KEY")
    tables = {
        "recent": f"{columns}, gone INTEGER NOT NULL DEFAULT 0, "
        "PRIMARY KEY (datastream, start_us, key)",
        "stream": f"{keyed}, first_us BIGINT, last_us BIGINT, result_first_us BIGINT, "
        "result_last_us BIGINT, long_rows BIGINT NOT NULL DEFAULT 0, long_last_us BIGINT",
        "dropped": "datastream BIGINT PRIMARY KEY",
        "state": "name TEXT PRIMARY KEY, value BIGINT NOT NULL",
    }
    return [
        f"CREATE TABLE IF NOT EXISTS observation_{name} ({inside})"
        f"{rowid if name == 'recent' else ''}"
        for name, inside in tables.items()
    ] + [
        "CREATE INDEX IF NOT EXISTS observation_recent_seq ON observation_recent (seq)",
        f"CREATE INDEX IF NOT EXISTS {_GONE} ON observation_recent (datastream) WHERE gone = 1",
    ]


class Transaction:
    """Statements inside one transaction; ``?`` stands for a parameter on both databases."""

    def __init__(self, connection: Connection, dialect: str) -> None:
        self._connection = connection
        self.sqlite = dialect == "sqlite"
        self._driver: Any = connection.connection.dbapi_connection if self.sqlite else None

    def run(self, sql: str, *values: Any) -> CursorResult[Any]:
        """One statement."""
        sql = sql if self.sqlite else sql.replace("?", "%s")
        return self._connection.exec_driver_sql(sql, values)

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of one statement, plain tuples."""
        rows: list[tuple[Any, ...]]
        if self._driver is None:
            found: Any = self._connection.exec_driver_sql(sql.replace("?", "%s"), values).cursor
            rows = found.fetchall()
            return rows
        try:  # short questions cost less than what SQLAlchemy does around them
            rows = self._driver.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise DBAPIError.instance(sql, values, error, sqlite3.Error) from error
        return rows

    def many(self, sql: str, rows: Sequence[tuple[Any, ...]]) -> int:
        """One statement for each row; how many rows it changed."""
        if not rows:
            return 0
        sql = sql if self.sqlite else sql.replace("?", "%s")
        return self._connection.exec_driver_sql(sql, list(rows)).rowcount

    def insert(self, into: str, rows: Sequence[tuple[Any, ...]], then: str) -> int:
        """Insert rows of one width, in their order: ``INSERT INTO into VALUES … then``; how many
        rows that changed.

        On SQLite many rows are one statement: it gives up the interpreter's lock at each step of
        one, and in a busy process waits for it after each.
        """
        if not rows:
            return 0
        one = f"({', '.join('?' * len(rows[0]))})"
        if not self.sqlite:
            return self.many(f"INSERT INTO {into} VALUES {one} {then}", rows)
        changed = place = 0
        for size in _SIZES:
            while len(rows) - place >= size:
                sql = f"INSERT INTO {into} VALUES {', '.join([one] * size)} {then}"
                values = tuple(chain.from_iterable(rows[place : place + size]))
                changed += self._connection.exec_driver_sql(sql, values).rowcount
                place += size
        return changed

    def state(self) -> dict[str, int]:
        """The counters of the store, by :data:`STATES`."""
        return dict(self.rows("SELECT name, value FROM observation_state"))

    def set_state(self, **values: int) -> None:
        """Set counters."""
        self.many(
            "UPDATE observation_state SET value = ? WHERE name = ?",
            [(value, name) for name, value in values.items()],
        )

    def numbers(self, count: int) -> int:
        """Take ``count`` numbers; the first of them. Other writers wait until this one is done."""
        last = self.rows(
            "UPDATE observation_state SET value = value + ? WHERE name = 'seq' RETURNING value",
            count,
        )[0][0]
        return int(last) - count + 1

    def among(self, column: str, values: Iterable[int]) -> tuple[str, Any]:
        """SQL that ``column`` is one of ``values``, however many they are, and its parameter."""
        if isinstance(values, range):
            return f"({column} BETWEEN {values.start} AND {values.stop - 1} AND 1 = ?)", 1
        listed = [int(value) for value in values]
        if len(listed) == 1:
            return f"{column} = ?", listed[0]
        if self.sqlite:
            return f"{column} IN (SELECT value FROM json_each(?))", orjson.dumps(listed).decode()
        return f"{column} = ANY(?)", listed

    def put(self, rows: Sequence[tuple[Any, ...]]) -> int:
        """Put whole rows in, each in the place of an older one with its key; how many had none."""
        into = f"observation_recent ({_LIST})"
        instead = f"ON CONFLICT (datastream, start_us, key) DO UPDATE SET {_SET}, gone = 0"
        if len(rows) == 1:
            known = self.rows(
                "SELECT 1 FROM observation_recent WHERE datastream = ? AND start_us = ? "
                "AND key = ? AND gone = 0",
                *rows[0][:3],
            )
            self.insert(into, rows, instead)
            return 0 if known else 1
        new = self.insert(into, rows, "ON CONFLICT DO NOTHING")
        if new < len(rows):
            self.insert(into, rows, instead)
        return new

    def check(self) -> None:
        """Nothing but a question, for a probe."""
        self._connection.execute(text("SELECT 1"))
