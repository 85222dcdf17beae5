"""Figures by days and longer are of the days that a clock of the node's time zone shows, across
changes of the clock, borders of months and rows on all ways they are kept."""

import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from quanyu.kernel import ControlStore
from quanyu.spacetime import Unit
from quanyu.spacetime.series.spans import Spans
from quanyu.streams import Observations, Selection, move, observation_schema, sort_a_month
from quanyu.streams.expressions import Call, Column, Value

ZONES = ("Europe/Helsinki", "Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "UTC")
ALWAYS = Call("ge", (Column("datastream"), Value(0)))
STEP = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@contextmanager
def opened(zone: str) -> Iterator[Observations]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        control = ControlStore(f"sqlite:///{folder / 'control.sqlite'}")
        store = Observations(control, folder, str(folder / "tables"), threads=1, zone=zone)
        try:
            yield store
        finally:
            store.close()
            control.close()


def span_of(moment: datetime, every: Unit, zone: str) -> datetime:
    """Where the span of a moment begins, by the calendar of Python."""
    if every is Unit.HOUR:
        return moment.replace(minute=0, second=0, microsecond=0)
    day = moment.astimezone(ZoneInfo(zone)).date()
    match every:
        case Unit.WEEK:
            day -= timedelta(days=day.weekday())
        case Unit.MONTH:
            day = day.replace(day=1)
        case Unit.QUARTER:
            day = date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
        case Unit.YEAR:
            day = date(day.year, 1, 1)
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


DAYS = (Unit.DAY, Unit.WEEK, Unit.MONTH, Unit.QUARTER, Unit.YEAR)
MOMENTS = st.datetimes(datetime(1975, 1, 1), datetime(2060, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@given(MOMENTS, st.sampled_from(ZONES), st.sampled_from(DAYS))
@example(datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC), "Europe/Helsinki", Unit.DAY)
@example(datetime(2026, 3, 28, 22, tzinfo=UTC), "Europe/Helsinki", Unit.DAY)
@example(datetime(2026, 3, 29, 20, 59, tzinfo=UTC), "Europe/Helsinki", Unit.DAY)
@example(datetime(2026, 10, 25, 21, 30, tzinfo=UTC), "Europe/Helsinki", Unit.WEEK)
@example(datetime(2026, 10, 31, 21, 59, tzinfo=UTC), "Europe/Helsinki", Unit.MONTH)
@example(datetime(2026, 12, 31, 16, tzinfo=UTC), "Asia/Shanghai", Unit.YEAR)
@example(datetime(1986, 5, 3, 16, tzinfo=UTC), "Asia/Shanghai", Unit.DAY)  # it had summer time
def test_the_span_of_a_moment_is_that_of_the_calendar(
    moment: datetime, zone: str, every: Unit
) -> None:
    spans = Spans(every, zone)
    near = [moment + timedelta(hours=6 * n) for n in range(-60, 60)]  # with changes of the clock
    at = np.array([(one - EPOCH) // STEP for one in near])
    begins = spans.begins(spans.places(at))
    found = [EPOCH + timedelta(microseconds=one) for one in begins.tolist()]
    assert found == [span_of(one, every, zone) for one in near]


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
def test_a_day_on_which_the_clock_is_changed_has_its_own_hours(day: date, hours: int) -> None:
    begin = datetime.combine(day, time(), ZoneInfo("Europe/Helsinki")).astimezone(UTC)
    starts = [begin + timedelta(hours=n) for n in range(-24, 48)]
    with opened("Europe/Helsinki") as store:
        put(store, [(1, one, 1.0) for one in starts])
        for moved in (False, True):
            if moved:
                move(store, piece=10)
            rows = store.aggregate(Selection(), Unit.DAY, ["count"]).to_pylist()
            (row,) = [one for one in rows if one["start"] == begin]
            assert row["count"] == hours


def put(store: Observations, rows: list[tuple[int, datetime, float]]) -> None:
    schema = observation_schema()
    names = ("datastream", "start", "number")
    said = [dict(zip(names, row, strict=True)) for row in rows]
    store.append(pa.Table.from_pylist(said, pa.schema([schema.field(name) for name in names])))


@pytest.mark.parametrize("zone", ["Europe/Helsinki", "Asia/Shanghai"])
@pytest.mark.parametrize("regular", [True, False])
def test_figures_are_of_the_days_of_the_zone_wherever_rows_lie(zone: str, *, regular: bool) -> None:
    """In files of several months, sorted or not, beside newer rows and rows that came again."""
    chance = random.Random(11)
    begin = datetime(2026, 2, 20, tzinfo=UTC)
    count = 24 * 75  # over two borders of months, and Helsinki's change of the clock
    rows = {
        (one, begin + timedelta(minutes=60 * n if regular else chance.randrange(60 * count))): (
            chance.randrange(-400, 400) / 4
        )
        for one in (1, 2, 3)
        for n in range(count)
    }

    def told() -> list[tuple[int, datetime, float]]:
        return [(*key, number) for key, number in rows.items()]

    with opened(zone) as store:
        put(store, told())
        check(store, rows, zone)
        while move(store, piece=700):
            pass
        check(store, rows, zone)
        while sort_a_month(store) is not None:
            pass
        check(store, rows, zone)
        late = [key for key in rows if key[1].month == 3 and chance.random() < 0.1]
        rows.update((key, 1000.0 + place) for place, key in enumerate(late))  # they come again
        new = {(4, begin + timedelta(hours=n)): float(n) for n in range(0, 24 * 75, 5)}
        rows.update(new)
        put(store, [(*key, rows[key]) for key in [*late, *new]])
        check(store, rows, zone)


def check(store: Observations, rows: dict[tuple[int, datetime], float], zone: str) -> None:
    functions = ["count", "sum", "min", "max"]
    for every in (Unit.HOUR, Unit.DAY, Unit.WEEK, Unit.MONTH, Unit.QUARTER):
        each: dict[tuple[int, datetime], list[float]] = {}
        for (one, start), number in rows.items():
            each.setdefault((one, span_of(start, every, zone)), []).append(number)
        together: dict[datetime, list[float]] = {}
        for (_, start), numbers in each.items():
            together.setdefault(start, []).extend(numbers)
        for asked in (Selection(), replace(Selection(), where=ALWAYS)):
            found = store.aggregate(asked, every, functions).to_pylist()
            assert [(row["datastream"], row["start"]) for row in found] == sorted(each)
            for row in found:
                assert figures(row) == of(each[row["datastream"], row["start"]])
            found = store.aggregate(asked, every, functions, apart=False).to_pylist()
            assert [row["start"] for row in found] == sorted(together)
            for row in found:
                assert figures(row) == of(together[row["start"]])


def figures(row: dict[str, float]) -> tuple[float, ...]:
    return tuple(row[name] for name in ("count", "sum", "min", "max"))


def of(numbers: list[float]) -> tuple[float, ...]:
    return len(numbers), sum(numbers), min(numbers), max(numbers)
