"""Figures of the observations of a stream by spans of time: of each datastream, or of many together
in one unit of measurement."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa

from quanyu.kernel import Invalid, Refused
from quanyu.spacetime import Unit
from quanyu.streams.asked import Asked, conjuncts
from quanyu.streams.entities import OBSERVATION
from quanyu.streams.expressions import Among, Expression, all_of, among, dialect_of
from quanyu.streams.listing import observations_of
from quanyu.streams.observations import Selection
from quanyu.streams.resolving import Collection
from quanyu.streams.spans import span_of
from quanyu.streams.tables import DatastreamRow
from quanyu.streams.units import PREFIX, conversion
from quanyu.streams.visibility import Sight

if TYPE_CHECKING:
    import pyarrow as pa

_NO_UNIT = frozenset({"count"})
_TOLD = 5


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures in order: columns start (of the span) and one for each function, before them
    ``datastream`` (the id) where they are apart; ``unit`` is what they are in together, a code of
    UCUM or a symbol, ``None`` where they are apart or the unit may not be seen. ``zone`` is the
    time zone (IANA) whose days, weeks and so on these are, ``None`` for minutes and hours; starts
    are told in it, else in UTC."""

    table: "pa.Table"
    unit: str | None = None
    zone: str | None = None


def figures_of(
    sight: Sight,
    asked: Asked | None,
    every: Unit,
    functions: Sequence[str],
    *,
    apart: bool,
    unit: str | None = None,
) -> Figures:
    """Figures of the observations that satisfy ``asked``, of each datastream ``apart`` or of all of
    them together. These are in one unit, ``unit`` or that of the most datastreams, and others are
    converted to it where UCUM says how.

    Raises ``Invalid`` for units that do not convert, ``Refused`` where results or times may not be
    seen, or only coarsely.
    """
    import pyarrow as pa

    _check_seen(sight, apart=apart)
    found = _figures(sight, asked, every, functions, apart=apart, unit=unit)
    if every in {Unit.MINUTE, Unit.HOUR}:
        return found
    zone = sight.observations.zone
    place = found.table.column_names.index("start")
    starts = found.table["start"].cast(pa.timestamp("us", tz=zone))
    return Figures(found.table.set_column(place, "start", starts), found.unit, zone)


def _figures(
    sight: Sight,
    asked: Asked | None,
    every: Unit,
    functions: Sequence[str],
    *,
    apart: bool,
    unit: str | None,
) -> Figures:
    selection = _narrowed(observations_of(sight, Collection(sight.kind(OBSERVATION)), asked))
    if apart:
        table = sight.observations.aggregate(selection, every, functions)
        return Figures(_named(sight, table))
    if set(functions) <= _NO_UNIT:
        return Figures(sight.observations.aggregate(selection, every, functions, apart=False))
    shown = "Datastream" in sight.scope.types and (
        "unitOfMeasurement" in sight.kind("Datastream").properties
    )
    units = _units(sight, selection.datastreams)
    if set(units) - {unit or next(iter(units), None)}:  # only those that observed are in question
        numbers = sight.observations.datastreams(selection).to_pylist()
        selection = replace(selection, datastreams=numbers)
        units = _units(sight, numbers)
    wanted = unit or (max(units, key=lambda one: (units[one], one)) if units else None)
    if wanted is None or set(units) <= {wanted}:
        table = sight.observations.aggregate(selection, every, functions, apart=False)
        return Figures(table, wanted if shown else None)
    ways = {one: conversion(one, wanted) for one in units}
    if None in ways.values():
        raise _mixed(sorted(units), wanted, shown=shown)
    parts = []
    for one, numbers in _by_unit(sight, selection.datastreams).items():
        mine = replace(selection, datastreams=numbers)
        parts.append((mine, ways[one] or (1.0, 0.0)))
    table = sight.observations.converted(parts, every, functions)
    return Figures(table, wanted if shown else None)


def _check_seen(sight: Sight, *, apart: bool) -> None:
    seen = {"result", "phenomenonTime"} <= set(sight.kind(OBSERVATION).properties)
    if not seen or sight.scope.result_step is not None:
        raise Refused(
            "the agreement hides or rounds results or their times, and figures would tell more",
            mend="ask for observations, or for another agreement",
            rule="policy.deny",
        )
    if apart and "Datastream" not in sight.scope.types:
        raise Refused(
            "the agreement does not tell datastreams apart",
            mend="leave Datastream out of by",
            rule="policy.deny",
        )


def _narrowed(selection: Selection) -> Selection:
    """The datastreams and times that a condition names are those that are looked at, so that the
    rest of it alone is asked of each observation."""
    wanted, rest = selection.datastreams, list[Expression]()
    for part in [] if selection.where is None else conjuncts(selection.where):
        if isinstance(part, Among) and part.column == "datastream":
            wanted = _both(wanted, part.numbers)
        else:
            rest.append(part)
    start, end, where = span_of(all_of(*rest))
    starts = [one for one in (selection.start, start) if one is not None]
    ends = [one for one in (selection.end, end) if one is not None]
    return replace(
        selection,
        datastreams=wanted,
        start=max(starts, default=None),
        end=min(ends, default=None),
        where=where,
    )


def _both(one: Any, other: Sequence[int]) -> Sequence[int]:
    if one is None:
        return list(other)
    if isinstance(one, range):
        return [number for number in other if number in one]
    found: list[int] = np.intersect1d(one, other).tolist()
    return found


def _chosen(sight: Sight, datastreams: Any) -> list[Any]:
    row = DatastreamRow
    where = [row.root == sight.root, row.multi.is_(False)]
    if isinstance(datastreams, range):
        where.append(row.number.between(datastreams.start, datastreams.stop - 1))
    elif datastreams is not None:
        where.append(among(row.number, list(datastreams), dialect_of(sight.session)))
    return where


def _units(sight: Sight, datastreams: Any) -> dict[str, int]:
    """The units of datastreams, and how many have each."""

    def find() -> dict[str, int]:
        row, found = DatastreamRow, dict[str, int]()
        query = sa.select(row.unit, sa.func.count()).where(*_chosen(sight, datastreams))
        for unit, count in sight.session.execute(query.group_by(row.unit)):
            name = _code(unit)
            found[name] = found.get(name, 0) + count
        return found

    if not isinstance(datastreams, range):
        return find()
    return sight.learnt(("units", datastreams.start, datastreams.stop), find)


def _by_unit(sight: Sight, datastreams: Any) -> dict[str, list[int]]:
    row, found = DatastreamRow, dict[str, list[int]]()
    query = sa.select(row.number, row.unit).where(*_chosen(sight, datastreams))
    for number, unit in sight.session.execute(query.order_by(row.number)):
        found.setdefault(_code(unit), []).append(number)
    return found


def _code(unit: Any) -> str:
    """The code of UCUM, else the symbol, else the name of a unit."""
    said = unit if isinstance(unit, dict) else {}
    definition = str(said.get("definition") or "")
    if definition.startswith(PREFIX):
        return definition.removeprefix(PREFIX)
    return str(said.get("symbol") or said.get("name") or definition)


def _mixed(units: Sequence[str], wanted: str, *, shown: bool) -> Invalid:
    if not shown:
        return Invalid(
            "these datastreams have units that do not convert into one",
            field="$filter",
            mend="choose datastreams of one observed property, or group by Datastream too",
        )
    more = "" if len(units) <= _TOLD else ", …"
    return Invalid(
        "these datastreams have units that do not convert to {unit}: {units}",
        field="$filter",
        mend="choose datastreams of one observed property, or group by Datastream too",
        unit=wanted,
        units=", ".join(f"“{one}”" for one in units[:_TOLD]) + more,
    )


def _named(sight: Sight, table: "pa.Table") -> "pa.Table":
    """Datastreams by their ids."""
    import pyarrow as pa
    import pyarrow.compute as pc

    row = DatastreamRow
    numbers = pc.unique(table["datastream"]).to_pylist()
    query = sa.select(row.number, row.id).where(
        among(row.number, numbers, dialect_of(sight.session))
    )
    ids = {number: name for number, name in sight.session.execute(query)}  # noqa: C416 (rows)
    names = pa.array([ids.get(number, "") for number in numbers], pa.string())
    places = pc.index_in(table["datastream"], pa.array(numbers, pa.int64()))
    return table.set_column(0, "datastream", pc.take(names, places))
