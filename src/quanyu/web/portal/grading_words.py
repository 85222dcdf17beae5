"""Classes and grades in words: one grading, its reasons, its level."""

from collections.abc import Mapping
from typing import Any

from fastapi import Request

from quanyu.catalogue import (
    GRADES,
    SENSITIVITIES,
    SUBJECTS,
    THEMES,
    Grading,
    Level,
    Sensitivity,
    grading_table,
)
from quanyu.web.portal.visit import local, say

_TONES = {Level.CORE: "bad", Level.L5: "bad", Level.L4: "restricted", Level.L3: "restricted"}


def level_words(request: Request, level: Level) -> dict[str, str]:
    """A level: its name, grade, harm and the look of its badge."""
    meaning = grading_table().levels[level]
    grade = local(request, GRADES[meaning.grade].name)
    return {
        "level": level.value,
        "name": grade if level is Level.CORE else f"{level.value} · {grade}",
        "grade": meaning.grade.value,
        "harm": local(request, meaning.harm),
        "tone": _TONES.get(level, "ok"),
    }


def grading_words(request: Request, one: Grading | None) -> dict[str, Any] | None:
    """A proposal or a confirmation in words, with the JSON of it."""
    if one is None:
        return None
    return level_words(request, one.level) | {
        "id": one.id,
        "at": one.at,
        "confirmed": one.confirmed,
        "industry": one.industry,
        "industry_name": local(request, THEMES[one.industry].name) if one.industry else "",
        "subject": one.subject.value,
        "subject_name": local(request, SUBJECTS[one.subject].name),
        "rows": one.rows,
        "data_version": one.data_version,
        "reasons": [_reason(request, reason) for reason in one.reasons],
        "reason": one.reason,
        "table": one.table,
        "leaf": one.leaf,
    }


def _reason(request: Request, reason: Mapping[str, Any]) -> dict[str, str]:
    params = dict(reason.get("params") or {})
    if "what" in params:
        params["what"] = say(request, str(params["what"]))
    if "sensitivity" in params:
        known = SENSITIVITIES[Sensitivity(params["sensitivity"])]
        params["sensitivity"] = local(request, known.name)
    return {
        "rule": str(reason.get("rule", "")),
        "level": str(reason.get("level", "")),
        "of": str(reason.get("of", "")),
        "said": say(request, str(reason.get("detail", "")), **params),
    }
