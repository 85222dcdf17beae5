"""Days off in the control store: those that concern a calendar at a moment."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.operations.oncall.model import DayOff
from quanyu.operations.oncall.tables import DayOffRow


def days_off_of(session: Session, calendar: str, since: datetime) -> tuple[DayOff, ...]:
    """Days off of a calendar that are not over long since, in the order in which they were said."""
    rows = session.scalars(
        select(DayOffRow)
        .where(DayOffRow.calendar == calendar, DayOffRow.last >= since.date() - timedelta(days=1))
        .order_by(DayOffRow.id)
    )
    return tuple(DayOff(one.member, one.first, one.last, one.substitute) for one in rows)
