"""Which place a request means: a point, an area, a cell of a grid, an object, or words."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import orjson
import shapely

from quanyu.kernel import Invalid, now
from quanyu.spacetime import Interval, grid_named, grid_of
from quanyu.web import parameters

NAMED = ("q", "point", "bbox", "geometry", "cell", "id", "address")
"""Parameters that name the place; just one of them is given."""

KNOWN = frozenset({*NAMED, "grid", "radius", "datetime", "limit", "collections", "purpose"})
LIMIT, MOST = 10, 100
NEARBY_M, FARTHEST_M = 30.0, 5_000.0
_MOST_VERTICES = 10_000
_MOST_COLLECTIONS = 200
_LONGEST = 200
_NUMBER = r"[-+]?\d+(?:\.\d+)?"
_NUMBERS = re.compile(rf"\s*{_NUMBER}(?:\s*[,，;\s]\s*{_NUMBER})*\s*")
_WKT = re.compile(r"\s*(multi)?(point|linestring|polygon)\b", re.IGNORECASE)
_CODE = re.compile(r"[NSns]\d\d[A-Va-v](?:[0-9A-Fa-f]{2,16})?|[0-9a-f]{15}")
_OBJECT = re.compile(r"(?P<slug>[a-z0-9][a-z0-9_-]*)/(?P<fid>.+)", re.DOTALL)


class By(StrEnum):
    """How a place was named."""

    POINT = "point"
    AREA = "area"
    CELL = "cell"
    OBJECT = "object"
    WORDS = "words"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question about a place.

    geometry     the place in degrees, longitude first; ``None`` where collections have to say it.
    slug, text   the collection and id of an object, or the words of an address or a name.
    plain_id     whether words may be an object's id, and whether they may be an address.
    metres       how far around counts; ``None``: :data:`NEARBY_M` around points, else nothing.
    interval     features valid at some time in it.
    """

    by: By
    said: str
    geometry: Any
    metres: float | None
    interval: Interval
    limit: int
    collections: tuple[str, ...]
    slug: str = ""
    text: str = ""
    as_id: bool = False
    as_address: bool = False


def read(given: Mapping[str, str]) -> Asked | None:
    """The question; ``None`` when no place is named. Raises :class:`Invalid`."""
    named = [name for name in NAMED if given.get(name, "").strip()]
    if len(named) > 1:
        raise Invalid(
            "a request is about one place",
            field=named[1],
            mend="give just one of: {names}",
            names=", ".join(NAMED),
        )
    if not named:
        return None
    name = named[0]
    said = given[name].strip()
    found = _PARSERS[name](said, given)
    return Asked(
        said=said[:_LONGEST],
        metres=_metres(given),
        interval=_interval(given),
        limit=parameters.whole(given, "limit", LIMIT, least=1, most=MOST),
        collections=_collections(given),
        **found,
    )


def shape_of(text: str, field: str) -> Any:
    """A geometry written as WKT or GeoJSON, in degrees, without heights."""
    try:
        if text.lstrip().startswith("{"):
            document = orjson.loads(text)
            if document.get("type") == "Feature":
                document = document.get("geometry")
            found = shapely.from_geojson(orjson.dumps(document))
        else:
            found = shapely.from_wkt(text)
    except (shapely.GEOSException, orjson.JSONDecodeError, AttributeError, TypeError) as error:
        raise Invalid(
            "this geometry cannot be read",
            field=field,
            mend="give WKT or GeoJSON in degrees, longitude first",
        ) from error
    return _checked(found, field)


def _checked(found: Any, field: str) -> Any:
    if found is None or found.is_empty or found.geom_type == "GeometryCollection":
        raise Invalid(
            "this is no point, line or area",
            field=field,
            mend="give WKT or GeoJSON in degrees, longitude first",
        )
    if shapely.get_num_coordinates(found) > _MOST_VERTICES:
        raise Invalid(
            "the geometry has more than {most} points",
            field=field,
            mend="simplify it",
            most=_MOST_VERTICES,
        )
    flat = shapely.force_2d(found)
    corners = shapely.get_coordinates(flat)
    if not (np.isfinite(corners).all() and (np.abs(corners) <= (180, 90)).all()):
        raise Invalid(
            "the geometry is outside of the earth's degrees",
            field=field,
            mend="give the longitude first, from -180 to 180, then the latitude, from -90 to 90",
        )
    if not shapely.is_valid(flat):
        raise Invalid(
            "the area is not valid: {reason}",
            field=field,
            mend="let its rings not cross themselves or each other",
            reason=shapely.is_valid_reason(flat),
        )
    return flat


def _point(said: str, _given: Mapping[str, str]) -> dict[str, Any]:
    numbers = _numbers(said)
    if len(numbers) != 2:
        raise Invalid(
            "a point is two numbers with a comma between",
            field="point",
            mend="give longitude,latitude such as 24.94,60.17",
        )
    return {"by": By.POINT, "geometry": _checked(shapely.Point(*numbers), "point")}


def _box(said: str, _given: Mapping[str, str]) -> dict[str, Any]:
    west, south, east, north = parameters.bbox(said) if said.count(",") == 3 else _no_box()
    if west > east:
        raise _no_box()
    return {"by": By.AREA, "geometry": _checked(shapely.box(west, south, east, north), "bbox")}


def _no_box() -> Any:
    raise Invalid(
        "a bounding box is four numbers, and does not cross the antimeridian here",
        field="bbox",
        mend="give west,south,east,north such as 24.93,60.16,24.96,60.18",
    )


def _geometry(said: str, _given: Mapping[str, str]) -> dict[str, Any]:
    found = shape_of(said, "geometry")
    return {"by": By.POINT if found.geom_type == "Point" else By.AREA, "geometry": found}


def _cell(said: str, given: Mapping[str, str]) -> dict[str, Any]:
    grid = grid_named(given["grid"]) if given.get("grid") else grid_of(said)
    return {"by": By.CELL, "geometry": grid.boundary([said])[0], "text": grid.name}


def _object(said: str, _given: Mapping[str, str]) -> dict[str, Any]:
    parts = _OBJECT.fullmatch(said)
    if parts is None:
        return {"by": By.OBJECT, "geometry": None, "text": said, "as_id": True}
    return {"by": By.OBJECT, "geometry": None, "slug": parts["slug"], "text": parts["fid"]}


def _address(said: str, _given: Mapping[str, str]) -> dict[str, Any]:
    _check_words(said, "address")
    return {"by": By.WORDS, "geometry": None, "text": said, "as_address": True}


def _anything(said: str, given: Mapping[str, str]) -> dict[str, Any]:
    """One line of text: numbers, a geometry, a code of a grid, else an id, a name or an address."""
    if _NUMBERS.fullmatch(said):
        numbers = _numbers(said)
        if len(numbers) == 2:
            return _point(said, given)
        if len(numbers) == 4:
            return _box(",".join(map(str, numbers)), given)
    if _WKT.match(said) or said.startswith("{"):
        return _geometry(said, given)
    if _CODE.fullmatch(said):
        return _cell(said, given)
    _check_words(said, "q")
    return {"by": By.WORDS, "geometry": None, "text": said, "as_id": True, "as_address": True}


_PARSERS = {
    "q": _anything,
    "point": _point,
    "bbox": _box,
    "geometry": _geometry,
    "cell": _cell,
    "id": _object,
    "address": _address,
}


def _check_words(said: str, field: str) -> None:
    if len(said) > _LONGEST:
        raise Invalid(
            "this is longer than {most} characters", field=field, mend="shorten it", most=_LONGEST
        )


def _numbers(said: str) -> list[float]:
    if not _NUMBERS.fullmatch(said):
        return []
    return [float(number) for number in re.findall(_NUMBER, said)]


def _metres(given: Mapping[str, str]) -> float | None:
    if not given.get("radius"):
        return None
    try:
        found = float(given["radius"])
    except ValueError:
        found = -1.0
    if not 0 <= found <= FARTHEST_M:
        raise Invalid(
            "“{text}” is no radius",
            field="radius",
            mend="give metres from 0 to {most}",
            text=given["radius"][:40],
            most=int(FARTHEST_M),
        )
    return found


def _interval(given: Mapping[str, str]) -> Interval:
    if given.get("datetime"):
        return parameters.interval(given["datetime"])
    moment = now()
    return moment, moment


def _collections(given: Mapping[str, str]) -> tuple[str, ...]:
    found = parameters.names(given.get("collections", ""))
    if len(found) > _MOST_COLLECTIONS:
        raise Invalid(
            "more than {most} collections are named",
            field="collections",
            mend="name fewer, or none to ask all",
            most=_MOST_COLLECTIONS,
        )
    return found
