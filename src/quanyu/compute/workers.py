"""Processes in which algorithms run: heavy work blocks no request, and can be ended at any time."""

import asyncio
import multiprocessing
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from time import monotonic
from typing import Any

import structlog

from quanyu.compute.results import Result
from quanyu.compute.work import Order
from quanyu.kernel import QuanyuError, TooLarge, Unavailable

_LOOK_S = 0.1
_START = "from quanyu.compute.work import main; main()"
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Running:
    """A run on its way: the share that is done, and whether it is to stop."""

    share: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)


class Stopped(Exception):
    """The run was told to stop."""


@dataclass(frozen=True, slots=True)
class _Child:
    process: "subprocess.Popen[bytes]"
    connection: Connection

    def end(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.wait()


class Workers:
    """At most ``count`` runs at a time in this server process; more wait for ``turns``.

    A child that has done its work waits for the next; one that was stopped, or failed in a way that
    it did not foresee, is ended. ``memory`` bytes limit each.
    """

    def __init__(self, count: int, memory: int) -> None:
        self.turns = asyncio.Semaphore(count)
        self._memory = memory
        self._idle: list[_Child] = []
        self._lock = threading.Lock()
        self._closed = threading.Event()

    def run(self, order: Order, running: Running, seconds: float) -> tuple[Result, ...]:
        """What a process makes of its inputs; waits for it.

        Raises what the algorithm raises, :class:`TooLarge` when it takes longer than ``seconds``,
        :class:`Unavailable` when the child dies, :class:`Stopped` when it is told to stop.
        """
        child = self._take()
        try:
            answer = self._answer(child, order, running, seconds)
        except BaseException:
            child.end()
            raise
        if isinstance(answer, str):
            child.end()
            _log.error("compute.crashed", process=order.process, why=answer)
            raise QuanyuError(
                "something went wrong here; it has been noted", mend="tell the operator the job"
            )
        self._give_back(child)
        if isinstance(answer, QuanyuError):
            raise answer
        found: tuple[Result, ...] = answer
        return found

    def close(self) -> None:
        """Stop every run, and end every child."""
        self._closed.set()
        with self._lock:
            idle, self._idle = self._idle, []
        for child in idle:
            child.end()

    def _answer(self, child: _Child, order: Order, running: Running, seconds: float) -> Any:
        try:
            child.connection.send(order)
            return self._heard(child, running, monotonic() + seconds, seconds)
        except (EOFError, OSError) as error:
            raise Unavailable(
                "the process that ran this has ended",
                mend="try again, about a smaller area where it ends again",
            ) from error

    def _heard(self, child: _Child, running: Running, until: float, seconds: float) -> Any:
        while True:
            answer = child.connection.recv() if child.connection.poll(_LOOK_S) else None
            if isinstance(answer, float):
                running.share = min(max(answer, running.share), 1.0)
            elif answer is not None:
                return answer
            if running.stop.is_set() or self._closed.is_set():
                raise Stopped
            if monotonic() > until:
                raise TooLarge(
                    "this takes longer than {seconds} seconds",
                    field="inputs",
                    mend="ask about a smaller area or fewer features, or send the header "
                    "“Prefer: respond-async”, which allows more time",
                    seconds=round(seconds),
                )

    def _take(self) -> _Child:
        with self._lock:
            while self._idle:
                child = self._idle.pop()
                if child.process.poll() is None:
                    return child
                child.end()
        ours, theirs = multiprocessing.Pipe()
        command = [sys.executable, "-c", _START, str(theirs.fileno())]
        process = subprocess.Popen(  # noqa: S603 - our own module, nothing of a caller's in it
            [*command, str(self._memory)], pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL
        )
        theirs.close()
        return _Child(process, ours)

    def _give_back(self, child: _Child) -> None:
        with self._lock:
            if not self._closed.is_set():
                self._idle.append(child)
                return
        child.end()
