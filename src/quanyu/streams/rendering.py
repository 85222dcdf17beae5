"""Entities as the documents that answers are made of (18-088, clause 8)."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
import orjson
import shapely
import sqlalchemy as sa

from quanyu.streams.documents import Given
from quanyu.streams.entities import OBSERVATION, EntityType, Kind
from quanyu.streams.expressions import among, dialect_of
from quanyu.streams.flags_seen import qualities
from quanyu.streams.geometry import shown
from quanyu.streams.names import given_name
from quanyu.streams.observations import moment_of
from quanyu.streams.tables import DatastreamRow, FeatureRow, ObservedFeatureRow
from quanyu.streams.times import written
from quanyu.streams.visibility import Scope, Sight

if TYPE_CHECKING:
    import pyarrow as pa

IDS = frozenset({"@iot.id", "id"})
_MADE_HERE = re.compile(r"\d+~-?\d+~|[a-z]{3}_[0-9A-Z]+", re.ASCII)
"""Ids that need no escape."""
_COMPUTED = ("phenomenonTime", "resultTime", "observedArea")


@dataclass(frozen=True, slots=True)
class Shown:
    """Which members of a document are wanted; without any, all of them."""

    base: str
    select: tuple[tuple[str, ...], ...] = ()

    def wants(self, name: str) -> bool:
        """Whether a member is wanted."""
        return not self.select or any(steps[0] == name for steps in self.select)

    @property
    def id(self) -> bool:
        """Whether ids are wanted."""
        return not self.select or any(steps[0] in IDS for steps in self.select)


def entity_documents(
    sight: Sight, kind: EntityType, numbers: Sequence[int], show: Shown
) -> dict[int, dict[str, Any]]:
    """Documents of entities by their numbers; no navigation is followed."""
    if kind.row is None or not numbers:
        return {}
    rows = _rows(sight, kind, numbers)
    places = _places(sight.scope, kind, rows, show)
    more = _computed(sight, kind, numbers, show)
    return {
        one.number: _document(
            kind, one, show, {**more.get(one.number, {}), **places.get(one.number, {})}
        )
        for one in rows
    }


def _rows(sight: Sight, kind: EntityType, numbers: Sequence[int]) -> list[Any]:
    """Rows of entities in order of their numbers; those that were read before are known."""
    row: Any = kind.row
    known = {one: sight.known.get(("row", kind.name, one)) for one in sorted(numbers)}
    missing = [one for one, found in known.items() if found is None]
    if missing:
        query = sa.select(row).where(among(row.number, missing, dialect_of(sight.session)))
        for one in sight.session.scalars(query):
            known[one.number] = one
            sight.learn(("row", kind.name, one.number), one)
    return [one for one in known.values() if one is not None]


def link_to(base: str, kind: EntityType, identifier: Given) -> str:
    """The address of an entity."""
    return f"{base}/{kind.set}({id_text(identifier)})"


def id_text(identifier: Given) -> str:
    """An id as it stands in an address."""
    if isinstance(identifier, int):
        return str(identifier)
    if _MADE_HERE.fullmatch(identifier):
        return f"'{identifier}'"
    return "'" + quote(identifier.replace("'", "''"), safe="~:@!$&*+,;=-._") + "'"


def observation_documents(
    sight: Sight, table: "pa.Table", show: Shown, *, ids: bool = True
) -> list[dict[str, Any]]:
    """Documents of observations in the order of their rows; ``ids``: whether they may be told."""
    kind = sight.kind(OBSERVATION)
    columns = observation_columns(sight, table, show, ids=ids)
    names = list(columns)
    rows: list[dict[str, Any]] = [{} for _ in range(len(table))]
    if columns:
        rows = [dict(zip(names, one, strict=True)) for one in zip(*columns.values(), strict=True)]
    optional = [name for name in ("resultQuality", "validTime", "parameters") if name in columns]
    for row in rows:
        for member in optional:
            if row[member] is None and not show.select:
                del row[member]
    if not ids:
        return rows
    identifiers = names_of(table)
    wanted = [name for name in kind.navigations if show.wants(name)]
    linked = not show.select or show.wants("@iot.selfLink")
    for row, identifier in zip(rows, identifiers, strict=True):
        link = link_to(show.base, kind, identifier)
        if linked:
            row["@iot.selfLink"] = link
        for name in wanted:
            row[f"{name}@iot.navigationLink"] = f"{link}/{name}"
    return rows


def names_of(table: "pa.Table") -> list[Given]:
    """Ids of observations."""
    import pyarrow as pa

    starts = table["start"].cast(pa.int64()).to_pylist()
    datastreams, keys = table["datastream"].to_pylist(), table["key"].to_pylist()
    return [
        given_name(datastream, start, key) if key else f"{datastream}~{start}~"
        for datastream, start, key in zip(datastreams, starts, keys, strict=True)
    ]


def observation_columns(
    sight: Sight, table: "pa.Table", show: Shown, *, ids: bool = True
) -> dict[str, list[Any]]:
    """The members of observations, each as a list."""
    kind = sight.kind(OBSERVATION)
    found: dict[str, list[Any]] = {}
    if ids and show.id:
        found["@iot.id"] = names_of(table)
    makers: dict[str, Callable[[], list[Any]]] = {
        "phenomenonTime": lambda: _periods(table, "start", "end"),
        "result": lambda: _results(table, sight.scope.result_step),
        "resultTime": lambda: _moments(table, "result_time"),
        "resultQuality": lambda: qualities(sight.scope, table["quality"].to_pylist()),
        "validTime": lambda: _periods(table, "valid_start", "valid_end"),
        "parameters": lambda: [_json(one) for one in table["parameters"].to_pylist()],
    }
    for name, make in makers.items():
        if name in kind.properties and show.wants(name):
            found[name] = make()
    return found


def _results(table: "pa.Table", step: float | None) -> list[Any]:
    numbers = table["number"].to_pylist()
    if step is not None:
        return [None if one is None else _plain(round(one / step) * step) for one in numbers]
    if not (table["text"].null_count == table["json"].null_count == len(table)):
        texts, documents = table["text"].to_pylist(), table["json"].to_pylist()
        return [
            _plain(number) if number is not None else text if text is not None else _json(document)
            for number, text, document in zip(numbers, texts, documents, strict=True)
        ]
    return [_plain(one) for one in numbers]


def _plain(number: float | None) -> float | int | None:
    """A whole number without its point: as it was sent."""
    if number is None or not number.is_integer() or abs(number) >= 2**53:
        return number
    return int(number)


def _json(text: str | None) -> Any:
    return None if text is None else orjson.loads(text)


def moment_texts(table: "pa.Table", name: str) -> "pa.Array":
    """Times as they are written, with as many digits as the finest of them needs."""
    import pyarrow as pa
    import pyarrow.compute as pc

    values = table[name].combine_chunks().cast(pa.int64())
    if values.null_count == len(values):
        return values.cast(pa.string())
    numbers = np.asarray(values.fill_null(0))
    unit: Any = (
        "s" if not np.any(numbers % 1_000_000) else "ms" if not np.any(numbers % 1000) else "us"
    )
    moments = values.cast(pa.timestamp("us")).cast(pa.timestamp(unit))
    spaced = moments.cast(pa.string())  # an eighth of the work of strftime
    return pc.binary_join_element_wise(pc.replace_substring(spaced, " ", "T"), "Z", "")


def _moments(table: "pa.Table", name: str) -> list[str | None]:
    found: list[str | None] = moment_texts(table, name).to_pylist()
    return found


def _periods(table: "pa.Table", first: str, last: str) -> list[str | None]:
    starts = _moments(table, first)
    if table[last].null_count == len(table):
        return starts
    ends = _moments(table, last)
    return [
        start if end is None else f"{start}/{end}" for start, end in zip(starts, ends, strict=True)
    ]


def _document(kind: EntityType, row: Any, show: Shown, more: Mapping[str, Any]) -> dict[str, Any]:
    identifier = int(row.id) if row.whole else row.id
    link = link_to(show.base, kind, identifier)
    found: dict[str, Any] = {}
    if show.id:
        found["@iot.id"] = identifier
    if not show.select or show.wants("@iot.selfLink"):
        found["@iot.selfLink"] = link
    for name, of in kind.properties.items():
        if not show.wants(name):
            continue
        if name in more:
            found[name] = more[name]
        elif of.column is not None and of.kind is not Kind.GEOMETRY:
            value = getattr(row, of.column)
            if value is not None or of.required:
                found[name] = written(value) if isinstance(value, datetime) else value
    _narrow(found, show)
    for name in kind.navigations:
        if show.wants(name):
            found[f"{name}@iot.navigationLink"] = f"{link}/{name}"
    return found


def _narrow(found: dict[str, Any], show: Shown) -> None:
    """Of a JSON property only the members that are selected, where some are."""
    for name in {steps[0] for steps in show.select if len(steps) > 1}:
        wanted = [steps[1:] for steps in show.select if steps[0] == name]
        if name in found and isinstance(found[name], dict) and all(wanted):
            whole = found[name]
            found[name] = {steps[0]: whole[steps[0]] for steps in wanted if steps[0] in whole}


def _places(
    scope: Scope, kind: EntityType, rows: Sequence[Any], show: Shown
) -> dict[int, dict[str, Any]]:
    """Geometries as they may be seen: as they were sent where nothing is narrowed."""
    of = next(
        (
            one
            for one in kind.properties.values()
            if one.kind is Kind.GEOMETRY and one.column is not None
        ),
        None,
    )
    if of is None or not show.wants(of.name):
        return {}
    if scope.region is None and scope.restriction.grid_m is None:
        return {one.number: {of.name: one.place} for one in rows}
    placed = [one for one in rows if one.geometry is not None]
    shapes = shown(
        scope, shapely.from_wkb(np.array([one.geometry for one in placed], dtype=object))
    )
    texts = shapely.to_geojson(shapes)
    return {
        one.number: {of.name: orjson.loads(text)} for one, text in zip(placed, texts, strict=True)
    }


def _computed(
    sight: Sight, kind: EntityType, numbers: Sequence[int], show: Shown
) -> dict[int, dict[str, Any]]:
    """What a datastream says of all its observations, where all of them may be seen."""
    scope = sight.scope
    asked = [one for one in _COMPUTED if one in kind.properties and show.wants(one)]
    narrowed = scope.narrowed or scope.restriction.interval != (None, None)
    if kind.row is not DatastreamRow or narrowed or not asked:
        return {}
    found: dict[int, dict[str, Any]] = {one: {} for one in numbers}
    if "phenomenonTime" in asked or "resultTime" in asked:
        for number, *ends in sight.observations.extent_rows(numbers):
            start, end, result_start, result_end = map(moment_of, ends)
            if "phenomenonTime" in asked:
                found[number]["phenomenonTime"] = written(start, end or start)
            if "resultTime" in asked and result_start is not None:
                found[number]["resultTime"] = written(result_start, result_end)
    if "observedArea" in asked and scope.restriction.grid_m is None:
        for number, area in _areas(sight, numbers).items():
            if area is not None:
                found[number]["observedArea"] = area
    return found


def _areas(sight: Sight, numbers: Sequence[int]) -> dict[int, Any]:
    """The area of each datastream's features, ``None`` where there is none."""
    keys = {one: ("area", one, sight.observed) for one in numbers}
    missing = [one for one, key in keys.items() if key not in sight.known]
    made = dict.fromkeys(missing) | (_areas_made(sight, missing) if missing else {})
    for number, area in made.items():
        sight.learn(keys[number], area)
    return {one: made[one] if one in made else sight.known.get(keys[one]) for one in numbers}


def _areas_made(sight: Sight, numbers: Sequence[int]) -> dict[int, Any]:
    pair, feature = ObservedFeatureRow, FeatureRow
    query = (
        sa.select(
            pair.datastream,
            sa.func.min(feature.west),
            sa.func.min(feature.south),
            sa.func.max(feature.east),
            sa.func.max(feature.north),
        )
        .join(feature, feature.number == pair.feature)
        .where(
            among(pair.datastream, numbers, dialect_of(sight.session)), feature.west.is_not(None)
        )
        .group_by(pair.datastream)
    )
    return {row[0]: _area(*row[1:]) for row in sight.session.execute(query)}


def _area(
    west: float | None, south: float | None, east: float | None, north: float | None
) -> dict[str, Any]:
    if (west, south) == (east, north):
        return {"type": "Point", "coordinates": [west, south]}
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}
