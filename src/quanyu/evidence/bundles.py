"""Bundles: many leaves of the log with their proofs under one checkpoint, as members of a document.

``{"checkpoint": …, "leaves": [{"leaf": …, "index": …, "proof": […]}, …]}``: like receipts, with the
signed note once, cosigned by witnesses where it was, and with ``timestamp`` where there is one.
"""

import base64
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from quanyu.evidence import merkle
from quanyu.evidence.judging import (
    Others,
    WrongError,
    timestamp_said,
    trusted_by,
    witness_steps,
)
from quanyu.evidence.log import Log
from quanyu.evidence.note import (
    Checkpoint,
    NoteError,
    open_note,
    parse_checkpoint,
    parse_key,
    split_note,
    unbase64,
)
from quanyu.evidence.resting import checkpoint_over
from quanyu.kernel import canonical


class BundleError(ValueError):
    """A bundle that does not hold; ``place`` says where."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__(why)
        self.place = place


@dataclass(frozen=True, slots=True)
class Opened:
    """A leaf that is in the log: where it stands, what it says, and its RFC 6962 hash."""

    index: int
    content: dict[str, Any]
    digest: bytes


def bundle(log: Log, names: Sequence[str]) -> dict[str, Any] | None:
    """Leaves by their ids, in this order; ``None`` while one of them is not in the log yet."""
    places = log.index.positions(names)
    if any(name not in places for name in names):
        return None
    note, timestamp = checkpoint_over(log, max(places.values(), default=0))
    size = parse_checkpoint(split_note(note)[0]).size
    leaves = [
        {
            "leaf": log.leaf(places[name]).decode(),
            "index": places[name],
            "proof": [base64.b64encode(one).decode() for one in log.inclusion(places[name], size)],
        }
        for name in names
    ]
    return {"checkpoint": note.decode(), "leaves": leaves, **timestamp}


def open_bundle(said: Any, public_key: str | Iterable[str]) -> tuple[Checkpoint, dict[str, Opened]]:
    """The signed checkpoint, and the leaves by their ids; offline, with verifier keys only.

    Raises :class:`BundleError` that names the place, :class:`~quanyu.kernel.Invalid` for a
    malformed key.
    """
    texts = [public_key] if isinstance(public_key, str) else public_key
    keys = [parse_key(text) for text in texts]
    if not isinstance(said, dict) or said.keys() - {"timestamp"} != {"checkpoint", "leaves"}:
        raise BundleError("evidence", "its members must be checkpoint, leaves")
    if not isinstance(said.get("timestamp", ""), str):
        raise BundleError("evidence", "timestamp is a text")
    if not isinstance(said["checkpoint"], str) or not isinstance(said["leaves"], list):
        raise BundleError("evidence", "checkpoint is a text and leaves are a list")
    try:
        text, signed = open_note(said["checkpoint"].encode(), keys)
        checkpoint = parse_checkpoint(text)
    except (NoteError, ValueError) as error:
        raise BundleError("checkpoint", str(error)) from error
    if any(key.name != checkpoint.origin for key in signed):
        raise BundleError("checkpoint", "it is signed by the key of another log")
    opened: dict[str, Opened] = {}
    for place, one in enumerate(said["leaves"]):
        name, leaf = _open(f"leaf {place}", one, checkpoint)
        if name in opened:
            raise BundleError(f"leaf {place}", f"{name} is there twice")
        opened[name] = leaf
    return checkpoint, opened


def seen_by(
    said: dict[str, Any], public_key: str | Iterable[str], others: Others
) -> Iterator[tuple[str, str]]:
    """What others say of the checkpoint of a bundle that was opened, judged as of a receipt: the
    steps that hold.

    Raises :class:`BundleError` for the first that does not, :class:`~quanyu.kernel.Invalid` for
    keys and a quorum that are none.
    """
    trusted, note = trusted_by(public_key, others), said["checkpoint"].encode()
    try:
        for step in witness_steps(note, trusted):
            if isinstance(step, tuple):
                yield step
        if "timestamp" in said:
            yield "timestamp", timestamp_said(said["timestamp"], note, trusted)
    except WrongError as wrong:
        raise BundleError(*wrong.args) from wrong


def _open(place: str, one: Any, checkpoint: Checkpoint) -> tuple[str, Opened]:
    try:
        if one.keys() != {"leaf", "index", "proof"} or type(one["index"]) is not int:
            raise ValueError("its members must be leaf, index, proof")  # noqa: TRY301
        data = one["leaf"].encode()
        content = orjson.loads(data)
        name = content["id"]
        if canonical(content) != data or not isinstance(name, str):
            raise ValueError("it is not canonical JSON (RFC 8785)")  # noqa: TRY301
        proof = [unbase64(each) for each in one["proof"]]
        digest = merkle.leaf_hash(data)
        merkle.verify_inclusion(one["index"], checkpoint.size, digest, proof, checkpoint.root)
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError) as error:
        raise BundleError(f"{place} ({_named(one)})", str(error)) from error
    return name, Opened(one["index"], content, digest)


def _named(one: Any) -> str:
    """What a leaf seems to be of, for people who look for it."""
    try:
        return str(orjson.loads(one["leaf"])["id"])[:80]
    except (ValueError, KeyError, TypeError):
        return "unreadable"
