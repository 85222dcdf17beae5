"""Types of what people say of an entry."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from quanyu.kernel import MemberId, PartyId, ResourceId


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a discussion. A hidden one keeps its place and says why; its text is empty for
    those who may not see it. ``own``: the caller wrote it."""

    id: str
    thread: str
    title: str
    text: str
    party: PartyId
    at: datetime
    hidden_at: datetime | None
    hidden_reason: str
    own: bool
    official: bool


@dataclass(frozen=True, slots=True)
class Thread:
    """A discussion: the message that began it and the answers, in order."""

    id: str
    resource: ResourceId
    messages: tuple[Message, ...]


class CorrectionState(StrEnum):
    """Where a correction request stands."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    CORRECTED = "corrected"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Correction:
    """A correction request 校核纠错, as anybody may see it: no person is named.

    due_at        by when the provider owes an answer; ``escalated_at`` when the node was told that
                  there is none.
    correct_by    by when an accepted one is to be put right; ``done_version`` is the version of the
                  data in which it was.
    party         who asked, ``None`` for somebody without an account.
    contact       only for those who answer, and only while the matter is open.
    """

    id: str
    resource: ResourceId
    provider: PartyId
    version: int | None
    record: str
    field: str
    wrong: str
    right: str
    evidence: str
    party: PartyId | None
    own: bool
    contact: str
    state: CorrectionState
    revision: int
    at: datetime
    due_at: datetime
    escalated_at: datetime | None
    answered_at: datetime | None
    answer: str
    correct_by: datetime | None
    done_at: datetime | None
    done_version: int | None

    def owed_at(self) -> datetime | None:
        """When the next step is owed by the provider; ``None`` when none is."""
        if self.state is CorrectionState.OPEN:
            return self.due_at
        return self.correct_by if self.state is CorrectionState.ACCEPTED else None

    def overdue(self, moment: datetime) -> bool:
        """Whether the provider owes a step that it has not taken in time."""
        owed = self.owed_at()
        return owed is not None and owed <= moment


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionDraft:
    """What somebody says is wrong. ``record`` is the id of a feature or row."""

    wrong: str
    right: str = ""
    record: str = ""
    field: str = ""
    evidence: str = ""
    contact: str = ""
    version: int | None = None


@dataclass(frozen=True, slots=True)
class CorrectionPage:
    """A page of requests, the latest first."""

    items: tuple[Correction, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class CorrectionFigures:
    """How a provider (``None``: all of them) answers. ``median_days`` from request to answer."""

    provider: PartyId | None
    filed: int
    open: int
    overdue: int
    accepted: int
    refused: int
    corrected: int
    in_time: int
    median_days: float | None


class ReuseKind(StrEnum):
    """What was made with the data."""

    APPLICATION = "application"
    RESEARCH = "research"
    NOTEBOOK = "notebook"
    VISUALISATION = "visualisation"
    ARTICLE = "article"
    OTHER = "other"


class ReuseState(StrEnum):
    """Whether it is shown."""

    PROPOSED = "proposed"
    SHOWN = "shown"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Reuse:
    """Something made with the data of an entry."""

    id: str
    resource: ResourceId
    provider: PartyId
    kind: ReuseKind
    title: str
    url: str
    text: str
    party: PartyId
    state: ReuseState
    at: datetime
    decided_at: datetime | None
    reason: str
    own: bool


@dataclass(frozen=True, slots=True)
class CorrectionChanged:
    """Event: a correction request was filed, answered or ended, and that is committed."""

    id: str
    resource: ResourceId
    provider: PartyId
    state: CorrectionState
    by: MemberId | None
