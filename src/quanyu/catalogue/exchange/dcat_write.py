"""Entries as DCAT 3, with the terms that DCAT-AP 3 asks for.

Datasets, streams and scenes are a ``dcat:Dataset``, services with an address a
``dcat:DataService``, all else a ``dcat:Resource``. What DCAT has no word for goes under
``urn:quanyu:ns:``.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from quanyu.catalogue.codes import KINDS, LICENCES, THEMES, Kind
from quanyu.catalogue.exchange.model import Entry, Publisher
from quanyu.catalogue.exchange.quality_write import measurement_tree
from quanyu.catalogue.exchange.rdf import Tree, iri, write_rdf
from quanyu.catalogue.exchange.terms import (
    ACCESS_RIGHTS,
    AUTHORITY,
    CONFORMS_TO,
    DATA_KINDS,
    EU_THEME_NAMES,
    EU_THEMES,
    FILE_TYPES,
    FOREIGN_THEMES_URI,
    FREQUENCIES,
    IANA,
    KINDS_URI,
    LANGUAGES_EU,
    PERSON,
    THEMES_URI,
    licence_uri,
)
from quanyu.catalogue.model import Bbox, Contact, Distribution, FieldMeaning, Interval
from quanyu.kernel import LocalText, iso


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogDescription:
    """The catalogue that entries are shown in, and the page of it that a document is.

    uri       what names the catalogue; ``page`` names this page of it.
    homepage  the page for people.
    next, previous, first, last  addresses of other pages, empty where there are none.
    """

    uri: str
    title: LocalText
    description: LocalText
    publisher: Publisher
    homepage: str
    modified: datetime | None = None
    total: int = 0
    page: str = ""
    first: str = ""
    previous: str = ""
    next: str = ""
    last: str = ""


def to_dcat(
    entries: Iterable[Entry], media_type: str, *, catalog: CatalogDescription | None = None
) -> bytes:
    """A DCAT document of these entries, as a page of ``catalog`` where one is given.

    ``media_type`` is ``text/turtle``, ``application/rdf+xml`` or ``application/ld+json``.
    """
    trees = [entry_tree(entry) for entry in entries]
    if catalog is not None:
        trees = [_catalog(catalog, trees), *_paging(catalog), *trees]
    themes = {theme: None for tree in trees for theme in _our_themes(tree)}
    return write_rdf([*trees, *map(_concept, themes)], media_type)


def entry_tree(entry: Entry) -> Tree:
    """An entry as a JSON-LD node with prefixed names."""
    uri = iri(entry.uri) or f"urn:quanyu:entry:{_safe(entry.identifier)}"
    tree: Tree = {
        "@id": uri,
        "@type": _class(entry),
        "dct:type": [_kind(entry.kind)],
        "dct:identifier": [entry.identifier],
        "adms:identifier": [_identifier(one) for one in entry.other_identifiers],
        "dct:title": _texts(entry.title),
        "dct:description": _texts(entry.abstract),
        "dcat:keyword": list(entry.keywords),
        "dcat:theme": _themes(entry),
        "dct:license": _licence(entry.licence),
        "dct:accessRights": [_access(entry)] if entry.access else [],
        "quanyu:access": [entry.access.value] if entry.access else [],
        "quanyu:grade": [entry.grade.value] if entry.grade else [],
        "dct:accrualPeriodicity": _cycle(entry),
        "dct:spatial": [_location(entry.bbox)] if entry.bbox else [],
        "dct:temporal": [_period(entry.interval)] if entry.interval != (None, None) else [],
        "csvw:tableSchema": [_schema(entry.fields)] if entry.fields else [],
        "dct:format": [_format(one, named=False) for one in entry.formats],
        "prov:wasDerivedFrom": [_reference(one) for one in entry.lineage],
        "dct:provenance": _statement(entry.provenance, "dct:ProvenanceStatement"),
        "dcat:contactPoint": [_contact(entry.contact)] if entry.contact else [],
        "dct:publisher": [_agent(entry.publisher)] if entry.publisher else [],
        "dct:issued": _moment(entry.issued),
        "dct:modified": _moment(entry.modified),
        "dcat:version": [entry.version] if entry.version else [],
        "dct:rights": _attribution(entry.attribution),
        "odrl:hasPolicy": [_typed(entry.policy, "odrl:Policy")] if entry.policy else [],
        "dct:language": [_language(tag) for tag in entry.language],
        "dcat:landingPage": [_typed(entry.landing_page, "foaf:Document")]
        if entry.landing_page
        else [],
        "quanyu:attributes": [{"@value": dict(entry.attributes), "@type": "@json"}]
        if entry.attributes
        else [],
        "dqv:hasQualityMeasurement": [measurement_tree(one, uri) for one in entry.measurements],
        **_served(entry, uri),
    }
    return {name: value for name, value in tree.items() if value != []}


def _kind(kind: Kind) -> Tree:
    concept = _typed(f"{KINDS_URI}:{kind.value}", "skos:Concept")
    return concept | {"skos:prefLabel": _texts(KINDS[kind].name)}


def _class(entry: Entry) -> str:
    if entry.kind in DATA_KINDS:
        return "dcat:Dataset"
    serves = any(one.api for one in entry.distributions)
    return "dcat:DataService" if entry.kind is Kind.SERVICE and serves else "dcat:Resource"


def _served(entry: Entry, uri: str) -> Tree:
    names: dict[str, int] = {}
    forms: list[Tree] = []
    for one in entry.distributions:
        name = re.sub(r"[^a-z0-9]+", "-", one.format.lower()).strip("-") or "form"
        names[name] = names.get(name, 0) + 1
        number = f"-{names[name]}" if names[name] > 1 else ""
        forms.append(_distribution(one, entry, uri, f"{uri.partition('#')[0]}#{name}{number}"))
    found: Tree = {"dcat:distribution": forms}
    if _class(entry) == "dcat:DataService":
        urls = (one.url for one in entry.distributions if one.api)
        found["dcat:endpointURL"] = [_typed(url, "rdfs:Resource") for url in urls]
    return found


def _distribution(one: Distribution, entry: Entry, uri: str, name: str) -> Tree:
    tree: Tree = {
        "@id": name,
        "@type": "dcat:Distribution",
        "dct:title": _texts(one.title),
        "dcat:accessURL": [_typed(one.url, "rdfs:Resource")],
        "dct:format": [_format(one.format, named=True)] if one.format else [],
        "dcat:mediaType": _media_type(one.media_type),
        "dcat:byteSize": [_number(one.bytes)] if one.bytes is not None else [],
        "dct:license": _licence(entry.licence),
        "spdx:checksum": _checksum(one.checksum),
    }
    if one.api:
        service: Tree = {
            "@id": f"{name}-service",
            "@type": "dcat:DataService",
            "dct:title": _texts(one.title) or _texts(entry.title),
            "dcat:endpointURL": [_typed(one.url, "rdfs:Resource")],
        }
        if entry.kind in DATA_KINDS:
            service["dcat:servesDataset"] = [{"@id": uri}]
        if one.format in CONFORMS_TO:
            service["dct:conformsTo"] = [_typed(CONFORMS_TO[one.format], "dct:Standard")]
        tree["dcat:accessService"] = [service]
    else:
        tree["dcat:downloadURL"] = [_typed(one.url, "rdfs:Resource")]
    return {key: value for key, value in tree.items() if value != []}


def _texts(text: LocalText | None) -> list[Tree]:
    if text is None:
        return []
    said = (("zh", text.zh), ("en", text.en))
    return [{"@value": words, "@language": tag} for tag, words in said if words]


def _typed(uri: str, kind: str) -> Tree:
    return {"@id": iri(uri), "@type": kind}


def _identifier(value: str) -> Tree:
    return {"@type": "adms:Identifier", "skos:notation": [value]}


def _themes(entry: Entry) -> list[Any]:
    ours = [{"@id": f"{THEMES_URI}:{key}"} for key in entry.themes]
    images = dict.fromkeys(EU_THEMES[key] for key in entry.themes)
    eu = [_theme(f"{AUTHORITY}data-theme/{code}", EU_THEME_NAMES[code]) for code in images]
    foreign = [
        _theme(one, one.rpartition("/")[2] or one)
        if _is_uri(one)
        else _theme(f"{FOREIGN_THEMES_URI}:{_safe(one)}", one)
        for one in entry.foreign_themes
    ]
    return [*ours, *eu, *foreign]


def _theme(uri: str, label: str) -> Tree:
    name = {"@value": label, "@language": "en"} if label in _EU_LABELS else label
    return _typed(uri, "skos:Concept") | {"skos:prefLabel": [name]}


_EU_LABELS = frozenset(EU_THEME_NAMES.values())


def _our_themes(tree: Tree) -> Iterable[str]:
    for theme in tree.get("dcat:theme", ()):
        if theme.get("@id", "").startswith(f"{THEMES_URI}:"):
            yield theme["@id"].rpartition(":")[2]


def _concept(key: str) -> Tree:
    return {
        "@id": f"{THEMES_URI}:{key}",
        "@type": "skos:Concept",
        "skos:prefLabel": _texts(THEMES[key].name),
        "skos:inScheme": [_scheme()],
    }


def _scheme() -> Tree:
    title = LocalText(zh="公共信息资源开放领域", en="Fields of open public information")
    return {"@id": THEMES_URI, "@type": "skos:ConceptScheme", "dct:title": _texts(title)}


def _licence(licence: str) -> list[Tree]:
    if not licence:
        return []
    uri = licence_uri(licence)
    known = LICENCES.get(licence)
    labels: list[Any] = _texts(known.name) if known else [] if uri else [licence]
    tree: Tree = {"@type": "dct:LicenseDocument"}
    if uri:
        tree["@id"] = iri(uri)
    if labels:
        tree["rdfs:label"] = labels
    return [tree]


def _access(entry: Entry) -> Tree:
    assert entry.access is not None  # noqa: S101 - asked before
    return _typed(ACCESS_RIGHTS[entry.access], "dct:RightsStatement")


def _cycle(entry: Entry) -> list[Tree]:
    if entry.update_cycle is None:
        return []
    code = FREQUENCIES[entry.update_cycle]
    return [_typed(f"{AUTHORITY}frequency/{code}", "dct:Frequency")]


def _location(bbox: Bbox) -> Tree:
    w, s, e, n = (repr(float(one)) for one in bbox)
    wkt = f"POLYGON(({w} {s},{e} {s},{e} {n},{w} {n},{w} {s}))"
    return {"@type": "dct:Location", "dcat:bbox": [{"@value": wkt, "@type": "geo:wktLiteral"}]}


def _period(interval: Interval) -> Tree:
    start, end = interval
    period: Tree = {"@type": "dct:PeriodOfTime"}
    if start:
        period["dcat:startDate"] = _moment(start)
    if end:
        period["dcat:endDate"] = _moment(end)
    return period


def _moment(moment: datetime | None) -> list[Tree]:
    return [{"@value": iso(moment), "@type": "xsd:dateTime"}] if moment else []


def _number(value: int) -> Tree:
    return {"@value": str(value), "@type": "xsd:nonNegativeInteger"}


def _schema(fields: Iterable[FieldMeaning]) -> Tree:
    return {"@type": "csvw:Schema", "csvw:column": [{"@list": [_column(one) for one in fields]}]}


def _column(one: FieldMeaning) -> Tree:
    column: Tree = {
        "@type": "csvw:Column",
        "csvw:name": [one.name],
        "csvw:datatype": [one.type],
        "dct:description": _texts(one.meaning),
        "schema:unitText": [one.unit] if one.unit else [],
        "quanyu:sensitivity": [one.sensitivity.value],
        "dct:type": [{"@id": PERSON}] if one.person else [],
    }
    return {name: value for name, value in column.items() if value != []}


def _format(name: str, *, named: bool) -> Tree:
    _, code = FILE_TYPES.get(name, ("", ""))
    tree: Tree = {"@type": "dct:MediaTypeOrExtent", "rdfs:label": [name]}
    return {"@id": f"{AUTHORITY}file-type/{code}", **tree} if code and named else tree


def _media_type(media_type: str) -> list[Tree]:
    bare = media_type.partition(";")[0].strip()
    if not bare or any(c not in _MEDIA_CHARACTERS for c in bare):
        return []
    tree = _typed(IANA + bare, "dct:MediaType")
    return [tree | {"rdfs:label": [media_type]}] if bare != media_type else [tree]


_MEDIA_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/.+-_")


def _checksum(checksum: str) -> list[Tree]:
    algorithm, colon, value = checksum.partition(":")
    if not colon:
        return []
    uri = f"http://spdx.org/rdf/terms#checksumAlgorithm_{_safe(algorithm)}"
    return [
        {
            "@type": "spdx:Checksum",
            "spdx:algorithm": [_typed(uri, "spdx:ChecksumAlgorithm")],
            "spdx:checksumValue": [{"@value": value, "@type": "xsd:hexBinary"}],
        }
    ]


def _reference(name: str) -> Tree:
    """A source by its address, or by a name made into a URN."""
    return {"@id": iri(name) if _is_uri(name) else f"urn:quanyu:entry:{_safe(name)}"}


def _is_uri(name: str) -> bool:
    return name.startswith(("http://", "https://", "urn:"))


def _statement(text: LocalText | None, kind: str) -> list[Tree]:
    return [{"@type": kind, "rdfs:label": _texts(text)}] if text else []


def _attribution(text: str) -> list[Tree]:
    if not text:
        return []
    said = {"rdfs:label": [text], "odrs:attributionText": [text]}
    return [{"@type": "dct:RightsStatement", **said}]


def _contact(contact: Contact) -> Tree:
    tree: Tree = {"@type": ["vcard:Kind", "vcard:Organization"], "vcard:fn": [contact.name]}
    if contact.email:
        tree["vcard:hasEmail"] = [{"@id": f"mailto:{_safe(contact.email)}"}]
    if contact.phone:
        tree["vcard:tel"] = [contact.phone]
    if contact.url:
        tree["vcard:hasURL"] = [{"@id": iri(contact.url)}]
    return tree


def _agent(publisher: Publisher) -> Tree:
    tree: Tree = {"@type": ["foaf:Agent", "foaf:Organization"], "foaf:name": _texts(publisher.name)}
    if publisher.identifier:
        tree["dct:identifier"] = [publisher.identifier]
    if publisher.url:
        tree["foaf:homepage"] = [_typed(publisher.url, "foaf:Document")]
    return tree


def _language(tag: str) -> Any:
    code = LANGUAGES_EU.get(tag)
    if code:
        return _typed(f"{AUTHORITY}language/{code}", "dct:LinguisticSystem")
    return {"@type": "dct:LinguisticSystem", "rdfs:label": [tag]}


def _safe(text: str) -> str:
    """``text`` for use within a URI."""
    return quote(text, safe="-._~@+")


def _catalog(catalog: CatalogDescription, trees: Iterable[Mapping[str, Any]]) -> Tree:
    members: dict[str, list[Tree]] = {}
    for tree in trees:
        kind = tree["@type"].partition(":")[2].lower()
        name = "service" if kind == "dataservice" else kind
        members.setdefault(f"dcat:{name}", []).append({"@id": tree["@id"]})
    return {
        "@id": catalog.uri,
        "@type": ["dcat:Catalog", "hydra:Collection"],
        "dct:title": _texts(catalog.title),
        "dct:description": _texts(catalog.description),
        "dct:publisher": [_agent(catalog.publisher)],
        "foaf:homepage": [_typed(catalog.homepage, "foaf:Document")],
        "dct:language": [_language("zh"), _language("en")],
        "dcat:themeTaxonomy": [_scheme()],
        "dct:modified": _moment(catalog.modified),
        "hydra:totalItems": [{"@value": str(catalog.total), "@type": "xsd:integer"}],
        "hydra:view": [{"@id": catalog.page}] if catalog.page else [],
        **members,
    }


def _paging(catalog: CatalogDescription) -> list[Tree]:
    if not catalog.page:
        return []
    links = {name: getattr(catalog, name) for name in ("first", "previous", "next", "last")}
    return [
        {
            "@id": catalog.page,
            "@type": "hydra:PartialCollectionView",
            **{f"hydra:{name}": [{"@id": url}] for name, url in links.items() if url},
        }
    ]
