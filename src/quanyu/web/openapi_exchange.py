"""The paths by which others take the catalogue: DCAT, ISO 19115, CKAN, STAC, sitemap."""

from typing import Any

from quanyu.web.ckan_actions import ACTIONS
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.openapi_components import parameter
from quanyu.web.openapi_parts import Path, operation

_TEXT = {"type": "string"}
_STAC = "/stac/collections/{collectionId}"
_LIMIT = parameter("limit", {"type": "integer", "minimum": 1, "maximum": 500}, "Entries on a page.")
_ROWS = parameter("limit", {"type": "integer", "minimum": 1, "maximum": 1000})
_TOKEN = parameter("token", _TEXT, "From the next link of the page before.")
_AFTER = parameter("after", {"type": "integer", "minimum": 0}, "From the next link.")
_FORMS = ("jsonld", "ttl", "rdf")
_NUMBER = {"type": "integer", "minimum": 0}
_CKAN = (
    *(parameter(name, _TEXT) for name in ("id", "name", "q", "fq", "sort", "query", "facet.field")),
    *(parameter(name, _NUMBER) for name in ("rows", "start", "limit", "offset")),
    parameter("all_fields", {"type": "boolean"}),
)
_SEARCH: dict[str, Any] = {
    "type": "object",
    "properties": {
        "collections": {"type": "array", "items": _TEXT},
        "ids": {"type": "array", "items": _TEXT},
        "bbox": {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 6},
        "datetime": _TEXT,
        "intersects": {"type": "object"},
        "limit": {"type": "integer", "minimum": 1, "maximum": 1000},
        "token": _TEXT,
    },
}


def exchange_paths() -> dict[str, Any]:
    """The paths object of these faces."""
    found: dict[str, Any] = {"/catalog": _catalog("catalog", "jsonld")}
    found["/catalog"]["get"]["parameters"].append(
        parameter("f", {"type": "string", "enum": [*_FORMS, "html"]}, "Form of the answer.")
    )
    for form in _FORMS:
        found[f"/catalog.{form}"] = _catalog(f"catalog_{form}", form)
        found |= _one(form, "An entry in DCAT 3", MEDIA_TYPES[form])
    found |= _one("iso19115.xml", "An entry in ISO 19115-3", MEDIA_TYPES["iso"])
    found |= _one("iso19139.xml", "An entry in ISO 19139", MEDIA_TYPES["iso"])
    offer = Path(
        "/resources/{slug}/policy",
        "policy",
        "The offer of an entry (ODRL 2.2)",
        "Exchange",
        gives="jsonld",
        schema=None,
    )
    found[offer.path] = {"get": operation(offer)}
    return found | _stac_paths() | _ckan_paths() | _sitemap_paths()


def _catalog(name: str, form: str) -> dict[str, Any]:
    one = Path("", name, "The catalogue in DCAT 3, in pages", "Exchange", "", form, None)
    return {"get": operation(one, (_LIMIT, _AFTER))}


def _one(form: str, summary: str, media_type: str) -> dict[str, Any]:
    path = f"/resources/{{slug}}.{form}"
    name = f"resource_{form.replace('.', '_')}"
    return {path: {"get": operation(Path(path, name, summary, "Exchange", "", media_type, None))}}


def _stac_paths() -> dict[str, Any]:
    lines = (
        Path("/stac", "stac", "Landing page", "STAC", "lang", schema=None),
        Path(
            "/stac/conformance",
            "stac_conformance",
            "Standards that are met",
            "STAC",
            schema="Conformance",
        ),
        Path("/stac/collections", "stac_collections", "Collections", "STAC", "lang", schema=None),
        Path(_STAC, "stac_collection", "A collection", "STAC", "lang", schema=None),
        Path(
            f"{_STAC}/items",
            "stac_items",
            "Items of a collection",
            "STAC",
            "lang bbox datetime",
            "geojson",
            "FeatureCollection",
        ),
        Path(
            f"{_STAC}/items/{{featureId}}",
            "stac_item",
            "An item",
            "STAC",
            "lang",
            "geojson",
            "Feature",
        ),
        Path(
            "/stac/search",
            "stac_search",
            "Search items",
            "STAC",
            "lang bbox datetime",
            "geojson",
            "FeatureCollection",
        ),
    )
    paged = {"stac_collections", "stac_items", "stac_search"}
    found = {
        one.path: {"get": operation(one, (_ROWS, _TOKEN) if one.id in paged else ())}
        for one in lines
    }
    posted = operation(
        Path("/stac/search", "stac_search_post", "Search items", "STAC", "", "geojson", None)
    )
    content = {MEDIA_TYPES["json"]: {"schema": _SEARCH}}
    found["/stac/search"]["post"] = posted | {"requestBody": {"content": content}}
    return found


def _ckan_paths() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, action in ACTIONS.items():
        path = f"/api/3/action/{name}"
        summary = (action.__doc__ or name).partition(".")[0]
        got = operation(Path(path, f"ckan_{name}", summary, "CKAN", "", "json", None), _CKAN)
        posted = operation(Path(path, f"ckan_{name}_post", summary, "CKAN", "", "json", None))
        body = {"content": {MEDIA_TYPES["json"]: {"schema": {"type": "object"}}}}
        found[path] = {"get": got, "post": posted | {"requestBody": body}}
        for one in found[path].values():
            one["responses"]["409"] = {"description": "CKAN's validation error."}
    return found


def _sitemap_paths() -> dict[str, Any]:
    lines = (
        Path("/robots.txt", "robots", "What may be crawled", "Exchange", "", "text/plain", None),
        Path("/sitemap.xml", "sitemap", "The sitemap", "Exchange", "", "application/xml", None),
    )
    return {one.path: {"get": operation(one)} for one in lines}
