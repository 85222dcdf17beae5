"""Tables of what people say of entries."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from quanyu.catalogue.tables import Number
from quanyu.kernel import Moment, Table


class DiscussionRow(Table):
    """A message; ``thread`` is the id of the one that began it (its own for that one)."""

    __tablename__ = "resource_discussion"
    __table_args__ = (Index("ix_resource_discussion_thread", "resource", "thread", "number"),)

    number: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(40), unique=True)
    resource: Mapped[str] = mapped_column(ForeignKey("resource.id"))
    thread: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(String(300))
    text: Mapped[str] = mapped_column(Text)
    party: Mapped[str] = mapped_column(String(40))
    member: Mapped[str] = mapped_column(String(40), index=True)
    at: Mapped[datetime] = mapped_column(Moment)
    hidden_at: Mapped[datetime | None] = mapped_column(Moment)
    hidden_reason: Mapped[str] = mapped_column(Text)


class CorrectionRow(Table):
    """A correction request. ``contact`` is emptied once the matter is over."""

    __tablename__ = "resource_correction"
    __table_args__ = (Index("ix_resource_correction_owed", "state", "due_at"),)

    number: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(40), unique=True)
    resource: Mapped[str] = mapped_column(ForeignKey("resource.id"), index=True)
    provider: Mapped[str] = mapped_column(String(40), index=True)
    version: Mapped[int | None] = mapped_column(Integer)
    record: Mapped[str] = mapped_column(String(500))
    field: Mapped[str] = mapped_column(String(500))
    wrong: Mapped[str] = mapped_column(Text)
    right: Mapped[str] = mapped_column("correct", Text)
    evidence: Mapped[str] = mapped_column(Text)
    party: Mapped[str | None] = mapped_column(String(40))
    member: Mapped[str | None] = mapped_column(String(40), index=True)
    contact: Mapped[str] = mapped_column(String(500))
    state: Mapped[str] = mapped_column(String(16))
    revision: Mapped[int]
    at: Mapped[datetime] = mapped_column(Moment, index=True)
    due_at: Mapped[datetime] = mapped_column(Moment)
    escalated_at: Mapped[datetime | None] = mapped_column(Moment)
    answered_at: Mapped[datetime | None] = mapped_column(Moment)
    answer: Mapped[str] = mapped_column(Text)
    correct_by: Mapped[datetime | None] = mapped_column(Moment)
    done_at: Mapped[datetime | None] = mapped_column(Moment)
    done_version: Mapped[int | None] = mapped_column(Integer)


class ReuseRow(Table):
    """Something made with the data."""

    __tablename__ = "resource_reuse"
    __table_args__ = (Index("ix_resource_reuse_shown", "resource", "state"),)

    number: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(40), unique=True)
    resource: Mapped[str] = mapped_column(ForeignKey("resource.id"))
    provider: Mapped[str] = mapped_column(String(40), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    title: Mapped[str] = mapped_column(String(300))
    url: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    party: Mapped[str] = mapped_column(String(40))
    member: Mapped[str] = mapped_column(String(40), index=True)
    state: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime] = mapped_column(Moment)
    decided_at: Mapped[datetime | None] = mapped_column(Moment)
    reason: Mapped[str] = mapped_column(Text)


class FollowRow(Table):
    """A member wants to hear of changes of an entry."""

    __tablename__ = "resource_follow"

    resource: Mapped[str] = mapped_column(ForeignKey("resource.id"), primary_key=True)
    member: Mapped[str] = mapped_column(String(40), primary_key=True, index=True)
    party: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime] = mapped_column(Moment)


class ToldRow(Table):
    """How far changes of entries have been told of; one row."""

    __tablename__ = "resource_told"

    name: Mapped[str] = mapped_column(String(16), primary_key=True)
    step: Mapped[int] = mapped_column(Number)
