"""Things and their datastreams out of a file, as fast as the control store takes them in.

A row of the file is a datastream. The file is read twice: once to see that all of it can be taken
in, then to take it in, some thousand rows in a transaction. What is there already (a thing by its
id, a datastream by its thing and name) is left as it is: a file that is loaded again goes on where
it was cut off.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from quanyu.kernel import Conflict, ControlStore, ResourceId, batched, new_id, now
from quanyu.streams.cadences import keep_cadences
from quanyu.streams.described import MEASUREMENT, named_entity
from quanyu.streams.entities import GEOJSON
from quanyu.streams.inserting import Inserting, root_of, touch
from quanyu.streams.inventory_columns import OF_DATASTREAM, OF_THING, check_columns, cleaned
from quanyu.streams.tables import (
    CadenceRow,
    DatastreamRow,
    FeatureRow,
    HistoricalLocationRow,
    HistoricalPlaceRow,
    LocationRow,
    ObservedFeatureRow,
    ObservedPropertyRow,
    SensorRow,
    ThingLocationRow,
    ThingRow,
)
from quanyu.streams.tabular import MISSING, batches, columns_of
from quanyu.streams.units import unit_document

if TYPE_CHECKING:
    import pyarrow as pa

_AT_ONCE = 10_000
_ASKED = 5_000
_Values = dict[str, Any]
_TABLES = (
    *(ThingRow, LocationRow, ThingLocationRow, HistoricalLocationRow, HistoricalPlaceRow),
    *(DatastreamRow, CadenceRow, ObservedPropertyRow, SensorRow, FeatureRow, ObservedFeatureRow),
)


@dataclass(frozen=True, slots=True)
class Inventory:
    """What came of a file: its rows, and the things and datastreams that were made."""

    rows: int
    things: int
    datastreams: int


_Stream = Callable[[Session], ResourceId]


def load_things(control: ControlStore, stream: _Stream, path: Path) -> Inventory:
    """Take in a file of things and datastreams, under the stream that is found, or made, in the
    transaction of its first rows.

    Columns: ``thing`` (id), ``name`` of the datastream, ``observed_property`` (name) and ``unit``
    (UCUM); if there are any ``thing_name``, ``thing_description``, ``lon``, ``lat`` (degrees,
    WGS 84), ``datastream`` (id), ``description``, ``definition``, ``sensor``, and properties as
    ``thing.NAME`` and ``datastream.NAME``. Raises :class:`Invalid` naming column and row before
    anything is taken in, :class:`Conflict` for an id that another datastream has.
    """
    check_columns(columns_of(path))
    rows = 0
    for batch in batches(path, MISSING):
        rows += len(cleaned(batch, rows))
    known: dict[tuple[str, str], int] = {}
    things = streams = before = 0
    for batch in batches(path, MISSING):
        table = cleaned(batch, before)
        before += len(table)
        for begin in range(0, len(table), _AT_ONCE):
            made = _take(control, stream, table.slice(begin, _AT_ONCE), known)
            things, streams = things + made[0], streams + made[1]
    with control.begin() as session:
        settle_streams(session)
    return Inventory(rows, things, streams)


def settle_streams(session: Session) -> None:
    """Tell the database what the tables of streams hold: which index is short follows from that."""
    for table in _TABLES:
        session.execute(text(f"ANALYZE {table.__tablename__}"))


def _take(
    control: ControlStore,
    stream: _Stream,
    table: "pa.Table",
    known: dict[tuple[str, str], int],
) -> tuple[int, int]:
    rows = table.to_pylist()
    with control.begin() as session:
        root = root_of(session, stream(session), make=True)
        if root is None:
            raise ValueError("a root was asked for and not made")
        things, new = _things(session, root, rows)
        made = _datastreams(session, root, rows, things, known)
        if new or made:
            touch(session, root)
    return new, made


def _things(session: Session, root: int, rows: Sequence[_Values]) -> tuple[dict[str, int], int]:
    """Numbers of the things of some rows by their ids, and how many were made."""
    first: dict[str, _Values] = {}
    for row in rows:
        first.setdefault(row["thing"], row)
    found = _numbers(session, ThingRow, root, first)
    missing = {one: row for one, row in first.items() if one not in found}
    if not missing:
        return found, 0
    things = [
        {
            **_entity(root, one),
            "name": _name(row),
            "description": row.get("thing_description") or _name(row),
            "properties": _properties(row, OF_THING),
        }
        for one, row in missing.items()
    ]
    made = _inserted(session, ThingRow, things)
    _stand(session, root, [(made[one], row) for one, row in missing.items()])
    return {**found, **made}, len(made)


def _stand(session: Session, root: int, things: Sequence[tuple[int, _Values]]) -> None:
    """Where new things are, and the history of it."""
    placed = [one for one in things if one[1].get("lon") is not None]
    if not placed:
        return
    boxes = _points([row for _, row in placed])
    ids = [new_id("location") for _ in placed]
    locations = [
        {
            **_entity(root, one),
            "name": _name(row),
            "description": _name(row),
            "properties": None,
            "encoding_type": GEOJSON[0],
            "place": {"type": "Point", "coordinates": [row["lon"], row["lat"]]},
            **box,
        }
        for one, (_, row), box in zip(ids, placed, boxes, strict=True)
    ]
    at = _inserted(session, LocationRow, locations)
    moment = now()
    history = {
        new_id("historical_location"): (thing, at[one])
        for one, (thing, _) in zip(ids, placed, strict=True)
    }
    when = _inserted(
        session,
        HistoricalLocationRow,
        [
            {**_entity(root, one), "time": moment, "thing": thing}
            for one, (thing, _) in history.items()
        ],
    )
    stands = [{"thing": thing, "location": place} for thing, place in history.values()]
    _paired(session, ThingLocationRow, stands)
    stood = [{"historical": when[one], "location": place} for one, (_, place) in history.items()]
    _paired(session, HistoricalPlaceRow, stood)


def _points(rows: Sequence[_Values]) -> list[_Values]:
    """WKB and box of each place."""
    import shapely

    shapes = shapely.points([row["lon"] for row in rows], [row["lat"] for row in rows])
    return [
        {"geometry": shape, "west": row["lon"], "south": row["lat"], "east": row["lon"],
         "north": row["lat"]}
        for shape, row in zip(shapely.to_wkb(shapes), rows, strict=True)
    ]  # fmt: skip


def _datastreams(
    session: Session,
    root: int,
    rows: Sequence[_Values],
    things: dict[str, int],
    known: dict[tuple[str, str], int],
) -> int:
    """Make the datastreams of some rows that are not there; how many."""
    there: set[tuple[int, str]] = set()
    for part in batched(list(things.values()), _ASKED):
        query = select(DatastreamRow.thing, DatastreamRow.name).where(DatastreamRow.thing.in_(part))
        there.update((thing, name) for thing, name in session.execute(query))
    at = Inserting(session, root)
    wanted: dict[str, _Values] = {}
    for row in rows:
        told = (things[row["thing"]], row["name"])
        if told in there:
            continue
        there.add(told)
        identifier = row.get("datastream") or new_id("datastream")
        if identifier in wanted:
            raise _taken(identifier)
        wanted[identifier] = {
            **_entity(root, identifier),
            "name": row["name"],
            "description": row.get("description") or row["name"],
            "properties": _properties(row, OF_DATASTREAM),
            "multi": False,
            "observation_type": MEASUREMENT,
            "unit": unit_document(row["unit"]),
            "symbol": row["unit"],
            "types": None,
            "thing": told[0],
            "sensor": _of(at, known, "Sensor", row.get("sensor") or "unknown"),
            "observed_property": _of(
                at, known, "ObservedProperty", row["observed_property"], row.get("definition")
            ),
        }
    given = [row["datastream"] for row in rows if row.get("datastream") in wanted]
    for taken in _numbers(session, DatastreamRow, root, given):
        raise _taken(taken)
    numbers = _inserted(session, DatastreamRow, list(wanted.values()))
    if numbers:
        promised = [(numbers[one], row["properties"]) for one, row in wanted.items()]
        keep_cadences(session, root, promised)
    return len(numbers)


def _of(
    at: Inserting,
    known: dict[tuple[str, str], int],
    kind: str,
    name: str,
    definition: str | None = None,
) -> int:
    """The sensor or observed property of that name, made where there is none."""
    if (kind, name) not in known:
        known[kind, name] = named_entity(at, kind, name, definition)
        at.made.clear()
    return known[kind, name]


def _entity(root: int, identifier: str) -> _Values:
    return {"id": identifier, "whole": False, "root": root}


def _name(row: _Values) -> str:
    return str(row.get("thing_name") or row["thing"])


def _properties(row: _Values, prefix: str) -> _Values:
    return {
        name.removeprefix(prefix): value
        for name, value in row.items()
        if name.startswith(prefix) and value is not None
    }


def _inserted(session: Session, row: type[Any], values: Sequence[_Values]) -> dict[str, int]:
    """Numbers of new rows by their ids."""
    if not values:
        return {}
    table: Any = row.__table__
    into = insert(table).returning(table.c.id, table.c.number)
    made = session.connection().execute(into, list(values))
    return {one: number for one, number in made}  # noqa: C416 (rows, not pairs)


def _paired(session: Session, row: type[Any], pairs: Sequence[_Values]) -> None:
    table: Any = row.__table__
    session.connection().execute(insert(table), list(pairs))


def _numbers(session: Session, row: type[Any], root: int, ids: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in batched(list(ids), _ASKED):
        query = select(row.id, row.number).where(row.root == root, row.id.in_(part))
        found.update((one, number) for one, number in session.execute(query))
    return found


def _taken(identifier: str) -> Conflict:
    return Conflict(
        "there is already {entity} {id}",
        field="datastream",
        mend="leave the id out, or give another",
        entity="Datastream",
        id=identifier[:80],
    )
