"""One party before one resource: which agreement a request goes by, and whether it runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.agreements.model import AgreementState
from quanyu.agreements.offering import operators
from quanyu.agreements.rules import refused
from quanyu.agreements.tables import AgreementRow
from quanyu.agreements.vocabulary import MODIFY, is_id
from quanyu.catalogue import (
    Access,
    Grade,
    Level,
    Resource,
    State,
    confirmed_levels,
    level_allows,
    resource,
)
from quanyu.kernel import Invalid, NotFound, PartyId
from quanyu.parties import Caller, Role, Scope


@dataclass(frozen=True, slots=True)
class Signed:
    """An agreement as the gate needs it: not parsed before it is asked for. ``uncovered`` where its
    prepaid balance is used up: the purposes for which it may be used all the same."""

    id: str
    state: AgreementState
    expires_at: datetime | None
    policy: str
    digest: str
    salt: str
    provider: PartyId
    uncovered: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """One party before one resource, as it stood when it was read.

    ``level`` is the one that a reviewer confirmed, ``None`` while nobody has. ``operators`` may
    give it beside its provider; they are only looked up where an agreement with one is there.
    """

    resource: Resource
    signed: tuple[Signed, ...]
    level: Level | None
    operators: frozenset[PartyId] = frozenset()


def read_situation(session: Session, party: PartyId | None, slug: str) -> Situation:
    """The resource and the party's agreements on it; :class:`NotFound` when there is none."""
    if not is_id(slug):
        raise NotFound("there is no resource {id}", id=slug[:80])
    found = resource(session, slug)
    level = confirmed_levels(session, [found.id]).get(found.id)
    if party is None:
        return Situation(found, (), level)
    rows = session.scalars(
        select(AgreementRow)
        .where(AgreementRow.consumer == party, AgreementRow.resource == found.id)
        .order_by(AgreementRow.id)
    )
    return _situation(session, found, tuple(map(_signed, rows)), level)


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
    levels = confirmed_levels(session, [of.id for of in entries])
    return [
        _situation(session, of, tuple(signed.get(of.id, ())), levels.get(of.id)) for of in entries
    ]


def _situation(
    session: Session, of: Resource, signed: tuple[Signed, ...], level: Level | None
) -> Situation:
    by_others = any(one.provider != of.provider for one in signed)
    return Situation(of, signed, level, operators(session, of.id) if by_others else frozenset())


def _signed(row: AgreementRow) -> Signed:
    return Signed(
        id=row.id,
        state=AgreementState(row.state),
        expires_at=row.expires_at,
        policy=row.policy,
        digest=row.digest,
        salt=row.salt,
        provider=PartyId(row.provider),
        uncovered=None if row.uncovered is None else frozenset(row.uncovered.split()),
    )


def is_open(of: Resource, level: Level | None) -> bool:
    """Whether everybody may use it by the implicit open agreement."""
    graded = of.grade is Grade.GENERAL and level_allows(level, Access.OPEN)
    return of.access is Access.OPEN and graded and of.state is State.PUBLISHED


def check_scope(caller: Caller, action: str, *, observing: bool = False) -> None:
    """Raise :class:`Refused` unless the caller may do that: read by its token, or edit by its token
    and as a supplier or steward of its party. ``observing``: only observations are written, for
    which a device's token is enough."""
    if observing and any(caller.may(role, Scope.OBSERVE) for role in (Role.SUPPLIER, Role.STEWARD)):
        return
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


def check_gives(of: Resource, level: Level | None, *, own: bool, node: bool) -> None:
    """Raise :class:`Refused` when the resource gives nothing to anybody but its holder.

    Core data are given to nobody else; important data to the ``node`` alone until a reviewer has
    confirmed their grade (``level``); others as far as the level allows their access.
    """
    if own:
        return
    if of.state is not State.PUBLISHED:
        raise refused("resource.withdrawn", "the resource is not published", "ask its provider")
    if of.access is Access.CLOSED:
        raise refused("resource.closed", "the resource is not shared", "ask its provider")
    if of.grade is Grade.CORE or level is Level.CORE:
        raise refused("resource.core", "core data never leave the node", "ask its provider")
    if of.grade is Grade.IMPORTANT and level is None and not node:
        raise refused(
            "resource.unconfirmed",
            "the grade of important data has not been confirmed",
            "ask a reviewer of the node to confirm it",
        )
    if not level_allows(level, of.access):
        raise refused(
            "resource.level",
            "the level {level} does not allow this access",
            "ask its provider to narrow the access",
            level=str(level),
        )


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


def check_operated(signed: Signed, situation: Situation) -> None:
    """Raise :class:`Refused`, rule ``operation.ended``, when the agreement is with an operator that
    may not operate the resource any more."""
    by_operator = signed.provider != situation.resource.provider
    if by_operator and signed.provider not in situation.operators:
        raise refused(
            "operation.ended",
            "the operator that gave this agreement may not operate the resource now",
            "ask the resource's provider",
        )


def is_over(signed: Signed, moment: datetime) -> bool:
    """Whether the agreement has expired."""
    return signed.expires_at is not None and moment >= signed.expires_at
