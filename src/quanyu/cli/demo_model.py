"""A made-up city model: real footprints of the demo city, raised with roofs of our own (LoD2)."""

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import shapely
from numpy.typing import NDArray

from quanyu.cli.demo_relief import Ground, Numbers

_INSET = 2.6
_RISE = 3.2
_SCALE = 0.01
Ring = NDArray[np.float64]


def write_model(
    ground: Ground, names: list[str], shapes: NDArray[np.object_], tops: Numbers, path: Path
) -> int:
    """CityJSON 2.0 of buildings with mansard roofs; how many could be given one.

    ``shapes`` are footprints on the plane, ``tops`` the heights of their eaves above ground.
    """
    middle = ground.middle
    vertices: list[list[int]] = []
    objects: dict[str, Any] = {}
    for name, shape, top in zip(names, shapes, tops, strict=True):
        rings = _rings(shape)
        if rings is None:
            continue
        outer, inner = rings
        foot = float(ground.height(outer[:, 0], outer[:, 1]).min())
        shell, meanings = _shell(outer, inner, (foot, foot + top, foot + top + _RISE), vertices)
        surfaces = [{"type": kind} for kind in ("GroundSurface", "WallSurface", "RoofSurface")]
        objects[name] = {
            "type": "Building",
            "attributes": {
                "footprint_of": name,
                "measuredHeight": round(float(top) + _RISE, 1),
                "roofType": "mansard",
            },
            "geometry": [
                {
                    "type": "Solid",
                    "lod": "2",
                    "boundaries": [shell],
                    "semantics": {"surfaces": surfaces, "values": [meanings]},
                }
            ],
        }
    corners = np.array(vertices, np.float64)
    corners[:, :2] -= middle
    path.write_bytes(
        orjson.dumps({
            "type": "CityJSON",
            "version": "2.0",
            "transform": {"scale": [_SCALE] * 3, "translate": [*map(float, middle), 0]},
            "metadata": {"referenceSystem": "https://www.opengis.net/def/crs/EPSG/0/32635"},
            "CityObjects": objects,
            "vertices": np.round(corners / _SCALE).astype(int).tolist(),
        })
    )  # fmt: skip
    return len(objects)


def _rings(shape: Any) -> tuple[Ring, Ring] | None:
    """The outline, anticlockwise, and the same drawn in; ``None`` where that cannot be."""
    parts = shapely.get_parts(shape)
    if len(parts) != 1 or len(parts[0].interiors):
        return None
    outline = shapely.get_coordinates(shapely.orient_polygons(parts[0].simplify(0.4)).exterior)
    outer = outline[:-1]
    before, after = np.roll(outer, 1, 0) - outer, np.roll(outer, -1, 0) - outer
    before /= np.linalg.norm(before, axis=1, keepdims=True)
    after /= np.linalg.norm(after, axis=1, keepdims=True)
    cross = after[:, 0] * before[:, 1] - after[:, 1] * before[:, 0]
    if (np.abs(cross) < 0.25).any():
        return None  # a corner so flat or sharp that a mitre would run away
    inner = outer + (before + after) / cross[:, None] * _INSET
    drawn_in, whole = shapely.Polygon(inner), shapely.Polygon(outer)
    good = drawn_in.is_valid and whole.is_valid and whole.contains(drawn_in)
    kept = drawn_in.area > 0.25 * whole.area and drawn_in.exterior.is_ccw
    return (outer, inner) if good and kept else None


def _shell(
    outer: Ring, inner: Ring, levels: tuple[float, float, float], vertices: list[list[Any]]
) -> tuple[list[Any], list[int]]:
    """Surfaces of a solid, seen from outside, and what each means."""
    count, first = len(outer), len(vertices)
    low, eaves, ridge = levels
    for ring, level in ((outer, low), (outer, eaves), (inner, ridge)):
        vertices += [[float(x), float(y), level] for x, y in ring]
    at = np.arange(count)
    following = np.roll(at, -1)

    def band(below: int, above: int) -> list[Any]:
        b, a = first + below * count, first + above * count
        return [
            [[int(b + i), int(b + j), int(a + j), int(a + i)]]
            for i, j in zip(at, following, strict=True)
        ]

    bottom = [[[int(first + i) for i in at[::-1]]]]
    top = [[[int(first + 2 * count + i) for i in at]]]
    walls, slopes = band(0, 1), band(1, 2)
    meanings = [0] + [1] * count + [2] * (count + 1)
    return [*bottom, *walls, *slopes, *top], meanings
