"""Capacity that the demo's department offers, and what the other example parties ask for of it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from quanyu.catalogue import resource
from quanyu.cli.data import Desk
from quanyu.cli.demo_facilities import FACILITIES
from quanyu.kernel import LocalText, now, read_calendar
from quanyu.operations import (
    AllocationMove,
    CapacityDraft,
    capacities,
    move_allocation,
    offer_capacity,
    request_allocation,
)
from quanyu.parties import Caller

_HALL = CapacityDraft(
    name=LocalText(zh="示例：美术馆报告厅", en="Example: lecture hall of the museum"),
    unit=LocalText(zh="间", en="hall"),
    hours=dict.fromkeys("123456", "09:00-18:00"),
)
_LIFT = CapacityDraft(
    name=LocalText(zh="示例：高空作业平台", en="Example: lifting platforms"),
    unit=LocalText(zh="台", en="platforms"),
    hours=dict.fromkeys("12345", "08:00-12:00,13:00-17:00"),
    amount=2,
    automatic=True,
    quota=80,
)


def offer_and_ask(desk: Desk, people: Mapping[str, Caller]) -> None:
    """A hall that is granted by its keeper, with somebody waiting for it, and lifting platforms
    that are granted at once."""
    keeper = people["department"]
    calendar = read_calendar(desk.settings.holidays_file, desk.settings.time_zone)
    day = _next_weekday(desk.settings.time_zone)
    with desk.control.begin() as session:
        if capacities(session, keeper):
            return
        hall = offer_capacity(session, resource(session, "ateneum").id, keeper, _HALL)
        lift = offer_capacity(session, resource(session, FACILITIES.dataset).id, keeper, _LIFT)
        since, until = day.replace(hour=14), day.replace(hour=17)
        for login, purpose, waits in (
            ("university", "示例：公开课 · Example: a public lecture", False),
            ("enterprise", "示例：产品发布 · Example: a launch", True),
        ):
            asked = request_allocation(
                session, hall.id, people[login], since=since, until=until, purpose=purpose,
                wait=waits, calendar=calendar,
            )  # fmt: skip
            if not waits:
                move_allocation(
                    session, asked.id, keeper, AllocationMove.APPROVE, calendar=calendar
                )
        request_allocation(
            session, lift.id, people["department-2"], since=day.replace(hour=8),
            until=day.replace(hour=12), calendar=calendar,
            purpose="示例：路灯检修 · Example: mending street lamps",
        )  # fmt: skip


def _next_weekday(zone: str) -> datetime:
    """The beginning of the next day from Monday to Friday, tomorrow at the earliest."""
    day = now().astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    day += timedelta(days=1)
    while day.isoweekday() > 5:
        day += timedelta(days=1)
    return day
