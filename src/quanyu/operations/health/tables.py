"""Control-store tables of health."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Date, Index, Integer, SmallInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from quanyu.kernel import Json, Moment, Table

_NUMBER = BigInteger().with_variant(Integer(), "sqlite")


class HealthRow(Table):
    """How a resource does now, and who was called; ``score`` is -1 where nothing is known."""

    __tablename__ = "health"

    resource: Mapped[str] = mapped_column(String(40), primary_key=True)
    state: Mapped[str] = mapped_column(String(8))
    score: Mapped[int] = mapped_column(SmallInteger)
    parts: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    since: Mapped[datetime] = mapped_column(Moment)
    at: Mapped[datetime] = mapped_column(Moment)
    order: Mapped[str | None] = mapped_column("work_order", String(40))
    silent_until: Mapped[datetime | None] = mapped_column(Moment)
    silent_reason: Mapped[str] = mapped_column(String(500), default="")
    silent_by: Mapped[str | None] = mapped_column(String(40))


class HealthChangeRow(Table):
    """A figure that was not the one before."""

    __tablename__ = "health_change"
    __table_args__ = (Index("ix_health_change_resource", "resource", "number"),)

    number: Mapped[int] = mapped_column(_NUMBER, primary_key=True, autoincrement=True)
    resource: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime] = mapped_column(Moment)
    state: Mapped[str] = mapped_column(String(8))
    score: Mapped[int] = mapped_column(SmallInteger)
    parts: Mapped[list[dict[str, Any]]] = mapped_column(Json)


class HealthDayRow(Table):
    """How many resources of a provider were in which state at the end of a day."""

    __tablename__ = "health_day"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    provider: Mapped[str] = mapped_column(String(40), primary_key=True)
    good: Mapped[int]
    warning: Mapped[int]
    bad: Mapped[int]
    unknown: Mapped[int]


class RuleSetRow(Table):
    """The rules of a resource; ``next_at`` is when they are to be checked again."""

    __tablename__ = "quality_rules"

    resource: Mapped[str] = mapped_column(String(40), primary_key=True)
    revision: Mapped[int]
    rules: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    declared_at: Mapped[datetime] = mapped_column(Moment)
    checked_at: Mapped[datetime | None] = mapped_column(Moment)
    checked_revision: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime] = mapped_column(Moment, index=True)


class RuleResultRow(Table):
    """How a rule went; those of one check share ``run``."""

    __tablename__ = "quality_result"
    __table_args__ = (Index("ix_quality_result_resource", "resource", "run"),)

    number: Mapped[int] = mapped_column(_NUMBER, primary_key=True, autoincrement=True)
    resource: Mapped[str] = mapped_column(String(40))
    run: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(64))
    dimension: Mapped[str] = mapped_column(String(16))
    severity: Mapped[str] = mapped_column(String(8))
    outcome: Mapped[str] = mapped_column(String(10))
    checked: Mapped[int] = mapped_column(BigInteger)
    failing: Mapped[int] = mapped_column(BigInteger)
    found: Mapped[str] = mapped_column(String(60))
    reason: Mapped[str] = mapped_column(Text)
    version: Mapped[int]
    revision: Mapped[int]
    at: Mapped[datetime] = mapped_column(Moment)


class ProbeRow(Table):
    """An answer, or none, of a service elsewhere: its status and how long it took."""

    __tablename__ = "service_probe"
    __table_args__ = (Index("ix_service_probe_resource", "resource", "number"),)

    number: Mapped[int] = mapped_column(_NUMBER, primary_key=True, autoincrement=True)
    resource: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime] = mapped_column(Moment)
    answered: Mapped[bool] = mapped_column(Boolean)
    status: Mapped[int] = mapped_column(SmallInteger)
    milliseconds: Mapped[int]


class ProbedRow(Table):
    """When a service is to be asked next."""

    __tablename__ = "service_probed"

    resource: Mapped[str] = mapped_column(String(40), primary_key=True)
    next_at: Mapped[datetime] = mapped_column(Moment, index=True)


class RunOutcomeRow(Table):
    """How a run of an algorithm went, or whether a job could read the data."""

    __tablename__ = "run_outcome"
    __table_args__ = (Index("ix_run_outcome_resource", "resource", "number"),)

    number: Mapped[int] = mapped_column(_NUMBER, primary_key=True, autoincrement=True)
    resource: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime] = mapped_column(Moment)
    failed: Mapped[bool] = mapped_column(Boolean)
