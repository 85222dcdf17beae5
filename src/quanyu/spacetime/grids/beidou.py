"""BeiDou grid location codes in two dimensions (GB/T 39409-2020, clause 5).

Ten levels, from 6° × 4° to 1/2048″. Within a cell digits grow away from the equator and the prime
meridian (figures 2 to 8), so all is done on absolute degrees; a column or row west or south of
them is counted -1, -2, … outwards. Beyond 88° the standard merges cells around the poles (5.3):
those are refused. A point on a line belongs to the cell farther from the equator or meridian.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quanyu.kernel import Invalid
from quanyu.spacetime.grids.lattice import Edges, Lattice, index_of
from quanyu.spacetime.grids.model import Codes, Degrees, Ints, names_of, no_cell, symbols, written

LEVELS = range(1, 11)
LENGTHS = (4, 6, 7, 9, 11, 12, 14, 16, 18, 20)
"""Symbols of a code of each level (figure 1)."""

ACROSS = (60, 12, 2, 15, 15, 2, 8, 8, 8, 8)
UP = (44, 8, 3, 10, 15, 2, 8, 8, 8, 8)
"""Columns and rows of a level in a cell of the level before; of the first, on the whole earth."""

_Z_ORDER = (3, 6)  # levels of one symbol, in rows of two
MOST_LATITUDE = 88
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
_SYMBOLS = symbols(np.array([_ALPHABET]))[0]
_NORTH, _SOUTH = ord("N"), ord("S")


def _per_degree(level: int) -> tuple[float, float]:
    return float(np.prod(ACROSS[:level]) / 360), float(np.prod(UP[:level]) / 176)


def locate(lon: Degrees, lat: Degrees, level: int) -> tuple[Ints, Ints]:
    """Columns and rows of points; raises ``Invalid`` (``point``) from 88° on."""
    if (np.abs(lat) >= MOST_LATITUDE).any():
        raise Invalid(
            "BeiDou codes of the polar caps, from 88° on, are not given here",
            field="point",
            mend="give latitudes between -88 and 88",
        )
    across, up = _per_degree(level)
    column = np.minimum(index_of(np.abs(lon), across), round(180 * across) - 1)
    row = index_of(np.abs(lat), up)
    return np.where(lon < 0, -1 - column, column), np.where(lat < 0, -1 - row, row)


def write(column: Ints, row: Ints, level: int) -> Codes:
    """Codes of columns and rows."""
    marks = np.empty((len(column), LENGTHS[level - 1]), np.uint32)
    right, above = _outwards(column), _outwards(row)
    for at in range(level, 1, -1):
        right, x = np.divmod(right, ACROSS[at - 1])
        above, y = np.divmod(above, UP[at - 1])
        end = LENGTHS[at - 1]
        if at in _Z_ORDER:
            marks[:, end - 1] = _SYMBOLS[y * 2 + x]
        else:
            marks[:, end - 2], marks[:, end - 1] = _SYMBOLS[x], _SYMBOLS[y]
    zone = np.where(column < 0, 30 - right, 31 + right)
    marks[:, 0] = np.where(row < 0, _SOUTH, _NORTH)
    marks[:, 1], marks[:, 2] = _SYMBOLS[zone // 10], _SYMBOLS[zone % 10]
    marks[:, 3] = _SYMBOLS[10 + above]
    return written(marks)


def read(cells: ArrayLike) -> tuple[int, Ints, Ints]:
    """Level, columns and rows of codes."""
    codes = names_of(cells, LENGTHS, _ALPHABET, "beidou")
    if not codes.size:
        return 1, np.empty(0, np.int64), np.empty(0, np.int64)
    marks = symbols(codes)
    level = LENGTHS.index(marks.shape[1]) + 1
    value = np.searchsorted(_SYMBOLS, marks).astype(np.int64)
    zone, above = value[:, 1] * 10 + value[:, 2], value[:, 3] - 10
    good = ((marks[:, 0] == _NORTH) | (marks[:, 0] == _SOUTH)) & (value[:, 1:3] < 10).all(axis=1)
    good &= (zone >= 1) & (zone <= 60) & (above >= 0) & (above < 22)
    west, south = zone <= 30, marks[:, 0] == _SOUTH
    right = np.where(west, 30 - zone, zone - 31)
    for at in range(2, level + 1):
        end = LENGTHS[at - 1]
        if at in _Z_ORDER:
            y, x = np.divmod(value[:, end - 1], 2)
        else:
            x, y = value[:, end - 2], value[:, end - 1]
        good &= (x < ACROSS[at - 1]) & (y < UP[at - 1])
        right, above = right * ACROSS[at - 1] + x, above * UP[at - 1] + y
    _check(good, codes)
    return level, np.where(west, -1 - right, right), np.where(south, -1 - above, above)


def edges(column: Ints, row: Ints, level: int) -> Edges:
    """West, south, east, north of columns and rows."""
    across, up = _per_degree(level)
    return column / across, row / up, (column + 1) / across, (row + 1) / up


def _span(level: int) -> tuple[int, int, int, int]:
    across, up = (int(np.prod(parts[:level])) // 2 for parts in (ACROSS, UP))
    return -across, across - 1, -up, up - 1


def _outwards(index: Ints) -> Ints:
    """How many cells from the equator or the prime meridian."""
    return np.where(index < 0, -1 - index, index)


def _check(good: NDArray[np.bool_], codes: Codes) -> None:
    if not good.all():
        raise no_cell(str(codes[int(np.flatnonzero(~good)[0])]), "beidou")


BEIDOU = Lattice(
    name="beidou",
    levels=LEVELS,
    locate=locate,
    write=write,
    read=read,
    edges=edges,
    span=_span,
    parts=lambda level: (ACROSS[level], UP[level]),
    length=lambda level: LENGTHS[level - 1],
)
