"""What looking at a source proposes, for a person to confirm."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from quanyu.catalogue.codes import Access, Kind, Sensitivity, UpdateCycle
from quanyu.catalogue.model import Bbox, Distribution, Interval
from quanyu.kernel import LocalText, ResourceId


@dataclass(frozen=True, slots=True)
class Looked:
    """A column as it was seen: ``values`` are a sample, kept in memory only."""

    name: str
    type: str
    values: tuple[Any, ...] = ()
    comment: str = ""
    nulls: float | None = None
    distinct: int | None = None
    least: str = ""
    most: str = ""


@dataclass(frozen=True, slots=True)
class ProposedField:
    """A field with what is proposed of it. ``why`` are reasons (message ids with parameters)."""

    name: str
    type: str
    meaning: LocalText | None = None
    unit: str = ""
    sensitivity: Sensitivity = Sensitivity.PUBLIC
    why: tuple[Mapping[str, Any], ...] = ()
    samples: tuple[str, ...] = ()
    nulls: float | None = None


@dataclass(frozen=True, slots=True)
class Likely:
    """A resource that may be the same collection, from 0 to 1, and what speaks for it."""

    resource: ResourceId
    slug: str
    title: LocalText
    score: float
    why: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What is proposed of a source. Nothing has been stored.

    source     how the source is named to people, without secrets.
    notes      what is worth knowing, as reasons.
    because    why a field of the proposal is what it is: ``{"update_cycle": reason}``.
    changed_at when the data changed last, as far as the source tells.
    sketches   MinHash of the values of harmless fields, for finding the same collection elsewhere.
    """

    source: str
    slug: str
    title: LocalText
    kind: Kind = Kind.DATASET
    abstract: LocalText | None = None
    keywords: tuple[str, ...] = ()
    themes: tuple[str, ...] = ()
    licence: str = "by-agreement"
    access: Access = Access.RESTRICTED
    update_cycle: UpdateCycle = UpdateCycle.IRREGULAR
    bbox: Bbox | None = None
    interval: Interval = (None, None)
    crs: str = ""
    geometry: str = ""
    rows: int | None = None
    fields: tuple[ProposedField, ...] = ()
    formats: tuple[str, ...] = ()
    distributions: tuple[Distribution, ...] = ()
    attribution: str = ""
    provenance: LocalText | None = None
    changed_at: datetime | None = None
    because: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    notes: tuple[Mapping[str, Any], ...] = ()
    sketches: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TableListed:
    """A table or view of a database; ``rows`` is the database's own estimate."""

    schema: str
    name: str
    view: bool
    rows: int | None
    comment: str = ""
    geometry: str = ""


@dataclass(frozen=True, slots=True)
class ServiceFound:
    """An interface and what it offers, each as a proposal."""

    kind: str
    title: str
    url: str
    offered: tuple[Proposal, ...]
    notes: tuple[Mapping[str, Any], ...] = ()
