"""Geohash: bits of longitude and latitude in turn, five to a symbol (Niemeyer, 2008).

A name's length is its level, from 1 to 12. Rows go northwards.
"""

import numpy as np
from numpy.typing import ArrayLike

from quanyu.spacetime.grids.lattice import Edges, Lattice, index_of
from quanyu.spacetime.grids.model import Codes, Degrees, Ints, names_of, symbols, written

LEVELS = range(1, 13)
_ALPHABET = "0123456789bcdefghjkmnpqrstuvwxyz"
_SYMBOLS = symbols(np.array([_ALPHABET]))[0]


def _bits(level: int) -> tuple[int, int]:
    """Bits of columns and of rows."""
    return (5 * level + 1) // 2, 5 * level // 2


def locate(lon: Degrees, lat: Degrees, level: int) -> tuple[Ints, Ints]:
    """Columns from the west and rows from the south."""
    found = []
    for value, bits, half in zip((lon, lat), _bits(level), (180, 90), strict=True):
        # Counted from the middle, where degrees are exact, and then from the edge.
        per_degree = (1 << bits) / (2 * half)
        index = index_of(value, per_degree) + (1 << bits >> 1)
        found.append(np.minimum(index, (1 << bits) - 1))
    return found[0], found[1]


def write(column: Ints, row: Ints, level: int) -> Codes:
    """Names of columns and rows."""
    across, up = _bits(level)
    bits = np.empty((len(column), 5 * level), np.int64)
    bits[:, ::2] = (column[:, None] >> np.arange(across - 1, -1, -1)) & 1
    bits[:, 1::2] = (row[:, None] >> np.arange(up - 1, -1, -1)) & 1
    values = bits.reshape(len(column), level, 5) @ (1 << np.arange(4, -1, -1))
    return written(_SYMBOLS[values])


def read(cells: ArrayLike) -> tuple[int, Ints, Ints]:
    """Level, columns and rows of names."""
    codes = names_of(cells, LEVELS, _ALPHABET, "geohash")
    level = codes.dtype.itemsize // 4
    values = np.searchsorted(_SYMBOLS, symbols(codes)).astype(np.int64)
    bits = ((values[:, :, None] >> np.arange(4, -1, -1)) & 1).reshape(len(codes), 5 * level)
    across, up = _bits(level)
    column = bits[:, ::2] @ (1 << np.arange(across - 1, -1, -1))
    return level, column, bits[:, 1::2] @ (1 << np.arange(up - 1, -1, -1))


def edges(column: Ints, row: Ints, level: int) -> Edges:
    """West, south, east, north of columns and rows."""
    across, up = _bits(level)
    x, y = column - (1 << across >> 1), row - (1 << up >> 1)
    wide, high = (1 << across) / 360, (1 << up) / 180
    return x / wide, y / high, (x + 1) / wide, (y + 1) / high


def _span(level: int) -> tuple[int, int, int, int]:
    across, up = _bits(level)
    return 0, (1 << across) - 1, 0, (1 << up) - 1


GEOHASH = Lattice(
    name="geohash",
    levels=LEVELS,
    locate=locate,
    write=write,
    read=read,
    edges=edges,
    span=_span,
    parts=lambda level: (8, 4) if level % 2 == 0 else (4, 8),
    length=lambda level: level,
)
