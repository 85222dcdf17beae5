"""Publishing: give a file or an address, see what was understood, confirm, watch, done."""

import re
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import orjson
import structlog
from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.responses import Response

from quanyu.catalogue import (
    EDITABLE,
    ApplicationKind,
    Description,
    Kind,
    Proposal,
    ResourceDraft,
    State,
    amend,
    apply,
    keep_sketches,
    likely_duplicates,
    open_application,
    proposal_of_plan,
    publish,
    refresh_dataset,
    register_dataset,
    register_draft,
    registration_rules,
    resource,
    save_draft,
    submit_application,
)
from quanyu.kernel import Conflict, Invalid, Language, NotFound, QuanyuError, explain
from quanyu.parties import Caller
from quanyu.spacetime import IngestOptions, IngestReport, Progress, ingest, inspect
from quanyu.web.node import Node
from quanyu.web.pages import language_of
from quanyu.web.portal.jobs import (
    DONE,
    FAILED,
    INSPECTING,
    PLANNED,
    RUNNING,
    STAGES,
    Job,
    Jobs,
    start,
)
from quanyu.web.portal.proposals import (
    description_of,
    likely_from,
    likely_json,
    proposal_context,
    proposal_from,
    proposal_json,
    taken_over,
)
from quanyu.web.portal.visit import Member, TheNode, go, problem_of, say, show
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)
_log = structlog.get_logger(__name__)
FORMATS = (
    "CSV",
    "Excel",
    "GeoJSON",
    "GeoPackage",
    "Shapefile (zip)",
    "FlatGeobuf",
    "GeoParquet",
    "CityJSON",
    "CityJSONSeq",
    "CityGML",
    "IFC",
    "OSM PBF",
    "GeoTIFF",
)
_OPTIONS = ("crs", "encoding", "lon", "lat", "layer", "datetime", "bands", "heights")
_UNSAFE = re.compile(r"[^\w.\-]+")
_EXAMPLES = 20


@router.get("/publish")
async def begin(request: Request, node: TheNode, caller: Member) -> Response:
    """The form, and what the party has published lately."""
    return await _begin(request, node, caller)


@router.post("/publish")
async def take(request: Request, node: TheNode, caller: Member) -> Response:
    """Keep the upload, look at it behind this request, lead to the job's page."""
    await check_csrf_of(request)
    form = await request.form(max_files=1)
    try:
        job = await run_in_threadpool(_take, node, caller, form)
    except QuanyuError as error:
        return await _begin(request, node, caller, error=error)
    start(_inspect, node, caller, job, language_of(request))
    return go(f"/publish/{job.id}")


@router.get("/publish/{job_id}")
async def job_page(request: Request, node: TheNode, caller: Member, job_id: str) -> Response:
    """Where the job stands; what it plans; what it did."""
    job = await run_in_threadpool(jobs_of(node).find, caller, job_id)
    return _job_page(request, job)


@router.post("/publish/{job_id}")
async def confirm(request: Request, node: TheNode, caller: Member, job_id: str) -> Response:
    """Bring it in, after the catalogue has agreed to the description; then publish or apply."""
    await check_csrf_of(request)
    job = await run_in_threadpool(jobs_of(node).find, caller, job_id)
    form = await request.form()
    draft = {name: str(value).strip() for name, value in form.items()}
    try:
        if job.stage != PLANNED:
            raise Conflict("this job is not waiting for a word", mend="open its page again")
        proposal = taken_over(_proposal(job), draft)
        assert caller.party is not None  # noqa: S101 - pages for members
        said, slug = description_of(proposal, caller.party), proposal.slug
        kind = Kind.SCENE if (job.plan or {}).get("format") == "geotiff" else Kind.DATASET
        await run_in_threadpool(claim, node, caller, slug, said, kind)
    except QuanyuError as error:
        return _job_page(request, job, draft=draft, error=error)
    running = await run_in_threadpool(jobs_of(node).save, job, stage=RUNNING, slug=slug)
    language = language_of(request)
    start(partial(bring_in, sketches=proposal.sketches), node, caller, running, said, language)
    return go(f"/publish/{job.id}")


def jobs_of(node: Node) -> Jobs:
    """The jobs of a node."""
    return Jobs(node.settings.dir.resolve() / "publishing")


async def _begin(
    request: Request, node: Node, caller: Caller, *, error: QuanyuError | None = None
) -> Response:
    context = {
        "formats": FORMATS,
        "jobs": await run_in_threadpool(jobs_of(node).of, caller),
        "stage_names": {stage: say(request, text) for stage, text in STAGES.items()},
    }
    return show(request, "publish.html", context, error=error)


def _job_page(
    request: Request,
    job: Job,
    *,
    draft: Mapping[str, str] | None = None,
    error: QuanyuError | None = None,
) -> Response:
    lost = job.stage in (INSPECTING, RUNNING) and not job.running
    problem = problem_of(request, error) if error else job.problem
    if lost:
        text = say(request, "the server that was at it has stopped; nothing was published")
        problem = {"detail": text, "mend": say(request, "Try again")}
    name = say(request, STAGES[FAILED if lost else job.stage])
    if job.application:
        name = say(request, "Submitted for review")
    plan = job.plan or {}
    context = {
        "job": job if not lost else {"id": job.id, "name": job.name, "stage": FAILED},
        "plan": job.plan,
        "stage_name": name,
        "problem": problem,
    }
    if "proposal" in plan:
        likely = likely_from(plan.get("likely", ()))
        context |= proposal_context(request, _proposal(job), likely, draft)
    twin = {
        "id": job.id,
        "stage": FAILED if lost else job.stage,
        "stage_name": name,
        "done": job.done,
        "total": job.total,
        "plan": job.plan,
        "slug": job.slug,
        "application": job.application,
        "rows": job.rows,
        "rejects": job.rejects,
        "problem": problem,
    }
    status = error.status if error else 200
    return show(request, "publish_job.html", context, twin=None if error else twin, status=status)


def _take(node: Node, caller: Caller, form: FormData) -> Job:
    assert caller.party is not None  # noqa: S101 - pages for members
    jobs = jobs_of(node)
    file, url = form.get("file"), str(form.get("url") or "").strip()
    options = {name: str(form[name]).strip() for name in _OPTIONS if form.get(name)}
    if isinstance(file, UploadFile) and file.filename:
        name = _UNSAFE.sub("_", Path(file.filename).name)[-100:].lstrip(".") or "upload"
        job = jobs.new(caller.party, name)
        place = jobs.place(job.id) / name
        with place.open("wb") as kept:
            shutil.copyfileobj(file.file, kept, 1 << 20)
        return jobs.save(job, source=str(place), options=options)
    if url.lower().startswith(("http://", "https://")):
        job = jobs.new(caller.party, url.rpartition("/")[2][:100] or url[:100])
        return jobs.save(job, source=url, options=options)
    raise Invalid(
        "neither a file nor an address was given",
        field="file",
        mend="choose a file, or give http(s)://…",
    )


def _options(node: Node, job: Job) -> IngestOptions:
    said = job.options
    return IngestOptions(
        crs=said.get("crs"),
        encoding=said.get("encoding"),
        lon=said.get("lon"),
        lat=said.get("lat"),
        layer=said.get("layer"),
        datetime=said.get("datetime"),
        bands=tuple(band.strip() for band in said.get("bands", "").split(",") if band.strip()),
        heights=said.get("heights"),
        allow_private=node.settings.allow_private_urls,
        max_bytes=node.settings.max_upload_bytes,
    )


def _inspect(node: Node, caller: Caller, job: Job, language: Language) -> None:
    jobs = jobs_of(node)
    try:
        plan = inspect(job.source, _options(node, job), jobs.place(job.id))
        proposal = proposal_of_plan(plan)
        with node.control.read() as session:
            likely = likely_duplicates(session, proposal, caller)
        said = plan.as_json() | {
            "proposal": proposal_json(proposal),
            "likely": likely_json(likely),
        }
        jobs.save(job, stage=PLANNED, plan=orjson.loads(orjson.dumps(said, default=str)))
    except QuanyuError as error:
        fail(jobs, job, error, language)
    except Exception as error:  # noqa: BLE001 - the boundary of a thread: the page must tell it
        _crash(jobs, job, error, language)


def claim(
    node: Node, caller: Caller, slug: str, said: Description, kind: Kind = Kind.DATASET
) -> None:
    """Have the catalogue agree to name, description and caller before anything is kept."""
    with node.control.begin() as session:
        try:
            known = resource(session, slug)
        except NotFound:
            if slug in node.store.datasets():
                raise Conflict(
                    "there is a dataset of this name already",
                    field="slug",
                    mend="choose another name",
                ) from None
            draft = ResourceDraft(
                slug=slug,
                kind=kind,
                title=said.title,
                abstract=said.abstract,
                provider=said.provider,
                licence=said.licence,
                access=said.access,
                themes=said.themes,
                attribution=said.attribution,
            )
            save_draft(session, draft, caller, area=node.settings.area_code)
            return
        # An amendment without a change asks for the right to write and nothing else.
        amend(session, known.id, known, caller, revision=known.revision)


def bring_in(
    node: Node,
    caller: Caller,
    job: Job,
    said: Description,
    language: Language,
    *,
    sketches: Mapping[str, Sequence[int]] | None = None,
) -> None:
    """Ingest what a job's source holds, register it and put it on show; its page tells how it goes.

    ``sketches`` of its values are kept, for telling the same collection when it comes again.
    """
    jobs = jobs_of(node)

    def moved(progress: Progress) -> None:
        jobs.save(job, done=progress.done, total=progress.total)

    try:
        report = ingest(node.store, job.source, job.slug, _options(node, job), moved)
        with node.control.begin() as session:
            application = _put_on_show(session, node, caller, report, said)
            if sketches:
                keep_sketches(session, resource(session, job.slug).id, sketches)
        node.store.view(job.slug).prepare()
        jobs.save(
            job,
            stage=DONE,
            application=application,
            version=report.version.number,
            rows=report.rows,
            rejects=report.rejects,
            examples=_rejected(report),
        )
        _clean(jobs, job)
    except QuanyuError as error:
        fail(jobs, job, error, language)
    except Exception as error:  # noqa: BLE001 - the boundary of a thread: the page must tell it
        _crash(jobs, job, error, language)


def _put_on_show(
    session: Session, node: Node, caller: Caller, report: IngestReport, said: Description
) -> str:
    """Publish the entry, or apply for its registration where a review comes first; the id of the
    application then, and nothing otherwise."""
    known = resource(session, report.version.dataset)
    reviewed = node.settings.registration == "reviewed" and not caller.runs_node
    if known.state is State.DRAFT:
        known = register_dataset(session, report.version, said, caller)
        if not reviewed:
            known = register_draft(session, known.id, caller)
    else:
        known = refresh_dataset(session, report.version, caller)
    if known.state is State.PUBLISHED:
        return ""
    if not reviewed:
        publish(session, known.id, caller, reviewed=False)
        return ""
    under_way = open_application(session, known.id)
    if under_way is None:
        under_way = apply(session, known.id, ApplicationKind.FIRST, caller)
    if under_way.state in EDITABLE:
        rules = registration_rules(node.settings)
        under_way = submit_application(session, under_way.id, caller, rules)
    return under_way.id


def _proposal(job: Job) -> Proposal:
    return proposal_from((job.plan or {})["proposal"])


def _rejected(report: IngestReport) -> tuple[tuple[int, str], ...]:
    """The first rejected rows, for the page."""
    path = Path((report.rejects_file or "").removeprefix("file://"))
    if not report.rejects or not path.is_file():
        return ()
    with path.open("rb") as lines:
        rows = [orjson.loads(line) for line, _ in zip(lines, range(_EXAMPLES), strict=False)]
    return tuple((int(row["line"]), str(row["reason"])) for row in rows)


def fail(jobs: Jobs, job: Job, error: QuanyuError, language: Language) -> None:
    """Have a job have failed, for a reason that its page tells."""
    _, detail, mend = explain(error, language)
    problem = {"detail": detail, "mend": mend, "field": error.field, "rule": error.rule}
    jobs.save(job, stage=FAILED, problem=problem)
    _clean(jobs, job)


def _crash(jobs: Jobs, job: Job, error: Exception, language: Language) -> None:
    _log.error("publish.crashed", job=job.id, exc_info=error)
    ours = QuanyuError(
        "something went wrong here; it has been noted",
        mend="tell the operator the job: {id}",
        id=job.id,
    )
    fail(jobs, job, ours, language)


def _clean(jobs: Jobs, job: Job) -> None:
    """The upload has done its work."""
    if Path(job.source).parent == jobs.place(job.id):
        Path(job.source).unlink(missing_ok=True)
