"""Checking without trust in the node: a receipt offline, and a whole log from its files.

Each outcome lists its steps with what was expected against what was found, and ends at the first
step that does not hold.
"""

import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import orjson

from quanyu.evidence import merkle
from quanyu.evidence.edge import EMPTY, grow
from quanyu.evidence.note import (
    Checkpoint,
    NoteError,
    VerifierKey,
    open_note,
    parse_checkpoint,
    parse_key,
    split_note,
    unbase64,
)
from quanyu.evidence.receipts import TYPE
from quanyu.evidence.tiles import (
    ENTRIES,
    WIDTH,
    parse_path,
    read_tile,
    split_bundle,
    tile_path,
    width_at,
)
from quanyu.kernel import NotFound, blind, canonical

_SHAPE = {
    "type": str,
    "leaf": str,
    "index": int,
    "size": int,
    "proof": list,
    "checkpoint": str,
    "disclosures": list,
}
_DISCLOSURE = {"field", "value", "salt"}
_BUNDLES = 256

_Found: TypeAlias = tuple[str, str] | dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a verification: its name, whether it held, and what was found."""

    name: str
    ok: bool
    said: str


@dataclass(frozen=True, slots=True)
class Verification:
    """The outcome, step by step; ``leaf`` is what the receipt speaks of, when all held."""

    ok: bool
    steps: tuple[Step, ...]
    leaf: dict[str, Any] | None = None


class _WrongError(Exception):
    """A step that does not hold."""


def verify_receipt(data: bytes, public_key: str | Iterable[str]) -> Verification:
    """Check a receipt offline, with nothing but verifier keys (``name+hash+base64``).

    Raises :class:`~quanyu.kernel.Invalid` for a malformed key; everything that is wrong with the
    receipt is a step that does not hold.
    """
    return _judge(_receipt_steps(data, _keys(public_key)))


def verify_log(folder: Path, public_key: str | Iterable[str]) -> Verification:
    """Check a whole log from a copy of its files: signature, every leaf, every tile, the root.

    Reads the log once, 65,536 leaves at a time.
    """
    return _judge(_log_steps(folder, _keys(public_key)))


def _keys(public_key: str | Iterable[str]) -> list[VerifierKey]:
    texts = [public_key] if isinstance(public_key, str) else public_key
    return [parse_key(text) for text in texts]


def _judge(steps: "Iterator[_Found]") -> Verification:
    """Take steps ``(name, said)`` until one is wrong; a mapping among them is the leaf."""
    taken: list[Step] = []
    leaf: dict[str, Any] | None = None
    try:
        for step in steps:
            if isinstance(step, dict):
                leaf = step
            else:
                taken.append(Step(step[0], True, step[1]))
    except _WrongError as wrong:
        name, said = wrong.args
        return Verification(False, (*taken, Step(name, False, said)))
    return Verification(True, tuple(taken), leaf)


def _receipt_steps(data: bytes, keys: list[VerifierKey]) -> "Iterator[_Found]":
    document, proof, content = _read(data)
    yield "form", f"a receipt of {content.get('id', 'a leaf without id')}"
    checkpoint, said = _signed(document["checkpoint"].encode(), keys)
    yield "signature", said
    yield "size", _equal("size", str(checkpoint.size), str(document["size"]))
    try:
        root = merkle.root_of_inclusion(
            document["index"],
            checkpoint.size,
            merkle.leaf_hash(document["leaf"].encode()),
            proof,
        )
    except merkle.ProofError as error:
        raise _WrongError("inclusion", str(error)) from error
    yield "inclusion", _equal("inclusion", checkpoint.root.hex(), root.hex())
    for each in document["disclosures"]:
        got = blind(each["value"], each["salt"])
        said = _equal("disclosure", str(content.get(each["field"])), got)
        yield "disclosure", f"{each['field']} is {each['value']}: {said}"
    yield content


def _log_steps(folder: Path, keys: list[VerifierKey]) -> "Iterator[_Found]":
    try:
        note = (folder / "checkpoint").read_bytes()
    except FileNotFoundError as error:
        raise _WrongError("signature", f"there is no checkpoint in {folder}") from error
    checkpoint, said = _signed(note, keys)
    yield "signature", said
    edge, files = EMPTY, 0
    while edge.size < checkpoint.size:
        made, edge = grow(edge, _read_leaves(folder, edge.size, checkpoint.size))
        for path, expected in made.items():
            if _tile(folder, path) != expected:
                raise _WrongError("tiles", f"{path} is not what the leaves make")
        files += len(made)
    yield "tiles", f"{files} tiles are what the {checkpoint.size} leaves make"
    yield "root", _equal("root", checkpoint.root.hex(), edge.root().hex())


def _read_leaves(folder: Path, start: int, size: int) -> list[bytes]:
    leaves: list[bytes] = []
    for number in range(start // WIDTH, min(start // WIDTH + _BUNDLES, -(-size // WIDTH))):
        path = tile_path(ENTRIES, number, width_at(ENTRIES, number, size))
        try:
            leaves += split_bundle(_tile(folder, path))
        except ValueError as error:
            raise _WrongError("tiles", f"{path}: {error}") from error
    if len(leaves) != min(_BUNDLES * WIDTH, size - start):
        raise _WrongError("tiles", f"entries after {start} are not as many as they must be")
    return leaves


def _tile(folder: Path, path: str) -> bytes:
    try:
        return read_tile(folder, *parse_path(path))
    except NotFound as error:
        raise _WrongError("tiles", f"{path} is missing") from error


def _read(data: bytes) -> tuple[dict[str, Any], list[bytes], dict[str, Any]]:
    """A receipt whose members all have their types, its proof, and what its leaf says."""
    try:
        document = orjson.loads(data)
        _check_shape(document)
        content = orjson.loads(document["leaf"])
        if not isinstance(content, dict) or canonical(content) != document["leaf"].encode():
            raise ValueError("its leaf is not canonical JSON (RFC 8785)")  # noqa: TRY301
        return document, [unbase64(each) for each in document["proof"]], content
    except (ValueError, RecursionError) as error:
        raise _WrongError("form", f"this is no receipt: {error}") from error


def _check_shape(document: Any) -> None:
    """Raise ``ValueError`` unless every member is there, no other is, and each has its type."""
    if not isinstance(document, dict) or document.keys() != _SHAPE.keys():
        raise ValueError(f"its members must be {', '.join(_SHAPE)}")
    for name, kind in _SHAPE.items():
        if type(document[name]) is not kind:
            raise ValueError(f"{name} must be {kind.__name__}")
    if document["type"] != TYPE:
        raise ValueError(f"its type is {document['type']}, expected {TYPE}")
    if not all(isinstance(each, str) for each in document["proof"]):
        raise ValueError("proof must be strings")
    for each in document["disclosures"]:
        if not isinstance(each, dict) or each.keys() != _DISCLOSURE:
            raise ValueError(f"a disclosure has the members {', '.join(sorted(_DISCLOSURE))}")
        if not all(isinstance(value, str) for value in each.values()):
            raise ValueError("a disclosure is of strings")
        if bytes.fromhex(each["salt"]).hex() != each["salt"]:
            raise ValueError("a salt is lower-case hexadecimal")


def _signed(note: bytes, keys: list[VerifierKey]) -> tuple[Checkpoint, str]:
    try:
        text, signed = open_note(note, keys)
        checkpoint = parse_checkpoint(text)
    except NoteError as error:
        raise _WrongError("signature", str(error)) from error
    for key in signed:
        _equal("signature", checkpoint.origin, key.name)
    by = ", ".join(f"{key.name} ({key.algorithm}, {key.id.hex()})" for key in signed)
    others = len(split_note(note)[1]) - len(signed)
    unread = f"; {others} more by keys that were not given" if others else ""
    return checkpoint, f"the checkpoint of {checkpoint.size} leaves is signed by {by}{unread}"


def _equal(name: str, expected: str, got: str) -> str:
    said = f"expected {expected}, got {got}"
    if not hmac.compare_digest(expected.encode(), got.encode()):
        raise _WrongError(name, said)
    return said
