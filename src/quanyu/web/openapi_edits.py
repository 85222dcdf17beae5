"""The paths that change data: edits of features, transactions, undoing; and what differs."""

from typing import Any

from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.openapi_components import parameter
from quanyu.web.openapi_parts import Path, operation
from quanyu.web.serve_edit import COLLISIONS
from quanyu.web.transactions import MEDIA_TYPE

_TEXT = {"type": "string"}
_ONE = "/ogc/features/collections/{collectionId}"
_ASKS = "lang agreement purpose"
_VERSION = parameter(
    "number", {"type": "integer", "minimum": 1, "maximum": 2**31 - 1}, where="path"
)
_IF_MATCH = parameter("If-Match", _TEXT, "ETag of the feature as it was read; * is any.", "header")
_MORE = (
    parameter("Idempotency-Key", {**_TEXT, "maxLength": 200}, "Names the request.", "header"),
    parameter("Quanyu-Note", {**_TEXT, "maxLength": 500}, "Why, for the history.", "header"),
)
_COLLIDING = parameter(
    "collisions",
    {"type": "string", "enum": list(COLLISIONS), "default": COLLISIONS[0]},
    "What is done about solids that would stand in one another.",
)
_CRS = parameter("Content-Crs", _TEXT, "URI of the CRS of the coordinates, in < >.", "header")
_FEATURE = {"$ref": "#/components/schemas/Feature"}
_WHOLE: dict[str, Any] = {
    MEDIA_TYPES["geojson"]: _FEATURE,
    MEDIA_TYPES["cityjson"]: {"type": "object"},
    MEDIA_TYPES["cityjsonseq"]: {"type": "string"},
}
"""A feature, or a city object with all that is below it."""
_TRANSACTION: dict[str, Any] = {
    "type": "object",
    "required": ["transaction"],
    "properties": {
        "semantic": {"const": "atomic"},
        "transaction": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["action", "collection"],
                "properties": {
                    "action": {"enum": ["insert", "replace", "update", "delete"]},
                    "collection": _TEXT,
                    "items": {"type": "array", "items": _FEATURE},
                    "featureId": _TEXT,
                    "etag": _TEXT,
                    "properties": {"type": "object"},
                },
            },
        },
    },
}


def edit_paths() -> dict[str, dict[str, Any]]:
    """Operations by path and method."""
    items, item = f"{_ONE}/items", f"{_ONE}/items/{{featureId}}"
    patch = "application/merge-patch+json"
    body = (_CRS, *_MORE, _COLLIDING)
    found = {
        items: {"post": _does(items, "create", "Create a feature", 201, body, _WHOLE)},
        item: {
            "put": _does(item, "replace", "Replace a feature", 204, (_IF_MATCH, *body), _WHOLE),
            "patch": _does(
                item,
                "update",
                "Update a feature",
                204,
                (_IF_MATCH, *body),
                {patch: {"type": "object"}},
            ),
            "delete": _does(item, "delete", "Delete a feature", 204, (_IF_MATCH, *_MORE)),
        },
    }
    path = "/ogc/features/transactions"
    content = {MEDIA_TYPE: _TRANSACTION, MEDIA_TYPES["json"]: _TRANSACTION}
    found[path] = {"post": _does(path, "transact", "Edit many features", 200, body, content)}
    for step, said in (("undo", "Undo an edit"), ("restore", "Go back to a version")):
        path = f"/data/{{slug}}/versions/{{number}}/{step}"
        found[path] = {"post": _does(path, f"{step}_version", said, 200, _MORE)}
    lines = (
        Path(
            "/data/{slug}/differences",
            "differences",
            "What differs between two versions",
            "Features",
            f"f {_ASKS} version since after limit",
            schema="Document",
        ),
        Path(
            "/data/{slug}/history/{featureId}",
            "feature_history",
            "What edits made of a feature",
            "Features",
            f"f {_ASKS} version before",
            schema="Document",
        ),
    )
    return found | {one.path: {"get": operation(one)} for one in lines}


def _does(  # noqa: PLR0917 - a line each
    path: str,
    name: str,
    summary: str,
    status: int,
    more: tuple[dict[str, Any], ...],
    content: dict[str, Any] | None = None,
) -> dict[str, Any]:
    made = operation(Path(path, name, summary, "Features", _ASKS, schema=None), more)
    if "{number}" in path:
        # A version's number here, where elsewhere a name stands for a tile.
        made["parameters"] = [
            _VERSION if one == {"$ref": "#/components/parameters/number"} else one
            for one in made["parameters"]
        ]
    made["responses"].pop("200")
    problem = {"$ref": "#/components/responses/Problem"}
    made["responses"] |= {str(code): problem for code in (409, 412, 413, 415, 428)}
    made["responses"]["200"] = {"description": "Done; what collides is told."}
    made["responses"][str(status)] = {"description": summary}
    made["security"] = [{"token": []}]
    if content is not None:
        made["requestBody"] = {
            "required": True,
            "content": {kind: {"schema": schema} for kind, schema in content.items()},
        }
    return made
