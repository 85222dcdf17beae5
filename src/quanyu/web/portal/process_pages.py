"""Algorithms 算法: the list, a page with a form for each, and the jobs of the visitor's party."""

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from quanyu.catalogue import Resource
from quanyu.compute import PROCESSES, Algorithm, Holds, Job, Result, State, read_request
from quanyu.kernel import Invalid, Language, QuanyuError, Refused
from quanyu.parties import Caller
from quanyu.spacetime import GeometryType, View
from quanyu.web.node import base_of
from quanyu.web.pages import language_of
from quanyu.web.portal.process_drawing import drawing
from quanyu.web.portal.process_form import document_of, fields_of, read_form
from quanyu.web.portal.visit import Member, Visitor, go, link_to, problem_of, say, show
from quanyu.web.process_jobs import dismiss, read_job, read_jobs, read_results
from quanyu.web.process_run import FACE, begin, check_caller
from quanyu.web.process_words import (
    NoSuchProcess,
    described,
    status_of,
    summary,
)
from quanyu.web.process_words import (
    problem_of as failure_of,
)
from quanyu.web.serve_use import look_each
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)
_PATIENCE_S = 8.0
_MOST_COLLECTIONS = 200
_ROWS_SHOWN = 20
_LONGEST_INPUT = 160
_DRAWN_BYTES = 8 << 20
STATES: Mapping[State, tuple[str, str, str]] = {
    State.ACCEPTED: ("Waiting", "", "wait"),
    State.RUNNING: ("Running", "restricted", "wait"),
    State.SUCCESSFUL: ("Successful", "ok", "yes"),
    State.FAILED: ("Failed", "bad", "no"),
    State.DISMISSED: ("Dismissed", "", "no"),
}
"""What a state is called, its look and its sign."""


@router.get("/processes")
async def list_page(request: Request, caller: Visitor) -> Response:  # noqa: ARG001 - for the header
    """Every algorithm of this node."""
    language, base = language_of(request), base_of(request)
    found = [summary(one.description, language, base) for one in PROCESSES.values()]
    return show(request, "processes.html", {"processes": found}, twin={"processes": found})


@router.get("/processes/{name}")
async def process_page(request: Request, caller: Visitor, name: str) -> Response:
    """What an algorithm does, and the form to run it."""
    return await _page(request, caller, _named(name), dict(request.query_params))


@router.post("/processes/{name}")
async def run(request: Request, caller: Visitor, name: str) -> Response:
    """Run it; when it takes longer than a few seconds its page shows how far it is."""
    await check_csrf_of(request)
    await check_caller(request)
    algorithm = _named(name)
    typed = await read_form(request, algorithm.description)
    try:
        document = document_of(algorithm.description, typed)
        asked = await run_in_threadpool(read_request, algorithm.description, document)
        job, task = await begin(request, algorithm, asked, wait=False)
    except QuanyuError as error:
        return await _page(request, caller, algorithm, typed, error)
    await asyncio.wait({task}, timeout=_PATIENCE_S)
    return go(f"/jobs/{job.id}")


@router.get("/jobs")
async def jobs_page(request: Request, caller: Member, after: str | None = None) -> Response:  # noqa: ARG001
    """Jobs of the visitor's party."""
    page = await read_jobs(request, after=after)
    language, base = language_of(request), base_of(request)
    context = {
        "jobs": [_row(request, one) for one in page.items],
        "next_href": link_to(request, after=page.next) if page.next else None,
    }
    twin = {"jobs": [status_of(one, language, base) for one in page.items], "next": page.next}
    return show(request, "jobs.html", context, twin=twin)


@router.get("/jobs/{name}")
async def job_page(request: Request, caller: Member, name: str) -> Response:  # noqa: ARG001
    """How a job stands; its results as figures, drawn, and as rows."""
    job = await read_job(request, name)
    language, base = language_of(request), base_of(request)
    results: tuple[Result, ...] = ()
    refused: QuanyuError | None = None
    if job.state is State.SUCCESSFUL:
        try:
            job, results = await read_results(request, name)
        except (Refused, Invalid) as error:
            refused = error
    if job.problem is not None:
        refused = failure_of(job.problem)
    context = {
        "job": _row(request, job),
        "inputs": _inputs(job, language),
        "sources": job.sources,
        "leaf": job.leaf,
        "digest": job.inputs,
        "problem": problem_of(request, refused) if refused else None,
        "over": job.state.over,
        **await run_in_threadpool(_shown, job, results, language),
    }
    return show(request, "job.html", context, twin=status_of(job, language, base))


@router.post("/jobs/{name}/dismiss")
async def dismiss_page(request: Request, caller: Member, name: str) -> Response:  # noqa: ARG001
    """Stop a job, or forget its results."""
    await check_csrf_of(request)
    await dismiss(request, name)
    return go(f"/jobs/{name}")


def _named(name: str) -> Algorithm:
    if name not in PROCESSES:
        raise NoSuchProcess("there is no process {id}", field="process", id=name[:80])
    return PROCESSES[name]


async def _page(
    request: Request,
    caller: Caller,
    algorithm: Algorithm,
    typed: Mapping[str, str],
    error: QuanyuError | None = None,
) -> Response:
    language, of = language_of(request), algorithm.description
    collections = [] if caller.anonymous else await _collections(request, language)
    document = described(of, language, base_of(request))
    context = {
        "process": document | {"description": of.description.to(language)},
        "accuracy": of.accuracy.to(language),
        "references": of.references,
        "fields": fields_of(of, language, typed, collections),
    }
    twin = None if error else document
    return show(request, "process.html", context, twin=twin, error=error)


async def _collections(request: Request, language: Language) -> list[dict[str, Any]]:
    """Datasets with a geometry that the visitor may use in an analysis."""

    def describe(view: View, of: Resource) -> dict[str, Any] | None:
        if view.geometry is GeometryType.NONE:
            return None
        return {
            "slug": of.slug,
            "title": of.title.to(language),
            "geometry": view.geometry.value,
            "imagery": view.version.imagery,
        }

    found, _ = await look_each(request, describe, {}, _MOST_COLLECTIONS, None, face=FACE)
    return found


def _row(request: Request, job: Job) -> dict[str, Any]:
    name, look, sign = STATES[job.state]
    known = PROCESSES.get(job.process)
    language = language_of(request)
    return {
        "id": job.id,
        "process": job.process,
        "version": job.version,
        "title": known.description.title.to(language) if known else job.process,
        "state": job.state.value,
        "state_name": say(request, name),
        "look": look,
        "sign": sign,
        "percent": int(job.progress * 100),
        "created": job.created,
        "finished": job.finished,
        "expires": job.expires,
    }


def _inputs(job: Job, language: Language) -> list[tuple[str, str]]:
    known = PROCESSES.get(job.process)
    declared = known.description.inputs if known else {}
    found = []
    for name, value in job.request.get("inputs", {}).items():
        one = declared.get(name)
        text = _as_text(value)
        if one is not None and text in one.words:
            text = one.words[text].to(language)
        elif len(text) > _LONGEST_INPUT:
            text = f"{text[:_LONGEST_INPUT]}…"
        if one is not None and one.unit and isinstance(value, int | float):
            text = f"{text} {one.unit}"
        found.append((one.title.to(language) if one else name, text))
    return found


def _as_text(value: Any) -> str:
    """An input as a line: a collection by its name, points by their coordinates, else JSON."""
    match value:
        case str():
            return value
        case {"collection": str(slug), **rest}:
            return " · ".join([slug, *(f"{key}={one}" for key, one in rest.items())])
        case {"inline": {"features": int(count), "sha256": str(digest)}}:
            return f"GeoJSON · {count} · sha256:{digest[:12]}…"
        case {"type": "FeatureCollection", "features": [*features]} if len(features) <= 5 and all(
            one.get("geometry", {}).get("type") == "Point" for one in features
        ):
            points = [one["geometry"]["coordinates"] for one in features]
            return "; ".join(", ".join(map(str, point)) for point in points)
    return orjson.dumps(value).decode()


def _shown(job: Job, results: tuple[Result, ...], language: Language) -> dict[str, Any]:
    """Results as the page shows them: figures, a drawing, the first rows, and files."""
    known = PROCESSES.get(job.process)
    outputs = known.description.outputs if known else {}
    figures: list[dict[str, Any]] = []
    tables: list[dict[str, Any]] = []
    files: list[dict[str, Any]] = []
    drawn: list[dict[str, Any]] = []
    for one in results:
        output = outputs.get(one.output)
        title = output.title.to(language) if output else one.output
        files.append(
            {"output": one.output, "title": title, "size": len(one.body), "type": one.media_type}
        )
        if one.holds is Holds.VALUE:
            value = orjson.loads(one.body)
            if isinstance(value, list) and value and isinstance(value[0], dict):
                table = {"title": title, "names": list(value[0]), "rows": value, "more": 0}
                tables.insert(0, table)
            else:
                unit = output.unit if output else None
                figures.append({"title": title, "value": value, "unit": unit})
        elif one.holds is Holds.FEATURES and len(one.body) <= _DRAWN_BYTES:
            document = orjson.loads(one.body)
            drawn.append(document)
            tables.append(_table(title, document))
    return {
        "figures": figures,
        "tables": tables,
        "files": files,
        "drawn": drawing(drawn),
    }


def _table(title: str, document: Mapping[str, Any]) -> dict[str, Any]:
    features = document["features"]
    rows = [
        ({"id": one["id"]} if "id" in one else {}) | one["properties"]
        for one in features[:_ROWS_SHOWN]
    ]
    return {
        "title": title,
        "names": list(rows[0]) if rows else [],
        "rows": rows,
        "more": len(features) - len(rows),
    }
