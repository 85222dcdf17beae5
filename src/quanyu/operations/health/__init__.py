"""The health of every resource: what it follows from, and what follows from it."""

from quanyu.operations.health.checking import (
    check_by,
    check_new_rules,
    check_rules,
    latest_results,
    result_history,
)
from quanyu.operations.health.declaring import (
    check_declares,
    declare_rules,
    declares,
    other_entry,
    rule_set,
)
from quanyu.operations.health.figures import Looking, look_at_health, looking_by, put_health
from quanyu.operations.health.gathering import no_streams, note_run
from quanyu.operations.health.liveness import liveness_by, looks_by
from quanyu.operations.health.model import (
    DIMENSION_OF,
    GOOD_FROM,
    WARNING_FROM,
    Aspect,
    Health,
    HealthChange,
    HealthChanged,
    HealthDay,
    HealthSilence,
    Outcome,
    Part,
    QualityDimension,
    QualityRule,
    QualitySeverity,
    RuleResult,
    RuleSet,
    state_of,
)
from quanyu.operations.health.parts import WEIGHTS, Liveness, Reach, combined
from quanyu.operations.health.probing import doubt_files, probe_due, probe_history
from quanyu.operations.health.proposing import propose_rules
from quanyu.operations.health.reading import (
    health_changes,
    health_days,
    health_of,
    health_on,
    healths_of,
    keep_health_day,
)
from quanyu.operations.health.rechecking import answer_done, recheck
from quanyu.operations.health.rules_document import (
    parse_rules,
    read_quality_rules,
    rules_document,
    rules_yaml,
)
from quanyu.operations.health.seeing import rules_seen, sees_all
from quanyu.operations.health.silencing import end_health_silence, silence_health

__all__ = [
    "DIMENSION_OF",
    "GOOD_FROM",
    "WARNING_FROM",
    "WEIGHTS",
    "Aspect",
    "Health",
    "HealthChange",
    "HealthChanged",
    "HealthDay",
    "HealthSilence",
    "Liveness",
    "Looking",
    "Outcome",
    "Part",
    "QualityDimension",
    "QualityRule",
    "QualitySeverity",
    "Reach",
    "RuleResult",
    "RuleSet",
    "answer_done",
    "check_by",
    "check_declares",
    "check_new_rules",
    "check_rules",
    "combined",
    "declare_rules",
    "declares",
    "doubt_files",
    "end_health_silence",
    "health_changes",
    "health_days",
    "health_of",
    "health_on",
    "healths_of",
    "keep_health_day",
    "latest_results",
    "liveness_by",
    "look_at_health",
    "looking_by",
    "looks_by",
    "no_streams",
    "note_run",
    "other_entry",
    "parse_rules",
    "probe_due",
    "probe_history",
    "propose_rules",
    "put_health",
    "read_quality_rules",
    "recheck",
    "result_history",
    "rule_set",
    "rules_document",
    "rules_seen",
    "rules_yaml",
    "sees_all",
    "silence_health",
    "state_of",
]
