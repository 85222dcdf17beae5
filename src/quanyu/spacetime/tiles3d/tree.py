"""A quadtree of tiles in which each row is drawn once, the largest on the highest levels.

Explicit tiles, refined by addition: boxes are those of what is in them, dense quarters are divided
further than sparse ones, and no tile is empty.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quanyu.spacetime.tiles3d.polygons import Floats, Ints

DEEPEST = 20


@dataclass(frozen=True, slots=True)
class Tree:
    """Tiles, the root first and each after its parent.

    ``tile`` is the tile of each row, ``parents`` the tile above each tile (-1 of the root).
    """

    tile: Ints
    parents: Ints
    levels: Ints


def divide(xy: Floats, size: Floats, weight: Floats, most: float, sample: float) -> Tree:
    """Put rows at ``xy`` into tiles of a weight up to ``most``.

    A quarter that is heavier keeps the rows of greatest ``size`` up to ``sample`` for its own tile
    and hands the others to its quarters.
    """
    code = _morton(xy)
    alive = np.argsort(code, kind="stable")
    tile = np.zeros(len(xy), np.int64)
    parents: list[Ints] = []
    levels: list[Ints] = []
    above = np.zeros(0, np.uint64)
    first_above, first = -1, 0
    for level in range(DEEPEST + 1):
        if not len(alive):
            break
        cells, place = np.unique(
            code[alive] >> np.uint64(2 * (DEEPEST - level)), return_inverse=True
        )
        heavy = np.bincount(place, weights=weight[alive]) > most
        if level == DEEPEST:
            heavy[:] = False
        taken = ~heavy[place] | _largest(place, size[alive], weight[alive], sample)
        tile[alive[taken]] = first + place[taken]
        over = cells >> np.uint64(2)
        parents.append(
            first_above + np.searchsorted(above, over)
            if level
            else np.full(len(cells), -1, np.int64)
        )
        levels.append(np.full(len(cells), level, np.int64))
        above, first_above = cells, first
        first += len(cells)
        alive = alive[~taken]
    empty = [np.zeros(0, np.int64)]
    return Tree(tile, np.concatenate(empty + parents), np.concatenate(empty + levels))


def _largest(place: Ints, size: Floats, weight: Floats, sample: float) -> NDArray[np.bool_]:
    """Which rows are among the largest of their cell, as many as ``sample`` holds."""
    order = np.lexsort((-size, place))
    before = np.cumsum(weight[order]) - weight[order]
    starts = np.flatnonzero(np.r_[True, np.diff(place[order]) != 0])
    before -= np.repeat(before[starts], np.diff(np.r_[starts, len(order)]))
    found = np.zeros(len(place), bool)
    found[order] = before < sample
    return found


def _morton(xy: Floats) -> NDArray[np.uint64]:
    """Places on a square grid of 2^DEEPEST cells each way, the bits of both woven together."""
    if not len(xy):
        return np.zeros(0, np.uint64)
    least = xy.min(axis=0)
    side = max(float((xy.max(axis=0) - least).max()), 1e-9)
    return cells_of(xy, least, side)


def cells_of(xy: Floats, least: Floats, side: float) -> NDArray[np.uint64]:
    """The same in the square of that side whose lower corner is ``least``."""
    cells = np.minimum((xy - least) / side * 2**DEEPEST, 2**DEEPEST - 1).astype(np.uint64)
    return _spread(cells[:, 0]) | (_spread(cells[:, 1]) << np.uint64(1))


def _spread(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Bits with a zero after each."""
    for shift, mask in (
        (16, 0x0000FFFF0000FFFF),
        (8, 0x00FF00FF00FF00FF),
        (4, 0x0F0F0F0F0F0F0F0F),
        (2, 0x3333333333333333),
        (1, 0x5555555555555555),
    ):
        values = (values | (values << np.uint64(shift))) & np.uint64(mask)
    return values


def gathered(tree: Tree, lows: Floats, highs: Floats) -> tuple[Floats, Floats]:
    """Least and greatest values of rows, of each tile and all that is below it."""
    count = len(tree.parents)
    least = np.full((count, lows.shape[1]), np.inf)
    most = np.full((count, highs.shape[1]), -np.inf)
    np.minimum.at(least, tree.tile, lows)
    np.maximum.at(most, tree.tile, highs)
    for level in range(int(tree.levels.max(initial=0)), 0, -1):
        here = np.flatnonzero(tree.levels == level)
        np.minimum.at(least, tree.parents[here], least[here])
        np.maximum.at(most, tree.parents[here], most[here])
    return least, most
