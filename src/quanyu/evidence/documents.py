"""Signed documents: a document with the receipt of the leaf that holds its digest.

``{"type": "quanyu-signed-1", "document": …, "receipt": …}``: the SHA-256 of the document's RFC 8785
bytes is the member ``document`` of the leaf, so that whoever holds the node's public key can check
the document without the node.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import orjson

from quanyu.evidence.judging import NOBODY, Others, Step, Verification
from quanyu.evidence.verify import verify_receipt
from quanyu.kernel import canonical, sha256_hex

SIGNED = "quanyu-signed-1"


def signed_document(document: bytes, receipt: bytes) -> bytes:
    """A document (canonical bytes) together with its receipt, as one file."""
    return (
        b'{"type":"' + SIGNED.encode() + b'","document":' + document + b',"receipt":' + receipt
    ) + b"}"


def verify_document(
    data: bytes, public_key: str | Iterable[str], others: Others = NOBODY
) -> Verification:
    """Check a signed document, or a plain receipt, offline with nothing but verifier keys.

    Raises :class:`~quanyu.kernel.Invalid` for a malformed key; everything that is wrong with the
    file is a step that does not hold.
    """
    found = _parsed(data)
    if found is None:
        return verify_receipt(data, public_key, others)
    verification = verify_receipt(orjson.dumps(found["receipt"]), public_key, others)
    if not verification.ok or verification.leaf is None:
        return verification
    step = _digest_step(found["document"], str(verification.leaf.get("document")))
    return replace(verification, ok=step.ok, steps=(*verification.steps, step))


def _parsed(data: bytes) -> dict[str, Any] | None:
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(found, dict) or found.get("type") != SIGNED:
        return None
    return found if found.keys() == {"type", "document", "receipt"} else None


def _digest_step(document: Any, expected: str) -> Step:
    try:
        got = sha256_hex(canonical(document)) if isinstance(document, dict) else "no document"
    except (ValueError, RecursionError) as error:
        return Step("document", False, f"this has no canonical form: {error}")
    return Step("document", got == expected, f"expected {expected}, got {got}")
