"""From the parameters of a request to a :class:`Query`: names, filters, systems, pages.

Only what the view shows can be named: a hidden column is as unknown as one that never was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isfinite
from typing import Any, Literal

from quanyu.kernel import Invalid
from quanyu.spacetime import (
    ALL,
    BD09,
    CHINA,
    CRS84,
    CRS84H,
    GCJ02,
    Cql2,
    Field,
    FieldType,
    Query,
    View,
    parse_filter,
    zones_within,
)
from quanyu.web import parameters
from quanyu.web.parameters import COMMON, MOST

PAGE = frozenset(
    {
        "bbox",
        "bbox-crs",
        "datetime",
        "limit",
        "after",
        "crs",
        "filter",
        "filter-lang",
        "filter-crs",
        "properties",
        "sortby",
        "count",
    }
)
_INDEXED = COMMON | {"bbox", "limit", "after"}
_BARE = Query()
_TRUTH = {"true": True, "false": False}
_GEODETIC = tuple(f"http://www.opengis.net/def/crs/EPSG/0/{code}" for code in (4326, 3857, 4490))
_EPSG = "http://www.opengis.net/def/crs/EPSG/0/"


def systems(view: View) -> tuple[str, ...]:
    """CRS that features can be given in, the storage CRS first.

    Around China the Gauss-Krüger zones of CGCS2000 that the data touch, of 3° and 6°, without and
    with the zone's number (EPSG:4491–4554), and the offsets of web maps, GCJ-02 and BD-09;
    elsewhere the UTM zones.
    """
    storage = view.version.storage_crs
    found = [storage, *(uri for uri in (CRS84,) if uri != storage), *_GEODETIC]
    box = view.extent()[0]
    if box is not None:
        found += _zones(box)
    return tuple(found)


def _zones(box: Sequence[float]) -> list[str]:
    west, south, east, north = box
    if west >= CHINA[0] and south >= CHINA[1] and east <= CHINA[2] and north <= CHINA[3]:
        codes = (code.removeprefix("EPSG:") for code in zones_within(west, east))
        return [*(_EPSG + code for code in codes), GCJ02, BD09]
    south_of_equator = (south + north) / 2 < 0
    zones = range(int((west + 180) // 6) + 1, min(int((east + 180) // 6) + 1, 60) + 1)
    return [f"{_EPSG}{(32700 if south_of_equator else 32600) + zone}" for zone in zones[:6]]


def default_crs(view: View) -> str:
    """CRS of answers that name none: CRS84, with heights where there are heights."""
    return view.version.storage_crs


def query_of(given: Mapping[str, str], view: View) -> Query:
    """The query that these parameters ask of this view; :class:`Invalid` for what cannot be."""
    extra = given.keys() - PAGE - COMMON
    fields = {field.name: field for field in view.fields}
    if extra:
        parameters.check_known(given, PAGE | COMMON | (fields.keys() - PAGE))
    box = parameters.bbox(given["bbox"]) if "bbox" in given else None
    if len(given) == (box is not None) + ("limit" in given):
        # The commonest request by far: a window and a limit.
        limit = parameters.whole(given, "limit", _BARE.limit, least=1, most=MOST)
        return Query(bbox=box, limit=limit, crs=default_crs(view))
    return Query(
        bbox=box,
        bbox_crs=_crs(given, "bbox-crs", view, CRS84H if box and len(box) == 6 else CRS84),
        interval=parameters.interval(given["datetime"]) if "datetime" in given else None,
        filter=_filter(given, view, [fields[name] for name in sorted(extra)]),
        filter_crs=_crs(given, "filter-crs", view, CRS84),
        properties=_names(given, fields),
        sortby=_sort(given, fields),
        limit=parameters.whole(given, "limit", _BARE.limit, least=1, most=MOST),
        after=given.get("after"),
        crs=_crs(given, "crs", view, default_crs(view)),
        count=_count(given),
    )


def plain(given: Mapping[str, str]) -> bool:
    """Whether these parameters ask for a window, a time or a page only: what the index answers."""
    return given.keys() <= _INDEXED


WHOLE = (PAGE - {"limit", "after", "count"}) | COMMON
"""Parameters of a download: those of a page that do not cut it into pages."""


def everything(given: Mapping[str, str], view: View) -> Query:
    """All that these parameters leave of a collection, for a download."""
    parameters.check_known(given, WHOLE)
    return replace(query_of(given, view), limit=ALL)


def crs_of(given: Mapping[str, str], view: View) -> str:
    """The CRS asked for, one of the collection's."""
    return _crs(given, "crs", view, default_crs(view))


def filter_language(given: Mapping[str, str]) -> Literal["cql2-text", "cql2-json"]:
    """The language of ``filter``: text unless JSON is named."""
    match given.get("filter-lang", "cql2-text"):
        case "cql2-text":
            return "cql2-text"
        case "cql2-json":
            return "cql2-json"
    raise Invalid(
        "this filter language is not known",
        field="filter-lang",
        mend="use cql2-text or cql2-json",
    )


def sortable(field: Field) -> bool:
    """Whether features can be put in order by it."""
    return field.type not in {FieldType.JSON, FieldType.BINARY}


def _crs(given: Mapping[str, str], name: str, view: View, default: str) -> str:
    if name not in given:
        return default
    asked = parameters.crs(given[name], name)
    if asked not in (CRS84, CRS84H) and asked not in systems(view):
        raise Invalid(
            "the collection cannot be had in {crs}",
            field=name,
            mend="use one of the list “crs” of the collection",
            crs=asked,
        )
    return asked


def _names(given: Mapping[str, str], fields: Mapping[str, Field]) -> tuple[str, ...] | None:
    if "properties" not in given:
        return None
    asked = parameters.names(given["properties"])
    _known(asked, fields, "properties")
    return asked


def _sort(given: Mapping[str, str], fields: Mapping[str, Field]) -> tuple[tuple[str, bool], ...]:
    if "sortby" not in given:
        return ()
    asked = parameters.sortby(given["sortby"])
    _known([name for name, _ in asked], {n: f for n, f in fields.items() if sortable(f)}, "sortby")
    return asked


def _known(asked: Sequence[str], fields: Mapping[str, Field], parameter: str) -> None:
    for name in asked:
        if name not in fields:
            raise Invalid(
                "there is no property “{name}”",
                field=parameter,
                mend="use these: {names}",
                name=name[:80],
                names=", ".join(fields),
            )


def _count(given: Mapping[str, str]) -> bool:
    text = given.get("count")
    if text not in {None, "exact"}:
        raise Invalid("a count can be exact or left out", field="count", mend="give count=exact")
    return text == "exact"


def _filter(given: Mapping[str, str], view: View, equal: Sequence[Field]) -> Cql2 | None:
    language = filter_language(given)
    parts: list[Cql2] = [
        {"op": "=", "args": [{"property": field.name}, _value(field, given[field.name])]}
        for field in equal
    ]
    if "filter" in given:
        parts.append(parse_filter(given["filter"], view.fields, language))
    if len(parts) > 1:
        return {"op": "and", "args": parts}
    return parts[0] if parts else None


def _value(field: Field, text: str) -> Any:
    """The value that a property is asked to equal (Part 3, queryables as query parameters)."""
    try:
        match field.type:
            case FieldType.INTEGER if -(2**63) <= (number := int(text)) < 2**63:
                return number
            case FieldType.NUMBER if isfinite(real := float(text)):
                return real
            case FieldType.BOOLEAN:
                return _TRUTH[text.lower()]
            case FieldType.DATE:
                return {"date": text}
            case FieldType.DATETIME:
                return {"timestamp": text}
            case FieldType.STRING:
                return text
    except (ValueError, KeyError):
        pass
    raise Invalid(
        "“{text}” is no value of the type {type}",
        field=field.name,
        mend="give a value of that type, or use filter=",
        text=text[:60],
        type=field.type.value,
    )
