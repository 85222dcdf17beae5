"""The reviewer's part: accept, approve, return, refuse, hand over."""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from quanyu.catalogue.registration.checklist import check_known, check_ticks, items_for
from quanyu.catalogue.registration.course import (
    check_comments,
    check_move,
    check_reason,
    check_revision,
    locked,
    record_move,
)
from quanyu.catalogue.registration.listing import to_application
from quanyu.catalogue.registration.model import Application, ApplicationKind, Move, Tick
from quanyu.catalogue.registration.publicity import lapse, publicise
from quanyu.catalogue.registration.rights import check_decides, check_reviewer, reviewers
from quanyu.catalogue.registration.rules import Registration
from quanyu.catalogue.registration.tables import ApplicationRow
from quanyu.catalogue.registration.telling import tell_applicant, tell_reviewers
from quanyu.kernel import Conflict, Invalid, MemberId, add_working_days, now
from quanyu.parties import Caller


def accept_application(
    session: Session,
    application_id: str,
    caller: Caller,
    rules: Registration,
    *,
    revision: int | None = None,
) -> Application:
    """Take an application up for review 受理; it is the caller's from now on."""
    row = _decided(session, application_id, caller, Move.ACCEPTED, revision)
    row.assigned = row.assigned or caller.member
    deadline = add_working_days(now(), rules.review_days, rules.calendar)
    record_move(session, row, Move.ACCEPTED, caller, deadline=deadline)
    tell_applicant(session, row, Move.ACCEPTED)
    return to_application(row)


def approve_application(
    session: Session,
    application_id: str,
    caller: Caller,
    rules: Registration,
    *,
    checklist: Mapping[str, Tick],
    reason: str = "",
    revision: int | None = None,
) -> Application:
    """Approve an application, every item of its checklist ticked.

    With the last approval that its grade needs it goes on into publicity. Raises
    :class:`Conflict` when the caller has approved it already, :class:`Invalid` on ``checklist``.
    """
    row = _decided(session, application_id, caller, Move.APPROVED, revision)
    ticks = check_ticks(ApplicationKind(row.kind), rules.checklist, checklist)
    said = check_reason(reason, needed=False)
    who = str(caller.member or caller.party)
    if who in row.approvals:
        raise Conflict(
            "you have approved this already",
            field="state",
            mend="another reviewer must approve it too",
        )
    row.approvals = [*row.approvals, who]
    record_move(
        session, row, Move.APPROVED, caller, keep_deadline=True, reason=said, checklist=ticks
    )
    if len(row.approvals) >= row.approvals_needed:
        record_move(session, row, Move.REVIEWED, caller)
        publicise(session, row, caller, rules)
    return to_application(row)


def return_application(
    session: Session,
    application_id: str,
    caller: Caller,
    rules: Registration,
    *,
    reason: str,
    comments: Mapping[str, str] | None = None,
    checklist: Mapping[str, Tick] | None = None,
    revision: int | None = None,
) -> Application:
    """Return an application 退回 with a reason and, if need be, words on single fields.

    The applicant mends it and submits it again.
    """
    row = _decided(session, application_id, caller, Move.RETURNED, revision)
    said = check_reason(reason, needed=True)
    on_fields = check_comments(comments or {})
    ticks = _noted(row, rules, checklist)
    row.comments = on_fields
    lapse(session, row)
    record_move(
        session, row, Move.RETURNED, caller, reason=said, comments=on_fields, checklist=ticks
    )
    tell_applicant(session, row, Move.RETURNED)
    return to_application(row)


def refuse_application(
    session: Session,
    application_id: str,
    caller: Caller,
    rules: Registration,
    *,
    reason: str,
    checklist: Mapping[str, Tick] | None = None,
    revision: int | None = None,
) -> Application:
    """Refuse registration 不予登记 for good, with a reason; the entry stays as it is."""
    row = _decided(session, application_id, caller, Move.REFUSED, revision)
    said = check_reason(reason, needed=True)
    ticks = _noted(row, rules, checklist)
    lapse(session, row)
    record_move(session, row, Move.REFUSED, caller, reason=said, checklist=ticks)
    tell_applicant(session, row, Move.REFUSED)
    return to_application(row)


def hand_over_application(
    session: Session,
    application_id: str,
    caller: Caller,
    *,
    to: MemberId,
    reason: str = "",
    revision: int | None = None,
) -> Application:
    """Give an application to another reviewer, or take it oneself.

    Raises :class:`Invalid` on ``to`` when that is no reviewer of the node.
    """
    row = locked(session, application_id, caller)
    check_reviewer(caller)
    check_move(row, Move.HANDED_OVER)
    check_revision(row, revision)
    if to not in {one.id for one in reviewers(session)}:
        raise Invalid(
            "this is no reviewer of the node",
            field="to",
            mend="choose a member who has the role “reviewer”",
        )
    said = check_reason(reason, needed=False)
    row.assigned = to
    record_move(session, row, Move.HANDED_OVER, caller, keep_deadline=True, reason=said)
    if to != caller.member:
        tell_reviewers(session, row, Move.HANDED_OVER)
    return to_application(row)


def _decided(
    session: Session, application_id: str, caller: Caller, move: Move, revision: int | None
) -> ApplicationRow:
    row = locked(session, application_id, caller)
    check_decides(session, caller, row)
    check_move(row, move)
    check_revision(row, revision)
    return row


def _noted(
    row: ApplicationRow, rules: Registration, ticks: Mapping[str, Tick] | None
) -> dict[str, Tick]:
    """What a reviewer noted on the checklist beside a decision that does not need it."""
    items = {item.id: item for item in items_for(ApplicationKind(row.kind), rules.checklist)}
    return check_known(items, ticks or {})
