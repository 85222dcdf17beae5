"""Where the sun stands, and the hours that a day's sunlight is counted in.

Positions are those of NREL's Solar Position Algorithm (Reda & Andreas, *Solar Position Algorithm
for Solar Radiation Applications*, NREL/TP-560-34302, 2004, revised 2008; ±0.0003°), as pvlib
computes it, with its refraction for a standard atmosphere.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np

from quanyu.compute.surface.model import Floats

BEIJING = timezone(timedelta(hours=8))
_PRESSURE_HPA, _CELSIUS, _REFRACTION = 1013.25, 12.0, 0.5667
_DAY_S = 86_400.0
_J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Sun:
    """Degrees at each instant: ``azimuth`` clockwise from north, ``elevation`` above the horizon as
    it is seen, refraction included."""

    azimuth: Floats
    elevation: Floats


def sun_at(unix: Floats, longitude: float, latitude: float, height: float = 0.0) -> Sun:
    """The sun at instants (seconds since 1970, UTC) over a place in degrees."""
    from pvlib import spa

    years = 1970 + float(np.mean(unix)) / (365.2425 * _DAY_S)
    month = int((years % 1) * 12) + 1
    found = spa.solar_position(
        np.asarray(unix, dtype=np.float64), latitude, longitude, height, _PRESSURE_HPA, _CELSIUS,
        float(spa.calculate_deltat(int(years), month)), _REFRACTION,
    )  # fmt: skip
    return Sun(np.asarray(found[4]), np.asarray(found[2]))


def solar_instants(day: date, longitude: float, begin: float, end: float, minutes: float) -> Floats:
    """Middles of steps between two hours of apparent solar time 真太阳时 on the day of that date at
    the place, as seconds since 1970 (UTC).

    The day's equation of time is taken at its noon; over eight hours it changes by some 10 s.
    """
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp()
    noon -= longitude * 240  # seconds to a degree
    return noon - equation_of_time(noon) * 60 + _middles(begin - 12, end - 12, minutes)


def clock_instants(begin: datetime, end: datetime, minutes: float) -> Floats:
    """Middles of steps between two instants, as seconds since 1970 (UTC)."""
    hours = (end - begin).total_seconds() / 3600
    return begin.timestamp() + _middles(0, hours, minutes)


def _middles(begin: float, end: float, minutes: float) -> Floats:
    """Seconds of the middles of equal steps of about so many minutes between two hours."""
    count = max(round((end - begin) * 60 / minutes), 1)
    return np.asarray((begin + (np.arange(count) + 0.5) * (end - begin) / count) * 3600)


def equation_of_time(unix: float) -> float:
    """Minutes by which the sundial is ahead of the mean sun (SPA, appendix A.1)."""
    from pvlib import spa

    jce = (unix - _J2000.timestamp()) / (_DAY_S * 36525)
    jme = (jce + _deltat(unix) / (_DAY_S * 36525)) / 10
    psi, epsilon, theta, shift = _ecliptic(unix)
    lam = spa.apparent_sun_longitude(theta, psi, shift)
    beta = spa.geocentric_latitude(spa.heliocentric_latitude(jme))
    alpha = spa.geocentric_sun_right_ascension(lam, epsilon, beta)
    mean = spa.sun_mean_longitude(jme)
    return float(spa.equation_of_time(mean, alpha, psi, epsilon))


def sun_longitude(unix: float) -> float:
    """Apparent ecliptic longitude of the sun in degrees: 300° is Great Cold 大寒, 270° the winter
    solstice 冬至 (GB/T 33661-2017)."""
    from pvlib import spa

    psi, _, theta, shift = _ecliptic(unix)
    return float(spa.apparent_sun_longitude(theta, psi, shift) % 360)


def term_day(year: int, degrees: float) -> date:
    """The day in Beijing time on which the sun reaches an ecliptic longitude in that year."""
    start = datetime(year, 1, 1, tzinfo=BEIJING).timestamp()
    ahead = (degrees - sun_longitude(start)) % 360
    at = start + ahead / 360 * 365.2422 * _DAY_S
    for _ in range(8):  # the sun moves by a degree a day, give or take 3 %
        at += ((degrees - sun_longitude(at) + 180) % 360 - 180) / 360 * 365.2422 * _DAY_S
    return datetime.fromtimestamp(at, BEIJING).date()


def _deltat(unix: float) -> float:
    from pvlib import spa

    when = datetime.fromtimestamp(unix, UTC)
    return float(spa.calculate_deltat(when.year, when.month))


def _ecliptic(unix: float) -> tuple[float, float, float, float]:
    """Nutation in longitude, true obliquity, geocentric longitude, aberration: degrees."""
    from pvlib import spa

    jde = 2451545.0 + (unix - _J2000.timestamp() + _deltat(unix)) / _DAY_S
    jce = (jde - 2451545.0) / 36525
    jme = jce / 10
    moon, anomaly, moon_anomaly, argument, node = (
        spa.mean_elongation(jce), spa.mean_anomaly_sun(jce), spa.mean_anomaly_moon(jce),
        spa.moon_argument_latitude(jce), spa.moon_ascending_longitude(jce),
    )  # fmt: skip
    nutation = np.zeros((2, 1))
    spa.longitude_obliquity_nutation(jce, moon, anomaly, moon_anomaly, argument, node, nutation)
    psi, delta = float(nutation[0, 0]), float(nutation[1, 0])
    epsilon = float(spa.true_ecliptic_obliquity(spa.mean_ecliptic_obliquity(jme), delta))
    theta = float(spa.geocentric_longitude(spa.heliocentric_longitude(jme)))
    shift = float(spa.aberration_correction(spa.heliocentric_radius_vector(jme)))
    return psi, epsilon, theta, shift
