"""A streamed use: quota is spent as the bytes go, evidence is on disk before the last of them."""

import asyncio
import zlib
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

_FAIR = 1 << 16  # bytes of a message
_GZIP = 31  # window bits that make zlib write gzip
_log = structlog.get_logger(__name__)


class Streamed(Response):
    """Sends chunks that a thread makes.

    ``spend`` and ``record`` take rows and bytes: ``spend`` those that are about to leave, and
    ``record`` all that have left or are about to. The last chunk is held back until ``record``
    returned; a stream that breaks off, by whosever fault, is recorded with what went out. Bytes
    are counted before they are compressed, as everywhere.
    """

    def __init__(
        self,
        chunks: Chunks,
        *,
        media_type: str,
        headers: dict[str, str],
        spend: Spend,
        record: Record,
        gzip: bool = False,
        status: int = 200,
    ) -> None:
        self.status_code = status
        self.media_type = media_type
        self.background = None
        self._chunks = chunks
        self._spend = spend
        self._record = record
        self._coder = zlib.compressobj(1, zlib.DEFLATED, _GZIP) if gzip else None
        self.init_headers(headers | ({"content-encoding": "gzip"} if gzip else {}))

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        left = Event()
        watching: list[asyncio.Task[None]] = []

        async def watch() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            left.set()

        async def start() -> None:
            # Not before: what fails until here is still a problem, not a stump.
            message = {"type": "http.response.start", "status": self.status_code}
            await send(message | {"headers": self.raw_headers})
            watching.append(asyncio.create_task(watch()))

        try:
            await self._stream(start, send, left)
        finally:
            for task in watching:
                task.cancel()

    async def _stream(self, start: Callable[[], Awaitable[None]], send: Send, left: Event) -> None:
        made = 0

        def count(rows: int) -> None:
            nonlocal made
            made += rows

        chunks = self._chunks(count)
        spent = size = 0
        started = recorded = False
        try:
            held, following = await run_in_threadpool(_gather, chunks, b"")
            while not left.is_set():
                await self._spend(made - spent, len(held))
                spent = made
                if following is None:
                    await self._record(spent, size + len(held))
                    recorded = True
                if not started:
                    await start()
                    started = True
                size += len(held)
                body = self._coded(held, last=following is None)
                more = following is not None
                await send({"type": "http.response.body", "body": body, "more_body": more})
                if following is None:
                    return
                held, following = await run_in_threadpool(_gather, chunks, following)
        finally:
            if size and not recorded:
                with anyio.CancelScope(shield=True):
                    await self._record(spent, size)
                _log.info("stream.broken_off", rows=spent, bytes=size)
            close = getattr(chunks, "close", None)
            if close is not None:
                close()

    def _coded(self, chunk: bytes, *, last: bool) -> bytes:
        if self._coder is None:
            return chunk
        flush = zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH
        return self._coder.compress(chunk) + self._coder.flush(flush)


def _gather(chunks: Iterator[bytes], begun: bytes) -> tuple[bytes, bytes | None]:
    """``begun`` with chunks after it up to a fair size, and the chunk after those; ``None`` at the
    end. Rows are told by the time that the chunk after theirs is made, so those in the first part
    have been told by now."""
    parts, size = [begun], len(begun)
    for chunk in chunks:
        if size >= _FAIR:
            return b"".join(parts), chunk
        parts.append(chunk)
        size += len(chunk)
    return b"".join(parts), None
