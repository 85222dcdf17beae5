"""Datastreams for those who bring in or read observations: found, made, described in bulk."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.kernel import ResourceId, batched
from quanyu.streams.documents import Given, draft_of
from quanyu.streams.entities import TYPES
from quanyu.streams.expressions import among, dialect_of
from quanyu.streams.inserting import Inserting, find, insert_entity, root_of, touch
from quanyu.streams.tables import (
    DatastreamRow,
    LocationRow,
    ObservedPropertyRow,
    RootRow,
    SensorRow,
    ThingLocationRow,
    ThingRow,
)
from quanyu.streams.units import unit_document

MEASUREMENT = "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatastreamDraft:
    """A datastream by what tells it from others, and what it is made with where it is not there.

    ``place`` is longitude and latitude of the thing in degrees, CRS84; ``unit`` a UCUM code.
    """

    thing: Given
    name: str
    observed_property: str
    unit: str
    thing_name: str = ""
    sensor: str = "unknown"
    place: tuple[float, float] | None = None
    definition: str = ""
    description: str = ""
    observation_type: str = MEASUREMENT
    thing_properties: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Described:
    """A datastream with what is told of its observations. ``place`` is the point of its thing in
    CRS84 degrees, the middle of a larger place."""

    number: int
    id: Given
    name: str
    multi: bool
    unit: str
    unit_name: str
    observation_type: str
    thing_number: int
    thing: Given
    thing_name: str
    sensor: str
    observed_property: str
    resource: ResourceId
    place: tuple[float, float] | None


def described(session: Session, numbers: Sequence[int]) -> dict[int, Described]:
    """Datastreams by their numbers; those that are not there are left out."""
    condition = among(DatastreamRow.number, numbers, dialect_of(session))
    return {one.number: one for one in _described(session, condition)}


def datastreams_of(
    session: Session,
    resource: ResourceId,
    *,
    thing: Given | None = None,
    after: int = 0,
    limit: int = 1_000,
) -> list[Described]:
    """Datastreams of a stream, of one thing where it is named, in order of their numbers."""
    root = root_of(session, resource)
    condition = (DatastreamRow.root == root) & (DatastreamRow.number > after)
    if thing is not None:
        its = select(ThingRow.number).where(ThingRow.root == root, ThingRow.id == str(thing))
        condition &= DatastreamRow.thing == session.scalar(its)
    return list(_described(session, condition, limit))


def datastream_numbers(
    session: Session, resource: ResourceId, ids: Sequence[Given]
) -> dict[str, int]:
    """Numbers of datastreams by their ids, as text; those that are not there are left out."""
    root = root_of(session, resource)
    found: dict[str, int] = {}
    for some in batched([str(one) for one in ids], 5_000):
        query = select(DatastreamRow.id, DatastreamRow.number).where(
            DatastreamRow.root == root, DatastreamRow.id.in_(some)
        )
        found.update({one.id: one.number for one in session.execute(query)})
    return found


def ensure_datastreams(
    session: Session, resource: ResourceId, drafts: Sequence[DatastreamDraft]
) -> list[int]:
    """The number of each datastream, by its thing's id and its name; made where it is not there,
    with its thing, place, sensor and observed property. Raises :class:`Invalid`."""
    root = root_of(session, resource, make=True)
    if root is None:
        raise ValueError("a root was asked for and not made")
    at = Inserting(session, root)
    numbers = []
    for draft in drafts:
        found = session.scalar(
            select(DatastreamRow.number)
            .join(ThingRow, ThingRow.number == DatastreamRow.thing)
            .where(
                ThingRow.root == root,
                ThingRow.id == str(draft.thing),
                DatastreamRow.name == draft.name,
            )
        )
        numbers.append(found if found is not None else _make(at, draft))
        at.made.clear()
    touch(session, root)
    return numbers


def _make(at: Inserting, draft: DatastreamDraft) -> int:
    session, root = at.session, at.root
    sent: dict[str, Any] = {
        "name": draft.name,
        "description": draft.description or draft.name,
        "observationType": draft.observation_type,
        "unitOfMeasurement": unit_document(draft.unit),
        "properties": dict(draft.properties),
    }
    given = []
    thing = find(session, root, TYPES["Thing"], draft.thing)
    if thing is None:
        thing = insert_entity(at, draft_of(TYPES["Thing"], _thing(draft))).number
    given.append(("Thing", thing))
    given.append(("Sensor", named_entity(at, "Sensor", draft.sensor)))
    observed = named_entity(at, "ObservedProperty", draft.observed_property, draft.definition)
    given.append(("ObservedProperty", observed))
    made = draft_of(TYPES["Datastream"], sent)
    return insert_entity(at, made, tuple(given)).number


def named_entity(at: Inserting, kind: str, name: str, definition: str | None = None) -> int:
    """The number of the sensor or observed property with a name, made where there is none."""
    row = TYPES[kind].row
    if row is None:
        raise ValueError("observations are not kept here")
    query = select(row.number).where(row.root == at.root, row.name == name).limit(1)
    found: int | None = at.session.scalar(query)
    if found is not None:
        return found
    more = (
        {"encodingType": "text/plain", "metadata": ""}
        if kind == "Sensor"
        else {"definition": definition or name}
    )
    entity = draft_of(TYPES[kind], {"name": name, "description": name, **more})
    return insert_entity(at, entity).number


def _thing(draft: DatastreamDraft) -> dict[str, Any]:
    name = draft.thing_name or str(draft.thing)
    sent: dict[str, Any] = {
        "@iot.id": draft.thing,
        "name": name,
        "description": name,
        "properties": dict(draft.thing_properties),
    }
    if draft.place is not None:
        sent["Locations"] = [
            {
                "name": name,
                "description": name,
                "encodingType": "application/geo+json",
                "location": {"type": "Point", "coordinates": list(draft.place)},
            }
        ]
    return sent


def _described(session: Session, condition: Any, limit: int | None = None) -> Iterator[Described]:
    place = (
        select(LocationRow.number)
        .join(ThingLocationRow, ThingLocationRow.location == LocationRow.number)
        .where(ThingLocationRow.thing == ThingRow.number, LocationRow.west.is_not(None))
        .limit(1)
        .correlate(ThingRow)
        .scalar_subquery()
    )
    query = (
        select(
            DatastreamRow,
            ThingRow.number,
            ThingRow.id,
            ThingRow.whole,
            ThingRow.name,
            SensorRow.name,
            ObservedPropertyRow.name,
            RootRow.resource,
            LocationRow,
        )
        .join(ThingRow, ThingRow.number == DatastreamRow.thing)
        .join(SensorRow, SensorRow.number == DatastreamRow.sensor)
        .join(RootRow, RootRow.number == DatastreamRow.root)
        .outerjoin(
            ObservedPropertyRow, ObservedPropertyRow.number == DatastreamRow.observed_property
        )
        .outerjoin(LocationRow, LocationRow.number == place)
        .where(condition)
        .order_by(DatastreamRow.number)
        .limit(limit)
    )
    for row, thing, thing_id, whole, thing_name, sensor, observed, resource, at in session.execute(
        query
    ):
        yield Described(
            number=row.number,
            id=given(row.id, whole=row.whole),
            name=row.name,
            multi=row.multi,
            unit=row.symbol,
            unit_name="" if row.multi else str(row.unit.get("name") or ""),
            observation_type=row.observation_type,
            thing_number=thing,
            thing=given(thing_id, whole=whole),
            thing_name=thing_name,
            sensor=sensor,
            observed_property=observed or "",
            resource=ResourceId(resource),
            place=_middle(at),
        )


def given(text: str, *, whole: bool) -> Given:
    """An id as its client gave it."""
    return int(text) if whole else text


def _middle(at: LocationRow | None) -> tuple[float, float] | None:
    if at is None or at.west is None or at.east is None or at.south is None or at.north is None:
        return None
    return (at.west + at.east) / 2, (at.south + at.north) / 2
