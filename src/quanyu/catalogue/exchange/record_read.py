"""Records of OGC API – Records (Part 1) as entries: one, or a page of them."""

from typing import Any

from quanyu.catalogue.codes import Kind
from quanyu.catalogue.exchange.gather import gather
from quanyu.catalogue.exchange.loose import (
    box_of,
    first,
    from_link,
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
    SaidPublisher,
)
from quanyu.catalogue.exchange.terms import THEMES_URI

_FILES = frozenset({"enclosure", "data", "download"})
_INTERFACES = frozenset({"item", "items", "service", "service-desc", "api", "tilesets-vector"})


def from_record(document: dict[str, Any], *, base: str = "") -> Parsed:
    """A record, or the records of a page; :attr:`Parsed.next` is the page's ``next`` link.

    Raises nothing: a record that cannot be taken is a reject.
    """
    page = mapped(document)
    one = page.get("type") != "FeatureCollection"
    records = [page] if one else objects(page.get("features"))
    found = ((first(record, "id") or "?", _said(record)) for record in records)
    onward = (
        ""
        if one
        else next(
            (
                text(link.get("href"))
                for link in objects(page.get("links"))
                if link.get("rel") == "next"
            ),
            "",
        )
    )
    matched = page.get("numberMatched")
    return gather(found, base, onward=onward, total=matched if type(matched) is int else None)


def _said(record: dict[str, Any]) -> Said:
    said = mapped(record.get("properties"))
    links = objects(record.get("links"))
    language = text(mapped(said.get("language")).get("code"))
    themes = objects(said.get("themes"))
    contact, publisher = _contacts(objects(said.get("contacts")), language)
    return Said(
        identifier=first(record, "id"),
        kind=_kind(text(said.get("type"))),
        other_identifiers=[text(one.get("value")) for one in objects(said.get("externalIds"))],
        title=_in(language, said.get("title")),
        abstract=_in(language, said.get("description")),
        keywords=texts(said.get("keywords")),
        themes=[
            _theme(first(theme, "scheme"), concept)
            for theme in themes
            for concept in objects(theme.get("concepts"))
        ],
        licence=_licence(said, links),
        access=texts(said.get("access")),
        grade=text(said.get("grade")),
        update_cycle=text(said.get("updateCycle")),
        bbox=box_of(record.get("geometry")),
        interval=_time(mapped(record.get("time"))),
        formats=[
            first(one, "name", "mediaType") if isinstance(one, dict) else text(one)
            for one in said.get("formats") or []
        ]
        if isinstance(said.get("formats"), list)
        else [],
        provenance=_in(language, said.get("provenance")),
        contact=contact,
        publisher=publisher,
        issued=text(said.get("created")),
        modified=text(said.get("updated")),
        version=text(said.get("version")),
        attribution=text(said.get("rights")),
        landing_page=_link(links, "about") or _link(links, "alternate", "text/html"),
        language=[text(one.get("code")) for one in objects(said.get("resourceLanguages"))],
        distributions=[one for link in links if (one := _distribution(link))],
    )


def _in(language: str, value: Any) -> list[tuple[str, str]]:
    return [(tag or language, words) for tag, words in tagged(value)]


def _kind(said: str) -> Kind:
    folded = said.lower()
    return Kind(folded) if folded in set(Kind) else Kind.DATASET


def _theme(scheme: str, concept: dict[str, Any]) -> str:
    key = first(concept, "id", "title")
    return f"{THEMES_URI}:{key}" if scheme == THEMES_URI else key


def _licence(said: dict[str, Any], links: list[dict[str, Any]]) -> str:
    named = text(said.get("license"))
    vague = named.lower() in {"", "other", "proprietary", "various"}
    return _link(links, "license") or named if vague else named


def _time(said: dict[str, Any]) -> tuple[str, str]:
    interval = texts(said.get("interval"))
    if len(interval) == 2:
        return interval[0], interval[1]
    moment = first(said, "timestamp", "date")
    return moment, moment


def _link(links: list[dict[str, Any]], rel: str, media_type: str = "") -> str:
    for link in links:
        if link.get("rel") == rel and (not media_type or link.get("type") == media_type):
            return text(link.get("href"))
    return ""


def _distribution(link: dict[str, Any]) -> SaidDistribution | None:
    rel = text(link.get("rel")).rpartition("/")[2]
    if rel in _FILES:
        return from_link(link, api=False)
    return from_link(link, api=True) if rel in _INTERFACES else None


def _contacts(
    said: list[dict[str, Any]], language: str
) -> tuple[SaidContact | None, SaidPublisher | None]:
    contact, publisher = None, None
    for one in said:
        roles = texts(one.get("roles"))
        if "publisher" in roles and publisher is None:
            names = _in(language, one.get("organization") or one.get("name"))
            publisher = SaidPublisher(name=names, identifier=text(one.get("identifier")))
            publisher.url = _link(objects(one.get("links")), "about")
            if len(roles) == 1:
                continue
        if contact is None and (one.get("name") or one.get("emails")):
            contact = SaidContact(
                name=first(one, "name", "organization"),
                email=next((text(e.get("value")) for e in objects(one.get("emails"))), ""),
                phone=next((text(p.get("value")) for p in objects(one.get("phones"))), ""),
                url=next((text(link.get("href")) for link in objects(one.get("links"))), ""),
            )
    return contact, publisher
