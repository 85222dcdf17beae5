"""Assets in files: CSV with a heading, or a GeoJSON FeatureCollection as OGC API – Features gives.

Columns (properties) named as members of an asset are those; ``id`` of a feature is its id, a point
its place; all others are attributes. Empty cells are left out.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import orjson

from quanyu.kernel import Invalid, PartyId
from quanyu.operations.assets.model import AssetDraft, AssetState
from quanyu.operations.assets.schemas import asset_templates

_OWN = frozenset({"id", "name", "template", "parent", "state", "lon", "lat", "address", "division",
                  "since", "party"})  # fmt: skip


def read_assets(data: bytes, template: str = "") -> list[AssetDraft]:
    """Drafts in a CSV or GeoJSON file in UTF-8; ``template`` is of those that name none.

    Raises :class:`Invalid` that names the line or feature.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(
            "this file is not in UTF-8", field="file", mend="save it as CSV UTF-8 or GeoJSON"
        ) from error
    rows = _features(text) if text.lstrip()[:1] == "{" else _lines(text)
    return [_draft(said, where, template) for where, said in rows]


def asset_draft(said: Mapping[str, Any], where: str = "") -> AssetDraft:
    """The draft in a JSON object with ``attributes``; raises :class:`Invalid`."""
    attributes = said.get("attributes", {})
    if not isinstance(attributes, dict):
        raise Invalid("attributes are an object", field="attributes", mend="give an object")
    return _draft(dict(said) | attributes, where, "")


def _lines(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        reader = csv.DictReader(io.StringIO(text), strict=True)
        if "id" not in (reader.fieldnames or ()):
            raise Invalid(
                "the first line names no column “id”",
                field="file",
                mend="begin with a line such as id,name,template,parent,lon,lat",
            )
        for row in reader:
            if None in row:
                raise Invalid(
                    "line {line} has more cells than the heading",
                    field="file",
                    mend="put texts with commas in quotes",
                    line=reader.line_num,
                )
            said = {key: value for key, value in row.items() if value not in (None, "")}
            yield f"{reader.line_num}", said
    except csv.Error as error:
        raise Invalid(
            "this is no CSV: {why}", field="file", mend="save it as CSV UTF-8", why=str(error)
        ) from error


def _features(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        features = list(orjson.loads(text)["features"])
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise Invalid(
            "this is no FeatureCollection", field="file", mend="give CSV or GeoJSON"
        ) from error
    for number, one in enumerate(features, 1):
        if not isinstance(one, dict) or not isinstance(one.get("properties") or {}, dict):
            raise Invalid("feature {number} is none", field="file", number=number)
        row = {k: v for k, v in (one.get("properties") or {}).items() if v not in (None, "")}
        if one.get("id") is not None:
            row["id"] = str(one["id"])
        shape = one.get("geometry") or {}
        if shape.get("type") == "Point" and "lon" not in row:
            row["lon"], row["lat"] = shape["coordinates"][:2]
        yield f"{number}", row


def _draft(said: Mapping[str, Any], where: str, template: str) -> AssetDraft:
    named = str(said.get("template") or template)
    known = asset_templates().get(named)
    properties = known.schema["properties"] if known else {}
    try:
        return AssetDraft(
            id=str(said.get("id", "")).strip(),
            name=str(said.get("name", "")),
            template=named,
            parent=str(said["parent"]) if said.get("parent") else None,
            state=AssetState(str(said.get("state") or AssetState.IN_SERVICE.value)),
            lon=_degrees(said.get("lon")),
            lat=_degrees(said.get("lat")),
            address=str(said.get("address", "")),
            division=str(said.get("division", "")),
            since=date.fromisoformat(str(said["since"])) if said.get("since") else None,
            party=PartyId(str(said["party"])) if said.get("party") else None,
            attributes={
                key: _typed(value, properties.get(key, {}))
                for key, value in said.items()
                if key not in _OWN and key not in ("attributes", "revision", "note")
            },
        )
    except (ValueError, TypeError) as error:
        raise Invalid(
            "line or feature {where} cannot be read: {why}",
            field="file",
            mend="write days like 2026-05-01, degrees as numbers, states like in_service",
            where=where or "1",
            why=str(error)[:120],
        ) from error


def _degrees(value: Any) -> float | None:
    return None if value is None or value == "" else float(value)


def _typed(value: Any, schema: Mapping[str, Any]) -> Any:
    """A cell as the template wants it: text that is a number becomes one."""
    if not isinstance(value, str):
        return value
    if schema.get("type") in ("number", "integer"):
        number = float(value)
        return int(number) if number.is_integer() else number
    if schema.get("type") == "array":
        return [part.strip() for part in value.split(";") if part.strip()]
    return value
