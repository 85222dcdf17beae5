"""Control-store tables of rules and of what is known of each thing they judge."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from quanyu.kernel import Json, Moment, Table

Number = BigInteger().with_variant(Integer(), "sqlite")


class RuleRow(Table):
    """A rule as it stands. ``enrolled`` is the last datastream that a rule about missing data has
    been told of."""

    __tablename__ = "operations_rule"
    __table_args__ = (UniqueConstraint("resource", "name", name="uq_operations_rule_resource"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    resource: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(64))
    party: Mapped[str] = mapped_column(String(40), index=True)
    version: Mapped[int]
    state: Mapped[str] = mapped_column(String(16), index=True)
    document: Mapped[dict[str, Any]] = mapped_column(Json)
    at: Mapped[datetime] = mapped_column(Moment)
    leaf: Mapped[str] = mapped_column(String(40))
    enrolled: Mapped[int] = mapped_column(Number)


class RuleVersionRow(Table):
    """What a rule said at each change, and who changed it."""

    __tablename__ = "operations_rule_version"

    rule: Mapped[str] = mapped_column(String(40), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    document: Mapped[dict[str, Any]] = mapped_column(Json)
    party: Mapped[str] = mapped_column(String(40))
    member: Mapped[str | None] = mapped_column(String(40))
    at: Mapped[datetime] = mapped_column(Moment)
    leaf: Mapped[str] = mapped_column(String(40))


class JudgedRow(Table):
    """What is known of one subject of a rule.

    ``head`` is its state after the newest observation; ``base`` an older one, from which it is
    judged anew when an observation comes late. ``head_at``, ``base_at`` and ``due_at`` (when data
    are missing, unless one comes) are microseconds since 1970 UTC.
    """

    __tablename__ = "operations_judged"
    __table_args__ = (Index("ix_operations_judged_due_at", "due_at"),)

    rule: Mapped[str] = mapped_column(String(40), primary_key=True)
    subject: Mapped[str] = mapped_column(String(300), primary_key=True)
    base_at: Mapped[int] = mapped_column(BigInteger)
    base: Mapped[Any] = mapped_column(Json)
    head_at: Mapped[int] = mapped_column(BigInteger)
    head: Mapped[Any] = mapped_column(Json)
    due_at: Mapped[int | None] = mapped_column(BigInteger)


class ReachedRow(Table):
    """How far the changes of observations have been judged; ``turn`` lets one process do it."""

    __tablename__ = "operations_rules_reached"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    turn: Mapped[int] = mapped_column(BigInteger)
