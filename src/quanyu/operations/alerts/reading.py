"""Alerts listed, counted, found: of what the reader may see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from quanyu.kernel import MemberId, NotFound, PartyId, ResourceId, now
from quanyu.operations.alerts.model import OPEN_STATES, Alert, AlertPage, AlertState, Silence
from quanyu.operations.alerts.sight import Sight
from quanyu.operations.alerts.silencing import covering, silences
from quanyu.operations.alerts.tables import AlertRow
from quanyu.operations.rules import Severity

MOST = 500
_KEPT_OPEN = (AlertState.FIRING.value, AlertState.ACKNOWLEDGED.value)


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """What is asked for; what is empty does not narrow."""

    states: Sequence[AlertState] = OPEN_STATES
    severity: str = ""
    resource: str = ""
    rule: str = ""
    thing: str = ""
    group: str = ""
    party: str = ""


@dataclass(frozen=True, slots=True)
class AlertFigures:
    """How many alerts stand open by severity, and how many were raised and resolved in a day.

    ``mean_minutes`` is from raising to acknowledging, of those acknowledged within the day.
    """

    open: Mapping[Severity, int]
    firing: int
    acknowledged: int
    raised: int
    resolved: int
    mean_minutes: float | None
    changed_at: datetime | None


def find_alerts(
    session: Session, sight: Sight, wanted: AlertFilter, *, after: str = "", limit: int = 100
) -> AlertPage:
    """Alerts that the sight lets through, the latest first."""
    limit = max(1, min(limit, MOST))
    moment = now()
    found: list[Alert] = []
    token = after if after.isprintable() else ""
    while True:
        query = _query(sight, wanted).order_by(AlertRow.id.desc()).limit(limit + 1)
        if token:
            query = query.where(AlertRow.id < token)
        rows = list(session.scalars(query))
        known = silences(session, sorted({row.party for row in rows}), moment)
        for row in _seen(sight, rows):
            one = to_alert(row, known, moment)
            if one.state in wanted.states:
                found.append(one)
        if len(found) > limit:
            return AlertPage(tuple(found[:limit]), found[limit - 1].id)
        if len(rows) <= limit:
            return AlertPage(tuple(found), None)
        token = rows[-1].id


def alert(session: Session, sight: Sight, name: str) -> Alert:
    """One alert; raises :class:`NotFound` for what is not there or out of sight."""
    row = session.get(AlertRow, name) if name.isprintable() else None
    if row is None or row.resource not in sight.resources or not _seen(sight, [row]):
        raise NotFound("there is no alert {id}", id=name[:80])
    moment = now()
    return to_alert(row, silences(session, [row.party], moment), moment)


def alert_figures(session: Session, sight: Sight, since: datetime) -> AlertFigures:
    """Figures of all that is seen as a whole, since a moment."""
    seen = AlertRow.resource.in_(sight.whole)
    counts = session.execute(
        select(AlertRow.severity, AlertRow.state, func.count())
        .where(seen, AlertRow.state.in_(_KEPT_OPEN))
        .group_by(AlertRow.severity, AlertRow.state)
    ).all()
    open_by = {one: sum(n for s, _, n in counts if s == one.value) for one in Severity}
    states = {name: sum(n for _, s, n in counts if s == name) for name in _KEPT_OPEN}
    raised = session.scalar(
        select(func.count()).select_from(AlertRow).where(seen, AlertRow.raised_at >= since)
    )
    resolved = session.scalar(
        select(func.count())
        .select_from(AlertRow)
        .where(
            seen,
            AlertRow.state == AlertState.RESOLVED.value,
            AlertRow.changed_at >= since,
        )
    )
    pairs = session.execute(
        select(AlertRow.raised_at, AlertRow.acknowledged_at).where(
            seen, AlertRow.acknowledged_at >= since
        )
    ).all()
    waits = [(taken - begun).total_seconds() / 60 for begun, taken in pairs if taken]
    return AlertFigures(
        open_by,
        states[AlertState.FIRING.value],
        states[AlertState.ACKNOWLEDGED.value],
        raised or 0,
        resolved or 0,
        sum(waits) / len(waits) if waits else None,
        session.scalar(select(func.max(AlertRow.changed_at)).where(_of(sight))),
    )


def newest_change(session: Session, sight: Sight) -> int | None:
    """The number of the last change of an alert of those streams: one that is committed later has
    a greater one."""
    return session.scalar(select(func.max(AlertRow.change)).where(_of(sight)))


def _of(sight: Sight) -> ColumnElement[bool]:
    return AlertRow.resource.in_(list(sight.resources))


def to_alert(row: AlertRow, known: Sequence[Silence], moment: datetime) -> Alert:
    """A row as what it stands for, silenced where a silence covers it."""
    state = AlertState(row.state)
    if state is AlertState.FIRING and covering(known, row, moment) is not None:
        state = AlertState.SILENCED
    return Alert(
        row.id,
        row.rule,
        row.version,
        ResourceId(row.resource),
        PartyId(row.party),
        row.subject,
        tuple(row.datastreams),
        row.thing,
        row.thing_name,
        row.what,
        row.unit,
        row.lon,
        row.lat,
        Severity(row.severity),
        state,
        row.group_key,
        row.began_at,
        row.ended_at,
        row.peak,
        row.raised_at,
        row.changed_at,
        row.why,
        MemberId(row.member) if row.member else None,
        row.acknowledged_at,
        row.note,
        row.step,
        row.escalate_at,
        row.work_order,
        row.leaf,
    )


def _query(sight: Sight, wanted: AlertFilter) -> Select[AlertRow]:
    query = select(AlertRow).where(AlertRow.resource.in_(list(sight.resources)))
    kept = {
        AlertState.FIRING.value if one is AlertState.SILENCED else one.value
        for one in wanted.states
    }
    query = query.where(AlertRow.state.in_(sorted(kept)))
    for name, value in (
        ("severity", wanted.severity),
        ("resource", wanted.resource),
        ("rule", wanted.rule),
        ("thing", wanted.thing),
        ("group_key", wanted.group),
        ("party", wanted.party),
    ):
        if value:
            query = query.where(getattr(AlertRow, name) == value)
    return query


def _seen(sight: Sight, rows: Sequence[AlertRow]) -> list[AlertRow]:
    """Without those of which a restriction hides a datastream."""
    shown: dict[str, set[int]] = {
        resource: sight.shown(
            resource, {n for row in rows if row.resource == resource for n in row.datastreams}
        )
        for resource in sight.parts
    }
    return [
        row
        for row in rows
        if row.resource not in shown or set(row.datastreams) <= shown[row.resource]
    ]
