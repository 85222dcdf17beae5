"""Heights at the points of a lattice, out of a copy in the grid of WebMercatorQuad.

Bilinear between the middles of the four pixels around (of the overview that is no coarser than the
lattice). A point has a height where most of what it is weighed from has one; what has none does not
weigh. Every point is computed from its own place alone, so that tiles agree along their edges.
"""

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from quanyu.spacetime.imagery.grid import EDGE, level_for, zoom_of
from quanyu.spacetime.imagery.handles import Handles
from quanyu.spacetime.imagery.source import Dataset
from quanyu.spacetime.terrain.grids import TILE, Floats, Lattice

Ints = NDArray[np.int64]
_MOST = 0.5  # of the weight


def sampled(handles: Handles, path: Path, index: int, lattice: Lattice) -> Floats | None:
    """Values (rows × columns) of the band at ``index``, NaN where there are none; ``None`` where
    the raster lies elsewhere."""
    with handles.borrow(path) as base:
        deepest = zoom_of(base)
        factors = base.overviews(1)
        level = level_for(deepest, factors, lattice.zoom)
        if level < 0:
            return _values(base, base, deepest, index, lattice)
        zoom = deepest - round(math.log2(factors[level]))
        with handles.borrow(path, level) as overview:
            return _values(overview, base, zoom, index, lattice)


def _values(
    dataset: Dataset, base: Dataset, zoom: int, index: int, lattice: Lattice
) -> Floats | None:
    scale = 2.0 ** (zoom - lattice.zoom)
    size = 2 * EDGE / (TILE << zoom)
    left = round((base.transform.c + EDGE) / size)
    top = round((EDGE - base.transform.f) / size)
    first_c, share_c = _around(lattice.columns * scale - left)
    first_r, share_r = _around(lattice.rows * scale - top)
    columns = _wanted(first_c, dataset.width)
    rows = _wanted(first_r, dataset.height)
    if columns is None or rows is None:
        return None
    window = Window(columns[0], rows[0], columns[1] - columns[0], rows[1] - rows[0])
    values, there = _read(dataset, base, index, window)
    total = np.zeros((len(first_r), len(first_c)))
    weight = np.zeros_like(total)
    for step_r, part_r in ((0, 1 - share_r), (1, share_r)):
        at_r, in_r = _inside(first_r + step_r - rows[0], len(values))
        for step_c, part_c in ((0, 1 - share_c), (1, share_c)):
            at_c, in_c = _inside(first_c + step_c - columns[0], values.shape[1])
            corner = np.ix_(at_r, at_c)
            share = np.outer(part_r * in_r, part_c * in_c) * there[corner]
            total += share * values[corner]
            weight += share
    seen = weight >= _MOST
    return np.where(seen, total / np.where(seen, weight, 1.0), np.nan)


def _around(places: Floats) -> tuple[Ints, Floats]:
    """The pixel whose middle is before a place, and the share of the next one."""
    middles = places - 0.5
    first = np.floor(middles)
    return first.astype(np.int64), middles - first


def _wanted(first: Ints, size: int) -> tuple[int, int] | None:
    """From which pixel to which (not included) is read; ``None`` for none."""
    low, high = max(int(first.min()), 0), min(int(first.max()) + 2, size)
    return (low, high) if low < high else None


def _inside(at: Ints, size: int) -> tuple[Ints, NDArray[np.bool_]]:
    return np.clip(at, 0, size - 1), (at >= 0) & (at < size)


def _read(
    dataset: Dataset, base: Dataset, index: int, window: Window
) -> tuple[Floats, NDArray[np.bool_]]:
    """Values, zero where there are none, and where there are some."""
    nodata = base.nodata
    found = dataset.read([index] if nodata is not None else [index, base.count], window=window)
    values = found[0].astype(np.float64)
    there = np.isfinite(values)
    there &= found[1] != 0 if nodata is None else values != nodata
    return np.where(there, values, 0.0), there
