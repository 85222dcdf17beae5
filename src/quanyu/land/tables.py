"""Control-store tables of the land room."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from quanyu.kernel import Json, Moment, Table

_Number = BigInteger().with_variant(Integer(), "sqlite")


class RoleRow(Table):
    """A revision of a declaration; the last one of a dataset in a role counts until it ends."""

    __tablename__ = "land_role"
    __table_args__ = (UniqueConstraint("role", "dataset", "revision", name="uq_land_role_role"),)

    number: Mapped[int] = mapped_column(_Number, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(40), unique=True)
    role: Mapped[str] = mapped_column(String(24))
    dataset: Mapped[str] = mapped_column(String(64), index=True)
    revision: Mapped[int]
    columns: Mapped[dict[str, str]] = mapped_column(Json)
    scheme: Mapped[str] = mapped_column(String(24))
    values: Mapped[dict[str, str]] = mapped_column(Json)
    note: Mapped[dict[str, str] | None] = mapped_column(Json)
    declared_at: Mapped[datetime] = mapped_column(Moment)
    declared_by: Mapped[str | None] = mapped_column(String(40))
    ended_at: Mapped[datetime | None] = mapped_column(Moment, index=True)


class CheckRow(Table):
    """A check that was made; ``report`` are the bytes whose digest is in the log."""

    __tablename__ = "land_check"
    __table_args__ = (Index("ix_land_check_party_number", "party", "number"),)

    number: Mapped[int] = mapped_column(_Number, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(40), unique=True)
    at: Mapped[datetime] = mapped_column(Moment, index=True)
    party: Mapped[str] = mapped_column(String(40))
    member: Mapped[str | None] = mapped_column(String(40), index=True)
    name: Mapped[str] = mapped_column(Text)
    verdict: Mapped[str] = mapped_column(String(16))
    digest: Mapped[str] = mapped_column(String(64))
    leaf: Mapped[str] = mapped_column(String(40))
    uses: Mapped[dict[str, Any]] = mapped_column(Json)
    rerun_of: Mapped[str | None] = mapped_column(String(40))
    report: Mapped[bytes] = mapped_column(LargeBinary)
