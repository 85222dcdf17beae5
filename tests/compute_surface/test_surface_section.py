"""Sections, and what they are read from: planes, rasterised buildings, geodesic distances."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod
from rasterio.transform import Affine

from quanyu.compute.surface.along import track
from quanyu.compute.surface.model import NOBODY, Surface
from quanyu.compute.surface.plane import Plane, plane_around
from quanyu.compute.surface.rasterising import surface
from quanyu.compute.surface.section import section

PLANE = Plane(116.4, 39.9)
WGS84 = Geod(ellps="WGS84")


def slope(rows: int = 100, columns: int = 100) -> Surface:
    """Ground that rises eastwards by 1 in 10, its middle at 50 m."""
    x = (np.arange(columns) + 0.5) * 10 - columns * 5
    ground = np.broadcast_to(50 + x / 10, (rows, columns)).astype(np.float32)
    return Surface(ground, Affine(10, 0, -columns * 5, 0, -10, rows * 5))


def line(*places: tuple[float, float]) -> np.ndarray:
    return PLANE.lonlat(np.array(places, dtype=float))


def test_section_of_a_slope_is_the_slope() -> None:
    found = section(slope(), PLANE, line((-300, 20), (300, 20)), 7.0)
    assert found.ground == pytest.approx(50 + found.track.xy[:, 0] / 10, abs=1e-3)
    figures = found.figures()
    assert figures["length"] == pytest.approx(600, abs=1e-3)
    assert figures["climb"] == pytest.approx(60, abs=1e-2)
    assert figures["descent"] == pytest.approx(0, abs=1e-2)
    assert figures["without_data"] == 0


def test_buildings_are_cut_by_their_edges_not_by_cells() -> None:
    here = slope()
    shapes = np.array([shapely.box(33.3, -100, 71.7, 100), shapely.box(60, -9, 90, 9)], object)
    town = surface(here.ground, here.transform, ("long", "high"), shapes, np.full(2, np.nan),
                   np.array([10.0, 30.0]))  # fmt: skip
    found = section(town, PLANE, line((0, 0), (200, 0)), 5.0)
    said = {
        town.buildings.ids[number]: (enters, leaves)
        for number, enters, leaves in zip(
            found.over.number.tolist(),
            found.over.enters.tolist(),
            found.over.leaves.tolist(),
            strict=True,
        )
    }
    assert said["long"] == pytest.approx((33.3, 71.7), abs=1e-3)
    assert said["high"] == pytest.approx((60, 90), abs=1e-3)
    assert found.figures()["built"] == pytest.approx(90 - 33.3, abs=1e-3)
    at = dict(zip(np.rint(found.track.distance).tolist(), found.top.tolist(), strict=True))
    high = town.buildings.roof[town.buildings.ids.index("high")]
    assert at[80.0] == high
    assert at[100.0] == pytest.approx(60, abs=1e-3)


def test_a_line_that_comes_back_crosses_a_building_twice() -> None:
    here = slope()
    town = surface(here.ground, here.transform, ("one",),
                   np.array([shapely.box(50, -5, 60, 60)], object), np.array([50.0]),
                   np.array([9.0]))  # fmt: skip
    found = section(town, PLANE, line((0, 0), (100, 0), (100, 50), (0, 50)), 10.0)
    assert found.over.enters == pytest.approx([50, 190], abs=1e-3)
    assert found.over.leaves == pytest.approx([60, 200], abs=1e-3)


def test_what_is_not_known_is_told_as_a_share() -> None:
    here = slope()
    ground = here.ground.copy()
    ground[:, 60:70] = np.nan
    found = section(Surface(ground, here.transform), PLANE, line((0, 0), (400, 0)), 2.0)
    assert found.figures()["without_data"] == pytest.approx(0.25, abs=0.04)
    out = section(here, PLANE, line((450, 0), (550, 0)), 1.0)
    assert out.figures()["without_data"] == pytest.approx(0.5, abs=0.02)


degrees = st.tuples(st.floats(116.2, 116.6), st.floats(39.7, 40.1))


@settings(max_examples=25, deadline=None)
@given(st.lists(degrees, min_size=2, max_size=5), st.floats(20, 5000))
def test_distances_are_geodesic(corners: list[tuple[float, float]], step: float) -> None:
    """By PROJ's WGS 84, another ellipsoid by a tenth of a millimetre in its axis."""
    lonlat = np.array(corners)
    length = WGS84.line_length(lonlat[:, 0], lonlat[:, 1])
    if length < 1e-3:
        return
    way = track(lonlat, PLANE, step)
    assert way.distance[-1] == pytest.approx(length, abs=1e-3)
    assert (np.diff(way.distance) <= step + 1e-6).all()
    assert way.lonlat[[0, -1]] == pytest.approx(lonlat[[0, -1]], abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(degrees)
def test_plane_is_true_to_scale_and_north_is_up(place: tuple[float, float]) -> None:
    lonlat = np.array([place, (place[0], place[1] + 1e-3), (place[0] + 1e-3, place[1])])
    xy = PLANE.places(lonlat)
    for at in (1, 2):
        true = WGS84.inv(*lonlat[0], *lonlat[at])[2]
        assert np.linalg.norm(xy[at] - xy[0]) == pytest.approx(true, rel=5e-6)
    assert abs(np.degrees(np.arctan2(*(xy[1] - xy[0])))) < 0.15
    assert PLANE.lonlat(xy) == pytest.approx(lonlat, abs=1e-10)
    assert plane_around(shapely.MultiPoint(lonlat)).longitude == pytest.approx(place[0], abs=1e-3)


def test_a_building_stands_on_the_lowest_ground_under_it_or_on_its_own_base() -> None:
    here = slope()
    shapes = np.array([shapely.box(0, 0, 100, 100), shapely.box(-100, 0, -50, 50),
                       shapely.box(4000, 0, 4010, 10)], object)  # fmt: skip
    town = surface(here.ground, here.transform, ("on", "own", "away"), shapes,
                   np.array([np.nan, 12.0, np.nan]), np.array([20.0, 100.0, 9.0]))  # fmt: skip
    stands = dict(zip(town.buildings.ids, town.buildings.roof.tolist(), strict=True))
    assert stands == pytest.approx({"on": 50.5 + 20, "own": 112.0}, abs=1e-3)
    assert np.count_nonzero(town.owner != NOBODY) == 125
    assert town.tops[town.owner == town.buildings.ids.index("own")] == pytest.approx(112.0)
    assert town.tops[0, 0] == here.ground[0, 0]


def test_where_footprints_overlap_the_highest_is_seen() -> None:
    here = slope()
    shapes = np.array([shapely.box(0, 0, 50, 50), shapely.box(0, 0, 30, 30)], object)
    for heights in ([10.0, 40.0], [40.0, 10.0]):
        town = surface(here.ground, here.transform, ("a", "b"), shapes, np.zeros(2),
                       np.array(heights) + 60)  # fmt: skip
        cell = here.cell_of(15, 15)
        assert cell is not None
        assert town.tops[cell] == 100.0


def test_a_line_without_length_is_refused() -> None:
    with pytest.raises(ValueError, match="no length"):
        track(line((0, 0), (0, 0)), PLANE, 5.0)
