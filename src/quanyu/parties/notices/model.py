"""Types of notices, and the topics that a notice may be about."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from quanyu.kernel import Language, LocalText, MemberId, PartyId, in_zone, translate

Param = str | int | LocalText | datetime
"""What fills a message; an instant is told in the node's time zone."""

TOPICS: dict[str, LocalText] = {
    "application": LocalText(zh="登记申请", en="Applications"),
    "review": LocalText(zh="审核", en="Reviews"),
    "objection": LocalText(zh="公示异议", en="Objections"),
    "deadline": LocalText(zh="时限提醒", en="Deadlines"),
    "agreement": LocalText(zh="合约与申请使用", en="Agreements and requests"),
    "resource": LocalText(zh="资源变更", en="Changes of resources"),
    "product": LocalText(zh="数据产品", en="Products"),
    "quality": LocalText(zh="质量与更新", en="Quality and freshness"),
    "discussion": LocalText(zh="讨论与复用", en="Discussions and reuses"),
    "correction": LocalText(zh="校核纠错", en="Corrections"),
    "search": LocalText(zh="订阅检索", en="Saved searches"),
    "harvest": LocalText(zh="采集", en="Harvests"),
    "runs": LocalText(zh="算法运行与结果放行", en="Runs of algorithms and their release"),
    "work-order": LocalText(zh="工单", en="Work orders"),
    "alert": LocalText(zh="告警", en="Alerts"),
    "allocation": LocalText(zh="资源配置", en="Allocation of capacity"),
    "people": LocalText(zh="成员、邀请与委托", en="Members, invitations and delegations"),
    "security": LocalText(zh="账户安全", en="Security of accounts"),
    "node": LocalText(zh="节点运行", en="Running of the node"),
}
"""Every topic by its id; what members choose by."""


class Mail(StrEnum):
    """When a member is sent mail about a topic."""

    NEVER = "never"
    NOW = "now"
    DAILY = "daily"


@dataclass(frozen=True, slots=True)
class Choice:
    """How a member wants to hear of a topic."""

    page: bool = True
    mail: Mail = Mail.NOW


@dataclass(frozen=True, slots=True)
class Notice:
    """What one member was told. ``message`` is an English message id."""

    id: str
    party: PartyId
    member: MemberId
    topic: str
    message: str
    params: Mapping[str, Param]
    link: str
    at: datetime
    read_at: datetime | None = None

    def text(self, language: Language, zone: str) -> str:
        """The message in that language, its times in that time zone."""
        return worded(self.message, self.params, language, zone)


def worded(message: str, params: Mapping[str, Param], language: Language, zone: str) -> str:
    """A message in a language, its parameters filled: bilingual ones in that language, instants in
    that time zone."""
    said = {name: _said(value, language, zone) for name, value in params.items()}
    text = translate(language, message, **said)
    return text[:1].upper() + text[1:] if message[:1].islower() else text


def _said(value: Param, language: Language, zone: str) -> str | int:
    if isinstance(value, datetime):
        return in_zone(value, zone)
    return value.to(language) if isinstance(value, LocalText) else value
