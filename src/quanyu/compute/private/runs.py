"""Runs of algorithms where the data are: asked for, run, looked at, released or refused.

Who asked sees how a run stands, and its outputs once they are released. The provider's stewards
see the code, the outputs that wait and what the checks found, and decide. Nobody else is told that
there is such a run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from quanyu.compute.jobs import SILENCE, check_may_run
from quanyu.compute.model import DEAD, Problem, problem_of
from quanyu.compute.private.deployed import Deployed
from quanyu.compute.private.outputs import Checked, Finding
from quanyu.compute.private.tables import AlgorithmRow, RunOutputRow, RunRow
from quanyu.kernel import (
    Conflict,
    Invalid,
    MemberId,
    NotFound,
    PartyId,
    QuanyuError,
    Refused,
    ResourceId,
    TooMany,
    announce,
    blind,
    canonical,
    new_id,
    new_salt,
    now,
    owe,
    sha256_hex,
)
from quanyu.parties import Caller, Role, Scope, notify

RAN, RELEASED_LEAF, REFUSED_LEAF = "algorithm.ran", "algorithm.released", "algorithm.refused"
TOPIC = "runs"


class RunState(StrEnum):
    """Where a run stands."""

    ACCEPTED = "accepted"
    RUNNING = "running"
    WAITING = "waiting"
    RELEASED = "released"
    REFUSED = "refused"
    FAILED = "failed"


_OWN_FAULTS = ("outputs", "executionUnit")
"""Where errors point that are the algorithm's own, not of who asks or of the node."""
_OPEN = (RunState.ACCEPTED.value, RunState.RUNNING.value)


@dataclass(frozen=True, slots=True)
class RunEnded:
    """Event: a run of an algorithm that the catalogue knows ended, well or by a fault of its own,
    and that is committed."""

    resource: ResourceId
    failed: bool


@dataclass(frozen=True, slots=True)
class RunAsked:
    """What is asked of a run and by what right. ``reviewed``: outputs wait for a steward of
    ``provider``; ``groups``: the least group that they may show, counted by values of the column
    ``person`` where there is one."""

    collection: str
    provider: PartyId
    agreement: str
    purpose: str | None
    narrowed: Mapping[str, str]
    values: Mapping[str, Any]
    reviewed: bool
    groups: int
    person: str | None = None

    @property
    def document(self) -> dict[str, Any]:
        """As it is kept, and as its digest is made of."""
        return {
            "collection": self.collection,
            "purpose": self.purpose,
            "narrowed": dict(self.narrowed),
            "inputs": dict(self.values),
        }


@dataclass(frozen=True, slots=True)
class Run:
    """One run. ``salt`` blinds the digests of inputs and outputs in the log; ``ran`` and ``leaf``
    are the leaves of the run and of the decision; ``version`` and ``rows`` what of the data it
    read, ``use`` the use that this was."""

    id: str
    algorithm: str
    digest: str
    party: PartyId
    member: MemberId | None
    provider: PartyId
    collection: str
    agreement: str
    request: Mapping[str, Any]
    inputs: str
    salt: str
    reviewed: bool
    groups: int
    state: RunState
    created: datetime
    finished: datetime | None
    decided: datetime | None
    expires: datetime
    version: int | None
    rows: int | None
    use: str | None
    findings: tuple[Finding, ...]
    problem: Problem | None
    reasons: str | None
    ran: str | None
    leaf: str | None


@dataclass(frozen=True, slots=True)
class RunOutput:
    """An output as JSON."""

    name: str
    sha256: str
    body: bytes


def may_release(caller: Caller, run: Run) -> bool:
    """Whether the caller decides on a run: a steward of the data's provider."""
    return caller.party == run.provider and caller.may(Role.STEWARD)


def open_run(
    session: Session, of: Deployed, asked: RunAsked, caller: Caller, *, most: int, kept: timedelta
) -> Run:
    """A new run that waits for its turn. Raises :class:`Refused` (rule ``compute.run``) and
    :class:`TooMany` when the party has ``most`` that are not over."""
    check_may_run(caller)
    waiting = session.scalar(
        select(func.count()).where(RunRow.party == caller.party, RunRow.state.in_(_OPEN))
    )
    if (waiting or 0) >= most:
        raise TooMany(
            "your party has {most} runs that are not over",
            mend="wait for one of them",
            retry_after=10,
            most=most,
        )
    at = now()
    row = RunRow(
        id=new_id("run"),
        algorithm=of.id,
        digest=of.package.digest,
        party=caller.party,
        member=caller.member,
        provider=asked.provider,
        collection=asked.collection,
        agreement=asked.agreement,
        request=asked.document,
        inputs=sha256_hex(canonical(asked.document)),
        salt=new_salt(),
        reviewed=asked.reviewed,
        groups=asked.groups,
        state=RunState.ACCEPTED.value,
        created=at,
        updated=at,
        until=at + SILENCE,
        expires=at + kept,
        findings=[],
    )
    session.add(row)
    session.flush()
    return _run(row)


def start_run(session: Session, name: str) -> bool:
    """Say that a run runs now; ``False`` when it is over already."""
    return _change(session, name, state=RunState.RUNNING.value, until=now() + SILENCE)


def tell_run(session: Session, name: str) -> bool:
    """Say that somebody is at it; ``False`` when it is over already."""
    return _change(session, name, until=now() + SILENCE)


def fail_run(session: Session, name: str, error: QuanyuError) -> bool:
    """Say why a run failed; ``False`` when it is over already."""
    failed = RunState.FAILED.value
    problem = asdict(problem_of(error))
    done = _change(session, name, state=failed, finished=now(), problem=problem)
    if done and (error.field or "").startswith(_OWN_FAULTS):
        _tell_end(session, name, failed=True)
    return done


def end_run(
    session: Session, name: str, checked: Checked, *, version: int, rows: int, use: str | None
) -> bool:
    """Keep the outputs of a run and owe its leaf: they wait for the reviewer, or are released when
    no review is asked for. ``False`` when it is over already."""
    row = session.scalar(select(RunRow).where(RunRow.id == name))
    after = RunState.WAITING if row is not None and row.reviewed else RunState.RELEASED
    if row is None or not _change(session, name, state=after.value, finished=now()):
        return False
    session.refresh(row)
    _tell_end(session, name, failed=False)
    row.version, row.rows, row.use = version, rows, use
    row.findings = [asdict(one) for one in checked.findings]
    digests = {one: sha256_hex(body) for one, body in checked.bodies.items()}
    for place, (output, body) in enumerate(checked.bodies.items()):
        session.add(
            RunOutputRow(run=name, output=output, place=place, sha256=digests[output], body=body)
        )
    row.ran = owe(
        session,
        RAN,
        name,
        {
            "algorithm": row.digest,
            "inputs": blind(row.inputs, row.salt),
            "resource": row.collection,
            "version": version,
            "results": _blinded(digests, row.salt),
            "uses": [use] if use else [],
        },
    )
    if after is RunState.WAITING:
        notify(
            session,
            to=PartyId(row.provider),
            topic=TOPIC,
            message="Outputs of an algorithm on {collection} wait for your release",
            params={"collection": row.collection},
            link=f"/runs/{name}",
            roles=frozenset({Role.STEWARD}),
        )
    else:
        row.decided = now()
        row.leaf = owe(
            session,
            RELEASED_LEAF,
            name,
            {"results": _blinded(digests, row.salt), "reviewed": False},
        )
    return True


def decide_run(session: Session, name: str, caller: Caller, *, release: bool, reasons: str) -> Run:
    """Release the outputs of a run, or refuse them: then they are deleted.

    Raises :class:`NotFound`, :class:`Refused` (rule ``compute.release``) unless the caller is a
    steward of the provider, :class:`Conflict` when it is decided, :class:`Invalid` on ``reasons``
    when outputs are refused without.
    """
    run = run_named(session, name, caller)
    if not (caller.party == run.provider and caller.may(Role.STEWARD, Scope.WRITE)):
        raise Refused(
            "only a steward of the data's provider releases what an algorithm gave",
            mend="wait for the provider's decision; a token needs the scope “write”",
            rule="compute.release",
        )
    reasons = reasons.strip()
    if not release and not reasons:
        raise Invalid("this is missing", field="reasons", mend="say why it is refused")
    if len(reasons) > 2000:
        raise Invalid("this is too long", field="reasons", mend="shorten it")
    after = RunState.RELEASED if release else RunState.REFUSED
    at = now()
    changed = session.execute(
        update(RunRow)
        .where(RunRow.id == name, RunRow.state == RunState.WAITING.value)
        .values(
            state=after.value,
            decided=at,
            updated=at,
            reviewer=caller.member,
            reasons=reasons or None,
        )
        .returning(RunRow.id)
    )
    if changed.first() is None:
        raise Conflict(
            "the run does not wait for a decision", field="decision", mend="read it again"
        )
    row = session.scalars(select(RunRow).where(RunRow.id == name)).one()
    session.refresh(row)
    digests = {one.name: one.sha256 for one in run_outputs(session, name)}
    said: dict[str, Any] = {
        "results": _blinded(digests, row.salt),
        "reason": blind(reasons, row.salt),
    }
    row.leaf = owe(
        session,
        RELEASED_LEAF if release else REFUSED_LEAF,
        name,
        {**said, "reviewed": True} if release else said,
    )
    if not release:
        session.execute(delete(RunOutputRow).where(RunOutputRow.run == name))
    notify(
        session,
        to=PartyId(row.party),
        topic=TOPIC,
        message="Outputs of your algorithm on {collection} are released"
        if release
        else "Outputs of your algorithm on {collection} are refused",
        params={"collection": row.collection},
        link=f"/runs/{name}",
        members=(MemberId(row.member),) if row.member else (),
    )
    return _run(row)


def run_named(session: Session, name: str, caller: Caller) -> Run:
    """The run of that id, for the party that asked and for stewards of the provider; raises
    :class:`NotFound`."""
    row = session.scalar(select(RunRow).where(RunRow.id == name))
    run = None if row is None else _run(row)
    mine = run is not None and caller.party is not None and run.party == caller.party
    if run is None or not (mine or may_release(caller, run)):
        raise NotFound("there is no run {id}", id=name[:40])
    return run


def runs_of(
    session: Session,
    caller: Caller,
    *,
    states: Sequence[RunState] = (),
    to_decide: bool = False,
    after: str | None = None,
    limit: int = 50,
) -> tuple[list[Run], str | None]:
    """Runs that the caller's party asked for (and, as its steward, those on its data), the latest
    first, and the token of the next page; ``to_decide``: only those that wait for the caller."""
    mine = RunRow.party == (caller.party or "")
    theirs = RunRow.provider == (caller.party or "")
    if to_decide:
        states = (RunState.WAITING,)
        mine = theirs
        if not caller.may(Role.STEWARD):
            return [], None
    elif caller.may(Role.STEWARD):
        mine = or_(mine, theirs)
    query = select(RunRow).where(mine)
    if states:
        query = query.where(RunRow.state.in_([one.value for one in states]))
    if after is not None:
        if not (after.isdecimal() and len(after) < 18):
            raise Invalid(
                "this token is not one of this list", field="after", mend="use the links shown"
            )
        query = query.where(RunRow.number < int(after))
    rows = session.scalars(query.order_by(RunRow.number.desc()).limit(limit + 1)).all()
    more = str(rows[limit - 1].number) if len(rows) > limit else None
    return list(map(_run, rows[:limit])), more


def outputs_for(session: Session, run: Run, caller: Caller) -> list[RunOutput]:
    """The outputs that the caller may see: who decides all that are there, who asked those that
    are released."""
    if run.state is not RunState.RELEASED and not may_release(caller, run):
        return []
    return run_outputs(session, run.id)


def run_outputs(session: Session, name: str) -> list[RunOutput]:
    """Every output of a run that is kept."""
    query = select(RunOutputRow).where(RunOutputRow.run == name).order_by(RunOutputRow.place)
    return [RunOutput(row.output, row.sha256, row.body) for row in session.scalars(query)]


def fail_silent_runs(session: Session) -> int:
    """Say of runs whose server process fell silent that they failed; how many."""
    at = now()
    found = session.execute(
        update(RunRow)
        .where(RunRow.state.in_(_OPEN), RunRow.until < at)
        .values(state=RunState.FAILED.value, finished=at, updated=at, problem=asdict(DEAD))
        .returning(RunRow.id)
    )
    return len(found.all())


def forget_expired_runs(session: Session) -> int:
    """Delete runs that are over and past their time, with their outputs; how many. One that waits
    for its release waits on."""
    over = (RunState.RELEASED.value, RunState.REFUSED.value, RunState.FAILED.value)
    old = select(RunRow.id).where(RunRow.expires < now(), RunRow.state.in_(over))
    names = session.scalars(old.limit(1_000)).all()
    session.execute(delete(RunOutputRow).where(RunOutputRow.run.in_(names)))
    session.execute(delete(RunRow).where(RunRow.id.in_(names)))
    return len(names)


def forget_runs_of(session: Session, member: MemberId) -> None:
    """Take a member out of runs and algorithms, which stay with its party."""
    for column in (RunRow.member, RunRow.reviewer):
        session.execute(update(RunRow).where(column == member).values({column: None}))
    session.execute(update(AlgorithmRow).where(AlgorithmRow.member == member).values(member=None))


def _blinded(digests: Mapping[str, str], salt: str) -> dict[str, str]:
    """Digests as the log has them: short outputs could be guessed from their SHA-256 alone."""
    return {name: blind(digest, salt) for name, digest in digests.items()}


def _tell_end(session: Session, name: str, *, failed: bool) -> None:
    resource = session.scalar(
        select(AlgorithmRow.resource)
        .join(RunRow, RunRow.algorithm == AlgorithmRow.id)
        .where(RunRow.id == name)
    )
    if resource is not None:
        announce(session, RunEnded(ResourceId(resource), failed))


def _change(session: Session, name: str, **values: Any) -> bool:
    changed = session.execute(
        update(RunRow)
        .where(RunRow.id == name, RunRow.state.in_(_OPEN))
        .values(updated=now(), **values)
        .returning(RunRow.id)
    )
    return changed.first() is not None


def _run(row: RunRow) -> Run:
    return Run(
        id=row.id,
        algorithm=row.algorithm,
        digest=row.digest,
        party=PartyId(row.party),
        member=MemberId(row.member) if row.member else None,
        provider=PartyId(row.provider),
        collection=row.collection,
        agreement=row.agreement,
        request=row.request,
        inputs=row.inputs,
        salt=row.salt,
        reviewed=row.reviewed,
        groups=row.groups,
        state=RunState(row.state),
        created=row.created,
        finished=row.finished,
        decided=row.decided,
        expires=row.expires,
        version=row.version,
        rows=row.rows,
        use=row.use,
        findings=tuple(Finding(**one) for one in row.findings),
        problem=Problem(**row.problem) if row.problem else None,
        reasons=row.reasons,
        ran=row.ran,
        leaf=row.leaf,
    )
