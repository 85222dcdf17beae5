"""Entries as CKAN packages, in the form of ``package_show``.

What a package has no member for goes under the names of ckanext-dcat among its ``extras``, and
texts in two languages under those of ckanext-fluent (``title_translated``).
"""

from typing import Any
from urllib.parse import urlsplit

import orjson

from quanyu.catalogue.codes import LICENCES, THEMES
from quanyu.catalogue.exchange.model import Entry
from quanyu.catalogue.exchange.terms import licence_uri
from quanyu.kernel import LocalText, iso


def to_ckan(entry: Entry, *, name: str = "") -> dict[str, Any]:
    """An entry as a package; ``name`` is its name in addresses."""
    key = name or entry.identifier
    owner = _organization(entry)
    return {
        "id": entry.identifier,
        "name": key,
        "title": _either(entry.title),
        "title_translated": _both(entry.title),
        "notes": _either(entry.abstract) if entry.abstract else "",
        "notes_translated": _both(entry.abstract) if entry.abstract else {},
        "type": "dataset",
        "state": "active",
        "private": False,
        "isopen": bool(LICENCES.get(entry.licence, None) and LICENCES[entry.licence].open),
        "license_id": entry.licence,
        "license_title": LICENCES[entry.licence].name.en
        if entry.licence in LICENCES
        else entry.licence,
        "license_url": uri if (uri := licence_uri(entry.licence)).startswith("http") else "",
        "author": entry.contact.name if entry.contact else None,
        "author_email": entry.contact.email if entry.contact else None,
        "maintainer": entry.contact.name if entry.contact else None,
        "maintainer_email": entry.contact.email if entry.contact else None,
        "url": entry.landing_page or None,
        "version": entry.version or None,
        "metadata_created": _naive(entry.issued),
        "metadata_modified": _naive(entry.modified),
        "organization": owner,
        "owner_org": owner["id"] if owner else None,
        "num_tags": len(entry.keywords),
        "num_resources": len(entry.distributions),
        "tags": [_tag(word) for word in entry.keywords],
        "groups": [ckan_group(theme) for theme in entry.themes],
        "resources": [_file(entry, number) for number in range(len(entry.distributions))],
        "extras": _more(entry),
        "relationships_as_subject": [],
        "relationships_as_object": [],
    }


def ckan_group(theme: str) -> dict[str, Any]:
    """A theme as a group."""
    name = THEMES[theme].name
    return {
        "id": theme,
        "name": theme,
        "title": name.en,
        "display_name": name.en,
        "title_translated": _both(name),
        "description": "",
        "image_display_url": "",
    }


def _organization(entry: Entry) -> dict[str, Any] | None:
    if entry.publisher is None:
        return None
    identifier = entry.publisher.identifier or _either(entry.publisher.name)
    return {
        "id": identifier,
        "name": identifier,
        "title": _either(entry.publisher.name),
        "title_translated": _both(entry.publisher.name),
        "type": "organization",
        "description": "",
        "image_url": "",
        "is_organization": True,
        "approval_status": "approved",
        "state": "active",
    }


def _tag(word: str) -> dict[str, Any]:
    return {
        "id": word,
        "name": word,
        "display_name": word,
        "state": "active",
        "vocabulary_id": None,
    }


def _file(entry: Entry, number: int) -> dict[str, Any]:
    one = entry.distributions[number]
    algorithm, _, value = one.checksum.partition(":")
    form = one.format or urlsplit(one.url).path.rpartition(".")[2].upper()
    return {
        "id": f"{entry.identifier}-{number + 1}",
        "package_id": entry.identifier,
        "position": number,
        "url": one.url,
        "name": _either(one.title) if one.title else form,
        "name_translated": _both(one.title) if one.title else {},
        "description": "",
        "format": one.format,
        "mimetype": one.media_type or None,
        "size": one.bytes,
        "hash": value,
        "hash_algorithm": algorithm,
        "resource_type": "api" if one.api else "file",
        "url_type": None,
        "state": "active",
        "created": _naive(entry.issued),
        "last_modified": _naive(entry.modified),
        "metadata_modified": _naive(entry.modified),
    }


def _more(entry: Entry) -> list[dict[str, str]]:
    """What packages have no member for, under the names that ckanext-dcat gives it."""
    start, end = entry.interval
    contact, publisher = entry.contact, entry.publisher
    said: dict[str, Any] = {
        "uri": entry.uri,
        "kind": entry.kind.value,
        "alternate_identifier": list(entry.other_identifiers),
        "theme": list(entry.foreign_themes),
        "access_rights": [entry.access.value] if entry.access else [],
        "grade": entry.grade.value if entry.grade else "",
        "frequency": entry.update_cycle.value if entry.update_cycle else "",
        "spatial": _polygon(entry),
        "temporal_start": iso(start) if start else "",
        "temporal_end": iso(end) if end else "",
        "issued": iso(entry.issued) if entry.issued else "",
        "modified": iso(entry.modified) if entry.modified else "",
        "fields": [_dictionary(entry, number) for number in range(len(entry.fields))],
        "formats": list(entry.formats),
        "source": list(entry.lineage),
        "provenance": _both(entry.provenance) if entry.provenance else {},
        "contact_name": contact.name if contact else "",
        "contact_email": contact.email if contact else "",
        "contact_phone": contact.phone if contact else "",
        "contact_url": contact.url if contact else "",
        "publisher_name": _either(publisher.name) if publisher else "",
        "publisher_url": publisher.url if publisher else "",
        "landing_page": entry.landing_page,
        "attribution": entry.attribution,
        "policy": entry.policy,
        "language": list(entry.language),
        "attributes": dict(entry.attributes),
    }
    return [
        {"key": key, "value": value if isinstance(value, str) else orjson.dumps(value).decode()}
        for key, value in said.items()
        if value
    ]


def _dictionary(entry: Entry, number: int) -> dict[str, Any]:
    one = entry.fields[number]
    info = {
        "notes_translated": _both(one.meaning) if one.meaning else {},
        "unit": one.unit,
        "sensitivity": one.sensitivity.value,
        "person": one.person,
    }
    return {"id": one.name, "type": one.type, "info": {k: v for k, v in info.items() if v}}


def _polygon(entry: Entry) -> dict[str, Any] | None:
    if entry.bbox is None:
        return None
    w, s, e, n = entry.bbox
    return {"type": "Polygon", "coordinates": [[[w, s], [e, s], [e, n], [w, n], [w, s]]]}


def _either(text: LocalText) -> str:
    return text.to("zh")


def _both(text: LocalText) -> dict[str, str]:
    return {tag: words for tag, words in (("zh", text.zh), ("en", text.en)) if words}


def _naive(moment: Any) -> str | None:
    """A time as CKAN writes it: UTC without an offset."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f") if moment else None
