"""Footprints raised to blocks (LoD1), all of a tile at once; those without a height lie flat."""

import numpy as np
import shapely
from numpy.typing import NDArray

from quanyu.spacetime.tiles3d.earth import geocentric
from quanyu.spacetime.tiles3d.kinds import GROUND, ROOF, WALL
from quanyu.spacetime.tiles3d.polygons import Floats, Ints, Polygons, following, joined

_POLYGON = 3  # shapely's type id


def blocks(
    shapes: NDArray[np.object_], low: Floats, high: Floats, flat: Ints, owners: Ints
) -> Polygons:
    """Roof, walls and ground over the polygons of ``shapes`` (CRS84).

    ``low`` and ``high`` are metres; where ``high`` is NaN or not above ``low``, the footprint
    alone is drawn in its kind ``flat``. Points and lines have none.
    """
    parts, row = shapely.get_parts(shapely.orient_polygons(shapes), return_index=True)
    areas = (shapely.get_type_id(parts) == _POLYGON) & ~shapely.is_empty(parts)
    parts, row = parts[areas], row[areas]
    rings, part = shapely.get_rings(parts, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    last = np.append(ring[1:] != ring[:-1], True) if len(ring) else np.zeros(0, bool)
    points, ring = points[~last], ring[~last]
    lengths = np.bincount(ring, minlength=len(rings)).astype(np.int64)
    raised = high[row] > low[row]
    corner_row = row[part[ring]]
    bottom = geocentric(points[:, 0], points[:, 1], low[corner_row])
    roof = np.where(raised, ROOF, flat[row]).astype(np.int64)
    up = raised[part[ring]]
    top = np.where(up, high[corner_row], low[corner_row])
    level = Polygons(
        geocentric(points[:, 0], points[:, 1], top),
        lengths,
        part.astype(np.int64),
        roof,
        owners[row],
    )
    if not up.any():
        return level
    return joined([level, _walls(level, bottom, up), _ground(level, bottom, raised)])


def _walls(roof: Polygons, bottom: Floats, up: NDArray[np.bool_]) -> Polygons:
    after = following(roof.lengths)
    here = np.flatnonzero(up)
    corners = np.stack(
        [bottom[here], bottom[after[here]], roof.corners[after[here]], roof.corners[here]], axis=1
    )
    owner = np.repeat(roof.owners[roof.ring_polygon], roof.lengths)[here]
    count = len(here)
    return Polygons(
        corners.reshape(-1, 3),
        np.full(count, 4, np.int64),
        np.arange(count, dtype=np.int64),
        np.full(count, WALL, np.int64),
        owner,
    )


def _ground(roof: Polygons, bottom: Floats, raised: NDArray[np.bool_]) -> Polygons:
    """What the blocks stand on, turned downwards."""
    kept = raised[roof.ring_polygon]
    corner = np.repeat(kept, roof.lengths)
    ends = np.repeat(roof.starts + roof.lengths - 1, roof.lengths)
    backwards = (ends - np.arange(len(ends)) + np.repeat(roof.starts, roof.lengths))[corner]
    _, numbers = np.unique(roof.ring_polygon[kept], return_inverse=True)
    count = int(raised.sum())
    return Polygons(
        bottom[backwards],
        roof.lengths[kept],
        numbers.astype(np.int64),
        np.full(count, GROUND, np.int64),
        roof.owners[raised],
    )
