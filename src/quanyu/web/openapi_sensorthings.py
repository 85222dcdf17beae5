"""The paths of SensorThings."""

from typing import Any

from quanyu.streams import SETS, ResultFormat
from quanyu.web.openapi_components import parameter
from quanyu.web.openapi_parts import Path, operation

_TAG = "SensorThings"
_ROOT = "/sensorthings/{slug}/v1.1"
_TEXT = {"type": "string"}
_WHOLE = {"type": "integer", "minimum": 0}
_SLUG = parameter("slug", _TEXT, "Name of a stream in addresses.", "path")
_ID = parameter("id", _TEXT, "An integer, or a text between single quotes.", "path")
_INSIDE = (
    parameter("$select", _TEXT, "Properties that are wanted."),
    parameter("$expand", _TEXT, "Navigation to follow, with options of its own in brackets."),
    parameter("$resultFormat", {"type": "string", "enum": [*ResultFormat]}, "Form of the answer."),
)
_QUERY = (
    parameter("$filter", _TEXT, "Condition, as in OData 4.0: name eq 'x' and result gt 3."),
    parameter("$orderby", _TEXT, "Properties or expressions, each with asc or desc."),
    parameter("$top", _WHOLE, "How many at most."),
    parameter("$skip", _WHOLE, "How many to leave out before."),
    parameter("$count", {"type": "boolean"}, "Whether to say how many there are."),
    parameter("$skiptoken", _TEXT, "Where the page before ended; it is in @iot.nextLink."),
    *_INSIDE,
)
_FIGURES = (
    parameter(
        "by",
        {"type": "array", "items": _TEXT},
        "A unit of time, with Datastream before it for figures of each datastream.",
    ),
    parameter("measure", {"type": "array", "items": _TEXT}, "What to compute, as mean:result."),
    parameter("$filter", _TEXT, "Which observations, as in OData 4.0."),
    parameter("unit", _TEXT, "Code of UCUM that figures of several datastreams are in."),
    parameter("f", {"type": "string", "enum": ["json", "csv"]}, "Form of the answer."),
)
_FILE = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {"type": "string", "format": "binary", "description": "CSV or Parquet."},
        "time": {**_TEXT, "description": "Column of times, or those of year,month,day,hour."},
        "zone": {**_TEXT, "description": "Time zone of times without an offset."},
        "map": {**_TEXT, "description": "Column=id of its datastream, one a line."},
        "datastream": {**_TEXT, "description": "Instead: column of ids of datastreams."},
        "result": {**_TEXT, "description": "Column of results beside it."},
        "text": {**_TEXT, "description": "Columns whose values are texts, one a line."},
        "missing": {**_TEXT, "description": "Texts that stand for no value, one a line."},
        "skip": {**_WHOLE, "description": "Lines before that of the names."},
    },
}
_JSON = {"application/json": {"schema": True}}


def sensorthings_paths() -> dict[str, Any]:
    """The paths object of these."""
    found: dict[str, Any] = {
        "/sensorthings": {
            "get": operation(Path("/sensorthings", "streams", "The services", _TAG, "lang"))
        },
        _ROOT: {"get": _operation(_ROOT, "stream", "Collections of a stream", ())},
    }
    for name in SETS:
        where, one = f"{_ROOT}/{name}", f"{_ROOT}/{name}({{id}})"
        id_ = name.lower()
        found[where] = {
            "get": _operation(where, f"{id_}", f"{name} of a stream", _QUERY),
            "post": _writing(where, f"{id_}_create", f"Add to {name}", (), "201"),
        }
        found[one] = {
            "get": _operation(one, f"{id_}_one", f"One of {name}", (_ID, *_INSIDE)),
            "patch": _writing(one, f"{id_}_update", f"Change one of {name}", (_ID,), "200"),
            "put": _writing(one, f"{id_}_replace", f"Replace one of {name}", (_ID,), "200"),
            "delete": _operation(one, f"{id_}_delete", f"Delete one of {name}", (_ID,)),
        }
    arrays = f"{_ROOT}/CreateObservations"
    found[arrays] = {"post": _writing(arrays, "observations_arrays", "Add arrays", (), "201")}
    files = "/sensorthings/{slug}/files"
    found[files] = {"post": _writing(files, "observations_file", "Take a file in", (), "200")}
    found[files]["post"]["requestBody"]["content"] = {"multipart/form-data": {"schema": _FILE}}
    figures = "/sensorthings/{slug}/statistics"
    found[figures] = {"get": _operation(figures, "stream_statistics", "Figures by time", _FIGURES)}
    return found


def _operation(
    path: str, name: str, summary: str, more: tuple[dict[str, Any], ...]
) -> dict[str, Any]:
    plain = path.replace("{slug}", "slug").replace("{id}", "id")
    return operation(Path(plain, name, summary, _TAG, "lang agreement purpose"), (_SLUG, *more))


def _writing(
    path: str, name: str, summary: str, more: tuple[dict[str, Any], ...], status: str
) -> dict[str, Any]:
    found = _operation(path, name, summary, more)
    found["requestBody"] = {"required": True, "content": _JSON}
    if status != "200":
        found["responses"][status] = found["responses"].pop("200")
    return found
