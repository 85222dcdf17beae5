"""What each field of a dataset means, for programs: CSV, JSON, Table Schema, Data Package.

Forms follow Frictionless Table Schema (v1) and Data Package (v1).
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from quanyu.catalogue import LICENCES, PERSON, SENSITIVITIES, FieldMeaning, Resource, Sensitivity
from quanyu.kernel import Language, LocalText, iso
from quanyu.spacetime import FID, Field, FieldType, GeometryType, View

_TYPES: dict[FieldType, tuple[str, str]] = {
    FieldType.STRING: ("string", "default"),
    FieldType.INTEGER: ("integer", "default"),
    FieldType.NUMBER: ("number", "default"),
    FieldType.BOOLEAN: ("boolean", "default"),
    FieldType.DATE: ("date", "default"),
    FieldType.DATETIME: ("datetime", "default"),
    FieldType.BINARY: ("string", "binary"),
    FieldType.JSON: ("object", "default"),
}
_COLUMNS = (
    "name", "type", "unit", "meaning_zh", "meaning_en", "sensitivity", "sensitivity_zh", "person"
)  # fmt: skip
_RISKY = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class DescribedField:
    """A field as a caller sees it, with what is said of it."""

    name: str
    type: FieldType
    unit: str
    meaning: LocalText | None
    sensitivity: Sensitivity
    person: bool


def described_fields(fields: Sequence[Field], of: Resource) -> list[DescribedField]:
    """The fields of a view with their meanings."""
    said = {meaning.name: meaning for meaning in of.fields}
    return [
        DescribedField(
            name=field.name,
            type=field.type,
            unit=field.unit or _of(said, field).unit,
            meaning=_of(said, field).meaning,
            sensitivity=_of(said, field).sensitivity,
            person=_of(said, field).person,
        )
        for field in fields
    ]


def _of(said: dict[str, FieldMeaning], field: Field) -> FieldMeaning:
    return said.get(field.name) or FieldMeaning(field.name, field.type.value)


def dictionary_csv(fields: Sequence[DescribedField]) -> str:
    """A row for each field; texts that a spreadsheet would run begin with an apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for field in fields:
        meaning = field.meaning
        row = (
            field.name,
            field.type.value,
            field.unit,
            meaning.zh if meaning else "",
            meaning.en if meaning else "",
            field.sensitivity.value,
            SENSITIVITIES[field.sensitivity].name.zh,
            "true" if field.person else "false",
        )
        writer.writerow([_safe(cell) for cell in row])
    return text.getvalue()


def table_schema(
    view: View, fields: Sequence[DescribedField], language: Language
) -> dict[str, Any]:
    """Table Schema of the CSV: ``fid``, the fields, and the geometry's columns."""
    found: list[dict[str, Any]] = [
        {"name": FID, "type": "string", "constraints": {"required": True, "unique": True}}
    ]
    for field in fields:
        kind, form = _TYPES[field.type]
        one: dict[str, Any] = {"name": field.name, "type": kind, "format": form}
        if field.meaning is not None:
            one["title"] = field.meaning.to(language)
        if field.unit:
            one["unit"] = field.unit
        if field.person:
            one["rdfType"] = PERSON
        found.append(one)
    names = {field.name for field in fields}
    if view.geometry is GeometryType.POINT and not names & {"longitude", "latitude"}:
        found += [{"name": name, "type": "number"} for name in ("longitude", "latitude")]
    elif view.geometry is not GeometryType.NONE:
        found.append({"name": "geometry", "type": "string", "format": "wkt"})
    return {"fields": found, "primaryKey": [FID]}


def data_package(
    view: View, of: Resource, fields: Sequence[DescribedField], path: str, language: Language
) -> dict[str, Any]:
    """A Data Package of one CSV."""
    licence = LICENCES.get(of.licence)
    package: dict[str, Any] = {
        "name": of.slug,
        "id": of.code or of.id,
        "title": of.title.to(language),
        "description": of.abstract.to(language) if of.abstract else "",
        "version": str(view.version.number),
        "created": iso(view.version.created_at),
        "keywords": list(of.keywords),
        "licenses": [
            {
                "name": of.licence,
                "title": licence.name.to(language) if licence else of.licence,
                **({"path": licence.url} if licence and licence.url else {}),
            }
        ],
        "resources": [
            {
                "name": of.slug,
                "path": path,
                "format": "csv",
                "mediatype": "text/csv",
                "encoding": "utf-8",
                "profile": "tabular-data-resource",
                "schema": table_schema(view, fields, language),
            }
        ],
    }
    if of.attribution:
        package["sources"] = [{"title": of.attribution}]
    return package


def _safe(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_RISKY) else cell
