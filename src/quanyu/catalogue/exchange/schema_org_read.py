"""schema.org Dataset in JSON-LD: what search engines read from a page. In, and out."""

import re
from typing import Any

from quanyu.catalogue.codes import Kind
from quanyu.catalogue.exchange.gather import gather
from quanyu.catalogue.exchange.loose import first, listed, mapped, objects, tagged, text, texts
from quanyu.catalogue.exchange.model import Parsed
from quanyu.catalogue.exchange.said import (
    Said,
    SaidContact,
    SaidDistribution,
    SaidField,
    SaidPublisher,
    Tagged,
)
from quanyu.catalogue.exchange.terms import PERSON

_READ = frozenset(
    {"Dataset", "WebAPI", "CreativeWork", "SoftwareApplication", "SoftwareSourceCode"}
)
_DEEPEST = 6


def from_schema_org(document: Any, *, base: str = "") -> Parsed:
    """Every dataset in a JSON-LD document of schema.org, those of a DataCatalog among them.

    Raises nothing: a dataset that cannot be taken is a reject.
    """
    found = list(_datasets(document, 0))
    return gather(((first(one, "@id", "name") or "?", _said(one)) for one in found), base)


def _datasets(document: Any, depth: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for one in objects(document):
        kinds = {kind.rpartition("/")[2].rpartition(":")[2] for kind in texts(one.get("@type"))}
        if kinds & _READ:
            found.append(one)
        elif depth < _DEEPEST:
            for name in ("@graph", "dataset", "mainEntity", "itemListElement", "item"):
                found += _datasets(one.get(name), depth + 1)
    return found


def _said(one: dict[str, Any]) -> Said:
    publisher = mapped(next(iter(listed(one.get("publisher") or one.get("creator"))), None))
    contact = mapped(next(iter(listed(publisher.get("contactPoint"))), None))
    start, _, end = text(one.get("temporalCoverage")).partition("/")
    more = _more(one)
    identifiers = _identifiers(one)
    return Said(
        identifier=next(iter(identifiers), "") or first(one, "@id", "url"),
        uri=text(one.get("@id")) if text(one.get("@id")).startswith("http") else "",
        kind=_kind(more.get("kind", ""), one),
        other_identifiers=identifiers[1:],
        title=_texts(one, "name"),
        abstract=_texts(one, "description"),
        keywords=_keywords(one),
        themes=_about(one),
        licence=_address(one.get("license")),
        access=_access(one, more),
        grade=more.get("grade", ""),
        update_cycle=more.get("updateCycle", ""),
        bbox=_box(one),
        interval=(start, end or start if "/" not in text(one.get("temporalCoverage")) else end),
        fields=[
            SaidField(
                text(field.get("name")),
                type=text(field.get("measurementTechnique")),
                meaning=_texts(field, "description"),
                unit=text(field.get("unitText")),
                sensitivity=text(field.get("valueReference")),
                person=text(field.get("propertyID")) == PERSON,
            )
            for field in objects(one.get("variableMeasured"))
        ],
        lineage=[_address(source) for source in listed(one.get("isBasedOn"))],
        contact=SaidContact(
            text(contact.get("name")),
            text(contact.get("email")),
            text(contact.get("telephone")),
            text(contact.get("url")),
        ),
        publisher=SaidPublisher(
            _texts(publisher, "name"), text(publisher.get("identifier")), text(publisher.get("url"))
        ),
        issued=first(one, "datePublished", "dateCreated"),
        modified=text(one.get("dateModified")),
        version=text(one.get("version")),
        attribution=text(one.get("creditText")),
        landing_page=first(one, "url") or text(one.get("@id")),
        policy=_address(one.get("usageInfo")),
        language=texts(one.get("inLanguage")),
        distributions=[
            _download(file)
            for name in ("distribution", "potentialAction")
            for file in objects(one.get(name))
        ],
    )


def _texts(one: dict[str, Any], name: str) -> list[Tagged]:
    return tagged(one.get(name))


def _address(value: Any) -> str:
    for one in listed(value):
        said = first(one, "url", "@id", "name") if isinstance(one, dict) else text(one)
        if said:
            return said
    return ""


def _identifiers(one: dict[str, Any]) -> list[str]:
    return [
        first(said, "value", "@id", "url") if isinstance(said, dict) else text(said)
        for said in listed(one.get("identifier"))
    ]


def _more(one: dict[str, Any]) -> dict[str, str]:
    """``additionalProperty``: name → value."""
    said = objects(one.get("additionalProperty"))
    return {text(each.get("name")): text(each.get("value")) for each in said}


def _kind(said: str, one: dict[str, Any]) -> Kind:
    if said in set(Kind):
        return Kind(said)
    return Kind.SERVICE if "WebAPI" in texts(one.get("@type")) else Kind.DATASET


def _keywords(one: dict[str, Any]) -> list[str]:
    found: list[str] = []
    for said in listed(one.get("keywords")):
        if isinstance(said, dict):
            found.append(text(said.get("name")))
        else:
            one_line = isinstance(one.get("keywords"), str)
            words = re.split(r"[,，;；]", text(said)) if one_line else [text(said)]
            found += (word.strip() for word in words)
    return found


def _about(one: dict[str, Any]) -> list[str]:
    return [first(said, "@id", "termCode", "name") for said in objects(one.get("about"))]


def _access(one: dict[str, Any], more: dict[str, str]) -> list[str]:
    said = [more.get("access", ""), text(one.get("conditionsOfAccess"))]
    free = one.get("isAccessibleForFree")
    return [*said, "open"] if free is True else said


def _box(one: dict[str, Any]) -> list[float] | None:
    """GeoShape ``box`` is south west north east (latitude first), GeoCoordinates a point."""
    for place in objects(one.get("spatialCoverage")):
        for geo in objects(place.get("geo")):
            found = re.findall(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?", text(geo.get("box")))
            if len(found) == 4:
                s, w, n, e = map(float, found)
                return [w, s, e, n]
            try:
                y, x = float(text(geo.get("latitude"))), float(text(geo.get("longitude")))
            except ValueError:
                continue
            return [x, y, x, y]
    return None


def _download(file: dict[str, Any]) -> SaidDistribution:
    api = "WebAPI" in texts(file.get("@type"))
    return SaidDistribution(
        first(file, "contentUrl", "url", "@id"),
        title=_texts(file, "name"),
        format=text(file.get("fileFormat")),
        media_type=text(file.get("encodingFormat")),
        bytes=text(file.get("contentSize")).removesuffix(" B"),
        api=api or None if not file.get("contentUrl") else False,
        checksum=f"sha256:{text(file['sha256'])}" if file.get("sha256") else "",
    )
