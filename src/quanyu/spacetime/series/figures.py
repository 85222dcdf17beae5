"""Figures of series by spans of time, out of files that are in order: runs of rows are reduced at
once, where a hash table would be asked for each row."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
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
    that are not in order themselves, which are not in them.

    No two of the files may have rows of one series and span. Columns are datastream, start, then
    ``functions``; a mean of no number is null.
    """
    import pyarrow as pa

    def look(path: str) -> "list[Any] | None":
        return _figures(path, asked, LENGTHS[every], functions)

    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(look, paths))
    apart = [path for path, one in zip(paths, found, strict=True) if one is None]
    pieces = [one for one in found if one is not None]
    names = (SERIES, START, *functions)
    if not pieces:
        pieces = [_none_of(functions)]
    columns = [np.concatenate([one[at] for one in pieces]) for at in range(len(names))]
    order = _interleaved([one[0] for one in pieces])
    arrays = []
    for name, column in zip(names, columns, strict=True):
        values = column if order is None else column[order]
        array = pa.array(values, from_pandas=name not in {SERIES, START, "count"})
        arrays.append(array.cast(pa.timestamp("us", tz="UTC")) if name == START else array)
    return pa.table(arrays, names=list(names)), apart


def _figures(
    path: str, asked: SeriesQuery, length: int, functions: Sequence[str]
) -> "list[Any] | None":
    """Columns of the figures of a file; ``None`` when its rows are not in order."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = pq.ParquetFile(path).read([SERIES, START, NUMBER_COLUMN], use_threads=False)
    series = rows[SERIES].to_numpy()
    start = rows[START].cast(pa.int64()).to_numpy()
    number = rows[NUMBER_COLUMN].to_numpy()
    keep = _wanted(series, start, asked)
    if keep is not None:
        series, start, number = series[keep], start[keep], number[keep]
    span = start // length
    new = np.ones(len(series), dtype=bool)
    np.not_equal(series[1:], series[:-1], out=new[1:])
    if not ((series[1:] > series[:-1]) | (~new[1:] & (start[1:] >= start[:-1]))).all():
        return None
    new[1:] |= span[1:] != span[:-1]
    first = np.flatnonzero(new)
    found: list[Any] = [series[first], span[first] * length]
    return found + _reduced(number, first, functions)


def _reduced(number: Any, first: Any, functions: Sequence[str]) -> list[Any]:
    """Figures of runs that begin at ``first``; what has no number is left out but by the count."""
    rows = np.diff(first, append=len(number))
    if not len(first):
        return _none_of(functions)[2:]
    missing = np.isnan(number)
    there: Any = rows
    gaps = bool(missing.any())
    if gaps:
        there = np.add.reduceat((~missing).astype(np.int64), first)
    made = []
    for function in functions:
        match function:
            case "count":
                made.append(rows)
                continue
            case "min" | "max":
                reduce = np.fmin if function == "min" else np.fmax  # NaN only where all are
                made.append(reduce.reduceat(number, first))
                continue
        total = np.add.reduceat(np.where(missing, 0.0, number) if gaps else number, first)
        with np.errstate(invalid="ignore"):
            value = total / there if function == "mean" else total
        made.append(np.where(there == 0, np.nan, value) if gaps else value)
    return made


def _none_of(functions: Sequence[str]) -> list[Any]:
    whole = [np.zeros(0, dtype=np.int64)] * 2
    return whole + [np.zeros(0, np.int64 if one == "count" else float) for one in functions]


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
    new = np.ones(len(series), dtype=bool)
    np.not_equal(series[1:], series[:-1], out=new[1:])
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
