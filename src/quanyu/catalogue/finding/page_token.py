"""Tokens of pages: where the last page ended, and of which search, so that they cannot be mixed."""

import base64
import binascii
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeAlias

import orjson

from quanyu.catalogue.model import Search
from quanyu.kernel import Invalid, sha256_hex

Key: TypeAlias = float | datetime | bytes


def write_token(search: Search, key: Key, number: int) -> str:
    """The token of the page after the entry with that sort key and number."""
    data = orjson.dumps([_fingerprint(search), _plain(key), number])
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def read_token(search: Search, token: str, kind: type[Key]) -> tuple[Key, int]:
    """Sort key and number of the entry that the page before ended with.

    Raises :class:`Invalid` on ``after`` when the token was not made for this search.
    """
    try:
        data = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        fingerprint, key, number = orjson.loads(data)
        if fingerprint == _fingerprint(search) and type(number) is int and 0 < number < 2**63:
            return _typed(key, kind), number
    except (binascii.Error, ValueError, TypeError):
        pass
    raise Invalid(
        "this page token is not of this search",
        field="after",
        mend="begin with the first page again",
    )


def _fingerprint(search: Search) -> str:
    asked = {
        name: sorted(value) if isinstance(value, frozenset) else value
        for name, value in asdict(search).items()
        if name not in {"after", "limit", "facets"}
    }
    return sha256_hex(orjson.dumps(asked))[:16]


def _plain(key: Key) -> Any:
    if isinstance(key, datetime):
        return key.isoformat()
    return key.hex() if isinstance(key, bytes) else key


def _typed(key: Any, kind: type[Key]) -> Key:
    if kind is datetime:
        moment = datetime.fromisoformat(key)
        if moment.tzinfo is None:
            raise ValueError("naive")
        return moment
    return bytes.fromhex(key) if kind is bytes else float(key)
