"""Declaring quality rules: a provider says what its data shall be like, and it is in evidence."""

from collections.abc import Callable, Sequence
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.catalogue import Access, Resource, State, resource, want_health
from quanyu.kernel import (
    Conflict,
    Invalid,
    NotFound,
    QuanyuError,
    Refused,
    ResourceId,
    canonical,
    now,
    owe,
    sha256_hex,
)
from quanyu.operations.health.model import QualityRule, RuleSet
from quanyu.operations.health.rules_document import parse_rules, rules_document
from quanyu.operations.health.tables import RuleSetRow
from quanyu.parties import Caller, Role, Scope
from quanyu.spacetime import GeometryType, View, check_suits

LEAF = "quality.rules-declared"


def declares(caller: Caller, of: Resource) -> bool:
    """Whether the caller may declare rules on the data of an entry: a supplier or steward of its
    provider. Nobody else: what a rule finds tells of rows that others may not see."""
    able = caller.may(Role.SUPPLIER, Scope.WRITE) or caller.may(Role.STEWARD, Scope.WRITE)
    return caller.party == of.provider and able


def check_declares(caller: Caller, of: Resource) -> None:
    """Raise :class:`Refused`, rule ``quality.declare``, unless :func:`declares`."""
    if not declares(caller, of):
        raise Refused(
            "only a supplier or steward of the provider may do this",
            mend="ask your party's steward; a token needs the scope “write”",
            rule="quality.declare",
        )


def rule_set(session: Session, resource_id: ResourceId) -> RuleSet:
    """The rules of an entry, none where none were declared."""
    row = session.get(RuleSetRow, resource_id)
    if row is None:
        return RuleSet(resource_id, 0, (), None)
    return to_rule_set(row)


def declare_rules(
    session: Session,
    caller: Caller,
    resource_id: ResourceId,
    rules: Sequence[QualityRule],
    view: View,
    *,
    revision: int | None = None,
) -> RuleSet:
    """Put ``rules`` in the place of those that an entry has, and owe ``quality.rules-declared``.

    ``view`` is the whole newest version, that every rule must suit. Raises :class:`Invalid` naming
    the rule, :class:`Refused` (``quality.declare``, ``quality.reference``), :class:`Conflict` when
    they were declared anew since ``revision``.
    """
    of = resource(session, resource_id, visible_to=caller)
    check_declares(caller, of)
    for rule in rules:
        _check(session, of, rule, view)
    row = session.scalar(select(RuleSetRow).where(RuleSetRow.resource == of.id).with_for_update())
    if revision is not None and revision != (row.revision if row else 0):
        raise Conflict(
            "the rules were declared anew meanwhile", field="revision", mend="read them again"
        )
    document, moment = rules_document(rules), now()
    if row is None:
        row = RuleSetRow(resource=of.id, revision=0, checked_revision=0)
        session.add(row)
    row.revision += 1
    row.rules, row.declared_at, row.next_at = document, moment, moment
    owe(
        session,
        LEAF,
        of.id,
        {
            "revision": row.revision,
            "rules": len(rules),
            "sha256": sha256_hex(canonical({"rules": document})),
        },
    )
    want_health(session, [of.id])
    session.flush()
    return to_rule_set(row)


def other_entry(session: Session, of: Resource, slug: str) -> Resource:
    """Another dataset that rules of ``of`` may compare with.

    One of the same provider, or published and open: else the outcome would tell a provider of rows
    of another that it may not see. Raises :class:`Refused`, rule ``quality.reference``.
    """
    try:
        found = resource(session, slug)
    except NotFound:
        found = None
    known = found is not None and (
        found.provider == of.provider
        or (found.access is Access.OPEN and found.state is State.PUBLISHED)
    )
    if found is None or not known:
        raise Refused(
            "a rule compares with data of the same provider or with open data only",
            field="dataset",
            mend="name one of these",
            rule="quality.reference",
        )
    return found


def others_of(session: Session, of: Resource, view: Callable[[str], View]) -> Callable[[str], View]:
    """How checks of ``of`` get at the datasets that they compare with."""

    def other(slug: str) -> View:
        return view(other_entry(session, of, slug).slug)

    return other


def to_rule_set(row: RuleSetRow) -> RuleSet:
    """The rules that a row keeps."""
    return RuleSet(ResourceId(row.resource), row.revision, parse_rules(row.rules), row.declared_at)


def again_after(rules: Sequence[QualityRule]) -> timedelta:
    """When rules are to be checked again though no new version came: edits, and time that passes,
    change what they find."""
    ages = [rule.check.age_s for rule in rules if rule.check.age_s]
    day = timedelta(days=1)
    return max(timedelta(minutes=10), min(day, timedelta(seconds=min(ages) / 4))) if ages else day


def _check(session: Session, of: Resource, rule: QualityRule, view: View) -> None:
    try:
        check_suits(rule.check, view.fields, geometry=view.geometry is not GeometryType.NONE)
    except QuanyuError as error:
        field = f"{rule.name}.{error.field}" if error.field else rule.name
        wrong = Invalid(error.detail, field=field, mend=error.mend)
        wrong.params = error.params
        raise wrong from error
    if rule.check.dataset:
        other_entry(session, of, rule.check.dataset)
