"""The paths of processes and jobs: OGC API – Processes."""

from typing import Any

from quanyu.compute import State
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.openapi_components import parameter
from quanyu.web.openapi_parts import Path, operation
from quanyu.web.process_words import ROOT

_TAG = "Processes"
_TEXT = {"type": "string"}
_PROCESS = f"{ROOT}/processes/{{process}}"
_JOB = f"{ROOT}/jobs/{{job}}"
_WAIT = parameter("Prefer", _TEXT, "respond-async: do not wait (RFC 7240).", "header")
_CHOICES: tuple[dict[str, Any], ...] = (
    parameter("processID", {"type": "array", "items": _TEXT}, "Jobs of these processes."),
    parameter(
        "status",
        {"type": "array", "items": {"type": "string", "enum": list(State)}},
        "Jobs that stand so.",
    ),
)
_EXECUTE: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "inputs": {
            "type": "object",
            "description": "By the names in the description: values; features as GeoJSON, or as "
            "{“collection”: …} with filter, bbox, datetime, agreement, purpose, version.",
        },
        "outputs": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "properties": {
                    "transmissionMode": {"type": "string", "enum": ["value", "reference"]}
                },
            },
        },
        "response": {"type": "string", "enum": ["raw", "document"], "default": "raw"},
    },
}


def process_paths() -> dict[str, Any]:
    """The paths object of these."""
    lines = (
        Path(ROOT, "processes_landing", "Landing page", _TAG, "f lang"),
        Path(f"{ROOT}/conformance", "processes_conformance", "Standards that are met", _TAG,
             "f lang", schema="Conformance"),
        Path(f"{ROOT}/processes", "processes", "Processes", _TAG, "f lang limit after"),
        Path(_PROCESS, "process", "A process, its inputs and outputs", _TAG, "f lang"),
        Path(f"{ROOT}/jobs", "jobs", "Jobs of the caller's party", _TAG, "f lang limit after"),
        Path(_JOB, "job", "How a job stands", _TAG, "f lang"),
        Path(f"{_JOB}/results", "job_results", "Results of a job", _TAG, "lang"),
        Path(f"{_JOB}/results/{{output}}", "job_result", "One output as a file", _TAG, "lang"),
    )  # fmt: skip
    found: dict[str, Any] = {
        one.path: {"get": operation(one, _CHOICES if one.id == "jobs" else ())} for one in lines
    }
    execution = operation(
        Path(f"{_PROCESS}/execution", "execute", "Run a process", _TAG, "lang agreement purpose"),
        (_WAIT,),
    )
    execution["requestBody"] = {
        "required": True,
        "content": {MEDIA_TYPES["json"]: {"schema": _EXECUTE}},
    }
    execution["responses"] |= {
        "201": {"description": "It is worked on; Location says where to look."},
        "204": {"description": "All outputs were asked for by reference."},
        "413": {"description": "It is more than this node computes."},
    }
    found[f"{_PROCESS}/execution"] = {"post": execution}
    found[_JOB]["delete"] = operation(Path(_JOB, "dismiss", "Dismiss a job", _TAG, "lang"))
    return found
