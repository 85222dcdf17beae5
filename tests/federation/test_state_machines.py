"""The state machines: every step of the tables is taken, every other one is refused.

A model walks a negotiation or a transfer with random moves of either side, through the store, and
is compared with the tables after each.
"""

import atexit
import json
import shutil
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from itertools import product
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import orjson
import pytest
from dsp_schemas import SCHEMAS, SHARED, faults, found
from hypothesis import HealthCheck, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule
from hypothesis.strategies import sampled_from

from quanyu.agreements import Side
from quanyu.federation import (
    FINAL,
    TABLES,
    Here,
    Move,
    Peer,
    ProcessKind,
    State,
    add_peer,
    moves_of,
    next_state,
    read_message,
    same_terms,
)
from quanyu.federation.courier import deliver_due
from quanyu.federation.moving import move_on, open_process
from quanyu.federation.tables import MessageRow, ProcessRow
from quanyu.kernel import (
    Answered,
    ControlStore,
    Invalid,
    LocalText,
    Unavailable,
    migrate,
    now,
)

KINDS = list(ProcessKind)
C, P = Side.CONSUMER, Side.PROVIDER
R, B, A = State.REQUESTED, State.OFFERED, State.ACCEPTED
G, V, F, X = State.AGREED, State.VERIFIED, State.FINALIZED, State.TERMINATED
S, H, D = State.STARTED, State.SUSPENDED, State.COMPLETED

PUBLISHED = {
    ProcessKind.NEGOTIATION: {
        (None, R, C), (None, B, P), (R, B, P), (R, G, P), (B, R, C), (B, A, C), (A, G, P),
        (G, V, C), (V, F, P),
        *((state, X, side) for state in (R, B, A, G, V) for side in (C, P)),
    },
    ProcessKind.TRANSFER: {
        (None, R, C), (R, S, P), (S, D, C), (S, D, P), (S, H, C), (S, H, P), (H, S, C), (H, S, P),
        *((state, X, side) for state in (R, S, H) for side in (C, P)),
    },
}  # fmt: skip
"""The specification's transitions, written down once more from its text."""


@pytest.mark.parametrize("kind", KINDS)
def test_the_table_is_the_specification_s(kind: ProcessKind) -> None:
    said = {(state, after, side) for (state, _, side), after in TABLES[kind].items()}
    assert said == PUBLISHED[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_in_the_table_is_refused(kind: ProcessKind) -> None:
    for state, move, side in product([None, *State], Move, Side):
        expected = TABLES[kind].get((state, move, side))
        if expected is None:
            with pytest.raises(Invalid) as refusal:
                next_state(kind, state, move, side)
            assert refusal.value.rule == "dsp.transition"
        else:
            assert next_state(kind, state, move, side) is expected
    for state, side in product(FINAL, Side):
        assert not moves_of(kind, state, side)


@cache
def _stage() -> tuple[ControlStore, Peer]:
    """A store and a peer, made once: walks do not meet in it."""
    folder = Path(mkdtemp(prefix="quanyu-walk-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    store = ControlStore(f"sqlite:///{folder / 'control.sqlite'}")
    migrate(store)
    here = Here("here", "http://here.example", b"k" * 32)
    with store.begin() as session:
        peer, _ = add_peer(
            session,
            here,
            participant="there",
            address="http://there.example/dsp",
            name=LocalText(en="There"),
            token="x",
        )
    return store, peer


class Walk(RuleBasedStateMachine):
    """Processes of both kinds and roles in one store; each move is tried by either side."""

    walked = Bundle("walked")

    def __init__(self) -> None:
        super().__init__()
        self.store, self.peer = _stage()
        self.states: dict[str, State | None] = {}
        self.taken: dict[str, int] = {}

    @rule(target=walked, kind=sampled_from(KINDS), role=sampled_from(list(Side)))
    def begin(self, kind: ProcessKind, role: Side) -> str:
        with self.store.begin() as session:
            row = open_process(
                session,
                kind,
                role,
                self.peer.id,
                self.peer.party,
                callback="http://there.example/dsp",
                their_pid=None,
                dataset="d",
            )
            name = row.id
        self.states[name], self.taken[name] = None, 0
        return name

    @rule(name=walked, move=sampled_from(list(Move)), sender=sampled_from(list(Side)))
    def step(self, name: str, move: Move, sender: Side) -> None:
        before = self.states[name]
        kind = ProcessKind("negotiation" if name.startswith("neg_") else "transfer")
        expected = TABLES[kind].get((before, move, sender))
        body: dict[str, Any] = {"@type": "x", "n": self.taken[name]}
        try:
            with self.store.begin() as session:
                row = session.get_one(ProcessRow, name)
                after = move_on(session, row, move, sender, body)
        except Invalid:
            assert expected is None
            return
        assert after is expected
        self.states[name] = after
        self.taken[name] += 1

    @invariant()
    def the_store_says_the_same(self) -> None:
        with self.store.read() as session:
            for name, state in self.states.items():
                row = session.get_one(ProcessRow, name)
                assert row.state == (state.value if state else "")
                messages = session.query(MessageRow).filter_by(process=name).count()
                assert messages == self.taken[name] == row.revision


TestWalk = Walk.TestCase
TestWalk.settings = settings(
    max_examples=4, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)


def begun(role: Side, secret: str | None = None) -> str:
    """A negotiation whose first message is this side's and was received, its answer lost."""
    store, peer = _stage()
    with store.begin() as session:
        row = open_process(
            session,
            ProcessKind.NEGOTIATION,
            role,
            peer.id,
            peer.party,
            callback="http://there.example/dsp",
            their_pid=None,
            dataset="d",
        )
        move = Move.REQUEST if role is Side.CONSUMER else Move.OFFER
        move_on(session, row, move, role, {"@type": "x", "n": 0}, secret=secret)
        return row.id


@pytest.mark.parametrize("role", list(Side))
def test_what_is_answered_by_a_message_was_received(role: Side) -> None:
    """A node was killed before it read the answer to its first message: the other side's next one
    shows that it has it, so that nothing stands behind it for ever."""
    store, _ = _stage()
    other = Side.PROVIDER if role is Side.CONSUMER else Side.CONSUMER
    name = begun(role, "sealed")
    with store.begin() as session:
        row = session.get_one(ProcessRow, name)
        next_one = Move.AGREE if role is Side.CONSUMER else Move.ACCEPT
        move_on(session, row, next_one, other, {"@type": "x", "n": 1})
        first = session.query(MessageRow).filter_by(process=name, outgoing=True).one()
        assert first.sent_at is not None
        assert (first.due_at, first.secret) == (None, None)
    # An end shows only that the process is known there: what came after the first is moot.
    name = begun(role, "sealed")
    with store.begin() as session:
        row = session.get_one(ProcessRow, name)
        move_on(session, row, Move.TERMINATE, other, {"@type": "x", "n": 1})
        first = session.query(MessageRow).filter_by(process=name, outgoing=True).one()
        assert first.sent_at is not None
        assert first.due_at is None


def test_what_a_silent_peer_did_not_get_goes_out_when_it_is_heard() -> None:
    """The waiting between attempts grows while a peer is away; whatever is heard of it, a message
    or an answer, ends that for all that it was silent on, and for nothing else."""
    store, _ = _stage()
    here = Here("here", "http://here.example", b"k" * 32)
    away, refused, speaks, answered = (begun(Side.CONSUMER) for _ in range(4))

    def nobody(*_: object, **__: object) -> Answered:
        raise Unavailable("nobody is there")

    def tried_long() -> None:
        """Both were tried eight times, one in vain and the other refused; now neither is due."""
        with store.begin() as session:
            for name, problem in ((away, silence), (refused, "503: too busy")):
                message = session.query(MessageRow).filter_by(process=name).one()
                message.due_at, message.attempts = now() + timedelta(minutes=2), 8
                message.problem = problem

    def waits(name: str) -> bool:
        with store.read() as session:
            message = session.query(MessageRow).filter_by(process=name, outgoing=True).one()
            assert message.due_at is not None
            return message.due_at > now()

    with store.begin() as session:
        session.query(MessageRow).update({"due_at": None})
        session.query(MessageRow).filter_by(process=away).one().due_at = now()
    assert deliver_due(store, here, nobody) == 0
    with store.read() as session:
        silence = session.query(MessageRow).filter_by(process=away).one().problem
    assert "nobody is there" in silence

    tried_long()
    with store.begin() as session:
        row = session.get_one(ProcessRow, speaks)
        move_on(session, row, Move.AGREE, Side.PROVIDER, {"@type": "x", "n": 1})
    assert not waits(away)
    assert waits(refused)

    tried_long()
    with store.begin() as session:
        session.query(MessageRow).filter_by(process=answered).one().due_at = now()
    taken = Answered(201, {}, orjson.dumps({"providerPid": "theirs"}), "there")
    assert deliver_due(store, here, lambda *_, **__: taken) == 1
    assert not waits(away)
    assert waits(refused)


def test_terms_are_the_same_whatever_their_order_and_no_others() -> None:
    one = {"leftOperand": "count", "operator": "lteq", "rightOperand": "5"}
    two = {"leftOperand": "purpose", "operator": "eq", "rightOperand": "urn:x"}
    ring = {"leftOperand": "spatial", "operator": "isPartOf", "rightOperand": [[0, 1], [2, 3]]}
    turned = {**ring, "rightOperand": [[2, 3], [0, 1]]}

    def terms(*conditions: dict[str, Any], action: str = "use") -> dict[str, Any]:
        return {"permission": [{"action": action, "constraint": list(conditions)}]}

    assert same_terms(terms(one, two), terms(two, one))
    assert same_terms(terms(), {"permission": [{"action": "odrl:use", "@id": "r"}]})
    assert not same_terms(terms(one), terms(two))
    assert not same_terms(terms(one), terms(one, two))
    assert not same_terms(terms(one), terms(one, action="read"))
    assert not same_terms(terms(ring), terms(turned))
    assert not same_terms(None, None)


def _examples() -> Iterator[Path]:
    return iter(sorted(SHARED.glob("*/example/*.json")))


@pytest.mark.skipif(not found(), reason="no vectors of the protocol: shared/data is absent")
def test_captured_examples_are_read_as_their_schemas_say() -> None:
    moves = {
        "ContractRequestMessage": (ProcessKind.NEGOTIATION, (Move.REQUEST,)),
        "ContractOfferMessage": (ProcessKind.NEGOTIATION, (Move.OFFER,)),
        "ContractAgreementMessage": (ProcessKind.NEGOTIATION, (Move.AGREE,)),
        "ContractAgreementVerificationMessage": (ProcessKind.NEGOTIATION, (Move.VERIFY,)),
        "ContractNegotiationEventMessage": (
            ProcessKind.NEGOTIATION,
            (Move.ACCEPT, Move.FINALIZE),
        ),
        "ContractNegotiationTerminationMessage": (ProcessKind.NEGOTIATION, (Move.TERMINATE,)),
        "TransferRequestMessage": (ProcessKind.TRANSFER, (Move.REQUEST,)),
        "TransferStartMessage": (ProcessKind.TRANSFER, (Move.START,)),
        "TransferSuspensionMessage": (ProcessKind.TRANSFER, (Move.SUSPEND,)),
        "TransferCompletionMessage": (ProcessKind.TRANSFER, (Move.COMPLETE,)),
        "TransferTerminationMessage": (ProcessKind.TRANSFER, (Move.TERMINATE,)),
    }
    read = 0
    for path in _examples():
        document = json.loads(path.read_text())
        kind = document.get("@type")
        if kind not in SCHEMAS:
            continue
        assert not faults(document, SCHEMAS[kind]), path.name
        if kind in moves:
            process, allowed = moves[kind]
            message = read_message(document, process, *allowed)
            assert message.move in allowed
            assert "TOKEN" not in message.digest
            read += 1
    assert read >= 12
