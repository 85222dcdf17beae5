"""Figures of series by spans of time, out of files that are in order: runs of rows are reduced at
once, where a hash table would be asked for each row."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from quanyu.spacetime.aggregation import Unit
from quanyu.spacetime.series.model import NUMBER_COLUMN, SERIES, START, SeriesQuery
from quanyu.spacetime.series.table import instant_us

if TYPE_CHECKING:
    import pyarrow as pa

LENGTHS = {Unit.MINUTE: 60_000_000, Unit.HOUR: 3_600_000_000, Unit.DAY: 86_400_000_000}
"""Microseconds of the spans that lie each within one month of UTC."""


def figures_of_files(
    paths: Sequence[str],
    asked: SeriesQuery,
    every: Unit,
    functions: Sequence[str],
    threads: int,
) -> "tuple[pa.Table, list[str]]":
    """Figures of the rows that ``asked`` wants by series and time, in order of both; and the files
    that are not in order themselves: then nothing else is answered.

    Files come in the order of time: one ends no later than in the span in which the next begins.
    Columns are datastream, start, then ``functions``; a figure of no number is null.
    """
    import pyarrow as pa

    def look(path: str) -> "_Runs | None":
        return _runs_of(path, asked, LENGTHS[every])

    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(look, paths))
    apart = [path for path, one in zip(paths, found, strict=True) if one is None]
    pieces = [one for one in found if one is not None]
    names = [SERIES, START, *functions]
    if apart or not pieces:
        return pa.table([pa.array([], pa.int64()) for _ in names], names=names), apart
    runs = _together(pieces)
    moment = pa.timestamp("us", tz="UTC")
    arrays = [pa.array(runs.series), pa.array(runs.start).cast(moment)]
    arrays += [pa.array(_figure(runs, one), from_pandas=one != "count") for one in functions]
    return pa.table(arrays, names=names), []


def interleaved(one: "pa.Table", other: "pa.Table") -> "pa.Table":
    """Two tables of figures as one, by series and time."""
    import pyarrow as pa
    import pyarrow.compute as pc

    whole = pa.concat_tables([one, other])
    if len(one) and pc.min(other[START]).as_py() <= pc.max(one[START]).as_py():
        return whole.sort_by([(SERIES, "ascending"), (START, "ascending")])
    order = _interleaved([one[SERIES].to_numpy(), other[SERIES].to_numpy()])
    return whole.take(pa.array(order))


@dataclass(frozen=True, slots=True)
class _Runs:
    """Of runs of rows of one series and span: where they are, how many rows, how many of these
    have numbers, and their sum, least and most."""

    series: Any
    start: Any
    rows: Any
    there: Any
    total: Any
    least: Any
    most: Any


_SUMMED = {"rows": np.add, "there": np.add, "total": np.add, "least": np.fmin, "most": np.fmax}


def _runs_of(path: str, asked: SeriesQuery, length: int) -> "_Runs | None":
    """The runs of a file; ``None`` when its rows are not in order."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = pq.ParquetFile(path).read([SERIES, START, NUMBER_COLUMN], use_threads=False)
    series = rows[SERIES].to_numpy()
    start = rows[START].cast(pa.int64()).to_numpy()
    number = rows[NUMBER_COLUMN].to_numpy()
    keep = _wanted(series, start, asked)
    if keep is not None:
        series, start, number = series[keep], start[keep], number[keep]
    new = _first_of_runs(series)
    ordered = (series[1:] > series[:-1]) | (~new[1:] & (start[1:] >= start[:-1]))
    if not ordered.all():
        return None
    span = start // length
    new[1:] |= span[1:] != span[:-1]
    first = np.flatnonzero(new)
    missing = np.isnan(number)
    parts = {
        "rows": np.ones(len(number), dtype=np.int64),
        "there": (~missing).astype(np.int64),
        "total": np.where(missing, 0.0, number) if missing.any() else number,
        "least": number,
        "most": number,
    }
    return _Runs(series[first], span[first] * length, **_reduced(parts, first))


def _together(pieces: "Sequence[_Runs]") -> "_Runs":
    """Runs of all pieces by series and time, those that go over from one to the next as one."""
    order = _interleaved([one.series for one in pieces])
    columns = {
        field.name: np.concatenate([getattr(one, field.name) for one in pieces])
        for field in fields(_Runs)
    }
    if order is not None:
        columns = {name: column[order] for name, column in columns.items()}
    series, start = columns.pop("series"), columns.pop("start")
    new = _first_of_runs(series)
    new[1:] |= start[1:] != start[:-1]
    if new.all():
        return _Runs(series, start, **columns)
    first = np.flatnonzero(new)
    return _Runs(series[first], start[first], **_reduced(columns, first))


def _reduced(columns: dict[str, Any], first: Any) -> dict[str, Any]:
    if not len(first):
        return columns
    return {name: _SUMMED[name].reduceat(column, first) for name, column in columns.items()}


def _figure(runs: "_Runs", function: str) -> Any:
    match function:
        case "count":
            return runs.rows
        case "min":
            return runs.least
        case "max":
            return runs.most
    with np.errstate(invalid="ignore"):
        value = runs.total / runs.there if function == "mean" else runs.total
    return np.where(runs.there == 0, np.nan, value)


def _first_of_runs(series: Any) -> Any:
    """Which rows are of another series than the row before."""
    new = np.ones(len(series), dtype=bool)
    np.not_equal(series[1:], series[:-1], out=new[1:])
    return new


def _wanted(series: Any, start: Any, asked: SeriesQuery) -> Any:
    """Which rows are wanted; ``None`` for all."""
    keep: Any = None
    if asked.start is not None and len(start) and start.min() < instant_us(asked.start):
        keep = start >= instant_us(asked.start)
    if asked.end is not None and len(start) and start.max() >= instant_us(asked.end):
        inside = start < instant_us(asked.end)
        keep = inside if keep is None else keep & inside
    if asked.series is not None:
        there, code = _runs(series)
        if isinstance(asked.series, range):
            of = (there >= asked.series.start) & (there < asked.series.stop)
        else:
            of = np.isin(there, np.asarray(asked.series, dtype=np.int64))
        if not of.all():
            inside = of[code]
            keep = inside if keep is None else keep & inside
    return keep


def _runs(series: Any) -> tuple[Any, Any]:
    """The series of each run of rows, and which run each row is in."""
    new = _first_of_runs(series)
    return series[new], np.cumsum(new) - 1


def _interleaved(pieces: Sequence[Any]) -> Any:
    """The order of rows by series, then by piece, where each piece is in order of its series;
    ``None`` when they are in that order already."""
    if len(pieces) <= 1:
        return None
    starts, lengths, series = [], [], []
    offset = 0
    for one in pieces:
        first = np.flatnonzero(np.r_[True, one[1:] != one[:-1]]) if len(one) else np.zeros(0, int)
        starts.append(first + offset)
        lengths.append(np.diff(first, append=len(one)))
        series.append(one[first])
        offset += len(one)
    order = np.argsort(np.concatenate(series), kind="stable")
    begin, length = np.concatenate(starts)[order], np.concatenate(lengths)[order]
    ends = np.cumsum(length)
    return np.arange(offset) + np.repeat(begin - (ends - length), length)
