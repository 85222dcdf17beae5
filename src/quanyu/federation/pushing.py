"""Transfers that are pushed, as provider (§9 of the Dataspace Protocol, ``HttpData-PUSH``).

What is pushed is a file that this node's own face of downloads gives under the agreement: read
there once, as every consumer reads, so that gate, quota, evidence and meter are those of a use.
It is kept until the other side has it whole, so that a push that is tried again is no second use.
The use is written down in the transaction that says which file is kept: a crash before it leaves no
use and a file that is read anew, a crash after it the use and its file.
"""

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Protocol

import structlog
from sqlalchemy import select

from quanyu.evidence import Use, owe_use
from quanyu.federation.model import Here, Move, State
from quanyu.federation.push_address import MEDIA, known_address
from quanyu.federation.push_files import CLAIM, keep_file, kept_file
from quanyu.federation.tables import MessageRow, ProcessRow, PushRow
from quanyu.federation.transferring import in_force, slug_held, stop, token_for_data
from quanyu.kernel import (
    Conflict,
    ControlStore,
    Invalid,
    Outbound,
    QuanyuError,
    Refused,
    Unavailable,
    now,
    owe,
    send_file,
)

log = structlog.get_logger(__name__)
MOST_ATTEMPTS = 12
"""About two hours; then the transfer is terminated, and says why."""
_LOOK = 2.0
_LONGEST_WAIT = timedelta(minutes=30)
_AT_ONCE = 20
_ANSWER = 1 << 16


@dataclass(frozen=True, slots=True)
class Told:
    """How this node answered itself: ``use`` is that of the answer, which is in evidence once it is
    owed, ``why`` its problem in words and ``rule`` the one that refused."""

    status: int
    use: Use | None
    why: str = ""
    rule: str = ""


class ReadOwn(Protocol):
    """Asks this node's own faces for a path with headers, and writes the answer to a file.

    ``go_on`` is called every now and then, and ends the reading by raising."""

    def __call__(
        self, path: str, headers: Mapping[str, str], file: Path, go_on: Callable[[], None], /
    ) -> Told: ...


@dataclass(frozen=True, slots=True)
class _Work:
    name: str
    path: str
    token: str
    purpose: str
    endpoint: str
    their_token: str
    file: Path | None
    sent: bool


class _Stopped(Exception):
    """The transfer does not go on now."""


def push_due(control: ControlStore, here: Here, read: ReadOwn) -> int:
    """Push what is due; how many transfers were completed or ended."""
    moment = now()
    unsent = (
        select(MessageRow.number)
        .where(
            MessageRow.process == PushRow.process,
            MessageRow.outgoing.is_(True),
            MessageRow.sent_at.is_(None),
            MessageRow.problem.not_like("not sent%"),
        )
        .exists()
    )
    # Nobody is sent data before it was told that they come.
    due = (
        select(PushRow.process)
        .join(ProcessRow, ProcessRow.id == PushRow.process)
        .where(PushRow.due_at <= moment, ProcessRow.state == State.STARTED.value, ~unsent)
        .order_by(PushRow.due_at)
        .limit(_AT_ONCE)
    )
    with control.read() as session:
        names = session.scalars(due).all()
    return sum(_pushed(control, here, name, read) for name in names)


def _pushed(control: ControlStore, here: Here, name: str, read: ReadOwn) -> bool:
    try:
        work = _claim(control, here, name)
        if work is None:
            return False
        if not work.sent:
            go_on = _watch(control, name)
            file = work.file or _read(control, here, work, read, go_on)
            _send(here, work, file, go_on)
        return _done(control, here, name)
    except _Stopped:
        return False
    except (Refused, Invalid, Conflict) as error:
        return _end(control, name, error)
    except QuanyuError as error:
        return _put_off(control, name, error)


def _claim(control: ControlStore, here: Here, name: str) -> _Work | None:
    """Take a push for this process, if it is still due and may go on."""
    with control.begin() as session:
        row = session.get(ProcessRow, name, with_for_update=True, populate_existing=True)
        push = session.get(PushRow, name, with_for_update=True, populate_existing=True)
        if row is None or push is None or push.due_at is None or push.due_at > now():
            return None
        if row.state != State.STARTED or row.address is None:
            push.due_at = None
            return None
        push.due_at = now() + CLAIM
        if push.sent_at is not None:
            return _Work(name, "", "", "", "", "", None, sent=True)
        if not in_force(session, row):
            return None
        slug = slug_held(session, row)
        there = known_address(here, row)
        push.attempts += 1
        file = kept_file(here, push)
        return _Work(
            name=name,
            path=f"/data/{slug}.{there['form']}",
            token="" if file else token_for_data(session, row),
            purpose=there["purpose"],
            endpoint=there["endpoint"],
            their_token=there["token"],
            file=file,
            sent=False,
        )


def _watch(control: ControlStore, name: str) -> Callable[[], None]:
    """Keeps a push this process's own, and stops it when the transfer is suspended or over."""
    looked = monotonic()

    def go_on() -> None:
        nonlocal looked
        if monotonic() - looked < _LOOK:
            return
        with control.begin() as session:
            row, push = session.get_one(ProcessRow, name), session.get_one(PushRow, name)
            if row.state != State.STARTED:
                raise _Stopped
            push.due_at = now() + CLAIM
        looked = monotonic()

    return go_on


def _read(
    control: ControlStore, here: Here, work: _Work, read: ReadOwn, go_on: Callable[[], None]
) -> Path:
    """Read the data into a file that is kept, and write the use down."""
    here.folder.mkdir(parents=True, exist_ok=True)
    part = here.folder / f"{work.name}.{secrets.token_hex(8)}.part"
    headers = {"authorization": f"Bearer {work.token}"}
    if work.purpose:
        headers["quanyu-purpose"] = work.purpose
    try:
        told = read(work.path, headers, part, go_on)
        if told.status != 200 or told.use is None:
            kind = Refused if 400 <= told.status < 500 and told.status != 429 else Unavailable
            raise kind(
                "the data are not given: {why}", field="agreementId", rule=told.rule, why=told.why
            )
        with part.open("rb") as data:
            sha256 = hashlib.file_digest(data, "sha256").hexdigest()
        file = keep_file(part, here.folder / f"{work.name}.{told.use.id}")
    finally:
        part.unlink(missing_ok=True)
    return _note(control, here, told.use, file, sha256)


def _note(control: ControlStore, here: Here, use: Use, file: Path, sha256: str) -> Path:
    """Say which file is kept and write down its use, both or neither; the file that is kept."""
    name = file.stem
    with control.begin() as session:
        push = session.get_one(PushRow, name, with_for_update=True, populate_existing=True)
        kept = kept_file(here, push)
        if kept is None:
            push.use, push.size, push.sha256 = use.id, file.stat().st_size, sha256
            owe_use(session, use)
    if kept is None:
        return file
    # Another process, which took this one for dead, was faster: nothing of this file leaves.
    file.unlink()
    return kept


def _send(here: Here, work: _Work, file: Path, go_on: Callable[[], None]) -> None:
    headers = {"content-type": MEDIA[work.path.rpartition(".")[2]], "accept": "*/*"}
    if work.their_token:
        headers["authorization"] = f"Bearer {work.their_token}"
    out = Outbound(here.allow_private, max_bytes=_ANSWER, field="dataAddress", timeout=60.0)
    answer = send_file(work.endpoint, out, file, headers=headers, go_on=go_on)
    if not 200 <= answer.status < 300:
        raise Unavailable("the address answered {status}", status=answer.status)


def _done(control: ControlStore, here: Here, name: str) -> bool:
    """The other side has it: say so, unless the transfer was suspended meanwhile."""
    with control.begin() as session:
        row = session.get_one(ProcessRow, name, with_for_update=True, populate_existing=True)
        push = session.get_one(PushRow, name, with_for_update=True, populate_existing=True)
        if push.sent_at is None:
            push.sent_at, push.problem = now(), ""
            said = {"use": push.use, "size": push.size, "sha256": push.sha256}
            owe(session, "transfer.pushed", name, {**said, "attempts": push.attempts})
        push.due_at = None
        over = row.state == State.STARTED
        if over:
            stop(session, row, Move.COMPLETE, "")
        file = here.folder / f"{name}.{push.use}"
    file.unlink(missing_ok=True)
    return over


def _end(control: ControlStore, name: str, error: QuanyuError) -> bool:
    """End a transfer that can never be pushed."""
    with control.begin() as session:
        row = session.get_one(ProcessRow, name, with_for_update=True, populate_existing=True)
        push = session.get_one(PushRow, name)
        push.due_at, push.problem = None, str(error)[:500]
        if row.state != State.STARTED:
            return False
        rule = f" ({error.rule})" if error.rule else ""
        stop(session, row, Move.TERMINATE, f"{error}{rule}")
        return True


def _put_off(control: ControlStore, name: str, error: QuanyuError) -> bool:
    log.warning("transfer.not_pushed", process=name, why=str(error))
    with control.begin() as session:
        push = session.get_one(PushRow, name)
        push.problem = str(error)[:500]
        push.due_at = _next(push.attempts)
        given_up = push.attempts >= MOST_ATTEMPTS
    return given_up and _end(control, name, error)


def _next(attempts: int) -> datetime:
    return now() + min(timedelta(seconds=2.0**attempts), _LONGEST_WAIT)
