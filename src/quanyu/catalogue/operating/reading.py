"""Authorisations read: one, those of a party, those in force at a moment."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from quanyu.catalogue.operating.model import (
    InForce,
    Operation,
    OperationDraft,
    OperationId,
    OperationMove,
    OperationState,
    OperationStep,
)
from quanyu.catalogue.operating.tables import OperationResourceRow, OperationRow, OperationStepRow
from quanyu.kernel import LeafId, MemberId, NotFound, PartyId, ResourceId
from quanyu.parties import Caller

_DRAFT = TypeAdapter(OperationDraft)
NAMES = tuple(OperationDraft.__dataclass_fields__)
_PUBLIC = (
    OperationState.FILED.value,
    OperationState.IN_FORCE.value,
    OperationState.SUSPENDED.value,
    OperationState.ENDED.value,
)
_RUNS = frozenset({OperationMove.BEGUN, OperationMove.RESUMED})
_STOPS = frozenset({OperationMove.SUSPENDED, OperationMove.ENDED})


def operation(session: Session, operation_id: str, *, visible_to: Caller) -> Operation:
    """The authorisation; :class:`NotFound` also when the caller may not know of it: what has been
    filed is public, a draft is its grantor's and the node's."""
    row = session.get(OperationRow, operation_id) if operation_id.isprintable() else None
    if row is None or not may_see_operation(visible_to, row):
        raise no_operation(operation_id)
    return to_operation(row)


def operations(
    session: Session, *, visible_to: Caller, of: PartyId | None = None
) -> list[Operation]:
    """Authorisations that the caller may know of, the latest first; of a party on either side."""
    asked = select(OperationRow).order_by(OperationRow.id.desc()).limit(500)
    if not visible_to.runs_node:
        asked = asked.where(
            or_(
                OperationRow.state.in_(_PUBLIC),
                OperationRow.grantor == (visible_to.party or ""),
            )
        )
    if of is not None:
        asked = asked.where(or_(OperationRow.grantor == of, OperationRow.operator == of))
    return [to_operation(row) for row in session.scalars(asked)]


def operation_steps(session: Session, operation_id: OperationId) -> list[OperationStep]:
    """What happened to an authorisation, earliest first."""
    rows = session.scalars(
        select(OperationStepRow)
        .where(OperationStepRow.operation == operation_id)
        .order_by(OperationStepRow.number)
    )
    return [
        OperationStep(
            at=row.at,
            move=OperationMove(row.move),
            state=OperationState(row.state),
            party=PartyId(row.party),
            member=None if row.member is None else MemberId(row.member),
            reason=row.reason,
            leaf=LeafId(row.leaf),
        )
        for row in rows
    ]


def in_force(session: Session, ids: Iterable[ResourceId], at: datetime) -> list[InForce]:
    """Authorisations in force at ``at`` for any of these resources."""
    rows = session.execute(
        select(OperationRow, OperationResourceRow.resource)
        .join(OperationResourceRow, OperationResourceRow.operation == OperationRow.id)
        .where(OperationResourceRow.resource.in_(list(ids)), OperationRow.state.in_(_PUBLIC[1:]))
        .order_by(OperationRow.id)
    ).all()
    running: dict[str, bool] = {}
    found = []
    for row, of in rows:
        if row.id not in running:
            running[row.id] = _ran(session, row.id, at)
        one = to_operation(row)
        since, until = one.term
        within = (since is None or since <= at) and (until is None or at < until)
        if running[row.id] and within:
            found.append(
                InForce(one.id, ResourceId(of), one.operator, one.filing, one.title, one.term)
            )
    return found


def _ran(session: Session, operation_id: str, at: datetime) -> bool:
    """Whether it had begun by then and was neither suspended nor ended."""
    moves = session.scalars(
        select(OperationStepRow.move)
        .where(OperationStepRow.operation == operation_id, OperationStepRow.at <= at)
        .order_by(OperationStepRow.number)
    )
    running = False
    for move in map(OperationMove, moves):
        running = (running or move in _RUNS) and move not in _STOPS
    return running


def document_of(draft: OperationDraft) -> dict[str, Any]:
    """What an authorisation says, as JSON."""
    plain = OperationDraft(**{name: getattr(draft, name) for name in NAMES})
    kept: dict[str, Any] = _DRAFT.dump_python(plain, mode="json")
    return kept


def draft_from_document(document: Mapping[str, Any]) -> OperationDraft:
    """What such JSON says; raises pydantic's ``ValidationError`` for other JSON."""
    return _DRAFT.validate_python(document)


def to_operation(row: OperationRow) -> Operation:
    """The authorisation of a row."""
    draft = draft_from_document(row.body)
    return Operation(
        **{name: getattr(draft, name) for name in NAMES},
        id=OperationId(row.id),
        state=OperationState(row.state),
        filing=row.filing,
        revision=row.revision,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def may_see_operation(caller: Caller, row: OperationRow) -> bool:
    """Whether ``caller`` may know of it."""
    own = caller.party is not None and caller.party == row.grantor
    return row.state in _PUBLIC or own or caller.runs_node


def no_operation(operation_id: str) -> NotFound:
    """The error of one that is not there, or that the caller may not know of."""
    return NotFound("there is no authorisation {id}", id=operation_id[:80])
