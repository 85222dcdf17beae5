"""Paging tokens: a place in the answers to one query of one version, opaque to the caller."""

import base64
import binascii
import hashlib

import orjson

from quanyu.kernel import Invalid
from quanyu.spacetime.model import Query, Version

_DIGEST = 8


def digest_of(version: Version, restriction_key: str, query: Query) -> bytes:
    """What a token is bound to: all of a query but its page, under one restriction."""
    asked = [
        query.bbox, query.bbox_crs, query.interval, query.filter, query.filter_crs,
        query.properties, query.sortby, query.crs,
    ]  # fmt: skip
    document = [version.dataset, version.number, restriction_key, asked]
    data = orjson.dumps(document, option=orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY)
    return hashlib.blake2b(data, digest_size=_DIGEST).digest()


def write_token(version: int, digest: bytes, place: int) -> str:
    """A token; ``place`` is the first row of the page it leads to."""
    data = digest + version.to_bytes(4, "big") + place.to_bytes(6, "big")
    return base64.urlsafe_b64encode(data).decode()


def read_token(token: str, version: int, digest: bytes) -> int:
    """The place that a token names; raises ``Invalid`` (field ``after``) for another query's."""
    data = _data(token)
    if data is None:
        raise Invalid(
            "this is no page of an answer",
            field="after",
            mend="follow the link “next” of the page before, unchanged",
        )
    if data[:_DIGEST] != digest or int.from_bytes(data[_DIGEST : _DIGEST + 4], "big") != version:
        raise Invalid(
            "this page belongs to another query, version or agreement",
            field="after",
            mend="begin again without it, or follow the link “next” unchanged",
        )
    return int.from_bytes(data[_DIGEST + 4 :], "big")


def version_of(token: str) -> int | None:
    """The version that a token belongs to, so that paging goes on in it after a newer one came."""
    data = _data(token)
    return None if data is None else int.from_bytes(data[_DIGEST : _DIGEST + 4], "big")


def _data(token: str) -> bytes | None:
    try:
        data = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if len(data) == _DIGEST + 10 else None
