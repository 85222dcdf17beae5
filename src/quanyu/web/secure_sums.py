"""Masked secure sums over HTTP: ``/private/sums``.

The node that gathers keeps the rounds; its participants are parties that have accounts there, each
with data on a node of its own. ``/private/sums/part`` is asked of that own node: it reads its
column through its gate, waits for the others' keys, masks and sends. Secrets live in that one
request, so a participant that is stopped makes the round fail and is asked anew.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from quanyu.compute import (
    Round,
    begin_round,
    give_key,
    give_masked,
    read_sums,
    round_named,
    to_integers,
)
from quanyu.kernel import Invalid, Outbound, QuanyuError, iso
from quanyu.spacetime import View
from quanyu.web import parameters
from quanyu.web.filters import query_of
from quanyu.web.json_body import read_object
from quanyu.web.node import node_of
from quanyu.web.private_peers import ask_gatherer, read_gatherer, tell_values
from quanyu.web.process_run import check_caller
from quanyu.web.serve_several import read_several
from quanyu.web.serve_use import ACTIONS, ask_of
from quanyu.web.who import check_csrf_of, signed_in

FACE = "sum"
_NARROWING = frozenset({"bbox", "datetime", "filter"})
_BEGIN = frozenset({"title", "participants", "groups", "decimals", "seconds"})
_PART = frozenset({"gatherer", "round", "collection", "by", "column", "agreement", "purpose"})
_NOT_CACHED = {"cache-control": "no-store"}


async def begin(request: Request) -> Response:
    """``POST /private/sums``: begin a round among parties of this node."""
    caller = await check_caller(request)
    await check_csrf_of(request)
    said = await read_object(request, _BEGIN)
    node = node_of(request)
    participants, groups = said.get("participants"), said.get("groups")
    for name, value in (("participants", participants), ("groups", groups)):
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise Invalid("this is no list of texts", field=name, mend="give one")
    decimals, seconds = said.get("decimals", 0), said.get("seconds", 3600)
    if type(decimals) is not int or type(seconds) is not int:
        raise Invalid("this is no whole number", field="decimals", mend="give whole numbers")

    def make() -> Round:
        with node.control.begin() as session:
            return begin_round(
                session,
                caller,
                title=str(said.get("title", "")),
                participants=participants or [],
                groups=groups or [],
                decimals=decimals,
                lasts=timedelta(seconds=seconds),
            )

    made = await run_in_threadpool(make)
    headers = {**_NOT_CACHED, "location": f"/private/sums/{made.id}"}
    return JSONResponse(_document(made), 201, headers)


async def read(request: Request) -> Response:
    """``GET /private/sums/{id}``: how a round stands, and the sums once they are there."""
    parameters.check_known(parameters.read(request), {"lang", "f"})
    node, caller = node_of(request), await signed_in(request)

    def look() -> Round:
        with node.control.read() as session:
            return round_named(session, request.path_params["round"], caller)

    return JSONResponse(_document(await run_in_threadpool(look)), headers=_NOT_CACHED)


async def take(request: Request) -> Response:
    """``POST …/key`` and ``POST …/masked``: take what a participant sends, in Base64."""
    caller = await check_caller(request)
    await check_csrf_of(request)
    what = request.path_params["what"]
    if what not in {"key", "masked"}:
        raise Invalid("there is no such step", field="step", mend="send “key” or “masked”")
    said = await read_object(request, frozenset({what}))
    try:
        data = base64.b64decode(str(said.get(what, "")), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid("this is no Base64", field=what, mend="encode it") from error
    node = node_of(request)

    def write() -> Round:
        with node.control.begin() as session:
            give = give_key if what == "key" else give_masked
            return give(session, request.path_params["round"], caller, data)

    return JSONResponse(_document(await run_in_threadpool(write)), headers=_NOT_CACHED)


async def take_part(request: Request) -> Response:
    """``POST /private/sums/part``: take part in a round with a collection of this node. It answers
    when the values are sent; raises :class:`Unavailable` when the others are silent too long."""
    await check_caller(request)
    await check_csrf_of(request)
    said = await read_object(request, _PART | _NARROWING)
    gatherer = read_gatherer(said.get("gatherer"))
    texts = {key: str(value) for key, value in said.items() if key != "gatherer"}
    slug, name = texts.get("collection", ""), texts.get("round", "")
    if not slug or not name.isprintable() or "/" in name or not name:
        raise Invalid("this is missing", field="collection" if name else "round", mend="name it")
    node = node_of(request)
    out = Outbound(node.settings.allow_private_urls, field="gatherer.url")

    round_ = await run_in_threadpool(ask_gatherer, gatherer, out, name)

    def work(views: Mapping[str, View | QuanyuError]) -> tuple[NDArray[np.int64], int]:
        view = views[slug]
        if isinstance(view, QuanyuError):
            raise view
        narrowed = {key: text for key, text in texts.items() if key in _NARROWING}
        values, rows = read_sums(
            view,
            query_of(narrowed, view),
            by=texts.get("by", ""),
            column=texts.get("column") or None,
            groups=round_["groups"],
            most=node.settings.compute_features,
        )
        parties = len(round_["participants"])
        return to_integers(values, round_["decimals"], parties), rows

    def counted(made: tuple[NDArray[np.int64], int]) -> dict[str, tuple[int, int]]:
        return {slug: (made[1], made[0].nbytes)}

    wanted = ask_of(request, texts, FACE, ACTIONS[FACE])
    asked = f"{texts.get('by')} {texts.get('column')} {gatherer.url} {name}"
    (values, _), uses = await read_several(request, {slug: wanted}, work, counted, asked=asked)
    # What is sent is spent and written down by now.
    told = await run_in_threadpool(tell_values, gatherer, out, name, values)
    return JSONResponse({**told, "use": uses.get(slug)}, headers=_NOT_CACHED)


def _document(of: Round) -> dict[str, Any]:
    said = asdict(of)
    return {
        **{key: said[key] for key in ("id", "title", "groups", "decimals", "keys", "result")},
        "participants": list(of.participants),
        "status": of.state.value,
        "silent": list(of.silent),
        "created": iso(of.created),
        "ends": iso(of.ends),
        "model": "semi-honest",
        "receipt": of.leaf,
    }


def routes() -> list[Route]:
    """Routes of secure sums."""
    return [
        Route("/private/sums", begin, methods=["POST"]),
        Route("/private/sums/part", take_part, methods=["POST"]),
        Route("/private/sums/{round}", read),
        Route("/private/sums/{round}/{what}", take, methods=["POST"]),
    ]
