"""New observations as server-sent events (WHATWG HTML, 9.2); ``id`` is where to go on."""

import asyncio
from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from quanyu.kernel import QuanyuError, TooMany
from quanyu.parties import Caller
from quanyu.web.following.news import Asked, News, news, note_use, written
from quanyu.web.node import Node, base_of
from quanyu.web.who import caller_of

_LOOK_S = 0.2
_STILL_S = 15.0
_QUOTA_S = 30.0


async def events(request: Request, node: Node, asked: Asked, after: int) -> AsyncIterator[bytes]:
    """Lines of an endless answer; it ends with an event ``end`` when the gate refuses."""
    base, told_at = base_of(request), asyncio.get_running_loop().time()
    yield f"retry: 2000\nid: {after}\n\n".encode()
    while True:  # the server ends it when whoever follows is gone
        newest = await run_in_threadpool(node.observations.newest)
        moment = asyncio.get_running_loop().time()
        if newest <= after and moment - told_at < _STILL_S:
            await asyncio.sleep(_LOOK_S)
            continue
        try:
            # Who asks is looked at again each time: a token may have been revoked.
            caller = await caller_of(request)
            told, body = await run_in_threadpool(_told, node, caller, asked, after, base)
        except TooMany as error:
            yield f": {error}\n\n".encode()
            await asyncio.sleep(_QUOTA_S)
            continue
        except QuanyuError as error:
            yield _event("end", after, written({"reason": str(error), "rule": error.rule or ""}))
            return
        after, told_at = told.to, moment
        if told.observations:
            yield _event("observations", after, body)
        else:
            yield f"id: {after}\n: nothing new\n\n".encode()


def _told(node: Node, caller: Caller, asked: Asked, after: int, base: str) -> tuple[News, bytes]:
    told = news(node, caller, asked, after, base=base)
    body = written(told.document)
    note_use(node, told, asked, body)
    return told, body


def _event(kind: str, identifier: int, body: bytes) -> bytes:
    return f"event: {kind}\nid: {identifier}\ndata: ".encode() + body + b"\n\n"
