"""Running quality rules: on each new version, when they were declared anew, and once a day.

A version is looked at whole, by the program itself; only counts are kept, never a value.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta

import structlog
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from quanyu.catalogue import Resource, entries_of, want_health
from quanyu.kernel import ControlStore, QuanyuError, ResourceId, new_id, now
from quanyu.operations.health.declaring import again_after, others_of, to_rule_set
from quanyu.operations.health.model import (
    Outcome,
    QualityDimension,
    QualityRule,
    QualitySeverity,
    RuleResult,
    RuleSet,
)
from quanyu.operations.health.tables import RuleResultRow, RuleSetRow
from quanyu.spacetime import Checked, GeometryType, Store, View, check_suits

_log = structlog.get_logger(__name__)
_AT_ONCE = 5
KEPT_RUNS = 200
"""Checks of a resource whose results are kept."""


def check_new_rules(control: ControlStore, store: Store) -> int:
    """Check the rules of some entries that are due; how many entries."""
    with control.read() as session:
        rows = session.scalars(
            select(RuleSetRow)
            .where(RuleSetRow.next_at <= now())
            .order_by(RuleSetRow.next_at)
            .limit(_AT_ONCE)
        )
        due = [to_rule_set(row) for row in rows]
        entries = entries_of(session, [one.resource for one in due])
    for one in due:
        entry = entries.get(one.resource)
        if entry is None:
            with control.begin() as session:
                session.execute(delete(RuleSetRow).where(RuleSetRow.resource == one.resource))
            continue
        check_rules(control, store, entry)
    return len(due)


def check_rules(
    control: ControlStore, store: Store, of: Resource, view: View | None = None
) -> tuple[RuleResult, ...]:
    """Check all rules of an entry now, on its newest version, and keep what came out.

    ``view`` is that version whole, where it is at hand. Nothing happens where none were declared.
    """
    with control.read() as session:
        row = session.get(RuleSetRow, of.id)
        if row is None:
            return ()
        rules = to_rule_set(row)
        try:
            # As it is this moment: who says that it is mended has just brought it in.
            whole = view or store.view(of.slug, number=store.newest(of.slug).number)
            results = check_by(whole, rules, others_of(session, of, store.view))
        except QuanyuError as error:  # the data are away: said of each rule, and tried again
            _log.warning("rules.not_checked", dataset=of.slug, error=str(error))
            results = tuple(_unchecked(rule, rules, 0, error) for rule in rules.rules)
    with control.begin() as session:
        _keep(session, of, rules, results)
    return results


def check_by(view: View, rules: RuleSet, other: Callable[[str], View]) -> tuple[RuleResult, ...]:
    """The outcome of each rule over what a view shows, in their order; ``unchecked`` with the
    reason where the view cannot be asked."""
    able: list[QualityRule] = []
    found: dict[str, RuleResult] = {}
    number = view.version.number
    for rule in rules.rules:
        try:
            _probe(view, rule, other)
            able.append(rule)
        except QuanyuError as error:
            found[rule.name] = _unchecked(rule, rules, number, error)
    outcomes = view.check([rule.check for rule in able], other)
    for rule, outcome in zip(able, outcomes, strict=True):
        found[rule.name] = _result(rule, rules, number, outcome)
    return tuple(found[rule.name] for rule in rules.rules)


def latest_results(
    session: Session, ids: Sequence[ResourceId]
) -> dict[ResourceId, tuple[RuleResult, ...]]:
    """What the latest check of each entry gave."""
    newest = (
        select(RuleResultRow.resource, func.max(RuleResultRow.run).label("run"))
        .where(RuleResultRow.resource.in_(list(ids)))
        .group_by(RuleResultRow.resource)
        .subquery()
    )
    query = (
        select(RuleResultRow)
        .join(
            newest,
            (newest.c.resource == RuleResultRow.resource) & (newest.c.run == RuleResultRow.run),
        )
        .order_by(RuleResultRow.number)
    )
    found: dict[ResourceId, list[RuleResult]] = {}
    for row in session.scalars(query):
        found.setdefault(ResourceId(row.resource), []).append(to_result(row))
    return {name: tuple(results) for name, results in found.items()}


def result_history(
    session: Session, resource_id: ResourceId, *, limit: int = 2_000
) -> list[RuleResult]:
    """Results of an entry's rules, the latest first."""
    query = (
        select(RuleResultRow)
        .where(RuleResultRow.resource == resource_id)
        .order_by(RuleResultRow.run.desc(), RuleResultRow.number)
        .limit(limit)
    )
    return [to_result(row) for row in session.scalars(query)]


def to_result(row: RuleResultRow) -> RuleResult:
    """The result that a row keeps."""
    return RuleResult(
        name=row.name,
        dimension=QualityDimension(row.dimension),
        severity=QualitySeverity(row.severity),
        outcome=Outcome(row.outcome),
        checked=row.checked,
        failing=row.failing,
        found=row.found,
        reason=row.reason,
        version=row.version,
        revision=row.revision,
        at=row.at,
    )


def _probe(view: View, rule: QualityRule, other: Callable[[str], View]) -> None:
    """Raise what keeps a rule from being checked, before all are checked in one pass."""
    check_suits(rule.check, view.fields, geometry=view.geometry is not GeometryType.NONE)
    if rule.check.dataset:
        other(rule.check.dataset).keys(rule.check.theirs)


def _result(rule: QualityRule, rules: RuleSet, number: int, outcome: Checked) -> RuleResult:
    holds = outcome.share >= rule.share
    return RuleResult(
        name=rule.name,
        dimension=rule.dimension,
        severity=rule.severity,
        outcome=Outcome.HOLDS if holds else Outcome.FAILS,
        checked=outcome.checked,
        failing=outcome.failing,
        found="" if outcome.found is None else str(outcome.found),
        reason="",
        version=number,
        revision=rules.revision,
        at=now(),
    )


def _unchecked(rule: QualityRule, rules: RuleSet, number: int, error: QuanyuError) -> RuleResult:
    return RuleResult(
        name=rule.name,
        dimension=rule.dimension,
        severity=rule.severity,
        outcome=Outcome.UNCHECKED,
        checked=0,
        failing=0,
        found="",
        reason=str(error)[:500],
        version=number,
        revision=rules.revision,
        at=now(),
    )


def _keep(session: Session, of: Resource, rules: RuleSet, results: Sequence[RuleResult]) -> None:
    row = session.get(RuleSetRow, of.id)
    if row is None or row.revision != rules.revision:
        return  # declared anew meanwhile: the new rules are checked next
    moment = now()
    run = new_id("check")
    for one in results:
        session.add(
            RuleResultRow(
                resource=of.id,
                run=run,
                name=one.name,
                dimension=one.dimension.value,
                severity=one.severity.value,
                outcome=one.outcome.value,
                checked=one.checked,
                failing=one.failing,
                found=one.found,
                reason=one.reason,
                version=one.version,
                revision=one.revision,
                at=moment,
            )
        )
    failed = any(one.outcome is Outcome.UNCHECKED and one.version == 0 for one in results)
    row.checked_at, row.checked_revision = moment, rules.revision
    row.next_at = moment + (timedelta(minutes=10) if failed else again_after(rules.rules))
    _forget_old(session, of.id)
    want_health(session, [of.id])


def _forget_old(session: Session, resource_id: ResourceId) -> None:
    runs = session.scalars(
        select(RuleResultRow.run)
        .where(RuleResultRow.resource == resource_id)
        .distinct()
        .order_by(RuleResultRow.run.desc())
        .offset(KEPT_RUNS)
        .limit(50)
    ).all()
    if runs:
        session.execute(
            delete(RuleResultRow).where(
                RuleResultRow.resource == resource_id, RuleResultRow.run.in_(runs)
            )
        )
