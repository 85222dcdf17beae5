"""Who is told of alerts, step by step, until somebody acknowledges; and the work orders they open.

The first notice of a group waits for as long as its rule says (:attr:`Rule.group_wait`) and tells
of all that joined it meanwhile; what is over by then is told to nobody.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from quanyu.kernel import (
    ControlStore,
    LocalText,
    MemberId,
    NotFound,
    PartyId,
    QuanyuError,
    ResourceId,
    now,
    owe,
)
from quanyu.operations.alerts.model import AlertState, about
from quanyu.operations.alerts.numbering import take_number, touch
from quanyu.operations.alerts.raising import joins_after
from quanyu.operations.alerts.silencing import covering, silences
from quanyu.operations.alerts.tables import AlertRow
from quanyu.operations.alerts.wording import told_of
from quanyu.operations.oncall import member_on_duty
from quanyu.operations.rules import KeptRule, Step, kept_rule
from quanyu.operations.work_orders import (
    OrderPlace,
    Priority,
    Source,
    SourceKind,
    WorkOrderDone,
    WorkOrderDraft,
    WorkOrderState,
    open_work_order,
    reopen_work_order,
    work_order,
)
from quanyu.parties import Role, notify

RECHECK = timedelta(minutes=15)
"""How long after its work order was done an alert may still fire before that is reopened."""
_AT_ONCE = 500
_DEFAULT = (Step("steward"),)
_OVER = -1
Groups = dict[tuple[str, str, int], list[AlertRow]]
"""Alerts by party, group and step."""
_log = structlog.get_logger(__name__)
TITLES = {
    "critical": LocalText(zh="紧急", en="Critical"),
    "major": LocalText(zh="重要", en="Major"),
    "minor": LocalText(zh="次要", en="Minor"),
    "warning": LocalText(zh="提示", en="Warning"),
}


def escalation_wanted(control: ControlStore) -> bool:
    """Whether a step of any alert is due; writes nothing."""
    with control.read() as session:
        return session.scalar(_due(now()).limit(1)) is not None


def escalate_due(control: ControlStore) -> int:
    """Tell of alerts whose next step is due, open work orders, look again at finished ones; how
    many alerts were dealt with."""
    if not escalation_wanted(control):
        return 0
    moment = now()
    with control.begin() as session:
        take_number(session)
        rows = list(session.scalars(_due(moment).limit(_AT_ONCE).with_for_update()))
        rules = {key: _rule(session, key) for key in {row.rule for row in rows}}
        groups = _groups(session, rows, moment)
        _join(session, groups, rules, moment)
        _tell(session, groups, rules, moment)
        for row in rows:
            if row.order_at is not None and row.order_at <= moment:
                _order(session, row, rules[row.rule])
            if row.recheck_at is not None and row.recheck_at <= moment:
                _look_again(session, row)
        return len(rows)


def work_done(control: ControlStore, done: WorkOrderDone) -> None:
    """A work order of an alert is done: its rule decides whether that helped.

    Where the alert is over the order was closed with it; where it fires still after
    :data:`RECHECK` the order is reopened.
    """
    if done.source.kind is not SourceKind.ALERT:
        return
    with control.begin() as session:
        row = session.get(AlertRow, done.source.id)
        if row is not None and row.state != AlertState.RESOLVED.value:
            row.recheck_at = now() + RECHECK


def _rule(session: Session, key: str) -> KeptRule | None:
    """A rule, where it has not been removed meanwhile."""
    try:
        return kept_rule(session, key)
    except NotFound:
        return None


def _due(moment: datetime) -> Select[AlertRow]:
    return select(AlertRow).where(
        (AlertRow.escalate_at <= moment)
        | (AlertRow.order_at <= moment)
        | (AlertRow.recheck_at <= moment)
    )


def _tell(
    session: Session,
    groups: Groups,
    rules: dict[str, KeptRule | None],
    moment: datetime,
) -> None:
    for (_, _, step), its in groups.items():
        worst = min(its, key=lambda row: list(TITLES).index(row.severity))
        rule = rules[worst.rule]
        steps = (rule.rule.escalate if rule else ()) or _DEFAULT
        if rule is None or step == _OVER:
            for row in its:
                row.escalate_at = None
            if rule is not None:
                _notice(session, steps[0], worst, its, rule)
            continue
        step_now = steps[min(step, len(steps) - 1)]
        _notice(session, step_now, worst, its, rule)
        for row in its:
            own = rules[row.rule]
            steps = (own.rule.escalate if own else ()) or _DEFAULT
            row.step, row.told_at = step + 1, moment
            touch(session, row, moment)
            later = steps[step + 1] if step + 1 < len(steps) else None
            row.escalate_at = row.raised_at + timedelta(microseconds=later.after) if later else None


def _groups(session: Session, rows: Sequence[AlertRow], moment: datetime) -> Groups:
    """Alerts whose step is due, by party, group and step; those that are silenced wait."""
    due = [row for row in rows if row.escalate_at is not None and row.escalate_at <= moment]
    known = silences(session, sorted({row.party for row in due}), moment)
    groups: Groups = {}
    for row in due:
        silence = covering(known, row, moment)
        over = row.state == AlertState.RESOLVED.value
        if silence is not None and not over:
            row.escalate_at = silence.ends_at
            continue
        if over or row.state != AlertState.FIRING.value:
            row.escalate_at = None
        if silence is None and row.state != AlertState.ACKNOWLEDGED.value:
            step = _OVER if over else row.step
            groups.setdefault((row.party, row.group_key, step), []).append(row)
    return groups


def _join(
    session: Session, groups: Groups, rules: dict[str, KeptRule | None], moment: datetime
) -> None:
    """Add to groups that are told of first what waits in them only for others to join."""
    first = {(party, key): its for (party, key, step), its in groups.items() if step == 0}
    if not first:
        return
    waiting = list(
        session.scalars(
            select(AlertRow)
            .where(
                AlertRow.group_key.in_(sorted({key for _, key in first})),
                AlertRow.state == AlertState.FIRING.value,
                AlertRow.told_at.is_(None),
                AlertRow.escalate_at > moment,
            )
            .order_by(AlertRow.id)
            .limit(_AT_ONCE)
            .with_for_update()
        )
    )
    known = silences(session, sorted({row.party for row in waiting}), moment)
    for row in waiting:
        its = first.get((row.party, row.group_key))
        if its is None or covering(known, row, moment) is not None:
            continue
        if row.rule not in rules:
            rules[row.rule] = _rule(session, row.rule)
        kept = rules[row.rule]
        if kept is not None and row.raised_at + joins_after(kept.rule) <= moment:
            its.append(row)


def _notice(
    session: Session,
    step: Step,
    worst: AlertRow,
    rows: Sequence[AlertRow],
    rule: KeptRule,
) -> None:
    party = PartyId(worst.party)
    kind, _, name = step.to.partition(":")
    members: list[MemberId] = []
    roles = frozenset[Role]()
    if kind == "on-call":
        called = member_on_duty(session, party, name, now())
        # Nobody on duty is no reason to tell nobody.
        members = [called] if called else []
        roles = roles if called else frozenset({Role.STEWARD})
    elif kind != "everybody":
        roles = frozenset({Role(kind)})
    over = worst.state == AlertState.RESOLVED.value
    notify(
        session,
        to=party,
        topic="alert",
        message="{severity} alert is over: “{title}”, {what}"
        if over
        else "{severity} alert: “{title}”, {what}"
        if len(rows) == 1
        else "{severity} alert: “{title}”, {what} and {more} more",
        params={
            "severity": TITLES[worst.severity],
            "title": rule.rule.title,
            "what": told_of(worst.thing_name, worst.what, worst.peak, worst.unit),
            "more": len(rows) - 1,
        },
        link=f"/alerts/{worst.id}",
        roles=roles,
        members=members,
        key=f"alert:{worst.id}:{'over' if over else worst.step}",
    )
    owe(
        session,
        "alert.told",
        worst.id,
        {"party": party, "to": step.to, "step": worst.step, "alerts": [row.id for row in rows]},
    )


def _order(session: Session, row: AlertRow, kept: KeptRule | None) -> None:
    row.order_at = None
    wish = kept.rule.work_order if kept is not None else None
    if wish is None or kept is None or row.state == AlertState.RESOLVED.value:
        return
    title, what = kept.rule.title, about(row.thing_name, row.what)[:100]
    draft = WorkOrderDraft(
        category=wish.category,
        title=LocalText(zh=f"{title.zh}：{what}"[:200], en=f"{title.en}: {what}"[:200]),
        source=Source(SourceKind.ALERT, row.id),
        text=kept.rule.advice.zh if kept.rule.advice else "",
        priority=Priority(wish.priority),
        resource=ResourceId(row.resource),
        thing=row.thing or None,
        place=OrderPlace(row.lon, row.lat),
    )
    try:
        with session.begin_nested():
            made = open_work_order(session, draft)
    except QuanyuError as error:  # the category may have gone; others' orders shall be opened
        _log.warning("alert.no_work_order", alert=row.id, problem=str(error))
        return
    row.work_order = made.id
    touch(session, row, now())


def _look_again(session: Session, row: AlertRow) -> None:
    row.recheck_at = None
    if row.work_order is None or row.state == AlertState.RESOLVED.value:
        return
    if work_order(session, row.work_order).state is WorkOrderState.DONE:
        reopen_work_order(session, row.work_order, "the alert that it was opened for still fires")
