"""Sign-in with a password, sessions, and the change of one's own password."""

from datetime import timedelta

from argon2 import PasswordHasher
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from quanyu.kernel import ControlStore, MemberId, NotFound, PartyId, Unauthenticated, now
from quanyu.parties.accounts import (
    caller_of,
    commitment,
    normal_login,
    set_password_hash,
    to_member,
)
from quanyu.parties.administrative_acts import network_of, record_act
from quanyu.parties.attempts import (
    PER_ADDRESS,
    PER_LOGIN,
    address_key,
    forget,
    forgive,
    login_key,
    reserve,
)
from quanyu.parties.credentials import new_session_secret, secret_hash
from quanyu.parties.model import Caller, Member
from quanyu.parties.notices import notify
from quanyu.parties.passwords import HASHER, hash_password, outdated, verify_password
from quanyu.parties.tables import MemberRow, SessionRow

SESSION_HOURS = 12


def sign_in(
    store: ControlStore,
    login: str,
    password: str,
    address: str,
    *,
    agent: str = "",
    hours: float = SESSION_HOURS,
    hasher: PasswordHasher = HASHER,
) -> tuple[Member, str]:
    """Open a session of ``hours``; returns the member and the session's secret, for a cookie.

    Raises :class:`Unauthenticated` when login or password is wrong (never saying which, and taking
    as long for an unknown login), :class:`TooMany` when this login or this network address has
    failed too often. It takes the store, not a session: a failure stays counted though the call
    raises, and no transaction is open while the password is hashed.
    """
    member_id, stored = _prove(store, login, password, address, hasher)
    fresh = hash_password(password, hasher) if outdated(stored, hasher) else None
    with store.begin() as session:
        row = session.get(MemberRow, member_id, with_for_update=True)
        if row is None or not row.active or row.password_hash != stored:
            raise _wrong()
        if fresh:
            row.password_hash = fresh
        secret = open_session(session, row, address=address, agent=agent, hours=hours)
        return to_member(row), secret


def open_session(
    session: Session,
    row: MemberRow,
    *,
    address: str,
    agent: str,
    hours: float,
    issuer: str | None = None,
) -> str:
    """A new session of a member who has proved who it is; its secret, for a cookie.

    Always a fresh secret, so that nobody can plant one beforehand.
    """
    moment = now()
    secret = new_session_secret()
    session.execute(delete(SessionRow).where(SessionRow.expires_at <= moment))
    session.add(
        SessionRow(
            secret_hash=secret_hash(secret),
            member=row.id,
            created_at=moment,
            expires_at=moment + timedelta(hours=hours),
            origin=network_of(address) or None,
            agent="".join(c for c in agent[:80] if c.isprintable()) or None,
            issuer=issuer,
        )
    )
    return secret


def sign_out(session: Session, secret: str) -> None:
    """End a session; an unknown secret is no error."""
    session.execute(delete(SessionRow).where(SessionRow.secret_hash == secret_hash(secret)))


def change_password(
    store: ControlStore,
    member_id: MemberId,
    *,
    current: str,
    new: str,
    address: str,
    hasher: PasswordHasher = HASHER,
) -> None:
    """Change one's own password; every session of the member ends.

    Raises as :func:`sign_in` does when ``current`` is wrong, :class:`Invalid` when ``new`` is too
    short or long.
    """
    fresh = hash_password(new, hasher)
    with store.read() as session:
        login = session.scalar(select(MemberRow.login).where(MemberRow.id == member_id))
    if login is None:
        raise NotFound("there is no member {id}", id=member_id)
    _prove(store, login, current, address, hasher)
    with store.begin() as session:
        row = session.get_one(MemberRow, member_id, with_for_update=True)
        set_password_hash(session, row, fresh, caller_of(session, member_id))


def _prove(
    store: ControlStore, login: str, password: str, address: str, hasher: PasswordHasher
) -> tuple[MemberId, str]:
    known = normal_login(login)
    keys = login_key(known or login), address_key(address)
    with store.begin() as session:
        reserve(session, keys[1], PER_ADDRESS)
        failures = reserve(session, keys[0], PER_LOGIN)
        row = session.scalar(
            select(MemberRow).where(MemberRow.login == known, MemberRow.active.is_(True))
        )
        stored = None if row is None else row.password_hash
    if not verify_password(stored, password, hasher) or row is None or stored is None:
        if failures == PER_LOGIN.failures:
            with store.begin() as session:
                _locked(session, row, address)
        raise _wrong()
    with store.begin() as session:
        forget(session, keys[0])
        forgive(session, keys[1])
    return MemberId(row.id), stored


def _locked(session: Session, row: MemberRow | None, address: str) -> None:
    """The login is locked from now on: an act, and its owner is told."""
    stranger = Caller(origin=network_of(address))
    if row is None:
        record_act(session, stranger, "member.locked", "unknown", party=None)
        return
    party = PartyId(row.party)
    record_act(
        session,
        stranger,
        "member.locked",
        row.id,
        party=party,
        leaf=(commitment(row), {"party": row.party}),
    )
    notify(
        session,
        to=party,
        topic="security",
        message="your login was locked for some minutes after {count} wrong passwords",
        params={"count": PER_LOGIN.failures},
        link="/account",
        members=[MemberId(row.id)],
    )


def _wrong() -> Unauthenticated:
    return Unauthenticated(
        "login or password is wrong",
        field="password",
        mend="check both; after several failures this login is locked for some minutes",
    )
