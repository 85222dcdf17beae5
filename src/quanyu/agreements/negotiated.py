"""Agreements that two nodes negotiate: signed first, in force only when both have said so.

The gate knows them as every other agreement; while one is only signed it gives nothing. Who may
sign was asked by the negotiation, which counts its approvals; here it is written down.
"""

from collections.abc import Collection
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.agreements.lifecycle import put_signature, record_step
from quanyu.agreements.listing import no_agreement, to_agreement
from quanyu.agreements.model import Agreement, AgreementState, Side, StepKind
from quanyu.agreements.offering import offer_row, urn
from quanyu.agreements.policy import Policy, PolicyType
from quanyu.agreements.tables import AgreementRow
from quanyu.agreements.vocabulary import is_id
from quanyu.kernel import AgreementId, Conflict, PartyId, new_id, new_salt, now
from quanyu.parties import Caller


def sign_negotiated(
    session: Session,
    provider: Caller,
    consumer: PartyId,
    offer_id: str,
    policy: Policy,
    *,
    statement: str,
) -> Agreement:
    """An agreement on the terms negotiated from an offer, signed by its provider, not in force.

    Parties and target are filled in. Raises :class:`Invalid` for terms that are not understood,
    :class:`Conflict` when the resource is not shared or the terms are over already.
    """
    row = offer_row(session, offer_id)
    if provider.party != row.provider:
        raise Conflict("this offer is another party's", field="offer", mend="look at it again")
    moment, identifier = now(), AgreementId(new_id("agreement"))
    whole = replace(
        policy,
        type=PolicyType.AGREEMENT,
        uid=urn(identifier),
        target=urn(row.resource),
        assigner=urn(row.provider),
        assignee=urn(consumer),
    )
    added = AgreementRow(
        id=identifier,
        offer=row.id,
        resource=row.resource,
        provider=row.provider,
        consumer=consumer,
        statement=statement,
        policy="",
        digest="",
        state=AgreementState.SIGNED.value,
        held_by=[],
        revision=1,
        requested_at=moment,
        signed_at=None,
        ended_at=None,
        expires_at=None,
        salt=new_salt(),
    )
    session.add(added)
    session.flush()
    put_signature(session, added, whole, moment)
    record_step(session, provider, added, StepKind.SIGNED, Side.PROVIDER, "")
    return to_agreement(added)


def put_in_force(session: Session, provider: Caller, agreement_id: str) -> Agreement:
    """Let a signed agreement give data from now on; :class:`Conflict` when it is not signed."""
    row = _signed(session, agreement_id)
    row.state = AgreementState.ACTIVE.value
    row.revision += 1
    session.flush()
    record_step(session, provider, row, StepKind.ENTERED, Side.PROVIDER, "")
    return to_agreement(row)


def drop_signed(
    session: Session, acting: Caller, agreement_id: str, side: Side, reason: str
) -> Agreement:
    """End an agreement that never came into force, its negotiation being over."""
    row = _signed(session, agreement_id)
    row.state, row.ended_at = AgreementState.ENDED.value, now()
    row.revision += 1
    session.flush()
    record_step(session, acting, row, StepKind.ENDED, side, reason)
    return to_agreement(row)


def signed_agreement(session: Session, agreement_id: str) -> Agreement:
    """An agreement by its id, for the program itself; :class:`NotFound` when there is none."""
    row = session.get(AgreementRow, agreement_id) if is_id(agreement_id) else None
    if row is None:
        raise no_agreement(agreement_id)
    return to_agreement(row)


def states_of(session: Session, names: Collection[str]) -> dict[str, AgreementState]:
    """The present state of each of these agreements, in one question; for the program itself."""
    moment = now()
    columns = (AgreementRow.id, AgreementRow.state, AgreementRow.expires_at)
    found = {}
    for name, state, expires in session.execute(
        select(*columns).where(AgreementRow.id.in_(list(names)))
    ):
        running = state in (AgreementState.ACTIVE.value, AgreementState.SUSPENDED.value)
        over = running and expires is not None and expires <= moment
        found[name] = AgreementState.EXPIRED if over else AgreementState(state)
    return found


def _signed(session: Session, agreement_id: str) -> AgreementRow:
    row = None
    if is_id(agreement_id):
        row = session.get(AgreementRow, agreement_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise no_agreement(agreement_id)
    if row.state != AgreementState.SIGNED.value:
        raise Conflict(
            "an agreement that is {state} does not wait for its negotiation",
            field="agreement",
            rule="agreement.step",
            mend="read it again",
            state=row.state,
        )
    return row
