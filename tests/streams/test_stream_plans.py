"""However many datastreams there are, a question about one of them looks at no others: what the
database plans to do is looked at, not how long it takes."""

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Pool, event

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
def heard() -> Iterator[list[tuple[str, str]]]:
    """All statements that SQLite is given meanwhile, with their values, each with its file."""
    found: list[tuple[str, str]] = []

    def listen(connection: Any, *_: Any) -> None:
        file = connection.execute("PRAGMA database_list").fetchone()[2]
        connection.set_trace_callback(lambda statement: found.append((file, statement)))

    def leave(connection: Any, *_: Any) -> None:
        connection.set_trace_callback(None)

    event.listen(Pool, "checkout", listen)
    event.listen(Pool, "checkin", leave)
    try:
        yield found
    finally:
        event.remove(Pool, "checkout", listen)
        event.remove(Pool, "checkin", leave)


def planned(statements: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """What is planned for each statement that reads, and the statement."""
    for file, statement in statements:
        if not statement.lstrip().upper().startswith(("SELECT", "UPDATE", "DELETE")):
            continue
        with closing(sqlite3.connect(file)) as connection:
            for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}"):
                yield row[-1], statement


@contextmanager
def scans() -> Iterator[list[str]]:
    """Which tables are scanned meanwhile, but for small ones: known when it is over."""
    found: list[str] = []
    with heard() as statements:
        yield found
    for plan, statement in planned(statements):
        scanned = re.match(r"SCAN (\S+)", plan)
        inner = re.search(r"VIRTUAL TABLE|\(subquery|^SCAN (anon_|CONSTANT ROW)", plan)  # its own
        if scanned and not inner and _table(scanned[1], statement) not in SMALL:
            found.append(f"{plan}: {statement}")


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
    with heard() as statements:
        city.ask(path, **given)
    return [plan for plan, statement in planned(statements) if statement.startswith("SELECT")]


def test_pages_are_read_in_the_order_of_an_index(city: City) -> None:
    by_property = plans(city, "Datastreams", filter="ObservedProperty/name eq 'power'", top="5")
    in_order = plans(city, "Datastreams", orderby="name", top="5")
    backwards = plans(city, "Datastreams", orderby="name desc", top="5")
    assert not any("TEMP B-TREE" in one for one in [*by_property, *in_order, *backwards])
    for plan in (in_order, backwards):
        assert any("ix_stream_datastream_name" in one for one in plan)
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
    with heard() as statements:
        assert look() == len(city.numbers)
    asked = [plan for plan, statement in planned(statements) if "FROM stream_cadence" in statement]
    assert asked
    assert all("ix_stream_cadence_seen" in one for one in asked)


def test_all_datastreams_of_a_stream_are_one_range(city: City) -> None:
    with heard() as statements:
        assert int(city.ask("Observations/$count")) >= 3
    assert not any("json_each" in one for _, one in statements)
    assert any("BETWEEN" in one for _, one in statements)
