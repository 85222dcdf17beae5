"""Members: people's accounts within a party, their roles and passwords."""

import re
import unicodedata
from collections.abc import Iterable

from argon2 import PasswordHasher
from sqlalchemy import delete, exists, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from quanyu.kernel import (
    Conflict,
    Invalid,
    MemberId,
    NotFound,
    PartyId,
    blind,
    new_id,
    new_salt,
    now,
)
from quanyu.parties.administrative_acts import record_act
from quanyu.parties.delegation import Lent, lent_to
from quanyu.parties.model import Caller, Member, PartyKind, Role, Scope
from quanyu.parties.passwords import HASHER, NO_PASSWORD, hash_password
from quanyu.parties.rights import check_administers, check_email, check_name, check_reaches
from quanyu.parties.tables import MemberRow, PartyRow, SessionRow, TokenRow

_LOGIN = re.compile(r"[\w.@+-]{2,128}")


def add_member(
    session: Session,
    party: PartyId,
    *,
    login: str,
    name: str,
    password: str | None,
    roles: Iterable[Role],
    email: str | None = None,
    by: Caller | None = None,
    hasher: PasswordHasher = HASHER,
) -> Member:
    """Open an account in a party and owe ``member.added``.

    Without a ``password`` its member comes in by single sign-on only. Raises :class:`NotFound` for
    an unknown party, :class:`Invalid` for a wrong login, name or password, :class:`Conflict` when
    the login is taken, :class:`Refused` when ``by`` does not administer the party.
    """
    given = sorted({role.value for role in map(Role, roles)})
    check_administers(by, party)
    check_reaches(by, None, frozenset(), given)
    if session.get(PartyRow, party) is None:
        raise NotFound("there is no party {id}", id=party)
    known = normal_login(login)
    if known is None:
        raise Invalid(
            "a login has 2 to 128 letters, digits or . _ @ + -",
            field="login",
            mend="use an e-mail address or a short name without blanks",
        )
    if session.scalar(select(exists().where(MemberRow.login == known))):
        raise _taken()
    row = MemberRow(
        id=new_id("member"),
        party=party,
        login=known,
        name=check_name(name, "name"),
        password_hash=hash_password(password, hasher) if password else NO_PASSWORD,
        roles=given,
        active=True,
        created_at=now(),
        salt=new_salt(),
        email=check_email(email) if email else None,
    )
    session.add(row)
    try:
        session.flush()
    except IntegrityError as error:  # taken between the look and the write
        raise _taken() from error
    _act(session, "member.added", row, by, {"roles": given}, roles=given)
    return to_member(row)


def member(session: Session, member_id: MemberId) -> Member:
    """The member; raises :class:`NotFound`."""
    return to_member(_row(session, member_id))


def find_member(session: Session, login: str) -> Member | None:
    """The member with that login, active or not."""
    known = normal_login(login)
    row = session.scalar(select(MemberRow).where(MemberRow.login == known)) if known else None
    return None if row is None else to_member(row)


def members(session: Session, party: PartyId) -> list[Member]:
    """The members of a party, also those no longer active, in order of coming."""
    rows = session.scalars(select(MemberRow).where(MemberRow.party == party).order_by(MemberRow.id))
    return [to_member(row) for row in rows]


def set_roles(
    session: Session, member_id: MemberId, roles: Iterable[Role], *, by: Caller | None = None
) -> Member:
    """Give a member exactly these roles and owe ``member.roles``.

    Raises :class:`Conflict` (rule ``people.last-steward``) when a party would lose its last
    steward by that steward's own hand.
    """
    row = _administered(session, member_id, by)
    given = sorted({role.value for role in map(Role, roles)})
    check_reaches(by, row.id, frozenset(row.roles), given)
    if Role.STEWARD not in given:
        check_not_last_steward(session, row, by)
    before = row.roles
    row.roles = given
    _act(session, "member.roles", row, by, {"before": before, "after": given}, roles=given)
    return to_member(row)


def deactivate(session: Session, member_id: MemberId, *, by: Caller | None = None) -> Member:
    """Close an account: its sessions end, its tokens are revoked; owes ``member.deactivated``.

    Raises :class:`Conflict` as :func:`set_roles` does.
    """
    row = _administered(session, member_id, by)
    check_reaches(by, row.id, frozenset(row.roles), ())
    check_not_last_steward(session, row, by)
    close(session, row)
    _act(session, "member.deactivated", row, by)
    return to_member(row)


def reactivate(session: Session, member_id: MemberId, *, by: Caller | None = None) -> Member:
    """Open a closed account again; owes ``member.reactivated``. An erased one stays closed."""
    row = _administered(session, member_id, by)
    check_reaches(by, row.id, frozenset(row.roles), ())
    if row.erased_at is not None:
        raise Conflict("this account is erased", mend="invite the person anew")
    row.active = True
    _act(session, "member.reactivated", row, by)
    return to_member(row)


def close(session: Session, row: MemberRow) -> None:
    """Nobody can use the account any more: its sessions end and its tokens are revoked."""
    row.active = False
    end_sessions(session, MemberId(row.id))
    session.execute(
        update(TokenRow)
        .where(TokenRow.member == row.id, TokenRow.revoked_at.is_(None))
        .values(revoked_at=now())
    )


def check_not_last_steward(session: Session, row: MemberRow, by: Caller | None) -> None:
    """Raise :class:`Conflict` when the party would be left without a steward.

    The node's own people may close any account of another party, for they administer it then.
    """
    outside = by is None or (by.party != row.party and by.runs_node)
    if outside or Role.STEWARD not in row.roles or not row.active:
        return
    others = session.scalars(
        select(MemberRow).where(
            MemberRow.party == row.party, MemberRow.active.is_(True), MemberRow.id != row.id
        )
    )
    if not any(Role.STEWARD in other.roles for other in others):
        raise Conflict(
            "a party keeps a steward",
            rule="people.last-steward",
            mend="make another member steward first",
        )


def reset_password(
    session: Session,
    member_id: MemberId,
    *,
    password: str,
    by: Caller | None = None,
    hasher: PasswordHasher = HASHER,
) -> Member:
    """Set a member's password as an administrator; its sessions end; owes ``member.password``."""
    row = _administered(session, member_id, by)
    check_reaches(by, row.id, frozenset(row.roles), ())
    set_password_hash(session, row, hash_password(password, hasher), by)
    return to_member(row)


def set_password_hash(
    session: Session, row: MemberRow, password_hash: str, by: Caller | None
) -> None:
    """Replace the stored hash: whoever was signed in with the old password is signed out."""
    row.password_hash = password_hash
    end_sessions(session, MemberId(row.id))
    _act(session, "member.password", row, by)


def end_sessions(session: Session, member_id: MemberId) -> None:
    """Sign the member out everywhere."""
    session.execute(delete(SessionRow).where(SessionRow.member == member_id))


def caller_of(session: Session, member_id: MemberId) -> Caller:
    """The member as if signed in, with every scope; raises :class:`NotFound` when not active."""
    row = _row(session, member_id)
    if not row.active:
        raise NotFound("there is no member {id}", id=member_id)
    kind = session.get_one(PartyRow, row.party).kind
    return to_caller(row, kind, lent_to(session, row.id, _roles(row), now()))


def to_caller(row: MemberRow, kind: str, lent: Lent = frozenset()) -> Caller:
    """The member of a party of that kind, with every scope that there is and what was lent."""
    return Caller(
        party=PartyId(row.party),
        member=MemberId(row.id),
        kind=PartyKind(kind),
        name=row.name,
        roles=_roles(row) | {role for role, _ in lent},
        scopes=frozenset(Scope),
        lent=lent,
    )


def _roles(row: MemberRow) -> frozenset[Role]:
    return frozenset(Role(role) for role in row.roles)


def normal_login(text: str) -> str | None:
    """The one form in which a login is stored and sought; ``None`` for what can be none."""
    login = unicodedata.normalize("NFKC", text[:1024]).strip().casefold()
    return login if _LOGIN.fullmatch(login) else None


def to_member(row: MemberRow) -> Member:
    """The row without its secrets."""
    return Member(
        id=MemberId(row.id),
        party=PartyId(row.party),
        login=row.login,
        name=row.name,
        roles=_roles(row),
        active=row.active,
        email=row.email,
        language="zh" if row.language == "zh" else "en" if row.language == "en" else None,
        erase_at=row.erase_at,
    )


def commitment(row: MemberRow) -> str:
    """What stands for the member in the log."""
    return blind(row.id, row.salt)


def _taken() -> Conflict:
    return Conflict("this login is taken", field="login", mend="choose another login")


def _row(session: Session, member_id: MemberId) -> MemberRow:
    row = session.get(MemberRow, member_id) if member_id.isprintable() else None
    if row is None:
        raise NotFound("there is no member {id}", id=member_id)
    return row


def _administered(session: Session, member_id: MemberId, by: Caller | None) -> MemberRow:
    row = _row(session, member_id)
    check_administers(by, PartyId(row.party))
    return row


def _act(
    session: Session,
    kind: str,
    row: MemberRow,
    by: Caller | None,
    details: dict[str, object] | None = None,
    **body: object,
) -> None:
    record_act(
        session,
        by,
        kind,
        row.id,
        party=PartyId(row.party),
        details=details,
        leaf=(commitment(row), {"party": row.party, **body}),
    )
