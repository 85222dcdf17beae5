"""Rows of observations as arrays, sorted by datastream and time, and where more come from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

from quanyu.operations.rules.folding import Array
from quanyu.streams import flag_of


@dataclass(frozen=True, slots=True)
class Rows:
    """Observations sorted by subject and time.

    subject   code of the datastream, ``0…k-1``.
    time      phenomenon time (its beginning), microseconds since 1970 UTC.
    value     the number observed, NaN where it was none.
    x, y      position in degrees (WGS 84), NaN where none is known.
    """

    subject: Array
    time: Array
    value: Array
    x: Array
    y: Array

    def __len__(self) -> int:
        return len(self.subject)

    def where(self, chosen: Array) -> "Rows":
        """Those rows only."""
        return Rows(*(getattr(self, name)[chosen] for name in self.__slots__))


History = Callable[[Sequence[int], int, int], "pa.Table"]
"""Observations of datastreams from a time (inclusive) until another (exclusive), microseconds."""


@dataclass(frozen=True, slots=True)
class Look:
    """What judging may need beside the rows.

    subjects   ids of the datastreams, in order of their codes.
    history    where earlier observations come from.
    zone       time zone (IANA) whose hours a season is counted in.
    until      until when rows are known to be missing, microseconds since 1970 UTC.
    kept       baselines made before, where many batches are judged one after another.
    """

    subjects: Sequence[int]
    history: History
    zone: str
    until: int
    kept: dict[Any, Any] | None = None


def no_rows() -> Rows:
    """No rows at all."""
    nothing = np.empty(0)
    return Rows(np.empty(0, "i8"), np.empty(0, "i8"), nothing, nothing, nothing)


def rows_of(table: "pa.Table", subjects: Sequence[int]) -> Rows:
    """Rows of an observation table, of those datastreams only, coded by their place there.

    A position is that of columns ``lon`` and ``lat`` where there are such, and of results that are
    GeoJSON points.
    """
    if not table.num_rows or not len(subjects):
        return no_rows()
    ids = np.asarray(subjects, "i8")
    order = np.argsort(ids, kind="stable")
    stream = table["datastream"].to_numpy()
    place = np.minimum(np.searchsorted(ids, stream, sorter=order), len(ids) - 1)
    code = order[place]
    mine = ids[code] == stream
    time = _micros(table["start"])
    value = table["number"].to_numpy().astype("f8", copy=False)
    x, y = _positions(table)
    rows = Rows(code, time, value, x, y)
    if not mine.all():
        rows = rows.where(mine)
    step = np.diff(rows.subject)
    if (step < 0).any() or ((step == 0) & (np.diff(rows.time) < 0)).any():
        rows = rows.where(np.lexsort((rows.time, rows.subject)))
    return rows


def accepted(table: "pa.Table", ignored: Sequence[int]) -> "pa.Table":
    """Observations but those that have one of these flags of quality (all tests together)."""
    if not ignored or "quality" not in table.column_names:
        return table
    import pyarrow as pa

    texts = table["quality"].combine_chunks().dictionary_encode()
    out = [flag_of(text) in ignored for text in texts.dictionary.to_pylist()]
    mine = pa.array(out, pa.bool_()).take(texts.indices).fill_null(False)
    return table.filter(np.logical_not(mine.to_numpy(zero_copy_only=False)))


def newest(rows: Rows, count: int) -> Array:
    """Time of the last row of each of ``count`` subjects."""
    found = np.full(count, np.iinfo(np.int64).min)
    np.maximum.at(found, rows.subject, rows.time)
    return found


def _micros(column: Any) -> Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    found: Array = pc.cast(pc.cast(column, pa.timestamp("us", "UTC")), pa.int64()).to_numpy()
    return found


def _positions(table: "pa.Table") -> tuple[Array, Array]:
    """Positions of results that are GeoJSON: of a point ``coordinates``, or of a feature's."""
    import pyarrow.compute as pc

    x, y = np.full(table.num_rows, np.nan), np.full(table.num_rows, np.nan)
    if "lon" in table.column_names:
        for target, name in ((x, "lon"), (y, "lat")):
            target[:] = table[name].to_numpy().astype("f8")
    if "json" not in table.column_names or table["json"].null_count == table.num_rows:
        return x, y
    found = pc.extract_regex(
        table["json"],
        r'"coordinates"\s*:\s*\[\s*(?P<x>-?[0-9.eE+-]+)\s*,\s*(?P<y>-?[0-9.eE+-]+)',
    )
    there = np.flatnonzero(pc.is_valid(found).to_numpy())
    for place, target in enumerate((x, y)):
        texts = pc.struct_field(found, [place]).take(there)
        target[there] = [_number(one) for one in texts.to_pylist()]
    return x, y


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
