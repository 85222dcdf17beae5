"""STAC Collections and Items (1.0, 1.1) as entries.

Understood of the extensions: language, contacts, table, themes, version, file.
"""

from typing import Any

from quanyu.catalogue.codes import Kind
from quanyu.catalogue.exchange.gather import gather
from quanyu.catalogue.exchange.loose import (
    box_of,
    first,
    from_link,
    mapped,
    numbers,
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
)
from quanyu.catalogue.exchange.terms import THEMES_URI

_SHA256 = "1220"  # multihash: sha2-256, 32 bytes
_INTERFACES = frozenset({"service", "api", "wms", "wmts", "tilejson", "items"})


def from_stac(document: dict[str, Any], *, base: str = "") -> Parsed:
    """A Collection or Item as an entry; the members of a list of them, with its ``next`` link.

    A Catalog says nothing of data: its links are for whoever walks it. Raises nothing.
    """
    page = mapped(document)
    many = objects(page.get("collections")) + objects(page.get("features"))
    listing = "collections" in page or page.get("type") == "FeatureCollection"
    found = many if listing else [page]
    kept = [one for one in found if one.get("type") != "Catalog"]
    onward = _link(page, "next") if listing else ""
    matched = page.get("numberMatched")
    total = matched if type(matched) is int else None
    said = ((first(one, "id") or "?", _said(one)) for one in kept)
    return gather(said, base, onward=onward, total=total)


def _said(one: dict[str, Any]) -> Said:
    said = one if one.get("type") == "Collection" else {**one, **mapped(one.get("properties"))}
    extent = mapped(one.get("extent"))
    boxes = mapped(extent.get("spatial")).get("bbox")
    box = numbers(boxes[0]) if isinstance(boxes, list) and boxes else None
    contact, publisher = _contact(said), _publisher(said)
    language = text(mapped(said.get("language")).get("code"))
    titles = tagged(said.get("quanyu:title")) or _in(language, said.get("title"))
    return Said(
        identifier=first(one, "id"),
        kind=_kind(text(said.get("quanyu:kind")), one),
        other_identifiers=texts(said.get("quanyu:identifiers")),
        title=titles or _in(language, one.get("id")),
        abstract=tagged(said.get("quanyu:description")) or _in(language, said.get("description")),
        keywords=texts(said.get("keywords")),
        themes=[
            f"{THEMES_URI}:{text(concept.get('id'))}"
            if theme.get("scheme") == THEMES_URI
            else text(concept.get("id"))
            for theme in objects(said.get("themes"))
            for concept in objects(theme.get("concepts"))
        ],
        licence=_licence(said, one),
        access=texts(said.get("quanyu:access")),
        grade=text(said.get("quanyu:grade")),
        update_cycle=text(said.get("quanyu:update_cycle")),
        bbox=box or numbers(one.get("bbox")) or box_of(one.get("geometry")),
        interval=_interval(said, extent),
        fields=[
            SaidField(
                text(column.get("name")),
                type=text(column.get("type")),
                meaning=tagged(column.get("quanyu:description") or column.get("description")),
                unit=text(column.get("unit")),
                sensitivity=text(column.get("quanyu:sensitivity")),
                person=column.get("quanyu:person") is True,
            )
            for column in objects(said.get("table:columns"))
        ],
        formats=texts(said.get("quanyu:formats")),
        lineage=[text(link.get("href")) for link in _links(one, "derived_from")],
        provenance=tagged(said.get("processing:lineage") or said.get("quanyu:provenance")),
        contact=contact,
        publisher=publisher,
        issued=first(said, "published", "created"),
        modified=text(said.get("updated")),
        version=text(said.get("version")),
        attribution=text(said.get("attribution")),
        landing_page=_link(one, "about") or _link(one, "alternate"),
        policy=_link(one, "policy"),
        language=texts(said.get("quanyu:languages")),
        distributions=[
            *(_asset(asset) for asset in mapped(one.get("assets")).values()),
            *(from_link(link, api=True) for link in _links(one, "service")),
        ],
        attributes=mapped(said.get("quanyu:attributes")),
    )


def _in(language: str, value: Any) -> list[tuple[str, str]]:
    return [(tag or language, words) for tag, words in tagged(value)]


def _kind(said: str, one: dict[str, Any]) -> Kind:
    if said in set(Kind):
        return Kind(said)
    return Kind.SCENE if one.get("type") == "Feature" else Kind.DATASET


def _links(one: dict[str, Any], rel: str) -> list[dict[str, Any]]:
    return [link for link in objects(one.get("links")) if link.get("rel") == rel]


def _link(one: dict[str, Any], rel: str) -> str:
    return next((text(link.get("href")) for link in _links(one, rel)), "")


def _licence(said: dict[str, Any], one: dict[str, Any]) -> str:
    named = text(said.get("license"))
    vague = named.lower() in {"", "other", "proprietary", "various"}
    if not vague:
        return named
    return text(said.get("quanyu:licence")) or _link(one, "license")


def _interval(said: dict[str, Any], extent: dict[str, Any]) -> tuple[str, str]:
    spans = mapped(extent.get("temporal")).get("interval")
    span = spans[0] if isinstance(spans, list) and spans and isinstance(spans[0], list) else None
    if span and len(span) == 2:
        return text(span[0]), text(span[1])
    moment = text(said.get("datetime"))
    return first(said, "start_datetime") or moment, first(said, "end_datetime") or moment


def _contact(said: dict[str, Any]) -> SaidContact | None:
    for one in objects(said.get("contacts")):
        return SaidContact(
            name=first(one, "name", "organization"),
            email=next((text(e.get("value")) for e in objects(one.get("emails"))), ""),
            phone=next((text(p.get("value")) for p in objects(one.get("phones"))), ""),
            url=next((text(link.get("href")) for link in objects(one.get("links"))), ""),
        )
    return None


def _publisher(said: dict[str, Any]) -> SaidPublisher | None:
    providers = objects(said.get("providers"))
    for one in sorted(providers, key=lambda p: "producer" not in texts(p.get("roles"))):
        names = tagged(one.get("quanyu:name")) or tagged(one.get("name"))
        return SaidPublisher(names, text(one.get("quanyu:identifier")), text(one.get("url")))
    return None


def _asset(asset: Any) -> SaidDistribution:
    one = mapped(asset)
    found = from_link(one)
    roles = set(texts(one.get("roles")))
    found.title = tagged(one.get("quanyu:title")) or found.title
    found.format = text(one.get("quanyu:format"))
    found.api = True if roles & _INTERFACES else False if "data" in roles else None
    hashed = text(one.get("file:checksum"))
    if hashed.startswith(_SHA256):
        found.checksum = f"sha256:{hashed.removeprefix(_SHA256)}"
    return found
