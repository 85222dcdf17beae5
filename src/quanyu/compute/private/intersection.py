"""Private set intersection of two parties: Diffie–Hellman over ristretto255, semi-honest.

Meadows 1986, Huberman, Franklin and Hogg 1999: whoever asks sends ``H(x)^a`` for each of its
identifiers; whoever answers gives ``H(x)^ab`` and, shuffled, ``H(y)^b``; the asker raises those to
``a`` and compares. ``H`` maps SHA-512 of a normalised identifier to the group (RFC 9496, 4.3.4), in
which Diffie–Hellman is taken to be hard. The asker learns which of its identifiers the other has
(with ``cardinality`` only how many, as the answers then come shuffled) and the size of the other's
set; the answerer learns the size of the asker's set and nothing else.

Both are taken to keep to the protocol (semi-honest). Nothing proves that a set is a real one: an
asker may send identifiers that it made up, within the quota of its agreement.
"""

import hashlib
import os
import secrets
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from quanyu.kernel import Invalid, TooLarge

POINT = 32
_HASH = hashlib.sha512
_DOMAIN = b"quanyu psi ristretto255 sha512 v1\x00"
_PARTS = 8
Points = NDArray[np.uint8]
"""Group elements, ``(n, 32)`` bytes (RFC 9496 encoding)."""


@dataclass(frozen=True, slots=True)
class Blinded:
    """What an asker sends (``points``), and keeps: its ``secret``, and which identifier each is."""

    secret: bytes
    points: Points
    identifiers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """What an answerer gives: the asker's points raised again, and its own set, blinded."""

    again: Points
    own: Points


def normalised(values: Iterable[object]) -> tuple[str, ...]:
    """Identifiers in the form in which both sides compare them, each once, nothing left empty.

    Unicode NFKC (full-width digits and letters become half-width), case folded, all white space and
    the hyphens and dots between digits left out: ``１３８ 0013-8000`` and ``13800138000`` are one.
    """
    found = dict.fromkeys(_form(str(value)) for value in values if value is not None)
    found.pop("", None)
    return tuple(found)


_LEFT_OUT = str.maketrans("", "", "-.‐‑‒–—·")


def _form(text: str) -> str:
    folded = "".join(unicodedata.normalize("NFKC", text).casefold().split())
    bare = folded.translate(_LEFT_OUT)
    return bare if bare.isdigit() or (bare[:-1].isdigit() and bare[-1:] == "x") else folded


def blind_set(identifiers: Sequence[str]) -> Blinded:
    """An asker's first and only message. The order of its points is random."""
    order = list(identifiers)
    secrets.SystemRandom().shuffle(order)
    secret = _scalar()
    return Blinded(secret, _parallel(partial(_hashed, secret), order), tuple(order))


def answer_set(points: Points, identifiers: Sequence[str], *, cardinality: bool) -> Reply:
    """What the other side gives; raises :class:`Invalid` on ``points`` for what are no points.

    A secret serves one answer: two answers cannot be compared with one another.
    """
    secret = _scalar()
    again = _parallel(partial(_raised, secret), points)
    own = _parallel(partial(_hashed, secret), list(identifiers))
    return Reply(_shuffled(again) if cardinality else again, _shuffled(own))


def common_of(mine: Blinded, reply: Reply) -> tuple[str, ...]:
    """Identifiers of the asker that the other side has too, sorted.

    Raises :class:`Invalid` when the reply is not one to what was sent.
    """
    return tuple(sorted(mine.identifiers[at] for at in np.flatnonzero(_in_both(mine, reply))))


def common_count(mine: Blinded, reply: Reply) -> int:
    """How many identifiers both sides have."""
    return int(np.count_nonzero(_in_both(mine, reply)))


def to_points(data: bytes, most: int, field: str = "points") -> Points:
    """Points out of bytes; raises :class:`Invalid` and, for more than ``most``,
    :class:`TooLarge`."""
    if len(data) % POINT:
        raise Invalid("the points are not of 32 bytes each", field=field, mend="send whole points")
    if len(data) > most * POINT:
        raise TooLarge(
            "this node intersects at most {most} identifiers",
            field=field,
            mend="send fewer at a time",
            most=most,
        )
    return np.frombuffer(data, np.uint8).reshape(-1, POINT)


def _in_both(mine: Blinded, reply: Reply) -> NDArray[np.bool_]:
    if reply.again.shape != mine.points.shape:
        raise Invalid(
            "the other side answered about another number of identifiers",
            field="points",
            mend="ask again",
        )
    theirs = _parallel(partial(_raised, mine.secret), reply.own)
    return np.isin(_keys(reply.again), _keys(theirs))


def _keys(points: Points) -> NDArray[np.void]:
    return np.ascontiguousarray(points).view(np.dtype((np.void, POINT))).ravel()


def _shuffled(points: Points) -> Points:
    """In an order that nobody can know: sorted, as the points are pseudo-random."""
    keys = [row.tobytes() for row in points]
    keys.sort()
    return np.frombuffer(b"".join(keys), np.uint8).reshape(-1, POINT)


def _scalar() -> bytes:
    import rbcl

    return bytes(rbcl.crypto_core_ristretto255_scalar_random())


def _hashed(secret: bytes, part: Sequence[str]) -> bytes:
    import rbcl

    hashed = rbcl.crypto_core_ristretto255_from_hash
    raised = rbcl.crypto_scalarmult_ristretto255
    return b"".join(
        raised(secret, hashed(_HASH(_DOMAIN + text.encode()).digest())) for text in part
    )


def _raised(secret: bytes, part: Points) -> bytes:
    import rbcl

    raised = rbcl.crypto_scalarmult_ristretto255
    data = part.tobytes()
    try:
        return b"".join(raised(secret, data[at : at + POINT]) for at in range(0, len(data), POINT))
    except (RuntimeError, TypeError, ValueError) as error:
        raise Invalid(
            "these are no points of ristretto255",
            field="points",
            mend="send what the protocol says (RFC 9496)",
        ) from error


def _parallel(work: Callable[..., bytes], items: Sequence[str] | Points) -> Points:
    """``work`` on parts of ``items``, by a thread for each core: libsodium runs without Python's
    lock."""
    size = max(1, -(-len(items) // _PARTS))
    parts = [items[at : at + size] for at in range(0, len(items), size)]
    with ThreadPoolExecutor(min(len(parts) or 1, os.cpu_count() or 1)) as pool:
        data = b"".join(pool.map(work, parts))
    return np.frombuffer(data, np.uint8).reshape(-1, POINT)
