"""Freshness against the promise: how the age of the data compares with the update cycle.

The provider promises a cycle; the data are *fresh* while one cycle has not passed since they last
changed, *due* for half a cycle more, and *overdue* after that (GB/T 36344-2018, 时效性).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from quanyu.catalogue.codes import UpdateCycle
from quanyu.catalogue.model import ResourceDraft

PERIODS: dict[UpdateCycle, timedelta] = {
    UpdateCycle.REAL_TIME: timedelta(hours=1),
    UpdateCycle.DAILY: timedelta(days=1),
    UpdateCycle.WEEKLY: timedelta(days=7),
    UpdateCycle.MONTHLY: timedelta(days=31),
    UpdateCycle.QUARTERLY: timedelta(days=92),
    UpdateCycle.HALF_YEARLY: timedelta(days=184),
    UpdateCycle.YEARLY: timedelta(days=366),
}
"""Longest time between two changes of the data that keeps each promise."""

_GRACE = 0.5


class FreshnessState(StrEnum):
    """How the data stand against the promise; ``unknown``: promised, but no data time is known."""

    FRESH = "fresh"
    DUE = "due"
    OVERDUE = "overdue"
    NOT_PROMISED = "not-promised"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Freshness:
    """``data_at`` is when the data last changed; from ``due_at`` on a change is due, from
    ``overdue_at`` on the promise is broken. Both are ``None`` without a promise or a data time."""

    state: FreshnessState
    cycle: UpdateCycle
    data_at: datetime | None
    due_at: datetime | None
    overdue_at: datetime | None


def freshness(resource: ResourceDraft, data_at: datetime | None, now: datetime) -> Freshness:
    """How fresh data that last changed at ``data_at`` are at ``now``."""
    cycle = resource.update_cycle
    due, overdue = deadlines(cycle, data_at)
    if cycle not in PERIODS:
        state = FreshnessState.NOT_PROMISED
    elif due is None or overdue is None:
        state = FreshnessState.UNKNOWN
    elif now < due:
        state = FreshnessState.FRESH
    else:
        state = FreshnessState.DUE if now < overdue else FreshnessState.OVERDUE
    return Freshness(state, cycle, data_at, due, overdue)


def promised_period(cycle: UpdateCycle) -> timedelta | None:
    """Longest time between two changes that keeps a promise; ``None`` where there is none."""
    return PERIODS.get(cycle)


def deadlines(
    cycle: UpdateCycle, data_at: datetime | None
) -> tuple[datetime | None, datetime | None]:
    """When data of that age are due and overdue; ``None`` where nothing can be said."""
    period = PERIODS.get(cycle)
    if period is None or data_at is None:
        return None, None
    return data_at + period, data_at + period * (1 + _GRACE)
