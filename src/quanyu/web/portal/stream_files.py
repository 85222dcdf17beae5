"""Observations of the past as a file, given in by a form."""

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from quanyu.catalogue import Kind, Resource, resource
from quanyu.kernel import NotFound, QuanyuError
from quanyu.streams import Loaded, datastreams_of
from quanyu.web.observation_files import FORM_FIELDS, loaded_document, take_in
from quanyu.web.portal.visit import Member, TheNode, reading, show
from quanyu.web.serve_stream import writer_of

router = APIRouter(include_in_schema=False)
_MOST_SHOWN = 200


@router.get("/streams/{slug}/load")
async def load_page(request: Request, node: TheNode, caller: Member, slug: str) -> Response:
    """The form, with the datastreams that a column may be of."""
    await writer_of(request, slug)
    return await _page(request, node, caller, slug)


@router.post("/streams/{slug}/load")
async def load_in(request: Request, node: TheNode, caller: Member, slug: str) -> Response:
    """Take the file in, or say what is wrong with it and where."""
    writer = await writer_of(request, slug)
    try:
        loaded = await take_in(request, writer)
    except QuanyuError as error:
        return await _page(request, node, caller, slug, error=error)
    return await _page(request, node, caller, slug, loaded=loaded)


async def _page(
    request: Request,
    node: TheNode,
    caller: Member,
    slug: str,
    *,
    loaded: Loaded | None = None,
    error: QuanyuError | None = None,
) -> Response:
    def read(session: Session) -> tuple[Resource, list[Any]]:
        of = resource(session, slug, visible_to=caller)
        if of.kind is not Kind.STREAM:
            raise NotFound("{id} is no stream", id=slug[:80])
        return of, datastreams_of(session, of.id, limit=_MOST_SHOWN)

    of, known = await reading(node, read)
    form = await request.form() if request.method == "POST" else None
    said = {name: str(form.get(name, "")) for name in FORM_FIELDS} if form is not None else {}
    twin: dict[str, Any] = {"resource": of.slug, "fields": list(FORM_FIELDS)}
    if loaded is not None:
        twin["loaded"] = loaded_document(loaded)
    context = {
        "resource": of,
        "datastreams": known,
        "said": said,
        "loaded": loaded,
        "zone": node.settings.time_zone,
    }
    return show(request, "stream_load.html", context, twin=twin, error=error)
