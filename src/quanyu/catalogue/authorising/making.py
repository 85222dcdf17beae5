"""The life of an authorisation: draft → filed → in force ⇄ suspended → ended, each in evidence."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy import delete, insert
from sqlalchemy.orm import Session

from quanyu.catalogue.authorising.checking import check_operation
from quanyu.catalogue.operating import (
    Operation,
    OperationChanged,
    OperationDraft,
    OperationId,
    OperationMove,
    OperationResourceRow,
    OperationRow,
    OperationState,
    OperationStepRow,
    document_of,
    may_see_operation,
    no_operation,
    to_operation,
)
from quanyu.catalogue.registration import check_reviewer, may_review
from quanyu.catalogue.rights import check_writes, may_write
from quanyu.catalogue.rules import refused
from quanyu.catalogue.validate import check_line
from quanyu.kernel import (
    Conflict,
    Invalid,
    PartyId,
    announce,
    blind,
    canonical,
    new_id,
    new_salt,
    now,
    owe,
    sha256_hex,
)
from quanyu.parties import Caller, Role, Scope

LONGEST_REASON = 2_000
_FILING = re.compile(r"[0-9A-Za-z一-鿿〔〕()（）_/.\-]{1,64}")
_M, _S = OperationMove, OperationState


@dataclass(frozen=True, slots=True)
class _Step:
    """Where a step may be taken from and leads to, who may take it, whether it needs a reason."""

    origins: frozenset[OperationState]
    to: OperationState
    may: Callable[[Caller, OperationRow], None]
    reason: bool = False


def draft_operation(session: Session, draft: OperationDraft, caller: Caller) -> Operation:
    """Put down an authorisation that its grantor and the node alone see.

    Raises :class:`Refused` (rules ``operation.…``, ``grading.…``, ``catalogue.write``) and
    :class:`Invalid`.
    """
    check_writes(caller, draft.grantor)
    checked = check_operation(session, draft, caller)
    moment = now()
    row = OperationRow(
        id=new_id("operation"),
        state=_S.DRAFT.value,
        filing="",
        revision=0,
        created_at=moment,
        updated_at=moment,
        salt=new_salt(),
    )
    _fill(session, row, checked)
    return _record(session, row, caller, _M.DRAFTED, _S.DRAFT, "")


def amend_operation(
    session: Session, operation_id: str, draft: OperationDraft, caller: Caller, *, revision: int
) -> Operation:
    """Say something else in a draft that stood at ``revision``; what has been filed stays."""
    row = _locked(session, operation_id, caller, revision)
    check_writes(caller, PartyId(row.grantor))
    if row.state != _S.DRAFT.value:
        raise _not_from(row, _M.AMENDED, frozenset({_S.DRAFT}))
    if draft.grantor != row.grantor:
        raise Invalid(
            "this cannot change once the authorisation is there",
            field="grantor",
            mend="draft another one",
        )
    _fill(session, row, check_operation(session, draft, caller))
    return _record(session, row, caller, _M.AMENDED, _S.DRAFT, "")


def file_operation(
    session: Session, operation_id: str, caller: Caller, *, filing: str, revision: int | None = None
) -> Operation:
    """File an authorisation 备案 under a number; a reviewer of the node does."""
    number = check_line(filing, "filing", 64)
    if not _FILING.fullmatch(number):
        raise Invalid(
            "a filing number is needed", field="filing", mend="give letters, digits and - / . ( )"
        )

    def fill(row: OperationRow) -> None:
        check_operation(session, to_operation(row), None)
        row.filing = number

    return _take(session, operation_id, caller, _M.FILED, revision=revision, fill=fill)


def begin_operation(
    session: Session, operation_id: str, caller: Caller, *, revision: int | None = None
) -> Operation:
    """The operator accepts a filed authorisation: it is in force from now on, within its term."""

    def fill(row: OperationRow) -> None:
        check_operation(session, to_operation(row), None)

    return _take(session, operation_id, caller, _M.BEGUN, revision=revision, fill=fill)


def suspend_operation(
    session: Session, operation_id: str, caller: Caller, *, reason: str, revision: int | None = None
) -> Operation:
    """Stop it for a while; the grantor or a reviewer of the node, with a reason."""
    return _take(session, operation_id, caller, _M.SUSPENDED, reason=reason, revision=revision)


def resume_operation(
    session: Session, operation_id: str, caller: Caller, *, revision: int | None = None
) -> Operation:
    """Let a suspended one go on."""
    return _take(session, operation_id, caller, _M.RESUMED, revision=revision)


def end_operation(
    session: Session, operation_id: str, caller: Caller, *, reason: str, revision: int | None = None
) -> Operation:
    """End it for good; either side or a reviewer of the node, with a reason."""
    return _take(session, operation_id, caller, _M.ENDED, reason=reason, revision=revision)


def may_operate(caller: Caller, of: Operation) -> bool:
    """Whether ``caller`` acts for the operator."""
    return caller.party == of.operator and any(
        caller.may(role, Scope.WRITE) for role in (Role.SUPPLIER, Role.STEWARD)
    )


def _reviewer(caller: Caller, _row: OperationRow) -> None:
    check_reviewer(caller)


def check_operates(caller: Caller, of: Operation) -> None:
    """Raise :class:`Refused`, rule ``operation.operator``, unless :func:`may_operate`."""
    if not may_operate(caller, of):
        raise refused(
            "operation.operator",
            "only a supplier or steward of the operator may do this",
            "ask the operator's steward; a token needs the scope “write”",
        )


def _operator(caller: Caller, row: OperationRow) -> None:
    check_operates(caller, to_operation(row))


def _grantor(caller: Caller, row: OperationRow) -> None:
    if not may_review(caller):
        check_writes(caller, PartyId(row.grantor))


def _either(caller: Caller, row: OperationRow) -> None:
    if not may_write(caller, PartyId(row.grantor)) and not may_review(caller):
        check_operates(caller, to_operation(row))


_STEPS = {
    _M.FILED: _Step(frozenset({_S.DRAFT}), _S.FILED, _reviewer),
    _M.BEGUN: _Step(frozenset({_S.FILED}), _S.IN_FORCE, _operator),
    _M.SUSPENDED: _Step(frozenset({_S.IN_FORCE}), _S.SUSPENDED, _grantor, reason=True),
    _M.RESUMED: _Step(frozenset({_S.SUSPENDED}), _S.IN_FORCE, _grantor),
    _M.ENDED: _Step(
        frozenset({_S.DRAFT, _S.FILED, _S.IN_FORCE, _S.SUSPENDED}), _S.ENDED, _either, reason=True
    ),
}


def _take(
    session: Session,
    operation_id: str,
    caller: Caller,
    move: OperationMove,
    *,
    reason: str = "",
    revision: int | None,
    fill: Callable[[OperationRow], None] | None = None,
) -> Operation:
    row, step = _locked(session, operation_id, caller, revision), _STEPS[move]
    step.may(caller, row)
    if to_operation(row).state_at(now()) not in step.origins:
        raise _not_from(row, move, step.origins)
    said = check_line(reason, "reason", LONGEST_REASON, lines=True)
    if step.reason and not said:
        raise Invalid(
            "a reason is needed", field="reason", mend="say why, so that it can be mended"
        )
    if fill is not None:
        fill(row)
    return _record(session, row, caller, move, step.to, said)


def _locked(
    session: Session, operation_id: str, caller: Caller, revision: int | None
) -> OperationRow:
    row = None
    if operation_id.isprintable():
        row = session.get(OperationRow, operation_id, with_for_update=True, populate_existing=True)
    if row is None or not may_see_operation(caller, row):
        raise no_operation(operation_id)
    if revision is not None and revision != row.revision:
        raise Conflict(
            "the authorisation has been changed since you read it: it is at revision {revision}",
            field="revision",
            mend="read it again and repeat your step",
            revision=row.revision,
        )
    return row


def _fill(session: Session, row: OperationRow, draft: OperationDraft) -> None:
    row.grantor, row.operator, row.body = draft.grantor, draft.operator, document_of(draft)
    session.add(row)
    session.flush()
    session.execute(delete(OperationResourceRow).where(OperationResourceRow.operation == row.id))
    session.execute(
        insert(OperationResourceRow),
        [{"operation": row.id, "resource": one} for one in draft.resources],
    )


def _record(  # noqa: PLR0917 - what, by whom, whereto, why
    session: Session,
    row: OperationRow,
    caller: Caller,
    move: OperationMove,
    state: OperationState,
    reason: str,
) -> Operation:
    row.state, row.updated_at = state.value, now()
    row.revision += 1
    leaf = owe(
        session,
        f"operation.{move.value}",
        row.id,
        {
            "grantor": row.grantor,
            "operator": row.operator,
            "resources": sorted(row.body["resources"]),
            "filing": row.filing,
            "state": row.state,
            "revision": row.revision,
            "by": caller.party or "",
            "reason": blind(reason, row.salt) if reason else "",
            "sha256": sha256_hex(canonical(row.body)),
        },
    )
    session.add(
        OperationStepRow(
            operation=row.id,
            at=row.updated_at,
            move=move.value,
            state=row.state,
            party=caller.party,
            member=caller.member,
            reason=reason,
            leaf=leaf,
        )
    )
    session.flush()
    announce(session, OperationChanged(OperationId(row.id), move, state))
    return replace(to_operation(row))


def _not_from(
    row: OperationRow, move: OperationMove, origins: frozenset[OperationState]
) -> Conflict:
    return Conflict(
        "an authorisation in the state “{state}” cannot be {move}",
        field="state",
        mend="possible from: {states}",
        state=to_operation(row).state_at(now()).value,
        move=move.value,
        states=", ".join(sorted(origins)),
    )
