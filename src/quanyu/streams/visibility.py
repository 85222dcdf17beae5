"""What of a stream may be seen: a restriction, made ready for questions about entities.

Entities no observation of which could be given do not exist: each condition here is laid on
everything that a question touches, wherever it goes.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.elements import ColumnElement

from quanyu.kernel import ResourceId
from quanyu.spacetime import OPEN, Restriction
from quanyu.streams.asked import Asked
from quanyu.streams.entities import OBSERVATION, TYPES, EntityType
from quanyu.streams.expressions import among, dialect_of
from quanyu.streams.observations import Observations, Standing
from quanyu.streams.qartod import GROSS_RANGE
from quanyu.streams.tables import (
    DatastreamRow,
    GoneRow,
    HistoricalLocationRow,
    HistoricalPlaceRow,
    MultiPropertyRow,
    ObservedFeatureRow,
    RootRow,
    ThingLocationRow,
)

if TYPE_CHECKING:
    import numpy as np

Made = TypeVar("Made")
_MOST_KNOWN = 20_000


@dataclass(frozen=True, slots=True)
class Scope:
    """A restriction over a root.

    types       entities with the properties and navigation that may be seen
    rows        of which observations, as an expression without negation; ``None`` for all
    region      polygonal geometry in CRS84; ``None`` for everywhere
    datastreams numbers of those that may have observations to give, sorted; ``None`` for all
    features, locations   numbers of those that meet the region; ``None`` where there is none
    result_step grain that results are rounded to
    """

    restriction: Restriction = OPEN
    types: Mapping[str, EntityType] = field(default_factory=lambda: TYPES)
    rows: Asked | None = None
    region: Any = None
    datastreams: "np.ndarray[Any, Any] | None" = None
    features: "np.ndarray[Any, Any] | None" = None
    locations: "np.ndarray[Any, Any] | None" = None
    result_step: float | None = None

    @property
    def narrowed(self) -> bool:
        """Whether some entities are hidden."""
        return self.datastreams is not None

    @property
    def flags(self) -> frozenset[str] | None:
        """The tests of quality whose flags may be seen; ``None`` for all of them.

        A flag says something of the result, exactly, and most of them of the results around it.
        """
        shown = self.types[OBSERVATION].properties
        if self.result_step is not None or not {"result", "phenomenonTime"} <= set(shown):
            return frozenset()
        bounds = (self.rows, self.region, *self.restriction.interval)
        return frozenset({GROSS_RANGE}) if any(one is not None for one in bounds) else None


EVERYTHING = Scope()


@dataclass(frozen=True, slots=True)
class Sight:
    """One look at a root, through a scope: what every question of a request is asked with.

    ``known`` is what was found out about entities through this scope in this state of the root, by
    this look and others: with the next change of an entity it is forgotten. ``observed`` is the
    state of which datastreams have observations of which features, where more depends on it;
    ``standing`` how datastreams stood when this look asked for it.
    """

    session: Session
    root: int
    observations: Observations
    scope: Scope = EVERYTHING
    known: dict[Hashable, Any] = field(default_factory=dict)
    observed: int = 0
    standing: dict[int, Standing | None] = field(default_factory=dict)

    def stands(self, datastreams: Sequence[int]) -> list[Standing]:
        """How datastreams stand that have observations, each looked at once in this look."""
        missing = [one for one in datastreams if one not in self.standing]
        if missing:
            self.standing.update(dict.fromkeys(missing))
            for one in self.observations.standing(missing):
                self.standing[one.datastream] = one
        found = (self.standing[one] for one in datastreams)
        return [one for one in found if one is not None]

    def kind(self, name: str) -> EntityType:
        """An entity type as it may be seen."""
        return self.scope.types[name]

    def learnt(self, what: Hashable, find: Callable[[], Made]) -> Made:
        """What is known, or found now and known from then on; nothing that is ``None``."""
        found: Made | None = self.known.get(what)
        if found is None:
            found = find()
            self.learn(what, found)
        return found

    def learn(self, what: Hashable, found: Any) -> None:
        """Know something from now on."""
        if len(self.known) >= _MOST_KNOWN:
            self.known.clear()
        self.known[what] = found


_ROOTS: Any = RootRow.__table__
_STATE = sa.select(_ROOTS.c.number, _ROOTS.c.revision, _ROOTS.c.observed).where(
    _ROOTS.c.resource == sa.bindparam("resource")
)


@dataclass(frozen=True, slots=True)
class RootState:
    """A root by its number, and how often its entities, and features observed, have changed."""

    number: int
    revision: int
    observed: int


def state_of(connection: sa.Connection, resource: ResourceId) -> RootState | None:
    """The state of a stream's root; ``None`` where there is none yet."""
    row = connection.execute(_STATE, {"resource": resource}).one_or_none()
    return None if row is None else RootState(*row)


def numbers_of_root(session: Session, root: int) -> Sequence[int]:
    """Numbers of all datastreams of a root, in order: as a range where nothing else is between the
    first and the last, so that a million of them are as little as one. Of those that were deleted
    before there are no observations, and their numbers are never given again."""
    row = DatastreamRow
    least, most = (
        session.scalar(sa.select(end(row.number)).where(row.root == root))
        for end in (sa.func.min, sa.func.max)
    )
    if least is None or most is None:
        return range(0)
    others = sa.exists().where(row.root == RootRow.number, row.number.between(least, most))
    apart = sa.select(RootRow.number).where(RootRow.number != root, others).limit(1)
    going = sa.select(GoneRow.number).where(GoneRow.datastream.between(least, most)).limit(1)
    if session.scalar(apart) is None and session.scalar(going) is None:
        return range(least, most + 1)
    query = sa.select(row.number).where(row.root == root).order_by(row.number)
    return list(session.scalars(query))


@cache
def outermost(row: Any) -> Any:
    """The alias of a table that a whole question is about: one for all questions, since making one
    costs as much as asking. What stands inside a question has aliases of its own."""
    return aliased(row)


def all_visible(sight: Sight, kind: EntityType) -> bool:
    """Whether all entities of a type in the root may be seen, without a look at each."""
    return kind.name != "HistoricalLocation" and not sight.scope.narrowed


def in_root(row: Any, root: Any, multi: bool | None) -> ColumnElement[bool]:
    """What is true of the entities of a type in a root, of datastreams by whether they are
    ``multi``: what may be seen where all may be."""
    there: ColumnElement[bool] = row.root == root
    return there if multi is None else there & row.multi.is_(multi)


def visible(sight: Sight, kind: EntityType, row: Any) -> ColumnElement[bool]:
    """What is true of the entities of ``row`` (an alias of its table) that may be seen."""
    seen = in_root(row, sight.root, kind.multi)
    if all_visible(sight, kind):
        return seen
    if kind.name == "HistoricalLocation":
        seen &= _within(sight.scope, row)
    return seen & _narrowed(sight, kind, row) if sight.scope.narrowed else seen


def _within(scope: Scope, row: Any) -> ColumnElement[bool]:
    start, end = scope.restriction.interval
    parts: list[ColumnElement[bool]] = []
    if start is not None:
        parts.append(row.time >= start)
    if end is not None:
        parts.append(row.time <= end)
    return sa.and_(sa.true(), *parts)


def _narrowed(sight: Sight, kind: EntityType, row: Any) -> ColumnElement[bool]:  # noqa: PLR0911 (a case each)
    scope = sight.scope
    match kind.name:
        case "Datastream" | "MultiDatastream":
            return _among(sight, row.number, scope.datastreams)
        case "Thing":
            return _has(sight, row, DatastreamRow.thing) | _stands(sight, row)
        case "Sensor":
            return _has(sight, row, DatastreamRow.sensor)
        case "ObservedProperty":
            multi = aliased(MultiPropertyRow)
            several = sa.exists().where(
                multi.observed_property == row.number,
                _among(sight, multi.datastream, scope.datastreams),
            )
            return _has(sight, row, DatastreamRow.observed_property) | several
        case "Location":
            return _location(sight, row)
        case "HistoricalLocation":
            thing = aliased(DatastreamRow)
            seen = sa.exists().where(
                thing.thing == row.thing, _among(sight, thing.number, scope.datastreams)
            )
            return (seen | _thing_stands(sight, row.thing)) & _was(sight, row)
        case _:
            pair = aliased(ObservedFeatureRow)
            observed = sa.exists().where(
                pair.feature == row.number, _among(sight, pair.datastream, scope.datastreams)
            )
            return observed & _among(sight, row.number, scope.features)


def _location(sight: Sight, row: Any) -> ColumnElement[bool]:
    """A place in the region, of a thing that may be seen, now or once."""
    inside = _among(sight, row.number, sight.scope.locations)
    if sight.scope.rows is None:
        return inside
    now_, was = aliased(ThingLocationRow), aliased(HistoricalPlaceRow)
    history = aliased(HistoricalLocationRow)
    of, before = aliased(DatastreamRow), aliased(DatastreamRow)
    stands = sa.exists().where(
        now_.location == row.number,
        of.thing == now_.thing,
        _among(sight, of.number, sight.scope.datastreams),
    )
    stood = sa.exists().where(
        was.location == row.number,
        history.number == was.historical,
        _within(sight.scope, history),
        before.thing == history.thing,
        _among(sight, before.number, sight.scope.datastreams),
    )
    return inside & (stands | stood)


def _was(sight: Sight, row: Any) -> ColumnElement[bool]:
    if sight.scope.locations is None:
        return sa.true()
    place = aliased(HistoricalPlaceRow)
    return sa.exists().where(
        place.historical == row.number, _among(sight, place.location, sight.scope.locations)
    )


def _has(sight: Sight, row: Any, column: Any) -> ColumnElement[bool]:
    of = aliased(DatastreamRow)
    return sa.exists().where(
        getattr(of, column.key) == row.number, _among(sight, of.number, sight.scope.datastreams)
    )


def _stands(sight: Sight, row: Any) -> ColumnElement[bool]:
    """A thing without datastreams is told by where it stands, where that is all that is asked."""
    of = aliased(DatastreamRow)
    return sa.not_(sa.exists().where(of.thing == row.number)) & _thing_stands(sight, row.number)


def _thing_stands(sight: Sight, thing: Any) -> ColumnElement[bool]:
    if sight.scope.locations is None or sight.scope.rows is not None:
        return sa.false()
    place = aliased(ThingLocationRow)
    return sa.exists().where(
        place.thing == thing, _among(sight, place.location, sight.scope.locations)
    )


def _among(sight: Sight, column: Any, numbers: Any) -> ColumnElement[bool]:
    if numbers is None:
        return sa.true()
    return among(column, numbers.tolist(), dialect_of(sight.session))
