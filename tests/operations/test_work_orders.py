"""Work orders: the table of moves, deadlines, who may, evidence, figures, photos."""

import io
import threading
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from people import City
from PIL import Image
from sqlalchemy import select, update

from quanyu.catalogue import CorrectionDraft, CorrectionState, correction, file_correction
from quanyu.kernel import (
    Calendar,
    Conflict,
    Invalid,
    LocalText,
    NotFound,
    Owed,
    Refused,
    Settings,
    TooLarge,
    Unauthenticated,
    UnsupportedMedia,
    leaves_of,
    now,
    working_days_between,
)
from quanyu.operations import (
    TRANSITIONS,
    FiguresBy,
    OrderFilter,
    OrderMove,
    OrderPlace,
    Priority,
    Source,
    SourceKind,
    WorkOrder,
    WorkOrderDone,
    WorkOrderDraft,
    WorkOrderState,
    all_work_orders,
    appoint_member,
    close_work_order,
    escalate_work_orders,
    forget_orders_of,
    list_work_orders,
    move_work_order,
    moves_of,
    open_for_correction,
    open_work_order,
    orders_by_state,
    photo_bytes,
    photos_of,
    redraw,
    reopen_work_order,
    use_service_levels,
    work_order,
    work_order_figures,
    work_order_steps,
)
from quanyu.operations.work_orders.service_levels import add_working_hours, deadline
from quanyu.operations.work_orders.tables import WorkOrderRow
from quanyu.parties import ANONYMOUS, Caller, Scope, notices_of

S, M = WorkOrderState, OrderMove
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
WORK = ((time(9), time(12)), (time(14), time(18)))


def draft(city: City, **more: Any) -> WorkOrderDraft:
    said = WorkOrderDraft(
        category="lighting",
        title=LocalText(zh="路灯不亮", en="A lamp is out"),
        source=Source(SourceKind.COLLEAGUE),
        resource=city.resource.id,
    )
    return replace(said, **more)


def opened(city: City, caller: Caller | None = None, **more: Any) -> WorkOrder:
    with city.store.begin() as session:
        return open_work_order(session, draft(city, **more), caller)


def move(city: City, order: WorkOrder, caller: Caller, step: OrderMove, **more: Any) -> WorkOrder:
    with city.store.begin() as session:
        return move_work_order(session, order.id, caller, step, **more)


def kinds(city: City, order: WorkOrder) -> list[str]:
    with city.store.read() as session:
        rows = session.scalars(select(Owed).where(Owed.subject == order.id).order_by(Owed.number))
        return [row.kind.removeprefix("work-order.") for row in rows]


def test_the_whole_course_with_evidence(any_city: City) -> None:
    city = any_city
    told: list[object] = []
    city.store.events.subscribe(WorkOrderDone, told.append)
    order = opened(city, city.citizen, thing="L-17")
    assert order.state is S.OPEN
    assert order.party == city.lights.party
    order = move(city, order, city.fitter, M.ACCEPT)
    assert order.member == city.fitter.member
    order = move(city, order, city.fitter, M.START, revision=order.revision)
    order = move(city, order, city.fitter, M.FINISH, note="灯泡已更换")
    assert told == [WorkOrderDone(order.id, Source(SourceKind.COLLEAGUE))]
    order = move(city, order, city.citizen, M.REOPEN, note="仍然不亮")
    assert (order.state, order.reopened, order.done_at) == (S.OPEN, 1, None)
    for caller, step in (
        (city.fitter, M.ACCEPT),
        (city.fitter, M.START),
        (city.fitter, M.FINISH),
        (city.citizen, M.CHECK),
        (city.citizen, M.CLOSE),
    ):
        order = move(city, order, caller, step)
    assert order.state is S.CLOSED
    course = ["opened", "accepted", "begun", "done", "reopened", "accepted", "begun", "done",
              "checked", "closed"]  # fmt: skip
    assert kinds(city, order) == course
    with city.store.read() as session:
        steps = work_order_steps(session, order.id)
        assert [leaf for leaf, _ in leaves_of(session, order.id, ["work-order.closed"])] == [
            steps[-1].leaf
        ]
        bodies = b"".join(session.scalars(select(Owed.body).where(Owed.subject == order.id)))
        notices = notices_of(session, city.citizen).notices
    # What people wrote is not in the log; who waits for it was told.
    assert "灯泡" not in bodies.decode()
    assert any("is done" in one.message for one in notices)


def test_each_move_is_for_whom_and_when_the_table_says(city: City) -> None:
    callers = {"raiser": city.citizen, "assignee": city.fitter, "dispatcher": city.node}
    way = {
        S.OPEN: [],
        S.ACCEPTED: [M.ACCEPT],
        S.IN_PROGRESS: [M.ACCEPT, M.START],
        S.DONE: [M.ACCEPT, M.START, M.FINISH],
        S.CHECKED: [M.ACCEPT, M.START, M.FINISH, M.CHECK],
        S.CLOSED: [M.ACCEPT, M.START, M.FINISH, M.CHECK, M.CLOSE],
        S.RETURNED: [M.RETURN],
        S.CANCELLED: [M.CANCEL],
    }
    by = {M.CHECK: city.citizen, M.CLOSE: city.citizen, M.CANCEL: city.citizen}
    for state, moves in way.items():
        order = opened(city, city.citizen)
        for step in moves:
            order = move(city, order, by.get(step, city.fitter), step, note="why")
        assert order.state is state
        for row in TRANSITIONS.values():
            for name, caller in callers.items():
                may = state in row.since and name in row.who
                assert (row in moves_of(caller, order)) is may
                if may:
                    continue
                with (
                    pytest.raises(Conflict if name in row.who else Refused),
                    city.store.begin() as session,
                ):
                    move_work_order(session, order.id, caller, row.move, note="why")


def test_strangers_know_of_nothing(city: City) -> None:
    order = opened(city, city.citizen)
    for caller, error in ((city.stranger, NotFound), (ANONYMOUS, NotFound)):
        with city.store.begin() as session:
            with pytest.raises(error):
                work_order(session, order.id, caller)
            with pytest.raises(error):
                move_work_order(session, order.id, caller, M.ACCEPT)
            assert list_work_orders(session, caller).items == ()
            assert orders_by_state(session, caller, OrderFilter(), 5) == {}
            assert work_order_figures(session, caller, now()) == []
            assert list(all_work_orders(session, caller, OrderFilter(party=order.party))) == []
    with pytest.raises(Unauthenticated), city.store.begin() as session:
        open_work_order(session, draft(city), ANONYMOUS)
    reader = replace(city.fitter, scopes=frozenset({Scope.READ}))
    with pytest.raises(Refused), city.store.begin() as session:
        move_work_order(session, order.id, reader, M.ACCEPT)
    with pytest.raises(Refused), city.store.begin() as session:
        open_work_order(session, draft(city), replace(city.citizen, scopes=frozenset({Scope.READ})))
    # Nobody pretends to be an alert, or hands work to others.
    with pytest.raises(Invalid), city.store.begin() as session:
        open_work_order(session, draft(city, source=Source(SourceKind.ALERT, "x")), city.citizen)
    with pytest.raises(Refused), city.store.begin() as session:
        open_work_order(session, draft(city, party=city.roads.party), city.citizen)


def test_handing_on(city: City) -> None:
    order = opened(city, city.citizen)
    with pytest.raises(Invalid, match="write something"), city.store.begin() as session:
        move_work_order(session, order.id, city.fitter, M.TRANSFER, to_party=city.roads.party)
    for wrong in (None, city.lights.party, "pty_nobody"):
        with pytest.raises(Invalid), city.store.begin() as session:
            move_work_order(
                session, order.id, city.fitter, M.TRANSFER, to_party=wrong, note="not ours"
            )
    order = move(city, order, city.fitter, M.TRANSFER, to_party=city.roads.party, note="not ours")
    assert (order.state, order.party, order.member) == (S.OPEN, city.roads.party, None)
    with pytest.raises(Refused), city.store.begin() as session:
        move_work_order(session, order.id, city.fitter, M.ACCEPT)
    with city.store.read() as session:  # who had it may still look
        assert work_order(session, order.id, city.fitter).id == order.id
    order = move(city, order, city.roads, M.RETURN, note="no such place")
    order = move(city, order, city.node, M.ASSIGN, to_party=city.lights.party)
    with city.store.begin() as session:
        with pytest.raises(Invalid):
            appoint_member(session, order.id, city.lights, city.roads.member)
        with pytest.raises(Refused):
            appoint_member(session, order.id, city.citizen, city.fitter.member)
        assert appoint_member(session, order.id, city.lights, city.fitter.member).member
    with pytest.raises(Conflict), city.store.begin() as session:
        move_work_order(session, order.id, city.fitter, M.ACCEPT, revision=order.revision)


def test_a_source_has_one_order_at_a_time(any_city: City) -> None:
    city, made = any_city, []
    said = draft(city, source=Source(SourceKind.ALERT, "alr_1"), thing="L-17")

    def go() -> None:
        with city.store.begin() as session:
            made.append(open_work_order(session, said).id)

    threads = [threading.Thread(target=go) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 6
    assert len(set(made)) == 1
    with city.store.begin() as session:
        # The check finds all well again, though nobody said that it was done.
        assert close_work_order(session, made[0]).state is S.CLOSED
    with city.store.begin() as session:
        again = open_work_order(session, said)
        assert again.id != made[0]
        assert again.repeats == made[0]
        with pytest.raises(Conflict, match="another work order open"):
            reopen_work_order(session, made[0], "it is broken again")


def test_repetitions_by_place(city: City) -> None:
    here = OrderPlace(lon=116.39, lat=39.9)
    first = opened(city, city.node, resource=None, place=here)
    with city.store.begin() as session:
        close_work_order(session, first.id)
    near = opened(city, city.node, resource=None, place=OrderPlace(lon=116.3903, lat=39.9002))
    far = opened(city, city.node, resource=None, place=OrderPlace(lon=116.392, lat=39.9))
    other = opened(city, city.node, resource=None, place=here, category="road")
    assert (near.repeats, far.repeats, other.repeats) == (first.id, None, None)
    with city.store.begin() as session:
        session.execute(
            update(WorkOrderRow)
            .where(WorkOrderRow.id == first.id)
            .values(closed_at=now() - timedelta(days=31))
        )
    assert opened(city, city.node, resource=None, place=here).repeats is None


def test_overdue_is_told_once_a_stage(city: City) -> None:
    order = opened(city, city.citizen)
    due = order.due_at
    with city.store.begin() as session:
        assert escalate_work_orders(session, at=due - timedelta(seconds=1)) == 0
        assert escalate_work_orders(session, at=due) == 1
        assert escalate_work_orders(session, at=due + timedelta(hours=1)) == 0
        assert escalate_work_orders(session, at=due + timedelta(days=1)) == 1
        assert escalate_work_orders(session, at=due + timedelta(days=9)) == 0
    assert kinds(city, order) == ["opened", "escalated", "escalated"]
    with city.store.read() as session:
        for caller in (city.lights, city.citizen, city.node):
            told = [n.message for n in notices_of(session, caller).notices]
            assert any("is overdue" in one for one in told)
    done = opened(city, city.citizen)
    move(city, done, city.fitter, M.ACCEPT)
    move(city, done, city.fitter, M.FINISH)
    with city.store.begin() as session:
        assert escalate_work_orders(session, at=done.due_at + timedelta(days=3)) == 0


def test_figures_are_those_of_the_rows(city: City) -> None:
    start = datetime(2026, 5, 4, 1, tzinfo=UTC)
    hours = (2, 10, 100, 200)
    for number, took in enumerate(hours):
        order = opened(city, city.citizen)
        for step in (M.ACCEPT, M.FINISH):
            move(city, order, city.fitter, step)
        with city.store.begin() as session:
            session.execute(
                update(WorkOrderRow)
                .where(WorkOrderRow.id == order.id)
                .values(
                    opened_at=start,
                    done_at=start + timedelta(hours=took),
                    took_s=took * 3600,
                    promised_at=start + timedelta(hours=72),
                    repeats=order.id if number == 0 else None,
                )
            )
    late = opened(city, city.citizen, category="road")
    cancelled = opened(city, city.citizen)
    move(city, cancelled, city.citizen, M.CANCEL, note="a mistake")
    with city.store.read() as session:
        moment = late.due_at + timedelta(hours=1)
        (every,) = work_order_figures(session, city.node, moment)
        assert (every.opened, every.done, every.overdue) == (5, 4, 1)
        assert every.on_time == 2 / 4
        assert every.repeated == 1 / 5
        assert every.mean_hours == sum(hours) / 4
        by = work_order_figures(session, city.node, moment, by=FiguresBy.CATEGORY)
        assert {one.key: one.opened for one in by} == {"lighting": 4, "road": 1}
        assert by[1].on_time is None
        (mine,) = work_order_figures(session, city.lights, moment, by=FiguresBy.PARTY)
        assert mine.key == city.lights.party


def test_a_correction_becomes_an_order_and_is_closed_with_it(city: City) -> None:
    with city.store.begin() as session:
        asked = file_correction(
            session,
            city.resource.id,
            CorrectionDraft(wrong="the lamp is not there", record="L-3"),
            city.citizen,
            calendar=Calendar(),
            days=5,
        )
        with pytest.raises(Refused):
            open_for_correction(session, asked.id, draft(city), city.citizen, days=10)
        order = open_for_correction(session, asked.id, draft(city), city.lights, days=10)
        assert (order.source.id, order.thing) == (asked.id, "L-3")
        assert correction(session, asked.id, city.lights).state is CorrectionState.ACCEPTED
        # Again gives the order that there is.
        again = open_for_correction(session, asked.id, draft(city), city.lights, days=10)
        assert again.id == order.id
    for step in (M.ACCEPT, M.FINISH, M.CHECK, M.CLOSE):
        move(city, order, city.lights, step)
    with city.store.begin() as session:
        assert correction(session, asked.id, city.lights).state is CorrectionState.CORRECTED
        with pytest.raises(Conflict):
            open_for_correction(session, asked.id, draft(city), city.lights, days=10)


def jpeg(size: tuple[int, int] = (400, 300), **more: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "seagreen").save(out, "JPEG", **more)
    return out.getvalue()


def test_photos_keep_nothing_but_the_picture(city: City) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "A telephone", 6
    exif.get_ifd(0x8825)[1] = "N"
    told = jpeg((4000, 3000), exif=exif)
    assert b"A telephone" in told
    made = redraw(told)
    assert (made.width, made.height) == (1440, 1920)  # turned as it was held
    with Image.open(io.BytesIO(made.data)) as seen:
        assert not seen.getexif()
        assert not seen.info.get("comment")
    assert b"A telephone" not in made.data
    order = opened(city, city.citizen)
    move(city, order, city.citizen, M.NOTE, photos=(made, redraw(jpeg())))
    with city.store.begin() as session:
        found = photos_of(session, order.id)
        assert photo_bytes(session, order.id, found[0].id) in (made.data, redraw(jpeg()).data)
        with pytest.raises(NotFound):
            photo_bytes(session, "wko_other", found[0].id)
        (_, body) = leaves_of(session, order.id, ["work-order.noted"])[0]
        assert found[0].sha256 in body.decode()
        with pytest.raises(Invalid, match="fewer"):
            move_work_order(session, order.id, city.citizen, M.NOTE, photos=(made,) * 11)


@pytest.mark.parametrize("data", [b"", b"GIF89a" + b"\0" * 50, b"<svg/>", jpeg()[:90], b"%PDF-1.7"])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(UnsupportedMedia):
        redraw(data)


def test_huge_pictures_are_refused_before_they_are_drawn() -> None:
    out = io.BytesIO()
    Image.new("1", (9000, 9000)).save(out, "PNG")
    with pytest.raises(TooLarge):
        redraw(out.getvalue())


@settings(max_examples=60)
@given(
    start=st.integers(0, 1_000_000).map(lambda m: BEGIN + timedelta(minutes=m)),
    hours=st.integers(1, 60),
)
def test_working_hours_add_up(start: datetime, hours: int) -> None:
    calendar = Calendar()
    end = add_working_hours(start, hours, calendar, WORK)
    half = add_working_hours(start, hours - 1, calendar, WORK) if hours > 1 else start
    assert add_working_hours(half, 1, calendar, WORK) == end
    assert calendar.works(calendar.day_of(end))
    # Seven hours a day: as many whole days lie between as the hours need.
    days = working_days_between(start, end, calendar)
    assert (hours - 7) / 7 - 1 <= days <= hours / 7 + 1


def test_deadlines_by_category_and_priority() -> None:
    friday = datetime(2026, 11, 27, 8, tzinfo=UTC)  # 16:00 in China
    assert deadline("manhole", Priority.URGENT, friday) == friday + timedelta(hours=2)
    # Two hours of Friday are left, six of Monday: 09:00-12:00 and 14:00-17:00.
    assert deadline("lighting", Priority.HIGH, friday) == datetime(2026, 11, 30, 9, tzinfo=UTC)
    assert deadline("lighting", Priority.NORMAL, friday) == datetime(2026, 12, 2, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[[category]]\nid='x'",
        "category = 3",
        "[[category]]\nid='X!'\nzh='x'\nen='x'\nwithin={}",
        "[[category]]\nid='x'\nzh='x'\nen='x'\nwithin={urgent='soon',high='1 hour'}",
    ],
)
def test_bad_tables_of_categories_are_named(text: str, tmp_path: Any) -> None:
    path = tmp_path / "categories.toml"
    path.write_text(text)
    with pytest.raises(Invalid) as caught:
        use_service_levels(Settings(work_categories_file=path))
    assert caught.value.field == "work_categories_file"


@pytest.mark.parametrize(
    "hours", ["", "9-12", "12:00-09:00", "09:00-12:00,11:00-18:00", "25:00-26:00"]
)
def test_bad_working_hours_are_named(hours: str) -> None:
    with pytest.raises(Invalid) as caught:
        use_service_levels(Settings(working_hours=hours))
    assert caught.value.field == "working_hours"


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"category": "nothing"}, "category"),
        ({"title": LocalText(zh="x" * 201)}, "title"),
        ({"title": LocalText(zh="a\0b")}, "title"),
        ({"place": OrderPlace(lon=1.0)}, "place"),
        ({"place": OrderPlace(lon=1.0, lat=float("nan"))}, "place"),
        ({"place": OrderPlace(lon=1.0, lat=91.0)}, "place"),
        ({"place": OrderPlace(division="12")}, "division"),
        ({"text": "x" * 5001}, "text"),
    ],
)
def test_bad_drafts_name_the_field(city: City, more: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        opened(city, city.citizen, **more)
    assert caught.value.field == field


def test_pages_of_orders_hold_each_once(city: City) -> None:
    made = {opened(city, city.citizen).id for _ in range(7)}
    seen: list[str] = []
    after = None
    with city.store.read() as session:
        while True:
            page = list_work_orders(session, city.citizen, limit=3, after=after)
            seen += [one.id for one in page.items]
            after = page.next
            if after is None:
                break
        with pytest.raises(Invalid):
            list_work_orders(session, city.citizen, after="x")
    assert len(seen) == len(set(seen)) == 7
    assert set(seen) == made


def test_an_erased_member_is_in_no_order(city: City) -> None:
    order = opened(city, city.citizen)
    order = move(city, order, city.fitter, M.ACCEPT)
    with city.store.begin() as session:
        assert city.fitter.member
        assert city.citizen.member
        forget_orders_of(session, city.fitter.member)
        forget_orders_of(session, city.citizen.member)
        found = work_order(session, order.id)
        assert (found.member, found.raiser_member) == (None, None)
        assert all(step.member is None for step in work_order_steps(session, order.id))
        assert found.party == city.lights.party
