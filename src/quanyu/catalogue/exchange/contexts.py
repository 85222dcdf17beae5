"""JSON-LD contexts that catalogues name by address: put in their place, never fetched."""

from typing import Any

from quanyu.catalogue.exchange.terms import PREFIXES
from quanyu.kernel import Invalid


def _ids(*names: str) -> dict[str, Any]:
    return {name.partition(":")[2]: {"@id": name, "@type": "@id"} for name in names}


def _texts(*names: str) -> dict[str, Any]:
    return {name.partition(":")[2]: name for name in names}


_DCAT_US: dict[str, Any] = {
    **PREFIXES,
    "@vocab": PREFIXES["dcat"],
    **_texts(
        *("dct:title", "dct:description", "dct:identifier", "dct:issued", "dct:modified"),
        *("dct:accrualPeriodicity", "dct:spatial", "dct:temporal", "dct:format", "dcat:mediaType"),
        *("dct:language", "dcat:keyword", "dcat:theme", "vcard:fn"),
    ),
    **_ids(
        *("dcat:landingPage", "dcat:accessURL", "dcat:downloadURL", "vcard:hasEmail"),
        *("dct:license", "dct:publisher", "dcat:contactPoint", "dcat:distribution", "dcat:dataset"),
    ),
    "accessLevel": "dct:accessRights",
    "name": "foaf:name",
    "rights": "dct:rights",
}
"""https://resources.data.gov/resources/dcat-us: names as ``data.json`` writes them."""

_DCAT_AP: dict[str, Any] = {
    **PREFIXES,
    "@vocab": PREFIXES["dcat"],
    **_texts(
        *("dct:title", "dct:description", "dct:identifier", "dcat:keyword", "dcat:version"),
        *("foaf:name", "skos:notation", "dcat:bbox", "dcat:startDate", "dcat:endDate"),
        *("dcat:byteSize", "spdx:checksumValue"),
    ),
    **_ids(
        *("dcat:theme", "dcat:landingPage", "dcat:contactPoint", "dcat:mediaType", "dct:publisher"),
        *("dct:accessRights", "dct:provenance", "dct:source", "dcat:dataset", "dcat:service"),
        *("dct:language", "dct:conformsTo", "dcat:accessService", "dcat:servesDataset"),
        *("dct:format", "dct:type", "dct:rights", "spdx:checksum", "spdx:algorithm"),
        *("odrl:hasPolicy", "foaf:homepage"),
    ),
    "Catalogue": "dcat:Catalog",
    "CataloguedResource": "dcat:Resource",
    "datasetDistribution": {"@id": "dcat:distribution", "@type": "@id"},
    "distribution": {"@id": "dcat:distribution", "@type": "@id"},
    "accessUrl": {"@id": "dcat:accessURL", "@type": "@id"},
    "downloadUrl": {"@id": "dcat:downloadURL", "@type": "@id"},
    "endpointUrl": {"@id": "dcat:endpointURL", "@type": "@id"},
    "licence": {"@id": "dct:license", "@type": "@id"},
    "frequency": {"@id": "dct:accrualPeriodicity", "@type": "@id"},
    "geographicalCoverage": {"@id": "dct:spatial", "@type": "@id"},
    "temporalCoverage": {"@id": "dct:temporal", "@type": "@id"},
    "releaseDate": "dct:issued",
    "modificationDate": "dct:modified",
    "otherIdentifier": {"@id": "adms:identifier", "@type": "@id"},
    "preferredLabel": "skos:prefLabel",
}
"""https://semiceu.github.io/DCAT-AP: names of the classes and properties of DCAT-AP 3."""

_KNOWN: tuple[tuple[str, dict[str, Any]], ...] = (
    ("project-open-data.cio.gov", _DCAT_US),
    ("resources.data.gov/schema", _DCAT_US),
    ("semiceu.github.io", _DCAT_AP),
    ("data.europa.eu/r5r", _DCAT_AP),
    ("www.w3.org/ns/dcat", {**PREFIXES, "@vocab": PREFIXES["dcat"]}),
    ("www.w3.org/ns/odrl", {"@vocab": PREFIXES["odrl"], **PREFIXES}),
)


def with_known_contexts(document: Any) -> Any:
    """A copy of a JSON-LD document whose contexts are all written out.

    Raises :class:`Invalid` for a context that is named by address and not known here.
    """
    if isinstance(document, list):
        return [with_known_contexts(one) for one in document]
    if not isinstance(document, dict):
        return document
    return {
        name: _written_out(value) if name == "@context" else with_known_contexts(value)
        for name, value in document.items()
    }


def _written_out(context: Any) -> Any:
    if isinstance(context, str):
        return _known(context)
    if isinstance(context, list):
        return [_written_out(one) for one in context]
    if isinstance(context, dict):
        inner = {name: with_known_contexts(value) for name, value in context.items()}
        imported = inner.pop("@import", None)
        return {**_known(str(imported)), **inner} if imported is not None else inner
    return context


def _known(address: str) -> dict[str, Any]:
    bare = address.partition("://")[2]
    for begins, context in _KNOWN:
        if bare.startswith(begins):
            return context
    raise Invalid(
        "the JSON-LD context {address} is not known here, and contexts are not fetched",
        field="@context",
        mend="write the context out in the document",
        address=address[:200],
    )
