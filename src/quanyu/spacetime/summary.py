"""Figures of one property over what may be seen."""

from dataclasses import dataclass
from typing import Any

from quanyu.spacetime.encode import text_value
from quanyu.spacetime.engine import Engine, identifier
from quanyu.spacetime.model import Field, FieldType
from quanyu.spacetime.questions import Source


@dataclass(frozen=True, slots=True)
class Summary:
    """``distinct`` is an estimate (HyperLogLog); times in ``least`` and ``most`` are RFC 3339."""

    field: Field
    count: int
    missing: int
    distinct: int
    least: Any
    most: Any
    mean: float | None


def summarise(engine: Engine, source: Source, field: Field) -> Summary:
    """The figures of ``field``, which must be one of the source's."""
    column, value = identifier(field.name), text_value(field)
    ordered = field.type not in (FieldType.BINARY, FieldType.JSON)
    least, most = (f"min({value})", f"max({value})") if ordered else ("NULL", "NULL")
    numeric = field.type in (FieldType.INTEGER, FieldType.NUMBER)
    mean = f"avg(CAST({value} AS DOUBLE))" if numeric else "NULL"
    sql = (
        f"SELECT count({column}), count(*) - count({column}), approx_count_distinct({column}),"
        f" {least}, {most}, {mean} FROM {source.sql}"
    )
    return Summary(field, *engine.rows(sql, source.params)[0])
