"""The one way in which a process changes: a message, its state, its evidence, in one transaction.

A message of ours is written down here and sent by the courier afterwards; one of theirs is
answered only when it is written down. So a process that dies at any point goes on from there, and
what comes twice is known by its digest.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from quanyu.agreements import Side
from quanyu.federation.messages import Received, public_body
from quanyu.federation.model import Move, Process, ProcessChanged, ProcessKind, State
from quanyu.federation.tables import MessageRow, PeerRow, ProcessRow
from quanyu.federation.transitions import FINAL, next_state
from quanyu.kernel import (
    Invalid,
    MemberId,
    NotFound,
    PartyId,
    announce,
    blind,
    canonical,
    new_id,
    new_salt,
    now,
    owe,
    sha256_hex,
)
from quanyu.parties import Role, notify

PAUSE = timedelta(milliseconds=150)
"""How long a rule waits before it moves a process on: the answer to the other side goes first."""

SILENT = "no answer: "
"""How the problem of a message begins whose receiver did not answer at all."""

_LEAVES = {
    Move.REQUEST: "requested",
    Move.OFFER: "offered",
    Move.ACCEPT: "accepted",
    Move.AGREE: "agreed",
    Move.VERIFY: "verified",
    Move.FINALIZE: "finalized",
    Move.START: "started",
    Move.SUSPEND: "suspended",
    Move.COMPLETE: "completed",
    Move.TERMINATE: "terminated",
}
_WORDS: dict[tuple[ProcessKind, Move], str] = {
    (ProcessKind.NEGOTIATION, Move.REQUEST): "{peer} asks for terms on {dataset}",
    (ProcessKind.NEGOTIATION, Move.OFFER): "{peer} offers terms on {dataset}",
    (ProcessKind.NEGOTIATION, Move.ACCEPT): "{peer} has accepted your terms on {dataset}",
    (ProcessKind.NEGOTIATION, Move.AGREE): "{peer} has signed the agreement on {dataset}",
    (ProcessKind.NEGOTIATION, Move.FINALIZE): "The agreement on {dataset} is in force",
    (ProcessKind.NEGOTIATION, Move.TERMINATE): "{peer} has ended the negotiation on {dataset}",
    (ProcessKind.TRANSFER, Move.START): "{peer} has started the transfer of {dataset}",
    (ProcessKind.TRANSFER, Move.SUSPEND): "{peer} has suspended the transfer of {dataset}",
    (ProcessKind.TRANSFER, Move.COMPLETE): "{peer} has completed the transfer of {dataset}",
    (ProcessKind.TRANSFER, Move.TERMINATE): "{peer} has ended the transfer of {dataset}",
}
ROLES = {
    Side.PROVIDER: frozenset({Role.SUPPLIER, Role.STEWARD}),
    Side.CONSUMER: frozenset({Role.CONSUMER, Role.STEWARD}),
}
"""Who acts for a party, by its side."""


def open_process(
    session: Session,
    kind: ProcessKind,
    role: Side,
    peer: str,
    party: PartyId,
    *,
    callback: str,
    their_pid: str | None,
    dataset: str,
    offer: str = "",
    agreement: str | None = None,
    format: str = "",  # noqa: A002 — the protocol's own word
    needed: int = 0,
    statement: str = "",
) -> ProcessRow:
    """A process before its first message."""
    moment = now()
    row = ProcessRow(
        id=new_id(kind.value),
        kind=kind.value,
        role=role.value,
        peer=peer,
        party=party,
        their_pid=their_pid,
        callback=callback,
        state="",
        dataset=dataset,
        offer=offer,
        agreement=agreement,
        terms=None,
        signed=None,
        format=format,
        approvals=[],
        needed=needed,
        statement=statement,
        held="",
        token=None,
        address=None,
        act_at=None,
        revision=0,
        salt=new_salt(),
        created_at=moment,
        changed_at=moment,
    )
    session.add(row)
    session.flush()
    return row


def move_on(
    session: Session,
    row: ProcessRow,
    move: Move,
    sender: Side,
    body: dict[str, Any],
    *,
    reason: str = "",
    member: MemberId | None = None,
    secret: str | None = None,
    digest: str | None = None,
) -> State:
    """Take a step of the state machine by a message, ours (``sender`` is our role) or theirs.

    Raises :class:`Invalid` for a step that the table does not hold; then nothing has changed.
    """
    kind, role = ProcessKind(row.kind), Side(row.role)
    before = State(row.state) if row.state else None
    after = next_state(kind, before, move, sender)
    moment, outgoing = now(), sender is role
    kept = public_body(body)
    said = digest or sha256_hex(canonical(kept))
    if not outgoing:
        _count_as_received(session, row.id, moment, whole=move is not Move.TERMINATE)
        is_back(session, row.peer)
    if after is State.TERMINATED:
        _drop_unsent(session, row.id)
    session.add(
        MessageRow(
            process=row.id,
            at=moment,
            move=move.value,
            sender=sender.value,
            outgoing=outgoing,
            state=after.value,
            body=kept,
            digest=said,
            reason=reason[:2000],
            member=member,
            secret=secret,
            due_at=moment if outgoing else None,
            sent_at=None,
            attempts=0,
            problem="",
        )
    )
    row.state, row.changed_at = after.value, moment
    row.revision += 1
    row.act_at = None if after in FINAL else moment + PAUSE
    session.flush()
    owe(
        session,
        f"{kind.value}.{_LEAVES[move]}",
        row.id,
        {
            "peer": blind(row.peer, row.salt),
            "party": blind(row.party, row.salt),
            "side": role.value,
            "by": sender.value,
            "state": after.value,
            "message_sha256": said,
            "agreement": row.agreement or "",
            "agreement_sha256": sha256_hex(canonical(row.signed)) if row.signed else "",
            "revision": row.revision,
        },
    )
    if not outgoing:
        _tell(session, row, kind, move)
    announce(session, ProcessChanged(row.id))
    return after


def process_row(
    session: Session,
    kind: ProcessKind,
    name: str,
    peer: str | None = None,
    *,
    hold: bool = True,
) -> ProcessRow:
    """The row of a process; with ``peer`` only one with that peer. It is held for this transaction,
    unless it is only read: a snapshot of PostgreSQL can hold nothing that changes meanwhile.

    :class:`NotFound` for none: who may not know of it learns no more.
    """
    row = None
    if name.isascii() and name.isprintable():
        row = session.get(ProcessRow, name, with_for_update=hold or None, populate_existing=True)
    if row is None or row.kind != kind.value or (peer is not None and row.peer != peer):
        raise no_process(kind, name)
    return row


def no_process(kind: ProcessKind, name: str) -> NotFound:
    """The error of a process that is not there, or that the caller may not know of."""
    return NotFound(
        "there is no {kind} {id}", field="pid", mend="check the id", kind=kind.value, id=name[:80]
    )


def seen_before(session: Session, row: ProcessRow, message: Received) -> bool:
    """Whether this very message was taken already: then it is answered once more and no more.

    A message with an ``@id`` is the same whenever it comes; one without only while nothing has
    happened since, because the same words may be said twice on purpose.
    """
    mine = select(MessageRow).where(MessageRow.process == row.id)
    if message.id:
        same = mine.where(MessageRow.outgoing.is_(False), MessageRow.digest == message.digest)
        return bool(session.scalar(select(same.exists())))
    last = session.scalar(mine.order_by(MessageRow.number.desc()).limit(1))
    return last is not None and not last.outgoing and last.digest == message.digest


def check_pids(row: ProcessRow, message: Received) -> None:
    """Raise :class:`Invalid` unless the message names this process by both its ids; what the other
    side calls it is learnt from its first message."""
    role = Side(row.role)
    ours, theirs = (
        ("providerPid", "consumerPid") if role is Side.PROVIDER else ("consumerPid", "providerPid")
    )
    if message.text(ours, needed=message.move is not Move.REQUEST) not in ("", row.id):
        raise _other_pid(ours)
    their = message.text(theirs)[:200]
    if row.their_pid is None:
        row.their_pid = their
    elif their != row.their_pid:
        raise _other_pid(theirs)


def look_again(row: ProcessRow, after: timedelta = PAUSE) -> None:
    """Have the rules look at a process after a while."""
    row.act_at = now() + after


def is_back(session: Session, peer: str) -> None:
    """A peer has been heard: what it did not answer goes out now, and not only when the waiting
    that grew while it was silent is over."""
    waiting = (
        select(MessageRow.number)
        .join(ProcessRow, ProcessRow.id == MessageRow.process)
        .where(
            ProcessRow.peer == peer,
            MessageRow.due_at.is_not(None),
            MessageRow.problem.startswith(SILENT, autoescape=True),
        )
        # What another transaction is at is not waited for: it may wait for this one.
        .with_for_update(of=MessageRow, skip_locked=True)
    )
    numbers = session.scalars(waiting).all()
    if numbers:
        session.execute(
            update(MessageRow)
            .where(MessageRow.number.in_(numbers))
            .values(due_at=now(), attempts=0)
        )


def _count_as_received(session: Session, process: str, moment: datetime, *, whole: bool) -> None:
    """What the other side answers by a message of its own it has received, though its answer to
    ours was lost: it moves from where ours have led. An end, possible from everywhere, shows only
    that it knows of the process, by the first message."""
    mine = select(MessageRow).where(MessageRow.process == process).order_by(MessageRow.number)
    for number, row in enumerate(session.scalars(mine).all()):
        if row.outgoing and row.sent_at is None and (whole or number == 0):
            row.sent_at, row.due_at, row.secret, row.problem = moment, None, None, ""


def _drop_unsent(session: Session, process: str) -> None:
    """What was to be said before the end is not said any more, but for the very first message,
    without which the other side knows of nothing."""
    rows = session.scalars(
        select(MessageRow)
        .where(
            MessageRow.process == process,
            MessageRow.outgoing.is_(True),
            MessageRow.sent_at.is_(None),
        )
        .order_by(MessageRow.number)
    ).all()
    first = session.scalar(
        select(MessageRow.number)
        .where(MessageRow.process == process)
        .order_by(MessageRow.number)
        .limit(1)
    )
    for row in rows:
        if row.number != first:
            row.due_at, row.secret, row.problem = None, None, "not sent: it was ended before"


def _tell(session: Session, row: ProcessRow, kind: ProcessKind, move: Move) -> None:
    message = _WORDS.get((kind, move))
    if message is None:
        return
    other = session.get_one(PeerRow, row.peer)
    notify(
        session,
        to=PartyId(row.party),
        topic="agreement",
        message=message,
        params={"peer": other.participant, "dataset": row.dataset},
        link=f"/{kind.value}s/{row.id}",
        roles=ROLES[Side(row.role)],
        key=f"{row.id}.{row.revision}",
    )


def _other_pid(name: str) -> Invalid:
    return Invalid("this is not the process's {name}", field=name, mend="check the id", name=name)


def to_process(row: ProcessRow) -> Process:
    """The process that a row holds."""
    return Process(
        id=row.id,
        kind=ProcessKind(row.kind),
        role=Side(row.role),
        peer=row.peer,
        party=PartyId(row.party),
        their_pid=row.their_pid,
        callback=row.callback,
        state=State(row.state or State.REQUESTED),  # before its first message
        dataset=row.dataset,
        offer=row.offer,
        agreement=row.agreement,
        terms=row.terms,
        signed=row.signed,
        format=row.format,
        approvals=tuple((one[0], one[1]) for one in row.approvals),
        needed=row.needed,
        statement=row.statement,
        revision=row.revision,
        created_at=row.created_at,
        changed_at=row.changed_at,
    )
