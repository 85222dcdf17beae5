"""Where objects stand: their ground surfaces seen from above, and how far they reach.

The footprint is the object's LoD0 where it has one; else its ground surfaces (or floors) in the
finest level of detail; else, of a solid, what faces down, and of surfaces what is not upright. It
lies at the height of the object's lowest corner.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from quanyu.spacetime.cityobjects.model import DEPTHS, Json
from quanyu.spacetime.cityobjects.pieces import flattened
from quanyu.spacetime.cityobjects.surfaces import Flags, Floats, Ints, Surfaces, ring_normals

_GROUND = frozenset({"GroundSurface", "OuterFloorSurface"})
_FLAT = 2e-3  # twice the square metres of an upright surface seen from above


def best_geometry(geometries: Sequence[Json]) -> int | None:
    """Which geometry says where an object stands."""
    if not geometries:
        return None
    lods = [str(one.get("lod", "")) for one in geometries]
    flat = [i for i, lod in enumerate(lods) if lod.startswith("0")]
    return flat[0] if flat else max(range(len(lods)), key=lods.__getitem__)


def standing(found: Surfaces, xyz: Floats, geometries: Sequence[Json]) -> Flags:
    """Which surfaces are part of the footprint of their geometry."""
    normals = ring_normals(found, xyz)[found.first_rings]
    level = np.abs(normals[:, 2]) > _FLAT
    solid = found.surface_shell >= 0
    down = level & (~solid | (normals[:, 2] < 0))
    ground = _grounds(found, geometries) & level
    has_ground = np.zeros(len(geometries), dtype=bool)
    has_ground[found.surface_geometry[ground]] = True
    return np.where(has_ground[found.surface_geometry], ground, down)


def _grounds(found: Surfaces, geometries: Sequence[Json]) -> Flags:
    counts = np.bincount(found.surface_geometry, minlength=len(geometries))
    starts = np.cumsum(counts) - counts
    marked = np.zeros(len(found.surface_geometry), dtype=bool)
    for number, geometry in enumerate(geometries):
        semantics = geometry.get("semantics")
        if not semantics or semantics.get("values") is None:
            continue
        kinds = [surface.get("type") in _GROUND for surface in semantics["surfaces"]]
        if not any(kinds):
            continue
        said = flattened(semantics["values"], max(DEPTHS[geometry["type"]] - 2, 0))
        flags = [value is not None and kinds[value] for value in said]
        if len(flags) == counts[number]:
            marked[starts[number] : starts[number] + len(flags)] = flags
    return marked


def polygons(found: Surfaces, xyz: Floats, wanted: Flags) -> tuple[NDArray[Any], Ints]:
    """The wanted surfaces seen from above, and the geometry of each."""
    chosen = wanted[found.ring_surface]
    if not chosen.any():
        return np.empty(0, dtype=object), np.empty(0, dtype=np.int64)
    lengths = found.lengths[chosen]
    corner = np.repeat(chosen, found.lengths)
    owner = np.repeat(np.arange(len(lengths)), lengths)
    rings = shapely.linearrings(xyz[found.corners[corner], :2], indices=owner)
    numbers = found.ring_surface[chosen]
    _, surface = np.unique(numbers, return_inverse=True)
    made = shapely.polygons(rings, indices=surface)
    bad = ~shapely.is_valid(made)
    if bad.any():
        made[bad] = shapely.make_valid(made[bad])
    return np.asarray(made, dtype=object), found.surface_geometry[np.flatnonzero(wanted)]


def united(shapes: NDArray[Any], low: float) -> Any:
    """Areas as one MultiPolygon at height ``low``; ``None`` where there is no area."""
    if len(shapes) == 1 and shapes[0].geom_type == "Polygon":
        return shapely.force_3d(shapely.multipolygons(shapes), low)
    areas = shapely.get_parts(shapely.get_parts(_union(shapes)))
    areas = areas[shapely.get_type_id(areas) == 3]
    if not len(areas):
        return None
    return shapely.force_3d(shapely.multipolygons(areas), low)


def _union(shapes: NDArray[Any]) -> NDArray[Any]:
    """Their union: by far the quickest way where they meet without overlapping, as they mostly do.

    That they do not is seen by the area of the result.
    """
    if (shapely.get_type_id(shapes) == 3).all():
        try:
            found = shapely.coverage_union_all(shapes)
        except shapely.errors.GEOSException:
            found = None
        total = float(shapely.area(shapes).sum())
        if found is not None and abs(float(shapely.area(found)) - total) <= 1e-6 * total:
            return np.asarray([found], dtype=object)
    return np.asarray([shapely.union_all(shapes)], dtype=object)


def plain_shape(geometry: Json, xyz: Floats) -> Any:
    """The footprint of points, lines, instances, and of what has upright surfaces only."""
    depth, boundaries = DEPTHS[geometry["type"]], geometry["boundaries"]
    if depth == 0:
        return (
            None
            if not boundaries
            else shapely.multipoints(xyz[np.asarray(boundaries, dtype=np.int64)])
        )
    if depth == 1:
        lines = [xyz[np.asarray(line, dtype=np.int64)] for line in boundaries if len(line) > 1]
        if not lines:
            return None
        return shapely.multilinestrings([shapely.linestrings(line) for line in lines])
    corners = xyz[np.unique(np.asarray(flattened(boundaries, depth), dtype=np.int64))]
    hull = shapely.convex_hull(shapely.multipoints(corners[:, :2])) if len(corners) else None
    if hull is None or hull.is_empty:
        return None
    return shapely.force_3d(hull, float(corners[:, 2].min()))
