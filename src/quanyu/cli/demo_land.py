"""Made-up land space of the demo city: blocks between real streets, parcels, plans, control lines,
building sites in time. Nothing in it is a plan, a right or a fact."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from quanyu.cli.demo_relief import Ground

_NARROW = ("footway", "path", "steps", "cycleway", "corridor", "service", "elevator", "track")
_STREET = 5.0
_LEAST_BLOCK = 700.0
_CLASSES = ("0501", "0701", "0601", "0810")
_HEIGHTS = (42.0, 28.0, 18.0, 9.0)
_RATIOS = (4.5, 2.5, 1.5, 0.2)
_DENSITIES = (60.0, 35.0, 45.0, 5.0)
_GREENS = (15.0, 30.0, 15.0, 75.0)
_FIRST, _LAST = date(2023, 3, 1), date(2026, 10, 1)
_STAGES = ("planned", "building", "built")
Shapes = NDArray[np.object_]
Row = tuple[Any, dict[str, Any]]
"""A shape on the plane, and its properties."""


def blocks_of(ground: Ground, streets: Shapes, kinds: list[str], water: Any) -> Shapes:
    """Blocks between streets that cars use, without the streets and the water."""
    wide = streets[[kind not in _NARROW for kind in kinds]]
    frame = shapely.box(ground.west + 40, ground.south + 40, ground.east - 40, ground.north - 40)
    lines = shapely.union_all([*wide, frame.exterior])
    found = shapely.get_parts(shapely.polygonize([lines]))
    dry = shapely.get_parts(shapely.difference(shapely.buffer(found, -_STREET), water))
    return np.asarray(dry[shapely.area(dry) > _LEAST_BLOCK], dtype=object)


def parcels(blocks: Shapes, houses: Shapes) -> Iterator[Row]:
    """A parcel around each house, inside its block."""
    middles = shapely.point_on_surface(houses)
    reach = shapely.union_all(blocks).envelope
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(middles), 0, reach))
    tree = shapely.STRtree(blocks)
    cell, block = tree.query(cells, predicate="intersects")
    pieces = shapely.get_parts(shapely.intersection(cells[cell], blocks[block]))
    kept = pieces[(shapely.area(pieces) > 60.0) & (shapely.get_type_id(pieces) == 3)]
    for number, shape in enumerate(kept):
        yield shape, {"id": f"p{number:04d}", "parcel": f"GENERATED{number:07d}",
                      "area_m2": round(float(shape.area), 1)}  # fmt: skip


def plans(ground: Ground, blocks: Shapes, green: Any) -> Iterator[Row]:
    """A planned use with its limits for each block, by the distance from the middle."""
    away = shapely.distance(shapely.centroid(blocks), shapely.Point(ground.middle))
    kinds = np.digitize(away, (330.0, 640.0))
    kinds[shapely.area(shapely.intersection(blocks, green)) > 0.5 * shapely.area(blocks)] = 3
    for number, (shape, kind) in enumerate(zip(blocks, kinds, strict=True)):
        yield (
            shape,
            {
                "id": f"k{number:03d}",
                "dlbm": _CLASSES[kind],
                "height_limit": _HEIGHTS[kind],
                "far": _RATIOS[kind],
                "density": _DENSITIES[kind],
                "green": _GREENS[kind],
            },
        )


def control_lines(ground: Ground, green: Any) -> Mapping[str, list[Row]]:
    """The three lines: farmland and red line in the green of the north, the boundary around."""
    x, _ = ground.middle
    north = ground.north
    wild = shapely.box(x - 420, north - 420, x + 60, north - 60)
    fields = shapely.box(x + 80, north - 420, x + 380, north - 60)
    fields = shapely.intersection(fields, shapely.buffer(green, 6.0))
    wild = shapely.intersection(wild, shapely.buffer(green, 6.0))
    town = shapely.box(ground.west + 50, ground.south + 50, ground.east - 50, north - 300)
    town = shapely.difference(town, shapely.buffer(shapely.union(fields, wild), 2.0))

    def one(name: str, shape: Any) -> list[Row]:
        return [(shape, {"id": name, "name": f"generated {name}"})]

    return {
        "farmland": one("farmland-1", fields),
        "red-line": one("red-line-1", wild),
        "urban-boundary": one("boundary-1", town),
    }


def building_sites(rows: list[Row], rng: np.random.Generator, *, later: bool) -> Iterator[Row]:
    """Sites on some parcels, each with a row for each stage and the days for which it holds.

    ``later`` is what came to be known afterwards: some are higher, some were given up, some new.
    """
    roomy = [shape for shape, said in rows if 350 < said["area_m2"] < 2600]
    chosen = rng.permutation(len(roomy))[:64]
    span = (_LAST - _FIRST).days
    starts = rng.integers(0, span, 64)
    heights = rng.integers(9, 54, 64).astype(float)
    for site in range(64):
        if later and site % 9 == 4:
            continue  # given up
        if not later and site % 8 == 6:
            continue  # not known yet
        height = heights[site] + (9.0 if later and site % 5 == 2 else 0.0)
        shape = shapely.simplify(shapely.buffer(roomy[chosen[site]], -5.0, join_style="mitre"), 0.5)
        if shape.geom_type != "Polygon" or shape.area < 80:
            continue
        begin = _FIRST + timedelta(days=int(starts[site]))
        days = [begin, begin + timedelta(days=150), begin + timedelta(days=480)]
        for number, stage in enumerate(_STAGES):
            yield (
                shape,
                {
                    "id": f"site{site:02d}-{stage}",
                    "name": f"Generated site {site:02d}",
                    "stage": stage,
                    "height": round(float(height) * (0.05, 0.45, 1.0)[number], 1),
                    "from": days[number].isoformat(),
                    "to": days[number + 1].isoformat() if number < 2 else None,
                },
            )


def sensors(blocks: Shapes, rng: np.random.Generator) -> Iterator[Row]:
    """Made-up air sensors at some corners of blocks."""
    for number, block in enumerate(blocks[rng.permutation(len(blocks))[:26]]):
        corner = shapely.Point(shapely.get_coordinates(block)[0])
        yield (
            corner,
            {
                "id": f"air{number:02d}",
                "name": f"Generated sensor {number:02d}",
                "pm25": round(float(rng.gamma(4, 2.5)), 1),
                "no2": round(float(rng.gamma(5, 4.0)), 1),
                "noise": round(float(rng.normal(58, 7)), 1),
            },
        )
