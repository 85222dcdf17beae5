"""Datastreams as rules, health and alerts see them: what each is of, where, and which there are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Row, or_, select
from sqlalchemy.orm import Session, aliased

from quanyu.kernel import ResourceId, batched
from quanyu.streams.tables import (
    DatastreamRow,
    FeatureRow,
    LocationRow,
    MultiPropertyRow,
    ObservedPropertyRow,
    RootRow,
    ThingLocationRow,
    ThingRow,
)

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class WatchedStream:
    """A datastream and what it hangs on.

    number, thing        keys in the control store; ``id`` and ``thing_id`` are ``@iot.id``.
    template             of the thing: its property ``template``.
    observed_properties  of each: name, definition and id.
    unit                 symbol of the unit.
    lon, lat             middle of where the thing is, degrees (WGS 84).
    """

    number: int
    id: str
    name: str
    resource: ResourceId
    thing: int
    thing_id: str
    thing_name: str
    template: str
    observed_properties: tuple[tuple[str, str, str], ...]
    unit: str
    lon: float | None
    lat: float | None


def watched_streams(session: Session, numbers: Iterable[int]) -> dict[int, WatchedStream]:
    """Those datastreams by number; one that is no more is left out."""
    found: dict[int, WatchedStream] = {}
    for part in batched(sorted(set(numbers)), _AT_ONCE):
        rows = session.execute(
            select(DatastreamRow, ThingRow, RootRow.resource)
            .join(ThingRow, ThingRow.number == DatastreamRow.thing)
            .join(RootRow, RootRow.number == DatastreamRow.root)
            .where(DatastreamRow.number.in_(part))
        ).all()
        things = sorted({thing.number for _, thing, _ in rows})
        places = _places(session, things)
        observed = _observed(session, [stream for stream, _, _ in rows])
        for stream, thing, resource in rows:
            lon, lat = places.get(thing.number, (None, None))
            found[stream.number] = WatchedStream(
                stream.number,
                stream.id,
                stream.name,
                ResourceId(resource),
                thing.number,
                thing.id,
                thing.name,
                str((thing.properties or {}).get("template", "")),
                observed.get(stream.number, ()),
                stream.symbol,
                lon,
                lat,
            )
    return found


def stream_revisions(session: Session) -> dict[ResourceId, int]:
    """How often the entities of each stream have changed."""
    rows = session.execute(select(RootRow.resource, RootRow.revision))
    return {ResourceId(resource): revision for resource, revision in rows}


def datastreams_of_things(session: Session, things: Sequence[int]) -> list[int]:
    """Numbers of the datastreams of things, by the things' numbers."""
    found: list[int] = []
    for begin in range(0, len(things), _AT_ONCE):
        part = things[begin : begin + _AT_ONCE]
        found += session.scalars(select(DatastreamRow.number).where(DatastreamRow.thing.in_(part)))
    return sorted(found)


def datastreams_where(
    session: Session,
    resource: ResourceId,
    *,
    observed_property: str = "",
    things: Sequence[str] = (),
    datastreams: Sequence[str] = (),
    box: tuple[float, float, float, float] | None = None,
    after: int = 0,
    limit: int = 1_000,
) -> list[int]:
    """Numbers of a stream's datastreams that satisfy each thing said, in order, after one.

    observed_property  a name, definition or id; ``things`` and ``datastreams`` are ids.
    box                west, south, east, north in degrees (WGS 84), met by the thing's location.
    """
    query = (
        select(DatastreamRow.number)
        .join(RootRow, RootRow.number == DatastreamRow.root)
        .where(RootRow.resource == resource, DatastreamRow.number > after)
    )
    if observed_property:
        named = or_(
            ObservedPropertyRow.name == observed_property,
            ObservedPropertyRow.definition == observed_property,
            ObservedPropertyRow.id == observed_property,
        )
        its = list(session.scalars(select(ObservedPropertyRow.number).where(named)))
        if not its:
            return []
        observing: ColumnElement[bool] = DatastreamRow.observed_property.in_(its)
        several = select(MultiPropertyRow.datastream).where(
            MultiPropertyRow.observed_property.in_(its)
        )
        if session.scalar(several.limit(1)) is not None:
            observing = or_(observing, DatastreamRow.number.in_(several))
        query = query.where(observing)
    if datastreams:
        query = query.where(DatastreamRow.id.in_(datastreams))
    if things or box:
        query = query.join(ThingRow, ThingRow.number == DatastreamRow.thing)
    if things:
        query = query.where(ThingRow.id.in_(things))
    if box:
        west, south, east, north = box
        place = aliased(LocationRow)
        query = query.where(
            ThingRow.number.in_(
                select(ThingLocationRow.thing)
                .join(place, place.number == ThingLocationRow.location)
                .where(
                    place.west <= east,
                    place.east >= west,
                    place.south <= north,
                    place.north >= south,
                )
            )
        )
    return list(session.scalars(query.order_by(DatastreamRow.number).limit(limit)))


@dataclass(frozen=True, slots=True)
class ThingAt:
    """A thing by its ``@iot.id`` and its name."""

    id: str
    name: str


def things_at(
    session: Session,
    resource: ResourceId,
    box: tuple[float, float, float, float],
    ids: Sequence[str],
    limit: int,
) -> list[ThingAt]:
    """Things of a stream that have one of the ids or whose location meets a box (west, south, east,
    north in degrees, WGS 84), in order of their numbers."""
    west, south, east, north = box
    there = (
        select(ThingLocationRow.thing)
        .join(LocationRow, LocationRow.number == ThingLocationRow.location)
        .join(RootRow, RootRow.number == LocationRow.root)
        .where(
            RootRow.resource == resource,
            LocationRow.west <= east,
            LocationRow.east >= west,
            LocationRow.south <= north,
            LocationRow.north >= south,
        )
    )
    query = (
        select(ThingRow.id, ThingRow.name)
        .join(RootRow, RootRow.number == ThingRow.root)
        .where(
            RootRow.resource == resource,
            or_(ThingRow.number.in_(there), ThingRow.id.in_(list(ids))),
        )
        .order_by(ThingRow.number)
        .limit(limit)
    )
    return [ThingAt(one, name) for one, name in session.execute(query)]


def _places(session: Session, things: Sequence[int]) -> dict[int, tuple[float, float]]:
    rows = session.execute(
        select(
            ThingLocationRow.thing,
            LocationRow.west,
            LocationRow.east,
            LocationRow.south,
            LocationRow.north,
        )
        .join(LocationRow, LocationRow.number == ThingLocationRow.location)
        .where(ThingLocationRow.thing.in_(things), LocationRow.west.is_not(None))
    )
    return _middles(rows)


def _observed(
    session: Session, streams: Sequence[DatastreamRow]
) -> dict[int, tuple[tuple[str, str, str], ...]]:
    several = [one.number for one in streams if one.multi]
    pairs = [
        (one.number, one.observed_property) for one in streams if one.observed_property is not None
    ]
    if several:
        rows = session.execute(
            select(MultiPropertyRow.datastream, MultiPropertyRow.observed_property)
            .where(MultiPropertyRow.datastream.in_(several))
            .order_by(MultiPropertyRow.datastream, MultiPropertyRow.position)
        )
        pairs += [(stream, number) for stream, number in rows]
    wanted = {number for _, number in pairs}
    names = {
        row.number: (row.name, row.definition, row.id)
        for row in session.scalars(
            select(ObservedPropertyRow).where(ObservedPropertyRow.number.in_(wanted))
        )
    }
    found: dict[int, tuple[tuple[str, str, str], ...]] = {}
    for stream, number in pairs:
        found[stream] = (*found.get(stream, ()), names[number])
    return found


def _middles(
    rows: Iterable[Row[int, float | None, float | None, float | None, float | None]],
) -> dict[int, tuple[float, float]]:
    """Of each numbered box its middle; boxes are there whole or not at all."""
    return {
        number: ((west + east) / 2, (south + north) / 2)
        for number, west, east, south, north in rows
        if west is not None and east is not None and south is not None and north is not None
    }


def feature_places(session: Session, features: Iterable[int]) -> dict[int, tuple[float, float]]:
    """Middle of each feature, longitude and latitude in degrees (WGS 84), by its number."""
    wanted = sorted(set(features))
    found: dict[int, tuple[float, float]] = {}
    for begin in range(0, len(wanted), _AT_ONCE):
        part = wanted[begin : begin + _AT_ONCE]
        rows = session.execute(
            select(
                FeatureRow.number,
                FeatureRow.west,
                FeatureRow.east,
                FeatureRow.south,
                FeatureRow.north,
            ).where(FeatureRow.number.in_(part), FeatureRow.west.is_not(None))
        )
        found |= _middles(rows)
    return found
