"""A resource as a record of OGC API - Records Part 1 (OGC 20-004r1, clause 8): GeoJSON."""

from typing import Any

from quanyu.catalogue.codes import KINDS, LICENCES, THEMES
from quanyu.catalogue.model import Contact, Resource
from quanyu.kernel import LANGUAGES, Language, LocalText, iso

CONFORMS_TO = "http://www.opengis.net/spec/ogcapi-records-1/1.0/conf/record-core"
THEME_SCHEME = "urn:quanyu:themes"
IDENTIFIER_SCHEME = "urn:quanyu:resource-code"
_NAMES = {"zh": "中文", "en": "English"}


def to_record(
    resource: Resource, language: Language, *, provider: LocalText | None = None
) -> dict[str, Any]:
    """The record in that language; ``links`` is left empty for whoever knows the addresses.

    ``provider`` is the providing party's name, for the contacts.
    """
    licence = LICENCES.get(resource.licence)
    properties = {
        "type": resource.kind.value,
        "title": resource.title.to(language),
        "description": resource.abstract.to(language) if resource.abstract else None,
        "keywords": list(resource.keywords),
        "themes": _themes(resource, language),
        "language": _language(language),
        "languages": [_language(tag) for tag in LANGUAGES if getattr(resource.title, tag)],
        "externalIds": [{"scheme": IDENTIFIER_SCHEME, "value": resource.code}]
        if resource.code
        else None,
        "created": iso(resource.created_at),
        "updated": iso(resource.updated_at),
        "formats": [{"name": name} for name in resource.formats],
        "contacts": _contacts(resource, language, provider),
        "license": resource.licence,
        "rights": resource.attribution or (licence.name.to(language) if licence else None),
        "slug": resource.slug,
        "kind": KINDS[resource.kind].name.to(language),
        "access": resource.access.value,
        "grade": resource.grade.value,
        "updateCycle": resource.update_cycle.value,
        "version": resource.version,
        "state": resource.state.value,
        "provenance": resource.provenance.to(language) if resource.provenance else None,
        "example": resource.example or None,
        "generated": resource.generated or None,
    }
    return {
        "id": resource.id,
        "type": "Feature",
        "conformsTo": [CONFORMS_TO],
        "geometry": _geometry(resource),
        "time": _time(resource),
        "properties": {
            name: value for name, value in properties.items() if value not in (None, [])
        },
        "links": [],
    }


def _language(tag: Language) -> dict[str, str]:
    return {"code": tag, "name": _NAMES[tag]}


def _themes(resource: Resource, language: Language) -> list[dict[str, Any]]:
    concepts = [{"id": key, "title": THEMES[key].name.to(language)} for key in resource.themes]
    return [{"concepts": concepts, "scheme": THEME_SCHEME}] if concepts else []


def _contacts(
    resource: Resource, language: Language, provider: LocalText | None
) -> list[dict[str, Any]]:
    organization = {"organization": provider.to(language)} if provider else {}
    found: list[dict[str, Any]] = []
    if provider:
        found.append({"identifier": resource.provider, **organization, "roles": ["publisher"]})
    if resource.contact:
        found.append(_contact(resource.contact) | organization | {"roles": ["pointOfContact"]})
    return found


def _contact(contact: Contact) -> dict[str, Any]:
    said: dict[str, Any] = {"name": contact.name}
    if contact.email:
        said["emails"] = [{"value": contact.email}]
    if contact.phone:
        said["phones"] = [{"value": contact.phone}]
    if contact.url:
        said["links"] = [{"rel": "about", "href": contact.url}]
    return said


def _geometry(resource: Resource) -> dict[str, Any] | None:
    if resource.bbox is None:
        return None
    xmin, ymin, xmax, ymax = resource.bbox
    if xmin == xmax and ymin == ymax:
        return {"type": "Point", "coordinates": [xmin, ymin]}
    ring = [[xmin, ymin], [xmax, ymin], [xmax, ymax], [xmin, ymax], [xmin, ymin]]
    return {"type": "Polygon", "coordinates": [ring]}


def _time(resource: Resource) -> dict[str, Any] | None:
    if resource.interval == (None, None):
        return None
    return {"interval": [".." if moment is None else iso(moment) for moment in resource.interval]}
