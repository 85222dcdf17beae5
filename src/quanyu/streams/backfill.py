"""Observations of the past out of a file: CSV or Parquet, in columns or one a row.

The file is read twice: once to see that all of it can be taken in, then to take it in. What is
missing stays missing. A file that is loaded again falls on itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from quanyu.kernel import Invalid
from quanyu.streams.flagging import flagged
from quanyu.streams.observations import Observations, observation_schema
from quanyu.streams.qartod import Checks
from quanyu.streams.tabular import MISSING, batches, columns_of, texts_of

if TYPE_CHECKING:
    import pyarrow as pa

_PARTS = ("year", "month", "day", "hour", "minute", "second")


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePlan:
    """How a file is read.

    time      a column of times, or the columns of year, month, day, hour … in that order
    zone      the time zone (IANA) of times without an offset
    wide      for each of these columns the number of the datastream of its values
    which     instead: the column of ids, of which ``numbers`` gives the numbers, and that of values
    texts     columns whose values are texts; all others hold numbers
    missing   texts that stand for no value
    skip      lines of a CSV before that of the columns' names
    features  the feature of interest of each datastream's number
    checks    the tests of quality of those numbers that declare some
    """

    time: tuple[str, ...]
    zone: str = "UTC"
    wide: Mapping[str, int] = field(default_factory=dict)
    which: tuple[str, str] | None = None
    numbers: Mapping[str, int] = field(default_factory=dict)
    texts: frozenset[str] = frozenset()
    missing: tuple[str, ...] = MISSING
    skip: int = 0
    features: Mapping[int, int | None] = field(default_factory=dict)
    checks: Mapping[int, Checks] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of a file: its rows, values that were missing, observations and those replaced."""

    rows: int
    missing: int
    observations: int
    replaced: int


def load_file(observations: Observations, path: Path, plan: FilePlan) -> Loaded:
    """Take in a file. Raises ``Invalid`` naming column and row, before anything is taken in."""
    check_file(path, plan)
    found = Loaded(0, 0, 0, 0)
    for so_far in taken(observations, path, plan):
        found = so_far
    return found


def check_file(path: Path, plan: FilePlan) -> None:
    """See that all of a file can be taken in; raises ``Invalid`` naming column and row."""
    _check(path, plan)
    for _ in _pieces(path, plan):
        pass


def taken(observations: Observations, path: Path, plan: FilePlan) -> Iterator[Loaded]:
    """Take in a file that was checked, piece by piece, and say after each what there was so far."""
    rows = missing = kept = replaced = 0
    for count, left_out, piece in _pieces(path, plan):
        rows, missing = rows + count, missing + left_out
        if len(piece):
            said = observations.append(flagged(piece, plan.checks, observations))
            kept, replaced = kept + len(piece), replaced + said.replaced
        yield Loaded(rows, missing, kept, replaced)


def _check(path: Path, plan: FilePlan) -> None:
    if bool(plan.wide) == bool(plan.which):
        raise Invalid(
            "which values belong to which datastream is not said",
            field="map",
            mend="name columns and their datastreams, or the columns of ids and values",
        )
    _zone(plan.zone)
    known = columns_of(path, plan.skip)
    wanted = [*plan.time, *plan.wide, *(plan.which or ())]
    unknown = [name for name in wanted if name not in known]
    if unknown or not plan.time:
        raise Invalid(
            "the file has no column {name}",
            field="map",
            mend="it has these: {known}",
            name=", ".join(unknown) or "of times",
            known=", ".join(known)[:300],
        )


def _pieces(path: Path, plan: FilePlan) -> "Iterator[tuple[int, int, pa.Table]]":
    """Rows read, values missing, and the observations in them."""
    before = 0
    for batch in batches(path, plan.missing, plan.skip):
        starts = _starts(batch, plan, before)
        parts = (
            [
                _part(batch, starts, name, _all(number, len(batch)), plan=plan, before=before)
                for name, number in plan.wide.items()
            ]
            if plan.which is None
            else [
                _part(
                    batch,
                    starts,
                    plan.which[1],
                    _numbers(batch, plan, before),
                    plan=plan,
                    before=before,
                )
            ]
        )
        import pyarrow as pa

        whole = pa.concat_tables(parts)
        yield len(batch), len(batch) * len(parts) - len(whole), _with_features(whole, plan)
        before += len(batch)


def _starts(batch: "pa.RecordBatch", plan: FilePlan, before: int) -> "pa.Array":
    import pyarrow as pa
    import pyarrow.compute as pc

    wanted = observation_schema().field("start").type
    said = _joined(batch, plan.time) if len(plan.time) > 1 else batch[plan.time[0]]
    if pa.types.is_timestamp(said.type) and said.type.tz is not None:
        return _whole(said.cast(wanted), "time", before)
    _whole(said, plan.time[0], before)
    offset = None
    if pa.types.is_string(said.type):
        offset = pc.match_substring_regex(said, r"[T ].*(Z|[+-]\d\d:?\d\d)$")
    try:
        if offset is not None and pc.all(offset).as_py():
            return said.cast(wanted)
        local = said.cast(pa.timestamp("us"))
        return pc.assume_timezone(
            local, plan.zone, ambiguous="earliest", nonexistent="latest"
        ).cast(wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        zoned = offset is not None and offset[0].as_py()
        row = _first_wrong(said, wanted if zoned else pa.timestamp("us"))
        raise Invalid(
            "row {row} has a time that cannot be read: {value}",
            field=plan.time[0],
            mend="write ISO 8601, such as 2026-05-01T08:00:00+08:00",
            row=before + row + 1,
            value=str(said[row].as_py())[:40],
        ) from error


def _joined(batch: "pa.RecordBatch", names: Sequence[str]) -> "pa.Array":
    """Columns of year, month, day … as ISO 8601."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not 3 <= len(names) <= len(_PARTS):
        raise Invalid(
            "a time is one column, or those of year, month, day and on",
            field="time",
            mend="name one column, or such as year,month,day,hour",
        )
    parts = [pc.ascii_lpad(texts_of(batch, name), 2, "0") for name in names]
    parts += [pa.array(["00"] * len(batch))] * (len(_PARTS) - len(parts))
    day = pc.binary_join_element_wise(*parts[:3], "-")
    clock = pc.binary_join_element_wise(*parts[3:], ":")
    return pc.binary_join_element_wise(day, clock, "T")


def _part(
    batch: "pa.RecordBatch",
    starts: "pa.Array",
    name: str,
    numbers: "pa.Array",
    *,
    plan: FilePlan,
    before: int,
) -> "pa.Table":
    """The observations in a column."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if name in plan.texts:
        values = texts_of(batch, name)
        numeric, texts = pa.nulls(len(batch), pa.float64()), values
    else:
        values = _numeric(batch[name], name, before)
        numeric, texts = values, pa.nulls(len(batch), pa.string())
    table = pa.table({"datastream": numbers, "start": starts, "number": numeric, "text": texts})
    return table.filter(pc.is_valid(values))


def _numeric(values: "pa.Array", name: str, before: int) -> "pa.Array":
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        numbers = values.cast(pa.float64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        row = _first_wrong(values, pa.float64())
        raise Invalid(
            "row {row} of {name} is no number: {value}",
            field=name,
            mend="name it as a text that is missing, or the column as one of texts",
            row=before + row + 1,
            name=name,
            value=str(values[row].as_py())[:40],
        ) from error
    return pc.if_else(pc.is_finite(numbers), numbers, pa.scalar(None, pa.float64()))


def _first_wrong(values: "pa.Array", kind: "pa.DataType") -> int:
    """The place of the first value that is not of a kind, by halves."""
    import pyarrow as pa

    low, high = 0, len(values)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            values.slice(low, middle - low).cast(kind)
            low = middle
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            high = middle
    return low


def _numbers(batch: "pa.RecordBatch", plan: FilePlan, before: int) -> "pa.Array":
    import pyarrow as pa
    import pyarrow.compute as pc

    said = texts_of(batch, plan.which[0] if plan.which else "")
    known = pa.array(list(plan.numbers), pa.string())
    places = pc.index_in(said, known)
    if places.null_count:
        row = pc.index(pc.is_null(places), True).as_py()
        raise Invalid(
            "row {row} names a datastream that is not there: {id}",
            field=plan.which[0] if plan.which else "map",
            mend="make it first, or give the id of one that is there",
            row=before + row + 1,
            id=str(said[row].as_py())[:80],
        )
    return pa.array(list(plan.numbers.values()), pa.int64()).take(places)


def _with_features(table: "pa.Table", plan: FilePlan) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.compute as pc

    known = pa.array(list(plan.features), pa.int64())
    places = pc.index_in(table["datastream"], known)
    features = pa.array(list(plan.features.values()), pa.int64()).take(places)
    return table.append_column("feature", features)


def _whole(column: Any, name: str, before: int) -> Any:
    import pyarrow.compute as pc

    if column.null_count:
        row = before + pc.index(pc.is_null(column), True).as_py() + 1
        raise Invalid(
            "row {row} has no time", field=name, mend="give it one, or leave the row out", row=row
        )
    return column


def _all(number: int, count: int) -> "pa.Array":
    import pyarrow as pa

    return pa.repeat(pa.scalar(number, pa.int64()), count)


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Invalid(
            "this is no time zone", field="zone", mend="give a name such as Asia/Shanghai"
        ) from error
