"""What becomes of a request: decided, begun, given back, cancelled, expired."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from quanyu.catalogue import may_write
from quanyu.kernel import (
    Calendar,
    Conflict,
    ControlStore,
    Invalid,
    LocalText,
    NotFound,
    PartyId,
    Refused,
    now,
)
from quanyu.operations.allocation.capacities import check_well, to_capacity
from quanyu.operations.allocation.model import Allocation, AllocationMove, AllocationState
from quanyu.operations.allocation.recording import (
    locked,
    record,
    release,
    tell,
    to_allocation,
)
from quanyu.operations.allocation.requesting import move_up
from quanyu.operations.allocation.tables import AllocationRow, CapacityRow
from quanyu.parties import Caller, Scope

_S, _M = AllocationState, AllocationMove
_AT_ONCE = 100


class Side(StrEnum):
    """Who a move is for."""

    KEEPER = "keeper"
    HOLDER = "holder"


@dataclass(frozen=True, slots=True)
class AllocationStep:
    """A row of the table of moves."""

    move: AllocationMove
    name: LocalText
    since: frozenset[AllocationState]
    to: AllocationState
    who: frozenset[Side]
    leaf: str
    reason: bool = False


ALLOCATION_STEPS: Mapping[AllocationMove, AllocationStep] = {
    row.move: row
    for row in (
        AllocationStep(_M.APPROVE, LocalText(zh="批准", en="Approve"), frozenset({_S.REQUESTED}),
                       _S.HELD, frozenset({Side.KEEPER}), "approved"),
        AllocationStep(_M.REFUSE, LocalText(zh="不予批准", en="Refuse"), frozenset({_S.REQUESTED}),
                       _S.REFUSED, frozenset({Side.KEEPER}), "refused", reason=True),
        AllocationStep(_M.BEGIN, LocalText(zh="开始使用", en="Begin to use"), frozenset({_S.HELD}),
                       _S.IN_USE, frozenset({Side.HOLDER, Side.KEEPER}), "begun"),
        AllocationStep(_M.RETURN, LocalText(zh="归还", en="Give back"), frozenset({_S.IN_USE}),
                       _S.RETURNED, frozenset({Side.HOLDER, Side.KEEPER}), "returned"),
        AllocationStep(_M.CANCEL, LocalText(zh="取消", en="Cancel"),
                       frozenset({_S.WAITING, _S.REQUESTED, _S.HELD}), _S.CANCELLED,
                       frozenset({Side.HOLDER, Side.KEEPER}), "cancelled"),
    )
}  # fmt: skip


def move_allocation(
    session: Session,
    name: str,
    caller: Caller,
    move: AllocationMove,
    *,
    calendar: Calendar,
    note: str = "",
    revision: int | None = None,
    at: datetime | None = None,
) -> Allocation:
    """Take one step. What becomes free goes to who waits, with the same transaction.

    Raises :class:`NotFound` for who may not know of it, :class:`Refused` (rule
    ``allocations.move``), :class:`Conflict` where it does not stand so or has changed meanwhile.
    """
    row = locked(session, name) if name.isprintable() else None
    if row is None or not sides(caller, row):
        raise no_allocation(name)
    step, moment = ALLOCATION_STEPS[move], at or now()
    if not step.who & sides(caller, row) or Scope.WRITE not in caller.scopes:
        raise Refused(
            "this step of an allocation is not yours",
            rule="allocations.move",
            mend="it is for: {who}; a token needs the scope “write”",
            who=", ".join(sorted(step.who)),
        )
    if revision is not None and row.revision != revision:
        raise Conflict(
            "this allocation has changed meanwhile", field="revision", mend="open it again and look"
        )
    if AllocationState(row.state) not in step.since:
        raise Conflict(
            "an allocation that is “{state}” cannot take this step",
            field="move",
            mend="open it again and look",
            state=row.state,
        )
    said = note.strip()
    if len(said) > 500 or (step.reason and not said):
        raise Invalid("say why, in a few words", field="note", mend="write something short")
    _take(session, row, step, caller, said, calendar, moment)
    return to_allocation(row)


def moves_for(caller: Caller, one: Allocation) -> tuple[AllocationStep, ...]:
    """What a caller may do to an allocation now."""
    being = _sides(caller, one.party, one.provider)
    return tuple(
        row for row in ALLOCATION_STEPS.values() if one.state in row.since and row.who & being
    )


def lapse_allocations(control: ControlStore, calendar: Calendar, at: datetime | None = None) -> int:
    """End what was not decided or begun in time, and what its time has run out; how many. What
    becomes free moves up. For a duty: each in its own transaction."""
    moment = at or now()
    claims = AllocationRow.state.in_([_S.REQUESTED.value, _S.HELD.value])
    with control.read() as session:
        due = session.scalars(
            select(AllocationRow.id)
            .where(
                or_(
                    claims & (AllocationRow.hold_until <= moment),
                    (AllocationRow.state == _S.IN_USE.value) & (AllocationRow.until <= moment),
                    (AllocationRow.state == _S.WAITING.value) & (AllocationRow.since <= moment),
                )
            )
            .order_by(AllocationRow.number)
            .limit(_AT_ONCE)
        ).all()
    for name in due:
        with control.begin() as session:
            row = locked(session, name)
            # It may have been decided, begun or ended since it was looked for.
            if row is not None and _is_due(row, moment):
                _lapse(session, row, calendar, moment)
    return len(due)


def _is_due(row: AllocationRow, moment: datetime) -> bool:
    match AllocationState(row.state):
        case _S.REQUESTED | _S.HELD:
            return row.hold_until is not None and row.hold_until <= moment
        case _S.IN_USE:
            return row.until <= moment
        case _S.WAITING:
            return row.since <= moment
    return False


def sides(caller: Caller, row: AllocationRow) -> frozenset[Side]:
    """What a caller is to an allocation."""
    return _sides(caller, PartyId(row.party), PartyId(row.provider))


def no_allocation(name: str) -> NotFound:
    """The error for what is not there, or not for this caller."""
    return NotFound("there is no allocation {id}", id=name[:80])


def _sides(caller: Caller, party: PartyId, provider: PartyId) -> frozenset[Side]:
    found = {Side.HOLDER} if caller.party is not None and caller.party == party else set()
    return frozenset(found | ({Side.KEEPER} if may_write(caller, provider) else set()))


def _take(  # noqa: PLR0917 - what a step is made of
    session: Session,
    row: AllocationRow,
    step: AllocationStep,
    caller: Caller,
    note: str,
    calendar: Calendar,
    moment: datetime,
) -> None:
    of = to_capacity(session.get_one(CapacityRow, row.capacity))
    claimed = row.state != _S.WAITING.value
    if step.move is _M.BEGIN:
        check_well(session, of.resource)
        early = row.since - timedelta(minutes=of.slot_minutes)
        if moment < early:
            raise Conflict(
                "this can be begun one slot before its time at the earliest",
                field="move",
                mend="wait a while",
            )
    row.state, row.note = step.to.value, note or row.note
    if step.move is _M.APPROVE:
        row.hold_until = row.since + timedelta(minutes=of.hold_minutes)
        tell(session, row, "your request for “{title}” from {since} is granted")
    elif step.move is _M.BEGIN:
        row.hold_until = None
    else:
        row.ended_at = moment
        if claimed:
            release(session, row, of, calendar, moment)
        else:
            row.starts = []
    if step.move is _M.REFUSE:
        tell(session, row, "your request for “{title}” from {since} was refused: {note}", note=note)
    record(session, row, step.leaf, caller)
    if step.move in (_M.REFUSE, _M.RETURN, _M.CANCEL) and claimed:
        move_up(session, of, calendar, moment)


def _lapse(session: Session, row: AllocationRow, calendar: Calendar, moment: datetime) -> None:
    of = to_capacity(session.get_one(CapacityRow, row.capacity))
    used, waited = row.state == _S.IN_USE.value, row.state == _S.WAITING.value
    row.state = (_S.RETURNED if used else _S.EXPIRED).value
    row.ended_at = moment
    if not (used or waited):
        release(session, row, of, calendar, moment)
        tell(session, row, "what you had of “{title}” from {since} has expired")
    if waited:
        row.starts = []
    row.hold_until = None
    record(session, row, "returned" if used else "expired", None)
    if not (used or waited):
        move_up(session, of, calendar, moment)
