"""On-call calendars: who is called at a moment, by rotations and by what was changed by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from quanyu.kernel import Calendar

WORKING, REST = "working", "rest"


@dataclass(frozen=True, slots=True)
class Rotation:
    """Members who take turns.

    members   ids, in order of their turns.
    first     day on which the first one's first turn begins.
    at        time of hand-over, as clocks of the calendar's zone show it.
    days      length of a turn: 1 for daily, 7 for weekly.
    weekdays  days on which the rotation is at work (Monday is 0), by the day on which a stretch
              begins; all when empty.
    only      ``working`` for working days alone (make-up days 调休 are some), ``rest`` for all
              others alone; any day when empty.
    until     time of day at which each stretch ends; the whole day when ``None``. At or before
              ``at`` it is on the next day.
    """

    members: tuple[str, ...]
    first: date
    at: time = time(9)
    days: int = 1
    weekdays: frozenset[int] = frozenset()
    until: time | None = None
    only: str = ""


@dataclass(frozen=True, slots=True)
class Override:
    """Somebody takes over from a moment until another; the last that was made goes before."""

    member: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class DayOff:
    """A member is not called in turns that begin on those days, the last among them; who stands in
    is called instead. Without one the next rotation counts, as if this one were not at work."""

    member: str
    first: date
    last: date
    substitute: str | None = None


@dataclass(frozen=True, slots=True)
class OnCall:
    """A calendar: rotations, the first that is at work counts, and overrides over them. ``working``
    says which days are working days."""

    zone: str
    rotations: tuple[Rotation, ...]
    overrides: tuple[Override, ...] = ()
    days_off: tuple[DayOff, ...] = ()
    working: Calendar = field(default_factory=Calendar)


@dataclass(frozen=True, slots=True)
class Shift:
    """A stretch in which one member is called; nobody where ``member`` is ``None``."""

    member: str | None
    start: datetime
    end: datetime


def on_duty(calendar: OnCall, moment: datetime) -> str | None:
    """Who is called at an instant; ``None`` where nobody is.

    Turns are counted in days of the zone, so that a hand-over at nine stays at nine when clocks
    are changed.
    """
    for one in reversed(calendar.overrides):
        if one.start <= moment < one.end:
            return one.member
    zone = ZoneInfo(calendar.zone)
    for rotation in calendar.rotations:
        member = _turn(calendar, rotation, moment, zone)
        if member is not None:
            return member
    return None


def shifts(calendar: OnCall, start: datetime, end: datetime) -> list[Shift]:
    """Who is called from ``start`` until ``end``, in stretches that follow one another."""
    edges = {start, end}
    for one in calendar.overrides:
        edges |= {one.start, one.end}
    zone = ZoneInfo(calendar.zone)
    day = start.astimezone(zone).date() - timedelta(days=1)
    while day <= end.astimezone(zone).date() + timedelta(days=1):
        for rotation in calendar.rotations:
            edges.add(_instant(day, rotation.at, zone))
            if rotation.until is not None:
                edges.add(_instant(day, rotation.until, zone))
        day += timedelta(days=1)
    moments = sorted(edge for edge in edges if start <= edge <= end)
    found: list[Shift] = []
    for begin, finish in pairwise(moments):
        member = on_duty(calendar, begin)
        if found and found[-1].member == member:
            found[-1] = Shift(member, found[-1].start, finish)
        else:
            found.append(Shift(member, begin, finish))
    return found


def gaps(plan: Sequence[Shift]) -> list[Shift]:
    """Stretches in which nobody is called."""
    return [one for one in plan if one.member is None]


def next_shift(plan: Sequence[Shift]) -> Shift | None:
    """What follows the first stretch of a plan: who is called next, or that nobody is."""
    return plan[1] if len(plan) > 1 else None


def _turn(calendar: OnCall, rotation: Rotation, moment: datetime, zone: ZoneInfo) -> str | None:
    day = _day(rotation.at, moment, zone)
    passed = (day - rotation.first).days
    if passed < 0 or not rotation.members:
        return None
    if rotation.weekdays and day.weekday() not in rotation.weekdays:
        return None
    if rotation.only and (rotation.only == WORKING) != calendar.working.works(day):
        return None
    if rotation.until is not None:
        over = day if rotation.until > rotation.at else day + timedelta(days=1)
        if moment >= _instant(over, rotation.until, zone):
            return None
    member = rotation.members[passed // rotation.days % len(rotation.members)]
    return _standing(calendar.days_off, member, day)


def _standing(days_off: Sequence[DayOff], member: str, day: date) -> str | None:
    """Who is called for a member on a day; ``None`` where who would stand in is off as well."""
    asked: set[str] = set()
    called: str | None = member
    while called is not None and called not in asked:
        asked.add(called)
        off = next(
            (
                one
                for one in reversed(days_off)
                if one.member == called and one.first <= day <= one.last
            ),
            None,
        )
        if off is None:
            return called
        called = off.substitute
    return None


def _day(at: time, moment: datetime, zone: ZoneInfo) -> date:
    """The day whose hand-over was the last before an instant."""
    day = moment.astimezone(zone).date()
    return day if moment >= _instant(day, at, zone) else day - timedelta(days=1)


def _instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """When clocks show that; an hour that is left out is the one after it (PEP 495)."""
    return datetime.combine(day, at, zone).astimezone(UTC)


def members_of(rotations: Sequence[Rotation]) -> frozenset[str]:
    """Everybody who takes a turn."""
    return frozenset(member for one in rotations for member in one.members)
