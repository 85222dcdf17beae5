"""The log: tiles, proofs, growth, and what a crash at any point leaves."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quanyu.evidence import (
    ENTRIES,
    Log,
    parse_checkpoint,
    parse_path,
    tile_path,
    verify_consistency,
    verify_inclusion,
    verify_log,
)
from quanyu.evidence.merkle import EMPTY_ROOT, leaf_hash, node_hash
from quanyu.evidence.note import split_note
from quanyu.evidence.tiles import split_bundle
from quanyu.kernel import Conflict, Ed25519Signer, Invalid, NotFound, Unavailable


class CrashError(BaseException):
    """The process ends here."""


def leaves(count: int, start: int = 0) -> list[bytes]:
    return [b'{"id":"leaf_%d"}' % n for n in range(start, start + count)]


def reference(items: list[bytes]) -> bytes:
    """Root by the usual stack of complete subtrees: another way than the log's own."""
    stack: list[tuple[int, bytes]] = []
    for item in items:
        height, top = 0, leaf_hash(item)
        while stack and stack[-1][0] == height:
            top = node_hash(stack.pop()[1], top)
            height += 1
        stack.append((height, top))
    if not stack:
        return EMPTY_ROOT
    root = stack.pop()[1]
    while stack:
        root = node_hash(stack.pop()[1], root)
    return root


def test_paths() -> None:
    assert tile_path(0, 0) == "tile/0/000"
    assert tile_path(1, 1_234_067, 8) == "tile/1/x001/x234/067.p/8"
    assert tile_path(ENTRIES, 1000) == "tile/entries/x001/000"
    for path in ("tile/0/000", "tile/1/x001/x234/067.p/8", "tile/entries/x001/000.p/255"):
        assert tile_path(*parse_path(path)) == path
    for path in (
        "tile/0/0",
        "tile/64/000",
        "tile/00/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/08",
        "tile/0/x000/001",
        "tile/0/001/x002",
        "tile/other/000",
        "../checkpoint",
    ):
        with pytest.raises(Invalid):
            parse_path(path)


def test_an_empty_log_has_a_checkpoint_once_it_is_acquired(log: Log) -> None:
    assert log.size == 0
    with pytest.raises(NotFound):
        log.checkpoint()
    assert log.acquire()
    assert parse_checkpoint(split_note(log.checkpoint())[0]).root == EMPTY_ROOT
    assert log.append([]) == 0
    with pytest.raises(NotFound):
        log.tile(0, 0, 1)


def test_a_tree_of_70000_is_laid_out_as_the_standard_says(log: Log) -> None:
    log.append(leaves(70_000))
    files = {str(path.relative_to(log.folder)) for path in log.folder.rglob("*") if path.is_file()}
    hashes = {name for name in files if name.startswith("tile/") and "entries" not in name}
    assert len(hashes) == 273 + 1 + 1 + 1 + 1
    assert {"tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"} <= hashes
    assert "tile/entries/273.p/112" in files
    assert len(log.tile(0, 5)) == 8192
    assert split_bundle(log.entries(273, 112)) == leaves(112, 273 * 256)
    assert log.tile(0, 273, 7) == log.tile(0, 273, 112)[: 7 * 32]
    for level, index, width in ((0, 273, 113), (0, 273, 256), (0, 274, 1), (2, 0, 2), (3, 0, 1)):
        with pytest.raises(NotFound):
            log.tile(level, index, width)
    assert verify_log(log.folder, str(log.keys[0])).ok


def test_proofs_against_the_definition(log: Log) -> None:
    everything = leaves(1300)
    sizes = [1, 2, 3, 255, 256, 257, 511, 512, 700, 1024, 1300]
    roots: dict[int, bytes] = {}
    for old, new in zip([0, *sizes], sizes, strict=False):
        assert log.append(everything[old:new]) == old
        roots[new] = parse_checkpoint(split_note(log.checkpoint())[0]).root
        assert roots[new] == reference(everything[:new]) == log.root(new)
    for size in sizes:
        for index in {0, 1, size // 2, size - 2, size - 1} & set(range(size)):
            proof = log.inclusion(index, size)
            verify_inclusion(index, size, leaf_hash(everything[index]), proof, roots[size])
        for old in sizes:
            if old <= size:
                verify_consistency(old, size, log.consistency(old, size), roots[old], roots[size])
    assert list(log.leaves()) == everything
    assert list(log.leaves(250, 600)) == everything[250:600]
    assert [log.leaf(n) for n in (0, 255, 256, 1299)] == [
        everything[n] for n in (0, 255, 256, 1299)
    ]
    assert log.index.positions(["leaf_0", "leaf_1299", "leaf_1300"]) == {
        "leaf_0": 0,
        "leaf_1299": 1299,
    }


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.integers(0, 600), min_size=1, max_size=6))
def test_any_batches_make_the_same_tree(
    tmp_path: Path, signer: Ed25519Signer, batches: list[int]
) -> None:
    shutil.rmtree(tmp_path / "any", ignore_errors=True)
    log = Log(tmp_path / "any", "any", [signer])
    for count in batches:
        log.append(leaves(count, log.size))
        log.release()  # every batch by another process
    assert log.root(log.size) == reference(leaves(sum(batches)))
    assert verify_log(log.folder, str(log.keys[0])).ok
    log.close()


def test_what_is_not_there_is_refused(log: Log) -> None:
    log.append(leaves(10))
    for call in (
        lambda: log.inclusion(10, 10),
        lambda: log.inclusion(-1, 10),
        lambda: log.inclusion(0, 11),
        lambda: log.consistency(5, 11),
        lambda: log.consistency(6, 5),
        lambda: log.root(11),
        lambda: log.tile(-1, 0),
        lambda: log.append([bytes(65_536)]),
    ):
        with pytest.raises(Invalid):
            call()
    with pytest.raises(NotFound):
        log.leaf(10)
    assert log.append([bytes(65_535)]) == 10
    assert log.leaf(10) == bytes(65_535)


def test_one_appends_and_others_read(open_log: Callable[[], Log]) -> None:
    one, two = open_log(), open_log()
    one.append(leaves(300))
    assert two.size == 300
    assert not two.acquire()
    with pytest.raises(Conflict):
        two.append(leaves(1))
    two.inclusion(299, 300)
    one.append(leaves(300, 300))
    assert two.size == 600
    assert two.tile(0, 1, 44) == one.tile(0, 1, 44)  # partial forms outlive their files
    one.release()
    assert two.append(leaves(1, 600)) == 600
    assert one.size == 601


def test_a_folder_of_another_log_is_not_touched(
    log: Log, tmp_path: Path, signer: Ed25519Signer
) -> None:
    log.append(leaves(3))
    log.release()
    other = Log(log.folder, "other", [signer])
    with pytest.raises(Unavailable, match="is the log of"):
        other.append(leaves(1))
    other.close()
    assert log.append(leaves(1, 3)) == 3


@pytest.mark.parametrize("kind", [0, ENTRIES])
def test_damage_is_found(log: Log, kind: int) -> None:
    log.append(leaves(600))
    log.release()
    for index, width in ((0, 256), (2, 88)):
        path = log.folder / tile_path(kind, index, width)
        good = path.read_bytes()
        path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
        outcome = verify_log(log.folder, str(log.keys[0]))
        assert not outcome.ok
        assert outcome.steps[-1].name == "tiles"
        path.unlink()
        assert not verify_log(log.folder, str(log.keys[0])).ok
        path.write_bytes(good)
    assert verify_log(log.folder, str(log.keys[0])).ok
    path = log.folder / tile_path(0, 2, 88)
    path.write_bytes(bytes(88 * 32))
    with pytest.raises(Unavailable, match="do not lead to its checkpoint"):
        log.acquire()
    path.unlink()
    with pytest.raises(Unavailable, match="there is no tile"):
        log.acquire()


def test_the_index_is_made_again_when_it_is_lost(log: Log, open_log: Callable[[], Log]) -> None:
    log.append(leaves(1000))
    log.close()
    (log.folder / "index.sqlite").unlink()
    again = open_log()
    assert again.index.size == 0
    assert again.acquire()
    assert again.index.positions(["leaf_999"]) == {"leaf_999": 999}


def test_a_log_that_went_back_is_not_gone_on_with(log: Log, open_log: Callable[[], Log]) -> None:
    log.append(leaves(300))
    early = log.checkpoint()
    log.append(leaves(300, 300))
    log.close()
    newest = log.checkpoint()
    checkpoint = log.folder / "checkpoint"
    checkpoint.write_bytes(early)
    with pytest.raises(Unavailable, match="had 600 leaves once, and has 300 now"):
        open_log().acquire()
    checkpoint.unlink()
    with pytest.raises(Unavailable, match="lost its checkpoint"):
        open_log().acquire()
    checkpoint.write_bytes(newest)
    assert open_log().append(leaves(1, 600)) == 600


def _crash_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """End the process at its ``step``-th call that changes what is on disk."""
    left = [step]

    def mortal(function: Callable) -> Callable:
        def call(*args: object, **rest: object) -> object:
            left[0] -= 1
            if left[0] < 0:
                raise CrashError
            return function(*args, **rest)

        return call

    for name in ("replace", "unlink", "mkdir", "rmdir"):
        monkeypatch.setattr(Path, name, mortal(getattr(Path, name)))
    monkeypatch.setattr("os.fsync", mortal(__import__("os").fsync))
    monkeypatch.setattr("os.write", mortal(__import__("os").write))


def test_a_crash_at_any_point_leaves_all_or_nothing(
    open_log: Callable[[], Log], tmp_path: Path
) -> None:
    first = open_log()
    first.append(leaves(250))
    first.close()
    shutil.copytree(tmp_path / "log", tmp_path / "before")
    sizes = set()
    for step in range(200):
        shutil.rmtree(tmp_path / "log")
        shutil.copytree(tmp_path / "before", tmp_path / "log")
        log = open_log()
        seen = [log.checkpoint()]
        with pytest.MonkeyPatch.context() as patch:
            _crash_at(patch, step)
            try:
                log.append(leaves(300, 250))
                finished = True
            except CrashError:
                finished = False
        seen.append(log.checkpoint())
        log.close()
        log = open_log()
        assert log.acquire()
        sizes.add(log.size)
        assert log.size in {250, 550}
        assert log.index.size == log.size
        # Another order than the first time: what a crash left behind must not show through.
        log.append(leaves(40, 10_000))
        outcome = verify_log(log.folder, str(log.keys[0]))
        assert outcome.ok, (step, outcome)
        now = parse_checkpoint(split_note(log.checkpoint())[0])
        for note in seen:
            then = parse_checkpoint(split_note(note)[0])
            proof = log.consistency(then.size, now.size)
            verify_consistency(then.size, now.size, proof, then.root, now.root)
        log.close()
        if finished:
            break
    assert finished
    assert sizes == {250, 550}
