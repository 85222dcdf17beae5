"""Types of the health of resources: rules, their results, parts of the figure, what changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from quanyu.catalogue import HealthState
from quanyu.kernel import MemberId, PartyId, ResourceId
from quanyu.spacetime import CheckKind, ValueCheck


class QualityDimension(StrEnum):
    """Dimensions of data quality: the six of GB/T 36344-2018 as they are measured by rules."""

    COMPLETENESS = "completeness"
    VALIDITY = "validity"
    UNIQUENESS = "uniqueness"
    TIMELINESS = "timeliness"
    CONSISTENCY = "consistency"
    ACCURACY = "accuracy"


DIMENSION_OF: Mapping[CheckKind, QualityDimension] = {
    CheckKind.PRESENT: QualityDimension.COMPLETENESS,
    CheckKind.ROWS: QualityDimension.COMPLETENESS,
    CheckKind.RANGE: QualityDimension.VALIDITY,
    CheckKind.PATTERN: QualityDimension.VALIDITY,
    CheckKind.CODES: QualityDimension.VALIDITY,
    CheckKind.UNIQUE: QualityDimension.UNIQUENESS,
    CheckKind.RECENT: QualityDimension.TIMELINESS,
    CheckKind.REFERENCE: QualityDimension.CONSISTENCY,
    CheckKind.CONDITION: QualityDimension.CONSISTENCY,
    CheckKind.SHAPE: QualityDimension.VALIDITY,
    CheckKind.INSIDE: QualityDimension.ACCURACY,
    CheckKind.AGREES: QualityDimension.ACCURACY,
}
"""The dimension that a rule of each kind measures when it names none."""


class QualitySeverity(StrEnum):
    """What it means when a rule does not hold: the resource is bad, or only to be watched."""

    ERROR = "error"
    WARNING = "warning"


class Outcome(StrEnum):
    """How a check went; ``unchecked`` where it could not be made, such as of a column that has
    gone."""

    HOLDS = "holds"
    FAILS = "fails"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True)
class QualityRule:
    """A rule that a provider declares on a dataset. It holds while at least ``share`` of the rows
    that it is about are right. ``title`` says it in words."""

    name: str
    check: ValueCheck
    dimension: QualityDimension
    severity: QualitySeverity = QualitySeverity.ERROR
    share: float = 1.0
    title: str = ""


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules of a resource; ``revision`` counts their declarations, 0 while there is none."""

    resource: ResourceId
    revision: int
    rules: tuple[QualityRule, ...]
    declared_at: datetime | None


@dataclass(frozen=True, slots=True)
class RuleResult:
    """How a rule went on a version. Counts are of the whole data: for those who may see all."""

    name: str
    dimension: QualityDimension
    severity: QualitySeverity
    outcome: Outcome
    checked: int
    failing: int
    found: str
    reason: str
    version: int
    revision: int
    at: datetime


class Aspect(StrEnum):
    """What a part of the figure is about."""

    FRESHNESS = "freshness"
    QUALITY = "quality"
    REACH = "reach"
    LIVENESS = "liveness"
    JOBS = "jobs"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the figure. ``score`` is 0 to 100, ``None`` where it is not known; ``message`` is
    the English message id of its reason. ``at`` is when what it rests on was seen."""

    aspect: Aspect
    score: int | None
    message: str
    params: Mapping[str, str | int]
    at: datetime | None = None

    @property
    def state(self) -> HealthState:
        """How this part does."""
        return state_of(self.score)


@dataclass(frozen=True, slots=True)
class HealthSilence:
    """Planned maintenance: until then nobody is called, though the figure says what is."""

    until: datetime
    reason: str
    by: MemberId | None


@dataclass(frozen=True, slots=True)
class Health:
    """How a resource does: the figure, its parts, since when it is in this state, when it was
    looked at, who is called (``order``: the open work order)."""

    resource: ResourceId
    state: HealthState
    score: int | None
    parts: tuple[Part, ...]
    since: datetime | None
    at: datetime | None
    silence: HealthSilence | None = None
    order: str | None = None


@dataclass(frozen=True, slots=True)
class HealthChange:
    """The figure from ``at`` on."""

    at: datetime
    state: HealthState
    score: int | None
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class HealthDay:
    """How many published resources were in each state at the end of a day."""

    day: date
    counts: Mapping[HealthState, int]


@dataclass(frozen=True, slots=True)
class HealthChanged:
    """Event: a resource is in another state, and that is committed."""

    resource: ResourceId
    provider: PartyId
    state: HealthState
    before: HealthState


GOOD_FROM, WARNING_FROM = 80, 50
"""The least scores of the states good and warning; below is bad."""


def state_of(score: int | None) -> HealthState:
    """The state that a score means."""
    if score is None:
        return HealthState.UNKNOWN
    if score >= GOOD_FROM:
        return HealthState.GOOD
    return HealthState.WARNING if score >= WARNING_FROM else HealthState.BAD


def said(part: Part) -> dict[str, Any]:
    """A part as it is kept."""
    return {
        "aspect": part.aspect.value,
        "score": part.score,
        "message": part.message,
        "params": dict(part.params),
        "at": part.at.isoformat() if part.at else None,
    }


def part_of(kept: Mapping[str, Any]) -> Part:
    """The part that was kept so."""
    at = kept.get("at")
    return Part(
        Aspect(kept["aspect"]),
        kept["score"],
        kept["message"],
        kept["params"],
        datetime.fromisoformat(at) if at else None,
    )
