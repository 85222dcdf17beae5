"""SM2 signatures with SM3 (GB/T 32918.2, GM/T 0003.2), by the kept library ``gmssl_pyx``.

Signatures are ``r || s``, 64 bytes, and public keys ``x || y``, 64 bytes: one encoding each, so
that no byte of a signed note can change unnoticed. The signer's identity in Z_A is the default
``1234567812345678`` of GM/T 0009.
"""

import os
from pathlib import Path

import gmssl_pyx
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from quanyu.kernel import Conflict

PUBLIC_BYTES = 64
_HALF = 32


class Sm2Signer:
    """Signs with one SM2 key; ``public`` is ``x || y``."""

    algorithm = "sm2"

    def __init__(self, private: bytes, public: bytes) -> None:
        self._private = private
        self._public = gmssl_pyx.normalize_sm2_public_key(public)

    @property
    def public(self) -> bytes:
        """The 64 bytes of the public key."""
        return bytes(self._public)

    def sign(self, message: bytes) -> bytes:
        """A 64-byte signature over SM3(Z_A || message)."""
        r, s = decode_dss_signature(gmssl_pyx.sm2_sign(self._private, self._public, message))
        return r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big")


def verify_sm2(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether ``signature`` over ``message`` is that key's; a malformed key is a plain no."""
    if len(signature) != 2 * _HALF:
        return False
    r, s = (int.from_bytes(half, "big") for half in (signature[:_HALF], signature[_HALF:]))
    try:
        key = gmssl_pyx.normalize_sm2_public_key(public)
        return bool(gmssl_pyx.sm2_verify(key, message, encode_dss_signature(r, s)))
    except (gmssl_pyx.InvalidValueError, gmssl_pyx.GmsslInnerError):
        return False


def load_or_create_sm2(path: Path) -> Sm2Signer:
    """The node's SM2 key at ``path`` (private and public in hexadecimal, mode 0600).

    Raises :class:`Conflict` when the file holds no such key pair.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        public, private = gmssl_pyx.sm2_key_generate()
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{private.hex()}\n{public.hex()}\n")
    try:
        private, public = (bytes.fromhex(line) for line in path.read_text().split())
        signer = Sm2Signer(private, public)
        works = verify_sm2(public, b"quanyu", signer.sign(b"quanyu"))
    except (ValueError, gmssl_pyx.InvalidValueError, gmssl_pyx.GmsslInnerError) as error:
        raise Conflict("{path} holds no SM2 key pair", path=str(path)) from error
    if not works:
        raise Conflict("{path} holds no SM2 key pair", path=str(path))
    return signer
