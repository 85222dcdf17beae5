"""Tables of assets."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Date,
    Double,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from quanyu.kernel import Json, Moment, Table

Number = BigInteger().with_variant(Integer(), "sqlite")
LONGEST_PATH = 200
Path = String(LONGEST_PATH).with_variant(String(LONGEST_PATH, collation="C"), "postgresql")
"""Compared byte by byte, so that what lies below an asset is one range of an index."""


class InventoryRow(Table):
    """The inventory of a resource: held by who changes its tree; ``readers`` may read it; ``last``
    is the last number given to an asset in it."""

    __tablename__ = "asset_inventory"

    resource: Mapped[str] = mapped_column(String(40), primary_key=True)
    provider: Mapped[str] = mapped_column(String(40), index=True)
    readers: Mapped[Any] = mapped_column(Json)
    last: Mapped[int] = mapped_column(Number)


class AssetRow(Table):
    """An asset; ``path`` are the ``seq`` of all above it and its own: ``12/57/103/``."""

    __tablename__ = "asset"
    __table_args__ = (
        UniqueConstraint("resource", "id", name="uq_asset_resource"),
        Index("ix_asset_tree", "resource", "path"),
        Index("ix_asset_parent", "resource", "parent"),
        Index("ix_asset_kind", "resource", "template", "state"),
    )

    number: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    resource: Mapped[str] = mapped_column(ForeignKey("asset_inventory.resource"))
    id: Mapped[str] = mapped_column(String(200), index=True)
    seq: Mapped[int] = mapped_column(Number)
    path: Mapped[str] = mapped_column(Path)
    depth: Mapped[int] = mapped_column(Integer)
    parent: Mapped[str | None] = mapped_column(String(200))
    name: Mapped[str] = mapped_column(String(200))
    template: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(16))
    lon: Mapped[float | None] = mapped_column(Double)
    lat: Mapped[float | None] = mapped_column(Double)
    address: Mapped[str] = mapped_column(String(300))
    division: Mapped[str] = mapped_column(String(12))
    since: Mapped[date | None] = mapped_column(Date)
    party: Mapped[str | None] = mapped_column(String(40))
    attributes: Mapped[Any] = mapped_column(Json)
    hours: Mapped[int] = mapped_column(Number)
    revision: Mapped[int] = mapped_column(Integer)


class PlanRow(Table):
    """Maintenance that is owed again and again; ``turn`` counts the orders opened for it."""

    __tablename__ = "asset_plan"
    __table_args__ = (Index("ix_asset_plan_due", "due_on"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    asset: Mapped[int] = mapped_column(ForeignKey("asset.number"), index=True)
    title: Mapped[str] = mapped_column(String(200))
    category: Mapped[str] = mapped_column(String(40))
    every_days: Mapped[int | None] = mapped_column(Integer)
    every_hours: Mapped[int | None] = mapped_column(Integer)
    due_on: Mapped[date | None] = mapped_column(Date)
    due_hours: Mapped[int | None] = mapped_column(Number)
    done_at: Mapped[datetime | None] = mapped_column(Moment)
    order: Mapped[str | None] = mapped_column("work_order", String(40), index=True)
    turn: Mapped[int] = mapped_column(Integer)


class EntryRow(Table):
    """Energy, water or money of an asset for a time, in whole units of its kind."""

    __tablename__ = "asset_entry"
    __table_args__ = (Index("ix_asset_entry_of", "asset", "kind", "since"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    asset: Mapped[int] = mapped_column(ForeignKey("asset.number"))
    kind: Mapped[str] = mapped_column(String(8))
    since: Mapped[date] = mapped_column(Date)
    until: Mapped[date] = mapped_column(Date)
    amount: Mapped[int] = mapped_column(BigInteger)
    note: Mapped[str] = mapped_column(Text)
