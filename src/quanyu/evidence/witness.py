"""Being a witness of other logs (C2SP tlog-witness).

A witness cosigns a checkpoint only where the tree it cosigned before is the beginning of the new
one. So a log that shows different histories to different people needs every witness to lie too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from quanyu.evidence.merkle import HASH_BYTES, ProofError, verify_consistency
from quanyu.evidence.note import (
    COSIGNATURE,
    Checkpoint,
    NoteError,
    VerifierKey,
    cosign,
    open_note,
    parse_checkpoint,
    split_note,
    unbase64,
)
from quanyu.evidence.tables import WitnessedRow
from quanyu.kernel import Conflict, ControlStore, Invalid, NotFound, Refused, Signer, now

_MOST_HASHES = 63
_Request: TypeAlias = tuple[int, list[bytes], bytes]


class Behind(Conflict):
    """The log began its proof at another size than the ``size`` this witness has seen."""

    def __init__(self, size: int) -> None:
        super().__init__("this witness has seen {size} leaves of that log", field="old", size=size)
        self.size = size


class Inconsistent(Invalid):
    """The new tree is not proved to begin with the one that was cosigned."""

    status, type, title = 422, "inconsistent", "Inconsistent log"


@dataclass(frozen=True, slots=True)
class Witness:
    """Who cosigns: a name, a key used for nothing else, and the keys of the logs it knows."""

    name: str
    signer: Signer
    logs: tuple[VerifierKey, ...]

    @property
    def key(self) -> VerifierKey:
        """The verifier key of its cosignatures."""
        return VerifierKey(self.name, COSIGNATURE, self.signer.public)


@dataclass(frozen=True, slots=True)
class Witnessed:
    """The newest checkpoint of a log that was cosigned here, and when."""

    origin: str
    size: int
    root: str
    note: str
    at: datetime


def add_checkpoint(store: ControlStore, witness: Witness, body: bytes) -> str:
    """Cosign a checkpoint; the line of signature.

    ``body`` is ``old <size>``, the consistency proof (a hash in base64 a line), an empty line and
    the checkpoint. What is cosigned is on disk before this returns. Raises :class:`Invalid` for a
    malformed request, :class:`NotFound` for an unknown log, :class:`Refused` without a signature
    of its known key, :class:`Behind` where ``old`` is not what was seen, :class:`Inconsistent`.
    """
    old, proof, note = _parse(body)
    checkpoint, text = _open(witness, note)
    if old > checkpoint.size:
        raise Invalid("the old size is beyond the new one", field="old")
    moment = now()
    with store.begin() as session:
        seen = _seen(session, checkpoint.origin)
        size = seen.size if seen else 0
        if old != size:
            raise Behind(size)
        _check(seen, checkpoint, proof)
        root = checkpoint.root.hex()
        new = Witnessed(checkpoint.origin, checkpoint.size, root, note.decode(), moment)
        _keep(session, seen, new)
    return cosign(text, witness.name, witness.signer, moment)


def witnessed(session: Session) -> list[Witnessed]:
    """What was cosigned last of every log, by origin."""
    rows = session.scalars(select(WitnessedRow).order_by(WitnessedRow.origin))
    return [Witnessed(r.origin, r.size, r.root, r.note, r.at) for r in rows]


def _parse(body: bytes) -> _Request:
    head, gap, note = body.partition(b"\n\n")
    try:
        first, *rows = head.decode("ascii").split("\n")
        word, _, size = first.partition(" ")
        if not gap or word != "old" or not size.isdecimal() or str(int(size)) != size:
            raise ValueError("it begins with “old” and a size")  # noqa: TRY301
        proof = [unbase64(row) for row in rows]
        if len(proof) > _MOST_HASHES or any(len(each) != HASH_BYTES for each in proof):
            raise ValueError("its proof is of at most 63 hashes")  # noqa: TRY301
    except ValueError as error:
        raise Invalid(
            "this is no request to cosign: {why}",
            field="body",
            mend="see C2SP tlog-witness",
            why=str(error),
        ) from error
    return int(size), proof, note


def _open(witness: Witness, note: bytes) -> tuple[Checkpoint, str]:
    try:
        checkpoint = parse_checkpoint(split_note(note)[0])
    except NoteError as error:
        raise Invalid("{why}", field="checkpoint", why=str(error)) from error
    keys = [key for key in witness.logs if key.name == checkpoint.origin]
    if not keys:
        raise NotFound(
            "this witness does not know the log {origin}", origin=checkpoint.origin[:255]
        )
    try:
        text, _ = open_note(note, keys)
    except NoteError as error:
        raise Refused(
            "{why}", rule="witness.signature", field="checkpoint", why=str(error)
        ) from error
    return checkpoint, text


def _seen(session: Session, origin: str) -> WitnessedRow | None:
    return session.scalar(
        select(WitnessedRow).where(WitnessedRow.origin == origin).with_for_update()
    )


def _check(seen: WitnessedRow | None, checkpoint: Checkpoint, proof: Sequence[bytes]) -> None:
    if seen is None or seen.size == 0:
        if proof:
            raise Inconsistent("nothing is to be proved of an empty tree", field="proof")
        return
    try:
        verify_consistency(
            seen.size, checkpoint.size, proof, bytes.fromhex(seen.root), checkpoint.root
        )
    except ProofError as error:
        raise Inconsistent(
            "the log is not shown to go on from what was seen: {why}", field="proof", why=str(error)
        ) from error


def _keep(session: Session, seen: WitnessedRow | None, new: Witnessed) -> None:
    if seen is not None:
        seen.size, seen.root, seen.note, seen.at = new.size, new.root, new.note, new.at
        return
    # Two first requests at once find no row to lock; only one may be the first.
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    kept = session.execute(
        insert(WitnessedRow)
        .values(origin=new.origin, size=new.size, root=new.root, note=new.note, at=new.at)
        .on_conflict_do_nothing()
        .returning(WitnessedRow.size)
    )
    if kept.first() is None:
        first = _seen(session, new.origin)
        raise Behind(first.size if first else 0)
