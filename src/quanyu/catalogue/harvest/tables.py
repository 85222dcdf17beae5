"""Control-store tables of harvesting: sources, runs, records, and what runs said of records."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from quanyu.kernel import Json, Moment, Table

Number = BigInteger().with_variant(Integer(), "sqlite")


class SourceRow(Table):
    """A catalogue that is harvested."""

    __tablename__ = "harvest_source"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name_zh: Mapped[str] = mapped_column(String(200))
    name_en: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(16))
    url: Mapped[str] = mapped_column(Text)
    provider: Mapped[str] = mapped_column(String(40), index=True)
    settings: Mapped[dict[str, Any]] = mapped_column(Json)
    every_minutes: Mapped[int]
    active: Mapped[bool]
    next_at: Mapped[datetime | None] = mapped_column(Moment, index=True)
    failures: Mapped[int]
    revision: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(Moment)
    created_by: Mapped[str] = mapped_column(String(40))


class RunRow(Table):
    """A run. ``cursor`` and ``taken`` are its checkpoint: the page it is at, and how many of its
    records are done; ``marks`` are digests of the pages it has had."""

    __tablename__ = "harvest_run"
    __table_args__ = (Index("ix_harvest_run_source", "source", "number"),)

    number: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(40), unique=True)
    source: Mapped[str] = mapped_column(ForeignKey("harvest_source.id"))
    state: Mapped[str] = mapped_column(String(16), index=True)
    holder: Mapped[str | None] = mapped_column(String(128))
    begun_at: Mapped[datetime] = mapped_column(Moment)
    heartbeat_at: Mapped[datetime] = mapped_column(Moment)
    progress_at: Mapped[datetime] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    retry_at: Mapped[datetime | None] = mapped_column(Moment)
    attempts: Mapped[int]
    cursor: Mapped[dict[str, Any] | None] = mapped_column(Json)
    mark: Mapped[str] = mapped_column(String(32))
    taken: Mapped[int]
    marks: Mapped[list[str]] = mapped_column(Json)
    pages: Mapped[int]
    total: Mapped[int | None]
    seen: Mapped[int]
    complete: Mapped[bool]
    cancel: Mapped[bool]
    counts: Mapped[dict[str, int]] = mapped_column(Json)
    problem: Mapped[dict[str, Any] | None] = mapped_column(Json)
    warnings: Mapped[list[dict[str, Any]]] = mapped_column(Json)


class RecordRow(Table):
    """A record of a source and the entry made of it.

    remote    what the source said last, as a description of ours: the base of the next comparison.
    alike     digest of it without names and addresses, by which a record is known under another id.
    conflicts fields edited here that have changed there since: ``{field: {ours, theirs}}``.
    """

    __tablename__ = "harvest_record"
    __table_args__ = (
        Index("uq_harvest_record_source", "source", "key", unique=True),
        Index("ix_harvest_record_key", "key"),
        Index("ix_harvest_record_alike", "source", "alike"),
        Index("ix_harvest_record_run", "source", "last_run"),
    )

    number: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    source: Mapped[str] = mapped_column(ForeignKey("harvest_source.id"))
    key: Mapped[str] = mapped_column(String(64))
    remote_id: Mapped[str] = mapped_column(Text)
    resource: Mapped[str | None] = mapped_column(ForeignKey("resource.id"), index=True)
    node: Mapped[str] = mapped_column(String(200))
    landing_page: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64))
    alike: Mapped[str] = mapped_column(String(64))
    remote: Mapped[dict[str, Any]] = mapped_column(Json)
    conflicts: Mapped[dict[str, Any]] = mapped_column(Json)
    kept: Mapped[list[str]] = mapped_column(Json)
    first_seen_at: Mapped[datetime] = mapped_column(Moment)
    last_seen_at: Mapped[datetime] = mapped_column(Moment)
    last_run: Mapped[str] = mapped_column(String(40))
    missing: Mapped[int]


class ItemRow(Table):
    """What a run did with a record; records that were as before have none."""

    __tablename__ = "harvest_item"
    __table_args__ = (Index("ix_harvest_item_run", "run", "outcome", "number"),)

    number: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    run: Mapped[str] = mapped_column(ForeignKey("harvest_run.id"))
    remote_id: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    outcome: Mapped[str] = mapped_column(String(16))
    resource: Mapped[str | None] = mapped_column(String(40))
    reason: Mapped[dict[str, Any] | None] = mapped_column(Json)
    differences: Mapped[dict[str, Any]] = mapped_column(Json)
    kept: Mapped[list[str]] = mapped_column(Json)
