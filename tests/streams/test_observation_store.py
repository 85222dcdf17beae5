"""The store of observations beside a plain model: a dictionary by datastream, start and key."""

import asyncio
import math
import statistics
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from quanyu.kernel import ControlStore, Invalid, NotFound
from quanyu.spacetime import SeriesTable, Unit
from quanyu.streams import (
    Key,
    Observation,
    Observations,
    Selection,
    move,
    observation_id,
    observation_key,
    observation_schema,
    sort_a_month,
)
from quanyu.streams.expressions import Call, Column, Value

T0 = datetime(2026, 1, 31, 22, tzinfo=UTC)
HOUR = timedelta(hours=1)
Row = tuple[int, int, str, float]


@contextmanager
def opened(url: str | None = None) -> Iterator[Observations]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        control = ControlStore(url or f"sqlite:///{folder / 'control.sqlite'}")
        store = Observations(control, folder, str(folder / "tables"), threads=1)
        try:
            yield store
        finally:
            store.close()
            control.close()


def table(rows: list[Row]) -> pa.Table:
    """Rows of datastream, hours after :data:`T0`, key and number."""
    datastreams, hours, keys, numbers = zip(*rows, strict=True) if rows else ((), (), (), ())
    schema = observation_schema()
    return pa.table(
        {
            "datastream": pa.array(datastreams, pa.int64()),
            "start": pa.array([T0 + hour * HOUR for hour in hours], schema.field("start").type),
            "key": pa.array(keys, pa.string()),
            "number": pa.array(numbers, pa.float64()),
        }
    )


rows = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.integers(0, 5),
        st.sampled_from(["", "b"]),
        st.integers(0, 99).map(float),
    ),
    max_size=6,
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), rows),
        st.tuples(st.just("move"), st.integers(1, 4)),
        st.tuples(
            st.just("remove"),
            st.tuples(st.integers(1, 3), st.integers(0, 5), st.sampled_from(["", "b"])),
        ),
        st.tuples(st.just("drop"), st.integers(1, 3)),
        st.tuples(st.just("die"), st.none()),
    ),
    max_size=12,
)

Model = dict[tuple[int, int, str], float]


def do(store: Observations, model: Model, what: str, given: object) -> None:
    if what == "append":
        store.append(table(given))
        model.update({(d, h, k): n for d, h, k, n in given})
    elif what == "move":
        move(store, piece=given)
    elif what == "remove":
        datastream, hour, key = given
        found = store.delete(keys=[Key(datastream, T0 + hour * HOUR, key)])
        assert found == (1 if model.pop(given, None) is not None else 0)
    elif what == "drop":
        gone = [one for one in model if one[0] == given]
        assert store.delete(datastreams=[given]) == len(gone)
        for one in gone:
            del model[one]
    elif what == "die":  # a mover that wrote its version and died before it counted
        with pytest.raises(KeyboardInterrupt), pytest.MonkeyPatch.context() as patch:
            patch.setattr(SeriesTable, "write", _dying)
            move(store, piece=1)
            raise KeyboardInterrupt


_EARLY = Call("lt", (Column("start"), Value(T0 + 100 * HOUR)))
_write = SeriesTable.write


def _dying(self: SeriesTable, *given: object) -> int:
    _write(self, *given)
    raise KeyboardInterrupt


def check(store: Observations, model: Model) -> None:
    """Every question has the model's answer."""
    found = store.select(Selection())
    plain = [
        (d, round((s - T0) / HOUR), k)
        for d, s, k in zip(
            *(found[n].to_pylist() for n in ("datastream", "start", "key")), strict=True
        )
    ]
    assert dict(zip(plain, found["number"].to_pylist(), strict=True)) == model
    assert len(plain) == len(model)
    assert store.count(Selection()) == len(model)
    for datastream in (1, 2, 3):
        mine = {one: n for one, n in model.items() if one[0] == datastream}
        assert store.counts([datastream]).get(datastream, 0) == len(mine)
        assert store.count(Selection(datastreams=[datastream])) == len(mine)
        check_pages(store, datastream, mine)
        latest = store.latest([datastream]).to_pylist()
        extent = store.extents([datastream]).to_pylist()
        if not mine:
            assert not latest
            assert not extent
            continue
        last = max(hour for _, hour, _ in mine)
        assert latest[0]["start"] == T0 + last * HOUR
        assert latest[0]["number"] == mine[datastream, last, latest[0]["key"]]
        assert extent[0]["start"] == T0 + min(hour for _, hour, _ in mine) * HOUR
    for several in (range(1, 3), range(2, 4), range(1, 4)):
        assert store.count(Selection(datastreams=several)) == sum(d in several for d, _, _ in model)
    asked = Selection(
        datastreams=[1, 2],
        start=T0 + HOUR,
        end=T0 + 5 * HOUR,
        where=Call("and", (Call("ge", (Column("number"), Value(50.0))), _EARLY)),
    )
    wanted = {
        one: n for one, n in model.items() if one[0] in {1, 2} and 1 <= one[1] < 5 and n >= 50
    }
    assert store.count(asked) == len(wanted)
    assert store.datastreams(asked).to_pylist() == sorted({one[0] for one in wanted})
    for every in (Unit.HOUR, Unit.DAY, Unit.MONTH):
        check_together(store, model, every)
    sums = store.aggregate(Selection(), Unit.DAY, ["count", "sum"]).to_pylist()
    assert sum(one["count"] for one in sums) == len(model)
    assert sum(one["sum"] for one in sums) == sum(model.values())


def check_pages(store: Observations, datastream: int, mine: Model) -> None:
    """The first of a datastream in the order of time are the model's, either way."""
    ordered = [number for _, number in sorted(mine.items())]
    for down, wanted in ((False, ordered), (True, ordered[::-1])):
        for size in (1, 3):
            page = Selection(datastreams=[datastream], order=(("start", down),), limit=size)
            assert store.select(page)["number"].to_pylist() == wanted[:size]


_FIGURES = ("count", "mean", "min", "max", "sum", "stddev")


def check_together(store: Observations, model: Model, every: Unit) -> None:
    """Figures of all datastreams are those of plain Python."""
    for asked in (
        Selection(),
        Selection(datastreams=range(2, 4), start=T0 + HOUR, end=T0 + 30 * HOUR),
        Selection(datastreams=[1, 3]),
    ):
        groups: dict[datetime, list[float]] = {}
        for (datastream, hour, _), number in model.items():
            start = T0 + hour * HOUR
            if asked.datastreams is not None and datastream not in asked.datastreams:
                continue
            if asked.start is not None and not asked.start <= start < (asked.end or start):
                continue
            span = start.replace(minute=0)
            if every is not Unit.HOUR:
                span = span.replace(hour=0)
            if every is Unit.MONTH:
                span = span.replace(day=1)
            groups.setdefault(span, []).append(number)
        found = store.aggregate(asked, every, _FIGURES, apart=False).to_pylist()
        assert [row["start"] for row in found] == sorted(groups)
        for row in found:
            mine = groups[row["start"]]
            assert row["count"] == len(mine)
            assert row["mean"] == pytest.approx(math.fsum(mine) / len(mine))
            assert (row["min"], row["max"]) == (min(mine), max(mine))
            assert row["sum"] == pytest.approx(math.fsum(mine))
            if len(mine) < 2:
                assert row["stddev"] is None
            else:
                wanted = statistics.stdev(mine)
                assert row["stddev"] == pytest.approx(wanted, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("every", [Unit.HOUR, Unit.WEEK, Unit.QUARTER])
@pytest.mark.parametrize("regular", [True, False])
def test_figures_of_all_datastreams_together_are_those_of_each_row(
    every: Unit, *, regular: bool
) -> None:
    """With texts among the results, at the same times or not, and of a datastream that is
    forgotten; as the engine answers the same of a condition that is always true."""
    random = np.random.default_rng(7)
    size, moment = 4_000, observation_schema().field("start").type
    minutes = np.arange(size) * 30 if regular else np.sort(random.integers(0, 90_000, size))
    start = np.tile(np.datetime64("2026-01-01T00:00", "us") + minutes.astype("m8[m]"), 6)
    number = random.integers(-1000, 1000, 6 * size) / 8
    text = random.random(6 * size) < 0.1
    rows = pa.table(
        {
            "datastream": np.repeat(np.arange(1, 7), size),
            "start": pa.array(start).cast(moment),
            "key": [str(place) for place in range(6 * size)],
            "number": pa.array(number, mask=text),
            "text": pa.array(np.full(6 * size, "?"), mask=~text),
        }
    )
    always = Call("ge", (Column("datastream"), Value(0)))
    with opened() as store:
        store.append(rows)
        while move(store, piece=500):
            pass
        while sort_a_month(store) is not None:
            pass
        store.delete(datastreams=[3])
        store.append(rows.slice(100, 50))  # comes again
        for asked in (Selection(), Selection(datastreams=[1, 6]), Selection(start=T0)):
            found = store.aggregate(asked, every, _FIGURES, apart=False)
            other = store.aggregate(replace(asked, where=always), every, _FIGURES, apart=False)
            assert found["start"].to_pylist() == other["start"].to_pylist()
            for name in _FIGURES:
                assert found[name].to_pylist() == pytest.approx(other[name].to_pylist())
        whole = store.aggregate(Selection(), every, ["count"], apart=False)
        assert sum(whole["count"].to_pylist()) == 5 * size


_ANEW_BESIDE_LATE: list[tuple[str, object]] = [
    ("append", [(1, 0, "", 1.0), (2, 0, "", 2.0), (2, 5, "", 3.0)]),
    ("move", 1),
    ("drop", 1),
    ("append", [(1, 0, "", 4.0), (2, 0, "", 5.0)]),
]
"""What comes of a datastream after it was forgotten, beside a late row of another."""


@settings(max_examples=25)
@example(_ANEW_BESIDE_LATE)
@given(steps)
def test_the_store_answers_as_a_dictionary(history: list[tuple[str, object]]) -> None:
    with opened() as store:
        model: Model = {}
        for what, given_ in history:
            do(store, model, what, given_)
            assert store.count(Selection()) == len(model)
        check(store, model)
        while move(store, piece=1):
            pass
        check(store, model)


@pytest.mark.postgresql
@pytest.mark.parametrize("any_store", ["postgresql"], indirect=True)
def test_the_store_on_postgresql(any_store: ControlStore) -> None:
    with opened(any_store.url) as store:
        model: Model = {}
        for what, given_ in (
            ("append", [(1, 0, "", 1.0), (1, 1, "", 2.0), (2, 0, "b", 3.0), (1, 1, "", 60.0)]),
            ("move", 1),
            ("append", [(1, 0, "", 70.0), (3, 5, "", 4.0)]),
            ("remove", (2, 0, "b")),
            ("die", None),
            ("move", 1),
            ("append", [(2, 4, "", 80.0)]),
            ("drop", 3),
            ("remove", (1, 1, "")),
        ):
            do(store, model, what, given_)
            check(store, model)
        asyncio.run(store.record(Observation(datastream=2, start=T0, text="wet")))
        assert store.select(Selection(datastreams=[2]))["text"].to_pylist() == ["wet", None]


def test_a_store_of_before_counts_what_is_gone_as_well(any_store: ControlStore) -> None:
    with opened(any_store.url) as store:
        store.append(table([(1, hour, "", 1.0) for hour in range(3)]))
        with store.recent.write() as transaction:
            transaction.run("DROP INDEX observation_recent_gone")
        folder = Path(store.table.url).parents[1]
        store.close()
        control = ControlStore(any_store.url)
        again = Observations(control, folder, str(folder / "tables"), threads=1)
        assert again.delete(keys=[Key(1, T0, "")]) == 1
        assert again.count(Selection()) == 2
        with again.recent.write() as transaction:
            transaction.run("DROP INDEX observation_recent_gone")
        again.close()
        control.close()


@pytest.mark.parametrize("many", [3, 40])
def test_counts_are_right_while_late_rows_come_go_and_are_moved(many: int) -> None:
    with opened() as store:
        model: Model = {}
        for what, given_ in (
            ("append", [(d, h, "", 1.0) for h in range(0, 8, 2) for d in range(many)]),
            ("move", many),
            ("append", [(d, d % 4, "", 2.0) for d in range(many)]),  # half of them come again
            ("append", [(d, 2, "", 3.0) for d in range(0, many, 3)]),
            ("remove", (1, 2, "")),
            ("remove", (2, 2, "")),
            ("append", [(2, 2, "", 4.0), (1, 1, "b", 4.0)]),
            ("drop", 0),
            ("append", [(0, 0, "", 5.0)]),
            ("move", many),
            ("append", [(1, 2, "", 6.0), (2, 1, "", 6.0)]),
            ("move", 1),
            ("append", [(1, 2, "", 7.0), *((d, d % 4, "", 7.0) for d in range(many))]),
        ):
            do(store, model, what, given_)
            assert store.count(Selection()) == len(model)
            assert store.counts(range(many)) == Counter(datastream for datastream, _, _ in model)
            late = Selection(start=T0 + HOUR)
            assert store.count(late) == sum(hour >= 1 for _, hour, _ in model)


@pytest.fixture(scope="module")
def filled() -> Iterator[Observations]:
    """Three datastreams of ten hours; the first six of each were moved, one of them came again."""
    with opened() as store:
        store.append(table([(d, h, "", float(h)) for h in range(6) for d in (1, 2, 3)]))
        store.append(table([(d, h, "", float(h)) for h in range(6, 10) for d in (1, 2, 3)]))
        assert move(store, piece=6) == 24
        store.append(table([(1, 2, "", 20.0)]))
        yield store


@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize("column", ["start", "number", "seq", "quality"])
def test_pages_are_the_whole_in_order(filled: Observations, column: str, *, down: bool) -> None:
    order = ((column, down),)
    whole = filled.select(Selection(datastreams=[1, 3], order=order, limit=100)).to_pylist()
    assert len(whole) == 20
    names = [column, *(n for n in ("start", "datastream", "key") if n != column)]
    pages, after = [], None
    while len(pages) < len(whole):
        page = filled.select(
            Selection(datastreams=[1, 3], order=order, limit=7, after=after)
        ).to_pylist()
        pages += page
        after = tuple(page[-1][name] for name in names)
    assert pages == whole
    first = filled.select(Selection(datastreams=[1, 3], order=order, each=2)).to_pylist()
    assert first == [
        one
        for place, one in enumerate(whole)
        if sum(other["datastream"] == one["datastream"] for other in whole[:place]) < 2
    ]
    skipped = filled.select(Selection(datastreams=[1, 3], order=order, skip=5, limit=4)).to_pylist()
    assert skipped == whole[5:9]


def test_who_follows_changes_misses_nothing_and_sees_no_number_twice(filled: Observations) -> None:
    seen, after = [], 0
    while True:
        found, after = filled.changes(after, 5)
        if not len(found):
            break
        seen += found.to_pylist()
    assert [one["seq"] for one in seen] == sorted({one["seq"] for one in seen})
    assert after == filled.newest() == 31
    told = {(one["datastream"], one["start"]): one["number"] for one in seen}
    assert len(told) == 30
    assert told[1, T0 + 2 * HOUR] == 20.0
    assert filled.changes(31, 5)[0].num_rows == 0


def test_a_month_in_many_files_is_written_anew_in_order() -> None:
    with opened() as store:
        model: Model = {}
        for hour in range(20):
            do(store, model, "append", [(d, hour, "", float(hour)) for d in (1, 2, 3)])
            do(store, model, "move", 1)
        assert sort_a_month(store) == 202602
        assert sort_a_month(store) is None
        check_all = store.select(Selection(order=(("start", False),), limit=100))
        assert check_all["number"].to_pylist() == sorted(model.values())
        assert store.count(Selection()) == 60


def test_a_month_that_rests_is_written_anew_even_in_few_files() -> None:
    with opened() as store:
        model: Model = {}
        for hour in range(2):
            do(store, model, "append", [(d, hour, "", float(hour)) for d in (1, 2, 3)])
            do(store, model, "move", 1)
        assert sort_a_month(store) is None
        assert sort_a_month(store, rest=timedelta(0)) == 202601
        assert sort_a_month(store, rest=timedelta(0)) is None
        assert store.count(Selection()) == 6


def test_single_observations_go_together_and_a_wrong_one_alone() -> None:
    async def take_in(store: Observations) -> list[object]:
        ones = [Observation(datastream=1, start=T0 + n * HOUR, number=n) for n in range(50)]
        return await asyncio.gather(*map(store.record, ones))

    with opened() as store:
        names = asyncio.run(take_in(store))
        assert names[7] == observation_id(1, T0 + 7 * HOUR)
        assert observation_key(names[7]) == Key(1, T0 + 7 * HOUR, "")
        assert store.count(Selection(datastreams=[1])) == 50
        with pytest.raises(Invalid, match="exactly one result"):
            asyncio.run(store.record(Observation(datastream=1, start=T0)))
        again = table([(1, 0, "", 5.0), (1, 99, "", 5.0)])
        assert store.append(again).replaced == 1


@pytest.mark.parametrize("name", ["", "7", "7~x~", "x~1~", f"{2**70}~1~", f"1~{10**30}~"])
def test_what_is_no_name_names_no_observation(name: str) -> None:
    with pytest.raises(NotFound):
        observation_key(name)


@pytest.mark.parametrize(
    ("rows", "field"),
    [
        (pa.table({"datastream": [1], "number": [1.0]}), "start"),
        (table([(1, 0, "", 1.0)]).append_column("colour", pa.array(["red"])), "colour"),
        (table([(1, 0, "", 1.0)]).append_column("text", pa.array(["red"])), "result"),
        (table([(1, 0, "", 1.0)]).drop_columns("number"), "result"),
        (table([(1, 0, "", 1.0)]).set_column(0, "datastream", pa.array(["a"])), "datastream"),
    ],
)
def test_rows_that_are_no_observations_are_refused_whole(rows: pa.Table, field: str) -> None:
    with opened() as store:
        with pytest.raises(Invalid) as refused:
            store.append(rows)
        assert refused.value.field == field
        assert store.count(Selection()) == 0
        assert store.newest() == 0
