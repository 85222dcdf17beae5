"""Classes and grades of data (GB/T 43697-2024): what is proposed, what a reviewer has confirmed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import total_ordering
from typing import Any, NewType

from quanyu.catalogue.codes import Access, Code, Grade
from quanyu.kernel import LeafId, LocalText, MemberId, PartyId, ResourceId

GradingId = NewType("GradingId", str)


@total_ordering
class Level(StrEnum):
    """How much harm the data could do, in rising order."""

    L1 = "L1"
    L2 = "L2"
    L3 = "L3"
    L4 = "L4"
    L5 = "L5"
    CORE = "core"

    @property
    def place(self) -> int:
        """Its place in the order, from 0."""
        return list(Level).index(self)

    def __lt__(self, other: object) -> bool:
        return self.place < other.place if isinstance(other, Level) else NotImplemented


class Subject(StrEnum):
    """Whom or what data tell of, within an industry (业务属性)."""

    USERS = "users"
    BUSINESS = "business"
    MANAGEMENT = "management"
    SYSTEM = "system"


def _code(zh: str, en: str) -> Code:
    return Code(LocalText(zh=zh, en=en))


SUBJECTS: dict[Subject, Code] = {
    Subject.USERS: _code("用户数据", "Data of persons and users"),
    Subject.BUSINESS: _code("业务数据", "Data of the business itself"),
    Subject.MANAGEMENT: _code("经营管理数据", "Data of administration"),
    Subject.SYSTEM: _code("系统运维数据", "Data of systems and their upkeep"),
}


@dataclass(frozen=True, slots=True)
class LevelMeaning:
    """A level: its grade, the accesses that it allows, the harm that it stands for."""

    grade: Grade
    access: frozenset[Access]
    harm: LocalText


@dataclass(frozen=True, slots=True)
class Sensed:
    """What was found out about a field: signs by name or values, with message ids for why."""

    name: str
    signs: tuple[str, ...] = ()
    why: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What rules judge by.

    text    title, abstract, keywords and names of fields, in all languages.
    rows    rows of the data, ``None`` when they are not held here.
    metres  how exact places are, ``None`` without places.
    km2     area of the extent.
    """

    fields: tuple[Sensed, ...]
    text: str
    themes: tuple[str, ...] = ()
    rows: int | None = None
    metres: float | None = None
    km2: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GradedSource:
    """What is known of a source: its level, its rows, whether it tells of persons."""

    slug: str
    level: Level
    rows: int | None
    persons: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A class and a level, with the rules that say so, the weightiest first.

    Each reason is a message id with parameters and the ``rule`` and ``level`` that it comes from.
    """

    level: Level
    industry: str
    subject: Subject
    persons: bool
    reasons: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grading:
    """A proposal of the rules, or what a reviewer confirmed.

    confirmed   by whom it was, and ``reason`` why otherwise than proposed; a proposal has neither.
    table       SHA-256 of the rules that it was proposed by.
    """

    id: GradingId
    resource: ResourceId
    at: datetime
    confirmed: bool
    level: Level
    industry: str
    subject: Subject
    persons: bool
    rows: int | None
    data_version: int | None
    reasons: tuple[Mapping[str, Any], ...]
    table: str
    party: PartyId | None
    member: MemberId | None
    reason: str
    leaf: LeafId | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """An entry of the reviewers' inbox: what is proposed and what was confirmed before."""

    slug: str
    title: LocalText
    provider: PartyId
    grade: Grade
    access: Access
    proposed: Grading
    confirmed: Grading | None


@dataclass(frozen=True, slots=True)
class WaitingPage:
    """A page of the inbox, what was proposed last first; ``total`` is exact."""

    items: tuple[Waiting, ...]
    total: int
    next: str | None


@dataclass(frozen=True, slots=True)
class GradeConfirmed:
    """Event: a reviewer confirmed a class and a grade, and that is committed."""

    resource: ResourceId
    slug: str
    level: Level
