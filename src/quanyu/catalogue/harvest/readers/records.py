"""OGC API – Records: the items of a catalogue, linked by ``next``; another quanyu by it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from quanyu.catalogue.exchange import Entry
from quanyu.catalogue.harvest.fetch import Reach, fetch, odd_answer
from quanyu.catalogue.harvest.model import SourceSettings
from quanyu.catalogue.harvest.readers.page import (
    Cursor,
    SourcePage,
    onward_to,
    page_of,
    whole_number,
)
from quanyu.kernel import LocalText, QuanyuError

_ACCEPT = "application/geo+json, application/json;q=0.9"
_NODE_ITEMS = "/ogc/records/collections/catalogue/items"
_CATALOGUES = ("items", "ogc-catalog", "http://www.opengis.net/def/rel/ogc/1.0/ogc-catalog", "data")
_DEPTH = 4


def read(url: str, settings: SourceSettings, cursor: Cursor | None, reach: Reach) -> SourcePage:
    """A page of items; the address may be of the API, of a collection or of its items."""
    from quanyu.catalogue.exchange import from_record

    here = str(cursor["url"]) if cursor else _items(url, settings, reach)
    document, landed = _json(here, reach)
    if not isinstance(document.get("features"), list):
        raise odd_answer("there are no features")
    link = _link(document, ("next",))
    onward = {"url": onward_to(link, here)} if link else None
    total = whole_number(document.get("numberMatched"))
    return page_of(from_record(document, base=landed), onward, total)


def read_node(
    url: str, settings: SourceSettings, cursor: Cursor | None, reach: Reach
) -> SourcePage:
    """A page of another quanyu's records, in both languages, and the name of that node."""
    root = url.partition("/ogc/")[0].rstrip("/")
    query = {"limit": str(settings.page_size), "sortby": "created"}
    if settings.filter:
        query["filter"] = settings.filter
    here = str(cursor["url"]) if cursor else f"{root}{_NODE_ITEMS}?{urlencode(query)}"
    node = str(cursor["node"]) if cursor else _name(root, reach)
    first = read(url, settings, {"url": _in_language(here, "zh")}, reach)
    second = read(url, settings, {"url": _in_language(here, "en")}, reach)
    english = {entry.identifier: entry for entry in second.entries}
    onward = {**first.next, "node": node} if first.next else None
    entries = tuple(_both(entry, english.get(entry.identifier)) for entry in first.entries)
    return replace(first, entries=entries, next=onward, node=node)


def _both(zh: Entry, en: Entry | None) -> Entry:
    if en is None:
        return zh
    return replace(
        zh,
        title=_texts(zh.title, en.title) or zh.title,
        abstract=_texts(zh.abstract, en.abstract),
        provenance=_texts(zh.provenance, en.provenance),
    )


def _texts(zh: LocalText | None, en: LocalText | None) -> LocalText | None:
    """A text asked for in each language; one that is the same in both is in one only."""
    if zh is None or en is None:
        return zh or en
    one, other = zh.to("zh"), en.to("en")
    if one != other:
        return LocalText(zh=one, en=other)
    chinese = any("\u4e00" <= character <= "\u9fff" for character in one)
    return LocalText(zh=one) if chinese else LocalText(en=one)


def _in_language(url: str, language: str) -> str:
    parts = urlsplit(url)
    query = [(name, value) for name, value in parse_qsl(parts.query) if name != "lang"]
    return urlunsplit(parts._replace(query=urlencode([*query, ("lang", language)])))


def _name(root: str, reach: Reach) -> str:
    """The name of a node: the origin of its log, which it signs; its host where it has none."""
    try:
        note = fetch(f"{root}/log/checkpoint", reach, accept="text/plain").content
    except QuanyuError:
        return urlsplit(root).netloc
    return note.split(b"\n", 1)[0].decode("utf-8", "replace").strip()[:200]


def _items(url: str, settings: SourceSettings, reach: Reach) -> str:
    """The address of the items, from wherever one was pointed at."""
    here = url
    for _ in range(_DEPTH):
        if urlsplit(here).path.rstrip("/").endswith("/items"):
            parts = urlsplit(here)
            query = dict(parse_qsl(parts.query)) | {"limit": str(settings.page_size)}
            if settings.filter:
                query["filter"] = settings.filter
            return urlunsplit(parts._replace(query=urlencode(query)))
        document, landed = _json(here, reach)
        if isinstance(document.get("features"), list):
            return here
        here = urljoin(landed, _further(document))
    raise odd_answer("the items of the catalogue were not found")


def _further(document: Mapping[str, Any]) -> str:
    """Where to go on from a landing page, a list of collections or a collection."""
    collections = document.get("collections")
    if isinstance(collections, list):
        for one in collections:
            if isinstance(one, dict) and one.get("itemType") in {"record", "catalog"}:
                return _link(one, ("items", "self")) or _missing()
        return _missing()
    return _link(document, _CATALOGUES) or _missing()


def _missing() -> str:
    raise odd_answer("it names no collection of records")


def _link(document: Mapping[str, Any], relations: tuple[str, ...]) -> str:
    links = [one for one in document.get("links") or [] if isinstance(one, dict)]
    for relation in relations:
        said = [one for one in links if one.get("rel") == relation and one.get("href")]
        data = [one for one in said if "html" not in str(one.get("type", ""))]
        if data:
            return str(data[0]["href"])
    return ""


def _json(url: str, reach: Reach) -> tuple[dict[str, Any], str]:
    from quanyu.catalogue.exchange import loads

    answer = fetch(url, reach, accept=_ACCEPT)
    document = loads(answer.content)
    if not isinstance(document, dict):
        raise odd_answer("not an object")
    return document, answer.url
