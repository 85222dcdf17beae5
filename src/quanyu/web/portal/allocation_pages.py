"""Allocation 配置: what can be had and when, asked for, decided, given back."""

from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from quanyu.catalogue import may_write, resource
from quanyu.kernel import Invalid, QuanyuError, now
from quanyu.operations import (
    AllocationMove,
    AllocationState,
    Capacity,
    Slot,
    allocations,
    an_allocation,
    capacities,
    capacity,
    change_capacity,
    move_allocation,
    moves_for,
    offer_capacity,
    request_allocation,
    slots,
    zoned_instant,
)
from quanyu.parties import Caller, parties
from quanyu.web.allocation_documents import allocation_document, capacity_document, slot_document
from quanyu.web.allocation_parameters import capacity_of_form, number
from quanyu.web.allocations import calendar_of
from quanyu.web.choices import one_of
from quanyu.web.node import Node
from quanyu.web.portal.visit import (
    Member,
    TheNode,
    Visitor,
    go,
    link_to,
    local,
    reading,
    say,
    show,
    writing,
)
from quanyu.web.who import check_csrf_of
from quanyu.web.work_order_parameters import revision_from

router = APIRouter(include_in_schema=False)
_S = AllocationState
STATES: dict[AllocationState, tuple[str, str, str]] = {
    _S.WAITING: ("Waiting for it to become free", "", "wait"),
    _S.REQUESTED: ("Waits for a decision", "shared", "wait"),
    _S.HELD: ("Held, to be begun", "ok", "yes"),
    _S.IN_USE: ("In use", "restricted", "duty"),
    _S.RETURNED: ("Given back", "", "yes"),
    _S.REFUSED: ("Not granted", "bad", "no"),
    _S.CANCELLED: ("Called off", "", "no"),
    _S.EXPIRED: ("Expired", "bad", "no"),
}
WEEKDAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WEEK = 7


@router.get("/allocations")
async def overview(request: Request, node: TheNode, caller: Member) -> Response:
    """What the caller has or keeps, and what can be had."""

    def look(session: Session) -> dict[str, Any]:
        mine = allocations(session, caller, mine=True).items
        kept = [one for one in allocations(session, caller, limit=200).items if one not in mine]
        offered = capacities(session, caller)
        known = {one.resource for one in (*mine, *kept)} | {one.resource for one in offered}
        return {
            "mine": mine,
            "kept": kept,
            "offered": offered,
            "resources": {name: resource(session, name) for name in known},
            "names": {one.id: local(request, one.name) for one in parties(session)},
            "may": {one.id: may_write(caller, one.provider) for one in offered},
        }

    found = await reading(node, look)
    twin = {
        "mine": [allocation_document(one, caller) for one in found["mine"]],
        "kept": [allocation_document(one, caller) for one in found["kept"]],
        "capacities": [capacity_document(one) for one in found["offered"]],
    }
    return show(request, "allocations.html", found | _words(request), twin=twin)


@router.get("/allocations/capacities/new")
async def new_page(request: Request, node: TheNode, caller: Member) -> Response:
    """The form of a capacity of a resource."""
    return await _form(request, node, caller, request.query_params.get("resource", ""), {})


@router.post("/allocations/capacities/new")
async def offering(request: Request, node: TheNode, caller: Member) -> Response:
    """Offer it."""
    await check_csrf_of(request)
    form = {key: str(value) for key, value in (await request.form()).items()}
    name = form.get("resource", "")

    def write(session: Session) -> str:
        of = resource(session, name, visible_to=caller).id
        return offer_capacity(session, of, caller, capacity_of_form(form)).id

    try:
        made = await writing(node, write)
    except QuanyuError as error:
        return await _form(request, node, caller, name, form, error=error)
    return go(f"/allocations/capacities/{made}")


@router.get("/allocations/capacities/{name}")
async def capacity_page(request: Request, node: TheNode, caller: Visitor, name: str) -> Response:
    """The calendar of a capacity, and the form to ask for it."""
    return await _capacity(request, node, caller, name)


@router.post("/allocations/capacities/{name}")
async def asking(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """Ask for slots, or (its keeper) end the offer."""
    await check_csrf_of(request)
    form = {key: str(value) for key, value in (await request.form()).items()}
    zone = node.settings.time_zone

    def write(session: Session) -> str:
        if form.get("step") in ("close", "open"):
            of = capacity(session, name, caller)
            change_capacity(
                session,
                name,
                caller,
                of,
                open_still=form["step"] == "open",
                revision=revision_from(form.get("revision")),
            )
            return f"/allocations/capacities/{name}"
        made = request_allocation(
            session,
            name,
            caller,
            since=zoned_instant(form.get("since"), "since", zone),
            until=zoned_instant(form.get("until"), "until", zone),
            amount=number(form.get("amount") or "1", "amount"),
            purpose=form.get("purpose", ""),
            wait=form.get("wait") == "1",
            calendar=calendar_of(node),
        )
        return f"/allocations/{made.id}"

    try:
        path = await writing(node, write)
    except QuanyuError as error:
        return await _capacity(request, node, caller, name, typed=form, error=error)
    return go(path)


@router.get("/allocations/{name}")
async def allocation_page(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """One allocation, and what may be done with it now."""
    return await _allocation(request, node, caller, name)


@router.post("/allocations/{name}")
async def moving(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """Take the step that the pressed button names."""
    await check_csrf_of(request)
    form = {key: str(value) for key, value in (await request.form()).items()}

    def write(session: Session) -> None:
        move_allocation(
            session,
            name,
            caller,
            one_of(AllocationMove, form.get("move", ""), "move"),
            calendar=calendar_of(node),
            note=form.get("note", ""),
            revision=revision_from(form.get("revision")),
        )

    try:
        await writing(node, write)
    except QuanyuError as error:
        return await _allocation(request, node, caller, name, error=error)
    return go(f"/allocations/{name}")


async def _allocation(
    request: Request, node: Node, caller: Caller, name: str, *, error: QuanyuError | None = None
) -> Response:
    def look(session: Session) -> dict[str, Any]:
        one = an_allocation(session, name, caller)
        return {
            "one": one,
            "of": capacity(session, one.capacity),
            "resource": resource(session, one.resource),
            "names": {item.id: local(request, item.name) for item in parties(session)},
            "moves": moves_for(caller, one),
        }

    found = await reading(node, look)
    twin = None if error else {"allocation": allocation_document(found["one"], caller)}
    return show(request, "allocation.html", found | _words(request), twin=twin, error=error)


async def _capacity(
    request: Request,
    node: Node,
    caller: Caller,
    name: str,
    *,
    typed: dict[str, str] | None = None,
    error: QuanyuError | None = None,
) -> Response:
    zone = ZoneInfo(node.settings.time_zone)
    monday = _monday(request, now().astimezone(zone).date())
    since = datetime.combine(monday, time(), zone)
    until = datetime.combine(monday + timedelta(days=_WEEK), time(), zone)

    def look(session: Session) -> dict[str, Any]:
        of = capacity(session, name, caller)
        return {
            "of": of,
            "resource": resource(session, of.resource, visible_to=caller),
            "slots": slots(session, of, calendar_of(node), since, until),
            "keeps": may_write(caller, of.provider),
            "asked": allocations(session, caller, capacity=of.id).items
            if not caller.anonymous
            else (),
            "names": {item.id: local(request, item.name) for item in parties(session)},
        }

    found = await reading(node, look)
    found["resources"] = {found["resource"].id: found["resource"]}
    of: Capacity = found["of"]
    moment = now()
    context = (
        found
        | _words(request)
        | {
            "week": _week(found["slots"], monday, zone),
            "monday": monday,
            "now": moment,
            "earlier": link_to(request, week=(monday - timedelta(days=_WEEK)).isoformat(), f=None),
            "later": link_to(request, week=(monday + timedelta(days=_WEEK)).isoformat(), f=None),
            "open_slots": [one for one in found["slots"] if one.start > moment],
            "zone": zone,
            "typed": typed or {},
        }
    )
    twin = {
        "capacity": capacity_document(of),
        "slots": [slot_document(one) for one in found["slots"]],
    }
    return show(
        request,
        "capacity.html",
        context,
        twin=None if error else twin,
        error=error,
    )


async def _form(
    request: Request,
    node: Node,
    caller: Caller,
    name: str,
    said: dict[str, str],
    *,
    error: QuanyuError | None = None,
) -> Response:
    of = await reading(node, lambda session: resource(session, name, visible_to=caller))
    context = _words(request) | {
        "resource": of,
        "said": said,
    }
    return show(request, "capacity_new.html", context, error=error)


def _week(
    found: list[Slot], monday: date, zone: ZoneInfo
) -> tuple[list[date], list[tuple[str, list[Slot | None]]]]:
    """The days, and rows by the time of day at which slots begin."""
    days = [monday + timedelta(days=number) for number in range(_WEEK)]
    at = sorted(found, key=lambda one: (one.start.astimezone(zone).time(), one.start))
    rows = []
    for begins, group in groupby(at, key=lambda one: f"{one.start.astimezone(zone):%H:%M}"):
        by_day = {one.start.astimezone(zone).date(): one for one in group}
        rows.append((begins, [by_day.get(day) for day in days]))
    return days, rows


def _monday(request: Request, today: date) -> date:
    text = request.query_params.get("week", "")
    try:
        day = date.fromisoformat(text) if text else today
    except ValueError as error:
        raise Invalid("this is no day", field="week", mend="write it like 2026-10-05") from error
    if not date(2000, 1, 8) <= day <= date(2200, 1, 1):
        raise Invalid("this is no day", field="week", mend="write it like 2026-10-05")
    return day - timedelta(days=day.weekday())


def _words(request: Request) -> dict[str, Any]:
    return {
        "state_names": {key: say(request, said[0]) for key, said in STATES.items()},
        "state_tones": {key: said[1:] for key, said in STATES.items()},
        "day_names": [say(request, day) for day in WEEKDAY_NAMES],
    }
