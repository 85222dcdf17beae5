"""What members decide in their party's negotiations and transfers; each needs the right side.

``revision``, when given, must be the one that the member has read: else :class:`Conflict`.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from quanyu.agreements import Side
from quanyu.federation.acting import acting_row, check_side
from quanyu.federation.courier import try_again
from quanyu.federation.model import Here, Move, Process, ProcessChanged, ProcessKind, State
from quanyu.federation.moving import to_process
from quanyu.federation.negotiating import agree, ask_for, finalize, propose_again, say, terminate
from quanyu.federation.odrl import read_terms, terms_of, understood
from quanyu.federation.peering import peer as find_peer
from quanyu.federation.tables import ProcessRow
from quanyu.federation.transferring import PULL, request_transfer, start, stop
from quanyu.federation.transitions import next_state
from quanyu.kernel import Conflict, Invalid, announce, iso, now, owe
from quanyu.parties import Caller

LONGEST_REASON = 2000
_NEG, _TRF = ProcessKind.NEGOTIATION, ProcessKind.TRANSFER


def negotiate(
    session: Session,
    here: Here,
    caller: Caller,
    peer: str,
    *,
    dataset: str,
    offer: str,
    terms: Mapping[str, Any],
    statement: str = "",
) -> Process:
    """Ask a peer, for the caller's party, for an agreement on its dataset with these terms.

    Raises :class:`NotFound` for no such peer, :class:`Refused` without the role, :class:`Invalid`
    for terms that are none.
    """
    found = find_peer(session, peer)
    check_side(caller, caller.party or "", Side.CONSUMER)
    if not found.reachable:
        raise Conflict(
            "this node has no token of that peer",
            field="peer",
            mend="give it: quanyu peers token {name} --theirs …",
            name=found.participant,
        )
    assert caller.party is not None  # noqa: S101 — the side was checked
    return ask_for(
        session,
        here,
        found,
        caller.party,
        dataset=dataset,
        offer_id=offer,
        terms=_terms(terms),
        statement=_said(statement, "statement", needed=False),
        member=caller.member,
    )


def counter(
    session: Session,
    here: Here,
    caller: Caller,
    name: str,
    terms: Mapping[str, Any],
    *,
    revision: int | None = None,
) -> Process:
    """Propose other terms: an offer by the provider, a request by the consumer."""
    row = acting_row(session, caller, _NEG, name, revision)
    propose_again(session, here, row, _terms(terms), caller.member)
    return to_process(row)


def approve_terms(
    session: Session, here: Here, caller: Caller, name: str, *, revision: int | None = None
) -> Process:
    """Approve the terms as they stand, as a member of the provider; with the last approval that is
    needed the agreement is signed and sent."""
    row = acting_row(session, caller, _NEG, name, revision)
    next_state(_NEG, State(row.state), Move.AGREE, Side(row.role))
    member = caller.member or ""
    if any(one[0] == member for one in row.approvals):
        raise Conflict(
            "you have approved this already",
            field="approval",
            mend="another member of your party has to",
        )
    row.approvals = [*row.approvals, [member, iso(now())]]
    if len(row.approvals) >= row.needed:
        agree(session, here, row, caller)
    else:
        row.revision += 1
        row.changed_at = now()
        session.flush()
        said = {"given": len(row.approvals), "needed": row.needed, "revision": row.revision}
        owe(session, "negotiation.approved", row.id, said)
        announce(session, ProcessChanged(row.id))
    return to_process(row)


def accept_offer(
    session: Session, caller: Caller, name: str, *, revision: int | None = None
) -> Process:
    """Accept the provider's offer, as consumer."""
    return _say(session, caller, name, Move.ACCEPT, revision)


def verify_agreement(
    session: Session, caller: Caller, name: str, *, revision: int | None = None
) -> Process:
    """Say, as consumer, that the agreement is as it should be."""
    return _say(session, caller, name, Move.VERIFY, revision)


def finalize_agreement(
    session: Session, caller: Caller, name: str, *, revision: int | None = None
) -> Process:
    """Put a verified agreement in force, as provider, where no rule has done so."""
    row = acting_row(session, caller, _NEG, name, revision)
    finalize(session, row, caller)
    return to_process(row)


def end_negotiation(
    session: Session, caller: Caller, name: str, reason: str, *, revision: int | None = None
) -> Process:
    """End a negotiation for good; the other side is told why."""
    row = acting_row(session, caller, _NEG, name, revision)
    terminate(session, row, _said(reason, "reason"), caller.member)
    return to_process(row)


def transfer_data(
    session: Session,
    here: Here,
    caller: Caller,
    negotiation: str,
    *,
    form: str = PULL,
    file: str = "geojson",
    purpose: str = "",
) -> Process:
    """Ask for the data of a finalized agreement, as consumer: to read them, or (``PUSH``) to have
    them sent to this node as a file. Raises :class:`Invalid` for a form that there is not."""
    row = acting_row(session, caller, _NEG, negotiation, None)
    return request_transfer(
        session, here, row, member=caller.member, form=form, file=file, purpose=purpose
    )


def move_transfer(  # noqa: PLR0917 — which, how, why, as read
    session: Session,
    here: Here,
    caller: Caller,
    name: str,
    move: Move,
    reason: str = "",
    *,
    revision: int | None = None,
) -> Process:
    """Start (again), suspend, complete or terminate a transfer; either side."""
    row = acting_row(session, caller, _TRF, name, revision)
    if move is Move.START:
        start(session, here, row, caller.member)
    else:
        needed = move in (Move.SUSPEND, Move.TERMINATE)
        stop(session, row, move, _said(reason, "reason", needed=needed), caller.member)
    return to_process(row)


def send_again(session: Session, caller: Caller, kind: ProcessKind, name: str) -> Process:
    """Try to deliver again what a peer did not receive."""
    row = acting_row(session, caller, kind, name, None)
    try_again(session, row.id)
    announce(session, ProcessChanged(row.id))
    return to_process(row)


def transfer_row(session: Session, caller: Caller, name: str) -> ProcessRow:
    """The row of a transfer that a member of the consumer reads data by."""
    return acting_row(session, caller, _TRF, name, None)


def _say(session: Session, caller: Caller, name: str, move: Move, revision: int | None) -> Process:
    row = acting_row(session, caller, _NEG, name, revision)
    say(session, row, move, caller.member)
    return to_process(row)


def _terms(given: Mapping[str, Any]) -> dict[str, Any]:
    """Terms as they are sent: of a whole policy, or of its rules alone."""
    document = {name: value for name, value in given.items() if name != "@context"}
    if any(not isinstance(one.get("action"), str) for one in _rules(document)):
        document = terms_of(understood(document))
    return terms_of(read_terms(document, "terms"))


def _rules(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    given = document.get("permission")
    return [one for one in given if isinstance(one, Mapping)] if isinstance(given, list) else []


def _said(text: str, field: str, *, needed: bool = True) -> str:
    cut = text.strip()
    if (needed and not cut) or len(cut) > LONGEST_REASON or "\x00" in cut:
        raise Invalid(
            "a text of 1 to {longest} characters is needed here",
            field=field,
            mend="say it in a few sentences",
            longest=LONGEST_REASON,
        )
    return cut
