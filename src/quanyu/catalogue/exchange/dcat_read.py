"""DCAT documents as entries: DCAT 1 to 3, DCAT-AP and the ``data.json`` of DCAT-US."""

import json
import re
from typing import Any
from urllib.parse import unquote

import pyoxigraph as ox

from quanyu.catalogue.codes import Kind
from quanyu.catalogue.exchange.gather import gather
from quanyu.catalogue.exchange.model import Parsed
from quanyu.catalogue.exchange.rdf import Graph, Subject, Term, read_rdf
from quanyu.catalogue.exchange.said import (
    Said,
    SaidContact,
    SaidDistribution,
    SaidField,
    SaidPublisher,
    Tagged,
)
from quanyu.catalogue.exchange.terms import (
    AUTHORITY,
    CONFORMS_TO,
    FILE_TYPES,
    KINDS_URI,
    LANGUAGES_EU,
    PERSON,
)

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_PAIR = re.compile(rf"({_NUMBER})\s+({_NUMBER})")
_FORMAT_NAMES = {code: name for name, (_, code) in reversed(FILE_TYPES.items()) if code}
_LANGUAGES = {code: tag for tag, code in LANGUAGES_EU.items()}
_KINDS = {f"{KINDS_URI}:{kind.value}": kind for kind in Kind}
_FORMAT_OF = {uri: name for name, uri in CONFORMS_TO.items()}


def from_dcat(data: bytes, media_type: str, *, base: str = "") -> Parsed:
    """Every dataset, service and other resource that a document describes.

    ``base`` is the address that it came from. Raises :class:`Invalid` or :class:`TooLarge` when
    the document as a whole cannot be read; an entry that cannot be taken is among the rejects.
    """
    graph = read_rdf(data, media_type, base)
    inner = _inner_services(graph)
    subjects = graph.typed("dcat:Dataset", "dcat:DataService", "dcat:Resource")
    said = ((_place(graph, one), _said(graph, one)) for one in subjects if one not in inner)
    onward, total = _paging(graph)
    return gather(said, base, onward=onward, total=total)


def _place(graph: Graph, subject: Subject) -> str:
    if isinstance(subject, ox.NamedNode):
        return subject.value
    return _first(graph, subject, "dct:identifier") or _first(graph, subject, "dct:title") or "?"


def _inner_services(graph: Graph) -> set[Term]:
    """Services that only say how a distribution is had; they are no entries of their own."""
    return {
        service
        for said in graph.of.values()
        for service in said.get("http://www.w3.org/ns/dcat#accessService", ())
        if not graph.values(service, "dct:identifier")
    }


def _paging(graph: Graph) -> tuple[str, int | None]:
    onward, total = "", None
    for kind in ("hydra:PartialCollectionView", "hydra:PagedCollection", "hydra:Collection"):
        for page in graph.typed(kind):
            found = _first(graph, page, "hydra:next") or _first(graph, page, "hydra:nextPage")
            onward = onward or found
            count = _first(graph, page, "hydra:totalItems")
            total = int(count) if total is None and count.isdecimal() else total
    return onward, total


def _said(graph: Graph, subject: Subject) -> Said:
    uri = subject.value if isinstance(subject, ox.NamedNode) else ""
    start, end = _period(graph, subject)
    made_up = uri.startswith("urn:quanyu:entry:")
    return Said(
        identifier=_first(graph, subject, "dct:identifier"),
        uri="" if made_up else uri,
        kind=_kind(graph, subject),
        other_identifiers=_notations(graph, subject),
        title=_texts(graph, subject, "dct:title"),
        abstract=_texts(graph, subject, "dct:description"),
        keywords=[text for _, text in _texts(graph, subject, "dcat:keyword")],
        themes=[_label(graph, theme) for theme in graph.values(subject, "dcat:theme")],
        licence=_licence(graph, subject),
        access=[
            *_all(graph, subject, "quanyu:access"),
            *(_label(graph, one) for one in graph.values(subject, "dct:accessRights")),
        ],
        grade=_first(graph, subject, "quanyu:grade"),
        update_cycle=_labelled(graph, subject, "dct:accrualPeriodicity"),
        bbox=_bbox(graph, subject),
        interval=(start, end),
        fields=_fields(graph, subject),
        formats=[_format(graph, one) for one in graph.values(subject, "dct:format")],
        lineage=[
            unquote(source.removeprefix("urn:quanyu:entry:"))
            if source.startswith("urn:quanyu:entry:")
            else source
            for name in ("prov:wasDerivedFrom", "dct:source")
            for source in _all(graph, subject, name)
        ],
        provenance=_labels(graph, subject, "dct:provenance"),
        contact=_contact(graph, subject),
        publisher=_publisher(graph, subject),
        issued=_first(graph, subject, "dct:issued"),
        modified=_first(graph, subject, "dct:modified"),
        version=_first(graph, subject, "dcat:version")
        or _first(graph, subject, "http://www.w3.org/2002/07/owl#versionInfo"),
        attribution=_attribution(graph, subject),
        landing_page=_first(graph, subject, "dcat:landingPage"),
        policy=_first(graph, subject, "odrl:hasPolicy"),
        language=[_language(graph, one) for one in graph.values(subject, "dct:language")],
        distributions=_distributions(graph, subject),
        attributes=_attributes(graph, subject),
    )


def _kind(graph: Graph, subject: Subject) -> Kind:
    for said in _all(graph, subject, "dct:type"):
        if said in _KINDS:
            return _KINDS[said]
    kinds = {value.value for value in graph.values(subject, "rdf:type")}
    return Kind.SERVICE if "http://www.w3.org/ns/dcat#DataService" in kinds else Kind.DATASET


def _distributions(graph: Graph, subject: Subject) -> list[SaidDistribution]:
    found = [_distribution(graph, one) for one in graph.values(subject, "dcat:distribution")]
    known = {one.url for one in found}
    found += (
        SaidDistribution(url, api=True, format=_specification(graph, subject))
        for url in _all(graph, subject, "dcat:endpointURL")
        if url not in known
    )
    return [one for one in found if one.url]


def _distribution(graph: Graph, one: Term) -> SaidDistribution:
    download, page = _first(graph, one, "dcat:downloadURL"), _first(graph, one, "dcat:accessURL")
    services = graph.values(one, "dcat:accessService")
    form = _format(graph, next(iter(graph.values(one, "dct:format")), None))
    if services and not download:
        form = form or _specification(graph, services[0])
        page = page or _first(graph, services[0], "dcat:endpointURL")
    media = next(iter(graph.values(one, "dcat:mediaType")), None)
    return SaidDistribution(
        download or page,
        title=_texts(graph, one, "dct:title"),
        format=form,
        media_type=_media_type(graph, media),
        bytes=_first(graph, one, "dcat:byteSize"),
        api=True if services and not download else False if download else None,
        checksum=_checksum(graph, one),
    )


def _specification(graph: Graph, service: Term) -> str:
    for uri in _all(graph, service, "dct:conformsTo"):
        if uri in _FORMAT_OF:
            return _FORMAT_OF[uri]
    return "API"


def _format(graph: Graph, one: Term | None) -> str:
    if one is None:
        return ""
    if isinstance(one, ox.Literal):
        return one.value
    label = _first(graph, one, "rdfs:label") or _first(graph, one, "skos:prefLabel")
    code = one.value.rpartition("/")[2] if isinstance(one, ox.NamedNode) else ""
    if isinstance(one, ox.NamedNode) and "iana.org/assignments/media-types/" in one.value:
        return ""  # the media type says it
    return label or _FORMAT_NAMES.get(code, code)


def _media_type(graph: Graph, one: Term | None) -> str:
    if one is None:
        return ""
    label = _first(graph, one, "rdfs:label")
    if label:
        return label
    text = one.value if not isinstance(one, ox.BlankNode) else ""
    return text.partition("media-types/")[2] or text


def _checksum(graph: Graph, one: Term) -> str:
    for checksum in graph.values(one, "spdx:checksum"):
        value = _first(graph, checksum, "spdx:checksumValue")
        algorithm = _first(graph, checksum, "spdx:algorithm").rpartition("_")[2]
        if value and algorithm:
            return f"{algorithm}:{value}"
    return ""


def _texts(graph: Graph, subject: Term, name: str) -> list[Tagged]:
    return [
        (value.language or "", value.value)
        for value in graph.values(subject, name)
        if isinstance(value, ox.Literal)
    ]


def _all(graph: Graph, subject: Term, name: str) -> list[str]:
    values = graph.values(subject, name)
    return [value.value for value in values if not isinstance(value, ox.BlankNode)]


def _first(graph: Graph, subject: Term, name: str) -> str:
    return next(iter(_all(graph, subject, name)), "")


def _label(graph: Graph, one: Term) -> str:
    """A concept's URI, else its label or the words in its place."""
    if not isinstance(one, ox.BlankNode):
        return one.value
    return _first(graph, one, "skos:prefLabel") or _first(graph, one, "rdfs:label")


def _labelled(graph: Graph, subject: Subject, name: str) -> str:
    return next((_label(graph, one) for one in graph.values(subject, name)), "")


def _labels(graph: Graph, subject: Subject, name: str) -> list[Tagged]:
    found: list[Tagged] = []
    for one in graph.values(subject, name):
        if isinstance(one, ox.Literal):
            found.append((one.language or "", one.value))
        found += _texts(graph, one, "rdfs:label") or _texts(graph, one, "dct:description")
    return found


def _licence(graph: Graph, subject: Subject) -> str:
    """The dataset's own, else that of its distributions."""
    places = [subject, *graph.values(subject, "dcat:distribution")]
    for place in places:
        for one in graph.values(place, "dct:license"):
            said = _label(graph, one)
            if said:
                return said
    return ""


def _notations(graph: Graph, subject: Subject) -> list[str]:
    return [
        _first(graph, one, "skos:notation") or ("" if isinstance(one, ox.BlankNode) else one.value)
        for one in graph.values(subject, "adms:identifier")
    ]


def _bbox(graph: Graph, subject: Subject) -> list[float] | None:
    for place in graph.values(subject, "dct:spatial"):
        if isinstance(place, ox.Literal):  # DCAT-US: west, south, east, north
            numbers = re.findall(_NUMBER, place.value)
            if len(numbers) == 4:
                return [float(one) for one in numbers]
        for name in ("dcat:bbox", "locn:geometry", "geo:asWKT", "dcat:centroid"):
            for value in graph.values(place, name):
                if isinstance(value, ox.Literal):
                    box = _box_of(value.value)
                    if box:
                        return box
    return None


def _box_of(text: str) -> list[float] | None:
    """The extent of a geometry in WKT or GeoJSON, longitude first."""
    if text.lstrip().startswith("{"):
        try:
            numbers = re.findall(rf"\[\s*({_NUMBER})\s*,\s*({_NUMBER})", text)
        except ValueError:
            return None
        pairs = [(float(x), float(y)) for x, y in numbers]
    else:
        pairs = [(float(x), float(y)) for x, y in _PAIR.findall(text.partition(">")[2] or text)]
    if not pairs:
        return None
    xs, ys = [x for x, _ in pairs], [y for _, y in pairs]
    if text.lstrip().startswith("<") and "/EPSG/0/4326" in text.partition(">")[0]:
        xs, ys = ys, xs  # that system is latitude first
    return [min(xs), min(ys), max(xs), max(ys)]


def _period(graph: Graph, subject: Subject) -> tuple[str, str]:
    for period in graph.values(subject, "dct:temporal"):
        if isinstance(period, ox.Literal):
            start, _, end = period.value.partition("/")
            return start, end
        start = _first(graph, period, "dcat:startDate") or _first(graph, period, "schema:startDate")
        end = _first(graph, period, "dcat:endDate") or _first(graph, period, "schema:endDate")
        if start or end:
            return start, end
    return "", ""


def _fields(graph: Graph, subject: Subject) -> list[SaidField]:
    found: list[SaidField] = []
    places = [subject, *graph.values(subject, "dcat:distribution")]
    for schema in (one for place in places for one in graph.values(place, "csvw:tableSchema")):
        for head in graph.values(schema, "csvw:column"):
            columns = graph.items(head) if graph.values(head, "rdf:first") else [head]
            found += (_field(graph, column) for column in columns)
        if found:
            break
    return found


def _field(graph: Graph, column: Term) -> SaidField:
    return SaidField(
        _first(graph, column, "csvw:name"),
        type=_first(graph, column, "csvw:datatype").rpartition("#")[2],
        meaning=_texts(graph, column, "dct:description") or _texts(graph, column, "csvw:title"),
        unit=_first(graph, column, "schema:unitText"),
        sensitivity=_first(graph, column, "quanyu:sensitivity"),
        person=PERSON in _all(graph, column, "dct:type"),
    )


def _contact(graph: Graph, subject: Subject) -> SaidContact | None:
    for one in graph.values(subject, "dcat:contactPoint"):
        phone = _first(graph, one, "vcard:tel") or _first(graph, one, "vcard:hasTelephone")
        for inner in graph.values(one, "vcard:hasTelephone"):
            phone = phone or _first(graph, inner, "vcard:hasValue")
        email = _first(graph, one, "vcard:hasEmail") or _first(graph, one, "vcard:email")
        return SaidContact(
            name=_first(graph, one, "vcard:fn") or _first(graph, one, "vcard:organization-name"),
            email=unquote(email),
            phone=phone,
            url=_first(graph, one, "vcard:hasURL"),
        )
    return None


def _publisher(graph: Graph, subject: Subject) -> SaidPublisher | None:
    for name in ("dct:publisher", "dct:creator"):
        for one in graph.values(subject, name):
            if isinstance(one, ox.Literal):
                return SaidPublisher(name=[(one.language or "", one.value)])
            names = _texts(graph, one, "foaf:name") or _texts(graph, one, "skos:prefLabel")
            uri = one.value if isinstance(one, ox.NamedNode) else ""
            if names or uri:
                return SaidPublisher(
                    name=names or [("", uri)],
                    identifier=_first(graph, one, "dct:identifier") or uri,
                    url=_first(graph, one, "foaf:homepage"),
                )
    return None


def _attribution(graph: Graph, subject: Subject) -> str:
    for one in graph.values(subject, "dct:rights"):
        if isinstance(one, ox.Literal):
            return one.value
        said = _first(graph, one, "odrs:attributionText") or _first(graph, one, "rdfs:label")
        if said:
            return said
    return ""


def _language(graph: Graph, one: Term) -> str:
    if isinstance(one, ox.BlankNode):
        return _first(graph, one, "rdfs:label")
    code = one.value.rpartition("/")[2]
    return _LANGUAGES.get(code, code if not one.value.startswith(AUTHORITY) else code.lower())


def _attributes(graph: Graph, subject: Subject) -> dict[str, Any]:
    text = _first(graph, subject, "quanyu:attributes")
    try:
        found = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
