"""Capacities: who offers how much of what, when it is open, and how much is free."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from quanyu.catalogue import check_writes, may_write, resource
from quanyu.kernel import (
    Calendar,
    Conflict,
    Invalid,
    LocalText,
    NotFound,
    PartyId,
    ResourceId,
    Unavailable,
    new_id,
    now,
    owe,
)
from quanyu.operations.allocation.grid import check_hours, slots_between
from quanyu.operations.allocation.model import Capacity, CapacityDraft, Slot
from quanyu.operations.allocation.tables import CapacityRow, SlotRow
from quanyu.parties import Caller

Sick = Callable[[Session, ResourceId], bool]
_LIMITS = {
    "amount": (1, 1_000_000),
    "slot_minutes": (5, 1_440),
    "hold_minutes": (1, 10_080),
    "ahead_days": (1, 366),
    "most_slots": (1, 1_000),
}
_sick: Sick = lambda _session, _resource: False  # noqa: E731 - until health is told of


def use_sick(answer: Sick) -> None:
    """Ask ``answer`` whether a resource is sick: then nothing of it is given out anew."""
    global _sick  # noqa: PLW0603 - one answer for the process
    _sick = answer


def check_well(session: Session, of: ResourceId) -> None:
    """Raise :class:`Unavailable` (rule ``allocations.sick``) for a resource that is sick."""
    if _sick(session, of):
        raise Unavailable(
            "this resource does not work as it should, and is not given out now",
            rule="allocations.sick",
            mend="look at its health, and come back when it is well",
        )


def offer_capacity(
    session: Session, of: ResourceId, caller: Caller, draft: CapacityDraft
) -> Capacity:
    """Offer capacity of a resource; for who may write its entry. Raises :class:`Invalid`."""
    found = resource(session, of, visible_to=caller)
    check_writes(caller, found.provider)
    said = _checked(draft)
    row = CapacityRow(
        id=new_id("capacity"),
        resource=found.id,
        provider=found.provider,
        amount=said.amount,
        said=_said(said),
        open=True,
        revision=1,
    )
    session.add(row)
    session.flush()
    _note(session, row, caller, "offered")
    return to_capacity(row)


def change_capacity(
    session: Session,
    name: str,
    caller: Caller,
    draft: CapacityDraft,
    *,
    open_still: bool = True,
    revision: int | None = None,
) -> Capacity:
    """Change what is offered, or take it back (``open_still`` false: nothing more is given out).

    Raises :class:`Conflict` when more than that is given out already in a slot to come, or it has
    changed meanwhile.
    """
    row = _held(session, name)
    check_writes(caller, PartyId(row.provider))
    if revision is not None and row.revision != revision:
        raise Conflict(
            "this capacity has changed meanwhile", field="revision", mend="open it again and look"
        )
    said = _checked(draft)
    to_come = (SlotRow.capacity == row.id, SlotRow.start >= now())
    over = session.scalar(
        select(SlotRow.start).where(*to_come, SlotRow.taken > said.amount).limit(1)
    )
    if over is not None:
        raise Conflict(
            "in a slot to come more than that is given out already",
            field="amount",
            mend="cancel some of that first",
        )
    session.execute(update(SlotRow).where(*to_come).values(most=said.amount))
    row.amount, row.said, row.open = said.amount, _said(said), open_still
    row.revision += 1
    _note(session, row, caller, "changed")
    return to_capacity(row)


def capacity(session: Session, name: str, visible_to: Caller | None = None) -> Capacity:
    """One by its id; :class:`NotFound` when there is none of a resource that the caller may see."""
    row = session.get(CapacityRow, name) if name.isprintable() else None
    if row is None:
        raise _none(name)
    try:
        resource(session, row.resource, visible_to=visible_to)
    except NotFound as error:
        raise _none(name) from error
    return to_capacity(row)


def capacities(
    session: Session, caller: Caller, *, of: ResourceId | None = None, limit: int = 200
) -> list[Capacity]:
    """Capacities of resources that the caller may see, which are offered still or are its own."""
    query = select(CapacityRow).order_by(CapacityRow.id.desc()).limit(limit)
    if of is not None:
        query = query.where(CapacityRow.resource == of)
    found = []
    for row in session.scalars(query):
        try:
            resource(session, row.resource, visible_to=caller)
        except NotFound:
            continue
        if row.open or may_write(caller, PartyId(row.provider)):
            found.append(to_capacity(row))
    return found


def slots(
    session: Session, of: Capacity, calendar: Calendar, since: datetime, until: datetime
) -> list[Slot]:
    """The slots within a time, with how much of each is taken: never by whom."""
    wanted = slots_between(of, calendar, since, until)
    query = select(SlotRow.start, SlotRow.taken).where(
        SlotRow.capacity == of.id, SlotRow.start >= since, SlotRow.start < until
    )
    taken: dict[datetime, int] = {one.start: one.taken for one in session.execute(query)}
    return [Slot(start, end, taken.get(start, 0), of.amount) for start, end in wanted]


def to_capacity(row: CapacityRow) -> Capacity:
    """The capacity in a row."""
    said = row.said
    return Capacity(
        id=row.id,
        resource=ResourceId(row.resource),
        provider=PartyId(row.provider),
        open=row.open,
        revision=row.revision,
        amount=row.amount,
        name=LocalText(**said["name"]),
        unit=LocalText(**said["unit"]),
        hours=said["hours"],
        slot_minutes=said["slot_minutes"],
        automatic=said["automatic"],
        hold_minutes=said["hold_minutes"],
        ahead_days=said["ahead_days"],
        most_slots=said["most_slots"],
        quota=said["quota"],
        working_days=said["working_days"],
        closed=tuple(date.fromisoformat(one) for one in said["closed"]),
    )


def _held(session: Session, name: str) -> CapacityRow:
    row = session.scalar(
        select(CapacityRow)
        .where(CapacityRow.id == name)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise _none(name)
    return row


def _none(name: str) -> NotFound:
    return NotFound("there is no capacity {id}", id=name[:80])


def _checked(draft: CapacityDraft) -> CapacityDraft:
    for field, (least, most) in _LIMITS.items():
        if not least <= getattr(draft, field) <= most:
            raise Invalid(
                "this is a whole number from {least} to {most}",
                field=field,
                mend="give one in between",
                least=least,
                most=most,
            )
    if draft.quota is not None and not 1 <= draft.quota <= 1_000_000:
        raise Invalid("a quota is a number from 1", field="quota", mend="leave it out for none")
    for field in ("name", "unit"):
        text: LocalText = getattr(draft, field)
        if max(len(text.zh), len(text.en)) > 100 or not (text.zh + text.en).isprintable():
            raise Invalid("a name is one short line", field=field, mend="shorten it")
    if len(draft.closed) > 400:
        raise Invalid("these are too many days", field="closed", mend="name fewer")
    return replace(draft, hours=check_hours(draft.hours, draft.slot_minutes))


def _said(draft: CapacityDraft) -> dict[str, object]:
    return {
        "name": {"zh": draft.name.zh, "en": draft.name.en},
        "unit": {"zh": draft.unit.zh, "en": draft.unit.en},
        "hours": dict(draft.hours),
        "slot_minutes": draft.slot_minutes,
        "automatic": draft.automatic,
        "hold_minutes": draft.hold_minutes,
        "ahead_days": draft.ahead_days,
        "most_slots": draft.most_slots,
        "quota": draft.quota,
        "working_days": draft.working_days,
        "closed": [one.isoformat() for one in sorted(set(draft.closed))],
    }


def _note(session: Session, row: CapacityRow, caller: Caller, what: str) -> None:
    owe(
        session,
        f"capacity.{what}",
        row.id,
        {
            "resource": row.resource,
            "provider": row.provider,
            "by": caller.party or "",
            "amount": row.amount,
            "open": row.open,
            "hours": row.said["hours"],
            "automatic": row.said["automatic"],
            "revision": row.revision,
        },
    )
