"""A small form for the values of one feature: ``/data/{slug}/edit/{id}``, for those who may."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.kernel import Invalid, NotFound, Refused
from quanyu.spacetime import Action, Do, FieldType, View
from quanyu.web import parameters
from quanyu.web.pages import render
from quanyu.web.serve_edit import EditAnswer, item_tag, may_edit, seen_from, serve_edit
from quanyu.web.serve_use import Answer, serve_use
from quanyu.web.who import signed_in

_PREFIX = "value."
_READERS: dict[str, Callable[[str], Any]] = {
    FieldType.BOOLEAN: {"true": True, "false": False}.__getitem__,
    FieldType.INTEGER: int,
    FieldType.NUMBER: float,
    FieldType.JSON: orjson.loads,
}


async def form(request: Request) -> Response:
    """The form, filled with what the caller sees."""
    given = parameters.read(request)
    parameters.check_known(given, {"agreement", "purpose", "lang"})
    slug = request.path_params["slug"]
    if not await may_edit(request, await signed_in(request), slug):
        raise Refused(
            "only a supplier or steward of the holder may edit",
            rule="scope.write",
            mend="ask the holder, or file a correction",
        )

    def work(view: View) -> Answer:
        fid = request.path_params["fid"]
        feature = view.feature(fid)
        if feature is None:
            raise NotFound("there is no feature {id}", id=fid[:80])
        context = {
            "slug": slug,
            "feature": orjson.loads(feature),
            "fields": [f for f in view.fields if f.type is not FieldType.BINARY],
            "tag": item_tag(request, view, "html"),
            "prefix": _PREFIX,
        }
        shown = render(request, "feature_edit.html", context)
        return Answer(media_type="text/html; charset=utf-8", body=bytes(shown.body), rows=1)

    return await serve_use(request, slug, work, face="features", given=given, form="html")


async def put(request: Request) -> Response:
    """Take the form's values in and show the feature."""
    given = parameters.read(request)
    parameters.check_known(given, {"agreement", "purpose", "lang"})
    slug, fid = request.path_params["slug"], request.path_params["fid"]
    await request.body()
    sent = await request.form()
    values = {
        name.removeprefix(_PREFIX): str(value)
        for name, value in sent.items()
        if name.startswith(_PREFIX)
    }
    # Only what was changed is sent on: the rest may be shown more roughly than it is kept.
    changed = {
        name: _value(name, str(sent.get(f"type.{name}", "")), text)
        for name, text in values.items()
        if text.replace("\r\n", "\n") != sent.get(f"was.{name}")
    }
    patch = {"properties": changed}
    action = Action(Do.UPDATE, fid, patch, seen=seen_from(str(sent.get("tag", ""))))
    where = f"/ogc/features/collections/{slug}/items/{quote(fid, safe='')}?f=html"

    def answer(_found: Any) -> EditAnswer:
        return EditAnswer(status=303, headers={"location": where})

    return await serve_edit(request, given, lambda grant_of: [(grant_of(slug), (action,))], answer)


def _value(name: str, kind: str, text: str) -> Any:
    """What was typed as a value of JSON, by the type that the form said."""
    text = text.replace("\r\n", "\n")
    if kind == FieldType.STRING:
        return text or None
    if not text.strip():
        return None
    try:
        return _READERS.get(kind, str.strip)(text)
    except (ValueError, KeyError) as error:
        raise Invalid(
            "“{value}” is no value of the type {type}",
            field=f"properties.{name}",
            mend="give one, or leave it empty",
            value=text[:60],
            type=kind,
        ) from error


def routes() -> list[Route]:
    """Routes of the form."""
    one = "/data/{slug}/edit/{fid:path}"
    return [Route(one, form), Route(one, put, methods=["POST"])]
