"""Health as JSON: a figure with its parts, what changed, rules and how they went."""

from collections.abc import Mapping, Sequence
from typing import Any

from quanyu.agreements import Withheld
from quanyu.catalogue import HealthFigure, Resource
from quanyu.kernel import Language, iso, translate
from quanyu.operations import (
    Health,
    HealthChange,
    HealthDay,
    Outcome,
    Part,
    QualityDimension,
    RuleResult,
    RuleSet,
    rules_document,
)


def listed_document(of: Resource, figure: HealthFigure | None) -> dict[str, Any]:
    """A resource in the list of health."""
    return {
        "resource": of.id,
        "slug": of.slug,
        "title": {"zh": of.title.zh, "en": of.title.en},
        "kind": of.kind.value,
        "provider": of.provider,
        "state": figure.state.value if figure else "unknown",
        "score": figure.score if figure else None,
        "href": f"/api/resources/{of.slug}/health",
    }


def health_document(
    of: Resource, health: Health, held: Withheld | None, *, insider: bool, language: Language
) -> dict[str, Any]:
    """A figure with its parts. ``insider``: those who look after the resource are told the work
    order, the maintenance and who overruled what."""
    said: dict[str, Any] = {
        "resource": of.id,
        "slug": of.slug,
        "state": health.state.value,
        "score": health.score,
        "since": _time(health.since),
        "at": _time(health.at),
        "parts": [part_document(part, language) for part in health.parts],
        "maintenance": None if health.silence is None else iso(health.silence.until),
        "offered": held is None or not held.stands,
    }
    if insider:
        said["work_order"] = health.order
        said["maintenance_reason"] = health.silence.reason if health.silence else None
        said["offered_because"] = (held.overruled_because or None) if held else None
    return said


def part_document(part: Part, language: Language) -> dict[str, Any]:
    """A part with its reason in words."""
    return {
        "aspect": part.aspect.value,
        "score": part.score,
        "state": part.state.value,
        "reason": translate(language, part.message, **part.params),
        "at": _time(part.at),
    }


def change_document(change: HealthChange, language: Language) -> dict[str, Any]:
    """A figure of the past."""
    return {
        "at": iso(change.at),
        "state": change.state.value,
        "score": change.score,
        "parts": [part_document(part, language) for part in change.parts],
    }


def day_document(day: HealthDay) -> dict[str, Any]:
    """The counts of a day."""
    return {"day": day.day.isoformat(), **{s.value: n for s, n in day.counts.items()}}


def rules_answer(rules: RuleSet) -> dict[str, Any]:
    """The rules as they were declared."""
    return {
        "revision": rules.revision,
        "declared_at": _time(rules.declared_at),
        "rules": rules_document(rules.rules),
    }


def result_document(one: RuleResult) -> dict[str, Any]:
    """How a rule went; for those who may see all rows that it counts."""
    return {
        "name": one.name,
        "dimension": one.dimension.value,
        "severity": one.severity.value,
        "outcome": one.outcome.value,
        "checked": one.checked,
        "failing": one.failing,
        "found": one.found or None,
        "reason": one.reason or None,
        "version": one.version,
        "revision": one.revision,
        "at": iso(one.at),
    }


def dimensions_document(results: Sequence[RuleResult]) -> Mapping[str, dict[str, int]]:
    """How many rules of each dimension hold: what everybody may know."""
    found = {}
    for dimension in QualityDimension:
        mine = [one for one in results if one.dimension is dimension]
        if mine:
            holding = sum(one.outcome is Outcome.HOLDS for one in mine)
            found[dimension.value] = {"rules": len(mine), "holding": holding}
    return found


def _time(moment: Any) -> str | None:
    return None if moment is None else iso(moment)
