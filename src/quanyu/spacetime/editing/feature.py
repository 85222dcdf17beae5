"""A feature as somebody sends it (GeoJSON, JSON-FG) as values of a row, each field checked."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import shapely

from quanyu.kernel import Invalid
from quanyu.spacetime.edits.rows import Row
from quanyu.spacetime.encode import geojson
from quanyu.spacetime.model import (
    BOUNDS,
    GEOMETRY,
    HEIGHTS,
    Field,
    FieldType,
    GeometryType,
    Interval,
    Version,
)
from quanyu.spacetime.projection import project

if TYPE_CHECKING:
    from numpy.typing import NDArray

_INT64 = 1 << 63
_LONGEST = 1 << 20
_MOMENT = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})"
)
_MANY = {
    GeometryType.MULTIPOINT: (0, 4, shapely.multipoints),
    GeometryType.MULTILINESTRING: (1, 5, shapely.multilinestrings),
    GeometryType.MULTIPOLYGON: (3, 6, shapely.multipolygons),
}
_ONE = {GeometryType.POINT: 0, GeometryType.LINESTRING: 1, GeometryType.POLYGON: 3}


def check_members(feature: Mapping[str, Any], where: str, *, patch: bool) -> None:
    """Raise ``Invalid`` for what is no feature (a patch need not say that it is one)."""
    kind = feature.get("type")
    if kind != "Feature" and not (patch and kind is None):
        raise Invalid(
            "this is no feature", field=f"{where}type", mend='give an object of type "Feature"'
        )
    properties = feature.get("properties")
    if properties is not None and not isinstance(properties, Mapping):
        raise Invalid(
            "the properties of a feature are an object", field=f"{where}properties", mend="give one"
        )


def id_of(feature: Mapping[str, Any], where: str) -> str | None:
    """The id that a feature names; ``None`` when it names none."""
    given = feature.get("id")
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, str | int):
        raise Invalid("an id is a text or a number", field=f"{where}id", mend="give such an id")
    text = str(given)
    if not 0 < len(text) <= 200 or not text.isprintable() or text.strip() != text:
        raise Invalid(
            "an id has 1 to {longest} printable characters",
            field=f"{where}id",
            mend="give such an id, or none: then one is made",
            longest=200,
        )
    return text


def value_of(field: Field, given: Any, where: str) -> Any:
    """A JSON value as one of the field's type; raises ``Invalid`` naming the field."""
    if given is None:
        return None
    try:
        return _READERS[field.type](given)
    except (ValueError, TypeError, OverflowError, binascii.Error) as error:
        raise Invalid(
            "“{value}” is no value of the type {type}",
            field=f"{where}properties.{field.name}",
            mend="give one, or null",
            value=_shown(given),
            type=field.type.value,
        ) from error


def valid_of(given: Any, where: str) -> Interval:
    """The times of the member ``time`` of JSON-FG (OGC 21-045, clause 7.6)."""
    if given is None:
        return None, None
    try:
        start, end = _period(given)
        found = _moment(start, late=False), _moment(end, late=True)
    except (ValueError, TypeError, KeyError) as error:
        raise _bad_time(where) from error
    if found[0] is not None and found[1] is not None and found[0] > found[1]:
        raise _bad_time(where)
    return found


def geometry_of(given: Any, crs: str, version: Version, where: str) -> Any:
    """The geometry of a feature in CRS84, fit for the version's table; ``None`` for none.

    Raises ``Invalid`` (field ``geometry``) for what cannot be read, is invalid, lies outside of the
    globe, or is of another type than the table's.
    """
    from quanyu.spacetime.intake.geometry import shape
    from quanyu.spacetime.intake.model import Sieve

    if given is None:
        return None
    if version.geometry is GeometryType.NONE:
        raise _bad(where, detail="these data have no geometry", mend="leave it out")
    try:
        found = shapely.from_geojson(orjson.dumps(given))
    except (shapely.errors.ShapelyError, ValueError, TypeError) as error:
        raise _bad(
            where, detail="the geometry is no GeoJSON", mend="see RFC 7946, section 3.1"
        ) from error
    if found is None or shapely.is_empty(found):
        return None
    if shapely.has_z(found) and not version.has_z:
        raise _bad(where, detail="these data have no heights", mend="give positions of two numbers")
    placed = project(np.array([found], dtype=object), crs, inverse=True)
    sieve = Sieve(1)
    shaped = shape(placed, None, sieve, swap=False, repair=False)
    for reason in sieve.reasons.values():
        raise _bad(
            where, detail="the geometry cannot be kept: {reason}", mend="mend it", reason=reason
        )
    made = shapely.from_wkb(shaped.wkb[0].as_py())
    return typed(made, version.geometry, where)


def columns_of(geometry: Any, version: Version) -> Row:
    """A geometry (or ``None``) as the columns that hold it and its box."""
    if version.geometry is GeometryType.NONE:
        return {}
    names = (*BOUNDS, *(HEIGHTS if version.has_z else ()))
    if geometry is None:
        return {GEOMETRY: None, **dict.fromkeys(names)}
    row: Row = {GEOMETRY: shapely.to_wkb(geometry, flavor="iso")}
    row |= dict(zip(BOUNDS, shapely.bounds(geometry).tolist(), strict=True))
    if version.has_z:
        heights = shapely.get_coordinates(geometry, include_z=True)[:, 2]
        known = heights[~np.isnan(heights)]
        ends = (float(known.min()), float(known.max())) if known.size else (None, None)
        row |= dict(zip(HEIGHTS, ends, strict=True))
    return row


def same_shape(one: Any, wkb: bytes | None) -> bool:
    """Whether a geometry is a stored one as answers show it: rounded."""
    other = None if wkb is None else shapely.from_wkb(wkb)
    if one is None or other is None:
        return one is None and other is None
    both: NDArray[Any] = np.empty(2, dtype=object)
    both[:] = [one, other]
    first, second = geojson(both).to_pylist()
    return bool(first == second)


def typed(geometry: Any, wanted: GeometryType, where: str) -> Any:
    """The geometry as one of the table's type, a single one among many as a collection of one;
    raises ``Invalid`` (field ``geometry``) for one of another type."""
    kind = int(shapely.get_type_id(geometry))
    single, many, collect = _MANY.get(wanted, (None, None, None))
    if collect is not None and kind == single:
        return collect([geometry])
    if wanted is GeometryType.GEOMETRY or kind in (many, _ONE.get(wanted)):
        return geometry
    raise _bad(
        where,
        detail="the geometry is a {given}, and that of these data a {wanted}",
        mend="give one of that type",
        given=geometry.geom_type,
        wanted=wanted.value,
    )


def _bad(where: str, *, detail: str, mend: str, **params: Any) -> Invalid:
    return Invalid(detail, field=f"{where}geometry", mend=mend, **params)


def _bad_time(where: str) -> Invalid:
    return Invalid(
        "this is no time of a feature",
        field=f"{where}time",
        mend='give {"date": …}, {"timestamp": …} or {"interval": [from, to]} as JSON-FG does',
    )


def _period(given: Mapping[str, Any]) -> tuple[Any, Any]:
    """Beginning and end of a ``time`` as they are written."""
    if "interval" in given:
        start, end = given["interval"]
        return start, end
    text = given["timestamp"] if "timestamp" in given else given["date"]
    return text, text


def _moment(text: Any, *, late: bool) -> datetime | None:
    """An instant, the beginning or the end of a day, or ``..``."""
    if text == "..":
        return None
    if not isinstance(text, str):
        raise TypeError("a time is a text")
    if len(text) == 10:
        day = date.fromisoformat(text)
        return datetime.combine(day, time.max if late else time.min, UTC)
    return _datetime(text)


def _shown(given: Any) -> str:
    return orjson.dumps(given, default=str).decode()[:60]


def _text(given: Any) -> str:
    if not isinstance(given, str) or len(given) > _LONGEST or "\0" in given:
        raise TypeError("no text")
    return given


def _integer(given: Any) -> int:
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise TypeError("no number")
    number = int(given)
    if number != given or not -_INT64 <= number < _INT64:
        raise ValueError("no whole number of 64 bits")
    return number


def _number(given: Any) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise TypeError("no number")
    number = float(given)
    if not isfinite(number):
        raise ValueError("not finite")
    return number


def _boolean(given: Any) -> bool:
    if not isinstance(given, bool):
        raise TypeError("no truth value")
    return given


def _date(given: Any) -> date:
    if not isinstance(given, str) or len(given) != 10:
        raise TypeError("no date")
    return date.fromisoformat(given)


def _datetime(given: Any) -> datetime:
    if not isinstance(given, str) or not _MOMENT.fullmatch(given):
        raise ValueError("no time with an offset")
    return datetime.fromisoformat(given.upper()).astimezone(UTC)


def _binary(given: Any) -> bytes:
    return base64.b64decode(_text(given), validate=True)


def _json(given: Any) -> str:
    return orjson.dumps(given).decode()


_READERS: dict[FieldType, Callable[[Any], Any]] = {
    FieldType.STRING: _text,
    FieldType.INTEGER: _integer,
    FieldType.NUMBER: _number,
    FieldType.BOOLEAN: _boolean,
    FieldType.DATE: _date,
    FieldType.DATETIME: _datetime,
    FieldType.BINARY: _binary,
    FieldType.JSON: _json,
}
