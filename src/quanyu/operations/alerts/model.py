"""Types of alerts: what is wrong, with whom it rests, and who is not to be told."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from quanyu.kernel import MemberId, PartyId, ResourceId
from quanyu.operations.rules import Severity


class AlertState(StrEnum):
    """Where an alert stands. ``silenced`` is a firing one that a silence covers now."""

    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    SILENCED = "silenced"
    RESOLVED = "resolved"


OPEN_STATES = (AlertState.FIRING, AlertState.ACKNOWLEDGED, AlertState.SILENCED)
"""States of alerts that are not over."""

MATCHED = ("rule", "stream", "severity", "thing", "group")
"""What a silence can match: id of the rule, of the resource, severity, id of the thing, group."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One episode of one subject of a rule.

    what      name of the datastream or, of a composite, of the thing; ``unit`` of ``peak``.
    peak      worst value, change, score, seconds without data, or terms that were true.
    why       of a resolved one: ``cleared``, ``withdrawn`` (late data said otherwise) or ``rule``
              (the rule was changed).
    step      how many steps of escalation have been taken.
    """

    id: str
    rule: str
    version: int
    resource: ResourceId
    party: PartyId
    subject: str
    datastreams: tuple[int, ...]
    thing: str
    thing_name: str
    what: str
    unit: str
    lon: float | None
    lat: float | None
    severity: Severity
    state: AlertState
    group: str
    began_at: datetime
    ended_at: datetime | None
    peak: float | None
    raised_at: datetime
    changed_at: datetime
    why: str
    member: MemberId | None
    acknowledged_at: datetime | None
    note: str
    step: int
    escalate_at: datetime | None
    work_order: str | None
    leaf: str

    @property
    def about(self) -> str:
        """What people are told that it is about."""
        return about(self.thing_name, self.what)


def about(thing: str, what: str) -> str:
    """A datastream with its thing: datastreams of many things may have one name."""
    return what if thing in what else f"{thing} · {what}" if what else thing


@dataclass(frozen=True, slots=True)
class Silence:
    """Alerts of a party that have each value of ``matcher`` are told to nobody for a time."""

    id: str
    party: PartyId
    matcher: Mapping[str, str]
    starts_at: datetime
    ends_at: datetime
    reason: str
    member: MemberId | None
    leaf: str


@dataclass(frozen=True, slots=True)
class AlertRaised:
    """Event: something is wrong."""

    alert: str
    resource: ResourceId
    severity: Severity


@dataclass(frozen=True, slots=True)
class AlertResolved:
    """Event: it is over."""

    alert: str
    resource: ResourceId


@dataclass(frozen=True, slots=True)
class AlertPage:
    """Alerts, the latest first, and the token of the next page."""

    alerts: tuple[Alert, ...]
    after: str | None
