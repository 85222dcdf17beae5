"""Health in words: states with their badges, parts with their reasons, rules and how they went."""

from collections.abc import Sequence
from typing import Any

from fastapi import Request

from quanyu.catalogue import HealthFigure, HealthState
from quanyu.operations import (
    Aspect,
    Health,
    Outcome,
    Part,
    QualityDimension,
    QualityRule,
    QualitySeverity,
    RuleResult,
)
from quanyu.spacetime import CheckKind
from quanyu.web.portal.visit import say

HEALTHS: dict[HealthState, str] = {
    HealthState.GOOD: "Well",
    HealthState.WARNING: "To be watched",
    HealthState.BAD: "Not well",
    HealthState.UNKNOWN: "Health not known",
}
BADGES = {
    HealthState.GOOD: ("ok", "yes"),
    HealthState.WARNING: ("restricted", "duty"),
    HealthState.BAD: ("bad", "no"),
    HealthState.UNKNOWN: ("", "wait"),
}
"""Class of the badge and its icon: never the colour alone."""

ASPECTS: dict[Aspect, str] = {
    Aspect.FRESHNESS: "Age of the data",
    Aspect.QUALITY: "Quality of the values",
    Aspect.REACH: "Whether it answers",
    Aspect.LIVENESS: "Whether it observes",
    Aspect.JOBS: "Runs and jobs",
}
DIMENSIONS: dict[QualityDimension, str] = {
    QualityDimension.COMPLETENESS: "Completeness",
    QualityDimension.VALIDITY: "Conformity",
    QualityDimension.UNIQUENESS: "Uniqueness",
    QualityDimension.TIMELINESS: "Timeliness",
    QualityDimension.CONSISTENCY: "Consistency",
    QualityDimension.ACCURACY: "Accuracy",
}
OUTCOMES: dict[Outcome, str] = {
    Outcome.HOLDS: "holds",
    Outcome.FAILS: "does not hold",
    Outcome.UNCHECKED: "could not be checked",
}
SEVERITIES: dict[QualitySeverity, str] = {
    QualitySeverity.ERROR: "error",
    QualitySeverity.WARNING: "a warning",
}
CHECKS: dict[CheckKind, str] = {
    CheckKind.PRESENT: "has a value",
    CheckKind.RANGE: "lies in a range",
    CheckKind.PATTERN: "has a form",
    CheckKind.CODES: "is of a code list",
    CheckKind.UNIQUE: "comes once",
    CheckKind.REFERENCE: "is in another dataset",
    CheckKind.SHAPE: "is a valid shape",
    CheckKind.INSIDE: "lies in an extent",
    CheckKind.ROWS: "number of rows",
    CheckKind.RECENT: "is recent",
    CheckKind.CONDITION: "fulfils a condition",
    CheckKind.AGREES: "agrees with another dataset",
}
_OUTCOME_BADGES = {
    Outcome.HOLDS: ("ok", "yes"),
    Outcome.FAILS: ("bad", "no"),
    Outcome.UNCHECKED: ("", "wait"),
}


def health_badge(request: Request, figure: HealthFigure | Health) -> dict[str, Any]:
    """The state in words with its figure, its badge and icon."""
    badge, icon = BADGES[figure.state]
    name = say(request, HEALTHS[figure.state])
    text = name if figure.score is None else f"{name} · {figure.score}"
    return {"state": figure.state.value, "name": name, "text": text, "badge": badge, "icon": icon,
            "score": figure.score}  # fmt: skip


def parts_words(request: Request, parts: Sequence[Part]) -> list[dict[str, Any]]:
    """Each part with its name, its reason and its badge."""
    found = []
    for part in parts:
        badge, icon = BADGES[part.state]
        found.append(
            {
                "aspect": part.aspect.value,
                "name": say(request, ASPECTS[part.aspect]),
                "score": part.score,
                "state": part.state.value,
                "state_name": say(request, HEALTHS[part.state]),
                "badge": badge,
                "icon": icon,
                "reason": say(request, part.message, **part.params),
                "at": part.at,
            }
        )
    return found


def result_words(
    request: Request, results: Sequence[RuleResult], rules: Sequence[QualityRule]
) -> list[dict[str, Any]]:
    """Each result with its rule in words; for those who may see all rows it counts."""
    by_name = {rule.name: rule for rule in rules}
    found = []
    for one in results:
        rule = by_name.get(one.name)
        badge, icon = _OUTCOME_BADGES[one.outcome]
        found.append(
            {
                "name": one.name,
                "title": rule.title if rule and rule.title else "",
                "check": say(request, CHECKS[rule.check.kind]) if rule else "",
                "columns": ", ".join(rule.check.columns) if rule else "",
                "of_rows": rule is not None and rule.check.of_rows,
                "dimension": say(request, DIMENSIONS[one.dimension]),
                "severity": say(request, SEVERITIES[one.severity]),
                "outcome": one.outcome.value,
                "outcome_name": say(request, OUTCOMES[one.outcome]),
                "badge": badge,
                "icon": icon,
                "checked": one.checked,
                "failing": one.failing,
                "found": one.found,
                "reason": one.reason,
                "version": one.version,
                "at": one.at,
            }
        )
    return found


def dimension_words(request: Request, results: Sequence[RuleResult]) -> list[dict[str, Any]]:
    """How many rules of each dimension hold: what everybody may know."""
    found = []
    for dimension in QualityDimension:
        mine = [one for one in results if one.dimension is dimension]
        if mine:
            holding = sum(one.outcome is Outcome.HOLDS for one in mine)
            found.append(
                {
                    "key": dimension.value,
                    "name": say(request, DIMENSIONS[dimension]),
                    "rules": len(mine),
                    "holding": holding,
                }
            )
    return found
