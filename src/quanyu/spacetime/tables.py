"""Tables of the room: which datasets there are, and which Delta versions their versions are."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Float, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from quanyu.kernel import Json, Moment, Table


class DatasetRow(Table):
    """A dataset; its row is what a publisher locks while it takes the next number."""

    __tablename__ = "spacetime_dataset"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    newest: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(Moment)


class VersionRow(Table):
    """One published version; never changed after it was written.

    The box is west, south, east, north: PostgreSQL keeps ``xmin`` and ``xmax`` for itself.
    """

    __tablename__ = "spacetime_version"
    __table_args__ = (Index("ix_spacetime_version_created", "created_at"),)

    dataset: Mapped[str] = mapped_column(
        String(64), ForeignKey("spacetime_dataset.name"), primary_key=True
    )
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    table: Mapped[str] = mapped_column("table_url", Text)
    delta_version: Mapped[int] = mapped_column(BigInteger)
    fields: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    geometry: Mapped[str] = mapped_column(String(32))
    has_z: Mapped[bool] = mapped_column(Boolean)
    rows: Mapped[int] = mapped_column("row_count", BigInteger)
    rejects: Mapped[int] = mapped_column(BigInteger)
    west: Mapped[float | None] = mapped_column(Float(53))
    south: Mapped[float | None] = mapped_column(Float(53))
    east: Mapped[float | None] = mapped_column(Float(53))
    north: Mapped[float | None] = mapped_column(Float(53))
    valid_from: Mapped[datetime | None] = mapped_column(Moment)
    valid_to: Mapped[datetime | None] = mapped_column(Moment)
    source_crs: Mapped[str | None] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    source_sha256: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(Moment)
