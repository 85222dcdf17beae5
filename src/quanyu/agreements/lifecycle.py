"""The life of an agreement: request → approve or refuse → active ⇄ suspended → ended.

Each step checks the side and the role, is recorded, and owes the log a leaf in its transaction.
``revision``, when given, must be the one that the caller has read: else :class:`Conflict`.
"""

import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime

import orjson
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from quanyu.agreements.compiling import compile_policy
from quanyu.agreements.documents import policy_bytes
from quanyu.agreements.jsonld import parse_policy
from quanyu.agreements.listing import may_read, no_agreement, to_agreement
from quanyu.agreements.model import (
    Agreement,
    AgreementChanged,
    AgreementState,
    Side,
    StepKind,
)
from quanyu.agreements.obligations import keep, over
from quanyu.agreements.offering import offer_row, operators, to_offer, urn
from quanyu.agreements.policy import Policy, PolicyType
from quanyu.agreements.rules import refused
from quanyu.agreements.tables import AgreementRow, AgreementStepRow, QuotaRow
from quanyu.agreements.told import tell_other_side
from quanyu.agreements.vocabulary import is_id, short
from quanyu.agreements.withholding import check_well
from quanyu.catalogue import Access, State, resource
from quanyu.kernel import (
    AgreementId,
    Conflict,
    Invalid,
    OfferId,
    PartyId,
    ResourceId,
    announce,
    blind,
    iso,
    new_id,
    new_salt,
    now,
    owe,
    sha256_hex,
)
from quanyu.parties import Caller, Role, Scope

LONGEST_TEXT = 4000
_ACTIVE, _SUSPENDED = AgreementState.ACTIVE, AgreementState.SUSPENDED
_ROLES = {
    Side.PROVIDER: (Role.STEWARD, Role.SUPPLIER),
    Side.CONSUMER: (Role.STEWARD, Role.CONSUMER),
}


@dataclass(frozen=True, slots=True)
class _Move:
    """A step: who may take it, from where, and whether it needs a reason."""

    sides: frozenset[Side]
    origins: frozenset[AgreementState]
    reason: bool = False


_BOTH = frozenset(Side)
_MOVES = {
    StepKind.WITHDRAWN: _Move(frozenset({Side.CONSUMER}), frozenset({AgreementState.REQUESTED})),
    StepKind.APPROVED: _Move(frozenset({Side.PROVIDER}), frozenset({AgreementState.REQUESTED})),
    StepKind.REFUSED: _Move(
        frozenset({Side.PROVIDER}), frozenset({AgreementState.REQUESTED}), reason=True
    ),
    StepKind.SUSPENDED: _Move(_BOTH, frozenset({_ACTIVE, _SUSPENDED}), reason=True),
    StepKind.RESUMED: _Move(_BOTH, frozenset({_SUSPENDED})),
    StepKind.ENDED: _Move(_BOTH, frozenset({_ACTIVE, _SUSPENDED}), reason=True),
}


def request_agreement(
    session: Session, caller: Caller, offer_id: str, *, statement: str
) -> Agreement:
    """Ask for an agreement on an open offer, for the caller's party, saying what it is needed for.

    Raises :class:`Refused` (``agreement.request``, ``agreement.own``, ``offer.recipient``,
    ``resource.sick``),
    :class:`Conflict` when the offer is closed or the resource is no longer published.
    """
    row = offer_row(session, offer_id)
    put = to_offer(row)
    party = caller.party
    if party is None or not any(caller.may(r, Scope.WRITE) for r in _ROLES[Side.CONSUMER]):
        raise refused(
            "agreement.request",
            "only a consumer or steward of a party may request an agreement for it",
            "ask your party's steward; a token needs the scope “write”",
        )
    if party == put.provider:
        raise refused(
            "agreement.own", "a party needs no agreement on its own resource", "use it directly"
        )
    if put.policy.assignee is not None and short(put.policy.assignee) != party:
        raise refused(
            "offer.recipient", "this offer is made to another party", "ask the provider for one"
        )
    found = resource(session, put.resource, visible_to=caller)
    if not put.open or found.state is not State.PUBLISHED or found.access is Access.CLOSED:
        raise Conflict(
            "this offer takes no requests any more", field="offer", mend="look for another offer"
        )
    check_well(session, found.id)
    _check_first(session, put.id, party)
    moment, identifier = now(), AgreementId(new_id("agreement"))
    policy = replace(
        put.policy, type=PolicyType.AGREEMENT, uid=urn(identifier), assignee=urn(party)
    )
    data = policy_bytes(policy)
    added = AgreementRow(
        id=identifier,
        offer=put.id,
        resource=put.resource,
        provider=put.provider,
        consumer=party,
        statement=_text(statement, "statement", needed=True),
        policy=data.decode(),
        digest=sha256_hex(data),
        state=AgreementState.REQUESTED.value,
        held_by=[],
        revision=1,
        requested_at=moment,
        signed_at=None,
        ended_at=None,
        expires_at=compile_policy(policy).expires_at,
        salt=new_salt(),
    )
    session.add(added)
    session.flush()
    record_step(session, caller, added, StepKind.REQUESTED, Side.CONSUMER, added.statement)
    return to_agreement(added)


def withdraw_request(
    session: Session, caller: Caller, agreement_id: str, *, revision: int | None = None
) -> Agreement:
    """Take a request back before it was decided; the consumer's side."""
    return _step(session, caller, agreement_id, StepKind.WITHDRAWN, revision=revision)


def approve(
    session: Session, caller: Caller, agreement_id: str, *, revision: int | None = None
) -> Agreement:
    """Sign: the policy as it stands from now on, dated, hashed, in force; the provider's side."""
    return _step(session, caller, agreement_id, StepKind.APPROVED, revision=revision)


def refuse(
    session: Session,
    caller: Caller,
    agreement_id: str,
    *,
    reason: str,
    revision: int | None = None,
) -> Agreement:
    """Turn a request down and say why; the provider's side."""
    return _step(session, caller, agreement_id, StepKind.REFUSED, reason=reason, revision=revision)


def suspend(
    session: Session,
    caller: Caller,
    agreement_id: str,
    *,
    reason: str,
    revision: int | None = None,
) -> Agreement:
    """Hold an agreement; either side. It is active again when each side that held it resumes it."""
    return _step(
        session, caller, agreement_id, StepKind.SUSPENDED, reason=reason, revision=revision
    )


def resume(
    session: Session, caller: Caller, agreement_id: str, *, revision: int | None = None
) -> Agreement:
    """Let go of an agreement that the caller's own side has suspended."""
    return _step(session, caller, agreement_id, StepKind.RESUMED, revision=revision)


def end(
    session: Session,
    caller: Caller,
    agreement_id: str,
    *,
    reason: str,
    revision: int | None = None,
) -> Agreement:
    """End an agreement for good; either side."""
    return _step(session, caller, agreement_id, StepKind.ENDED, reason=reason, revision=revision)


def _check_first(session: Session, offer_id: OfferId, party: PartyId) -> None:
    waiting = select(AgreementRow.id).where(
        AgreementRow.offer == offer_id,
        AgreementRow.consumer == party,
        AgreementRow.state == AgreementState.REQUESTED.value,
    )
    if session.scalar(waiting.limit(1)) is not None:
        raise Conflict(
            "your party has asked for this already", field="offer", mend="wait for the decision"
        )


def _step(
    session: Session,
    caller: Caller,
    agreement_id: str,
    kind: StepKind,
    *,
    reason: str = "",
    revision: int | None,
) -> Agreement:
    move = _MOVES[kind]
    row = None
    if is_id(agreement_id):
        row = session.get(AgreementRow, agreement_id, with_for_update=True, populate_existing=True)
    if row is None or not may_read(caller, row):
        raise no_agreement(agreement_id)
    side = _side(caller, row, move, kind)
    if revision is not None and revision != row.revision:
        raise Conflict(
            "the agreement has changed meanwhile", field="revision", mend="read it again and decide"
        )
    moment = now()
    state = to_agreement(row).state_at(moment)
    holds = side.value in row.held_by
    again = (kind is StepKind.SUSPENDED and holds) or (kind is StepKind.RESUMED and not holds)
    if state not in move.origins or again:
        raise Conflict(
            "an agreement that is {state} cannot be {step} by this side",
            field="agreement",
            rule="agreement.step",
            mend="read it again",
            state=state.value,
            step=kind.value,
        )
    said = _text(reason, "reason", needed=move.reason)
    before = row.revision
    _change(session, row, kind, side, moment)
    changed = session.execute(
        update(AgreementRow)
        .where(AgreementRow.id == row.id, AgreementRow.revision == before)
        .values(revision=before + 1)
        .returning(AgreementRow.id)
    ).one_or_none()
    if changed is None:
        raise Conflict(
            "the agreement has changed meanwhile", field="revision", mend="read it again"
        )
    session.refresh(row)
    record_step(session, caller, row, kind, side, said)
    return to_agreement(row)


def _change(
    session: Session, row: AgreementRow, kind: StepKind, side: Side, moment: datetime
) -> None:
    if kind is StepKind.APPROVED:
        _sign(session, row, moment)
        return
    if kind in (StepKind.SUSPENDED, StepKind.RESUMED):
        held = set(row.held_by) ^ {side.value}
        row.held_by = sorted(held)
        row.state = (_SUSPENDED if held else _ACTIVE).value
    else:
        row.state = AgreementState(kind.value).value
        row.ended_at = moment
        over(session, row.id, moment)
    session.flush()


def _sign(session: Session, row: AgreementRow, moment: datetime) -> None:
    put_signature(session, row, parse_policy(orjson.loads(row.policy)), moment)
    row.state = _ACTIVE.value
    session.flush()


def put_signature(session: Session, row: AgreementRow, policy: Policy, moment: datetime) -> None:
    """Date and hash a policy as the one signed, with its quotas; the state is the caller's to set.

    Raises :class:`Conflict` for a resource that is not shared and a policy that is over already.
    """
    found = resource(session, row.resource)
    if found.state is not State.PUBLISHED or found.access is Access.CLOSED:
        raise Conflict(
            "only a published and shared resource can be agreed on",
            field="resource",
            mend="publish it, or refuse the request",
        )
    if row.provider != found.provider and row.provider not in operators(session, found.id):
        raise refused(
            "operation.ended",
            "the operator that offered this may not operate the resource now",
            "refuse the request",
        )
    policy = replace(policy, timestamp=iso(moment))
    terms = compile_policy(policy)
    if terms.expires_at is not None and terms.expires_at <= moment:
        raise Conflict(
            "the offered policy has expired already", field="policy", mend="refuse the request"
        )
    data = policy_bytes(policy)
    row.policy, row.digest = data.decode(), sha256_hex(data)
    row.signed_at, row.expires_at = moment, terms.expires_at
    for rule in {quota.rule for quota in terms.quotas}:
        session.add(QuotaRow(agreement=row.id, rule=rule, used=0, due=0, wanted_at=0))
    session.flush()
    keep(session, row, terms.owed, moment)


def _side(caller: Caller, row: AgreementRow, move: _Move, kind: StepKind) -> Side:
    for side, party in ((Side.PROVIDER, row.provider), (Side.CONSUMER, row.consumer)):
        able = any(caller.may(role, Scope.WRITE) for role in _ROLES[side])
        if side in move.sides and caller.party == party and able:
            return side
    mend = "ask your party's steward; a token needs the scope “write”"
    if kind in (StepKind.APPROVED, StepKind.REFUSED):
        detail = "only a supplier or steward of the provider decides on a request"
        raise refused("agreement.decide", detail, mend)
    detail = "only a steward, supplier or consumer of the side concerned may do this"
    raise refused("agreement.side", detail, mend)


def record_step(  # noqa: PLR0917 — who, what, why, in the order they are said
    session: Session, caller: Caller, row: AgreementRow, kind: StepKind, side: Side, reason: str
) -> None:
    """Write a step down, tell the other side, owe its leaf and announce it."""
    party = row.provider if side is Side.PROVIDER else row.consumer
    session.add(
        AgreementStepRow(
            agreement=row.id,
            at=now(),
            kind=kind.value,
            side=side.value,
            party=party,
            member=caller.member,
            reason=reason,
        )
    )
    tell_other_side(session, row, kind, side)
    owe(
        session,
        f"agreement.{kind.value}",
        row.id,
        {
            "resource": row.resource,
            "offer": row.offer,
            "provider": blind(row.provider, row.salt),
            "consumer": blind(row.consumer, row.salt),
            "side": side.value,
            "state": row.state,
            "policy_sha256": row.digest,
            "reason": blind(reason, row.salt) if reason else "",
            "revision": row.revision,
        },
    )
    announce(
        session,
        AgreementChanged(
            id=AgreementId(row.id),
            resource=ResourceId(row.resource),
            provider=PartyId(row.provider),
            consumer=PartyId(row.consumer),
            step=kind,
            state=AgreementState(row.state),
        ),
    )


def _text(text: str, field: str, *, needed: bool) -> str:
    cut = text.strip()
    plain = all(c in "\n\r\t" or unicodedata.category(c)[0] != "C" for c in cut)
    if (needed and not cut) or len(cut) > LONGEST_TEXT or not plain:
        raise Invalid(
            "a text of 1 to {longest} characters is needed here",
            field=field,
            mend="say it in a few sentences",
            longest=LONGEST_TEXT,
        )
    return cut
