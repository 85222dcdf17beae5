"""Deep insert: an entity with all that was sent inside it, in one transaction (18-088, 10.2)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from quanyu.kernel import Conflict, Invalid, ResourceId, new_id
from quanyu.streams.cadences import keep_cadences
from quanyu.streams.documents import Draft, Given, complete
from quanyu.streams.entities import OBSERVATION, TYPES, EntityType, Navigation
from quanyu.streams.standing import follow, insert_row, link, move
from quanyu.streams.tables import (
    DatastreamRow,
    HistoricalPlaceRow,
    MultiPropertyRow,
    RootRow,
)

MOST_INSERTED = 10_000


@dataclass(frozen=True, slots=True)
class Made:
    """An entity that was made or found."""

    kind: EntityType
    number: int
    id: Given


@dataclass(slots=True)
class Inserting:
    """A deep insert under a root, and what it made: how many of each kind, and observations that
    are still to be kept, each with the number of its datastream or of its feature."""

    session: Session
    root: int
    made: dict[str, int] = field(default_factory=dict)
    observations: list[tuple[int | None, int | None, Draft]] = field(default_factory=list)

    def count(self, kind: EntityType) -> None:
        """One more of a kind; raises :class:`Invalid` when there are too many."""
        self.made[kind.name] = self.made.get(kind.name, 0) + 1
        if sum(self.made.values()) > MOST_INSERTED:
            raise Invalid(
                "more than {most} entities in one request", mend="send fewer", most=MOST_INSERTED
            )


def root_of(session: Session, resource: ResourceId, *, make: bool = False) -> int | None:
    """The number of a stream's root; made where there is none yet and ``make`` says so."""
    found = session.scalar(select(RootRow.number).where(RootRow.resource == resource))
    if found is None and make:
        row = RootRow(resource=resource, revision=0)
        session.add(row)
        session.flush()
        found = row.number
    return found


def touch(session: Session, root: int) -> None:
    """Note that entities of a root changed."""
    session.execute(
        update(RootRow).where(RootRow.number == root).values(revision=RootRow.revision + 1)
    )


def observe(session: Session, root: int) -> None:
    """Note that a datastream of a root came to have observations of another feature."""
    session.execute(
        update(RootRow).where(RootRow.number == root).values(observed=RootRow.observed + 1)
    )


def find(session: Session, root: int, kind: EntityType, given: Given) -> int | None:
    """The number of an entity by its id."""
    if kind.row is None:
        raise ValueError("observations are not kept here")
    query = select(kind.row.number).where(kind.row.root == root, kind.row.id == str(given))
    if kind.multi is not None:
        query = query.where(DatastreamRow.multi.is_(kind.multi))
    return session.scalar(query)


def insert_entity(at: Inserting, draft: Draft, given: tuple[tuple[str, int], ...] = ()) -> Made:
    """Make the entity of ``draft`` and all inside it; ``given`` are entities that the address
    names already, as pairs of a navigation of this entity and a number.

    Raises :class:`Conflict` for an id that is taken, :class:`Invalid` for what is missing.
    """
    kind, row = draft.kind, draft.kind.row
    if row is None:
        raise ValueError("observations are not kept here")
    if draft.bare:
        raise _nothing(draft)
    around = dict(given)
    values, after = _before(at, draft, around)
    if kind.multi is not None:
        values["multi"] = kind.multi
    identifier: Given = draft.id if draft.id is not None else new_id(kind.made)
    if draft.id is not None and find_any(at.session, at.root, kind, draft.id):
        raise Conflict(
            "there is already {entity} {id}",
            field=f"{draft.where}@iot.id",
            mend="leave the id out, or change that one",
            entity=kind.name,
            id=str(draft.id),
        )
    row_values = {"id": str(identifier), "whole": isinstance(identifier, int), "root": at.root}
    number = insert_row(at.session, row, {**values, **row_values})
    if row is DatastreamRow:
        keep_cadences(at.session, at.root, [(number, values["properties"])])
    at.count(kind)
    for navigation, inner in after:
        _insert_inside(at, (kind, number), navigation, inner)
    _settle(at, kind, number, around)
    return Made(kind, number, identifier)


def _before(
    at: Inserting, draft: Draft, around: dict[str, int]
) -> tuple[dict[str, Any], list[tuple[Navigation, Sequence[Draft]]]]:
    """Columns of an entity, with the entities made that it needs, and what comes after it."""
    values = complete(draft.kind, draft.values, draft.where)
    after: list[tuple[Navigation, Sequence[Draft]]] = []
    for navigation in draft.kind.navigations.values():
        inner = draft.inner.get(navigation.name, ())
        if not inner and navigation.required and navigation.name not in around:
            raise _missing(draft, navigation)
        if navigation.link is None or navigation.many:
            if inner:
                after.append((navigation, inner))
            continue
        number = around.get(navigation.name)
        if number is None:
            number = resolve(at, inner[0]).number
        values[navigation.link.target.key] = number
    return values, after


def find_any(session: Session, root: int, kind: EntityType, given: Given) -> bool:
    """Whether an id is taken, also by a datastream of the other kind."""
    row = kind.row
    if row is None:
        return False
    query = select(row.number).where(row.root == root, row.id == str(given))
    return session.scalar(query) is not None


def resolve(at: Inserting, draft: Draft) -> Made:
    """The entity that a draft names by its id, or that it has made.

    A client may send a whole entity with its id: where that exists it is meant as it stands.
    """
    if draft.id is not None:
        number = find(at.session, at.root, draft.kind, draft.id)
        if number is not None:
            return Made(draft.kind, number, draft.id)
        if draft.bare:
            raise Invalid(
                "there is no {entity} {id}",
                field=f"{draft.where}@iot.id",
                mend="name one that exists, or send it whole",
                entity=draft.kind.name,
                id=str(draft.id),
            )
    return insert_entity(at, draft)


def _insert_inside(
    at: Inserting,
    outer: tuple[EntityType, int],
    navigation: Navigation,
    drafts: Sequence[Draft],
) -> None:
    kind, number = outer
    if navigation.target == OBSERVATION:
        of = (None, number) if kind.name == "FeatureOfInterest" else (number, None)
        at.observations.extend((*of, one) for one in drafts)
        return
    back = _back(kind, TYPES[navigation.target])
    if not back.many:
        for one in drafts:
            if one.bare:
                raise _nothing(one)
            insert_entity(at, one, ((back.name, number),))
        return
    made = [resolve(at, one).number for one in drafts]
    _pair(at, outer, navigation, made)


def _pair(
    at: Inserting, outer: tuple[EntityType, int], navigation: Navigation, made: Sequence[int]
) -> None:
    """Relate an entity to others where many are related to many."""
    kind, number = outer
    match kind.name, navigation.name:
        case "Thing", "Locations":
            move(at.session, at.root, number, made)
        case "Location", "Things":
            for thing in made:
                move(at.session, at.root, thing, [number])
        case "MultiDatastream", "ObservedProperties":
            rows = [
                {"datastream": number, "position": position, "observed_property": one}
                for position, one in enumerate(made)
            ]
            at.session.execute(insert(MultiPropertyRow), rows)
        case "HistoricalLocation", _:
            link(at.session, HistoricalPlaceRow, ("historical", number), "location", made)
        case "Location", _:
            for one in made:
                link(at.session, HistoricalPlaceRow, ("historical", one), "location", [number])
        case _:
            raise _elsewhere(navigation)


def _back(kind: EntityType, target: EntityType) -> Navigation:
    """The navigation of ``target`` that leads to ``kind``."""
    return next(one for one in target.navigations.values() if one.target == kind.name)


def _settle(at: Inserting, kind: EntityType, number: int, around: dict[str, int]) -> None:
    """What the address said of navigation that has tables of its own, and rules of the standard."""
    if kind.name == "Location" and "Things" in around:
        move(at.session, at.root, around["Things"], [number])
    if kind.name == "Thing" and "Locations" in around:
        move(at.session, at.root, number, [around["Locations"]])
    if kind.name == "Location" and "HistoricalLocations" in around:
        historical = around["HistoricalLocations"]
        link(at.session, HistoricalPlaceRow, ("historical", historical), "location", [number])
    if kind.name == "MultiDatastream" and "ObservedProperties" in around:
        at.session.execute(
            insert(MultiPropertyRow).values(
                datastream=number, position=0, observed_property=around["ObservedProperties"]
            )
        )
    if kind.name == "HistoricalLocation":
        if "Locations" in around:
            link(
                at.session,
                HistoricalPlaceRow,
                ("historical", number),
                "location",
                [around["Locations"]],
            )
        follow(at.session, number)
    if kind.name == "MultiDatastream":
        check_multi(at.session, number)


def check_multi(session: Session, number: int) -> None:
    """Raise :class:`Invalid` unless a multi-datastream has as many units, types and properties."""
    row = session.get_one(DatastreamRow, number)
    properties = session.query(MultiPropertyRow).filter_by(datastream=number).count()
    sizes = {len(row.unit), len(row.types or ()), properties}
    if len(sizes) != 1:
        raise Invalid(
            "units, data types and observed properties are as many as one another",
            field="multiObservationDataTypes",
            mend="send one of each for every value of the result",
        )


def _missing(draft: Draft, navigation: Navigation) -> Invalid:
    return Invalid(
        "{entity} needs {name}",
        field=f"{draft.where}{navigation.name}",
        mend="name it by its @iot.id, or send it whole",
        entity=draft.kind.name,
        name=navigation.name,
    )


def _nothing(draft: Draft) -> Invalid:
    return Invalid(
        "nothing but an id was sent of {entity}",
        field=draft.where or draft.kind.name,
        mend="send its properties",
        entity=draft.kind.name,
    )


def _elsewhere(navigation: Navigation) -> Invalid:
    return Invalid(
        "these are not made from this side",
        field=navigation.name,
        mend="post them to their own collection",
    )
