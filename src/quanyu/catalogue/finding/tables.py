"""Tables of the search, all made from the entries and written with them."""

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
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from quanyu.catalogue.tables import Number
from quanyu.kernel import Json, Moment, Table

NOT_KNOWN, NOT_PROMISED = -1, -2
Plain = String(64).with_variant(String(64, collation="C"), "postgresql")
"""Words in the order of their code points, so that the beginning of a word is a range."""
PlainKey = String(80).with_variant(String(80, collation="C"), "postgresql")


class FacetValueRow(Table):
    """A value of a facet, by a small number that stands for it in entries and in the index."""

    __tablename__ = "facet_value"
    __table_args__ = (UniqueConstraint("facet", "value"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    facet: Mapped[str] = mapped_column(String(16))
    value: Mapped[str] = mapped_column(String(500))


class FacetRow(Table):
    """What filters and counts need of an entry, and no more: narrow rows, many to a page.

    Times are seconds since 1970.

    marks               one character for each facet value (:mod:`marks`).
    due_at, overdue_at  when a change of its data is due and overdue; -1 when no time of the data is
                        known, -2 when nothing is promised.
    from_at, to_at      its own time, open ends far away; none when unknown.
    """

    __tablename__ = "resource_facet"
    __table_args__ = (Index("ix_resource_facet_updated", "updated_at", "number"),)

    number: Mapped[int] = mapped_column(
        Number, ForeignKey("resource.number", ondelete="CASCADE"), primary_key=True,
        autoincrement=False,
    )  # fmt: skip
    marks: Mapped[str] = mapped_column(Text)
    updated_at: Mapped[datetime] = mapped_column(Moment)
    due_at: Mapped[int] = mapped_column(BigInteger)
    overdue_at: Mapped[int] = mapped_column(BigInteger)
    west: Mapped[float | None] = mapped_column(Double)
    south: Mapped[float | None] = mapped_column(Double)
    east: Mapped[float | None] = mapped_column(Double)
    north: Mapped[float | None] = mapped_column(Double)
    from_at: Mapped[float | None] = mapped_column(Double)
    to_at: Mapped[float | None] = mapped_column(Double)


class TextRow(Table):
    """The words of an entry, by where they stand; ``rest`` ends with its tags."""

    __tablename__ = "resource_text"

    number: Mapped[int] = mapped_column(
        Number, ForeignKey("resource.number", ondelete="CASCADE"), primary_key=True,
        autoincrement=False,
    )  # fmt: skip
    title: Mapped[str] = mapped_column(Text)
    keywords: Mapped[str] = mapped_column(Text)
    rest: Mapped[str] = mapped_column(Text)


class PostingRow(Table):
    """Which entries of a block have a word (:mod:`postings`)."""

    __tablename__ = "search_posting"
    # Rows of a word lie together, in the order of their blocks.
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012 - SQLAlchemy wants a dict

    word: Mapped[str] = mapped_column(PlainKey, primary_key=True)
    block: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    entries: Mapped[bytes] = mapped_column(LargeBinary)


class WordRow(Table):
    """A word that a published entry taught."""

    __tablename__ = "search_word"

    word: Mapped[str] = mapped_column(Plain, primary_key=True)


class KeyRow(Table):
    """A key under which a word is looked for when it may be misspelt or spelt in pinyin."""

    __tablename__ = "search_key"

    key: Mapped[str] = mapped_column(PlainKey, primary_key=True)
    word: Mapped[str] = mapped_column(Plain, primary_key=True)


class SavedSearchRow(Table):
    """A search that a member keeps; ``looked_at`` is until when its new hits were told."""

    __tablename__ = "saved_search"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    member: Mapped[str] = mapped_column(String(40), index=True)
    party: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(200))
    asked: Mapped[dict[str, Any]] = mapped_column(Json)
    told: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(Moment)
    looked_at: Mapped[datetime] = mapped_column(Moment)
    looks_next: Mapped[datetime] = mapped_column(Moment, index=True)
