"""The journal of one process: a use is on disk here before its answer's last byte leaves.

One thread writes and syncs; whatever arrives meanwhile goes together into the next write (group
commit), so that the disk's latency bounds the delay and not the throughput. When the disk refuses,
everybody who waits is refused: no use is answered without evidence.
"""

import asyncio
import contextlib
import threading
import time
from collections import defaultdict
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import structlog

from quanyu.evidence.model import Use, use_leaf
from quanyu.evidence.segments import COUNT, LEAF, SegmentWriter, frame
from quanyu.evidence.tiles import LARGEST_LEAF
from quanyu.kernel import Invalid, Unavailable

SEGMENT_BYTES = 16 << 20
COUNT_SECONDS = 0.5
"""How often counts of open reads are written: what a crash can lose of them."""

_Waiters = dict[asyncio.AbstractEventLoop, list["asyncio.Future[None]"]]
_Counts = dict[tuple[int, str, str], list[int]]

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Batch:
    frames: list[bytes] = field(default_factory=list)
    tasks: _Waiters = field(default_factory=lambda: defaultdict(list))
    threads: "list[Future[None]]" = field(default_factory=list)


class Journal:
    """Writes uses of this process into ``folder``; ``node`` names the node in file names.

    Costs nothing until the first use. Safe in any thread and any number of event loops.
    """

    def __init__(self, folder: Path, node: str) -> None:
        self.folder = folder
        self.node = node
        self._wake = threading.Condition()
        self._batch = _Batch()
        self._counts: _Counts = {}
        self._counts_due = 0.0
        self._segment: SegmentWriter | None = None
        self._failure: OSError | None = None
        self._thread: threading.Thread | None = None
        self._closing = False

    async def record(self, use: Use) -> None:
        """Write a use down; returns when it is on disk.

        Raises :class:`Unavailable` when it could not be: then it must not be answered.
        """
        data = _leaf_frame(use)
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()
        with self._wake:
            self._start()
            self._batch.frames.append(data)
            self._batch.tasks[loop].append(waiter)
            self._wake.notify()
        await waiter

    def record_sync(self, use: Use) -> None:
        """:meth:`record` for callers without an event loop; blocks the calling thread."""
        data = _leaf_frame(use)
        waiter: Future[None] = Future()
        with self._wake:
            self._start()
            self._batch.frames.append(data)
            self._batch.threads.append(waiter)
            self._wake.notify()
        waiter.result()

    def tally(self, use: Use) -> None:
        """Count an anonymous read of open data; does not wait for the disk.

        Counts are written every :data:`COUNT_SECONDS`, so a crash loses at most those of that
        long; in the log they are one leaf per resource, face and minute. Raises
        :class:`Unavailable` while the disk refuses.
        """
        key = (int(use.at.timestamp()) // 60, str(use.resource), use.face)
        with self._wake:
            if self._failure is not None:
                raise _unavailable(self._failure)
            self._start()
            count = self._counts.get(key)
            if count is None:
                if not self._counts:
                    self._counts_due = time.monotonic() + COUNT_SECONDS
                    self._wake.notify()
                self._counts[key] = [1, use.rows, use.bytes]
            else:
                count[0] += 1
                count[1] += use.rows
                count[2] += use.bytes

    def close(self) -> None:
        """Write what waits and finish the segment; later uses are refused."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()
        if self._segment is not None:
            self._segment.close()
            self._segment = None

    def _start(self) -> None:
        if self._closing:
            raise Unavailable("the journal is closed")
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        batch = _Batch()
        try:
            while not self._closing or self._batch.frames or self._counts:
                with self._wake:
                    while not self._due():
                        self._wake.wait(self._patience())
                    batch, self._batch = self._batch, _Batch()
                    counts: _Counts = {}
                    if self._closing or time.monotonic() >= self._counts_due:
                        counts, self._counts = self._counts, {}
                failure = self._write(batch, counts)
                _answer(batch, failure)
                batch = _Batch()
                if failure is not None and self._closing:
                    _log.error("counts of open reads are lost", groups=len(self._counts))
                    return
        finally:  # nobody may wait for a thread that has ended, whatever ended it
            with self._wake:
                self._closing = True
                rest, self._batch = self._batch, _Batch()
            for left in (batch, rest):
                _answer(left, OSError("the journal has ended"))

    def _due(self) -> bool:
        if self._batch.frames or self._closing:
            return True
        waits = bool(self._counts) or self._failure is not None
        return waits and time.monotonic() >= self._counts_due

    def _patience(self) -> float | None:
        if self._counts or self._failure is not None:
            return max(0.0, self._counts_due - time.monotonic())
        return None

    def _write(self, batch: _Batch, counts: _Counts) -> OSError | None:
        frames = batch.frames + [_count_frame(key, count) for key, count in counts.items()]
        if not frames and self._failure is None:
            return None
        try:
            if self._segment is not None and self._segment.size >= SEGMENT_BYTES:
                self._segment.close()
                self._segment = None
            if self._segment is None:
                self._segment = SegmentWriter(self.folder, self.node)
            self._segment.append(frames)
        except OSError as error:
            _log.error("the journal cannot be written", why=str(error), uses=len(batch.frames))
            self._abandon()
            with self._wake:
                self._failure = error
                self._counts_due = time.monotonic() + COUNT_SECONDS
                for key, count in counts.items():
                    kept = self._counts.setdefault(key, [0, 0, 0])
                    self._counts[key] = [a + b for a, b in zip(kept, count, strict=True)]
            return error
        if self._failure is not None:
            with self._wake:
                self._failure = None
            _log.info("the journal can be written again")
        return None

    def _abandon(self) -> None:
        """Leave a segment that failed, without the uses that were refused."""
        if self._segment is None:
            return
        segment, self._segment = self._segment, None
        try:
            segment.cut()
        except OSError as error:
            # They may stand in the log though they were refused: the honest side to err on.
            _log.error("refused uses may remain in the journal", why=str(error))
        with contextlib.suppress(OSError):  # the descriptor is gone either way
            segment.close()


def _leaf_frame(use: Use) -> bytes:
    leaf = use_leaf(use)
    if len(leaf) > LARGEST_LEAF:
        raise Invalid("a leaf has at most {most} bytes", most=LARGEST_LEAF, field="use")
    return frame(LEAF, leaf)


def _count_frame(key: tuple[int, str, str], count: list[int]) -> bytes:
    return frame(COUNT, orjson.dumps([*key, *count]))


def _unavailable(failure: OSError) -> Unavailable:
    return Unavailable(
        "evidence cannot be written, so nothing is answered: {why}",
        why=failure.strerror or type(failure).__name__,
    )


def _answer(batch: _Batch, failure: OSError | None) -> None:
    """Tell everybody of a batch what became of it, with one wake-up per event loop."""
    for waiter in batch.threads:
        if waiter.done():
            continue
        if failure is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(_unavailable(failure))
    for loop, tasks in batch.tasks.items():
        try:
            loop.call_soon_threadsafe(_settle, tasks, failure)
        except RuntimeError:  # the loop was closed: nobody waits any more
            _log.warning("an event loop ended before its uses were on disk", uses=len(tasks))


def _settle(tasks: "list[asyncio.Future[None]]", failure: OSError | None) -> None:
    for task in tasks:
        if task.done():
            continue
        if failure is None:
            task.set_result(None)
        else:
            task.set_exception(_unavailable(failure))
