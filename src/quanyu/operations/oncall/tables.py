"""Control-store tables of on-call calendars."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from quanyu.kernel import Json, Moment, Table


class CalendarRow(Table):
    """A party's calendar."""

    __tablename__ = "operations_calendar"
    __table_args__ = (UniqueConstraint("party", "name", name="uq_operations_calendar_party"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    party: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(64))
    document: Mapped[dict[str, Any]] = mapped_column(Json)
    at: Mapped[datetime] = mapped_column(Moment)
    leaf: Mapped[str] = mapped_column(String(40))


class OverrideRow(Table):
    """Somebody takes over for a time."""

    __tablename__ = "operations_override"
    __table_args__ = (Index("ix_operations_override_calendar", "calendar", "ends_at"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    calendar: Mapped[str] = mapped_column(String(40))
    member: Mapped[str] = mapped_column(String(40))
    starts_at: Mapped[datetime] = mapped_column(Moment)
    ends_at: Mapped[datetime] = mapped_column(Moment)
    note: Mapped[str] = mapped_column(Text)
    leaf: Mapped[str] = mapped_column(String(40))


class DayOffRow(Table):
    """A member is off on those days; ``substitute`` is called instead, where there is one."""

    __tablename__ = "operations_day_off"
    __table_args__ = (Index("ix_operations_day_off_calendar", "calendar", "last"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    calendar: Mapped[str] = mapped_column(String(40))
    member: Mapped[str] = mapped_column(String(40))
    first: Mapped[date] = mapped_column(Date)
    last: Mapped[date] = mapped_column(Date)
    substitute: Mapped[str | None] = mapped_column(String(40))
    note: Mapped[str] = mapped_column(Text)
    leaf: Mapped[str] = mapped_column(String(40))
