"""Correction requests 校核纠错: filed by anybody, answered in time, or told to the node."""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.catalogue.codes import State
from quanyu.catalogue.entries import resource
from quanyu.catalogue.feedback.correction_rows import correction_row, to_correction
from quanyu.catalogue.feedback.limits import address, check_rate, optional, signed_in, written
from quanyu.catalogue.feedback.model import (
    Correction,
    CorrectionChanged,
    CorrectionDraft,
    CorrectionState,
)
from quanyu.catalogue.feedback.tables import CorrectionRow
from quanyu.catalogue.model import Resource
from quanyu.catalogue.rights import check_writes
from quanyu.kernel import (
    Calendar,
    Conflict,
    Invalid,
    MemberId,
    PartyId,
    ResourceId,
    Unauthenticated,
    add_working_days,
    announce,
    new_id,
    now,
    owe,
)
from quanyu.parties import Caller, Role, node_party, notify

PER_HOUR = 20
_DESK = frozenset({Role.SUPPLIER, Role.STEWARD})
_OVER = (CorrectionState.REFUSED, CorrectionState.CORRECTED, CorrectionState.WITHDRAWN)


def file_correction(
    session: Session,
    resource_id: ResourceId,
    draft: CorrectionDraft,
    caller: Caller,
    *,
    calendar: Calendar,
    days: int,
    anonymous: bool = False,
    per_hour: int = PER_HOUR,
) -> Correction:
    """Say what is wrong in an entry or its data; the provider owes an answer in ``days`` working
    days, and is told.

    ``anonymous``: whether somebody without an account may, who then has to leave a contact.
    Raises :class:`Invalid` naming the field, :class:`TooMany` beyond ``per_hour``,
    :class:`Unauthenticated` for nobody where that is not allowed.
    """
    of = resource(session, resource_id, visible_to=caller)
    party: PartyId | None = None
    member: MemberId | None = None
    if not (anonymous and caller.anonymous):
        party, member = signed_in(caller)
    elif of.state is not State.PUBLISHED:
        raise Unauthenticated("sign in to write here", mend="sign in with your account")
    said = _checked(draft, nameless=member is None)
    check_rate(session, CorrectionRow.member, CorrectionRow.at, member, per_hour)
    moment = now()
    row = CorrectionRow(
        id=new_id("correction"),
        resource=of.id,
        provider=of.provider,
        version=said.version,
        record=said.record,
        field=said.field,
        wrong=said.wrong,
        right=said.right,
        evidence=said.evidence,
        party=party,
        member=member,
        contact=said.contact,
        state=CorrectionState.OPEN.value,
        revision=1,
        at=moment,
        due_at=add_working_days(moment, days, calendar),
        escalated_at=None,
        answered_at=None,
        answer="",
        correct_by=None,
        done_at=None,
        done_version=None,
    )
    session.add(row)
    session.flush()
    _note(session, row, "filed", caller)
    notify(
        session,
        to=of.provider,
        topic="correction",
        message="a correction of “{title}” is asked for; answer by {day}",
        params={"title": of.title, "day": _day(row.due_at, calendar)},
        link=f"/corrections/{row.id}",
        roles=_DESK,
    )
    return to_correction(row, caller)


def answer_correction(
    session: Session,
    correction: str,
    caller: Caller,
    *,
    accept: bool,
    answer: str = "",
    revision: int,
    calendar: Calendar,
    days: int,
) -> Correction:
    """Accept (to be put right within ``days`` working days) or refuse with a reason.

    For suppliers and stewards of the provider and those of the node. Raises :class:`Conflict` when
    it has been answered or changed since ``revision``.
    """
    row, of = _owed(session, correction, caller, revision, CorrectionState.OPEN)
    said = optional(answer, "answer") if accept else written(answer, "answer")
    row.answer, row.answered_at = said, now()
    row.state = (CorrectionState.ACCEPTED if accept else CorrectionState.REFUSED).value
    if accept:
        row.correct_by = add_working_days(row.answered_at, days, calendar)
    _moved(session, row, "accepted" if accept else "refused", caller)
    _tell_asker(session, row, of)
    return to_correction(row, caller)


def close_correction(
    session: Session,
    correction: str,
    caller: Caller,
    *,
    revision: int,
    version: int | None = None,
    answer: str = "",
) -> Correction:
    """Say that an accepted one has been put right, in which version of the data if in one."""
    row, of = _owed(session, correction, caller, revision, CorrectionState.ACCEPTED)
    row.done_at, row.done_version = now(), version
    row.answer = optional(answer, "answer") or row.answer
    row.state = CorrectionState.CORRECTED.value
    _moved(session, row, "corrected", caller)
    _tell_asker(session, row, of)
    return to_correction(row, caller)


def withdraw_correction(
    session: Session, correction: str, caller: Caller, *, revision: int
) -> Correction:
    """Take one's own request back while it is open."""
    row = correction_row(session, correction, caller)
    _, member = signed_in(caller)
    if row.member != member:
        raise Conflict(
            "only who asked can take it back", field="correction", mend="write to the provider"
        )
    _check_stands(row, revision, CorrectionState.OPEN)
    row.state, row.done_at = CorrectionState.WITHDRAWN.value, now()
    _moved(session, row, "withdrawn", caller)
    return to_correction(row, caller)


def escalate_corrections(session: Session, *, at: datetime | None = None) -> int:
    """Tell the node's stewards of requests whose provider has not answered, or not put right what
    it accepted, in time: each once a stage; how many. For a duty."""
    moment = at or now()
    bureau = node_party(session)
    query = (
        select(CorrectionRow)
        .where(
            (
                (CorrectionRow.state == CorrectionState.OPEN.value)
                & (CorrectionRow.due_at <= moment)
                & CorrectionRow.escalated_at.is_(None)
            )
            | (
                (CorrectionRow.state == CorrectionState.ACCEPTED.value)
                & (CorrectionRow.correct_by <= moment)
                & (
                    CorrectionRow.escalated_at.is_(None)
                    | (CorrectionRow.escalated_at < CorrectionRow.correct_by)
                )
            )
        )
        .order_by(CorrectionRow.number)
        .limit(200)
    )
    count = 0
    for row in session.scalars(query):
        of = resource(session, row.resource)
        row.escalated_at = moment
        _note(session, row, "escalated", None)
        for to, roles in ((bureau.id if bureau else None, {Role.STEWARD}), (of.provider, _DESK)):
            if to is not None:
                notify(
                    session,
                    to=to,
                    topic="correction",
                    message="a correction of “{title}” is overdue",
                    params={"title": of.title},
                    link=f"/corrections/{row.id}",
                    roles=frozenset(roles),
                    key=f"overdue:{row.id}:{row.state}",
                )
        count += 1
    return count


def _checked(draft: CorrectionDraft, *, nameless: bool) -> CorrectionDraft:
    contact = optional(draft.contact, "contact", 300) if nameless else ""
    if nameless and not contact:
        raise Invalid(
            "leave an address where you can be answered",
            field="contact",
            mend="give an e-mail address or a telephone number, or sign in",
        )
    if draft.version is not None and not 1 <= draft.version < 2**31:
        raise Invalid("there is no such version", field="version", mend="leave it out")
    return replace(
        draft,
        wrong=written(draft.wrong, "wrong"),
        right=optional(draft.right, "right"),
        record=optional(draft.record, "record", 500),
        field=optional(draft.field, "field", 500),
        evidence=address(draft.evidence, "evidence") if draft.evidence.strip() else "",
        contact=contact,
    )


def _owed(
    session: Session, correction: str, caller: Caller, revision: int, state: CorrectionState
) -> tuple[CorrectionRow, Resource]:
    row = correction_row(session, correction, caller)
    check_writes(caller, PartyId(row.provider))
    _check_stands(row, revision, state)
    return row, resource(session, row.resource)


def _check_stands(row: CorrectionRow, revision: int, state: CorrectionState) -> None:
    if row.revision != revision or row.state != state.value:
        raise Conflict(
            "this request has been dealt with meanwhile",
            field="revision",
            mend="open it again and look",
        )


def _moved(session: Session, row: CorrectionRow, step: str, caller: Caller) -> None:
    row.revision += 1
    if CorrectionState(row.state) in _OVER:
        row.contact = ""
    session.flush()
    _note(session, row, step, caller)


def _note(session: Session, row: CorrectionRow, step: str, caller: Caller | None) -> None:
    owe(
        session,
        f"correction.{step}",
        row.id,
        {
            "resource": row.resource,
            "provider": row.provider,
            "by": (caller.party or "") if caller else "",
            "state": row.state,
            "revision": row.revision,
        },
    )
    by = caller.member if caller else None
    state = CorrectionState(row.state)
    announce(
        session,
        CorrectionChanged(row.id, ResourceId(row.resource), PartyId(row.provider), state, by),
    )


def _tell_asker(session: Session, row: CorrectionRow, of: Resource) -> None:
    if row.party is None or row.member is None:
        return
    state = CorrectionState(row.state)
    notify(
        session,
        to=PartyId(row.party),
        topic="correction",
        message=(
            "your correction of “{title}” was accepted"
            if state is CorrectionState.ACCEPTED
            else "your correction of “{title}” was refused: {answer}"
            if state is CorrectionState.REFUSED
            else "“{title}” has been corrected as you asked"
        ),
        params={"title": of.title, "answer": row.answer[:300]},
        link=f"/corrections/{row.id}",
        members=[MemberId(row.member)],
    )


def _day(moment: datetime, calendar: Calendar) -> str:
    """The last day on which it is not late: a deadline is the midnight that ends a day."""
    return calendar.day_of(moment - timedelta(seconds=1)).isoformat()
