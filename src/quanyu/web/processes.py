"""OGC API – Processes Part 1 (18-062r2): what this node computes, and how to have it computed.

``/ogc/processes``: the processes and their execution. The jobs are in
:mod:`~quanyu.web.process_jobs`. Inputs may name collections of the node, as Part 3 (21-009) does.
"""

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.compute import PROCESSES, Algorithm, read_request
from quanyu.kernel import Language, translate
from quanyu.web import parameters
from quanyu.web.common import Standard, common_routes
from quanyu.web.conformance import PROCESSES as CLASSES
from quanyu.web.documents import Link, link, respond
from quanyu.web.json_body import read_object
from quanyu.web.node import base_of
from quanyu.web.pages import language_of
from quanyu.web.process_jobs import accepted, finished
from quanyu.web.process_run import begin, check_caller
from quanyu.web.process_words import ROOT, NoSuchProcess, described, summary
from quanyu.web.who import check_csrf_of

_MEMBERS = frozenset({"inputs", "outputs", "response"})
_REL = "http://www.opengis.net/def/rel/ogc/1.0/{}"


def _links(language: Language, base: str) -> list[Link]:
    processes, jobs = translate(language, "Processes"), translate(language, "Jobs")
    return [
        link(f"{base}{ROOT}/processes", _REL.format("processes"), "json", processes),
        link(f"{base}{ROOT}/jobs", _REL.format("job-list"), "json", jobs),
    ]


STANDARD = Standard(
    ROOT,
    CLASSES,
    lambda language: translate(language, "Analyses of what you may read, as jobs."),
    _links,
    holds=False,
)


async def process_list(request: Request) -> Response:
    """``/processes``: every process, a page at a time."""
    given = parameters.read(request)
    parameters.check_known(given, {"f", "lang", "limit", "after"})
    language, base = language_of(request), base_of(request)
    limit = parameters.whole(given, "limit", 100, least=1, most=1000)
    names = list(PROCESSES)
    start = names.index(given["after"]) + 1 if given.get("after") in names else 0
    chosen = names[start : start + limit]
    links = []
    if names[start + limit :]:
        href = f"{base}{ROOT}/processes?limit={limit}&after={chosen[-1]}"
        links.append(link(href, "next", "json"))
    document: dict[str, Any] = {
        "processes": [summary(PROCESSES[name].description, language, base) for name in chosen],
        "links": links,
    }
    return respond(request, document, given, title=translate(language, "Processes"))


async def process_description(request: Request) -> Response:
    """``/processes/{id}``: a process with its inputs and outputs."""
    given = parameters.read(request)
    parameters.check_known(given, {"f", "lang"})
    language, base = language_of(request), base_of(request)
    document = described(_named(request).description, language, base)
    return respond(request, document, given, title=document["title"])


async def execution(request: Request) -> Response:
    """``/processes/{id}/execution``: run it; the caller waits unless it prefers not to
    (RFC 7240 ``respond-async``)."""
    given = parameters.read(request)
    parameters.check_known(given, {"lang", "agreement", "purpose"})
    await check_caller(request)
    await check_csrf_of(request)
    algorithm = _named(request)
    document = await read_object(request, _MEMBERS)
    asked = await run_in_threadpool(read_request, algorithm.description, document)
    wait = not _prefers_async(request)
    job, task = await begin(request, algorithm, asked, wait=wait)
    if not wait:
        return accepted(request, job)
    await task
    return await finished(request, job.id)


def _prefers_async(request: Request) -> bool:
    said = ",".join(request.headers.getlist("prefer")).lower()
    return "respond-async" in {part.partition(";")[0].strip() for part in said.split(",")}


def _named(request: Request) -> Algorithm:
    name = request.path_params["process"]
    if name not in PROCESSES:
        raise NoSuchProcess(
            "there is no process {id}",
            field="process",
            mend="use one of: {names}",
            id=name[:80],
            names=", ".join(PROCESSES),
        )
    return PROCESSES[name]


def routes() -> list[Route]:
    """Routes of processes."""
    one = f"{ROOT}/processes/{{process}}"
    return [
        *common_routes(STANDARD),
        Route(f"{ROOT}/processes", process_list),
        Route(one, process_description),
        Route(f"{one}/execution", execution, methods=["POST"]),
    ]
