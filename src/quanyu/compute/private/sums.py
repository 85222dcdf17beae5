"""Masked secure sums: several parties add vectors, and nobody sees another's.

Bonawitz et al. 2017, without its recovery: every two parties agree on a seed (X25519, RFC 7748;
HKDF-SHA-256, RFC 5869) from which both draw the same mask (ChaCha20, RFC 8439); one adds it, the
other takes it away, in the ring of integers modulo 2^64. What a party sends is uniform; only the
sum of all of them is the sum of the values, exactly.

A round holds three parties at least. When one of them falls silent the round fails and says who;
it starts anew with fresh keys, and what was sent before says nothing. All are taken to keep to the
protocol (semi-honest), and the gatherer to hand on keys as they are: one that swaps keys, or all
parties but one together, learn that one's values.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from numpy.typing import NDArray

from quanyu.kernel import Invalid

LEAST = 3
MOST_LENGTH = 1 << 20
KEY = 32
Vector = NDArray[np.uint64]
_INFO = b"quanyu secure sum v1\x00"


def public_key(secret: X25519PrivateKey) -> bytes:
    """What a party tells the others."""
    return secret.public_key().public_bytes_raw()


def masked(
    values: NDArray[np.int64],
    me: str,
    secret: X25519PrivateKey,
    keys: Mapping[str, bytes],
    round_: str,
) -> Vector:
    """What party ``me`` sends in a round: its values and a mask with every other party.

    ``keys`` are the public keys of all parties by their ids, its own among them. Raises
    :class:`Invalid` on ``keys`` for fewer than three, for one that is no key, or when its own is
    not the one that it made.
    """
    if (
        len(keys) < LEAST
        or keys.get(me) != public_key(secret)
        or len(set(keys.values())) < len(keys)
    ):
        raise Invalid(
            "a secure sum needs three parties at least, each with a key of its own",
            field="keys",
            mend="let more parties take part, or begin a new round",
        )
    said = np.asarray(values, np.int64).view(np.uint64).copy()
    for other, key in sorted(keys.items()):
        if other != me:
            mask = _mask(_seed(secret, key, round_, *sorted((me, other))), len(said))
            said = said + mask if me < other else said - mask
    return said


def gathered(vectors: Sequence[Vector]) -> NDArray[np.int64]:
    """The sum of the values once every party's vector is in; it wraps beyond 63 bits."""
    total = np.zeros(len(vectors[0]), np.uint64)
    for one in vectors:
        total += one
    return total.view(np.int64)


def to_integers(values: Sequence[float], decimals: int, parties: int) -> NDArray[np.int64]:
    """Values as integers of that many decimals; raises :class:`Invalid` on ``values`` for what is
    not finite, or so large that the sum of ``parties`` of them could wrap."""
    scaled = np.rint(np.asarray(values, float) * 10.0**decimals)
    if not np.isfinite(scaled).all() or (np.abs(scaled) >= 2.0**62 / max(parties, 1)).any():
        raise Invalid(
            "a value is not finite, or too large to be added",
            field="values",
            mend="give fewer decimals",
        )
    return scaled.astype(np.int64)


def to_vector(data: bytes, length: int) -> Vector:
    """A masked vector out of bytes (little-endian); raises :class:`Invalid` on ``masked``."""
    if len(data) != 8 * length:
        raise Invalid(
            "the vector has not the length of this round: {length}",
            field="masked",
            mend="send 8 bytes for each value",
            length=length,
        )
    return np.frombuffer(data, "<u8").astype(np.uint64)


def _seed(secret: X25519PrivateKey, key: bytes, round_: str, one: str, two: str) -> bytes:
    try:
        shared = secret.exchange(X25519PublicKey.from_public_bytes(key))
    except (ValueError, InvalidKey) as error:
        raise Invalid(
            "a party's key is no key of X25519", field="keys", mend="begin a new round"
        ) from error
    info = _INFO + b"\x00".join(text.encode() for text in (round_, one, two))
    return HKDF(SHA256(), 32, salt=None, info=info).derive(shared)


def _mask(seed: bytes, length: int) -> Vector:
    """The key stream of ChaCha20 under a seed that serves once, so its nonce may be nought."""
    stream = Cipher(algorithms.ChaCha20(seed, bytes(16)), mode=None).encryptor()
    return np.frombuffer(stream.update(bytes(8 * length)), "<u8").astype(np.uint64)
