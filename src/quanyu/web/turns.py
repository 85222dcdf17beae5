"""Whoever asks a stream goes before those who write to it, in the one interpreter that they share.

Single observations come by the thousand, and are written together the better the more there are:
while an answer is being made they wait for it, a moment at most.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

LONGEST_S = 0.02
"""How long who writes waits for those who ask."""

_asking: dict[asyncio.AbstractEventLoop, int] = {}
_waiting: dict[asyncio.AbstractEventLoop, "asyncio.Future[None]"] = {}


@contextmanager
def asking() -> Iterator[None]:
    """An answer is being made in this event loop, or in a thread for it."""
    loop = asyncio.get_running_loop()
    _asking[loop] = _asking.get(loop, 0) + 1
    try:
        yield
    finally:
        _asking[loop] -= 1
        if not _asking[loop]:
            del _asking[loop]
            _go_on(loop)


async def those_who_ask_first() -> None:
    """Wait until no answer is being made, :data:`LONGEST_S` at most."""
    loop = asyncio.get_running_loop()
    await asyncio.sleep(0)  # of all that came at once, those who ask begin
    if loop not in _asking:
        return
    waiting = _waiting.get(loop)
    if waiting is None:
        waiting = _waiting[loop] = loop.create_future()
        loop.call_later(LONGEST_S, _go_on, loop, waiting)
    await asyncio.shield(waiting)


def _go_on(loop: asyncio.AbstractEventLoop, those: "asyncio.Future[None] | None" = None) -> None:
    """Let all go on who wait, or ``those`` where they still do."""
    waiting = _waiting.get(loop)
    if waiting is not None and those in {None, waiting}:
        del _waiting[loop]
        waiting.set_result(None)
