"""Coordinates out of and into the storage CRS, vectorised, in the axis order that a CRS defines."""

import re
from functools import lru_cache
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from quanyu.kernel import Invalid
from quanyu.spacetime.crs import bd09_to_wgs84, gcj02_to_wgs84, wgs84_to_bd09, wgs84_to_gcj02
from quanyu.spacetime.model import BD09, CRS84, CRS84H, GCJ02, Bbox

Geometries = NDArray[Any]
_URI = re.compile(
    r"(?:https?://www\.opengis\.net/def/crs/(?P<a>\w+)/[^/]+/(?P<c>\w+)"
    r"|urn:ogc:def:crs:(?P<ua>\w+):[^:]*:(?P<uc>\w+)|(?P<ba>\w+):(?P<bc>\w+))"
)
_EDGE_POINTS = 21
_OFFSETS = {GCJ02: (wgs84_to_gcj02, gcj02_to_wgs84), BD09: (wgs84_to_bd09, bd09_to_wgs84)}


@lru_cache(maxsize=256)
def crs_code(uri: str) -> str:
    """``EPSG:4547`` of an OGC URI, URN or such a code; raises ``Invalid`` for what PROJ lacks."""
    import pyproj

    check_defined(uri)
    found = _URI.fullmatch(uri)
    if found is not None:
        authority = found["a"] or found["ua"] or found["ba"]
        code = f"{authority.upper()}:{found['c'] or found['uc'] or found['bc']}"
        try:
            pyproj.CRS.from_user_input(_proj_name(code))
        except pyproj.exceptions.CRSError:
            found = None
        else:
            return code
    raise Invalid(
        "“{crs}” is no coordinate reference system known here",
        field="crs",
        mend="give a URI such as http://www.opengis.net/def/crs/EPSG/0/4490",
        crs=uri,
    )


def offset(uri: str) -> bool:
    """Whether that CRS is one of the offsets of Chinese web maps, which PROJ does not know."""
    return uri in _OFFSETS


def check_defined(uri: str) -> None:
    """Raise ``Invalid`` for a CRS that no register defines, so that no file could say it."""
    if offset(uri):
        raise Invalid(
            "{crs} has no definition that such a file could carry",
            field="crs",
            mend="take geojson, jsonfg or csv, or another crs",
            crs=uri,
        )


def native(uri: str) -> bool:
    """Whether coordinates in that CRS are stored ones, unchanged."""
    if offset(uri):
        return False
    return uri in (CRS84, CRS84H) or crs_code(uri) in ("OGC:CRS84", "OGC:CRS84H")


@lru_cache(maxsize=256)
def crs_is_degrees(uri: str) -> bool:
    """Whether coordinates in that CRS are angles."""
    import pyproj

    if native(uri) or offset(uri):
        return True
    return bool(pyproj.CRS.from_user_input(_proj_name(crs_code(uri))).is_geographic)


def project(geometries: Geometries, uri: str, *, inverse: bool = False) -> Geometries:
    """Geometries from CRS84 into that CRS (or back), heights untouched."""
    if native(uri):
        return geometries
    convert = _OFFSETS[uri][inverse] if offset(uri) else _transform(crs_code(uri), inverse)

    def move(points: NDArray[np.float64]) -> NDArray[np.float64]:
        moved = points.copy()
        moved[:, 0], moved[:, 1] = convert(points[:, 0], points[:, 1])
        return moved

    flat = shapely.has_z(geometries)
    result = geometries.copy()
    for height in (False, True):
        chosen = flat == height
        if chosen.any():
            result[chosen] = shapely.transform(geometries[chosen], move, include_z=height)
    return result


def window(bbox: tuple[float, ...], uri: str) -> tuple[Any, bool]:
    """The area of a box in CRS84 as a geometry, and whether it is a plain rectangle there.

    A box whose west is greater than its east crosses the antimeridian. Raises ``Invalid``.
    """
    west, south, east, north = _corners(bbox)
    if native(uri):
        return _split(west, south, east, north)
    if offset(uri):
        return _shifted(_split(west, south, east, north)[0], uri), False
    import pyproj

    crs = pyproj.CRS.from_user_input(_proj_name(crs_code(uri)))
    if crs.is_geographic:
        lon_first = crs.axis_info[0].direction in ("east", "west")
        if not lon_first:
            west, south, east, north = south, west, north, east
        if west > east:
            return _split(west, south, east, north)
    elif west > east:
        raise _bad_box(bbox)
    if south > north:
        raise _bad_box(bbox)
    box = shapely.box(*_corners(bbox))
    dense = shapely.segmentize(box, max(box.length / (4 * _EDGE_POINTS), 1e-12))
    area = project(np.array([dense], dtype=object), uri, inverse=True)[0]
    if not np.isfinite(shapely.get_coordinates(area)).all():
        raise Invalid(
            "the box {bbox} is outside of its reference system",
            field="bbox",
            mend="give coordinates in the axis order of bbox-crs",
            bbox=list(bbox),
        )
    if crs.is_geographic and crs_code(uri) in ("EPSG:4326", "EPSG:4490", "EPSG:4979"):
        return shapely.box(west, south, east, north), True
    return shapely.make_valid(area), False


def _shifted(area: Any, uri: str) -> Any:
    """An area in an offset system, in CRS84; its sides bend."""
    dense = shapely.segmentize(area, max(area.length / (4 * _EDGE_POINTS), 1e-12))
    return shapely.make_valid(project(np.array([dense], dtype=object), uri, inverse=True)[0])


def crs_projjson(uri: str) -> dict[str, Any]:
    """PROJJSON of a CRS, as GeoParquet and GeoArrow want it (longitude first for CRS84)."""
    import pyproj

    code = "OGC:CRS84" if native(uri) else crs_code(uri)
    described: dict[str, Any] = pyproj.CRS.from_user_input(_proj_name(code)).to_json_dict()
    return described


def _corners(bbox: tuple[float, ...]) -> Bbox:
    if len(bbox) not in (4, 6) or not all(np.isfinite(bbox)):
        raise _bad_box(bbox)
    half = len(bbox) // 2
    return bbox[0], bbox[1], bbox[half], bbox[half + 1]


def _bad_box(bbox: tuple[float, ...]) -> Invalid:
    return Invalid(
        "{bbox} is no box",
        field="bbox",
        mend="give four numbers: least x, least y, greatest x, greatest y",
        bbox=list(bbox),
    )


def _split(west: float, south: float, east: float, north: float) -> tuple[Any, bool]:
    if south > north:
        raise _bad_box((west, south, east, north))
    if west <= east:
        return shapely.box(west, south, east, north), True
    halves = [shapely.box(west, south, 180, north), shapely.box(-180, south, east, north)]
    return shapely.MultiPolygon(halves), False


def _proj_name(code: str) -> str:
    return "OGC:CRS84" if code in ("OGC:CRS84", "OGC:CRS84H") else code


@lru_cache(maxsize=64)
def _transform(code: str, inverse: bool) -> Any:
    import pyproj

    ends = ("OGC:CRS84", _proj_name(code))
    source, target = reversed(ends) if inverse else ends
    return pyproj.Transformer.from_crs(source, target).transform
