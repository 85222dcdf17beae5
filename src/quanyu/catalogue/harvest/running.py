"""Runs: begun, gone on with a step at a time, concluded; what survives a crash and never hangs.

A page is fetched outside of any transaction; its records are put in a few at a time, and with each
few the run's checkpoint, in one transaction. Whoever comes after a crash goes on from there.
"""

import os
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from time import monotonic, sleep

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.catalogue.harvest.adding import to_source, writable_source
from quanyu.catalogue.harvest.concluding import conclude, ended, sweep, tell
from quanyu.catalogue.harvest.fetch import Reach, reach_of
from quanyu.catalogue.harvest.model import (
    OPEN_RUNS,
    HarvestRun,
    HarvestSource,
    RecordOutcome,
    RunState,
)
from quanyu.catalogue.harvest.readers import SourcePage, read_page
from quanyu.catalogue.harvest.reasons import because, reason_of
from quanyu.catalogue.harvest.reports import run_row, to_run
from quanyu.catalogue.harvest.tables import RunRow, SourceRow
from quanyu.catalogue.harvest.taking import Taking, take_entries
from quanyu.kernel import (
    Conflict,
    ControlStore,
    Invalid,
    QuanyuError,
    Settings,
    Unavailable,
    new_id,
    now,
    sha256_hex,
)
from quanyu.parties import Caller, Role, Scope, node_party

_ELSEWHERE_S = 0.2
_AT_ONCE = 25
"""Records put in with one transaction: so long do other writers wait."""

_MOST_PAGES, _MOST_RECORDS = 20_000, 2_000_000
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a run may make no progress.

    stalled   after so long without a record it is marked stalled, and told.
    held_by   a worker that has not been heard of for so long has lost its run.
    first, longest   the waits between attempts: doubled each time.
    attempts  after so many in a row it has failed.
    """

    stalled: timedelta = timedelta(minutes=15)
    held_by: timedelta = timedelta(minutes=3)
    first: timedelta = timedelta(seconds=30)
    longest: timedelta = timedelta(hours=1)
    attempts: int = 10


@dataclass(frozen=True, slots=True)
class Harvester:
    """What going on with runs needs."""

    control: ControlStore
    caller: Caller
    reach: Reach = field(default_factory=Reach)
    patience: Patience = field(default_factory=Patience)
    area: str = "000000"
    own_urls: tuple[str, ...] = ()


def harvester(control: ControlStore, settings: Settings) -> Harvester:
    """The harvester of a node: it acts as the node's own steward. ``Conflict`` without a node."""
    with control.read() as session:
        party = node_party(session)
    if party is None:
        raise Conflict("this node has no party of its own", field="dir", mend="quanyu init")
    caller = Caller(
        party=party.id,
        kind=party.kind,
        name="harvest",
        roles=frozenset({Role.STEWARD, Role.OPERATOR}),
        scopes=frozenset({Scope.READ, Scope.WRITE}),
    )
    return Harvester(
        control=control,
        caller=caller,
        reach=reach_of(settings),
        patience=Patience(stalled=timedelta(minutes=settings.harvest_stalled_minutes)),
        area=settings.area_code,
        own_urls=(settings.base_url,),
    )


def begin_run(session: Session, source_id: str, caller: Caller) -> HarvestRun:
    """Begin a run now; it is gone on with by the duty. ``Conflict`` when one is under way."""
    return to_run(_begin(session, writable_source(session, source_id, caller)))


def cancel_run(session: Session, run_id: str, caller: Caller) -> HarvestRun:
    """Have a run stop after the records it is at; what it has done stays."""
    row = run_row(session, run_id)
    writable_source(session, row.source, caller)
    if RunState(row.state) not in OPEN_RUNS:
        raise Conflict("this run is over", mend="there is nothing to stop")
    row.cancel = True
    if row.holder is None or _gone(row, Patience().held_by):
        ended(session, row, RunState.CANCELLED)
    return to_run(row)


def harvest_once(
    control: ControlStore,
    settings: Settings,
    source_id: str,
    told: Callable[[HarvestRun], None] = lambda _: None,
) -> HarvestRun:
    """Run a source to its end in this process, going on with a run that was cut short.

    Where another process is at it, its end is waited for.

    A source that does not answer ends the run as failed at once: nobody waits at a command line.
    """
    doing = harvester(control, settings)
    doing = replace(doing, patience=replace(doing.patience, attempts=1))
    with control.begin() as session:
        row = _open_run(session, source_id) or _begin(
            session, writable_source(session, source_id, doing.caller)
        )
        run_id = row.id
    while True:
        elsewhere = step(doing, run_id, monotonic() + 5.0)
        with control.read() as session:
            run = to_run(run_row(session, run_id))
        if run.state not in OPEN_RUNS:
            return run
        told(run)
        if elsewhere:
            sleep(_ELSEWHERE_S)


def run_due(control: ControlStore, settings: Settings, within: float = 50.0) -> None:
    """Begin what is due and go on with what is open, for at most about ``within`` seconds.

    Each run has its turn; one whose source does not answer waits for its next attempt while the
    others go on.
    """
    doing = harvester(control, settings)
    until = monotonic() + within
    with control.begin() as session:
        _begin_due(session)
        _mark_stalled(session, doing.patience)
    passed: set[str] = set()
    while monotonic() < until:
        with control.read() as session:
            run_id = _next(session, passed)
        if run_id is None:
            return
        before = monotonic()
        if step(doing, run_id, min(until, before + 10.0)) or monotonic() - before < 0.01:
            passed.add(run_id)


def step(doing: Harvester, run_id: str, until: float) -> bool:
    """Go on with a run until ``until`` (of ``monotonic``); whether there is nothing more to do
    now: it is over, waits for its next attempt, or another process is at it."""
    with doing.control.begin() as session:
        row = run_row(session, run_id)
        if not _take(row, doing.patience):
            return True
        source = _source(session, row)
    try:
        while monotonic() < until:
            if not _forward(doing, run_id, source, until):
                return True
    except QuanyuError as error:
        _set_back(doing, run_id, error)
        return True
    except Exception as error:  # noqa: BLE001 - see below
        # Whatever it was: the run must say so, and other runs go on.
        _log.exception("harvest.crashed", run=run_id)
        _set_back(doing, run_id, Invalid("the harvest broke off: {why}", why=type(error).__name__))
        return True
    with doing.control.begin() as session:
        run_row(session, run_id).holder = None
    return False


def _forward(doing: Harvester, run_id: str, source: HarvestSource, until: float) -> bool:
    """A page, or a part of what is left at the end; whether there is more to do."""
    with doing.control.begin() as session:
        row = run_row(session, run_id)
        if RunState(row.state) not in OPEN_RUNS:
            return False
        if row.cancel:
            ended(session, row, RunState.CANCELLED)
            return False
        cursor = row.cursor
        if cursor is not None and "sweep" in cursor:
            return sweep(session, row, source, doing.caller)
    page = read_page(source.kind, source.url, source.settings, cursor, doing.reach)
    return _take_page(doing, run_id, source, page, until)


def _take_page(
    doing: Harvester, run_id: str, source: HarvestSource, page: SourcePage, until: float
) -> bool:
    mark = _mark(page)
    with doing.control.begin() as session:
        row = run_row(session, run_id)
        if mark in row.marks and (page.entries or page.rejects):
            row.complete = False
            _warn(row, because("the source gave the same page again; the run ended there"))
            conclude(session, row)
            return True
        if row.mark != mark:  # the page is not what it was when it was begun
            row.mark, row.taken = mark, 0
        taken = row.taken
        taking = Taking(source, row.id, doing.caller, doing.area, doing.own_urls, page.node)
    while True:
        part = page.entries[taken : taken + _AT_ONCE]
        last = taken + len(part) >= len(page.entries)
        with doing.control.begin() as session:
            row = run_row(session, run_id)
            if row.cancel:
                ended(session, row, RunState.CANCELLED)
                return False
            counts = take_entries(session, taking, part, page.rejects if last else ())
            _count(row, counts, len(part))
            taken += len(part)
            if last:
                _turn(session, row, page)
                return True
        if monotonic() >= until:
            return True  # the checkpoint says where to go on


def _count(row: RunRow, counts: Counter[RecordOutcome], given: int) -> None:
    known = Counter(row.counts)
    known.update({outcome.value: count for outcome, count in counts.items()})
    row.counts = dict(known)
    row.taken += given
    row.seen += counts.total()
    row.heartbeat_at = row.progress_at = now()
    row.attempts, row.retry_at, row.problem = 0, None, None
    row.state = RunState.RUNNING.value


def _turn(session: Session, row: RunRow, page: SourcePage) -> None:
    """The page is done: on to the next, or to the end."""
    row.marks = [*row.marks, row.mark]
    row.cursor, row.mark, row.taken = page.next, "", 0
    row.pages += 1
    if page.total is not None:
        row.total = page.total
    if page.next is not None and (row.pages >= _MOST_PAGES or row.seen >= _MOST_RECORDS):
        row.complete = False
        _warn(row, because("the source has no end; the run ended after {pages} pages",
                           pages=row.pages))  # fmt: skip
        row.cursor = None
    if row.cursor is None:
        conclude(session, row)


def _mark(page: SourcePage) -> str:
    """What a page is known by: the records on it."""
    names = [entry.identifier for entry in page.entries]
    names += [remark.place for remark in page.rejects]
    return sha256_hex("\n".join(names).encode("utf-8", "replace"))[:32]


def _warn(row: RunRow, warning: dict[str, object]) -> None:
    row.warnings = [*row.warnings, warning]


def _set_back(doing: Harvester, run_id: str, error: QuanyuError) -> None:
    """A step failed: what may be better later is tried again, later each time."""
    patience = doing.patience
    with doing.control.begin() as session:
        row = run_row(session, run_id)
        if RunState(row.state) not in OPEN_RUNS:
            return
        row.attempts += 1
        row.problem = reason_of(error)
        row.holder, row.heartbeat_at = None, now()
        if not isinstance(error, Unavailable) or row.attempts >= patience.attempts:
            ended(session, row, RunState.FAILED)
            return
        wait = min(patience.first * 2 ** min(row.attempts - 1, 20), patience.longest)
        row.retry_at = now() + wait
        if now() - row.progress_at >= patience.stalled:
            _stall(session, row)


def _stall(session: Session, row: RunRow) -> None:
    if row.state == RunState.STALLED.value:
        return
    row.state = RunState.STALLED.value
    tell(
        session,
        row,
        "The harvest of “{source}” makes no progress since {since}; it is tried again",
        since=row.progress_at,
    )


def _mark_stalled(session: Session, patience: Patience) -> None:
    late = select(RunRow).where(
        RunRow.state == RunState.RUNNING.value, RunRow.progress_at < now() - patience.stalled
    )
    for row in session.scalars(late):
        _stall(session, row)


def _begin_due(session: Session) -> None:
    due = select(SourceRow).where(SourceRow.active, SourceRow.next_at <= now())
    for source in session.scalars(due.with_for_update()):
        if _open_run(session, source.id) is None:
            _begin(session, source)


def _begin(session: Session, source: SourceRow) -> RunRow:
    if _open_run(session, source.id) is not None:
        raise Conflict("a run of this source is under way", mend="wait for its end, or cancel it")
    waiting = select(RunRow).where(RunRow.source == source.id, RunRow.state == RunState.HELD.value)
    for row in session.scalars(waiting):
        ended(session, row, RunState.CANCELLED)
    moment = now()
    row = RunRow(
        id=new_id("harvest_run"), source=source.id, state=RunState.RUNNING.value, holder=None,
        begun_at=moment, heartbeat_at=moment, progress_at=moment, ended_at=None, retry_at=None,
        attempts=0, cursor=None, mark="", taken=0, marks=[], pages=0, total=None, seen=0,
        complete=True, cancel=False, counts={}, problem=None, warnings=[],
    )  # fmt: skip
    session.add(row)
    minutes = source.every_minutes
    source.next_at = moment + timedelta(minutes=minutes) if minutes else None
    session.flush()
    return row


def _open_run(session: Session, source_id: str) -> RunRow | None:
    states = [state.value for state in OPEN_RUNS]
    return session.scalar(
        select(RunRow).where(RunRow.source == source_id, RunRow.state.in_(states))
    )


def _next(session: Session, passed: set[str]) -> str | None:
    """The open run that has waited longest for its turn."""
    states = [state.value for state in OPEN_RUNS]
    waiting = (
        select(RunRow.id)
        .where(RunRow.state.in_(states), RunRow.id.not_in(passed))
        .where((RunRow.retry_at.is_(None)) | (RunRow.retry_at <= now()))
    )
    return session.scalar(waiting.order_by(RunRow.heartbeat_at).limit(1))


def _take(row: RunRow, patience: Patience) -> bool:
    """Have this process be the one that goes on with a run."""
    if RunState(row.state) not in OPEN_RUNS:
        return False
    mine = _here()
    if row.holder not in {None, mine} and not _gone(row, patience.held_by):
        return False
    row.holder, row.heartbeat_at = mine, now()
    return True


def _gone(row: RunRow, silence: timedelta) -> bool:
    """Whether the process that went on with a run is no more."""
    if row.holder is None:
        return True
    host, _, pid = row.holder.rpartition(":")
    if host == socket.gethostname() and not _runs(int(pid)):
        return True
    return row.heartbeat_at < now() - silence


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _here() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def _source(session: Session, row: RunRow) -> HarvestSource:
    found = session.get(SourceRow, row.source)
    assert found is not None  # noqa: S101 - a run has its source
    return to_source(found)
