"""What the node does by itself: end publicities, remind of deadlines."""

from datetime import datetime, timedelta

import structlog
from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from quanyu.catalogue.registration.course import locked
from quanyu.catalogue.registration.model import ApplicationState
from quanyu.catalogue.registration.publicity import end_publicity
from quanyu.catalogue.registration.tables import ApplicationRow
from quanyu.catalogue.registration.telling import remind_reviewers, waits
from quanyu.kernel import ControlStore, now

_log = structlog.get_logger(__name__)
BEFORE = timedelta(days=1)
_MOST = 200
_NEAR, _MISSED = 1, 2


def advance_applications(control: ControlStore, moment: datetime | None = None) -> int:
    """Register what has been through its publicity, remind of deadlines; how many were moved.

    Each application has its own transaction. What is left over is done next time.
    """
    at = moment or now()
    with control.read() as session:
        ended, due = _ended(session, at), _due(session, at)
    moved = 0
    for one in ended:
        with control.begin() as session:
            moved += end_publicity(session, one, at)
    for one in due:
        with control.begin() as session:
            _remind(session, one, at)
    if moved:
        _log.info("applications.registered", count=moved)
    return moved


def _ended(session: Session, at: datetime) -> list[str]:
    query = select(ApplicationRow.id).where(
        ApplicationRow.state == ApplicationState.PUBLICISED.value,
        ApplicationRow.paused_at.is_(None),
        ApplicationRow.publicity_until <= at,
    )
    return list(session.scalars(query.order_by(ApplicationRow.number).limit(_MOST)))


def _due(session: Session, at: datetime) -> list[str]:
    owed = (ApplicationState.SUBMITTED.value, ApplicationState.ACCEPTED.value)
    query = select(ApplicationRow.id).where(
        or_(ApplicationRow.state.in_(owed), ApplicationRow.paused_at.is_not(None)),
        or_(
            and_(ApplicationRow.deadline <= at, ApplicationRow.reminded < _MISSED),
            and_(ApplicationRow.deadline <= at + BEFORE, ApplicationRow.reminded < _NEAR),
        ),
    )
    return list(session.scalars(query.order_by(ApplicationRow.number).limit(_MOST)))


def _remind(session: Session, application_id: str, at: datetime) -> None:
    row = locked(session, application_id, None)
    if row.deadline is None or not waits(row):
        return
    missed = row.deadline <= at
    if row.reminded < (_MISSED if missed else _NEAR):
        row.reminded = _MISSED if missed else _NEAR
        remind_reviewers(session, row, missed=missed)
