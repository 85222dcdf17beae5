"""Observations that are written by whole columns are the same as one by one; so are figures."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from quanyu.kernel import ControlStore
from quanyu.spacetime import Unit
from quanyu.streams import Observations, Selection, move, observation_schema, sort_a_month
from quanyu.streams.expressions import Call, Column, Value
from quanyu.streams.forms import data_array, data_array_text
from quanyu.streams.observation_json import arrays_text, objects_text
from quanyu.streams.rendering import Shown, observation_columns, observation_documents
from quanyu.streams.spans import span_of
from quanyu.streams.visibility import Scope, Sight

BASE = "http://here/“air”"
moments = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)).map(  # noqa: DTZ001 - the offset comes behind
    lambda one: one.replace(tzinfo=UTC)
)
numbers = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**60), 2**60).map(float)
)
results = st.one_of(
    numbers.map(lambda one: {"number": one}),
    st.text(max_size=8).map(lambda one: {"text": one}),
    st.sampled_from(['{"a":[1,null]}', "true", "[]"]).map(lambda one: {"json": one}),
)
rows = st.builds(
    lambda result, **said: {**said, **result},
    results,
    datastream=st.integers(1, 3),
    start=moments,
    end=st.none() | moments,
    result_time=st.none() | moments,
    quality=st.none() | st.sampled_from(["good", 'poor "x"\n', '{"flag":1}', ""]),
    valid_start=st.none() | moments,
    parameters=st.none() | st.just('{"height":2}'),
)
shown = st.sampled_from(
    [
        (),
        (("result",),),
        (("phenomenonTime",), ("@iot.id",)),
        (("resultQuality",), ("result",)),
        (("resultTime",),),
        (("resultTime",), ("validTime",)),
    ]
)
NOTHING_SHOWN = [
    {"datastream": 1, "start": datetime(2026, 1, day, tzinfo=UTC), "number": 1.5} for day in (1, 2)
]
"""Rows in which there is no result time: all are alike where only that is asked for."""


def table(found: list[dict[str, Any]]) -> pa.Table:
    whole = [{"key": "", "received": one["start"], "seq": 1, **one} for one in found]
    return pa.Table.from_pylist(whole, schema=observation_schema())


def sight(step: float | None = None) -> Sight:
    return Sight(None, 0, None, Scope(result_step=step))  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None)
@example(NOTHING_SHOWN, (("resultTime",),), None, False)
@example(NOTHING_SHOWN, (("resultTime",), ("validTime",)), None, True)
@given(st.lists(rows, max_size=6), shown, st.sampled_from([None, 0.5]), st.booleans())
def test_objects_and_arrays_are_those_of_the_documents(
    found: list[dict[str, Any]], select: Any, step: float | None, ids: bool
) -> None:
    if step is not None:
        found = [{**one, "text": None, "json": None, "number": 1.25} for one in found]
    whole, look, show = table(found), sight(step), Shown(BASE, select)
    text = objects_text(look, whole, show, ids=ids)
    if text is not None:
        assert json.loads(b"[%b]" % text) == observation_documents(look, whole, show, ids=ids)
    arrays = arrays_text(look, whole, show, ids=ids)
    assert arrays is not None
    links = {one: ("Datastream", f"{BASE}/Datastreams({one})") for one in (1, 2, 3)}
    columns = observation_columns(look, whole, show, ids=ids)
    for told in (links, {}):
        said = json.loads(b"[%b]" % data_array_text(arrays, whole["datastream"], told))
        assert said == json.loads(
            json.dumps(data_array(columns, whole["datastream"].to_pylist(), told))
        )


def test_what_a_condition_says_of_time_bounds_what_is_read() -> None:
    first, last = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    start, number = Column("start"), Call("gt", (Column("number"), Value(3)))
    end = Call("coalesce", (Column("end"), start))
    since = Call("ge", (start, Value(first)))
    before = Call("lt", (end, Value(last)))
    assert span_of(since) == (first, None, None)
    assert span_of(Call("gt", (start, Value(first))))[0] == first + timedelta(microseconds=1)
    # What ends before a time starts before it, but not the other way round.
    assert span_of(Call("and", (since, before, number))) == (
        first,
        last,
        Call("and", (before, number)),
    )
    assert span_of(Call("or", (since, number))) == (None, None, Call("or", (since, number)))
    assert span_of(Call("not", (since,))) == (None, None, Call("not", (since,)))


def test_figures_of_files_are_those_of_the_rows(tmp_path: Path) -> None:
    control = ControlStore(f"sqlite:///{tmp_path}/control.sqlite")
    store = Observations(control, tmp_path, str(tmp_path / "tables"))
    t0 = datetime(2026, 1, 30, tzinfo=UTC)
    said = [
        {"datastream": n % 3, "start": t0 + timedelta(minutes=17 * n), "number": float(n)}
        for n in range(600)
    ]
    said += [
        {"datastream": 5, "start": t0 + timedelta(hours=n), "text": "no number"} for n in range(3)
    ]
    for first in range(0, len(said), 150):  # several files a month, and rows that stay behind
        schema = pa.schema(
            [observation_schema().field(n) for n in ("datastream", "start", "number", "text")]
        )
        store.append(pa.Table.from_pylist(said[first : first + 150], schema=schema))
        move(store, piece=10)
    expected: dict[tuple[int, datetime], list[float | None]] = {}
    for one in said:
        hour = one["start"].replace(minute=0)
        expected.setdefault((one["datastream"], hour), []).append(one.get("number"))

    def check() -> None:
        figures = store.aggregate(Selection(), Unit.HOUR, ["count", "mean", "min", "max", "sum"])
        found = figures.to_pylist()
        assert [(one["datastream"], one["start"]) for one in found] == sorted(expected)
        for one in found:
            all_of = expected[one["datastream"], one["start"]]
            values = [value for value in all_of if value is not None]
            assert one["count"] == len(all_of)
            assert one["min"] == min(values, default=None)
            assert one["max"] == max(values, default=None)
            assert one["sum"] == (sum(values) if values else None)
            assert one["mean"] == (sum(values) / len(values) if values else None)
        some = store.aggregate(Selection(datastreams=range(1, 3)), Unit.DAY, ["count"]).to_pylist()
        assert {one["datastream"] for one in some} == {1, 2}
        assert sum(one["count"] for one in some) == 400
        part = Selection(start=t0 + timedelta(days=1), end=t0 + timedelta(days=2))
        counted = store.aggregate(part, Unit.HOUR, ["count"])["count"].to_pylist()
        assert sum(counted) == store.count(part)

    check()
    while sort_a_month(store) is not None:
        pass
    check()
    late = pa.Table.from_pylist([{**said[0], "number": -1.0}], schema=schema)
    store.append(late)  # the same observation with another value
    expected[0, t0][0] = -1.0
    check()
    store.close()
    control.close()
