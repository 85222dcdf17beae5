"""Allocations read: by who has them, and by who keeps what they are of."""

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from quanyu.kernel import Invalid
from quanyu.operations.allocation.model import Allocation, AllocationPage, AllocationState
from quanyu.operations.allocation.moving import no_allocation, sides
from quanyu.operations.allocation.recording import to_allocation
from quanyu.operations.allocation.tables import AllocationRow
from quanyu.parties import Caller, Role


def allocation(session: Session, name: str, caller: Caller) -> Allocation:
    """One; :class:`NotFound` when there is none that the caller has or keeps."""
    row = (
        session.scalar(select(AllocationRow).where(AllocationRow.id == name))
        if name.isprintable()
        else None
    )
    if row is None or not (sides(caller, row) or _oversees(caller)):
        raise no_allocation(name)
    return to_allocation(row)


def allocations(
    session: Session,
    caller: Caller,
    *,
    capacity: str = "",
    states: frozenset[AllocationState] = frozenset(),
    mine: bool = False,
    limit: int = 50,
    after: str | None = None,
) -> AllocationPage:
    """Allocations that the caller's party has or keeps, the latest first; ``mine`` leaves out those
    that it only keeps."""
    if not 1 <= limit <= 1000:
        raise Invalid("a page has 1 to 1000 items", field="limit", mend="ask for fewer")
    row, party = AllocationRow, caller.party or ""
    query = select(row).order_by(row.number.desc()).limit(limit + 1)
    if mine:
        query = query.where(row.party == party)
    elif not _oversees(caller):
        keeps = caller.roles & {Role.STEWARD, Role.SUPPLIER}
        query = query.where(
            or_(row.party == party, row.provider == party) if keeps else row.party == party
        )
    if capacity:
        query = query.where(row.capacity == capacity)
    if states:
        query = query.where(row.state.in_(sorted(state.value for state in states)))
    if after is not None:
        if not (after.isdecimal() and len(after) < 19):
            raise Invalid("this page token is not of this list", field="after", mend="begin again")
        query = query.where(row.number < int(after))
    rows = list(session.scalars(query))
    more = len(rows) > limit
    return AllocationPage(
        tuple(to_allocation(one) for one in rows[:limit]),
        str(rows[limit - 1].number) if more else None,
    )


def _oversees(caller: Caller) -> bool:
    return caller.runs_node and bool(caller.roles & {Role.STEWARD, Role.OPERATOR, Role.AUDITOR})
