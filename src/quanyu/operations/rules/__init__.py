"""Rules: declared, versioned, tried on history, and judged as observations come in."""

from quanyu.operations.rules.backtesting import BackTest, Episode, Subject, back_test
from quanyu.operations.rules.model import KeptRule, Rule, RuleState, Severity, spoken
from quanyu.operations.rules.reading import parse_rule, read_rules, rule_schema

__all__ = [
    "BackTest",
    "Episode",
    "KeptRule",
    "Rule",
    "RuleState",
    "Severity",
    "Subject",
    "back_test",
    "parse_rule",
    "read_rules",
    "rule_schema",
    "spoken",
]
