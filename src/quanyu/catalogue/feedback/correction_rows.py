"""Correction requests read: one, a page of them, how they are dealt with."""

from collections.abc import Iterable
from datetime import datetime
from statistics import median

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from quanyu.catalogue.feedback.model import (
    Correction,
    CorrectionFigures,
    CorrectionPage,
    CorrectionState,
)
from quanyu.catalogue.feedback.tables import CorrectionRow
from quanyu.catalogue.rights import may_write, visible_rows
from quanyu.catalogue.tables import ResourceRow
from quanyu.kernel import Invalid, NotFound, PartyId, ResourceId
from quanyu.parties import Caller

_DAY_S = 86_400


def correction(session: Session, correction_id: str, caller: Caller) -> Correction:
    """One request; :class:`NotFound` when there is none on an entry that the caller may see."""
    return to_correction(correction_row(session, correction_id, caller), caller)


def corrections(
    session: Session,
    caller: Caller,
    *,
    resource_id: ResourceId | None = None,
    provider: PartyId | None = None,
    states: frozenset[CorrectionState] = frozenset(),
    mine: bool = False,
    overdue_at: datetime | None = None,
    limit: int = 50,
    after: str | None = None,
) -> CorrectionPage:
    """Requests on entries that the caller may see, the latest first.

    ``mine`` keeps the caller's own, ``overdue_at`` those whose provider is late at that time.
    """
    if not 1 <= limit <= 1000:
        raise Invalid("a page has 1 to 1000 items", field="limit", mend="ask for fewer")
    query = (
        select(CorrectionRow)
        .join(ResourceRow, ResourceRow.id == CorrectionRow.resource)
        .where(visible_rows(caller))
        .order_by(CorrectionRow.number.desc())
        .limit(limit + 1)
    )
    if resource_id is not None:
        query = query.where(CorrectionRow.resource == resource_id)
    if provider is not None:
        query = query.where(CorrectionRow.provider == provider)
    if states:
        query = query.where(CorrectionRow.state.in_([state.value for state in states]))
    if mine:
        query = query.where(CorrectionRow.member == (caller.member or ""))
    if overdue_at is not None:
        query = query.where(_overdue(overdue_at))
    if after is not None:
        if not (after.isascii() and after.isdigit() and len(after) < 18):
            raise Invalid("this page token is not of this list", field="after", mend="begin again")
        query = query.where(CorrectionRow.number < int(after))
    rows = list(session.scalars(query))
    more = str(rows[limit - 1].number) if len(rows) > limit else None
    return CorrectionPage(tuple(to_correction(row, caller) for row in rows[:limit]), more)


def correction_figures(
    session: Session,
    moment: datetime,
    *,
    resource_id: ResourceId | None = None,
    provider: PartyId | None = None,
) -> list[CorrectionFigures]:
    """How requests are dealt with: all of them together first, then by provider."""
    query = select(
        CorrectionRow.provider,
        CorrectionRow.state,
        CorrectionRow.at,
        CorrectionRow.due_at,
        CorrectionRow.answered_at,
        CorrectionRow.correct_by,
    )
    if resource_id is not None:
        query = query.where(CorrectionRow.resource == resource_id)
    if provider is not None:
        query = query.where(CorrectionRow.provider == provider)
    rows = [tuple(row) for row in session.execute(query)]
    parties = sorted({str(row[0]) for row in rows})
    return [
        _figures(None, rows, moment),
        *(_figures(PartyId(p), [r for r in rows if r[0] == p], moment) for p in parties),
    ]


def correction_row(session: Session, correction_id: str, caller: Caller) -> CorrectionRow:
    """The row of a request that the caller may see, locked; raises :class:`NotFound`."""
    row = None
    if correction_id.isprintable() and len(correction_id) <= 40:
        row = session.scalar(
            select(CorrectionRow)
            .join(ResourceRow, ResourceRow.id == CorrectionRow.resource)
            .where(CorrectionRow.id == correction_id, visible_rows(caller))
            .with_for_update(of=CorrectionRow)
        )
    if row is None:
        raise NotFound("there is no correction request {id}", id=correction_id[:80])
    return row


def to_correction(row: CorrectionRow, caller: Caller) -> Correction:
    """A row as the caller may see it."""
    return Correction(
        id=row.id,
        resource=ResourceId(row.resource),
        provider=PartyId(row.provider),
        version=row.version,
        record=row.record,
        field=row.field,
        wrong=row.wrong,
        right=row.right,
        evidence=row.evidence,
        party=None if row.party is None else PartyId(row.party),
        own=row.member is not None and caller.member == row.member,
        contact=row.contact if row.contact and may_write(caller, PartyId(row.provider)) else "",
        state=CorrectionState(row.state),
        revision=row.revision,
        at=row.at,
        due_at=row.due_at,
        escalated_at=row.escalated_at,
        answered_at=row.answered_at,
        answer=row.answer,
        correct_by=row.correct_by,
        done_at=row.done_at,
        done_version=row.done_version,
    )


def _overdue(moment: datetime) -> ColumnElement[bool]:
    return or_(
        and_(CorrectionRow.state == CorrectionState.OPEN.value, CorrectionRow.due_at <= moment),
        and_(
            CorrectionRow.state == CorrectionState.ACCEPTED.value,
            CorrectionRow.correct_by <= moment,
        ),
    )


def _figures(
    provider: PartyId | None, rows: Iterable[tuple[object, ...]], moment: datetime
) -> CorrectionFigures:
    counts = dict.fromkeys(CorrectionState, 0)
    overdue = in_time = 0
    took = []
    for _, state, at, due, answered, correct_by in rows:
        found = CorrectionState(str(state))
        counts[found] += 1
        owed = due if found is CorrectionState.OPEN else correct_by
        late = found in (CorrectionState.OPEN, CorrectionState.ACCEPTED)
        overdue += late and isinstance(owed, datetime) and owed <= moment
        if isinstance(answered, datetime) and isinstance(at, datetime):
            took.append((answered - at).total_seconds() / _DAY_S)
            in_time += isinstance(due, datetime) and answered <= due
    return CorrectionFigures(
        provider=provider,
        filed=sum(counts.values()),
        open=counts[CorrectionState.OPEN],
        overdue=overdue,
        accepted=counts[CorrectionState.ACCEPTED],
        refused=counts[CorrectionState.REFUSED],
        corrected=counts[CorrectionState.CORRECTED],
        in_time=in_time,
        median_days=median(took) if took else None,
    )
