"""The sequencer: takes what transactions owe and what journals hold, and appends it to the log.

Every leaf has an id, and the log knows which ids it has; so whatever a crash interrupts is simply
done again. Rows are marked and segments deleted only after their leaves are in the log.
"""

import math
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from sqlalchemy import bindparam, select, update
from sqlalchemy.exc import SQLAlchemyError

from quanyu.evidence.counts import Counts, Key
from quanyu.evidence.index import leaf_id
from quanyu.evidence.log import Log
from quanyu.evidence.segments import COUNT, LEAF, MAGIC, read_segment, segments
from quanyu.evidence.tiles import LARGEST_LEAF
from quanyu.kernel import ControlStore, Owed, QuanyuError, canonical, iso, sha256_hex

BATCH = 65_536
CHECKPOINT_SECONDS = 1.0
LATE_SECONDS = 5.0
"""How long after its end a minute of counts is closed: every process has written its own then."""

_HEARTBEAT = "sequenced"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Taken:
    """Leaves of one step by id, and what may be marked when they are in the log."""

    leaves: dict[str, bytes] = field(default_factory=dict)
    owed: list[tuple[int, str]] = field(default_factory=list)
    counts: list[Key] = field(default_factory=list)
    offsets: dict[Path, int] = field(default_factory=dict)
    finished: dict[Path, int] = field(default_factory=dict)


class Sequencer:
    """Feeds ``log`` from ``store`` and ``journals``. Many processes may start one; one works."""

    def __init__(self, store: ControlStore, journals: Path, log: Log) -> None:
        self._store = store
        self._journals = journals
        self._target = log
        self._offsets: dict[Path, int] = {}
        self._counts = Counts(self._leaf_of)

    def step(self, *, closing: bool = False) -> int:
        """Sequence what waits, at most :data:`BATCH` leaves, under one checkpoint.

        Returns how many leaves were added; 0 also when another process sequences. With
        ``closing``, counts of the minute that runs are taken too.
        """
        if not self._target.acquire():
            return 0
        try:
            taken = self._take(closing)
            known = self._target.index.positions(taken.leaves)
            fresh = {name: leaf for name, leaf in taken.leaves.items() if name not in known}
            if fresh:
                first = self._target.append(list(fresh.values()), list(fresh))
                known |= {name: first + at for at, name in enumerate(fresh)}
            self._mark(taken, known)
            if len(taken.leaves) < BATCH:
                (self._target.folder / _HEARTBEAT).touch()
        except BaseException:
            self._forget()  # what was read is read again, from what is on disk
            raise
        return len(fresh)

    def run(self, stop: threading.Event) -> None:
        """Sequence until ``stop`` is set, with at most one checkpoint a second; then let go.

        What fails is said in the log lines and tried again: the journals and the outbox keep all.
        """
        try:
            while not stop.is_set():
                try:
                    self.step()
                except (OSError, QuanyuError, SQLAlchemyError) as error:
                    _log.error("evidence could not be sequenced", why=str(error))
                stop.wait(CHECKPOINT_SECONDS)
        finally:
            self.close()

    def close(self) -> None:
        """Let another process sequence."""
        self._target.release()
        self._forget()

    def _forget(self) -> None:
        self._offsets.clear()
        self._counts = Counts(self._leaf_of)

    def _take(self, closing: bool) -> _Taken:
        taken = _Taken()
        with self._store.read() as session:
            rows = session.execute(
                select(Owed.number, Owed.leaf, Owed.body, Owed.at, Owed.kind, Owed.subject)
                .where(Owed.position.is_(None))
                .order_by(Owed.number)
                .limit(BATCH)
            ).all()
        for number, name, body, at, kind, subject in rows:
            whole = len(body) <= LARGEST_LEAF
            taken.leaves[name] = body if whole else _digest(name, iso(at), kind, subject, body)
            taken.owed.append((number, name))
        for path in segments(self._journals):
            if len(taken.leaves) >= BATCH:
                break
            self._take_segment(path, taken)
        self._take_counts(closing, taken)
        return taken

    def _take_segment(self, path: Path, taken: _Taken) -> None:
        offset = self._offsets.get(path, 0)
        reading = read_segment(path, offset)
        end = offset or len(MAGIC)
        for each in reading.frames:
            if len(taken.leaves) >= BATCH:
                break
            if each.kind == LEAF:
                name = leaf_id(each.payload)
                if name is None:
                    raise QuanyuError("a leaf in {path} has no id", path=str(path))
                taken.leaves[name] = each.payload
            elif each.kind == COUNT:
                self._counts.add(path.name, each.end, each.payload)
            end = each.end
        else:
            if reading.finished:
                taken.finished[path] = reading.torn
        taken.offsets[path] = end

    def _take_counts(self, closing: bool, taken: _Taken) -> None:
        minute = int(time.time() - LATE_SECONDS) // 60 if not closing else 1 << 60
        for key, name, leaf in self._counts.due(minute):
            taken.leaves[name] = leaf
            taken.counts.append(key)

    def _mark(self, taken: _Taken, known: dict[str, int]) -> None:
        if taken.owed:
            rows = [{"owed": number, "place": known[name]} for number, name in taken.owed]
            with self._store.begin() as session:
                session.connection().execute(
                    update(Owed)
                    .where(Owed.number == bindparam("owed"))
                    .values(position=bindparam("place")),
                    rows,
                )
        self._offsets |= taken.offsets
        for key in taken.counts:
            self._counts.done(key)
        waiting = self._counts.waiting()
        for path, torn in taken.finished.items():
            if path.name not in waiting:
                self._retire(path, torn)

    def _retire(self, path: Path, torn: int) -> None:
        """Remove a segment whose leaves are all in the log; one with a torn end is kept aside."""
        if torn:
            _log.warning("a segment ends in a torn write", path=str(path), bytes=torn)
            path.rename(path.with_suffix(".torn"))
        else:
            path.unlink()
        self._offsets.pop(path, None)

    def _leaf_of(self, name: str) -> bytes | None:
        position = self._target.index.positions([name]).get(name)
        return None if position is None else self._target.leaf(position)


def behind(log: Log) -> float:
    """Seconds since all that was written down was in the log, whichever process sequences.

    Near :data:`CHECKPOINT_SECONDS` when all is well; infinite before the first step.
    """
    try:
        return max(0.0, time.time() - (log.folder / _HEARTBEAT).stat().st_mtime)
    except FileNotFoundError:
        return math.inf


def _digest(name: str, at: str, kind: str, subject: str, body: bytes) -> bytes:
    """What stands in the log for a document that is too long for a leaf; the outbox keeps it."""
    return canonical(
        {
            "id": name,
            "at": at,
            "kind": kind,
            "subject": subject,
            "document_bytes": len(body),
            "document_sha256": sha256_hex(body),
        }
    )
