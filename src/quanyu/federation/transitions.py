"""The state machines of the Dataspace Protocol 2025-1 as two tables (§7.1.3, §9.1.3).

A negotiation may be terminated by either side from every state that is not final: so says the
specification's prose, which is wider than its diagram.
"""

from types import MappingProxyType
from typing import TypeAlias

from quanyu.agreements import Side
from quanyu.federation.model import Move, ProcessKind, State
from quanyu.kernel import Invalid

_C, _P = Side.CONSUMER, Side.PROVIDER
_Step: TypeAlias = tuple[State | None, Move, Side]

FINAL = frozenset({State.FINALIZED, State.COMPLETED, State.TERMINATED})
_OPEN_NEGOTIATION = (
    State.REQUESTED,
    State.OFFERED,
    State.ACCEPTED,
    State.AGREED,
    State.VERIFIED,
)
_OPEN_TRANSFER = (State.REQUESTED, State.STARTED, State.SUSPENDED)


def _ends(states: tuple[State, ...]) -> dict[_Step, State]:
    return {(s, Move.TERMINATE, side): State.TERMINATED for s in states for side in Side}


TABLES: MappingProxyType[ProcessKind, MappingProxyType[_Step, State]] = MappingProxyType(
    {
        ProcessKind.NEGOTIATION: MappingProxyType(
            {
                (None, Move.REQUEST, _C): State.REQUESTED,
                (None, Move.OFFER, _P): State.OFFERED,
                (State.REQUESTED, Move.OFFER, _P): State.OFFERED,
                (State.REQUESTED, Move.AGREE, _P): State.AGREED,
                (State.OFFERED, Move.REQUEST, _C): State.REQUESTED,
                (State.OFFERED, Move.ACCEPT, _C): State.ACCEPTED,
                (State.ACCEPTED, Move.AGREE, _P): State.AGREED,
                (State.AGREED, Move.VERIFY, _C): State.VERIFIED,
                (State.VERIFIED, Move.FINALIZE, _P): State.FINALIZED,
                **_ends(_OPEN_NEGOTIATION),
            }
        ),
        ProcessKind.TRANSFER: MappingProxyType(
            {
                (None, Move.REQUEST, _C): State.REQUESTED,
                (State.REQUESTED, Move.START, _P): State.STARTED,
                (State.STARTED, Move.COMPLETE, _C): State.COMPLETED,
                (State.STARTED, Move.COMPLETE, _P): State.COMPLETED,
                (State.STARTED, Move.SUSPEND, _C): State.SUSPENDED,
                (State.STARTED, Move.SUSPEND, _P): State.SUSPENDED,
                (State.SUSPENDED, Move.START, _C): State.STARTED,
                (State.SUSPENDED, Move.START, _P): State.STARTED,
                **_ends(_OPEN_TRANSFER),
            }
        ),
    }
)
"""From where, by which move of whom, to where. What is not here is refused."""


def next_state(kind: ProcessKind, state: State | None, move: Move, sender: Side) -> State:
    """The state that a move leads to; :class:`Invalid` (rule ``dsp.transition``) for any other."""
    found = TABLES[kind].get((state, move, sender))
    if found is None:
        raise Invalid(
            "in the state {state} the {side} cannot {move}",
            field="state",
            mend="read the process again: it takes {moves}",
            rule="dsp.transition",
            state=state.value if state else "—",
            side=sender.value,
            move=move.value,
            moves=", ".join(sorted({m.value for m in moves_of(kind, state, sender)})) or "nothing",
        )
    return found


def moves_of(kind: ProcessKind, state: State | None, sender: Side) -> list[Move]:
    """What one side may do in a state."""
    return [move for s, move, side in TABLES[kind] if s == state and side == sender]
