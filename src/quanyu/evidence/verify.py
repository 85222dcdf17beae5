"""Checking a receipt offline, without trust in the node that gave it."""

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from quanyu.evidence import merkle
from quanyu.evidence.judging import (
    NOBODY,
    Found,
    Others,
    Trusted,
    Verification,
    WrongError,
    equal,
    judge,
    signed,
    timestamp_said,
    trusted_by,
    witness_steps,
)
from quanyu.evidence.note import unbase64
from quanyu.evidence.receipts import TYPE
from quanyu.kernel import blind, canonical

_SHAPE = {
    "type": str,
    "leaf": str,
    "index": int,
    "size": int,
    "proof": list,
    "checkpoint": str,
    "disclosures": list,
}
_OPTIONAL = {"timestamp": str}
_DISCLOSURE = {"field", "value", "salt"}


def verify_receipt(
    data: bytes, public_key: str | Iterable[str], others: Others = NOBODY
) -> Verification:
    """Check a receipt offline, with nothing but verifier keys (``name+hash+base64``).

    Raises :class:`~quanyu.kernel.Invalid` for a malformed key; everything that is wrong with the
    receipt is a step that does not hold.
    """
    return judge(_receipt_steps(data, trusted_by(public_key, others)))


def _receipt_steps(data: bytes, trusted: Trusted) -> "Iterator[Found]":
    document, proof, content = _read(data)
    yield "form", f"a receipt of {content.get('id', 'a leaf without id')}"
    note = document["checkpoint"].encode()
    checkpoint, said = signed(note, trusted.keys)
    yield "signature", said
    yield from witness_steps(note, trusted)
    if "timestamp" in document:
        yield "timestamp", timestamp_said(document["timestamp"], note, trusted)
    yield "size", equal("size", str(checkpoint.size), str(document["size"]))
    try:
        root = merkle.root_of_inclusion(
            document["index"],
            checkpoint.size,
            merkle.leaf_hash(document["leaf"].encode()),
            proof,
        )
    except merkle.ProofError as error:
        raise WrongError("inclusion", str(error)) from error
    yield "inclusion", equal("inclusion", checkpoint.root.hex(), root.hex())
    for each in document["disclosures"]:
        got = blind(each["value"], each["salt"])
        said = equal("disclosure", str(content.get(each["field"])), got)
        yield "disclosure", f"{each['field']} is {each['value']}: {said}"
    yield content


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
        raise WrongError("form", f"this is no receipt: {error}") from error


def _check_shape(document: Any) -> None:
    """Raise ``ValueError`` unless every member is there, no other is, and each has its type."""
    if not isinstance(document, dict) or document.keys() - _OPTIONAL.keys() != _SHAPE.keys():
        raise ValueError(f"its members must be {', '.join(_SHAPE)}")
    for name, kind in (_SHAPE | _OPTIONAL).items():
        if name in document and type(document[name]) is not kind:
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
