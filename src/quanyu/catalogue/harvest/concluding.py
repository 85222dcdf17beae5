"""The end of a run: was it whole, what is missing, and may that be taken away?"""

from datetime import datetime, timedelta

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from quanyu.catalogue.codes import State
from quanyu.catalogue.entries import resource, withdraw
from quanyu.catalogue.harvest.adding import writable_source
from quanyu.catalogue.harvest.model import (
    HarvestRun,
    HarvestSource,
    OnMissing,
    RecordOutcome,
    RunState,
)
from quanyu.catalogue.harvest.reasons import because
from quanyu.catalogue.harvest.reports import run_row, to_run
from quanyu.catalogue.harvest.tables import ItemRow, RecordRow, RunRow, SourceRow
from quanyu.kernel import Conflict, PartyId, ResourceId, now, owe
from quanyu.parties import Caller, Role, node_party, notify

_AT_ONCE = 50
_FEW = 4
"""A source of fewer entries than this may lose most of them without anybody being asked."""

_WAITS = (5, 30, 120, 720)
"""Minutes until a source whose runs failed is run again, before its own interval counts."""


def conclude(session: Session, row: RunRow) -> None:
    """Every page has been seen: look at what the source said of itself, and at what is missing."""
    if row.total is not None and row.total != row.seen:
        said = because("the source says that it has {total} records and gave {seen}",
                       total=row.total, seen=row.seen)  # fmt: skip
        row.warnings = [*row.warnings, said]
        row.complete = row.complete and row.seen >= row.total
    renamed = row.counts.get(RecordOutcome.RENAMED.value, 0)
    if renamed and renamed * 2 >= row.seen:
        said = because("most records came under other identifiers than before: {count}",
                       count=renamed)  # fmt: skip
        row.warnings = [*row.warnings, said]
    missing, known = _missing(session, row), _known(session, row)
    if not row.complete:
        if missing:
            said = because("{missing} entries were not seen, but the source was not seen whole: "
                           "they are left as they are", missing=missing)  # fmt: skip
            row.warnings = [*row.warnings, said]
        ended(session, row, RunState.DONE)
    elif known and (row.seen == 0 or (known >= _FEW and missing * 2 > known)):
        row.problem = because("{missing} of {known} entries are not in the source any more; "
                              "nothing was taken away", missing=missing, known=known)  # fmt: skip
        ended(session, row, RunState.HELD)
        tell(session, row, "The harvest of “{source}” waits for your word: {missing} of {known} "
             "entries are gone from it", missing=missing, known=known)  # fmt: skip
    else:
        row.cursor = {"sweep": True}


def sweep(session: Session, row: RunRow, source: HarvestSource, caller: Caller) -> bool:
    """Some of the entries that the source has no more; whether there is more to do."""
    rows = session.scalars(_missing_rows(row).order_by(RecordRow.number).limit(_AT_ONCE)).all()
    for record in rows:
        _miss(session, row, record, source, caller)
    row.heartbeat_at = row.progress_at = now()
    if len(rows) < _AT_ONCE:
        ended(session, row, RunState.DONE)
        return False
    return True


def confirm_missing(
    session: Session, run_id: str, caller: Caller, *, take_away: bool
) -> HarvestRun:
    """Say whether what a held run found gone is to be counted as missing; owes
    ``harvest.decided``. ``Conflict`` when the run does not wait for a word."""
    row = run_row(session, run_id)
    writable_source(session, row.source, caller)
    if row.state != RunState.HELD.value:
        raise Conflict("this run does not wait for a word", mend="open its page again")
    owe(session, "harvest.decided", row.id, {"take_away": take_away, "by": caller.party or ""})
    if take_away:
        row.state, row.cursor, row.ended_at = RunState.RUNNING.value, {"sweep": True}, None
        row.problem = None
    else:
        row.state = RunState.DONE.value
    session.flush()
    return to_run(row)


def ended(session: Session, row: RunRow, state: RunState) -> None:
    """End a run in that state, owe ``harvest.run_ended``, and say when the source is due again."""
    row.state, row.ended_at, row.holder, row.retry_at = state.value, now(), None, None
    source = session.get(SourceRow, row.source)
    assert source is not None  # noqa: S101 - a run has its source
    if state is RunState.FAILED:
        source.failures += 1
        if source.every_minutes:
            wait = _WAITS[min(source.failures, len(_WAITS)) - 1]
            source.next_at = now() + timedelta(minutes=max(wait, min(source.every_minutes, 60)))
        if source.failures == 1:
            tell(session, row, "The harvest of “{source}” failed: look why", key="failed")
    elif state is RunState.DONE:
        source.failures = 0
    session.flush()
    owe(
        session,
        "harvest.run_ended",
        row.id,
        {
            "source": row.source,
            "state": state.value,
            "pages": row.pages,
            "seen": row.seen,
            "complete": row.complete,
            "counts": dict(row.counts),
        },
    )


def tell(
    session: Session, row: RunRow, message: str, *, key: str = "", **params: str | int | datetime
) -> None:
    """Notice to those who care for the source: its party and the node."""
    source = session.get(SourceRow, row.source)
    assert source is not None  # noqa: S101 - a run has its source
    node = node_party(session)
    roles = frozenset({Role.STEWARD, Role.OPERATOR, Role.SUPPLIER})
    for party in {source.provider, *([node.id] if node else [])}:
        notify(
            session,
            to=PartyId(party),
            topic="harvest",
            message=message,
            params={"source": source.name_zh or source.name_en, **params},
            link=f"/harvest/runs/{row.id}",
            roles=roles,
            key=f"{row.id}:{row.state}:{key}",
        )


def _miss(
    session: Session, row: RunRow, record: RecordRow, source: HarvestSource, caller: Caller
) -> None:
    record.missing += 1
    record.last_run = row.id  # counted; when it was last seen stays as it is
    of = resource(session, record.resource or "")
    said = source.settings
    outcome = RecordOutcome.MISSING
    if (
        said.on_missing is OnMissing.WITHDRAW
        and record.missing >= said.missing_runs
        and of.state in {State.REGISTERED, State.PUBLISHED}
    ):
        withdraw(session, of.id, caller, note="the source has it no more")
        outcome = RecordOutcome.WITHDRAWN
    row.counts = {**row.counts, outcome.value: row.counts.get(outcome.value, 0) + 1}
    session.add(
        ItemRow(
            run=row.id,
            remote_id=record.remote_id,
            title=of.title.to("zh"),
            outcome=outcome.value,
            resource=ResourceId(of.id),
            reason=because("missing in {count} runs in a row", count=record.missing),
            differences={},
            kept=[],
        )
    )


def _missing(session: Session, row: RunRow) -> int:
    return session.scalar(select(func.count()).select_from(_missing_rows(row).subquery())) or 0


def _known(session: Session, row: RunRow) -> int:
    """Entries of the source that were there before this run."""
    return session.scalar(
        select(func.count())
        .select_from(RecordRow)
        .where(
            RecordRow.source == row.source,
            RecordRow.resource.is_not(None),
            RecordRow.first_seen_at < row.begun_at,
        )
    ) or 0  # fmt: skip


def _missing_rows(row: RunRow) -> Select[RecordRow]:
    return select(RecordRow).where(
        RecordRow.source == row.source,
        RecordRow.last_run != row.id,
        RecordRow.resource.is_not(None),
    )
