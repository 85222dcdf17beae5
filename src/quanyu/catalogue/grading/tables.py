"""What was proposed and confirmed, and what is confirmed now."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from quanyu.catalogue.tables import Number
from quanyu.kernel import Json, Moment, Table


class GradingRow(Table):
    """A proposal or a confirmation, never changed or removed."""

    __tablename__ = "resource_grading"
    __table_args__ = (Index("ix_resource_grading_of", "resource", "number"),)

    number: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(40), unique=True)
    resource: Mapped[str] = mapped_column(ForeignKey("resource.id"))
    at: Mapped[datetime] = mapped_column(Moment)
    confirmed: Mapped[bool]
    level: Mapped[str] = mapped_column(String(8))
    industry: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(16))
    persons: Mapped[bool]
    rows: Mapped[int | None] = mapped_column(Number)
    data_version: Mapped[int | None] = mapped_column(Integer)
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    table_digest: Mapped[str] = mapped_column(String(64))
    party: Mapped[str | None] = mapped_column(String(40))
    member: Mapped[str | None] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(Text)
    leaf: Mapped[str | None] = mapped_column(String(40))


class GradeRow(Table):
    """How an entry stands: the latest proposal, and the latest confirmation with its level.

    ``waits`` is the number of a proposal that no reviewer has answered yet.
    """

    __tablename__ = "resource_grade"
    __table_args__ = (Index("ix_resource_grade_waits", "waits"),)

    resource: Mapped[str] = mapped_column(ForeignKey("resource.id"), primary_key=True)
    proposed: Mapped[str] = mapped_column(String(40))
    confirmed: Mapped[str | None] = mapped_column(String(40))
    level: Mapped[str | None] = mapped_column(String(8))
    waits: Mapped[int | None] = mapped_column(Number)
