"""Things and datastreams out of files, and which datastreams are silent."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import select
from stream_world import STREAM, World

from migrated import migrated
from quanyu.kernel import Conflict, Invalid
from quanyu.streams import (
    Do,
    Inventory,
    Observations,
    default_features,
    load_things,
    look_ahead,
)
from quanyu.streams import observing_lately as lately
from quanyu.streams.tables import CadenceRow, DatastreamRow

HOUR = timedelta(hours=1)
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HEAD = "thing,thing_name,lon,lat,datastream,name,observed_property,unit"
LAMPS = f"""{HEAD},datastream.cadence,thing.road
l-1,Lamp 1,116.4,39.9,p-1,power,power,W,PT1H,East Road
l-1,Lamp 1,116.4,39.9,t-1,temperature,temperature,Cel,PT1M,East Road
l-2,,116.5,39.8,,power,power,W,,
l-3,,,,,power,power,W,PT1H,
"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    control = migrated(tmp_path / "control.sqlite")
    observations = Observations(control, tmp_path, str(tmp_path / "tables"), threads=1)
    yield World(control, observations)
    observations.close()
    control.close()


def load(world: World, tmp_path: Path, text: str) -> Inventory:
    path = tmp_path / "lamps.csv"
    path.write_text(text)
    return load_things(world.control, lambda _: STREAM, path)


def silent(
    world: World, moment: datetime, usual: timedelta | None = None, *, looked: bool = False
) -> tuple[int, int]:
    given = {"moment": moment, "usual": usual, "grace": 1.5, "looked": looked}
    with world.control.begin() as session:
        seen = lately(session, world.observations, STREAM, **given)
    return seen.datastreams, seen.silent


def test_a_file_makes_what_deep_insert_makes(world: World, tmp_path: Path) -> None:
    assert load(world, tmp_path, LAMPS) == Inventory(4, 3, 4)
    thing = world.values("Things", filter="id eq 'l-1'", expand="Datastreams,Locations")[0]
    assert (thing["name"], thing["properties"]) == ("Lamp 1", {"road": "East Road"})
    assert thing["Locations"][0]["location"]["coordinates"] == [116.4, 39.9]
    assert [one["@iot.id"] for one in thing["Datastreams"]] == ["p-1", "t-1"]
    assert thing["Datastreams"][1]["unitOfMeasurement"]["definition"] == "ucum:Cel"
    near = "st_within(location, geography'POLYGON((116 39,117 39,117 39.85,116 39.85,116 39))')"
    assert [one["name"] for one in world.values("Locations", filter=near)] == ["l-2"]
    assert len(world.values("Things('l-1')/HistoricalLocations")) == 1
    assert len(world.values("ObservedProperties")) == 2
    # What was made by hand among them is the same but for its ids.
    world.make(
        "Things",
        {
            "@iot.id": "l-4",
            "name": "l-4",
            "description": "l-4",
            "properties": {},
            "Locations": [
                {
                    "name": "l-4",
                    "description": "l-4",
                    "encodingType": "application/geo+json",
                    "location": {"type": "Point", "coordinates": [116.5, 39.8]},
                }
            ],
        },
    )
    made, by_hand = (
        world.text(f"Things('{one}')", expand="Locations,HistoricalLocations($select=time)")
        for one in ("l-2", "l-4")
    )
    plain = made.replace("l-2", "l-4")
    assert len(plain) == len(by_hand)
    assert '"description":"l-4","properties":{}' in plain
    assert '"description":"l-4","properties":{}' in by_hand


def test_a_file_that_is_loaded_again_makes_nothing(world: World, tmp_path: Path) -> None:
    load(world, tmp_path, LAMPS)
    world.do(Do.UPDATE, "Things('l-1')", {"name": "Renamed"})
    assert load(world, tmp_path, LAMPS) == Inventory(4, 0, 0)
    more = LAMPS + "l-1,,,,,noise,noise,dB,,\n"
    assert load(world, tmp_path, more) == Inventory(5, 0, 1)
    assert world.ask("Things('l-1')")["name"] == "Renamed"
    taken = LAMPS + "l-9,,,,p-1,power,power,W,,\n"
    with pytest.raises(Conflict):
        load(world, tmp_path, taken)
    assert world.values("Things", filter="id eq 'l-9'") == []


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (",Nameless,116,39,,power,power,W,,", "thing"),
        ("l-5,,116,39,,,power,W,,", "name"),
        ("l-5,,116,99,,power,power,W,,", "lat"),
        ("l-5,,east,39,,power,power,W,,", "lon"),
        ("l-5,,116,,,power,power,W,,", "lat"),
        ("l-5,,116,39,,power,power,watts,,", "unit"),
        ("l-5,,116,39,,power,power,W,hourly,", "datastream.cadence"),
        (f"{'l' * 300},,116,39,,power,power,W,,", "thing"),
    ],
)
def test_a_row_that_is_wrong_keeps_the_whole_file_out(
    world: World, tmp_path: Path, row: str, field: str
) -> None:
    with pytest.raises(Invalid) as caught:
        load(world, tmp_path, LAMPS + row + "\n")
    assert caught.value.field == field
    assert world.values("Things") == []


def test_columns_are_known_or_properties(world: World, tmp_path: Path) -> None:
    for head in ("thing,name,unit\n", "thing,name,observed_property,unit,colour\n"):
        with pytest.raises(Invalid):
            load(world, tmp_path, head + "1,1,W,1,1\n"[: 2 * head.count(",") + 1] + "\n")
    table = pa.table(
        {
            "thing": ["a"],
            "name": ["b"],
            "observed_property": ["b"],
            "unit": ["W"],
            "datastream.limits": [{"most": 3}],
        }
    )
    pq.write_table(table, tmp_path / "nested.parquet")
    with pytest.raises(Invalid, match="single values"):
        load_things(world.control, lambda _: STREAM, tmp_path / "nested.parquet")


def test_silent_datastreams_are_found_and_come_back(world: World, tmp_path: Path) -> None:
    load(world, tmp_path, LAMPS)
    assert silent(world, NOON) == (3, 3)
    assert silent(world, NOON, usual=HOUR) == (4, 4)
    for name in ("p-1", "t-1"):
        world.array(name, [[NOON.isoformat(), 1]])
    soon = NOON + timedelta(minutes=1)
    look_ahead(world.control, world.observations, STREAM, moment=soon, usual=None, grace=1.5)
    with world.control.read() as session:
        seen = session.scalars(select(CadenceRow.seen).where(CadenceRow.seen > 0)).all()
    assert len(seen) == 2  # nothing is left for the next look to write
    assert silent(world, soon, looked=True) == (3, 1)
    assert silent(world, soon) == (3, 1)
    assert silent(world, NOON + timedelta(minutes=2)) == (3, 2)
    assert silent(world, NOON + 2 * HOUR) == (3, 3)
    world.array("p-1", [[(NOON + 2 * HOUR).isoformat(), 1]])
    assert silent(world, NOON + 2 * HOUR) == (3, 2)
    # Another promise counts from the next look on, and what is deleted promises nothing.
    world.do(Do.UPDATE, "Datastreams('t-1')", {"properties": {"cadence": "P1D"}})
    with pytest.raises(Invalid) as raised:
        world.do(Do.UPDATE, "Datastreams('t-1')", {"properties": {"cadence": "often"}})
    assert raised.value.field == "properties.cadence"
    assert silent(world, NOON + 2 * HOUR) == (3, 1)
    world.do(Do.DELETE, "Datastreams('p-1')")
    assert silent(world, NOON + 2 * HOUR) == (2, 1)


def test_features_are_made_for_many_things_at_once(world: World, tmp_path: Path) -> None:
    load(world, tmp_path, LAMPS)
    with world.control.begin() as session:
        numbers = list(session.scalars(select(DatastreamRow.number).order_by(DatastreamRow.number)))
        made = default_features(session, numbers)
        assert default_features(session, numbers) == made
        assert session.query(CadenceRow).count() == len(numbers)
    assert made[numbers[0]] == made[numbers[1]] != made[numbers[2]]
    assert made[numbers[3]] is None
    assert len(world.values("FeaturesOfInterest")) == 2
