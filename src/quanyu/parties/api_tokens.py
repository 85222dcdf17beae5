"""API tokens: issued once, shown once, scoped, expiring, revocable."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.kernel import (
    AgreementId,
    Invalid,
    MemberId,
    NotFound,
    PartyId,
    Refused,
    TokenId,
    Unauthenticated,
    iso,
    new_id,
    now,
)
from quanyu.parties.accounts import commitment
from quanyu.parties.administrative_acts import record_act
from quanyu.parties.credentials import new_token_secret, secret_hash
from quanyu.parties.model import Caller, Role, Scope, Token
from quanyu.parties.rights import check_name
from quanyu.parties.tables import MemberRow, TokenRow

LONGEST_LIFE = timedelta(days=366)


def issue_token(
    session: Session,
    caller: Caller,
    *,
    name: str,
    scopes: Iterable[Scope],
    expires_at: datetime,
    agreement: AgreementId | None = None,
) -> tuple[Token, str]:
    """A token for the caller itself and its secret, which nobody can be shown again.

    Owes ``token.issued``. Raises :class:`Unauthenticated` for nobody, :class:`Refused` when a token
    asks for a token (rule ``tokens.by-person``: what leaks once must not renew itself), and
    :class:`Invalid` for a wrong name, scope or date.
    """
    if caller.member is None:
        raise Unauthenticated("sign in to issue a token")
    if caller.token is not None:
        raise Refused(
            "a token cannot issue tokens",
            mend="sign in with your password",
            rule="tokens.by-person",
        )
    asked = sorted(set(scopes))
    if not asked:
        raise Invalid("a token needs a scope", field="scopes", mend="choose read, write or admin")
    if not set(asked) <= caller.scopes:
        raise Refused(
            "a token cannot do more than you",
            field="scopes",
            mend="choose among your own scopes",
            rule="tokens.scopes",
        )
    moment = now()
    _check_expiry(expires_at, moment)
    secret = new_token_secret()
    owner = session.get_one(MemberRow, caller.member)
    row = TokenRow(
        id=new_id("token"),
        secret_hash=secret_hash(secret),
        party=owner.party,
        member=owner.id,
        name=check_name(name, "name"),
        scopes=asked,
        agreement=agreement,
        created_at=moment,
        expires_at=expires_at,
        revoked_at=None,
        last_used_at=None,
    )
    session.add(row)
    session.flush()
    said = {"scopes": asked, "expires": iso(expires_at), "agreement": agreement or ""}
    record_act(
        session,
        caller,
        "token.issued",
        row.id,
        party=PartyId(owner.party),
        details=said,
        leaf=(row.id, {"party": owner.party, "member": commitment(owner), **said}),
    )
    return to_token(row), secret


def revoke_token(session: Session, caller: Caller, token_id: TokenId) -> None:
    """Make a token worthless within a second on every worker; owes ``token.revoked``.

    Its owner may, a steward of its party, and a steward or operator of the node; a token needs the
    scope ``admin`` or revokes itself. To others it does not exist (:class:`NotFound`). Revoking
    twice changes nothing.
    """
    row = session.get(TokenRow, token_id) if token_id.isprintable() else None
    if row is None or not _may_revoke(caller, row):
        raise NotFound("there is no token {id}", id=token_id)
    if row.revoked_at is None:
        row.revoked_at = now()
        record_act(
            session,
            caller,
            "token.revoked",
            row.id,
            party=PartyId(row.party),
            leaf=(row.id, {"party": row.party}),
        )


def tokens(session: Session, caller: Caller) -> list[Token]:
    """The caller's own tokens, also past ones, newest first."""
    rows = session.scalars(
        select(TokenRow).where(TokenRow.member == caller.member).order_by(TokenRow.id.desc())
    )
    return [to_token(row) for row in rows]


def _check_expiry(expires_at: datetime, moment: datetime) -> None:
    if expires_at.tzinfo is None:
        raise Invalid(
            "a time without an offset names no instant", field="expires_at", mend="add Z or +08:00"
        )
    if not moment < expires_at <= moment + LONGEST_LIFE:
        raise Invalid(
            "a token lives at most {days} days from now",
            field="expires_at",
            mend="choose a date in the year to come",
            days=LONGEST_LIFE.days,
        )


def _may_revoke(caller: Caller, row: TokenRow) -> bool:
    if caller.token is not None and Scope.ADMIN not in caller.scopes:
        return caller.token == row.id
    return (
        caller.member == row.member
        or (caller.may(Role.STEWARD) and (caller.runs_node or caller.party == row.party))
        or (caller.may(Role.OPERATOR) and caller.runs_node)
    )


def to_token(row: TokenRow) -> Token:
    """The row without its secret's hash."""
    return Token(
        id=TokenId(row.id),
        party=PartyId(row.party),
        member=MemberId(row.member),
        name=row.name,
        scopes=frozenset(Scope(scope) for scope in row.scopes),
        created_at=row.created_at,
        expires_at=row.expires_at,
        agreement=None if row.agreement is None else AgreementId(row.agreement),
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
    )
