"""Tables of the room: which datasets there are, and which Delta versions their versions are."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
)
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
    base: Mapped[int] = mapped_column(Integer)
    whole: Mapped[int] = mapped_column(Integer)


class EditRow(Table):
    """The edit that made a version out of the one before it; never changed after it was written.

    ``rows`` is an Arrow IPC stream of every row that it touched, as it was left by the edit, with a
    flag on those that it deleted. ``editor`` is whoever did it, an id that other rooms understand;
    the log has it blinded under ``salt``. ``top`` is the highest number among ids that are numbers,
    where all are.
    """

    __tablename__ = "spacetime_edit"
    __table_args__ = (
        ForeignKeyConstraint(
            ("dataset", "number"),
            ("spacetime_version.dataset", "spacetime_version.number"),
            name="fk_spacetime_edit_version",
        ),
    )

    dataset: Mapped[str] = mapped_column(String(64), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment)
    editor: Mapped[str] = mapped_column(String(40), index=True)
    note: Mapped[str] = mapped_column(Text)
    inserted: Mapped[int] = mapped_column(Integer)
    updated: Mapped[int] = mapped_column(Integer)
    deleted: Mapped[int] = mapped_column(Integer)
    restores: Mapped[int | None] = mapped_column(Integer)
    undoes: Mapped[int | None] = mapped_column(Integer)
    top: Mapped[int | None] = mapped_column(BigInteger)
    rows: Mapped[bytes] = mapped_column("changed_rows", LargeBinary)
    digest: Mapped[str] = mapped_column(String(64))
    salt: Mapped[str] = mapped_column(String(64))


class EditedRow(Table):
    """That an edit touched a row: the way from an object to its history, and from there on."""

    __tablename__ = "spacetime_edited"
    __table_args__ = (Index("ix_spacetime_edited_number", "dataset", "number"),)

    dataset: Mapped[str] = mapped_column(String(64), primary_key=True)
    fid: Mapped[str] = mapped_column(Text, primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    change: Mapped[str] = mapped_column(String(8))


class EditKeyRow(Table):
    """What was answered to a request that carried a key, so that it can be sent again."""

    __tablename__ = "spacetime_edit_key"

    editor: Mapped[str] = mapped_column(String(40), primary_key=True)
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment)
    payload: Mapped[str] = mapped_column(String(64))
    answer: Mapped[dict[str, Any]] = mapped_column(Json)


class FoldRow(Table):
    """A table in which a version and all edits before it are written out as one."""

    __tablename__ = "spacetime_fold"

    dataset: Mapped[str] = mapped_column(String(64), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    table: Mapped[str] = mapped_column("table_url", Text)
    delta_version: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(Moment)
