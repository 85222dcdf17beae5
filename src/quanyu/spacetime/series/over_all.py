"""Figures of all series together by spans of time: parts of them are reduced file by file, and
those of one span become one."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from quanyu.spacetime.series.groups import ends_of_series, groups_read, rows_wanted
from quanyu.spacetime.series.model import NUMBER_COLUMN, SERIES, START, SeriesQuery
from quanyu.spacetime.series.parts import figure, mean_of
from quanyu.spacetime.series.spans import Spans

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Reduced:
    """Starts of spans in microseconds, and of each the parts that were asked for."""

    start: Any
    parts: dict[str, Any]


def parts_of_files(
    paths: Sequence[str], asked: SeriesQuery, spans: Spans, needed: Sequence[str], threads: int
) -> list[Reduced]:
    """Parts of the rows that ``asked`` wants by its series and times, of each file; a file lies
    within one month of UTC."""

    def look(path: str) -> Reduced | None:
        start, number = _wanted(path, asked)
        return _reduced(start, number, spans, needed) if len(start) else None

    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(look, paths))
    return [one for one in found if one is not None]


def parts_of_table(rows: "pa.Table", spans: Spans, needed: Sequence[str]) -> Reduced:
    """Parts that an engine has computed, with a column for each and one for the start."""
    kinds = {name: np.int64 if name in {"rows", "there"} else np.float64 for name in needed}
    parts = {name: np.asarray(rows[name].to_numpy(), dtype=kind) for name, kind in kinds.items()}
    return Reduced(spans.read(rows[START]), parts)


def figures(pieces: Sequence[Reduced], functions: Sequence[str]) -> "pa.Table":
    """Figures of each span in order: columns start, then ``functions``; of no number it is null."""
    import pyarrow as pa

    moment = pa.timestamp("us", tz="UTC")
    if not pieces:
        nothing = [pa.array([], moment)]
        nothing += [pa.array([], pa.int64() if f == "count" else pa.float64()) for f in functions]
        return pa.table(nothing, names=[START, *functions])
    names = list(pieces[0].parts)
    whole = _as_one(
        np.concatenate([one.start for one in pieces]),
        {name: np.concatenate([one.parts[name] for one in pieces]) for name in names},
    )
    arrays = [pa.array(whole.start).cast(moment)]
    arrays += [pa.array(figure(whole.parts, one), from_pandas=one != "count") for one in functions]
    return pa.table(arrays, names=[START, *functions])


def converted(of: Reduced, factor: float, added: float) -> Reduced:
    """The same parts of values that are ``factor`` times as large, and ``added`` more; where parts
    were asked for by :func:`parts_needed`, those that this needs are there."""
    parts = dict(of.parts)
    for name in ("least", "most"):
        if name in parts:
            parts[name] = of.parts[name] * factor + added
    if "total" in parts:
        parts["total"] = of.parts["total"] * factor + of.parts["there"] * added
    if "spread" in parts:
        parts["spread"] = of.parts["spread"] * factor**2
    return Reduced(of.start, parts)


def _wanted(path: str, asked: SeriesQuery) -> tuple[Any, Any]:
    """Starts and numbers of the rows of a file that are wanted; of which series they are is read
    only where that is in question."""
    import pyarrow as pa

    least, most = ends_of_series(path)
    whole = asked.series is None or (
        isinstance(asked.series, range) and asked.series.start <= least and most < asked.series.stop
    )
    without = [one for one in asked.without if least <= one <= most]
    apart = not whole or bool(without)
    rows = groups_read(path, asked, [*([SERIES] if apart else []), START, NUMBER_COLUMN])
    start = rows[START].cast(pa.int64()).to_numpy()
    number = rows[NUMBER_COLUMN].to_numpy()
    keep = rows_wanted(asked, start, rows[SERIES].to_numpy() if apart else None)
    return (start, number) if keep is None else (start[keep], number[keep])


def _reduced(start: Any, number: Any, spans: Spans, needed: Sequence[str]) -> Reduced:
    """Parts by spans of rows of one month."""
    ends = spans.places(np.array([start.min(), start.max()]))
    if ends[0] == ends[1]:
        return Reduced(spans.begins(ends[:1]), _columns(number[:, None], needed))
    size = _repeated(start)
    if size:
        at = spans.begins(spans.places(start[:size]))
        return _as_one(at, _columns(number.reshape(-1, size), needed))
    place = spans.places(start)
    first = place.min()
    place = place - first
    rows = np.bincount(place)
    there = np.flatnonzero(rows)
    parts = _places(place, number, len(rows), needed)
    return Reduced(spans.begins(there + first), {name: one[there] for name, one in parts.items()})


def _repeated(start: Any) -> int:
    """After how many rows starts come again and again, as series that observe at the same times
    have them; 0 where they do not."""
    down = np.flatnonzero(start[1:] < start[:-1])
    size = int(down[0]) + 1 if len(down) else len(start)
    if len(start) % size:
        return 0
    table = start.reshape(-1, size)
    return size if (table == table[0]).all() else 0


def _columns(number: Any, needed: Sequence[str]) -> dict[str, Any]:
    """Parts of the columns of an array."""
    missing = np.isnan(number)
    some = bool(missing.any())
    found: dict[str, Any] = {}
    size, rows = number.shape[1], len(number)
    if "rows" in needed:
        found["rows"] = np.full(size, rows)
    if "there" in needed:
        found["there"] = rows - missing.sum(axis=0)
    if "total" in needed:
        found["total"] = (np.where(missing, 0.0, number) if some else number).sum(axis=0)
    if "least" in needed:
        found["least"] = np.fmin.reduce(number, axis=0)
    if "most" in needed:
        found["most"] = np.fmax.reduce(number, axis=0)
    if "spread" in needed:
        apart = (number - mean_of(found)) ** 2
        found["spread"] = (np.where(missing, 0.0, apart) if some else apart).sum(axis=0)
    return found


def _places(place: Any, number: Any, size: int, needed: Sequence[str]) -> dict[str, Any]:
    """Parts of rows by the place of the span of each."""
    missing = np.isnan(number)
    known, value = place[~missing], number[~missing]
    found: dict[str, Any] = {}
    if "rows" in needed:
        found["rows"] = np.bincount(place, minlength=size)
    if "there" in needed:
        found["there"] = np.bincount(known, minlength=size)
    if "total" in needed:
        found["total"] = np.bincount(known, value, minlength=size)
    for name, less in (("least", np.fmin), ("most", np.fmax)):
        if name in needed:
            found[name] = np.full(size, np.nan)
            less.at(found[name], known, value)
    if "spread" in needed:
        found["spread"] = np.bincount(known, (value - mean_of(found)[known]) ** 2, minlength=size)
    return found


def _as_one(start: Any, parts: dict[str, Any]) -> Reduced:
    """Parts of one start as one, in order (Chan, Golub and LeVeque 1983 for ``spread``)."""
    spans, place = np.unique(start, return_inverse=True)
    size = len(spans)
    found: dict[str, Any] = {}
    for name, part in parts.items():
        if name in {"least", "most"}:
            found[name] = np.full(size, np.nan)
            (np.fmin if name == "least" else np.fmax).at(found[name], place, part)
        elif name in {"rows", "there"}:
            found[name] = np.zeros(size, dtype=np.int64)
            np.add.at(found[name], place, part)
        else:
            found[name] = np.bincount(place, part, minlength=size)
    if "spread" in parts:
        apart = mean_of(parts) - mean_of(found)[place]
        moved = np.where(parts["there"] > 0, parts["there"] * apart**2, 0.0)
        found["spread"] = found["spread"] + np.bincount(place, moved, minlength=size)
    return Reduced(spans, found)
