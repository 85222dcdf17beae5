"""Many single rows in one transaction: what comes while one is being written goes into the next."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Condition, Thread
from typing import Any

from quanyu.kernel import Unavailable

_MOST = 10_000


class Group:
    """Gives rows to ``write`` from a thread of its own, started with the first."""

    def __init__(self, write: Callable[[Sequence[tuple[Any, ...]]], object]) -> None:
        self._write = write
        self._waiting: list[tuple[tuple[Any, ...], Future[None]]] = []
        self._changed = Condition()
        self._closed = False
        self._thread: Thread | None = None

    def put(self, row: tuple[Any, ...]) -> Future[None]:
        """Have a row written; done when it is durable."""
        done: Future[None] = Future()
        done.set_running_or_notify_cancel()  # a caller who gives up does not undo it
        with self._changed:
            if self._closed:
                raise Unavailable("the node is closing", mend="send it again to another one")
            self._waiting.append((row, done))
            if self._thread is None:
                self._thread = Thread(target=self._run, name="observations", daemon=True)
                self._thread.start()
            self._changed.notify()
        return done

    def close(self) -> None:
        """Write what waits, then stop."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closed:
                    self._changed.wait()
                if not self._waiting:
                    return
                batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            try:
                self._write([row for row, _ in batch])
            except Exception as error:  # noqa: BLE001 - whoever waits must hear, whatever it was
                for _, done in batch:
                    done.set_exception(error)
            else:
                for _, done in batch:
                    done.set_result(None)
