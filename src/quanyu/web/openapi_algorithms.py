"""The paths of algorithms that are sent to the data, and of their runs."""

from typing import Any

from quanyu.compute import RunState
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.openapi_components import parameter
from quanyu.web.openapi_market import body_of
from quanyu.web.openapi_parts import Path, operation

_TAG = "Compute to data"
_TEXT = {"type": "string"}
_ONE = "/algorithms/{name}"
_RUN = "/runs/{name}"
_JSON_TWIN = parameter("f", {"const": "json"}, "The page as JSON.") | {"required": True}
_WAIT = parameter("Prefer", _TEXT, "wait=N: wait so many seconds for its end (RFC 7240).", "header")
_STATE = parameter("state", {"type": "string", "enum": list(RunState)}, "Runs that stand so.")
_AFTER = parameter("after", _TEXT, "Token of the page before.")
_PACKAGE: dict[str, Any] = {
    "type": "object",
    "description": "An application package (OGC 20-044): Python in the form of a text.",
    "required": ["processDescription", "executionUnit"],
    "properties": {"processDescription": {"type": "object"}, "executionUnit": True},
}
_ASKED: dict[str, Any] = {
    "collection": _TEXT,
    "agreement": _TEXT,
    "purpose": _TEXT,
    "bbox": _TEXT,
    "datetime": _TEXT,
    "filter": _TEXT,
    "version": _TEXT,
    "digest": _TEXT | {"description": "Of the package, where it is not the latest."},
    "inputs": {"type": "object", "description": "Values by their names in the description."},
}


def algorithm_paths() -> dict[str, Any]:
    """The paths object of these."""
    deploy = _plain("/algorithms", "algorithm_deploy", "Deploy an algorithm")
    deploy["requestBody"] = {
        "required": True,
        "content": {
            "application/ogcapppkg+json": {"schema": _PACKAGE},
            MEDIA_TYPES["json"]: {"schema": _PACKAGE},
        },
    }
    run = _plain(f"{_ONE}/runs", "algorithm_run", "Run an algorithm where the data are", _WAIT)
    run["requestBody"] = body_of(_ASKED, "collection")
    for one in (deploy, run):
        one["responses"]["201"] = one["responses"].pop("200")
    undeploy = _plain(_ONE, "algorithm_undeploy", "Undeploy an algorithm; its runs stay")
    undeploy["responses"]["204"] = {"description": "It is gone."}
    del undeploy["responses"]["200"]
    decide = _plain(f"{_RUN}/decision", "run_decide", "Release the outputs of a run, or refuse")
    decide["requestBody"] = body_of(
        {"decision": {"type": "string", "enum": ["release", "refuse"]}, "reasons": _TEXT},
        "decision",
    )
    output = f"{_RUN}/outputs/{{output}}"
    return {
        "/algorithms": {
            "get": _plain("/algorithms", "algorithms", "The party's algorithms", _JSON_TWIN),
            "post": deploy,
        },
        _ONE: {
            "get": _plain(_ONE, "algorithm", "An algorithm and its versions", _JSON_TWIN),
            "delete": undeploy,
        },
        f"{_ONE}/runs": {"post": run},
        "/runs": {
            "get": _plain("/runs", "runs", "Runs of and for the party", _JSON_TWIN, _STATE, _AFTER)
        },
        _RUN: {"get": _plain(_RUN, "run", "How a run stands", _JSON_TWIN)},
        f"{_RUN}/decision": {"post": decide},
        output: {"get": _plain(output, "run_output", "An output that is released")},
    }


def _plain(path: str, name: str, summary: str, *more: dict[str, Any]) -> dict[str, Any]:
    return operation(Path(path, name, summary, _TAG, "lang", schema=None), more)
