"""What a member sees and changes of its own account: name, e-mail, language, sessions."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from quanyu.kernel import LANGUAGES, Invalid, NotFound, Refused, now
from quanyu.parties.accounts import to_member
from quanyu.parties.credentials import secret_hash
from quanyu.parties.model import Caller, Member
from quanyu.parties.rights import check_email, check_name
from quanyu.parties.tables import IdentityRow, MemberRow, SessionRow

_SHOWN = 24


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session of a member. ``id`` is no secret; ``here`` marks the one that asks."""

    id: str
    created_at: datetime
    expires_at: datetime
    origin: str | None
    agent: str | None
    issuer: str | None
    here: bool


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom an OpenID provider knows as this member."""

    issuer: str
    subject: str
    created_at: datetime


def own_row(session: Session, caller: Caller) -> MemberRow:
    """The caller's own account; a person only, for a token shall not change who owns it."""
    if caller.member is None or caller.token is not None:
        raise Refused(
            "only a person who is signed in may do this",
            rule="account.by-person",
            mend="sign in on the page",
        )
    return session.get_one(MemberRow, caller.member)


def change_account(
    session: Session, caller: Caller, *, name: str, email: str, language: str
) -> Member:
    """Change one's own name, e-mail (may be empty) and language; raises :class:`Invalid`."""
    row = own_row(session, caller)
    if language not in {"", *LANGUAGES}:
        raise Invalid("this language is not spoken here", field="language", mend="choose zh or en")
    row.name = check_name(name, "name")
    row.email = check_email(email) if email.strip() else None
    row.language = language or None
    return to_member(row)


def sessions_of(session: Session, caller: Caller, secret: str | None) -> list[OpenSession]:
    """The caller's sessions that are open, newest first; ``secret`` is that of this one."""
    row = own_row(session, caller)
    here = secret_hash(secret) if secret else ""
    found = session.scalars(
        select(SessionRow)
        .where(SessionRow.member == row.id, SessionRow.expires_at > now())
        .order_by(SessionRow.created_at.desc())
    )
    return [
        OpenSession(
            id=one.secret_hash[:_SHOWN],
            created_at=one.created_at,
            expires_at=one.expires_at,
            origin=one.origin,
            agent=one.agent,
            issuer=one.issuer,
            here=one.secret_hash == here,
        )
        for one in found
    ]


def end_session(session: Session, caller: Caller, session_id: str) -> None:
    """End one of the caller's own sessions; raises :class:`NotFound`."""
    row = own_row(session, caller)
    ended = session.execute(
        delete(SessionRow)
        .where(
            SessionRow.member == row.id,
            func.substr(SessionRow.secret_hash, 1, _SHOWN) == session_id,
        )
        .returning(SessionRow.secret_hash)
    ).all()
    if len(session_id) != _SHOWN or not ended:
        raise NotFound("there is no session {id}", id=session_id)


def own_identities(session: Session, caller: Caller) -> list[Identity]:
    """The single sign-ons that are bound to the caller's account."""
    row = own_row(session, caller)
    found = session.scalars(select(IdentityRow).where(IdentityRow.member == row.id))
    return [Identity(one.issuer, one.subject, one.created_at) for one in found]


def issuer_of(session: Session, secret: str) -> str | None:
    """The OpenID provider by which a session was opened."""
    return session.scalar(
        select(SessionRow.issuer).where(SessionRow.secret_hash == secret_hash(secret))
    )
