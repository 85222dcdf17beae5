"""Parameters of OGC API – EDR (OGC 19-086r6, clause 8.2): places as WKT, distances, resolutions."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import isfinite
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from quanyu.kernel import Invalid
from quanyu.spacetime import CRS84, Bbox, Query, View, parameters_of
from quanyu.web import parameters

MOST_POINTS = 100
"""Positions of one question."""

MOST_CELLS = 1_000_000
"""Cells of a cube."""

_MOST_TEXT = 50_000
_UNITS = {"m": 1.0, "km": 1000.0, "mi": 1609.344}
_KINDS = {
    "position": ("Point", "MultiPoint"),
    "radius": ("Point",),
    "area": ("Polygon", "MultiPolygon"),
    "trajectory": ("LineString", "MultiLineString"),
}


def query_of(given: Mapping[str, str], view: View) -> Query:
    """Which parameters and which times are wanted; :class:`Invalid` for what there is not."""
    known = [field.name for field in parameters_of(view)]
    if not known:
        raise Invalid(
            "these data have no numbers to sample",
            field="collectionId",
            mend="use one of the collections that /ogc/edr/collections lists",
        )
    asked = given.get("parameter-name", "")
    names = parameters.names(asked) or tuple(known)
    for name in names:
        if name not in known:
            raise Invalid(
                "there is no parameter “{name}”",
                field="parameter-name",
                mend="use these: {names}",
                name=name[:80],
                names=", ".join(known),
            )
    if "crs" in given and given["crs"] not in ("CRS84", "EPSG:4326", "WGS84"):
        asked_crs = parameters.crs(given["crs"])
        if asked_crs != CRS84:
            raise Invalid("values are given in CRS84", field="crs", mend="leave crs out")
    interval = parameters.interval(given["datetime"]) if "datetime" in given else None
    return Query(interval=interval, properties=names)


def place_of(given: Mapping[str, str], kind: str) -> Any:
    """The geometry of ``coords`` in CRS84, of a kind that the query takes."""
    text = given.get("coords", "")
    if not text:
        raise because("coords is missing", kind)
    try:
        if len(text) > _MOST_TEXT:
            raise because("coords is too long", kind)
        found = shapely.from_wkt(text)
    except shapely.errors.ShapelyError as error:
        raise because("coords cannot be read as WKT", kind) from error
    if found is None or found.is_empty or found.geom_type not in _KINDS[kind]:
        raise because("coords is not what this query takes", kind)
    points = shapely.get_coordinates(found)
    if not (np.isfinite(points).all() and (np.abs(points) <= (180, 90)).all()):
        raise because("coords is not in degrees of longitude and latitude", kind)
    if kind == "area" and not found.is_valid:
        raise because("coords is an area that crosses itself", kind)
    return found


def positions(place: Any) -> NDArray[np.float64]:
    """The points of a position, (n, 2)."""
    points: NDArray[np.float64] = shapely.get_coordinates(place)
    if len(points) > MOST_POINTS:
        raise Invalid(
            "{count} positions are too many",
            field="coords",
            mend="ask for up to {most} at once",
            count=len(points),
            most=MOST_POINTS,
        )
    return points


def metres(given: Mapping[str, str]) -> float:
    """``within`` in ``within-units``, as metres."""
    factor = _UNITS.get(given.get("within-units", "m"))
    if factor is None:
        raise Invalid("this unit is not known", field="within-units", mend="use m, km or mi")
    found = number(given.get("within", ""), "within") * factor
    if not 0 < found <= 1_000_000:
        raise Invalid(
            "a radius is more than 0 and up to 1000 km", field="within", mend="give such as 500"
        )
    return found


def box_of(given: Mapping[str, str]) -> Bbox:
    """The box of a cube; heights are not told apart."""
    if "bbox" not in given:
        raise Invalid("bbox is missing", field="bbox", mend="give west,south,east,north")
    values = parameters.bbox(given["bbox"])
    box = values if len(values) == 4 else (values[0], values[1], values[3], values[4])
    west, south, east, north = box
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise Invalid(
            "a cube's box has a width and a height, in degrees",
            field="bbox",
            mend="give west,south,east,north such as 24.93,60.16,24.96,60.18",
        )
    return west, south, east, north


def cells_of(given: Mapping[str, str]) -> tuple[int, int]:
    """How many columns and rows a cube has: ``resolution-x`` and ``resolution-y``."""
    columns = parameters.whole(given, "resolution-x", 32, least=1, most=4096)
    rows = parameters.whole(given, "resolution-y", 32, least=1, most=4096)
    if columns * rows > MOST_CELLS:
        raise Invalid(
            "a cube of {count} cells is too large",
            field="resolution-x",
            mend="ask for up to {most} cells",
            count=columns * rows,
            most=MOST_CELLS,
        )
    return columns, rows


def times_of(place: Any) -> Sequence[datetime | None]:
    """The time of each vertex of a path with M (seconds of the UTC epoch), else of none."""
    if not shapely.has_m(place):
        return [None] * shapely.get_num_coordinates(place)
    seconds = shapely.get_coordinates(place, include_z=shapely.has_z(place), include_m=True)[:, -1]
    if not (np.isfinite(seconds).all() and (np.abs(seconds) < 1e11).all()):
        raise because("the M of coords is no time in seconds since 1970", "trajectory")
    return [datetime.fromtimestamp(float(one), UTC) for one in seconds]


def number(text: str, field: str) -> float:
    """A finite number."""
    try:
        found = float(text)
    except ValueError:
        found = float("nan")
    if not isfinite(found):
        raise Invalid("“{text}” is no number", field=field, mend="give a number", text=text[:40])
    return found


def because(detail: str, kind: str) -> Invalid:
    """Why ``coords`` is no place for this query."""
    return Invalid(
        detail,
        field="coords",
        mend="give WKT in longitude and latitude: {kinds}",
        kinds=", ".join(name.upper() for name in _KINDS[kind]),
    )
