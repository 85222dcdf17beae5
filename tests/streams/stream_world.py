"""A stream in this process, and questions to it: for tests that need no server."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from migrated import migrated
from quanyu.kernel import ControlStore, ResourceId
from quanyu.spacetime import Restriction
from quanyu.streams import (
    Change,
    Do,
    Intake,
    Observations,
    Streams,
    answer,
    change,
    datastreams_of,
    query_options,
    take_arrays,
    target_of_path,
)

STREAM = ResourceId("res_world")
BASE = "http://here"


class World:
    """Stores with one stream."""

    def __init__(self, control: ControlStore, observations: Observations) -> None:
        self.control, self.observations = control, observations
        self.intake = Intake(control, observations)

    def do(self, do: Do, path: str, sent: Any = None) -> Any:
        return change(self.control, self.intake, STREAM, Change(do, path, sent), "party")

    def make(self, path: str, sent: Any) -> Any:
        return self.do(Do.CREATE, path, sent)

    def array(self, datastream: str, rows: list[Any], *names: str) -> Any:
        names = names or ("phenomenonTime", "result")
        of = {"Datastream": {"@iot.id": datastream}, "components": names, "dataArray": rows}
        return take_arrays(self.intake, STREAM, {**of, "components": list(names)})

    def text(self, path: str, restriction: Restriction | None = None, **given: str) -> str:
        options = {f"${name}": text for name, text in given.items()}
        streams = Streams(self.control, self.observations)
        with streams.sight(STREAM, restriction or Restriction()) as sight:
            where = (BASE, f"{BASE}/{path}", options)
            found = answer(sight, target_of_path(sight, path), query_options(options), where)
        return found.body.decode()

    def ask(self, path: str, restriction: Restriction | None = None, **given: str) -> Any:
        return json.loads(self.text(path, restriction, **given))

    def values(self, path: str, restriction: Restriction | None = None, **given: str) -> list[Any]:
        found: list[Any] = self.ask(path, restriction, **given)["value"]
        return found

    def numbers(self) -> dict[str, int]:
        with self.control.read() as session:
            return {str(one.id): one.number for one in datastreams_of(session, STREAM)}


@contextmanager
def world(folder: Path) -> Iterator[World]:
    control = migrated(folder / "control.sqlite")
    observations = Observations(control, folder, str(folder / "tables"), threads=1)
    try:
        yield World(control, observations)
    finally:
        observations.close()
        control.close()


def datastream(identifier: str, **more: Any) -> dict[str, Any]:
    """A datastream with all that it needs, but its thing."""
    return {
        "@iot.id": identifier,
        "name": identifier,
        "description": identifier,
        "observationType": "OM_Measurement",
        "unitOfMeasurement": {"name": "degree", "symbol": "°C", "definition": "ucum:Cel"},
        "Sensor": {
            "name": "probe",
            "description": "a probe",
            "encodingType": "text/plain",
            "metadata": "probe",
        },
        "ObservedProperty": {"name": "heat", "definition": "x", "description": "heat"},
        **more,
    }


def thing(identifier: str, *datastreams: dict[str, Any], x: float = 5, **more: Any) -> Any:
    place = {
        "name": "here",
        "description": "here",
        "encodingType": "application/geo+json",
        "location": {"type": "Point", "coordinates": [x, 5]},
    }
    return {
        "@iot.id": identifier,
        "name": identifier,
        "description": identifier,
        "Locations": [place],
        "Datastreams": list(datastreams),
        **more,
    }
