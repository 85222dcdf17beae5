"""Types of allocation 配置: what capacity there is, by when and how much, and who has it when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from quanyu.kernel import LocalText, MemberId, PartyId, ResourceId


class AllocationState(StrEnum):
    """Where an allocation stands. Those in :data:`CLAIMING` have their slots to themselves."""

    WAITING = "waiting"
    REQUESTED = "requested"
    HELD = "held"
    IN_USE = "in_use"
    RETURNED = "returned"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


CLAIMING = frozenset({AllocationState.REQUESTED, AllocationState.HELD, AllocationState.IN_USE})
ENDED = frozenset(AllocationState) - CLAIMING - {AllocationState.WAITING}


class AllocationMove(StrEnum):
    """What can be done to one."""

    APPROVE = "approve"
    REFUSE = "refuse"
    BEGIN = "begin"
    RETURN = "return"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityDraft:
    """So much of a resource at a time, in slots.

    hours         by weekday (1 Monday … 7 Sunday) spans such as ``09:00-12:00,14:00-18:00``; a
                  weekday that is left out is closed. ``24:00`` ends a day.
    amount        how much can be given at once: one hall, forty seats, eight processors.
    automatic     whether requests are granted at once rather than by a steward.
    hold_minutes  after its beginning, when what was granted and not begun goes to others.
    ahead_days    how far ahead it can be asked for; ``most_slots`` in one request.
    quota         slots × amount that one party may have in a month; ``None`` for any.
    working_days  whether days off are closed too.
    """

    name: LocalText
    unit: LocalText
    hours: Mapping[str, str]
    amount: int = 1
    slot_minutes: int = 60
    automatic: bool = False
    hold_minutes: int = 30
    ahead_days: int = 60
    most_slots: int = 48
    quota: int | None = None
    working_days: bool = False
    closed: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity(CapacityDraft):
    """A capacity of a resource, kept by the resource's provider."""

    id: str
    resource: ResourceId
    provider: PartyId
    open: bool
    revision: int


@dataclass(frozen=True, slots=True)
class Slot:
    """One slot, and how much of it is taken."""

    start: datetime
    end: datetime
    taken: int
    amount: int

    @property
    def free(self) -> int:
        """How much can be had still."""
        return self.amount - self.taken


@dataclass(frozen=True, slots=True)
class Allocation:
    """What a party has, asked for or waits for. ``slots`` are the beginnings of its slots."""

    id: str
    number: int
    capacity: str
    resource: ResourceId
    provider: PartyId
    party: PartyId
    member: MemberId
    since: datetime
    until: datetime
    slots: int
    amount: int
    purpose: str
    state: AllocationState
    note: str
    requested_at: datetime
    hold_until: datetime | None
    ended_at: datetime | None
    revision: int


@dataclass(frozen=True, slots=True)
class AllocationPage:
    """Allocations, the latest first, and the token of the next page."""

    items: tuple[Allocation, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class AllocationChanged:
    """Event: an allocation is in another state, and that is committed."""

    allocation: str
    resource: ResourceId
    party: PartyId
    state: AllocationState
