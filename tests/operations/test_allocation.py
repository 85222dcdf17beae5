"""Allocation: never more than there is, however many ask; who waits moves up; who may what."""

import subprocess
import sys
import threading
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from people import City, fresh_city
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError

from quanyu.kernel import (
    Calendar,
    Conflict,
    Invalid,
    LocalText,
    NotFound,
    Owed,
    QuanyuError,
    Refused,
    TooMany,
    Unauthenticated,
    Unavailable,
)
from quanyu.operations import (
    Allocation,
    AllocationMove,
    AllocationState,
    Capacity,
    CapacityDraft,
    NoCapacity,
    allocations,
    an_allocation,
    capacity,
    change_capacity,
    lapse_allocations,
    move_allocation,
    offer_capacity,
    request_allocation,
    slots,
    use_sick,
)
from quanyu.operations.allocation.grid import slots_between
from quanyu.operations.allocation.tables import QuotaRow, SlotRow
from quanyu.parties import ANONYMOUS, Caller, notices_of

S, M = AllocationState, AllocationMove
CALENDAR = Calendar(zone="UTC")
MONDAY = datetime(2030, 1, 7, tzinfo=UTC)
BEFORE = MONDAY - timedelta(days=3)
HERE = Path(__file__).parent


def hall(**more: Any) -> CapacityDraft:
    said = CapacityDraft(
        name=LocalText(zh="大厅", en="Hall"),
        unit=LocalText(zh="间", en="halls"),
        hours={str(day): "09:00-12:00,14:00-18:00" for day in range(1, 6)},
        ahead_days=30,
    )
    return replace(said, **more)


def offered(city: City, **more: Any) -> Capacity:
    with city.store.begin() as session:
        return offer_capacity(session, city.resource.id, city.lights, hall(**more))


def ask(
    city: City, of: Capacity, caller: Caller, first: int = 9, last: int = 10, **more: Any
) -> Allocation:
    with city.store.begin() as session:
        return request_allocation(
            session,
            of.id,
            caller,
            since=more.pop("since", MONDAY + timedelta(hours=first)),
            until=more.pop("until", MONDAY + timedelta(hours=last)),
            calendar=CALENDAR,
            at=BEFORE,
            **more,
        )


def move(
    city: City, one: Allocation, caller: Caller, step: AllocationMove, **more: Any
) -> Allocation:
    with city.store.begin() as session:
        return move_allocation(
            session, one.id, caller, step, calendar=CALENDAR, at=more.pop("at", BEFORE), **more
        )


def state(city: City, one: Allocation) -> AllocationState:
    with city.store.read() as session:
        return an_allocation(session, one.id, city.node).state


def check_books(city: City) -> None:
    """What counters say is what allocations claim, and within what there is."""
    claimed: Counter[tuple[str, str]] = Counter()
    with city.store.read() as session:
        rows = session.execute(text("SELECT capacity, starts, amount, state FROM allocation"))
        for of, starts, amount, found in rows:
            said = orjson.loads(starts) if isinstance(starts, str) else starts
            for start in said if found != "waiting" else ():
                claimed[of, start[:16]] += amount
        for row in session.scalars(select(SlotRow)):
            assert row.taken <= row.most
            assert row.taken == claimed[row.capacity, row.start.isoformat()[:16]]


def test_the_course_of_one(any_city: City) -> None:
    city = any_city
    of = offered(city)
    one = ask(city, of, city.citizen, 9, 11, purpose="a talk")
    assert (one.state, one.slots) == (S.REQUESTED, 2)
    with pytest.raises(NoCapacity):
        ask(city, of, city.stranger, 10, 12)
    one = move(city, one, city.lights, M.APPROVE)
    assert one.hold_until == MONDAY + timedelta(hours=9, minutes=30)
    with pytest.raises(Conflict, match="earliest"):
        move(city, one, city.citizen, M.BEGIN)
    begun = MONDAY + timedelta(hours=8, minutes=30)
    one = move(city, one, city.citizen, M.BEGIN, at=begun)
    # What is given back early is free for others, what was used is not.
    one = move(city, one, city.citizen, M.RETURN, at=MONDAY + timedelta(hours=9, minutes=40))
    assert (one.state, one.slots) == (S.RETURNED, 1)
    with city.store.read() as session:
        day = slots(session, of, CALENDAR, MONDAY, MONDAY + timedelta(days=1))
        assert [one.taken for one in day] == [1, 0, 0, 0, 0, 0, 0]
        kinds = list(session.scalars(select(Owed.kind).where(Owed.subject == one.id)))
    assert kinds == [
        f"allocation.{step}" for step in ("requested", "approved", "begun", "returned")
    ]
    check_books(city)


def test_who_waits_moves_up_in_order(any_city: City) -> None:
    city = any_city
    of = offered(city, amount=2, automatic=True)
    first = ask(city, of, city.citizen, 9, 11, amount=2)
    assert first.state is S.HELD
    big = ask(city, of, city.roads, 9, 11, amount=2, wait=True)
    small = ask(city, of, city.stranger, 9, 10, wait=True)
    later = ask(city, of, city.citizen, 9, 10, wait=True)
    assert {one.state for one in (big, small, later)} == {S.WAITING}
    move(city, first, city.citizen, M.CANCEL)
    # The one who came first, though others would fit too.
    assert [state(city, one) for one in (big, small, later)] == [S.HELD, S.WAITING, S.WAITING]
    move(city, big, city.roads, M.CANCEL)
    assert [state(city, one) for one in (small, later)] == [S.HELD, S.HELD]
    with city.store.read() as session:
        told = [one.message for one in notices_of(session, city.stranger).notices]
    assert any("waited for" in one for one in told)
    check_books(city)


def test_what_is_not_begun_goes_to_others(city: City) -> None:
    of = offered(city)
    undecided = ask(city, of, city.citizen, 9, 10)
    held = move(city, ask(city, of, city.citizen, 10, 11), city.lights, M.APPROVE)
    used = move(city, ask(city, of, city.citizen, 11, 12), city.lights, M.APPROVE)
    waits = ask(city, of, city.roads, 10, 11, wait=True)
    used = move(city, used, city.citizen, M.BEGIN, at=MONDAY + timedelta(hours=10, minutes=30))
    at = MONDAY + timedelta(hours=9)
    assert lapse_allocations(city.store, CALENDAR, at - timedelta(seconds=1)) == 0
    assert lapse_allocations(city.store, CALENDAR, at) == 1
    assert state(city, undecided) is S.EXPIRED
    assert lapse_allocations(city.store, CALENDAR, at + timedelta(hours=3)) == 3
    assert [state(city, one) for one in (held, used, waits)] == [S.EXPIRED, S.RETURNED, S.EXPIRED]
    check_books(city)


@pytest.mark.parametrize("automatic", [True, False])
def test_many_at_once_never_get_more_than_there_is(any_city: City, automatic: bool) -> None:
    city = any_city
    of = offered(city, amount=3, automatic=automatic)
    callers = (city.citizen, city.stranger, city.roads, city.node)
    got: list[Allocation] = []
    amiss: list[BaseException] = []
    together = threading.Barrier(8)

    def go(number: int) -> None:
        together.wait()
        for turn in range(4):
            first = (9, 10, 14, 15)[(number + turn) % 4]
            try:
                one = ask(city, of, callers[number % 4], first, first + 2 if first != 10 else 12)
                got.append(one)
                if turn == 2:
                    move(city, one, callers[number % 4], M.CANCEL)
            except NoCapacity:
                pass
            except BaseException as error:  # noqa: BLE001 - told below
                amiss.append(error)

    threads = [threading.Thread(target=go, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not amiss
    assert len(got) >= 3
    check_books(city)
    with city.store.read() as session:
        assert max(session.scalars(select(SlotRow.taken))) <= 3


def test_many_processes_never_get_more_than_there_is(any_city: City) -> None:
    city = any_city
    of = offered(city, amount=5, automatic=True)
    program = HERE / "asking_process.py"
    assert city.citizen.member
    processes = [
        subprocess.Popen(
            [sys.executable, program, city.store.url, of.id, city.citizen.member],
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    granted = [int(one.communicate(timeout=120)[0]) for one in processes]
    assert all(one.returncode == 0 for one in processes)
    # Two asked eight times each for one of five: exactly five were lucky.
    assert sum(granted) == 5
    check_books(city)


def test_the_database_itself_refuses_more(any_city: City) -> None:
    of = offered(any_city, quota=3)
    ask(any_city, of, any_city.citizen)
    for row in (SlotRow, QuotaRow):
        with pytest.raises(IntegrityError), any_city.store.begin() as session:
            session.execute(update(row).values(taken=row.most + 1))
        with pytest.raises(IntegrityError), any_city.store.begin() as session:
            session.execute(update(row).values(taken=-1))


def test_quotas_are_of_a_party_and_a_month(city: City) -> None:
    of = offered(city, amount=9, quota=4, automatic=True, ahead_days=60)
    one = ask(city, of, city.citizen, 9, 11, amount=2)
    with pytest.raises(TooMany) as caught:
        ask(city, of, city.citizen, 14, 15)
    assert caught.value.rule == "allocations.quota"
    ask(city, of, city.roads, 14, 15)
    february = datetime(2030, 2, 4, 9, tzinfo=UTC)
    ask(city, of, city.citizen, since=february, until=february + timedelta(hours=1))
    move(city, one, city.citizen, M.CANCEL)
    ask(city, of, city.citizen, 14, 18)
    check_books(city)


def test_strangers_learn_and_change_nothing(city: City) -> None:
    of = offered(city)
    one = ask(city, of, city.citizen)
    for caller in (city.stranger, ANONYMOUS):
        with city.store.begin() as session:
            with pytest.raises(NotFound):
                an_allocation(session, one.id, caller)
            for step in AllocationMove:
                with pytest.raises(NotFound):
                    move_allocation(session, one.id, caller, step, calendar=CALENDAR, note="x")
            assert allocations(session, caller).items == ()
            with pytest.raises(QuanyuError):
                offer_capacity(session, city.resource.id, caller, hall())
            with pytest.raises(QuanyuError):
                change_capacity(session, of.id, caller, hall())
    with pytest.raises(Unauthenticated):
        ask(city, of, ANONYMOUS)
    # Who has it does not decide on it.
    with pytest.raises(Refused):
        move(city, one, city.citizen, M.APPROVE)
    with pytest.raises(Refused):
        ask(city, of, replace(city.citizen, scopes=frozenset()), 14, 15)


def test_sick_resources_are_not_given_out(city: City) -> None:
    of = offered(city, automatic=True)
    one = ask(city, of, city.citizen)
    use_sick(lambda _session, resource: resource == city.resource.id)
    try:
        with pytest.raises(Unavailable) as caught:
            ask(city, of, city.citizen, 14, 15)
        assert caught.value.rule == "allocations.sick"
        with pytest.raises(Unavailable):
            move(city, one, city.citizen, M.BEGIN, at=MONDAY + timedelta(hours=9))
    finally:
        use_sick(lambda _session, _resource: False)
    ask(city, of, city.citizen, 14, 15)


def test_capacity_is_not_cut_below_what_is_given(city: City) -> None:
    of = offered(city, amount=3, automatic=True)
    one = ask(city, of, city.citizen, amount=3)
    with city.store.begin() as session, pytest.raises(Conflict):
        change_capacity(session, of.id, city.lights, hall(amount=2))
    move(city, one, city.citizen, M.CANCEL)
    with city.store.begin() as session:
        of = change_capacity(session, of.id, city.lights, hall(amount=2), revision=1)
        with pytest.raises(Conflict):
            change_capacity(session, of.id, city.lights, hall(amount=2), revision=1)
    with pytest.raises(Invalid):
        ask(city, of, city.citizen, amount=3)
    with city.store.begin() as session:
        change_capacity(session, of.id, city.lights, hall(amount=2), open_still=False)
    with pytest.raises(NotFound):
        ask(city, of, city.citizen)
    with city.store.read() as session:
        assert not capacity(session, of.id).open


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"first": 8, "last": 10}, "since"),
        ({"first": 9, "last": 13}, "since"),
        ({"first": 11, "last": 9}, "until"),
        ({"since": MONDAY + timedelta(hours=9, minutes=5)}, "since"),
        ({"since": MONDAY - timedelta(days=10)}, "since"),
        ({"since": MONDAY + timedelta(days=60, hours=9), "until": MONDAY + timedelta(days=61)},
         "since"),
        ({"until": datetime(2030, 1, 7, 10)}, "since"),  # noqa: DTZ001 - that is what is wrong
        ({"amount": 0}, "amount"),
        ({"amount": 2}, "amount"),
        ({"purpose": "x" * 501}, "purpose"),
    ],
)  # fmt: skip
def test_bad_requests_name_the_field(city: City, more: dict[str, Any], field: str) -> None:
    of = offered(city)
    with pytest.raises(Invalid) as caught:
        ask(city, of, city.citizen, **more)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"hours": {}}, "hours"),
        ({"hours": {"8": "09:00-10:00"}}, "hours"),
        ({"hours": {"1": "9-10"}}, "hours"),
        ({"hours": {"1": "09:00-09:30"}}, "hours"),
        ({"hours": {"1": "09:00-12:00,11:00-13:00"}}, "hours"),
        ({"hours": {"1": "09:00-24:01"}}, "hours"),
        ({"amount": 0}, "amount"),
        ({"slot_minutes": 1}, "slot_minutes"),
        ({"quota": 0}, "quota"),
        ({"name": LocalText(zh="x" * 101)}, "name"),
    ],
)
def test_bad_capacities_name_the_field(city: City, more: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        offered(city, **more)
    assert caught.value.field == field


@settings(max_examples=40)
@given(
    minutes=st.sampled_from([15, 20, 30, 45, 60, 90]),
    spans=st.sampled_from(["08:00-12:00", "09:00-12:00,14:00-18:00", "00:00-24:00"]),
    zone=st.sampled_from(["UTC", "Asia/Shanghai", "Europe/Helsinki"]),
    offset=st.integers(0, 400),
    days=st.integers(1, 9),
)
def test_slots_are_whole_apart_and_within_their_hours(
    minutes: int, spans: str, zone: str, offset: int, days: int
) -> None:
    since = datetime(2029, 12, 31, tzinfo=UTC) + timedelta(days=offset)
    until = since + timedelta(days=days)
    draft = hall(hours={str(day): spans for day in range(1, 8)}, slot_minutes=minutes)
    found = slots_between(draft, Calendar(zone=zone), since, until)
    assert all(end - start == timedelta(minutes=minutes) for start, end in found)
    assert all(since <= start and end <= until for start, end in found)
    assert [start for start, _ in found] == sorted({start for start, _ in found})
    # A day asked for alone gives what it gives among others.
    if zone == "UTC" and days > 1:
        middle = since + timedelta(days=1)
        apart = slots_between(draft, Calendar(zone=zone), since, middle)
        rest = slots_between(draft, Calendar(zone=zone), middle, until)
        assert found == apart + rest


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["ask", "wait", "approve", "refuse", "cancel", "begin", "return", "lapse"]),
        st.integers(0, 5),
        st.integers(1, 3),
        st.integers(0, 9),
    ),
    min_size=5,
    max_size=25,
)


@pytest.mark.parametrize("automatic", [True, False])
@settings(max_examples=12)
@given(steps=STEPS)
def test_whatever_is_done_the_books_are_right(
    founded: City, tmp_path_factory: Any, automatic: bool, steps: list[tuple[str, int, int, int]]
) -> None:
    city = fresh_city(founded, tmp_path_factory)
    of = offered(city, amount=3, automatic=automatic, quota=8)
    made: list[Allocation] = []
    moment = BEFORE
    for what, slot, amount, which in steps:
        first = (9, 10, 11, 14, 15, 16)[slot]
        caller = (city.citizen, city.roads)[which % 2]
        try:
            if what in ("ask", "wait"):
                made.append(
                    ask(city, of, caller, first, first + 1, amount=amount, wait=what == "wait")
                )
            elif what == "lapse":
                moment = MONDAY + timedelta(hours=first)
                lapse_allocations(city.store, CALENDAR, moment)
            elif made:
                move(city, made[which % len(made)], city.node, M(what), at=moment, note="why")
        except (Conflict, TooMany):
            pass
        check_books(city)
    city.store.close()
