"""Opaque secrets of sessions and tokens. Only their SHA-256 is ever stored.

They hold more than 200 random bits, so a plain hash is enough: there is nothing to guess.
"""

import hashlib
import hmac
import re
import secrets
import string
import zlib

from quanyu.kernel import Refused, sha256_hex

TOKEN_PREFIX = "qy_"  # noqa: S105 -- the public mark that secret scanners look for
_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM = 36
_CHECK = 6
_TOKEN = re.compile(rf"qy_([0-9A-Za-z]{{{_RANDOM}}})([0-9A-Za-z]{{{_CHECK}}})")


def new_session_secret() -> str:
    """256 random bits for a cookie."""
    return secrets.token_urlsafe(32)


def new_token_secret() -> str:
    """``qy_``, 36 random characters (214 bits), 6 of CRC-32: scanners can tell one from chance."""
    body = "".join(secrets.choice(_DIGITS) for _ in range(_RANDOM))
    return f"{TOKEN_PREFIX}{body}{_checksum(body)}"


def token_well_formed(text: str) -> bool:
    """Whether ``text`` could be a token of ours; what is not needs no look into the store."""
    match = _TOKEN.fullmatch(text)
    return match is not None and _checksum(match[1]) == match[2]


def secret_hash(secret: str) -> str:
    """What is stored of a secret."""
    return sha256_hex(secret.encode("utf-8", "surrogatepass"))


def csrf_token(secret: str) -> str:
    """The token that a form of this session must carry (HMAC-SHA256 under the session secret)."""
    return hmac.new(secret.encode(), b"quanyu csrf", hashlib.sha256).hexdigest()


def check_csrf(secret: str, token: str | None) -> None:
    """Raise :class:`Refused` (rule ``csrf``) unless ``token`` belongs to the session."""
    if token is None or not hmac.compare_digest(
        csrf_token(secret).encode(), token.encode("utf-8", "surrogatepass")
    ):
        raise Refused(
            "this form does not belong to your session",
            field="csrf",
            mend="load the page again and send the form once more",
            rule="csrf",
        )


def _checksum(body: str) -> str:
    number = zlib.crc32(body.encode())
    digits = ""
    for _ in range(_CHECK):
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits
