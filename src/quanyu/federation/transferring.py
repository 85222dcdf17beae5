"""Transfers, both roles. A started transfer is an address of this node's own faces and a token
bound to one agreement: the gate stays the only way to data, and a token that is revoked with the
transfer's end opens nothing within a second."""

from datetime import timedelta
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.agreements import (
    Agreement,
    AgreementState,
    Side,
    signed_agreement,
    states_of,
)
from quanyu.catalogue import HELD_KINDS, resource
from quanyu.federation.kit import SCRIPTS, seeded
from quanyu.federation.messages import SECRET, Received, compose, secret_of
from quanyu.federation.model import Here, Move, Peer, Process, ProcessKind, State
from quanyu.federation.moving import (
    check_pids,
    move_on,
    open_process,
    process_row,
    seen_before,
    to_process,
)
from quanyu.federation.peering import check_callback
from quanyu.federation.push_address import HTTP, PUSH, own_address, read_address, schedule
from quanyu.federation.seal import seal, unseal
from quanyu.federation.tables import PeerRow, ProcessRow
from quanyu.federation.transitions import next_state
from quanyu.kernel import (
    AgreementId,
    Conflict,
    Invalid,
    MemberId,
    NotFound,
    PartyId,
    TokenId,
    now,
)
from quanyu.parties import Scope, caller_of, issue_token, node_party, revoke_token

PULL = "HttpData-PULL"
FORMATS = (PULL, PUSH)
_KIND = ProcessKind.TRANSFER
_TOKEN_LIFE = timedelta(days=30)
_PUSH_LIFE = timedelta(hours=6)
_OVER = (Move.SUSPEND, Move.COMPLETE, Move.TERMINATE)


def receive_transfer_request(
    session: Session, here: Here, peer: Peer, message: Received
) -> Process:
    """A transfer asked of this node. The same ``consumerPid`` finds the same transfer.

    Raises :class:`NotFound` for an agreement that is not one with this peer, :class:`Invalid` for
    one that is not in force, a format that is not given, and an address that is not one to push to.
    """
    their = message.text("consumerPid")[:200]
    row = session.scalar(
        select(ProcessRow).where(
            ProcessRow.kind == _KIND.value,
            ProcessRow.peer == peer.id,
            ProcessRow.role == Side.PROVIDER.value,
            ProcessRow.their_pid == their,
        )
    )
    name, form = message.text("agreementId")[:200], message.text("format")
    if row is not None:
        if (row.agreement, row.format) != (name, form):
            raise Invalid(
                "this id belongs to another transfer", field="consumerPid", mend="use a new one"
            )
        return to_process(row)
    callback = check_callback(peer, message.text("callbackAddress"))
    if form not in FORMATS:
        raise Invalid(
            "data are not given in the form {form}",
            field="format",
            mend="use one of: {forms}",
            form=form[:80],
            forms=", ".join(FORMATS),
        )
    address = read_address(here, message) if form == PUSH else None
    if form == PULL and message.body.get("dataAddress") is not None:
        raise Invalid(
            "a transfer that is pulled names no address to push to",
            field="dataAddress",
            mend="leave it out",
        )
    party, dataset = _agreed(session, here, peer, name)
    row = open_process(
        session,
        _KIND,
        Side.PROVIDER,
        peer.id,
        party,
        callback=callback,
        their_pid=their,
        dataset=dataset,
        agreement=name,
        format=form,
    )
    row.address = address
    move_on(session, row, Move.REQUEST, Side.CONSUMER, message.body, digest=message.digest)
    return to_process(row)


def receive_transfer(
    session: Session, here: Here, peer: Peer, pid: str, message: Received
) -> tuple[Process, dict[str, Any] | None]:
    """A later message of a transfer, and the data address that a consumer's resumption is given.

    Raises :class:`NotFound` when there is none with this peer, :class:`Invalid` for a move that
    its state does not take or that is the other side's to make.
    """
    row = process_row(session, _KIND, pid, peer.id)
    role = Side(row.role)
    sender = Side.CONSUMER if role is Side.PROVIDER else Side.PROVIDER
    if not seen_before(session, row, message):
        check_pids(row, message)
        next_state(_KIND, State(row.state), message.move, sender)
        _check_held(row, message.move, sender)
        if message.move is Move.START and role is Side.CONSUMER:
            _keep_address(here, row, message)
        if message.move is Move.START and role is Side.PROVIDER and not _seeded(row):
            _agreed(session, here, peer, row.agreement or "")
        _settle(session, row, message.move, sender)
        move_on(
            session,
            row,
            message.move,
            sender,
            message.body,
            digest=message.digest,
            reason=message.reason,
        )
    given = None
    resumed = message.move is Move.START and row.state == State.STARTED and row.format != PUSH
    if resumed and role is Side.PROVIDER and not _seeded(row):
        given, secret = _data_address(session, here, row)
        given = {**given, "endpointProperties": _properties(secret)}
    return to_process(row), given


def request_transfer(
    session: Session,
    here: Here,
    negotiation: ProcessRow,
    *,
    member: MemberId | None = None,
    form: str = PULL,
    file: str = "geojson",
    purpose: str = "",
) -> Process:
    """Ask, as consumer, for the data of an agreement that was negotiated: to read them (``PULL``),
    or to have them pushed to this node as a ``file`` of that form, for a ``purpose`` where the
    agreement asks for one (``PUSH``)."""
    if negotiation.state != State.FINALIZED or negotiation.role != Side.CONSUMER:
        raise Conflict(
            "data are asked for under an agreement that is finalized",
            field="agreement",
            mend="wait for the provider's last word",
        )
    peer = session.get_one(PeerRow, negotiation.peer)
    return begin_transfer(
        session,
        here,
        peer.id,
        PartyId(negotiation.party),
        callback=peer.address,
        agreement=negotiation.agreement or "",
        dataset=negotiation.dataset,
        form=form,
        file=file,
        purpose=purpose,
        member=member,
    )


def begin_transfer(
    session: Session,
    here: Here,
    peer: str,
    party: PartyId,
    *,
    callback: str,
    agreement: str,
    dataset: str,
    form: str = PULL,
    file: str = "geojson",
    purpose: str = "",
    member: MemberId | None = None,
) -> Process:
    """The first message of a transfer, as consumer."""
    row = open_process(
        session,
        _KIND,
        Side.CONSUMER,
        peer,
        party,
        callback=callback,
        their_pid=None,
        dataset=dataset,
        agreement=agreement,
        format=form,
    )
    address, secret = own_address(here, row, file, purpose) if form == PUSH else (None, None)
    body = compose(
        to_process(row),
        Move.REQUEST,
        agreementId=agreement,
        format=form,
        callbackAddress=here.address,
        dataAddress=address,
    )
    sealed = seal(here.key, secret) if secret else None
    move_on(session, row, Move.REQUEST, Side.CONSUMER, body, member=member, secret=sealed)
    return to_process(row)


def start(session: Session, here: Here, row: ProcessRow, member: MemberId | None = None) -> None:
    """Start or resume a transfer: the provider gives an address, the consumer only says so."""
    side = Side(row.role)
    next_state(_KIND, State(row.state), Move.START, side)
    _check_held(row, Move.START, side)
    address = secret = None
    if side is Side.PROVIDER and row.format != PUSH and not _seeded(row):
        address, secret = _data_address(session, here, row)
    schedule(session, row, Move.START)
    body = compose(to_process(row), Move.START, dataAddress=address)
    row.held = ""
    sealed = seal(here.key, secret) if secret else None
    move_on(session, row, Move.START, side, body, member=member, secret=sealed)


def stop(
    session: Session, row: ProcessRow, move: Move, reason: str, member: MemberId | None = None
) -> None:
    """Suspend, complete or terminate a transfer by this side; its token opens nothing any more."""
    side = Side(row.role)
    next_state(_KIND, State(row.state), move, side)
    said: dict[str, Any] = {}
    if move is not Move.COMPLETE:
        said = {"code": move.value, "reason": [reason] if reason else None}
    body = compose(to_process(row), move, **said)
    _settle(session, row, move, side)
    move_on(session, row, move, side, body, reason=reason, member=member)


def data_address(here: Here, row: ProcessRow) -> tuple[str, str]:
    """Where, as consumer, the data of a started transfer are read, and by which token."""
    if row.format == PUSH:
        raise Conflict(
            "the data of this transfer are pushed to this node",
            field="transfer",
            mend="wait for the file",
        )
    if row.address is None or row.state != State.STARTED:
        raise Conflict("this transfer gives no data now", field="transfer", mend="see why it waits")
    found = orjson.loads(unseal(here.key, row.address))
    return str(found["endpoint"]), str(found["token"])


def keep_given(here: Here, row: ProcessRow, address: dict[str, Any]) -> None:
    """Keep, as consumer, where the data are and the token for them."""
    kept = {"endpoint": address.get("endpoint") or "", "token": secret_of({"dataAddress": address})}
    row.address = seal(here.key, orjson.dumps(kept).decode())


def follow_agreements(session: Session) -> int:
    """Provider's transfers follow their agreements: suspended, resumed or over with them; how
    many were moved or have to be looked at."""
    rows = session.scalars(
        select(ProcessRow).where(
            ProcessRow.kind == _KIND.value,
            ProcessRow.role == Side.PROVIDER.value,
            ProcessRow.state.in_((State.STARTED.value, State.SUSPENDED.value)),
        )
    ).all()
    states = states_of(session, {row.agreement for row in rows if row.agreement})
    moved = 0
    for row in rows:
        state = states.get(row.agreement or "")
        if state is None or _seeded(row):
            continue
        if state is AgreementState.SUSPENDED and row.state == State.STARTED:
            stop(session, row, Move.SUSPEND, "the agreement is suspended")
            row.held = "agreement"
        elif state is AgreementState.ACTIVE and row.held == "agreement":
            row.act_at = now()
        elif state not in (AgreementState.ACTIVE, AgreementState.SUSPENDED):
            stop(session, row, Move.TERMINATE, f"the agreement is {state.value}")
        else:
            continue
        moved += 1
    return moved


def _agreed(session: Session, here: Here, peer: Peer, name: str) -> tuple[PartyId, str]:
    """The provider and dataset of an agreement in force with this peer."""
    if seeded(here, name):
        own = node_party(session)
        if own is not None:
            return own.id, name
    found: Agreement | None = None
    try:
        found = signed_agreement(session, name)
    except NotFound:
        found = None
    if found is None or found.consumer != peer.party:
        raise NotFound(
            "there is no agreement {id}", field="agreementId", mend="negotiate one", id=name[:80]
        )
    state = found.state_at(now())
    if state is not AgreementState.ACTIVE:
        raise Invalid(
            "the agreement is {state}",
            field="agreementId",
            mend="negotiate another, or wait",
            rule="agreement.state",
            state=state.value,
        )
    return found.provider, found.resource


def _data_address(session: Session, here: Here, row: ProcessRow) -> tuple[dict[str, Any], str]:
    """An address of this node and a new token for it; the token before it is revoked."""
    slug = slug_held(session, row)
    secret = token_for_data(session, row)
    address = {
        "@type": "DataAddress",
        "endpointType": HTTP,
        "endpoint": f"{here.root}/ogc/features/collections/{slug}/items",
        "endpointProperties": _properties(""),
    }
    return address, secret


def slug_held(session: Session, row: ProcessRow) -> str:
    """The slug of a transfer's dataset; :class:`Conflict` when this node does not hold it."""
    of = resource(session, row.dataset)
    if of.kind not in HELD_KINDS:
        raise Conflict(
            "this node does not hold the data itself", field="dataset", mend="terminate it"
        )
    return of.slug


def token_for_data(session: Session, row: ProcessRow) -> str:
    """A new token that opens the transfer's agreement alone; the one before it is revoked."""
    _revoke(session, row)
    peer = session.get_one(PeerRow, row.peer)
    agreement = signed_agreement(session, row.agreement or "")
    ends = now() + (_PUSH_LIFE if row.format == PUSH else _TOKEN_LIFE)
    if agreement.expires_at is not None:
        ends = min(ends, agreement.expires_at)
    token, secret = issue_token(
        session,
        caller_of(session, MemberId(peer.member)),
        name=f"transfer {row.id}",
        scopes=[Scope.READ],
        expires_at=ends,
        agreement=AgreementId(agreement.id),
    )
    row.token = token.id
    return secret


def in_force(session: Session, row: ProcessRow) -> bool:
    """Whether the agreement of a transfer gives data now."""
    name = row.agreement or ""
    return states_of(session, [name]).get(name) is AgreementState.ACTIVE


def _properties(secret: str) -> list[dict[str, str]]:
    return [
        {"@type": "EndpointProperty", "name": SECRET, "value": secret},
        {"@type": "EndpointProperty", "name": "authType", "value": "bearer"},
    ]


def _keep_address(here: Here, row: ProcessRow, message: Received) -> None:
    if row.format == PUSH:
        return
    address = message.body.get("dataAddress")
    if address is None and not _seeded(row) and row.address is None:
        raise Invalid(
            "the start of a pulled transfer says where the data are",
            field="dataAddress",
            mend="give endpoint and token",
        )
    if isinstance(address, dict):
        keep_given(here, row, address)


def _check_held(row: ProcessRow, move: Move, sender: Side) -> None:
    """Only the side that has suspended a transfer lets it go on."""
    by = {"agreement": Side.PROVIDER.value}.get(row.held, row.held)
    if move is Move.START and row.state == State.SUSPENDED and by not in ("", sender.value):
        raise Invalid(
            "the {side} has suspended it and alone may resume it",
            field="state",
            mend="ask for it, or terminate",
            rule="dsp.held",
            side=by,
        )


def _settle(session: Session, row: ProcessRow, move: Move, sender: Side) -> None:
    """What a move means for the token and for who holds the transfer."""
    if move is Move.SUSPEND:
        row.held = sender.value
    elif move is Move.START:
        row.held = ""
    schedule(session, row, move)
    if move in _OVER:
        _revoke(session, row)
        # Where a push goes to is the same after a pause.
        if row.role == Side.CONSUMER if row.format != PUSH else move is not Move.SUSPEND:
            row.address = None


def _revoke(session: Session, row: ProcessRow) -> None:
    if row.token is not None:
        peer = session.get_one(PeerRow, row.peer)
        revoke_token(session, caller_of(session, MemberId(peer.member)), TokenId(row.token))
        row.token = None


def _seeded(row: ProcessRow) -> bool:
    return row.agreement in SCRIPTS
