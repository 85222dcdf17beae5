"""Buildings put on a grid: which of them covers the middle of each cell, and how high it is."""

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray

from quanyu.compute.surface.model import NOBODY, Buildings, Floats, Grid, Ints, Surface, bilinear


def surface(  # noqa: PLR0917 - arrays of one length, in their order
    ground: Grid,
    transform: Affine,
    ids: tuple[str, ...],
    shapes: NDArray[np.object_],
    base: Floats,
    height: Floats,
) -> Surface:
    """The ground with buildings on it.

    ``base`` is the height of the foot of each building, NaN where that is the lowest ground under
    it (as CityGML 3.0 measures heights, and 建筑高度 from the ground outside); ``height`` is from
    there to the roof. Where no ground is known under a building, and no base, there is none.
    """
    kept = (height > 0) & (shapely.area(shapes) > 0) if len(ids) else np.zeros(0, np.bool_)
    order = np.flatnonzero(kept)
    # The highest last: where footprints overlap it covers the others.
    order = order[np.argsort(np.nan_to_num(base[order]) + height[order], kind="stable")]
    shapes = shapes[order]
    owner = _owners(shapes, ground.shape, transform)
    foot = np.where(np.isnan(base[order]), _lowest(ground, owner, shapes, transform), base[order])
    stands = np.isfinite(foot)
    number = np.append(np.where(stands, np.cumsum(stands) - 1, NOBODY), NOBODY)
    order, foot = order[stands], foot[stands]
    standing = Buildings(
        tuple(ids[at] for at in order.tolist()), shapes[stands], foot, foot + height[order]
    )
    return Surface(ground, transform, standing, number[owner])


def _owners(shapes: NDArray[np.object_], size: tuple[int, ...], transform: Affine) -> Ints:
    if not len(shapes):
        return np.full(size, NOBODY, np.int64)
    from rasterio.features import rasterize

    numbered = zip(shapes.tolist(), range(len(shapes)), strict=True)
    found = rasterize(numbered, size, fill=NOBODY, transform=transform, dtype="int32")
    return np.asarray(found, dtype=np.int64)


def _lowest(ground: Grid, owner: Ints, shapes: NDArray[np.object_], transform: Affine) -> Floats:
    """The lowest ground under each building; of those too small for a cell the ground within."""
    from scipy import ndimage

    count = len(shapes)
    if not count:
        return np.empty(0)
    known = np.where(np.isnan(ground), np.inf, ground).astype(np.float64)
    found = np.asarray(ndimage.minimum(known, owner, np.arange(count)), dtype=np.float64)
    covers = np.bincount(owner[owner >= 0], minlength=count) > 0
    within = bilinear(ground, transform, shapely.get_coordinates(shapely.point_on_surface(shapes)))
    found = np.where(covers, found, within)
    return np.where(np.isfinite(found), found, np.nan)
