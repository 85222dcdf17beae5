"""Expressions over observations as conditions for their store (DuckDB SQL)."""

import re
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.elements import ColumnElement

from quanyu.kernel import Moment
from quanyu.spacetime import Condition
from quanyu.streams.expressions import Expression, compiled

_TYPES: dict[str, Any] = {
    **dict.fromkeys(("datastream", "feature", "seq"), sa.BigInteger()),
    **dict.fromkeys(("start", "end", "result_time", "valid_start", "valid_end"), Moment()),
    "number": sa.Double(),
    **dict.fromkeys(("key", "text", "json", "quality", "parameters"), sa.Text()),
}
COLUMNS: dict[str, ColumnElement[Any]] = {
    name: sa.literal_column(f'"{name}"', type_) for name, type_ in _TYPES.items()
}
_DIALECT = postgresql.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


def condition_of(expression: Expression, prefix: str = "w") -> Condition:
    """The condition (or value) that an expression over an observation is; ``prefix`` keeps the
    parameters of several apart."""
    made = compiled(expression, COLUMNS, "duckdb").compile(
        dialect=_DIALECT, compile_kwargs={"render_postcompile": True}
    )
    names = list(made.positiontup or ())
    values = made.construct_params()
    processors = made._bind_processors  # noqa: SLF001 (what an engine would do with them)
    params = {}
    for number, name in enumerate(names, 1):
        value, process = values[name], processors.get(name)
        params[f"{prefix}{number}"] = process(value) if callable(process) else value
    sql = re.sub(r"\$(\d+)", lambda found: f"${prefix}{found[1]}", made.string)
    return Condition(f"({sql})", params)
