"""Points laid out in tiles, in memory that does not grow with them.

A point draws a lot by its number, the same one every time. A tile with too much below it takes the
points with the lowest lots, about as many as a tile is to hold, and hands the others to its
quarters. Which tile a point is in so follows from how many are in each quarter, and that is counted
while points stream by, a chunk at a time.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from quanyu.spacetime.tiles3d.polygons import Floats, Ints
from quanyu.spacetime.tiles3d.tree import DEEPEST, cells_of

MOST, SAMPLE = 40_000.0, 20_000.0
"""Points, about: of a tile, and of one that others are below."""

_COUNTED = 11
"""Levels that are counted in full: four million quarters of the deepest one."""

Chunk = tuple[Ints, Floats, Floats, Floats]
"""Ordinals of some rows, their places (n × 2, degrees), least and greatest heights."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The square that quarters are counted in: of ``count`` points, ``stretch`` metres of longitude
    to one of latitude."""

    least: Floats
    side: float
    stretch: float
    count: int

    def cells(self, places: Floats) -> NDArray[np.uint64]:
        """The quarter of the deepest level that each point is in."""
        return cells_of(places * (self.stretch, 1.0), self.least, self.side)


@dataclass(frozen=True, slots=True)
class Level:
    """Tiles of a level, in order of their quarters: up to which lot each takes points, its number,
    the number of the tile above it."""

    cells: NDArray[np.uint64]
    lots: Floats
    first: int
    above: Ints


def framed(chunks: Iterator[Chunk]) -> Frame:
    """The frame of all points."""
    least, most = np.full(2, np.inf), np.full(2, -np.inf)
    count, latitudes = 0, 0.0
    for _, places, _, _ in chunks:
        if not len(places):
            continue
        least, most = np.minimum(least, places.min(axis=0)), np.maximum(most, places.max(axis=0))
        count += len(places)
        latitudes += float(places[:, 1].sum())
    if not count:
        return Frame(np.zeros(2), 1.0, 1.0, 0)
    stretch = float(np.cos(np.radians(latitudes / count)))
    least, most = least * (stretch, 1.0), most * (stretch, 1.0)
    return Frame(least, max(float((most - least).max()), 1e-9), stretch, count)


def levels_of(frame: Frame, read: Callable[[], Iterator[Chunk]]) -> list[Level]:
    """The tiles, level by level; each has points in its quarter."""
    counts = np.zeros(4**_COUNTED, np.int64)
    shift = np.uint64(2 * (DEEPEST - _COUNTED))
    for _, places, _, _ in read():
        counts += np.bincount(
            (frame.cells(places) >> shift).astype(np.int64), minlength=len(counts)
        )
    pyramid = [counts]
    while len(pyramid[-1]) > 1:
        pyramid.append(pyramid[-1].reshape(-1, 4).sum(axis=1))
    pyramid.reverse()
    found: list[Level] = []
    cells = np.zeros(1 if frame.count else 0, np.uint64)
    before, above, number = np.zeros(len(cells)), np.full(len(cells), -1, np.int64), 0
    deep: NDArray[np.uint64] | None = None
    for level in range(DEEPEST + 1):
        if not len(cells):
            break
        if level <= _COUNTED:
            sizes = pyramid[level][cells.astype(np.int64)]
        else:
            if deep is None:
                deep = _deep(frame, read, cells)
            sizes = _sizes(deep, cells, level)
        there = sizes > 0
        cells, before, above, sizes = cells[there], before[there], above[there], sizes[there]
        left = sizes * (1 - before)
        heavy = (left > MOST) & (level < DEEPEST)
        lots = np.where(heavy, before + (1 - before) * SAMPLE / np.maximum(left, 1), 1.0)
        found.append(Level(cells, lots, number, above))
        numbers = number + np.arange(len(cells))
        number += len(cells)
        quarters = np.arange(4, dtype=np.uint64)
        cells = ((cells[heavy, None] << np.uint64(2)) | quarters).ravel()
        before, above = np.repeat(lots[heavy], 4), np.repeat(numbers[heavy], 4)
    return found


def _deep(
    frame: Frame, read: Callable[[], Iterator[Chunk]], cells: NDArray[np.uint64]
) -> NDArray[np.uint64]:
    """The deepest quarters of points within ``cells`` of the first level that is not counted in
    full, sorted: few, unless all points stand in a few places."""
    shift = np.uint64(2 * (DEEPEST - _COUNTED - 1))
    kept = [np.zeros(0, np.uint64)]
    for _, places, _, _ in read():
        codes = frame.cells(places)
        kept.append(codes[_place(cells, codes >> shift) >= 0])
    found = np.concatenate(kept)
    found.sort()
    return found


def _sizes(deep: NDArray[np.uint64], cells: NDArray[np.uint64], level: int) -> Ints:
    shift = np.uint64(2 * (DEEPEST - level))
    ends = np.searchsorted(deep, np.stack([cells, cells + np.uint64(1)]) << shift)
    return np.asarray(ends[1] - ends[0], dtype=np.int64)


def _place(cells: NDArray[np.uint64], wanted: NDArray[np.uint64]) -> Ints:
    """Where values are among sorted ones; -1 for those that are not."""
    if not len(cells):
        return np.full(len(wanted), -1, np.int64)
    at = np.minimum(np.searchsorted(cells, wanted), len(cells) - 1)
    return np.where(cells[at] == wanted, at, -1)


def tile_of(frame: Frame, levels: list[Level], ordinals: Ints, places: Floats) -> Ints:
    """The number of the tile that each point is in."""
    codes, lots = frame.cells(places), lots_of(ordinals)
    found = np.full(len(codes), -1, np.int64)
    waiting = np.arange(len(codes))
    for depth, level in enumerate(levels):
        shift = np.uint64(2 * (DEEPEST - depth))
        at = _place(level.cells, codes[waiting] >> shift)
        taken = (at >= 0) & (lots[waiting] < level.lots[np.maximum(at, 0)])
        found[waiting[taken]] = level.first + at[taken]
        waiting = waiting[~taken]
        if not len(waiting):
            break
    return found


def lots_of(ordinals: Ints) -> Floats:
    """Lots from 0 to below 1, one for each number (splitmix64; Steele, Lea, Flood 2014)."""
    x = (ordinals.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return np.asarray((x >> np.uint64(11)).astype(np.float64) * 2.0**-53)


@dataclass(slots=True)
class Sums:
    """What is known of tiles when all points have gone by: how many, and their boxes."""

    counts: Ints
    least: Floats
    most: Floats


def assigned(
    frame: Frame, levels: list[Level], read: Callable[[], Iterator[Chunk]], path: Path
) -> Sums:
    """Write the tile of each point to ``path`` (int32, in the order of reading); what is in it."""
    tiles = sum(len(level.cells) for level in levels)
    sums = Sums(
        np.zeros(tiles, np.int64), np.full((tiles, 3), np.inf), np.full((tiles, 3), -np.inf)
    )
    with path.open("wb") as file:
        for ordinals, places, low, high in read():
            tile = tile_of(frame, levels, ordinals, places)
            file.write(tile.astype(np.int32).tobytes())
            sums.counts += np.bincount(tile, minlength=tiles)
            np.minimum.at(sums.least, tile, np.column_stack([places, low]))
            np.maximum.at(sums.most, tile, np.column_stack([places, high]))
    return sums
