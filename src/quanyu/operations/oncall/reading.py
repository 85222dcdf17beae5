"""Calendars as people write them, checked."""

import re
from collections.abc import Mapping
from datetime import date, time
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from quanyu.kernel import Invalid
from quanyu.operations.oncall.model import REST, WORKING, OnCall, Rotation

MOST_ROTATIONS, MOST_MEMBERS, LONGEST_TURN = 10, 100, 366
_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")
_MEMBERS = frozenset({"members", "first", "at", "days", "weekdays", "only", "until"})


def checked_name(name: str) -> str:
    """The name of a calendar; raises :class:`Invalid`."""
    if not _NAME.fullmatch(name):
        raise Invalid(
            "a name has small letters, digits and hyphens and begins with a letter",
            field="name",
            mend="such as duty",
        )
    return name


def parse_calendar(said: Mapping[str, Any]) -> OnCall:
    """A calendar from its document; raises :class:`Invalid` at the first fault."""
    unknown = said.keys() - {"zone", "rotations"}
    if unknown:
        raise Invalid(
            "there is no such member",
            field=min(unknown)[:80],
            mend="use these: {names}",
            names="rotations, zone",
        )
    zone = said.get("zone", "Asia/Shanghai")
    try:
        ZoneInfo(str(zone))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Invalid(
            "there is no time zone {zone}",
            field="zone",
            mend="use an IANA name, such as Asia/Shanghai",
            zone=str(zone)[:80],
        ) from error
    rotations = said.get("rotations")
    if not isinstance(rotations, list) or not 0 < len(rotations) <= MOST_ROTATIONS:
        raise Invalid(
            "a calendar has 1 to {most} rotations", field="rotations", most=MOST_ROTATIONS
        )
    return OnCall(
        str(zone),
        tuple(_rotation(one, f"rotations[{place}]") for place, one in enumerate(rotations)),
    )


def _rotation(said: Any, where: str) -> Rotation:
    if not isinstance(said, Mapping) or not said.keys() <= _MEMBERS:
        raise Invalid(
            "a rotation has the members {names}", field=where, names=", ".join(sorted(_MEMBERS))
        )
    members = said.get("members")
    if (
        not isinstance(members, list)
        or not 0 < len(members) <= MOST_MEMBERS
        or not all(isinstance(one, str) for one in members)
    ):
        raise Invalid("a list of members is needed here", field=f"{where}.members")
    days = said.get("days", 1)
    if type(days) is not int or not 0 < days <= LONGEST_TURN:
        raise Invalid("a turn has 1 to {most} days", field=f"{where}.days", most=LONGEST_TURN)
    weekdays = said.get("weekdays", [])
    if not isinstance(weekdays, list) or not all(
        type(one) is int and 0 <= one <= 6 for one in weekdays
    ):
        raise Invalid(
            "weekdays are numbers from 0, Monday, to 6, Sunday", field=f"{where}.weekdays"
        )
    only = said.get("only", "")
    if only not in ("", WORKING, REST):
        raise Invalid(
            "a rotation is at work on working days, on days of rest, or on any",
            field=f"{where}.only",
            mend="give working, rest or nothing",
        )
    until = said.get("until")
    return Rotation(
        tuple(members),
        _day(said.get("first"), f"{where}.first"),
        _time(said.get("at", "09:00"), f"{where}.at"),
        days,
        frozenset(weekdays),
        None if until is None else _time(until, f"{where}.until"),
        only,
    )


def _day(said: Any, where: str) -> date:
    try:
        return date.fromisoformat(str(said))
    except ValueError as error:
        raise Invalid("a day is needed here", field=where, mend="such as 2026-11-02") from error


def _time(said: Any, where: str) -> time:
    try:
        found = time.fromisoformat(str(said))
    except ValueError as error:
        raise Invalid("a time of day is needed here", field=where, mend="such as 09:00") from error
    return found.replace(tzinfo=None)
