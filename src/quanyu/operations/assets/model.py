"""Types of assets: what there is, within what, in what state, what it needs and costs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from quanyu.kernel import PartyId, ResourceId


class AssetState(StrEnum):
    """Where an asset is in its life."""

    PLANNED = "planned"
    IN_SERVICE = "in_service"
    UNDER_REPAIR = "under_repair"
    OUT_OF_SERVICE = "out_of_service"
    RETIRED = "retired"


_S = AssetState
LIFE_CYCLE: Mapping[AssetState, frozenset[AssetState]] = {
    _S.PLANNED: frozenset({_S.IN_SERVICE, _S.RETIRED}),
    _S.IN_SERVICE: frozenset({_S.UNDER_REPAIR, _S.OUT_OF_SERVICE, _S.RETIRED}),
    _S.UNDER_REPAIR: frozenset({_S.IN_SERVICE, _S.OUT_OF_SERVICE, _S.RETIRED}),
    _S.OUT_OF_SERVICE: frozenset({_S.IN_SERVICE, _S.UNDER_REPAIR, _S.RETIRED}),
    _S.RETIRED: frozenset(),
}
"""From which state to which others an asset may come."""


class EntryKind(StrEnum):
    """What is entered for a time."""

    ENERGY = "energy"
    WATER = "water"
    COST = "cost"


ENTRY_UNITS: Mapping[EntryKind, str] = {
    EntryKind.ENERGY: "Wh",
    EntryKind.WATER: "L",
    EntryKind.COST: "分",
}
"""Whole numbers of these are kept: no amount is a fraction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetDraft:
    """What is said of an asset. ``id`` is that of its thing and of its object on the map; with a
    ``parent`` it is a part of that one. ``attributes`` follow the schema of its template."""

    id: str
    name: str
    template: str
    parent: str | None = None
    state: AssetState = AssetState.IN_SERVICE
    lon: float | None = None
    lat: float | None = None
    address: str = ""
    division: str = ""
    since: date | None = None
    party: PartyId | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset(AssetDraft):
    """An asset in the inventory of a resource. ``depth`` is 0 at the top; ``parts`` are those right
    below it; ``hours`` it has run."""

    number: int
    resource: ResourceId
    depth: int
    parts: int
    hours: int
    revision: int


@dataclass(frozen=True, slots=True)
class AssetPage:
    """Assets in the order of the tree, and the token of the next page."""

    items: tuple[Asset, ...]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Maintenance of an asset: every so many days, running hours, or whichever comes first.

    ``due_on`` is when it is next owed by the days, ``due_hours`` by the hours; ``order`` the work
    order that was opened for it and is not over.
    """

    id: str
    asset: str
    title: str
    category: str
    every_days: int | None
    every_hours: int | None
    due_on: date | None
    due_hours: int | None
    done_at: datetime | None
    order: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """What an asset used or cost from a day to a day: ``amount`` in the unit of its kind."""

    id: str
    asset: str
    kind: EntryKind
    since: date
    until: date
    amount: int
    note: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did."""

    added: int
    changed: int
    same: int
