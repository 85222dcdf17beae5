"""RFC 6962 proofs against public vectors and against the definition."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quanyu.evidence import merkle

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "data" / "vectors" / "merkle"


def _vectors(kind: str) -> list[Path]:
    return sorted((VECTORS / kind).rglob("*.json"))


def _bytes(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def _judge(kind: str, case: dict) -> None:
    proof = [_bytes(item) for item in case["proof"] or ()]
    match kind:
        case "inclusion":
            merkle.verify_inclusion(
                case["leafIdx"],
                case["treeSize"],
                _bytes(case["leafHash"]),
                proof,
                _bytes(case["root"]),
            )
        case "consistency":
            merkle.verify_consistency(
                case["size1"], case["size2"], proof, _bytes(case["root1"]), _bytes(case["root2"])
            )
        case "subtreeinclusion":
            merkle.verify_subtree_inclusion(
                case["leafIdx"],
                (case["start"], case["end"]),
                _bytes(case["leafHash"]),
                proof,
                _bytes(case["root"]),
            )
        case "subtreeconsistency":
            merkle.verify_subtree_consistency(
                (case["start"], case["end"]),
                case["size"],
                proof,
                _bytes(case["root1"]),
                _bytes(case["root2"]),
            )


@pytest.mark.parametrize(
    ("kind", "least"),
    [
        ("inclusion", 98),
        ("consistency", 98),
        ("subtreeinclusion", 204),
        ("subtreeconsistency", 118),
    ],
)
def test_public_vectors(kind: str, least: int) -> None:
    if not VECTORS.exists():
        pytest.skip(f"no public Merkle vectors at {VECTORS}")
    paths = _vectors(kind)
    assert len(paths) >= least
    wrong = []
    for path in paths:
        case = json.loads(path.read_text())
        try:
            _judge(kind, case)
            failed = False
        except merkle.ProofError:
            failed = True
        if failed != case["wantErr"]:
            wrong.append(str(path.relative_to(VECTORS)))
    assert wrong == []


def _reference_root(leaves: list[bytes]) -> bytes:
    """MTH as RFC 6962 2.1 writes it."""
    if not leaves:
        return merkle.EMPTY_ROOT
    if len(leaves) == 1:
        return merkle.leaf_hash(leaves[0])
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return merkle.node_hash(_reference_root(leaves[:k]), _reference_root(leaves[k:]))


LEAVES = [bytes([n]) * (n % 5) for n in range(70)]


def _ranges(path: list[tuple[int, int]]) -> list[bytes]:
    return [_reference_root(LEAVES[start:end]) for start, end in path]


def test_every_inclusion_proof_of_small_trees_holds() -> None:
    for size in range(1, 40):
        root = _reference_root(LEAVES[:size])
        for index in range(size):
            proof = _ranges(merkle.inclusion_path(index, size))
            merkle.verify_inclusion(index, size, merkle.leaf_hash(LEAVES[index]), proof, root)


@given(st.integers(1, 70), st.data())
def test_consistency_proofs_hold_and_break_when_touched(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new))
    old_root, new_root = _reference_root(LEAVES[:old]), _reference_root(LEAVES[:new])
    proof = _ranges(merkle.consistency_path(old, new))
    merkle.verify_consistency(old, new, proof, old_root, new_root)
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        touched = bytearray(proof[at])
        touched[data.draw(st.integers(0, 31))] ^= 1 << data.draw(st.integers(0, 7))
        with pytest.raises(merkle.ProofError):
            merkle.verify_consistency(
                old, new, [*proof[:at], bytes(touched), *proof[at + 1 :]], old_root, new_root
            )
        for wrong in (proof[:-1], [*proof, proof[0]]):
            with pytest.raises(merkle.ProofError):
                merkle.verify_consistency(old, new, wrong, old_root, new_root)


@given(st.integers(0, 70))
def test_root_from_complete_nodes_is_the_definition(size: int) -> None:
    def node(level: int, index: int) -> bytes:
        return _reference_root(LEAVES[index << level : (index + 1) << level])

    assert merkle.subtree_root(0, size, node) == _reference_root(LEAVES[:size])


def test_no_proof_of_what_is_not_there() -> None:
    for call in (
        lambda: merkle.inclusion_path(3, 3),
        lambda: merkle.inclusion_path(-1, 3),
        lambda: merkle.consistency_path(4, 3),
    ):
        with pytest.raises(IndexError):
            call()
    assert merkle.consistency_path(0, 5) == []
    assert merkle.consistency_path(5, 5) == []
