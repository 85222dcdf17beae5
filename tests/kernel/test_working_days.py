"""Working days: weekends, holidays, worked weekends, and files that cannot be read."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quanyu.kernel import (
    Calendar,
    Invalid,
    add_working_days,
    read_calendar,
    working_days_between,
)

FRIDAY = datetime(2026, 9, 25, 3, tzinfo=UTC)  # eleven in the morning in Shanghai


def ends(year: int, month: int, day: int) -> datetime:
    """The midnight that ends that day in Shanghai."""
    return datetime(year, month, day, 16, tzinfo=UTC)


def test_a_weekend_does_not_count() -> None:
    assert add_working_days(FRIDAY, 0) == ends(2026, 9, 25)
    assert add_working_days(FRIDAY, 1) == ends(2026, 9, 28)


def test_the_day_is_the_one_of_the_city() -> None:
    evening = datetime(2026, 9, 25, 17, tzinfo=UTC)  # already Saturday in Shanghai
    assert add_working_days(evening, 1) == ends(2026, 9, 28)
    assert add_working_days(evening, 0) == ends(2026, 9, 26)


def test_holidays_and_worked_weekends(tmp_path: Path) -> None:
    file = tmp_path / "holidays"
    file.write_text("# national day\n2026-10-01 off\n2026-10-02\n\n2026-10-10 work  # Saturday\n")
    calendar = read_calendar(file, "Asia/Shanghai")
    assert add_working_days(datetime(2026, 9, 30, 1, tzinfo=UTC), 1, calendar) == ends(2026, 10, 5)
    assert add_working_days(datetime(2026, 10, 9, 1, tzinfo=UTC), 1, calendar) == ends(2026, 10, 10)
    assert add_working_days(
        datetime(2026, 9, 30, 1, tzinfo=UTC), 1, frozenset({date(2026, 10, 1)})
    ) == ends(2026, 10, 2)


@given(
    st.integers(0, 630_000_000).map(lambda s: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(0, s)),
    st.integers(0, 60),
    st.frozensets(st.dates(date(2020, 1, 1), date(2040, 1, 1)), max_size=30),
    st.frozensets(st.dates(date(2020, 1, 1), date(2040, 1, 1)), max_size=10),
)
def test_as_many_working_days_lie_between(
    start: datetime, days: int, off: frozenset[date], worked: frozenset[date]
) -> None:
    calendar = Calendar(off, worked)
    end = add_working_days(start, days, calendar)
    assert end > start
    assert working_days_between(start, end - timedelta(seconds=1), calendar) == days
    if days:
        assert calendar.works(calendar.day_of(end - timedelta(seconds=1)))


@pytest.mark.parametrize(
    ("text", "said"),
    [("2026-13-01 off", "line 1"), ("\n2026-10-01 maybe", "line 2"), ("2026-10-01 off now", "1")],
)
def test_a_line_that_cannot_be_read_is_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "holidays"
    file.write_text(text)
    with pytest.raises(Invalid, match=said):
        read_calendar(file, "Asia/Shanghai")


def test_what_is_no_file_or_zone(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="holidays_file"):
        read_calendar(tmp_path / "none", "Asia/Shanghai")
    with pytest.raises(Invalid, match="time_zone"):
        read_calendar(None, "Moon/Far")


def test_what_cannot_be_counted() -> None:
    with pytest.raises(ValueError, match="aware"):
        add_working_days(datetime(2026, 1, 1), 1)  # noqa: DTZ001 - that is the fault
    with pytest.raises(ValueError, match="aware"):
        add_working_days(FRIDAY, -1)
