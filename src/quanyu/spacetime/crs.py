"""Coordinates into CRS84: EPSG systems through PROJ, and the two Chinese offsets it lacks.

GCJ-02 (国测局) and BD-09 (百度) displace WGS 84 by functions that their authors never published.
The formulas here are those of the public analysis that every map library uses (“eviltransform”,
googollee and others, 2013; the same as in ``coordtransform``). Forward is exact by definition,
backward iterates it until the step is below a tenth of a micrometre on the ground.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from quanyu.kernel import Invalid
from quanyu.spacetime.model import CRS84

Degrees: TypeAlias = NDArray[np.float64]
Pair: TypeAlias = tuple[Degrees, Degrees]

_A = 6378245.0  # Krasovsky 1940, metres
_EE = 0.00669342162296594323
_X_PI = np.pi * 3000.0 / 180.0
_CHINA = (72.004, 0.8293, 137.8347, 55.8271)  # outside of it GCJ-02 is WGS 84
_STEP = 1e-12  # degrees


@dataclass(frozen=True, slots=True)
class SourceCrs:
    """A CRS of a source. ``to_crs84`` is ``None`` where coordinates can be taken as they are.

    ``area`` is where it may be used: west, south, east, north in degrees.
    """

    name: str
    projected: bool
    area: tuple[float, float, float, float]
    to_crs84: Callable[[Degrees, Degrees], Pair] | None


def wgs84_to_gcj02(lon: Degrees, lat: Degrees) -> Pair:
    """GCJ-02 of WGS 84 degrees; unchanged outside China's rectangle."""
    lon, lat = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    east, north = _offset(lon, lat)
    west, south, right, top = _CHINA
    inside = (lon >= west) & (lon <= right) & (lat >= south) & (lat <= top)
    return np.where(inside, lon + east, lon), np.where(inside, lat + north, lat)


def gcj02_to_wgs84(lon: Degrees, lat: Degrees) -> Pair:
    """WGS 84 of GCJ-02 degrees, to better than a micrometre."""
    return _inverse(wgs84_to_gcj02, lon, lat)


def gcj02_to_bd09(lon: Degrees, lat: Degrees) -> Pair:
    """BD-09 of GCJ-02 degrees."""
    lon, lat = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    radius = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _X_PI)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _X_PI)
    return radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006


def bd09_to_gcj02(lon: Degrees, lat: Degrees) -> Pair:
    """GCJ-02 of BD-09 degrees, to better than a micrometre."""
    return _inverse(gcj02_to_bd09, lon, lat)


def wgs84_to_bd09(lon: Degrees, lat: Degrees) -> Pair:
    """BD-09 of WGS 84 degrees."""
    return gcj02_to_bd09(*wgs84_to_gcj02(lon, lat))


def bd09_to_wgs84(lon: Degrees, lat: Degrees) -> Pair:
    """WGS 84 of BD-09 degrees, to better than a micrometre."""
    return gcj02_to_wgs84(*bd09_to_gcj02(lon, lat))


@lru_cache(maxsize=64)
def source_crs(text: str) -> SourceCrs:
    """The CRS that ``text`` names: EPSG code, OGC URI, WKT, PROJ JSON, ``GCJ-02`` or ``BD-09``.

    Coordinates are taken as easting or longitude first, whatever axis order the authority gives
    (EPSG's CGCS2000 zones say north, east). Heights are not touched. Raises ``Invalid`` (``crs``).
    """
    short = text.strip().upper().replace("-", "").replace("_", "").replace(" ", "")
    if short in {"GCJ02", "GCJ"}:
        return SourceCrs("GCJ-02", projected=False, area=_CHINA, to_crs84=gcj02_to_wgs84)
    if short in {"BD09", "BD09LL"}:
        return SourceCrs("BD-09", projected=False, area=_CHINA, to_crs84=bd09_to_wgs84)
    try:
        crs = CRS.from_user_input(text.strip())
    except CRSError as error:
        raise Invalid(
            "“{crs}” is not a coordinate reference system known here",
            field="crs",
            mend="give an EPSG code such as EPSG:4547, GCJ-02, BD-09, or well-known text",
            crs=text[:120],
        ) from error
    flat = crs.sub_crs_list[0] if crs.is_compound else crs.to_2d()
    authority = crs.to_authority()
    name = ":".join(authority) if authority else crs.name
    area = flat.area_of_use
    box = (area.west, area.south, area.east, area.north) if area else (-180.0, -90.0, 180.0, 90.0)
    transformer = Transformer.from_crs(flat, CRS84, always_xy=True)
    if flat.is_geographic and _unchanged(transformer):
        return SourceCrs(name, projected=False, area=box, to_crs84=None)

    def convert(x: Degrees, y: Degrees) -> Pair:
        lon, lat = transformer.transform(x, y)
        return np.asarray(lon), np.asarray(lat)

    return SourceCrs(name, projected=not flat.is_geographic, area=box, to_crs84=convert)


def _unchanged(transformer: Transformer) -> bool:
    """Whether the transformation does nothing, as between CGCS2000 and WGS 84."""
    lon, lat = np.array([116.0, -70.5]), np.array([39.0, -33.25])
    x, y = transformer.transform(lon, lat)
    return bool(np.array_equal(x, lon) and np.array_equal(y, lat))


def _inverse(forward: Callable[[Degrees, Degrees], Pair], lon: Degrees, lat: Degrees) -> Pair:
    """Fixed-point iteration; the offset's slope is below 0.01, so each round gains two digits."""
    target_x, target_y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    x, y = target_x.copy(), target_y.copy()
    for _ in range(20):
        there_x, there_y = forward(x, y)
        step_x, step_y = target_x - there_x, target_y - there_y
        x, y = x + step_x, y + step_y
        if not np.any((np.abs(step_x) > _STEP) | (np.abs(step_y) > _STEP)):
            break
    return x, y


def _offset(lon: Degrees, lat: Degrees) -> Pair:
    """How far GCJ-02 lies east and north of WGS 84, in degrees."""
    x, y = lon - 105.0, lat - 35.0
    pi = np.pi
    shared = 20.0 * np.sin(6.0 * x * pi) + 20.0 * np.sin(2.0 * x * pi)
    root = np.sqrt(np.abs(x))
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north += (shared + 20.0 * np.sin(y * pi) + 40.0 * np.sin(y / 3.0 * pi)) * 2.0 / 3.0
    north += (160.0 * np.sin(y / 12.0 * pi) + 320.0 * np.sin(y * pi / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east += (shared + 20.0 * np.sin(x * pi) + 40.0 * np.sin(x / 3.0 * pi)) * 2.0 / 3.0
    east += (150.0 * np.sin(x / 12.0 * pi) + 300.0 * np.sin(x / 30.0 * pi)) * 2.0 / 3.0
    angle = lat / 180.0 * pi
    magic = 1.0 - _EE * np.sin(angle) ** 2
    north = north * 180.0 / ((_A * (1.0 - _EE)) / (magic * np.sqrt(magic)) * pi)
    east = east * 180.0 / (_A / np.sqrt(magic) * np.cos(angle) * pi)
    return east, north
