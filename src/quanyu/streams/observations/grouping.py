"""Many single rows in one transaction: what comes while one is being written goes into the next.

Where several come at the same time, a transaction waits for a moment as long as more are coming:
one of thirty rows costs hardly more than one of three.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Condition, Thread
from time import sleep
from typing import Any

from quanyu.kernel import Unavailable

_MOST = 10_000
_MOMENT_S = 0.001
_MOMENTS = 6


class Group:
    """Gives rows to ``write`` from a thread of its own, started with the first."""

    def __init__(self, write: Callable[[Sequence[tuple[Any, ...]]], object]) -> None:
        self._write = write
        self._waiting: list[tuple[tuple[Any, ...], asyncio.Future[None]]] = []
        self._changed = Condition()
        self._closed = False
        self._thread: Thread | None = None

    async def put(self, row: tuple[Any, ...]) -> None:
        """Have a row written; returns when it is durable, raises what the writing raised.

        A caller who gives up does not undo it.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with self._changed:
            if self._closed:
                raise Unavailable("the node is closing", mend="send it again to another one")
            self._waiting.append((row, done))
            if self._thread is None:
                self._thread = Thread(target=self._run, name="observations", daemon=True)
                self._thread.start()
            if len(self._waiting) == 1:  # whoever waits for it looks at all that is there
                self._changed.notify()
        await done

    def close(self) -> None:
        """Write what waits, then stop."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        several = False
        while True:
            with self._changed:
                while not self._waiting and not self._closed:
                    self._changed.wait()
                if not self._waiting:
                    return
            if several:
                self._gather()
            with self._changed:
                batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            several = len(batch) > 1
            failure: Exception | None = None
            try:
                self._write([row for row, _ in batch])
            except Exception as error:  # noqa: BLE001 - whoever waits must hear, whatever it was
                failure = error
            _tell([done for _, done in batch], failure)

    def _gather(self) -> None:
        """Wait while more are coming, a few moments at most."""
        for _ in range(_MOMENTS):
            there = len(self._waiting)
            sleep(_MOMENT_S)
            if len(self._waiting) == there or there >= _MOST:
                return


def _tell(waiters: Sequence["asyncio.Future[None]"], failure: Exception | None) -> None:
    """Tell everybody what became of it, with one wake-up for each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = defaultdict(list)
    for one in waiters:
        by_loop[one.get_loop()].append(one)
    for loop, mine in by_loop.items():
        with suppress(RuntimeError):  # the loop was closed: nobody waits any more
            loop.call_soon_threadsafe(_settle, mine, failure)


def _settle(waiters: Sequence["asyncio.Future[None]"], failure: Exception | None) -> None:
    for one in waiters:
        if one.done():  # who waited has given up
            continue
        if failure is None:
            one.set_result(None)
        else:
            one.set_exception(failure)
