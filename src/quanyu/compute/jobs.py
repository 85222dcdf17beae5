"""Jobs in the control store: made, begun, told of, ended, dismissed, forgotten.

A job is its party's alone: to everybody else there is none of that id. The server process that
runs one says so every few seconds; one that falls silent has died, and its jobs have failed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from quanyu.compute.model import (
    DEAD,
    Holds,
    Job,
    Problem,
    ProcessDescription,
    Source,
    State,
    problem_of,
)
from quanyu.compute.requests import Asked
from quanyu.compute.results import Result
from quanyu.compute.tables import JobRow, ResultRow
from quanyu.kernel import (
    Invalid,
    MemberId,
    NotFound,
    PartyId,
    QuanyuError,
    Refused,
    TooMany,
    announce,
    new_id,
    now,
    owe,
    sha256_hex,
)
from quanyu.parties import Caller, Scope

LEAF = "compute.ran"
SILENCE = timedelta(seconds=30)
"""How long a server process may say nothing of its job before the job is taken to be dead."""

_OPEN = (State.ACCEPTED.value, State.RUNNING.value)


@dataclass(frozen=True, slots=True)
class DataRead:
    """Event: a job read these collections, or could not by a fault of their data, and that is
    committed."""

    collections: frozenset[str]
    failed: bool


@dataclass(frozen=True, slots=True)
class JobPage:
    """Jobs, the latest first; ``next`` is the token of the page after."""

    items: tuple[Job, ...]
    next: str | None


def check_may_run(caller: Caller) -> None:
    """Raise :class:`Refused` (rule ``compute.run``) unless the caller may have processes run: every
    member of a party may, with a token of the scope “write”, as a job is made."""
    if caller.party is None or not {Scope.READ, Scope.WRITE} <= caller.scopes:
        raise Refused(
            "a job is made for a party",
            mend="sign in, or use a token of the scopes “read” and “write”",
            rule="compute.run",
        )


def open_job(
    session: Session,
    description: ProcessDescription,
    asked: Asked,
    caller: Caller,
    *,
    most: int,
    kept: timedelta,
) -> Job:
    """A new job that waits for its turn. Raises :class:`Refused`, and :class:`TooMany` when the
    party has ``most`` that are not over."""
    check_may_run(caller)
    waiting = session.scalar(
        select(func.count()).where(JobRow.party == caller.party, JobRow.state.in_(_OPEN))
    )
    if (waiting or 0) >= most:
        raise TooMany(
            "your party has {most} jobs that are not over",
            mend="wait for one of them, or dismiss it",
            retry_after=10,
            most=most,
        )
    at = now()
    row = JobRow(
        id=new_id("job"),
        process=description.id,
        version=description.version,
        state=State.ACCEPTED.value,
        party=caller.party,
        member=caller.member,
        request=dict(asked.document),
        inputs=asked.digest,
        created=at,
        updated=at,
        expires=at + kept,
        until=at + SILENCE,
        progress=0.0,
        sources=[],
    )
    session.add(row)
    session.flush()
    return _job(row)


def start_job(session: Session, name: str) -> bool:
    """Say that a job runs now; ``False`` when it is over already."""
    at = now()
    return _change(session, name, state=State.RUNNING.value, started=at, until=at + SILENCE)


def tell_job(session: Session, name: str, progress: float) -> bool:
    """Say how far a job is, and that somebody is at it; ``False`` when it is over already."""
    return _change(session, name, progress=progress, until=now() + SILENCE)


def end_job(
    session: Session, name: str, results: Sequence[Result], sources: Iterable[Source]
) -> bool:
    """Keep the results of a job and owe its leaf: the process, the digests of its inputs and of its
    results, and the uses by which its sources were read. ``False`` when it is over already."""
    row = session.scalar(select(JobRow).where(JobRow.id == name))
    at = now()
    done = row is not None and _change(
        session, name, state=State.SUCCESSFUL.value, progress=1.0, finished=at
    )
    if row is None or not done:
        return False
    lineage = list(sources)
    session.refresh(row)
    row.sources = [asdict(one) for one in lineage]
    row.leaf = owe(
        session,
        LEAF,
        name,
        {
            "process": f"{row.process}@{row.version}",
            "inputs": row.inputs,
            "results": {one.output: sha256_hex(one.body) for one in results},
            "uses": sorted(one.use for one in lineage if one.use),
        },
    )
    for place, one in enumerate(results):
        session.add(
            ResultRow(
                job=name,
                output=one.output,
                place=place,
                holds=one.holds.value,
                rows=one.rows,
                body=one.body,
            )
        )
    if lineage:
        announce(session, DataRead(frozenset(one.collection for one in lineage), failed=False))
    return True


def fail_job(session: Session, name: str, error: QuanyuError, unread: str | None = None) -> bool:
    """Say why a job failed, and which collection could not be read by a fault of its data, if that
    is why; ``False`` when it is over already."""
    done = _change(
        session, name, state=State.FAILED.value, finished=now(), problem=asdict(problem_of(error))
    )
    if done and unread is not None:
        announce(session, DataRead(frozenset({unread}), failed=True))
    return done


def dismiss_job(session: Session, name: str, caller: Caller) -> Job:
    """Stop a job, and forget its results; dismissed already it stays so. Raises
    :class:`NotFound`, and :class:`Refused` as :func:`check_may_run`."""
    row = _own(session, name, caller)
    check_may_run(caller)
    at = now()
    session.execute(delete(ResultRow).where(ResultRow.job == name))
    if row.state != State.DISMISSED.value:
        row.state, row.updated = State.DISMISSED.value, at
        row.finished = row.finished or at
    session.flush()
    return _job(row)


def job_named(session: Session, name: str, caller: Caller) -> Job:
    """The job of that id; raises :class:`NotFound` when there is none of the caller's party."""
    return _job(_own(session, name, caller))


def jobs_of(
    session: Session,
    caller: Caller,
    *,
    process: Sequence[str] = (),
    states: Sequence[State] = (),
    after: str | None = None,
    limit: int = 50,
) -> JobPage:
    """Jobs of the caller's party."""
    wanted = select(JobRow).where(JobRow.party == (caller.party or ""))
    if process:
        wanted = wanted.where(JobRow.process.in_(process))
    if states:
        wanted = wanted.where(JobRow.state.in_([one.value for one in states]))
    if after is not None:
        if not (after.isdecimal() and len(after) < 18):
            raise Invalid(
                "this token is not one of this list", field="after", mend="use the links shown"
            )
        wanted = wanted.where(JobRow.number < int(after))
    rows = session.scalars(wanted.order_by(JobRow.number.desc()).limit(limit + 1)).all()
    more = str(rows[limit - 1].number) if len(rows) > limit else None
    return JobPage(tuple(map(_job, rows[:limit])), more)


def results_of(session: Session, name: str) -> tuple[Result, ...]:
    """What a job gave, in the order of its process; nothing where it gave nothing yet."""
    rows = session.scalars(select(ResultRow).where(ResultRow.job == name).order_by(ResultRow.place))
    return tuple(Result(row.output, Holds(row.holds), row.body, row.rows) for row in rows)


def fail_silent(session: Session) -> int:
    """Say of jobs whose server process fell silent that they failed; how many."""
    at = now()
    found = session.execute(
        update(JobRow)
        .where(JobRow.state.in_(_OPEN), JobRow.until < at)
        .values(state=State.FAILED.value, finished=at, updated=at, problem=asdict(DEAD))
        .returning(JobRow.id)
    )
    return len(found.all())


def forget_expired(session: Session) -> int:
    """Delete jobs that are over and past their time, with their results; how many."""
    old = select(JobRow.id).where(JobRow.expires < now(), JobRow.state.not_in(_OPEN))
    names = session.scalars(old.limit(1_000)).all()
    session.execute(delete(ResultRow).where(ResultRow.job.in_(names)))
    session.execute(delete(JobRow).where(JobRow.id.in_(names)))
    return len(names)


def forget_jobs_of(session: Session, member: MemberId) -> None:
    """Take a member out of the jobs, which stay with its party."""
    session.execute(update(JobRow).where(JobRow.member == member).values(member=None))


def _change(session: Session, name: str, **values: Any) -> bool:
    changed = session.execute(
        update(JobRow)
        .where(JobRow.id == name, JobRow.state.in_(_OPEN))
        .values(updated=now(), **values)
        .returning(JobRow.id)
    )
    return changed.first() is not None


def _own(session: Session, name: str, caller: Caller) -> JobRow:
    row = session.scalar(select(JobRow).where(JobRow.id == name))
    if row is None or caller.party is None or row.party != caller.party:
        raise NotFound("there is no job {id}", id=name[:40])
    return row


def _job(row: JobRow) -> Job:
    return Job(
        id=row.id,
        process=row.process,
        version=row.version,
        state=State(row.state),
        party=PartyId(row.party),
        member=MemberId(row.member) if row.member else None,
        request=row.request,
        inputs=row.inputs,
        created=row.created,
        started=row.started,
        finished=row.finished,
        updated=row.updated,
        expires=row.expires,
        progress=row.progress,
        problem=Problem(**row.problem) if row.problem else None,
        sources=tuple(Source(**one) for one in row.sources),
        leaf=row.leaf,
    )
