"""The register of rights: one row for each right, from its entry to its end."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from quanyu.catalogue.tables import Number
from quanyu.kernel import Json, Moment, Table


class RightRow(Table):
    """A right in the register. ``body`` is the right as it was applied for.

    It stood there from ``entered_at`` on and until ``ended_at``; both have their leaf.
    """

    __tablename__ = "resource_right"
    __table_args__ = (
        Index("ix_resource_right_of", "resource", "entered_at"),
        Index("ix_resource_right_holder", "holder", "ended_at"),
    )

    number: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(40), unique=True)
    resource: Mapped[str] = mapped_column(ForeignKey("resource.id"))
    kind: Mapped[str] = mapped_column(String(16))
    holder: Mapped[str] = mapped_column(String(40))
    body: Mapped[dict[str, Any]] = mapped_column(Json)
    application: Mapped[str] = mapped_column(ForeignKey("application.id"), index=True)
    entered_at: Mapped[datetime] = mapped_column(Moment)
    leaf: Mapped[str] = mapped_column(String(40))
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    ended_leaf: Mapped[str | None] = mapped_column(String(40))
