"""Hashes, canonical JSON and signatures: Ed25519 by default, SM2 with SM3 by setting."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import orjson
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SALT_BYTES = 16


def canonical(document: Mapping[str, Any]) -> bytes:
    """RFC 8785 (JCS) bytes of a document; raises ``ValueError`` for what JSON cannot hold."""
    return rfc8785.dumps(dict(document))


def flat_canonical(document: Mapping[str, str | int]) -> bytes:
    """RFC 8785 bytes of an object of ASCII names with strings and integers, ten times faster.

    For such objects sorted compact JSON *is* the canonical form (tested against ``rfc8785``).
    """
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


def sha256_hex(data: bytes) -> str:
    """SHA-256 in lower-case hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def new_salt() -> str:
    """128 random bits in hexadecimal."""
    return secrets.token_hex(SALT_BYTES)


def blind(value: str, salt: str) -> str:
    """A salted commitment to ``value``: HMAC-SHA256 under the salt, in hexadecimal.

    Whoever is given value and salt can check it; nobody can find the value from it.
    """
    return hmac.new(bytes.fromhex(salt), value.encode(), hashlib.sha256).hexdigest()


class Signer(Protocol):
    """Signs bytes with one named key. ``algorithm`` is ``ed25519`` or ``sm2``."""

    @property
    def algorithm(self) -> str: ...

    @property
    def public(self) -> bytes: ...

    def sign(self, message: bytes) -> bytes: ...


class Ed25519Signer:
    """RFC 8032 signatures; ``public`` is the 32-byte key."""

    algorithm = "ed25519"

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private

    @property
    def public(self) -> bytes:
        """The 32 bytes of the public key."""
        return self._private.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """A 64-byte signature."""
        return self._private.sign(message)


def verify_ed25519(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether ``signature`` over ``message`` is that key's; a malformed key is a plain no."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def load_or_create_ed25519(path: Path) -> Ed25519Signer:
    """The node's signing key at ``path`` (PEM, mode 0600), made on first use."""
    if path.exists():
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError(f"{path} holds no Ed25519 key")
        return Ed25519Signer(key)
    path.parent.mkdir(parents=True, exist_ok=True)
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.touch(mode=0o600)
    path.write_bytes(pem)
    return Ed25519Signer(key)
