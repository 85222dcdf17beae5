"""Parameters of a catalogue search: those of OGC API - Records, and CQL2 over the queryables."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from quanyu.catalogue import (
    ACCESSES,
    GRADES,
    KINDS,
    THEMES,
    UPDATE_CYCLES,
    Access,
    Kind,
    Search,
    Sort,
)
from quanyu.kernel import Invalid, Language, PartyId
from quanyu.spacetime import parse_filter
from quanyu.web import parameters
from quanyu.web.filters import filter_language

Word = TypeVar("Word", bound=StrEnum)

_NAMES = ("type", "theme", "access", "provider", "id", "externalId")
_PLURAL = {"id": "ids", "externalId": "externalIds"}


def _words_of(title: str, codes: Mapping[Any, Any]) -> dict[str, Any]:
    return {"title": title, "type": "string", "enum": [str(code) for code in codes]}


def _text_of(title: str, **rest: str) -> dict[str, Any]:
    return {"title": title, "type": "string", **rest}


QUERYABLES: dict[str, Any] = {
    "type": _words_of("Kind", KINDS),
    "theme": _words_of("Theme", THEMES),
    "access": _words_of("Access", ACCESSES),
    "grade": _words_of("Grade", GRADES),
    "updateCycle": _words_of("Update cycle", UPDATE_CYCLES),
    "provider": _text_of("Provider"),
    "license": _text_of("Licence"),
    "format": _text_of("Format"),
    "id": _text_of("Identifier"),
    "externalId": _text_of("Published identifier"),
    "slug": _text_of("Name in addresses"),
    "title": _text_of("Title"),
    "created": _text_of("Created", format="date-time"),
    "updated": _text_of("Updated", format="date-time"),
    "geometry": {
        "title": "Extent",
        "format": "geometry-polygon",
        "x-ogc-role": "primary-geometry",
    },
    "time": {"title": "Time", "x-ogc-role": "primary-interval"},
}
SORTABLES: dict[str, Any] = {
    "title": {"title": "Title", "type": "string"},
    "created": {"title": "Created", "type": "string", "format": "date-time"},
    "updated": {"title": "Updated", "type": "string", "format": "date-time"},
}
PARAMETERS = frozenset(
    {
        *("f", "lang", "limit", "after", "q", "bbox", "datetime", "sortby"),
        *("type", "theme", "access", "provider", "ids", "externalIds"),
        *("filter", "filter-lang", "filter-crs"),
    }
)
_CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
_MOST = 1000
_LONGEST = 1000


def search_of(given: Mapping[str, str], language: Language) -> Search:
    """The search that these parameters ask for; :class:`Invalid` for what cannot be sought."""
    wanted: dict[str, frozenset[str] | None] = {}
    for name in _NAMES:
        key = _PLURAL.get(name, name)
        if key in given:
            wanted[name] = frozenset(parameters.names(given[key]))
    none_left = next((name for name, values in wanted.items() if not values), None)
    if none_left is not None:
        # An empty set would not narrow; what can match nothing is asked as an id that nobody has.
        wanted = {"id": frozenset({"-"})}
    sort, reverse = _sort(given, language)
    box = parameters.bbox(given["bbox"]) if "bbox" in given else None
    return Search(
        q=_words_sought(given),
        kinds=_words(Kind, wanted.get("type"), "type"),
        themes=_set(wanted.get("theme")),
        accesses=_words(Access, wanted.get("access"), "access"),
        providers=frozenset(PartyId(one) for one in _set(wanted.get("provider"))),
        ids=_set(wanted.get("id")),
        external_ids=_set(wanted.get("externalId")),
        bbox=None if box is None else (box[0], box[1], box[len(box) // 2], box[len(box) // 2 + 1]),
        interval=parameters.interval(given["datetime"]) if "datetime" in given else None,
        sort=sort,
        reverse=reverse,
        limit=parameters.whole(given, "limit", 10, least=1, most=_MOST),
        after=given.get("after"),
        facets=False,
        filter=_filter(given),
        literal=True,
    )


def _filter(given: Mapping[str, str]) -> Mapping[str, Any] | None:
    language = filter_language(given)
    if given.get("filter-crs", _CRS84) != _CRS84:
        raise Invalid(
            "extents of records are in CRS84", field="filter-crs", mend="use {crs}", crs=_CRS84
        )
    if "filter" not in given:
        return None
    return parse_filter(given["filter"], None, language)


def _words_sought(given: Mapping[str, str]) -> str:
    text = given.get("q", "")
    if len(text) > _LONGEST:
        raise Invalid(
            "this is longer than {most} characters", field="q", mend="shorten it", most=_LONGEST
        )
    return text


def _set(values: frozenset[str] | None) -> frozenset[str]:
    return values or frozenset()


def _words(
    kind: Callable[[str], Word], values: frozenset[str] | None, field: str
) -> frozenset[Word]:
    found = set()
    for value in _set(values):
        try:
            found.add(kind(value))
        except ValueError as error:
            raise Invalid(
                "“{value}” is none of the known words",
                field=field,
                mend="use one of: {words}",
                value=value[:60],
                words=", ".join(QUERYABLES[field]["enum"]),
            ) from error
    return frozenset(found)


def _sort(given: Mapping[str, str], language: Language) -> tuple[Sort, bool]:
    if "sortby" not in given:
        return Sort.RELEVANCE, False
    (name, falling), *rest = parameters.sortby(given["sortby"])
    if name not in SORTABLES or rest:
        raise Invalid(
            "records can be sorted by one of: {names}",
            field="sortby",
            mend="give such as -updated",
            names=", ".join(SORTABLES),
        )
    if name == "title":
        return (Sort.TITLE_ZH if language == "zh" else Sort.TITLE_EN), falling
    # The natural order of a time is the newest first.
    return (Sort.UPDATED if name == "updated" else Sort.CREATED), not falling
