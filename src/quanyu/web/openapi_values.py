"""The paths of values and figures: OGC API – EDR, and statistics by group."""

from typing import Any

from quanyu.compute import MOST_ROWS
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.openapi_components import parameter
from quanyu.web.openapi_parts import Path, operation
from quanyu.web.statistics_parameters import ENGINES

_TEXT = {"type": "string"}
_NUMBER = {"type": "number"}
_DATA = "lang agreement purpose version"
_E = "/ogc/edr"
_ONE = f"{_E}/collections/{{collectionId}}"
_COORDS = parameter("coords", _TEXT, "A place as WKT, in longitude and latitude.") | {
    "required": True
}
_NAMES = parameter(
    "parameter-name", {"type": "array", "items": _TEXT}, "Which numbers; all unless given."
)
_COUNT = {"type": "integer", "minimum": 1, "maximum": 4096}
_MORE: dict[str, tuple[dict[str, Any], ...]] = {
    "position": (_COORDS,),
    "radius": (
        _COORDS,
        parameter("within", _NUMBER, "How far from the point.") | {"required": True},
        parameter("within-units", {"type": "string", "enum": ["m", "km", "mi"]}),
    ),
    "area": (_COORDS,),
    "cube": (parameter("resolution-x", _COUNT), parameter("resolution-y", _COUNT)),
    "trajectory": (_COORDS,),
}
_PLAIN = (
    Path(_E, "edr", "Landing page", "EDR", "f lang"),
    Path(
        f"{_E}/conformance",
        "edr_conformance",
        "Standards that are met",
        "EDR",
        "f lang",
        schema="Conformance",
    ),
    Path(
        f"{_E}/collections",
        "edr_collections",
        "Collections with values",
        "EDR",
        "f lang agreement purpose limit after",
        schema="Collections",
    ),
    Path(
        _ONE, "edr_collection", "A collection with values", "EDR", f"f {_DATA}", schema="Collection"
    ),
)
_STATISTICS = Path(
    "/ogc/features/collections/{collectionId}/statistics",
    "statistics",
    "Figures by group",
    "Features",
    f"{_DATA} bbox bbox-crs datetime filter filter-lang filter-crs",
)
_GROUPS = (
    parameter("by", {"type": "array", "items": _TEXT}, "What to group by."),
    parameter("measure", {"type": "array", "items": _TEXT}, "What to compute; count unless given."),
    parameter(
        "engine",
        {"type": "string", "enum": list(ENGINES)},
        "Where to compute: on this node, or on its cluster where it has one.",
    ),
    parameter("f", {"type": "string", "enum": ["json", "csv", "geojson"]}, "Form of the answer."),
)


_SQL: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["sql"],
    "properties": {
        "sql": {"type": "string", "description": "One SELECT, over datasets by their slugs."},
        "limit": {"type": "integer", "minimum": 1, "maximum": MOST_ROWS},
        "purpose": _TEXT,
        "agreements": {"type": "object", "additionalProperties": _TEXT},
    },
}


def value_paths() -> dict[str, Any]:
    """The paths object of these faces."""
    found = {one.path: {"get": operation(one)} for one in _PLAIN}
    for name, more in _MORE.items():
        forms = ["covjson", "csv"] if name == "cube" else ["covjson", "geojson", "csv"]
        form = parameter("f", {"type": "string", "enum": forms}, "Form of the answer.")
        asks = f"{_DATA} datetime" + (" bbox" if name == "cube" else "")
        path = Path(
            f"{_ONE}/{name}", f"edr_{name}", f"Values: {name}", "EDR", asks, "covjson", None
        )
        described = operation(path, (*more, _NAMES, form))
        described["responses"]["204"] = {"description": "There are no values."}
        found[path.path] = {"get": described}
    found[_STATISTICS.path] = {"get": operation(_STATISTICS, _GROUPS)}
    sql = operation(
        Path("/sql", "sql", "SQL over what the caller may read", "Features", "lang"),
        (parameter("f", {"type": "string", "enum": ["json", "csv"]}, "Form of the answer."),),
    )
    sql["requestBody"] = {
        "required": True,
        "content": {MEDIA_TYPES["json"]: {"schema": _SQL}},
    }
    sql["responses"]["413"] = {"description": "It takes more time or memory than there is."}
    found["/sql"] = {"post": sql}
    return found
