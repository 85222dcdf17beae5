"""What a document says, as it says it: gathered by the readers, judged by :mod:`clean`."""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from quanyu.catalogue.codes import Kind

Tagged: TypeAlias = tuple[str, str]
"""A text with its language tag, empty where none is given."""


@dataclass(slots=True)
class SaidField:
    """A field of a table, in the document's words."""

    name: str
    type: str = ""
    meaning: list[Tagged] = field(default_factory=list)
    unit: str = ""
    sensitivity: str = ""
    person: bool = False


@dataclass(slots=True)
class SaidDistribution:
    """A file or interface. ``api`` is ``None`` where only its format can tell."""

    url: str
    title: list[Tagged] = field(default_factory=list)
    format: str = ""
    media_type: str = ""
    bytes: object = None
    api: bool | None = None
    checksum: str = ""


@dataclass(slots=True)
class SaidContact:
    """Whom to ask."""

    name: str = ""
    email: str = ""
    phone: str = ""
    url: str = ""


@dataclass(slots=True)
class SaidPublisher:
    """Who publishes."""

    name: list[Tagged] = field(default_factory=list)
    identifier: str = ""
    url: str = ""


@dataclass(slots=True)
class Said:
    """Everything that was said of one thing, nothing of it checked."""

    identifier: str = ""
    kind: Kind = Kind.DATASET
    uri: str = ""
    other_identifiers: list[str] = field(default_factory=list)
    title: list[Tagged] = field(default_factory=list)
    abstract: list[Tagged] = field(default_factory=list)
    keywords: list[str] = field(default_factory=list)
    themes: list[str] = field(default_factory=list)
    licence: str = ""
    access: list[str] = field(default_factory=list)
    grade: str = ""
    update_cycle: str = ""
    bbox: list[float] | None = None
    interval: tuple[str, str] = ("", "")
    fields: list[SaidField] = field(default_factory=list)
    formats: list[str] = field(default_factory=list)
    lineage: list[str] = field(default_factory=list)
    provenance: list[Tagged] = field(default_factory=list)
    contact: SaidContact | None = None
    publisher: SaidPublisher | None = None
    issued: str = ""
    modified: str = ""
    version: str = ""
    attribution: str = ""
    landing_page: str = ""
    policy: str = ""
    language: list[str] = field(default_factory=list)
    distributions: list[SaidDistribution] = field(default_factory=list)
    attributes: dict[str, Any] = field(default_factory=dict)
