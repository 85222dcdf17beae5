"""Control-store tables of alerts and silences."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Double, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from quanyu.kernel import Json, Moment, Table


class AlertRow(Table):
    """An alert; ``began`` is microseconds since 1970 UTC, what tells alerts of a subject apart.

    ``escalate_at`` is when the next step is due, ``order_at`` when a work order is to be opened,
    ``recheck_at`` when a finished one is found not to have helped. ``change`` is the number of the
    transaction that changed it last.
    """

    __tablename__ = "operations_alert"
    __table_args__ = (
        Index("ix_operations_alert_rule", "rule", "version", "subject", "began", unique=True),
        Index("ix_operations_alert_state", "state", "resource"),
        Index("ix_operations_alert_resource", "resource", "id"),
        Index("ix_operations_alert_group_key", "group_key"),
        Index("ix_operations_alert_escalate_at", "escalate_at"),
        Index("ix_operations_alert_order_at", "order_at"),
        Index("ix_operations_alert_recheck_at", "recheck_at"),
        Index("ix_operations_alert_changed_at", "changed_at"),
        Index("ix_operations_alert_change", "resource", "change"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    rule: Mapped[str] = mapped_column(String(40))
    version: Mapped[int]
    resource: Mapped[str] = mapped_column(String(40))
    party: Mapped[str] = mapped_column(String(40), index=True)
    subject: Mapped[str] = mapped_column(String(300))
    datastreams: Mapped[list[int]] = mapped_column(Json)
    thing: Mapped[str] = mapped_column(String(255))
    thing_name: Mapped[str] = mapped_column(Text)
    what: Mapped[str] = mapped_column(Text)
    unit: Mapped[str] = mapped_column(String(64))
    lon: Mapped[float | None] = mapped_column(Double)
    lat: Mapped[float | None] = mapped_column(Double)
    severity: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    group_key: Mapped[str] = mapped_column(String(400))
    began: Mapped[int] = mapped_column(BigInteger)
    began_at: Mapped[datetime] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    peak: Mapped[float | None] = mapped_column(Double)
    raised_at: Mapped[datetime] = mapped_column(Moment)
    changed_at: Mapped[datetime] = mapped_column(Moment)
    change: Mapped[int] = mapped_column(BigInteger, server_default="0")
    why: Mapped[str] = mapped_column(String(32))
    member: Mapped[str | None] = mapped_column(String(40))
    acknowledged_at: Mapped[datetime | None] = mapped_column(Moment)
    note: Mapped[str] = mapped_column(Text)
    step: Mapped[int]
    told_at: Mapped[datetime | None] = mapped_column(Moment)
    escalate_at: Mapped[datetime | None] = mapped_column(Moment)
    order_at: Mapped[datetime | None] = mapped_column(Moment)
    work_order: Mapped[str | None] = mapped_column(String(40))
    recheck_at: Mapped[datetime | None] = mapped_column(Moment)
    leaf: Mapped[str] = mapped_column(String(40))


class NumberRow(Table):
    """The last number that a transaction which changes alerts has taken."""

    __tablename__ = "operations_alert_number"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)


class SilenceRow(Table):
    """Alerts of a party that match are told to nobody from a moment until another."""

    __tablename__ = "operations_silence"
    __table_args__ = (Index("ix_operations_silence_party", "party", "ends_at"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    party: Mapped[str] = mapped_column(String(40))
    matcher: Mapped[dict[str, Any]] = mapped_column(Json)
    starts_at: Mapped[datetime] = mapped_column(Moment)
    ends_at: Mapped[datetime] = mapped_column(Moment)
    reason: Mapped[str] = mapped_column(Text)
    member: Mapped[str | None] = mapped_column(String(40))
    leaf: Mapped[str] = mapped_column(String(40))
