"""Conditions on many values at once, and which database is asked."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import orjson
from sqlalchemy import ColumnElement, Connection, Text, cast, func, literal, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session


def is_sqlite(session: Session | Connection) -> bool:
    """Whether the control store is SQLite."""
    bind = session if isinstance(session, Connection) else session.get_bind()
    return bind.dialect.name == "sqlite"


def among(
    session: Session | Connection, column: ColumnElement[Any], values: Iterable[Any]
) -> ColumnElement[bool]:
    """Whether a column is one of many numbers or words, sent as one parameter."""
    listed = values.tolist() if isinstance(values, np.ndarray) else list(values)
    if is_sqlite(session):
        each = func.json_each(orjson.dumps(listed).decode()).table_valued("value")
        return column.in_(select(each.c.value))
    # As PostgreSQL writes arrays: the driver would look at each value.
    # Of the column's own type, so that it is looked up in a hash where there is no index.
    kind = Text() if _are_words(listed) else column.type
    return column == func.any(cast(literal(_array(listed)), postgresql.ARRAY(kind)))


class Listed:
    """Rows of which one column is among many values, asked of the driver itself: to make, look up
    and wrap a statement and its rows would take longer than the question.

    All but ``values`` and ``besides`` is part of the statement; ``condition`` has a ``{}`` for each
    of ``besides``. The transaction is the session's.
    """

    def __init__(
        self, columns: str, table: str, column: str, kind: str, condition: str = ""
    ) -> None:
        more = f" AND {condition}" if condition else ""
        asked = f"SELECT {columns} FROM {table} WHERE {column}"  # noqa: S608 - words of modules
        slots = condition.count("{}")
        one_of, any_of = "IN (SELECT value FROM json_each(?))", f"= ANY (%s::{kind}[])"
        self._sqlite = " ".join((asked, one_of, more.format(*["?"] * slots)))
        self._postgresql = " ".join((asked, any_of, more.format(*["%s"] * slots)))

    def read(
        self, session: Session, values: Iterable[Any], *besides: Any
    ) -> Sequence[tuple[Any, ...]]:
        """The rows with one of these values, in no order."""
        listed = values.tolist() if isinstance(values, np.ndarray) else list(values)
        driver: Any = session.connection().connection.driver_connection
        if is_sqlite(session):
            found = driver.execute(self._sqlite, (orjson.dumps(listed).decode(), *besides))
            return list(found.fetchall())
        with driver.cursor(binary=True) as cursor:
            cursor.execute(self._postgresql, (_array(listed), *besides))
            return list(cursor.fetchall())


def _are_words(values: Sequence[Any]) -> bool:
    return bool(values) and isinstance(values[0], str)


def _array(values: Sequence[Any]) -> str:
    if _are_words(values):
        escaped = (one.replace("\\", "\\\\").replace('"', '\\"') for one in values)
        return "{" + ",".join(f'"{one}"' for one in escaped) + "}"
    return "{" + ",".join(map(str, values)) + "}"
