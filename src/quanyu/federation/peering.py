"""Other nodes: each is a party here, with a member whose tokens are all that it may do.

Both sides give each other a bearer token. The one that this node gives is an API token of the
peer's member, listed, bounded and revocable as every token; the one it is given is kept sealed.
"""

import re
from datetime import timedelta
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.federation.model import Here, Peer
from quanyu.federation.seal import seal, unseal
from quanyu.federation.tables import PeerRow
from quanyu.kernel import (
    Conflict,
    ControlStore,
    Invalid,
    LocalText,
    MemberId,
    NotFound,
    PartyId,
    Refused,
    new_id,
    now,
)
from quanyu.parties import (
    Caller,
    PartyKind,
    Role,
    Scope,
    add_member,
    caller_of,
    deactivate,
    issue_token,
    record_act,
    register_party,
)

TOKEN_DAYS = 365
_NAME = re.compile(r"[!-~]{1,200}")


def add_peer(
    session: Session,
    here: Here,
    *,
    participant: str,
    address: str,
    name: LocalText,
    kind: PartyKind = PartyKind.ENTERPRISE,
    credit_code: str | None = None,
    token: str | None = None,
    by: Caller | None = None,
) -> tuple[Peer, str]:
    """A peer, and the token that it has to send, which is shown this once.

    ``address`` is the root of its protocol's URLs; ``token`` the one it gave this node. Raises
    :class:`Invalid`, :class:`Conflict` when the participant is a peer already, :class:`Refused`
    when ``by`` does not run the node.
    """
    if not _NAME.fullmatch(participant) or participant == here.participant:
        raise Invalid(
            "a participant is named by 1 to 200 printable characters, and not as this node",
            field="participant",
            mend="ask the other node for its participantId",
        )
    if kind is PartyKind.CITY_NODE:
        raise Invalid(
            "only this node's own party runs it", field="kind", mend="choose another kind"
        )
    address = checked_address(address, "address")
    if session.scalar(select(PeerRow).where(PeerRow.participant == participant)) is not None:
        raise Conflict(
            "{participant} is a peer already",
            field="participant",
            mend="remove it first, or change its address",
            participant=participant,
        )
    party = register_party(session, kind=kind, name=name, credit_code=credit_code, by=by)
    member = add_member(
        session,
        party.id,
        login=f"peer-{party.id[-12:].lower()}",
        name=name.en or name.zh,
        password=None,
        roles=[Role.CONSUMER],
        by=by,
    )
    row = PeerRow(
        id=new_id("peer"),
        participant=participant,
        party=party.id,
        member=member.id,
        address=address,
        secret=seal(here.key, token) if token else None,
        active=True,
        created_at=now(),
    )
    session.add(row)
    session.flush()
    record_act(session, by, "peer.added", row.id, party=party.id)
    return to_peer(row), renew_token(session, row.id)


def renew_token(session: Session, peer_id: str) -> str:
    """Another token for a peer to send; earlier ones live on until they are revoked or over."""
    row = peer_row(session, peer_id)
    caller = caller_of(session, MemberId(row.member))
    _, secret = issue_token(
        session,
        caller,
        name="dataspace protocol",
        scopes=[Scope.READ, Scope.WRITE],
        expires_at=now() + timedelta(days=TOKEN_DAYS),
    )
    return secret


def set_peer_token(session: Session, here: Here, peer_id: str, token: str) -> Peer:
    """Keep the token that a peer gave this node."""
    row = peer_row(session, peer_id)
    if not token.strip() or not token.isprintable():
        raise Invalid("a token is needed", field="token", mend="ask the other node for one")
    row.secret = seal(here.key, token.strip())
    session.flush()
    return to_peer(row)


def remove_peer(session: Session, peer_id: str, by: Caller | None = None) -> None:
    """Deal with a peer no more: its account is closed, what was agreed stays on record."""
    row = peer_row(session, peer_id)
    row.active, row.secret = False, None
    deactivate(session, MemberId(row.member), by=by)
    record_act(session, by, "peer.removed", row.id, party=PartyId(row.party))


def peers(session: Session) -> list[Peer]:
    """Peers that are dealt with, in order of their addition."""
    rows = session.scalars(select(PeerRow).where(PeerRow.active.is_(True)).order_by(PeerRow.id))
    return [to_peer(row) for row in rows]


def peer(session: Session, name: str) -> Peer:
    """A peer by its id or participant; :class:`NotFound`."""
    return to_peer(peer_row(session, name))


def peer_of(session: Session, caller: Caller) -> Peer:
    """The peer that is asking; :class:`Refused` (rule ``dsp.peer``) when the caller is none."""
    row = None
    if caller.member is not None:
        row = session.scalar(
            select(PeerRow).where(PeerRow.member == caller.member, PeerRow.active.is_(True))
        )
    if row is None or not {Scope.READ, Scope.WRITE} <= caller.scopes:
        raise Refused(
            "only a peer of this node may do this",
            mend="ask the node's operator to add yours",
            rule="dsp.peer",
        )
    return to_peer(row)


def connector_of(control: ControlStore, member: MemberId) -> str:
    """The name of the peer whose account a member is; empty when it is none's."""
    with control.read() as session:
        mine = select(PeerRow.participant).where(PeerRow.member == member, PeerRow.active.is_(True))
        return session.scalar(mine) or ""


def connector_of_party(session: Session, party: PartyId) -> str:
    """The name of the peer that a party is here; empty when it is none."""
    mine = select(PeerRow.participant).where(PeerRow.party == party, PeerRow.active.is_(True))
    return session.scalar(mine) or ""


def peer_row(session: Session, name: str) -> PeerRow:
    """The row of a peer by id or participant; :class:`NotFound`."""
    row = None
    if name.isprintable():
        named = (PeerRow.id == name) | (PeerRow.participant == name)
        row = session.scalar(select(PeerRow).where(named))
    if row is None:
        raise NotFound(
            "there is no peer {name}", field="peer", mend="list them: quanyu peers list", name=name
        )
    return row


def token_of(here: Here, row: PeerRow) -> str | None:
    """The token that this node sends to a peer."""
    return None if row.secret is None else unseal(here.key, row.secret)


def token_for(session: Session, here: Here, peer_id: str) -> str | None:
    """The token that this node sends to a peer, for what it asks of it outside of processes."""
    return token_of(here, peer_row(session, peer_id))


def checked_address(address: str, field: str) -> str:
    """A root of URLs without a slash at its end; :class:`Invalid` for what is none."""
    try:
        parts = urlsplit(address)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        good = good and not (parts.query or parts.fragment or parts.username)
    except ValueError:
        good = False
    if not good or len(address) > 2000 or not address.isprintable():
        raise Invalid(
            "this is no address of http or https", field=field, mend="such as https://node/dsp"
        )
    return address.rstrip("/")


def check_callback(peer: Peer, address: str) -> str:
    """Where messages to a peer go: on the host that it was added with, so that its token is told
    to nobody else. Raises :class:`Invalid`."""
    found = checked_address(address, "callbackAddress")
    if urlsplit(found)[:2] != urlsplit(peer.address)[:2]:
        raise Invalid(
            "the address is not on the host that this peer was added with",
            field="callbackAddress",
            mend="use {address}, or have the peer's address changed",
            rule="dsp.callback",
            address=peer.address,
        )
    return found


def to_peer(row: PeerRow) -> Peer:
    """The peer that a row holds."""
    return Peer(
        id=row.id,
        participant=row.participant,
        party=PartyId(row.party),
        member=MemberId(row.member),
        address=row.address,
        reachable=row.active and row.secret is not None,
        created_at=row.created_at,
    )
