"""Control-store tables of notices: what was said, to whom, and what is still to be delivered."""

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from quanyu.kernel import Json, Moment, Table


class NoticeRow(Table):
    """Something that a party was told; ``key`` keeps it from being said twice."""

    __tablename__ = "notice"
    __table_args__ = (UniqueConstraint("party", "key", name="uq_notice_key"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    party: Mapped[str] = mapped_column(ForeignKey("party.id"))
    key: Mapped[str] = mapped_column(String(200))
    topic: Mapped[str] = mapped_column(String(32))
    message: Mapped[str] = mapped_column(Text)
    params: Mapped[dict[str, Any]] = mapped_column(Json)
    link: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Moment, index=True)


class NoticeReaderRow(Table):
    """One member told: on the page, and by mail while ``mail_due`` is set."""

    __tablename__ = "notice_reader"
    __table_args__ = (
        Index("ix_notice_reader_unread", "member", "page", "read_at"),
        Index("ix_notice_reader_mail_due", "mail_due"),
    )

    notice: Mapped[str] = mapped_column(ForeignKey("notice.id"), primary_key=True)
    member: Mapped[str] = mapped_column(ForeignKey("member.id"), primary_key=True)
    page: Mapped[bool] = mapped_column(Boolean)
    read_at: Mapped[datetime | None] = mapped_column(Moment)
    daily: Mapped[bool] = mapped_column(Boolean)
    mail_due: Mapped[datetime | None] = mapped_column(Moment)
    mail_attempts: Mapped[int] = mapped_column(Integer)
    mailed_at: Mapped[datetime | None] = mapped_column(Moment)
    mail_problem: Mapped[str | None] = mapped_column(String(200))


class NoticeChoiceRow(Table):
    """How a member wants to hear of a topic, where it is not the default."""

    __tablename__ = "notice_choice"

    member: Mapped[str] = mapped_column(ForeignKey("member.id"), primary_key=True)
    topic: Mapped[str] = mapped_column(String(32), primary_key=True)
    page: Mapped[bool] = mapped_column(Boolean)
    mail: Mapped[str] = mapped_column(String(8))


class WebhookRow(Table):
    """Where a party wants notices sent. The secret is made from ``salt`` and the node's key."""

    __tablename__ = "webhook"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    party: Mapped[str] = mapped_column(ForeignKey("party.id"), index=True)
    url: Mapped[str] = mapped_column(Text)
    topics: Mapped[list[str]] = mapped_column(Json)
    salt: Mapped[str] = mapped_column(String(32))
    active: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime] = mapped_column(Moment)


class WebhookDeliveryRow(Table):
    """One notice to one webhook; due while ``due_at`` is set."""

    __tablename__ = "webhook_delivery"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    webhook: Mapped[str] = mapped_column(ForeignKey("webhook.id"), index=True)
    notice: Mapped[str | None] = mapped_column(ForeignKey("notice.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(Moment)
    due_at: Mapped[datetime | None] = mapped_column(Moment, index=True)
    attempts: Mapped[int] = mapped_column(Integer)
    status: Mapped[int | None] = mapped_column(Integer)
    problem: Mapped[str | None] = mapped_column(String(200))
    done_at: Mapped[datetime | None] = mapped_column(Moment)
