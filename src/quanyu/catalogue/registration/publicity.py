"""Publicity 公示: what is proposed stands open to objections for a while; then it is registered."""

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from quanyu.catalogue.registration.course import (
    LONGEST_REASON,
    check_move,
    check_reason,
    check_revision,
    locked,
    no_application,
    record_move,
)
from quanyu.catalogue.registration.entering import settle
from quanyu.catalogue.registration.listing import to_application
from quanyu.catalogue.registration.model import (
    Application,
    ApplicationState,
    Move,
    Objection,
    ObjectionState,
)
from quanyu.catalogue.registration.rights import check_decides, check_reviewer, may_read, may_review
from quanyu.catalogue.registration.rules import Registration
from quanyu.catalogue.registration.tables import ApplicationRow, ObjectionRow
from quanyu.catalogue.registration.telling import tell_applicant, tell_objector, tell_reviewers
from quanyu.catalogue.validate import check_line
from quanyu.kernel import (
    Conflict,
    Invalid,
    MemberId,
    NotFound,
    PartyId,
    TooMany,
    add_working_days,
    new_id,
    now,
)
from quanyu.parties import Caller

MOST_OPEN = 50
_OPEN = ObjectionState.OPEN.value
_JUDGED = frozenset({ObjectionState.UPHELD.value, ObjectionState.DISMISSED.value})


def publicise(session: Session, row: ApplicationRow, caller: Caller, rules: Registration) -> None:
    """Lead on what has been reviewed: into publicity or, where there is none, into the register."""
    if rules.publicity_days == 0:
        done = settle(session, row, caller)
        tell_applicant(session, row, Move.REGISTERED if done else Move.RETURNED)
        return
    row.publicity_from = now()
    row.publicity_until = add_working_days(row.publicity_from, rules.publicity_days, rules.calendar)
    record_move(session, row, Move.PUBLICISED, caller, deadline=row.publicity_until)
    tell_applicant(session, row, Move.PUBLICISED)


def register_application(
    session: Session,
    application_id: str,
    caller: Caller,
    *,
    revision: int | None = None,
) -> Application:
    """Register what has been through its publicity, without waiting for the node to do so.

    Raises :class:`Conflict` while the period runs or an objection is open. When the entry itself
    forbids it the application is returned, with the reason.
    """
    row = locked(session, application_id, caller)
    check_decides(session, caller, row)
    check_move(row, Move.REGISTERED)
    check_revision(row, revision)
    if row.paused_at is not None:
        raise Conflict(
            "an objection is open", field="state", mend="uphold or dismiss it with a reason first"
        )
    if row.publicity_until is not None and row.publicity_until > now():
        raise Conflict(
            "the publicity has not ended yet", field="state", mend="wait until its period has ended"
        )
    done = settle(session, row, caller)
    tell_applicant(session, row, Move.REGISTERED if done else Move.RETURNED)
    return to_application(row)


def end_publicity(session: Session, application_id: str, moment: datetime) -> bool:
    """Register what nobody objected to in its time; whether it was due. The node does this."""
    row = locked(session, application_id, None)
    due = (
        row.state == ApplicationState.PUBLICISED.value
        and row.paused_at is None
        and row.publicity_until is not None
        and row.publicity_until <= moment
    )
    if due:
        done = settle(session, row, None)
        tell_applicant(session, row, Move.REGISTERED if done else Move.RETURNED)
    return due


def object_to(
    session: Session,
    application_id: str,
    caller: Caller,
    rules: Registration,
    *,
    text: str,
    contact: str = "",
) -> Objection:
    """Object to an application in publicity; its clock stands still until that is answered.

    Anybody may: who is not signed in gives a contact, which only reviewers see. Raises
    :class:`Invalid` for an empty or overlong text, :class:`Conflict` outside the period or when the
    caller has an open objection already, :class:`TooMany`, :class:`NotFound`.
    """
    row = locked(session, application_id, None)
    if row.publicity_from is None:
        raise no_application(application_id)
    check_move(row, Move.OBJECTED)
    moment = now()
    if row.paused_at is None and row.publicity_until is not None and row.publicity_until <= moment:
        raise Conflict("the publicity has ended", field="state", mend="write to the node instead")
    said = check_line(text, "text", LONGEST_REASON, lines=True)
    whom = check_line(contact, "contact", 200)
    if not said:
        raise Invalid("an objection needs words", field="text", mend="say what is wrong, and why")
    if caller.anonymous and not whom:
        raise Invalid(
            "a contact is needed from who is not signed in",
            field="contact",
            mend="give an e-mail address or a telephone number, or sign in",
        )
    _check_room(session, row, caller)
    made = ObjectionRow(
        id=new_id("objection"),
        application=row.id,
        at=moment,
        party=caller.party,
        member=caller.member,
        contact=whom,
        text=said,
        state=_OPEN,
        answer="",
    )
    session.add(made)
    if row.paused_at is None:
        row.paused_at = moment
        row.deadline = add_working_days(moment, rules.review_days, rules.calendar)
        row.reminded = 0
    session.flush()
    record_move(session, row, Move.OBJECTED, caller, keep_deadline=True)
    tell_reviewers(session, row, Move.OBJECTED)
    tell_applicant(session, row, Move.OBJECTED)
    return to_objection(made)


def answer_objection(
    session: Session,
    objection_id: str,
    caller: Caller,
    *,
    uphold: bool,
    answer: str,
    revision: int | None = None,
) -> Application:
    """Uphold an objection, which returns the application, or dismiss it; both with a reason.

    When none is open any more the clock goes on from where it stood. Raises :class:`Refused`,
    :class:`Invalid` without a reason, :class:`Conflict` when it has been answered already.
    """
    check_reviewer(caller)
    found = _objection(session, objection_id)
    row = locked(session, found.application, caller)
    session.refresh(found)
    check_decides(session, caller, row)
    check_revision(row, revision)
    said = check_reason(answer, needed=True)
    if found.state != _OPEN:
        raise Conflict("this objection has been answered already", field="objection")
    check_move(row, Move.ANSWERED)
    found.state = (ObjectionState.UPHELD if uphold else ObjectionState.DISMISSED).value
    found.answer, found.answered_at, found.answered_by = said, now(), caller.member
    session.flush()
    if not uphold and not _open(session, row.id):
        go_on(row)
    record_move(
        session, row, Move.ANSWERED, caller, reason=said,
        deadline=row.deadline if row.paused_at else row.publicity_until,
    )  # fmt: skip
    if uphold:
        lapse(session, row)
        row.comments = {}
        record_move(session, row, Move.RETURNED, caller, reason=said)
        tell_applicant(session, row, Move.RETURNED)
    tell_objector(session, row, found)
    return to_application(row)


def objections(session: Session, application_id: str, *, visible_to: Caller) -> list[Objection]:
    """Objections to an application, earliest first.

    Everybody may read those that a reviewer has judged; the applicant and the node read all of
    them, and only reviewers the contact. Raises :class:`NotFound` for one that was never in
    publicity.
    """
    row = session.scalar(
        select(ApplicationRow).where(ApplicationRow.id == application_id)
    ) if application_id.isprintable() else None  # fmt: skip
    if row is None or not (row.publicity_from or may_read(visible_to, row)):
        raise no_application(application_id)
    inside, reviewer = may_read(visible_to, row), may_review(visible_to)
    rows = session.scalars(
        select(ObjectionRow)
        .where(ObjectionRow.application == application_id)
        .order_by(ObjectionRow.number)
    )
    return [to_objection(one, contact=reviewer) for one in rows if inside or one.state in _JUDGED]


def open_objections(session: Session, application_id: str) -> int:
    """How many objections wait for an answer."""
    return _open(session, application_id)


def lapse(session: Session, row: ApplicationRow) -> None:
    """End the clock, and what objections are left, when an application leaves publicity."""
    row.paused_at = None
    session.execute(
        update(ObjectionRow)
        .where(ObjectionRow.application == row.id, ObjectionRow.state == _OPEN)
        .values(state=ObjectionState.LAPSED.value, answered_at=now())
    )


def go_on(row: ApplicationRow) -> None:
    """Let the clock go on: the publicity lasts longer by as long as it stood still."""
    assert row.paused_at is not None and row.publicity_until is not None  # noqa: S101, PT018
    row.publicity_until += now() - row.paused_at
    row.paused_at = None


def to_objection(row: ObjectionRow, *, contact: bool = True) -> Objection:
    """The objection that a row holds."""
    return Objection(
        id=row.id,
        application=row.application,
        at=row.at,
        party=None if row.party is None else PartyId(row.party),
        member=None if row.member is None else MemberId(row.member),
        contact=row.contact if contact else "",
        text=row.text,
        state=ObjectionState(row.state),
        answer=row.answer,
        answered_at=row.answered_at,
    )


def _open(session: Session, application_id: str) -> int:
    return session.execute(
        select(func.count(ObjectionRow.id)).where(
            ObjectionRow.application == application_id, ObjectionRow.state == _OPEN
        )
    ).scalar_one()


def _check_room(session: Session, row: ApplicationRow, caller: Caller) -> None:
    if _open(session, row.id) >= MOST_OPEN:
        raise TooMany("as many objections as can be answered at a time are open already")
    if caller.member is not None and session.scalar(
        select(ObjectionRow.id).where(
            ObjectionRow.application == row.id,
            ObjectionRow.state == _OPEN,
            ObjectionRow.member == caller.member,
        )
    ):
        raise Conflict(
            "you have an open objection already", field="text", mend="wait for its answer"
        )


def _objection(session: Session, objection_id: str) -> ObjectionRow:
    row = None
    if objection_id.isprintable():
        row = session.scalar(select(ObjectionRow).where(ObjectionRow.id == objection_id))
    if row is None:
        raise NotFound("there is no objection {id}", id=objection_id[:80])
    return row
