"""The sequencer: every leaf once, whatever crashes; one works, another takes over."""

import math
import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from sqlalchemy import select

from quanyu.evidence import Journal, Log, Sequencer, behind, verify_log
from quanyu.evidence.index import leaf_id
from quanyu.evidence.segments import MAGIC, segments
from quanyu.kernel import ControlStore, Owed, owe


class CrashError(BaseException):
    """The process ends here."""


def ids(log: Log) -> list[str | None]:
    return [leaf_id(leaf) for leaf in log.leaves()]


def owing(store: ControlStore, count: int) -> list[str]:
    with store.begin() as session:
        return [owe(session, "resource.published", f"res_{n}", {"n": n}) for n in range(count)]


def test_outbox_and_journals_reach_the_log_once(
    any_store: ControlStore, tmp_path: Path, log: Log, use
) -> None:
    owed = owing(any_store, 3)
    journal = Journal(tmp_path / "journal", "node")
    uses = [use() for _ in range(5)]
    for each in uses:
        journal.record_sync(each)
    sequencer = Sequencer(any_store, journal.folder, log)
    assert sequencer.step() == 8
    assert ids(log) == [*owed, *(each.id for each in uses)]
    with any_store.read() as session:
        assert session.scalars(select(Owed.position).order_by(Owed.number)).all() == [0, 1, 2]
    before = log.checkpoint()
    assert sequencer.step() == 0
    assert log.checkpoint() == before  # an idle log signs nothing
    journal.record_sync(use())
    assert sequencer.step() == 1
    journal.close()
    assert sequencer.step() == 0
    assert segments(journal.folder) == []


def test_a_failed_transaction_owes_nothing(
    store: ControlStore, sequencer: Sequencer, log: Log
) -> None:
    with pytest.raises(ValueError, match="no"), store.begin() as session:
        owe(session, "resource.published", "res_1", {})
        raise ValueError("no")
    assert sequencer.step() == 0
    assert log.size == 0


def test_a_document_too_long_for_a_leaf_is_committed_to(
    store: ControlStore, sequencer: Sequencer, log: Log
) -> None:
    with store.begin() as session:
        name = owe(session, "agreement.signed", "agr_1", {"text": "约" * 40_000})
    assert sequencer.step() == 1
    leaf = orjson.loads(log.leaf(0))
    with store.read() as session:
        body = session.scalar(select(Owed.body))
    assert leaf["id"] == name
    assert leaf["document_bytes"] == len(body)
    assert leaf["document_sha256"] == __import__("hashlib").sha256(body).hexdigest()


def test_a_backlog_is_taken_in_batches(
    store: ControlStore, sequencer: Sequencer, log: Log, use, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quanyu.evidence.sequencer.BATCH", 7)
    owed = owing(store, 9)
    journal = Journal(log.folder.parent / "journal", "node")
    uses = [use() for _ in range(20)]
    for each in uses:
        journal.record_sync(each)
    journal.close()
    taken = []
    while count := sequencer.step():
        taken.append(count)
    assert sum(taken) == 29
    assert max(taken) <= 7
    assert sorted(ids(log)) == sorted([*owed, *(each.id for each in uses)])
    assert segments(journal.folder) == []


def test_a_torn_segment_is_kept_aside(sequencer: Sequencer, log: Log, use) -> None:
    journal = Journal(log.folder.parent / "journal", "node")
    journal.record_sync(use())
    journal.close()
    (path,) = segments(journal.folder)
    with path.open("ab") as file:
        file.write(b"L\0\0\1")
    assert sequencer.step() == 1
    assert segments(journal.folder) == []
    assert path.with_suffix(".torn").exists()
    (journal.folder / "0-empty.journal").write_bytes(MAGIC)
    assert sequencer.step() == 0
    assert segments(journal.folder) == []


def test_counts_of_all_processes_are_one_leaf_a_minute(
    store: ControlStore, sequencer: Sequencer, log: Log, use
) -> None:
    minute = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=3)
    journals = [Journal(log.folder.parent / "journal", f"node{n}") for n in range(2)]
    for journal in journals:
        for second in range(30):
            journal.tally(use(at=minute + timedelta(seconds=second), rows=2, bytes=100))
        journal.tally(use(at=minute + timedelta(minutes=1)))
        journal.tally(use(at=minute, face="tiles"))
        journal.tally(use(at=datetime.now(UTC) + timedelta(minutes=1)))
        journal.close()
    assert sequencer.step() == 3
    leaf = orjson.loads(log.leaf(0))
    assert leaf["requests"] == 60
    assert leaf["rows"] == 120
    assert leaf["bytes"] == 6000
    assert leaf["face"] == "features"
    assert leaf["subject"] == "res_1"
    assert "party" not in leaf
    assert len(segments(journals[0].folder)) == 2  # the running minute keeps its segments
    assert sequencer.step() == 0
    sequencer.close()
    assert sequencer.step() == 0
    late = Journal(journals[0].folder, "late")
    late.tally(use(at=minute, rows=1, bytes=1))
    late.close()
    sequencer.close()  # another process goes on, and knows what has been counted
    assert sequencer.step() == 1
    assert orjson.loads(log.leaf(3))["requests"] == 1
    assert sequencer.step(closing=True) == 1
    assert sequencer.step() == 0
    assert segments(late.folder) == []
    assert sum(orjson.loads(leaf)["requests"] for leaf in log.leaves()) == 2 * 33 + 1


def test_a_crash_at_any_point_doubles_and_loses_nothing(
    store: ControlStore, tmp_path: Path, open_log: Callable[[], Log], use
) -> None:
    expected: list[str] = []
    requests = 0
    finished = False
    old = datetime.now(UTC) - timedelta(minutes=5)
    step = 0
    while not finished:
        expected += owing(store, 2)
        journal = Journal(tmp_path / "journal", "node")
        for each in (use(), use()):
            journal.record_sync(each)
            expected.append(each.id)
        journal.tally(use(at=old))
        journal.close()
        requests += 1
        log = open_log()
        with pytest.MonkeyPatch.context() as patch:
            crash_at(patch, step)
            try:
                Sequencer(store, journal.folder, log).step()
                finished = not segments(journal.folder)
            except CrashError:
                pass
        log.close()
        step += 1
        assert step < 200
    log = open_log()
    sequencer = Sequencer(store, tmp_path / "journal", log)
    sequencer.step()
    leaves = [orjson.loads(leaf) for leaf in log.leaves()]
    counts = Counter(leaf["id"] for leaf in leaves)
    assert set(counts.values()) == {1}
    assert set(expected) <= set(counts)
    assert sum(leaf.get("requests", 0) for leaf in leaves) == requests
    with store.read() as session:
        rows = session.execute(select(Owed.leaf, Owed.position)).all()
    assert all(leaves[position]["id"] == name for name, position in rows)
    assert verify_log(log.folder, str(log.keys[0])).ok


def crash_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """End the process at its ``step``-th call that changes what is on disk, the store included."""
    left = [step]

    def mortal(function: Callable) -> Callable:
        def call(*args: object, **rest: object) -> object:
            left[0] -= 1
            if left[0] < 0:
                raise CrashError
            return function(*args, **rest)

        return call

    for name in ("replace", "unlink", "mkdir", "rmdir", "rename"):
        monkeypatch.setattr(Path, name, mortal(getattr(Path, name)))
    monkeypatch.setattr("os.fsync", mortal(os.fsync))
    monkeypatch.setattr(ControlStore, "begin", mortal(ControlStore.begin))
    monkeypatch.setattr(
        "quanyu.evidence.index.LeafIndex.add",
        mortal(__import__("quanyu.evidence.index", fromlist=["LeafIndex"]).LeafIndex.add),
    )


def test_a_full_disk_delays_and_loses_nothing(
    store: ControlStore, sequencer: Sequencer, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    owed = owing(store, 3)

    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            sequencer.step()
    assert sequencer.step() == 3
    assert ids(log) == owed


def test_one_works_and_another_takes_over(
    store: ControlStore, tmp_path: Path, open_log: Callable[[], Log]
) -> None:
    one = Sequencer(store, tmp_path / "journal", open_log())
    two = Sequencer(store, tmp_path / "journal", open_log())
    log = open_log()
    assert behind(log) == math.inf
    owing(store, 1)
    assert one.step() == 1
    assert behind(log) < 5
    os.utime(log.folder / "sequenced", (0, 0))
    owing(store, 1)
    assert two.step() == 0
    assert behind(log) > 1000
    one.close()
    assert two.step() == 1


def test_run_sequences_at_most_once_a_second_until_told_to_stop(
    store: ControlStore,
    sequencer: Sequencer,
    log: Log,
    use,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("quanyu.evidence.sequencer.CHECKPOINT_SECONDS", 0.05)
    stop = threading.Event()
    thread = threading.Thread(target=sequencer.run, args=(stop,))
    thread.start()
    owing(store, 2)
    deadline = time.monotonic() + 90
    while log.size < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    stop.set()
    thread.join()
    assert log.size == 2
    assert log.acquire()  # it let go
