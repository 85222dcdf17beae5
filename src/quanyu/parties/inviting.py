"""Invitations: a link that works once, for a new account or a new way into one that there is.

Only the SHA-256 of the link's secret is kept. The link is shown once to whoever made it and, when
the node can send mail, mailed to the person invited.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from quanyu.kernel import (
    Conflict,
    ControlStore,
    Invalid,
    MemberId,
    NotFound,
    PartyId,
    Refused,
    iso,
    new_id,
    now,
)
from quanyu.parties.accounts import add_member, set_password_hash, to_member
from quanyu.parties.administrative_acts import network_of, record_act
from quanyu.parties.attempts import BY_LINK, address_key, forgive, reserve
from quanyu.parties.credentials import secret_hash
from quanyu.parties.model import Caller, Member, Role
from quanyu.parties.passwords import HASHER, hash_password
from quanyu.parties.rights import check_administers, check_email, check_reaches
from quanyu.parties.tables import InvitationRow, MemberRow, PartyRow

DAYS = 7
LONGEST_DAYS = 30


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation without its secret. With ``member`` it is for an account that there is."""

    id: str
    party: PartyId
    email: str
    roles: frozenset[Role]
    member: MemberId | None
    created_at: datetime
    expires_at: datetime
    accepted_at: datetime | None
    revoked_at: datetime | None

    def open(self, moment: datetime) -> bool:
        """Whether it can still be accepted."""
        return self.accepted_at is None and self.revoked_at is None and moment < self.expires_at


def invite(
    session: Session,
    caller: Caller | None,
    party: PartyId,
    *,
    email: str,
    roles: Iterable[Role] = (),
    member: MemberId | None = None,
    days: int = DAYS,
) -> tuple[Invitation, str]:
    """Invite somebody into a party, or a member back in; the invitation and its secret.

    Owes ``invitation.made``. An earlier open invitation of the same address is revoked. Raises
    :class:`Refused` unless the caller administers the party, :class:`Invalid` for a wrong address,
    role or time, :class:`NotFound` for a party or member that there is not.
    """
    check_administers(caller, party)
    given = sorted({role.value for role in map(Role, roles)})
    reached = _invited_again(session, party, member) if member else None
    check_reaches(
        caller,
        member,
        frozenset(reached.roles) if reached else frozenset(),
        () if reached else given,
    )
    if session.get(PartyRow, party) is None:
        raise NotFound("there is no party {id}", id=party)
    if not given and reached is None:
        raise Invalid("choose a role", field="roles", mend="a member has at least one role")
    if not 1 <= days <= LONGEST_DAYS:
        raise Invalid(
            "an invitation lasts 1 to {days} days",
            field="days",
            mend="choose fewer days",
            days=LONGEST_DAYS,
        )
    address = check_email(email)
    moment = now()
    session.execute(
        update(InvitationRow)
        .where(
            InvitationRow.party == party,
            InvitationRow.email == address,
            InvitationRow.accepted_at.is_(None),
            InvitationRow.revoked_at.is_(None),
        )
        .values(revoked_at=moment)
    )
    secret = secrets.token_urlsafe(32)
    row = InvitationRow(
        id=new_id("invitation"),
        party=party,
        email=address,
        roles=given,
        member=member,
        secret_hash=secret_hash(secret),
        created_by=caller.member if caller else None,
        created_at=moment,
        expires_at=moment + timedelta(days=days),
    )
    session.add(row)
    record_act(
        session,
        caller,
        "invitation.made",
        row.id,
        party=party,
        details={"roles": given, "member": member or "", "until": iso(row.expires_at)},
    )
    session.flush()
    return _invitation(row), secret


def revoke_invitation(session: Session, caller: Caller | None, invitation_id: str) -> None:
    """Make an invitation worthless; what was accepted stays so. Raises :class:`NotFound`."""
    row = session.get(InvitationRow, invitation_id) if invitation_id.isprintable() else None
    if row is None:
        raise NotFound("there is no invitation {id}", id=invitation_id)
    check_administers(caller, PartyId(row.party))
    if row.accepted_at is None and row.revoked_at is None:
        row.revoked_at = now()
        record_act(session, caller, "invitation.revoked", row.id, party=PartyId(row.party))


def invitations(session: Session, caller: Caller | None, party: PartyId) -> list[Invitation]:
    """The invitations of a party, newest first; raises :class:`Refused`."""
    check_administers(caller, party)
    rows = session.scalars(
        select(InvitationRow).where(InvitationRow.party == party).order_by(InvitationRow.id.desc())
    )
    return [_invitation(row) for row in rows]


def open_invitation(store: ControlStore, secret: str, address: str) -> Invitation:
    """The invitation that a link stands for.

    Raises :class:`NotFound` when it is unknown, used, revoked or past, never saying which, and
    :class:`TooMany` when this network address has tried too many.
    """
    key = address_key(address, "link")
    with store.begin() as session:
        reserve(session, key, BY_LINK)
        row = _open_row(session, secret)
        forgive(session, key) if row else None
    if row is None:
        raise _gone()
    return _invitation(row)


def accept_invitation(
    store: ControlStore,
    secret: str,
    *,
    login: str,
    name: str,
    password: str,
    address: str,
    hasher: PasswordHasher = HASHER,
) -> Member:
    """Take up an invitation with a password: a new account, or a new password of one there is.

    ``login`` and ``name`` are not looked at in the second case. Raises as :func:`open_invitation`
    and :func:`~quanyu.parties.accounts.add_member` do; of two who accept at once one does.
    """
    open_invitation(store, secret, address)
    fresh = hash_password(password, hasher)  # no transaction is open meanwhile
    with store.begin() as session:
        row = _open_row(session, secret)
        if row is None:
            raise _gone()
        if row.member is None:
            made = add_member(
                session,
                PartyId(row.party),
                login=login,
                name=name,
                password=None,
                roles=[Role(role) for role in row.roles],
                email=row.email,
            )
            session.get_one(MemberRow, made.id).password_hash = fresh
        else:
            account = _invited_again(session, PartyId(row.party), MemberId(row.member))
            caller = Caller(party=PartyId(row.party), member=MemberId(row.member))
            set_password_hash(session, account, fresh, caller)
            made = to_member(account)
        take_up(session, row, made.id, address)
        return made


def take_up(session: Session, row: InvitationRow, member: MemberId, address: str) -> None:
    """Mark an invitation as accepted by ``member``; the change and its act are of one piece."""
    taken = session.execute(
        update(InvitationRow)
        .where(
            InvitationRow.id == row.id,
            InvitationRow.accepted_at.is_(None),
            InvitationRow.revoked_at.is_(None),
        )
        .values(accepted_at=now(), accepted_by=member)
        .returning(InvitationRow.id)
    )
    if taken.first() is None:
        raise _gone()
    who = Caller(party=PartyId(row.party), member=member, origin=network_of(address))
    record_act(session, who, "invitation.accepted", row.id, party=PartyId(row.party))


def _open_row(session: Session, secret: str) -> InvitationRow | None:
    row = session.scalar(
        select(InvitationRow).where(InvitationRow.secret_hash == secret_hash(secret))
    )
    return row if row is not None and _invitation(row).open(now()) else None


def _invited_again(session: Session, party: PartyId, member: MemberId) -> MemberRow:
    row = session.get(MemberRow, member) if member.isprintable() else None
    if row is None or row.party != party:
        raise NotFound("there is no member {id}", id=member)
    if not row.active:
        raise Conflict("this account is closed", mend="open it again first")
    return row


def _gone() -> NotFound:
    return NotFound(
        "this invitation is used, revoked, past or was never made",
        mend="ask whoever invited you for another",
    )


def open_row_by_id(session: Session, invitation_id: str) -> InvitationRow:
    """The row of an invitation that is still open; raises :class:`NotFound`."""
    row = session.get(InvitationRow, invitation_id)
    if row is None or not _invitation(row).open(now()):
        raise _gone()
    return row


def check_invited_party(row: InvitationRow, member: MemberRow) -> None:
    """Raise :class:`Refused` when an account of another party takes up an invitation."""
    if member.party != row.party:
        raise Refused(
            "this single sign-on belongs to an account of another party",
            rule="oidc.other-party",
            mend="accept the invitation with a password, or unbind the other account first",
        )


def _invitation(row: InvitationRow) -> Invitation:
    return Invitation(
        id=row.id,
        party=PartyId(row.party),
        email=row.email,
        roles=frozenset(Role(role) for role in row.roles),
        member=MemberId(row.member) if row.member else None,
        created_at=row.created_at,
        expires_at=row.expires_at,
        accepted_at=row.accepted_at,
        revoked_at=row.revoked_at,
    )
