"""What moves by itself: the rules that a node has for its own side, one transaction for each step.

A rule is looked at when a process has changed, never while a message is answered. A step that
fails leaves its process as it was, and is tried again when the process changes.
"""

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from quanyu.agreements import AgreementState, Side, offer, states_of
from quanyu.federation.acting import automatic_caller
from quanyu.federation.kit import SCRIPTS, TERMS, scripted_move
from quanyu.federation.model import Here, Move, ProcessKind, State
from quanyu.federation.negotiating import agree, finalize, propose_again, say, terminate, unchanged
from quanyu.federation.odrl import same_terms
from quanyu.federation.tables import MessageRow, ProcessRow
from quanyu.federation.transferring import follow_agreements, start, stop
from quanyu.kernel import ControlStore, QuanyuError, now

log = structlog.get_logger(__name__)
_AT_ONCE = 200


def advance_due(control: ControlStore, here: Here) -> int:
    """Move on every process that a rule moves on; how many were."""
    with control.read() as session:
        due = select(ProcessRow.id).where(ProcessRow.act_at <= now())
        names = session.scalars(due.order_by(ProcessRow.act_at).limit(_AT_ONCE)).all()
    return sum(_advanced(control, here, name) for name in names)


def follow_due(control: ControlStore) -> int:
    """Have transfers follow their agreements."""
    with control.begin() as session:
        return follow_agreements(session)


def _advanced(control: ControlStore, here: Here, name: str) -> bool:
    try:
        with control.begin() as session:
            row = session.get(ProcessRow, name, with_for_update=True, populate_existing=True)
            if row is None or row.act_at is None or row.act_at > now():
                return False
            row.act_at = None
            return _advance(session, here, row)
    except QuanyuError as error:
        # What a rule cannot do a person has to: the process says so by what it waits for.
        log.warning("process.not_advanced", process=name, why=str(error))
        with control.begin() as session:
            row = session.get_one(ProcessRow, name)
            row.act_at = None
        return False


def _advance(session: Session, here: Here, row: ProcessRow) -> bool:
    seeded = next((n for n in (row.agreement, row.dataset) if n in SCRIPTS), None)
    if here.scripted and seeded is not None:
        return _by_script(session, here, row, seeded)
    if row.kind == ProcessKind.TRANSFER:
        return _transfer(session, here, row)
    return _negotiation(session, here, row)


def _negotiation(session: Session, here: Here, row: ProcessRow) -> bool:
    state, acting = State(row.state), automatic_caller(row)
    if row.role == Side.PROVIDER:
        if state is State.VERIFIED:
            finalize(session, row, acting)
            return True
        asked = state is State.REQUESTED and unchanged(offer(session, row.offer), row.terms)
        if here.automatic and (asked or state is State.ACCEPTED):
            agree(session, here, row, acting)
            return True
        return False
    if state is State.OFFERED and here.automatic and same_terms(row.terms, _asked(session, row)):
        say(session, row, Move.ACCEPT)
        return True
    if state is State.AGREED and same_terms(_without_frame(row), row.terms):
        # Verifying is finding signed what was asked for; anything else a person has to look at.
        say(session, row, Move.VERIFY)
        return True
    return False


def _transfer(session: Session, here: Here, row: ProcessRow) -> bool:
    resumed = row.state == State.SUSPENDED and row.held == "agreement"
    if row.role == Side.PROVIDER and (row.state == State.REQUESTED or resumed):
        states = states_of(session, [row.agreement or ""])
        if states.get(row.agreement or "") is AgreementState.ACTIVE:
            start(session, here, row)
            return True
    return False


def _by_script(session: Session, here: Here, row: ProcessRow, name: str) -> bool:
    said = select(func.count()).where(MessageRow.process == row.id, MessageRow.outgoing.is_(True))
    begun = 1 if row.role == Side.CONSUMER else 0
    done = (session.scalar(said) or 0) - begun
    move = scripted_move(name, State(row.state), done)
    if move is None:
        return False
    acting = automatic_caller(row)
    if row.kind == ProcessKind.TRANSFER:
        if move is Move.START:
            start(session, here, row)
        else:
            stop(session, row, move, "seeded")
    elif move in (Move.OFFER, Move.REQUEST):
        propose_again(session, here, row, row.terms or TERMS)
    elif move is Move.AGREE:
        agree(session, here, row, acting)
    elif move is Move.FINALIZE:
        finalize(session, row, acting)
    elif move is Move.TERMINATE:
        terminate(session, row, "seeded")
    else:
        say(session, row, move)
    return True


def _asked(session: Session, row: ProcessRow) -> dict[str, object] | None:
    """The terms that this consumer asked for last."""
    body = session.scalar(
        select(MessageRow.body)
        .where(MessageRow.process == row.id, MessageRow.outgoing.is_(True))
        .where(MessageRow.move == Move.REQUEST.value)
        .order_by(MessageRow.number.desc())
        .limit(1)
    )
    return None if body is None else _terms(body.get("offer") or {})


def _without_frame(row: ProcessRow) -> dict[str, object]:
    return _terms(row.signed or {})


def _terms(document: dict[str, object]) -> dict[str, object]:
    names = ("permission", "prohibition", "obligation", "profile")
    return {name: document[name] for name in names if document.get(name)}
