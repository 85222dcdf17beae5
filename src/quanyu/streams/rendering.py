"""Entities as the documents that answers are made of (18-088, clause 8)."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
import orjson
import shapely
import sqlalchemy as sa

from quanyu.streams.documents import Given
from quanyu.streams.entities import OBSERVATION, EntityType, Kind
from quanyu.streams.expressions import Dialect, among_named, dialect_of, numbers_bound
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
        dialect = dialect_of(sight.session)
        values = {"numbers": numbers_bound(missing, dialect)}
        for one in sight.session.scalars(_by_numbers(row, dialect), values):
            known[one.number] = one
            sight.learn(("row", kind.name, one.number), one)
    return [one for one in known.values() if one is not None]


@cache
def _by_numbers(row: Any, dialect: Dialect) -> Any:
    return sa.select(row).where(among_named(row.number, "numbers", dialect))


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
    identifiers = columns["@iot.id"] if "@iot.id" in columns else names_of(table)
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
    """Times as they are written but for the zone, which is UTC; with as many digits as the finest
    of them needs."""
    import pyarrow as pa
    import pyarrow.compute as pc

    moments = table[name].combine_chunks().view(pa.timestamp("us"))
    if moments.null_count == len(moments):
        return pa.nulls(len(moments), pa.string())
    unit: Any = _finest(moments.view(pa.int64()).fill_null(0).to_numpy())
    spaced = moments.cast(pa.timestamp(unit)).cast(pa.string())  # an eighth of strftime's work
    return pc.binary_replace_slice(spaced, len("2026-11-27"), len("2026-11-27 "), "T")


def _finest(numbers: "np.ndarray[Any, Any]") -> str:
    """The unit in which microseconds can be written without loss."""
    return "s" if not np.any(numbers % 1_000_000) else "ms" if not np.any(numbers % 1000) else "us"


def _moments(table: "pa.Table", name: str) -> list[str | None]:
    """The same with their zone, as a list: for a few rows, where each call to Arrow counts."""
    import pyarrow as pa

    column = table[name].combine_chunks()
    if column.null_count == len(column):
        return [None] * len(column)
    numbers = column.view(pa.int64()).fill_null(0).to_numpy()
    moments = numbers.astype("datetime64[us]").astype(f"datetime64[{_finest(numbers)}]")
    texts: list[str | None] = np.datetime_as_string(moments, timezone="UTC").tolist()
    if not column.null_count:
        return texts
    there = column.is_valid().to_pylist()
    return [text if valid else None for text, valid in zip(texts, there, strict=True)]


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
        for stands in sight.stands(numbers):
            number = stands.datastream
            start, end, result_start, result_end = map(moment_of, stands.extent)
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
    dialect = dialect_of(sight.session)
    values = {"numbers": numbers_bound(numbers, dialect)}
    found = sight.session.connection().execute(_extents_observed(dialect), values)
    return {row[0]: _area(*row[1:]) for row in found}


@cache
def _extents_observed(dialect: Dialect) -> Any:
    pair, feature = ObservedFeatureRow.__table__.c, FeatureRow.__table__.c
    ends = (
        *(sa.func.min(feature.west), sa.func.min(feature.south)),
        *(sa.func.max(feature.east), sa.func.max(feature.north)),
    )
    return (
        sa.select(pair.datastream, *ends)
        .where(
            feature.number == pair.feature,
            among_named(pair.datastream, "numbers", dialect),
            feature.west.is_not(None),
        )
        .group_by(pair.datastream)
    )


def _area(
    west: float | None, south: float | None, east: float | None, north: float | None
) -> dict[str, Any]:
    if (west, south) == (east, north):
        return {"type": "Point", "coordinates": [west, south]}
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}
