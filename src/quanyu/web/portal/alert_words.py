"""Alerts and rules in words: severities, states, kinds of conditions."""

from typing import Any

from fastapi import Request

from quanyu.operations import AlertState, RuleState, Severity
from quanyu.web.portal.visit import say

SEVERITIES: dict[str, tuple[str, str]] = {
    Severity.CRITICAL.value: ("critical severity", "bad"),
    Severity.MAJOR.value: ("major severity", "bad"),
    Severity.MINOR.value: ("minor severity", "warn"),
    Severity.WARNING.value: ("warning severity", ""),
}
"""Of each severity its name, a message id, and the tone of its badge."""
STATES: dict[str, tuple[str, str, str]] = {
    AlertState.FIRING.value: ("firing", "bad", "duty"),
    AlertState.ACKNOWLEDGED.value: ("acknowledged", "warn", "person"),
    AlertState.SILENCED.value: ("silenced", "", "wait"),
    AlertState.RESOLVED.value: ("resolved", "ok", "yes"),
}
RULE_STATES: dict[str, tuple[str, str]] = {
    RuleState.LIVE.value: ("live rule", "ok"),
    RuleState.DRAFT.value: ("draft rule", ""),
    RuleState.PAUSED.value: ("paused rule", "warn"),
}
KINDS: dict[str, str] = {
    "threshold": "Threshold",
    "rate": "Rate of change",
    "missing": "Missing data",
    "geofence": "Geofence",
    "anomaly": "Anomaly",
    "composite": "Composite of conditions",
}
WHY: dict[str, str] = {
    "cleared": "back to normal",
    "withdrawn": "taken back: late data said otherwise",
    "rule": "its rule was changed",
}


def alert_words(request: Request) -> dict[str, Any]:
    """What templates of alerts and rules say."""
    return {
        "severity_names": {key: say(request, name) for key, (name, _) in SEVERITIES.items()},
        "severity_tones": {key: tone for key, (_, tone) in SEVERITIES.items()},
        "alert_state_names": {key: say(request, one[0]) for key, one in STATES.items()},
        "alert_state_tones": {key: one[1:] for key, one in STATES.items()},
        "rule_state_names": {key: say(request, name) for key, (name, _) in RULE_STATES.items()},
        "rule_state_tones": {key: tone for key, (_, tone) in RULE_STATES.items()},
        "kind_names": {key: say(request, name) for key, name in KINDS.items()},
        "why_names": {key: say(request, name) for key, name in WHY.items()},
    }
