"""Deletion with the cascades of the standard (18-088, table 25).

Entities go in one transaction, and with it is written down whose observations have to go too; they
are in another store, and go behind it, however often that has to be tried.
"""

from collections.abc import Sequence

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from quanyu.kernel import ControlStore
from quanyu.streams.entities import EntityType
from quanyu.streams.expressions import Call, Column, Value
from quanyu.streams.observations import Key, Observations, Selection
from quanyu.streams.tables import (
    DatastreamRow,
    GoneRow,
    HistoricalLocationRow,
    HistoricalPlaceRow,
    LocationRow,
    MultiPropertyRow,
    ObservedFeatureRow,
    ThingRow,
)

_AT_ONCE = 1_000


def delete_entity(session: Session, kind: EntityType, number: int) -> None:
    """Delete an entity and what cannot be without it: datastreams with their thing, sensor or
    observed property, observations with their datastream or feature, history with its location."""
    row = kind.row
    if row is None:
        raise ValueError("observations are not kept here")
    match kind.name:
        case "Thing":
            _datastreams(session, _numbers(session, DatastreamRow.thing == number))
        case "Sensor":
            _datastreams(session, _numbers(session, DatastreamRow.sensor == number))
        case "ObservedProperty":
            multi = select(MultiPropertyRow.datastream).where(
                MultiPropertyRow.observed_property == number
            )
            found = (DatastreamRow.observed_property == number) | DatastreamRow.number.in_(multi)
            _datastreams(session, _numbers(session, found))
        case "Datastream" | "MultiDatastream":
            _datastreams(session, [number])
            return
        case "Location":
            history = select(HistoricalPlaceRow.historical).where(
                HistoricalPlaceRow.location == number
            )
            session.execute(
                delete(HistoricalLocationRow).where(HistoricalLocationRow.number.in_(history))
            )
        case "FeatureOfInterest":
            _feature(session, number)
        case _:
            pass
    session.execute(delete(row).where(row.number == number))


def gone(session: Session, limit: int) -> list[tuple[int, int, int | None]]:
    """What was deleted and still has observations: a number to :func:`forget`, the datastream, the
    feature where only its observations go."""
    rows = session.scalars(select(GoneRow).order_by(GoneRow.number).limit(limit))
    return [(row.number, row.datastream, row.feature) for row in rows]


def forget(session: Session, numbers: Sequence[int]) -> None:
    """The observations of these are deleted."""
    for number in numbers:
        session.execute(delete(GoneRow).where(GoneRow.number == number))


def clear_gone(control: ControlStore, observations: Observations) -> None:
    """Delete the observations of what was deleted; whatever stops it, it goes on the next time."""
    while True:
        with control.read() as session:
            waiting = gone(session, _AT_ONCE)
        if not waiting:
            return
        observations.delete(datastreams=[of for _, of, feature in waiting if feature is None])
        for _, datastream, feature in waiting:
            if feature is not None:
                _delete_of_feature(observations, datastream, feature)
        with control.begin() as session:
            forget(session, [number for number, _, _ in waiting])


def _delete_of_feature(observations: Observations, datastream: int, feature: int) -> None:
    where = Call("eq", (Column("feature"), Value(feature)))
    asked = Selection(datastreams=[datastream], where=where, limit=_AT_ONCE * 10)
    while True:
        found = observations.select(asked)
        if not found.num_rows:
            return
        columns = (found[name].to_pylist() for name in Key._fields)
        observations.delete(keys=[Key(*one) for one in zip(*columns, strict=True)])


def _numbers(session: Session, condition: object) -> list[int]:
    return list(session.scalars(select(DatastreamRow.number).where(condition)))  # type: ignore[arg-type]


def _datastreams(session: Session, numbers: Sequence[int]) -> None:
    if numbers:
        session.execute(insert(GoneRow), [{"datastream": one, "feature": None} for one in numbers])
    for number in numbers:
        session.execute(delete(DatastreamRow).where(DatastreamRow.number == number))


def _feature(session: Session, number: int) -> None:
    of = session.scalars(
        select(ObservedFeatureRow.datastream).where(ObservedFeatureRow.feature == number)
    ).all()
    if of:
        session.execute(insert(GoneRow), [{"datastream": one, "feature": number} for one in of])
    for table in (ThingRow, LocationRow):
        session.query(table).filter(table.feature == number).update({"feature": None})
