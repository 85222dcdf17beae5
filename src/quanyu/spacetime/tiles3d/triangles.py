"""Polygons in space as triangles: convex ones as fans, others by constrained Delaunay (GEOS)."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from quanyu.spacetime.tiles3d.earth import upwards
from quanyu.spacetime.tiles3d.kinds import BY_SLOPE, by_slope
from quanyu.spacetime.tiles3d.polygons import Floats, Ints, Polygons, following

_SMALLEST = 1e-6  # twice the square metres of a surface that can be seen
_POLYGON = 3  # shapely's type id


@dataclass(frozen=True, slots=True)
class Mesh:
    """Triangles over corners; ``normals`` and ``owners`` are of corners, ``kinds`` of triangles."""

    corners: Floats
    normals: Floats
    owners: Ints
    triangles: Ints
    kinds: Ints


def triangulate(polygons: Polygons) -> Mesh:
    """The triangles of polygons, each turned as its polygon is; what has no area has none.

    A polygon that is not quite flat keeps its corners; one that cuts itself is mended first.
    """
    normals = _normals(polygons)
    size = np.linalg.norm(normals, axis=1)
    sound = size > _SMALLEST
    # What has no area has no direction either, but its corners still need one.
    units = np.where(sound[:, None], normals / np.where(sound, size, 1)[:, None], (0.0, 0.0, 1.0))
    corner_polygon = np.repeat(polygons.ring_polygon, polygons.lengths)
    flat = _flattened(polygons.corners, units[corner_polygon])
    convex = _convex(polygons, flat) & sound
    fans, fan_polygon = _fans(polygons, convex)
    cut, cut_polygon, more = _cut(polygons, flat, units, sound & ~convex)
    triangles = np.concatenate([fans, cut])
    polygon = np.concatenate([fan_polygon, cut_polygon])
    corners = np.concatenate([polygons.corners, more[0]])
    of_corner = np.concatenate([corner_polygon, more[1]])
    kinds = polygons.kinds.copy()
    open_ = np.flatnonzero((kinds == BY_SLOPE) & sound)
    if len(open_):
        places = polygons.corners[polygons.starts[polygons.first_rings[open_]]]
        kinds[open_] = by_slope(np.einsum("ij,ij->i", units[open_], upwards(places)))
    return Mesh(corners, units[of_corner], polygons.owners[of_corner], triangles, kinds[polygon])


def _normals(polygons: Polygons) -> Floats:
    """Twice the area of outer rings as vectors (Newell), measured from their own first corners."""
    if not len(polygons.kinds):
        return np.zeros((0, 3))
    here = polygons.corners - np.repeat(polygons.corners[polygons.starts], polygons.lengths, axis=0)
    crosses = np.cross(here, here[following(polygons.lengths)])
    rings: Floats = np.add.reduceat(crosses, polygons.starts)
    return rings[polygons.first_rings]


def _flattened(corners: Floats, units: Floats) -> Floats:
    """Corners without the axis that their polygon looks along most, so that it runs left round."""
    axis = np.argmax(np.abs(units), axis=1)
    rows = np.arange(len(corners))
    one, two = corners[rows, (axis + 1) % 3], corners[rows, (axis + 2) % 3]
    away = units[rows, axis] < 0
    return np.column_stack([np.where(away, two, one), np.where(away, one, two)])


def _convex(polygons: Polygons, flat: Floats) -> NDArray[np.bool_]:
    if not len(polygons.kinds):
        return np.zeros(0, bool)
    after = following(polygons.lengths)
    edges = flat[after] - flat
    turned = edges[after]
    cross = edges[:, 0] * turned[:, 1] - edges[:, 1] * turned[:, 0]
    angle = np.arctan2(cross, np.einsum("ij,ij->i", edges, turned))
    starts = polygons.starts
    left = np.minimum.reduceat(cross, starts) >= -1e-9
    once = np.add.reduceat(angle, starts) < 3 * np.pi
    single = np.bincount(polygons.ring_polygon, minlength=len(polygons.kinds)) == 1
    first = polygons.first_rings
    found: NDArray[np.bool_] = single & left[first] & once[first]
    return found


def _fans(polygons: Polygons, convex: NDArray[np.bool_]) -> tuple[Ints, Ints]:
    chosen = np.flatnonzero(convex)
    rings = polygons.first_rings[chosen]
    starts, counts = polygons.starts[rings], polygons.lengths[rings] - 2
    first = np.repeat(starts, counts)
    step = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.column_stack([first, first + step + 1, first + step + 2]), np.repeat(chosen, counts)


def _cut(
    polygons: Polygons, flat: Floats, units: Floats, wanted: NDArray[np.bool_]
) -> tuple[Ints, Ints, tuple[Floats, Ints]]:
    """Triangles and polygons of what is not convex; corners that mending brought, with theirs."""
    none = np.zeros((0, 3), np.int64), np.zeros(0, np.int64), (np.zeros((0, 3)), np.zeros(0, int))
    ring_wanted = wanted[polygons.ring_polygon]
    if not ring_wanted.any():
        return none
    corner = np.flatnonzero(np.repeat(ring_wanted, polygons.lengths))
    lengths = polygons.lengths[ring_wanted]
    rings = shapely.linearrings(flat[corner], indices=np.repeat(np.arange(len(lengths)), lengths))
    chosen, place = np.unique(polygons.ring_polygon[ring_wanted], return_inverse=True)
    areas = shapely.polygons(rings, indices=place)
    broken = ~shapely.is_valid(areas)
    if broken.any():
        areas[broken] = shapely.make_valid(areas[broken])
    parts, owner = shapely.get_parts(areas, return_index=True)
    level = shapely.get_type_id(parts) == _POLYGON
    if not level.all():
        parts, inner = shapely.get_parts(parts, return_index=True)
        owner = owner[inner]
        level = shapely.get_type_id(parts) == _POLYGON
    cut, of = shapely.get_parts(
        shapely.constrained_delaunay_triangles(parts[level]), return_index=True
    )
    if not len(cut):
        return none
    polygon = chosen[owner[level][of]]
    points = shapely.get_coordinates(cut).reshape(-1, 4, 2)[:, :3]
    one, two = points[:, 1] - points[:, 0], points[:, 2] - points[:, 0]
    right = one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0] < 0
    points[right] = points[right][:, ::-1]
    known = np.repeat(polygons.ring_polygon[ring_wanted], lengths)
    found, fresh = _matched(flat[corner], known, points.reshape(-1, 2), np.repeat(polygon, 3))
    index = np.where(found >= 0, corner[found], 0)
    index[found < 0] = len(flat) + np.arange(len(fresh))
    of_fresh = np.repeat(polygon, 3)[fresh]
    lifted = _lifted(polygons, points.reshape(-1, 2)[fresh], units[of_fresh], of_fresh)
    return index.reshape(-1, 3), polygon, (lifted, of_fresh)


def _matched(flat: Floats, polygon: Ints, points: Floats, of: Ints) -> tuple[Ints, Ints]:
    """For each point the corner of its polygon at the same place, -1 where there is none; and those
    points."""
    both = np.concatenate([np.column_stack([polygon, flat]), np.column_stack([of, points])]).astype(
        np.float64
    )
    keys = np.ascontiguousarray(both).view(np.dtype((np.void, 24))).ravel()
    _, numbers = np.unique(keys, return_inverse=True)
    first = np.full(int(numbers.max()) + 1, -1, np.int64)
    first[numbers[: len(flat)][::-1]] = np.arange(len(flat))[::-1]
    found = first[numbers[len(flat) :]]
    return found, np.flatnonzero(found < 0)


def _lifted(polygons: Polygons, points: Floats, units: Floats, of: Ints) -> Floats:
    """Points of flattened polygons back in their planes."""
    axis = np.argmax(np.abs(units), axis=1)
    rows = np.arange(len(points))
    away = units[rows, axis] < 0
    made = np.empty((len(points), 3))
    made[rows, (axis + 1) % 3] = np.where(away, points[:, 1], points[:, 0])
    made[rows, (axis + 2) % 3] = np.where(away, points[:, 0], points[:, 1])
    anchor = polygons.corners[polygons.starts[polygons.first_rings[of]]]
    made[rows, axis] = anchor[rows, axis]
    far = np.einsum("ij,ij->i", made - anchor, units)
    made[rows, axis] -= far / units[rows, axis]
    return made
