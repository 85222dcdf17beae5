"""Rules in the control store: put, versioned, made live, paused, removed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from quanyu.catalogue import Kind, Resource, resource
from quanyu.kernel import (
    Invalid,
    MemberId,
    NotFound,
    PartyId,
    Refused,
    ResourceId,
    new_id,
    now,
    owe,
    sha256_hex,
)
from quanyu.operations.rules.model import KeptRule, Rule, RuleState
from quanyu.operations.rules.reading import parse_rule
from quanyu.operations.rules.tables import JudgedRow, RuleRow, RuleVersionRow
from quanyu.operations.work_orders import service_levels
from quanyu.parties import Caller, Role, Scope


@dataclass(frozen=True, slots=True)
class RuleVersion:
    """One change of a rule."""

    version: int
    state: RuleState
    document: dict[str, Any]
    party: PartyId
    member: MemberId | None
    at: datetime
    leaf: str


def may_keep_rules(caller: Caller, of: Resource) -> bool:
    """Whether the caller may change rules of a stream: its provider's stewards and suppliers, and
    the node's stewards and operators."""
    if caller.runs_node and any(caller.may(one) for one in (Role.STEWARD, Role.OPERATOR)):
        return True
    own = caller.party is not None and caller.party == of.provider
    return own and any(caller.may(one) for one in (Role.STEWARD, Role.SUPPLIER))


def put_rule(
    session: Session, caller: Caller, rule: Rule, state: RuleState | None = None
) -> KeptRule:
    """Put a rule down, a new version when it says another thing than before.

    ``state`` ``None`` keeps that of the rule, a draft for a new one. Raises :class:`NotFound` for a
    stream that the caller may not know of, :class:`Invalid` for a resource of another kind,
    :class:`Refused` (rule ``rules.keep``) for who may not change its rules.
    """
    of = _stream(session, caller, rule.stream)
    order = rule.work_order
    if order is not None and order.category not in service_levels().categories:
        raise Invalid(
            "there is no category {name} of work orders",
            field="work_order.category",
            mend="choose among: {names}",
            name=order.category,
            names=", ".join(sorted(service_levels().categories)),
        )
    row = session.scalar(
        select(RuleRow).where(RuleRow.resource == of.id, RuleRow.name == rule.id).with_for_update()
    )
    before = None if row is None else row.state
    gone = before == RuleState.REMOVED.value
    wanted = state or RuleState(before if before and not gone else "draft")
    if row is not None and row.document == rule.document and row.state == wanted.value:
        return to_kept(row)
    if row is None:
        row = RuleRow(
            id=new_id("rule"),
            resource=of.id,
            name=rule.id,
            party=of.provider,
            version=0,
            enrolled=0,
        )
        session.add(row)
    row.document = dict(rule.document)
    _change(session, caller, row, wanted)
    return to_kept(row)


def set_rule_state(session: Session, caller: Caller, key: str, state: RuleState) -> KeptRule:
    """Make a rule live, pause it or remove it; raises as :func:`put_rule` does."""
    row = _row(session, key)
    of = resource(session, row.resource, visible_to=caller)
    _check(caller, of)
    if row.state != state.value:
        _change(session, caller, row, state)
    return to_kept(row)


def kept_rule(session: Session, key: str) -> KeptRule:
    """A rule by its id; raises :class:`NotFound`."""
    return to_kept(_row(session, key))


def kept_rules(
    session: Session,
    *,
    resources: Sequence[ResourceId] | None = None,
    states: Sequence[RuleState] = (RuleState.DRAFT, RuleState.LIVE, RuleState.PAUSED),
) -> list[KeptRule]:
    """Rules in those states, by stream and name."""
    query = select(RuleRow).where(RuleRow.state.in_([one.value for one in states]))
    if resources is not None:
        query = query.where(RuleRow.resource.in_(resources))
    return [to_kept(row) for row in session.scalars(query.order_by(RuleRow.resource, RuleRow.name))]


def rule_versions(session: Session, key: str) -> list[RuleVersion]:
    """Every change of a rule, the last first."""
    rows = session.scalars(
        select(RuleVersionRow)
        .where(RuleVersionRow.rule == key)
        .order_by(RuleVersionRow.version.desc())
        .limit(200)
    )
    return [
        RuleVersion(
            row.version,
            RuleState(row.state),
            row.document,
            PartyId(row.party),
            MemberId(row.member) if row.member else None,
            row.at,
            row.leaf,
        )
        for row in rows
    ]


def to_kept(row: RuleRow) -> KeptRule:
    """A row as what it stands for."""
    return KeptRule(
        row.id,
        row.version,
        ResourceId(row.resource),
        PartyId(row.party),
        RuleState(row.state),
        parse_rule(row.document),
        row.at,
        row.leaf,
    )


def _row(session: Session, key: str) -> RuleRow:
    row = session.get(RuleRow, key) if key.isprintable() else None
    if row is None or row.state == RuleState.REMOVED.value:
        raise NotFound("there is no rule {id}", id=key[:80])
    return row


def _stream(session: Session, caller: Caller, slug: str) -> Resource:
    of = resource(session, slug, visible_to=caller)
    _check(caller, of)
    if of.kind is not Kind.STREAM:
        raise Invalid(
            "this resource is no stream", field="stream", mend="name a resource of the kind stream"
        )
    return of


def _check(caller: Caller, of: Resource) -> None:
    if Scope.WRITE not in caller.scopes or not may_keep_rules(caller, of):
        raise Refused(
            "only those who provide a stream, or run the node, change its rules",
            rule="rules.keep",
            mend="ask a steward of its provider; a token needs the scope “write”",
        )


def _change(session: Session, caller: Caller, row: RuleRow, state: RuleState) -> None:
    row.version += 1
    row.state, row.at, row.enrolled = state.value, now(), 0
    row.leaf = owe(
        session,
        "rule.changed",
        row.id,
        {
            "resource": row.resource,
            "name": row.name,
            "version": row.version,
            "state": state.value,
            "document": sha256_hex(json.dumps(row.document, sort_keys=True).encode()),
            "by": caller.party or "",
        },
    )
    session.add(
        RuleVersionRow(
            rule=row.id,
            version=row.version,
            state=state.value,
            document=row.document,
            party=caller.party or row.party,
            member=caller.member,
            at=row.at,
            leaf=row.leaf,
        )
    )
    # What was known of its subjects was known of the version before.
    session.execute(delete(JudgedRow).where(JudgedRow.rule == row.id))
    session.flush()


def stream_ids(session: Session) -> list[ResourceId]:
    """Streams that have, or had, rules."""
    found = session.scalars(select(RuleRow.resource).distinct().order_by(RuleRow.resource))
    return [ResourceId(one) for one in found]
