"""Why a process stands still: followed from its state each time it is asked, so always true."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.agreements import Side
from quanyu.federation.model import ProcessKind, State, Waiting
from quanyu.federation.push_address import PUSH
from quanyu.federation.tables import MessageRow, ProcessRow, PushRow
from quanyu.federation.transitions import FINAL
from quanyu.kernel import iso

_C, _P = Side.CONSUMER, Side.PROVIDER
_NEG, _TRF = ProcessKind.NEGOTIATION, ProcessKind.TRANSFER
_MESSAGES: dict[tuple[ProcessKind, State, Side], tuple[str, str]] = {
    (_NEG, State.REQUESTED, _P): ("decide", "your party decides: sign, offer other terms, or end"),
    (_NEG, State.REQUESTED, _C): ("peer", "the provider decides on the terms asked for"),
    (_NEG, State.OFFERED, _P): ("peer", "the consumer decides on the terms offered"),
    (_NEG, State.OFFERED, _C): ("decide", "your party decides: accept, ask for others, or end"),
    (_NEG, State.ACCEPTED, _P): ("decide", "your party signs the agreement, or ends it"),
    (_NEG, State.ACCEPTED, _C): ("peer", "the provider signs the agreement"),
    (_NEG, State.AGREED, _P): ("peer", "the consumer verifies the agreement"),
    (_NEG, State.AGREED, _C): ("verify", "the agreement differs from the terms: look and verify"),
    (_NEG, State.VERIFIED, _P): ("rule", "the agreement is about to come into force"),
    (_NEG, State.VERIFIED, _C): ("peer", "the provider puts the agreement in force"),
    (_TRF, State.REQUESTED, _P): ("rule", "it starts when the agreement is in force"),
    (_TRF, State.REQUESTED, _C): ("peer", "the provider starts the transfer"),
    (_TRF, State.STARTED, _P): ("data", "the consumer reads"),
    (_TRF, State.STARTED, _C): ("data", "the data can be read"),
    (_TRF, State.SUSPENDED, _P): ("held", "suspended by the {side}"),
    (_TRF, State.SUSPENDED, _C): ("held", "suspended by the {side}"),
}


def waiting_of(session: Session, row: ProcessRow) -> Waiting:
    """What a process waits for."""
    unsent = session.scalar(
        select(MessageRow)
        .where(
            MessageRow.process == row.id,
            MessageRow.outgoing.is_(True),
            MessageRow.sent_at.is_(None),
            MessageRow.problem.not_like("not sent%"),
        )
        .order_by(MessageRow.number)
        .limit(1)
    )
    if unsent is not None:
        return _delivery(unsent)
    state, kind, role = State(row.state), ProcessKind(row.kind), Side(row.role)
    if state in FINAL:
        return Waiting("nothing", "it is over", {})
    signs = kind is _NEG and role is _P and state in (State.REQUESTED, State.ACCEPTED)
    if signs and row.approvals:
        return Waiting(
            "approvals",
            "{given} of {needed} approvals are given",
            {"given": str(len(row.approvals)), "needed": str(row.needed)},
        )
    pushed = row.format == PUSH and state is State.STARTED
    if pushed:
        return _push(session.get(PushRow, row.id), role)
    code, message = _MESSAGES[kind, state, role]
    return Waiting(code, message, {"side": row.held} if code == "held" else {})


def _push(push: PushRow | None, role: Side) -> Waiting:
    if role is _C:
        taken = push is not None and push.sent_at is not None
        return Waiting(
            "peer",
            "the file is here; the provider completes" if taken else "the provider sends a file",
            {},
        )
    if push is None or not push.problem:
        return Waiting("push", "the file is being sent to the consumer", {})
    said = {
        "attempts": str(push.attempts),
        "why": push.problem,
        "next": iso(push.due_at) if push.due_at else "",
    }
    return Waiting(
        "push", "the file was not taken in {attempts} attempts: {why}; next at {next}", said
    )


def _delivery(unsent: MessageRow) -> Waiting:
    if not unsent.attempts:
        return Waiting("delivery", "the message “{move}” is on its way", {"move": unsent.move})
    said = {
        "move": unsent.move,
        "attempts": str(unsent.attempts),
        "why": unsent.problem,
        "next": iso(unsent.due_at) if unsent.due_at else "",
    }
    if unsent.due_at is None:
        return Waiting(
            "undelivered",
            "the message “{move}” is given up after {attempts} attempts: {why}",
            said,
        )
    return Waiting(
        "delivery",
        "the message “{move}” was not received in {attempts} attempts: {why}; next at {next}",
        said,
    )
