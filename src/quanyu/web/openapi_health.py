"""The paths of health: figures, quality rules, what is done of a resource that is not well."""

from typing import Any

from quanyu.catalogue import HealthState, Kind, Sort
from quanyu.operations import QualityDimension, QualitySeverity
from quanyu.spacetime import CheckKind
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.openapi_components import parameter
from quanyu.web.openapi_parts import Path, operation

_TAG = "Health"
_TEXT = {"type": "string"}
_AT, _RULES = "/api/resources/{slug}/health", "/api/resources/{slug}/quality-rules"
_NUMBER = {"type": "number"}
_ENDS = {"type": ["number", "string", "null"]}
_LIST = {"type": "array", "items": _TEXT}
_RULE: dict[str, Any] = {
    "type": "object",
    "required": ["name", "kind"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,62}$"},
        "title": _TEXT,
        "kind": {"type": "string", "enum": list(CheckKind)},
        "dimension": {"type": "string", "enum": list(QualityDimension)},
        "severity": {"type": "string", "enum": list(QualitySeverity)},
        "share": {"type": "number", "minimum": 0, "maximum": 1},
        "columns": {"oneOf": [_TEXT, _LIST]},
        "least": _ENDS,
        "most": _ENDS,
        "pattern": _TEXT,
        "values": {"type": "array"},
        "dataset": _TEXT,
        "theirs": {"oneOf": [_TEXT, _LIST]},
        "tolerance": {"type": "number", "minimum": 0},
        "bbox": {"type": "array", "items": _NUMBER, "minItems": 4, "maxItems": 4},
        "age": {"type": "string", "description": "ISO 8601 duration, such as P1D."},
        "condition": {"description": "CQL2 as text or JSON."},
    },
}
_DECLARED: dict[str, Any] = {
    "type": "object",
    "required": ["rules"],
    "properties": {"rules": {"type": "array", "items": _RULE}},
}
_REASON: dict[str, Any] = {
    "type": "object",
    "required": ["reason"],
    "additionalProperties": False,
    "properties": {"reason": _TEXT},
}
_MAINTENANCE: dict[str, Any] = {
    "type": "object",
    "required": ["until", "reason"],
    "additionalProperties": False,
    "properties": {"until": {"type": "string", "format": "date-time"}, "reason": _TEXT},
}


def health_paths() -> dict[str, Any]:
    """The paths object of these."""
    limit = parameter("limit", {"type": "integer", "minimum": 1}, "How many at most.")
    after = parameter("after", _TEXT, "From the answer before.")
    form = parameter("f", {"type": "string", "enum": ["json", "yaml"]}, "Form of the answer.")
    words = (
        parameter("state", {"type": "string", "enum": list(HealthState)}, "State of health."),
        parameter("provider", _TEXT, "Id of a party."),
        parameter("kind", {"type": "string", "enum": list(Kind)}, "Kind of resource."),
        parameter("q", _TEXT, "Words."),
        parameter("sort", {"type": "string", "enum": list(Sort)}, "Order; sickest first."),
    )
    since = parameter("since", {"type": "string", "format": "date"}, "First day.")
    lines = (
        (Path("/api/health", "healths", "Resources by health", _TAG, "lang"),
         (*words, limit, after)),
        (Path("/api/health/departments", "health_departments", "Counts by department", _TAG), ()),
        (Path("/api/health/days", "health_days", "Counts by day", _TAG), (since, words[1])),
        (Path(_AT, "health", "The health of a resource, part by part", _TAG, "lang"), ()),
        (Path(f"{_AT}/history", "health_history", "Its figures before", _TAG, "lang"),
         (limit, after)),
        (Path(_RULES, "quality_rules", "Its quality rules", _TAG, "agreement purpose"), (form,)),
        (Path(f"{_RULES}/proposals", "quality_proposals", "Rules proposed", _TAG), (form,)),
        (Path(f"{_RULES}/results", "quality_results", "Results of its rules", _TAG,
              "agreement purpose"), (limit,)),
        (Path(f"{_RULES}/{{name}}/rows", "quality_rows", "A rule on the rows that you see", _TAG,
              "agreement purpose"), (limit,)),
    )  # fmt: skip
    found = {one.path: {"get": operation(one, more)} for one, more in lines}
    found[_RULES]["put"] = _written(_RULES, "quality_declare", "Declare its rules", _DECLARED)
    found[f"{_AT}/check"] = {
        "post": _written(f"{_AT}/check", "health_check", "Run every check", None)
    }
    keep = f"{_AT}/maintenance"
    found[keep] = {
        "put": _written(keep, "health_maintenance", "Plan maintenance", _MAINTENANCE),
        "delete": _written(keep, "health_maintenance_end", "End maintenance", None),
    }
    found[f"{_AT}/overrule"] = {
        "post": _written(f"{_AT}/overrule", "health_overrule", "Offer it all the same", _REASON)
    }
    return found


def _written(path: str, name: str, summary: str, body: dict[str, Any] | None) -> dict[str, Any]:
    found = operation(Path(path, name, summary, _TAG, "", "json", "Document"))
    found["responses"]["409"] = {"description": "The thing has changed meanwhile."}
    if body is not None:
        found["requestBody"] = {
            "required": True,
            "content": {MEDIA_TYPES["json"]: {"schema": body}},
        }
    return found
