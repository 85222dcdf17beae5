"""The sun's place, shadows and hours of sun: beside tables, trigonometry, and cells by hand."""

import math
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quanyu.compute.surface.shadow import lit, sun_hours
from quanyu.compute.surface.sun import (
    Sun,
    clock_instants,
    equation_of_time,
    solar_instants,
    sun_at,
    term_day,
)

EXAMPLE = datetime(2003, 10, 17, 19, 30, 30, tzinfo=UTC).timestamp()
"""The worked example of NREL/TP-560-34302, appendix A.5."""


def test_example_of_the_algorithm() -> None:
    """Zenith 50.11162° and azimuth 194.34024° there are at 820 hPa and 11 °C; at 1013 hPa
    refraction is 0.004° more. Its equation of time is 14.641503 min."""
    found = sun_at(np.array([EXAMPLE]), -105.1786, 39.742476, 1830.14)
    assert found.azimuth[0] == pytest.approx(194.34024, abs=1e-4)
    assert found.elevation[0] == pytest.approx(90 - 50.11162, abs=5e-3)
    assert equation_of_time(EXAMPLE) == pytest.approx(14.641503, abs=1e-3)


@pytest.mark.parametrize(
    ("year", "degrees", "day"),
    [
        (2001, 300, date(2001, 1, 20)),
        (2024, 270, date(2024, 12, 21)),
        (2021, 315, date(2021, 2, 3)),  # the first since 1897 on that day
        (2026, 300, date(2026, 1, 20)),
    ],
)
def test_solar_terms_fall_on_the_days_of_the_calendar(year: int, degrees: int, day: date) -> None:
    """As the Purple Mountain Observatory's calendar has them."""
    assert term_day(year, degrees) == day


def test_solar_time_has_the_sun_due_south_at_twelve() -> None:
    instants = solar_instants(date(2026, 1, 20), 121.47, 8, 16, 1)
    assert len(instants) == 480
    sun = sun_at(instants, 121.47, 31.23)
    assert (sun.azimuth[:240] < 180).all()
    assert (sun.azimuth[240:] > 180).all()
    # The hour angle at 8:00 is -60°; the sun's height there by spherical trigonometry.
    declination = math.radians(-20.2)
    latitude = math.radians(31.23)
    height = math.degrees(
        math.asin(
            math.sin(latitude) * math.sin(declination)
            + math.cos(latitude) * math.cos(declination) * math.cos(math.radians(60))
        )
    )
    assert sun.elevation[0] == pytest.approx(height, abs=0.4)


def test_shadow_of_a_block_at_the_equinox_is_as_long_as_trigonometry_says() -> None:
    """At noon of an equinox the sun stands 90° less the latitude high: at 40° N a block of 30 m
    throws a shadow of 30 · tan 40° = 25.2 m northwards, as wide as itself."""
    noon = solar_instants(date(2026, 3, 20), 116.4, 11.999, 12.001, 1)
    sun = sun_at(noon, 116.4, 40.0)
    elevation, azimuth = float(sun.elevation[0]), float(sun.azimuth[0])
    assert elevation == pytest.approx(50.0, abs=0.25)  # the sun crosses the equator that day
    tops = np.zeros((200, 200), np.float32)
    tops[120:140, 90:110] = 30.0
    shadow = ~lit(tops, (0.5, 0.5), azimuth, elevation)
    length = 30 / math.tan(math.radians(elevation))
    assert length == pytest.approx(30 * math.tan(math.radians(40)), abs=0.3)
    assert shadow.sum(axis=0)[95:105] * 0.5 == pytest.approx(np.full(10, length), abs=0.5)
    assert not shadow[120:].any()
    assert shadow.any(axis=0).sum() == 20


@settings(max_examples=25, deadline=None)
@given(azimuth=st.floats(0, 360), elevation=st.floats(5, 80), height=st.floats(5, 25))
def test_shadow_falls_away_from_the_sun(azimuth: float, elevation: float, height: float) -> None:
    """The shadow of a column ends where the top of it is seen against the sun, to a cell."""
    tops = np.zeros((161, 161), np.float32)
    tops[80, 80] = height
    length = height / math.tan(math.radians(elevation))
    if length > 78:
        return
    shadow = ~lit(tops, (1.0, 1.0), azimuth, elevation)
    rows, columns = np.nonzero(shadow)
    if not len(rows):
        assert length < 1.5
        return
    east, north = columns - 80, 80 - rows
    away = -(east * math.sin(math.radians(azimuth)) + north * math.cos(math.radians(azimuth)))
    aside = east * math.cos(math.radians(azimuth)) - north * math.sin(math.radians(azimuth))
    assert away.max() <= length + 1
    assert away.max() >= length - 2
    assert np.abs(aside).max() <= 1


def by_hand(tops: np.ndarray, cell: float, azimuth: float, elevation: float) -> np.ndarray:
    """Each cell by a walk of its own towards the sun, a tenth of a cell at a time."""
    rows, columns = tops.shape
    east, north = math.sin(math.radians(azimuth)), math.cos(math.radians(azimuth))
    found = np.ones(tops.shape, bool)
    for (row, column), top in np.ndenumerate(tops):
        for step in range(1, rows * 15):
            way = step * 0.1
            r, c = round(row - north * way), round(column + east * way)
            if not (0 <= r < rows and 0 <= c < columns):
                break
            rise = way * cell * math.tan(math.radians(elevation))
            if (r, c) != (row, column) and tops[r, c] > top + rise:
                found[row, column] = False
                break
    return found


@pytest.mark.parametrize(("azimuth", "elevation"), [(140.0, 25.0), (250.0, 15.0), (20.0, 40.0)])
def test_shadows_are_those_of_each_cell_by_itself(azimuth: float, elevation: float) -> None:
    tops = np.zeros((40, 40), np.float32)
    rng = np.random.default_rng(5)
    for row, column in rng.integers(2, 32, (9, 2)).tolist():
        tops[row : row + 4, column : column + 5] = rng.uniform(8, 30)
    ours = lit(tops, (3.0, 3.0), azimuth, elevation)
    assert (ours == by_hand(tops, 3.0, azimuth, elevation)).mean() > 0.95


def test_slopes_away_from_a_low_sun_lie_in_their_own_shadow() -> None:
    tops = np.abs(np.arange(-50, 51))[None, :].repeat(101, axis=0).astype(np.float32)
    tops = (50 - tops) * np.float32(0.5)  # a ridge with slopes of 26.6°
    assert not lit(tops, (1.0, 1.0), 90.0, 20.0)[:, :50].any()
    assert lit(tops, (1.0, 1.0), 90.0, 20.0)[:, 50:].all()
    assert lit(tops, (1.0, 1.0), 90.0, 30.0).all()


def test_cells_without_data_are_neither_lit_nor_counted() -> None:
    tops = np.zeros((20, 20), np.float32)
    tops[5:8, 5:8] = np.nan
    assert not lit(tops, (1.0, 1.0), 180.0, 30.0)[5:8, 5:8].any()
    hours = sun_hours(tops, (1.0, 1.0), Sun(np.array([180.0]), np.array([30.0])), 60)
    assert np.isnan(hours[5:8, 5:8]).all()
    assert (hours[:5] == 1).all()
    assert not lit(tops, (1.0, 1.0), 180.0, -3.0).any()


@settings(max_examples=15, deadline=None)
@given(
    longitude=st.floats(75, 135),
    latitude=st.floats(3, 53),
    day=st.dates(date(2001, 1, 1), date(2040, 12, 31)),
    seed=st.integers(0, 5),
)
def test_no_cell_has_more_sun_than_the_day_is_long(
    longitude: float, latitude: float, day: date, seed: int
) -> None:
    """Day length by the plain sunrise equation (the upper limb is not asked for: the disc's middle
    with 34′ of refraction)."""
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=longitude / 15)
    sun = sun_at(clock_instants(begin, begin + timedelta(days=1), 10), longitude, latitude)
    tops = np.random.default_rng(seed).uniform(0, 20, (15, 15)).astype(np.float32)
    hours = sun_hours(tops, (5.0, 5.0), sun, 10)
    length = 10 / 60 * (sun.elevation > 0).sum()
    assert hours.max() <= length + 1e-4
    season = 2 * math.pi * (day.timetuple().tm_yday - 81) / 365
    declination = math.radians(23.44) * math.sin(season)
    angle = (
        math.sin(math.radians(-0.57)) - math.sin(math.radians(latitude)) * math.sin(declination)
    ) / (math.cos(math.radians(latitude)) * math.cos(declination))
    assert length == pytest.approx(2 * math.degrees(math.acos(angle)) / 15, abs=0.5)


@settings(max_examples=20, deadline=None)
@given(
    azimuth=st.floats(0, 360), low=st.floats(2, 80), more=st.floats(0, 9), seed=st.integers(0, 9)
)
def test_a_higher_sun_lights_no_less(azimuth: float, low: float, more: float, seed: int) -> None:
    tops = np.random.default_rng(seed).uniform(0, 30, (25, 25)).astype(np.float32)
    darker, lighter = (lit(tops, (4.0, 4.0), azimuth, e) for e in (low, low + more))
    assert (darker <= lighter).all()
