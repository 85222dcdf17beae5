"""The course of an application: which move leads from where, noted and owed each time."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.catalogue.registration.model import (
    ApplicationKind,
    ApplicationMoved,
    ApplicationState,
    Move,
    Tick,
)
from quanyu.catalogue.registration.rights import may_read
from quanyu.catalogue.registration.tables import ApplicationRow, ApplicationStepRow
from quanyu.catalogue.validate import check_line
from quanyu.kernel import (
    Conflict,
    Invalid,
    NotFound,
    ResourceId,
    announce,
    blind,
    canonical,
    now,
    owe,
    sha256_hex,
)
from quanyu.parties import Caller

_S = ApplicationState
FROM: dict[Move, frozenset[ApplicationState]] = {
    Move.SUBMITTED: frozenset({_S.DRAFT, _S.RETURNED}),
    Move.ACCEPTED: frozenset({_S.SUBMITTED}),
    Move.HANDED_OVER: frozenset({_S.SUBMITTED, _S.ACCEPTED, _S.PUBLICISED}),
    Move.APPROVED: frozenset({_S.ACCEPTED}),
    Move.REVIEWED: frozenset({_S.ACCEPTED}),
    Move.PUBLICISED: frozenset({_S.REVIEWED}),
    Move.OBJECTED: frozenset({_S.PUBLICISED}),
    Move.ANSWERED: frozenset({_S.PUBLICISED}),
    Move.REGISTERED: frozenset({_S.REVIEWED, _S.PUBLICISED}),
    Move.RETURNED: frozenset({_S.SUBMITTED, _S.ACCEPTED, _S.REVIEWED, _S.PUBLICISED}),
    Move.REFUSED: frozenset({_S.SUBMITTED, _S.ACCEPTED, _S.PUBLICISED}),
    Move.RECALLED: frozenset({_S.DRAFT, _S.RETURNED, _S.SUBMITTED, _S.ACCEPTED, _S.PUBLICISED}),
}
"""From which states each move may be made."""

TO: dict[Move, ApplicationState] = {
    Move.DRAFTED: _S.DRAFT,
    Move.SUBMITTED: _S.SUBMITTED,
    Move.ACCEPTED: _S.ACCEPTED,
    Move.REVIEWED: _S.REVIEWED,
    Move.PUBLICISED: _S.PUBLICISED,
    Move.REGISTERED: _S.REGISTERED,
    Move.RETURNED: _S.RETURNED,
    Move.REFUSED: _S.REFUSED,
    Move.RECALLED: _S.RECALLED,
}
"""Where each move leads; the others leave an application where it is."""

ENDED = frozenset({_S.REGISTERED, _S.REFUSED, _S.RECALLED})
EDITABLE = frozenset({_S.DRAFT, _S.RETURNED})
LONGEST_REASON = 2_000
_MOST_COMMENTS, _LONGEST_COMMENT = 200, 1_000


def locked(session: Session, application_id: str, caller: Caller | None) -> ApplicationRow:
    """The row, held until this transaction ends; ``caller`` is ``None`` for the program itself.

    Raises :class:`NotFound` when there is none that the caller may know of.
    """
    row = None
    if application_id.isprintable():  # PostgreSQL takes no NUL, not even in a question
        row = session.scalar(
            select(ApplicationRow)
            .where(ApplicationRow.id == application_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    if row is None or not (caller is None or may_read(caller, row)):
        raise no_application(application_id)
    return row


def no_application(application_id: str) -> NotFound:
    """The error for an application that is not there, or not for the caller to know of."""
    return NotFound("there is no application {id}", id=application_id[:80])


def check_revision(row: ApplicationRow, revision: int | None) -> None:
    """Raise :class:`Conflict` when the application is not as it was when the caller read it."""
    if revision is not None and revision != row.revision:
        raise Conflict(
            "the application has been changed since you read it: it is at revision {revision}",
            field="revision",
            mend="read it again and repeat your step",
            revision=row.revision,
        )


def check_move(row: ApplicationRow, move: Move) -> None:
    """Raise :class:`Conflict` when ``move`` cannot be made from where the application stands."""
    if ApplicationState(row.state) not in FROM[move]:
        raise Conflict(
            "an application in the state “{state}” cannot be {move}",
            field="state",
            mend="possible from: {states}",
            state=row.state,
            move=move.value,
            states=", ".join(sorted(FROM[move])),
        )


def check_reason(reason: str, *, needed: bool) -> str:
    """``reason`` with blanks cut; :class:`Invalid` when it is too long, or needed and not given."""
    said = check_line(reason, "reason", LONGEST_REASON, lines=True)
    if needed and not said:
        raise Invalid(
            "a reason is needed", field="reason", mend="say why, so that it can be mended"
        )
    return said


def check_comments(comments: Mapping[str, str]) -> dict[str, str]:
    """Words on single fields, empty ones left out; raises :class:`Invalid`."""
    if len(comments) > _MOST_COMMENTS:
        raise Invalid("at most {most} are allowed here", field="comments", most=_MOST_COMMENTS)
    checked = {
        check_line(name, "comments", 100): check_line(
            text, f"comments.{name[:80]}", _LONGEST_COMMENT, lines=True
        )
        for name, text in comments.items()
    }
    return {name: text for name, text in checked.items() if text}


def record_move(
    session: Session,
    row: ApplicationRow,
    move: Move,
    caller: Caller | None,
    *,
    deadline: datetime | None = None,
    keep_deadline: bool = False,
    reason: str = "",
    comments: Mapping[str, str] | None = None,
    checklist: Mapping[str, Tick] | None = None,
) -> None:
    """Put the row where ``move`` leads, note the step, owe ``application.<move>``, announce it.

    The leaf commits to what is proposed by its digest, the contact left out, and to the reason by a
    blinded one: both may name a person.
    """
    moment = now()
    late = row.deadline is not None and moment > row.deadline
    state = TO.get(move, ApplicationState(row.state))
    row.state = state.value
    row.revision += 1
    row.updated_at = moment
    row.open_of = None if state in ENDED else row.resource
    if not keep_deadline:
        row.deadline, row.reminded = deadline, 0
    party = None if caller is None else caller.party
    described = {name: value for name, value in row.proposed.items() if name != "contact"}
    rights = "" if row.rights is None else sha256_hex(canonical({"rights": row.rights}))
    leaf = owe(
        session,
        f"application.{move.value}",
        row.id,
        {
            "resource": row.resource,
            "application_kind": row.kind,
            "state": row.state,
            "revision": row.revision,
            "provider": row.provider,
            "by": party or "",
            "reason": blind(reason, row.salt) if reason else "",
            "sha256": sha256_hex(canonical(described)),
            "rights_sha256": rights,
        },
    )
    session.add(
        ApplicationStepRow(
            application=row.id,
            at=moment,
            move=move.value,
            state=row.state,
            revision=row.revision,
            party=party,
            member=None if caller is None else caller.member,
            reason=reason,
            comments=dict(comments or {}),
            checklist={name: asdict(tick) for name, tick in (checklist or {}).items()},
            late=late and move is not Move.OBJECTED,
            leaf=leaf,
        )
    )
    session.flush()
    announce(
        session,
        ApplicationMoved(row.id, ResourceId(row.resource), ApplicationKind(row.kind), move, state),
    )
