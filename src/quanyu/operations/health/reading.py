"""The health of resources as it is kept: now, before, by department, by day."""

from collections.abc import Sequence
from datetime import date, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from quanyu.catalogue import HealthState, health_by_provider
from quanyu.kernel import ControlStore, PartyId, ResourceId, day_in_zone, now
from quanyu.operations.health.figures import to_health
from quanyu.operations.health.gathering import RUNS_LATELY
from quanyu.operations.health.model import Health, HealthChange, HealthDay, part_of
from quanyu.operations.health.tables import (
    HealthChangeRow,
    HealthDayRow,
    HealthRow,
    RunOutcomeRow,
)

KEPT_DAYS = 3 * 366


def health_of(session: Session, resource_id: ResourceId) -> Health:
    """How a resource does; unknown, without parts, while nobody has looked."""
    row = session.get(HealthRow, resource_id)
    if row is None:
        return Health(resource_id, HealthState.UNKNOWN, None, (), None, None)
    return to_health(row)


def healths_of(session: Session, ids: Sequence[ResourceId]) -> dict[ResourceId, Health]:
    """The same of many; one that nobody has looked at is left out."""
    rows = session.scalars(select(HealthRow).where(HealthRow.resource.in_(list(ids))))
    return {ResourceId(row.resource): to_health(row) for row in rows}


def health_changes(
    session: Session, resource_id: ResourceId, *, limit: int = 500, before: int | None = None
) -> tuple[list[HealthChange], int | None]:
    """Figures of a resource, the latest first, and the token of the page after."""
    query = select(HealthChangeRow).where(HealthChangeRow.resource == resource_id)
    if before is not None:
        query = query.where(HealthChangeRow.number < before)
    rows = session.scalars(query.order_by(HealthChangeRow.number.desc()).limit(limit + 1)).all()
    onward = rows[limit - 1].number if len(rows) > limit else None
    return [
        HealthChange(
            row.at,
            HealthState(row.state),
            None if row.score < 0 else row.score,
            tuple(map(part_of, row.parts)),
        )
        for row in rows[:limit]
    ], onward


def health_days(session: Session, since: date, provider: PartyId | None = None) -> list[HealthDay]:
    """Published resources by state at the end of each day, of one provider or all."""
    columns = [HealthDayRow.good, HealthDayRow.warning, HealthDayRow.bad, HealthDayRow.unknown]
    query = select(HealthDayRow.day, *(func.sum(column) for column in columns)).where(
        HealthDayRow.day >= since
    )
    if provider is not None:
        query = query.where(HealthDayRow.provider == provider)
    rows = session.execute(query.group_by(HealthDayRow.day).order_by(HealthDayRow.day))
    order = (HealthState.GOOD, HealthState.WARNING, HealthState.BAD, HealthState.UNKNOWN)
    return [
        HealthDay(day, dict(zip(order, map(int, counts), strict=True))) for day, *counts in rows
    ]


def health_on(session: Session, day: date) -> dict[PartyId, dict[HealthState, int]]:
    """Resources of each provider by state at the end of a day; nothing where it was not counted."""
    rows = session.scalars(select(HealthDayRow).where(HealthDayRow.day == day))
    return {
        PartyId(row.provider): {
            HealthState.GOOD: row.good,
            HealthState.WARNING: row.warning,
            HealthState.BAD: row.bad,
            HealthState.UNKNOWN: row.unknown,
        }
        for row in rows
    }


def keep_health_day(control: ControlStore, zone: str) -> int:
    """Count today's states by provider, in the place of what was counted before, and forget runs
    that count no more; how many providers there are."""
    today = day_in_zone(now(), zone)
    with control.begin() as session:
        counted = health_by_provider(session)
        session.execute(delete(HealthDayRow).where(HealthDayRow.day == today))
        old = today - timedelta(days=KEPT_DAYS)
        session.execute(delete(HealthDayRow).where(HealthDayRow.day < old))
        session.execute(delete(RunOutcomeRow).where(RunOutcomeRow.at < now() - RUNS_LATELY))
        for one in counted:
            session.add(
                HealthDayRow(
                    day=today,
                    provider=one.provider,
                    **{state.value: count for state, count in one.counts.items()},
                )
            )
    return len(counted)
