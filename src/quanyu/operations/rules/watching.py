"""Which datastreams a rule watches, and what is judged of itself."""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy.orm import Session

from quanyu.kernel import ResourceId
from quanyu.operations.rules.backtesting import Subject
from quanyu.operations.rules.model import Composite, Rule, Watch
from quanyu.streams import (
    WatchedStream,
    datastreams_of_things,
    datastreams_where,
    watched_streams,
)

WHOLE = "all"
"""The subject of a composite that judges everything together."""


def matches(watch: Watch, one: WatchedStream) -> bool:
    """Whether a datastream satisfies each thing that is said."""
    wanted = watch.observed_property
    if wanted and not any(wanted in names for names in one.observed_properties):
        return False
    if watch.template and watch.template != one.template:
        return False
    if watch.things and one.thing_id not in watch.things:
        return False
    if watch.datastreams and one.id not in watch.datastreams:
        return False
    return watch.area is None or _inside(watch.area, one)


def concerns(rule: Rule, one: WatchedStream) -> bool:
    """Whether a rule judges a datastream, of itself or as part of a composite."""
    if not matches(rule.watch, one):
        return False
    if not isinstance(rule.when, Composite):
        return True
    return any(matches(term.watch, one) for term in rule.when.terms)


def subject_of(rule: Rule, one: WatchedStream) -> str:
    """The key of what is judged when a datastream has an observation."""
    if not isinstance(rule.when, Composite):
        return str(one.number)
    return f"thing:{one.thing}" if rule.when.by_thing else WHOLE


def watched(
    session: Session, resource: ResourceId, rule: Rule, *, after: int = 0, limit: int = 1_000
) -> list[WatchedStream]:
    """Datastreams that a rule watches, in order of their numbers, after one of them."""
    found: list[WatchedStream] = []
    watch = rule.watch
    while len(found) < limit:
        numbers = datastreams_where(
            session,
            resource,
            observed_property=watch.observed_property,
            things=watch.things,
            datastreams=watch.datastreams,
            box=_box(watch.area),
            after=after,
            limit=limit,
        )
        if not numbers:
            break
        known = watched_streams(session, numbers)
        found += [
            known[number] for number in numbers if number in known and concerns(rule, known[number])
        ]
        after = numbers[-1]
    return found[:limit]


def subjects_of(
    session: Session, resource: ResourceId, rule: Rule, limit: int = 1_000
) -> tuple[list[Subject], dict[str, WatchedStream]]:
    """What a rule judges, of at most ``limit`` datastreams, and a datastream that stands for each
    subject."""
    streams = watched(session, resource, rule, limit=limit)
    return grouped(rule, streams), {subject_of(rule, one): one for one in reversed(streams)}


def grouped(rule: Rule, streams: Iterable[WatchedStream]) -> list[Subject]:
    """Datastreams put together into subjects."""
    if not isinstance(rule.when, Composite):
        return [Subject(str(one.number), {"": (one.number,)}) for one in streams]
    found: dict[str, dict[str, list[int]]] = {}
    for one in streams:
        members = found.setdefault(
            subject_of(rule, one), {term.name: [] for term in rule.when.terms}
        )
        for term in rule.when.terms:
            if matches(term.watch, one):
                members[term.name].append(one.number)
    return [Subject(key, members) for key, members in found.items()]


def whole_subjects(
    session: Session, resource: ResourceId, rule: Rule, touched: Sequence[WatchedStream], limit: int
) -> list[Subject]:
    """The subjects of a composite that have one of those datastreams, with all that belongs to
    them."""
    if isinstance(rule.when, Composite) and rule.when.by_thing:
        numbers = datastreams_of_things(session, sorted({one.thing for one in touched}))
        known = watched_streams(session, numbers)
        return grouped(rule, [one for one in known.values() if concerns(rule, one)])
    return grouped(rule, watched(session, resource, rule, limit=limit))


def _inside(area: Mapping[str, Any], one: WatchedStream) -> bool:
    import shapely

    if one.lon is None or one.lat is None:
        return False
    return bool(shapely.contains_xy(_polygon(json.dumps(area)), one.lon, one.lat))


def _box(area: Mapping[str, Any] | None) -> tuple[float, float, float, float] | None:
    if area is None:
        return None
    west, south, east, north = _polygon(json.dumps(area)).bounds
    return west, south, east, north


@lru_cache(maxsize=256)
def _polygon(text: str) -> Any:
    import shapely

    area = shapely.from_geojson(text)
    shapely.prepare(area)
    return area
