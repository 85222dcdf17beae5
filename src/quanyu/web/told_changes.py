"""Server-sent events that say no more than that something a caller sees has changed."""

import asyncio
from collections.abc import AsyncIterator, Callable

from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import StreamingResponse

from quanyu.kernel import Unauthenticated
from quanyu.web.in_control import reading
from quanyu.web.node import node_of
from quanyu.web.who import caller_of

_LOOK_S = 1.0
_BEAT_S = 15.0
_LONGEST_S = 3600.0
"""An answer of events ends after so long; the browser asks again of itself."""


def tell_changes(
    request: Request, kind: str, stands: Callable[[Session], str]
) -> StreamingResponse:
    """Events of ``kind``: one at once and one whenever ``stands``, which is the id of each, is
    another. It must tell nothing that the caller may not know."""
    node = node_of(request)

    async def told() -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        begun, beat, known = loop.time(), loop.time(), ""
        while loop.time() - begun < _LONGEST_S:
            # Who goes away ends this: the next event cannot be sent to them.
            found = await reading(node, stands)
            if found != known or loop.time() - beat > _BEAT_S:
                beat = loop.time()
                event = kind if found != known else "beat"
                known = found
                yield f"event: {event}\nid: {found}\ndata: {{}}\n\n".encode()
            await asyncio.sleep(_LOOK_S)
            try:
                await caller_of(request)
            except Unauthenticated:
                return

    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(told(), headers=headers, media_type="text/event-stream")
