"""Rows of observations as arrays, sorted by datastream and time, and where more of them come from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

from quanyu.operations.rules.folding import Array


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


def no_rows() -> Rows:
    """No rows at all."""
    nothing = np.empty(0)
    return Rows(np.empty(0, "i8"), np.empty(0, "i8"), nothing, nothing, nothing)


def rows_of(table: "pa.Table", subjects: Sequence[int]) -> Rows:
    """Rows of an observation table, of those datastreams only, coded by their place there.

    A position is read from results that are GeoJSON points.
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
    rows = Rows(code, time, value, x, y).where(mine)
    return rows.where(np.lexsort((rows.time, rows.subject)))


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
    if "json" not in table.column_names or table["json"].null_count == table.num_rows:
        return x, y
    found = pc.struct_field(
        pc.extract_regex(
            table["json"],
            r'"coordinates"\s*:\s*\[\s*(?P<x>-?[0-9.eE+-]+)\s*,\s*(?P<y>-?[0-9.eE+-]+)',
        ),
        [0],
    )
    second = pc.struct_field(
        pc.extract_regex(
            table["json"],
            r'"coordinates"\s*:\s*\[\s*(?P<x>-?[0-9.eE+-]+)\s*,\s*(?P<y>-?[0-9.eE+-]+)',
        ),
        [1],
    )
    there = np.flatnonzero(pc.is_valid(found).to_numpy(zero_copy_only=False))
    for target, texts in ((x, found), (y, second)):
        target[there] = [_number(one) for one in texts.take(there).to_pylist()]
    return x, y


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
