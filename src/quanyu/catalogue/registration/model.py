"""Types of applications for registration (公共数据资源登记): what is asked, and where it stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from quanyu.catalogue.codes import Code
from quanyu.catalogue.model import ResourceDraft
from quanyu.catalogue.property_rights import Right
from quanyu.kernel import LeafId, LocalText, MemberId, PartyId, ResourceId


class ApplicationKind(StrEnum):
    """What is asked: the first registration, a change, the mending of a fault, cancellation."""

    FIRST = "first"
    CHANGE = "change"
    CORRECTION = "correction"
    CANCELLATION = "cancellation"


class ApplicationState(StrEnum):
    """Where an application stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    REVIEWED = "reviewed"
    PUBLICISED = "publicised"
    REGISTERED = "registered"
    RETURNED = "returned"
    REFUSED = "refused"
    RECALLED = "recalled"


class Move(StrEnum):
    """What can happen to an application."""

    DRAFTED = "drafted"
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    HANDED_OVER = "handed-over"
    APPROVED = "approved"
    REVIEWED = "reviewed"
    PUBLICISED = "publicised"
    OBJECTED = "objected"
    ANSWERED = "answered"
    REGISTERED = "registered"
    RETURNED = "returned"
    REFUSED = "refused"
    RECALLED = "recalled"


def _code(zh: str, en: str) -> Code:
    return Code(LocalText(zh=zh, en=en))


APPLICATION_KINDS: dict[ApplicationKind, Code] = {
    ApplicationKind.FIRST: _code("首次登记", "First registration"),
    ApplicationKind.CHANGE: _code("变更登记", "Change"),
    ApplicationKind.CORRECTION: _code("更正登记", "Correction"),
    ApplicationKind.CANCELLATION: _code("注销登记", "Cancellation"),
}

APPLICATION_STATES: dict[ApplicationState, Code] = {
    ApplicationState.DRAFT: _code("草稿", "Draft"),
    ApplicationState.SUBMITTED: _code("已提交", "Submitted"),
    ApplicationState.ACCEPTED: _code("已受理", "Accepted"),
    ApplicationState.REVIEWED: _code("已审查", "Reviewed"),
    ApplicationState.PUBLICISED: _code("公示中", "In publicity"),
    ApplicationState.REGISTERED: _code("已登记", "Registered"),
    ApplicationState.RETURNED: _code("已退回", "Returned"),
    ApplicationState.REFUSED: _code("不予登记", "Refused"),
    ApplicationState.RECALLED: _code("已撤回", "Recalled"),
}

MOVES: dict[Move, Code] = {
    Move.DRAFTED: _code("起草", "Drafted"),
    Move.SUBMITTED: _code("提交", "Submitted"),
    Move.ACCEPTED: _code("受理", "Accepted"),
    Move.HANDED_OVER: _code("转交", "Handed over"),
    Move.APPROVED: _code("审查通过", "Approved"),
    Move.REVIEWED: _code("审查完成", "Review complete"),
    Move.PUBLICISED: _code("开始公示", "Publicity begun"),
    Move.OBJECTED: _code("收到异议", "Objection raised"),
    Move.ANSWERED: _code("答复异议", "Objection answered"),
    Move.REGISTERED: _code("登记赋码", "Registered and coded"),
    Move.RETURNED: _code("退回", "Returned"),
    Move.REFUSED: _code("不予登记", "Refused"),
    Move.RECALLED: _code("撤回", "Recalled"),
}


class ObjectionState(StrEnum):
    """Where an objection stands; it lapses when the application leaves publicity without it."""

    OPEN = "open"
    UPHELD = "upheld"
    DISMISSED = "dismissed"
    LAPSED = "lapsed"


OBJECTION_STATES: dict[ObjectionState, Code] = {
    ObjectionState.OPEN: _code("处理中", "Open"),
    ObjectionState.UPHELD: _code("异议成立", "Upheld"),
    ObjectionState.DISMISSED: _code("异议不成立", "Dismissed"),
    ObjectionState.LAPSED: _code("已终止", "Lapsed"),
}


@dataclass(frozen=True, slots=True)
class Tick:
    """A reviewer's word on one item of the checklist."""

    holds: bool
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """An application for registration 登记申请.

    proposed      the description that is asked for; ``base`` is what stood in the entry, at its
                  ``base_revision``, when it was written.
    rights        the rights that are to stand in the register, ``None`` when those that do stay;
                  ``rights_base`` is what stood there when it was written.
    revision      counts the changes of the application; forms send it back.
    party, member who applies; ``submitter`` is the member who sent it in last.
    deadline      by when the next step is owed: acceptance, review, the end of publicity or, while
                  the clock stands still, the answer to an objection.
    approvals     members who have approved it since it was submitted, of ``approvals_needed``.
    paused_at     since when an objection stops the clock of the publicity.
    """

    id: str
    resource: ResourceId
    slug: str
    kind: ApplicationKind
    state: ApplicationState
    provider: PartyId
    party: PartyId
    member: MemberId | None
    submitter: MemberId | None
    assigned: MemberId | None
    title: LocalText
    proposed: ResourceDraft
    base: ResourceDraft
    base_revision: int
    rights: tuple[Right, ...] | None
    rights_base: tuple[Right, ...]
    revision: int
    reason: str
    approvals: tuple[str, ...]
    approvals_needed: int
    comments: Mapping[str, str]
    created_at: datetime
    updated_at: datetime
    submitted_at: datetime | None
    deadline: datetime | None
    publicity_from: datetime | None
    publicity_until: datetime | None
    paused_at: datetime | None


@dataclass(frozen=True, slots=True)
class ApplicationStep:
    """Something that happened to an application. ``late``: after the deadline it had then.

    ``party`` is ``None`` for what the node did by itself; ``leaf`` is its evidence.
    """

    at: datetime
    move: Move
    state: ApplicationState
    revision: int
    party: PartyId | None
    member: MemberId | None
    reason: str
    comments: Mapping[str, str]
    checklist: Mapping[str, Tick]
    late: bool
    leaf: LeafId


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """A word against an application in publicity 异议. ``contact`` is for reviewers only."""

    id: str
    application: str
    at: datetime
    party: PartyId | None
    member: MemberId | None
    contact: str
    text: str
    state: ObjectionState
    answer: str
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class ApplicationPage:
    """A page of applications; ``total`` is exact."""

    items: tuple[Application, ...]
    total: int
    next: str | None


@dataclass(frozen=True, slots=True)
class ApplicationMoved:
    """Event: something happened to an application, and that is committed."""

    id: str
    resource: ResourceId
    kind: ApplicationKind
    move: Move
    state: ApplicationState
