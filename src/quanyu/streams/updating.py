"""Changes of an entity: some properties, or all of them (18-088, 10.3)."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, insert, update
from sqlalchemy.orm import Session

from quanyu.kernel import Invalid
from quanyu.streams.cadences import change_cadence
from quanyu.streams.documents import Draft, draft_of, values_of
from quanyu.streams.entities import TYPES, EntityType
from quanyu.streams.inserting import Inserting, check_multi, resolve
from quanyu.streams.standing import move
from quanyu.streams.tables import (
    DatastreamRow,
    HistoricalPlaceRow,
    LocationRow,
    MultiPropertyRow,
    ThingRow,
)


def update_entity(
    session: Session,
    root: int,
    kind: EntityType,
    number: int,
    sent: Mapping[str, Any],
    *,
    whole: bool,
) -> None:
    """Change the properties sent, or all of them where ``whole``; relations by their ids.

    Raises :class:`Invalid` for what is missing or wrong, and for an entity sent inside: that is for
    deep insert.
    """
    row = kind.row
    if row is None:
        raise ValueError("observations are not kept here")
    inner = {name: value for name, value in sent.items() if name in kind.navigations}
    content = {
        name: value
        for name, value in sent.items()
        if name not in kind.navigations and not name.startswith("@iot.") and "@iot." not in name
    }
    values = values_of(kind, content, whole=whole)
    for name, value in inner.items():
        values |= _related(Inserting(session, root), (kind, number), name, value)
    if values:
        session.execute(update(row).where(row.number == number).values(**values))
    if row is DatastreamRow and "properties" in values:
        change_cadence(session, number, values["properties"])
    if kind.name == "Location" and "place" in values:
        _moved(session, number)
    if kind.name == "MultiDatastream":
        check_multi(session, number)


def _related(at: Inserting, of: tuple[EntityType, int], name: str, value: Any) -> dict[str, int]:
    """Values of columns that a relation sent becomes; other relations are written at once."""
    kind = of[0]
    navigation = kind.navigations[name]
    target = TYPES[navigation.target]
    listed = value if isinstance(value, list) else [value]
    if value is None or not listed or target.row is None:
        return {}
    numbers = [resolve(at, _reference(target, one, name)).number for one in listed]
    if navigation.link is not None and not navigation.many:
        return {navigation.link.target.key: numbers[0]}
    _relate(at, of, name, numbers)
    return {}


def _relate(at: Inserting, of: tuple[EntityType, int], name: str, numbers: list[int]) -> None:
    (kind, number), session = of, at.session
    if kind.name == "Thing" and name == "Locations":
        move(session, at.root, number, numbers)
    elif kind.name == "Location" and name == "Things":
        for thing in numbers:
            move(session, at.root, thing, [number])
    elif kind.name == "HistoricalLocation" and name == "Locations":
        session.execute(delete(HistoricalPlaceRow).where(HistoricalPlaceRow.historical == number))
        session.execute(
            insert(HistoricalPlaceRow),
            [{"historical": number, "location": one} for one in dict.fromkeys(numbers)],
        )
    elif kind.name == "MultiDatastream" and name == "ObservedProperties":
        session.execute(delete(MultiPropertyRow).where(MultiPropertyRow.datastream == number))
        session.execute(
            insert(MultiPropertyRow),
            [
                {"datastream": number, "position": at, "observed_property": one}
                for at, one in enumerate(numbers)
            ],
        )
    else:
        target = TYPES[kind.navigations[name].target]
        back = next(one for one in target.navigations.values() if one.target == kind.name)
        if back.link is None or back.many or target.row is None:
            raise _elsewhere(name)
        values = {back.link.target.key: number}
        for one in numbers:
            session.execute(update(target.row).where(target.row.number == one).values(**values))


def _reference(target: EntityType, value: Any, name: str) -> Draft:
    if isinstance(value, Mapping) and "@iot.id" in value:
        return draft_of(target, {"@iot.id": value["@iot.id"]}, f"{name}.")
    raise Invalid(
        "entities inside are not made by a change",
        field=name,
        mend="name them by their @iot.id, or post them to this collection",
    )


def _moved(session: Session, location: int) -> None:
    """What was observed at the old place stays there: a new default feature is made of the new."""
    old = session.get_one(LocationRow, location).feature
    if old is not None:
        session.execute(
            update(LocationRow).where(LocationRow.number == location).values(feature=None)
        )
        session.execute(update(ThingRow).where(ThingRow.feature == old).values(feature=None))


def _elsewhere(name: str) -> Invalid:
    return Invalid(
        "this relation is changed from its other side", field=name, mend="change the other entity"
    )
