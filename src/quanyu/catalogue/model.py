"""Types of the catalogue: what is put forward, what is registered, what is sought and found.

Bounding boxes are ``(xmin, ymin, xmax, ymax)`` in degrees, longitude first (OGC:CRS84). Intervals
are aware instants, ``None`` for an open end; ``(None, None)`` is an unknown extent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias

from quanyu.catalogue.codes import (
    Access,
    Grade,
    Kind,
    Sensitivity,
    Source,
    State,
    UpdateCycle,
)
from quanyu.kernel import LocalText, PartyId, ResourceId

Bbox: TypeAlias = tuple[float, float, float, float]
Interval: TypeAlias = tuple[datetime | None, datetime | None]


@dataclass(frozen=True, slots=True)
class FieldMeaning:
    """A field of a resource (信息项): what its values mean and what harm they could do.

    ``person``: each value stands for one person, so that groups are counted by it and not by rows.
    """

    name: str
    type: str
    meaning: LocalText | None = None
    unit: str = ""
    sensitivity: Sensitivity = Sensitivity.PUBLIC
    person: bool = False


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom to ask: an office rather than a person; it is published with the resource."""

    name: str
    email: str = ""
    phone: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Distribution:
    """A form in which somebody else serves the data: a file to fetch, or an interface to ask.

    ``format`` is a short name such as ``CSV``; ``bytes`` is ``None`` when the size is not said;
    ``api`` marks an interface (OGC API, WFS, SensorThings …) rather than a file; ``checksum`` is
    written as ``sha256:…``.
    """

    url: str
    title: LocalText | None = None
    format: str = ""
    media_type: str = ""
    bytes: int | None = None
    api: bool = False
    checksum: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceDraft:
    """Everything that a provider says of a resource.

    slug        name in URLs; for a dataset also the name of its table in the space-time store.
    licence     a key of ``LICENCES`` or a URL.
    lineage     resources that this one was made from; ``provenance`` says how, or where it is from.
    version     the provider's own label of the data's version.
    attribution what must be shown wherever the data are shown.
    distributions  where somebody else serves the data; empty when this node itself holds them.
    attributes  what the schema of its kind asks for beyond this common core (:mod:`kinds`).
    example     ships with the demo; ``generated``: made by a program, says nothing of a real place.
    """

    slug: str
    kind: Kind
    title: LocalText
    provider: PartyId
    licence: str
    access: Access
    abstract: LocalText | None = None
    keywords: tuple[str, ...] = ()
    themes: tuple[str, ...] = ()
    update_cycle: UpdateCycle = UpdateCycle.IRREGULAR
    bbox: Bbox | None = None
    interval: Interval = (None, None)
    fields: tuple[FieldMeaning, ...] = ()
    formats: tuple[str, ...] = ()
    lineage: tuple[ResourceId, ...] = ()
    provenance: LocalText | None = None
    contact: Contact | None = None
    version: str = "1"
    grade: Grade = Grade.GENERAL
    source: Source = Source.ORIGINAL
    attribution: str = ""
    distributions: tuple[Distribution, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    example: bool = False
    generated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource(ResourceDraft):
    """A resource in the catalogue. Being a draft too, it can be changed with ``replace`` and sent
    to :func:`amend`.

    ``code`` is the published identifier, ``None`` for drafts. ``revision`` counts the changes of
    this entry; it guards against two people editing at once.
    """

    id: ResourceId
    code: str | None
    state: State
    revision: int
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None


class StepKind(StrEnum):
    """What can happen to an entry."""

    DRAFTED = "drafted"
    REGISTERED = "registered"
    AMENDED = "amended"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened to an entry. ``changed`` names the fields that are not as before."""

    at: datetime
    kind: StepKind
    state: State
    revision: int
    party: PartyId | None
    changed: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True)
class CatalogueChange:
    """A change of the public catalogue; ``title`` is ``None`` when the entry is not public now.

    ``number`` grows with every change: what has a lower one came before.
    """

    number: int
    at: datetime
    kind: StepKind
    resource: ResourceId
    slug: str
    title: LocalText | None
    revision: int
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ResourceChanged:
    """Event: an entry was registered, amended, published or withdrawn, and that is committed."""

    id: ResourceId
    slug: str
    state: State
    step: StepKind


class Sort(StrEnum):
    """Orders of a search. Relevance without words is the latest change first; health is the best
    first, sickness the worst, and what is not known comes last in both."""

    RELEVANCE = "relevance"
    UPDATED = "updated"
    CREATED = "created"
    TITLE_ZH = "title-zh"
    TITLE_EN = "title-en"
    HEALTH = "health"
    SICKNESS = "sickness"


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is sought. Empty sets do not narrow; filters of one kind are joined by *or*.

    q             words in either language; blanks mean *and*, commas mean *or*.
    freshness     words of :class:`FreshnessState`.
    healths       words of :class:`HealthState`.
    ids           identifiers or slugs.
    external_ids  published identifiers (``Resource.code``).
    bbox          resources whose extent meets it; those without an extent do not.
    interval      resources whose time meets it; those without a known time do not.
    reverse       turns the order round: each has its natural one (newest, A to Z, best first).
    after         token of the page before, from :attr:`SearchPage.next`.
    facets        whether to count what each filter would give.
    filter        CQL2-JSON over the queryables of OGC API - Records.
    literal       whether to seek these words alone, not what they may be slips of.
    """

    q: str = ""
    kinds: frozenset[Kind] = frozenset()
    themes: frozenset[str] = frozenset()
    providers: frozenset[PartyId] = frozenset()
    accesses: frozenset[Access] = frozenset()
    states: frozenset[State] = frozenset()
    formats: frozenset[str] = frozenset()
    licences: frozenset[str] = frozenset()
    cycles: frozenset[UpdateCycle] = frozenset()
    grades: frozenset[Grade] = frozenset()
    freshness: frozenset[str] = frozenset()
    healths: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()
    external_ids: frozenset[str] = frozenset()
    bbox: Bbox | None = None
    interval: Interval | None = None
    sort: Sort = Sort.RELEVANCE
    reverse: bool = False
    limit: int = 20
    after: str | None = None
    facets: bool = True
    filter: Mapping[str, Any] | None = None
    literal: bool = False


@dataclass(frozen=True, slots=True)
class FacetCount:
    """How many hits a value would leave, its own facet's filter aside."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class SearchPage:
    """A page of hits. ``facets`` maps the names of the filters to their values.

    exact      whether ``total`` and the facets are; else there are more than ``total``, and each
               facet was counted among that many of the newest.
    corrected  what was sought instead, when no entry had the words as they stand.
    proposal   what may have been meant, when few entries have the words as they stand.
    """

    hits: tuple[Resource, ...]
    total: int
    next: str | None
    facets: dict[str, tuple[FacetCount, ...]]
    exact: bool = True
    corrected: str | None = None
    proposal: str | None = None
