"""The journal: on disk before the answer, refused when the disk refuses, read back whole."""

import asyncio
import errno
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from quanyu.evidence import Journal
from quanyu.evidence.index import leaf_id
from quanyu.evidence.segments import COUNT, LEAF, MAGIC, frame, read_segment, segments
from quanyu.kernel import Invalid, Unavailable, canonical


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path / "journal", "node")
    yield opened
    opened.close()


def recorded(folder: Path) -> list[str | None]:
    return [
        leaf_id(each.payload)
        for path in segments(folder)
        for each in read_segment(path).frames
        if each.kind == LEAF
    ]


def test_uses_are_on_disk_when_record_returns(journal: Journal, use) -> None:
    uses = [use() for _ in range(200)]

    async def main() -> None:
        async def some(part: list) -> None:
            for each in part:
                await journal.record(each)
                assert each.id in recorded(journal.folder)

        await asyncio.gather(*[some(uses[n::4]) for n in range(4)])

    asyncio.run(main())
    assert sorted(recorded(journal.folder)) == sorted(each.id for each in uses)


def test_threads_and_loops_share_a_journal(journal: Journal, use) -> None:
    uses = [use() for _ in range(60)]

    def plain(part: list) -> None:
        for each in part:
            journal.record_sync(each)

    def loop(part: list) -> None:
        async def main() -> None:
            await asyncio.gather(*[journal.record(each) for each in part])

        asyncio.run(main())

    threads = [
        threading.Thread(target=target, args=(uses[n::4],))
        for n, target in enumerate((plain, loop, plain, loop))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(recorded(journal.folder)) == sorted(each.id for each in uses)


def test_a_leaf_is_canonical_and_says_what_happened(journal: Journal, use) -> None:
    import orjson

    journal.record_sync(use(purpose="规划", query_commitment="", version=None))
    (path,) = segments(journal.folder)
    (each,) = read_segment(path).frames
    document = orjson.loads(each.payload)
    assert canonical(document) == each.payload
    assert document["kind"] == "used"
    assert document["purpose"] == "规划"
    assert "query" not in document
    assert "version" not in document


@pytest.mark.parametrize("call", ["write", "fdatasync", "open"])
def test_a_full_disk_refuses_and_recovers(
    journal: Journal, use, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, refused, later = use(), use(), use()
    if call != "open":
        journal.record_sync(first)

    def full(*_args: object, **_rest: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(f"os.{call}", full)
        with pytest.raises(Unavailable, match="No space left"):
            journal.record_sync(refused)
        with pytest.raises(Unavailable, match="No space left"):
            asyncio.run(journal.record(refused))
        with pytest.raises(Unavailable, match="No space left"):
            journal.tally(use())
    journal.record_sync(later)
    journal.tally(use())
    assert recorded(journal.folder) == ([later.id] if call == "open" else [first.id, later.id])


def test_half_a_write_is_taken_back(journal: Journal, use, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    first, refused, later = use(), use(), use()
    journal.record_sync(first)

    def half(descriptor: int, data: bytes) -> int:
        if len(data) > 300:
            return real(descriptor, bytes(data[:100]))
        raise OSError(errno.EIO, "broken")

    with monkeypatch.context() as patch:
        patch.setattr("os.write", half)
        with pytest.raises(Unavailable):
            journal.record_sync(refused)
    journal.record_sync(later)
    assert recorded(journal.folder) == [first.id, later.id]
    assert [read_segment(path).torn for path in segments(journal.folder)] == [0, 0]


def test_tallies_are_written_soon_and_at_the_end(journal: Journal, use) -> None:
    for _ in range(10):
        journal.tally(use(rows=2, bytes=3))
    journal.tally(use(face="tiles"))
    journal.close()
    (path,) = segments(journal.folder)
    frames = [each for each in read_segment(path).frames if each.kind == COUNT]
    assert len(frames) == 2
    with pytest.raises(Unavailable, match="closed"):
        journal.tally(use())
    with pytest.raises(Unavailable, match="closed"):
        journal.record_sync(use())


def test_a_use_too_long_for_a_leaf_is_refused(journal: Journal, use) -> None:
    with pytest.raises(Invalid):
        journal.record_sync(use(purpose="x" * 70_000))


def test_a_journal_that_is_not_used_leaves_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", "node")
    journal.close()
    assert not (tmp_path / "journal").exists()


def test_segments_roll(journal: Journal, use, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quanyu.evidence.journal.SEGMENT_BYTES", 1000)
    uses = [use() for _ in range(12)]
    for each in uses:
        journal.record_sync(each)
    assert len(segments(journal.folder)) > 2
    assert recorded(journal.folder) == [each.id for each in uses]
    finished = [read_segment(path).finished for path in segments(journal.folder)]
    assert finished == [*[True] * (len(finished) - 1), False]


def test_a_torn_end_is_seen_wherever_it_is_cut(tmp_path: Path) -> None:
    whole = MAGIC + frame(LEAF, b'{"id":"a"}') + frame(LEAF, b'{"id":"b"}')
    path = tmp_path / "x.journal"
    ends = {len(MAGIC): 0, len(MAGIC) + 19: 1, len(whole): 2}
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        reading = read_segment(path)
        good = max((end for end in ends if end <= cut), default=0)
        assert reading.finished
        assert len(reading.frames) == ends.get(good, 0)
        assert reading.torn == cut - good
    for at in range(len(MAGIC) + 19, len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        reading = read_segment(path)
        assert [each.payload for each in reading.frames] == [b'{"id":"a"}']
        assert reading.torn == 19


def test_a_segment_is_finished_when_its_process_is_gone(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path\n"
        "from quanyu.evidence.segments import SegmentWriter, frame\n"
        "writer = SegmentWriter(Path(sys.argv[1]), 'node')\n"
        "writer.append([frame(76, b'{}')]); print('ready', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        (path,) = segments(tmp_path)
        assert not read_segment(path).finished
        process.kill()
    assert read_segment(path).finished
    assert len(read_segment(path).frames) == 1


def test_closing_on_a_full_disk_ends(
    journal: Journal, use, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.record_sync(use())
    journal.tally(use())

    def full(*_args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("os.fdatasync", full)
        journal.close()
    with pytest.raises(Unavailable, match="closed"):
        journal.record_sync(use())


def test_whoever_stops_waiting_disturbs_nobody(journal: Journal, use) -> None:
    kept = use()

    async def main() -> None:
        waiting = [asyncio.create_task(journal.record(use())) for _ in range(5)]
        other = asyncio.create_task(journal.record(kept))
        await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        await other

    asyncio.run(main())
    assert kept.id in recorded(journal.folder)
