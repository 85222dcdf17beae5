"""Verdicts of rules turned into alerts: raised, carried on, resolved, withdrawn.

The same verdict twice changes nothing: an alert is known by its rule, its subject and the episode
that it overlaps.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from quanyu.kernel import Conflict, ResourceId, announce, batched, iso, new_id, owe
from quanyu.operations.alerts.model import AlertRaised, AlertResolved, AlertState
from quanyu.operations.alerts.numbering import take_number, touch
from quanyu.operations.alerts.tables import AlertRow
from quanyu.operations.alerts.wording import peak_unit
from quanyu.operations.rules import (
    Episode,
    KeptRule,
    OrderWish,
    Rule,
    Verdict,
)
from quanyu.operations.work_orders import close_work_order

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_AT_ONCE = 500
_OPEN = (AlertState.FIRING.value, AlertState.ACKNOWLEDGED.value)


def instant(micros: int) -> datetime:
    """Microseconds since 1970 UTC as an instant."""
    return _EPOCH + timedelta(microseconds=micros)


def settle_verdicts(session: Session, verdicts: Sequence[Verdict], moment: datetime) -> int:
    """Bring the alerts into line with what was judged; how many changed."""
    if verdicts:
        take_number(session)
    changed = 0
    by_rule: dict[str, list[Verdict]] = {}
    for one in verdicts:
        by_rule.setdefault(one.rule.key, []).append(one)
    for rule, its in by_rule.items():
        for part in batched(its, _AT_ONCE):
            known = _known(session, rule, part)
            for one in part:
                changed += _settle(session, one, known.get(one.subject, []), moment)
    return changed


def resolve_alerts_of(session: Session, kept: KeptRule, moment: datetime) -> int:
    """Resolve what earlier versions of a rule raised; how many there were."""
    if kept.version == 1:
        return 0
    take_number(session)
    rows = session.scalars(
        select(AlertRow).where(
            AlertRow.rule == kept.key,
            AlertRow.version < kept.version,
            AlertRow.state.in_(_OPEN),
        )
    ).all()
    for row in rows:
        resolve(session, row, moment, moment, "rule")
    return len(rows)


def resolve(session: Session, row: AlertRow, ended: datetime, moment: datetime, why: str) -> None:
    """An alert is over; its work order has nothing more to do."""
    touch(session, row, moment)
    row.state, row.why, row.ended_at = AlertState.RESOLVED.value, why, ended
    row.order_at = row.recheck_at = None
    # Whoever was told that it began is told that it is over.
    row.escalate_at = moment if row.told_at is not None else None
    owe(
        session,
        "alert.resolved",
        row.id,
        {"rule": row.rule, "resource": row.resource, "why": why, "ended_at": iso(ended)},
    )
    if row.work_order is not None:
        with suppress(Conflict):  # it is over already
            close_work_order(session, row.work_order)
    announce(session, AlertResolved(row.id, ResourceId(row.resource)))


def _known(session: Session, rule: str, verdicts: Sequence[Verdict]) -> dict[str, list[AlertRow]]:
    since = instant(max(0, min(one.since for one in verdicts)))
    query = (
        select(AlertRow)
        .where(
            AlertRow.rule == rule,
            AlertRow.version == verdicts[0].rule.version,
            AlertRow.subject.in_([one.subject for one in verdicts]),
            or_(AlertRow.ended_at.is_(None), AlertRow.ended_at >= since),
        )
        .order_by(AlertRow.began)
    )
    found: dict[str, list[AlertRow]] = {}
    for row in session.scalars(query):
        found.setdefault(row.subject, []).append(row)
    return found


def _settle(session: Session, verdict: Verdict, known: list[AlertRow], moment: datetime) -> int:
    changed, left = 0, list(known)
    for episode in verdict.episodes:
        row = _same(episode, left)
        if row is None:
            changed += _raise(session, verdict, episode, moment)
            continue
        left.remove(row)
        changed += _carry(session, verdict.rule.rule, row, episode, moment)
    for row in left:
        if row.ended_at is None:
            ended = max(row.began_at, instant(max(0, verdict.newest)))
            resolve(session, row, ended, moment, "withdrawn")
            changed += 1
    return changed


def _same(episode: Episode, rows: Sequence[AlertRow]) -> AlertRow | None:
    """The alert of an episode: with the same beginning, else one that overlaps it."""
    for row in rows:
        if row.began == episode.begin:
            return row
    begin = instant(episode.begin)
    end = None if episode.end is None else instant(episode.end)
    for row in rows:
        before_end = end is None or row.began_at < end
        if before_end and (row.ended_at is None or row.ended_at > begin):
            return row
    return None


def _carry(session: Session, rule: Rule, row: AlertRow, episode: Episode, moment: datetime) -> int:
    before = (row.began, row.peak, row.ended_at)
    row.began, row.began_at, row.peak = episode.begin, instant(episode.begin), episode.peak
    if episode.end is not None:
        ended = instant(episode.end)
        if row.state != AlertState.RESOLVED.value:
            resolve(session, row, ended, moment, "cleared")
        row.ended_at = ended
    elif row.state == AlertState.RESOLVED.value:
        # Late data joined two episodes: it had not been over.
        row.state, row.why, row.ended_at = AlertState.FIRING.value, "", None
        row.escalate_at = moment + first_wait(rule)
        if rule.work_order and row.work_order is None:
            row.order_at = moment + _order_wait(rule, rule.work_order)
        owe(session, "alert.reopened", row.id, {"rule": row.rule, "resource": row.resource})
    if (row.began, row.peak, row.ended_at) == before:
        return 0
    touch(session, row, moment)
    return 1


def _raise(session: Session, verdict: Verdict, episode: Episode, moment: datetime) -> int:
    kept, of = verdict.rule, verdict.of
    known = select(AlertRow.id).where(
        AlertRow.rule == kept.key,
        AlertRow.version == kept.version,
        AlertRow.subject == verdict.subject,
        AlertRow.began == episode.begin,
    )
    if session.scalar(known) is not None:
        return 0
    over = episode.end is not None
    rule = kept.rule
    row = AlertRow(
        id=new_id("alert"),
        rule=kept.key,
        version=kept.version,
        resource=kept.resource,
        party=kept.party,
        subject=verdict.subject,
        datastreams=list(verdict.datastreams),
        thing=of.thing_id,
        thing_name=of.thing_name,
        what=of.name if len(verdict.datastreams) == 1 else of.thing_name,
        unit=peak_unit(rule, of.unit),
        lon=of.lon,
        lat=of.lat,
        severity=rule.severity.value,
        state=(AlertState.RESOLVED if over else AlertState.FIRING).value,
        group_key=_group(kept, verdict),
        began=episode.begin,
        began_at=instant(episode.begin),
        ended_at=instant(episode.end) if episode.end is not None else None,
        peak=episode.peak,
        raised_at=moment,
        changed_at=moment,
        change=take_number(session),
        why="cleared" if over else "",
        note="",
        step=0,
        # What is over before it is told of is kept, and nobody is called for it.
        escalate_at=None if over else moment + first_wait(rule),
        order_at=moment + _order_wait(rule, rule.work_order)
        if rule.work_order and not over
        else None,
    )
    row.leaf = owe(
        session,
        "alert.raised",
        row.id,
        {
            "rule": kept.key,
            "version": kept.version,
            "resource": kept.resource,
            "thing": of.thing_id,
            "severity": row.severity,
            "began_at": iso(row.began_at),
            **({"ended_at": iso(row.ended_at)} if row.ended_at else {}),
        },
    )
    session.add(row)
    if not over:
        announce(session, AlertRaised(row.id, kept.resource, rule.severity))
    return 1


def first_wait(rule: Rule) -> timedelta:
    """How long after it is raised an alert is told of first, unless its group is told sooner."""
    return timedelta(microseconds=max(rule.group_wait, _first_after(rule)))


def joins_after(rule: Rule) -> timedelta:
    """How long after it is raised an alert may be told of with others of its group."""
    return timedelta(microseconds=_first_after(rule))


def _first_after(rule: Rule) -> int:
    return rule.escalate[0].after if rule.escalate else 0


def _order_wait(rule: Rule, wish: OrderWish) -> timedelta:
    return timedelta(microseconds=max(rule.group_wait, wish.after))


def _group(kept: KeptRule, verdict: Verdict) -> str:
    """What alerts are told together by: ``area`` is a square of a tenth of a degree."""
    by, of = kept.rule.group, verdict.of
    if by == "thing":
        return f"{kept.resource}:thing:{of.thing_id}"[:400]
    if by == "area":
        if of.lon is None or of.lat is None:
            return f"{kept.resource}:area:none"
        return f"{kept.resource}:area:{of.lon:.1f},{of.lat:.1f}"
    return f"rule:{kept.key}" if by == "rule" else f"{kept.key}:{verdict.subject}"
