"""OGC SensorThings API 1.1 (18-088): writing entities and observations."""

from functools import partial
from typing import Any

import msgspec
import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from quanyu.kernel import Invalid, TooLarge, UnsupportedMedia
from quanyu.streams import Change, Do, Given, id_text, take_arrays
from quanyu.web.look_once import look_once
from quanyu.web.negotiate import MEDIA_TYPES, media_of
from quanyu.web.node import node_of
from quanyu.web.serve_stream import change_stream, root_url, writer_of

MOST_BODY = 32 << 20
PATCH = "application/json-patch+json"
_JSON = MEDIA_TYPES["json"]
_ARRAYS = "CreateObservations"
_OBSERVATIONS = "Observations"
_decode = msgspec.json.Decoder().decode


async def create(request: Request) -> Response:
    """``POST``: a new entity with all inside it, an observation, or arrays of them."""
    slug, path = _where(request)
    sent = await _body(request, {_JSON, ""})
    if path == _ARRAYS:
        return await _arrays(request, slug, sent)
    if path == _OBSERVATIONS:
        return await _observation(request, slug, sent)
    found = await change_stream(request, slug, Change(Do.CREATE, path, sent))
    return _made(request, slug, found.kind.set, found.id)


async def update(request: Request) -> Response:
    """``PATCH``: some properties of an entity, or a JSON Patch (RFC 6902)."""
    sent = await _body(request, {_JSON, "application/merge-patch+json", PATCH, ""})
    do = Do.PATCH if media_of(request) == PATCH else Do.UPDATE
    return await _changed(request, do, sent)


async def replace(request: Request) -> Response:
    """``PUT``: all properties of an entity."""
    return await _changed(request, Do.REPLACE, await _body(request, {_JSON, ""}))


async def remove(request: Request) -> Response:
    """``DELETE``: an entity with what cannot be without it."""
    return await _changed(request, Do.DELETE, None)


async def _changed(request: Request, do: Do, sent: Any) -> Response:
    slug, path = _where(request)
    await change_stream(request, slug, Change(do, path, sent))
    return Response(b"", 200, {"cache-control": "no-store"})


async def _observation(request: Request, slug: str, sent: Any) -> Response:
    """One observation: the hot path asks no store but that of observations."""
    writer = await writer_of(request, slug)
    if not isinstance(sent, dict):
        raise Invalid("an observation is a JSON object", field="body", mend="send one")
    intake = node_of(request).intake
    one = intake.peek(writer.resource, sent)
    if one is None:
        await look_once((id(intake), writer.resource), partial(intake.look, writer.resource))
        one = intake.peek(writer.resource, sent)
    if one is None:
        one = await run_in_threadpool(
            intake.prepare, writer.resource, sent, None, making=writer.edits
        )
    await intake.observations.record(one)
    return _made(request, slug, _OBSERVATIONS, intake.name(one))


async def _arrays(request: Request, slug: str, sent: Any) -> Response:
    """``CreateObservations``: for each row the address of its observation, or ``error``."""
    writer = await writer_of(request, slug)
    intake = node_of(request).intake
    taken = await run_in_threadpool(take_arrays, intake, writer.resource, sent)
    before = f"{root_url(request, slug)}/{_OBSERVATIONS}("
    links = ["error" if one is None else f"{before}{id_text(one)})" for one in taken.ids]
    status = 201 if taken.kept or not links else 400
    return Response(orjson.dumps(links), status, {"cache-control": "no-store"}, _JSON)


def _made(request: Request, slug: str, plural: str, identifier: Given) -> Response:
    where = f"{root_url(request, slug)}/{plural}({id_text(identifier)})"
    return Response(b"", 201, {"location": where, "cache-control": "no-store"})


def _where(request: Request) -> tuple[str, str]:
    return request.path_params["slug"], request.path_params["path"].strip("/")


async def _body(request: Request, kinds: set[str]) -> Any:
    if media_of(request) not in kinds:
        raise UnsupportedMedia(
            "a body of this media type is not read here",
            field="Content-Type",
            mend="send application/json",
        )
    data = await request.body()
    if len(data) > MOST_BODY:
        raise TooLarge("the body passes the limit of {limit} bytes", limit=MOST_BODY)
    try:
        return _decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Invalid("the body is no JSON", field="body", mend="send a JSON object") from error
