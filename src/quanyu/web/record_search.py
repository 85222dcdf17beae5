"""Parameters of a catalogue search, and the part of CQL2 that the catalogue understands."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from quanyu.catalogue import ACCESSES, KINDS, THEMES, Access, Kind, Search, Sort
from quanyu.kernel import Invalid, Language, PartyId
from quanyu.spacetime import Cql2, Field, FieldType, parse_filter
from quanyu.web import parameters
from quanyu.web.filters import filter_language

Word = TypeVar("Word", bound=StrEnum)

_NAMES = ("type", "theme", "access", "provider", "id", "externalId")
_PLURAL = {"id": "ids", "externalId": "externalIds"}

QUERYABLES: dict[str, Any] = {
    "type": {"title": "Kind", "type": "string", "enum": [kind.value for kind in KINDS]},
    "theme": {"title": "Theme", "type": "string", "enum": list(THEMES)},
    "access": {"title": "Access", "type": "string", "enum": [one.value for one in ACCESSES]},
    "provider": {"title": "Provider", "type": "string"},
    "id": {"title": "Identifier", "type": "string"},
    "externalId": {"title": "Published identifier", "type": "string"},
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
        *("filter", "filter-lang"),
    }
)
_FIELDS = tuple(Field(name, FieldType.STRING) for name in _NAMES)
_MOST = 1000
_LONGEST = 1000


def search_of(given: Mapping[str, str], language: Language) -> Search:
    """The search that these parameters ask for; :class:`Invalid` for what cannot be sought."""
    wanted: dict[str, frozenset[str] | None] = {}
    for name in _NAMES:
        key = _PLURAL.get(name, name)
        if key in given:
            wanted[name] = frozenset(parameters.names(given[key]))
    if "filter" in given:
        expression = parse_filter(given["filter"], _FIELDS, filter_language(given))
        for name, values in _equalities(expression):
            known = wanted.get(name)
            wanted[name] = values if known is None else known & values
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
    )


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


def _equalities(expression: Cql2) -> list[tuple[str, frozenset[str]]]:
    """``and`` of ``=`` and ``in`` over the queryables; the catalogue understands no more."""
    match expression:
        case {"op": "and", "args": [*parts]}:
            return [pair for part in parts for pair in _equalities(part)]
        case {"op": "=", "args": [{"property": str(name)}, str(value)]} if name in _NAMES:
            return [(name, frozenset({value}))]
        case {"op": "in", "args": [{"property": str(name)}, [*values]]} if name in _NAMES and all(
            isinstance(value, str) for value in values
        ):
            return [(name, frozenset(values))]
    raise Invalid(
        "a filter of the catalogue is equalities and lists of values, joined by AND",
        field="filter",
        mend="give such as type = 'dataset' AND theme IN ('transport', 'housing')",
    )
