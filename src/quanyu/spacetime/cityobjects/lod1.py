"""Footprints raised to blocks: LoD1 solids of buildings of which no other shape is known."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import shapely

from quanyu.spacetime.cityobjects.model import Json

_SURFACES = [{"type": "GroundSurface"}, {"type": "RoofSurface"}, {"type": "WallSurface"}]

Corner = tuple[int, int, int]
Number = Callable[[Corner], int]


def block(shape: Any, low: int, high: int, number: Number) -> Json | None:
    """The solid over a polygonal footprint from ``low`` to ``high``; ``None`` where it has no area.

    Coordinates of ``shape`` and heights are whole numbers of the model's transform; ``number``
    gives the number of a vertex.
    """
    shells, meanings = [], []
    for polygon in shapely.get_parts(shapely.orient_polygons(shape)):
        rings = _rings(polygon)
        if rings:
            surfaces, values = _shell(rings, low, high, number)
            shells.append([surfaces])
            meanings.append([values])
    if not shells:
        return None
    one = len(shells) == 1
    return {
        "type": "Solid" if one else "MultiSolid",
        "lod": "1",
        "boundaries": shells[0] if one else shells,
        "semantics": {"surfaces": _SURFACES, "values": meanings[0] if one else meanings},
    }


def flat(shape: Any, low: int, number: Number) -> Json | None:
    """The footprint itself as LoD0; points and lines as what they are."""
    kind = shape.geom_type.removeprefix("Multi")
    parts = shapely.get_parts(shape)
    if kind == "Point":
        places = [number((round(p.x), round(p.y), low)) for p in parts]
        return {"type": "MultiPoint", "lod": "0", "boundaries": places}
    if kind == "LineString":
        lines = [[number((x, y, low)) for x, y in _whole(p)] for p in parts]
        return {"type": "MultiLineString", "lod": "0", "boundaries": lines}
    if kind != "Polygon":
        return None
    surfaces = [
        [[number((x, y, low)) for x, y in ring] for ring in rings]
        for rings in map(_rings, shapely.get_parts(shapely.orient_polygons(shape)))
        if rings
    ]
    return {"type": "MultiSurface", "lod": "0", "boundaries": surfaces} if surfaces else None


def _shell(
    rings: Sequence[list[tuple[int, int]]], low: int, high: int, number: Number
) -> tuple[list[Any], list[int]]:
    bottoms = [[number((x, y, low)) for x, y in ring] for ring in rings]
    tops = [[number((x, y, high)) for x, y in ring] for ring in rings]
    surfaces: list[Any] = [[ring[::-1] for ring in bottoms], tops]
    for bottom, top in zip(bottoms, tops, strict=True):
        for at, here in enumerate(bottom):
            following = (at + 1) % len(bottom)
            surfaces.append([[here, bottom[following], top[following], top[at]]])
    return surfaces, [0, 1] + [2] * (len(surfaces) - 2)


def _rings(polygon: Any) -> list[list[tuple[int, int]]]:
    """Rings of a polygon on whole numbers; nothing when its outer one collapses."""
    if polygon.geom_type != "Polygon" or polygon.is_empty:
        return []
    found = [_open(_whole(ring)) for ring in (polygon.exterior, *polygon.interiors)]
    return [ring for ring in found if len(ring) > 2] if len(found[0]) > 2 else []


def _whole(line: Any) -> list[tuple[int, int]]:
    found = np.rint(shapely.get_coordinates(line)).astype(np.int64).tolist()
    return [
        (x, y) for number, (x, y) in enumerate(found) if not number or found[number - 1] != [x, y]
    ]


def _open(ring: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return ring[:-1] if len(ring) > 1 and ring[0] == ring[-1] else ring
