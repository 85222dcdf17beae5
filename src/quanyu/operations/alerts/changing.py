"""A rule changed: what the version before raised is over with it, in the same transaction."""

from sqlalchemy.orm import Session

from quanyu.kernel import now
from quanyu.operations.alerts.raising import resolve_alerts_of
from quanyu.operations.rules import KeptRule, Rule, RuleState, put_rule, set_rule_state
from quanyu.parties import Caller


def keep_rule(
    session: Session, caller: Caller, rule: Rule, state: RuleState | None = None
) -> KeptRule:
    """Put a rule down; see :func:`~quanyu.operations.rules.put_rule`."""
    kept = put_rule(session, caller, rule, state)
    resolve_alerts_of(session, kept, now())
    return kept


def change_rule_state(session: Session, caller: Caller, key: str, state: RuleState) -> KeptRule:
    """Make a rule live, pause it, remove it."""
    kept = set_rule_state(session, caller, key, state)
    resolve_alerts_of(session, kept, now())
    return kept
