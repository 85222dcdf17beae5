"""Offers and agreements: a policy put forward, a policy that both sides signed."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from quanyu.agreements.policy import Policy
from quanyu.kernel import AgreementId, MemberId, OfferId, PartyId, ResourceId


class AgreementState(StrEnum):
    """Where an agreement stands. ``EXPIRED`` is never stored: it follows from the clock.

    ``SIGNED`` is negotiated and signed by the provider, and gives nothing yet.
    """

    REQUESTED = "requested"
    SIGNED = "signed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    ENDED = "ended"
    EXPIRED = "expired"


class Side(StrEnum):
    """The two sides of an agreement."""

    PROVIDER = "provider"
    CONSUMER = "consumer"


class StepKind(StrEnum):
    """What can happen to an agreement."""

    REQUESTED = "requested"
    WITHDRAWN = "withdrawn"
    SIGNED = "signed"
    APPROVED = "approved"
    ENTERED = "entered"
    REFUSED = "refused"
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Offer:
    """A policy 要约 that a provider puts forward for a resource. Closed offers take no requests."""

    id: OfferId
    resource: ResourceId
    provider: PartyId
    policy: Policy
    digest: str
    open: bool
    revision: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Agreement:
    """A policy 合约 between two parties. ``digest`` is SHA-256 of its canonical JSON as signed.

    ``held_by`` are the sides that have suspended it; it is active again when none is left.
    ``revision`` counts its steps and guards against two people deciding at once.
    """

    id: AgreementId
    offer: OfferId
    resource: ResourceId
    provider: PartyId
    consumer: PartyId
    statement: str
    policy: Policy
    digest: str
    state: AgreementState
    held_by: frozenset[Side]
    revision: int
    requested_at: datetime
    signed_at: datetime | None
    ended_at: datetime | None
    expires_at: datetime | None

    def state_at(self, moment: datetime) -> AgreementState:
        """The state at ``moment``: what was active or suspended is expired once it is over."""
        running = self.state in (AgreementState.ACTIVE, AgreementState.SUSPENDED)
        if running and self.expires_at is not None and moment >= self.expires_at:
            return AgreementState.EXPIRED
        return self.state


@dataclass(frozen=True, slots=True)
class AgreementStep:
    """Something that happened to an agreement, by whom and why."""

    at: datetime
    kind: StepKind
    side: Side
    party: PartyId
    member: MemberId | None
    reason: str


@dataclass(frozen=True, slots=True)
class AgreementPage:
    """A page of agreements, latest first; ``next`` is the token of the page after."""

    items: tuple[Agreement, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class AgreementChanged:
    """Event: an agreement took a step, and that is committed."""

    id: AgreementId
    resource: ResourceId
    provider: PartyId
    consumer: PartyId
    step: StepKind
    state: AgreementState
