"""Rules over stored observations: judged live as on history; alerts and what follows."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from air_world import HOUR, T0, THRESHOLD, WHENS, Air, walk
from people import City

from quanyu.kernel import (
    Invalid,
    MemberId,
    NotFound,
    Owed,
    Refused,
    iso,
    now,
)
from quanyu.operations import (
    Alert,
    AlertState,
    Memory,
    OnCall,
    Override,
    Rotation,
    RuleState,
    WorkOrderDone,
    WorkOrderState,
    acknowledge,
    alert,
    alert_figures,
    change_rule_state,
    drop_old_alerts,
    end_silence,
    escalate_due,
    hand_over,
    judge_new,
    judging_wanted,
    member_on_duty,
    move_work_order,
    newest_change,
    observed,
    on_duty,
    put_calendar,
    rule_versions,
    shifts,
    sight_of,
    silence,
    work_done,
    work_order,
    worst_text,
)
from quanyu.operations.alerts.tables import AlertRow
from quanyu.operations.rules.tables import ReachedRow
from quanyu.operations.work_orders import OrderMove
from quanyu.parties import Caller, notices_of
from quanyu.streams import DatastreamDraft, ensure_datastreams


@pytest.fixture
def air(city: City, tmp_path: Path) -> Iterator[Air]:
    made = Air(city, tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("kind", list(WHENS))
@pytest.mark.parametrize("late", [False, True])
def test_live_raises_what_the_back_test_finds(air: Air, kind: str, late: bool) -> None:
    """Also over restarts, with many observations late and out of order."""
    kept = air.rule(WHENS[kind], lateness="30h")
    rng = random.Random(5)
    air.judge()
    waiting: list[tuple[int, datetime, float]] = []
    batches = walk(3)
    for number, batch in enumerate(batches):
        now_given = [(air.numbers[n], at, v) for n, at, v in batch]
        if late:
            held = [row for row in now_given if rng.random() < 0.2]
            now_given = [row for row in now_given if row not in held] + waiting
            # All of it within a day, in whatever order.
            waiting = held if number % 10 else []
            now_given += [] if number % 10 else held
            rng.shuffle(now_given)
        if now_given:
            air.put(now_given)
        if number % 7 == 0:
            air.judge()
        if number % 60 == 0:
            air.memory = Memory()
            air.observations.close()
            air.observations = air.opened()
    if waiting:
        air.put(waiting)
    air.judge()
    assert air.judge() == 0
    found, wanted = air.said(), air.tested(kept, T0 + 400 * HOUR)
    assert found
    if late:
        # What was told and then taken back is there still, and says so.
        found = sorted(
            (a.subject, a.began_at, a.ended_at, a.peak)
            for a in air.alerts()
            if a.why != "withdrawn"
        )
    assert found == wanted


def test_missing_data_raise_when_they_are_due_and_end_with_the_next(air: Air) -> None:
    heat = air.numbers[0]
    air.judge()
    air.put([(heat, now() - timedelta(minutes=150), 1.0)])
    air.rule({"kind": "missing", "for": "1h"}, watch={"observed_property": "heat"})
    air.judge()
    air.judge()
    (one,) = air.alerts()
    assert one.state is AlertState.FIRING
    assert one.subject == str(heat)
    assert abs(one.began_at - (now() - timedelta(minutes=90))) < timedelta(minutes=1)
    air.put([(heat, now(), 1.0)])
    air.judge()
    assert [a.state for a in air.alerts()] == [AlertState.RESOLVED]


def test_who_never_sent_is_missing_too(air: Air) -> None:
    air.rule({"kind": "missing", "for": "1s"}, watch={"things": ["pole-2"]})
    air.judge()
    with air.store.begin() as session:
        from quanyu.operations.rules.tables import JudgedRow

        rows = session.query(JudgedRow).all()
        assert {row.subject for row in rows} == {str(n) for n in air.numbers[2:]}
        for row in rows:
            row.due_at, row.head = 0, [0, *row.head[1:]]
    air.judge()
    assert {a.thing for a in air.alerts()} == {"pole-2"}
    assert len(air.alerts()) == 2


def test_a_process_that_lost_its_turn_changes_nothing(air: Air) -> None:
    air.rule(THRESHOLD)
    air.judge()
    heat = air.numbers[0]
    air.put([(heat, T0 + h * HOUR, 9.0) for h in range(5)])
    source = observed(air.store, air.observations)
    other = Memory()

    def changes(after: int, limit: int) -> tuple[pa.Table, int]:
        found = source.changes(after, limit)
        if found[0].num_rows and air.memory is not other:
            held, air.memory = air.memory, other
            air.judge()
            air.memory = held
            other.rules.clear()
        return found

    judge_new(air.store, replace(source, changes=changes), air.memory, "Asia/Shanghai")
    assert len(air.alerts()) == 1


def test_a_rule_is_kept_in_versions_by_those_who_may(air: Air) -> None:
    kept = air.rule(THRESHOLD)
    same = air.rule(THRESHOLD)
    assert (kept.version, same.version) == (1, 1)
    heat = air.numbers[0]
    air.judge()
    air.put([(heat, T0 + h * HOUR, 9.0) for h in range(5)])
    air.judge()
    other = air.rule({**THRESHOLD, "above": 20})
    assert other.version == 2
    assert [a.why for a in air.alerts()] == ["rule"]
    with air.store.begin() as session:
        paused = change_rule_state(session, air.city.node, other.key, RuleState.PAUSED)
        assert [one.state for one in rule_versions(session, other.key)] == [
            "paused",
            "live",
            "live",
        ]
        assert session.query(Owed).filter_by(subject=paused.key, kind="rule.changed").count() == 3
    for who in (air.city.stranger, air.city.roads, air.city.fitter):
        with pytest.raises((Refused, NotFound)):
            air.rule(THRESHOLD, who)
    with pytest.raises(Invalid) as caught:
        air.rule(THRESHOLD, work_order={"category": "nothing"})
    assert caught.value.field == "work_order.category"


def firing(air: Air, **more: Any) -> Alert:
    """One firing alert of the first pole."""
    air.rule(THRESHOLD, watch={"things": ["pole-1"], "observed_property": "heat"}, **more)
    air.judge()
    air.put([(air.numbers[0], T0 + h * HOUR, 7.0 + h) for h in range(4)])
    air.judge()
    (one,) = air.alerts()
    assert (one.state, one.peak, one.thing) == (AlertState.FIRING, 10.0, "pole-1")
    return one


def told(air: Air, who: Caller) -> list[str]:
    with air.store.read() as session:
        page = notices_of(session, who, topic="alert")
        return [one.text("en", "UTC") for one in reversed(page.notices)]


def test_steps_are_taken_until_somebody_acknowledges(air: Air) -> None:
    city = air.city
    with air.store.begin() as session:
        put_calendar(
            session,
            city.lights,
            "duty",
            {
                "zone": "Asia/Shanghai",
                "rotations": [{"members": [city.fitter.member], "first": "2026-01-01"}],
            },
        )
    steps = [{"to": "on-call:duty"}, {"to": "steward", "after": "10m"}]
    one = firing(air, escalate=steps)
    assert escalate_due(air.store) == 1
    assert told(air, city.fitter) == ["Minor alert: “Too hot”, Pole 1 · heat 1 (10.0 °C)"]
    assert told(air, city.lights) == []
    assert escalate_due(air.store) == 0
    air.due_now()
    escalate_due(air.store)
    assert told(air, city.lights) == ["Minor alert: “Too hot”, Pole 1 · heat 1 (10.0 °C)"]
    assert len(told(air, city.fitter)) == 1
    with air.store.begin() as session:
        sight = sight_of(session, city.fitter, air.gate)
        taken = acknowledge(session, city.fitter, sight, one.id, "on my way")
        assert (taken.state, taken.member) == (AlertState.ACKNOWLEDGED, city.fitter.member)
        figures = alert_figures(session, sight, now() - timedelta(days=1))
        assert (figures.acknowledged, figures.firing, figures.raised) == (1, 0, 1)
    air.put([(air.numbers[0], T0 + 5 * HOUR, 1.0)])
    air.judge()
    escalate_due(air.store)
    assert told(air, city.fitter)[-1] == "Minor alert is over: “Too hot”, Pole 1 · heat 1 (10.0 °C)"
    with air.store.read() as session:
        kinds = {row.kind for row in session.query(Owed).filter_by(subject=one.id)}
    assert kinds == {"alert.raised", "alert.told", "alert.acknowledged", "alert.resolved"}


def test_the_worst_is_told_with_its_unit(air: Air) -> None:
    """Time without data as people read it; small values not as nothing."""
    heat = air.numbers[0]
    air.judge()
    air.put([(heat, now() - timedelta(minutes=125, seconds=20), 1.0)])
    air.rule({"kind": "missing", "for": "1h"}, watch={"observed_property": "heat"})
    air.judge()
    air.judge()
    escalate_due(air.store)
    with air.store.read() as session:
        (notice,) = notices_of(session, air.city.lights, topic="alert").notices
    assert notice.text("en", "UTC").endswith("Pole 1 · heat 1 (2 h 5 min)")
    assert notice.text("zh", "UTC").endswith("Pole 1 · heat 1（2 小时 5 分）")
    assert worst_text("en", 0.0123, "mg/m3") == "0.0123 mg/m³"
    assert worst_text("en", 1234.56, "ug/m3") == "1,234.6 µg/m³"
    assert worst_text("zh", None, "Cel") == ""


def test_alerts_of_a_group_make_one_notice(air: Air) -> None:
    air.rule(THRESHOLD, group="rule", escalate=[{"to": "everybody"}])
    air.judge()
    air.put([(n, T0 + h * HOUR, 9.0) for n in air.numbers for h in range(4)])
    air.judge()
    escalate_due(air.store)
    (text,) = told(air, air.city.fitter)
    assert text.endswith("and 3 more")


def test_what_is_over_before_its_group_is_told_wakes_nobody(air: Air) -> None:
    one = firing(
        air, group_wait="30s", escalate=[{"to": "everybody"}], work_order={"category": "sensor"}
    )
    assert escalate_due(air.store) == 0
    assert one.escalate_at == one.raised_at + timedelta(seconds=30)
    air.put([(air.numbers[0], T0 + 5 * HOUR, 1.0)])
    air.judge()
    air.due_now()
    assert escalate_due(air.store) == 0
    (after,) = air.alerts()
    assert (after.state, after.work_order, after.peak) == (AlertState.RESOLVED, None, 10.0)
    assert told(air, air.city.fitter) == told(air, air.city.lights) == []
    with air.store.read() as session:
        kinds = {row.kind for row in session.query(Owed).filter_by(subject=one.id)}
    assert kinds == {"alert.raised", "alert.resolved"}


def test_what_joins_a_group_while_it_waits_is_told_with_it(air: Air) -> None:
    """Also of another rule with a longer wait, but not before that rule's first step."""
    everybody = [{"to": "everybody"}]
    air.rule(THRESHOLD, group_wait="1m", escalate=everybody)
    air.rule({**THRESHOLD, "above": 5}, id="also", group_wait="2h", escalate=everybody)
    patient = [{"to": "everybody", "after": "1h"}]
    air.rule({**THRESHOLD, "above": 5.5}, id="patient", escalate=patient)
    air.judge()
    air.put([(air.numbers[0], T0 + h * HOUR, 9.0) for h in range(4)])
    air.judge()
    first = min(a.escalate_at for a in air.alerts() if a.escalate_at)
    air.put([(air.numbers[1], T0 + h * HOUR, 9.0) for h in range(4)])
    air.judge()
    assert len(air.alerts()) == 6
    assert escalate_due(air.store) == 0
    with air.store.begin() as session:
        row = session.query(AlertRow).filter_by(escalate_at=first).one()
        row.escalate_at = now() - timedelta(seconds=1)
    escalate_due(air.store)
    (text,) = told(air, air.city.fitter)
    assert text.endswith("and 3 more")
    assert sorted(a.step for a in air.alerts()) == [0, 0, 1, 1, 1, 1]
    assert escalate_due(air.store) == 0


def test_what_was_over_only_for_a_while_is_told_after_all(air: Air) -> None:
    """Late data join two episodes: the second of them has been nobody's business until then."""
    one = firing(
        air, group_wait="30s", escalate=[{"to": "everybody"}], work_order={"category": "sensor"}
    )
    heat = air.numbers[0]
    air.put([(heat, T0 + 4 * HOUR, 5.0), (heat, T0 + 6 * HOUR, 1.0)])
    air.judge()
    assert [a.state for a in air.alerts()] == [AlertState.RESOLVED]
    air.observations.close()
    air.observations = air.opened()
    air.put([(heat, T0 + 6 * HOUR, 9.0)])
    air.judge()
    (again,) = air.alerts()
    assert (again.id, again.state) == (one.id, AlertState.FIRING)
    air.due_now()
    escalate_due(air.store)
    assert len(told(air, air.city.fitter)) == 1
    assert air.alerts()[0].work_order is not None


def test_what_is_silenced_is_told_to_nobody_until_it_ends(air: Air) -> None:
    city = air.city
    with air.store.begin() as session:
        quiet = silence(
            session, city.fitter, {"thing": "pole-1"}, ends_at=now() + HOUR, reason="repairs"
        )
        with pytest.raises(Invalid):
            silence(session, city.fitter, {}, ends_at=now() + HOUR, reason="all")
        with pytest.raises(Invalid):
            silence(session, city.fitter, {"thing": "x"}, ends_at=now() - HOUR, reason="late")
    air.rule(THRESHOLD, watch={"things": ["pole-1"], "observed_property": "heat"})
    air.judge()
    air.put([(air.numbers[0], T0 + h * HOUR, 9.0) for h in range(4)])
    air.judge()
    escalate_due(air.store)
    assert told(air, city.lights) == []
    assert [a.state for a in air.alerts()] == [AlertState.SILENCED]
    with air.store.begin() as session:
        with pytest.raises(NotFound):
            end_silence(session, city.roads, quiet.id)
        end_silence(session, city.fitter, quiet.id)
    assert [a.state for a in air.alerts()] == [AlertState.FIRING]
    air.due_now()
    escalate_due(air.store)
    assert len(told(air, city.lights)) == 1


def test_a_work_order_closes_the_loop(air: Air) -> None:
    one = firing(air, work_order={"category": "sensor", "priority": "high"})
    escalate_due(air.store)
    escalate_due(air.store)
    (after,) = air.alerts()
    assert after.work_order is not None
    city = air.city
    order_id = after.work_order
    with air.store.begin() as session:
        order = work_order(session, order_id)
        assert (order.source.id, order.thing, order.party) == (one.id, "pole-1", city.lights.party)
        for step in (OrderMove.ACCEPT, OrderMove.START, OrderMove.FINISH):
            move_work_order(session, order_id, city.lights, step, note="done")
    work_done(air.store, WorkOrderDone(order_id, order.source))
    # It fires still when it is looked at again.
    air.due_now()
    escalate_due(air.store)
    with air.store.begin() as session:
        assert work_order(session, order_id).reopened == 1
        for step in (OrderMove.ACCEPT, OrderMove.START, OrderMove.FINISH):
            move_work_order(session, order_id, city.lights, step, note="done")
    air.put([(air.numbers[0], T0 + 6 * HOUR, 1.0)])
    air.judge()
    with air.store.read() as session:
        assert work_order(session, order_id).state is WorkOrderState.CLOSED


def test_a_stranger_sees_no_alert(air: Air) -> None:
    one = firing(air)
    for who in (air.city.stranger, air.city.roads, air.city.citizen):
        assert air.alerts(who=who) == []
        with air.store.begin() as session:
            sight = sight_of(session, who, air.gate)
            with pytest.raises(NotFound):
                alert(session, sight, one.id)
            with pytest.raises(NotFound):
                acknowledge(session, who, sight, one.id)
            figures = alert_figures(session, sight, T0)
            assert (figures.firing, figures.raised, figures.changed_at) == (0, 0, None)


ROTA = {"members": ["a"], "first": "2026-01-01"}
ZONE = ZoneInfo("Europe/Helsinki")


def here(*when: int) -> datetime:
    return datetime(*when, tzinfo=ZONE).astimezone(UTC)  # type: ignore[misc,arg-type]


def test_turns_stay_at_nine_when_clocks_change() -> None:
    week = Rotation(("a", "b"), date(2026, 3, 23), time(9), 7)
    plan = OnCall("Europe/Helsinki", (week,))
    # Clocks went forward on 29 March 2026.
    assert on_duty(plan, here(2026, 3, 30, 8, 59)) == "a"
    assert on_duty(plan, here(2026, 3, 30, 9)) == "b"
    assert on_duty(plan, here(2026, 3, 22, 9)) is None
    found = shifts(plan, here(2026, 3, 23, 9), here(2026, 4, 6, 9))
    assert [(one.member, one.start, one.end) for one in found] == [
        ("a", here(2026, 3, 23, 9), here(2026, 3, 30, 9)),
        ("b", here(2026, 3, 30, 9), here(2026, 4, 6, 9)),
    ]
    assert found[0].end - found[0].start == timedelta(days=7) - HOUR


def test_nights_weekends_and_overrides() -> None:
    first = date(2026, 6, 1)
    days = Rotation(("d",), first, time(8), 1, frozenset(range(5)), time(20))
    nights = Rotation(("n", "m"), first, time(20), 1, frozenset(), time(8))
    rest = Rotation(("w",), first, time(0))
    change = Override("x", here(2026, 6, 2, 10), here(2026, 6, 2, 12))
    plan = OnCall("Europe/Helsinki", (days, nights, rest), (change,))
    asked = {
        (1, 9): "d",
        (1, 21): "n",
        (2, 7): "n",
        (2, 9): "d",
        (2, 11): "x",
        (2, 22): "m",
        (6, 12): "w",
    }
    assert {when: on_duty(plan, here(2026, 6, *when)) for when in asked} == asked
    for one in shifts(plan, here(2026, 6, 1, 8), here(2026, 6, 8, 8)):
        middle = one.start + (one.end - one.start) / 2
        assert on_duty(plan, one.start) == on_duty(plan, middle) == one.member


def test_who_is_on_duty_hands_over(air: Air) -> None:
    city = air.city
    assert city.lights.party is not None
    assert city.lights.member is not None
    turns = {"rotations": [{"members": [city.fitter.member], "first": "2026-01-01"}]}
    with air.store.begin() as session:
        put_calendar(session, city.lights, "duty", turns)
        with pytest.raises(Refused):
            put_calendar(session, city.citizen, "duty", turns)
        with pytest.raises(Invalid) as caught:
            put_calendar(session, city.roads, "duty", turns)
        assert caught.value.field == "rotations[0].members"
        assert member_on_duty(session, city.lights.party, "duty", now()) == city.fitter.member
        begin = now() - timedelta(minutes=1)
        hand_over(
            session,
            city.fitter,
            "duty",
            city.lights.member,
            starts_at=begin,
            ends_at=now() + HOUR,
        )
        assert member_on_duty(session, city.lights.party, "duty", now()) == city.lights.member
        with pytest.raises(Invalid):
            hand_over(
                session,
                city.lights,
                "duty",
                MemberId("mbr_none"),
                starts_at=begin,
                ends_at=now() + HOUR,
            )


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"rotations": []}, "rotations"),
        ({"zone": "Nowhere/Else", "rotations": [{}]}, "zone"),
        ({"rotations": [{"members": ["a"], "first": "soon"}]}, "rotations[0].first"),
        ({"rotations": [ROTA | {"at": "9h"}]}, "rotations[0].at"),
        ({"rotations": [ROTA | {"days": 0}]}, "rotations[0].days"),
        ({"rota": []}, "rota"),
    ],
)  # fmt: skip
def test_a_calendar_with_a_fault(air: Air, document: dict[str, Any], field: str) -> None:
    with air.store.begin() as session, pytest.raises(Invalid) as caught:
        put_calendar(session, air.city.lights, "duty", document)
    assert caught.value.field == field


def test_on_each_database(any_city: City, tmp_path: Path) -> None:
    made = Air(any_city, tmp_path)
    one = firing(made, escalate=[{"to": "everybody"}], work_order={"category": "sensor"})
    assert escalate_due(made.store) == 1
    assert iso(one.began_at) == "2026-03-01T02:00:00.000Z"
    made.close()


def test_what_is_committed_later_is_newer_though_its_instant_is_older(
    any_city: City, tmp_path: Path
) -> None:
    """Judging takes its instant, then somebody acknowledges, then judging commits."""
    air = Air(any_city, tmp_path)
    one = firing(air)
    source = observed(air.store, air.observations)
    seen: list[int | None] = []

    def look() -> None:
        with air.store.read() as session:
            seen.append(newest_change(session, sight_of(session, any_city.lights, air.gate)))

    def changes(after: int, limit: int) -> tuple[pa.Table, int]:
        if len(seen) == 1:
            with air.store.begin() as session:
                sight = sight_of(session, any_city.fitter, air.gate)
                acknowledge(session, any_city.fitter, sight, one.id)
            look()
        return source.changes(after, limit)

    look()
    air.rule(THRESHOLD, id="rain", watch={"things": ["pole-2"]})
    air.put([(air.numbers[3], now() + h * HOUR, 9.0) for h in range(4)])
    judge_new(air.store, replace(source, changes=changes), air.memory, "Asia/Shanghai")
    look()
    taken, raised = sorted(air.alerts(), key=lambda a: a.raised_at)
    assert taken.changed_at > raised.changed_at
    before, between, after = (number or 0 for number in seen)
    assert before < between < after
    air.close()


def test_what_is_gone_is_due_no_more(air: Air) -> None:
    from quanyu.operations.rules.tables import JudgedRow
    from quanyu.streams.tables import DatastreamRow

    air.rule({"kind": "missing", "for": "1s"})
    air.judge()
    with air.store.begin() as session:
        session.delete(session.get_one(DatastreamRow, air.numbers[0]))
        for row in session.query(JudgedRow):
            row.due_at = 0
        air.memory = Memory()
    air.judge()
    with air.store.read() as session:
        left = {row.subject for row in session.query(JudgedRow)}
    assert left == {str(number) for number in air.numbers[1:]}


def test_what_is_over_for_long_is_dropped_and_its_evidence_stays(air: Air) -> None:
    one = firing(air)
    air.put([(air.numbers[0], T0 + 5 * HOUR, 1.0)])
    air.judge()
    assert drop_old_alerts(air.store, 30) == 0

    def age(name: str, days: int) -> None:
        with air.store.begin() as session:
            session.get_one(AlertRow, name).changed_at = now() - timedelta(days=days)

    # A late observation could still have it judged anew, and raised a second time.
    age(one.id, 31)
    assert drop_old_alerts(air.store, 30) == 0
    for hours in (range(48, 120, 24), range(120, 123)):
        air.put([(air.numbers[0], T0 + hour * HOUR, 9.0) for hour in hours])
        air.judge()
    open_now = [a.id for a in air.alerts() if a.state is AlertState.FIRING]
    assert len(open_now) == 1
    for name in (one.id, *open_now):
        age(name, 31)
    assert drop_old_alerts(air.store, 32) == 0
    assert drop_old_alerts(air.store, 30) == 1
    assert [a.id for a in air.alerts()] == open_now
    with air.store.read() as session:
        kinds = {row.kind for row in session.query(Owed).filter_by(subject=one.id)}
    assert kinds == {"alert.raised", "alert.resolved", "alerts.dropped"}
    air.put([(air.numbers[0], T0 + 5 * 24 * HOUR - HOUR, 8.0)])
    air.judge()
    assert one.id not in {a.id for a in air.alerts()}


def test_nothing_is_wanted_where_nothing_is_new(air: Air) -> None:
    def wanted() -> bool:
        return judging_wanted(air.store, air.memory, air.observations.newest())

    def reached() -> tuple[int, int] | None:
        with air.store.read() as session:
            row = session.get(ReachedRow, "observations")
            return None if row is None else (row.seq, row.turn)

    heat = air.numbers[0]
    air.put([(heat, T0, 9.0)])
    assert not wanted()
    air.judge()
    assert reached() is None
    kept = air.rule({"kind": "missing", "for": "1d"}, watch={"observed_property": "heat"})
    air.put([(heat, T0 + HOUR, 9.0)])
    assert wanted()
    air.judge()
    air.judge()
    before = reached()
    assert before is not None
    assert before[0] == 2
    assert not wanted()
    # A thing that comes later is one whose data may be missing.
    with air.store.begin() as session:
        draft = DatastreamDraft(thing="pole-9", name="heat 9", observed_property="heat", unit="Cel")
        ensure_datastreams(session, air.resource.id, [draft])
    assert wanted()
    air.judge()
    assert not wanted()
    air.put([(heat, now(), 9.0)])
    assert wanted()
    air.judge()
    assert not wanted()
    with air.store.begin() as session:
        change_rule_state(session, air.city.lights, kept.key, RuleState.PAUSED)
    assert wanted()
    air.judge()
    air.put([(heat, T0 + 2 * HOUR, 30.0)])
    assert not wanted()
    # Without a rule nothing is judged: one that comes begins with what comes after it.
    later = air.rule({"kind": "threshold", "above": 20}, id="later")
    air.put([(heat, now(), 40.0)])
    air.judge()
    assert [a.peak for a in air.alerts() if a.rule == later.key] == [40.0]
