"""Entries as schema.org JSON-LD: what pages say to search engines."""

from typing import Any

from quanyu.catalogue.codes import THEMES, Access, Kind
from quanyu.catalogue.exchange.model import Entry
from quanyu.catalogue.exchange.terms import DATA_KINDS, PERSON, THEMES_URI, licence_uri
from quanyu.catalogue.model import Distribution
from quanyu.kernel import LocalText, iso

_TYPES: dict[Kind, str] = {
    **dict.fromkeys(DATA_KINDS, "Dataset"),
    Kind.SERVICE: "WebAPI",
    Kind.MODEL: "SoftwareApplication",
    Kind.ALGORITHM: "SoftwareSourceCode",
}


def to_schema_org(entry: Entry, *, catalogue: str = "") -> dict[str, Any]:
    """An entry as schema.org JSON-LD; ``catalogue`` is the address of the catalogue it is in."""
    start, end = entry.interval
    more = {
        "kind": entry.kind.value,
        "access": entry.access.value if entry.access else "",
        "grade": entry.grade.value if entry.grade else "",
        "updateCycle": entry.update_cycle.value if entry.update_cycle else "",
    }
    span = f"{iso(start) if start else '..'}/{iso(end) if end else '..'}"
    said: dict[str, Any] = {
        "@context": "https://schema.org/",
        "@type": _TYPES.get(entry.kind, "CreativeWork"),
        "@id": entry.uri,
        "identifier": [entry.identifier, *entry.other_identifiers],
        "url": entry.landing_page,
        "name": _values(entry.title),
        "description": _values(entry.abstract or entry.title),
        "keywords": list(entry.keywords),
        "about": [_concept(key) for key in entry.themes],
        "license": licence_uri(entry.licence) or entry.licence,
        "usageInfo": entry.policy,
        "isAccessibleForFree": entry.access is Access.OPEN if entry.access else None,
        "conditionsOfAccess": entry.access.value if entry.access else "",
        "creditText": entry.attribution,
        "spatialCoverage": _place(entry),
        "temporalCoverage": span if (start or end) else "",
        "variableMeasured": [_variable(entry, number) for number in range(len(entry.fields))],
        "isBasedOn": list(entry.lineage),
        "publisher": _publisher(entry),
        "creator": _publisher(entry),
        "datePublished": iso(entry.issued) if entry.issued else "",
        "dateModified": iso(entry.modified) if entry.modified else "",
        "version": entry.version,
        "inLanguage": list(entry.language),
        "distribution": [_file(one) for one in entry.distributions],
        "includedInDataCatalog": {"@type": "DataCatalog", "url": catalogue} if catalogue else None,
        "additionalProperty": [
            {"@type": "PropertyValue", "name": name, "value": value}
            for name, value in more.items()
            if value
        ],
    }
    return {name: value for name, value in said.items() if value not in (None, "", [], {})}


def _values(text: LocalText) -> Any:
    said = [(tag, words) for tag, words in (("zh", text.zh), ("en", text.en)) if words]
    values = [{"@language": tag, "@value": words} for tag, words in said]
    return values if len(values) > 1 else values[0]


def _concept(key: str) -> dict[str, Any]:
    return {
        "@type": "DefinedTerm",
        "@id": f"{THEMES_URI}:{key}",
        "termCode": key,
        "name": _values(THEMES[key].name),
        "inDefinedTermSet": THEMES_URI,
    }


def _place(entry: Entry) -> dict[str, Any] | None:
    if entry.bbox is None:
        return None
    w, s, e, n = (repr(float(one)) for one in entry.bbox)
    return {"@type": "Place", "geo": {"@type": "GeoShape", "box": f"{s} {w} {n} {e}"}}


def _variable(entry: Entry, number: int) -> dict[str, Any]:
    one = entry.fields[number]
    said: dict[str, Any] = {
        "@type": "PropertyValue",
        "name": one.name,
        "description": _values(one.meaning) if one.meaning else None,
        "unitText": one.unit,
        "measurementTechnique": one.type,
        "valueReference": one.sensitivity.value,
        "propertyID": PERSON if one.person else "",
    }
    return {name: value for name, value in said.items() if value}


def _publisher(entry: Entry) -> dict[str, Any] | None:
    publisher, contact = entry.publisher, entry.contact
    if publisher is None:
        return None
    said: dict[str, Any] = {
        "@type": "Organization",
        "name": _values(publisher.name),
        "identifier": publisher.identifier,
        "url": publisher.url,
    }
    if contact:
        point = {
            "@type": "ContactPoint",
            "contactType": "customer service",
            "name": contact.name,
            "email": contact.email,
            "telephone": contact.phone,
            "url": contact.url,
        }
        said["contactPoint"] = {name: value for name, value in point.items() if value}
    return {name: value for name, value in said.items() if value}


def _file(one: Distribution) -> dict[str, Any]:
    algorithm, _, value = one.checksum.partition(":")
    said: dict[str, Any] = {
        "@type": "WebAPI" if one.api else "DataDownload",
        "url" if one.api else "contentUrl": one.url,
        "name": _values(one.title) if one.title else None,
        "fileFormat": one.format,
        "encodingFormat": one.media_type,
        "contentSize": f"{one.bytes} B" if one.bytes is not None else "",
        "sha256": value if algorithm == "sha256" else "",
    }
    return {name: value for name, value in said.items() if value}
