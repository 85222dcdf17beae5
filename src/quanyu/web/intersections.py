"""Private set intersection over HTTP: ``/private/intersections/{collection}``.

One request, one answer, nothing kept between them. The body is the asker's blinded identifiers, 32
bytes each; the answer is the same raised again, then this side's own, blinded. The numbers of both
stand in headers: sizes are revealed to both sides.
"""

from collections.abc import Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from quanyu.compute import (
    Blinded,
    Reply,
    answer_set,
    blind_set,
    common_count,
    common_of,
    normalised,
    read_column,
    to_points,
)
from quanyu.kernel import Outbound, QuanyuError, TooLarge, sha256_hex
from quanyu.spacetime import View
from quanyu.web import parameters
from quanyu.web.filters import query_of
from quanyu.web.json_body import read_object
from quanyu.web.node import node_of
from quanyu.web.private_peers import POINTS, ask_peer, read_peer
from quanyu.web.process_run import check_caller
from quanyu.web.serve_several import read_several
from quanyu.web.serve_use import ACTIONS, ask_of
from quanyu.web.who import check_csrf_of

FACE = "intersection"
_NARROWING = frozenset({"bbox", "datetime", "filter"})
_GIVEN = _NARROWING | {"column", "cardinality", "agreement", "purpose", "version", "lang"}
_POINT = 32
_MODEL = "semi-honest"


async def answer_intersection(request: Request) -> Response:
    """Answer another party's blinded identifiers from a column of a collection."""
    given = parameters.read(request)
    parameters.check_known(given, _GIVEN)
    await check_caller(request)
    await check_csrf_of(request)
    node = node_of(request)
    most = node.settings.private_set
    slug, column = request.path_params["collection"], given.get("column", "")
    only_count = given.get("cardinality") == "true"
    points = to_points(await _body(request, most * _POINT), most)
    wanted = ask_of(request, given, FACE, ACTIONS[FACE])

    def work(views: Mapping[str, View | QuanyuError]) -> tuple[Reply, int]:
        own, rows = _identifiers(views[slug], given, column, most)
        return answer_set(points, own, cardinality=only_count), rows

    def counted(made: tuple[Reply, int]) -> dict[str, tuple[int, int]]:
        return {slug: (made[1], made[0].again.nbytes + made[0].own.nbytes)}

    said = f"{column} {sha256_hex(points.tobytes())}"
    async with node.workers.turns:  # a large set keeps every core busy
        (reply, _rows), uses = await read_several(
            request, {slug: wanted}, work, counted, asked=said
        )
    headers = {
        "cache-control": "no-store",
        "quanyu-sizes": f"{len(reply.again)}, {len(reply.own)}",
        "quanyu-model": _MODEL,
    }
    if slug in uses:
        headers["quanyu-use"] = uses[slug]
    return Response(reply.again.tobytes() + reply.own.tobytes(), 200, headers, POINTS)


_ASKED = frozenset(
    {"collection", "column", "cardinality", "agreement", "purpose", "peer", *_NARROWING}
)


async def ask_intersection(request: Request) -> Response:
    """``POST /private/intersections``: intersect a column here with one of another node.

    This side's column is read through its gate as a use too; the other side's node decides by its
    own agreement with the caller's party. The answer says which identifiers both have, or with
    ``cardinality`` how many.
    """
    await check_caller(request)
    await check_csrf_of(request)
    said = await read_object(request, _ASKED)
    node = node_of(request)
    peer = read_peer(said.get("peer"))
    texts = {key: str(value) for key, value in said.items() if key not in {"peer", "cardinality"}}
    slug, column = texts.get("collection", ""), texts.get("column", "")
    only_count = said.get("cardinality") is True
    # What both have comes back in clear, so this side's column must be one that may be read.
    wanted = ask_of(request, texts, FACE, "read")
    out = Outbound(
        allow_private=node.settings.allow_private_urls,
        max_bytes=node.settings.private_set * 2 * _POINT,
        field="peer.url",
        timeout=600.0,
    )

    def work(views: Mapping[str, View | QuanyuError]) -> tuple[Blinded, int]:
        own, rows = _identifiers(views[slug], texts, column, node.settings.private_set)
        return blind_set(own), rows

    def counted(made: tuple[Blinded, int]) -> dict[str, tuple[int, int]]:
        return {slug: (made[1], made[0].points.nbytes)}

    asked = f"{column} {peer.url} {peer.collection} {peer.column}"
    async with node.workers.turns:
        (mine, _), uses = await read_several(request, {slug: wanted}, work, counted, asked=asked)
    # What is sent is spent and written down by now.
    reply, use = await run_in_threadpool(ask_peer, peer, mine, only_count=only_count, out=out)
    found: dict[str, Any] = {
        "model": _MODEL,
        "sizes": {"own": len(mine.identifiers), "peer": len(reply.own)},
        "uses": {"own": uses.get(slug), "peer": use or None},
    }
    if only_count:
        found["cardinality"] = await run_in_threadpool(common_count, mine, reply)
    else:
        common = await run_in_threadpool(common_of, mine, reply)
        found |= {"cardinality": len(common), "intersection": list(common)}
    return JSONResponse(found, headers={"cache-control": "no-store"})


def _identifiers(
    view: View | QuanyuError, given: Mapping[str, str], column: str, most: int
) -> tuple[tuple[str, ...], int]:
    """Identifiers of a column in normal form, and of how many rows they are."""
    if isinstance(view, QuanyuError):
        raise view
    narrowed = {key: text for key, text in given.items() if key in _NARROWING}
    values = read_column(view, query_of(narrowed, view), column, most)
    return normalised(values), len(values)


async def _body(request: Request, most: int) -> bytes:
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > most:
            raise TooLarge(
                "this node intersects at most {most} identifiers",
                field="points",
                mend="send fewer at a time",
                most=most // _POINT,
            )
    return bytes(data)


def routes() -> list[Route]:
    """Routes of intersections."""
    return [
        Route("/private/intersections", ask_intersection, methods=["POST"]),
        Route("/private/intersections/{collection}", answer_intersection, methods=["POST"]),
    ]
