"""Entries as STAC 1.1 Collections and Items.

Used of the extensions: language, contacts, table, themes, version, file. Texts in the second
language and codes that STAC has no member for go under ``quanyu:``.
"""

from typing import Any

from quanyu.catalogue.codes import LICENCES, THEMES
from quanyu.catalogue.exchange.model import Entry
from quanyu.catalogue.exchange.terms import THEMES_URI, licence_uri
from quanyu.catalogue.model import Distribution
from quanyu.kernel import Language, LocalText, iso

_EXTENSIONS = {
    "language": "https://stac-extensions.github.io/language/v1.0.0/schema.json",
    "contacts": "https://stac-extensions.github.io/contacts/v0.1.1/schema.json",
    "table": "https://stac-extensions.github.io/table/v1.2.0/schema.json",
    "themes": "https://stac-extensions.github.io/themes/v1.0.0/schema.json",
    "version": "https://stac-extensions.github.io/version/v1.2.0/schema.json",
    "file": "https://stac-extensions.github.io/file/v2.1.0/schema.json",
}
_SHA256 = "1220"  # multihash: sha2-256, 32 bytes


def to_stac_collection(entry: Entry, language: Language = "zh") -> dict[str, Any]:
    """An entry as a Collection; its structural links are left to whoever knows the addresses.

    An entry without an extent says so with the whole world, as STAC asks for an extent.
    """
    start, end = entry.interval
    times = [[iso(start) if start else None, iso(end) if end else None]]
    document: dict[str, Any] = {
        "type": "Collection",
        "stac_version": "1.1.0",
        "stac_extensions": [],
        "id": entry.identifier,
        "extent": {
            "spatial": {"bbox": [list(entry.bbox or (-180.0, -90.0, 180.0, 90.0))]},
            "temporal": {"interval": times},
        },
        **_said_of(entry, language),
        "assets": _assets(entry, language),
        "links": _own_links(entry, language),
    }
    return _with_extensions(document, document)


def to_stac_item(entry: Entry, collection: str, language: Language = "zh") -> dict[str, Any] | None:
    """An entry as an Item of ``collection``; ``None`` without an extent in space and time."""
    start, end = entry.interval
    if entry.bbox is None or not (start or end):
        return None
    w, s, e, n = entry.bbox
    times: dict[str, Any] = {"datetime": iso(start or end)}  # type: ignore[arg-type]
    if start and end and start != end:
        times = {"datetime": None, "start_datetime": iso(start), "end_datetime": iso(end)}
    properties = times | _said_of(entry, language)
    document: dict[str, Any] = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [],
        "id": entry.identifier,
        "collection": collection,
        "bbox": [w, s, e, n],
        "geometry": {
            "type": "Polygon",
            "coordinates": [[[w, s], [e, s], [e, n], [w, n], [w, s]]],
        },
        "properties": properties,
        "assets": _assets(entry, language),
        "links": _own_links(entry, language),
    }
    return _with_extensions(document, properties)


def _said_of(entry: Entry, language: Language) -> dict[str, Any]:
    publisher = entry.publisher
    said: dict[str, Any] = {
        "title": entry.title.to(language),
        "description": (entry.abstract or entry.title).to(language),
        "keywords": list(entry.keywords),
        "license": entry.licence
        if entry.licence in LICENCES and LICENCES[entry.licence].open
        else "other",
        "providers": [_provider(entry, language)] if publisher else [],
        "themes": _themes(entry, language),
        "contacts": _contacts(entry),
        "language": {"code": language},
        "table:columns": [_column(entry, number, language) for number in range(len(entry.fields))],
        "version": entry.version,
        "published": iso(entry.issued) if entry.issued else "",
        "updated": iso(entry.modified) if entry.modified else "",
        "attribution": entry.attribution,
        "quanyu:title": _both(entry.title),
        "quanyu:description": _both(entry.abstract) if entry.abstract else {},
        "quanyu:provenance": _both(entry.provenance) if entry.provenance else {},
        "quanyu:kind": entry.kind.value,
        "quanyu:identifiers": list(entry.other_identifiers),
        "quanyu:licence": entry.licence,
        "quanyu:access": entry.access.value if entry.access else "",
        "quanyu:grade": entry.grade.value if entry.grade else "",
        "quanyu:update_cycle": entry.update_cycle.value if entry.update_cycle else "",
        "quanyu:formats": list(entry.formats),
        "quanyu:languages": list(entry.language),
        "quanyu:attributes": dict(entry.attributes),
    }
    return {name: value for name, value in said.items() if value not in ("", [], {})}


def _with_extensions(document: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    used = {
        "language": True,
        "contacts": "contacts" in said,
        "table": "table:columns" in said,
        "themes": "themes" in said,
        "version": "version" in said,
        "file": any("file:size" in one for one in document["assets"].values()),
    }
    document["stac_extensions"] = [_EXTENSIONS[name] for name, on in used.items() if on]
    return document


def _provider(entry: Entry, language: Language) -> dict[str, Any]:
    assert entry.publisher is not None  # noqa: S101 - asked before
    said = {
        "name": entry.publisher.name.to(language),
        "roles": ["producer", "host"],
        "url": entry.publisher.url,
        "quanyu:name": _both(entry.publisher.name),
        "quanyu:identifier": entry.publisher.identifier,
    }
    return {name: value for name, value in said.items() if value}


def _contacts(entry: Entry) -> list[dict[str, Any]]:
    contact = entry.contact
    if contact is None:
        return []
    said: dict[str, Any] = {"name": contact.name, "roles": ["pointOfContact"]}
    if contact.email:
        said["emails"] = [{"value": contact.email}]
    if contact.phone:
        said["phones"] = [{"value": contact.phone}]
    if contact.url:
        said["links"] = [{"rel": "about", "href": contact.url}]
    return [said]


def _themes(entry: Entry, language: Language) -> list[dict[str, Any]]:
    ours = [{"id": key, "title": THEMES[key].name.to(language)} for key in entry.themes]
    found: list[dict[str, Any]] = [{"scheme": THEMES_URI, "concepts": ours}] if ours else []
    if entry.foreign_themes:
        others = [{"id": theme} for theme in entry.foreign_themes]
        found.append({"scheme": "urn:quanyu:foreign-themes", "concepts": others})
    return found


def _column(entry: Entry, number: int, language: Language) -> dict[str, Any]:
    one = entry.fields[number]
    said: dict[str, Any] = {
        "name": one.name,
        "type": one.type,
        "description": one.meaning.to(language) if one.meaning else "",
        "unit": one.unit,
        "quanyu:description": _both(one.meaning) if one.meaning else {},
        "quanyu:sensitivity": one.sensitivity.value,
        "quanyu:person": one.person,
    }
    return {name: value for name, value in said.items() if value}


def _assets(entry: Entry, language: Language) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in entry.distributions:
        key = one.format.lower().replace(" ", "-") or "data"
        while key in found:
            key += "-more"
        found[key] = _file(one, language)
    return found


def _file(one: Distribution, language: Language) -> dict[str, Any]:
    algorithm, _, value = one.checksum.partition(":")
    said: dict[str, Any] = {
        "href": one.url,
        "title": one.title.to(language) if one.title else "",
        "type": one.media_type,
        "roles": ["service"] if one.api else ["data"],
        "file:size": one.bytes,
        "file:checksum": _SHA256 + value if algorithm == "sha256" else "",
        "quanyu:title": _both(one.title) if one.title else {},
        "quanyu:format": one.format,
    }
    return {name: value for name, value in said.items() if value not in ("", None, {})}


def _own_links(entry: Entry, language: Language) -> list[dict[str, Any]]:
    found = [{"rel": "derived_from", "href": source} for source in entry.lineage]
    if entry.landing_page:
        about = {"rel": "about", "href": entry.landing_page, "type": "text/html"}
        found.append(about | {"title": entry.title.to(language)})
    uri = licence_uri(entry.licence)
    if uri:
        found.append({"rel": "license", "href": uri})
    if entry.policy:
        found.append({"rel": "policy", "href": entry.policy})
    return found


def _both(text: LocalText) -> dict[str, str]:
    return {tag: words for tag, words in (("zh", text.zh), ("en", text.en)) if words}
