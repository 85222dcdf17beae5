"""Interfaces at an address: found out which, and what each of them offers as proposals.

OGC API (Features, Records), STAC and SensorThings (:mod:`sensorthings`) answer JSON; WFS, WMS and
CSW say in XML what they can do (:mod:`capabilities`).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from quanyu.catalogue.codes import Access, UpdateCycle
from quanyu.catalogue.exchange import Entry
from quanyu.catalogue.harvest.fetch import Reach, fetch, odd_answer
from quanyu.catalogue.harvest.mapping import plain
from quanyu.catalogue.harvest.reasons import because
from quanyu.catalogue.model import Bbox, Distribution, Interval
from quanyu.catalogue.probe.capabilities import (
    from_capabilities,
    parsed_capabilities,
    without_request,
)
from quanyu.catalogue.probe.guessing import slug_from, themes_of, title_of
from quanyu.catalogue.probe.model import Proposal, ProposedField, ServiceFound
from quanyu.catalogue.probe.remarks import (
    MOST,
    abstract_of,
    address_of,
    apart,
    box_of,
    cut,
    interval_of,
    line,
    objects_of,
    signed_in,
    without_sign_in,
    words_of,
)
from quanyu.catalogue.probe.sensorthings import datastreams_address, from_sensorthings
from quanyu.catalogue.validate import is_web_address
from quanyu.kernel import Invalid, LocalText

_ACCEPT = "application/json, application/geo+json;q=0.9, application/xml;q=0.8, text/xml;q=0.8"
_OWS = ("WFS", "WMS", "CSW")
_DATA = frozenset({"data", "http://www.opengis.net/def/rel/ogc/1.0/data"})


def probe_service(url: str, reach: Reach) -> ServiceFound:
    """What the interface at ``url`` offers, each with a slug of its own; no user or password of
    ``url`` is told on.

    Raises ``Invalid`` when it is none that is known here, and what asking raises.
    """
    if not is_web_address(url):
        raise Invalid(
            "the URL is not one of http or https", field="url", mend="give an http(s) URL"
        )
    found = _found(url, reach)
    return replace(found, title=line(found.title, 300), offered=apart(found.offered))


def _found(url: str, reach: Reach) -> ServiceFound:
    try:
        answer = fetch(url, reach, accept=_ACCEPT)
    except Invalid:
        return _by_capabilities(url, reach)
    start = answer.content[:200].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith((b"{", b"[")):
        from quanyu.catalogue.exchange import loads

        document = loads(answer.content)
        if isinstance(document, dict):
            return _by_json(url, answer.url, document, reach)
        raise _unknown()
    if start.startswith(b"<"):
        root = parsed_capabilities(answer.content)
        if root is not None:
            return from_capabilities(root, without_sign_in(url))
    return _by_capabilities(url, reach)


def proposal_of_entry(entry: Entry, source: str, kind: str) -> Proposal:
    """The proposal for what another catalogue says of a thing."""
    title = entry.title
    words = (title.zh, title.en, *entry.keywords)
    return Proposal(
        source=source,
        slug=slug_from(entry.identifier.rpartition("/")[2], title.en),
        title=LocalText(zh=plain(title.zh)[:300], en=plain(title.en)[:300] or entry.identifier),
        abstract=entry.abstract,
        keywords=entry.keywords[:50],
        themes=entry.themes or themes_of(words),
        licence=entry.licence or "by-agreement",
        access=entry.access or Access.RESTRICTED,
        update_cycle=entry.update_cycle or UpdateCycle.IRREGULAR,
        bbox=entry.bbox,
        interval=entry.interval,
        fields=tuple(ProposedField(f.name, f.type, f.meaning, f.unit) for f in entry.fields),
        formats=entry.formats,
        distributions=entry.distributions,
        attribution=entry.attribution,
        changed_at=entry.modified,
        notes=(because("read from its {kind}", kind=kind),),
    )


def _by_json(asked: str, here: str, document: dict[str, Any], reach: Reach) -> ServiceFound:
    """By a document that was found ``here``, in the end, after ``asked``."""
    if "stac_version" in document:
        return _stac(here, document)
    if isinstance(document.get("value"), list):
        streams = datastreams_address(here, document)
        if not streams:
            raise _unknown()
        return from_sensorthings(without_sign_in(asked), asked, streams, reach)
    collections = document.get("collections")
    if not isinstance(collections, list):
        link = next((one for one in objects_of(document.get("links"))
                     if str(one.get("rel")) in _DATA), {})  # fmt: skip
        there = address_of(here, link.get("href"))
        if not there:
            raise _unknown()
        from quanyu.catalogue.exchange import loads

        answer = fetch(signed_in(there, asked), reach, accept="application/json")
        found = loads(answer.content)
        here, document = answer.url, found if isinstance(found, dict) else {}
        collections = document.get("collections")
    if not isinstance(collections, list):
        raise odd_answer("there are no collections")
    if any("stac_version" in one for one in objects_of(collections)):
        return _stac(here, document)
    offered = [_collection(one, here) for one in objects_of(collections[:MOST])]
    return ServiceFound("OGC API", line(document.get("title"), 300), here,
                        tuple(one for one in offered if one is not None),
                        cut(len(collections)))  # fmt: skip


def _stac(url: str, document: dict[str, Any]) -> ServiceFound:
    from quanyu.catalogue.exchange import from_stac

    parsed = from_stac(document, base=url)
    offered = tuple(proposal_of_entry(entry, url, "STAC") for entry in parsed.entries[:MOST])
    if not offered:
        raise Invalid(
            "this is a STAC catalogue of catalogues",
            field="url",
            mend="give the address of its collections, or harvest it as a source",
        )
    title = line(document.get("title"), 300)
    return ServiceFound("STAC", title, url, offered, cut(len(parsed.entries)))


def _collection(one: Mapping[str, Any], base: str) -> Proposal | None:
    identifier = line(one.get("id"), 300)
    if not identifier or one.get("itemType") == "record":
        return None
    title = title_of(identifier, line(one.get("title")))
    abstract = abstract_of(one.get("description"))
    links = [(link, address_of(base, link.get("href"))) for link in objects_of(one.get("links"))]
    found = [
        Distribution(
            url=url,
            title=LocalText(en="Features"),
            format="OGC API – Features",
            media_type=line(link.get("type"), 100) or "application/geo+json",
            api=True,
        )
        for link, url in links
        if url and link.get("rel") == "items" and "html" not in str(link.get("type", ""))
    ][:1]
    found += [
        Distribution(url, None, _short(link), line(link.get("type"), 100))
        for link, url in links
        if url and link.get("rel") == "enclosure"
    ]
    extent = one.get("extent")
    extent = extent if isinstance(extent, dict) else {}
    about = (abstract.zh or abstract.en) if abstract else ""
    return Proposal(
        source=f"{base} · {identifier}",
        slug=slug_from(identifier, title.en),
        title=title,
        abstract=abstract,
        keywords=words_of(one.get("keywords")),
        themes=themes_of((title.zh, title.en, about)),
        bbox=_bbox(extent),
        interval=_interval(extent),
        crs=line(one.get("storageCrs")),
        formats=tuple(dict.fromkeys(one.format for one in found if one.format)),
        distributions=tuple(found),
        attribution=line(one.get("attribution"), 500),
        notes=(because("read from its {kind}", kind="OGC API"),),
    )


def _by_capabilities(url: str, reach: Reach) -> ServiceFound:
    """Ask what an OWS interface can do, the one that its address names first.

    Only an answer that is something else leads to the next one: who is not there, too slow or too
    large is not asked three times.
    """
    path = url.lower()
    order = sorted(_OWS, key=lambda name: name.lower() not in path)
    plainly = without_request(url)
    last: Invalid | None = None
    for service in order:
        parts = urlsplit(plainly)
        asked = urlencode({"service": service, "request": "GetCapabilities"})
        query = "&".join(filter(None, (parts.query, asked)))
        try:
            answer = fetch(urlunsplit(parts._replace(query=query)), reach, accept="application/xml")
            root = parsed_capabilities(answer.content)
        except Invalid as error:
            last = last or error
            continue
        if root is not None:
            return from_capabilities(root, without_sign_in(plainly))
    raise last or _unknown()


def _short(link: Mapping[str, Any]) -> str:
    return line(link.get("title"), 40) or line(link.get("type"), 100).rpartition("/")[2][:40]


def _bbox(extent: Mapping[str, Any]) -> Bbox | None:
    spatial = extent.get("spatial")
    boxes = spatial.get("bbox") if isinstance(spatial, dict) else None
    return box_of(boxes[0] if isinstance(boxes, list) and boxes else None)


def _interval(extent: Mapping[str, Any]) -> Interval:
    temporal = extent.get("temporal")
    times = temporal.get("interval") if isinstance(temporal, dict) else None
    pair = times[0] if isinstance(times, list) and times else None
    return interval_of(*pair) if isinstance(pair, list) and len(pair) == 2 else (None, None)


def _unknown() -> Invalid:
    return Invalid(
        "no interface that is known here answers at this address",
        field="url",
        mend="give the address of an OGC API, STAC, SensorThings, WFS, WMS or CSW",
    )
