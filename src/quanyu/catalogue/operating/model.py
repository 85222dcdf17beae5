"""Authorised operation of public data 公共数据授权运营: the authorisation, its states and steps.

After the measures of 2024–2025 on developing public data resources: an operator governs, develops
and fairly supplies products out of registered resources, under an authorisation that is filed.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from quanyu.catalogue.codes import Code
from quanyu.catalogue.model import Interval
from quanyu.kernel import LeafId, LocalText, MemberId, PartyId, ResourceId

OperationId = NewType("OperationId", str)


class Mode(StrEnum):
    """How much is authorised together."""

    WHOLE = "whole"
    FIELD = "field"
    SCENARIO = "scenario"


class OperationState(StrEnum):
    """Where an authorisation stands; it is ended, too, once its term is over."""

    DRAFT = "draft"
    FILED = "filed"
    IN_FORCE = "in-force"
    SUSPENDED = "suspended"
    ENDED = "ended"


class OperationMove(StrEnum):
    """What can happen to an authorisation."""

    DRAFTED = "drafted"
    AMENDED = "amended"
    FILED = "filed"
    BEGUN = "begun"
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    ENDED = "ended"


def _code(zh: str, en: str) -> Code:
    return Code(LocalText(zh=zh, en=en))


MODES: dict[Mode, Code] = {
    Mode.WHOLE: _code("整体授权", "As a whole"),
    Mode.FIELD: _code("分领域授权", "By field"),
    Mode.SCENARIO: _code("依场景授权", "By scenario"),
}

OPERATION_STATES: dict[OperationState, Code] = {
    OperationState.DRAFT: _code("草稿", "Draft"),
    OperationState.FILED: _code("已备案", "Filed"),
    OperationState.IN_FORCE: _code("生效中", "In force"),
    OperationState.SUSPENDED: _code("已中止", "Suspended"),
    OperationState.ENDED: _code("已终止", "Ended"),
}

OPERATION_MOVES: dict[OperationMove, Code] = {
    OperationMove.DRAFTED: _code("起草", "Drafted"),
    OperationMove.AMENDED: _code("修改", "Amended"),
    OperationMove.FILED: _code("备案", "Filed"),
    OperationMove.BEGUN: _code("运营方签署，生效", "Accepted by the operator, in force"),
    OperationMove.SUSPENDED: _code("中止", "Suspended"),
    OperationMove.RESUMED: _code("恢复", "Resumed"),
    OperationMove.ENDED: _code("终止", "Ended"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationDraft:
    """What an authorisation says.

    grantor   who authorises: it has the right to operate each of the resources.
    field     theme that it is for, in the mode by field.
    scenario  what it is for, in the mode by scenario.
    term      from when to when; both ends are given.
    plan      how the operator will operate 实施方案, and the SHA-256 of the plan's document.
    """

    title: LocalText
    mode: Mode
    grantor: PartyId
    operator: PartyId
    resources: tuple[ResourceId, ...]
    term: Interval
    plan: LocalText
    plan_sha256: str = ""
    field: str = ""
    scenario: LocalText | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(OperationDraft):
    """An authorisation. ``filing`` is the number that it was filed under 备案号."""

    id: OperationId
    state: OperationState
    filing: str
    revision: int
    created_at: datetime
    updated_at: datetime

    def state_at(self, moment: datetime) -> OperationState:
        """The state at ``moment``, its term taken into account."""
        until = self.term[1]
        return OperationState.ENDED if until is not None and until <= moment else self.state


@dataclass(frozen=True, slots=True)
class OperationStep:
    """Something that happened to an authorisation, with its evidence."""

    at: datetime
    move: OperationMove
    state: OperationState
    party: PartyId
    member: MemberId | None
    reason: str
    leaf: LeafId


@dataclass(frozen=True, slots=True)
class InForce:
    """An authorisation that was in force at a moment, for one resource."""

    operation: OperationId
    resource: ResourceId
    operator: PartyId
    filing: str
    scope: LocalText
    term: Interval


@dataclass(frozen=True, slots=True)
class OperationChanged:
    """Event: an authorisation took a step, and that is committed."""

    id: OperationId
    move: OperationMove
    state: OperationState
