"""Judging step by step what somebody hands over: whom to believe, and what held.

Each outcome lists its steps with what was expected against what was found, and ends at the first
step that does not hold.
"""

import base64
import hmac
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from quanyu.evidence.cosigning import cosignatures
from quanyu.evidence.note import (
    COSIGNATURE,
    Checkpoint,
    NoteError,
    VerifierKey,
    open_note,
    parse_checkpoint,
    parse_key,
    split_note,
)
from quanyu.evidence.timestamping import check_token
from quanyu.kernel import Invalid

Found: TypeAlias = tuple[str, str] | dict[str, Any]
"""A step that holds, or the leaf that is spoken of."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a verification: its name, whether it held, and what was found."""

    name: str
    ok: bool
    said: str


@dataclass(frozen=True, slots=True)
class Others:
    """Who is believed beside the node.

    Of ``witnesses`` (verifier keys of cosignatures) ``quorum`` must have seen a checkpoint.
    ``authority`` is the PEM of a timestamp authority's root certificate.
    """

    witnesses: tuple[str, ...] = ()
    quorum: int = 1
    authority: bytes | None = None


NOBODY = Others()


@dataclass(frozen=True, slots=True)
class Trusted:
    """The keys of the node and of others, read."""

    keys: tuple[VerifierKey, ...]
    witnesses: tuple[VerifierKey, ...]
    quorum: int
    authority: bytes | None


@dataclass(frozen=True, slots=True)
class Verification:
    """The outcome, step by step; ``leaf`` is what the receipt speaks of, when all held."""

    ok: bool
    steps: tuple[Step, ...]
    leaf: dict[str, Any] | None = None


class WrongError(Exception):
    """A step that does not hold: its name, and why."""


def trusted_by(public_key: str | Iterable[str], others: Others) -> Trusted:
    """Read keys; raises :class:`~quanyu.kernel.Invalid` on ``key``, ``witness``, ``quorum``."""
    texts = [public_key] if isinstance(public_key, str) else public_key
    witnesses = tuple(parse_key(text) for text in others.witnesses)
    if any(key.algorithm != COSIGNATURE for key in witnesses):
        raise Invalid(
            "this is no key of a witness", field="witness", mend="ask for its /witness/key"
        )
    if witnesses and not 1 <= others.quorum <= len(witnesses):
        raise Invalid("{n} witnesses are named", field="quorum", n=len(witnesses))
    keys = tuple(parse_key(text) for text in texts)
    return Trusted(keys, witnesses, others.quorum, others.authority)


def judge(steps: "Iterator[Found]") -> Verification:
    """Take steps ``(name, said)`` until one is wrong; a mapping among them is the leaf."""
    taken: list[Step] = []
    leaf: dict[str, Any] | None = None
    try:
        for step in steps:
            if isinstance(step, dict):
                leaf = step
            else:
                taken.append(Step(step[0], True, step[1]))
    except WrongError as wrong:
        name, said = wrong.args
        return Verification(False, (*taken, Step(name, False, said)))
    return Verification(True, tuple(taken), leaf)


def signed(note: bytes, keys: Sequence[VerifierKey]) -> tuple[Checkpoint, str]:
    try:
        text, signed = open_note(note, keys)
        checkpoint = parse_checkpoint(text)
    except NoteError as error:
        raise WrongError("signature", str(error)) from error
    for key in signed:
        equal("signature", checkpoint.origin, key.name)
    by = ", ".join(f"{key.name} ({key.algorithm}, {key.id.hex()})" for key in signed)
    others = len(split_note(note)[1]) - len(signed)
    unread = f"; {others} more by keys that were not given" if others else ""
    return checkpoint, f"the checkpoint of {checkpoint.size} leaves is signed by {by}{unread}"


def witness_steps(note: bytes, trusted: Trusted) -> "Iterator[Found]":
    if not trusted.witnesses:
        return
    try:
        found = cosignatures(note, trusted.witnesses)
    except NoteError as error:
        raise WrongError("witnesses", str(error)) from error
    by = ", ".join(f"{one.name} ({one.at:%Y-%m-%dT%H:%M:%SZ})" for one in found) or "nobody"
    said = f"cosigned by {by}; at least {trusted.quorum} of {len(trusted.witnesses)} wanted"
    if len({one.name for one in found}) < trusted.quorum:
        raise WrongError("witnesses", said)
    yield "witnesses", said


def timestamp_said(token: str, note: bytes, trusted: Trusted) -> str:
    if trusted.authority is None:
        return "not checked: no certificate of the authority was given"
    try:
        at = check_token(base64.b64decode(token, validate=True), note, trusted.authority)
    except ValueError as error:
        raise WrongError("timestamp", str(error)) from error
    return f"the checkpoint was there on {at:%Y-%m-%dT%H:%M:%SZ}"


def equal(name: str, expected: str, got: str) -> str:
    said = f"expected {expected}, got {got}"
    if not hmac.compare_digest(expected.encode(), got.encode()):
        raise WrongError(name, said)
    return said
