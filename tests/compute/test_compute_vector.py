"""Buffers and measures beside geodesics."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from quanyu.compute import PROCESSES, Features
from quanyu.kernel import Invalid

GEOD = pyproj.Geod(ellps="GRS80")
BUFFER, MEASURES = PROCESSES["buffer"], PROCESSES["measures"]


def features(*shapes: Any) -> Features:
    fids = [f"f{number}" for number in range(len(shapes))]
    return Features(np.array(shapes, dtype=object), pa.table({"fid": fids}))


def buffered(of: Features, distance: float, **more: Any) -> Features:
    defaults = {name: one.default for name, one in BUFFER.description.inputs.items()}
    made = BUFFER.run(defaults | {"features": of, "distance": distance} | more, lambda _s: None)
    found: Features = made["result"]
    return found


@settings(max_examples=20, deadline=None)
@given(
    places=st.lists(st.tuples(st.floats(-170, 170), st.floats(-70, 70)), min_size=1, max_size=8),
    distance=st.floats(1, 20_000),
)
def test_a_buffer_is_as_far_away_as_it_says(
    places: list[tuple[float, float]], distance: float
) -> None:
    found = buffered(features(*(shapely.Point(at) for at in places)), distance)
    assert found.table.column("fid").to_pylist() == [f"f{n}" for n in range(len(places))]
    for (x, y), around in zip(places, found.geometries, strict=True):
        lon, lat = shapely.get_coordinates(around).T
        away = GEOD.inv(np.full(len(lon), x), np.full(len(lon), y), lon, lat)[2]
        assert away == pytest.approx(distance, rel=3.5e-5, abs=5e-3)


def test_ends_sides_and_dissolving() -> None:
    line = features(shapely.LineString([(113.26, 23.12), (113.27, 23.12)]))
    length = GEOD.geometry_length(line.geometries[0])

    def area(of: Features) -> float:
        return sum(abs(GEOD.geometry_area_perimeter(one)[0]) for one in of.geometries)

    flat = area(buffered(line, 10, ends="flat"))
    assert flat == pytest.approx(20 * length, rel=1e-3)
    assert area(buffered(line, 10, ends="square")) == pytest.approx(flat + 400, rel=1e-3)
    assert area(buffered(line, 10)) == pytest.approx(flat + np.pi * 100, rel=1e-3)
    left = buffered(line, 10, side="left").geometries[0]
    right = buffered(line, 10, side="right").geometries[0]
    assert left.bounds[3] > 23.12 + 5e-5
    assert right.bounds[1] < 23.12 - 5e-5
    assert left.intersection(right).area < 1e-12
    two = features(shapely.Point(113.26, 23.12), shapely.Point(113.2601, 23.12))
    assert len(buffered(two, 20)) == 2
    (one,) = buffered(two, 20, dissolve=True).geometries
    assert one.geom_type == "Polygon"


def test_areas_shrink_until_nothing_is_left() -> None:
    square = features(shapely.box(113.26, 23.12, 113.261, 23.121), shapely.box(0, 0, 1e-4, 1e-4))
    found = buffered(square, -20)
    assert found.table.column("fid").to_pylist() == ["f0"]
    assert square.geometries[0].contains(found.geometries[0])


def test_what_cannot_be_is_named() -> None:
    point = features(shapely.Point(0, 0))
    wide = features(shapely.LineString([(0, 0), (10, 0)]))
    for of, more, field in (
        (point, {"distance": -1}, "distance"),
        (point, {"distance": 1, "side": "left"}, "side"),
        (wide, {"distance": 1}, "features"),
    ):
        with pytest.raises(Invalid) as refused:
            buffered(of, **more)
        assert (refused.value.field, bool(refused.value.mend)) == (field, True)


def test_measures_are_those_of_the_ellipsoid() -> None:
    """A degree of the equator and an eighth of the earth, of which GRS 80 gives the figures."""
    equator = shapely.LineString([(0, 0), (1, 0)])
    octant = shapely.Polygon([(0, 0), (90, 0), (0, 90)])
    hole = shapely.Polygon(
        shapely.box(0, 0, 1, 1).exterior, [shapely.box(0.2, 0.2, 0.4, 0.4).exterior]
    )
    both = shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(2, 0, 3, 1)])
    made = MEASURES.run(
        {"features": features(equator, octant, hole, both, shapely.Point(1, 1))}, lambda _s: None
    )
    metres = made["result"].table.column("metres").to_pylist()
    square = made["result"].table.column("square_metres").to_pylist()
    assert metres[0] == pytest.approx(111_319.491, abs=1e-3)  # a · π / 180
    assert metres[1] == pytest.approx(2 * 10_001_965.729 + 10_018_754.171, abs=0.01)
    assert square[1] == pytest.approx(510_065_621_724_000 / 8, rel=1e-9)
    whole, cut = (abs(GEOD.geometry_area_perimeter(shapely.box(*b))[0]) for b in
                  ((0, 0, 1, 1), (0.2, 0.2, 0.4, 0.4)))  # fmt: skip
    assert square[2] == pytest.approx(whole - cut, abs=1)
    assert square[3] == pytest.approx(2 * whole, rel=1e-9)
    assert (metres[4], square[0], square[4]) == (0, 0, 0)
    assert made["square_metres"] == pytest.approx(sum(square), abs=0.01)
