"""However many datastreams there are, a question about one of them looks at no others: what the
database plans to do is looked at, not how long it takes."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from migrated import migrated
from quanyu.kernel import ResourceId
from quanyu.streams import (
    DatastreamDraft,
    Intake,
    Observation,
    Observations,
    Streams,
    answer,
    datastreams_where,
    described,
    ensure_datastreams,
    move,
    observing_lately,
    query_options,
    settle_streams,
    target_of_path,
    watched_streams,
)

AIR, OTHER = ResourceId("res_air"), ResourceId("res_other")
SMALL = {
    *("stream_root", "stream_gone", "observation_state", "observation_dropped"),
    "stream_observed_property",
}
"""Tables that have a row for each stream, property or change: not one for each datastream."""


class City:
    """A stream of a few datastreams beside another one."""

    def __init__(self, folder: Path) -> None:
        self.control = migrated(folder / "control.sqlite")
        self.observations = Observations(self.control, folder, str(folder / "tables"))
        self.intake = Intake(self.control, self.observations)
        self.streams = Streams(self.control, self.observations)
        with self.control.begin() as session:
            for resource in (AIR, OTHER):
                drafts = [
                    DatastreamDraft(
                        thing=f"lamp {n}",
                        name="power",
                        observed_property="power",
                        unit="W",
                        place=(116 + n / 100, 39.9),
                    )
                    for n in range(20)
                ]
                numbers = ensure_datastreams(session, resource, drafts)
                if resource == AIR:
                    self.numbers = numbers
            self.id = described(session, self.numbers)[self.numbers[7]].id

    def ask(self, path: str, **given: str) -> str:
        options = {f"${name}": text for name, text in given.items()}
        with self.streams.sight(AIR) as sight:
            where = ("http://here", f"http://here/{path}", options)
            found = answer(sight, target_of_path(sight, path), query_options(options), where)
        return found.body.decode()

    def post(self, moment: datetime) -> Observation:
        sent = {
            "result": 1,
            "phenomenonTime": moment.isoformat(),
            "Datastream": {"@iot.id": self.id},
        }
        self.intake._forget(AIR)
        one = self.intake.prepare(AIR, sent)
        self.observations._write([_row(one)])
        return one


def _row(one: Observation) -> tuple[Any, ...]:
    from quanyu.streams.observations.model import row_of

    return row_of(one, 0)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    made = City(tmp_path_factory.mktemp("plans"))
    for day in range(1, 4):
        made.post(datetime(2026, 1, day, tzinfo=UTC))
    move(made.observations, piece=1)
    yield made
    made.observations.close()
    made.control.close()


@contextmanager
def scans() -> Iterator[list[str]]:
    """What statements within would read from one end to the other."""
    found: list[str] = []
    busy = False

    def look(connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, many: bool):
        nonlocal busy
        if busy or not statement.lstrip().upper().startswith(("SELECT", "UPDATE", "DELETE")):
            return
        if many:
            values = values[0]
        busy = True
        try:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
        finally:
            busy = False
        for row in plan:
            scanned = re.match(r"SCAN (\S+)", row[-1])
            inner = re.search(r"VIRTUAL TABLE|\(subquery|^SCAN anon_", row[-1])  # lists of its own
            if scanned and not inner and _table(scanned[1], statement) not in SMALL:
                found.append(f"{row[-1]}: {statement}")

    event.listen(Engine, "before_cursor_execute", look)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", look)


def _table(name: str, statement: str) -> str:
    """The table of an alias."""
    of = re.search(rf"(\w+) AS {re.escape(name)}\b", statement)
    return of[1] if of else name


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("Datastreams('{id}')", {"expand": "Observations($orderby=phenomenonTime desc;$top=1)"}),
        ("Datastreams('{id}')/Observations", {"orderby": "phenomenonTime desc", "top": "1"}),
        ("Datastreams('{id}')/Observations", {"top": "1000"}),
        ("Datastreams('{id}')/Observations/$count", {}),
        ("Datastreams('{id}')/Thing", {"expand": "Locations,Datastreams"}),
        ("Datastreams", {"top": "5"}),
        ("Datastreams", {"filter": "id eq '{id}'"}),
        ("Datastreams", {"filter": "name eq 'power'", "top": "5"}),
        ("Datastreams", {"filter": "ObservedProperty/name eq 'power'", "top": "5"}),
        ("Datastreams", {"filter": "Thing/id eq 'lamp 7'"}),
        ("Datastreams", {"orderby": "name", "top": "5"}),
        ("Things", {"filter": "Datastreams/id eq '{id}'"}),
        ("Observations", {"filter": "Datastream/id eq '{id}'", "top": "5"}),
    ],
)
def test_a_question_about_one_datastream_looks_at_no_others(
    city: City, path: str, given: dict[str, str]
) -> None:
    given = {name: text.format(id=city.id) for name, text in given.items()}
    with scans() as found:
        text = city.ask(path.format(id=city.id), **given)
    assert "lamp 7" in text or "power" in text or "2026" in text or text == "3"
    assert found == []


def test_taking_in_looks_at_no_other_datastreams(city: City) -> None:
    with scans() as found:
        city.post(datetime(2026, 2, 1, tzinfo=UTC))
    assert found == []


def test_duties_look_at_no_datastreams_of_which_nothing_came(city: City) -> None:
    with scans() as found:
        city.post(datetime(2026, 3, 1, tzinfo=UTC))
        move(city.observations, piece=1)
        with city.control.begin() as session:
            seen = observing_lately(
                session,
                city.observations,
                AIR,
                moment=datetime(2026, 3, 2, tzinfo=UTC),
                usual=timedelta(days=100),
                grace=1.0,
            )
            watched_streams(session, city.numbers[:1])
            datastreams_where(session, AIR, datastreams=[str(city.id)])
            datastreams_where(session, AIR, observed_property="power", limit=2)
    assert (seen.datastreams, seen.silent) == (20, 19)
    # The observations that wait to be moved are counted; of datastreams there are no more.
    assert [one for one in found if not one.startswith("SCAN observation_recent")] == []


def plans(city: City, path: str, **given: str) -> list[str]:
    """What is planned for the statements of a question, after the tables have been settled."""
    with city.control.begin() as session:
        settle_streams(session)
    found: list[str] = []
    busy = False

    def look(connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        nonlocal busy
        if not busy and statement.startswith("SELECT"):
            busy = True
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
            found.extend(row[-1] for row in rows)
            busy = False

    event.listen(Engine, "before_cursor_execute", look)
    try:
        city.ask(path, **given)
    finally:
        event.remove(Engine, "before_cursor_execute", look)
    return found


def test_pages_are_read_in_the_order_of_an_index(city: City) -> None:
    by_property = plans(city, "Datastreams", filter="ObservedProperty/name eq 'power'", top="5")
    in_order = plans(city, "Datastreams", orderby="name", top="5")
    assert not any("TEMP B-TREE" in one for one in [*by_property, *in_order])
    assert any("ix_stream_datastream_name" in one for one in in_order)
    of_thing = plans(city, f"Datastreams('{city.id}')/Thing", expand="Datastreams")
    assert any("ix_stream_datastream_thing" in one for one in of_thing)
    first = json.loads(city.ask("Datastreams", orderby="name desc", top="7", count="true"))
    assert first["@iot.count"] == len(city.numbers)
    token = first["@iot.nextLink"].rpartition("skiptoken=")[2]
    second = json.loads(city.ask("Datastreams", orderby="name desc", top="50", skiptoken=token))
    ids = [one["@iot.id"] for one in [*first["value"], *second["value"]]]
    assert len(ids) == len(set(ids)) == len(city.numbers)


def test_silent_datastreams_are_a_range_of_an_index(city: City) -> None:
    moment = datetime(2026, 3, 2, tzinfo=UTC)

    def look() -> int:
        with city.control.begin() as session:
            return observing_lately(
                session, city.observations, AIR, moment=moment, usual=timedelta(days=9), grace=1.0
            ).datastreams

    look()
    asked: list[str] = []

    def hear(connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if "FROM stream_cadence" in statement and not statement.startswith("EXPLAIN"):
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
            asked.extend(row[-1] for row in rows)

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        assert look() == len(city.numbers)
    finally:
        event.remove(Engine, "before_cursor_execute", hear)
    assert asked
    assert all("ix_stream_cadence_seen" in one for one in asked)


def test_all_datastreams_of_a_stream_are_one_range(city: City) -> None:
    asked: list[str] = []

    def look(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", look)
    try:
        assert int(city.ask("Observations/$count")) >= 3
    finally:
        event.remove(Engine, "before_cursor_execute", look)
    assert not any("json_each" in one for one in asked)
    assert any("BETWEEN" in one for one in asked)
