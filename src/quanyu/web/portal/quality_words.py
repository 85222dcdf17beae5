"""Quality in words: names of dimensions, ratings and states, and measures by GB/T 36344-2018."""

from dataclasses import dataclass
from typing import Any

from fastapi import Request

from quanyu.catalogue import (
    MOST_POINTS,
    Dimension,
    Freshness,
    FreshnessState,
    MetadataQuality,
    Rating,
)
from quanyu.spacetime import Profile
from quanyu.web.portal.visit import say

LABELS: dict[Dimension | Rating | FreshnessState, str] = {
    Dimension.FINDABILITY: "Findability",
    Dimension.ACCESSIBILITY: "Accessibility",
    Dimension.INTEROPERABILITY: "Interoperability",
    Dimension.REUSABILITY: "Reusability",
    Dimension.CONTEXTUALITY: "Contextuality",
    Rating.EXCELLENT: "Excellent",
    Rating.GOOD: "Good",
    Rating.SUFFICIENT: "Sufficient",
    Rating.BAD: "Bad",
    FreshnessState.FRESH: "Fresh",
    FreshnessState.DUE: "An update is due",
    FreshnessState.OVERDUE: "The promised update is overdue",
    FreshnessState.NOT_PROMISED: "No updates are promised",
    FreshnessState.UNKNOWN: "Time of the data not known",
}
BADGES: dict[Rating | FreshnessState, tuple[str, str]] = {
    Rating.EXCELLENT: ("ok", "yes"),
    Rating.GOOD: ("ok", "yes"),
    Rating.SUFFICIENT: ("restricted", "duty"),
    Rating.BAD: ("bad", "no"),
    FreshnessState.FRESH: ("ok", "yes"),
    FreshnessState.DUE: ("restricted", "wait"),
    FreshnessState.OVERDUE: ("bad", "duty"),
    FreshnessState.NOT_PROMISED: ("", "wait"),
    FreshnessState.UNKNOWN: ("", "wait"),
}
"""Class of the badge and its icon: never the colour alone."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A dimension of GB/T 36344-2018 as it was measured; ``share`` from 0 to 1, ``None`` where it
    was not."""

    key: str
    name: str
    share: float | None
    basis: str


def score_words(request: Request, quality: MetadataQuality) -> dict[str, Any]:
    """The score with its dimensions and, for each indicator, its reason and how to mend it."""
    kind, icon = BADGES[quality.rating]
    return {
        "score": quality.score,
        "of": quality.of,
        "rating": say(request, LABELS[quality.rating]),
        "badge": kind,
        "icon": icon,
        "dimensions": [
            {
                "key": one.value,
                "name": say(request, LABELS[one]),
                "points": points,
                "of": MOST_POINTS[one],
                "findings": [
                    {
                        "title": say(request, finding.indicator.title),
                        "met": finding.met,
                        "points": finding.points,
                        "of": finding.indicator.points,
                        "reason": say(request, finding.reason),
                        "mend": "" if finding.met else say(request, finding.indicator.mend),
                    }
                    for finding in quality.findings
                    if finding.indicator.dimension is one
                ],
            }
            for one, points in quality.dimensions.items()
        ],
    }


def freshness_words(request: Request, found: Freshness) -> dict[str, Any]:
    """The state with its badge and times."""
    kind, icon = BADGES[found.state]
    return {
        "state": found.state.value,
        "name": say(request, LABELS[found.state]),
        "badge": kind,
        "icon": icon,
        "data_at": found.data_at,
        "due_at": found.due_at,
    }


def measures(
    request: Request, profile: Profile | None, fresh: Freshness, quality: MetadataQuality
) -> list[Measure]:
    """The six dimensions of GB/T 36344-2018, as far as they can be measured."""
    conform = complete = accurate = None
    if profile is not None:
        read = profile.rows + profile.rejects
        conform = profile.conform * (profile.rows / read if read else 1.0)
        complete = profile.complete
        accurate = _accurate(profile)
    timely = {
        FreshnessState.FRESH: 1.0,
        FreshnessState.DUE: 0.5,
        FreshnessState.OVERDUE: 0.0,
    }.get(fresh.state)
    reach = quality.dimensions[Dimension.ACCESSIBILITY] / MOST_POINTS[Dimension.ACCESSIBILITY]
    return [
        Measure(
            "conformity",
            say(request, "Conformity"),
            conform,
            say(request, "values that can be read as their type, rows that could be brought in"),
        ),
        Measure(
            "completeness",
            say(request, "Completeness"),
            complete,
            say(request, "cells that have a value"),
        ),
        Measure(
            "accuracy",
            say(request, "Accuracy"),
            accurate,
            say(request, "rows that repeat no other and have a valid shape"),
        ),
        Measure(
            "consistency",
            say(request, "Consistency"),
            None,
            say(request, "needs a second source to compare with; not measured"),
        ),
        Measure(
            "timeliness",
            say(request, "Timeliness"),
            timely,
            say(request, "age of the data against the promised update cycle"),
        ),
        Measure(
            "accessibility",
            say(request, "Accessibility"),
            reach,
            say(request, "addresses and downloads that answer"),
        ),
    ]


def _accurate(profile: Profile) -> float | None:
    if not profile.rows or profile.repeated is None:
        return None if profile.rows else 1.0
    wrong = profile.repeated
    if profile.geometry is not None:
        wrong += profile.geometry.invalid
    return max(0.0, 1 - wrong / profile.rows)
