"""One party before one resource: which agreement a request goes by, and whether it runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.agreements.model import AgreementState
from quanyu.agreements.rules import refused
from quanyu.agreements.tables import AgreementRow
from quanyu.agreements.vocabulary import MODIFY, is_id
from quanyu.catalogue import Access, Grade, Resource, State, resource
from quanyu.kernel import Invalid, NotFound, PartyId
from quanyu.parties import Caller, Role, Scope


@dataclass(frozen=True, slots=True)
class Signed:
    """An agreement as the gate needs it: not parsed before it is asked for."""

    id: str
    state: AgreementState
    expires_at: datetime | None
    policy: str
    digest: str
    salt: str


@dataclass(frozen=True, slots=True)
class Situation:
    """One party before one resource, as it stood when it was read."""

    resource: Resource
    signed: tuple[Signed, ...]


def read_situation(session: Session, party: PartyId | None, slug: str) -> Situation:
    """The resource and the party's agreements on it; :class:`NotFound` when there is none."""
    if not is_id(slug):
        raise NotFound("there is no resource {id}", id=slug[:80])
    found = resource(session, slug)
    if party is None:
        return Situation(found, ())
    rows = session.scalars(
        select(AgreementRow)
        .where(AgreementRow.consumer == party, AgreementRow.resource == found.id)
        .order_by(AgreementRow.id)
    )
    return Situation(found, tuple(map(_signed, rows)))


def read_situations(
    session: Session, party: PartyId | None, entries: Sequence[Resource]
) -> list[Situation]:
    """:func:`read_situation` of many entries that were read just now, in one question."""
    signed: dict[str, list[Signed]] = {}
    if party is not None:
        rows = session.scalars(
            select(AgreementRow).where(AgreementRow.consumer == party).order_by(AgreementRow.id)
        )
        for row in rows:
            signed.setdefault(row.resource, []).append(_signed(row))
    return [Situation(of, tuple(signed.get(of.id, ()))) for of in entries]


def _signed(row: AgreementRow) -> Signed:
    return Signed(
        id=row.id,
        state=AgreementState(row.state),
        expires_at=row.expires_at,
        policy=row.policy,
        digest=row.digest,
        salt=row.salt,
    )


def is_open(of: Resource) -> bool:
    """Whether everybody may use it by the implicit open agreement."""
    return of.access is Access.OPEN and of.grade is not Grade.CORE and of.state is State.PUBLISHED


def check_scope(caller: Caller, action: str) -> None:
    """Raise :class:`Refused` unless the caller may do that: read by its token, or edit by its token
    and as a supplier or steward of its party."""
    if action == MODIFY and not any(
        caller.may(role, Scope.WRITE) for role in (Role.SUPPLIER, Role.STEWARD)
    ):
        raise refused(
            "scope.write",
            "only a supplier or steward may edit, and only with a token that may write",
            "ask your steward for the role “supplier”; a token needs the scope “write”",
        )
    if Scope.READ not in caller.scopes:
        raise refused("scope.read", "this token may not read", "use a token with the scope “read”")


def check_gives(of: Resource, *, own: bool) -> None:
    """Raise :class:`Refused` when the resource gives nothing to anybody but its holder."""
    if own:
        return
    if of.state is not State.PUBLISHED:
        raise refused("resource.withdrawn", "the resource is not published", "ask its provider")
    if of.access is Access.CLOSED:
        raise refused("resource.closed", "the resource is not shared", "ask its provider")
    if of.grade is Grade.CORE:
        raise refused("resource.core", "core data never leave the node", "ask its provider")


def only_running(signed: tuple[Signed, ...], moment: datetime) -> Signed:
    """The one agreement that runs; else the latest that ran, so that the refusal says why."""
    running = [s for s in signed if s.state is AgreementState.ACTIVE and not is_over(s, moment)]
    if len(running) > 1:
        raise Invalid(
            "several agreements could be meant: {names}",
            field="agreement",
            mend="name one of them",
            names=", ".join(s.id for s in running),
        )
    once = [s for s in signed if s.state in (AgreementState.ACTIVE, AgreementState.SUSPENDED)]
    for found in (*running, *reversed(once)):
        return found
    raise refused(
        "agreement.none",
        "there is no agreement on this resource with your party",
        "request one on the resource's page; sign in first",
    )


def named_one(signed: tuple[Signed, ...], name: str, caller: Caller) -> Signed:
    """The agreement with that name, if it is one of the party's on this resource."""
    for one in signed:
        if one.id == name:
            return one
    if caller.agreement is not None:
        raise refused(
            "token.bound", "this token works for another resource only", "use another token"
        )
    raise refused(
        "agreement.party",
        "the agreement named is not one of your party on this resource",
        "see your agreements",
    )


def check_running(signed: Signed, moment: datetime) -> None:
    """Raise :class:`Refused` saying why the agreement is not in force."""
    if signed.state is AgreementState.SUSPENDED and not is_over(signed, moment):
        raise refused(
            "agreement.suspended",
            "the agreement is suspended",
            "see its page for the reason",
        )
    if signed.state not in (AgreementState.ACTIVE, AgreementState.SUSPENDED):
        raise refused(
            "agreement.state",
            "the agreement is {state}",
            "request a new one",
            state=signed.state.value,
        )
    if is_over(signed, moment):
        raise refused("agreement.expired", "the agreement has expired", "request a new one")


def is_over(signed: Signed, moment: datetime) -> bool:
    """Whether the agreement has expired."""
    return signed.expires_at is not None and moment >= signed.expires_at
