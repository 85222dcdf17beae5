"""Contract negotiations, both roles: what comes in is checked and taken, what goes out is made."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.agreements import (
    Offer,
    Side,
    drop_signed,
    offer,
    put_in_force,
    sick,
    sign_negotiated,
)
from quanyu.catalogue import Access, resource
from quanyu.federation.acting import automatic_caller
from quanyu.federation.kit import SCRIPTS, seeded
from quanyu.federation.messages import Received, compose
from quanyu.federation.model import Here, Move, Peer, Process, ProcessKind, State
from quanyu.federation.moving import (
    check_pids,
    move_on,
    open_process,
    process_row,
    seen_before,
    to_process,
)
from quanyu.federation.odrl import read_terms, same_terms, terms_of, understood
from quanyu.federation.peering import check_callback
from quanyu.federation.tables import PeerRow, ProcessRow
from quanyu.federation.transitions import next_state
from quanyu.kernel import Invalid, MemberId, NotFound, PartyId, iso, new_id, now
from quanyu.parties import Caller, node_party

_KIND = ProcessKind.NEGOTIATION
LONGEST = 200


def receive_first(session: Session, here: Here, peer: Peer, message: Received) -> Process:
    """The first message of a negotiation: a request to this node as provider, an offer to it as
    consumer. The same message again finds the same negotiation.

    Raises :class:`Invalid` for an unknown offer, terms that are not understood, a callback that is
    not the peer's, and an id that is in use already.
    """
    role = Side.PROVIDER if message.move is Move.REQUEST else Side.CONSUMER
    theirs, ours = ("consumerPid", "providerPid")
    if role is Side.CONSUMER:
        theirs, ours = ours, theirs
    their = message.text(theirs)
    if len(their) > LONGEST:
        raise Invalid("this id is too long", field=theirs, mend="use at most 200 characters")
    if message.body.get(ours) is not None:
        raise Invalid(
            "a first message does not name this side's id",
            field=ours,
            mend="send it to the address of the negotiation",
        )
    row = _known(session, peer, role, their)
    if row is not None:
        if not seen_before(session, row, message):
            raise Invalid(
                "this id belongs to another negotiation", field=theirs, mend="use a new one"
            )
        return to_process(row)
    callback = check_callback(peer, message.text("callbackAddress"))
    given = message.body.get("offer")
    terms = read_terms(given, "offer")
    name, target = _text(given, "@id"), _text(given, "target")
    if role is Side.PROVIDER:
        party, dataset = _provided(session, here, peer, name, target)
        if not seeded(here, target):
            understood(terms)
    else:
        own = node_party(session)
        if own is None:
            raise NotFound("this node has no party of its own yet")
        party, dataset = own.id, target
    row = open_process(
        session,
        _KIND,
        role,
        peer.id,
        party,
        callback=callback,
        their_pid=their,
        dataset=dataset,
        offer=name,
        needed=here.approvals,
    )
    row.terms = terms
    move_on(session, row, message.move, _other(role), message.body, digest=message.digest)
    return to_process(row)


def receive(session: Session, here: Here, peer: Peer, pid: str, message: Received) -> Process:
    """A later message of a negotiation. Raises :class:`NotFound` when there is none with this
    peer, :class:`Invalid` for a move that its state does not take."""
    row = process_row(session, _KIND, pid, peer.id)
    if seen_before(session, row, message):
        return to_process(row)
    check_pids(row, message)
    sender = _other(Side(row.role))
    next_state(_KIND, State(row.state), message.move, sender)
    if message.move in (Move.REQUEST, Move.OFFER):
        _new_terms(here, row, message)
    elif message.move is Move.AGREE:
        _take_agreement(here, row, peer, message)
    move_on(
        session,
        row,
        message.move,
        sender,
        message.body,
        digest=message.digest,
        reason=message.reason,
    )
    if message.move is Move.TERMINATE:
        drop_agreement(session, row, sender, message.reason)
    return to_process(row)


def ask_for(
    session: Session,
    here: Here,
    peer: Peer,
    party: PartyId,
    *,
    dataset: str,
    offer_id: str,
    terms: dict[str, Any],
    statement: str = "",
    member: MemberId | None = None,
) -> Process:
    """Begin a negotiation as consumer: terms asked for on a peer's dataset."""
    row = open_process(
        session,
        _KIND,
        Side.CONSUMER,
        peer.id,
        party,
        callback=peer.address,
        their_pid=None,
        dataset=_bounded(dataset, "dataset"),
        offer=_bounded(offer_id, "offer"),
        statement=statement,
    )
    _propose(session, here, row, Move.REQUEST, terms, member)
    return to_process(row)


def propose_again(
    session: Session,
    here: Here,
    row: ProcessRow,
    terms: dict[str, Any],
    member: MemberId | None = None,
) -> None:
    """Other terms by this side: a counter-offer of the provider, a counter-request of the
    consumer."""
    move = Move.OFFER if row.role == Side.PROVIDER else Move.REQUEST
    next_state(_KIND, State(row.state), move, Side(row.role))
    if row.role == Side.PROVIDER and not seeded(here, row.dataset):
        understood(terms)
    row.approvals = []
    _propose(session, here, row, move, terms, member)


def agree(session: Session, here: Here, row: ProcessRow, acting: Caller) -> None:
    """Sign, as provider: an agreement comes to be here, and goes to the consumer."""
    next_state(_KIND, State(row.state), Move.AGREE, Side.PROVIDER)
    peer = session.get_one(PeerRow, row.peer)
    said: dict[str, Any] = {
        "@type": "Agreement",
        "target": row.dataset,
        "assigner": here.participant,
        "assignee": peer.participant,
    }
    if seeded(here, row.dataset):
        row.agreement = new_id("agreement")
        said |= {"@id": row.agreement, "timestamp": iso(now()), **(row.terms or {})}
    else:
        put = offer(session, row.offer)
        policy = put.policy if unchanged(put, row.terms) else understood(row.terms or {})
        signed = sign_negotiated(
            session,
            acting,
            PartyId(peer.party),
            put.id,
            policy,
            statement=row.statement,
        )
        row.agreement = signed.id
        # What was agreed on goes out in the words in which it was proposed.
        said |= {"@id": signed.id, "timestamp": signed.policy.timestamp, **(row.terms or {})}
    row.signed = said
    _say(session, row, Move.AGREE, acting.member, agreement=said)


def finalize(session: Session, row: ProcessRow, acting: Caller) -> None:
    """Put the agreement in force, as provider, and say so: from now on it gives data."""
    next_state(_KIND, State(row.state), Move.FINALIZE, Side.PROVIDER)
    if row.agreement is not None and row.dataset not in SCRIPTS:
        put_in_force(session, acting, row.agreement)
    _say(session, row, Move.FINALIZE, acting.member)


def say(session: Session, row: ProcessRow, move: Move, member: MemberId | None = None) -> None:
    """A move that is no more than said: accept, verify."""
    _say(session, row, move, member)


def terminate(
    session: Session, row: ProcessRow, reason: str, member: MemberId | None = None
) -> None:
    """End a negotiation for good, the other side being told why."""
    _say(session, row, Move.TERMINATE, member, reason=reason, code="ended", reasons=[reason])
    drop_agreement(session, row, Side(row.role), reason)


def drop_agreement(session: Session, row: ProcessRow, side: Side, reason: str) -> None:
    """Let go of an agreement that was signed and never came into force."""
    scripted = row.dataset in SCRIPTS
    if row.role == Side.PROVIDER and row.agreement is not None and not scripted:
        drop_signed(session, automatic_caller(row), row.agreement, side, reason)


def unchanged(put: Offer, terms: dict[str, Any] | None) -> bool:
    """Whether terms are those of an offer, as it was put forward."""
    return same_terms(terms, terms_of(put.policy))


def _propose(  # noqa: PLR0917 — who proposes what in which process
    session: Session,
    here: Here,
    row: ProcessRow,
    move: Move,
    terms: dict[str, Any],
    member: MemberId | None,
) -> None:
    row.terms = terms
    said = {"@type": "Offer", "@id": row.offer, "target": row.dataset, **terms}
    first = row.revision == 0
    callback = here.address if first else None
    _say(session, row, move, member, offer=said, callbackAddress=callback)


def _say(
    session: Session,
    row: ProcessRow,
    move: Move,
    member: MemberId | None,
    *,
    reason: str = "",
    reasons: list[str] | None = None,
    **members: Any,
) -> None:
    body = compose(to_process(row), move, reason=reasons, **members)
    move_on(session, row, move, Side(row.role), body, reason=reason, member=member)


def _known(session: Session, peer: Peer, role: Side, their: str) -> ProcessRow | None:
    query = select(ProcessRow).where(
        ProcessRow.kind == _KIND.value,
        ProcessRow.peer == peer.id,
        ProcessRow.role == role.value,
        ProcessRow.their_pid == their,
    )
    return session.scalar(query)


def _provided(
    session: Session, here: Here, peer: Peer, name: str, target: str
) -> tuple[PartyId, str]:
    """The party whose offer is asked for, and its dataset."""
    if seeded(here, target):
        own = node_party(session)
        if own is not None:
            return own.id, target
    put = _open_offer(session, peer, name)
    if put is None:
        raise Invalid(
            "there is no such offer", field="offer.@id", mend="see the catalogue", rule="dsp.offer"
        )
    of = resource(session, put.resource)
    if target not in (of.id, of.slug):
        raise Invalid(
            "the offer is not for that dataset",
            field="offer.target",
            mend="use {id}",
            rule="dsp.offer",
            id=of.id,
        )
    return put.provider, of.id


def _open_offer(session: Session, peer: Peer, name: str) -> Offer | None:
    """An offer that takes requests of this peer."""
    try:
        put = offer(session, name)
        of = resource(session, put.resource)
    except NotFound:
        return None
    mine = (put.policy.assignee or peer.party).endswith(peer.party)
    given = put.open and of.access is not Access.CLOSED and not sick(session, of.id)
    return put if mine and given else None


def _new_terms(here: Here, row: ProcessRow, message: Received) -> None:
    given = message.body.get("offer")
    terms = read_terms(given, "offer")
    target = given.get("target") if isinstance(given, dict) else None
    loose = seeded(here, row.dataset)
    if target is not None and target != row.dataset and not loose:
        raise Invalid(
            "the dataset cannot change in a negotiation",
            field="offer.target",
            mend="begin another one",
        )
    if row.role == Side.PROVIDER and not loose:
        understood(terms)
    row.terms, row.approvals = terms, []


def _take_agreement(here: Here, row: ProcessRow, peer: Peer, message: Received) -> None:
    given = message.body.get("agreement")
    terms = read_terms(given, "agreement")
    said = {name: _text(given, name, "agreement") for name in _NEEDED}
    parties = (said["assigner"], said["assignee"])
    loose = seeded(here, row.dataset)
    if not loose and parties != (peer.participant, here.participant):
        raise Invalid(
            "the agreement is not between these two participants",
            field="agreement.assignee",
            mend="name {assigner} and {assignee}",
            assigner=peer.participant,
            assignee=here.participant,
        )
    if said["@type"] != "Agreement" or (said["target"] != row.dataset and not loose):
        raise Invalid("the agreement is not on this dataset", field="agreement.target")
    row.agreement = said["@id"]
    row.signed = {**said, **terms}


_NEEDED = ("@type", "@id", "target", "assigner", "assignee", "timestamp")


def _text(given: Any, name: str, field: str = "offer") -> str:
    found = given.get(name) if isinstance(given, dict) else None
    if not isinstance(found, str) or not 0 < len(found) <= LONGEST or not found.isprintable():
        raise Invalid(
            "a text of 1 to 200 characters is needed here",
            field=f"{field}.{name}",
            mend="see the message's schema",
        )
    return found


def _bounded(text: str, field: str) -> str:
    if not 0 < len(text) <= LONGEST or not text.isprintable():
        raise Invalid("a text of 1 to 200 characters is needed here", field=field)
    return text


def _other(side: Side) -> Side:
    return Side.CONSUMER if side is Side.PROVIDER else Side.PROVIDER
