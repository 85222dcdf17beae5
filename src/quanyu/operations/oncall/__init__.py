"""On-call 值班: who is called when, by rotations, overrides and hand-overs."""

from quanyu.operations.oncall.absence import (
    KeptDayOff,
    days_off,
    take_back_days_off,
    take_days_off,
)
from quanyu.operations.oncall.kept import (
    HandOver,
    KeptCalendar,
    calendar,
    calendars,
    end_hand_over,
    hand_over,
    hand_overs,
    member_on_duty,
    put_calendar,
)
from quanyu.operations.oncall.model import (
    DayOff,
    OnCall,
    Override,
    Rotation,
    Shift,
    gaps,
    members_of,
    next_shift,
    on_duty,
    shifts,
)
from quanyu.operations.oncall.reading import parse_calendar

__all__ = [
    "DayOff",
    "HandOver",
    "KeptCalendar",
    "KeptDayOff",
    "OnCall",
    "Override",
    "Rotation",
    "Shift",
    "calendar",
    "calendars",
    "days_off",
    "end_hand_over",
    "gaps",
    "hand_over",
    "hand_overs",
    "member_on_duty",
    "members_of",
    "next_shift",
    "on_duty",
    "parse_calendar",
    "put_calendar",
    "shifts",
    "take_back_days_off",
    "take_days_off",
]
