"""Interfaces at an address: found out which, and what each of them offers as proposals.

OGC API (Features, Records), STAC and SensorThings answer JSON; WFS, WMS and CSW say in XML what
they can do (:mod:`capabilities`).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit, urlunsplit

from quanyu.catalogue.codes import Access, UpdateCycle
from quanyu.catalogue.exchange import Entry
from quanyu.catalogue.harvest.fetch import Reach, fetch, odd_answer
from quanyu.catalogue.harvest.mapping import plain
from quanyu.catalogue.harvest.reasons import because
from quanyu.catalogue.model import Bbox, Distribution, Interval
from quanyu.catalogue.probe.capabilities import from_capabilities, parsed_capabilities
from quanyu.catalogue.probe.guessing import slug_from, themes_of, title_of
from quanyu.catalogue.probe.model import Proposal, ProposedField, ServiceFound
from quanyu.kernel import Invalid, LocalText, QuanyuError

MOST = 200
_ACCEPT = "application/json, application/geo+json;q=0.9, application/xml;q=0.8, text/xml;q=0.8"
_OWS = ("WFS", "WMS", "CSW")


def probe_service(url: str, reach: Reach) -> ServiceFound:
    """What the interface at ``url`` offers; raises ``Invalid`` when it is none that is known here,
    and what asking raises."""
    try:
        answer = fetch(url, reach, accept=_ACCEPT)
    except Invalid:
        return _by_capabilities(url, reach)
    start = answer.content[:200].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith((b"{", b"[")):
        from quanyu.catalogue.exchange import loads

        document = loads(answer.content)
        if isinstance(document, dict):
            return _by_json(url, document, reach)
        raise _unknown()
    if start.startswith(b"<"):
        root = parsed_capabilities(answer.content)
        if root is not None:
            return from_capabilities(root, url)
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


def _by_json(url: str, document: dict[str, Any], reach: Reach) -> ServiceFound:
    if "stac_version" in document:
        return _stac(url, document)
    if isinstance(document.get("value"), list):
        return _sensorthings(url, document, reach)
    collections = document.get("collections")
    if not isinstance(collections, list):
        link = next((one for one in _links(document) if one.get("rel") in
                     {"data", "http://www.opengis.net/def/rel/ogc/1.0/data"}), None)  # fmt: skip
        if link is None:
            raise _unknown()
        url = urljoin(url, str(link.get("href", "")))
        from quanyu.catalogue.exchange import loads

        found = loads(fetch(url, reach, accept="application/json").content)
        document = found if isinstance(found, dict) else {}
        collections = document.get("collections")
    if not isinstance(collections, list):
        raise odd_answer("there are no collections")
    if any(isinstance(one, dict) and "stac_version" in one for one in collections):
        return _stac(url, document)
    offered = [_collection(one, url) for one in collections[:MOST] if isinstance(one, dict)]
    return ServiceFound("OGC API", str(document.get("title") or ""), url,
                        tuple(one for one in offered if one is not None),
                        _cut(len(collections)))  # fmt: skip


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
    return ServiceFound("STAC", str(document.get("title") or ""), url, offered)


def _collection(one: Mapping[str, Any], base: str) -> Proposal | None:
    identifier = str(one.get("id") or "")
    if not identifier or one.get("itemType") == "record":
        return None
    title = title_of(identifier, plain(str(one.get("title") or "")))
    about = plain(str(one.get("description") or ""))[:20_000]
    items = next((link for link in _links(one) if link.get("rel") == "items"
                  and "html" not in str(link.get("type", ""))), None)  # fmt: skip
    found = [
        Distribution(
            url=urljoin(base, str(items["href"])),
            title=LocalText(en="Features"),
            format="OGC API – Features",
            media_type=str(items.get("type") or "application/geo+json"),
            api=True,
        )
    ] if items and items.get("href") else []  # fmt: skip
    found += [
        Distribution(
            urljoin(base, str(link["href"])), None, _short(link), str(link.get("type", ""))
        )
        for link in _links(one)
        if link.get("rel") == "enclosure" and link.get("href")
    ]
    extent = one.get("extent")
    extent = extent if isinstance(extent, dict) else {}
    return Proposal(
        source=urljoin(base, identifier),
        slug=slug_from(identifier, title.en),
        title=title,
        abstract=_text(about),
        keywords=tuple(str(word)[:100] for word in one.get("keywords") or [] if str(word).strip()),
        themes=themes_of((title.zh, title.en, about)),
        bbox=_bbox(extent),
        interval=_interval(extent),
        crs=str(one.get("storageCrs") or ""),
        formats=tuple(dict.fromkeys(one.format for one in found if one.format)),
        distributions=tuple(found),
        attribution=plain(str(one.get("attribution") or ""))[:500],
        notes=(because("read from its {kind}", kind="OGC API"),),
    )


def _sensorthings(url: str, document: dict[str, Any], reach: Reach) -> ServiceFound:
    from quanyu.catalogue.exchange import loads

    names = {str(one.get("name")): str(one.get("url") or "") for one in document["value"]
             if isinstance(one, dict)}  # fmt: skip
    if "Datastreams" not in names:
        raise _unknown()
    root = urljoin(url, names["Datastreams"])
    query = urlencode({"$top": MOST, "$expand": "ObservedProperty,Thing", "$count": "true"})
    answer = loads(fetch(f"{root}?{query}", reach, accept="application/json").content)
    streams = answer.get("value") if isinstance(answer, dict) else None
    if not isinstance(streams, list):
        raise odd_answer("there are no Datastreams")
    offered = [_datastream(one, root) for one in streams[:MOST] if isinstance(one, dict)]
    return ServiceFound("SensorThings", "", url, tuple(offered), _cut(len(streams)))


def _datastream(one: Mapping[str, Any], root: str) -> Proposal:
    title = title_of(str(one.get("@iot.id") or "stream"), plain(str(one.get("name") or "")))
    observed = one.get("ObservedProperty") or {}
    unit = one.get("unitOfMeasurement") or {}
    here = str(one.get("@iot.selfLink") or f"{root}({one.get('@iot.id')})")
    meaning = plain(str(observed.get("name") or "")) if isinstance(observed, dict) else ""
    fields = (
        ProposedField("phenomenonTime", "datetime", LocalText(zh="观测时间", en="Time observed")),
        ProposedField(
            "result",
            "number",
            LocalText(en=meaning) if meaning else None,
            str(unit.get("symbol") or "")[:40] if isinstance(unit, dict) else "",
        ),
    )
    return Proposal(
        source=here,
        slug=slug_from(title.en, f"datastream-{one.get('@iot.id')}"),
        title=title,
        abstract=_text(plain(str(one.get("description") or ""))),
        themes=themes_of((title.zh, title.en, meaning)),
        update_cycle=UpdateCycle.REAL_TIME,
        bbox=_area(one.get("observedArea")),
        interval=_period(str(one.get("phenomenonTime") or "")),
        fields=fields,
        formats=("SensorThings",),
        distributions=(
            Distribution(
                f"{here}/Observations", None, "SensorThings", "application/json", api=True
            ),
        ),
        notes=(because("read from its {kind}", kind="SensorThings"),),
    )


def _by_capabilities(url: str, reach: Reach) -> ServiceFound:
    """Ask what an OWS interface can do, the one that its address names first."""
    path = url.lower()
    order = sorted(_OWS, key=lambda name: name.lower() not in path)
    parts = urlsplit(url)
    kept = [pair for pair in parts.query.split("&") if pair and pair.split("=")[0].lower() not in
            {"service", "request", "version"}]  # fmt: skip
    last: QuanyuError | None = None
    for service in order:
        query = "&".join([*kept, urlencode({"service": service, "request": "GetCapabilities"})])
        try:
            answer = fetch(urlunsplit(parts._replace(query=query)), reach, accept="application/xml")
        except QuanyuError as error:
            last = last or error
            continue
        root = parsed_capabilities(answer.content)
        if root is not None:
            return from_capabilities(root, urlunsplit(parts._replace(query="&".join(kept))))
    raise last or _unknown()


def _links(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    links = document.get("links")
    return [one for one in links if isinstance(one, dict)] if isinstance(links, list) else []


def _short(link: Mapping[str, Any]) -> str:
    return str(link.get("title") or str(link.get("type", "")).rpartition("/")[2])[:40]


def _text(text: str) -> LocalText | None:
    if not text:
        return None
    return (
        LocalText(zh=text) if any("\u4e00" <= c <= "\u9fff" for c in text) else LocalText(en=text)
    )


def _bbox(extent: Mapping[str, Any]) -> Bbox | None:
    spatial = extent.get("spatial")
    boxes = spatial.get("bbox") if isinstance(spatial, dict) else None
    box = boxes[0] if isinstance(boxes, list) and boxes else None
    return _checked(box)


def _checked(box: object) -> Bbox | None:
    if not isinstance(box, list | tuple) or len(box) not in {4, 6}:
        return None
    try:
        numbers = [float(value) for value in box]
    except (TypeError, ValueError):
        return None
    west, south, east, north = (
        (numbers[0], numbers[1], numbers[2], numbers[3])
        if len(numbers) == 4
        else (numbers[0], numbers[1], numbers[3], numbers[4])
    )
    good = -180 <= west <= east <= 180 and -90 <= south <= north <= 90
    return (west, south, east, north) if good else None


def _area(geometry: object) -> Bbox | None:
    import shapely

    if not isinstance(geometry, dict):
        return None
    try:
        shape = shapely.geometry.shape(geometry)
    except (ValueError, TypeError, KeyError, AttributeError, shapely.errors.ShapelyError):
        return None
    return _checked(list(shape.bounds)) if not shape.is_empty else None


def _interval(extent: Mapping[str, Any]) -> Interval:
    temporal = extent.get("temporal")
    times = temporal.get("interval") if isinstance(temporal, dict) else None
    pair = times[0] if isinstance(times, list) and times else None
    if not isinstance(pair, list) or len(pair) != 2:
        return (None, None)
    return _ordered(_moment(pair[0]), _moment(pair[1]))


def _period(text: str) -> Interval:
    first, _, last = text.partition("/")
    return _ordered(_moment(first), _moment(last or first))


def _ordered(start: datetime | None, end: datetime | None) -> Interval:
    return (None, None) if start and end and start > end else (start, end)


def _moment(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _cut(count: int) -> tuple[Mapping[str, Any], ...]:
    if count <= MOST:
        return ()
    return (because("only the first {most} of {count} are shown; harvest it as a source",
                    most=MOST, count=count),)  # fmt: skip


def _unknown() -> Invalid:
    return Invalid(
        "no interface that is known here answers at this address",
        field="url",
        mend="give the address of an OGC API, STAC, SensorThings, WFS, WMS or CSW",
    )
