"""From an execute request to a job that is over: inputs through the gate, run, kept, signed.

A job is made for every run, also one that the caller waits for. What is refused at the gate is
refused before a job is made.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy.exc import OperationalError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from quanyu.agreements import Ask
from quanyu.compute import (
    Algorithm,
    Asked,
    Features,
    Holds,
    Job,
    Named,
    Order,
    Result,
    Running,
    Source,
    Stopped,
    answered,
    check_may_run,
    end_job,
    fail_job,
    open_job,
    packed,
    read_features,
    start_job,
    tell_job,
)
from quanyu.kernel import Invalid, QuanyuError, Unavailable
from quanyu.parties import Caller
from quanyu.spacetime import DataUnavailable, View
from quanyu.web import parameters
from quanyu.web.filters import query_of
from quanyu.web.node import Node, node_of
from quanyu.web.picture_parameters import box_of, chosen_of
from quanyu.web.serve_several import check_several, read_several
from quanyu.web.serve_use import ACTIONS, ask_of
from quanyu.web.who import signed_in

FACE = "compute"
_MEANS = ("agreement", "purpose")
_TELL_S = 2.0
_PATIENCE_S = 10.0
_ELEVATION = "elevation"
"""The band of heights, where there are several and none is named."""
log = structlog.get_logger(__name__)
_tasks: set["asyncio.Task[None]"] = set()


@dataclass(frozen=True, slots=True)
class _Run:
    """A run: its request, job and process, what was asked, and by what right it reads."""

    request: Request
    job: Job
    algorithm: Algorithm
    asked: Asked
    wanted: Mapping[str, Ask]
    seconds: float


async def check_caller(request: Request) -> Caller:
    """The caller, who may have processes run; raises :class:`Unauthenticated` and
    :class:`Refused` (rule ``compute.run``)."""
    caller = await signed_in(request)
    check_may_run(caller)
    return caller


async def begin(
    request: Request, algorithm: Algorithm, asked: Asked, *, wait: bool
) -> tuple[Job, "asyncio.Task[None]"]:
    """A new job of the caller, and the task that runs it and ends when the job is over.

    Raises what the gate refuses now, and as :func:`~quanyu.compute.open_job`.
    """
    node, caller = node_of(request), await check_caller(request)
    wanted = _wanted(request, asked)
    await check_several(request, wanted)
    settings = node.settings

    def make() -> Job:
        with node.control.begin() as session:
            return open_job(
                session,
                algorithm.description,
                asked,
                caller,
                most=settings.jobs_per_party,
                kept=timedelta(days=settings.job_days),
            )

    job = await run_in_threadpool(make)
    seconds = settings.compute_wait_seconds if wait else settings.compute_seconds
    task = asyncio.create_task(_ran(_Run(request, job, algorithm, asked, wanted, seconds)))
    _tasks.add(task)  # the loop itself keeps no hold of it
    task.add_done_callback(_tasks.discard)
    return job, task


async def runs_over() -> None:
    """Wait until the runs of this server process have ended, once its workers are closed."""
    if _tasks:
        await asyncio.wait(_tasks, timeout=_PATIENCE_S)


def _wanted(request: Request, asked: Asked) -> dict[str, Ask]:
    """What is asked of the gate for each collection."""
    found: dict[str, Ask] = {}
    for name, one in asked.collections.items():
        ask = _ask(request, one.means)
        if found.setdefault(one.collection, ask) != ask:
            raise Invalid(
                "two inputs read the same collection by different rights or versions",
                field=name,
                mend="name the same agreement, purpose and version in both",
            )
    return found


def _ask(request: Request, means: Mapping[str, str]) -> Ask:
    """What an input says goes before what the address says for all of them."""
    said = {key: value for key, value in parameters.read(request).items() if key in _MEANS}
    return ask_of(request, said | dict(means), FACE, ACTIONS[FACE])


async def check_still(request: Request, job: Job) -> None:
    """Raise what the gate refuses now of the collections that a job read: when a right ends, so do
    the results that were had by it."""
    read = {source.collection for source in job.sources}
    wanted = {}
    for one in job.request.get("inputs", {}).values():
        if isinstance(one, dict) and one.get("collection") in read:
            means = {key: str(one[key]) for key in (*_MEANS, "version") if key in one}
            wanted[one["collection"]] = _ask(request, means)
    await check_several(request, wanted)


async def _ran(run: _Run) -> None:
    """Run a job to its end, whatever that is; nothing is raised."""
    node, running = node_of(run.request), Running()
    telling = asyncio.create_task(_tell(node, run.job.id, running))
    try:
        async with node.workers.turns:
            await _work(node, run, running)
    except Stopped:
        log.info("job.stopped", job=run.job.id)
        if not running.stop.is_set():  # the server ends, and nobody dismissed it
            await _fail(node, run.job.id, _ended())
    except DataUnavailable as error:
        await _fail(node, run.job.id, error, error.dataset)
    except QuanyuError as error:
        await _fail(node, run.job.id, error)
    except Exception:  # whatever it was, the job is over and says so
        log.exception("job.crashed", job=run.job.id)
        wrong = QuanyuError(
            "something went wrong here; it has been noted", mend="tell the operator the job"
        )
        await _fail(node, run.job.id, wrong)
    finally:
        telling.cancel()


async def _work(node: Node, run: _Run, running: Running) -> None:
    name = run.job.id

    def start() -> bool:
        with node.control.begin() as session:
            return start_job(session, name)

    if running.stop.is_set() or not await run_in_threadpool(start):
        raise Stopped

    wanted = answered(run.algorithm.description, run.job.request).outputs
    outputs = frozenset(one.output for one in wanted)

    def work(views: Mapping[str, View | QuanyuError]) -> tuple[tuple[Result, ...], list[Source]]:
        data, sources = _read(run, views, node.settings.compute_features)
        order = Order(
            run.job.process,
            run.asked.values,
            data,
            _lineage(run.job, sources),
            outputs,
            node.settings.compute_result_bytes,
        )
        results = node.workers.run(order, running, run.seconds)
        return results, sources

    def counted(made: tuple[tuple[Result, ...], list[Source]]) -> dict[str, tuple[int, int]]:
        return _shares(*made)

    said = f"{run.job.process}@{run.job.version} {run.asked.digest}"
    (results, sources), uses = await read_several(
        run.request, run.wanted, work, counted, asked=said
    )
    lineage = [
        Source(one.input, one.collection, one.version, one.rows, uses.get(one.collection))
        for one in sources
    ]

    def end() -> None:
        with node.control.begin() as session:
            end_job(session, name, results, lineage)

    await run_in_threadpool(end)


def _read(
    run: _Run, views: Mapping[str, View | QuanyuError], most: int
) -> tuple[dict[str, Any], list[Source]]:
    """The inputs as they travel to a worker, and which collections they are of."""
    data: dict[str, Any] = {}
    sources = []
    left = most
    boxes = _boxes(run)
    for name, one in run.asked.data.items():
        if isinstance(one, Features):
            data[name], rows = packed(one), len(one)
        else:
            if name in boxes and not one.narrowed.keys() & {"bbox", "scene"}:
                one = replace(one, narrowed={**one.narrowed, "bbox": boxes[name]})  # noqa: PLW2901
            view = views[one.collection]
            if isinstance(view, QuanyuError):
                raise view
            grid = run.algorithm.description.inputs[name].holds is Holds.GRID
            data[name], rows = _grid(name, one, view) if grid else _rows(name, one, view, left)
            sources.append(Source(name, one.collection, view.version.number, rows))
        left = max(left - rows, 0)
    return data, sources


def _boxes(run: _Run) -> dict[str, str]:
    """By input, the box within which its collection is read, as a query has it."""
    inline = {name: one for name, one in run.asked.data.items() if isinstance(one, Features)}
    named = dict.fromkeys(run.algorithm.description.inputs)
    found = run.algorithm.around({**named, **run.asked.values, **inline})
    return {name: ",".join(f"{edge:.9f}" for edge in box) for name, box in found.items()}


def _rows(name: str, one: Named, view: View, most: int) -> tuple[Any, int]:
    try:
        query = query_of(one.narrowed, view)
    except Invalid as error:
        raise _within(name, error) from error
    table = read_features(name, view, query, most)
    return table, table.num_rows


def _grid(name: str, one: Named, view: View) -> tuple[Any, int]:
    """The pixels of a band as GeoTIFF, in its own system, and of how many scenes they are."""
    imagery = view.imagery()
    usual = imagery.bands if len(imagery.bands) == 1 else (_ELEVATION,)
    band = one.narrowed.get("band") or usual[0]
    if band not in imagery.bands:
        raise Invalid(
            "{collection} has no such band",
            field=f"{name}.band",
            mend="use one of: {bands}",
            collection=one.collection,
            bands=", ".join(imagery.bands),
        )
    try:
        chosen = chosen_of(one.narrowed)
        area = imagery.coverage_area(chosen, box_of(one.narrowed), None, (None, None), 1.0, 1)
    except Invalid as error:
        raise _within(name, error) from error
    return imagery.geotiff(area, (band,), chosen)


def _within(name: str, error: Invalid) -> Invalid:
    """The same error, with the input named before the parameter."""
    field = f"{name}.{error.field}" if error.field else name
    return Invalid(error.detail, field=field, mend=error.mend, rule=error.rule, **error.params)


def _lineage(job: Job, sources: list[Source]) -> dict[str, Any]:
    return {
        "process": job.process,
        "processVersion": job.version,
        "job": job.id,
        "inputs": job.inputs,
        "sources": [{"collection": one.collection, "version": one.version} for one in sources],
    }


def _shares(results: tuple[Result, ...], sources: list[Source]) -> dict[str, tuple[int, int]]:
    """Rows of each collection that went in, and its share of the bytes that come out."""
    rows: dict[str, int] = {}
    for one in sources:
        rows[one.collection] = rows.get(one.collection, 0) + one.rows
    total = max(1, sum(rows.values()))
    size = sum(len(one.body) for one in results)
    return {slug: (count, size * count // total) for slug, count in rows.items()}


async def _tell(node: Node, name: str, running: Running) -> None:
    """Say every few seconds how far the job is; hear whether it was dismissed meanwhile."""

    def tell() -> bool:
        with node.control.begin() as session:
            return tell_job(session, name, running.share)

    while not running.stop.is_set():
        await asyncio.sleep(_TELL_S)
        try:
            if not await run_in_threadpool(tell):
                running.stop.set()
        except OperationalError:  # the control store may be away for a moment
            log.exception("job.not_told", job=name)


async def _fail(node: Node, name: str, error: QuanyuError, unread: str | None = None) -> None:
    def fail() -> None:
        with node.control.begin() as session:
            fail_job(session, name, error, unread)

    await run_in_threadpool(fail)


def _ended() -> QuanyuError:
    return Unavailable("the server process that ran this has ended", mend="run it again")
