"""The slots of a capacity: from its hours, day by day, in the node's time zone."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from quanyu.kernel import Calendar, Invalid
from quanyu.operations.allocation.model import CapacityDraft

_SPAN = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)")
_DAY = 24 * 60
MOST_DAYS = 400


def check_hours(hours: Mapping[str, str], slot_minutes: int) -> dict[str, str]:
    """The hours without blanks; raises :class:`Invalid` for what cannot be read, spans that meet,
    or none at all that holds a slot."""
    found = {}
    for day, text in hours.items():
        if day not in {"1", "2", "3", "4", "5", "6", "7"}:
            raise Invalid(
                "weekdays are numbered 1 (Monday) to 7 (Sunday)", field="hours", mend="such as 1"
            )
        if text.strip():
            spans = _spans(text)
            found[day] = ",".join(part.strip() for part in text.split(","))
            if any(end - begin < slot_minutes for begin, end in spans):
                raise Invalid(
                    "these hours hold no slot of {minutes} minutes",
                    field="hours",
                    mend="make the slots shorter",
                    minutes=slot_minutes,
                )
    if not found:
        raise Invalid("it is never open", field="hours", mend="give hours such as 09:00-12:00")
    return found


def slots_between(
    draft: CapacityDraft, calendar: Calendar, since: datetime, until: datetime
) -> list[tuple[datetime, datetime]]:
    """Slots that begin at or after ``since`` and end at or before ``until``, in UTC.

    Raises :class:`Invalid` for more than :data:`MOST_DAYS` days.
    """
    if (until - since).days > MOST_DAYS:
        raise Invalid("this is too long a time", field="until", mend="ask for fewer days")
    found = []
    day, last = calendar.day_of(since), calendar.day_of(until)
    while day <= last:
        if _is_open(draft, calendar, day):
            found += [
                (start, end)
                for start, end in _slots_of(draft, calendar.zone, day)
                if start >= since and end <= until
            ]
        day += timedelta(days=1)
    return found


def month_of(start: datetime, calendar: Calendar) -> str:
    """The month whose quota a slot is of."""
    return f"{calendar.day_of(start):%Y-%m}"


def zoned_instant(text: object, field: str, zone: str) -> datetime:
    """An instant; without an offset in the node's time zone. Raises :class:`Invalid`."""
    try:
        found = datetime.fromisoformat(str(text or ""))
    except ValueError as error:
        raise Invalid(
            "this is no time", field=field, mend="write it like 2026-11-03T08:30:00+08:00"
        ) from error
    return found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone))


def _is_open(draft: CapacityDraft, calendar: Calendar, day: date) -> bool:
    if day in draft.closed or str(day.isoweekday()) not in draft.hours:
        return False
    return calendar.works(day) if draft.working_days else True


def _slots_of(draft: CapacityDraft, zone: str, day: date) -> list[tuple[datetime, datetime]]:
    found = []
    step = draft.slot_minutes
    for begin, end in _spans(draft.hours[str(day.isoweekday())]):
        for minute in range(begin, end - step + 1, step):
            start = _instant(day, minute, zone)
            # In a night when clocks change, a slot may be gone or come twice: its length stands.
            found.append((start, start + timedelta(minutes=step)))
    return sorted(set(found))


def _instant(day: date, minute: int, zone: str) -> datetime:
    midnight = datetime.combine(day, time(), ZoneInfo(zone))
    return (midnight + timedelta(minutes=minute)).astimezone(UTC)


def _spans(text: str) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for part in text.split(","):
        said = _SPAN.fullmatch(part.strip())
        numbers = [int(one) for one in said.groups()] if said else [0, 0, 0, 0]
        begin, end = numbers[0] * 60 + numbers[1], numbers[2] * 60 + numbers[3]
        right = numbers[1] < 60 and numbers[3] < 60 and begin < end <= _DAY
        if not right or (found and found[-1][1] > begin):
            raise Invalid(
                "these are no hours", field="hours", mend="write them like 09:00-12:00,14:00-18:00"
            )
        found.append((begin, end))
    return found
