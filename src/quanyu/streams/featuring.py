"""What observations are of when nobody says so: a feature made of the thing's place (8.2.8)."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from quanyu.kernel import batched, new_id
from quanyu.streams.expressions import among, dialect_of
from quanyu.streams.tables import (
    DatastreamRow,
    FeatureRow,
    LocationRow,
    ThingLocationRow,
    ThingRow,
)

_AT_ONCE = 5_000
_COPIED = (
    *("root", "name", "description", "encoding_type", "place", "geometry"),
    *("west", "south", "east", "north"),
)
_PLACE = ("number", "feature", *_COPIED)


def default_features(session: Session, datastreams: Sequence[int]) -> Mapping[int, int | None]:
    """The number of the default feature of each datastream, by its number; made where the thing
    has a place and no feature yet, ``None`` where it has no place."""
    rows = _of_things(session, datastreams)
    missing = sorted({thing for _, thing, feature in rows if feature is None})
    made = _make(session, missing) if missing else {}
    return {number: feature or made.get(thing) for number, thing, feature in rows}


def features_there(session: Session, datastreams: Sequence[int]) -> Mapping[int, int | None]:
    """The number of the default feature of each datastream, ``None`` where none was made yet."""
    return {number: feature for number, _, feature in _of_things(session, datastreams)}


def _of_things(session: Session, datastreams: Sequence[int]) -> Sequence[Any]:
    """Datastreams, their things, and the features of these."""
    query = (
        select(DatastreamRow.number, ThingRow.number, ThingRow.feature)
        .join(ThingRow, ThingRow.number == DatastreamRow.thing)
        .where(among(DatastreamRow.number, datastreams, dialect_of(session)))
    )
    return session.execute(query).all()


def _make(session: Session, things: Sequence[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for some in batched(things, _AT_ONCE):
        found |= _make_some(session, some)
    return found


def _make_some(session: Session, things: Sequence[int]) -> dict[int, int]:
    rows = session.execute(
        select(ThingLocationRow.thing, *(getattr(LocationRow, name) for name in _PLACE))
        .join(LocationRow, LocationRow.number == ThingLocationRow.location)
        .where(among(ThingLocationRow.thing, things, dialect_of(session)))
        .order_by(LocationRow.number)
    ).all()
    place_of: dict[int, Any] = {}
    # Of several places the one with a geometry is meant.
    for row in sorted(rows, key=lambda one: one.geometry is None):
        place_of.setdefault(row.thing, row)
    if not place_of:
        return {}
    feature_of = _of_places(session, {row.number: row for row in place_of.values()})
    found = {thing: feature_of[row.number] for thing, row in place_of.items()}
    _keep(session, ThingRow, found)
    return found


def _of_places(session: Session, places: Mapping[int, Any]) -> dict[int, int]:
    """The feature of each place by its number; those that are missing are made."""
    found = {number: row.feature for number, row in places.items() if row.feature is not None}
    wanted = {new_id("feature"): row for number, row in places.items() if number not in found}
    if not wanted:
        return found
    values = [
        {"id": one, "whole": False, "properties": None, **{n: getattr(row, n) for n in _COPIED}}
        for one, row in wanted.items()
    ]
    table: Any = FeatureRow.__table__
    into = insert(table).returning(table.c.id, table.c.number)
    made = session.connection().execute(into, values)
    of = {wanted[one].number: number for one, number in made}
    _keep(session, LocationRow, of)
    return found | of


def _keep(session: Session, row: type[Any], features: Mapping[int, int]) -> None:
    """Note the feature of each thing or place."""
    table: Any = row.__table__
    session.connection().execute(
        update(table).where(table.c.number == bindparam("of")).values(feature=bindparam("made")),
        [{"of": number, "made": feature} for number, feature in features.items()],
    )
