"""The node's own secret, from which other secrets are made so that none need be stored."""

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path

_BYTES = 32
_NAME = "secret.key"


def node_secret(folder: Path) -> bytes:
    """The secret in ``folder``, made on first use with mode 0600; raises ``OSError``."""
    path = folder / _NAME
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        fresh = folder / f"{_NAME}.{secrets.token_hex(8)}"
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(_BYTES))
        # A link is made only if there is none: of two processes at once, one secret holds.
        with suppress(FileExistsError):
            path.hardlink_to(fresh)
        fresh.unlink()
    return path.read_bytes()


def derived(secret: bytes, purpose: str) -> bytes:
    """A secret for one purpose: HMAC-SHA256 of its name under the node's."""
    return hmac.new(secret, purpose.encode(), hashlib.sha256).digest()
