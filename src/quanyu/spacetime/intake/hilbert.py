"""Positions on a Hilbert curve over the whole globe, so that every table is ordered alike."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

ORDER = 24
"""Bits an axis: cells of 2.4 m × 1.2 m at the equator."""

_STEP = 4  # bits that one look-up takes


def hilbert(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.int64]:
    """Distance along the curve for degrees of longitude and latitude; -1 where one is NaN."""
    known = np.isfinite(lon) & np.isfinite(lat)
    x = _cells(np.where(known, lon, 0.0), 180.0)
    y = _cells(np.where(known, lat, 0.0), 90.0)
    keys, states = _tables()
    key = np.zeros(len(x), dtype=np.int64)
    state = np.zeros(len(x), dtype=np.int64)
    low = (1 << _STEP) - 1
    for bit in range(ORDER - _STEP, -1, -_STEP):
        at = (state << (2 * _STEP)) | (((x >> bit) & low) << _STEP) | ((y >> bit) & low)
        key = (key << (2 * _STEP)) | keys[at]
        state = states[at]
    return np.where(known, key, -1)


def _cells(degrees: NDArray[np.float64], half: float) -> NDArray[np.int64]:
    side = (1 << ORDER) - 1
    return np.clip((degrees + half) / (2.0 * half) * side, 0, side).astype(np.int64)


@cache
def _tables() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Key bits and next state, by state and four bits of x and of y.

    A state says whether the axes are exchanged (1) and both turned round (2): entering one of the
    two lower quadrants exchanges them, entering the lower right one turns them as well.
    """
    size = 1 << _STEP
    shape = (4, size, size)
    state, x, y = (grid.ravel() for grid in np.indices(shape))
    key = np.zeros_like(x)
    for bit in range(_STEP - 1, -1, -1):
        right, upper = (x >> bit) & 1, (y >> bit) & 1
        right, upper = right ^ (state >> 1), upper ^ (state >> 1)
        exchanged = (state & 1) == 1
        right, upper = np.where(exchanged, upper, right), np.where(exchanged, right, upper)
        key = (key << 2) | ((3 * right) ^ upper)
        state = state ^ np.where(upper == 0, 1 + 2 * right, 0)
    return key, state
