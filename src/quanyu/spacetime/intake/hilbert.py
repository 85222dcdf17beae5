"""Positions on a Hilbert curve over the whole globe, so that every table is ordered alike."""

import numpy as np
from numpy.typing import NDArray

ORDER = 24
"""Bits an axis: cells of 2.4 m × 1.2 m at the equator."""


def hilbert(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.int64]:
    """Distance along the curve for degrees of longitude and latitude; -1 where one is NaN.

    The iterative form of Skilling's transform (AIP Conf. Proc. 707, 381, 2004) in two dimensions.
    """
    known = np.isfinite(lon) & np.isfinite(lat)
    side = (1 << ORDER) - 1
    x = np.clip((np.where(known, lon, 0.0) + 180.0) / 360.0 * side, 0, side).astype(np.int64)
    y = np.clip((np.where(known, lat, 0.0) + 90.0) / 180.0 * side, 0, side).astype(np.int64)
    key = np.zeros(len(x), dtype=np.int64)
    for bit in range(ORDER - 1, -1, -1):
        right = (x >> bit) & 1
        upper = (y >> bit) & 1
        key = (key << 2) | ((3 * right) ^ upper)
        # Turn the quadrant so that its curve begins and ends like the parent's.
        flip = (upper == 0) & (right == 1)
        x = np.where(flip, side - x, x)
        y = np.where(flip, side - y, y)
        turn = upper == 0
        x, y = np.where(turn, y, x), np.where(turn, x, y)
    return np.where(known, key, -1)
