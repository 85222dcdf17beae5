"""Rules over observations, as parsed: what they watch, when they raise, what follows.

Durations are whole microseconds, as times are in observation tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from quanyu.kernel import LocalText, PartyId, ResourceId

SECOND = 1_000_000
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


class Severity(StrEnum):
    """Perceived severity (ITU-T X.733), the worst first."""

    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"
    WARNING = "warning"


class RuleState(StrEnum):
    """Whether a rule is looked at."""

    DRAFT = "draft"
    LIVE = "live"
    PAUSED = "paused"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Watch:
    """Which datastreams of a stream: all that satisfy each thing said. ``area`` is a GeoJSON
    polygon in WGS 84 that holds the thing's location."""

    observed_property: str = ""
    template: str = ""
    area: Mapping[str, Any] | None = None
    things: tuple[str, ...] = ()
    datastreams: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Threshold:
    """Value above ``above`` or below ``below``; over at ``clear_below`` and ``clear_above``."""

    above: float | None = None
    below: float | None = None
    clear_below: float | None = None
    clear_above: float | None = None
    lasts: int = 0


@dataclass(frozen=True, slots=True)
class Rate:
    """Value minus the lowest (highest) of the last ``over`` microseconds: rise (fall)."""

    over: int
    rise: float | None = None
    fall: float | None = None
    lasts: int = 0


@dataclass(frozen=True, slots=True)
class Missing:
    """No observation for ``lasts`` microseconds of phenomenon time."""

    lasts: int


@dataclass(frozen=True, slots=True)
class Geofence:
    """Position inside (or outside) an area, a GeoJSON polygon in WGS 84."""

    area: Mapping[str, Any]
    inside: bool = True
    lasts: int = 0


@dataclass(frozen=True, slots=True)
class Anomaly:
    """Distance from the seasonal median in robust standard deviations.

    season    hours of a season: 24 or 168.
    history   microseconds of observations that the baseline is made from.
    least     smallest standard deviation, in units of the observation.
    """

    score: float = 6.0
    clear: float = 3.0
    side: str = "both"
    season: int = 24
    history: int = 56 * 86_400 * SECOND
    least: float = 0.0
    lasts: int = 0


Simple = Threshold | Rate | Missing | Geofence | Anomaly


@dataclass(frozen=True, slots=True)
class Term:
    """One condition of a composite: true while ``count`` of its datastreams satisfy it."""

    name: str
    watch: Watch
    when: Simple
    count: int = 1


@dataclass(frozen=True, slots=True)
class Composite:
    """Terms joined by ``logic`` (a name, or ``all``/``any``/``not``/``at_least … of``)."""

    terms: tuple[Term, ...]
    logic: Any
    by_thing: bool = True
    lasts: int = 0


Condition = Simple | Composite


@dataclass(frozen=True, slots=True)
class Step:
    """Who is told ``after`` so many microseconds without an acknowledgement."""

    to: str
    after: int = 0


@dataclass(frozen=True, slots=True)
class OrderWish:
    """The work order that an alert opens ``after`` so many microseconds."""

    category: str
    priority: str = "normal"
    after: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as declared; ``document`` is what was said, as JSON would carry it. Observations with
    one of ``ignore_flags`` (flags of QARTOD) are to it as if they were not there.

    ``group_wait`` microseconds pass before the first notice of a group, as in Prometheus
    Alertmanager: what joins the group is told with it, what is over by then is told to nobody.
    """

    id: str
    title: LocalText
    stream: str
    when: Condition
    watch: Watch = field(default_factory=Watch)
    severity: Severity = Severity.MINOR
    advice: LocalText | None = None
    group: str = "thing"
    group_wait: int = 30 * SECOND
    lateness: int = 86_400 * SECOND
    ignore_flags: tuple[int, ...] = ()
    escalate: tuple[Step, ...] = ()
    work_order: OrderWish | None = None
    document: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KeptRule:
    """A version of a rule in the control store; its state is the rule's."""

    key: str
    version: int
    resource: ResourceId
    party: PartyId
    state: RuleState
    rule: Rule
    at: datetime
    leaf: str


def duration(text: str) -> int:
    """Microseconds of ``90s``, ``15m``, ``3h``, ``2d``, ``1w``."""
    return int(text[:-1]) * _UNITS[text[-1]] * SECOND


def spoken(micros: int) -> str:
    """The shortest text that :func:`duration` reads as that."""
    seconds = micros // SECOND
    for unit, size in reversed(_UNITS.items()):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
