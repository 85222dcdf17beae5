"""Applications read: one, a page of them, how many there are, what happened to one."""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select
from sqlalchemy.orm import Session

from quanyu.catalogue.property_rights import rights_from
from quanyu.catalogue.registration.course import no_application
from quanyu.catalogue.registration.model import (
    Application,
    ApplicationKind,
    ApplicationPage,
    ApplicationState,
    ApplicationStep,
    Move,
    Tick,
)
from quanyu.catalogue.registration.rights import may_read, readable
from quanyu.catalogue.registration.tables import ApplicationRow, ApplicationStepRow
from quanyu.catalogue.rows import undocument
from quanyu.kernel import Invalid, LeafId, MemberId, Moment, PartyId, ResourceId, now
from quanyu.parties import Caller

_FAR = datetime.fromisoformat("9999-01-01T00:00:00+00:00")


def application(session: Session, application_id: str, *, visible_to: Caller) -> Application:
    """The application; :class:`NotFound` when there is none that the caller may know of."""
    row = _row(session, application_id)
    if row is None or not may_read(visible_to, row):
        raise no_application(application_id)
    return to_application(row)


def open_application(session: Session, resource_id: ResourceId) -> Application | None:
    """The application under way for a resource, whoever asks: check what you show of it."""
    row = session.scalar(select(ApplicationRow).where(ApplicationRow.open_of == resource_id))
    return None if row is None else to_application(row)


def publicised_application(session: Session, application_id: str) -> Application:
    """One that is or was in publicity, for anybody; raises :class:`NotFound`."""
    row = _row(session, application_id)
    if row is None or row.publicity_from is None:
        raise no_application(application_id)
    return to_application(row)


def publicised(session: Session, *, limit: int = 50, after: str | None = None) -> ApplicationPage:
    """What is in publicity now, for anybody; what ends first comes first."""
    here = ApplicationRow.state == ApplicationState.PUBLICISED.value
    return _page(session, [here], "deadline", limit, after)


def applications(
    session: Session,
    caller: Caller,
    *,
    states: frozenset[ApplicationState] = frozenset(),
    kinds: frozenset[ApplicationKind] = frozenset(),
    providers: frozenset[PartyId] = frozenset(),
    resource_id: str | None = None,
    assigned: MemberId | None = None,
    own: bool = False,
    overdue: bool = False,
    sort: str = "newest",
    limit: int = 50,
    after: str | None = None,
) -> ApplicationPage:
    """Applications that the caller may read; ``own`` keeps those of the caller's party.

    ``sort`` is ``newest`` or ``deadline`` (what is owed first comes first). Raises
    :class:`Invalid` on ``sort``, ``limit`` or ``after``.
    """
    wanted = [readable(caller)]
    if own:
        mine = (ApplicationRow.provider, ApplicationRow.party)
        wanted.append(or_(*(column == (caller.party or "") for column in mine)))
    for column, values in (
        (ApplicationRow.state, states),
        (ApplicationRow.kind, kinds),
        (ApplicationRow.provider, providers),
    ):
        if values:
            wanted.append(column.in_([str(value) for value in values if value.isprintable()]))
    if resource_id is not None:
        wanted.append(ApplicationRow.resource == resource_id)
    if assigned is not None:
        wanted.append(ApplicationRow.assigned == assigned)
    if overdue:
        wanted.append(is_overdue(now()))
    return _page(session, wanted, sort, limit, after)


def application_counts(session: Session, caller: Caller) -> Mapping[ApplicationState, int]:
    """How many applications that the caller may read stand in each state."""
    rows = session.execute(
        select(ApplicationRow.state, func.count())
        .where(readable(caller))
        .group_by(ApplicationRow.state)
    )
    found = {ApplicationState(state): count for state, count in rows}
    return {state: found.get(state, 0) for state in ApplicationState}


def overdue_applications(session: Session, caller: Caller) -> int:
    """How many that the caller may read wait longer than they should."""
    wanted = and_(readable(caller), is_overdue(now()))
    return session.execute(select(func.count()).where(wanted)).scalar_one()


def missed_deadlines(session: Session, since: datetime) -> list[tuple[Move, PartyId, int]]:
    """Steps taken after their deadline since then: how many, by move and provider."""
    rows = session.execute(
        select(ApplicationStepRow.move, ApplicationRow.provider, func.count())
        .join(ApplicationRow, ApplicationRow.id == ApplicationStepRow.application)
        .where(ApplicationStepRow.late.is_(True), ApplicationStepRow.at >= since)
        .group_by(ApplicationStepRow.move, ApplicationRow.provider)
        .order_by(ApplicationStepRow.move, ApplicationRow.provider)
    )
    return [(Move(move), PartyId(provider), count) for move, provider, count in rows]


def application_steps(
    session: Session, application_id: str, *, visible_to: Caller
) -> list[ApplicationStep]:
    """What happened to an application, earliest first; who may read it may read these."""
    application(session, application_id, visible_to=visible_to)
    rows = session.scalars(
        select(ApplicationStepRow)
        .where(ApplicationStepRow.application == application_id)
        .order_by(ApplicationStepRow.number)
    )
    return [
        ApplicationStep(
            at=row.at,
            move=Move(row.move),
            state=ApplicationState(row.state),
            revision=row.revision,
            party=None if row.party is None else PartyId(row.party),
            member=None if row.member is None else MemberId(row.member),
            reason=row.reason,
            comments=row.comments,
            checklist={name: Tick(**tick) for name, tick in row.checklist.items()},
            late=row.late,
            leaf=LeafId(row.leaf),
        )
        for row in rows
    ]


def is_overdue(moment: datetime) -> ColumnElement[bool]:
    """Rows whose next step was owed before ``moment``; publicity ends by itself."""
    waits = (ApplicationState.SUBMITTED.value, ApplicationState.ACCEPTED.value)
    owed = or_(ApplicationRow.state.in_(waits), ApplicationRow.paused_at.is_not(None))
    return and_(owed, ApplicationRow.deadline < moment)


def to_application(row: ApplicationRow) -> Application:
    """The application that a row holds."""
    proposed, base = undocument(row.proposed), undocument(row.base)
    return Application(
        id=row.id,
        resource=ResourceId(row.resource),
        slug=base.slug,
        kind=ApplicationKind(row.kind),
        state=ApplicationState(row.state),
        provider=PartyId(row.provider),
        party=PartyId(row.party),
        member=_member(row.member),
        submitter=_member(row.submitter),
        assigned=_member(row.assigned),
        title=proposed.title,
        proposed=proposed,
        base=base,
        base_revision=row.base_revision,
        rights=None if row.rights is None else rights_from(row.rights),
        rights_base=rights_from(row.rights_base or ()),
        revision=row.revision,
        reason=row.reason,
        approvals=tuple(row.approvals),
        approvals_needed=row.approvals_needed,
        comments=row.comments,
        created_at=row.created_at,
        updated_at=row.updated_at,
        submitted_at=row.submitted_at,
        deadline=row.deadline,
        publicity_from=row.publicity_from,
        publicity_until=row.publicity_until,
        paused_at=row.paused_at,
    )


def _row(session: Session, application_id: str) -> ApplicationRow | None:
    if not application_id.isprintable():
        return None
    return session.scalar(select(ApplicationRow).where(ApplicationRow.id == application_id))


def _member(member: str | None) -> MemberId | None:
    return None if member is None else MemberId(member)


def _page(
    session: Session,
    wanted: list[ColumnElement[bool]],
    sort: str,
    limit: int,
    after: str | None,
) -> ApplicationPage:
    if not 1 <= limit <= 1000:
        raise Invalid("a page has 1 to 1000 items", field="limit", mend="ask for fewer")
    total = session.execute(select(func.count(ApplicationRow.id)).where(*wanted)).scalar_one()
    query: Select[Any] = select(ApplicationRow).where(*wanted).limit(limit + 1)
    number, due = (
        ApplicationRow.number,
        func.coalesce(ApplicationRow.deadline, literal(_FAR, Moment())),
    )
    match sort:
        case "newest":
            query = query.order_by(number.desc())
            if after is not None:
                query = query.where(number < _read_token(sort, after)[1])
        case "deadline":
            query = query.order_by(due, number)
            if after is not None:
                at, last = _read_token(sort, after)
                query = query.where(or_(due > at, and_(due == at, number > last)))
        case _:
            raise Invalid("there is no such order", field="sort", mend="choose newest or deadline")
    rows = list(session.scalars(query))
    more = _token(sort, rows[limit - 1]) if len(rows) > limit else None
    return ApplicationPage(tuple(to_application(row) for row in rows[:limit]), total, more)


def _token(sort: str, row: ApplicationRow) -> str:
    key = orjson.dumps([sort, (row.deadline or _FAR).isoformat(), row.number])
    return base64.urlsafe_b64encode(key).decode().rstrip("=")


def _read_token(sort: str, token: str) -> tuple[datetime, int]:
    try:
        data = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        order, at, number = orjson.loads(data)
        moment = datetime.fromisoformat(at)
        if order == sort and moment.tzinfo and type(number) is int and 0 < number < 2**63:
            return moment, number
    except (binascii.Error, ValueError, TypeError):
        pass
    raise Invalid(
        "this page token is not of this list", field="after", mend="begin with the first page again"
    )
