"""The government data catalogue as a spreadsheet, in and out; the code tables as a page."""

import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.responses import Response

from quanyu.catalogue import (
    ACCESSES,
    DELIVERIES,
    GRADES,
    KINDS,
    LICENCES,
    SENSITIVITIES,
    SOURCES,
    THEMES,
    UPDATE_CYCLES,
    Code,
    Defaults,
    Reject,
    Resource,
    SheetPlan,
    class_codes,
    plan_sheet,
    read_sheet,
    resources,
    take_sheet,
    write_sheet,
)
from quanyu.kernel import Invalid, NotFound, PartyId, QuanyuError, new_id
from quanyu.parties import Caller, parties
from quanyu.web.node import Node
from quanyu.web.portal.visit import (
    Member,
    TheNode,
    Visitor,
    go,
    reading,
    say,
    show,
    writing,
)
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)
_MEDIA = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
}
_KEPT_SECONDS = 24 * 3600
_SHOWN = 200
_ID = re.compile(r"ing_[0-9A-Z]{26}")
_PAGE = 1_000


@router.get("/codes")
async def code_tables(request: Request, _caller: Visitor) -> Response:
    """Every code table of the catalogue."""
    tables: dict[str, Mapping[Any, Code]] = {
        say(request, "Kinds of resources"): KINDS,
        say(request, "Access"): ACCESSES,
        say(request, "Grades"): GRADES,
        say(request, "Update cycles"): UPDATE_CYCLES,
        say(request, "Sources"): SOURCES,
        say(request, "Sensitivity of fields"): SENSITIVITIES,
        say(request, "Delivery forms of products"): DELIVERIES,
        say(request, "Themes"): THEMES,
    }
    shown = [
        {
            "title": title,
            "rows": [
                {"key": str(key), "code": code.code, "name": code.name}
                for key, code in table.items()
            ],
        }
        for title, table in tables.items()
    ]
    classes = [{"code": one.code, "name": one.name, "level": one.level} for one in class_codes()]
    context = {"tables": shown, "classes": classes, "licences": LICENCES}
    return show(request, "codes.html", context, twin={"tables": shown, "classes": classes})


@router.get("/catalogue-sheet.{form}")
async def sheet_out(node: TheNode, caller: Visitor, form: str, party: str = "") -> Response:
    """What the visitor may see of the catalogue (or of one party) as XLSX or CSV."""
    if form not in _MEDIA:
        raise NotFound("there is no form {form}", form=form[:20])

    def read(session: Session) -> bytes:
        own = frozenset({PartyId(party)}) if party else frozenset()
        names = {one.id: one for one in parties(session)}
        return write_sheet(_all(session, caller, own), names, form=form)

    body = await reading(node, read)
    headers = {
        "content-disposition": f'attachment; filename="catalogue.{form}"',
        "cache-control": "private, no-cache",
    }
    return Response(body, headers=headers, media_type=_MEDIA[form])


@router.get("/catalogue-sheet")
async def sheet_page(request: Request, caller: Member) -> Response:
    """Take the catalogue as a sheet, give one in."""
    return _page(request, caller)


@router.post("/catalogue-sheet")
async def sheet_in(request: Request, node: TheNode, caller: Member) -> Response:
    """Keep the file until it is confirmed; lead to what it would change."""
    await check_csrf_of(request)
    form = await request.form(max_files=1)
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile) or not file.filename:
            raise Invalid("choose a file", field="file", mend="XLSX or CSV")
        licence = str(form.get("licence", "CC-BY-4.0"))
        data = await file.read()
        await run_in_threadpool(read_sheet, data)
        name = await run_in_threadpool(_keep, node, caller, data, licence)
    except QuanyuError as error:
        return _page(request, caller, error=error)
    return go(f"/catalogue-sheet/{name}")


@router.get("/catalogue-sheet/{name}")
async def sheet_plan(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """What the file would change; nothing is written."""
    return await _plan_page(request, node, caller, name)


@router.post("/catalogue-sheet/{name}")
async def sheet_take(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """Take it: all, or the good ones."""
    await check_csrf_of(request)
    form = await request.form()
    data, defaults = await run_in_threadpool(_kept, node, caller, name)
    good_ones = form.get("take") == "good"
    area = node.settings.area_code

    def write(session: Session) -> SheetPlan:
        rows = read_sheet(data)
        return take_sheet(session, rows, caller, defaults, good_ones=good_ones, area=area)

    try:
        done = await writing(node, write)
    except QuanyuError as error:
        return await _plan_page(request, node, caller, name, error=error)
    await run_in_threadpool(_forget, node, name)
    context = {"done": done, "rejects": _rejects(request, done.rejects)}
    return show(request, "catalogue_sheet_done.html", context)


def _page(request: Request, caller: Caller, *, error: QuanyuError | None = None) -> Response:
    context = {
        "licences": {key: one for key, one in LICENCES.items() if one.open},
        "party": caller.party,
    }
    return show(request, "catalogue_sheet.html", context, error=error)


async def _plan_page(
    request: Request,
    node: Node,
    caller: Caller,
    name: str,
    *,
    error: QuanyuError | None = None,
) -> Response:
    data, defaults = await run_in_threadpool(_kept, node, caller, name)

    def read(session: Session) -> SheetPlan:
        return plan_sheet(session, read_sheet(data), caller, defaults)

    plan = await reading(node, read)
    rejects = _rejects(request, plan.rejects)
    context = {
        "name": name,
        "plan": plan,
        "entries": plan.entries[:_SHOWN],
        "rejects": rejects,
    }
    twin = {
        "new": plan.count("new"),
        "changed": plan.count("changed"),
        "same": plan.count("same"),
        "rejects": rejects,
        "entries": [
            {"rows": one.rows, "what": one.what, "slug": one.slug, "changed": one.changed}
            for one in plan.entries
        ],
    }
    shown = None if error else twin
    return show(request, "catalogue_sheet_plan.html", context, twin=shown, error=error)


def _rejects(request: Request, rejects: tuple[Reject, ...]) -> list[dict[str, Any]]:
    return [
        {
            "row": one.row,
            "column": one.column,
            "detail": say(request, one.detail, **one.params),
            "mend": say(request, one.mend, **one.params) if one.mend else "",
        }
        for one in rejects
    ]


def _all(session: Session, caller: Caller, own: frozenset[PartyId]) -> Iterator[Resource]:
    after: str | None = None
    while True:
        page = resources(session, visible_to=caller, providers=own, limit=_PAGE, after=after)
        yield from page.hits
        after = page.next
        if after is None:
            return


def _folder(node: Node) -> Path:
    folder = node.settings.dir.resolve() / "catalogue-sheets"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _keep(node: Node, caller: Caller, data: bytes, licence: str) -> str:
    folder = _folder(node)
    for old in folder.iterdir():
        if time.time() - old.stat().st_mtime > _KEPT_SECONDS:
            old.unlink(missing_ok=True)
    name = new_id("ingest")
    (folder / f"{name}.json").write_bytes(
        orjson.dumps({"member": caller.member, "licence": licence})
    )
    (folder / name).write_bytes(data)
    return name


def _kept(node: Node, caller: Caller, name: str) -> tuple[bytes, Defaults]:
    """The file and what was said of it; :class:`NotFound` for others than who gave it."""
    folder = _folder(node)
    if not _ID.fullmatch(name) or not (folder / name).is_file():
        raise NotFound("there is no such sheet; it is kept for a day", mend="give it again")
    said = orjson.loads((folder / f"{name}.json").read_bytes())
    if said["member"] != caller.member:
        raise NotFound("there is no such sheet; it is kept for a day", mend="give it again")
    return (folder / name).read_bytes(), Defaults(said["licence"], caller.party)


def _forget(node: Node, name: str) -> None:
    for path in (_folder(node) / name, _folder(node) / f"{name}.json"):
        path.unlink(missing_ok=True)
