"""Control-store tables of the compute room."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Float, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from quanyu.kernel import Json, Moment, Table

_Number = BigInteger().with_variant(Integer(), "sqlite")


class JobRow(Table):
    """A job. ``until`` is when its server process must have said again that it is at it."""

    __tablename__ = "compute_job"
    __table_args__ = (
        Index("ix_compute_job_party_number", "party", "number"),
        Index("ix_compute_job_state_until", "state", "until"),
    )

    number: Mapped[int] = mapped_column(_Number, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(40), unique=True)
    process: Mapped[str] = mapped_column(String(64))
    version: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(16))
    party: Mapped[str] = mapped_column(String(40))
    member: Mapped[str | None] = mapped_column(String(40), index=True)
    request: Mapped[dict[str, Any]] = mapped_column(Json)
    inputs: Mapped[str] = mapped_column(String(64))
    created: Mapped[datetime] = mapped_column(Moment)
    started: Mapped[datetime | None] = mapped_column(Moment)
    finished: Mapped[datetime | None] = mapped_column(Moment)
    updated: Mapped[datetime] = mapped_column(Moment)
    expires: Mapped[datetime] = mapped_column(Moment, index=True)
    until: Mapped[datetime] = mapped_column(Moment)
    progress: Mapped[float] = mapped_column(Float, default=0.0)
    problem: Mapped[dict[str, Any] | None] = mapped_column(Json)
    sources: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    leaf: Mapped[str | None] = mapped_column(String(40))


class ResultRow(Table):
    """An output of a job, until the job expires."""

    __tablename__ = "compute_result"

    job: Mapped[str] = mapped_column(String(40), primary_key=True)
    output: Mapped[str] = mapped_column(String(64), primary_key=True)
    place: Mapped[int] = mapped_column(Integer)
    holds: Mapped[str] = mapped_column(String(16))
    rows: Mapped[int] = mapped_column(_Number)
    body: Mapped[bytes] = mapped_column(LargeBinary)
