"""CKAN packages, as ``package_show`` gives them, as entries.

Understood beside CKAN's own members: the ``extras`` of ckanext-dcat and ckanext-spatial, and texts
in several languages as ckanext-fluent writes them (``title_translated``).
"""

from typing import Any

import orjson

from quanyu.catalogue.codes import LICENCES, Kind
from quanyu.catalogue.exchange.gather import gather
from quanyu.catalogue.exchange.loose import (
    box_of,
    first,
    listed,
    mapped,
    objects,
    tagged,
    text,
    texts,
)
from quanyu.catalogue.exchange.model import Parsed
from quanyu.catalogue.exchange.said import (
    Said,
    SaidContact,
    SaidDistribution,
    SaidField,
    SaidPublisher,
    Tagged,
)

_NAMELESS = ("notspecified", "other-open", "other-at", "other-closed", "other-nc", "other-pd")


def from_ckan(package: dict[str, Any], *, base: str = "") -> Parsed:
    """A package as an entry. Raises nothing: a package that cannot be taken is a reject.

    ``base`` is the address of the site.
    """
    said = mapped(package)
    place = first(said, "id", "name") or "?"
    return gather([(place, _said(said, base))], base)


def _said(package: dict[str, Any], base: str) -> Said:
    extras = _extras(package)

    def more(*names: str) -> str:
        return first(package, *names) or first(extras, *names)

    organization = mapped(package.get("organization"))
    name = first(package, "name")
    page = f"{base.rstrip('/')}/dataset/{name}" if base and name else ""
    return Said(
        identifier=first(package, "id", "name"),
        kind=_kind(text(extras.get("kind"))),
        uri=more("uri"),
        other_identifiers=_many(extras.get("alternate_identifier")),
        title=tagged(package.get("title_translated")) or tagged(package.get("title")),
        abstract=tagged(package.get("notes_translated")) or tagged(package.get("notes")),
        keywords=_keywords(package),
        themes=[
            *_many(extras.get("theme")),
            *(
                first(one, "title", "display_name", "name")
                for one in objects(package.get("groups"))
            ),
        ],
        licence=_licence(package),
        access=[*_many(extras.get("access_rights")), "private" * bool(package.get("private"))],
        grade=text(extras.get("grade")),
        update_cycle=more("frequency", "update_frequency", "accrual_periodicity"),
        bbox=_box(more("spatial"), extras),
        interval=(
            more("temporal_start", "temporal_coverage_from"),
            more("temporal_end", "temporal_coverage_to"),
        ),
        fields=[_field(one) for one in objects(_json(extras.get("fields")))],
        formats=_many(extras.get("formats")),
        lineage=_many(extras.get("source")),
        provenance=tagged(_json(extras.get("provenance"))) or tagged(extras.get("provenance")),
        contact=SaidContact(
            name=more("contact_name", "maintainer", "author"),
            email=more("contact_email", "maintainer_email", "author_email"),
            phone=more("contact_phone"),
            url=more("contact_url"),
        ),
        publisher=SaidPublisher(
            name=tagged(organization.get("title_translated"))
            or tagged(first(organization, "title", "name") or text(extras.get("publisher_name"))),
            identifier=first(organization, "id", "name") or text(extras.get("publisher_uri")),
            url=text(extras.get("publisher_url")),
        ),
        issued=first(extras, "issued") or first(package, "metadata_created"),
        modified=first(extras, "modified") or first(package, "metadata_modified"),
        version=more("version", "dcat_version"),
        attribution=more("attribution"),
        landing_page=text(extras.get("landing_page")) or text(package.get("url")) or page,
        policy=text(extras.get("policy")),
        language=_many(extras.get("language")),
        distributions=[_resource(one) for one in objects(package.get("resources"))],
        attributes=mapped(_json(extras.get("attributes"))),
    )


def _extras(package: dict[str, Any]) -> dict[str, Any]:
    said = package.get("extras")
    if isinstance(said, dict):
        return said
    return {text(one.get("key")): one.get("value") for one in objects(said)}


def _json(value: Any) -> Any:
    """The value of a text that holds JSON; ``None`` for other texts."""
    if not isinstance(value, str):
        return value
    if value[:1] not in {"{", "["}:
        return None
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return None


def _many(value: Any) -> list[str]:
    """A list, or a list written as a JSON text, or one text."""
    found = _json(value)
    return texts(found) if isinstance(found, list) else texts(value)


def _kind(said: str) -> Kind:
    return Kind(said) if said in set(Kind) else Kind.DATASET


def _groups(package: dict[str, Any]) -> list[dict[str, Any]]:
    return objects(package.get("groups"))


def _keywords(package: dict[str, Any]) -> list[str]:
    tags = [
        text(one.get("name")) if isinstance(one, dict) else text(one)
        for one in listed(package.get("tags"))
    ]
    translated = mapped(package.get("tags_translated") or package.get("keywords"))
    return [*tags, *(word for words in translated.values() for word in texts(words))]


def _licence(package: dict[str, Any]) -> str:
    key, url = first(package, "license_id"), first(package, "license_url")
    if key in LICENCES or (key and key not in _NAMELESS and not url):
        return key
    return url or first(package, "license_title", "license_id")


def _box(spatial: str, extras: dict[str, Any]) -> list[float] | None:
    found = box_of(_json(spatial) or _json(extras.get("spatial")))
    if found:
        return found
    sides = (
        extras.get(f"bbox-{side}") for side in ("west-long", "south-lat", "east-long", "north-lat")
    )
    try:
        return [float(text(side)) for side in sides]
    except ValueError:
        return None


def _field(one: dict[str, Any]) -> SaidField:
    """A field in the form of CKAN's data dictionary (``datastore_info``)."""
    info = mapped(one.get("info"))
    return SaidField(
        text(one.get("id")),
        type=text(one.get("type")),
        meaning=tagged(info.get("notes_translated")) or tagged(first(info, "notes", "label")),
        unit=text(info.get("unit")),
        sensitivity=text(info.get("sensitivity")),
        person=info.get("person") is True,
    )


def _name(one: dict[str, Any]) -> list[Tagged]:
    """A resource's name, where it says more than its format does."""
    return [] if one.get("name") == one.get("format") else tagged(one.get("name"))


def _resource(one: dict[str, Any]) -> SaidDistribution:
    api = one.get("resource_type") == "api" or None
    checksum = text(one.get("hash"))
    algorithm = text(one.get("hash_algorithm")).rpartition("_")[2]
    if checksum and ":" not in checksum:
        guessed = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}.get(len(checksum), "")
        checksum = f"{algorithm or guessed}:{checksum}" if algorithm or guessed else ""
    return SaidDistribution(
        first(one, "url", "access_url", "download_url"),
        title=tagged(one.get("name_translated")) or _name(one),
        format=text(one.get("format")),
        media_type=text(one.get("mimetype")),
        bytes=one.get("size"),
        api=True if api else False if one.get("resource_type") == "file" else None,
        checksum=checksum,
    )
