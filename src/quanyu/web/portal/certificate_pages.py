"""Certificates of registration 登记证: the page, the signed JSON, the PDF with its QR code."""

from typing import Any

import orjson
from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from quanyu.catalogue import (
    APPLICATION_KINDS,
    ORIGINS,
    RIGHT_KINDS,
    ApplicationKind,
    Certificate,
    Origin,
    RightKind,
    certificate,
)
from quanyu.evidence import receipt, signed_document
from quanyu.kernel import NotFound, Unavailable
from quanyu.parties import Caller
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.node import Node, base_of
from quanyu.web.pages import language_of
from quanyu.web.portal.visit import TheNode, Visitor, local, reading, show

router = APIRouter(include_in_schema=False)


@router.get("/certificates/{name}")
async def certificate_page(request: Request, node: TheNode, caller: Visitor, name: str) -> Response:
    """What was registered, whether it still is, and how anybody checks that."""
    one = await reading(node, lambda session: certificate(session, name, visible_to=caller))
    said = orjson.loads(one.document) if one.document else None
    context = {
        "one": one,
        "said": said,
        "language": language_of(request),
        "kind_name": local(request, APPLICATION_KINDS[one.kind].name),
        "right_names": {key.value: code.name for key, code in RIGHT_KINDS.items()},
        "origin_names": {key.value: code.name for key, code in ORIGINS.items()},
    }
    twin = {
        "id": one.id,
        "serial": one.serial,
        "kind": one.kind,
        "issued_at": one.issued_at,
        "latest": one.latest,
        "ended": one.ended,
        "digest": one.digest,
        "leaf": one.leaf,
        "document": said,
    }
    return show(request, "certificate.html", context, twin=twin)


@router.get("/certificates/{name}/certificate.json")
async def signed(node: TheNode, caller: Visitor, name: str) -> Response:
    """The certificate with its receipt, for ``quanyu verify``; 503 while the log takes it in."""
    one = await reading(node, lambda session: _whole(session, name, caller))
    data = await run_in_threadpool(_signed, node, one)
    if data is None:
        raise Unavailable("the log has not taken this report in yet", mend="try again in a second")
    return _file(data, f"{one.id}.json", MEDIA_TYPES["json"])


@router.get("/certificates/{name}/certificate.pdf")
async def pdf(request: Request, node: TheNode, caller: Visitor, name: str) -> Response:
    """The certificate as PDF, in the language of the page."""
    from quanyu.web.certificate_pdf import certificate_pdf

    one = await reading(node, lambda session: _whole(session, name, caller))
    data = await run_in_threadpool(
        certificate_pdf,
        one,
        _words(request, one.kind),
        language_of(request),
        base_of(request),
        node.settings,
    )
    return _file(data, f"{one.id}.pdf", "application/pdf")


def _words(request: Request, kind: ApplicationKind) -> dict[str, str]:
    """Names of codes in the language of the page."""
    names = {f"right.{key}": local(request, RIGHT_KINDS[key].name) for key in RightKind}
    names |= {f"origin.{key}": local(request, ORIGINS[key].name) for key in Origin}
    return names | {"kind": local(request, APPLICATION_KINDS[kind].name)}


def _whole(session: Session, name: str, caller: Caller) -> Certificate:
    one = certificate(session, name, visible_to=caller)
    if not one.document:  # what it says is of a resource that the caller may not know of now
        raise NotFound("there is no certificate {id}", id=name[:80])
    return one


def _signed(node: Node, one: Certificate) -> bytes | None:
    made = receipt(node.log, node.control, one.leaf)
    return None if made is None else signed_document(one.document, made)


def _file(data: bytes, name: str, media_type: str) -> Response:
    headers: dict[str, Any] = {
        "content-disposition": f'attachment; filename="{name}"',
        "cache-control": "private, no-cache",
    }
    return Response(data, headers=headers, media_type=media_type)
