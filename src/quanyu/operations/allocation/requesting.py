"""Asking for capacity: what is free is claimed at once; what is not can be waited for."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.catalogue import State, resource
from quanyu.kernel import (
    Calendar,
    Invalid,
    NotFound,
    Refused,
    TooMany,
    Unauthenticated,
    iso,
    new_id,
    now,
)
from quanyu.operations.allocation.capacities import capacity, check_well
from quanyu.operations.allocation.claiming import NoCapacity, claim, take_turn
from quanyu.operations.allocation.grid import slots_between
from quanyu.operations.allocation.model import Allocation, AllocationState, Capacity
from quanyu.operations.allocation.recording import locked, record, starts_of, tell, to_allocation
from quanyu.operations.allocation.tables import AllocationRow
from quanyu.parties import Caller, Scope

_LONGEST = 500
_MOST_WAITING = 200


def request_allocation(
    session: Session,
    name: str,
    caller: Caller,
    *,
    since: datetime,
    until: datetime,
    amount: int = 1,
    purpose: str = "",
    wait: bool = False,
    calendar: Calendar,
    at: datetime | None = None,
) -> Allocation:
    """Ask for the slots from ``since`` to ``until`` (the beginning of one, the end of one).

    What is free is claimed with this transaction, so that an approval cannot come too late: held at
    once where capacity is granted automatically, else for its keeper to decide. With ``wait``, what
    is not free is waited for. Raises :class:`NoCapacity` (409) else, :class:`TooMany` beyond the
    quota, :class:`Invalid` naming the field, :class:`Unavailable` for a sick resource.
    """
    if caller.party is None or caller.member is None:
        raise Unauthenticated("sign in to do this", mend="sign in or send an API token")
    if Scope.WRITE not in caller.scopes:
        raise Refused(
            "this token may only read",
            mend="use a token with the scope “write”",
            rule="allocations.request",
        )
    of, moment = capacity(session, name, caller), at or now()
    if not of.open or resource(session, of.resource).state is not State.PUBLISHED:
        raise NotFound("nothing of this is given out any more", field="capacity")
    check_well(session, of.resource)
    starts = _starts(of, calendar, since, until, moment)
    if not 1 <= amount <= of.amount:
        raise Invalid(
            "there are {most} at most", field="amount", mend="ask for fewer", most=of.amount
        )
    said = purpose.replace("\r\n", "\n").strip()
    if len(said) > _LONGEST or any(not c.isprintable() and c != "\n" for c in said):
        raise Invalid("a purpose is a short text", field="purpose", mend="shorten it")
    row = AllocationRow(
        id=new_id("allocation"),
        capacity=of.id,
        resource=of.resource,
        provider=of.provider,
        party=caller.party,
        member=caller.member,
        since=since,
        until=until,
        starts=[iso(start) for start in starts],
        amount=amount,
        purpose=said,
        state=AllocationState.WAITING.value,
        note="",
        requested_at=moment,
        revision=0,
    )
    take_turn(session, of.id)
    try:
        with session.begin_nested():
            claim(session, of, caller.party, starts, amount, calendar=calendar)
    except NoCapacity:
        if not wait:
            raise
        session.add(row)
        record(session, row, "waiting", caller)
        return to_allocation(row)
    session.add(row)
    _grant_or_ask(session, row, of, caller, "requested")
    return to_allocation(row)


def move_up(session: Session, of: Capacity, calendar: Calendar, moment: datetime) -> int:
    """Give what has become free to those who wait, who came first first; how many had luck.

    Somebody who wants less, or another time, is not held up by one who wants more.
    """
    if not of.open:
        return 0
    query = (
        select(AllocationRow.id)
        .where(
            AllocationRow.capacity == of.id,
            AllocationRow.state == AllocationState.WAITING.value,
            AllocationRow.since > moment,
        )
        .order_by(AllocationRow.number)
        .limit(_MOST_WAITING)
    )
    count = 0
    for name in session.scalars(query).all():
        row = locked(session, name)
        if row is None or row.state != AllocationState.WAITING.value:
            continue
        try:
            with session.begin_nested():
                claim(session, of, row.party, starts_of(row), row.amount, calendar=calendar)
        except (NoCapacity, TooMany):
            continue
        _grant_or_ask(session, row, of, None, "moved-up")
        tell(session, row, "what you waited for is yours to have: “{title}”, {since}")
        count += 1
    return count


def _grant_or_ask(
    session: Session, row: AllocationRow, of: Capacity, caller: Caller | None, step: str
) -> None:
    if of.automatic:
        row.state = AllocationState.HELD.value
        row.hold_until = row.since + timedelta(minutes=of.hold_minutes)
    else:
        row.state = AllocationState.REQUESTED.value
        row.hold_until = row.since
    record(session, row, step, caller)
    if not of.automatic:
        tell(session, row, "a request for “{title}” from {since} waits for you", provider=True)


def _starts(
    of: Capacity, calendar: Calendar, since: datetime, until: datetime, moment: datetime
) -> list[datetime]:
    if since.tzinfo is None or until.tzinfo is None:
        raise Invalid(
            "an instant with its offset is needed here",
            field="since",
            mend="such as 2026-11-03T08:30:00+08:00",
        )
    if since < moment:
        raise Invalid("this has begun already", field="since", mend="choose a time to come")
    if until <= since:
        raise Invalid("the end lies before the beginning", field="until", mend="choose a later one")
    if since > moment + timedelta(days=of.ahead_days):
        raise Invalid(
            "this can be asked for {days} days ahead at most",
            field="since",
            mend="choose an earlier time",
            days=of.ahead_days,
        )
    found = slots_between(of, calendar, since, until)
    if not found or found[0][0] != since or found[-1][1] != until:
        raise Invalid(
            "this is not from the beginning of a slot to the end of one",
            field="since",
            mend="choose among the slots of the calendar",
        )
    if len(found) > of.most_slots:
        raise Invalid(
            "one request has {most} slots at most",
            field="until",
            mend="ask for fewer",
            most=of.most_slots,
        )
    return [start for start, _ in found]
