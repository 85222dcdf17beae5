"""Types of work orders 工单: what is owed, by whom, by when, and what happened to it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from quanyu.kernel import LocalText, MemberId, PartyId, ResourceId


class WorkOrderState(StrEnum):
    """Where a work order stands."""

    OPEN = "open"
    ACCEPTED = "accepted"
    IN_PROGRESS = "in_progress"
    DONE = "done"
    CHECKED = "checked"
    CLOSED = "closed"
    RETURNED = "returned"
    CANCELLED = "cancelled"


class OrderMove(StrEnum):
    """What can be done to one."""

    OPEN = "open"
    ASSIGN = "assign"
    ACCEPT = "accept"
    START = "start"
    FINISH = "finish"
    CHECK = "check"
    CLOSE = "close"
    REOPEN = "reopen"
    RETURN = "return"
    TRANSFER = "transfer"
    CANCEL = "cancel"
    NOTE = "note"
    ESCALATE = "escalate"


class Priority(StrEnum):
    """How soon something is wanted."""

    URGENT = "urgent"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class SourceKind(StrEnum):
    """Who or what found that something is to be done."""

    ALERT = "alert"
    HEALTH = "health"
    MAINTENANCE = "maintenance"
    CITIZEN = "citizen"
    COLLEAGUE = "colleague"


@dataclass(frozen=True, slots=True)
class Source:
    """Where an order comes from. ``id`` names the alert, check, report; with one, no second order
    is opened while the first is not over."""

    kind: SourceKind
    id: str = ""


@dataclass(frozen=True, slots=True)
class OrderPlace:
    """Where: a point in degrees (WGS 84), an address, a division 行政区划 (GB/T 2260) or several of
    them."""

    lon: float | None = None
    lat: float | None = None
    address: str = ""
    division: str = ""


@dataclass(frozen=True, slots=True)
class WorkOrderDraft:
    """What is to be done. ``party`` is who shall do it: else the category's, else the provider of
    the resource, else whoever the node's dispatcher chooses."""

    category: str
    title: LocalText
    source: Source
    text: str = ""
    priority: Priority = Priority.NORMAL
    resource: ResourceId | None = None
    thing: str | None = None
    place: OrderPlace = OrderPlace()
    party: PartyId | None = None
    member: MemberId | None = None


@dataclass(frozen=True, slots=True)
class WorkOrder:
    """One order.

    ``promised_at`` is the first deadline, by which it is judged whether it was in time; ``due_at``
    the present one, that begins anew when it is reopened. ``repeats`` is an earlier order of the
    same category at the same thing or place, closed shortly before this was opened.
    """

    id: str
    number: int
    category: str
    title: LocalText
    text: str
    priority: Priority
    state: WorkOrderState
    source: Source
    resource: ResourceId | None
    thing: str | None
    place: OrderPlace
    raiser: PartyId | None
    raiser_member: MemberId | None
    party: PartyId | None
    member: MemberId | None
    opened_at: datetime
    promised_at: datetime
    due_at: datetime
    accepted_at: datetime | None
    done_at: datetime | None
    closed_at: datetime | None
    escalated: int
    reopened: int
    repeats: str | None
    revision: int

    def late_at(self, moment: datetime) -> bool:
        """Whether it is owed still and its deadline has passed, or it was done after it."""
        late = self.due_at <= (self.done_at or moment)
        return late and self.state is not WorkOrderState.CANCELLED


@dataclass(frozen=True, slots=True)
class OrderStep:
    """Something that happened to an order; ``leaf`` is its evidence."""

    number: int
    move: OrderMove
    state: WorkOrderState
    at: datetime
    party: PartyId | None
    member: MemberId | None
    to_party: PartyId | None
    note: str
    leaf: str


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture of an order, without its bytes; ``step`` is the number of the step it came with."""

    id: str
    step: int
    width: int
    height: int
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class OrderPage:
    """Orders, the latest first, and the token of the next page."""

    items: tuple[WorkOrder, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class WorkOrderDone:
    """Event: somebody says that the work is done; whoever raised it looks again."""

    work_order: str
    source: Source


@dataclass(frozen=True, slots=True)
class WorkOrderChanged:
    """Event: an order is in another state, or has been passed on."""

    work_order: str
    source: Source
    state: WorkOrderState
    party: PartyId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkOrderFigures:
    """How orders went: of one party, one category or all (``key`` is empty).

    Shares are of what they can be of, ``None`` where that is none: ``on_time`` of those that were
    done, ``repeated`` of those opened. ``mean_hours`` is from opening to the last time it was done.
    """

    key: str
    opened: int
    done: int
    closed: int
    overdue: int
    reopened: int
    on_time: float | None
    repeated: float | None
    mean_hours: float | None
