"""The health of entries, as it is kept beside them: what lists are filtered and sorted by.

What it follows from, and why, is told by those who look after resources (``operations``); here
stand the figure, and when it is to be looked at again.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from quanyu.catalogue.codes import State
from quanyu.catalogue.model import Resource
from quanyu.catalogue.quality.tables import CareRow
from quanyu.catalogue.rows import to_resource
from quanyu.catalogue.tables import ResourceRow
from quanyu.kernel import PartyId, ResourceId

NO_FIGURE = -1


class HealthState(StrEnum):
    """How a resource does; ``unknown`` where too little is known to say that it is good."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class HealthFigure:
    """``score`` is 0 to 100, ``None`` where nothing is known."""

    state: HealthState
    score: int | None


@dataclass(frozen=True, slots=True)
class ProviderHealth:
    """How many published entries of a provider are in which state."""

    provider: PartyId
    counts: dict[HealthState, int]


def note_health(
    session: Session, resource_id: ResourceId, figure: HealthFigure, again: datetime
) -> None:
    """Keep the figure of an entry; it is to be looked at ``again`` then, or when its data change.

    Nothing happens for an entry that has not been scored yet.
    """
    row = session.scalar(select(CareRow).where(CareRow.resource == resource_id))
    if row is None:
        return
    row.health_state = figure.state.value
    row.health = NO_FIGURE if figure.score is None else figure.score
    row.sickness = NO_FIGURE if figure.score is None else 100 - figure.score
    row.health_next = again


def want_health(session: Session, ids: Iterable[ResourceId]) -> None:
    """Have the health of these entries looked at with the next round."""
    session.execute(update(CareRow).where(CareRow.resource.in_(list(ids))).values(health_next=None))


def health_figures(session: Session, ids: Iterable[ResourceId]) -> dict[ResourceId, HealthFigure]:
    """The figures of these entries; one that has not been looked at yet is left out."""
    query = select(CareRow.resource, CareRow.health_state, CareRow.health).where(
        CareRow.resource.in_(list(ids)), CareRow.health_state.is_not(None)
    )
    return {
        ResourceId(name): HealthFigure(HealthState(state), None if score < 0 else score)
        for name, state, score in session.execute(query)
        if state is not None
    }


def health_due(session: Session, moment: datetime, limit: int) -> list[Resource]:
    """Entries whose health is to be looked at, those never looked at first."""
    query = (
        select(ResourceRow)
        .join(CareRow, CareRow.number == ResourceRow.number)
        .where(or_(CareRow.health_next.is_(None), CareRow.health_next <= moment))
        .order_by(CareRow.health_next)
        .limit(limit)
    )
    return [to_resource(row) for row in session.scalars(query)]


def health_by_provider(session: Session) -> list[ProviderHealth]:
    """Published entries of each provider by state of their health, in the order of providers."""
    query = (
        select(ResourceRow.provider, CareRow.health_state, func.count())
        .join(CareRow, CareRow.number == ResourceRow.number)
        .where(ResourceRow.state == State.PUBLISHED.value)
        .group_by(ResourceRow.provider, CareRow.health_state)
        .order_by(ResourceRow.provider)
    )
    found: dict[PartyId, dict[HealthState, int]] = {}
    for provider, state, count in session.execute(query):
        counts = found.setdefault(PartyId(provider), dict.fromkeys(HealthState, 0))
        counts[HealthState(state or HealthState.UNKNOWN)] += count
    return [ProviderHealth(provider, counts) for provider, counts in found.items()]
