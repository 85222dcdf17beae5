"""Whoever asks a stream goes before those who write to it, on the cores that they share.

Single observations come by the thousand, and are written together the better the more there are:
while an answer is being made, in this process or in another that was forked with it, they wait for
it, a moment at most.
"""

import asyncio
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

LONGEST_S = 0.04
"""How long who writes waits for those who ask."""
_HURRY_S = 1.0  # an answer that takes longer is no reason to wait for it
_NEXT_S = 0.002  # who has an answer may ask on
_SLOTS = 64

# Of each process until when who writes gives way; forked processes share the memory.
_until = memoryview(mmap.mmap(-1, _SLOTS * 8)).cast("d")
_asking: dict[asyncio.AbstractEventLoop, int] = {}
_waiting: dict[asyncio.AbstractEventLoop, "asyncio.Future[None]"] = {}


@contextmanager
def asking() -> Iterator[None]:
    """An answer is being made in this event loop, or in a thread for it."""
    loop = asyncio.get_running_loop()
    slot = os.getpid() % _SLOTS
    _asking[loop] = _asking.get(loop, 0) + 1
    _until[slot] = monotonic() + _HURRY_S
    try:
        yield
    finally:
        _asking[loop] -= 1
        if not _asking[loop]:
            del _asking[loop]
            _until[slot] = monotonic() + _NEXT_S


async def those_who_ask_first() -> None:
    """Wait until no answer is being made, :data:`LONGEST_S` at most."""
    loop = asyncio.get_running_loop()
    await asyncio.sleep(0)  # of all that came at once, those who ask begin
    if not _hurried():
        return
    waiting = _waiting.get(loop)
    if waiting is None:
        waiting = _waiting[loop] = loop.create_future()
        loop.call_later(_NEXT_S, _look, loop, monotonic() + LONGEST_S)
    await asyncio.shield(waiting)


def _hurried() -> bool:
    return max(_until.tolist()) > monotonic()


def _look(loop: asyncio.AbstractEventLoop, at_last: float) -> None:
    """Let all go on who wait, once nobody asks or at last."""
    if _hurried() and monotonic() < at_last:
        loop.call_later(_NEXT_S, _look, loop, at_last)
    else:
        _waiting.pop(loop).set_result(None)
