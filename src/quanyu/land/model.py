"""Types of the land room: roles of datasets, a proposed project, and what its report says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from quanyu.kernel import LocalText, MemberId, PartyId


class Role(StrEnum):
    """What a dataset is for the land space 国土空间."""

    PARCELS = "parcels"
    PLANNED_USE = "planned-use"
    FARMLAND = "farmland"
    ECOLOGY = "ecology"
    URBAN = "urban-boundary"
    PLAN = "detailed-plan"


class Scheme(StrEnum):
    """Code tables of land classes."""

    GBT21010 = "gbt21010-2017"
    GUIDE2023 = "guide-2023"


class Verdict(StrEnum):
    """What a rule says of a project; ``UNCHECKED`` is neither good nor bad, and never silent."""

    PASS = "pass"  # noqa: S105 - a verdict, no password
    FAIL = "fail"
    REVIEW = "review"
    UNCHECKED = "unchecked"


VERDICTS: dict[Verdict, LocalText] = {
    Verdict.PASS: LocalText(zh="符合", en="Complies"),
    Verdict.FAIL: LocalText(zh="不符合", en="Does not comply"),
    Verdict.REVIEW: LocalText(zh="需研判", en="Needs review"),
    Verdict.UNCHECKED: LocalText(zh="未审查", en="Not checked"),
}


@dataclass(frozen=True, slots=True)
class LandClass:
    """A class of a code table; of level 1 (two digits) or 2 (four)."""

    scheme: Scheme
    code: str
    name: LocalText


@dataclass(frozen=True, slots=True)
class Declaration:
    """Which dataset plays which role, as declared once; a change is a new revision.

    columns  meaning → column of the dataset, as the role's schema names meanings.
    scheme   code table of the classes in it.
    values   the dataset's own words → code of a class, where it holds no codes.
    note     what a reader of a report must know of the source ("no statutory plan").
    """

    id: str
    role: Role
    dataset: str
    revision: int
    columns: Mapping[str, str]
    scheme: Scheme
    values: Mapping[str, str]
    note: LocalText | None
    declared_at: datetime
    declared_by: PartyId | None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A proposed project. ``geometry`` is polygonal, valid, in CRS84 degrees.

    Metres, square metres; ``None`` is what the project does not say. ``buffer_m`` is how far around
    it control lines are looked for.
    """

    name: str
    geometry: Any
    crs: str
    use: LandClass
    height_m: float | None = None
    floor_area_m2: float | None = None
    footprint_m2: float | None = None
    green_area_m2: float | None = None
    buffer_m: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """A feature that the project lies on: how much of the project, and what the feature says."""

    role: Role
    dataset: str
    version: int
    feature: str
    area_m2: float
    share: float
    sliver: bool = False
    says: Mapping[str, str | float] = field(default_factory=dict)
    verdict: Verdict | None = None
    geometry: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one rule found. ``figures`` are in the units that their names say; ``left`` is the part
    of the project that no source covers, where that matters."""

    verdict: Verdict
    said: LocalText
    figures: Mapping[str, float] = field(default_factory=dict)
    touches: tuple[Touch, ...] = ()
    left: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """A source that was not read: its dataset where the caller may know of it, and why not."""

    role: Role
    dataset: str | None
    rule: str


@dataclass(frozen=True, slots=True)
class Record:
    """A check that was made, as it is kept. ``report`` are the canonical bytes that were signed.

    uses      dataset → id of the use by which it was read.
    leaf      id of the leaf that holds the report's digest.
    rerun_of  the record whose inputs and versions were checked again.
    """

    id: str
    at: datetime
    party: PartyId
    member: MemberId | None
    name: str
    verdict: Verdict
    digest: str
    leaf: str
    uses: Mapping[str, str]
    rerun_of: str | None
    report: bytes = field(repr=False, default=b"")


@dataclass(frozen=True, slots=True)
class Settings:
    """How a node checks. ``tolerance_m`` is the width below which an overlap is a sliver of
    digitising; ``rules`` are the ids of those that apply (none named: all)."""

    tolerance_m: float = 0.1
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """When a check looks: features valid on ``day``; ``versions`` pins those of some datasets."""

    day: date
    versions: Mapping[str, int] = field(default_factory=dict)
