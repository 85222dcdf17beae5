"""Runs of algorithms where the data are: how they stand, and the release of what they gave."""

from typing import Any

import orjson
from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from quanyu.compute import (
    Deployed,
    Run,
    RunOutput,
    RunState,
    algorithm_by_id,
    decide_run,
    may_release,
    outputs_for,
    run_named,
    runs_of,
)
from quanyu.kernel import Invalid, NotFound, QuanyuError
from quanyu.parties import Caller, party
from quanyu.web.algorithm_run import FACE
from quanyu.web.json_body import read_object
from quanyu.web.node import Node
from quanyu.web.portal.run_words import STATES, run_document, run_row
from quanyu.web.portal.visit import (
    Member,
    TheNode,
    filter_of,
    go,
    link_to,
    local,
    problem_of,
    reading,
    show,
    writing,
)
from quanyu.web.process_words import problem_of as failure_of
from quanyu.web.serve_several import check_several
from quanyu.web.serve_use import ACTIONS, ask_of
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)
_ROWS_SHOWN = 50
_DECISIONS = {"release": True, "refuse": False}


@router.get("/runs")
async def runs_page(
    request: Request, node: TheNode, caller: Member, after: str | None = None
) -> Response:
    """Runs that the visitor's party asked for, and those on its data."""
    chosen = filter_of(request, "state", list(STATES))
    states = [RunState(chosen)] if chosen else []
    runs, following = await reading(node, lambda s: runs_of(s, caller, states=states, after=after))
    filters = [
        {
            "name": name,
            "href": link_to(request, state=state.value, after=None),
            "on": state == chosen,
        }
        for state, (name, _, _) in STATES.items()
    ]
    context = {
        "runs": [run_row(request, one) for one in runs],
        "filters": filters,
        "all_href": link_to(request, state=None, after=None),
        "chosen": chosen,
        "next_href": link_to(request, after=following) if following else None,
    }
    twin = {"runs": [run_document(one) for one in runs], "next": following}
    return show(request, "runs.html", context, twin=twin)


@router.get("/runs/{name}")
async def run_page(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """How a run stands; to who decides, its code and outputs; to who asked, what is released."""
    return await _page(request, node, caller, name)


@router.post("/runs/{name}/decision")
async def decide_page(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """Release the outputs, or refuse them with reasons: by the form, or as JSON."""
    await check_csrf_of(request)
    by_form = "form" in request.headers.get("content-type", "")
    said: dict[str, Any] = (
        dict(await request.form())
        if by_form
        else await read_object(request, frozenset({"decision", "reasons"}))
    )
    decision, reasons = str(said.get("decision", "")), str(said.get("reasons", ""))
    try:
        if decision not in _DECISIONS:
            raise Invalid(
                "there is no such decision", field="decision", mend="say “release” or “refuse”"
            )
        run = await writing(
            node,
            lambda s: decide_run(s, name, caller, release=_DECISIONS[decision], reasons=reasons),
        )
    except NotFound:
        raise
    except QuanyuError as error:
        if not by_form:
            raise
        return await _page(request, node, caller, name, error)
    if by_form:
        return go(f"/runs/{name}")
    return Response(orjson.dumps(run_document(run, findings=True)), media_type="application/json")


@router.get("/runs/{name}/outputs/{output}")
async def output_file(
    request: Request, node: TheNode, caller: Member, name: str, output: str
) -> Response:
    """An output as JSON, for who may see it. When the right to run ends, so do the outputs."""
    run, outputs, _ = await _read(node, caller, name)
    if not may_release(caller, run):
        await _check_still(request, run)
    found = next((one for one in outputs if one.name == output), None)
    if found is None:
        raise NotFound(
            "there is no output {name} that you may see",
            field="output",
            mend="wait until it is released",
            name=output[:64],
        )
    headers = {
        "cache-control": "no-store",
        "content-disposition": f'attachment; filename="{found.name}.json"',
    }
    return Response(found.body, headers=headers, media_type="application/json")


async def _read(node: Node, caller: Caller, name: str) -> tuple[Run, list[RunOutput], Deployed]:
    def read(session: Session) -> tuple[Run, list[RunOutput], Deployed]:
        run = run_named(session, name, caller)
        return run, outputs_for(session, run, caller), algorithm_by_id(session, run.algorithm)

    return await reading(node, read)


async def _check_still(request: Request, run: Run) -> None:
    means = {"agreement": run.agreement, "purpose": run.request.get("purpose") or ""}
    ask = ask_of(request, {k: v for k, v in means.items() if v}, FACE, ACTIONS[FACE])
    await check_several(request, {run.collection: ask})


async def _page(
    request: Request, node: Node, caller: Caller, name: str, error: QuanyuError | None = None
) -> Response:
    run, outputs, of = await _read(node, caller, name)
    judge = may_release(caller, run)
    refused = error
    if outputs and not judge:
        try:
            await _check_still(request, run)
        except QuanyuError as ended:
            refused, outputs = ended, []
    if run.problem is not None and refused is None:
        refused = failure_of(run.problem)
    who = await reading(node, lambda s: (party(s, run.party).name, party(s, run.provider).name))
    findings = judge or run.state is RunState.RELEASED
    context = {
        "run": run,
        "row": run_row(request, run),
        "package": of.package,
        "mine": caller.party == run.party,
        "judge": judge,
        "asker": local(request, who[0]),
        "provider": local(request, who[1]),
        "outputs": [_shown(one) for one in outputs],
        "findings": run.findings if findings else (),
        "problem": problem_of(request, refused) if refused else None,
        "over": run.state not in (RunState.ACCEPTED, RunState.RUNNING),
    }
    twin = run_document(run, findings=findings) | {
        "outputs": {
            one.name: {"sha256": one.sha256, "href": f"/runs/{run.id}/outputs/{one.name}"}
            for one in outputs
        }
    }
    if judge:
        twin["package"] = of.package.document
    return show(request, "run.html", context, twin=twin, status=error.status if error else 200)


def _shown(one: RunOutput) -> dict[str, Any]:
    value = orjson.loads(one.body)
    rows = value if isinstance(value, list) else []
    return {
        "name": one.name,
        "sha256": one.sha256,
        "size": len(one.body),
        "value": None if isinstance(value, list) else value,
        "names": list(rows[0]) if rows else [],
        "rows": rows[:_ROWS_SHOWN],
        "more": max(len(rows) - _ROWS_SHOWN, 0),
        "table": isinstance(value, list),
    }
