"""What is kept of an entry's care: its score and the dates of its data, made from the entry."""

from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, Index, Integer, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from quanyu.kernel import Json, Moment, Table


class CareRow(Table):
    """One row beside each entry, so that lists filter and sort by it without reading entries.

    ``profiled`` is the version whose values were looked at; ``elsewhere``: the entry names
    distributions that others serve; ``answered`` are the addresses of
    distributions elsewhere that answered when they were last tried, at ``checked_at``.
    ``health`` is 0 to 100 and ``sickness`` what is wanting to 100; -1 while nothing is known.
    ``health_next`` is when it is to be looked at again: none for at once.
    """

    __tablename__ = "resource_care"
    __table_args__ = (
        Index("ix_resource_care_dates", "overdue_at", "due_at"),
        Index("ix_resource_care_counted", "number", "score", "due_at", "overdue_at"),
        Index("ix_resource_care_health", "health", "number"),
        Index("ix_resource_care_sickness", "sickness", "number"),
    )

    number: Mapped[int] = mapped_column(
        ForeignKey("resource.number", ondelete="CASCADE"), primary_key=True
    )
    resource: Mapped[str] = mapped_column(String(40), unique=True)
    score: Mapped[int] = mapped_column(SmallInteger, index=True)
    findability: Mapped[int] = mapped_column(SmallInteger)
    accessibility: Mapped[int] = mapped_column(SmallInteger)
    interoperability: Mapped[int] = mapped_column(SmallInteger)
    reusability: Mapped[int] = mapped_column(SmallInteger)
    contextuality: Mapped[int] = mapped_column(SmallInteger)
    data_version: Mapped[int | None] = mapped_column(Integer)
    data_at: Mapped[datetime | None] = mapped_column(Moment)
    due_at: Mapped[datetime | None] = mapped_column(Moment)
    overdue_at: Mapped[datetime | None] = mapped_column(Moment)
    profiled: Mapped[int | None] = mapped_column(Integer)
    sizes: Mapped[dict[str, int]] = mapped_column(Json)
    elsewhere: Mapped[bool] = mapped_column(Boolean)
    checked_at: Mapped[datetime | None] = mapped_column(Moment, index=True)
    answered: Mapped[list[str]] = mapped_column(Json)
    health: Mapped[int] = mapped_column(SmallInteger, default=-1, server_default="-1")
    sickness: Mapped[int] = mapped_column(SmallInteger, default=-1, server_default="-1")
    health_state: Mapped[str | None] = mapped_column(String(8))
    health_next: Mapped[datetime | None] = mapped_column(Moment, index=True)
