"""Flags of quality: the tests of QARTOD, at ingest, in questions, under restrictions, anew."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_world import STREAM, World, datastream, thing, world

from quanyu.kernel import Invalid, NotFound
from quanyu.operations.rules.rows import accepted
from quanyu.spacetime import Column, Mask, Restriction
from quanyu.streams import (
    Do,
    FilePlan,
    Selection,
    checks_of,
    declared_checks,
    flag_again,
    load_file,
    move,
)
from quanyu.streams.qartod import flags_of

GROSS = {"gross_range_test": {"suspect_span": [0, 50], "fail_span": [-10, 100]}}
RATE = {"rate_of_change_test": {"threshold": 1}}
SPIKE = {"spike_test": {"suspect_threshold": 5, "fail_threshold": 20}}
FLAT = {"flat_line_test": {"tolerance": 0.5, "suspect_threshold": 30, "fail_threshold": 60}}


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("flags")) as made:
        both = {"qartod": {**GROSS, **RATE}}
        made.make(
            "Things",
            thing(
                "lamp",
                datastream("plain"),
                datastream("gross", properties={"qartod": GROSS}),
                datastream("both", properties=both),
                datastream("file", properties={"qartod": {**GROSS, **SPIKE}}),
                datastream("anew", properties={"qartod": GROSS}),
            ),
        )
        yield made


def at(second: int) -> str:
    return f"2026-01-01T00:{second // 60:02}:{second % 60:02}Z"


def flags(stream: World, identifier: str, **given_: Any) -> list[Any]:
    path = f"Datastreams('{identifier}')/Observations"
    found = stream.values(path, orderby="phenomenonTime", **given_)
    return [one.get("resultQuality") for one in found]


def results(stream: World, identifier: str, restriction: Any = None, **given_: str) -> list[Any]:
    path = f"Datastreams('{identifier}')/Observations"
    found = stream.values(path, restriction, orderby="phenomenonTime", **given_)
    return [one["result"] for one in found]


def element(code: int, **tests: int) -> dict[str, Any]:
    return {"nameOfMeasure": "QARTOD", "DQ_Result": {"code": code, **tests}}


def test_the_tests_of_the_manual() -> None:
    checks = checks_of({"qartod": {**GROSS, **SPIKE, **RATE, **FLAT}})
    assert checks is not None
    times = np.arange(0, 100, 10) * 1_000_000
    values = np.array([1, 2, 40, 3, 3.1, 3.2, 3.1, 3, 3, 200.0])
    found = {name: one.tolist() for name, one in flags_of(checks, times, values).items()}
    assert found == {
        "gross_range_test": [1, 1, 1, 1, 1, 1, 1, 1, 1, 4],
        "spike_test": [2, 3, 4, 3, 1, 1, 1, 1, 4, 2],
        "rate_of_change_test": [2, 1, 3, 3, 1, 1, 1, 1, 1, 3],
        "flat_line_test": [1, 1, 1, 1, 1, 1, 3, 3, 3, 1],
    }


@settings(max_examples=60)
@given(
    steps=st.lists(st.tuples(st.integers(1, 40), st.integers(0, 4)), min_size=1, max_size=40),
    seconds=st.integers(1, 100),
)
def test_a_flat_line_is_what_its_words_say(steps: list[tuple[int, int]], seconds: int) -> None:
    flat = {"tolerance": 1.5, "suspect_threshold": seconds}
    checks = checks_of({"qartod": {"flat_line_test": flat}})
    assert checks is not None
    times = np.cumsum([one for one, _ in steps])
    values = np.array([two for _, two in steps], float)
    found = flags_of(checks, times * 1_000_000, values)["flat_line_test"].tolist()
    for place, moment in enumerate(times):
        before = np.flatnonzero(times <= moment - seconds)
        window = values[before[-1] : place + 1] if len(before) else values[:0]
        stuck = len(window) > 0 and float(np.ptp(window)) < 1.5
        assert found[place] == (3 if stuck else 1)


def test_observations_are_flagged_however_they_come(stream: World) -> None:
    """One by one, as arrays, inside a thing and by file: the same flags."""
    of = {"Datastream": {"@iot.id": "gross"}}
    sent = {**of, "result": 75, "phenomenonTime": at(0), "resultQuality": "good"}
    stream.make("Observations", sent)
    stream.array("gross", [[at(1), 5], [at(2), 500]])
    stream.array("gross", [[at(3), -5, {"a": 1}]], "phenomenonTime", "result", "parameters")
    peeked = stream.intake.peek(STREAM, {**of, "result": -50, "phenomenonTime": at(4)})
    assert peeked is not None
    assert '"code":4' in str(peeked.quality)
    assert flags(stream, "gross") == [
        {**element(3, gross_range_test=3), "given": "good"},
        element(1, gross_range_test=1),
        element(4, gross_range_test=4),
        element(3, gross_range_test=3),
    ]
    inside = [{"result": 1000, "phenomenonTime": at(0)}]
    declared = {"qartod": GROSS}
    stream.make(
        "Things", thing("deep", datastream("deep", properties=declared, Observations=inside))
    )
    assert flags(stream, "deep") == [element(4, gross_range_test=4)]
    stream.make("Observations", {**of, "Datastream": {"@iot.id": "plain"}, "result": 1000})
    assert flags(stream, "plain") == [None]


def test_a_rate_is_that_from_the_observation_before(stream: World) -> None:
    of = {"Datastream": {"@iot.id": "both"}}
    stream.make("Observations", {**of, "result": 5, "phenomenonTime": at(0)})
    stream.make("Observations", {**of, "result": 45, "phenomenonTime": at(10)})
    stream.array("both", [[at(20), 46], [at(30), 90]])
    stream.make("Observations", {**of, "result": 6, "phenomenonTime": at(5)})  # late
    found = [one["DQ_Result"]["rate_of_change_test"] for one in flags(stream, "both")]
    assert found == [2, 1, 3, 1, 3]
    sets = "resultQuality/DQ_Result"
    assert results(stream, "both", filter=f"{sets}/rate_of_change_test ge 3") == [45, 90]
    assert results(stream, "both", filter=f"{sets}/code eq 1") == [5, 6, 46]
    assert results(stream, "both", filter=f"{sets}/spike_test eq 1") == []


def test_clients_words_stay_beside_the_flags_and_are_asked_about_as_before(stream: World) -> None:
    assert results(stream, "gross", filter="resultQuality eq 'good'") == [75]
    assert results(stream, "gross", filter="resultQuality eq null") == [5, 500, -5]
    assert results(stream, "gross", filter="contains(resultQuality,'QARTOD')") == []
    sent = {"Datastream": {"@iot.id": "plain"}, "phenomenonTime": at(9)}
    for quality in ("[no JSON", {"nameOfMeasure": "QARTOD"}, ["a"], '{"nameOfMeasure":"QARTOD"'):
        stream.make("Observations", {**sent, "result": 1, "resultQuality": quality})
        assert flags(stream, "plain", filter="result eq 1") == [quality]
        assert results(stream, "plain", filter="resultQuality/DQ_Result/code eq 4") == []


def test_a_change_flags_anew_and_wraps_nothing_twice(stream: World) -> None:
    path = "Datastreams('gross')/Observations"
    one = stream.values(path, filter="result eq 75")[0]
    where = f"Observations('{one['@iot.id']}')"
    stream.do(Do.UPDATE, where, {"result": 76})
    stream.do(Do.UPDATE, where, {"result": 101, "resultQuality": one["resultQuality"]})
    assert stream.ask(where)["resultQuality"] == {
        **element(4, gross_range_test=4),
        "given": "good",
    }


def test_a_file_is_flagged_across_its_pieces(stream: World, tmp_path: Any) -> None:
    file = tmp_path / "heat.csv"
    file.write_text("t,v\n" + "".join(f"{at(n)},{40 if n == 3 else n}\n" for n in range(6)))
    number = stream.numbers()["file"]
    with stream.control.read() as session:
        checks = declared_checks(session, [number])
    plan = FilePlan(time=("t",), wide={"v": number}, features={number: None}, checks=checks)
    load_file(stream.observations, file, plan)
    spikes = [one["DQ_Result"]["spike_test"] for one in flags(stream, "file")]
    assert spikes == [2, 1, 3, 4, 3, 2]
    assert results(stream, "file", filter="resultQuality/DQ_Result/code eq 4") == [40]


def test_flags_are_made_anew_when_the_declaration_changes(stream: World) -> None:
    stream.array("anew", [[at(0), 5], [at(1), 70], [at(2), 8]])
    stream.do(Do.UPDATE, "Datastreams('anew')", {"properties": {"qartod": SPIKE}})
    number = stream.numbers()["anew"]
    move(stream.observations, piece=1)
    told = stream.observations.newest()

    def again() -> tuple[int, int]:
        done = flag_again(stream.control, stream.observations, [number])
        return done.looked, done.changed

    assert again() == (3, 3)
    assert flags(stream, "anew")[1] == element(4, spike_test=4)
    rows, _ = stream.observations.changes(told, 10)
    assert rows["number"].to_pylist() == [5, 70, 8]
    assert again() == (3, 0)
    stream.do(Do.UPDATE, "Datastreams('anew')", {"properties": {}})
    assert again() == (3, 3)
    assert flags(stream, "anew") == [None, None, None]
    read = stream.observations.select(Selection(datastreams=[number]))
    stream.array("anew", [[at(1), 71]])  # somebody writes between reading and writing
    assert stream.observations.amend(read) == 2
    assert results(stream, "anew") == [5, 71, 8]


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ([], "qartod"),
        ({"range": {}}, "qartod.range"),
        ({"gross_range_test": {"suspect_span": [5, 1]}}, "qartod.gross_range_test.suspect_span"),
        ({"gross_range_test": {"span": [1, 5]}}, "qartod.gross_range_test.span"),
        ({"rate_of_change_test": {"threshold": 0}}, "qartod.rate_of_change_test.threshold"),
        ({"spike_test": {"method": "average"}}, "qartod.spike_test.method"),
        ({"flat_line_test": {"tolerance": 1}}, "qartod.flat_line_test.suspect_threshold"),
        (
            {"flat_line_test": {"tolerance": 1, "fail_threshold": 10**9}},
            "qartod.flat_line_test",
        ),
    ],
)
def test_a_declaration_that_is_wrong_is_refused(stream: World, said: Any, field: str) -> None:
    wrong = {"properties": {"qartod": said}}
    with pytest.raises(Invalid) as caught:
        stream.do(Do.UPDATE, "Datastreams('plain')", wrong)
    assert caught.value.field == f"properties.{field}"
    with pytest.raises(Invalid) as caught:
        stream.make("Things", thing("x", datastream("x", **wrong)))
    assert str(caught.value.field).endswith(f"properties.{field}")
    with pytest.raises(NotFound):
        stream.ask("Things('x')")


def test_flags_tell_nothing_that_is_hidden(stream: World) -> None:
    """A flag says something of the result exactly, and most of results around it."""
    names = ("datastream", "thing", "phenomenon_time", "result_quality")
    shown = tuple(Column(name) for name in names)
    hidden = Restriction(columns=shown)
    rounded = Restriction(columns=(*shown, Column("result", Mask.ROUND, 1000)))
    path = "Datastreams('both')/Observations"
    for restriction in (hidden, rounded):
        for form in ("JSON", "CSV", "dataArray", "GeoJSON"):
            text = stream.text(path, restriction, resultFormat=form)
            assert "QARTOD" not in text
            assert "range_test" not in text
        for asked in (
            "DQ_Result/code ge 1",
            "DQ_Result/gross_range_test ge 1",
            "DQ_Result ne null",
        ):
            assert stream.values(path, restriction, filter=f"resultQuality/{asked}") == []
        known = stream.values(path, restriction, filter="contains(resultQuality,'test')")
        assert known == []
    first = datetime(2026, 1, 1, tzinfo=UTC)
    rows = {"op": "<", "args": [{"property": "result"}, 60]}
    for part in (Restriction(interval=(first, None)), Restriction(rows=rows)):
        found = [one["resultQuality"] for one in stream.values(path, part)]
        assert element(1, gross_range_test=1) in found
        assert all("rate_of_change_test" not in one["DQ_Result"] for one in found)
        for asked in ("rate_of_change_test eq 3", "code eq 2", "code eq 3"):
            question = f"resultQuality/DQ_Result/{asked}"
            assert [o for o in results(stream, "both", part, filter=question) if o < 50] == []


def test_a_rule_leaves_out_what_it_does_not_accept() -> None:
    failed = '{"nameOfMeasure":"QARTOD","DQ_Result":{"code":4,"spike_test":4}}'
    table = pa.table(
        {
            "datastream": pa.array([1, 1, 1, 1]),
            "quality": pa.array([failed, None, "good", failed.replace("4", "1")]),
        }
    )
    assert len(accepted(table, (4,))) == 3
    assert len(accepted(table, ())) == 4
    assert len(accepted(table.slice(0, 0), (4,))) == 0


def test_a_flat_line_is_seen_one_by_one(stream: World) -> None:
    declared = {"qartod": {**FLAT, **RATE}}
    stream.make("Things", thing("stuck", datastream("stuck", properties=declared)))
    of = {"Datastream": {"@iot.id": "stuck"}}
    for second, result in ((0, 5), (20, 5.1), (40, 5.2), (60, 5.1), (70, 9), (200, 9)):
        stream.make("Observations", {**of, "result": result, "phenomenonTime": at(second)})
    found = [one["DQ_Result"] for one in flags(stream, "stuck")]
    assert [one["flat_line_test"] for one in found] == [1, 1, 3, 4, 1, 4]
    assert [one["rate_of_change_test"] for one in found] == [2, 1, 1, 1, 1, 1]
