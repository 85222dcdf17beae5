"""Which term of each form says what of an entry: one table, from which the reference is written."""

from dataclasses import fields
from typing import NamedTuple

from quanyu.catalogue.exchange.model import Entry


class Mapping(NamedTuple):
    """The terms for a member of :class:`Entry`; empty where a form has none of its own."""

    entry: str
    dcat: str
    iso: str
    ckan: str
    stac: str
    schema_org: str


MAPPINGS: tuple[Mapping, ...] = (
    Mapping("identifier", "dct:identifier", "metadataIdentifier", "id", "id", "identifier"),
    Mapping("title", "dct:title", "citation/title", "title, title_translated", "title", "name"),
    Mapping(
        "kind", "class, dct:type", "resourceScope, name", "extras: kind", "quanyu:kind", "@type"
    ),
    Mapping("uri", "the node itself", "metadataLinkage", "extras: uri", "", "@id"),
    Mapping(
        "other_identifiers",
        "adms:identifier",
        "citation/identifier",
        "extras: alternate_identifier",
        "quanyu:identifiers",
        "identifier",
    ),
    Mapping(
        "abstract",
        "dct:description",
        "abstract",
        "notes, notes_translated",
        "description",
        "description",
    ),
    Mapping("keywords", "dcat:keyword", "descriptiveKeywords", "tags", "keywords", "keywords"),
    Mapping(
        "themes",
        "dcat:theme (ours and the nearest of the EU)",
        "descriptiveKeywords (theme), topicCategory",
        "groups",
        "themes",
        "about",
    ),
    Mapping(
        "foreign_themes", "dcat:theme", "descriptiveKeywords (theme)", "extras: theme", "themes", ""
    ),
    Mapping(
        "licence",
        "dct:license",
        "useConstraints, otherConstraints",
        "license_id, license_url",
        "license, rel=license",
        "license",
    ),
    Mapping(
        "access",
        "dct:accessRights, quanyu:access",
        "accessConstraints, otherConstraints",
        "extras: access_rights",
        "quanyu:access",
        "conditionsOfAccess, isAccessibleForFree",
    ),
    Mapping(
        "grade",
        "quanyu:grade",
        "MD_SecurityConstraints",
        "extras: grade",
        "quanyu:grade",
        "additionalProperty",
    ),
    Mapping(
        "update_cycle",
        "dct:accrualPeriodicity",
        "maintenanceAndUpdateFrequency",
        "extras: frequency",
        "quanyu:update_cycle",
        "additionalProperty",
    ),
    Mapping(
        "bbox",
        "dct:spatial / dcat:bbox",
        "EX_GeographicBoundingBox",
        "extras: spatial",
        "extent, bbox",
        "spatialCoverage",
    ),
    Mapping(
        "interval",
        "dct:temporal",
        "EX_TemporalExtent",
        "extras: temporal_start, temporal_end",
        "extent, datetime",
        "temporalCoverage",
    ),
    Mapping(
        "fields",
        "csvw:tableSchema / csvw:column; dct:type foaf:Person",
        "FC_FeatureAttribute, of a person its definitionReference (19115-3 only; no sensitivity)",
        "extras: fields (data dictionary)",
        "table:columns",
        "variableMeasured",
    ),
    Mapping("formats", "dct:format", "resourceFormat", "extras: formats", "quanyu:formats", ""),
    Mapping(
        "lineage",
        "prov:wasDerivedFrom",
        "LI_Source",
        "extras: source",
        "rel=derived_from",
        "isBasedOn",
    ),
    Mapping(
        "provenance",
        "dct:provenance",
        "LI_Lineage/statement",
        "extras: provenance",
        "quanyu:provenance",
        "",
    ),
    Mapping(
        "contact",
        "dcat:contactPoint",
        "pointOfContact",
        "maintainer, extras: contact_…",
        "contacts",
        "publisher/contactPoint",
    ),
    Mapping(
        "publisher",
        "dct:publisher",
        "pointOfContact (publisher)",
        "organization",
        "providers",
        "publisher",
    ),
    Mapping(
        "issued",
        "dct:issued",
        "CI_Date (publication)",
        "metadata_created",
        "published",
        "datePublished",
    ),
    Mapping(
        "modified",
        "dct:modified",
        "CI_Date (revision)",
        "metadata_modified",
        "updated",
        "dateModified",
    ),
    Mapping("version", "dcat:version", "edition", "version", "version", "version"),
    Mapping(
        "attribution",
        "dct:rights / odrs:attributionText",
        "credit",
        "extras: attribution",
        "attribution",
        "creditText",
    ),
    Mapping("landing_page", "dcat:landingPage", "onLine (information)", "url", "rel=about", "url"),
    Mapping(
        "policy",
        "odrl:hasPolicy",
        "otherConstraints (ODRL)",
        "extras: policy",
        "rel=policy",
        "usageInfo",
    ),
    Mapping(
        "language",
        "dct:language",
        "defaultLocale, otherLocale",
        "extras: language",
        "quanyu:languages",
        "inLanguage",
    ),
    Mapping(
        "distributions",
        "dcat:distribution, dcat:accessService",
        "transferOptions/onLine (no media type, no checksum)",
        "resources",
        "assets",
        "distribution",
    ),
    Mapping("attributes", "quanyu:attributes", "", "extras: attributes", "quanyu:attributes", ""),
    Mapping("measurements", "dqv:hasQualityMeasurement (written only)", "", "", "", ""),
)
"""One line for each member of :class:`Entry`, in its order of telling."""

_HEAD = """# Exchange forms
Every form is mapped to one hub and from it, never to another form. What stands in a cell survives
the way out and back; tests hold it for entries of every kind. The namespace `quanyu:` is
`urn:quanyu:ns:`; themes are `urn:quanyu:themes:…`, kinds `urn:quanyu:kinds:…`.

| entry | DCAT 3 | ISO 19115 | CKAN | STAC 1.1 | schema.org |
|---|---|---|---|---|---|"""

_TAIL = """
**Read as well:** DCAT 1 and 2, DCAT-AP, the `data.json` of DCAT-US 1.1; ISO 19139 and 19115-3,
alone or in the answer of a CSW, and its Dublin Core records; the extras of ckanext-dcat, ckanext-
spatial and ckanext-fluent; OGC API – Records; STAC 1.0.

**Times** without an offset are taken as UTC. A day that ends an interval ends it at its last
instant.

**Left out and noted:** addresses that are not http(s), extents and times that are none, texts
past the lengths of the catalogue (title 300, abstract 20,000, else 500 characters). HTML in texts
stays text.

**Refused:** documents of more than 64 MiB, JSON nested deeper than 120 levels, XML that declares
entities, RDF of more than 2,000,000 statements, JSON-LD contexts that are named by address and
not known here (those of DCAT-AP and DCAT-US are). Nothing that a document names is fetched.
"""


def exchange_document() -> str:
    """The reference page of the exchange forms."""
    told = {one.entry for one in MAPPINGS}
    missing = [one.name for one in fields(Entry) if one.name not in told]
    if missing:
        raise ValueError(f"the mapping says nothing of {missing}")
    rows = [
        "| " + " | ".join(f"`{one}`" if one else "—" for one in line) + " |" for line in MAPPINGS
    ]
    return "\n".join([_HEAD, *rows, _TAIL])
