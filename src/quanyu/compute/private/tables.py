"""Control-store tables of algorithms that parties send, of their runs, and of secure sums."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Index, Integer, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from quanyu.kernel import Json, Moment, Table

_Number = BigInteger().with_variant(Integer(), "sqlite")


class AlgorithmRow(Table):
    """A version of an algorithm: its package by its digest. A party's versions of one name share
    the catalogue's entry, where there is one."""

    __tablename__ = "compute_algorithm"
    __table_args__ = (
        UniqueConstraint("party", "name", "digest", name="uq_compute_algorithm_digest"),
    )

    number: Mapped[int] = mapped_column(_Number, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(40), unique=True)
    party: Mapped[str] = mapped_column(String(40), index=True)
    member: Mapped[str | None] = mapped_column(String(40), index=True)
    name: Mapped[str] = mapped_column(String(64))
    version: Mapped[str] = mapped_column(String(32))
    digest: Mapped[str] = mapped_column(String(64))
    document: Mapped[dict[str, Any]] = mapped_column(Json)
    resource: Mapped[str | None] = mapped_column(String(40))
    deployed: Mapped[bool] = mapped_column(Boolean)
    created: Mapped[datetime] = mapped_column(Moment)


class RunRow(Table):
    """A run of an algorithm on data. ``until`` is when its process must have spoken again;
    ``groups`` is the least group that its outputs may show, ``salt`` blinds digests in the log."""

    __tablename__ = "compute_run"
    __table_args__ = (
        Index("ix_compute_run_party_number", "party", "number"),
        Index("ix_compute_run_provider_state", "provider", "state"),
        Index("ix_compute_run_state_until", "state", "until"),
    )

    number: Mapped[int] = mapped_column(_Number, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(40), unique=True)
    algorithm: Mapped[str] = mapped_column(String(40))
    digest: Mapped[str] = mapped_column(String(64))
    party: Mapped[str] = mapped_column(String(40))
    member: Mapped[str | None] = mapped_column(String(40), index=True)
    provider: Mapped[str] = mapped_column(String(40))
    collection: Mapped[str] = mapped_column(String(128))
    agreement: Mapped[str] = mapped_column(String(64))
    request: Mapped[dict[str, Any]] = mapped_column(Json)
    inputs: Mapped[str] = mapped_column(String(64))
    salt: Mapped[str] = mapped_column(String(64))
    reviewed: Mapped[bool] = mapped_column(Boolean)
    groups: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(16))
    created: Mapped[datetime] = mapped_column(Moment)
    updated: Mapped[datetime] = mapped_column(Moment)
    finished: Mapped[datetime | None] = mapped_column(Moment)
    decided: Mapped[datetime | None] = mapped_column(Moment)
    until: Mapped[datetime] = mapped_column(Moment)
    expires: Mapped[datetime] = mapped_column(Moment, index=True)
    version: Mapped[int | None] = mapped_column(Integer)
    rows: Mapped[int | None] = mapped_column(_Number)
    use: Mapped[str | None] = mapped_column(String(40))
    findings: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    problem: Mapped[dict[str, Any] | None] = mapped_column(Json)
    reviewer: Mapped[str | None] = mapped_column(String(40), index=True)
    reasons: Mapped[str | None] = mapped_column(String(2000))
    ran: Mapped[str | None] = mapped_column(String(40))
    leaf: Mapped[str | None] = mapped_column(String(40))


class RunOutputRow(Table):
    """An output of a run, until the run expires; of one whose release was refused there is none."""

    __tablename__ = "compute_run_output"

    run: Mapped[str] = mapped_column(String(40), primary_key=True)
    output: Mapped[str] = mapped_column(String(64), primary_key=True)
    place: Mapped[int] = mapped_column(Integer)
    sha256: Mapped[str] = mapped_column(String(64))
    body: Mapped[bytes] = mapped_column(LargeBinary)


class SumRoundRow(Table):
    """A round of a secure sum that this node gathers: one value for each of ``groups``."""

    __tablename__ = "compute_sum_round"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    party: Mapped[str] = mapped_column(String(40), index=True)
    title: Mapped[str] = mapped_column(String(200))
    length: Mapped[int] = mapped_column(Integer)
    groups: Mapped[list[str]] = mapped_column(Json)
    decimals: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(16))
    created: Mapped[datetime] = mapped_column(Moment)
    ends: Mapped[datetime] = mapped_column(Moment, index=True)
    result: Mapped[list[int] | None] = mapped_column(Json)
    leaf: Mapped[str | None] = mapped_column(String(40))


class SumMemberRow(Table):
    """A participant of a round: its public key, then its masked vector."""

    __tablename__ = "compute_sum_member"

    round: Mapped[str] = mapped_column(String(40), primary_key=True)
    party: Mapped[str] = mapped_column(String(40), primary_key=True)
    place: Mapped[int] = mapped_column(Integer)
    key: Mapped[bytes | None] = mapped_column(LargeBinary)
    masked: Mapped[bytes | None] = mapped_column(LargeBinary)
