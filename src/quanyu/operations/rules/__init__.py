"""Rules: declared, versioned, tried on history, and judged as observations come in."""

from quanyu.operations.rules.backtesting import BackTest, Episode, Subject, back_test
from quanyu.operations.rules.evaluating import (
    Judged,
    Judging,
    Memory,
    Source,
    Verdict,
    enrol,
    is_missing,
    judge_changes,
    judge_due,
    keep_judged,
    live_rules,
    still_live,
)
from quanyu.operations.rules.kept import (
    RuleVersion,
    kept_rule,
    kept_rules,
    may_keep_rules,
    put_rule,
    rule_versions,
    set_rule_state,
    stream_ids,
)
from quanyu.operations.rules.model import (
    Composite,
    KeptRule,
    Rule,
    RuleState,
    Severity,
    Step,
    duration,
    spoken,
)
from quanyu.operations.rules.reading import parse_rule, read_rules, rule_schema
from quanyu.operations.rules.sources import observed
from quanyu.operations.rules.tables import ReachedRow
from quanyu.operations.rules.watching import subjects_of

__all__ = [
    "BackTest",
    "Composite",
    "Episode",
    "Judged",
    "Judging",
    "KeptRule",
    "Memory",
    "ReachedRow",
    "Rule",
    "RuleState",
    "RuleVersion",
    "Severity",
    "Source",
    "Step",
    "Subject",
    "Verdict",
    "back_test",
    "duration",
    "enrol",
    "is_missing",
    "judge_changes",
    "judge_due",
    "keep_judged",
    "kept_rule",
    "kept_rules",
    "live_rules",
    "may_keep_rules",
    "observed",
    "parse_rule",
    "put_rule",
    "read_rules",
    "rule_schema",
    "rule_versions",
    "set_rule_state",
    "spoken",
    "still_live",
    "stream_ids",
    "subjects_of",
]
