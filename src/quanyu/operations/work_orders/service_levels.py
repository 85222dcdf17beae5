"""Categories of work and how soon it is to be done: a table by setting, deadlines counted from it.

The shipped table's times are this program's own, no standard's: a city puts its own in their place.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from quanyu.kernel import (
    Calendar,
    Invalid,
    LocalText,
    PartyId,
    Settings,
    add_working_days,
    read_calendar,
)
from quanyu.operations.work_orders.model import Priority

SHIPPED = Path(__file__).with_name("categories.toml")
_ID = re.compile(r"[a-z][a-z0-9-]{0,38}")
_WITHIN = re.compile(r"(\d{1,4}) (hours?|working hours?|working days?)")
_SPAN = re.compile(r"(\d\d:\d\d)-(\d\d:\d\d)")
_LONGEST = 3_660
Spans = tuple[tuple[time, time], ...]


@dataclass(frozen=True, slots=True)
class Within:
    """So many ``hours`` round the clock, ``working hours`` or ``working days``."""

    amount: int
    unit: str


@dataclass(frozen=True, slots=True)
class Category:
    """A kind of work; ``within`` is how soon it is to be done, by priority; ``party`` who does it
    where nothing else says so."""

    id: str
    name: LocalText
    within: Mapping[Priority, Within]
    party: PartyId | None = None


@dataclass(frozen=True, slots=True)
class ServiceLevels:
    """What deadlines are counted from."""

    categories: Mapping[str, Category]
    calendar: Calendar
    spans: Spans


def read_service_levels(settings: Settings) -> ServiceLevels:
    """The node's; raises :class:`Invalid` that names the file or setting that cannot be read."""
    found = _read(SHIPPED)
    if settings.work_categories_file is not None:
        found |= _read(settings.work_categories_file)
    calendar = read_calendar(settings.holidays_file, settings.time_zone)
    return ServiceLevels(found, calendar, _spans(settings.working_hours))


def use_service_levels(settings: Settings) -> None:
    """Read the node's table once for the process."""
    global _known  # noqa: PLW0603 - one table for the process, as of other code tables
    _known = read_service_levels(settings)


def service_levels() -> ServiceLevels:
    """The table in use."""
    return _known


def category_of(name: str) -> Category:
    """A category by its id; raises :class:`Invalid` on ``category``."""
    found = _known.categories.get(name)
    if found is None:
        raise Invalid(
            "there is no category “{name}” of work",
            field="category",
            mend="choose one of: {choices}",
            name=name[:40],
            choices=", ".join(_known.categories),
        )
    return found


def deadline(category: str, priority: Priority, start: datetime) -> datetime:
    """When what is asked for at ``start`` is to be done, in UTC."""
    within = category_of(category).within[priority]
    if within.unit == "hours":
        return start.astimezone(UTC) + timedelta(hours=within.amount)
    if within.unit == "working days":
        return add_working_days(start, within.amount, _known.calendar)
    return add_working_hours(start, within.amount, _known.calendar, _known.spans)


def add_working_hours(start: datetime, hours: int, calendar: Calendar, spans: Spans) -> datetime:
    """The instant, in UTC, at which so many hours of ``spans`` of working days have passed.

    Raises ``ValueError`` for a calendar without a working day in ten years.
    """
    zone, left = ZoneInfo(calendar.zone), timedelta(hours=hours)
    first = calendar.day_of(start)
    for number in range(_LONGEST):
        day = first + timedelta(days=number)
        if not calendar.works(day):
            continue
        for opens, closes in spans:
            # Compared in UTC, so that a change of the clock within a day is counted as it is.
            since = max(datetime.combine(day, opens, zone).astimezone(UTC), start.astimezone(UTC))
            until = datetime.combine(day, closes, zone).astimezone(UTC)
            if until <= since:
                continue
            if until - since >= left:
                return since + left
            left -= until - since
    raise ValueError("this calendar has no working days")


def _spans(text: str) -> Spans:
    spans = []
    for part in text.split(","):
        found = _SPAN.fullmatch(part.strip())
        try:
            opens, closes = (time.fromisoformat(one) for one in found.groups()) if found else ()
        except ValueError:
            raise _bad_hours() from None
        if opens >= closes or (spans and spans[-1][1] > opens):
            raise _bad_hours()
        spans.append((opens, closes))
    return tuple(spans)


def _bad_hours() -> Invalid:
    return Invalid(
        "these are no working hours",
        field="working_hours",
        mend="write them like 09:00-12:00,14:00-18:00",
    )


def _read(path: Path) -> dict[str, Category]:
    try:
        said = tomllib.loads(path.read_text("utf-8"))
        return {one["id"]: _category(one) for one in said["category"]}
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Invalid(
            "the file of categories of work cannot be read: {reason}",
            field="work_categories_file",
            mend="give each [[category]] an id, zh, en, and within.urgent, high, normal, low",
            reason=str(error)[:200],
        ) from error


def _category(said: Mapping[str, object]) -> Category:
    name = str(said["id"])
    within = said["within"]
    if not _ID.fullmatch(name) or not isinstance(within, dict):
        raise ValueError(f"“{name[:40]}” is no id of a category, or says no times")
    party = said.get("party")
    return Category(
        name,
        LocalText(zh=str(said["zh"]), en=str(said["en"])),
        {one: _within(str(within[one.value])) for one in Priority},
        PartyId(str(party)) if party else None,
    )


def _within(text: str) -> Within:
    found = _WITHIN.fullmatch(text)
    if found is None:
        raise ValueError(f"“{text[:40]}” is no time such as “3 working days”")
    unit = found[2] if found[2].endswith("s") else found[2] + "s"
    return Within(int(found[1]), unit)


_known = ServiceLevels(_read(SHIPPED), Calendar(), _spans("09:00-12:00,14:00-18:00"))
