"""Agreements read: one, a page of them, what happened to one."""

from collections.abc import Collection

import orjson
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from quanyu.agreements.jsonld import parse_policy
from quanyu.agreements.model import (
    Agreement,
    AgreementPage,
    AgreementState,
    AgreementStep,
    Side,
    StepKind,
)
from quanyu.agreements.tables import AgreementRow, AgreementStepRow
from quanyu.agreements.vocabulary import is_id
from quanyu.kernel import (
    AgreementId,
    Invalid,
    MemberId,
    NotFound,
    OfferId,
    PartyId,
    ResourceId,
    batched,
    now,
)
from quanyu.parties import Caller, Role, Scope

_RUNNING = (AgreementState.ACTIVE.value, AgreementState.SUSPENDED.value)


def agreement(session: Session, caller: Caller, agreement_id: str) -> Agreement:
    """An agreement by its id; :class:`NotFound` when there is none that the caller may read.

    Members of both sides may, and the node's stewards, reviewers and auditors.
    """
    row = session.get(AgreementRow, agreement_id) if is_id(agreement_id) else None
    if row is None or not may_read(caller, row):
        raise no_agreement(agreement_id)
    return to_agreement(row)


def party_disclosure(session: Session, caller: Caller, agreement_id: str) -> tuple[str, str]:
    """Who uses under an agreement, and the salt that the log blinds it with.

    For members of its two sides only; :class:`NotFound` for all others.
    """
    row = session.get(AgreementRow, agreement_id) if is_id(agreement_id) else None
    if row is None or caller.party is None or caller.party not in (row.provider, row.consumer):
        raise no_agreement(agreement_id)
    return row.consumer, row.salt


def agreements(
    session: Session,
    caller: Caller,
    *,
    side: Side | None = None,
    states: frozenset[AgreementState] = frozenset(),
    resource_id: str | None = None,
    limit: int = 50,
    after: str | None = None,
) -> AgreementPage:
    """Agreements that the caller may read, latest first.

    ``side`` keeps those in which the caller's party is that side: with ``Side.PROVIDER`` and
    ``states={REQUESTED}`` they are the requests for it to decide.
    """
    if not 1 <= limit <= 1000:
        raise Invalid("a page has 1 to 1000 items", field="limit", mend="ask for fewer")
    query = select(AgreementRow).order_by(AgreementRow.id.desc()).limit(limit + 1)
    own = {Side.PROVIDER: AgreementRow.provider, Side.CONSUMER: AgreementRow.consumer}
    party = caller.party or ""
    if side is not None:
        query = query.where(own[side] == party)
    elif not _oversees(caller):
        query = query.where(or_(*(column == party for column in own.values())))
    if states:
        query = query.where(_in_states(states))
    if resource_id is not None:
        if not is_id(resource_id):
            return AgreementPage((), None)
        query = query.where(AgreementRow.resource == resource_id)
    if after is not None:
        if not (is_id(after) and after.startswith("agr_")):
            raise Invalid("this page token is not of this list", field="after", mend="begin again")
        query = query.where(AgreementRow.id < after)
    rows = list(session.scalars(query))
    more = rows[limit - 1].id if len(rows) > limit else None
    return AgreementPage(tuple(to_agreement(row) for row in rows[:limit]), more)


def users_of(session: Session, resource_id: ResourceId) -> list[PartyId]:
    """Parties with an agreement in force on a resource; for the program itself."""
    query = select(AgreementRow.consumer).where(
        AgreementRow.resource == resource_id, _in_states(frozenset({AgreementState.ACTIVE}))
    )
    return [PartyId(name) for name in session.scalars(query.distinct())]


def agreements_named(session: Session, names: Collection[str]) -> list[Agreement]:
    """Agreements by their ids, as far as there are any; for the program itself."""
    return _of(session, AgreementRow.id, names)


def agreements_on(session: Session, offers: Collection[str]) -> list[Agreement]:
    """Agreements that were asked for on some offers; for the program itself."""
    return _of(session, AgreementRow.offer, offers)


def _of(
    session: Session, column: InstrumentedAttribute[str], values: Collection[str]
) -> list[Agreement]:
    known = sorted(value for value in values if is_id(value))
    found: list[Agreement] = []
    for some in batched(known, 500):
        query = select(AgreementRow).where(column.in_(some))
        rows = session.scalars(query.order_by(AgreementRow.id))
        found += map(to_agreement, rows)
    return found


def steps(session: Session, caller: Caller, agreement_id: str) -> list[AgreementStep]:
    """What happened to an agreement, earliest first; who may read it may read these."""
    agreement(session, caller, agreement_id)
    query = (
        select(AgreementStepRow)
        .where(AgreementStepRow.agreement == agreement_id)
        .order_by(AgreementStepRow.number)
    )
    return [
        AgreementStep(
            at=row.at,
            kind=StepKind(row.kind),
            side=Side(row.side),
            party=PartyId(row.party),
            member=None if row.member is None else MemberId(row.member),
            reason=row.reason,
        )
        for row in session.scalars(query)
    ]


def to_agreement(row: AgreementRow) -> Agreement:
    """The agreement that a row holds."""
    return Agreement(
        id=AgreementId(row.id),
        offer=OfferId(row.offer),
        resource=ResourceId(row.resource),
        provider=PartyId(row.provider),
        consumer=PartyId(row.consumer),
        statement=row.statement,
        policy=parse_policy(orjson.loads(row.policy)),
        digest=row.digest,
        state=AgreementState(row.state),
        held_by=frozenset(Side(side) for side in row.held_by),
        revision=row.revision,
        requested_at=row.requested_at,
        signed_at=row.signed_at,
        ended_at=row.ended_at,
        expires_at=row.expires_at,
    )


def may_read(caller: Caller, row: AgreementRow) -> bool:
    """Whether the caller is of one of its sides, or oversees the node."""
    if caller.party is None or Scope.READ not in caller.scopes:
        return False
    return caller.party in (row.provider, row.consumer) or _oversees(caller)


def _oversees(caller: Caller) -> bool:
    roles = (Role.STEWARD, Role.REVIEWER, Role.AUDITOR)
    return caller.runs_node and any(caller.may(role) for role in roles)


def _in_states(states: frozenset[AgreementState]) -> ColumnElement[bool]:
    moment = now()
    over = AgreementRow.expires_at.is_not(None) & (AgreementRow.expires_at <= moment)
    running = AgreementRow.state.in_(_RUNNING)
    stored = [state.value for state in states if state is not AgreementState.EXPIRED]
    found = AgreementRow.state.in_(stored) & ~(running & over)
    return found | (running & over) if AgreementState.EXPIRED in states else found


def no_agreement(agreement_id: str) -> NotFound:
    """The error of an agreement that is not there, or that the caller may not know of."""
    return NotFound(
        "there is no agreement {id}",
        field="agreement",
        mend="see your agreements",
        id=agreement_id[:80],
    )
