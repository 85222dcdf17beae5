"""Transfers that are pushed, as consumer: the file that a provider sends to this node."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from quanyu.agreements import Side
from quanyu.federation.model import Here, ProcessKind, State
from quanyu.federation.moving import no_process, process_row
from quanyu.federation.push_address import MEDIA, PUSH, known_address
from quanyu.federation.tables import ProcessRow, PushRow
from quanyu.kernel import Conflict, NotFound, now, owe

_KIND = ProcessKind.TRANSFER


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that was pushed to this node; ``name`` is what it may be saved as."""

    path: Path
    name: str
    media_type: str
    size: int
    sha256: str
    at: datetime


def expect_file(session: Session, here: Here, pid: str, token: str) -> Path:
    """Where the bytes of a push go that comes with that token.

    Raises :class:`NotFound` for a wrong token as for no such transfer, :class:`Conflict` for one
    that is not started.
    """
    _expected(session, here, pid, token)
    here.folder.mkdir(parents=True, exist_ok=True)
    return here.folder / f"{pid}.{secrets.token_hex(8)}.part"


def take_file(
    session: Session, here: Here, pid: str, token: str, *, part: Path, sha256: str
) -> bool:
    """Keep a file that has come whole; ``False`` when this node had it already.

    Owes ``transfer.received``. Raises as :func:`expect_file`, and :class:`Conflict` when another
    content was taken before.
    """
    row = _expected(session, here, pid, token)
    push = session.get(PushRow, pid)
    if push is not None:
        if push.sha256 == sha256:
            return False
        raise Conflict(
            "another file was pushed before", field="body", mend="ask for another transfer"
        )
    moment, size = now(), part.stat().st_size
    push = PushRow(
        process=pid,
        due_at=None,
        attempts=1,
        problem="",
        media_type=MEDIA[known_address(here, row)["form"]],
        size=size,
        sha256=sha256,
        use="",
        sent_at=moment,
    )
    session.add(push)
    row.revision += 1
    session.flush()
    owe(session, "transfer.received", pid, {"size": size, "sha256": sha256})
    # Before the commit: what the store says is here must be here.
    part.replace(_place(here, pid))
    return True


def taken_file(session: Session, here: Here, row: ProcessRow) -> Taken:
    """The file that was pushed for a transfer; :class:`NotFound` while there is none."""
    push = session.get(PushRow, row.id)
    path = _place(here, row.id)
    if row.role != Side.CONSUMER or push is None or push.sent_at is None or not path.exists():
        raise NotFound(
            "no file was pushed for this transfer", field="transfer", mend="see why it waits"
        )
    form = next(form for form, media in MEDIA.items() if media == push.media_type)
    name = f"{row.id}.{form}"
    return Taken(path, name, push.media_type, push.size or 0, push.sha256, push.sent_at)


def _expected(session: Session, here: Here, pid: str, token: str) -> ProcessRow:
    row = process_row(session, _KIND, pid)
    pushed = row.format == PUSH and row.role == Side.CONSUMER and row.address is not None
    known = known_address(here, row)["token"] if pushed else ""
    if not pushed or not secrets.compare_digest(known.encode(), token.encode()):
        raise no_process(_KIND, pid)
    if row.state != State.STARTED:
        raise Conflict(
            "the transfer is {state}",
            field="transfer",
            mend="push when it is started",
            rule="dsp.transition",
            state=row.state,
        )
    return row


def _place(here: Here, pid: str) -> Path:
    return here.folder / f"{pid}.taken"
