"""Control-store tables of authorised operation."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from quanyu.catalogue.tables import Number
from quanyu.kernel import Json, Moment, Table


class OperationRow(Table):
    """An authorisation; ``body`` is what it says, ``salt`` blinds reasons in the log."""

    __tablename__ = "operation"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    grantor: Mapped[str] = mapped_column(String(40), index=True)
    operator: Mapped[str] = mapped_column(String(40), index=True)
    filing: Mapped[str] = mapped_column(String(64))
    revision: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(Moment)
    updated_at: Mapped[datetime] = mapped_column(Moment)
    body: Mapped[dict[str, Any]] = mapped_column(Json)
    salt: Mapped[str] = mapped_column(String(32))


class OperationResourceRow(Table):
    """A resource that an authorisation is for."""

    __tablename__ = "operation_resource"

    operation: Mapped[str] = mapped_column(ForeignKey("operation.id"), primary_key=True)
    resource: Mapped[str] = mapped_column(ForeignKey("resource.id"), primary_key=True, index=True)


class OperationStepRow(Table):
    """Something that happened to an authorisation, never changed or removed."""

    __tablename__ = "operation_step"

    number: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    operation: Mapped[str] = mapped_column(ForeignKey("operation.id"), index=True)
    at: Mapped[datetime] = mapped_column(Moment)
    move: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    party: Mapped[str] = mapped_column(String(40))
    member: Mapped[str | None] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(Text)
    leaf: Mapped[str] = mapped_column(String(40))


class OperationReportRow(Table):
    """A published annual report. ``body`` is RFC 8785 bytes."""

    __tablename__ = "operation_report"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    operation: Mapped[str] = mapped_column(ForeignKey("operation.id"), index=True)
    year: Mapped[int] = mapped_column(Integer)
    at: Mapped[datetime] = mapped_column(Moment)
    body: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64))
    leaf: Mapped[str] = mapped_column(String(40))
