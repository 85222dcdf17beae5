"""Who is called on days off: substitutes, exchanged days, working days, gaps; who may say so."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from people import City, _member

from quanyu.kernel import Calendar, Invalid, MemberId, NotFound, Owed, Refused, now
from quanyu.operations import (
    DayOff,
    OnCall,
    Rotation,
    days_off,
    gaps,
    member_on_duty,
    next_shift,
    on_duty,
    put_calendar,
    shifts,
    take_back_days_off,
    take_days_off,
)
from quanyu.parties import Role, notices_of

ZONE = ZoneInfo("Asia/Shanghai")
FIRST = date(2026, 9, 28)
NINE = time(9)


def here(day: int, hour: int, month: int = 10) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=ZONE).astimezone(UTC)


def plan(*rotations: Rotation, off: tuple[DayOff, ...] = ()) -> OnCall:
    """With the week off of October 2026, the Saturday after which is worked."""
    holidays = frozenset(date(2026, 10, day) for day in range(1, 8))
    working = Calendar(holidays, frozenset({date(2026, 10, 10)}))
    return OnCall("Asia/Shanghai", rotations, days_off=off, working=working)


def test_turns_that_begin_on_a_day_off_go_to_who_stands_in() -> None:
    daily = Rotation(("a", "b"), FIRST, NINE)
    off = DayOff("a", date(2026, 10, 2), date(2026, 10, 4), "c")
    found = plan(daily, off=(off,))
    # a has the days 28, 30, 2, 4, 6; that of the 2nd lasts until nine on the 3rd.
    asked = {(2, 8): "b", (2, 9): "c", (3, 8): "c", (3, 9): "b", (4, 10): "c", (6, 10): "a"}
    assert {when: on_duty(found, here(*when)) for when in asked} == asked
    told = shifts(found, here(1, 12), here(4, 12))
    assert [one.member for one in told] == ["b", "c", "b", "c"]
    later = next_shift(told)
    assert later is not None
    assert (later.member, later.start) == ("c", here(2, 9))
    assert gaps(told) == []


def test_without_anybody_the_next_rotation_counts_and_else_there_is_a_gap() -> None:
    alone = Rotation(("a",), FIRST, NINE)
    whole = DayOff("a", date(2026, 10, 2), date(2026, 10, 3))
    open_plan = plan(alone, off=(whole,))
    (hole,) = gaps(shifts(open_plan, here(1, 12), here(9, 12)))
    assert (hole.start, hole.end) == (here(2, 9), here(4, 9))
    second = Rotation(("z",), FIRST, NINE)
    covered = plan(alone, second, off=(whole,))
    assert on_duty(covered, here(2, 12)) == "z"
    # Who stands in is off as well; then who stands in for them; a circle ends with nobody.
    chain = (whole, DayOff("a", FIRST, date(2026, 10, 9), "b"))
    assert on_duty(plan(alone, off=chain), here(2, 12)) == "b"
    circle = (chain[1], DayOff("b", date(2026, 10, 2), date(2026, 10, 2), "a"))
    assert on_duty(plan(alone, off=circle), here(2, 12)) is None
    assert on_duty(plan(alone, off=circle), here(3, 12)) == "b"


def test_rotations_on_working_days_know_holidays_and_made_up_days() -> None:
    week = Rotation(("w",), FIRST, NINE, only="working")
    rest = Rotation(("r",), FIRST, NINE, only="rest")
    found = plan(week, rest)
    days = {30: "w", 1: "r", 7: "r", 8: "w", 10: "w", 11: "r"}
    for day, member in days.items():
        assert on_duty(found, here(day, 12, 9 if day == 30 else 10)) == member
    assert on_duty(plan(week), here(11, 12)) is None


def today(zone: str = "Asia/Shanghai") -> date:
    return now().astimezone(ZoneInfo(zone)).date()


def test_who_takes_turns_is_off_and_exchanges_days(any_city: City) -> None:
    city, lights = any_city, any_city.lights
    assert lights.party is not None
    assert lights.member is not None
    fitter = city.fitter.member
    assert fitter is not None
    turns = {"rotations": [{"members": [fitter], "first": "2026-01-01", "at": "00:00"}]}
    day, later = today(), today() + timedelta(days=9)
    noon = datetime.combine(later, time(12), ZONE)
    with city.store.begin() as session:
        put_calendar(session, lights, "duty", turns)
        for who in (city.citizen, city.roads, city.stranger):
            with pytest.raises((Refused, NotFound)):
                take_days_off(session, who, "duty", fitter, first=day, last=day)
        plain = _member(session, lights.party, "plain", [Role.CONSUMER])
        with pytest.raises(Refused):  # only for themselves
            take_days_off(session, plain, "duty", fitter, first=day, last=day)
        kept = take_days_off(session, city.fitter, "duty", fitter, first=day, last=day)
        assert member_on_duty(session, lights.party, "duty", now()) is None
        assert len(gaps(shifts(kept.calendar, now(), now() + timedelta(days=3)))) == 1
        # Who keeps the calendar finds somebody, who is told and gets another day for it.
        take_days_off(
            session,
            lights,
            "duty",
            fitter,
            first=day,
            last=day,
            substitute=lights.member,
            in_exchange=later,
        )
        assert member_on_duty(session, lights.party, "duty", now()) == lights.member
        assert member_on_duty(session, lights.party, "duty", noon) == fitter
        said = [(one.member, one.substitute) for one in days_off(session, lights.party)]
        assert said == [(fitter, None), (fitter, lights.member), (lights.member, fitter)]
        (notice,) = notices_of(session, lights, topic="alert").notices
        assert notice.text("en", "UTC").startswith("You stand in for")
    with city.store.begin() as session:
        mine = [one for one in days_off(session, lights.party) if one.member == fitter]
        for who in (city.roads, city.stranger):
            with pytest.raises(NotFound):
                take_back_days_off(session, who, mine[0].id)
        for one in mine:
            take_back_days_off(session, city.fitter, one.id)
        assert member_on_duty(session, lights.party, "duty", now()) == fitter
        (theirs,) = days_off(session, lights.party)
        with pytest.raises(Refused):
            take_back_days_off(session, plain, theirs.id)
        kinds = [row.kind for row in session.query(Owed).filter(Owed.kind.like("on-call.day%"))]
    assert sorted(kinds) == ["on-call.day-off"] * 3 + ["on-call.day-off-ended"] * 2


def test_days_off_with_a_fault(city: City) -> None:
    lights = city.lights
    assert lights.member is not None
    fitter, day = city.fitter.member, today()
    assert fitter is not None
    turns = {"rotations": [{"members": [fitter], "first": "2026-01-01"}]}
    faults = {
        "member": {"member": lights.member},
        "last": {"last": day - timedelta(days=1)},
        "substitute": {"substitute": fitter},
        "in_exchange": {"in_exchange": day},
    }
    with city.store.begin() as session:
        put_calendar(session, lights, "duty", turns)
        for field, said in faults.items():
            wanted = {"member": fitter, "first": day, "last": day} | said
            with pytest.raises(Invalid) as caught:
                take_days_off(session, lights, "duty", **wanted)  # type: ignore[arg-type]
            assert caught.value.field == field
        with pytest.raises(Invalid) as caught:
            take_days_off(
                session, lights, "duty", fitter, first=day, last=day, substitute=MemberId("m_none")
            )
        assert caught.value.field == "substitute"
        one = {"members": [fitter], "first": "2026-01-01", "only": "sundays"}
        with pytest.raises(Invalid) as caught:
            put_calendar(session, lights, "duty", {"rotations": [one]})
        assert caught.value.field == "rotations[0].only"
