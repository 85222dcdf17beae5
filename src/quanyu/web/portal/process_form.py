"""The form of a process: a field for each input as it is declared, and back to an execute document.

Features and grids have two ways in: a collection from the list, or GeoJSON (or ``lon,lat``) typed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from starlette.requests import Request

from quanyu.compute import Holds, Input, ProcessDescription, Shape
from quanyu.kernel import Invalid, Language
from quanyu.spacetime import GeometryType

_SHAPES = {
    GeometryType.POINT: Shape.POINT,
    GeometryType.MULTIPOINT: Shape.POINT,
    GeometryType.LINESTRING: Shape.LINE,
    GeometryType.MULTILINESTRING: Shape.LINE,
    GeometryType.POLYGON: Shape.AREA,
    GeometryType.MULTIPOLYGON: Shape.AREA,
}
_NARROWS = ("filter", "bbox", "agreement", "purpose", "band")


def fields_of(
    description: ProcessDescription,
    language: Language,
    typed: Mapping[str, str],
    collections: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Fields as the template shows them; ``typed`` is what was sent before, where it was wrong.
    ``collections`` have a ``slug``, ``title``, ``geometry`` and ``imagery``."""
    return [
        {
            "name": name,
            "title": one.title.to(language),
            "hint": one.description.to(language),
            "unit": one.unit,
            "needed": one.needed,
            "left_out": one.optional and one.default is None,
            "points": Shape.POINT in one.shapes,
            "kind": _kind(one),
            "value": typed.get(name, _written(one.default)),
            "choices": _choices(one, language),
            "collections": [each for each in collections if _fits(one, each)],
            "typed": {
                key: typed.get(f"{name}.{key}", "") for key in ("collection", "geojson", *_NARROWS)
            },
            "least": one.schema.get("minimum"),
            "most": one.schema.get("maximum"),
        }
        for name, one in description.inputs.items()
    ]


def document_of(description: ProcessDescription, typed: Mapping[str, str]) -> dict[str, Any]:
    """The execute document that a filled form says; raises :class:`Invalid` naming the input."""
    inputs: dict[str, Any] = {}
    for name, one in description.inputs.items():
        if one.holds is not Holds.VALUE:
            value = _data(name, typed)
        else:
            value = _value(name, one, typed.get(name, "").strip())
        if value is not None:
            inputs[name] = value
    return {"inputs": inputs}


def typed_of(form: Mapping[str, Any], description: ProcessDescription) -> dict[str, str]:
    """What was typed, by the names of the form."""
    names = [
        f"{name}{part}"
        for name in description.inputs
        for part in ("", ".collection", ".geojson", *(f".{key}" for key in _NARROWS))
    ]
    return {name: str(form[name]) for name in names if name in form}


def _kind(one: Input) -> str:
    if one.holds is not Holds.VALUE:
        return one.holds.value
    if "enum" in one.schema:
        return "choice"
    if one.schema.get("format") in {"date", "date-time"}:
        return str(one.schema["format"])
    return str(one.schema.get("type", "string"))


def _choices(one: Input, language: Language) -> list[dict[str, str]]:
    return [
        {"value": value, "name": one.words[value].to(language) if value in one.words else value}
        for value in one.schema.get("enum", ())
    ]


def _fits(one: Input, collection: Mapping[str, Any]) -> bool:
    if one.holds is Holds.VALUE:
        return False
    if collection["imagery"] or one.holds is Holds.GRID:
        return bool(collection["imagery"]) and one.holds is Holds.GRID
    kind = GeometryType(collection["geometry"])
    return kind is GeometryType.GEOMETRY or _SHAPES.get(kind) in one.shapes


def _written(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else ""
    if isinstance(value, list):
        return ", ".join(f"{one:g}" if isinstance(one, int | float) else str(one) for one in value)
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _data(name: str, typed: Mapping[str, str]) -> Any:
    text, slug = typed.get(f"{name}.geojson", "").strip(), typed.get(f"{name}.collection", "")
    if text:
        return _shape(name, text)
    if not slug:
        return None
    narrowed = {
        key: typed[f"{name}.{key}"].strip()
        for key in _NARROWS
        if typed.get(f"{name}.{key}", "").strip()
    }
    return {"collection": slug, **narrowed}


def _shape(name: str, text: str) -> Any:
    """GeoJSON, or points as ``lon,lat`` a line."""
    if text.startswith("{"):
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise Invalid(
                "this is no GeoJSON", field=name, mend="write GeoJSON, or lon,lat on each line"
            ) from error
    try:
        points = [[float(part) for part in line.split(",")] for line in text.split()]
    except ValueError as error:
        raise Invalid(
            "this is no GeoJSON", field=name, mend="write GeoJSON, or lon,lat on each line"
        ) from error
    features = [
        {
            "type": "Feature",
            "id": str(number),
            "geometry": {"type": "Point", "coordinates": point},
            "properties": {},
        }
        for number, point in enumerate(points, start=1)
    ]
    return {"type": "FeatureCollection", "features": features}


def _value(name: str, one: Input, text: str) -> Any:
    kind = _kind(one)
    if kind == "boolean":
        return text == "true"
    if not text:
        return None
    try:
        if kind in {"number", "integer"}:
            number = float(text)
            return int(number) if number.is_integer() else number
        if kind == "array":
            numbers = one.schema.get("items", {}).get("type") in {"number", "integer"}
            parts = [part for part in text.replace("，", ",").split(",") if part.strip()]
            return [float(part) for part in parts] if numbers else [p.strip() for p in parts]
    except ValueError as error:
        raise Invalid(
            "this is no number", field=name, mend="give a number, such as 12.5"
        ) from error
    return text


async def read_form(request: Request, description: ProcessDescription) -> dict[str, str]:
    """What a sent form holds of the process's inputs."""
    form = await request.form(max_part_size=12 << 20)
    return typed_of(form, description)
