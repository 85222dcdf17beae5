"""Alerts, rules, silences, back-tests and calendars as JSON."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from quanyu.kernel import NotFound, iso
from quanyu.operations import (
    Alert,
    AlertFigures,
    BackTest,
    HandOver,
    KeptCalendar,
    KeptDayOff,
    KeptRule,
    RuleVersion,
    Shift,
    Silence,
    WorkOrder,
    gaps,
    instant,
    work_order,
)
from quanyu.parties import Caller

PLAN = timedelta(days=14)
"""How far ahead is told who is called."""


def alert_document(one: Alert) -> dict[str, Any]:
    """An alert; times RFC 3339, position in degrees (WGS 84)."""
    return {
        "id": one.id,
        "state": one.state.value,
        "severity": one.severity.value,
        "rule": one.rule,
        "ruleVersion": one.version,
        "resource": one.resource,
        "thing": one.thing,
        "thingName": one.thing_name,
        "what": one.what,
        "unit": one.unit,
        "group": one.group,
        "position": None if one.lon is None or one.lat is None else [one.lon, one.lat],
        "beganAt": iso(one.began_at),
        "endedAt": None if one.ended_at is None else iso(one.ended_at),
        "raisedAt": iso(one.raised_at),
        "acknowledgedAt": None if one.acknowledged_at is None else iso(one.acknowledged_at),
        "peak": one.peak,
        "why": one.why,
        "note": one.note,
        "workOrder": one.work_order,
        "leaf": one.leaf,
    }


def order_of_alert(session: Session, one: Alert, caller: Caller) -> WorkOrder | None:
    """The work order that an alert led to, if the caller may know of it."""
    if one.work_order is None:
        return None
    try:
        return work_order(session, one.work_order, caller)
    except NotFound:
        return None


def alert_in_full(one: Alert, order: WorkOrder | None) -> dict[str, Any]:
    """An alert with the title and state of its work order, null where there is none to be seen."""
    return alert_document(one) | {
        "workOrderTitle": None if order is None else {"zh": order.title.zh, "en": order.title.en},
        "workOrderState": None if order is None else order.state.value,
    }


def rule_document(one: KeptRule) -> dict[str, Any]:
    """A rule as it stands."""
    return {
        "key": one.key,
        "version": one.version,
        "state": one.state.value,
        "resource": one.resource,
        "changedAt": iso(one.at),
        "leaf": one.leaf,
        "rule": dict(one.rule.document),
    }


def version_document(one: RuleVersion) -> dict[str, Any]:
    """One change of a rule."""
    return {
        "version": one.version,
        "state": one.state.value,
        "party": one.party,
        "at": iso(one.at),
        "leaf": one.leaf,
        "rule": one.document,
    }


def back_test_document(made: BackTest, names: Mapping[str, str]) -> dict[str, Any]:
    """What a rule would have done; ``names`` of its subjects."""
    return {
        "start": iso(instant(made.start)),
        "end": iso(instant(made.end)),
        "subjects": made.subjects,
        "observations": made.rows,
        "raised": made.raised,
        "firingSeconds": made.firing // 1_000_000,
        "longestSeconds": made.longest // 1_000_000,
        "episodes": [
            {
                "subject": one.subject,
                "name": names.get(one.subject, one.subject),
                "beganAt": iso(instant(one.begin)),
                "endedAt": None if one.end is None else iso(instant(one.end)),
                "peak": one.peak,
            }
            for one in made.episodes
        ],
    }


def silence_document(one: Silence) -> dict[str, Any]:
    """A silence."""
    return {
        "id": one.id,
        "matcher": dict(one.matcher),
        "startsAt": iso(one.starts_at),
        "endsAt": iso(one.ends_at),
        "reason": one.reason,
        "leaf": one.leaf,
    }


def figures_document(found: AlertFigures) -> dict[str, Any]:
    """Figures of alerts."""
    return {
        "open": {severity.value: count for severity, count in found.open.items()},
        "firing": found.firing,
        "acknowledged": found.acknowledged,
        "raised": found.raised,
        "resolved": found.resolved,
        "meanMinutes": found.mean_minutes,
        "changedAt": None if found.changed_at is None else iso(found.changed_at),
    }


def calendar_document(one: KeptCalendar, plan: list[Shift]) -> dict[str, Any]:
    """A calendar, and who is called when."""
    return {
        "name": one.name,
        "zone": one.calendar.zone,
        "calendar": dict(one.document),
        "shifts": [shift_document(shift) for shift in plan],
        "gaps": [shift_document(shift) for shift in gaps(plan)],
        "leaf": one.leaf,
    }


def shift_document(one: Shift) -> dict[str, Any]:
    """A stretch in which one member is called; nobody where it is null."""
    return {"member": one.member, "startsAt": iso(one.start), "endsAt": iso(one.end)}


def day_off_document(one: KeptDayOff) -> dict[str, Any]:
    """Days on which a member is off, the last among them."""
    return {
        "id": one.id,
        "calendar": one.calendar,
        "member": one.member,
        "first": one.first.isoformat(),
        "last": one.last.isoformat(),
        "substitute": one.substitute,
        "note": one.note,
    }


def hand_over_document(one: HandOver) -> dict[str, Any]:
    """A time in which another member is called."""
    return {
        "id": one.id,
        "calendar": one.calendar,
        "member": one.member,
        "startsAt": iso(one.starts_at),
        "endsAt": iso(one.ends_at),
        "note": one.note,
    }
