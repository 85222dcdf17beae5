"""What runs did: runs of a source, what they say of records, where an entry is from."""

from collections.abc import Iterable, Mapping

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from quanyu.catalogue.harvest.model import (
    HarvestOrigin,
    HarvestRun,
    RecordOutcome,
    RunItem,
    RunState,
    SourceKind,
)
from quanyu.catalogue.harvest.tables import ItemRow, RecordRow, RunRow, SourceRow
from quanyu.kernel import LocalText, NotFound, ResourceId


def harvest_runs(session: Session, source_id: str, limit: int = 20) -> list[HarvestRun]:
    """The latest runs of a source, the newest first."""
    rows = select(RunRow).where(RunRow.source == source_id).order_by(RunRow.number.desc())
    return [to_run(row) for row in session.scalars(rows.limit(limit))]


def harvest_run(session: Session, run_id: str) -> HarvestRun:
    """A run; ``NotFound`` when there is none."""
    return to_run(run_row(session, run_id))


def run_items(
    session: Session,
    run_id: str,
    *,
    outcomes: Iterable[RecordOutcome] = (),
    limit: int = 50,
    after: int = 0,
) -> list[RunItem]:
    """What a run says of records, in its order; ``after`` is the number of the last one seen."""
    query = select(ItemRow).where(ItemRow.run == run_id, ItemRow.number > after)
    wanted = [outcome.value for outcome in outcomes]
    if wanted:
        query = query.where(ItemRow.outcome.in_(wanted))
    rows = session.scalars(query.order_by(ItemRow.number).limit(limit))
    return [
        RunItem(
            number=row.number,
            remote_id=row.remote_id,
            title=row.title,
            outcome=RecordOutcome(row.outcome),
            resource=ResourceId(row.resource) if row.resource else None,
            reason=row.reason,
            differences=row.differences,
            kept=tuple(row.kept),
        )
        for row in rows
    ]


def latest_runs(session: Session, sources: Iterable[str]) -> Mapping[str, HarvestRun]:
    """The last run of each of these sources."""
    newest = (
        select(func.max(RunRow.number))
        .where(RunRow.source.in_(list(sources)))
        .group_by(RunRow.source)
    )
    rows = session.scalars(select(RunRow).where(RunRow.number.in_(newest)))
    return {row.source: to_run(row) for row in rows}


def records_held(session: Session, source_id: str) -> int:
    """How many entries here are from a source."""
    rows = select(func.count()).where(
        RecordRow.source == source_id, RecordRow.resource.is_not(None)
    )
    return session.scalar(rows) or 0


def harvest_origin(session: Session, resource_id: ResourceId) -> HarvestOrigin | None:
    """Where an entry was harvested from, ``None`` for the node's own."""
    found = session.execute(
        select(RecordRow, SourceRow)
        .join(SourceRow, SourceRow.id == RecordRow.source)
        .where(RecordRow.resource == resource_id)
        .order_by(RecordRow.number)
    ).first()
    if found is None:
        return None
    record, source = found
    return HarvestOrigin(
        source=source.id,
        source_name=LocalText(zh=source.name_zh, en=source.name_en),
        kind=SourceKind(source.kind),
        remote_id=record.remote_id,
        landing_page=record.landing_page,
        node=record.node,
        first_seen_at=record.first_seen_at,
        last_seen_at=record.last_seen_at,
        missing=record.missing,
        kept=tuple(record.kept),
    )


def run_row(session: Session, run_id: str) -> RunRow:
    """The row of a run, as it is now; ``NotFound`` when there is none."""
    row = session.scalar(
        select(RunRow).where(RunRow.id == run_id).execution_options(populate_existing=True)
    ) if run_id.isprintable() else None  # fmt: skip
    if row is None:
        raise NotFound("there is no harvest run {id}", id=run_id[:80])
    return row


def to_run(row: RunRow) -> HarvestRun:
    """The run of a row."""
    return HarvestRun(
        id=row.id,
        source=row.source,
        state=RunState(row.state),
        begun_at=row.begun_at,
        heartbeat_at=row.heartbeat_at,
        progress_at=row.progress_at,
        ended_at=row.ended_at,
        retry_at=row.retry_at,
        attempts=row.attempts,
        pages=row.pages,
        total=row.total,
        seen=row.seen,
        counts={RecordOutcome(name): count for name, count in row.counts.items()},
        problem=row.problem,
        warnings=tuple(row.warnings),
    )
