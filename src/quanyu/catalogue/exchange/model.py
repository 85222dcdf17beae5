"""The hub between forms: what a catalogue says of a thing, whatever form it was said in.

Each form is mapped to :class:`Entry` and from it, never to another form. Texts are texts: HTML in
them is kept as it was written and is escaped wherever it is shown. Extents are in degrees,
longitude first (OGC:CRS84); times are aware instants.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from quanyu.catalogue.codes import Access, Grade, Kind, UpdateCycle
from quanyu.catalogue.model import Bbox, Contact, Distribution, FieldMeaning, Interval
from quanyu.kernel import Invalid, LocalText


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who answers for an entry; ``identifier`` is theirs, ``url`` their own page."""

    name: LocalText
    identifier: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was measured of an entry: a whole number from 0 to 100, or a share from 0 to 1."""

    metric: str
    dimension: str
    value: int | float
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is said of one thing. ``None`` and empty mean that nothing was said.

    identifier     the source's own, stable name of it; never empty.
    uri            what names it in RDF, where it has such a name.
    other_identifiers  further names, a published code or a DOI.
    licence        a key of ``LICENCES`` where it is one of those, else a URL or the words used.
    themes         keys of ``THEMES``; those of other schemes are ``foreign_themes``.
    language       tags (BCP 47) of the languages that the data are in.
    lineage        identifiers or addresses of what it was made from.
    issued, modified  when the entry was first published and last changed.
    policy         address of an ODRL offer under which it may be had.
    """

    identifier: str
    title: LocalText
    kind: Kind = Kind.DATASET
    uri: str = ""
    other_identifiers: tuple[str, ...] = ()
    abstract: LocalText | None = None
    keywords: tuple[str, ...] = ()
    themes: tuple[str, ...] = ()
    foreign_themes: tuple[str, ...] = ()
    licence: str = ""
    access: Access | None = None
    grade: Grade | None = None
    update_cycle: UpdateCycle | None = None
    bbox: Bbox | None = None
    interval: Interval = (None, None)
    fields: tuple[FieldMeaning, ...] = ()
    formats: tuple[str, ...] = ()
    lineage: tuple[str, ...] = ()
    provenance: LocalText | None = None
    contact: Contact | None = None
    publisher: Publisher | None = None
    issued: datetime | None = None
    modified: datetime | None = None
    version: str = ""
    attribution: str = ""
    landing_page: str = ""
    policy: str = ""
    language: tuple[str, ...] = ()
    distributions: tuple[Distribution, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    measurements: tuple[Measurement, ...] = ()


@dataclass(frozen=True, slots=True)
class Remark:
    """What is wrong at a place of a document: an identifier, a path or a line."""

    place: str
    error: Invalid


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a document gave.

    rejects  entries that could not be taken, each with the reason.
    notes    what was left out of entries that are otherwise good.
    next     address of the document's next page, as it says; not yet checked in any way.
    total    how many entries there are on all pages, where the document says so.
    """

    entries: tuple[Entry, ...]
    rejects: tuple[Remark, ...] = ()
    notes: tuple[Remark, ...] = ()
    next: str = ""
    total: int | None = None
