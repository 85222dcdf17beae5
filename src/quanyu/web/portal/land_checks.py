"""Compliance checks 合规性审查: the form, the list, a report as page, JSON and PDF; and the API."""

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.responses import Response

from quanyu.catalogue import resources
from quanyu.kernel import Invalid, NotFound, QuanyuError, Unavailable
from quanyu.land import (
    NUMBERS,
    ROLES,
    SCHEMES,
    VERDICTS,
    Record,
    Scheme,
    Verdict,
    check_record,
    check_records,
    classes,
    declarations,
    may_declare,
    project_of,
)
from quanyu.parties import Caller, party
from quanyu.spacetime import View
from quanyu.web.json_body import MOST_BODY, read_object
from quanyu.web.land_checking import make_again, make_check, means_of, signed_report, today
from quanyu.web.negotiate import MEDIA_TYPES, offer, representation
from quanyu.web.node import Node, base_of
from quanyu.web.pages import language_of
from quanyu.web.portal.land_drawing import drawn_features
from quanyu.web.portal.layers import layer_of, layers_of
from quanyu.web.portal.visit import (
    Member,
    TheNode,
    Visitor,
    go,
    link_to,
    local,
    reading,
    show,
)
from quanyu.web.serve_use import look
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)
_MOST_GROUND = 12
BADGES = {
    Verdict.PASS: ("ok", "yes"),
    Verdict.FAIL: ("bad", "no"),
    Verdict.REVIEW: ("restricted", "duty"),
    Verdict.UNCHECKED: ("", "wait"),
}
_FORMS = offer("html", "json")
_VALUES = ("name", "use", "scheme", "crs", *NUMBERS, "day", "purpose")
_MEMBERS = frozenset({*_VALUES, "geometry", "versions", "agreements"})


@router.get("/land")
async def land_page(request: Request, node: TheNode, caller: Visitor) -> Response:
    """What is declared of the land space, and the form for a check."""
    return await _land(request, node, caller)


@router.get("/land/checks")
async def checks_page(
    request: Request, node: TheNode, caller: Member, after: str | None = None
) -> Response:
    """Checks of the caller's party; of all for the node's reviewers and auditors."""

    def read(session: Any) -> dict[str, Any]:
        page = check_records(session, caller, after=after)
        names = {one.party for one in page.items}
        return {
            "items": [_row(one) for one in page.items],
            "next": page.next,
            "parties": {name: party(session, name).name for name in names},
        }

    found = await reading(node, read)
    context = found | {
        "badges": _badges(),
        "next_href": link_to(request, after=found["next"]) if found["next"] else None,
    }
    twin = {"items": found["items"], "next": found["next"]}
    return show(request, "land_checks.html", context, twin=twin)


@router.post("/land/checks")
async def check(request: Request, node: TheNode, caller: Visitor) -> Response:
    """Check a project: a JSON body is answered with the record, a form leads to its page."""
    await check_csrf_of(request)
    if request.headers.get("content-type", "").partition(";")[0].strip() == MEDIA_TYPES["json"]:
        values = await read_object(request, _MEMBERS)
        record = await _made(request, node, values, _geometry(values))
        return _created(request, record)
    as_json = representation(request, _FORMS, request.query_params.get("f")) == "json"
    form = await request.form(max_part_size=MOST_BODY)
    values = {name: str(form.get(name, "")) for name in _VALUES}
    file, typed = form.get("file"), str(form.get("geometry", ""))
    try:
        drawn: bytes | str = typed
        if isinstance(file, UploadFile) and file.filename:
            drawn = await file.read(MOST_BODY)
        record = await _made(request, node, values, drawn)
    except QuanyuError as error:
        if caller.anonymous or as_json:
            raise
        return await _land(
            request, node, caller, typed=values | {"geometry": typed[:200_000]}, error=error
        )
    if as_json:
        return _created(request, record)
    return go(f"/land/checks/{record.id}")


@router.get("/land/checks/{name}")
async def report_page(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """A report: what the project touches, by how much, and what each rule says."""
    record = await reading(node, lambda session: check_record(session, name, caller))
    report = orjson.loads(record.report)

    def titles(session: Any) -> dict[str, Any]:
        slugs = {one["dataset"] for one in report["sources"]}
        page = resources(session, visible_to=caller, limit=500)
        return {one.slug: one.title for one in page.hits if one.slug in slugs}

    context = {
        "record": record,
        "report": report,
        "language": language_of(request),
        "badges": _badges(),
        "titles": await reading(node, titles),
        "island": {"features": drawn_features(report, language_of(request))},
        "earlier": record.rerun_of,
        "same": await _same(node, record, caller),
    }
    return show(request, "land_check.html", context, twin=_twin(record, report))


@router.post("/land/checks/{name}/again")
async def again(request: Request, node: TheNode, caller: Visitor, name: str) -> Response:  # noqa: ARG001
    """Check the same project again, on the same day, declarations and versions."""
    await check_csrf_of(request)
    record = await make_again(request, name)
    if "authorization" in request.headers:
        return _created(request, record)
    return go(f"/land/checks/{record.id}")


@router.get("/land/checks/{name}/report.json")
async def signed(node: TheNode, caller: Member, name: str) -> Response:
    """The report with its receipt, for ``quanyu verify``; 503 while the log takes the leaf in."""
    record = await reading(node, lambda session: check_record(session, name, caller))
    data = await run_in_threadpool(signed_report, node, record)
    if data is None:
        raise Unavailable("the log has not taken this report in yet", mend="try again in a second")
    return _file(data, f"{record.id}.json", MEDIA_TYPES["json"])


@router.get("/land/checks/{name}/report.pdf")
async def pdf(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """The report as PDF, in the language of the page."""
    from quanyu.web.land_pdf import land_pdf

    record = await reading(node, lambda session: check_record(session, name, caller))
    language = language_of(request)
    data = await run_in_threadpool(
        land_pdf,
        record,
        language,
        base_of(request),
        node.settings,
        node.settings.dir / "cache" / "fonts",
    )
    return _file(data, f"{record.id}.pdf", "application/pdf")


async def _made(
    request: Request, node: Node, values: Mapping[str, Any], geometry: bytes | str
) -> Record:
    project = await run_in_threadpool(project_of, values, geometry)
    return await make_check(request, project, means_of(node, values))


async def _land(
    request: Request,
    node: Node,
    caller: Caller,
    *,
    typed: Mapping[str, Any] | None = None,
    error: QuanyuError | None = None,
) -> Response:
    declared = await reading(node, declarations)
    language = language_of(request)
    layers: list[dict[str, Any]] = []
    for one in declared:

        def layer(view: View, of: Any) -> dict[str, Any]:
            return layer_of(view, of, language)

        try:
            layers.append(await look(request, one.dataset, layer, {}, face="tiles"))
        except QuanyuError:
            continue  # what this visitor may not see is drawn for it no more than told of
    seen = {one["slug"] for one in layers}
    ground = await layers_of(request, _MOST_GROUND)
    roles = [
        {
            "role": role.value,
            "name": local(request, schema.name),
            "layers": [
                {
                    "slug": one.dataset,
                    "title": next(x["title"] for x in layers if x["slug"] == one.dataset),
                    "note": local(request, one.note),
                }
                for one in declared
                if one.role is role and one.dataset in seen
            ],
            "hidden": any(one.role is role and one.dataset not in seen for one in declared),
        }
        for role, schema in ROLES.items()
    ]
    asked = typed or {"day": today(node).isoformat(), "scheme": Scheme.GBT21010.value}
    context = {
        "roles": roles,
        "may_declare": may_declare(caller),
        "typed": asked,
        "schemes": [
            {
                "id": scheme.value,
                "name": local(request, name),
                "classes": [
                    {"code": one.code, "name": local(request, one.name)}
                    for one in classes(scheme).values()
                ],
            }
            for scheme, name in SCHEMES.items()
        ],
        "island": {
            # Under the sources what else the city shows, so that one sees where one draws.
            "layers": list({one["slug"]: one for one in [*ground, *layers]}.values()),
            "draw": "geometry",
        },
    }
    twin = None if error else {"roles": roles}
    return show(request, "land.html", context, twin=twin, error=error)


async def _same(node: Node, record: Record, caller: Caller) -> bool | None:
    """Whether a check made again gave the same report; ``None`` for one that is no repetition."""
    earlier = record.rerun_of
    if earlier is None:
        return None
    try:
        first = await reading(node, lambda session: check_record(session, earlier, caller))
    except NotFound:
        return None
    return first.digest == record.digest


def _geometry(values: Mapping[str, Any]) -> bytes | str:
    given = values.get("geometry")
    if isinstance(given, str):
        return given
    if isinstance(given, dict):
        return orjson.dumps(given)
    raise Invalid(
        "there is no geometry",
        field="geometry",
        mend="give a GeoJSON geometry, or WKT as text",
    )


def _created(request: Request, record: Record) -> Response:
    headers = {"location": f"{base_of(request)}/land/checks/{record.id}"}
    body = orjson.dumps(_twin(record, orjson.loads(record.report)))
    return Response(body, 201, headers, MEDIA_TYPES["json"])


def _twin(record: Record, report: dict[str, Any]) -> dict[str, Any]:
    return _row(record) | {"report": report}


def _row(record: Record) -> dict[str, Any]:
    return {
        "id": record.id,
        "at": record.at,
        "party": record.party,
        "name": record.name,
        "verdict": record.verdict,
        "digest": record.digest,
        "leaf": record.leaf,
        "uses": dict(record.uses),
        "rerun_of": record.rerun_of,
    }


def _badges() -> dict[str, Any]:
    return {
        verdict.value: {"look": look_, "icon": icon, "name": VERDICTS[verdict]}
        for verdict, (look_, icon) in BADGES.items()
    }


def _file(data: bytes, name: str, media_type: str) -> Response:
    headers = {
        "content-disposition": f'attachment; filename="{name}"',
        "cache-control": "private, no-cache",
    }
    return Response(data, headers=headers, media_type=media_type)
