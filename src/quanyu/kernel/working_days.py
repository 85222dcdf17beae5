"""Working days: deadlines are counted in them, weekends and holidays left out.

Where a public holiday is lengthened by weekends that are worked instead (调休), both are said in
a file with one date a line: ``2026-10-01 off`` or ``2026-10-10 work``; ``#`` begins a remark.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from quanyu.kernel.errors import Invalid

_DAY = timedelta(days=1)
_SATURDAY = 5
_LONGEST = 3_660
_WORDS = {"off": False, "work": True}


@dataclass(frozen=True, slots=True)
class Calendar:
    """What differs from Monday to Friday, and the time zone whose days are meant."""

    holidays: frozenset[date] = frozenset()
    make_up: frozenset[date] = frozenset()
    zone: str = "Asia/Shanghai"

    def works(self, day: date) -> bool:
        """Whether ``day`` is a working day."""
        if day in self.make_up:
            return True
        return day.weekday() < _SATURDAY and day not in self.holidays

    def day_of(self, moment: datetime) -> date:
        """The day on which an instant falls here."""
        return moment.astimezone(ZoneInfo(self.zone)).date()


def add_working_days(
    start: datetime, days: int, holidays: frozenset[date] | Calendar = frozenset()
) -> datetime:
    """The end of the ``days``-th working day after that of ``start``, which does not count.

    The answer is an instant in UTC: the midnight that ends that day in the calendar's zone. With no
    days it is the end of the day of ``start``. Raises ``ValueError`` for a negative number, a naive
    ``start``, or a calendar without a working day in ten years.
    """
    if days < 0 or start.tzinfo is None:
        raise ValueError("count a number of days from an aware instant")
    calendar = holidays if isinstance(holidays, Calendar) else Calendar(holidays)
    day, left = calendar.day_of(start), days
    last = day + timedelta(days=_LONGEST + days)
    while left:
        day += _DAY
        left -= calendar.works(day)
        if day > last:
            raise ValueError("this calendar has no working days")
    return datetime.combine(day + _DAY, time(), ZoneInfo(calendar.zone)).astimezone(UTC)


def working_days_between(start: datetime, end: datetime, calendar: Calendar) -> int:
    """Working days after that of ``start`` up to and with that of ``end``; 0 when it is earlier."""
    day, last = calendar.day_of(start), calendar.day_of(end)
    return sum(calendar.works(day + n * _DAY) for n in range(1, (last - day).days + 1))


def read_calendar(path: Path | None, zone: str) -> Calendar:
    """The calendar of a node; raises :class:`Invalid` that names the line that cannot be read."""
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise Invalid(
            "“{zone}” is no time zone",
            field="time_zone",
            mend="give a name such as Asia/Shanghai",
            zone=zone[:80],
        ) from error
    if path is None:
        return Calendar(zone=zone)
    said: dict[bool, set[date]] = {True: set(), False: set()}
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(
            "the file of holidays cannot be read: {reason}",
            field="holidays_file",
            mend="give the path of a text file in UTF-8",
            reason=type(error).__name__,
        ) from error
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].split()
        if words:
            said[_kind(words, number)].add(_date(words, number))
    return Calendar(frozenset(said[False]), frozenset(said[True]), zone)


def _kind(words: list[str], number: int) -> bool:
    if len(words) > 2 or (words[1:] and words[1] not in _WORDS):
        raise _unreadable(number)
    return _WORDS[words[1]] if len(words) == 2 else False


def _date(words: list[str], number: int) -> date:
    try:
        return date.fromisoformat(words[0])
    except ValueError as error:
        raise _unreadable(number) from error


def _unreadable(number: int) -> Invalid:
    return Invalid(
        "line {number} of the file of holidays cannot be read",
        field="holidays_file",
        mend="write each line as 2026-10-01 off, or 2026-10-10 work",
        number=number,
    )
