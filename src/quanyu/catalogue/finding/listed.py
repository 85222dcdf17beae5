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


def _are_words(values: Sequence[Any]) -> bool:
    return bool(values) and isinstance(values[0], str)


def _array(values: Sequence[Any]) -> str:
    if _are_words(values):
        escaped = (one.replace("\\", "\\\\").replace('"', '\\"') for one in values)
        return "{" + ",".join(f'"{one}"' for one in escaped) + "}"
    return "{" + ",".join(map(str, values)) + "}"
