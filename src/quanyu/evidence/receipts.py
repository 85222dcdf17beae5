"""Receipts: one leaf of the log with all that is needed to check it without the node.

A receipt is JSON: ``type``, ``leaf`` (its canonical JSON as text), ``index``, ``size``, ``proof``
(hashes in base64), ``checkpoint`` (the signed note) and ``disclosures`` (values and salts of
fields that the leaf holds blinded). Its checkpoint is the first over the leaf that was timestamped,
with ``timestamp`` (the authority's answer in base64), else the newest that was cosigned, else the
newest.
"""

import base64
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
from sqlalchemy import select

from quanyu.evidence.log import Log
from quanyu.evidence.note import parse_checkpoint, split_note
from quanyu.evidence.resting import checkpoint_over
from quanyu.evidence.segments import segments
from quanyu.kernel import ControlStore, NotFound, Owed

TYPE = "quanyu-receipt-1"


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What stands behind a blinded field: ``blind(value, salt)`` is what the leaf holds."""

    field: str
    value: str
    salt: str


def receipt(
    log: Log,
    store: ControlStore,
    name: str,
    *,
    journals: Path | None = None,
    disclosures: Sequence[Disclosure] = (),
) -> bytes | None:
    """The receipt of a leaf or use by its id, as JSON; ``None`` while it waits to be sequenced.

    ``journals`` is the folder where uses wait. Raises :class:`NotFound` for an unknown id.
    """
    position = log.index.positions([name]).get(name)
    if position is None:
        if _waits(store, journals, name):
            return None
        raise NotFound("there is no evidence of {id}", id=name)
    note, timestamp = checkpoint_over(log, position)
    size = parse_checkpoint(split_note(note)[0]).size
    document = {
        "type": TYPE,
        "leaf": log.leaf(position).decode(),
        "index": position,
        "size": size,
        "proof": [base64.b64encode(each).decode() for each in log.inclusion(position, size)],
        "checkpoint": note.decode(),
        "disclosures": [asdict(each) for each in disclosures],
        **timestamp,
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2)


def _waits(store: ControlStore, journals: Path | None, name: str) -> bool:
    with store.read() as session:
        if session.scalar(select(Owed.number).where(Owed.leaf == name)) is not None:
            return True
    if journals is None:
        return False
    wanted = orjson.dumps({"id": name})[1:-1]
    return any(wanted in _bytes(path) for path in segments(journals))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:  # sequenced and removed since the folder was read
        return b""
