"""Registering without typing, from a database or an interface: look, confirm, register, copy."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.engine import URL
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from quanyu.catalogue import (
    NETWORK,
    Likely,
    Proposal,
    Reachable,
    ServiceFound,
    TableListed,
    copy_table,
    draft_of_proposal,
    forget_secret,
    keep_secret,
    keep_sketches,
    likely_duplicates,
    list_tables,
    probe_service,
    probe_table,
    reach_of,
    reachable,
    read_secret,
)
from quanyu.kernel import Invalid, Language, NotFound, QuanyuError, Refused, ResourceId
from quanyu.parties import Caller, Role, Scope
from quanyu.web.node import Node
from quanyu.web.pages import language_of
from quanyu.web.portal.harvest_words import explained
from quanyu.web.portal.jobs import FAILED, RUNNING, Job, start
from quanyu.web.portal.proposals import (
    description_of,
    proposal_context,
    register_proposed,
    taken_over,
)
from quanyu.web.portal.publish import bring_in, claim, fail, jobs_of
from quanyu.web.portal.visit import Member, TheNode, go, show, writing
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)
_EMPTY = {"kind": "postgresql", "host": "", "port": "", "database": "", "user": "", "url": ""}


@router.get("/publish/database")
async def database_form(request: Request, caller: Member) -> Response:
    """Where the database is."""
    _may_register(caller)
    return _database_form(request, _EMPTY)


@router.post("/publish/database")
async def take_database(request: Request, node: TheNode, caller: Member) -> Response:
    """Try it, keep its address as a secret, lead to its tables."""
    await check_csrf_of(request)
    _may_register(caller)
    said = {**_EMPTY, **{k: str(v).strip() for k, v in (await request.form()).items()}}
    try:
        address = _address(said)
        await run_in_threadpool(list_tables, _database(node, address))
    except QuanyuError as error:
        return _database_form(request, said, error=error)
    jobs = jobs_of(node)
    assert caller.party is not None  # noqa: S101 - pages for members
    found = _database(node, address)
    job = jobs.save(jobs.new(caller.party, found.said), stage=FAILED, source=found.said)
    keep_secret(node.settings.dir.resolve(), job.id, address)
    return go(f"/publish/database/{job.id}")


@router.get("/publish/database/{job_id}")
async def database_page(  # noqa: PLR0917 - the address's own
    request: Request, node: TheNode, caller: Member, job_id: str, table: str = "", schema: str = ""
) -> Response:
    """Its tables; or what is proposed for one of them."""
    _may_register(caller)
    job = await run_in_threadpool(jobs_of(node).find, caller, job_id)
    if table:
        return await _table_page(request, node, caller, (job, table, schema))
    database = _database(node, _secret(node, job))
    tables = await run_in_threadpool(list_tables, database)
    context = {"job": job, "tables": tables, "said": database.said}
    return show(request, "register_tables.html", context, twin=_tables_said(database, tables))


@router.post("/publish/database/{job_id}")
async def take_table(  # noqa: PLR0917 - the address's own
    request: Request, node: TheNode, caller: Member, job_id: str, table: str = "", schema: str = ""
) -> Response:
    """Register the table where it is, or copy it in."""
    await check_csrf_of(request)
    _may_register(caller)
    job = await run_in_threadpool(jobs_of(node).find, caller, job_id)
    typed = {name: str(value).strip() for name, value in (await request.form()).items()}
    asked = (job, table, schema)
    try:
        database = _database(node, _secret(node, job))
        found = await run_in_threadpool(probe_table, database, table, schema)
        proposal = taken_over(found, typed)
        if typed.get("act") == "copy":
            await _begin_copy(request, node, caller, asked, proposal)
            return go(f"/publish/{job.id}")
        there = await _register(node, caller, proposal)
        forget_secret(node.settings.dir.resolve(), job.id)
    except QuanyuError as error:
        return await _table_page(request, node, caller, asked, typed=typed, error=error)
    return go(there)


@router.get("/publish/interface")
async def service_page(
    request: Request, node: TheNode, caller: Member, url: str = "", item: str = ""
) -> Response:
    """What the interface at an address offers; or what is proposed for one of its collections."""
    _may_register(caller)
    return await _service_page(request, node, caller, url, item)


@router.post("/publish/interface")
async def take_service(
    request: Request, node: TheNode, caller: Member, url: str = "", item: str = ""
) -> Response:
    """Register one of them where it is."""
    await check_csrf_of(request)
    _may_register(caller)
    typed = {name: str(value).strip() for name, value in (await request.form()).items()}
    try:
        found = await run_in_threadpool(probe_service, url, reach_of(node.settings))
        there = await _register(node, caller, taken_over(_chosen(found, item), typed))
    except QuanyuError as error:
        return await _service_page(request, node, caller, url, item, typed=typed, error=error)
    return go(there)


async def _service_page(
    request: Request,
    node: Node,
    caller: Caller,
    url: str,
    item: str,
    *,
    typed: Mapping[str, str] | None = None,
    error: QuanyuError | None = None,
) -> Response:
    context: dict[str, Any] = {"url": url, "found": None, "item": item, "proposal": None}
    twin: dict[str, Any] = {"url": url, "offered": []}
    if url:
        try:
            found = await run_in_threadpool(probe_service, url, reach_of(node.settings))
            context |= {"found": found, "notes": [explained(request, n) for n in found.notes]}
            twin |= {"kind": found.kind, "title": found.title}
            twin["offered"] = [{"slug": p.slug, "title": p.title} for p in found.offered]
            if item:
                proposal = _chosen(found, item)
                likely = await _likely(node, caller, proposal)
                context |= proposal_context(request, proposal, likely, typed)
        except QuanyuError as problem:
            error = error or problem
    return show(
        request, "register_service.html", context, twin=None if error else twin, error=error
    )


async def _table_page(
    request: Request,
    node: Node,
    caller: Caller,
    asked: tuple[Job, str, str],
    *,
    typed: Mapping[str, str] | None = None,
    error: QuanyuError | None = None,
) -> Response:
    job, table, schema = asked
    database = _database(node, _secret(node, job))
    proposal = await run_in_threadpool(probe_table, database, table, schema)
    likely = await _likely(node, caller, proposal)
    context = proposal_context(request, proposal, likely, typed) | {
        "job": job,
        "table": table,
        "schema": schema,
    }
    return show(request, "register_table.html", context, error=error)


async def _register(node: Node, caller: Caller, proposal: Proposal) -> str:
    assert caller.party is not None  # noqa: S101 - pages for members
    draft = draft_of_proposal(proposal, caller.party)

    def write(session: Session) -> str:
        made, application = register_proposed(session, node, caller, draft)
        keep_sketches(session, ResourceId(made), proposal.sketches)
        return f"/applications/{application}" if application else f"/resources/{draft.slug}"

    return await writing(node, write)


async def _begin_copy(
    request: Request,
    node: Node,
    caller: Caller,
    asked: tuple[Job, str, str],
    proposal: Proposal,
) -> None:
    assert caller.party is not None  # noqa: S101 - pages for members
    said = description_of(proposal, caller.party)
    job = asked[0]
    await run_in_threadpool(claim, node, caller, proposal.slug, said)
    running = await run_in_threadpool(
        jobs_of(node).save,
        job,
        stage=RUNNING,
        slug=proposal.slug,
        total=proposal.rows,
        problem=None,
    )
    start(_copy_in, node, caller, (running, *asked[1:]), proposal, language_of(request))


def _copy_in(
    node: Node,
    caller: Caller,
    asked: tuple[Job, str, str],
    proposal: Proposal,
    language: Language,
) -> None:
    """Behind the request: table → Parquet → ingest → entry."""
    job, table, schema = asked
    jobs, folder = jobs_of(node), node.settings.dir.resolve()
    target = Path(jobs.place(job.id)) / "table.parquet"

    def moved(done: int) -> None:
        jobs.save(job, done=done, total=proposal.rows)

    try:
        copy_table(
            _database(node, read_secret(folder, job.id)),
            table,
            schema,
            target,
            most_bytes=node.settings.max_upload_bytes,
            moved=moved,
        )
    except QuanyuError as error:
        fail(jobs, job, error, language)
        return
    finally:
        forget_secret(folder, job.id)
    assert caller.party is not None  # noqa: S101 - pages for members
    copied = jobs.save(job, source=str(target))
    said = description_of(proposal, caller.party)
    bring_in(node, caller, copied, said, language, sketches=proposal.sketches)


async def _likely(node: Node, caller: Caller, proposal: Proposal) -> tuple[Likely, ...]:
    def work() -> tuple[Likely, ...]:
        with node.control.read() as session:
            return likely_duplicates(session, proposal, caller)

    return await run_in_threadpool(work)


def _chosen(found: ServiceFound, item: str) -> Proposal:
    for one in found.offered:
        if one.slug == item:
            return one
    raise NotFound("the interface offers no {item}", field="item", item=item[:80])


def _database(node: Node, address: str) -> Reachable:
    return reachable(address, allow_private=node.settings.allow_private_urls)


def _secret(node: Node, job: Job) -> str:
    return read_secret(node.settings.dir.resolve(), job.id)


def _address(said: Mapping[str, str]) -> str:
    """The SQLAlchemy URL of a form: written out, or put together from its parts."""
    if said["url"]:
        return said["url"]
    if said["kind"] not in NETWORK or not (said["host"] and said["database"]):
        raise Invalid(
            "where is the database?", field="host", mend="give its host and its name, or its URL"
        )
    port = said["port"]
    if port and not (port.isascii() and port.isdecimal() and int(port) < 65_536):
        raise Invalid("this is no port", field="port", mend="give a number up to 65535")
    made = URL.create(
        said["kind"],
        username=said["user"] or None,
        password=said.get("password") or None,
        host=said["host"],
        port=int(port) if port else None,
        database=said["database"],
    )
    return made.render_as_string(hide_password=False)


def _database_form(
    request: Request, said: Mapping[str, str], *, error: QuanyuError | None = None
) -> Response:
    draft = {name: said[name] for name in _EMPTY} | {"url": ""}
    context = {
        "draft": draft,
        "databases": list(NETWORK),
    }
    return show(request, "register_database.html", context, error=error)


def _tables_said(database: Reachable, tables: tuple[TableListed, ...]) -> dict[str, Any]:
    return {"database": database.said, "tables": tables}


def _may_register(caller: Caller) -> None:
    if not any(caller.may(role, Scope.WRITE) for role in (Role.SUPPLIER, Role.STEWARD)):
        raise Refused(
            "only a supplier of the providing party or a steward of the node may do this",
            rule="catalogue.write",
            mend="ask your steward for the role “supplier”; a token needs the scope “write”",
        )
