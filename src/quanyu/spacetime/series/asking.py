"""A question to a table of series, part by part, as SQL."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from quanyu.kernel import Invalid
from quanyu.spacetime.engine import identifier
from quanyu.spacetime.filters import Condition
from quanyu.spacetime.series.model import KEY, SERIES, START, SeriesQuery

if TYPE_CHECKING:
    import pyarrow as pa

WANTED = "wanted_series"
_FEW = 64


def months_of(rows: "pa.Table") -> list[int]:
    """The months in which some rows start, as 202611."""
    import pyarrow.compute as pc

    start = rows[START]
    found = pc.add(pc.multiply(pc.year(start), 100), pc.month(start))
    months: list[int] = pc.unique(found).to_pylist()
    return months


def sql_type(kind: "pa.DataType") -> str:
    import pyarrow as pa

    if pa.types.is_timestamp(kind):
        return "TIMESTAMPTZ"
    if pa.types.is_floating(kind):
        return "DOUBLE"
    return "BIGINT" if pa.types.is_integer(kind) else "VARCHAR"


def by_time(asked: SeriesQuery) -> bool:
    """Whether rows are asked for in the order of time and of nothing else."""
    time = Condition(identifier(START))
    return asked.each is None and len(asked.order) == 1 and asked.order[0][0] == time


def from_page(asked: SeriesQuery) -> SeriesQuery:
    """A page in the order of time lies behind the time of the page before."""
    if asked.after is None or not by_time(asked):
        return asked
    last = asked.after[0]
    if not isinstance(last, datetime):
        return asked
    if asked.order[0][1]:
        return replace(asked, end=earlier(asked.end, last + timedelta(microseconds=1)))
    return replace(asked, start=later(asked.start, last))


def earlier(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else min(one, other)


def later(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else max(one, other)


def order_of(asked: SeriesQuery, params: dict[str, Any]) -> list[tuple[str, bool]]:
    """What to sort by; the identity at the end makes every order a whole one."""
    paged = asked.skip or asked.limit is not None or asked.each is not None
    if not asked.order and not paged and asked.after is None:
        return []
    found = []
    for one, down in asked.order:
        params |= one.params
        found.append((one.sql, down))
    named = {sql for sql, _ in found}
    down = found[-1][1] if found else False
    rest = [identifier(name) for name in (START, SERIES, KEY)]
    return [*found, *((sql, down) for sql in rest if sql not in named)]


def after_page(asked: SeriesQuery, order: list[tuple[str, bool]], params: dict[str, Any]) -> str:
    """That a row comes after the page before; a value that is missing comes last."""
    if asked.after is None:
        return "TRUE"
    if len(asked.after) != len(order):
        raise Invalid("the place to go on at does not fit the order", field="after")
    choices: list[str] = []
    equal: list[str] = []
    for number, ((sql, down), value) in enumerate(zip(order, asked.after, strict=True)):
        if value is None:
            equal.append(f"{sql} IS NULL")
            continue
        params[f"after{number}"] = value
        beyond = f"({sql} {'<' if down else '>'} $after{number} OR {sql} IS NULL)"
        choices.append(" AND ".join([*equal, beyond]))
        equal.append(f"{sql} = $after{number}")
    return "(" + (" OR ".join(f"({one})" for one in choices) or "FALSE") + ")"


def of_series(
    series: "Sequence[int] | pa.Array", params: dict[str, Any], beside: dict[str, Any]
) -> str:
    import pyarrow as pa

    column = identifier(SERIES)
    if not len(series):
        return "FALSE"
    if isinstance(series, range):
        params |= {"series_least": series.start, "series_most": series.stop - 1}
        return f"{column} BETWEEN $series_least AND $series_most"
    if len(series) <= _FEW:
        names = []
        for number, one in enumerate(series):
            params[f"series{number}"] = int(one)
            names.append(f"$series{number}")
        return f"{column} IN ({', '.join(names)})" if len(names) > 1 else f"{column} = {names[0]}"
    wanted = pa.array(series, pa.int64())
    beside[WANTED] = pa.table({"one": wanted})
    import pyarrow.compute as pc

    ends = pc.min_max(wanted).as_py()
    params |= {"series_least": ends["min"], "series_most": ends["max"]}
    return (
        f"{column} BETWEEN $series_least AND $series_most "
        f"AND {column} IN (SELECT one FROM {WANTED})"
    )
