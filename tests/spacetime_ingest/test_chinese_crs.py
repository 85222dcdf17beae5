"""GCJ-02, BD-09 and the CGCS2000 zones."""

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from quanyu.kernel import Invalid
from quanyu.spacetime import (
    BD09,
    GCJ02,
    bd09_to_gcj02,
    bd09_to_wgs84,
    gcj02_to_bd09,
    gcj02_to_wgs84,
    wgs84_to_bd09,
    wgs84_to_gcj02,
    zone_crs,
    zone_number,
    zones_within,
)
from quanyu.spacetime.crs import source_crs
from quanyu.spacetime.projection import check_defined, project, window

CENTIMETRE = 0.01 / 111_320
inside = st.tuples(st.floats(73.0, 137.0), st.floats(2.0, 55.0))


def near(a, b, tolerance: float) -> bool:
    return bool(np.all(np.abs(np.asarray(a) - np.asarray(b)) < tolerance))


@pytest.mark.parametrize(
    ("there", "back"),
    [
        (wgs84_to_gcj02, gcj02_to_wgs84),
        (gcj02_to_bd09, bd09_to_gcj02),
        (wgs84_to_bd09, bd09_to_wgs84),
    ],
)
@settings(deadline=None)
@given(where=st.lists(inside, min_size=1, max_size=50))
def test_there_and_back_is_within_a_centimetre(there, back, where):
    lon, lat = (np.array(axis) for axis in zip(*where, strict=True))
    assert near(back(*there(lon, lat)), (lon, lat), CENTIMETRE / 1000)


def test_published_values():
    # Tiananmen, as the widely used JavaScript and Go versions of the same formulas give it.
    lon, lat = np.array([116.404]), np.array([39.915])
    assert near(wgs84_to_gcj02(lon, lat), [[116.41024449916938], [39.91640428150164]], 1e-9)
    assert near(gcj02_to_bd09(lon, lat), [[116.41036949371029], [39.92133699351021]], 1e-9)


def test_outside_of_china_gcj02_is_wgs84():
    lon, lat = np.array([2.35, -70.0, 151.2]), np.array([48.85, -33.0, -33.9])
    assert near(wgs84_to_gcj02(lon, lat), (lon, lat), 1e-15)


def test_shift_is_some_hundred_metres():
    lon, lat = wgs84_to_gcj02(np.array([113.3]), np.array([23.1]))
    metres = np.hypot((lon - 113.3) * 102_000, (lat - 23.1) * 111_000)
    assert 100 < metres[0] < 1000


@pytest.mark.parametrize("zone", range(4513, 4555))
def test_cgcs2000_zones_take_easting_first(zone):
    crs = source_crs(f"EPSG:{zone}")
    central = 75 + 3 * ((zone - 4513) % 21)
    number = 25 + zone - 4513
    easting = 500_000.0 + (number * 1_000_000 if zone < 4534 else 0)
    lon, lat = crs.to_crs84(np.array([easting]), np.array([4_000_000.0]))
    assert abs(lon[0] - central) < 1e-9
    assert 36 < lat[0] < 37


def test_cgcs2000_degrees_are_taken_as_they_are():
    assert source_crs("EPSG:4490").to_crs84 is None


def test_unknown_crs_names_field_and_mend():
    with pytest.raises(Invalid) as caught:
        source_crs("EPSG:999999")
    assert caught.value.field == "crs"
    assert caught.value.mend


@pytest.mark.parametrize("width", [3, 6])
@pytest.mark.parametrize("numbered", [False, True])
def test_zones_are_picked_by_longitude(width: int, numbered: bool):
    for longitude in (75.2, 100.0, 116.3, 121.4, 134.9):
        crs = pyproj.CRS(zone_crs(longitude, width, numbered=numbered))
        number = zone_number(longitude, width)
        middle = 3 * number if width == 3 else 6 * number - 3
        assert abs(longitude - middle) <= width / 2
        assert crs.name.endswith(f"zone {number}" if numbered else f"CM {middle}E")
        assert [axis.direction for axis in crs.axis_info] == ["north", "east"]
        assert zone_crs(longitude, width, numbered=numbered) in zones_within(116, 117, 60) or (
            longitude != 116.3
        )
    with pytest.raises(Invalid):
        zone_number(24.9, width)


def test_answers_in_chinese_systems():
    place = np.array([shapely.Point(116.404, 39.915)])
    lon, lat = wgs84_to_gcj02(np.array([116.404]), np.array([39.915]))
    shifted = project(place, GCJ02)[0]
    assert near([shifted.x, shifted.y], [lon[0], lat[0]], 1e-12)
    back = project(project(place, BD09), BD09, inverse=True)[0]
    assert near([back.x, back.y], [116.404, 39.915], CENTIMETRE / 1000)
    numbered = project(place, "http://www.opengis.net/def/crs/EPSG/0/4527")[0]
    plain = project(place, "http://www.opengis.net/def/crs/EPSG/0/4548")[0]
    assert near([numbered.x, numbered.y - 39_000_000], [plain.x, plain.y], 1e-6)
    assert numbered.x > 4_000_000
    area, rectangle = window((lon[0] - 1e-5, lat[0] - 1e-5, lon[0] + 1e-5, lat[0] + 1e-5), GCJ02)
    assert not rectangle
    assert area.contains(place[0])
    with pytest.raises(Invalid) as refused:
        check_defined(GCJ02)
    assert refused.value.field == "crs"
