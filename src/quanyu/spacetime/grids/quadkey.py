"""Quadkeys: tiles of the spherical Mercator quad tree, a digit of 0 to 3 for each level.

The scheme of Bing Maps ("Bing Maps Tile System", Microsoft 2009); a key's length is its level and
the zoom of the same tile of ``WebMercatorQuad``. Rows go southwards. What lies beyond the map, from
85.05° on, belongs to its first or last row.
"""

import numpy as np
from numpy.typing import ArrayLike

from quanyu.spacetime.grids.lattice import Edges, Lattice
from quanyu.spacetime.grids.model import Codes, Degrees, Ints, names_of, symbols, written

LEVELS = range(1, 24)
_ZERO = ord("0")
_MOST_LATITUDE = 85.0511287798066


def locate(lon: Degrees, lat: Degrees, level: int) -> tuple[Ints, Ints]:
    """Columns from the west and rows from the north."""
    count = 1 << level
    column = np.clip(np.floor((lon + 180) / 360 * count), 0, count - 1).astype(np.int64)
    angle = np.radians(np.clip(lat, -_MOST_LATITUDE, _MOST_LATITUDE))
    share = 0.5 - np.arcsinh(np.tan(angle)) / (2 * np.pi)
    row = np.clip(np.floor(share * count), 0, count - 1).astype(np.int64)
    # The tile's own edges decide where rounding would have it otherwise.
    west, south, east, north = edges(column, row, level)
    column += (lon >= east) & (column < count - 1)
    column -= lon < west
    row += (lat < south) & (row < count - 1)
    row -= (lat > north) & (row > 0)
    return column, row


def write(column: Ints, row: Ints, level: int) -> Codes:
    """Keys of columns and rows."""
    shifts = np.arange(level - 1, -1, -1)
    digits = ((column[:, None] >> shifts) & 1) | (((row[:, None] >> shifts) & 1) << 1)
    return written((digits + _ZERO).astype(np.uint32))


def read(cells: ArrayLike) -> tuple[int, Ints, Ints]:
    """Level, columns and rows of keys."""
    codes = names_of(cells, LEVELS, "0123", "quadkey")
    level = codes.dtype.itemsize // 4
    digits = symbols(codes).astype(np.int64) - _ZERO
    weights = 1 << np.arange(level - 1, -1, -1)
    return level, ((digits & 1) * weights).sum(axis=1), ((digits >> 1) * weights).sum(axis=1)


def edges(column: Ints, row: Ints, level: int) -> Edges:
    """West, south, east, north of columns and rows."""
    count = 1 << level
    west, east = ((column + step) / count * 360 - 180 for step in (0, 1))
    north, south = (
        np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * (row + step) / count)))) for step in (0, 1)
    )
    return west, south, east, north


QUADKEY = Lattice(
    name="quadkey",
    levels=LEVELS,
    locate=locate,
    write=write,
    read=read,
    edges=edges,
    span=lambda level: (0, (1 << level) - 1, 0, (1 << level) - 1),
    parts=lambda _level: (2, 2),
    length=lambda level: level,
)
