"""Having checkpoints cosigned by witnesses, and keeping the one that most of them have seen.

A log never waits for its witnesses: uses are sequenced and signed as ever, and what witnesses have
seen of it follows behind, as a checkpoint with their cosignatures beside its own. While witnesses
are away, a newer one that fewer cosigned stands beside that for an hour, and then in its place.
"""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from quanyu.evidence.log import Log
from quanyu.evidence.note import (
    COSIGNATURE,
    NoteError,
    VerifierKey,
    cosigned_at,
    open_note,
    parse_checkpoint,
    parse_key,
    signature_line,
    split_note,
)
from quanyu.evidence.tiles import write_durably
from quanyu.kernel import Answered, Invalid, Outbound, QuanyuError, Unavailable, ask, now

COSIGNED, BY_FEWER = "checkpoint.cosigned", "checkpoint.cosigned.by-fewer"
KEPT = timedelta(hours=1)
"""How long a checkpoint holds its place against newer ones that fewer witnesses cosigned."""
_OK, _BEHIND = 200, 409
_MOST_BYTES = 4096
_TIMEOUT = 10.0
_log = structlog.get_logger(__name__)

Ask = Callable[[str, bytes], Answered]
"""Posts bytes to a URL."""


@dataclass(frozen=True, slots=True)
class Cosigner:
    """A witness of this log: its verifier key, and the URL that ``/add-checkpoint`` follows."""

    key: VerifierKey
    url: str


@dataclass(frozen=True, slots=True)
class Cosignature:
    """That a witness had seen a checkpoint at a moment."""

    name: str
    at: datetime


def parse_cosigners(texts: Sequence[str]) -> tuple[Cosigner, ...]:
    """Cosigners from ``<verifier key> <URL>`` each.

    Raises :class:`Invalid` on ``witnesses``.
    """
    return tuple(map(_parse_cosigner, texts))


def _parse_cosigner(text: str) -> Cosigner:
    key, _, url = text.strip().partition(" ")
    found = parse_key(key)
    if found.algorithm != COSIGNATURE or not url.startswith(("http://", "https://")):
        raise Invalid(
            "a witness is a verifier key of cosignatures, a space and a URL",
            field="witnesses",
            mend="ask the other node for its /witness/key",
        )
    return Cosigner(found, url.rstrip("/"))


def cosigned(log: Log) -> bytes | None:
    """The checkpoint that witnesses cosigned, with all cosignatures; ``None`` before. It is the
    newest that as many cosigned as any within :data:`KEPT`."""
    return _kept(log, COSIGNED)


def cosigned_by_fewer(log: Log) -> bytes | None:
    """A newer checkpoint than :func:`cosigned` has, which fewer witnesses cosigned."""
    return _kept(log, BY_FEWER)


def _kept(log: Log, name: str) -> bytes | None:
    try:
        return (log.folder / name).read_bytes()
    except FileNotFoundError:
        return None


def cosignatures(note: bytes, witnesses: Sequence[VerifierKey]) -> list[Cosignature]:
    """Who of ``witnesses`` cosigned a note, and when.

    Raises :class:`NoteError` for a malformed note and a wrong signature of a known key.
    """
    known = {(key.name, key.id): key for key in witnesses}
    text, lines = split_note(note)
    found = []
    for name, key_id, signature in lines:
        key = known.get((name, key_id))
        if key is None:
            continue
        if not key.verify(text.encode(), signature):
            raise NoteError(f"the cosignature of {name} is wrong")
        found.append(Cosignature(name, cosigned_at(signature)))
    return found


def gather(log: Log, cosigners: Sequence[Cosigner], post: Ask) -> int:
    """Ask every cosigner about the newest checkpoint; how many have cosigned it, now or before.

    One that does not answer, or answers wrongly, is logged and asked again the next time.
    """
    if not cosigners or log.size == 0:
        return 0
    note = log.checkpoint()
    size = parse_checkpoint(split_note(note)[0]).size
    before = cosigned(log)
    seen_size, seen_by, seen_at = _seen(before, cosigners)
    if seen_size == size and len(seen_by) == len(cosigners):
        return len(seen_by)
    # Of the same tree each is asked once: what was said of it still stands.
    lines = dict(seen_by) if seen_size == size else {}
    for each in cosigners:
        name = each.key.name
        if name in lines:
            continue
        old = seen_size if name in seen_by else 0
        try:
            lines[name] = _one(log, each, note, (old, size), post)
        except (QuanyuError, NoteError) as error:
            _log.warning("witness.not_cosigned", witness=name, why=str(error))
    if not lines or size < seen_size:
        return len(lines)
    whole = note + "".join(lines.values()).encode()
    if len(lines) >= len(seen_by) or seen_at is None or now() - seen_at >= KEPT:
        write_durably({log.folder / COSIGNED: whole})
        (log.folder / BY_FEWER).unlink(missing_ok=True)
    else:
        write_durably({log.folder / BY_FEWER: whole})
    return len(lines)


def over_http(allow_private: bool) -> Ask:
    """How cosigners are asked by default."""
    out = Outbound(allow_private, max_bytes=_MOST_BYTES, field="witnesses", timeout=_TIMEOUT)
    return lambda url, body: ask(url, out, method="POST", content=body)


def _seen(
    note: bytes | None, cosigners: Sequence[Cosigner]
) -> tuple[int, dict[str, str], datetime | None]:
    """The size of a note, the lines of those who cosigned it, and when the last of them did."""
    if note is None:
        return 0, {}, None
    try:
        text, lines = split_note(note)
        found = cosignatures(note, [each.key for each in cosigners])
        ids = {(each.key.name, each.key.id) for each in cosigners}
        said = {
            name: signature_line(name, key_id, signature)
            for name, key_id, signature in lines
            if (name, key_id) in ids
        }
        return parse_checkpoint(text).size, said, max((one.at for one in found), default=None)
    except NoteError:  # a key was changed for another of its name: all begin anew
        return 0, {}, None


def _one(log: Log, to: Cosigner, note: bytes, sizes: tuple[int, int], post: Ask) -> str:
    old, size = sizes
    answered = post(f"{to.url}/add-checkpoint", _request(log, note, old, size))
    if answered.status == _BEHIND:
        told = answered.content.decode("ascii", "replace").strip()
        if not told.isdecimal() or int(told) > size:
            raise Unavailable("the witness has seen {told} leaves", told=told[:40])
        answered = post(f"{to.url}/add-checkpoint", _request(log, note, int(told), size))
    if answered.status != _OK:
        raise Unavailable(
            "the witness answered {status}: {said}",
            status=answered.status,
            said=answered.content[:200].decode("utf-8", "replace"),
        )
    # Of what a witness answers only its own line is kept: another's, made up, would spoil the note.
    text = split_note(note)[0]
    answer = f"{text}\n{answered.content.decode('utf-8', 'replace')}".encode()
    open_note(answer, [to.key])
    return next(
        signature_line(name, key_id, signature)
        for name, key_id, signature in split_note(answer)[1]
        if (name, key_id) == (to.key.name, to.key.id)
    )


def _request(log: Log, note: bytes, old: int, size: int) -> bytes:
    proof = log.consistency(old, size)
    rows = "".join(f"{base64.b64encode(each).decode()}\n" for each in proof)
    return f"old {old}\n{rows}\n".encode() + note
