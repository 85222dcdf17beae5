"""Tables of work orders."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Double, ForeignKey, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from quanyu.kernel import Json, Moment, Table

Number = BigInteger().with_variant(Integer(), "sqlite")


class WorkOrderRow(Table):
    """An order. ``open_source`` is its source while it is not over: unique, so that a source never
    has two."""

    __tablename__ = "work_order"
    __table_args__ = (
        Index("ix_work_order_owed", "state", "due_at"),
        Index("ix_work_order_same", "category", "thing", "closed_at"),
        Index("ix_work_order_party", "party", "state", "due_at"),
    )

    number: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(40), unique=True)
    category: Mapped[str] = mapped_column(String(40))
    title: Mapped[Any] = mapped_column(Json)
    text: Mapped[str] = mapped_column(Text)
    priority: Mapped[str] = mapped_column(String(8))
    state: Mapped[str] = mapped_column(String(12))
    source_kind: Mapped[str] = mapped_column(String(12))
    source_id: Mapped[str] = mapped_column(String(200))
    open_source: Mapped[str | None] = mapped_column(String(220), unique=True)
    resource: Mapped[str | None] = mapped_column(String(40), index=True)
    thing: Mapped[str | None] = mapped_column(String(200), index=True)
    lon: Mapped[float | None] = mapped_column(Double)
    lat: Mapped[float | None] = mapped_column(Double)
    address: Mapped[str] = mapped_column(String(300))
    division: Mapped[str] = mapped_column(String(12))
    raiser: Mapped[str | None] = mapped_column(String(40), index=True)
    raiser_member: Mapped[str | None] = mapped_column(String(40), index=True)
    party: Mapped[str | None] = mapped_column(String(40))
    member: Mapped[str | None] = mapped_column(String(40), index=True)
    opened_at: Mapped[datetime] = mapped_column(Moment, index=True)
    promised_at: Mapped[datetime] = mapped_column(Moment)
    due_at: Mapped[datetime] = mapped_column(Moment)
    accepted_at: Mapped[datetime | None] = mapped_column(Moment)
    done_at: Mapped[datetime | None] = mapped_column(Moment)
    took_s: Mapped[int | None] = mapped_column(Number)
    closed_at: Mapped[datetime | None] = mapped_column(Moment)
    escalated: Mapped[int] = mapped_column(Integer)
    reopened: Mapped[int] = mapped_column(Integer)
    repeats: Mapped[str | None] = mapped_column(String(40))
    revision: Mapped[int] = mapped_column(Integer)


class ConcernedRow(Table):
    """A party that may know of an order: who raised it, who had it, whose resource it is about."""

    __tablename__ = "work_order_concerned"

    party: Mapped[str] = mapped_column(String(40), primary_key=True)
    work_order: Mapped[str] = mapped_column(ForeignKey("work_order.id"), primary_key=True)


class OrderStepRow(Table):
    """What happened; the log knows the note by its digest under ``salt`` only."""

    __tablename__ = "work_order_step"
    __table_args__ = (Index("ix_work_order_step_of", "work_order", "number"),)

    number: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    work_order: Mapped[str] = mapped_column(ForeignKey("work_order.id"))
    move: Mapped[str] = mapped_column(String(12))
    state: Mapped[str] = mapped_column(String(12))
    at: Mapped[datetime] = mapped_column(Moment)
    party: Mapped[str | None] = mapped_column(String(40))
    member: Mapped[str | None] = mapped_column(String(40), index=True)
    to_party: Mapped[str | None] = mapped_column(String(40))
    note: Mapped[str] = mapped_column(Text)
    salt: Mapped[str] = mapped_column(String(32))
    leaf: Mapped[str] = mapped_column(String(40))


class PhotoRow(Table):
    """A picture, drawn anew: nothing of the file that was sent but what is seen in it."""

    __tablename__ = "work_order_photo"
    __table_args__ = (Index("ix_work_order_photo_of", "work_order", "id"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    work_order: Mapped[str] = mapped_column(ForeignKey("work_order.id"))
    step: Mapped[int] = mapped_column(Number)
    width: Mapped[int] = mapped_column(Integer)
    height: Mapped[int] = mapped_column(Integer)
    size: Mapped[int] = mapped_column(Integer)
    sha256: Mapped[str] = mapped_column(String(64))
    data: Mapped[bytes] = mapped_column(LargeBinary)
