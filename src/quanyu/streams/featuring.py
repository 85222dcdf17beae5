"""What observations are of when nobody says so: a feature made of the thing's place (8.2.8)."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from quanyu.kernel import new_id
from quanyu.streams.expressions import among, dialect_of
from quanyu.streams.tables import (
    DatastreamRow,
    FeatureRow,
    LocationRow,
    ThingLocationRow,
    ThingRow,
)


def default_features(session: Session, datastreams: Sequence[int]) -> Mapping[int, int | None]:
    """The number of the default feature of each datastream, by its number; made where the thing
    has a place and no feature yet, ``None`` where it has no place."""
    rows = _features(session, datastreams)
    missing = sorted({thing for _, thing, feature in rows if feature is None})
    made = _make(session, missing) if missing else {}
    return {number: feature or made.get(thing) for number, thing, feature in rows}


def features_there(session: Session, datastreams: Sequence[int]) -> Mapping[int, int | None]:
    """The number of the default feature of each datastream, ``None`` where none was made yet."""
    return {number: feature for number, _, feature in _features(session, datastreams)}


def _features(session: Session, datastreams: Sequence[int]) -> Sequence[Any]:
    """Datastreams, their things, and the features of these."""
    query = (
        select(DatastreamRow.number, ThingRow.number, ThingRow.feature)
        .join(ThingRow, ThingRow.number == DatastreamRow.thing)
        .where(among(DatastreamRow.number, datastreams, dialect_of(session)))
    )
    return session.execute(query).all()


def _make(session: Session, things: Sequence[int]) -> dict[int, int]:
    dialect = dialect_of(session)
    places = session.execute(
        select(ThingLocationRow.thing, LocationRow)
        .join(LocationRow, LocationRow.number == ThingLocationRow.location)
        .where(among(ThingLocationRow.thing, things, dialect))
        .order_by(LocationRow.number)
    ).all()
    found: dict[int, int] = {}
    # Of several places the one with a geometry is meant.
    for thing, place in sorted(places, key=lambda one: one[1].geometry is None):
        if thing in found:
            continue
        if place.feature is None:
            place.feature = _feature(session, place)
        found[thing] = place.feature
        session.execute(
            update(ThingRow).where(ThingRow.number == thing).values(feature=place.feature)
        )
    session.flush()
    return found


def _feature(session: Session, place: LocationRow) -> int:
    copied = {
        name: getattr(place, name)
        for name in (
            *("root", "name", "description", "encoding_type", "place", "geometry"),
            *("west", "south", "east", "north"),
        )
    }
    made = insert(FeatureRow).values(**copied, id=new_id("feature"), whole=False, properties=None)
    done: Any = session.execute(made)
    number: int = done.inserted_primary_key[0]
    return number
