"""Processes read by members: a page of them, and one with its whole thread."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.agreements import Side
from quanyu.federation.acting import may_act, may_read
from quanyu.federation.model import Message, Move, Peer, Process, ProcessKind, State, Waiting
from quanyu.federation.moving import no_process, process_row, to_process
from quanyu.federation.peering import to_peer
from quanyu.federation.tables import MessageRow, PeerRow, ProcessRow
from quanyu.federation.transitions import moves_of
from quanyu.federation.waiting import waiting_of
from quanyu.kernel import Invalid, MemberId
from quanyu.parties import Caller, Role


@dataclass(frozen=True, slots=True)
class Listed:
    """A process in a list, with whom it is and what it waits for."""

    process: Process
    peer: Peer
    waiting: Waiting


@dataclass(frozen=True, slots=True)
class ProcessPage:
    """A page of processes, latest first; ``next`` is the token of the page after."""

    items: tuple[Listed, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Thread:
    """A process with all its messages, and the moves that the caller's side may make now."""

    process: Process
    peer: Peer
    waiting: Waiting
    messages: tuple[Message, ...]
    moves: tuple[Move, ...]
    approved: bool


def processes(
    session: Session,
    caller: Caller,
    kind: ProcessKind,
    *,
    agreement: str | None = None,
    limit: int = 50,
    after: str | None = None,
) -> ProcessPage:
    """Processes that the caller may read, latest first."""
    if not 1 <= limit <= 1000:
        raise Invalid("a page has 1 to 1000 items", field="limit", mend="ask for fewer")
    query = (
        select(ProcessRow, PeerRow)
        .join(PeerRow, PeerRow.id == ProcessRow.peer)
        .where(ProcessRow.kind == kind.value)
        .order_by(ProcessRow.id.desc())
        .limit(limit + 1)
    )
    oversees = caller.runs_node and any(caller.may(role) for role in (Role.STEWARD, Role.AUDITOR))
    if not oversees:
        query = query.where(ProcessRow.party == (caller.party or ""))
    if agreement is not None:
        query = query.where(ProcessRow.agreement == agreement)
    if after is not None:
        if not (after.isascii() and after.isprintable()):
            raise Invalid("this page token is not of this list", field="after", mend="begin again")
        query = query.where(ProcessRow.id < after)
    found = [(row, other) for row, other in session.execute(query) if may_read(caller, row)]
    items = tuple(
        Listed(to_process(row), to_peer(other), waiting_of(session, row))
        for row, other in found[:limit]
    )
    return ProcessPage(items, items[-1].process.id if len(found) > limit else None)


def thread(session: Session, caller: Caller, kind: ProcessKind, name: str) -> Thread:
    """One process with its messages; :class:`NotFound` for who may not read it."""
    row = process_row(session, kind, name, hold=False)
    if not may_read(caller, row):
        raise no_process(kind, name)
    rows = session.scalars(
        select(MessageRow).where(MessageRow.process == row.id).order_by(MessageRow.number)
    )
    side = Side(row.role)
    acts = may_act(caller, row.party, side)
    return Thread(
        process=to_process(row),
        peer=to_peer(session.get_one(PeerRow, row.peer)),
        waiting=waiting_of(session, row),
        messages=tuple(map(_message, rows)),
        moves=tuple(moves_of(kind, State(row.state), side)) if acts else (),
        approved=any(caller.member == member for member, _ in row.approvals),
    )


def negotiation_of(session: Session, agreement: str) -> Process | None:
    """The negotiation that an agreement came from; ``None`` when it had none. For the program."""
    row = session.scalar(
        select(ProcessRow).where(
            ProcessRow.agreement == agreement, ProcessRow.kind == ProcessKind.NEGOTIATION.value
        )
    )
    return None if row is None else to_process(row)


def _message(row: MessageRow) -> Message:
    return Message(
        number=row.number,
        at=row.at,
        move=Move(row.move),
        sender=Side(row.sender),
        outgoing=row.outgoing,
        state=State(row.state),
        body=row.body,
        digest=row.digest,
        reason=row.reason,
        member=MemberId(row.member) if row.member else None,
        sent_at=row.sent_at,
        due_at=row.due_at,
        attempts=row.attempts,
        problem=row.problem,
    )
