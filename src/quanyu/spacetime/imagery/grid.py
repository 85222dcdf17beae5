"""One tile of WebMercatorQuad out of a copy whose blocks are tiles: no reprojection, one block."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from quanyu.spacetime.imagery.cog import TILE
from quanyu.spacetime.imagery.handles import Handles
from quanyu.spacetime.imagery.source import Dataset

EDGE = math.pi * 6378137.0
"""Half the side of the square world of EPSG:3857, in metres."""


def read_tile(handles: Handles, path: Path, indexes: list[int], place: tuple[int, int, int]) -> Any:
    """The bands at ``indexes`` of a tile ``(z, x, y)`` as a masked array (bands, 256, 256), or
    ``None`` when the raster has no pixel in it."""
    z, x, y = place
    with handles.borrow(path) as base:
        deepest = zoom_of(base)
        factors = base.overviews(1)
        level = level_for(deepest, factors, z)
        if level < 0:
            return _read(base, deepest, indexes, (z, x, y), base)
        origin = base
        with handles.borrow(path, level) as overview:
            zoom = deepest - round(math.log2(factors[level]))
            return _read(overview, zoom, indexes, (z, x, y), origin)


def zoom_of(dataset: Dataset) -> int:
    """The zoom of WebMercatorQuad whose pixels are those of the copy."""
    return round(math.log2(2 * EDGE / TILE / dataset.transform.a))


def level_for(deepest: int, factors: list[int], z: int) -> int:
    """The coarsest overview that is no coarser than the tile, else the coarsest; -1 is none."""
    if z >= deepest or not factors:
        return -1
    fit = [at for at, factor in enumerate(factors) if deepest - math.log2(factor) >= z - 1e-9]
    return max(fit, default=-1)


def _read(
    dataset: Dataset, zoom: int, indexes: list[int], place: tuple[int, int, int], base: Dataset
) -> Any:
    z, x, y = place
    size = 2 * EDGE / (TILE << zoom)
    left = round((base.transform.c + EDGE) / size)
    top = round((EDGE - base.transform.f) / size)
    columns = _indexes(x, z, zoom, left)
    rows = _indexes(y, z, zoom, top)
    across = (columns >= 0) & (columns < dataset.width)
    down = (rows >= 0) & (rows < dataset.height)
    if not across.any() or not down.any():
        return None
    inside_c, inside_r = columns[across], rows[down]
    first_c, last_c = int(inside_c[0]), int(inside_c[-1])
    first_r, last_r = int(inside_r[0]), int(inside_r[-1])
    window = Window(first_c, first_r, last_c - first_c + 1, last_r - first_r + 1)
    alpha = base.count if base.nodata is None else None
    found = dataset.read([*indexes, alpha] if alpha else indexes, window=window)
    if found.shape[1:] != (TILE, TILE):
        picked = found[:, (inside_r - first_r)[:, None], (inside_c - first_c)[None, :]]
        found = np.zeros((len(found), TILE, TILE), dtype=found.dtype)
        if alpha is None:
            found[:] = base.nodata
        found[:, down.nonzero()[0][:, None], across.nonzero()[0][None, :]] = picked
    if alpha:
        return _masked(found[:-1], found[-1] == 0)
    empty = np.isnan(found) if math.isnan(base.nodata) else found == base.nodata
    return np.ma.MaskedArray(found, empty)


def _indexes(tile: int, z: int, zoom: int, origin: int) -> NDArray[np.int64]:
    """For each pixel of a tile along one axis, the pixel of the raster that its middle is in."""
    middles = (tile * TILE + np.arange(TILE) + 0.5) * 2.0 ** (zoom - z)
    return np.asarray(np.floor(middles), dtype=np.int64) - origin


def _masked(values: NDArray[Any], empty: NDArray[np.bool_]) -> Any:
    return np.ma.MaskedArray(values, np.broadcast_to(empty, values.shape))
