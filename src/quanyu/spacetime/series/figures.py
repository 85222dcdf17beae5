"""Figures of series by spans of time, out of files that are in order: runs of rows are reduced at
once, where a hash table would be asked for each row."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from quanyu.spacetime.aggregation import Unit
from quanyu.spacetime.series.groups import first_of_runs, groups_read, rows_wanted
from quanyu.spacetime.series.model import NUMBER_COLUMN, SERIES, START, SeriesQuery
from quanyu.spacetime.series.parts import NEEDED, figure, parts_needed

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

    needed = parts_needed(functions)

    def look(path: str) -> "_Runs | None":
        return _runs_of(path, asked, LENGTHS[every], needed)

    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(look, paths))
        apart = [path for path, one in zip(paths, found, strict=True) if one is None]
        pieces = [one for one in found if one is not None]
        if apart or not pieces:
            names = [SERIES, START, *functions]
            return pa.table([pa.array([], pa.int64()) for _ in names], names=names), apart
        blocks = _blocks([one.series for one in pieces])
        if _go_on(blocks, pieces):
            return _figured(_together(blocks, pieces), functions), []
        return _laid(blocks, list(pool.map(lambda one: _figured(one, functions), pieces))), []


def interleaved(one: "pa.Table", other: "pa.Table") -> "pa.Table":
    """Two tables of figures as one, by series and time."""
    import pyarrow as pa
    import pyarrow.compute as pc

    whole = pa.concat_tables([one, other])
    if len(one) and pc.min(other[START]).as_py() <= pc.max(one[START]).as_py():
        return whole.sort_by([(SERIES, "ascending"), (START, "ascending")])
    return _laid(_blocks([one[SERIES].to_numpy(), other[SERIES].to_numpy()]), [one, other])


@dataclass(frozen=True, slots=True)
class _Runs:
    """Runs of rows of one series and span: where they are, and the parts of figures of them that
    are needed: how many ``rows``, how many of these are ``there`` with a number, and their
    ``total``, ``least`` and ``most``."""

    series: Any
    start: Any
    parts: dict[str, Any]


_SUMMED = {"rows": np.add, "there": np.add, "total": np.add, "least": np.fmin, "most": np.fmax}
REDUCED = frozenset(one for one, parts in NEEDED.items() if _SUMMED.keys() >= set(parts))
"""The figures that are made of parts of runs."""
_SHORT = 128
"""Rows of a series in a file, from which they are better left where they are than copied."""


def _runs_of(path: str, asked: SeriesQuery, length: int, needed: Sequence[str]) -> "_Runs | None":
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
    span = start // length
    new[1:] |= span[1:] != span[:-1]
    parts = {name: _part(name, number) for name in needed}
    if new.all():  # each row is a run of its own
        return _Runs(series, span * length, parts)
    first = np.flatnonzero(new)
    return _Runs(series[first], span[first] * length, _reduced(parts, first))


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


def _figured(runs: "_Runs", functions: Sequence[str]) -> "pa.Table":
    """Figures of runs: columns datastream, start, then ``functions``."""
    import pyarrow as pa

    moment = pa.timestamp("us", tz="UTC")
    arrays = [pa.array(runs.series), pa.array(runs.start).cast(moment)]
    arrays += [pa.array(figure(runs.parts, one), from_pandas=one != "count") for one in functions]
    return pa.table(arrays, names=[SERIES, START, *functions])


def _go_on(blocks: "_Blocks", pieces: "Sequence[_Runs]") -> bool:
    """Whether a run goes on from one piece to the next: that of the end of a block."""
    last, first = np.empty(len(blocks.piece), np.int64), np.empty(len(blocks.piece), np.int64)
    for number, one in enumerate(pieces):
        mine = blocks.piece == number
        last[mine] = one.start[blocks.end[mine] - 1]
        first[mine] = one.start[blocks.begin[mine]]
    same = blocks.series[1:] == blocks.series[:-1]
    return bool((same & (first[1:] == last[:-1])).any())


def _together(blocks: "_Blocks", pieces: "Sequence[_Runs]") -> "_Runs":
    """Runs of all pieces by series and time, those that go over from one to the next as one."""
    places = _places(blocks, [len(one.series) for one in pieces])
    series = np.concatenate([one.series for one in pieces])[places]
    start = np.concatenate([one.start for one in pieces])[places]
    parts = {
        name: np.concatenate([one.parts[name] for one in pieces])[places]
        for name in pieces[0].parts
    }
    first = np.flatnonzero(np.r_[True, (series[1:] != series[:-1]) | (start[1:] != start[:-1])])
    return _Runs(series[first], start[first], _reduced(parts, first))


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


def _laid(blocks: "_Blocks", pieces: "Sequence[pa.Table]") -> "pa.Table":
    """The rows of pieces in the order of blocks: long blocks are left where they are."""
    import pyarrow as pa

    if sum(len(one) for one in pieces) < _SHORT * len(blocks.piece):
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
