"""A streamed use: quota is spent as the bytes go, evidence is on disk before the last of them."""

from collections.abc import Awaitable, Callable, Iterator
from threading import Event

import anyio
import structlog
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

Chunks = Callable[[Callable[[int], None]], Iterator[bytes]]
"""Makes the chunks; is given a function that is told of rows as they go out."""

Spend = Callable[[int, int], Awaitable[None]]
Record = Callable[[int, int], Awaitable[None]]

_log = structlog.get_logger(__name__)


class Streamed(Response):
    """Sends chunks that a thread makes.

    ``spend`` and ``record`` take rows and bytes: ``spend`` those that are about to leave, and
    ``record`` all that have left or are about to. The last chunk is held back until ``record``
    returned; a stream that breaks off, by whosever fault, is recorded with what went out.
    """

    def __init__(
        self,
        chunks: Chunks,
        *,
        media_type: str,
        headers: dict[str, str],
        spend: Spend,
        record: Record,
    ) -> None:
        self.status_code = 200
        self.media_type = media_type
        self.background = None
        self._chunks = chunks
        self._spend = spend
        self._record = record
        self.init_headers(headers)

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        left = Event()

        async def watch() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            left.set()

        async with anyio.create_task_group() as group:
            group.start_soon(watch)
            await self._stream(send, left)
            group.cancel_scope.cancel()

    async def _stream(self, send: Send, left: Event) -> None:
        made = 0

        def count(rows: int) -> None:
            nonlocal made
            made += rows

        chunks = self._chunks(count)
        rows = size = 0
        recorded = False
        try:
            # The first chunk before the status: what fails at once is still a problem, not a stump.
            held = await run_in_threadpool(next, chunks, None)
            rows_held = made
            await self._spend(rows_held, len(held or b""))
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            while held is not None:
                following = await run_in_threadpool(next, chunks, None)
                if following is None:
                    await self._record(made, size + len(held))
                    recorded = True
                    rows = made
                elif left.is_set():
                    break
                else:
                    await self._spend(made - rows_held, len(following))
                await send({"type": "http.response.body", "body": held, "more_body": True})
                size += len(held)
                rows, rows_held, held = rows_held, made, following
            if recorded:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            if not recorded and size:
                with anyio.CancelScope(shield=True):
                    await self._record(rows, size)
                _log.info("stream.broken_off", rows=rows, bytes=size)
            close = getattr(chunks, "close", None)
            if close is not None:
                close()
