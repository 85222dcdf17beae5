"""Edits of features: OGC API – Features Part 4 (20-002r1, draft), on the resources of Part 1.

POST creates, PUT replaces, PATCH updates by a merge patch (RFC 7396), DELETE deletes. Each is one
new version of the dataset. A changed feature is named by ``If-Match``, so that no change is lost.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace as replace_in
from typing import Any
from urllib.parse import quote

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.agreements import Grant
from quanyu.kernel import Invalid, UnsupportedMedia
from quanyu.spacetime import CRS84, Action, CityDocument, Do, Edited
from quanyu.web import parameters
from quanyu.web.negotiate import MEDIA_TYPES, media_of
from quanyu.web.node import base_of
from quanyu.web.serve_edit import EditAnswer, seen_of, serve_edit, tag_of

_ROOT = "/ogc/features/collections/{slug}/items"
_KNOWN = frozenset({"agreement", "purpose", "lang", "collisions"})
_FEATURE = frozenset({MEDIA_TYPES["geojson"], MEDIA_TYPES["jsonfg"], MEDIA_TYPES["json"]})
_CITY = {MEDIA_TYPES[form]: form for form in ("cityjson", "cityjsonseq")}
_PATCH = frozenset({"application/merge-patch+json", *_FEATURE})

Granting = Callable[[str], Grant]


async def create(request: Request) -> Response:
    """``POST …/items``: a new feature; ``Location`` says where it is."""
    given, slug = _given(request), request.path_params["slug"]
    action = await _action(request, Do.INSERT, _FEATURE)

    def answer(found: Sequence[Edited]) -> EditAnswer:
        [edited] = found
        fid = edited.done[0].fid
        where = f"{base_of(request)}{_ROOT.format(slug=slug)}/{quote(fid, safe='')}"
        headers = _said(edited.version.number) | {"location": where}
        return _found(EditAnswer(status=201, headers=headers), edited)

    return await serve_edit(request, given, _one(slug, action), answer)


async def replace(request: Request) -> Response:
    """``PUT …/items/{fid}``: all that may be seen of a feature; what is hidden stays."""
    return await _change(request, Do.REPLACE, _FEATURE)


async def update(request: Request) -> Response:
    """``PATCH …/items/{fid}``: what the merge patch names."""
    return await _change(request, Do.UPDATE, _PATCH)


async def remove(request: Request) -> Response:
    """``DELETE …/items/{fid}``"""
    given, place = _given(request), request.path_params
    action = Action(Do.DELETE, place["fid"], seen=seen_of(request))

    def answer(found: Sequence[Edited]) -> EditAnswer:
        headers = {"quanyu-version": str(found[0].version.number)}
        return EditAnswer(status=204, headers=headers)

    return await serve_edit(request, given, _one(place["slug"], action), answer)


async def options(request: Request) -> Response:
    """``OPTIONS``: the methods of the resource, whoever may use them."""
    one = "fid" in request.path_params
    methods = "GET, HEAD, OPTIONS, PUT, PATCH, DELETE" if one else "GET, HEAD, OPTIONS, POST"
    headers = {"allow": methods}
    if one:
        headers["accept-patch"] = "application/merge-patch+json"
    return Response(b"", 204, headers)


async def body_of(request: Request, types: frozenset[str]) -> dict[str, Any]:
    """The JSON object in the body; raises :class:`UnsupportedMedia` for another type of media and
    :class:`Invalid` for what is none."""
    if media_of(request) not in types:
        raise UnsupportedMedia(
            "a body of this media type is not read here",
            field="Content-Type",
            mend="send one of: {types}",
            types=", ".join(sorted(types)),
        )
    try:
        found = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise Invalid(
            "the body is no JSON: {why}", field="body", mend="send JSON in UTF-8", why=str(error)
        ) from error
    if not isinstance(found, dict):
        raise Invalid("the body is no JSON object", field="body", mend="send one")
    return found


def crs_of(request: Request, feature: Mapping[str, Any]) -> str:
    """The CRS of the coordinates in a body: ``Content-Crs``, or of JSON-FG ``coordRefSys``."""
    header = request.headers.get("content-crs")
    if header is not None:
        return parameters.crs(header.strip().strip("<>"), "Content-Crs")
    named = feature.get("coordRefSys")
    if named is None or feature.get("place") is None:
        return CRS84
    if not isinstance(named, str):
        raise Invalid(
            "only a reference system by its URI is understood", field="coordRefSys", mend="give one"
        )
    return parameters.crs(named, "coordRefSys")


async def _change(request: Request, do: Do, types: frozenset[str]) -> Response:
    given, place = _given(request), request.path_params
    seen = seen_of(request)
    action = replace_in(await _action(request, do, types), fid=place["fid"], seen=seen)

    def answer(found: Sequence[Edited]) -> EditAnswer:
        return _found(EditAnswer(status=204, headers=_said(found[0].version.number)), found[0])

    return await serve_edit(request, given, _one(place["slug"], action), answer)


async def _action(request: Request, do: Do, types: frozenset[str]) -> Action:
    """What the body asks for: a feature, or (but not to a patch) a city object."""
    form = _CITY.get(media_of(request))
    if form is not None and do is not Do.UPDATE:
        return Action(do, None, city=CityDocument(await request.body(), form))
    feature = await body_of(request, types if do is Do.UPDATE else types | _CITY.keys())
    return Action(do, None, feature, crs_of(request, feature))


def _found(answer: EditAnswer, edited: Edited) -> EditAnswer:
    """The answer with the slight faults of a city object that was let in."""
    if not edited.findings:
        return answer
    document = {**(answer.document or {}), "findings": list(edited.findings)}
    status = 200 if answer.status == 204 else answer.status
    return replace_in(answer, status=status, document=document)


def _one(
    slug: str, action: Action
) -> Callable[[Granting], Sequence[tuple[Grant, tuple[Action, ...]]]]:
    return lambda grant_of: [(grant_of(slug), (action,))]


def _said(number: int) -> dict[str, str]:
    return {"etag": tag_of(number), "quanyu-version": str(number)}


def _given(request: Request) -> dict[str, str]:
    given = parameters.read(request)
    parameters.check_known(given, _KNOWN)
    return given


def routes() -> list[Route]:
    """Routes of edits, beside those that read."""
    one = f"{_ROOT}/{{fid:path}}"
    return [
        Route(_ROOT, create, methods=["POST"]),
        Route(_ROOT, options, methods=["OPTIONS"]),
        Route(one, replace, methods=["PUT"]),
        Route(one, update, methods=["PATCH"]),
        Route(one, remove, methods=["DELETE"]),
        Route(one, options, methods=["OPTIONS"]),
    ]
