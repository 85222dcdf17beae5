"""The three rights 三权 on a resource, who has them, and under which conditions.

After the “Twenty Measures on Data” (数据二十条, December 2022): holding, processing-use and product
operation can be had apart from each other, each with its own holder, scope and term.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from quanyu.catalogue.codes import Code
from quanyu.catalogue.model import Interval
from quanyu.kernel import LocalText, PartyId, ResourceId

RightId = NewType("RightId", str)


class RightKind(StrEnum):
    """One of the three rights."""

    HOLDING = "holding"
    PROCESSING = "processing"
    OPERATION = "operation"


class Origin(StrEnum):
    """How its holder came by a right."""

    PRODUCED = "produced"
    COLLECTED = "collected"
    CONTRACT = "contract"
    TRANSFERRED = "transferred"
    DERIVED = "derived"
    AUTHORISED = "authorised"
    OTHER = "other"


def _code(zh: str, en: str) -> Code:
    return Code(LocalText(zh=zh, en=en))


RIGHT_KINDS: dict[RightKind, Code] = {
    RightKind.HOLDING: _code("数据资源持有权", "Holding right"),
    RightKind.PROCESSING: _code("数据加工使用权", "Processing-and-use right"),
    RightKind.OPERATION: _code("数据产品经营权", "Product-operation right"),
}

ORIGINS: dict[Origin, Code] = {
    Origin.PRODUCED: _code("自行生产", "Produced by the holder"),
    Origin.COLLECTED: _code("依法采集", "Collected under the law"),
    Origin.CONTRACT: _code("合同取得", "By contract"),
    Origin.TRANSFERRED: _code("受让取得", "By transfer"),
    Origin.DERIVED: _code("加工形成", "Made out of other data"),
    Origin.AUTHORISED: _code("授权运营", "By authorised operation"),
    Origin.OTHER: _code("其他", "Other"),
}

WHOLE_SHARE = 10_000
"""A share of all the income; shares are counted in ten-thousandths."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What binds whoever gets the right, or makes something out of the resource.

    transferable  whether the right may go to another party.
    derivable     whether other resources may be made out of this one under the right.
    attribution   what must be shown wherever the data, or what was made of them, are shown.
    share         of the income from what rests on the right, due to its holder: ten-thousandths.
    """

    transferable: bool = True
    derivable: bool = True
    attribution: str = ""
    share: int = 0


@dataclass(frozen=True, slots=True)
class Proof:
    """A document that shows where a right comes from: its SHA-256 is kept, the file is not."""

    name: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """A right as it is applied for.

    scope   what of the resource it covers; ``None`` is all of it.
    term    from when to when it holds; an open end is ``None``.
    basis   the law, contract or decision that it comes from.
    """

    kind: RightKind
    holder: PartyId
    origin: Origin
    scope: LocalText | None = None
    term: Interval = (None, None)
    basis: str = ""
    conditions: Conditions = Conditions()
    proofs: tuple[Proof, ...] = ()

    def holds_at(self, moment: datetime) -> bool:
        """Whether ``moment`` lies within its term; the end does not."""
        since, until = self.term
        return (since is None or since <= moment) and (until is None or moment < until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held(Right):
    """A right that somebody has on a resource at a moment.

    ``id`` is its entry in the register, ``None`` for what nobody has registered: that stays with
    whoever holds the data, in the first place the provider. ``application`` registered it.
    ``operation`` is the authorisation in force that gives it, beside what is registered.
    """

    resource: ResourceId
    id: RightId | None = None
    application: str | None = None
    operation: str | None = None
    entered_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def registered(self) -> bool:
        """Whether it stands in the register."""
        return self.id is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Beneath:
    """A resource that another one was made from, ``depth`` steps back, and the rights on it."""

    resource: ResourceId
    slug: str
    title: LocalText
    provider: PartyId
    depth: int
    rights: tuple[Held, ...]
