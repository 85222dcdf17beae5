"""Orders read: one, a page of them, what happened to one."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from quanyu.kernel import Invalid, NotFound, PartyId, batched
from quanyu.operations.work_orders.model import (
    OrderPage,
    OrderStep,
    Priority,
    WorkOrder,
    WorkOrderState,
)
from quanyu.operations.work_orders.rows import to_order, to_step
from quanyu.operations.work_orders.tables import ConcernedRow, OrderStepRow, WorkOrderRow
from quanyu.operations.work_orders.transitions import OVER, OWED
from quanyu.parties import Caller, Role

_OVERSEE = frozenset({Role.STEWARD, Role.OPERATOR, Role.AUDITOR, Role.REVIEWER})
_MOST = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilter:
    """Which orders: everything given must hold. ``mine``: raised by or in the hands of the caller;
    ``overdue_at``: owed, and late at that time."""

    states: frozenset[WorkOrderState] = frozenset()
    category: str = ""
    priority: Priority | None = None
    party: PartyId | None = None
    resource: str = ""
    thing: str = ""
    mine: bool = False
    overdue_at: datetime | None = None
    since: datetime | None = None
    until: datetime | None = None


def may_see_order(session: Session, caller: Caller, row: WorkOrderRow) -> bool:
    """Whether a caller may know of an order: parties concerned, and who oversees the node."""
    if caller.party is None:
        return False
    if oversees(caller):
        return True
    return session.get(ConcernedRow, (caller.party, row.id)) is not None


def oversees(caller: Caller) -> bool:
    """Whether a caller sees all orders of the node."""
    return caller.runs_node and bool(caller.roles & _OVERSEE)


def visible_orders(caller: Caller) -> ColumnElement[bool]:
    """The same as :func:`may_see_order`, for the store."""
    if oversees(caller):
        return true()
    own = select(ConcernedRow.work_order).where(ConcernedRow.party == (caller.party or ""))
    return WorkOrderRow.id.in_(own)


def work_order(session: Session, name: str, caller: Caller | None = None) -> WorkOrder:
    """One order; :class:`NotFound` when there is none that the caller may know of."""
    found = (
        session.scalar(select(WorkOrderRow).where(WorkOrderRow.id == name))
        if (name.isprintable())
        else None
    )
    if found is None or (caller is not None and not may_see_order(session, caller, found)):
        raise no_order(name)
    return to_order(found)


def ended_orders(session: Session, names: Collection[str]) -> dict[str, WorkOrderState]:
    """Those of these orders that are over, and how; for who waits for them."""
    found: dict[str, WorkOrderState] = {}
    for some in batched(sorted(names), _MOST):
        query = select(WorkOrderRow.id, WorkOrderRow.state).where(
            WorkOrderRow.id.in_(some),
            WorkOrderRow.state.in_(_values(OVER)),
        )
        found |= {one.id: WorkOrderState(one.state) for one in session.execute(query)}
    return found


def no_order(name: str) -> NotFound:
    """The error for what is not there, or not for this caller."""
    return NotFound("there is no work order {id}", id=name[:80])


def work_order_steps(session: Session, name: str) -> list[OrderStep]:
    """What happened to an order, the first first."""
    query = (
        select(OrderStepRow).where(OrderStepRow.work_order == name).order_by(OrderStepRow.number)
    )
    return [to_step(row) for row in session.scalars(query)]


def newest_step(session: Session, caller: Caller) -> int:
    """The number of the last step of any order that the caller may know of; 0 before the first."""
    query = select(func.max(OrderStepRow.number))
    if not oversees(caller):
        own = select(ConcernedRow.work_order).where(ConcernedRow.party == (caller.party or ""))
        query = query.where(OrderStepRow.work_order.in_(own))
    return session.scalar(query) or 0


def list_work_orders(
    session: Session,
    caller: Caller,
    wanted: OrderFilter = OrderFilter(),
    *,
    limit: int = 50,
    after: str | None = None,
) -> OrderPage:
    """Orders that the caller may know of, the latest first."""
    if not 1 <= limit <= _MOST:
        raise Invalid("a page has 1 to 1000 items", field="limit", mend="ask for fewer")
    query = (
        select(WorkOrderRow)
        .where(*conditions(caller, wanted))
        .order_by(WorkOrderRow.number.desc())
        .limit(limit + 1)
    )
    if after is not None:
        if not (after.isdecimal() and len(after) < 19):
            raise Invalid("this page token is not of this list", field="after", mend="begin again")
        query = query.where(WorkOrderRow.number < int(after))
    rows = list(session.scalars(query))
    more = len(rows) > limit
    return OrderPage(
        tuple(to_order(row) for row in rows[:limit]), str(rows[limit - 1].number) if more else None
    )


def orders_by_state(
    session: Session, caller: Caller, wanted: OrderFilter, each: int
) -> dict[WorkOrderState, tuple[int, tuple[WorkOrder, ...]]]:
    """For a board: of each state how many there are, and the first ``each`` by their deadline."""
    where = conditions(caller, wanted)
    counts = {
        WorkOrderState(state): count
        for state, count in session.execute(
            select(WorkOrderRow.state, func.count()).where(*where).group_by(WorkOrderRow.state)
        )
    }
    found = {}
    for state, count in counts.items():
        over = state in (WorkOrderState.CLOSED, WorkOrderState.CANCELLED)
        order = WorkOrderRow.number.desc() if over else WorkOrderRow.due_at
        rows = session.scalars(
            select(WorkOrderRow)
            .where(*where, WorkOrderRow.state == state.value)
            .order_by(order)
            .limit(each)
        )
        found[state] = (count, tuple(to_order(row) for row in rows))
    return found


def all_work_orders(session: Session, caller: Caller, wanted: OrderFilter) -> Iterator[WorkOrder]:
    """Every order that is wanted, the latest first, read in pieces."""
    after = None
    while True:
        page = list_work_orders(session, caller, wanted, limit=_MOST, after=after)
        yield from page.items
        after = page.next
        if after is None:
            return


def conditions(caller: Caller, wanted: OrderFilter) -> list[ColumnElement[bool]]:
    """The filter for the store, within what the caller may know of."""
    row = WorkOrderRow
    same: tuple[tuple[InstrumentedAttribute[Any], str | None], ...] = (
        (row.category, wanted.category),
        (row.priority, wanted.priority and wanted.priority.value),
        (row.party, wanted.party),
        (row.resource, wanted.resource),
        (row.thing, wanted.thing),
    )
    found = [visible_orders(caller), *(column == value for column, value in same if value)]
    if wanted.states:
        found.append(row.state.in_(_values(wanted.states)))
    if wanted.mine:
        me = caller.member or ""
        found.append(or_(row.raiser_member == me, row.member == me))
    if wanted.overdue_at is not None:
        found.append(and_(row.state.in_(_values(OWED)), row.due_at <= wanted.overdue_at))
    if wanted.since is not None:
        found.append(row.opened_at >= wanted.since)
    if wanted.until is not None:
        found.append(row.opened_at < wanted.until)
    return found


def _values(states: Collection[WorkOrderState]) -> list[str]:
    return sorted(state.value for state in states)
