"""Entities out of the JSON that clients send, checked; nothing is looked up or written here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import orjson

from quanyu.kernel import Invalid
from quanyu.streams.cadences import check_cadence
from quanyu.streams.entities import GEOJSON, OBSERVATION, TYPES, EntityType, Kind
from quanyu.streams.qartod import checks_of
from quanyu.streams.times import instant
from quanyu.streams.units import check_unit

MOST_DEEP = 8
_LONGEST_ID = 255
_LONGEST_TEXT = 10_000
_LARGEST = 200_000
_ID = "@iot.id"

Given: TypeAlias = str | int
"""An ``@iot.id``."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An entity as it was sent: ``values`` by columns, ``inner`` by navigation, ``raw`` what was
    sent of an observation. ``id`` where the client gave one; ``bare``: it gave nothing else."""

    kind: EntityType
    where: str
    id: Given | None = None
    bare: bool = False
    values: Mapping[str, Any] = field(default_factory=dict)
    inner: Mapping[str, tuple["Draft", ...]] = field(default_factory=dict)
    raw: Mapping[str, Any] = field(default_factory=dict)


def draft_of(kind: EntityType, sent: Any, where: str = "", *, deep: int = 0) -> Draft:
    """An entity that is to be made, or one that is named by its id.

    Raises :class:`Invalid` naming the first member that is wrong, by its path.
    """
    if deep > MOST_DEEP:
        raise Invalid(
            "entities are nested deeper than {most}",
            field=where,
            mend="send them apart",
            most=MOST_DEEP,
        )
    if not isinstance(sent, Mapping):
        raise Invalid("an entity is a JSON object", field=where or kind.name, mend="send one")
    given = given_id(sent[_ID], f"{where}{_ID}") if _ID in sent else None
    content = {name: value for name, value in sent.items() if not _control(name)}
    inner = {
        name: tuple(_inner(kind, name, content.pop(name), where, deep))
        for name in list(content)
        if name in kind.navigations and content[name] is not None
    }
    content = {name: value for name, value in content.items() if name not in kind.navigations}
    if given is not None and not content and not inner:
        return Draft(kind, where, given, bare=True)
    if kind.name == OBSERVATION:
        return Draft(kind, where, given, inner=inner, raw=content)
    # One that has an id may be there already, and is then meant as it stands.
    values = values_of(kind, content, where, whole=given is None)
    return Draft(kind, where, given, values=values, inner=inner)


def values_of(
    kind: EntityType, content: Mapping[str, Any], where: str = "", *, whole: bool = True
) -> dict[str, Any]:
    """Values of columns out of the properties sent; all that are required must be there when
    ``whole``. Raises :class:`Invalid` for one that is missing, unknown or of another kind."""
    found: dict[str, Any] = {}
    for name, value in content.items():
        of = kind.properties.get(name)
        if of is None:
            raise Invalid(
                "{entity} has no property {name}",
                field=f"{where}{name}",
                mend="put what is your own under properties",
                entity=kind.name,
                name=name[:60],
            )
        if of.column is None:
            continue  # said by the service itself; clients send it back as they got it
        found[of.column] = _checked(value, of.kind, f"{where}{name}", required=of.required)
    return _completed(kind, complete(kind, found, where) if whole else found, where)


def complete(kind: EntityType, found: Mapping[str, Any], where: str = "") -> dict[str, Any]:
    """Values with ``None`` for those that may be missing; raises :class:`Invalid` for others."""
    whole = dict(found)
    for of in kind.properties.values():
        if of.column is None:
            continue
        if of.required and of.column not in whole:
            raise _missing(kind, f"{where}{of.name}")
        whole.setdefault(of.column, None)
    return whole


def given_id(value: Any, where: str = _ID) -> Given:
    """An ``@iot.id`` that a client gave; raises :class:`Invalid`."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53:
        return value
    if isinstance(value, str) and 0 < len(value) <= _LONGEST_ID and value.isprintable():
        return value
    raise Invalid(
        "an id is an integer, or a text of 1 to {most} printable characters",
        field=where,
        mend="leave it out to have one made",
        most=_LONGEST_ID,
    )


def place_of(value: Any, where: str) -> tuple[bytes, tuple[float, float, float, float]]:
    """WKB and box of a GeoJSON geometry or feature in CRS84; raises :class:`Invalid`."""
    import shapely

    geometry = value.get("geometry") if value.get("type") == "Feature" else value
    try:
        shape = shapely.from_geojson(orjson.dumps(geometry))
    except (shapely.errors.ShapelyError, TypeError, ValueError) as error:
        raise _no_geometry(where) from error
    if shape is None or shape.is_empty:
        raise _no_geometry(where)
    west, south, east, north = map(float, shape.bounds)
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise Invalid(
            "coordinates are longitude and latitude in degrees",
            field=where,
            mend="write longitude first, from -180 to 180, then latitude, from -90 to 90",
        )
    return shapely.to_wkb(shape), (west, south, east, north)


def _inner(kind: EntityType, name: str, sent: Any, where: str, deep: int) -> Iterator[Draft]:
    navigation = kind.navigations[name]
    target = TYPES[navigation.target]
    listed = sent if isinstance(sent, list) else [sent]
    if not navigation.many and len(listed) != 1:
        raise Invalid("{name} is one entity", field=f"{where}{name}", mend="send one", name=name)
    for number, one in enumerate(listed):
        step = f"{name}[{number}]." if navigation.many else f"{name}."
        yield draft_of(target, one, f"{where}{step}", deep=deep + 1)


def _control(name: str) -> bool:
    return name.startswith("@iot.") or name.endswith(
        ("@iot.navigationLink", "@iot.count", "@iot.nextLink")
    )


def _checked(value: Any, kind: Kind, where: str, *, required: bool) -> Any:
    if value is None:
        if required:
            raise Invalid("this is required", field=where, mend="send a value")
        return None
    match kind:
        case Kind.TEXT:
            if not isinstance(value, str) or len(value) > _LONGEST_TEXT or "\0" in value:
                raise Invalid(
                    "this is a text of at most {most} characters",
                    field=where,
                    mend="shorten it, or send a text",
                    most=_LONGEST_TEXT,
                )
        case Kind.INSTANT:
            return instant(value, where)
        case Kind.JSON:
            if not isinstance(value, dict | list):
                raise Invalid("this is a JSON object", field=where, mend="send an object")
            _check_size(value, where)
        case _:
            _check_size(value, where)
    return value


def _check_size(value: Any, where: str) -> None:
    try:
        size = len(orjson.dumps(value))
    except orjson.JSONEncodeError as error:
        raise Invalid("this cannot be kept as JSON", field=where, mend="send JSON") from error
    if size > _LARGEST:
        raise Invalid(
            "this is larger than {most} bytes",
            field=where,
            mend="keep it elsewhere and link it",
            most=_LARGEST,
        )


def _completed(kind: EntityType, found: dict[str, Any], where: str) -> dict[str, Any]:
    """What follows from the values sent: boxes of places, symbols of units."""
    said = f"{where}{next((n for n, of in kind.properties.items() if of.column == 'place'), '')}"
    if found.get("place") is not None:
        found |= dict.fromkeys(("geometry", "west", "south", "east", "north"))
        if found.get("encoding_type", GEOJSON[0]) in GEOJSON:
            if not isinstance(found["place"], dict):
                raise _no_geometry(said)
            geometry, box = place_of(found["place"], said)
            found["geometry"] = geometry
            found |= dict(zip(("west", "south", "east", "north"), box, strict=True))
    if kind.multi is not None:
        check_cadence(found.get("properties"), f"{where}properties")
        if checks_of(found.get("properties"), f"{where}properties"):
            _check_tested(kind, f"{where}properties")
    if "unit" in found:
        found["symbol"] = _symbol(found["unit"], f"{where}unitOfMeasurement")
    return found


def _check_tested(kind: EntityType, where: str) -> None:
    if kind.multi:
        raise Invalid(
            "results of several values are not tested",
            field=f"{where}.qartod",
            mend="declare tests of a Datastream",
        )


def _symbol(unit: Any, where: str) -> str:
    """The symbol of a unit, or of each unit of a list, apart by spaces."""
    units = unit if isinstance(unit, list) else [unit]
    if not all(isinstance(one, dict) for one in units):
        raise Invalid(
            "a unit is an object with name, symbol and definition", field=where, mend="send it so"
        )
    said = [one.get("symbol") for one in units]
    if not all(one is None or isinstance(one, str) for one in said):
        raise Invalid("the symbol of a unit is a text", field=f"{where}.symbol", mend="send a text")
    for one in units:
        if isinstance(one.get("definition"), str):
            check_unit(one["definition"], f"{where}.definition")
    return " ".join(one or "" for one in said).strip()[:64]


def _missing(kind: EntityType, where: str) -> Invalid:
    return Invalid("{entity} needs this", field=where, mend="send it too", entity=kind.name)


def _no_geometry(where: str) -> Invalid:
    return Invalid(
        "this is no GeoJSON geometry",
        field=where,
        mend='send one such as {"type": "Point", "coordinates": [longitude, latitude]}',
    )
