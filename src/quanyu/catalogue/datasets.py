"""From a version in the space-time store to an entry: what can be read off the data is."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from quanyu.catalogue.codes import Access, Kind, Sensitivity, UpdateCycle
from quanyu.catalogue.entries import amend, register, resource
from quanyu.catalogue.model import Contact, FieldMeaning, Resource, ResourceDraft
from quanyu.catalogue.quality import note_data
from quanyu.kernel import LocalText, NotFound, PartyId, ResourceId
from quanyu.parties import Caller
from quanyu.spacetime import SCENE_ASSET, GeometryType, Version

FORMATS = ("GeoJSON", "JSON-FG", "GeoParquet", "FlatGeobuf", "CSV", "Arrow", "MVT")
IMAGERY_FORMATS = ("COG", "GeoTIFF", "PNG", "CoverageJSON", "GeoJSON")
CITY_FORMATS = ("CityJSON", "CityJSONSeq", *FORMATS)
PLAIN_FORMATS = ("GeoJSON", "Parquet", "CSV", "Arrow")


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a person says of a dataset and cannot be read off it."""

    title: LocalText
    provider: PartyId
    licence: str
    access: Access
    abstract: LocalText | None = None
    keywords: tuple[str, ...] = ()
    themes: tuple[str, ...] = ()
    update_cycle: UpdateCycle = UpdateCycle.IRREGULAR
    provenance: LocalText | None = None
    attribution: str = ""
    contact: Contact | None = None
    lineage: tuple[ResourceId, ...] = ()
    meanings: Mapping[str, LocalText] | None = None
    sensitivities: Mapping[str, Sensitivity] | None = None
    example: bool = False
    generated: bool = False


def register_dataset(
    session: Session,
    version: Version,
    description: Description,
    caller: Caller,
    *,
    area: str = "000000",
    reviewed: bool = True,
) -> Resource:
    """Register the entry of a dataset, or bring the one it has up to this version.

    The slug is the dataset's name. Raises as :func:`register` and :func:`amend` do.
    """
    draft = _draft(version, description)
    try:
        known = resource(session, version.dataset)
    except NotFound:
        entry = register(session, draft, caller, area=area)
    else:
        entry = amend(session, known.id, draft, caller, revision=known.revision, reviewed=reviewed)
    note_data(session, entry.id, version.created_at, version=version.number)
    return entry


def refresh_dataset(session: Session, version: Version, caller: Caller) -> Resource:
    """Bring a dataset's entry up to a new version of its data; what people said of it stays.

    That needs no review: the entry says what the data are, and nothing that a person has written
    changes.
    """
    known = resource(session, version.dataset)
    said = {field.name: field for field in known.fields}
    draft = replace(
        known,
        version=str(version.number),
        bbox=version.bbox,
        interval=version.interval,
        formats=_formats(version),
        fields=tuple(
            replace(said.get(field.name, FieldMeaning(field.name, "")), type=field.type.value)
            for field in version.fields
            if field.name != SCENE_ASSET
        ),
    )
    entry = amend(session, known.id, draft, caller, revision=known.revision, reviewed=False)
    note_data(session, entry.id, version.created_at, version=version.number)
    return entry


def _draft(version: Version, said: Description) -> ResourceDraft:
    meanings = said.meanings or {}
    sensitivities = said.sensitivities or {}
    return ResourceDraft(
        slug=version.dataset,
        kind=Kind.SCENE if version.imagery else Kind.DATASET,
        title=said.title,
        abstract=said.abstract,
        keywords=said.keywords,
        themes=said.themes,
        provider=said.provider,
        licence=said.licence,
        access=said.access,
        update_cycle=said.update_cycle,
        bbox=version.bbox,
        interval=version.interval,
        formats=_formats(version),
        fields=tuple(
            FieldMeaning(
                field.name,
                field.type.value,
                meaning=meanings.get(field.name),
                unit=field.unit or "",
                sensitivity=sensitivities.get(field.name, Sensitivity.PUBLIC),
            )
            for field in version.fields
            if field.name != SCENE_ASSET
        ),
        provenance=said.provenance,
        attribution=said.attribution,
        contact=said.contact,
        lineage=said.lineage,
        version=str(version.number),
        example=said.example,
        generated=said.generated,
    )


def _formats(version: Version) -> tuple[str, ...]:
    if version.geometry is GeometryType.NONE:
        return PLAIN_FORMATS
    if version.imagery:
        return IMAGERY_FORMATS
    return CITY_FORMATS if version.city_model else FORMATS
