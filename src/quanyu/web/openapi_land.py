"""The paths of the land space: compliance checks, roles of datasets, classes."""

from typing import Any

from quanyu.land import NUMBERS, Role, Scheme
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.openapi_components import parameter
from quanyu.web.openapi_parts import Path, operation

_TAG = "Land"
_TEXT = {"type": "string"}
_CHECK = "/land/checks/{check}"
_JSON = parameter("f", {"type": "string", "enum": ["json", "html"]}, "Form of the answer.")
_AFTER = parameter("after", _TEXT, "From the answer before.")
_TEXTS = {"type": "object", "additionalProperties": _TEXT}
_PROJECT: dict[str, Any] = {
    "type": "object",
    "required": ["geometry", "use"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "maxLength": 200},
        "geometry": {
            "oneOf": [
                {"type": "object", "description": "GeoJSON."},
                {"type": "string", "description": "WKT, EWKT or GeoJSON as text."},
            ]
        },
        "crs": {"type": "string", "description": "EPSG code, GCJ-02, BD-09; default CRS84."},
        "use": {"type": "string", "description": "Code of the proposed class."},
        "scheme": {"type": "string", "enum": list(Scheme)},
        **{
            name: {"type": ["number", "null"], "minimum": 0, "maximum": most}
            for name, most in NUMBERS.items()
        },
        "day": {"type": "string", "format": "date"},
        "purpose": _TEXT,
        "versions": {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}},
        "agreements": _TEXTS,
    },
}
_DECLARATION: dict[str, Any] = {
    "type": "object",
    "required": ["role", "dataset"],
    "additionalProperties": False,
    "properties": {
        "role": {"type": "string", "enum": list(Role)},
        "dataset": _TEXT,
        "columns": _TEXTS,
        "scheme": {"type": "string", "enum": list(Scheme)},
        "values": _TEXTS,
        "note": {"type": "object", "properties": {"zh": _TEXT, "en": _TEXT}},
    },
}


def land_paths() -> dict[str, Any]:
    """The paths object of these."""
    lines = (
        Path("/land", "land", "What is declared of the land space", _TAG, "lang"),
        Path("/land/classes", "land_classes", "The code table of land classes", _TAG, "lang"),
        Path("/land/roles", "land_roles", "Which dataset plays which role", _TAG, "lang"),
        Path("/land/checks", "land_checks", "Compliance checks of the caller's party", _TAG),
        Path(_CHECK, "land_check", "A check and its report", _TAG, "lang"),
        Path(f"{_CHECK}/report.json", "land_signed", "The report with its receipt", _TAG),
        Path(
            f"{_CHECK}/report.pdf", "land_pdf", "The report as PDF", _TAG, "lang",
            "application/pdf", None,
        ),
    )  # fmt: skip
    found = {one.path: {"get": operation(one, _more(one))} for one in lines}
    found["/land/checks"]["post"] = _posted(
        "land_check_post", "/land/checks", "Check a project", _PROJECT
    )
    found["/land/roles"]["post"] = _posted(
        "land_role_post", "/land/roles", "Declare a role", _DECLARATION
    )
    found[f"{_CHECK}/again"] = {
        "post": _posted("land_check_again", f"{_CHECK}/again", "Check again as it was", None)
    }
    end = "/land/roles/{role}/end"
    found[end] = {"post": _posted("land_role_end", end, "End a role", None)}
    return found


def _more(one: Path) -> tuple[dict[str, Any], ...]:
    if one.path == "/land/checks":
        return (_JSON, _AFTER)
    return () if one.path.endswith((".json", ".pdf")) else (_JSON,)


def _posted(name: str, path: str, summary: str, body: dict[str, Any] | None) -> dict[str, Any]:
    found = operation(Path(path, name, summary, _TAG, "", "json", "Document"))
    found["responses"]["201"] = found["responses"].get("200", {"description": "Made."})
    found["responses"]["409"] = {"description": "The thing has changed or ended."}
    found["responses"]["413"] = {"description": "The body passes the limit."}
    if body is not None:
        found["requestBody"] = {
            "required": True,
            "content": {MEDIA_TYPES["json"]: {"schema": body}},
        }
    return found
