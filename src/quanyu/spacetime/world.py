"""Geometry for tiles: spherical Mercator (EPSG:3857) in 32-bit units of the whole world.

One unit is 2⁻³² of the equator, 9 mm; a tile of any zoom is a shift away. Every feature is a run of
paths (a point, a line, or a ring with outer rings clockwise as seen on the map), every path a run
of coordinates.
"""

from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from quanyu.spacetime.flat import NumbersWriter

BITS = 32
MOST_LATITUDE = 85.0511287798066
_POINT, _COLLECTION = 0, 7  # shapely's type ids


class Shape(IntEnum):
    """What a path is; the type of an MVT feature is at most 3 of it."""

    POINT = 1
    LINE = 2
    OUTER = 3
    HOLE = 4


class WorldWriter:
    """Writes ``world_xy``, ``world_paths``, ``world_kinds`` and ``world_features``."""

    def __init__(self, folder: Path, *, heights: bool) -> None:
        # Points with heights keep their geometry, and are read as all that has one.
        self.only_points = not heights
        self._folder = folder
        self._xy = NumbersWriter(folder / "world_xy.npy", np.uint32, 2)
        self._paths = NumbersWriter(folder / "world_paths.npy", np.int64)
        self._kinds = NumbersWriter(folder / "world_kinds.npy", np.uint8)
        self._features = NumbersWriter(folder / "world_features.npy", np.int64)
        self._paths.add(np.zeros(1, np.int64))
        self._features.add(np.zeros(1, np.int64))

    def add(self, geometries: NDArray[Any]) -> None:
        """Append features; one without geometry has no paths."""
        paths, owners, kinds = paths_of(geometries)
        points, path_of = shapely.get_coordinates(paths, return_index=True)
        ends = np.cumsum(np.bincount(path_of, minlength=len(paths))) + self._xy.length
        counts = np.bincount(owners, minlength=len(geometries))
        self._features.add(np.cumsum(counts) + self._kinds.length)
        self._paths.add(ends)
        self._kinds.add(kinds)
        self._xy.add(to_world(points))
        if len(points) != len(geometries) or (kinds != Shape.POINT).any() or (counts != 1).any():
            self.only_points = False

    def close(self) -> None:
        """Finish; where every feature is one point, its place is its number."""
        for writer in (self._xy, self._paths, self._kinds, self._features):
            writer.close()
        if self.only_points:
            for name in ("paths", "kinds", "features"):
                (self._folder / f"world_{name}.npy").unlink()


def to_world(points: NDArray[np.float64]) -> NDArray[np.uint32]:
    """Longitudes and latitudes in degrees as units of the world, y downwards."""
    latitude = np.radians(np.clip(points[:, 1], -MOST_LATITUDE, MOST_LATITUDE))
    share = np.empty((len(points), 2))
    share[:, 0] = points[:, 0] / 360 + 0.5
    share[:, 1] = 0.5 - np.arcsinh(np.tan(latitude)) / (2 * np.pi)
    return np.clip(np.rint(share * 2.0**BITS), 0, 2.0**BITS - 1).astype(np.uint32)


def paths_of(
    geometries: NDArray[Any], *, clockwise: bool = True
) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.uint8]]:
    """Paths of geometries in order, the geometry that each belongs to, and what each is.

    ``clockwise`` says which way outer rings go where y grows upwards.
    """
    if (shapely.get_type_id(geometries) == _POINT).all() and not shapely.is_empty(geometries).any():
        points = np.full(len(geometries), Shape.POINT, np.uint8)
        return geometries, np.arange(len(geometries)), points
    simple, owners = shapely.get_parts(_uniform(geometries), return_index=True)
    kinds = shapely.get_type_id(simple)
    filled = ~shapely.is_empty(simple)
    polygons = (shapely.get_dimensions(simple) == 2) & filled
    plain = filled & ~polygons
    rings, ring_of = shapely.get_rings(
        shapely.orient_polygons(simple[polygons], exterior_cw=clockwise), return_index=True
    )
    outer = np.ones(len(rings), bool)
    outer[1:] = ring_of[1:] != ring_of[:-1]
    paths = np.concatenate([simple[plain], rings])
    owner = np.concatenate([owners[plain], owners[polygons][ring_of]])
    kind = np.concatenate(
        [
            np.where(kinds[plain] == _POINT, Shape.POINT, Shape.LINE),
            np.where(outer, Shape.OUTER, Shape.HOLE),
        ]
    ).astype(np.uint8)
    order = np.argsort(owner, kind="stable")
    return paths[order], owner[order], kind[order]


def _uniform(geometries: NDArray[Any]) -> NDArray[Any]:
    """Collections cut down to parts of the highest dimension: a tile's feature has one type."""
    mixed = np.flatnonzero(shapely.get_type_id(geometries) == _COLLECTION)
    if not mixed.size:
        return geometries
    result = geometries.copy()
    for at in mixed:
        parts = _leaves(geometries[at])
        dimensions = shapely.get_dimensions(parts)
        kept = parts[dimensions == dimensions.max()] if len(parts) else parts
        result[at] = (
            (shapely.multipoints, shapely.multilinestrings, shapely.multipolygons)[
                int(dimensions.max())
            ](kept)
            if len(parts)
            else None
        )
    return result


def _leaves(collection: Any) -> NDArray[Any]:
    parts = np.array([collection], dtype=object)
    while (shapely.get_type_id(parts) >= 4).any():
        parts = shapely.get_parts(parts)
    return np.asarray(parts[~shapely.is_empty(parts)])
