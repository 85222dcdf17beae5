"""Other forms of answers: data arrays, CSV, GeoJSON (``$resultFormat``)."""

import csv
import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from quanyu.streams.asked import Options
from quanyu.streams.entities import EntityType
from quanyu.streams.observation_json import Arrays
from quanyu.streams.visibility import Sight

if TYPE_CHECKING:
    import pyarrow as pa

_PLACES: Mapping[str, tuple[str, ...]] = {
    "Location": ("location",),
    "FeatureOfInterest": ("feature",),
    "Thing": ("Locations", "location"),
    "HistoricalLocation": ("Locations", "location"),
    "Datastream": ("Thing", "Locations", "location"),
    "MultiDatastream": ("Thing", "Locations", "location"),
    "Observation": ("FeatureOfInterest", "feature"),
}
"""Where the geometry of each entity is, from it."""
_NO_CELL = "=+-@\t\r"


def data_array(
    columns: Mapping[str, Sequence[Any]],
    datastreams: Sequence[int],
    links: Mapping[int, tuple[str, str]],
) -> list[dict[str, Any]]:
    """Observations grouped by datastream, each group a list of rows of the same members.

    ``links`` say the name and address of each datastream, where they may be told.
    """
    names = [name.removeprefix("@iot.") for name in columns]
    # Where none of the members that are asked for is one of observations, rows are empty.
    rows = list(zip(*columns.values(), strict=True)) if columns else [()] * len(datastreams)
    groups: dict[int, list[Any]] = defaultdict(list)
    for datastream, row in zip(datastreams, rows, strict=True):
        groups[datastream if links else 0].append(row)
    found = []
    for datastream, inside in groups.items():
        group: dict[str, Any] = {}
        if datastream in links:
            name, link = links[datastream]
            group[f"{name}@iot.navigationLink"] = link
        group |= {"components": names, "dataArray@iot.count": len(inside), "dataArray": inside}
        found.append(group)
    return found


def data_array_text(
    arrays: Arrays, datastreams: "pa.ChunkedArray", links: Mapping[int, tuple[str, str]]
) -> bytes:
    """:func:`data_array` of rows that are written already, as text."""
    numbers = datastreams.to_numpy()
    groups: list[tuple[int, Any]] = [(int(numbers[0]), None)] if len(numbers) else []
    if links and np.any(numbers[1:] != numbers[:-1]):
        _, first, code = np.unique(numbers, return_index=True, return_inverse=True)
        order = np.argsort(code, kind="stable")
        ends = np.cumsum(np.bincount(code))[:-1]
        pieces = np.split(order, ends)
        groups = [(int(numbers[first[at]]), pieces[at]) for at in np.argsort(first)]
    found = []
    for number, places in groups:
        group: dict[str, Any] = {}
        if number in links:
            name, link = links[number]
            group[f"{name}@iot.navigationLink"] = link
        size = len(numbers) if places is None else len(places)
        group |= {"components": arrays.components, "dataArray@iot.count": size}
        said = orjson.dumps({**group, "dataArray": []})[:-2]
        found.append(b"".join((said, arrays.some(places), b"]}")))
    return b",".join(found)


def csv_of(found: Sequence[Mapping[str, Any]] | Mapping[str, Sequence[Any]]) -> bytes:
    """CSV with a header (RFC 4180), of documents or of columns; times are RFC 3339 in UTC, what is
    no plain value is JSON.

    Links are left out. Texts that a spreadsheet would take for a formula begin with an apostrophe.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    if isinstance(found, Mapping):
        writer.writerow(name.removeprefix("@iot.") for name in found)
        writer.writerows(
            [_cell(value) for value in row] for row in zip(*found.values(), strict=True)
        )
        return out.getvalue().encode()
    rows = [_flat(one) for one in found]
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer.writerow(names)
    writer.writerows([_cell(row.get(name)) for name in names] for row in rows)
    return out.getvalue().encode()


def placed_options(
    sight: Sight, kind: EntityType, options: Options
) -> tuple[Options, tuple[str, ...]]:
    """Options that also ask for the geometry, and where it is; nowhere when it may not be seen."""
    steps = _PLACES.get(kind.name, ())
    if not steps or not _may(sight, kind, steps):
        return options, ()
    return _asking(options, steps), steps


def features_of(documents: Sequence[dict[str, Any]], place: tuple[str, ...]) -> dict[str, Any]:
    """A GeoJSON feature collection of documents."""
    return {
        "type": "FeatureCollection",
        "features": [feature_of(one, place) for one in documents],
    }


def feature_of(document: dict[str, Any], place: tuple[str, ...]) -> dict[str, Any]:
    """A GeoJSON feature of a document, whose geometry is taken out of its place."""
    geometry = _taken(document, place)
    if isinstance(geometry, dict) and geometry.get("type") == "Feature":
        geometry = geometry.get("geometry")
    feature: dict[str, Any] = {"type": "Feature", "geometry": geometry}
    if "@iot.id" in document:
        feature["id"] = document["@iot.id"]
    feature["properties"] = {
        name: value for name, value in document.items() if not name.endswith("navigationLink")
    }
    return feature


def _may(sight: Sight, kind: EntityType, steps: tuple[str, ...]) -> bool:
    for step in steps[:-1]:
        if step not in kind.navigations:
            return False
        kind = sight.kind(kind.navigations[step].target)
    return steps[-1] in kind.properties


def _asking(options: Options, steps: tuple[str, ...]) -> Options:
    if len(steps) == 1:
        if options.select and (steps[0],) not in options.select:
            return replace(options, select=(*options.select, (steps[0],)))
        return options
    name = steps[0]
    known = dict(options.expand)
    if name in known:
        known[name] = _asking(known[name], steps[1:])
    else:
        # What nobody asked for is a geometry and nothing else.
        known[name] = _asking(Options(select=(("@iot.id",),), top=1), steps[1:])
    return replace(options, expand=tuple(known.items()))


def _taken(document: dict[str, Any], place: tuple[str, ...]) -> Any:
    """The geometry at a place, which is taken out with what was asked for it alone."""
    if not place:
        return None
    if len(place) == 1:
        return document.pop(place[0], None)
    inner = document.get(place[0])
    first = (inner[0] if inner else None) if isinstance(inner, list) else inner
    if first is None:
        document.pop(place[0], None)
        return None
    found = _taken(first, place[1:])
    if not set(first) - {"@iot.id"}:
        document.pop(place[0], None)
    return found


def _flat(document: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in document.items():
        if name.endswith(("navigationLink", "selfLink", "nextLink")):
            continue
        if isinstance(value, Mapping) and "@iot.id" in value:
            found |= _flat(value, f"{before}{name}/")
        else:
            found[f"{before}{name.removeprefix('@iot.')}"] = value
    return found


def _cell(value: Any) -> Any:
    if isinstance(value, dict | list | tuple | bool):
        return orjson.dumps(value).decode()
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, str) and value[:1] in _NO_CELL and value:
        return f"'{value}"
    return value
