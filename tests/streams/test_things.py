"""Entities: deep insert, changes, cascades, what follows from where a thing is."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from quanyu.kernel import Conflict, ControlStore, Invalid, ResourceId
from quanyu.streams import DatastreamDraft, default_features, described, ensure_datastreams
from quanyu.streams.deleting import delete_entity, gone
from quanyu.streams.documents import draft_of
from quanyu.streams.entities import TYPES
from quanyu.streams.inserting import Inserting, Made, insert_entity, root_of
from quanyu.streams.tables import (
    DatastreamRow,
    FeatureRow,
    HistoricalLocationRow,
    LocationRow,
    ThingLocationRow,
)
from quanyu.streams.updating import update_entity

RESOURCE = ResourceId("res_test")
POINT = {"type": "Point", "coordinates": [24.94, 60.17]}


def place(name: str = "square", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "description": name,
        "encodingType": "application/geo+json",
        "location": POINT,
        **more,
    }


def lamp(**more: Any) -> dict[str, Any]:
    return {
        "name": "lamp",
        "description": "a lamp",
        "Locations": [place()],
        "Datastreams": [
            {
                "name": "light",
                "description": "light below it",
                "observationType": "OM_Measurement",
                "unitOfMeasurement": {"name": "lux", "symbol": "lx", "definition": "ucum:lx"},
                "Sensor": {
                    "name": "eye",
                    "description": "an eye",
                    "encodingType": "text/plain",
                    "metadata": "eye",
                },
                "ObservedProperty": {"name": "light", "definition": "x", "description": "light"},
                "Observations": [{"result": 3, "phenomenonTime": "2026-01-01T00:00:00Z"}],
            }
        ],
        **more,
    }


@pytest.fixture
def at(any_store: ControlStore) -> Iterator[Inserting]:
    with any_store.begin() as session:
        root = root_of(session, RESOURCE, make=True)
        assert root is not None
        yield Inserting(session, root)


def make(at: Inserting, kind: str, sent: dict[str, Any]) -> Made:
    return insert_entity(at, draft_of(TYPES[kind], sent))


def count(session: Session, row: type[Any]) -> int:
    found = session.scalar(select(func.count()).select_from(row))
    assert found is not None
    return found


def test_a_thing_comes_with_all_that_is_in_it(at: Inserting) -> None:
    thing = make(at, "Thing", lamp(**{"@iot.id": "lamp-7"}))
    assert thing.id == "lamp-7"
    assert at.made == {
        "Thing": 1,
        "Location": 1,
        "Datastream": 1,
        "Sensor": 1,
        "ObservedProperty": 1,
    }
    ((datastream, feature, draft),) = at.observations
    assert feature is None
    assert draft.raw["result"] == 3
    said = described(at.session, [datastream or 0])[datastream or 0]
    assert (said.thing, said.name, said.unit, said.place) == (
        "lamp-7",
        "light",
        "lx",
        (24.94, 60.17),
    )
    assert count(at.session, HistoricalLocationRow) == 1
    with pytest.raises(Conflict):
        make(at, "Thing", lamp(**{"@iot.id": "lamp-7"}))


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"name": "x"}, "description"),
        ({"name": 3, "description": "x"}, "name"),
        ({"name": "x", "description": "x", "colour": "red"}, "colour"),
        (lamp(Locations=[place(location={"type": "Point"})]), "Locations[0].location"),
        (
            lamp(Locations=[place(location={"type": "Point", "coordinates": [200, 0]})]),
            "Locations[0].location",
        ),
        (lamp(Datastreams=[{"name": "x"}]), "Datastreams[0].description"),
        (lamp(Locations=[{"@iot.id": "nowhere"}]), "Locations[0].@iot.id"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(
    at: Inserting, sent: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as caught:
        make(at, "Thing", sent)
    assert caught.value.field == field


def test_a_thing_that_moves_leaves_history_and_a_new_feature(at: Inserting) -> None:
    thing = make(at, "Thing", lamp())
    (datastream, _, _) = at.observations[0]
    first = default_features(at.session, [datastream or 0])[datastream or 0]
    assert default_features(at.session, [datastream or 0]) == {datastream: first}
    other = make(at, "Location", place("park", location={"type": "Point", "coordinates": [0, 0]}))
    update_entity(
        at.session,
        at.root,
        TYPES["Thing"],
        thing.number,
        {"Locations": [{"@iot.id": other.id}]},
        whole=False,
    )
    assert count(at.session, HistoricalLocationRow) == 2
    stands = select(ThingLocationRow.location).where(ThingLocationRow.thing == thing.number)
    assert list(at.session.scalars(stands)) == [other.number]
    second = default_features(at.session, [datastream or 0])[datastream or 0]
    assert second not in {None, first}


def test_deletion_takes_along_what_the_standard_says(at: Inserting) -> None:
    thing = make(at, "Thing", lamp())
    datastream = at.observations[0][0] or 0
    default_features(at.session, [datastream])
    delete_entity(at.session, TYPES["Thing"], thing.number)
    assert count(at.session, DatastreamRow) == 0
    assert count(at.session, HistoricalLocationRow) == 0
    assert count(at.session, LocationRow) == 1
    assert count(at.session, FeatureRow) == 1
    assert [(one[1], one[2]) for one in gone(at.session, 10)] == [(datastream, None)]


def test_datastreams_are_found_or_made(at: Inserting) -> None:
    drafts = [
        DatastreamDraft(
            thing=f"station-{number % 2}",
            name=name,
            observed_property=name,
            unit="Cel",
            place=(116.4, 39.9),
        )
        for number in range(3)
        for name in ("temperature", "dew point")
    ]
    first = ensure_datastreams(at.session, RESOURCE, drafts)
    assert len(set(first)) == 4
    assert ensure_datastreams(at.session, RESOURCE, drafts) == first
    found = described(at.session, first)
    assert {one.thing for one in found.values()} == {"station-0", "station-1"}
    assert {one.place for one in found.values()} == {(116.4, 39.9)}
