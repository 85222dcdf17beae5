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
) -> tuple[Runs | None, list[str]]:
    """Runs of the rows that ``asked`` wants, ``None`` where there are none; and the files that are
    not in order themselves: then nothing else is answered.

    Files come in the order of time: one ends no later than in the span in which the next begins.
    """

    def look(path: str) -> Runs | None:
        return _runs_of(path, asked, spans, needed)

    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(look, paths))
    apart = [path for path, one in zip(paths, found, strict=True) if one is None]
    pieces = [one for one in found if one is not None]
    return (None if apart or not pieces else _together(pieces)), apart


def runs_of_table(rows: "pa.Table", spans: Spans, needed: Sequence[str]) -> Runs:
    """Runs that an engine has found, in order, with a column for each of their parts."""
    parts = {name: rows[name].to_numpy() for name in needed}
    return Runs(rows[SERIES].to_numpy(), spans.read(rows[START]), parts)


def interleaved(one: Runs, other: Runs) -> Runs:
    """Runs of both; those of one series and span become one."""
    if not len(one.series) or not len(other.series):
        return one if len(one.series) else other
    if other.start.min() >= one.start.max():
        return _together([one, other])
    series, start = (
        np.concatenate([getattr(each, name) for each in (one, other)])
        for name in ("series", "start")
    )
    order = np.lexsort((start, series))
    series, start = series[order], start[order]
    parts = {
        name: np.concatenate([part, other.parts[name]])[order] for name, part in one.parts.items()
    }
    new = first_of_runs(series)
    new[1:] |= start[1:] != start[:-1]
    first = np.flatnonzero(new)
    return Runs(series[first], start[first], _reduced(parts, first))


def figures_of_runs(runs: Runs, functions: Sequence[str]) -> "pa.Table":
    """Columns datastream, start, then ``functions``; a figure of no number is null."""
    import pyarrow as pa

    arrays = [pa.array(runs.series), pa.array(runs.start).cast(pa.timestamp("us", tz="UTC"))]
    arrays += [pa.array(figure(runs.parts, one), from_pandas=one != "count") for one in functions]
    return pa.table(arrays, names=[SERIES, START, *functions])


_SUMMED = {"rows": np.add, "there": np.add, "total": np.add, "least": np.fmin, "most": np.fmax}
REDUCED = frozenset(one for one, parts in NEEDED.items() if _SUMMED.keys() >= set(parts))
"""The figures that are made of parts of runs."""
_SHORT = 32
"""Rows of a series in a file, from which copying them as one is less work than naming each."""


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


def _together(pieces: Sequence[Runs]) -> Runs:
    """Runs of all pieces by series and time, those that go over from one to the next as one."""
    if len(pieces) == 1:
        return pieces[0]
    blocks = _blocks([one.series for one in pieces])
    lengths = blocks.end - blocks.begin
    series = np.repeat(blocks.series, lengths)
    start = _laid(blocks, [one.start for one in pieces])
    parts = {name: _laid(blocks, [one.parts[name] for one in pieces]) for name in pieces[0].parts}
    borders = np.cumsum(lengths)[:-1]  # runs go on over the borders of blocks alone
    going_on = (series[borders] == series[borders - 1]) & (start[borders] == start[borders - 1])
    if not going_on.any():
        return Runs(series, start, parts)
    first = np.delete(np.arange(len(series)), borders[going_on])
    return Runs(series[first], start[first], _reduced(parts, first))


def _reduced(columns: dict[str, Any], first: Any) -> dict[str, Any]:
    if not len(first):
        return columns
    return {name: _SUMMED[name].reduceat(column, first) for name, column in columns.items()}


@dataclass(frozen=True, slots=True)
class _Blocks:
    """Rows of one series in one piece, by series, then by piece: the piece, and where in it."""

    series: Any
    piece: Any
    begin: Any
    end: Any


def _blocks(pieces: Sequence[Any]) -> "_Blocks":
    """Where the rows of each series are in each of the pieces, which are in order of their series
    themselves."""
    starts, ends, series = [], [], []
    for one in pieces:
        first = np.flatnonzero(np.r_[True, one[1:] != one[:-1]]) if len(one) else np.zeros(0, int)
        starts.append(first)
        ends.append(np.append(first[1:], len(one))[: len(first)])
        series.append(one[first])
    places = np.repeat(np.arange(len(pieces)), [len(one) for one in starts])
    whole = np.concatenate(series)
    order = np.argsort(whole, kind="stable")
    begin, end = np.concatenate(starts)[order], np.concatenate(ends)[order]
    return _Blocks(whole[order], places[order], begin, end)


def _laid(blocks: "_Blocks", pieces: Sequence[Any]) -> Any:
    """The values of pieces in the order of blocks: long blocks each as one, short ones by their
    places."""
    size = sum(len(one) for one in pieces)
    if size < _SHORT * len(blocks.piece):
        offsets = np.cumsum([0, *(len(one) for one in pieces[:-1])])
        return np.concatenate(pieces)[_places(blocks, offsets)]
    where = zip(blocks.piece.tolist(), blocks.begin.tolist(), blocks.end.tolist(), strict=True)
    return np.concatenate([pieces[piece][begin:end] for piece, begin, end in where])


def _places(blocks: "_Blocks", offsets: Any) -> Any:
    """The place of each row in the order of blocks, where pieces lie one behind the other."""
    lengths = blocks.end - blocks.begin
    after = np.cumsum(lengths)
    size = int(after[-1]) if len(after) else 0
    begin = blocks.begin + offsets[blocks.piece]
    return np.arange(size) + np.repeat(begin - (after - lengths), lengths)
