"""Figures of series by spans of time, out of files that are in order: runs of rows are reduced at
once, where a hash table would be asked for each row."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from quanyu.spacetime.series.groups import first_of_runs, groups_read, rows_wanted
from quanyu.spacetime.series.model import NUMBER_COLUMN, SERIES, START, SeriesQuery
from quanyu.spacetime.series.parts import NEEDED, figure
from quanyu.spacetime.series.spans import Spans

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs of rows of one series and span, by both: which they are, and the parts of figures of
    them that are needed."""

    series: Any
    start: Any
    parts: dict[str, Any]


def runs_of_files(
    paths: Sequence[str], asked: SeriesQuery, spans: Spans, needed: Sequence[str], threads: int
) -> tuple[list[Runs], list[str]]:
    """Runs of the rows of each file that ``asked`` wants; and the files that are not in order
    themselves."""

    def look(path: str) -> Runs | None:
        return _runs_of(path, asked, spans, needed)

    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(look, paths))
    apart = [path for path, one in zip(paths, found, strict=True) if one is None]
    return [one for one in found if one is not None], apart


def runs_of_table(rows: "pa.Table", spans: Spans, needed: Sequence[str]) -> Runs:
    """Runs that an engine has found, in order, with a column for each of their parts."""
    parts = {name: rows[name].to_numpy() for name in needed}
    return Runs(rows[SERIES].to_numpy(), spans.read(rows[START]), parts)


def figures_of_runs(pieces: Sequence[Runs], functions: Sequence[str], threads: int) -> "pa.Table":
    """Figures in order of series and span: columns datastream, start, then ``functions``; a figure
    of no number is null. Runs of one series and span in several pieces become one."""
    blocks = _blocks(pieces)
    if _meet(blocks):
        return _figured(_as_one(blocks, pieces), functions)
    with ThreadPoolExecutor(threads) as pool:
        return _laid(blocks, list(pool.map(lambda one: _figured(one, functions), pieces)))


_SUMMED = {"rows": np.add, "there": np.add, "total": np.add, "least": np.fmin, "most": np.fmax}
REDUCED = frozenset(one for one, parts in NEEDED.items() if _SUMMED.keys() >= set(parts))
"""The figures that are made of parts of runs."""
_SHORT = 128
"""Rows of a series in a file, from which they are better left where they are than copied."""


def _runs_of(path: str, asked: SeriesQuery, spans: Spans, needed: Sequence[str]) -> Runs | None:
    """The runs of a file; ``None`` when its rows are not in order."""
    import pyarrow as pa

    rows = groups_read(path, asked, [SERIES, START, NUMBER_COLUMN])
    series = rows[SERIES].to_numpy()
    start = rows[START].cast(pa.int64()).to_numpy()
    number = rows[NUMBER_COLUMN].to_numpy()
    keep = rows_wanted(asked, start, series)
    if keep is not None:
        series, start, number = series[keep], start[keep], number[keep]
    new = first_of_runs(series)
    ordered = (series[1:] > series[:-1]) | (~new[1:] & (start[1:] >= start[:-1]))
    if not ordered.all():
        return None
    span = spans.places(start)
    new[1:] |= span[1:] != span[:-1]
    parts = {name: _part(name, number) for name in needed}
    if new.all():  # each row is a run of its own
        return Runs(series, spans.begins(span), parts)
    first = np.flatnonzero(new)
    return Runs(series[first], spans.begins(span[first]), _reduced(parts, first))


def _part(name: str, number: Any) -> Any:
    """A part of the figures of each row alone."""
    match name:
        case "rows":
            return np.ones(len(number), dtype=np.int64)
        case "there":
            return (~np.isnan(number)).astype(np.int64)
        case "total":
            missing = np.isnan(number)
            return np.where(missing, 0.0, number) if missing.any() else number
        case _:
            return number


def _figured(runs: Runs, functions: Sequence[str]) -> "pa.Table":
    import pyarrow as pa

    moment = pa.timestamp("us", tz="UTC")
    arrays = [pa.array(runs.series), pa.array(runs.start).cast(moment)]
    arrays += [pa.array(figure(runs.parts, one), from_pandas=one != "count") for one in functions]
    return pa.table(arrays, names=[SERIES, START, *functions])


def _as_one(blocks: "_Blocks", pieces: Sequence[Runs]) -> Runs:
    """Runs of all pieces by series and span, those of one series and span as one."""
    places = _places(blocks, [len(one.series) for one in pieces])
    series = np.concatenate([one.series for one in pieces])[places]
    start = np.concatenate([one.start for one in pieces])[places]
    names = list(pieces[0].parts)
    parts = {name: np.concatenate([one.parts[name] for one in pieces])[places] for name in names}
    if np.any((series[1:] == series[:-1]) & (start[1:] < start[:-1])):
        order = np.lexsort((start, series))
        series, start = series[order], start[order]
        parts = {name: part[order] for name, part in parts.items()}
    new = first_of_runs(series)
    new[1:] |= start[1:] != start[:-1]
    first = np.flatnonzero(new)
    return Runs(series[first], start[first], _reduced(parts, first))


def _reduced(columns: dict[str, Any], first: Any) -> dict[str, Any]:
    if not len(first):
        return columns
    return {name: _SUMMED[name].reduceat(column, first) for name, column in columns.items()}


@dataclass(frozen=True, slots=True)
class _Blocks:
    """Runs of one series in one piece, by series, then by time: the piece, where in it, and the
    first and the last span."""

    series: Any
    piece: Any
    begin: Any
    end: Any
    first: Any
    last: Any


def _blocks(pieces: Sequence[Runs]) -> "_Blocks":
    found = []
    for number, one in enumerate(pieces):
        begin = np.flatnonzero(first_of_runs(one.series))
        end = np.append(begin[1:], len(one.series))[: len(begin)]
        where = np.full(len(begin), number)
        found.append((one.series[begin], where, begin, end, one.start[begin], one.start[end - 1]))
    series, where, begin, end, first, last = map(np.concatenate, zip(*found, strict=True))
    order = np.lexsort((first, series))
    return _Blocks(*(one[order] for one in (series, where, begin, end, first, last)))


def _meet(blocks: "_Blocks") -> bool:
    """Whether a block of a series begins in the last span of the one before, or earlier."""
    same = blocks.series[1:] == blocks.series[:-1]
    return bool((same & (blocks.first[1:] <= blocks.last[:-1])).any())


def _laid(blocks: "_Blocks", pieces: "Sequence[pa.Table]") -> "pa.Table":
    """The rows of pieces in the order of blocks: long blocks are left where they are."""
    import pyarrow as pa

    if sum(len(one) for one in pieces) <= _SHORT * len(blocks.piece):
        places = _places(blocks, [len(one) for one in pieces])
        return pa.concat_tables(pieces).take(pa.array(places))
    where = zip(blocks.piece.tolist(), blocks.begin.tolist(), blocks.end.tolist(), strict=True)
    return pa.concat_tables(pieces[piece].slice(begin, end - begin) for piece, begin, end in where)


def _places(blocks: "_Blocks", sizes: Sequence[int]) -> Any:
    """The place of each row in the order of blocks, where pieces lie one behind the other."""
    lengths = blocks.end - blocks.begin
    after = np.cumsum(lengths)
    size = int(after[-1]) if len(after) else 0
    begin = blocks.begin + np.cumsum([0, *sizes[:-1]])[blocks.piece]
    return np.arange(size) + np.repeat(begin - (after - lengths), lengths)
