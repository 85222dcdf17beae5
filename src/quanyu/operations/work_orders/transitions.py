"""The table of moves: from which states to which, who may, and whether a reason is needed."""

from dataclasses import dataclass
from enum import StrEnum

from quanyu.kernel import Conflict, LocalText, Refused, Unauthenticated
from quanyu.operations.work_orders.model import OrderMove, WorkOrder, WorkOrderState
from quanyu.parties import Caller, Role, Scope

_S = WorkOrderState
_FIELD = frozenset({Role.STEWARD, Role.OPERATOR, Role.SUPPLIER})
_HEADS = frozenset({Role.STEWARD, Role.OPERATOR})


class Who(StrEnum):
    """Relations of a caller to an order."""

    RAISER = "raiser"
    ASSIGNEE = "assignee"
    DISPATCHER = "dispatcher"


@dataclass(frozen=True, slots=True)
class Transition:
    """One move. ``to`` is ``None`` where the state stays."""

    move: OrderMove
    name: LocalText
    done: LocalText
    since: frozenset[WorkOrderState]
    to: WorkOrderState | None
    who: frozenset[Who]
    reason: bool = False


OVER = frozenset({_S.CLOSED, _S.CANCELLED})
"""States in which nothing is owed any more."""
OWED = frozenset({_S.OPEN, _S.ACCEPTED, _S.IN_PROGRESS, _S.RETURNED})
"""States in which the work itself is still to be done: the deadline runs."""
_ASSIGNEE, _RAISER, _DISPATCHER = (
    frozenset({Who.ASSIGNEE}),
    frozenset({Who.RAISER}),
    frozenset({Who.DISPATCHER}),
)


def _row(
    move: OrderMove,
    name: tuple[str, str],
    done: tuple[str, str],
    since: set[WorkOrderState],
    to: WorkOrderState | None,
    *,
    who: frozenset[Who],
    reason: bool = False,
) -> Transition:
    names = LocalText(zh=name[0], en=name[1]), LocalText(zh=done[0], en=done[1])
    return Transition(move, *names, frozenset(since), to, who, reason)


TRANSITIONS: dict[OrderMove, Transition] = {
    row.move: row
    for row in (
        _row(OrderMove.ASSIGN, ("派发", "Assign"), ("已派发", "Assigned"),
             {_S.OPEN, _S.RETURNED}, _S.OPEN, who=_DISPATCHER),
        _row(OrderMove.ACCEPT, ("接单", "Accept"), ("已接单", "Accepted"),
             {_S.OPEN}, _S.ACCEPTED, who=_ASSIGNEE),
        _row(OrderMove.START, ("开始处置", "Begin"), ("开始处置", "Begun"),
             {_S.ACCEPTED}, _S.IN_PROGRESS, who=_ASSIGNEE),
        _row(OrderMove.FINISH, ("处置完成", "Say it is done"), ("处置完成", "Done"),
             {_S.ACCEPTED, _S.IN_PROGRESS}, _S.DONE, who=_ASSIGNEE),
        _row(OrderMove.CHECK, ("核查通过", "Checked: it is right"), ("核查通过", "Checked"),
             {_S.DONE}, _S.CHECKED, who=_RAISER | _DISPATCHER),
        _row(OrderMove.CLOSE, ("结案", "Close"), ("已结案", "Closed"),
             {_S.CHECKED}, _S.CLOSED, who=_RAISER | _DISPATCHER),
        _row(OrderMove.REOPEN, ("重新打开", "Reopen"), ("已重新打开", "Reopened"),
             {_S.DONE, _S.CHECKED, _S.CLOSED}, _S.OPEN, who=_RAISER | _DISPATCHER, reason=True),
        _row(OrderMove.RETURN, ("退回", "Return"), ("已退回", "Returned"),
             {_S.OPEN, _S.ACCEPTED, _S.IN_PROGRESS}, _S.RETURNED, who=_ASSIGNEE, reason=True),
        _row(OrderMove.TRANSFER, ("转派", "Transfer"), ("已转派", "Transferred"),
             {_S.OPEN, _S.ACCEPTED, _S.IN_PROGRESS}, _S.OPEN, who=_ASSIGNEE | _DISPATCHER,
             reason=True),
        _row(OrderMove.CANCEL, ("撤销", "Cancel"), ("已撤销", "Cancelled"),
             {_S.OPEN, _S.ACCEPTED, _S.IN_PROGRESS, _S.RETURNED}, _S.CANCELLED,
             who=_RAISER | _DISPATCHER, reason=True),
        _row(OrderMove.NOTE, ("添加备注", "Add a note"), ("备注", "Note"),
             set(_S) - {_S.CANCELLED}, None, who=_RAISER | _ASSIGNEE | _DISPATCHER),
    )
}  # fmt: skip
FURTHER = {
    OrderMove.OPEN: LocalText(zh="已立案", en="Opened"),
    OrderMove.ESCALATE: LocalText(zh="超期升级", en="Escalated: overdue"),
}
"""Names of what is in the course of an order and no button."""


def relations(caller: Caller, order: WorkOrder) -> frozenset[Who]:
    """What a caller is to an order; a token needs the scope ``write``."""
    if caller.anonymous or Scope.WRITE not in caller.scopes:
        return frozenset()
    found = set()
    own = caller.party is not None and caller.party == order.raiser
    if (own and caller.member == order.raiser_member) or (own and caller.roles & _HEADS):
        found.add(Who.RAISER)
    if caller.party == order.party and (caller.roles & _FIELD or caller.member == order.member):
        found.add(Who.ASSIGNEE)
    if dispatches(caller):
        found.add(Who.DISPATCHER)
    return frozenset(found)


def dispatches(caller: Caller) -> bool:
    """Whether a caller hands out orders: stewards and operators of the node."""
    return caller.runs_node and any(caller.may(role, Scope.WRITE) for role in _HEADS)


def leads(caller: Caller, order: WorkOrder) -> bool:
    """Whether a caller says which member of the assigned party does it."""
    return caller.party == order.party and bool(caller.roles & _HEADS)


def moves_of(caller: Caller, order: WorkOrder) -> tuple[Transition, ...]:
    """What a caller may do to an order now, in the order of the table."""
    being = relations(caller, order)
    return tuple(
        row for row in TRANSITIONS.values() if order.state in row.since and row.who & being
    )


def check_move(caller: Caller, order: WorkOrder, move: OrderMove) -> Transition:
    """The row of a move; raises :class:`Unauthenticated`, :class:`Refused` (rule
    ``work-orders.move``) for who may not, :class:`Conflict` where it does not stand so."""
    row = TRANSITIONS[move]
    if caller.anonymous:
        raise Unauthenticated("sign in to do this", mend="sign in or send an API token")
    if not row.who & relations(caller, order):
        raise Refused(
            "this step of a work order is not yours",
            rule="work-orders.move",
            mend="it is for: {who}; a token needs the scope “write”",
            who=", ".join(sorted(row.who)),
        )
    check_stands(order, row)
    return row


def check_stands(order: WorkOrder, row: Transition) -> None:
    """Raise :class:`Conflict` unless the order is in a state from which the move goes."""
    if order.state not in row.since:
        raise Conflict(
            "a work order that is “{state}” cannot take this step",
            field="move",
            mend="open it again and look",
            state=order.state.value,
        )
