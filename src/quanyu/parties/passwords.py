"""Passwords: argon2id (RFC 9106), Unicode made equal first, any length from 8 to 256."""

import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from quanyu.kernel import Invalid

SHORTEST, LONGEST = 8, 256
_LONGEST_TYPED = 4 * LONGEST  # code points before they are composed

NO_PASSWORD = "!"  # noqa: S105 - no hash at all, so that nothing matches it
"""What stands in place of a hash where the member has no password."""

HASHER = PasswordHasher()
"""argon2-cffi's defaults (RFC 9106, low-memory profile: 64 MiB, three passes)."""


def hash_password(password: str, hasher: PasswordHasher = HASHER) -> str:
    """An encoded argon2id hash; raises :class:`Invalid` when the password is too short or long."""
    text = _normal(password)
    if not SHORTEST <= len(text) <= LONGEST or len(password) > _LONGEST_TYPED:
        raise Invalid(
            "a password has {shortest} to {longest} characters",
            field="password",
            mend="choose a longer one; several words together are good",
            shortest=SHORTEST,
            longest=LONGEST,
        )
    return hasher.hash(_bytes(text))


def verify_password(stored: str | None, password: str, hasher: PasswordHasher = HASHER) -> bool:
    """Whether ``password`` is the one behind ``stored``.

    Without a stored hash (an unknown login) it works as long as it would with one, and says no.
    """
    text = _bytes(_normal(password))
    if stored is None or stored == NO_PASSWORD:
        hasher.hash(text)
        return False
    try:
        return hasher.verify(stored, text)
    except (VerifyMismatchError, InvalidHashError):
        return False


def outdated(stored: str, hasher: PasswordHasher = HASHER) -> bool:
    """Whether ``stored`` was made with other parameters than ``hasher`` has now."""
    return hasher.check_needs_rehash(stored)


def _normal(password: str) -> str:
    # The same key strokes give different code points on different systems (NIST SP 800-63B).
    return unicodedata.normalize("NFKC", password[:_LONGEST_TYPED])


def _bytes(text: str) -> bytes:
    # A JSON body may hold lone surrogates; they are no reason to fail.
    return text.encode("utf-8", "surrogatepass")
