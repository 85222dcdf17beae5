"""Jobs and the processes that run them: limits, stopping, silence, forgetting."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import shapely

from migrated import new_control
from quanyu.compute import (
    PROCESSES,
    Order,
    Running,
    State,
    Stopped,
    Workers,
    dismiss_job,
    end_job,
    fail_silent,
    forget_expired,
    forget_jobs_of,
    job_named,
    jobs_of,
    open_job,
    packed,
    read_request,
    results_of,
    start_job,
    tell_job,
)
from quanyu.compute.tables import JobRow
from quanyu.kernel import (
    ControlStore,
    MemberId,
    NotFound,
    PartyId,
    TooLarge,
    TooMany,
    Unavailable,
    load_settings,
    now,
)
from quanyu.parties import Caller, Scope

BUFFER = PROCESSES["buffer"].description
POINT = {"type": "Point", "coordinates": [24.9, 60.1]}
ASKED = read_request(BUFFER, {"inputs": {"features": POINT, "distance": 5}})
WRITES = frozenset({Scope.READ, Scope.WRITE})
OURS = Caller(party=PartyId("pty_1"), member=MemberId("mbr_1"), scopes=WRITES)
THEIRS = Caller(party=PartyId("pty_2"), member=MemberId("mbr_2"), scopes=WRITES)


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    made = Workers(1, 4 << 30)
    yield made
    made.close()


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlStore]:
    made = new_control(load_settings(dir=tmp_path_factory.mktemp("jobs")))
    yield made
    made.close()


def order(distance: float = 5.0, most_bytes: int = 1 << 20, line: int = 0) -> Order:
    shape: dict[str, Any] = POINT
    if line:
        corners = [[24 + n * 2e-6, 60 + n % 2 * 0.5] for n in range(line)]
        shape = {"type": "LineString", "coordinates": corners}
    document = {"inputs": {"features": shape, "distance": distance, "segments": 64}}
    asked = read_request(BUFFER, document)
    data = {name: packed(one) for name, one in asked.data.items()}
    return Order("buffer", asked.values, data, {"job": "x"}, frozenset({"result"}), most_bytes)


def test_a_worker_answers_and_limits_hold(workers: Workers) -> None:
    (result,) = workers.run(order(), Running(), 60)
    assert (result.output, result.rows, result.media_type) == ("result", 1, "application/geo+json")
    assert b'"lineage":{"job":"x"}' in result.body
    with pytest.raises(TooLarge) as refused:
        workers.run(order(most_bytes=100), Running(), 60)
    assert (refused.value.field, bool(refused.value.mend)) == ("inputs", True)
    with pytest.raises(TooLarge, match="longer than 1 seconds"):
        workers.run(order(20_000, line=8_000), Running(), 1.0)


def test_a_run_stops_when_it_is_told_to(workers: Workers) -> None:
    running = Running()
    threading.Timer(0.5, running.stop.set).start()
    began = time.monotonic()
    with pytest.raises(Stopped):
        workers.run(order(20_000, line=8_000), running, 60)
    assert time.monotonic() - began < 20


def test_a_run_that_wants_too_much_memory_says_so() -> None:
    small = Workers(1, 1 << 30)
    try:
        with pytest.raises(TooLarge) as refused:
            small.run(order(20_000, line=400_000), Running(), 120)
        assert refused.value.field == "inputs"
    finally:
        small.close()


def test_a_process_that_cannot_start_is_told_of() -> None:
    tiny = Workers(1, 1 << 20)
    try:
        with pytest.raises(Unavailable) as refused:
            tiny.run(order(), Running(), 60)
        assert refused.value.mend
    finally:
        tiny.close()


def made(control: ControlStore, caller: Caller = OURS, most: int = 10) -> str:
    with control.begin() as session:
        return open_job(session, BUFFER, ASKED, caller, most=most, kept=timedelta(days=1)).id


def test_a_job_from_beginning_to_end(control: ControlStore, workers: Workers) -> None:
    name = made(control)
    results = workers.run(order(), Running(), 60)
    with control.begin() as session:
        assert start_job(session, name)
        assert tell_job(session, name, 0.4)
        assert job_named(session, name, OURS).progress == pytest.approx(0.4)
        with pytest.raises(NotFound):
            job_named(session, name, THEIRS)
        assert end_job(session, name, results, [])
        job = job_named(session, name, OURS)
        assert (job.state, job.progress, job.leaf is not None) == (State.SUCCESSFUL, 1.0, True)
        assert results_of(session, name) == results
        assert not tell_job(session, name, 0.5)
        forget_jobs_of(session, MemberId("mbr_1"))
        assert job_named(session, name, OURS).member is None
        assert name not in {one.id for one in jobs_of(session, THEIRS).items}
        assert dismiss_job(session, name, OURS).state is State.DISMISSED
        assert results_of(session, name) == ()


def test_a_dismissed_job_is_not_finished_any_more(control: ControlStore) -> None:
    name = made(control)
    with control.begin() as session:
        dismiss_job(session, name, OURS)
        assert not start_job(session, name)
        assert not end_job(session, name, (), [])
        assert job_named(session, name, OURS).state is State.DISMISSED


def test_a_job_whose_process_died_has_failed(control: ControlStore) -> None:
    silent, alive = made(control), made(control)
    with control.begin() as session:
        for name, ago in ((silent, timedelta(seconds=1)), (alive, timedelta(seconds=-60))):
            row = session.query(JobRow).filter_by(id=name).one()
            row.until = now() - ago
        session.flush()
        assert fail_silent(session) == 1
        session.expire_all()
        job = job_named(session, silent, OURS)
        assert job.state is State.FAILED
        assert job.problem is not None
        assert "has ended" in job.problem.detail
        assert job_named(session, alive, OURS).state is State.ACCEPTED


def test_what_is_over_is_forgotten_in_time(control: ControlStore) -> None:
    name, waiting = made(control), made(control)
    with control.begin() as session:
        dismiss_job(session, name, OURS)
        for one in (name, waiting):
            session.query(JobRow).filter_by(id=one).one().expires = now() - timedelta(seconds=1)
        session.flush()
        assert forget_expired(session) == 1
        session.expire_all()
        with pytest.raises(NotFound):
            job_named(session, name, OURS)
        assert job_named(session, waiting, OURS).state is State.ACCEPTED


def test_a_party_has_so_many_jobs_at_a_time(control: ControlStore) -> None:
    third = replace(THEIRS, party=PartyId("pty_3"))
    names = [made(control, third, most=2) for _ in range(2)]
    with pytest.raises(TooMany) as refused:
        made(control, third, most=2)
    assert refused.value.retry_after
    with control.begin() as session:
        dismiss_job(session, names[0], third)
    made(control, third, most=2)


def test_what_travels_is_what_came(tmp_path: Path) -> None:
    collection = {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "id": 7,
                "geometry": {"type": "Point", "coordinates": [1, 2, 3]},
                "properties": {"a": 1, "b": "x", "c": [1], "d": None},
            },
            {"type": "Feature", "geometry": POINT, "properties": None},
        ],
    }
    asked = read_request(BUFFER, {"inputs": {"features": collection, "distance": 5}})
    features = asked.data["features"]
    table = packed(features)  # type: ignore[arg-type]
    assert isinstance(table, pa.Table)
    assert table.column("fid").to_pylist() == ["7", "2"]
    assert table.column("c").to_pylist() == ["[1]", None]
    assert shapely.from_wkb(table.column("geometry")[0].as_py()).z == 3
