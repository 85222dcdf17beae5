"""Annual reports of authorised operators: as they would be now, and as they were published."""

from typing import Any

import orjson
from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from quanyu.agreements import (
    OperationReport,
    check_reads_report,
    operation_report,
    publish_report,
    published_report,
)
from quanyu.catalogue import may_operate, operation
from quanyu.evidence import receipt, signed_document
from quanyu.kernel import Invalid, Unavailable, day_in_zone, now
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.node import Node, base_of
from quanyu.web.pages import language_of
from quanyu.web.portal.visit import Member, TheNode, Visitor, go, reading, say, show, writing
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)
LABELS: dict[str, str] = {
    "catalogue": "the catalogue",
    "log: agreement.approved": "the log: agreements signed",
    "log: used": "the log: uses of data",
    "log: operation.*": "the log: changes of the authorisation",
}
"""Where a figure of a report was read."""


@router.get("/operations/{name}/report")
async def preview(
    request: Request, node: TheNode, caller: Member, name: str, year: str = ""
) -> Response:
    """The report of a year as the log has it now."""
    zone = node.settings.time_zone
    wanted = _year(year, node)

    def read(session: Session) -> dict[str, Any]:
        one = operation(session, name, visible_to=caller)
        check_reads_report(caller, one)
        return {
            "one": one,
            "report": operation_report(session, node.log, one, wanted, zone),
            "operates": may_operate(caller, one),
        }

    found = await reading(node, read)
    context = found | {
        "language": language_of(request),
        "sources": _sources(request),
        "kept": None,
        "at": now(),
    }
    return show(request, "operation_report.html", context, twin={"report": found["report"]})


@router.post("/operations/{name}/report")
async def publish(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """Keep the report of a year, its digest in evidence."""
    form = await request.form()
    await check_csrf_of(request)
    year, zone = _year(str(form.get("year", "")), node), node.settings.time_zone
    made = await writing(
        node, lambda session: publish_report(session, node.log, name, caller, year, zone)
    )
    return go(f"/operation-reports/{made.id}")


@router.get("/operation-reports/{name}")
async def published(request: Request, node: TheNode, caller: Visitor, name: str) -> Response:
    """A published report."""

    def read(session: Session) -> dict[str, Any]:
        kept = published_report(session, name, caller)
        return {"kept": kept, "one": operation(session, kept.operation, visible_to=caller)}

    found = await reading(node, read)
    kept: OperationReport = found["kept"]
    report = orjson.loads(kept.document)
    context = found | {
        "report": report,
        "language": language_of(request),
        "sources": _sources(request),
        "operates": False,
        "at": kept.at,
    }
    twin = {"id": kept.id, "at": kept.at, "digest": kept.digest, "leaf": kept.leaf}
    return show(request, "operation_report.html", context, twin=twin | {"report": report})


@router.get("/operation-reports/{name}/report.json")
async def signed(node: TheNode, caller: Visitor, name: str) -> Response:
    """The report with its receipt, for ``quanyu verify``; 503 while the log takes it in."""
    kept = await reading(node, lambda session: published_report(session, name, caller))
    data = await run_in_threadpool(_signed, node, kept)
    if data is None:
        raise Unavailable("the log has not taken this report in yet", mend="try again in a second")
    return _file(data, f"{kept.id}.json", MEDIA_TYPES["json"])


@router.get("/operation-reports/{name}/report.pdf")
async def pdf(request: Request, node: TheNode, caller: Visitor, name: str) -> Response:
    """The report as PDF, in the language of the page."""
    from quanyu.web.operation_pdf import operation_pdf

    kept = await reading(node, lambda session: published_report(session, name, caller))
    data = await run_in_threadpool(
        operation_pdf,
        kept,
        language_of(request),
        base_of(request),
        node.settings,
        _sources(request),
    )
    return _file(data, f"{kept.id}.pdf", "application/pdf")


def _year(text: str, node: Node) -> int:
    if not text:
        return day_in_zone(now(), node.settings.time_zone).year
    if not (text.isascii() and text.isdecimal() and len(text) == 4):
        raise Invalid("this is no year", field="year", mend="write it like 2026")
    return int(text)


def _signed(node: Node, kept: OperationReport) -> bytes | None:
    made = receipt(node.log, node.control, kept.leaf)
    return None if made is None else signed_document(kept.document, made)


def _file(data: bytes, name: str, media_type: str) -> Response:
    headers = {
        "content-disposition": f'attachment; filename="{name}"',
        "cache-control": "private, no-cache",
    }
    return Response(data, headers=headers, media_type=media_type)


def _sources(request: Request) -> dict[str, str]:
    return {source: say(request, text) for source, text in LABELS.items()}
