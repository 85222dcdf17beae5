"""Tables of products."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from quanyu.kernel import Json, Moment, Table


class ProductRow(Table):
    """A product: its description in ``body``, beside it what is filtered by."""

    __tablename__ = "product"
    __table_args__ = (Index("ix_product_newest", "state", "id"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    code: Mapped[str | None] = mapped_column(String(40), unique=True)
    state: Mapped[str] = mapped_column(String(16))
    delivery: Mapped[str] = mapped_column(String(16))
    provider: Mapped[str] = mapped_column(String(40), index=True)
    area: Mapped[str] = mapped_column(String(6))
    revision: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(Moment)
    updated_at: Mapped[datetime] = mapped_column(Moment)
    listed_at: Mapped[datetime | None] = mapped_column(Moment)
    body: Mapped[dict[str, Any]] = mapped_column(Json)


class ProductSourceRow(Table):
    """A resource that a product is made of."""

    __tablename__ = "product_source"

    product: Mapped[str] = mapped_column(ForeignKey("product.id"), primary_key=True)
    source: Mapped[str] = mapped_column(ForeignKey("resource.id"), primary_key=True, index=True)
