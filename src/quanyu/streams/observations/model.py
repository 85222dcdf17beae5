"""Observations: what one is, how many are asked for, how one is named."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from quanyu.kernel import Invalid, NotFound
from quanyu.spacetime import Condition
from quanyu.streams.expressions import Expression

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = (
    "datastream",
    "start",
    "key",
    "end",
    "number",
    "text",
    "json",
    "result_time",
    "quality",
    "valid_start",
    "valid_end",
    "parameters",
    "feature",
    "received",
    "seq",
)
TIMES = frozenset({"start", "end", "result_time", "valid_start", "valid_end", "received"})
INTEGERS = frozenset({"datastream", "feature", "seq"})
_REQUIRED = frozenset({"datastream", "start", "key", "received", "seq"})
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@cache
def observation_schema() -> "pa.Schema":
    """The columns of a table of observations; times are UTC to the microsecond.

    datastream   number of the datastream
    start, end   phenomenon time; ``end`` is null for an instant
    key          tells apart observations of one datastream and start; empty for the only one
    number, text, json    the result: exactly one of them is there, ``json`` as text
    quality      flags, joined by commas; null for none
    parameters   a JSON object as text
    feature      number of the feature of interest
    received     when it was taken in
    seq          grows with each that is taken in, over the whole node; numbers may be left out
    """
    import pyarrow as pa

    moment = pa.timestamp("us", tz="UTC")

    def kind(name: str) -> "pa.DataType":
        if name in TIMES:
            return moment
        if name in INTEGERS:
            return pa.int64()
        return pa.float64() if name == "number" else pa.string()

    return pa.schema(
        [pa.field(name, kind(name), nullable=name not in _REQUIRED) for name in COLUMNS]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One observation to be taken in; exactly one of ``number``, ``text`` and ``json`` is given."""

    datastream: int
    start: datetime
    key: str = ""
    end: datetime | None = None
    number: float | None = None
    text: str | None = None
    json: str | None = None
    result_time: datetime | None = None
    quality: str | None = None
    valid_start: datetime | None = None
    valid_end: datetime | None = None
    parameters: str | None = None
    feature: int | None = None


class Key(NamedTuple):
    """What tells an observation from all others."""

    datastream: int
    start: datetime
    key: str = ""


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of rows that were taken in; ``seqs`` are the first and the last number given.

    A row that replaces one which was moved to the long store already counts as new.
    """

    new: int
    replaced: int
    seqs: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Observations of ``datastreams`` (all when ``None``) that start in ``[start, end)``.

    where    a condition over the columns
    order    columns or expressions to sort by, each with whether it is descending; after these
             come start, datastream and key in the direction of the last
    each     at most so many of each datastream, the first in that order
    after    the values of all those in the last row of the page before
    columns  those that are wanted; all of them when empty
    """

    datastreams: "Sequence[int] | pa.Array | None" = None
    start: datetime | None = None
    end: datetime | None = None
    where: Expression | Condition | None = None
    order: tuple[tuple[str | Expression | Condition, bool], ...] = ()
    after: tuple[object, ...] | None = None
    skip: int = 0
    limit: int | None = None
    each: int | None = None
    columns: tuple[str, ...] = ()


def observation_id(datastream: int, start: datetime, key: str = "") -> str:
    """The name of an observation: datastream, start in microseconds, key."""
    return f"{datastream}~{microseconds(start)}~{key}"


def observation_key(name: str) -> Key:
    """What :func:`observation_id` made the name of; raises ``NotFound`` for another name."""
    parts = name.split("~", 2)
    try:
        datastream, start = int(parts[0]), int(parts[1])
        datastream.to_bytes(8, signed=True)  # as wide as the column
        return Key(datastream, EPOCH + start * _MICROSECOND, parts[2])
    except (ValueError, IndexError, OverflowError) as error:
        raise NotFound("there is no observation {id}", id=name) from error


def microseconds(moment: datetime) -> int:
    """An instant as microseconds since 1970, UTC."""
    return (moment - EPOCH) // _MICROSECOND


def moment_of(value: int | None) -> datetime | None:
    """An instant out of microseconds since 1970, UTC."""
    return None if value is None else EPOCH + value * _MICROSECOND


def row_of(one: Observation, received: int) -> tuple[Any, ...]:
    """An observation as the recent store keeps it, but for its number.

    Raises ``Invalid`` unless there is exactly one result, which is finite.
    """
    if (one.number is not None) + (one.text is not None) + (one.json is not None) != 1:
        raise Invalid("an observation has exactly one result", field="result")
    if one.start.tzinfo is None:
        raise Invalid("a time without an offset names no instant", field="phenomenonTime")
    times = (one.end, one.result_time, one.valid_start, one.valid_end)
    end, result, valid_start, valid_end = (t and microseconds(t) for t in times)
    return (
        one.datastream,
        microseconds(one.start),
        one.key,
        end,
        None if one.number is None else float(one.number),
        one.text,
        one.json,
        result,
        one.quality,
        valid_start,
        valid_end,
        one.parameters,
        one.feature,
        received,
    )
