"""Messages of this node on their way: each process's in their order, tried again until answered.

A message that was received and whose answer was lost is sent once more; whoever has it already
answers once more. One that is refused is looked into by asking the other side for its state.
The longer a peer is silent the longer it is left alone; whatever is heard of it ends that.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, aliased

from quanyu.agreements import Side
from quanyu.federation.messages import ROOTS, address_of, pid_name, with_secret
from quanyu.federation.model import Here, Move, ProcessKind
from quanyu.federation.moving import SILENT, is_back, look_again, to_process
from quanyu.federation.peering import token_of
from quanyu.federation.seal import unseal
from quanyu.federation.tables import MessageRow, PeerRow, ProcessRow
from quanyu.federation.transferring import keep_given
from quanyu.kernel import Answered, ControlStore, Outbound, QuanyuError, ask, now

_AT_ONCE = 100
_PEERS_AT_ONCE = 4
LONGEST_WAIT = timedelta(hours=1)
MOST_ATTEMPTS = 40
"""About a day and a half; after that a person has to say that it shall be tried again."""
_LARGEST = 1 << 20

Send = Callable[..., Answered]


@dataclass(frozen=True, slots=True)
class _Letter:
    number: int
    process: str
    peer: str
    url: str
    token: str | None
    body: dict[str, Any]
    state: str
    status_url: str


def deliver_due(control: ControlStore, here: Here, send: Send = ask) -> int:
    """Send what is due; how many were received. Peers are served side by side, so that one that
    does not answer keeps nobody else waiting."""
    with control.read() as session:
        letters = _due(session, here)
    by_peer: dict[str, list[_Letter]] = {}
    for letter in letters:
        by_peer.setdefault(letter.peer, []).append(letter)
    if not by_peer:
        return 0

    def serve(mine: list[_Letter]) -> int:
        done = 0
        for letter in mine:
            answered = _deliver(control, here, letter, send)
            if answered is None:  # nobody is there: the others of this peer wait for another time
                break
            done += answered
        return done

    if len(by_peer) == 1:
        return serve(letters)
    with ThreadPoolExecutor(_PEERS_AT_ONCE) as pool:
        return sum(pool.map(serve, by_peer.values()))


def try_again(session: Session, process: str) -> int:
    """Have what was not received tried again now; how many messages that are."""
    changed = session.execute(
        update(MessageRow)
        .where(
            MessageRow.process == process,
            MessageRow.outgoing.is_(True),
            MessageRow.sent_at.is_(None),
            MessageRow.attempts > 0,
        )
        .values(due_at=now(), attempts=0)
        .returning(MessageRow.number)
    )
    return len(changed.all())


def _due(session: Session, here: Here) -> list[_Letter]:
    earlier = aliased(MessageRow)
    # Only the first unsent message of a process goes out: they arrive in order, or not at all.
    first = (
        select(func.min(earlier.number))
        .where(
            earlier.process == MessageRow.process,
            earlier.outgoing.is_(True),
            earlier.sent_at.is_(None),
            earlier.problem.not_like("not sent%"),
        )
        .scalar_subquery()
    )
    query = (
        select(MessageRow, ProcessRow, PeerRow)
        .join(ProcessRow, ProcessRow.id == MessageRow.process)
        .join(PeerRow, PeerRow.id == ProcessRow.peer)
        .where(MessageRow.due_at <= now(), MessageRow.number == first)
        .order_by(MessageRow.number)
        .limit(_AT_ONCE)
    )
    return [_letter(here, *found) for found in session.execute(query)]


def _letter(here: Here, message: MessageRow, row: ProcessRow, peer: PeerRow) -> _Letter:
    process = to_process(row)
    body = message.body
    # A message written before the other side's id was known goes out with it.
    theirs = Side.CONSUMER if process.role is Side.PROVIDER else Side.PROVIDER
    if process.their_pid is not None and pid_name(theirs) not in body:
        body = {**body, pid_name(theirs): process.their_pid}
    if message.secret is not None:
        body = with_secret(body, unseal(here.key, message.secret))
    return _Letter(
        number=message.number,
        process=row.id,
        peer=peer.id,
        url=address_of(process, Move(message.move)),
        token=token_of(here, peer),
        body=body,
        state=message.state,
        status_url=f"{process.callback}/{ROOTS[process.kind]}/{process.their_pid}",
    )


def _deliver(control: ControlStore, here: Here, letter: _Letter, send: Send) -> bool | None:
    """Whether a message was received; ``None`` when the other side does not answer at all."""
    out = Outbound(allow_private=here.allow_private, max_bytes=_LARGEST, timeout=10.0)
    headers = {"content-type": "application/json", "accept": "application/json"}
    if letter.token is not None:
        headers["authorization"] = f"Bearer {letter.token}"
    try:
        answer = send(
            letter.url, out, method="POST", headers=headers, content=orjson.dumps(letter.body)
        )
    except QuanyuError as error:
        _failed(control, letter, f"{SILENT}{error}")
        return None
    if 200 <= answer.status < 300:
        _received(control, here, letter, _json(answer))
        return True
    if answer.status == 400 and _is_there(letter, out, headers, send):
        _received(control, here, letter, {})
        return True
    _failed(control, letter, f"{answer.status}: {_reason(answer)}", refused=answer.status == 400)
    return False


def _is_there(letter: _Letter, out: Outbound, headers: dict[str, str], send: Send) -> bool:
    """Whether the other side stands where the message would have brought it."""
    if letter.status_url.endswith("/None"):
        return False
    try:
        answer = send(letter.status_url, out, headers=headers)
    except QuanyuError:
        return False
    return answer.status == 200 and str(_json(answer).get("state")) == letter.state


def _received(control: ControlStore, here: Here, letter: _Letter, answer: dict[str, Any]) -> None:
    with control.begin() as session:
        row = session.get_one(ProcessRow, letter.process, with_for_update=True)
        message = session.get_one(MessageRow, letter.number)
        theirs = Side.CONSUMER if row.role == Side.PROVIDER else Side.PROVIDER
        told = answer.get(pid_name(theirs))
        if row.their_pid is None and isinstance(told, str) and 0 < len(told) <= 200:
            row.their_pid = told
        if row.their_pid is None:
            _put_off(message, "the answer does not name the process")
            return
        message.sent_at, message.due_at, message.problem = now(), None, ""
        message.attempts += 1
        message.secret = None
        is_back(session, row.peer)
        given = answer.get("dataAddress")
        consumes = row.kind == ProcessKind.TRANSFER and row.role == Side.CONSUMER
        if consumes and message.move == Move.START and isinstance(given, dict):
            keep_given(here, row, given)
        if row.state == message.state:
            look_again(row)


def _failed(control: ControlStore, letter: _Letter, why: str, *, refused: bool = False) -> None:
    with control.begin() as session:
        message = session.get_one(MessageRow, letter.number, with_for_update=True)
        if message.sent_at is None and message.due_at is not None:
            _put_off(message, why, give_up=refused and message.attempts >= 3)


def _put_off(message: MessageRow, why: str, *, give_up: bool = False) -> None:
    message.attempts += 1
    message.problem = why[:500]
    over = give_up or message.attempts >= MOST_ATTEMPTS
    message.due_at = None if over else _next(message.attempts)


def _next(attempts: int) -> datetime:
    return now() + min(timedelta(seconds=2.0 ** min(attempts - 1, 12)), LONGEST_WAIT)


def _json(answer: Answered) -> dict[str, Any]:
    try:
        found = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _reason(answer: Answered) -> str:
    given = _json(answer)
    said = given.get("reason") or given.get("detail") or ""
    return "; ".join(map(str, said)) if isinstance(said, list) else str(said)
