"""On-call 值班: who is called when, by rotations, overrides and hand-overs."""

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
    OnCall,
    Override,
    Rotation,
    Shift,
    members_of,
    on_duty,
    shifts,
)
from quanyu.operations.oncall.reading import parse_calendar

__all__ = [
    "HandOver",
    "KeptCalendar",
    "OnCall",
    "Override",
    "Rotation",
    "Shift",
    "calendar",
    "calendars",
    "end_hand_over",
    "hand_over",
    "hand_overs",
    "member_on_duty",
    "members_of",
    "on_duty",
    "parse_calendar",
    "put_calendar",
    "shifts",
]
