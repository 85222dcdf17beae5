"""Taking and giving back: counters that the database keeps within what there is.

A claim is one guarded ``UPDATE`` for each slot, in the order of time, so that two who want the same
wait for one another rather than both having it; a check constraint stands behind. It holds for any
number of processes on SQLite and PostgreSQL alike, and does not read before it writes.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from quanyu.kernel import Calendar, Conflict, TooMany
from quanyu.operations.allocation.grid import month_of
from quanyu.operations.allocation.model import Capacity
from quanyu.operations.allocation.tables import CapacityRow, QuotaRow, SlotRow


def take_turn(session: Session, name: str) -> None:
    """Wait until nobody else takes or gives of a capacity, until the end of this transaction.

    The counters alone keep what is right; this keeps transactions that touch many of them from
    waiting for one another in a circle.
    """
    session.execute(select(CapacityRow.id).where(CapacityRow.id == name).with_for_update())


class NoCapacity(Conflict):
    """Somebody else has it."""


def claim(
    session: Session,
    of: Capacity,
    party: str,
    starts: Sequence[datetime],
    amount: int,
    *,
    calendar: Calendar,
) -> None:
    """Take so much of each slot for a party.

    Raises :class:`NoCapacity` when one is taken, :class:`TooMany` when the quota is used up; then
    the transaction, or the savepoint around this, must be rolled back.
    """
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    if of.quota is not None:
        for month, count in sorted(_months(starts, calendar).items()):
            key = {"capacity": of.id, "party": party, "month": month}
            session.execute(
                insert(QuotaRow).values(**key, taken=0, most=of.quota).on_conflict_do_nothing()
            )
            row = QuotaRow
            taken = session.execute(
                update(row)
                .where(
                    row.capacity == of.id,
                    row.party == party,
                    row.month == month,
                    row.taken + count * amount <= of.quota,
                )
                .values(taken=row.taken + count * amount, most=of.quota)
                .returning(row.month)
            )
            if taken.first() is None:
                raise TooMany(
                    "the quota of your party for {month} is used up: {most}",
                    field="amount",
                    mend="give something back, or ask who keeps it",
                    rule="allocations.quota",
                    month=month,
                    most=of.quota,
                )
    for start in sorted(starts):
        session.execute(
            insert(SlotRow)
            .values(capacity=of.id, start=start, taken=0, most=of.amount)
            .on_conflict_do_nothing()
        )
        taken = session.execute(
            update(SlotRow)
            .where(
                SlotRow.capacity == of.id,
                SlotRow.start == start,
                SlotRow.taken + amount <= of.amount,
            )
            .values(taken=SlotRow.taken + amount, most=of.amount)
            .returning(SlotRow.start)
        )
        if taken.first() is None:
            raise NoCapacity(
                "in one of these slots there is not so much free",
                field="since",
                mend="choose another time, ask for less, or wait for it",
                rule="allocations.conflict",
            )


def give_back(
    session: Session,
    of: Capacity,
    party: str,
    starts: Sequence[datetime],
    amount: int,
    *,
    calendar: Calendar,
) -> None:
    """Give back what :func:`claim` took, of these slots."""
    for month, count in sorted(_months(starts, calendar).items()):
        row = QuotaRow
        session.execute(
            update(row)
            .where(
                row.capacity == of.id,
                row.party == party,
                row.month == month,
                row.taken >= count * amount,
            )
            .values(taken=row.taken - count * amount)
        )
    for start in sorted(starts):
        session.execute(
            update(SlotRow)
            .where(SlotRow.capacity == of.id, SlotRow.start == start)
            .values(taken=SlotRow.taken - amount)
        )


def _months(starts: Sequence[datetime], calendar: Calendar) -> Counter[str]:
    return Counter(month_of(start, calendar) for start in starts)
