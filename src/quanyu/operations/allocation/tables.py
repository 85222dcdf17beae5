"""Tables of allocation."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
)
from sqlalchemy.orm import Mapped, mapped_column

from quanyu.kernel import Json, Moment, Table

Number = BigInteger().with_variant(Integer(), "sqlite")


class CapacityRow(Table):
    """What can be given of a resource; ``said`` holds its hours and limits."""

    __tablename__ = "capacity"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    resource: Mapped[str] = mapped_column(String(40), index=True)
    provider: Mapped[str] = mapped_column(String(40), index=True)
    amount: Mapped[int] = mapped_column(Integer)
    said: Mapped[Any] = mapped_column(Json)
    open: Mapped[bool] = mapped_column(Boolean)
    revision: Mapped[int] = mapped_column(Integer)


class SlotRow(Table):
    """How much of a slot is taken. The database itself refuses more than there is."""

    __tablename__ = "capacity_slot"
    __table_args__ = (CheckConstraint("taken >= 0 AND taken <= most", name="within"),)

    capacity: Mapped[str] = mapped_column(ForeignKey("capacity.id"), primary_key=True)
    start: Mapped[datetime] = mapped_column(Moment, primary_key=True)
    taken: Mapped[int] = mapped_column(Integer)
    most: Mapped[int] = mapped_column(Integer)


class QuotaRow(Table):
    """How much of its quota a party has in a month (``2026-11``)."""

    __tablename__ = "capacity_quota"
    __table_args__ = (CheckConstraint("taken >= 0 AND taken <= most", name="within"),)

    capacity: Mapped[str] = mapped_column(ForeignKey("capacity.id"), primary_key=True)
    party: Mapped[str] = mapped_column(String(40), primary_key=True)
    month: Mapped[str] = mapped_column(String(7), primary_key=True)
    taken: Mapped[int] = mapped_column(Integer)
    most: Mapped[int] = mapped_column(Integer)


class AllocationRow(Table):
    """An allocation; ``starts`` are the slots that it claims or waits for. When it ends it gives
    back those that have not begun."""

    __tablename__ = "allocation"
    __table_args__ = (
        Index("ix_allocation_due", "state", "hold_until"),
        Index("ix_allocation_of", "capacity", "state", "number"),
    )

    number: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(40), unique=True)
    capacity: Mapped[str] = mapped_column(ForeignKey("capacity.id"))
    resource: Mapped[str] = mapped_column(String(40), index=True)
    provider: Mapped[str] = mapped_column(String(40), index=True)
    party: Mapped[str] = mapped_column(String(40), index=True)
    member: Mapped[str] = mapped_column(String(40))
    since: Mapped[datetime] = mapped_column(Moment)
    until: Mapped[datetime] = mapped_column(Moment)
    starts: Mapped[Any] = mapped_column(Json)
    amount: Mapped[int] = mapped_column(Integer)
    purpose: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(12))
    note: Mapped[str] = mapped_column(Text)
    requested_at: Mapped[datetime] = mapped_column(Moment)
    hold_until: Mapped[datetime | None] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    revision: Mapped[int] = mapped_column(Integer)
