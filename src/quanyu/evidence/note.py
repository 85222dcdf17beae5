"""Signed notes and checkpoints (C2SP signed-note, tlog-checkpoint, tlog-cosignature).

A note is text, an empty line, and lines ``— <name> <base64(key id || signature)>``. The key id is
SHA-256(name || 0x0A || type || public key)[:4]. Types: 0x01 is Ed25519; 0x04 is a witness's, which
is Ed25519 over the text and a time; SM2 with SM3 has no assigned byte, so it is 0xff followed by
its object identifier 1.2.156.10197.1.501, as the specification recommends for such types.

A verifier key is written ``name+<key id in hexadecimal>+base64(type || public key)``.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from quanyu.evidence.merkle import HASH_BYTES
from quanyu.evidence.sm2 import PUBLIC_BYTES as SM2_PUBLIC_BYTES
from quanyu.evidence.sm2 import verify_sm2
from quanyu.kernel import Invalid, Signer, verify_ed25519

COSIGNATURE = "cosignature"
_TYPES = {"ed25519": b"\x01", COSIGNATURE: b"\x04", "sm2": b"\xff1.2.156.10197.1.501"}
_PUBLIC_BYTES = {"ed25519": 32, COSIGNATURE: 32, "sm2": SM2_PUBLIC_BYTES}
_TIME_BYTES = 8
_MOST_SIGNATURES = 64
_NAME = re.compile(r"[^\s+]+")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


class NoteError(ValueError):
    """A note or a checkpoint is malformed or not signed by a known key."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with the name it signs under.

    ``algorithm`` is ``ed25519``, ``sm2`` or, for a witness, ``cosignature``.
    """

    name: str
    algorithm: str
    public: bytes

    @property
    def id(self) -> bytes:
        """The four bytes that name this key in a note."""
        data = self.name.encode() + b"\n" + _TYPES[self.algorithm] + self.public
        return hashlib.sha256(data).digest()[:4]

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether ``signature`` over ``message`` is this key's."""
        return _VERIFY[self.algorithm](self.public, message, signature)

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{_b64(_TYPES[self.algorithm] + self.public)}"


def cosign(text: str, name: str, signer: Signer, at: datetime) -> str:
    """The line by which a witness says that at that moment ``text`` was the newest it had seen."""
    key = VerifierKey(name, COSIGNATURE, signer.public)
    seconds = int(at.timestamp())
    signature = signer.sign(_timed(text.encode(), seconds))
    return signature_line(name, key.id, seconds.to_bytes(_TIME_BYTES, "big") + signature)


def cosigned_at(signature: bytes) -> datetime:
    """The moment that a cosignature (without its key id) names."""
    return datetime.fromtimestamp(int.from_bytes(signature[:_TIME_BYTES], "big"), UTC)


def _verify_cosignature(public: bytes, message: bytes, signature: bytes) -> bool:
    seconds = int.from_bytes(signature[:_TIME_BYTES], "big")
    return verify_ed25519(public, _timed(message, seconds), signature[_TIME_BYTES:])


def _timed(message: bytes, seconds: int) -> bytes:
    return b"cosignature/v1\ntime %d\n%b" % (seconds, message)


_VERIFY = {"ed25519": verify_ed25519, COSIGNATURE: _verify_cosignature, "sm2": verify_sm2}


def parse_key(text: str) -> VerifierKey:
    """Read a verifier key; raises :class:`Invalid` when it is malformed or its id is another's."""
    mend = "a verifier key is name+hash+base64, as /log/key gives it"
    parts = text.strip().split("+", 2)
    if len(parts) != 3 or not _NAME.fullmatch(parts[0]):
        raise Invalid("this is no verifier key", field="key", mend=mend)
    name, key_id, encoded = parts
    try:
        data = unbase64(encoded)
    except NoteError as error:
        raise Invalid("this is no verifier key", field="key", mend=mend) from error
    for algorithm, prefix in _TYPES.items():
        if data.startswith(prefix) and len(data) == len(prefix) + _PUBLIC_BYTES[algorithm]:
            key = VerifierKey(name, algorithm, data.removeprefix(prefix))
            if key.id.hex() != key_id:
                raise Invalid("the verifier key does not match its own hash", field="key")
            return key
    raise Invalid("the verifier key is of a type unknown here", field="key", mend=mend)


def sign_note(text: str, name: str, signers: Sequence[Signer]) -> bytes:
    """``text`` signed by every signer under one name; ``text`` ends in a newline."""
    lines = []
    for signer in signers:
        key = VerifierKey(name, signer.algorithm, signer.public)
        lines.append(signature_line(name, key.id, signer.sign(text.encode())))
    return f"{text}\n{''.join(lines)}".encode()


def signature_line(name: str, key_id: bytes, signature: bytes) -> str:
    """A line of signature as it stands in a note."""
    return f"— {name} {_b64(key_id + signature)}\n"


def open_note(note: bytes, keys: Iterable[VerifierKey]) -> tuple[str, list[VerifierKey]]:
    """The text of a note and the known keys that signed it.

    Raises :class:`NoteError` when it is malformed, when no known key signed it, or when the
    signature of a known key is wrong.
    """
    text, lines = split_note(note)
    known = {(key.name, key.id): key for key in keys}
    signed: list[VerifierKey] = []
    for name, key_id, signature in lines:
        key = known.get((name, key_id))
        if key is None:
            continue
        if not key.verify(text.encode(), signature):
            raise NoteError(f"the signature of {key.name} ({key.algorithm}) is wrong")
        signed.append(key)
    if not signed:
        raise NoteError("no known key signed this note")
    return text, signed


def split_note(note: bytes) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """Text and signatures ``(name, key id, signature)`` of a note, unverified."""
    try:
        whole = note.decode()
    except UnicodeDecodeError as error:
        raise NoteError("a note is UTF-8") from error
    if any(ord(letter) < 32 and letter != "\n" for letter in whole):
        raise NoteError("a note holds no control characters")
    body, gap, tail = whole.rpartition("\n\n")
    if not gap or not tail.endswith("\n"):
        raise NoteError("a note is text, an empty line and signatures")
    rows = tail[:-1].split("\n")
    if len(rows) > _MOST_SIGNATURES:
        raise NoteError("a note with that many signatures is not read")
    signatures = []
    for row in rows:
        parts = row.split(" ")
        if len(parts) != 3 or parts[0] != "—" or not _NAME.fullmatch(parts[1]):
            raise NoteError("a line of signature is malformed")
        data = unbase64(parts[2])
        if len(data) < 5:
            raise NoteError("a signature is too short")
        signatures.append((parts[1], data[:4], data[4:]))
    return body + "\n", signatures


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself: its origin, how many leaves it has, and their root hash."""

    origin: str
    size: int
    root: bytes

    def __str__(self) -> str:
        return f"{self.origin}\n{self.size}\n{_b64(self.root)}\n"


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the text of a checkpoint; lines after the third are extensions and are passed over."""
    lines = text.split("\n")
    if len(lines) < 4 or not lines[0] or not _SIZE.fullmatch(lines[1]):
        raise NoteError("a checkpoint is origin, size and root, a line each")
    root = unbase64(lines[2])
    if len(root) != HASH_BYTES:
        raise NoteError(f"a root hash has {HASH_BYTES} bytes")
    return Checkpoint(lines[0], int(lines[1]), root)


def unbase64(text: str) -> bytes:
    """Strict base64 (RFC 4648 section 4): only the one canonical encoding is read."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteError("this is no base64") from error
    if _b64(data) != text:
        raise NoteError("this base64 is not canonical")
    return data


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
