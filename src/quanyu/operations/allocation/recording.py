"""A step of an allocation: its evidence and its notices, in the same transaction."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.catalogue import resource
from quanyu.kernel import (
    Calendar,
    MemberId,
    PartyId,
    ResourceId,
    announce,
    iso,
    owe,
)
from quanyu.operations.allocation.claiming import give_back, take_turn
from quanyu.operations.allocation.model import (
    Allocation,
    AllocationChanged,
    AllocationState,
    Capacity,
)
from quanyu.operations.allocation.tables import AllocationRow
from quanyu.parties import Caller, Role, notify

DESK = frozenset({Role.STEWARD, Role.SUPPLIER, Role.OPERATOR})


def record(session: Session, row: AllocationRow, step: str, caller: Caller | None) -> None:
    """Owe the leaf of a step; ``caller`` is ``None`` for the program itself."""
    row.revision += 1
    session.flush()
    owe(
        session,
        f"allocation.{step}",
        row.id,
        {
            "capacity": row.capacity,
            "resource": row.resource,
            "by": (caller.party or "") if caller else "",
            "state": row.state,
            "since": iso(row.since),
            "until": iso(row.until),
            "amount": row.amount,
            "revision": row.revision,
        },
    )
    announce(
        session,
        AllocationChanged(
            row.id, ResourceId(row.resource), PartyId(row.party), AllocationState(row.state)
        ),
    )


def tell(
    session: Session, row: AllocationRow, message: str, *, provider: bool = False, **more: Any
) -> None:
    """Tell who asked, or (``provider``) who keeps the resource."""
    title = resource(session, row.resource).title
    members = [] if provider else [MemberId(row.member)]
    notify(
        session,
        to=PartyId(row.provider if provider else row.party),
        topic="allocation",
        message=message,
        params={"title": title, "since": row.since, **more},
        link=f"/allocations/{row.id}",
        roles=DESK if provider else frozenset(),
        members=members,
    )


def release(
    session: Session, row: AllocationRow, of: Capacity, calendar: Calendar, after: datetime
) -> None:
    """Give back the slots of an allocation that have not begun at ``after``; others were used."""
    take_turn(session, of.id)
    starts = starts_of(row)
    back = [start for start in starts if start >= after]
    give_back(session, of, row.party, back, row.amount, calendar=calendar)
    row.starts = [iso(start) for start in starts if start < after]
    row.hold_until = None


def starts_of(row: AllocationRow) -> list[datetime]:
    """The beginnings of the slots that a row claims."""
    return [datetime.fromisoformat(one) for one in row.starts]


def locked(session: Session, name: str) -> AllocationRow | None:
    """The allocation, held for this transaction, as it is now."""
    return session.scalar(
        select(AllocationRow)
        .where(AllocationRow.id == name)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def to_allocation(row: AllocationRow) -> Allocation:
    """The allocation in a row."""
    return Allocation(
        id=row.id,
        number=row.number,
        capacity=row.capacity,
        resource=ResourceId(row.resource),
        provider=PartyId(row.provider),
        party=PartyId(row.party),
        member=MemberId(row.member),
        since=row.since,
        until=row.until,
        slots=len(row.starts),
        amount=row.amount,
        purpose=row.purpose,
        state=AllocationState(row.state),
        note=row.note,
        requested_at=row.requested_at,
        hold_until=row.hold_until,
        ended_at=row.ended_at,
        revision=row.revision,
    )
