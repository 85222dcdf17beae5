"""Expressions over observations as the table's engine takes them."""

from functools import cache
from typing import TYPE_CHECKING, Any

from quanyu.spacetime import Condition
from quanyu.streams.expressions import Column, Expression, compiled
from quanyu.streams.observations.model import COLUMNS, INTEGERS, TIMES

if TYPE_CHECKING:
    from sqlalchemy.sql.elements import ColumnElement


def condition(expression: Expression, prefix: str) -> Condition:
    """SQL of an expression; ``prefix`` keeps parameters of several apart. Raises ``Invalid``."""
    from sqlalchemy.dialects import postgresql

    element = compiled(expression, _columns(), "duckdb")
    made = element.compile(dialect=postgresql.dialect(paramstyle="pyformat"))  # type: ignore[no-untyped-call]
    names = {name: f"{prefix}{number}" for number, name in enumerate(made.params)}
    sql = str(made) % {name: f"${own}" for name, own in names.items()}
    return Condition(sql, {names[name]: value for name, value in made.params.items()})


@cache
def column_named(name: str) -> Condition:
    """A column by itself; made once, since making it costs as much as reading rows."""
    return condition(Column(name), "")


@cache
def _columns() -> "dict[str, ColumnElement[Any]]":
    import sqlalchemy as sa

    from quanyu.kernel import Moment

    def kind(name: str) -> "sa.types.TypeEngine[Any]":
        if name in TIMES:
            return Moment()
        if name in INTEGERS:
            return sa.BigInteger()
        return sa.Double() if name == "number" else sa.Text()

    return {name: sa.column(sa.quoted_name(name, quote=True), kind(name)) for name in COLUMNS}
