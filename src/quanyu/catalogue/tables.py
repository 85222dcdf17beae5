"""Control-store tables of the catalogue.

An entry's whole description stands in ``body``; the columns beside it are what is filtered and
sorted by, and are made from it. The text index has its own table (:mod:`text_index`).
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
)
from sqlalchemy.orm import Mapped, mapped_column

from quanyu.kernel import Json, Moment, Table

Number = BigInteger().with_variant(Integer(), "sqlite")


class ResourceRow(Table):
    """An entry. ``sort_zh`` and ``sort_en`` are bytes whose order is that of the titles."""

    __tablename__ = "resource"
    __table_args__ = (
        Index("ix_resource_extent", "west", "east"),
        Index("ix_resource_newest", "state", "updated_at", "number"),
        # Totals and facets are counted from this index alone.
        Index("ix_resource_counted", "state", "kind", "provider", "access", "number"),
        # Figures by department are counted in the order of this index, nothing sorted.
        Index("ix_resource_owned", "provider", "state", "number"),
    )

    number: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(40), unique=True)
    code: Mapped[str | None] = mapped_column(String(40), unique=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    access: Mapped[str] = mapped_column(String(16))
    provider: Mapped[str] = mapped_column(String(40))
    area: Mapped[str] = mapped_column(String(6))
    revision: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(Moment, index=True)
    updated_at: Mapped[datetime] = mapped_column(Moment, index=True)
    published_at: Mapped[datetime | None] = mapped_column(Moment)
    west: Mapped[float | None] = mapped_column(Double)
    south: Mapped[float | None] = mapped_column(Double)
    east: Mapped[float | None] = mapped_column(Double)
    north: Mapped[float | None] = mapped_column(Double)
    time_from: Mapped[datetime | None] = mapped_column(Moment)
    time_to: Mapped[datetime | None] = mapped_column(Moment)
    sort_zh: Mapped[bytes] = mapped_column(LargeBinary, index=True)
    sort_en: Mapped[bytes] = mapped_column(LargeBinary, index=True)
    body: Mapped[dict[str, Any]] = mapped_column(Json)


class ThemeRow(Table):
    """A theme of an entry."""

    __tablename__ = "resource_theme"
    __table_args__ = (Index("ix_resource_theme_counted", "theme", "number"),)

    number: Mapped[int] = mapped_column(
        ForeignKey("resource.number", ondelete="CASCADE"), primary_key=True
    )
    theme: Mapped[str] = mapped_column(String(32), primary_key=True)


class LineageRow(Table):
    """An entry was made from another one."""

    __tablename__ = "resource_lineage"

    resource: Mapped[str] = mapped_column(ForeignKey("resource.id"), primary_key=True)
    source: Mapped[str] = mapped_column(ForeignKey("resource.id"), primary_key=True, index=True)


class SerialRow(Table):
    """The last serial given to an organisation for a type of resource."""

    __tablename__ = "resource_serial"

    prefix: Mapped[str] = mapped_column(String(32), primary_key=True)
    last: Mapped[int]


class StepRow(Table):
    """Something that happened to an entry, never changed or removed."""

    __tablename__ = "resource_step"
    __table_args__ = (Index("ix_resource_step_counted", "kind", "at"),)

    number: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    resource: Mapped[str] = mapped_column(ForeignKey("resource.id"), index=True)
    at: Mapped[datetime] = mapped_column(Moment)
    kind: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    revision: Mapped[int]
    party: Mapped[str | None] = mapped_column(String(40))
    member: Mapped[str | None] = mapped_column(String(40))
    changed: Mapped[list[str]] = mapped_column(Json)
    note: Mapped[str] = mapped_column(Text)
