"""Components of the API definition: parameters, schemas, the problem, ways to sign."""

from typing import Any

from quanyu.spacetime import TILE_MATRIX_SETS
from quanyu.web.collection import CLOUD, DOWNLOADS
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.parameters import MOST


def parameter(
    name: str, schema: dict[str, Any], description: str = "", where: str = "query"
) -> dict[str, Any]:
    """A parameter object."""
    found: dict[str, Any] = {"name": name, "in": where, "schema": schema}
    if where == "path":
        found["required"] = True
    if schema.get("type") == "array":
        found |= {"style": "form", "explode": False}
    return found | ({"description": description} if description else {})


def _forms(*names: str) -> dict[str, Any]:
    return parameter("f", {"type": "string", "enum": list(names)}, "Form of the answer.")


_TEXT = {"type": "string"}
_NUMBERS = {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 6}

COMPONENTS: dict[str, Any] = {
    "parameters": {
        "f": _forms("json", "html"),
        "f-items": _forms(
            "json",
            "geojson",
            "jsonfg",
            "csv",
            "parquet",
            "fgb",
            "arrow",
            "cityjson",
            "cityjsonseq",
            "html",
        ),
        "f-item": _forms("json", "geojson", "jsonfg", "cityjson", "cityjsonseq", "html"),
        "f-record": _forms("json", "geojson", "html"),
        "f-schema": _forms("schema", "json", "html"),
        "f-changes": _forms("ndjson", "csv"),
        "f-json": _forms("json"),
        "since": parameter(
            "since",
            {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
            "The version from which changes are told.",
        )
        | {"required": True},
        "before": parameter(
            "before", {"type": "integer", "minimum": 1}, "Changes with a lower number only."
        ),
        "feed-limit": parameter(
            "limit",
            {"type": "integer", "minimum": 1, "maximum": 500, "default": 50},
            "Most changes on a page.",
        ),
        "f-tileset": _forms("json", "tilejson", "html"),
        "lod": parameter(
            "lod",
            {"type": "integer", "minimum": 0, "maximum": 4, "default": 4},
            "The finest level of detail to show; of each object the finest up to it is taken.",
        ),
        "tile": parameter("tile", {"type": "integer", "minimum": 0}, where="path"),
        "lang": parameter("lang", {"type": "string", "enum": ["zh", "en"]}, "Language."),
        "agreement": parameter("agreement", _TEXT, "The agreement this request goes under."),
        "purpose": parameter(
            "purpose", {"type": "string", "maxLength": 200}, "What the answer is used for."
        ),
        "version": parameter("version", {"type": "integer", "minimum": 1}, "Version of the data."),
        "as-of": parameter(
            "as-of", _TEXT, "What was known at that instant, or by the end of that day (RFC 3339)."
        ),
        "bbox": parameter("bbox", _NUMBERS, "West, south, (bottom,) east, north, (top)."),
        "bbox-crs": parameter("bbox-crs", {"type": "string", "format": "uri"}, "CRS of bbox."),
        "crs": parameter("crs", {"type": "string", "format": "uri"}, "CRS of the answer."),
        "datetime": parameter("datetime", _TEXT, "An instant, a day or an interval (RFC 3339)."),
        "limit": parameter(
            "limit",
            {"type": "integer", "minimum": 1, "maximum": MOST, "default": 10},
            "Most features on a page; more than the maximum is taken as the maximum.",
        ),
        "after": parameter("after", _TEXT, "Token of the page before, from its next link."),
        "filter": parameter("filter", _TEXT, "CQL2 over the queryables."),
        "filter-lang": parameter(
            "filter-lang", {"type": "string", "enum": ["cql2-text", "cql2-json"]}
        ),
        "filter-crs": parameter("filter-crs", {"type": "string", "format": "uri"}),
        "properties": parameter("properties", {"type": "array", "items": _TEXT}, "Which to give."),
        "sortby": parameter("sortby", {"type": "array", "items": _TEXT}, "Such as -height,name."),
        "count": parameter(
            "count",
            {"type": "string", "enum": ["exact"]},
            "numberMatched is given when it is cheap; with exact always.",
        ),
        "collectionId": parameter("collectionId", _TEXT, where="path"),
        "process": parameter("process", _TEXT, where="path"),
        "job": parameter("job", _TEXT, where="path"),
        "offer": parameter("offer", _TEXT, where="path"),
        "code": parameter("code", _TEXT, where="path"),
        "pid": parameter("pid", _TEXT, where="path"),
        "round": parameter("round", _TEXT, where="path"),
        "output": parameter("output", _TEXT, where="path"),
        "featureId": parameter("featureId", _TEXT, where="path"),
        "recordId": parameter("recordId", _TEXT, where="path"),
        "tileMatrix": parameter(
            "tileMatrix", {"type": "integer", "minimum": 0, "maximum": 22}, where="path"
        ),
        "tileRow": parameter("tileRow", {"type": "integer", "minimum": 0}, where="path"),
        "tileCol": parameter("tileCol", {"type": "integer", "minimum": 0}, where="path"),
        "z": parameter("z", {"type": "integer", "minimum": 0, "maximum": 24}, where="path"),
        "x": parameter("x", {"type": "integer", "minimum": 0}, where="path"),
        "y": parameter("y", {"type": "integer", "minimum": 0}, where="path"),
        "encoding": parameter("encoding", {"enum": ["terrarium", "mapbox"]}, where="path"),
        "grid": parameter("grid", {"enum": list(TILE_MATRIX_SETS)}, where="path"),
        "name": parameter("name", _TEXT, where="path"),
        "level": parameter(
            "level",
            {"anyOf": [{"type": "integer", "minimum": 0}, {"const": "entries"}]},
            where="path",
        ),
        "number": parameter("number", _TEXT, where="path"),
        "problem": parameter("problem", _TEXT, where="path"),
        "slug": parameter("slug", _TEXT, where="path"),
        "form": parameter(
            "form",
            {"type": "string", "enum": [*DOWNLOADS, CLOUD]},
            where="path",
        ),
        "q": parameter("q", {"type": "string", "maxLength": 1000}, "Words in either language."),
        "type": parameter("type", {"type": "array", "items": _TEXT}, "Kinds of resource."),
        "ids": parameter("ids", {"type": "array", "items": _TEXT}, "Identifiers or slugs."),
        "externalIds": parameter("externalIds", {"type": "array", "items": _TEXT}),
    },
    "schemas": {
        "Problem": {
            "type": "object",
            "description": "RFC 9457.",
            "required": ["type", "title", "status", "detail"],
            "properties": {
                "type": _TEXT,
                "title": _TEXT,
                "status": {"type": "integer"},
                "detail": _TEXT,
                "instance": _TEXT,
                "field": _TEXT,
                "mend": _TEXT,
                "rule": _TEXT,
                "request_id": _TEXT,
            },
        },
        "Link": {
            "type": "object",
            "required": ["href", "rel"],
            "properties": {
                "href": _TEXT,
                "rel": _TEXT,
                "type": _TEXT,
                "title": _TEXT,
                "templated": {"type": "boolean"},
            },
        },
        "Document": {
            "type": "object",
            "required": ["links"],
            "properties": {
                "title": _TEXT,
                "links": {"type": "array", "items": {"$ref": "#/components/schemas/Link"}},
            },
        },
        "Conformance": {
            "type": "object",
            "required": ["conformsTo"],
            "properties": {"conformsTo": {"type": "array", "items": _TEXT}},
        },
        "Collections": {
            "type": "object",
            "required": ["links", "collections"],
            "properties": {
                "links": {"type": "array", "items": {"$ref": "#/components/schemas/Link"}},
                "collections": {
                    "type": "array",
                    "items": {"$ref": "#/components/schemas/Collection"},
                },
            },
        },
        "Collection": {
            "type": "object",
            "required": ["id", "links"],
            "properties": {
                "id": _TEXT,
                "title": _TEXT,
                "extent": {"type": "object"},
                "itemType": _TEXT,
                "crs": {"type": "array", "items": _TEXT},
                "storageCrs": _TEXT,
                "links": {"type": "array", "items": {"$ref": "#/components/schemas/Link"}},
            },
        },
        "Feature": {
            "type": "object",
            "required": ["type", "geometry", "properties"],
            "properties": {
                "type": {"const": "Feature"},
                "id": {"type": ["string", "integer"]},
                "geometry": {"type": ["object", "null"]},
                "properties": {"type": ["object", "null"]},
                "links": {"type": "array", "items": {"$ref": "#/components/schemas/Link"}},
            },
        },
        "FeatureCollection": {
            "type": "object",
            "required": ["type", "features"],
            "properties": {
                "type": {"const": "FeatureCollection"},
                "features": {"type": "array", "items": {"$ref": "#/components/schemas/Feature"}},
                "numberReturned": {"type": "integer", "minimum": 0},
                "numberMatched": {"type": "integer", "minimum": 0},
                "timeStamp": {"type": "string", "format": "date-time"},
                "links": {"type": "array", "items": {"$ref": "#/components/schemas/Link"}},
            },
        },
        "Schema": {"type": "object", "required": ["type", "properties"]},
        "TileJson": {"type": "object", "required": ["tilejson", "tiles"]},
        "Style": {"type": "object", "required": ["version", "sources", "layers"]},
        "Receipt": {"type": "object"},
        "Timestamps": {"type": "object"},
        "WitnessedLogs": {"type": "object"},
    },
    "responses": {
        "Problem": {
            "description": "What is wrong, where, and how to mend it.",
            "content": {
                MEDIA_TYPES["problem"]: {"schema": {"$ref": "#/components/schemas/Problem"}}
            },
        }
    },
    "securitySchemes": {
        "token": {"type": "http", "scheme": "bearer", "description": "An API token, qy_…"},
        "session": {"type": "apiKey", "in": "cookie", "name": "quanyu_session"},
    },
}
