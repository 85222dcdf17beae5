"""The path of everything at a place."""

from typing import Any

from quanyu.spacetime import GRIDS
from quanyu.web.openapi_components import parameter
from quanyu.web.openapi_parts import Path, operation
from quanyu.web.place import FARTHEST_M, LIMIT, MOST, NAMED

_TEXT = {"type": "string"}
_NUMBER = {"type": "number"}
_OBJECTS = {"type": "array", "items": {"type": "object"}}
_SAID: dict[str, tuple[dict[str, Any], str]] = {
    "q": (_TEXT, "The place in one line: numbers, WKT, a cell, an id, a name or an address."),
    "point": (_TEXT, "Longitude and latitude with a comma between."),
    "bbox": (
        {"type": "array", "items": _NUMBER, "minItems": 4, "maxItems": 4},
        "West, south, east, north.",
    ),
    "geometry": (_TEXT, "WKT or GeoJSON in longitude and latitude."),
    "cell": (_TEXT, "Code of a cell of a grid."),
    "id": (_TEXT, "Id of an object, with its collection before a slash or without."),
    "address": (_TEXT, "A name or an address."),
}
_PARAMETERS = (
    *(
        parameter(name, _SAID[name][0], f"{_SAID[name][1]} Just one of {', '.join(NAMED)}.")
        for name in NAMED
    ),
    parameter("grid", {"type": "string", "enum": list(GRIDS)}, "Grid of the cell."),
    parameter(
        "radius",
        _NUMBER | {"minimum": 0, "maximum": FARTHEST_M},
        "Metres around the place that count; 30 around points unless given.",
    ),
    parameter("datetime", _TEXT, "An instant, a day or an interval (RFC 3339); now unless given."),
    parameter(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": MOST, "default": LIMIT},
        "Most features of each collection.",
    ),
    parameter("collections", {"type": "array", "items": _TEXT}, "Which to ask; all unless given."),
    parameter("f", {"type": "string", "enum": ["json", "geojson", "html"]}, "Form of the answer."),
)
_ANSWER: dict[str, Any] = {
    "type": "object",
    "required": ["place", "collections", "askAccess", "timeStamp"],
    "properties": {
        "place": {"type": "object", "description": "What was meant, with its geometry and cells."},
        "datetime": {"type": "array", "items": {"type": ["string", "null"]}},
        "candidates": {**_OBJECTS, "description": "Objects that the words may mean."},
        "collections": {
            "type": "array",
            "description": "Those that have something there, each a use with its receipt.",
            "items": {
                "type": "object",
                "required": ["id", "numberReturned", "features"],
                "properties": {
                    "id": _TEXT,
                    "numberReturned": {"type": "integer"},
                    "numberMatched": {"type": "integer"},
                    "features": {"type": "object", "description": "GeoJSON, the nearest first."},
                    "metres": {"type": "array", "items": _NUMBER},
                },
            },
        },
        "nothingIn": {"type": "array", "items": _TEXT},
        "problems": _OBJECTS,
        "askAccess": {
            **_OBJECTS,
            "description": "Collections that refused, and the rule that says so.",
        },
        "notAsked": {"type": "boolean"},
        "resources": {**_OBJECTS, "description": "Entries of other kinds whose extent is there."},
        "facilities": {
            **_OBJECTS,
            "description": "Things of streams that stand there, or have the id that was meant.",
        },
        "timeStamp": {"type": "string", "format": "date-time"},
    },
}


def place_paths() -> dict[str, Any]:
    """The paths object of this question."""
    one = Path("/place", "place", "Everything at a place", "Place", "lang purpose", schema=None)
    described = operation(one, _PARAMETERS)
    described["responses"]["200"]["content"] = {
        "application/json": {"schema": _ANSWER},
        "application/geo+json": {"schema": {"type": "object"}},
        "text/html": {},
    }
    return {one.path: {"get": described}}
