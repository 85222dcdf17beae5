"""Secrets of others that this node must say again: kept sealed under the node's own secret."""

import base64

from cryptography.fernet import Fernet, InvalidToken

from quanyu.kernel import Unavailable
from quanyu.parties import derived


def seal(key: bytes, secret: str) -> str:
    """``secret`` so that only this node can read it (Fernet: AES-128-CBC with HMAC-SHA256)."""
    return _box(key).encrypt(secret.encode()).decode()


def unseal(key: bytes, sealed: str) -> str:
    """What was sealed; :class:`Unavailable` when the node's secret is not the one it was then."""
    try:
        return _box(key).decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise Unavailable(
            "a secret kept here cannot be read: the node's own secret has changed",
            mend="give the peer's token again: quanyu peers token",
        ) from error


def _box(key: bytes) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(derived(key, "federation")))
