"""From an algorithm that was sent to its outputs: through the gate, in the sandbox, checked, kept.

The algorithm is given what the agreement shows, as a file; it never comes near the store. Its
outputs are kept before anybody sees them, and shown when they are released.
"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy.exc import OperationalError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from quanyu.agreements import Ask
from quanyu.compute import (
    Checked,
    Deployed,
    Limits,
    Run,
    RunAsked,
    algorithm_named,
    check_isolation,
    check_outputs,
    check_values,
    end_run,
    fail_run,
    open_run,
    read_rows,
    run_sandboxed,
    start_run,
    tell_run,
)
from quanyu.kernel import Invalid, QuanyuError
from quanyu.parties import Caller
from quanyu.spacetime import View
from quanyu.web.filters import query_of
from quanyu.web.node import Node, node_of
from quanyu.web.process_run import check_caller
from quanyu.web.serve_several import read_several
from quanyu.web.serve_use import ACTIONS, ask_of, decide

FACE = "algorithm"
NARROWING = ("bbox", "datetime", "filter", "version")
_MEANS = ("agreement", "purpose", "version")
_MEMBERS = frozenset({"collection", "inputs", "digest", *NARROWING, *_MEANS})
_TELL_S = 2.0
log = structlog.get_logger(__name__)
_tasks: set["asyncio.Task[None]"] = set()


async def begin_run(
    request: Request, name: str, said: Mapping[str, Any]
) -> tuple[Run, "asyncio.Task[None]"]:
    """A new run of the caller's algorithm of that name, and the task that runs it in its turn.

    ``said``: ``collection``, ``agreement``, ``purpose``, what narrows it, ``inputs``, and
    ``digest`` where it is not the version that is deployed. Raises what the gate refuses,
    :class:`Unavailable` where algorithms cannot be isolated, and as ``open_run``.
    """
    node, caller = node_of(request), await check_caller(request)
    texts = _texts(said)
    inputs = said.get("inputs") or {}
    if not isinstance(inputs, Mapping):
        raise Invalid("this is no object", field="inputs", mend="give values by their names")
    of = await run_in_threadpool(_find, node, name, caller, texts.get("digest"))
    values = check_values(of.package, inputs)
    slug = texts.get("collection", "")
    if not slug:
        raise Invalid("this is missing", field="collection", mend="name the data to run on")
    means = {key: texts[key] for key in _MEANS if key in texts}
    ask = ask_of(request, means, FACE, ACTIONS[FACE])
    await run_in_threadpool(check_isolation, limits_of(node))
    grant = await decide(node, caller, slug, ask)
    asked = RunAsked(
        collection=grant.slug,
        provider=grant.provider,
        agreement=grant.agreement,
        purpose=ask.purpose,
        narrowed={key: texts[key] for key in NARROWING if key in texts},
        values=values,
        reviewed=not grant.checked,
        groups=max(node.settings.algorithm_group, grant.output_group),
        person=grant.person,
    )

    def make() -> Run:
        with node.control.begin() as session:
            return open_run(
                session,
                of,
                asked,
                caller,
                most=node.settings.jobs_per_party,
                kept=timedelta(days=node.settings.job_days),
            )

    run = await run_in_threadpool(make)
    task = asyncio.create_task(_ran(request, run, of, asked, ask))
    _tasks.add(task)  # the loop itself keeps no hold of it
    task.add_done_callback(_tasks.discard)
    return run, task


def limits_of(node: Node) -> Limits:
    """What an algorithm may take here."""
    settings = node.settings
    return Limits(
        memory=settings.algorithm_memory_bytes,
        seconds=settings.algorithm_seconds,
        output=settings.algorithm_output_bytes,
        bare=settings.algorithm_isolation == "limits",
    )


def _texts(said: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for key, value in said.items():
        if key not in _MEMBERS:
            raise Invalid(
                "there is no such member",
                field=key[:80],
                mend="use these: {names}",
                names=", ".join(sorted(_MEMBERS)),
            )
        if key != "inputs" and value not in (None, ""):
            found[key] = str(value)
    return found


def _find(node: Node, name: str, caller: Caller, digest: str | None) -> Deployed:
    with node.control.read() as session:
        return algorithm_named(session, name, caller, digest=digest)


async def _ran(request: Request, run: Run, of: Deployed, asked: RunAsked, ask: Ask) -> None:
    """Run it to its end, whatever that is; nothing is raised."""
    node = node_of(request)
    telling = asyncio.create_task(_tell(node, run.id))
    try:
        async with node.workers.turns:
            await _work(request, run, of, asked, ask)
    except QuanyuError as error:
        await _fail(node, run.id, error)
    except Exception:  # whatever it was, the run is over and says so
        log.exception("run.crashed", run=run.id)
        await _fail(
            node,
            run.id,
            QuanyuError(
                "something went wrong here; it has been noted", mend="tell the operator the run"
            ),
        )
    finally:
        telling.cancel()


async def _work(request: Request, run: Run, of: Deployed, asked: RunAsked, ask: Ask) -> None:
    node = node_of(request)

    def start() -> bool:
        with node.control.begin() as session:
            return start_run(session, run.id)

    if not await run_in_threadpool(start):
        return

    def work(views: Mapping[str, View | QuanyuError]) -> tuple[Checked, int, int]:
        view = views[asked.collection]
        if isinstance(view, QuanyuError):
            raise view
        given = {key: text for key, text in asked.narrowed.items() if key != "version"}
        table = read_rows(view, query_of(given, view), node.settings.compute_features)
        made = run_sandboxed(of.package, table, asked.values, limits_of(node))
        checked = check_outputs(of.package, made, table, asked.groups, asked.person)
        return checked, view.version.number, table.num_rows

    def counted(made: tuple[Checked, int, int]) -> dict[str, tuple[int, int]]:
        return {asked.collection: (made[2], sum(map(len, made[0].bodies.values())))}

    said = f"{of.package.id}@{of.package.digest} {run.inputs}"
    (checked, version, rows), uses = await read_several(
        request, {asked.collection: ask}, work, counted, asked=said
    )

    def end() -> None:
        with node.control.begin() as session:
            use = uses.get(asked.collection)
            end_run(session, run.id, checked, version=version, rows=rows, use=use)

    await run_in_threadpool(end)


async def _tell(node: Node, name: str) -> None:
    """Say every two seconds that somebody is at it."""

    def tell() -> bool:
        with node.control.begin() as session:
            return tell_run(session, name)

    going = True
    while going:
        await asyncio.sleep(_TELL_S)
        try:
            going = await run_in_threadpool(tell)
        except OperationalError as error:  # the next time will do
            log.warning("run.untold", run=name, why=str(error.orig))


async def _fail(node: Node, name: str, error: QuanyuError) -> None:
    def write() -> None:
        with node.control.begin() as session:
            fail_run(session, name, error)

    await run_in_threadpool(write)
