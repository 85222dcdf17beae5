"""From the address of a search page to the search that it asks for, and what it shows of it."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from quanyu.catalogue import (
    Access,
    Bbox,
    Grade,
    Interval,
    Kind,
    Search,
    Sort,
    UpdateCycle,
)
from quanyu.kernel import Invalid, PartyId
from quanyu.web import parameters
from quanyu.web.portal.visit import no_such_value

Value = TypeVar("Value")
PAGE = 20
FILTERS = {
    "access": "accesses",
    "kind": "kinds",
    "theme": "themes",
    "freshness": "freshness",
    "health": "healths",
    "provider": "providers",
    "format": "formats",
    "licence": "licences",
    "cycle": "cycles",
    "grade": "grades",
}
"""Parameters of the facets, and the names of their filters."""
SIDES = ("west", "south", "east", "north")
PLACE = ("bbox", *SIDES)
TIME = ("datetime", "from", "to")


def read_search(given: Mapping[str, str]) -> Search:
    """The search that an address asks for; :class:`Invalid` names what is not understood."""
    return Search(
        q=given.get("q", "")[:1000],
        kinds=_known(Kind, given, "kind"),
        accesses=_known(Access, given, "access"),
        cycles=_known(UpdateCycle, given, "cycle"),
        grades=_known(Grade, given, "grade"),
        freshness=frozenset(values(given, "freshness")),
        healths=frozenset(values(given, "health")),
        themes=frozenset(values(given, "theme")),
        providers=frozenset(PartyId(value) for value in values(given, "provider")),
        formats=frozenset(value.upper() for value in values(given, "format")),
        licences=frozenset(values(given, "licence")),
        bbox=read_place(given),
        interval=read_time(given),
        sort=_one(Sort, given.get("sort") or Sort.RELEVANCE, "sort"),
        limit=PAGE,
        after=given.get("after") or None,
        literal=given.get("literal") == "1",
    )


def values(given: Mapping[str, str], name: str) -> list[str]:
    """The values that a parameter lists."""
    return [value for value in given.get(name, "").split(",") if value]


def read_place(given: Mapping[str, str]) -> Bbox | None:
    """``bbox``, or the four sides that a form sends; ``None`` when none is given."""
    sides = [given.get(side, "").strip() for side in SIDES]
    if not any(sides):
        text = given.get("bbox", "").strip()
        if not text:
            return None
        box = parameters.bbox(text)
        return (box[0], box[1], box[len(box) // 2], box[len(box) // 2 + 1])
    missing = next((side for side, said in zip(SIDES, sides, strict=True) if not said), None)
    if missing:
        raise Invalid(
            "a region needs all four sides", field=missing, mend="give degrees, such as 24.9"
        )
    box = parameters.bbox(",".join(sides))
    return (box[0], box[1], box[2], box[3])


def read_time(given: Mapping[str, str]) -> Interval | None:
    """``datetime``, or the first and last day that a form sends; ``None`` when none is given."""
    first, last = (given.get(name, "").strip() for name in ("from", "to"))
    text = f"{first or '..'}/{last or '..'}" if first or last else given.get("datetime", "").strip()
    return parameters.interval(text) if text else None


def _known(kind: Callable[[str], Value], given: Mapping[str, str], name: str) -> frozenset[Value]:
    return frozenset(_one(kind, value, name) for value in values(given, name))


def _one(kind: Callable[[str], Value], value: str, name: str) -> Value:
    try:
        return kind(value)
    except ValueError as error:
        raise no_such_value(name) from error
