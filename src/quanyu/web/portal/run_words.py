"""A run as its pages and their JSON twins say it."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy.orm import Session
from starlette.requests import Request

from quanyu.compute import Run, RunState, runs_of
from quanyu.kernel import iso
from quanyu.parties import Caller
from quanyu.web.portal.visit import say

_SHOWN = 8
STATES: Mapping[RunState, tuple[str, str, str]] = {
    RunState.ACCEPTED: ("Waits for its turn", "", "wait"),
    RunState.RUNNING: ("Running", "restricted", "wait"),
    RunState.WAITING: ("Waits for release", "restricted", "wait"),
    RunState.RELEASED: ("Released", "ok", "yes"),
    RunState.REFUSED: ("Release refused", "bad", "no"),
    RunState.FAILED: ("Failed", "bad", "no"),
}
"""What a state is called, its look and its sign."""


def run_row(request: Request, run: Run) -> dict[str, Any]:
    """A run in a list."""
    name, look, sign = STATES[run.state]
    return {
        "id": run.id,
        "collection": run.collection,
        "digest": run.digest,
        "state": run.state.value,
        "state_name": say(request, name),
        "look": look,
        "sign": sign,
        "created": run.created,
        "finished": run.finished,
    }


def runs_waiting(session: Session, request: Request, caller: Caller) -> list[dict[str, Any]]:
    """Runs whose outputs wait for the caller's decision, for a desk."""
    found, _ = runs_of(session, caller, to_decide=True, limit=_SHOWN)
    return [run_row(request, one) for one in found]


def run_document(run: Run, *, findings: bool = False) -> dict[str, Any]:
    """A run as JSON; ``findings`` for who decides, or once it is released."""
    problem = None
    if run.problem is not None:
        problem = {key: value for key, value in asdict(run.problem).items() if value}
    return {
        "id": run.id,
        "status": run.state.value,
        "algorithm": run.digest,
        "collection": run.collection,
        "agreement": run.agreement,
        "purpose": run.request.get("purpose"),
        "inputs": run.request.get("inputs", {}),
        "inputsSha256": run.inputs,
        "salt": run.salt if findings else None,
        "narrowed": run.request.get("narrowed", {}),
        "reviewed": run.reviewed,
        "smallestGroup": run.groups,
        "created": iso(run.created),
        "finished": iso(run.finished) if run.finished else None,
        "decided": iso(run.decided) if run.decided else None,
        "expires": iso(run.expires),
        "version": run.version,
        "rows": run.rows if findings else None,
        "use": run.use,
        "findings": [asdict(one) for one in run.findings] if findings else [],
        "problem": problem,
        "reasons": run.reasons,
        "receipts": {"run": run.ran, "decision": run.leaf},
        "href": f"/runs/{run.id}",
    }
