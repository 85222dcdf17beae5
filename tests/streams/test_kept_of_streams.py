"""What is kept of a stream is what it is now; rows picked out of files are those that the engine
finds."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_world import BASE, STREAM, World, datastream, thing, world

from quanyu.kernel import ControlStore, Invalid
from quanyu.spacetime import Restriction, Unit
from quanyu.spacetime.series import figures, reading
from quanyu.streams import (
    Observations,
    Selection,
    Streams,
    answer,
    extents,
    filtering,
    intake,
    move,
    observation_schema,
    query_options,
    sort_a_month,
    stream_revisions,
    take_arrays,
    target_of_path,
)

WEST = Restriction(
    region={"type": "Polygon", "coordinates": [[[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]]}
)
OPEN = Restriction()
T0 = datetime(2026, 1, 20, tzinfo=UTC)
SERIES, ROWS = 4, 9_000


def value(identifier: str, hour: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "result": 1,
        "phenomenonTime": f"2026-01-01T{hour:02d}:00:00Z",
        "Datastream": {"@iot.id": identifier},
        **more,
    }


def revision(of: World) -> int:
    with of.control.read() as session:
        return stream_revisions(session)[STREAM]


def test_a_first_observation_changes_what_depends_on_it_and_no_more(tmp_path: Path) -> None:
    with world(tmp_path) as made:
        made.make("Things", thing("near", datastream("a"), datastream("b")))
        made.make("Things", thing("far", datastream("c"), x=50))
        streams = Streams(made.control, made.observations)

        def ask(path: str, restriction: Restriction, **given: str) -> Any:
            options = {f"${name}": text for name, text in given.items()}
            with streams.sight(STREAM, restriction) as sight:
                where = (BASE, f"{BASE}/{path}", options)
                target = target_of_path(sight, path)
                return json.loads(answer(sight, target, query_options(options), where).body)

        def names(restriction: Restriction) -> list[str]:
            found = ask("Datastreams", restriction, orderby="name", select="name")["value"]
            return [one["name"] for one in found]

        assert names(WEST) == ["a", "b"]
        assert "observedArea" not in ask("Datastreams('a')", OPEN)
        assert ask("FeaturesOfInterest", WEST)["value"] == []
        before = revision(made)
        for hour, one in enumerate("abc"):
            made.make("Observations", value(one, hour))
        assert revision(made) == before
        assert ask("Datastreams('a')", OPEN)["observedArea"]["coordinates"] == [5, 5]
        assert names(WEST) == ["a", "b"]
        [feature] = ask("FeaturesOfInterest", WEST)["value"]
        # The feature near by is one that is there: no entity is made, and another is seen.
        made.make("Observations", value("c", 5, FeatureOfInterest={"@iot.id": feature["@iot.id"]}))
        assert revision(made) == before
        assert names(WEST) == ["a", "b", "c"]
        assert ask("Datastreams('c')", OPEN)["observedArea"]["type"] == "Polygon"
        near = ask("Datastreams('c')/Observations", WEST)["value"]
        assert [one["phenomenonTime"] for one in near] == ["2026-01-01T05:00:00Z"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Series of half-hourly values over two seasons, in files of several groups of rows: with rows
    that are newer, late and forgotten."""
    folder = tmp_path_factory.mktemp("picked")
    control = ControlStore(f"sqlite:///{folder}/control.sqlite")
    made = Observations(control, folder, str(folder / "tables"))
    place = np.arange(SERIES * ROWS)
    moment = observation_schema().field("start").type
    start = np.datetime64(T0.replace(tzinfo=None), "us") + (place % ROWS) * np.timedelta64(30, "m")
    whole = pa.table(
        {
            "datastream": pa.array(place // ROWS),
            "start": pa.array(start).cast(moment),
            "number": pa.array(np.round(np.sin(place), 3)),
        }
    )
    for first in range(SERIES):
        made.append(whole.filter(pa.array(place % SERIES == first)))
        while move(made, piece=5_000):
            pass
    while sort_a_month(made) is not None:
        pass
    newer = {"datastream": [1, 2], "start": [T0 + timedelta(days=400)] * 2, "number": [1.0, 2.0]}
    made.append(pa.table(newer).cast(pa.schema([observation_schema().field(n) for n in newer])))
    made.delete(datastreams=[3])
    yield made
    made.close()
    control.close()


asked = st.builds(
    Selection,
    datastreams=st.lists(st.integers(0, SERIES), min_size=1, max_size=3, unique=True),
    start=st.none() | st.integers(-3, 200).map(lambda day: T0 + timedelta(days=day)),
    end=st.none() | st.integers(-3, 500).map(lambda day: T0 + timedelta(days=day, minutes=1)),
    order=st.booleans().map(lambda down: (("start", down),)),
    skip=st.integers(0, 40),
    limit=st.sampled_from([1, 7, 1_000, 50_000]),
)


@settings(max_examples=40, deadline=None)
@given(asked)
def test_rows_picked_out_of_files_are_those_of_the_engine(store: Any, asked: Selection) -> None:
    found = store.select(asked)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "FEW", 0)
        expected = store.select(asked)
    assert found.schema == expected.schema
    assert found.equals(expected)


@pytest.mark.parametrize("short", [0, 10**9])
def test_figures_of_long_and_of_short_blocks_are_the_same(
    store: Any, short: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "_SHORT", short)
    for every in (Unit.HOUR, Unit.DAY):
        asked = Selection(datastreams=[0, 2], start=T0, end=T0 + timedelta(days=180))
        found = store.aggregate(asked, every, ["count", "mean", "max"])
        rows = store.select(Selection(datastreams=[0, 2], start=T0, end=asked.end)).to_pandas()
        rows["start"] = rows["start"].dt.floor("h" if every is Unit.HOUR else "D")
        grouped = rows.groupby(["datastream", "start"])["number"]
        expected = grouped.agg(["count", "mean", "max"]).reset_index()
        assert found["datastream"].to_pylist() == expected["datastream"].tolist()
        assert found["count"].to_pylist() == expected["count"].tolist()
        assert np.allclose(found["mean"].to_numpy(), expected["mean"])
        assert np.allclose(found["max"].to_numpy(), expected["max"])


def test_arrays_of_several_datastreams_are_kept_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world(tmp_path) as made:
        made.make("Things", thing("near", datastream("a"), datastream("b"), datastream("c")))
        written = []
        append = made.observations.append
        monkeypatch.setattr(
            made.observations, "append", lambda rows: written.append(len(rows)) or append(rows)
        )

        def group(identifier: str, first: int, count: int, **more: Any) -> dict[str, Any]:
            rows = [[f"2026-01-01T00:00:{first + n:02d}Z", first + n] for n in range(count)]
            of = {"Datastream": {"@iot.id": identifier}, "dataArray": rows}
            return {**of, "components": ["phenomenonTime", "result"], **more}

        wrong = group("b", 0, 2, dataArray=[["2026-01-01T00:00:00Z", 7], ["never", 8]])
        again = group("a", 0, 1, dataArray=[["2026-01-01T00:00:01Z", 99]])
        sent = [group("a", 0, 2), group("c", 0, 40), wrong, group("none", 0, 3), again]
        taken = take_arrays(made.intake, STREAM, sent)
        assert written == [2 + 40 + 1 + 1]
        assert [one is None for one in taken.ids] == [False] * 43 + [True] * 4 + [False]
        assert taken.kept == 44

        def results(identifier: str) -> list[Any]:
            path = f"Datastreams('{identifier}')/Observations"
            found = made.values(path, orderby="phenomenonTime", select="result")
            return [one["result"] for one in found]

        assert results("a") == [0, 99]
        assert results("b") == [7]
        assert results("c") == list(range(40))


def test_taking_in_forgets_what_it_learnt_first_and_takes_that_in_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "_KEPT", 3)
    monkeypatch.setattr(intake, "_FORGOTTEN", 1)
    with world(tmp_path) as made:
        names = ["a", "b", "c", "d", "e"]
        made.make("Things", thing("many", *map(datastream, names)))
        for name in names:
            made.intake.prepare(STREAM, value(name))
        monkeypatch.setattr(intake, "_LOOK_S", 0)
        made.intake.prepare(STREAM, value("e", 1))
        monkeypatch.setattr(intake, "_LOOK_S", 3600)
        known = [made.intake.peek(STREAM, value(name, 2)) is not None for name in names]
        assert known == [False, False, False, True, True]
        found = made.intake.prepare(STREAM, value("a", 2))
        assert made.intake.peek(STREAM, value("a", 2)) == found


def test_times_are_asked_of_those_of_which_the_rest_is_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extents, "MOST_TIMED", 3)
    monkeypatch.setattr(filtering, "MOST_TIMED", 3)
    with world(tmp_path) as made:
        made.make("Things", thing("few", datastream("a"), datastream("b")))
        made.make("Things", thing("many", *map(datastream, "cdef")))
        for hour, name in enumerate("abcdef"):
            made.array(name, [[f"2026-01-01T{hour:02}:00:00Z", 1]])
        late = "phenomenonTime ge 2026-01-01T01:00:00Z"
        few = made.values("Datastreams", filter=f"Thing/id eq 'few' and {late}")
        assert [one["@iot.id"] for one in few] == ["b"]
        order = made.values(
            "Datastreams", filter="Thing/id eq 'few'", orderby="phenomenonTime desc"
        )
        assert [one["@iot.id"] for one in order] == ["b", "a"]
        for wrong, given in (
            ("$filter", {"filter": late}),
            ("$filter", {"filter": f"Thing/id eq 'many' and {late}"}),
            ("$orderby", {"orderby": "phenomenonTime"}),
        ):
            with pytest.raises(Invalid, match="not compared at once") as caught:
                made.values("Datastreams", **given)
            assert caught.value.field == wrong
