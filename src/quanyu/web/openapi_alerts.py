"""The paths of rules, alerts, silences and on-call calendars."""

from typing import Any

from quanyu.operations import rule_schema
from quanyu.web.alerts import FILTERS
from quanyu.web.openapi_components import parameter
from quanyu.web.openapi_parts import Path, operation

_TAG = "Alerts"
_TEXT = {"type": "string"}
_INSTANT = {"type": "string", "format": "date-time"}
_STATES = {"type": "string", "enum": ["draft", "live", "paused", "removed"]}


def _path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": _TEXT}


_NAMED = {"{key}": _path("key"), "{name}": _path("name")}
_GETS = (
    ("/api/rules", "rules", "Rules of the streams that you may read", ()),
    ("/api/rules/schema", "rules_schema", "The JSON Schema of a rule", ()),
    ("/api/rules/{key}", "rule", "A rule and every change of it", ()),
    ("/api/alerts", "alerts", "Alerts of the streams that you may read",
     (*(parameter(name, _TEXT) for name in sorted(FILTERS)), parameter("after", _TEXT),
      parameter("limit", {"type": "integer", "minimum": 1, "maximum": 500}))),
    ("/api/alerts/figures", "alert_figures", "How many alerts are open", ()),
    ("/api/alerts/{name}", "alert", "One alert", ()),
    ("/api/silences", "silences", "Silences of your party", ()),
    ("/api/on-call", "calendars", "On-call calendars of your party", ()),
)  # fmt: skip
_WRITES = (
    ("post", "/api/rules/back-test", "rule_back_test", "Try a rule on history",
     (parameter("start", _INSTANT), parameter("end", _INSTANT)), rule_schema),
    ("put", "/api/rules", "rule_put", "Put rules down, all or none",
     (parameter("state", _STATES),), rule_schema),
    ("put", "/api/rules/{key}/state", "rule_state", "Make a rule live, pause or remove it",
     (parameter("state", _STATES),), None),
    ("post", "/api/alerts/{name}/acknowledge", "alert_acknowledge", "Take an alert on", (),
     ("note",)),
    ("post", "/api/silences", "silence", "Tell nobody of alerts that match", (),
     ("matcher", "startsAt", "endsAt", "reason")),
    ("delete", "/api/silences/{name}", "silence_end", "End a silence", (), None),
    ("put", "/api/on-call/{name}", "calendar_put", "Put a calendar down", (),
     ("zone", "rotations")),
    ("post", "/api/on-call/{name}/overrides", "hand_over", "Let another member be called", (),
     ("member", "startsAt", "endsAt", "note")),
    ("post", "/api/on-call/{name}/days-off", "days_off", "Let a member be off, and who stands in",
     (), ("member", "first", "last", "substitute", "inExchange", "note")),
    ("delete", "/api/on-call/days-off/{name}", "days_off_end", "Take days off back", (), None),
    ("delete", "/api/on-call/overrides/{name}", "hand_over_end", "End a hand-over", (), None),
)  # fmt: skip


def alert_paths() -> dict[str, Any]:
    """The paths object of these."""
    found: dict[str, Any] = {}
    for path, name, summary, more in _GETS:
        found.setdefault(path, {})["get"] = _operation(path, name, summary, more)
    events = "/api/alerts/events"
    stream = _operation(events, "alert_events", "One event whenever alerts change", ())
    stream["responses"]["200"]["content"] = {"text/event-stream": {"schema": _TEXT}}
    found[events] = {"get": stream}
    for method, path, name, summary, more, body in _WRITES:
        one = _operation(path, name, summary, more)
        if callable(body):
            said = {"schema": {"type": "object", "title": body()["title"]}}
            types = ("application/json", "application/yaml")
            one["requestBody"] = {"required": True, "content": dict.fromkeys(types, said)}
        elif body is not None:
            schema = {
                "type": "object",
                "additionalProperties": False,
                "properties": dict.fromkeys(body, True),
            }
            one["requestBody"] = {
                "required": True,
                "content": {"application/json": {"schema": schema}},
            }
        found.setdefault(path, {})[method] = one
    return found


def _operation(path: str, name: str, summary: str, more: tuple[Any, ...]) -> dict[str, Any]:
    one = operation(Path("", name, summary, _TAG), more)
    given = [found for text, found in _NAMED.items() if text in path]
    one["parameters"] = [*given, *one["parameters"]]
    return one
