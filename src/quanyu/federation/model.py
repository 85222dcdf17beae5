"""Types of the dealings between nodes: peers, processes (negotiations, transfers), messages.

Words are those of the Dataspace Protocol 2025-1: states and message types in its spelling.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from quanyu.agreements import Side
from quanyu.kernel import MemberId, PartyId


class ProcessKind(StrEnum):
    """What two nodes have going on between them."""

    NEGOTIATION = "negotiation"
    TRANSFER = "transfer"


class State(StrEnum):
    """States of contract negotiations (§7.1.2) and of transfer processes (§9.1.2)."""

    REQUESTED = "REQUESTED"
    OFFERED = "OFFERED"
    ACCEPTED = "ACCEPTED"
    AGREED = "AGREED"
    VERIFIED = "VERIFIED"
    FINALIZED = "FINALIZED"
    STARTED = "STARTED"
    SUSPENDED = "SUSPENDED"
    COMPLETED = "COMPLETED"
    TERMINATED = "TERMINATED"


class Move(StrEnum):
    """What a message does to a process, whichever its type is."""

    REQUEST = "request"
    OFFER = "offer"
    ACCEPT = "accept"
    AGREE = "agree"
    VERIFY = "verify"
    FINALIZE = "finalize"
    START = "start"
    SUSPEND = "suspend"
    COMPLETE = "complete"
    TERMINATE = "terminate"


@dataclass(frozen=True, slots=True)
class Here:
    """This node as others see it, and how it deals with them.

    participant  its identifier as a participant; ``root`` the URL of the node, ``address`` the root
                 of its protocol's URLs.
    key          the node's secret, under which peers' tokens are sealed.
    approvals    members of the provider who must approve before an agreement is signed.
    automatic    whether unchanged offers are agreed on, and unchanged terms accepted, unasked.
    scripted     whether the compatibility kit's seeded names behave as it expects.
    folder       where files are kept that are pushed to peers, or were pushed by them.
    """

    participant: str
    root: str
    key: bytes
    approvals: int = 1
    automatic: bool = False
    scripted: bool = False
    allow_private: bool = False
    folder: Path = Path("transfers")

    @property
    def address(self) -> str:
        """The root of this node's URLs of the protocol."""
        return f"{self.root}/dsp"


@dataclass(frozen=True, slots=True)
class Peer:
    """Another node: ``participant`` is what it calls itself, ``party`` what it is here.

    ``address`` is the root of its protocol's URLs; it may be asked when ``reachable``, that is
    when this node has been given a token for it.
    """

    id: str
    participant: str
    party: PartyId
    member: MemberId
    address: str
    reachable: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a process. ``body`` is without secrets; ``digest`` is SHA-256 of its RFC 8785
    form, the same on both nodes. ``due_at`` is when an outgoing one is tried (again)."""

    number: int
    at: datetime
    move: Move
    sender: Side
    outgoing: bool
    state: State
    body: dict[str, Any]
    digest: str
    reason: str
    member: MemberId | None
    sent_at: datetime | None
    due_at: datetime | None
    attempts: int
    problem: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why a process stands still: ``code`` for programs, ``message`` and ``params`` for people."""

    code: str
    message: str
    params: dict[str, str]


@dataclass(frozen=True, slots=True)
class Process:
    """A negotiation or a transfer as this node knows it.

    ``role`` is this node's side and ``party`` the local party whose matter it is. ``terms`` are
    the last ones proposed (ODRL without target), ``signed`` the agreement as sent, ``agreement``
    its id.
    """

    id: str
    kind: ProcessKind
    role: Side
    peer: str
    party: PartyId
    their_pid: str | None
    callback: str
    state: State
    dataset: str
    offer: str
    agreement: str | None
    terms: dict[str, Any] | None
    signed: dict[str, Any] | None
    format: str
    approvals: tuple[tuple[str, str], ...]
    needed: int
    statement: str
    revision: int
    created_at: datetime
    changed_at: datetime

    @property
    def provider_pid(self) -> str:
        """The id of the process at the provider; empty as long as it is not known."""
        return self.id if self.role is Side.PROVIDER else self.their_pid or ""

    @property
    def consumer_pid(self) -> str:
        """The id of the process at the consumer; empty as long as it is not known."""
        return self.id if self.role is Side.CONSUMER else self.their_pid or ""


@dataclass(frozen=True, slots=True)
class ProcessChanged:
    """Event: a process took a step or was acted upon, and that is committed."""

    id: str
