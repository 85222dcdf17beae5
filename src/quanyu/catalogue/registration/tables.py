"""Control-store tables of applications."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from quanyu.catalogue.tables import Number
from quanyu.kernel import Json, Moment, Table


class ApplicationRow(Table):
    """An application. ``open_of`` is the resource while it is under way: a resource has but one.

    ``reminded`` counts the reminders of the present deadline: one before it, one after.
    ``rights`` are those asked for, ``None`` when they stay; ``rights_base`` what stood then.
    """

    __tablename__ = "application"
    __table_args__ = (
        Index("ix_application_due", "state", "deadline", "number"),
        Index("ix_application_provider", "provider", "number"),
    )

    number: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(40), unique=True)
    resource: Mapped[str] = mapped_column(ForeignKey("resource.id"), index=True)
    open_of: Mapped[str | None] = mapped_column(String(40), unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    provider: Mapped[str] = mapped_column(String(40))
    party: Mapped[str] = mapped_column(String(40))
    member: Mapped[str | None] = mapped_column(String(40))
    submitter: Mapped[str | None] = mapped_column(String(40))
    assigned: Mapped[str | None] = mapped_column(String(40), index=True)
    revision: Mapped[int]
    base_revision: Mapped[int]
    base: Mapped[dict[str, Any]] = mapped_column(Json)
    proposed: Mapped[dict[str, Any]] = mapped_column(Json)
    rights: Mapped[list[dict[str, Any]] | None] = mapped_column(Json)
    rights_base: Mapped[list[dict[str, Any]] | None] = mapped_column(Json)
    reason: Mapped[str] = mapped_column(Text)
    comments: Mapped[dict[str, str]] = mapped_column(Json)
    approvals: Mapped[list[str]] = mapped_column(Json)
    approvals_needed: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(Moment)
    updated_at: Mapped[datetime] = mapped_column(Moment)
    submitted_at: Mapped[datetime | None] = mapped_column(Moment)
    deadline: Mapped[datetime | None] = mapped_column(Moment)
    reminded: Mapped[int]
    publicity_from: Mapped[datetime | None] = mapped_column(Moment)
    publicity_until: Mapped[datetime | None] = mapped_column(Moment)
    paused_at: Mapped[datetime | None] = mapped_column(Moment)
    salt: Mapped[str] = mapped_column(String(64))


class ApplicationStepRow(Table):
    """Something that happened to an application, never changed or removed."""

    __tablename__ = "application_step"

    number: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    application: Mapped[str] = mapped_column(ForeignKey("application.id"), index=True)
    at: Mapped[datetime] = mapped_column(Moment, index=True)
    move: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    revision: Mapped[int]
    party: Mapped[str | None] = mapped_column(String(40))
    member: Mapped[str | None] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(Text)
    comments: Mapped[dict[str, str]] = mapped_column(Json)
    checklist: Mapped[dict[str, Any]] = mapped_column(Json)
    late: Mapped[bool]
    leaf: Mapped[str] = mapped_column(String(40))


class CertificateRow(Table):
    """A certificate of registration, never changed or removed. ``body`` is RFC 8785 bytes."""

    __tablename__ = "registration_certificate"

    number: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(40), unique=True)
    serial: Mapped[str] = mapped_column(String(60), unique=True)
    resource: Mapped[str] = mapped_column(ForeignKey("resource.id"), index=True)
    application: Mapped[str] = mapped_column(ForeignKey("application.id"), unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    issued_at: Mapped[datetime] = mapped_column(Moment)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    digest: Mapped[str] = mapped_column(String(64))
    leaf: Mapped[str] = mapped_column(String(40))


class ObjectionRow(Table):
    """An objection to an application in publicity."""

    __tablename__ = "application_objection"

    number: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(40), unique=True)
    application: Mapped[str] = mapped_column(ForeignKey("application.id"), index=True)
    at: Mapped[datetime] = mapped_column(Moment)
    party: Mapped[str | None] = mapped_column(String(40))
    member: Mapped[str | None] = mapped_column(String(40))
    contact: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16))
    answer: Mapped[str] = mapped_column(Text)
    answered_at: Mapped[datetime | None] = mapped_column(Moment)
    answered_by: Mapped[str | None] = mapped_column(String(40))
