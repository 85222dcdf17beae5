"""Capacities and allocations as JSON and as iCalendar (RFC 5545)."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from quanyu.kernel import Language, LocalText, ResourceId, iso
from quanyu.operations import (
    Allocation,
    AllocationState,
    Capacity,
    Slot,
    moves_for,
)
from quanyu.parties import Caller

_STATUS = {
    AllocationState.HELD: "CONFIRMED",
    AllocationState.IN_USE: "CONFIRMED",
    AllocationState.RETURNED: "CONFIRMED",
    AllocationState.REQUESTED: "TENTATIVE",
    AllocationState.WAITING: "TENTATIVE",
}


def capacity_document(one: Capacity) -> dict[str, Any]:
    """What is offered."""
    return {
        "id": one.id,
        "resource": one.resource,
        "provider": one.provider,
        "name": {"zh": one.name.zh, "en": one.name.en},
        "unit": {"zh": one.unit.zh, "en": one.unit.en},
        "hours": dict(one.hours),
        "amount": one.amount,
        "slot_minutes": one.slot_minutes,
        "automatic": one.automatic,
        "hold_minutes": one.hold_minutes,
        "ahead_days": one.ahead_days,
        "most_slots": one.most_slots,
        "quota": one.quota,
        "working_days": one.working_days,
        "closed": [day.isoformat() for day in one.closed],
        "open": one.open,
        "revision": one.revision,
    }


def slot_document(one: Slot) -> dict[str, Any]:
    """A slot, and how much of it is free: never by whom it is taken."""
    return {"start": iso(one.start), "end": iso(one.end), "free": one.free, "amount": one.amount}


def allocation_document(one: Allocation, caller: Caller) -> dict[str, Any]:
    """An allocation, for who has it or keeps what it is of; members are not named."""
    return {
        "id": one.id,
        "capacity": one.capacity,
        "resource": one.resource,
        "provider": one.provider,
        "party": one.party,
        "since": iso(one.since),
        "until": iso(one.until),
        "slots": one.slots,
        "amount": one.amount,
        "purpose": one.purpose,
        "state": one.state.value,
        "note": one.note,
        "requested_at": iso(one.requested_at),
        "hold_until": iso(one.hold_until) if one.hold_until else None,
        "ended_at": iso(one.ended_at) if one.ended_at else None,
        "revision": one.revision,
        "moves": [row.move.value for row in moves_for(caller, one)],
    }


def as_icalendar(
    items: Iterable[Allocation],
    titles: dict[ResourceId, LocalText],
    base: str,
    language: Language,
    moment: datetime,
) -> bytes:
    """An iCalendar object with an event for each allocation; those that fell through are cancelled
    events, so that calendars which have them let them go."""
    from icalendar import Calendar, Event

    found = Calendar()
    found.add("prodid", "-//quanyu//allocations//")
    found.add("version", "2.0")
    for one in items:
        event = Event()
        event.add("uid", f"{one.id}@{base.partition('://')[2].partition('/')[0]}")
        event.add("dtstamp", moment)
        event.add("dtstart", one.since)
        event.add("dtend", one.until)
        title = titles.get(one.resource)
        event.add("summary", title.to(language) if title else one.resource)
        event.add("status", _STATUS.get(one.state, "CANCELLED"))
        event.add("sequence", one.revision)
        event.add("url", f"{base}/allocations/{one.id}")
        if one.purpose:
            event.add("description", one.purpose)
        found.add_component(event)
    data: bytes = found.to_ical()
    return data
