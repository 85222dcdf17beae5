"""RFC 6962 Merkle trees: hashes, proof paths and their verification. Pure, no storage.

A proof is first a list of ranges ``(start, end)`` whose subtree hashes make it up; whoever holds
the tree looks those hashes up. Verification is that of RFC 9162, written once over subtrees:
a tree of ``m`` leaves is the subtree ``[0, m)`` of a larger one.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Sequence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

Range = tuple[int, int]


class ProofError(ValueError):
    """A proof does not show what it should; the message says why."""


def leaf_hash(leaf: bytes) -> bytes:
    """Hash of a leaf (RFC 6962 2.1): SHA-256 of 0x00 and its bytes."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node (RFC 6962 2.1): SHA-256 of 0x01 and both children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def next_level(hashes: bytes) -> bytes:
    """Parents of packed sibling hashes; a hash without its sibling has no parent yet."""
    sha256 = hashlib.sha256
    end = len(hashes) // 64 * 64
    return b"".join([sha256(b"\x01" + hashes[at : at + 64]).digest() for at in range(0, end, 64)])


def root_of_hashes(hashes: bytes) -> bytes:
    """Root of the tree whose leaf hashes are these, packed (RFC 6962 2.1)."""
    if not hashes:
        return EMPTY_ROOT
    level = hashes
    while len(level) > HASH_BYTES:
        # A hash without its sibling stands for itself one level up: so an uneven tree divides.
        rest = level[len(level) // 64 * 64 :]
        level = next_level(level) + rest
    return level


def split(start: int, end: int) -> int:
    """Where the tree over ``[start, end)`` divides: the largest power of two below its size."""
    return start + (1 << (end - start - 1).bit_length() - 1)


def subtree_root(start: int, end: int, node: Callable[[int, int], bytes]) -> bytes:
    """Hash of the tree over ``[start, end)``; ``node(level, index)`` gives complete nodes."""
    size = end - start
    if size == 0:
        return EMPTY_ROOT
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return node(level, start >> level)
    middle = split(start, end)
    return node_hash(subtree_root(start, middle, node), subtree_root(middle, end, node))


def inclusion_path(index: int, size: int) -> list[Range]:
    """Ranges whose hashes prove that leaf ``index`` is in a tree of ``size`` leaves.

    Raises ``IndexError`` when there is no such leaf.
    """
    if not 0 <= index < size:
        raise IndexError(f"a tree of {size} leaves has no leaf {index}")
    path: list[Range] = []
    start, end = 0, size
    while end - start > 1:
        middle = split(start, end)
        if index < middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start = middle
    return path[::-1]


def consistency_path(old: int, new: int) -> list[Range]:
    """Ranges whose hashes prove that the tree of ``old`` leaves begins that of ``new`` (2.1.2).

    Empty when either is trivial; raises ``IndexError`` when ``old`` is the larger.
    """
    if not 0 <= old <= new:
        raise IndexError(f"a tree of {new} leaves has no beginning of {old}")
    path: list[Range] = []
    start, end = 0, new
    known = True
    while 0 < old < end:
        middle = split(start, end)
        if old <= middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start = middle
            known = False
    if not known:
        path.append((start, end))
    return path[::-1]


def root_of_inclusion(index: int, size: int, leaf: bytes, proof: Iterable[bytes]) -> bytes:
    """The root that ``proof`` leads to from the leaf hash ``leaf`` (RFC 9162 2.1.3.2).

    Raises :class:`ProofError` when the proof does not have the shape of that place.
    """
    if not 0 <= index < size:
        raise ProofError(f"a tree of {size} leaves has no leaf {index}")
    _check(leaf)
    fn, sn, root = index, size - 1, leaf
    for sibling in proof:
        _check(sibling)
        if sn == 0:
            raise ProofError("the proof is too long")
        if fn & 1 or fn == sn:
            root = node_hash(sibling, root)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            root = node_hash(root, sibling)
        fn, sn = fn >> 1, sn >> 1
    if sn:
        raise ProofError("the proof is too short")
    return root


def verify_inclusion(
    index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> None:
    """Raise :class:`ProofError` unless ``proof`` shows the leaf hash ``leaf`` at ``index``."""
    _same(root_of_inclusion(index, size, leaf, proof), root)


def verify_consistency(
    old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes
) -> None:
    """Raise :class:`ProofError` unless ``proof`` shows that the old tree begins the new one."""
    if old == 0:
        if new or proof:
            raise ProofError("consistency with an empty tree says nothing")
        _same(new_root, EMPTY_ROOT)
        _same(old_root, EMPTY_ROOT)
        return
    verify_subtree_consistency((0, old), new, proof, old_root, new_root)


def verify_subtree_inclusion(
    index: int, subtree: Range, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> None:
    """Raise :class:`ProofError` unless the leaf hash is at ``index`` in ``subtree``."""
    start, end = subtree
    _check_subtree(start, end)
    if not start <= index < end:
        raise ProofError(f"the subtree [{start}, {end}) has no leaf {index}")
    verify_inclusion(index - start, end - start, leaf, proof, root)


def verify_subtree_consistency(
    subtree: Range, size: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes
) -> None:
    """Raise :class:`ProofError` unless ``subtree`` of ``old_root`` is in the tree of ``size``."""
    start, end = subtree
    _check_subtree(start, end)
    if end > size:
        raise ProofError(f"the subtree [{start}, {end}) passes the tree's {size} leaves")
    if start == end:
        if proof:
            raise ProofError("an empty subtree needs no proof")
        _same(old_root, EMPTY_ROOT)
        return
    fn, sn, tn = start, end - 1, size - 1
    while fn != sn and (sn == tn or sn & 1):
        fn, sn, tn = fn >> 1, sn >> 1, tn >> 1
    rest = list(proof)
    seed = old_root
    if fn != sn:
        if not rest:
            raise ProofError("the proof is too short")
        seed = rest.pop(0)
    if rest:
        _check(seed)
    old_side, new_side = _climb(fn, sn, tn, seed, rest)
    _same(old_side, old_root)
    _same(new_side, new_root)


def _climb(fn: int, sn: int, tn: int, seed: bytes, proof: list[bytes]) -> tuple[bytes, bytes]:
    """Roots of the subtree and of the tree that siblings lead to from their common node."""
    old_side = new_side = seed
    for sibling in proof:
        _check(sibling)
        if tn == 0:
            raise ProofError("the proof is too long")
        if sn & 1 or sn == tn:
            if fn < sn:
                old_side = node_hash(sibling, old_side)
            new_side = node_hash(sibling, new_side)
            while not sn & 1 and sn:
                fn, sn, tn = fn >> 1, sn >> 1, tn >> 1
        else:
            new_side = node_hash(new_side, sibling)
        fn, sn, tn = fn >> 1, sn >> 1, tn >> 1
    if tn:
        raise ProofError("the proof is too short")
    return old_side, new_side


def _check_subtree(start: int, end: int) -> None:
    if not 0 <= start <= end:
        raise ProofError(f"[{start}, {end}) is no subtree")
    if start < end and start % (1 << (end - start - 1).bit_length()):
        raise ProofError(f"no subtree of {end - start} leaves begins at {start}")


def _check(digest: bytes) -> None:
    if len(digest) != HASH_BYTES:
        raise ProofError(f"a hash has {HASH_BYTES} bytes, not {len(digest)}")


def _same(got: bytes, expected: bytes) -> None:
    if not hmac.compare_digest(got, expected):
        raise ProofError(f"the proof leads to {got.hex()}, not to {expected.hex()}")
