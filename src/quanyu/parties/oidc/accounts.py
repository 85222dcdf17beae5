"""Whose account a proved subject is: bound, invited, known to a rule, or nobody's."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from quanyu.kernel import (
    Conflict,
    ControlStore,
    Invalid,
    MemberId,
    NotFound,
    PartyId,
    Refused,
    Settings,
    now,
    sha256_hex,
)
from quanyu.parties.accounts import add_member, commitment, normal_login, set_roles, to_member
from quanyu.parties.administrative_acts import network_of, record_act
from quanyu.parties.inviting import check_invited_party, open_row_by_id, take_up
from quanyu.parties.model import Caller, Member, Role
from quanyu.parties.oidc.flow import Proved
from quanyu.parties.own_account import own_row
from quanyu.parties.passwords import NO_PASSWORD
from quanyu.parties.rights import check_email
from quanyu.parties.sessions import open_session
from quanyu.parties.tables import IdentityRow, InvitationRow, MemberRow

_LONGEST = 200


class Rule(BaseModel):
    """Who has ``value`` in ``claim`` (or as one of it) has ``roles`` in ``party``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    claim: str
    value: str
    party: str
    roles: tuple[Role, ...]

    def meets(self, claims: Mapping[str, Any]) -> bool:
        """Whether the claims meet the rule; ``a.b`` looks into objects."""
        found: Any = claims
        for part in self.claim.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        return self.value in found if isinstance(found, list) else found == self.value


class UnknownSubject(Refused):
    """The provider knows the person, this node does not."""


def rules_of(settings: Settings) -> tuple[Rule, ...]:
    """The rules of the settings; raises :class:`Invalid` that says which one is wrong."""
    rules = []
    for number, said in enumerate(settings.oidc_rules, 1):
        try:
            rules.append(Rule.model_validate(said))
        except ValidationError as error:
            raise Invalid(
                "rule {number} of oidc_rules is wrong",
                field="oidc_rules",
                mend="give claim, value, party and roles",
                number=number,
            ) from error
    return tuple(rules)


def sign_in_oidc(
    store: ControlStore,
    proved: Proved,
    *,
    address: str,
    agent: str,
    hours: float,
    rules: Sequence[Rule] = (),
) -> tuple[Member, str]:
    """Open a session for whom the provider has proved; the member and the session's secret.

    The account is the one bound to issuer and subject; else that of the invitation with which the
    sign-in was begun; else, with ``rules`` (auto-provision), one made by the first party whose
    rules the claims meet, with the roles that they give and keep giving. Raises
    :class:`UnknownSubject` (rule ``oidc.unknown``) when there is none.
    """
    with store.begin() as session:
        bound = session.get(IdentityRow, (proved.issuer, proved.subject))
        if proved.invitation is not None:
            row = _invited(session, proved, bound, address)
        elif bound is not None:
            row = session.get_one(MemberRow, bound.member)
            if bound.provisioned:
                _follow(session, row, _met(rules, proved.claims))
        else:
            row = _provisioned(session, proved, _met(rules, proved.claims))
        if not row.active:
            raise UnknownSubject(
                "this account is closed",
                rule="oidc.closed",
                mend="ask a steward of your party",
            )
        secret = open_session(
            session, row, address=address, agent=agent, hours=hours, issuer=proved.issuer
        )
        return to_member(row), secret


def bind_oidc(session: Session, caller: Caller, proved: Proved) -> None:
    """Bind a proved subject to the account of whoever began the sign-in; owes ``identity.bound``.

    Raises :class:`Refused` (rule ``oidc.state``) when somebody else is signed in by now and
    :class:`Conflict` when it is bound to another account.
    """
    row = own_row(session, caller)
    if proved.member != row.id:
        raise Refused(
            "this sign-in was not begun in this browser, or too long ago",
            rule="oidc.state",
            mend="begin the sign-in again",
        )
    bound = session.get(IdentityRow, (proved.issuer, proved.subject))
    if bound is not None and bound.member != row.id:
        raise Conflict(
            "this single sign-on is bound to another account",
            mend="sign in there and unbind it first",
        )
    if bound is None:
        _bind(session, row, proved, caller, provisioned=False)


def unbind_oidc(session: Session, caller: Caller, issuer: str) -> None:
    """Undo the caller's bindings to a provider; owes ``identity.unbound``.

    Raises :class:`NotFound` when there is none, :class:`Conflict` when the account has no password
    and could not be entered any more.
    """
    row = own_row(session, caller)
    bound = session.scalars(
        select(IdentityRow).where(IdentityRow.member == row.id, IdentityRow.issuer == issuer)
    ).all()
    if not bound:
        raise NotFound("no single sign-on is bound to this account")
    if row.password_hash == NO_PASSWORD:
        raise Conflict(
            "this account has no password and could not be entered any more",
            mend="ask a steward for a link to set a password first",
        )
    for one in bound:
        session.delete(one)
    _act(session, "identity.unbound", row, caller)


def _invited(
    session: Session, proved: Proved, bound: IdentityRow | None, address: str
) -> MemberRow:
    invitation = open_row_by_id(session, proved.invitation or "")
    origin = network_of(address)
    if bound is not None:
        row = session.get_one(MemberRow, bound.member)
        check_invited_party(invitation, row)
        if invitation.member not in {None, row.id}:
            raise Conflict(
                "this single sign-on is bound to another account",
                mend="sign in there and unbind it first",
            )
    elif invitation.member is not None:
        row = session.get_one(MemberRow, invitation.member)
        who = Caller(party=PartyId(row.party), member=MemberId(row.id), origin=origin)
        _bind(session, row, proved, who, provisioned=False)
    else:
        row = _opened(
            session, proved, PartyId(invitation.party), _roles(invitation), invitation.email
        )
        who = Caller(party=PartyId(row.party), member=MemberId(row.id), origin=origin)
        _bind(session, row, proved, who, provisioned=False)
    take_up(session, invitation, MemberId(row.id), address)
    return row


def _provisioned(
    session: Session, proved: Proved, met: tuple[str, frozenset[Role]] | None
) -> MemberRow:
    if met is None:
        raise UnknownSubject(
            "this node does not know you yet",
            rule="oidc.unknown",
            mend="ask a steward of your party for an invitation",
        )
    said = proved.claims
    email = said.get("email") if said.get("email_verified") is True else None
    row = _opened(session, proved, PartyId(met[0]), met[1], str(email) if email else None)
    _bind(session, row, proved, None, provisioned=True)
    return row


def _follow(session: Session, row: MemberRow, met: tuple[str, frozenset[Role]] | None) -> None:
    """Whom rules brought has what the rules give now; who meets none comes in no more."""
    if met is None or met[0] != row.party:
        raise UnknownSubject(
            "this node does not know you any more",
            rule="oidc.unknown",
            mend="ask a steward of your party for an invitation",
        )
    if set(row.roles) != set(met[1]):
        set_roles(session, MemberId(row.id), met[1])


def _met(rules: Sequence[Rule], claims: Mapping[str, Any]) -> tuple[str, frozenset[Role]] | None:
    met = [rule for rule in rules if rule.meets(claims)]
    if not met:
        return None
    party = met[0].party
    return party, frozenset(role for rule in met if rule.party == party for role in rule.roles)


def _opened(
    session: Session,
    proved: Proved,
    party: PartyId,
    roles: frozenset[Role],
    email: str | None,
) -> MemberRow:
    said = proved.claims
    name = next((said[k] for k in ("name", "preferred_username") if said.get(k)), email) or "—"
    made = add_member(
        session,
        party,
        login=_free_login(session, proved, email),
        name=_plain(str(name)),
        password=None,
        roles=roles,
        email=_good(email),
    )
    return session.get_one(MemberRow, made.id)


def _free_login(session: Session, proved: Proved, email: str | None) -> str:
    for wish in (email, proved.claims.get("preferred_username")):
        login = normal_login(str(wish)) if wish else None
        if login and not session.scalar(select(exists().where(MemberRow.login == login))):
            return login
    return "oidc-" + sha256_hex(f"{proved.issuer}\n{proved.subject}".encode())[:16]


def _good(email: str | None) -> str | None:
    try:
        return check_email(email) if email else None
    except Invalid:
        return None  # the account does without


def _plain(text: str) -> str:
    kept = "".join(c for c in text if unicodedata.category(c)[0] != "C")
    return " ".join(kept.split())[:_LONGEST] or "—"


def _roles(invitation: InvitationRow) -> frozenset[Role]:
    return frozenset(Role(role) for role in invitation.roles)


def _bind(
    session: Session, row: MemberRow, proved: Proved, by: Caller | None, *, provisioned: bool
) -> None:
    session.add(
        IdentityRow(
            issuer=proved.issuer,
            subject=proved.subject,
            member=row.id,
            provisioned=provisioned,
            created_at=now(),
        )
    )
    session.flush()
    _act(session, "identity.bound", row, by)


def _act(session: Session, kind: str, row: MemberRow, by: Caller | None) -> None:
    record_act(
        session,
        by,
        kind,
        row.id,
        party=PartyId(row.party),
        leaf=(commitment(row), {"party": row.party}),
    )
