"""Jobs of the caller's party: ``/ogc/processes/jobs`` (18-062r2, 7.12–7.14, 11 and 12)."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.compute import (
    Job,
    JobPage,
    Result,
    State,
    answered,
    dismiss_job,
    job_named,
    jobs_of,
    process_named,
    results_of,
)
from quanyu.kernel import Invalid, NotFound, translate
from quanyu.web import parameters
from quanyu.web.documents import link, respond
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.node import base_of, node_of
from quanyu.web.pages import language_of
from quanyu.web.process_answer import one_result, results_answer
from quanyu.web.process_run import check_still
from quanyu.web.process_words import (
    ROOT,
    NoSuchJob,
    ResultNotReady,
    problem_of,
    status_of,
)
from quanyu.web.who import check_csrf_of, signed_in

_LISTED = parameters.COMMON - {"agreement", "purpose", "version", "as-of"}
_NOT_CACHED = {"cache-control": "no-store"}


def accepted(request: Request, job: Job) -> Response:
    """The answer to a request that is worked on behind (201, where to look)."""
    base = base_of(request)
    headers = {
        **_NOT_CACHED,
        "location": f"{base}{ROOT}/jobs/{job.id}",
        "preference-applied": "respond-async",
    }
    document = status_of(job, language_of(request), base)
    return Response(orjson.dumps(document), 201, headers, MEDIA_TYPES["json"])


async def finished(request: Request, name: str) -> Response:
    """The results of a job, as its request asked for them; raises what it failed with."""
    job, results = await read_results(request, name)
    how = answered(process_named(job.process).description, job.request)
    return results_answer(job, results, how, base_of(request))


async def read_results(request: Request, name: str) -> tuple[Job, tuple[Result, ...]]:
    """A job of the caller's party that succeeded, and what it gave; raises what it failed with,
    what the gate refuses by now, :class:`ResultNotReady`, and :class:`NoSuchJob`."""
    job = await read_job(request, name)
    if job.problem is not None:
        raise problem_of(job.problem)
    if job.state is State.DISMISSED:
        raise NotFound("the job was dismissed, and its results are gone", mend="run it again")
    if job.state is not State.SUCCESSFUL:
        raise ResultNotReady("the job is not over yet", mend="ask again when its status says so")
    await check_still(request, job)
    node = node_of(request)

    def read() -> tuple[Result, ...]:
        with node.control.read() as session:
            return results_of(session, job.id)

    return job, await run_in_threadpool(read)


async def read_job(request: Request, name: str) -> Job:
    """A job of the caller's party; raises :class:`NoSuchJob`."""
    node, caller = node_of(request), await signed_in(request)

    def read() -> Job:
        with node.control.read() as session:
            return job_named(session, name, caller)

    return await _known(name, read)


async def read_jobs(request: Request, **asked: Any) -> JobPage:
    """A page of the jobs of the caller's party, as :func:`~quanyu.compute.jobs_of` gives them."""
    node, caller = node_of(request), await signed_in(request)

    def read() -> JobPage:
        with node.control.read() as session:
            return jobs_of(session, caller, **asked)

    return await run_in_threadpool(read)


async def dismiss(request: Request, name: str) -> Job:
    """Dismiss a job of the caller's party; its run hears of it within seconds."""
    node, caller = node_of(request), await signed_in(request)

    def change() -> Job:
        with node.control.begin() as session:
            return dismiss_job(session, name, caller)

    return await _known(name, change)


async def _known(name: str, work: Any) -> Job:
    try:
        found: Job = await run_in_threadpool(work)
    except NotFound as error:
        raise NoSuchJob("there is no job {id}", field="job", id=name[:40]) from error
    return found


async def job_list(request: Request) -> Response:
    """``/jobs``."""
    given = parameters.read(request)
    parameters.check_known(given, _LISTED | {"limit", "after", "processID", "status", "type"})
    language, base = language_of(request), base_of(request)
    limit = parameters.whole(given, "limit", 50, least=1, most=1000)
    page = await read_jobs(
        request,
        process=parameters.names(given.get("processID", "")),
        states=_states(given.get("status", "")),
        after=given.get("after"),
        limit=limit,
    )
    links = []
    if page.next:
        query = urlencode({**given, "after": page.next})
        links.append(link(f"{base}{ROOT}/jobs?{query}", "next", "json"))
    document: dict[str, Any] = {
        "jobs": [status_of(one, language, base) for one in page.items],
        "links": links,
    }
    return respond(request, document, given, title=translate(language, "Jobs"))


def _states(text: str) -> Sequence[State]:
    try:
        return [State(one) for one in parameters.names(text)]
    except ValueError as error:
        raise Invalid(
            "there is no such status",
            field="status",
            mend="use these: {names}",
            names=", ".join(State),
        ) from error


async def job_status(request: Request) -> Response:
    """``/jobs/{id}``: how it stands; by DELETE it is dismissed."""
    given = parameters.read(request)
    parameters.check_known(given, _LISTED)
    name = request.path_params["job"]
    if request.method == "DELETE":
        await check_csrf_of(request)
        job = await dismiss(request, name)
    else:
        job = await read_job(request, name)
    document = status_of(job, language_of(request), base_of(request))
    return respond(request, document, given, title=job.id, headers=_NOT_CACHED)


async def job_results(request: Request) -> Response:
    """``/jobs/{id}/results``: as the request asked for them."""
    parameters.check_known(parameters.read(request), {"lang", "agreement", "purpose"})
    return await finished(request, request.path_params["job"])


async def job_result(request: Request) -> Response:
    """``/jobs/{id}/results/{output}``: one output as a file."""
    parameters.check_known(parameters.read(request), {"lang", "agreement", "purpose"})
    job, results = await read_results(request, request.path_params["job"])
    name = request.path_params["output"]
    found = next((one for one in results if one.output == name), None)
    if found is None:
        raise NotFound(
            "the job has no such output",
            field="output",
            mend="use these: {names}",
            names=", ".join(one.output for one in results),
        )
    return one_result(job, found, base_of(request))


def routes() -> list[Route]:
    """Routes of jobs."""
    one = f"{ROOT}/jobs/{{job}}"
    return [
        Route(f"{ROOT}/jobs", job_list),
        Route(one, job_status, methods=["GET", "DELETE"]),
        Route(f"{one}/results", job_results),
        Route(f"{one}/results/{{output}}", job_result),
    ]
