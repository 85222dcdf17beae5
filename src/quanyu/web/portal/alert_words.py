"""Alerts and rules in words: severities, states, kinds of conditions."""

from typing import Any

from fastapi import Request

from quanyu.operations import Alert, AlertState, RuleState, Severity, worst_text
from quanyu.web.pages import language_of
from quanyu.web.portal.visit import say

SEVERITIES: dict[str, str] = {
    Severity.CRITICAL.value: "critical severity",
    Severity.MAJOR.value: "major severity",
    Severity.MINOR.value: "minor severity",
    Severity.WARNING.value: "warning severity",
}
STATES: dict[str, str] = {
    AlertState.FIRING.value: "Firing",
    AlertState.ACKNOWLEDGED.value: "Taken on",
    AlertState.SILENCED.value: "Silenced",
    AlertState.RESOLVED.value: "Alert over",
}
TONES: dict[str, tuple[str, str]] = {
    AlertState.FIRING.value: ("bad", "duty"),
    AlertState.ACKNOWLEDGED.value: ("restricted", "person"),
    AlertState.SILENCED.value: ("", "wait"),
    AlertState.RESOLVED.value: ("ok", "yes"),
}
RULE_STATES: dict[str, str] = {
    RuleState.LIVE.value: "Live rule",
    RuleState.DRAFT.value: "Draft of a rule",
    RuleState.PAUSED.value: "Paused rule",
    RuleState.REMOVED.value: "Removed rule",
}
RULE_TONES = {RuleState.LIVE.value: "ok", RuleState.PAUSED.value: "restricted"}
KINDS: dict[str, str] = {
    "threshold": "Threshold",
    "rate": "Rate of change",
    "missing": "Missing data",
    "geofence": "Geofence",
    "anomaly": "Anomaly",
    "composite": "Composite of conditions",
}
ENDINGS: dict[str, str] = {
    "cleared": "back to normal",
    "withdrawn": "taken back: late data said otherwise",
    "rule": "its rule was changed",
}


def alert_words(request: Request) -> dict[str, Any]:
    """What templates of alerts and rules say."""
    return {
        "severity_names": {key: say(request, name) for key, name in SEVERITIES.items()},
        "alert_state_names": {key: say(request, name) for key, name in STATES.items()},
        "alert_state_tones": TONES,
        "rule_state_names": {key: say(request, name) for key, name in RULE_STATES.items()},
        "rule_state_tones": RULE_TONES,
        "kind_names": {key: say(request, name) for key, name in KINDS.items()},
        "why_names": {key: say(request, name) for key, name in ENDINGS.items()},
        "worst_of": lambda one: worst_of(request, one),
    }


def worst_of(request: Request, one: Alert) -> str:
    """The worst of an alert with its unit."""
    return worst_text(language_of(request), one.peak, one.unit) or "—"
