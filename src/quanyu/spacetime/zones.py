"""The zones of CGCS2000 in Gauss–Krüger projection (EPSG:4491–4554), picked by longitude.

China surveys in zones of 3° (numbered 25 to 45, middle meridian 3° times the number) and of 6° (13
to 23, middle meridian 6° times the number less 3°). Each zone stands in EPSG's register twice: with
the zone's number before the easting, and without it, named after its middle meridian.
"""

from typing import Literal

from quanyu.kernel import Invalid

ZoneWidth = Literal[3, 6]
_FIRST: dict[ZoneWidth, tuple[int, int, int]] = {3: (25, 45, 4513), 6: (13, 23, 4491)}
"""First and last zone, and the code of the first with its number before the easting."""

CHINA = (73.0, 3.0, 136.0, 54.0)
"""About where the zones are meant for: west, south, east, north."""


def zone_number(longitude: float, width: ZoneWidth = 3) -> int:
    """The number of the zone that a longitude lies in; raises ``Invalid`` outside of them."""
    number = int((longitude + 1.5) // 3) if width == 3 else int(longitude // 6) + 1
    first, last, _ = _FIRST[width]
    if not first <= number <= last:
        west, east = (_middle(zone, width) + side for zone, side in
                      ((first, -width / 2), (last, width / 2)))  # fmt: skip
        raise Invalid(
            "there is no zone of CGCS2000 at the longitude {longitude}",
            field="longitude",
            mend="give degrees from {west} to {east}",
            longitude=longitude,
            west=west,
            east=east,
        )
    return number


def zone_crs(longitude: float, width: ZoneWidth = 3, *, numbered: bool = False) -> str:
    """The EPSG code, such as ``EPSG:4547``, of the zone that a longitude lies in.

    ``numbered`` is the one whose eastings begin with the zone's number. Its axes are north, east.
    """
    return f"EPSG:{_code(zone_number(longitude, width), width, numbered)}"


def zones_within(west: float, east: float, most: int = 6) -> tuple[str, ...]:
    """Codes of the zones between two longitudes: of 3°, then of 6°, each without and with numbers;
    at most so many of each."""
    found = []
    for width in (3, 6):
        first, last, _ = _FIRST[width]
        shift = 1.5 if width == 3 else 6
        low = max(int((west + shift) // width), first)
        high = min(int((east + shift) // width), last)
        for numbered in (False, True):
            zones = range(low, high + 1)[:most]
            found += [f"EPSG:{_code(zone, width, numbered)}" for zone in zones]
    return tuple(found)


def _middle(zone: int, width: ZoneWidth) -> float:
    return 3.0 * zone if width == 3 else 6.0 * zone - 3


def _code(zone: int, width: ZoneWidth, numbered: bool) -> int:
    first, last, code = _FIRST[width]
    return code + zone - first + (0 if numbered else last - first + 1)
