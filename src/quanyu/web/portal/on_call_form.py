"""A calendar of who is on call as the fields of a form, both ways, and its week for drawing.

Fields are named as the places of a calendar are, so that a fault names its field.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from quanyu.kernel import Invalid
from quanyu.operations import OnCall, Shift, parse_calendar, shifts

Fields = Mapping[str, str]
ROTATIONS = 4
"""How many rotations the form has."""
_TURN = re.compile(r"rotations\[(\d)\]\.members\[(\d{1,3})\]")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A shift within one day: where it begins and how long it is, in percent of the day."""

    member: str | None
    start: datetime
    end: datetime
    left: float
    width: float


def document_of(said: Fields) -> dict[str, Any]:
    """The document of a calendar out of fields; a rotation without members is left out."""
    rotations = []
    for number in range(ROTATIONS):
        where = f"rotations[{number}]."
        turns = (said[f"{where}members[{turn}]"] for turn in _turns(said, number))
        members = [one for one in turns if one]
        if not members:
            continue
        one: dict[str, Any] = {"members": members}
        for name in ("first", "at", "until", "only"):
            if text := said.get(where + name, "").strip():
                one[name] = text
        if days := said.get(f"{where}days", "").strip():
            one["days"] = int(days) if days.isdigit() else days
        chosen = [day for day in range(7) if said.get(f"{where}weekdays[{day}]")]
        if 0 < len(chosen) < 7:
            one["weekdays"] = chosen
        rotations.append(one)
    return {"zone": said.get("zone", "").strip(), "rotations": rotations}


def turns_shown(said: Fields, adding: str = "") -> dict[int, list[int]]:
    """The turns that the form shows of each rotation: those it has, and an empty one where the last
    is taken or the rotation is the one to which one is ``adding``."""
    shown = {}
    for number in range(ROTATIONS):
        turns = _turns(said, number)
        last = turns[-1] if turns else -1
        if adding == str(number) or not turns or said[f"rotations[{number}].members[{last}]"]:
            turns.append(last + 1)
        shown[number] = turns
    return shown


def fields_of(document: Mapping[str, Any]) -> dict[str, str] | None:
    """The fields of a calendar; ``None`` for one that says more than the form can."""
    found = {"zone": str(document.get("zone", "Asia/Shanghai"))}
    for number, one in enumerate(document["rotations"]):
        where = f"rotations[{number}]."
        found |= {f"{where}members[{n}]": str(text) for n, text in enumerate(one["members"])}
        for name in ("first", "at", "days", "until", "only"):
            if one.get(name) is not None:
                found[where + name] = str(one[name])
        found |= {f"{where}weekdays[{day}]": "1" for day in one.get("weekdays", ())}
    with suppress(Invalid):
        if parse_calendar(document_of(found)) == parse_calendar(document):
            return found
    return None


def input_of(field: str | None, said: Fields) -> str:
    """The field of the form at which a fault of a calendar is to be mended; empty for none.

    Rotations without members are no part of the document: places are counted past them.
    """
    if not field or not field.startswith("rotations["):
        return field or ""
    filled = [
        number
        for number in range(ROTATIONS)
        if any(said[f"rotations[{number}].members[{turn}]"] for turn in _turns(said, number))
    ]
    place, _, rest = field.removeprefix("rotations[").partition("]")
    number = filled[int(place)] if place.isdigit() and int(place) < len(filled) else 0
    name = rest.removeprefix(".")
    end = {"members": "members[0]", "weekdays": "weekdays[0]"}.get(name, name)
    return f"rotations[{number}].{end}"


def monday_of(text: str, zone: str) -> date:
    """The Monday of the week of a day, today where none is given; raises :class:`Invalid`."""
    try:
        day = date.fromisoformat(text) if text else datetime.now(ZoneInfo(zone)).date()
        return day - timedelta(days=day.weekday())
    except (ValueError, OverflowError) as error:
        raise Invalid("a day is needed here", field="week", mend="such as 2026-11-02") from error


def week_of(calendar: OnCall, monday: date) -> list[tuple[date, list[Stretch]]]:
    """Who is called on each day of a week, as clocks of the calendar's zone count days."""
    zone = ZoneInfo(calendar.zone)
    edges = [_midnight(monday + timedelta(days=n), zone) for n in range(8)]
    plan = shifts(calendar, edges[0], edges[-1])
    return [(monday + timedelta(days=n), _within(plan, edges[n], edges[n + 1])) for n in range(7)]


def _turns(said: Fields, rotation: int) -> list[int]:
    found = map(_TURN.fullmatch, said)
    return sorted(int(one[2]) for one in found if one is not None and int(one[1]) == rotation)


def _within(plan: Sequence[Shift], begin: datetime, end: datetime) -> list[Stretch]:
    whole = (end - begin) / timedelta(hours=1)
    found = []
    for one in plan:
        start, finish = max(one.start, begin), min(one.end, end)
        if start < finish:
            left = (start - begin) / timedelta(hours=1) / whole * 100
            width = (finish - start) / timedelta(hours=1) / whole * 100
            found.append(Stretch(one.member, start, finish, round(left, 3), round(width, 3)))
    return found


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
