"""Observations of the past out of files: the air of Beijing, hour by hour, with its gaps."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quanyu.kernel import ControlStore, Invalid, Owed, ResourceId, Unavailable
from quanyu.spacetime import Unit
from quanyu.streams import (
    FilePlan,
    Observations,
    Replay,
    Selection,
    distinct_in,
    keep_replay,
    load_file,
    load_into,
    move,
    play,
    play_on,
    read_replay,
)
from quanyu.streams.cadences import cadence_of

SHARED = Path(__file__).resolve().parents[3] / "shared"
AIR = SHARED / "data/real/air/beijing-pm25-2010-2014.csv"


@pytest.fixture
def observations(tmp_path: Path) -> Iterator[Observations]:
    control = ControlStore(f"sqlite:///{tmp_path / 'control.sqlite'}")
    store = Observations(control, tmp_path, str(tmp_path / "tables"), threads=1)
    yield store
    store.close()
    control.close()


@pytest.mark.skipif(not AIR.exists(), reason=f"no real data at {AIR}")
def test_five_years_of_air_are_loaded_and_gaps_stay_gaps(observations: Observations) -> None:
    plan = FilePlan(
        time=("year", "month", "day", "hour"),
        zone="Asia/Shanghai",
        wide={"pm2.5": 1, "TEMP": 2, "cbwd": 3},
        texts=frozenset({"cbwd"}),
        skip=1,
        features={1: 7, 2: 7, 3: None},
    )
    loaded = load_file(observations, AIR, plan)
    # The file has 43,824 hours, and 2,067 of them are without PM2.5 (NA).
    assert (loaded.rows, loaded.missing, loaded.replaced) == (43_824, 2_067, 0)
    assert observations.counts([1, 2, 3]) == {1: 43_824 - 2_067, 2: 43_824, 3: 43_824}
    first = observations.select(Selection(datastreams=[1], limit=1)).to_pylist()[0]
    # The first day is missing; 2010-01-02 00:00 in Beijing is 16:00 of the day before in UTC.
    assert first["start"] == datetime(2010, 1, 1, 16, tzinfo=UTC)
    assert (first["number"], first["feature"]) == (129.0, 7)
    assert observations.latest([3]).to_pylist()[0]["text"] == "NW"
    assert move(observations, piece=20_000) == 109_405
    again = load_file(observations, AIR, plan)
    assert again.observations == loaded.observations
    assert observations.counts([1, 2, 3]) == {1: 43_824 - 2_067, 2: 43_824, 3: 43_824}
    years = observations.aggregate(Selection(datastreams=[1]), Unit.YEAR, ["count", "mean"])
    assert sum(years["count"].to_pylist()) == 43_824 - 2_067


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_one_observation_a_row_names_its_datastream(
    observations: Observations, tmp_path: Path
) -> None:
    table = pa.table(
        {
            "at": pa.array([datetime(2026, 5, 1, n, tzinfo=UTC) for n in range(3)]),
            "id": ["a", "b", "a"],
            "value": [1.0, float("nan"), 3.0],
        }
    )
    pq.write_table(table, tmp_path / "long.parquet")
    assert distinct_in(tmp_path / "long.parquet", "id") == ["a", "b"]
    plan = FilePlan(time=("at",), which=("id", "value"), numbers={"a": 5, "b": 6})
    loaded = load_file(observations, tmp_path / "long.parquet", plan)
    assert (loaded.rows, loaded.missing, loaded.observations) == (3, 1, 2)
    assert observations.select(Selection(datastreams=[5]))["number"].to_pylist() == [1.0, 3.0]


def test_a_file_that_breaks_off_says_how_much_of_it_stands(
    sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(sqlite_template, tmp_path / "control.sqlite")
    control = ControlStore(f"sqlite:///{tmp_path / 'control.sqlite'}")
    observations = Observations(control, tmp_path, str(tmp_path / "tables"), threads=1)
    monkeypatch.setattr("quanyu.streams.tabular.PIECE", 2)
    hours = [datetime(2026, 5, 1, n, tzinfo=UTC) for n in range(4)]
    pq.write_table(pa.table({"at": hours, "v": [1.0, 2.0, 3.0, 4.0]}), tmp_path / "wide.parquet")
    plan, append = FilePlan(time=("at",), wide={"v": 7}), observations.append

    def full(rows: pa.Table) -> object:
        if rows["number"][0].as_py() > 2:
            raise Unavailable("the disk is full")
        return append(rows)

    monkeypatch.setattr(observations, "append", full)
    with pytest.raises(Unavailable):
        load_into(
            control, observations, ResourceId("res_1"), tmp_path / "wide.parquet", plan, by="p"
        )
    with control.read() as session:
        leaves = [json.loads(one.body) for one in session.query(Owed).order_by(Owed.number)]
    assert [one["kind"] for one in leaves] == ["stream.load-begun", "stream.loaded"]
    assert (leaves[1]["observations"], leaves[1]["whole"]) == (2, False)
    assert leaves[1]["sha256"] == leaves[0]["sha256"]
    observations.close()
    control.close()


@pytest.mark.parametrize(
    ("text", "plan", "field", "said"),
    [
        ("t,v\n2026-05-01T00:00:00Z,1\n2026-05-01T01:00:00Z,x\n", {"wide": {"v": 1}}, "v", "row 2"),
        ("t,v\n2026-05-01T00:00:00Z,1\n,2\n", {"wide": {"v": 1}}, "t", "row 2"),
        ("t,v\nyesterday,1\n", {"wide": {"v": 1}}, "t", "cannot be read"),
        ("t,v\n2026-05-01T00:00:00Z,1\n", {"wide": {"w": 1}}, "map", "no column w"),
        ("t,v\n2026-05-01T00:00:00Z,1\n", {}, "map", "not said"),
        ("t,v\n2026-05-01T00:00:00Z,1\n", {"wide": {"v": 1}, "zone": "Mars/X"}, "zone", "no time"),
        ("t,v\n2026-05-01T00:00:00Z,1,2\n", {"wide": {"v": 1}}, "file", "cannot be read"),
        ("t,i,v\n2026-05-01T00:00:00Z,q,1\n", {"which": ("i", "v")}, "i", "row 1"),
    ],
)
def test_a_file_that_is_wrong_is_refused_whole(
    observations: Observations, tmp_path: Path, *, text: str, plan: dict, field: str, said: str
) -> None:
    file = write(tmp_path / "wrong.csv", text)
    with pytest.raises(Invalid, match=said) as refused:
        load_file(observations, file, FilePlan(time=("t",), **plan))
    assert refused.value.field == field
    assert observations.newest() == 0


def test_a_replay_goes_on_where_it_stopped_and_begins_again_at_its_end(
    observations: Observations, tmp_path: Path
) -> None:
    began = datetime(2026, 5, 1, tzinfo=UTC)
    minute = timedelta(minutes=1)
    values = pa.table({"1": [1.0, 2.0, 3.0], "2": [10.0, 20.0, 30.0]})
    keep_replay(tmp_path / "replay.parquet", Replay(values, began, minute, {1: 7, 2: None}))
    replay = read_replay(tmp_path / "replay.parquet")
    assert play_on(observations, replay, began) == 0  # nobody has said where it begins
    assert play(observations, replay, began - 4 * minute, began) == 8
    assert play_on(observations, replay, began + 2.5 * minute) == 4
    assert play_on(observations, replay, began + 2.9 * minute) == 0
    found = observations.select(Selection(datastreams=[1], order=(("start", False),)))
    assert found["number"].to_pylist() == [1.0, 2.0, 3.0, 1.0, 2.0, 3.0]
    assert set(found["quality"].to_pylist()) == {"replay"}
    assert found["start"].to_pylist()[0] == began - 3 * minute
    (tmp_path / "other.parquet").write_bytes(b"PAR1")
    with pytest.raises(Invalid):
        read_replay(tmp_path / "other.parquet")


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("PT1M", 60), ("P1DT2H", 93_600), ("PT90S", 90), ("P", 0), ("1m", 0), (90, 0), (None, 0)],
)
def test_a_cadence_is_a_duration(said: object, seconds: int) -> None:
    assert cadence_of({"cadence": said}) == seconds
    assert cadence_of(None) == 0
