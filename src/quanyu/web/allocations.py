"""Capacity and its allocation over HTTP: JSON, and iCalendar of what a party has."""

from datetime import timedelta
from typing import Any

import orjson
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.catalogue import resource
from quanyu.kernel import Calendar, Invalid, now, read_calendar
from quanyu.operations import (
    AllocationMove,
    AllocationState,
    allocations,
    an_allocation,
    capacities,
    capacity,
    change_capacity,
    move_allocation,
    offer_capacity,
    request_allocation,
    slots,
    zoned_instant,
)
from quanyu.web.allocation_documents import (
    allocation_document,
    as_icalendar,
    capacity_document,
    slot_document,
)
from quanyu.web.allocation_parameters import CAPACITY, capacity_from, number
from quanyu.web.choices import one_of
from quanyu.web.in_control import reading, writing
from quanyu.web.json_body import read_object
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.node import Node, base_of, node_of
from quanyu.web.pages import language_of
from quanyu.web.parameters import check_known, read, whole
from quanyu.web.who import caller_of, check_csrf_of, signed_in
from quanyu.web.work_order_parameters import revision_from

_REQUEST = frozenset({"since", "until", "amount", "purpose", "wait"})
_MOVE = frozenset({"move", "note", "revision"})
_WEEK = timedelta(days=7)


def calendar_of(node: Node) -> Calendar:
    """The node's days."""
    return read_calendar(node.settings.holidays_file, node.settings.time_zone)


async def listing(request: Request) -> Response:
    """``GET /api/capacities``: what can be asked for; of one resource with ``resource``."""
    node, caller = node_of(request), await caller_of(request)
    said = read(request)
    check_known(said, {"resource"})

    def look(session: Session) -> dict[str, Any]:
        name = said.get("resource")
        of = resource(session, name, visible_to=caller).id if name else None
        return {"items": [capacity_document(one) for one in capacities(session, caller, of=of)]}

    return _json(await reading(node, look))


async def offering(request: Request) -> Response:
    """``POST /api/resources/{resource}/capacities``: offer capacity of a resource."""
    node, caller = node_of(request), await signed_in(request)
    await check_csrf_of(request)
    draft = capacity_from(await read_object(request, CAPACITY - {"open", "revision"}))
    name = request.path_params["resource"]

    def write(session: Session) -> dict[str, Any]:
        of = resource(session, name, visible_to=caller).id
        return capacity_document(offer_capacity(session, of, caller, draft))

    made = await writing(node, write)
    return _json(made, 201, {"location": f"/api/capacities/{made['id']}"})


async def one_capacity(request: Request) -> Response:
    """``GET /api/capacities/{id}``."""
    node, caller, name = node_of(request), await caller_of(request), request.path_params["name"]
    return _json(
        await reading(node, lambda session: capacity_document(capacity(session, name, caller)))
    )


async def changing(request: Request) -> Response:
    """``PUT /api/capacities/{id}``: change what is offered, or with ``open`` false end it."""
    node, caller, name = node_of(request), await signed_in(request), request.path_params["name"]
    await check_csrf_of(request)
    said = await read_object(request, CAPACITY)
    draft, still = capacity_from(said), said.get("open", True)
    if not isinstance(still, bool):
        raise Invalid("say true or false", field="open")
    revision = revision_from(said.get("revision"))

    def write(session: Session) -> dict[str, Any]:
        capacity(session, name, caller)
        return capacity_document(
            change_capacity(session, name, caller, draft, open_still=still, revision=revision)
        )

    return _json(await writing(node, write))


async def free_slots(request: Request) -> Response:
    """``GET /api/capacities/{id}/slots?since=&until=``: slots and how much of each is free."""
    node, caller, name = node_of(request), await caller_of(request), request.path_params["name"]
    said = read(request)
    check_known(said, {"since", "until"})
    zone = node.settings.time_zone
    since = zoned_instant(said["since"], "since", zone) if "since" in said else now()
    until = zoned_instant(said["until"], "until", zone) if "until" in said else since + _WEEK

    def look(session: Session) -> dict[str, Any]:
        of = capacity(session, name, caller)
        found = slots(session, of, calendar_of(node), since, until)
        return {"items": [slot_document(one) for one in found]}

    return _json(await reading(node, look))


async def requesting(request: Request) -> Response:
    """``POST /api/capacities/{id}/allocations``: ask for slots; with ``wait``, wait for them."""
    node, caller, name = node_of(request), await signed_in(request), request.path_params["name"]
    await check_csrf_of(request)
    said = await read_object(request, _REQUEST)
    zone, wait, purpose = node.settings.time_zone, said.get("wait", False), said.get("purpose", "")
    if not (isinstance(wait, bool) and isinstance(purpose, str)):
        raise Invalid("a text and true or false are needed here", field="purpose")

    def write(session: Session) -> dict[str, Any]:
        made = request_allocation(
            session,
            name,
            caller,
            since=zoned_instant(said.get("since"), "since", zone),
            until=zoned_instant(said.get("until"), "until", zone),
            amount=number(said.get("amount", 1), "amount"),
            purpose=purpose,
            wait=wait,
            calendar=calendar_of(node),
        )
        return allocation_document(made, caller)

    made = await writing(node, write)
    return _json(made, 201, {"location": f"/api/allocations/{made['id']}"})


async def own(request: Request) -> Response:
    """``GET /api/allocations``: what the caller's party has or keeps."""
    node, caller = node_of(request), await signed_in(request)
    said = read(request)
    check_known(said, {"capacity", "state", "mine", "limit", "after"})
    states = [one for one in said.get("state", "").split(",") if one]

    def look(session: Session) -> dict[str, Any]:
        page = allocations(
            session,
            caller,
            capacity=said.get("capacity", ""),
            states=frozenset(one_of(AllocationState, one, "state") for one in states),
            mine=said.get("mine", "") in ("1", "true"),
            limit=whole(said, "limit", 50, least=1, most=1000),
            after=said.get("after"),
        )
        items = [allocation_document(one, caller) for one in page.items]
        return {"items": items, "next": page.next}

    return _json(await reading(node, look))


async def one_allocation(request: Request) -> Response:
    """``GET /api/allocations/{id}``."""
    node, caller, name = node_of(request), await signed_in(request), request.path_params["name"]
    return _json(
        await reading(node, lambda s: allocation_document(an_allocation(s, name, caller), caller))
    )


async def moving(request: Request) -> Response:
    """``POST /api/allocations/{id}/moves``: approve, refuse, begin, return, cancel."""
    node, caller, name = node_of(request), await signed_in(request), request.path_params["name"]
    await check_csrf_of(request)
    said = await read_object(request, _MOVE)
    note = said.get("note", "")
    if not isinstance(note, str):
        raise Invalid("a text is needed here", field="note")

    def write(session: Session) -> dict[str, Any]:
        one = move_allocation(
            session,
            name,
            caller,
            one_of(AllocationMove, str(said.get("move", "")), "move"),
            calendar=calendar_of(node),
            note=note,
            revision=revision_from(said.get("revision")),
        )
        return allocation_document(one, caller)

    return _json(await writing(node, write))


async def feed(request: Request) -> Response:
    """``GET /allocations.ics``: what the caller's party has, as iCalendar."""
    node, caller = node_of(request), await signed_in(request)
    language, base = language_of(request), base_of(request)

    def look(session: Session) -> bytes:
        found = allocations(session, caller, mine=True, limit=1000).items
        titles = {one.resource: resource(session, one.resource).title for one in found}
        return as_icalendar(found, titles, base, language, now())

    headers = {
        "content-disposition": 'attachment; filename="allocations.ics"',
        "cache-control": "private, no-cache",
    }
    data = await reading(node, look)
    return Response(data, headers=headers, media_type="text/calendar; charset=utf-8")


def routes() -> list[Route]:
    """Routes of allocation."""
    return [
        Route("/api/capacities", listing),
        Route("/api/resources/{resource}/capacities", offering, methods=["POST"]),
        Route("/api/capacities/{name}", one_capacity),
        Route("/api/capacities/{name}", changing, methods=["PUT"]),
        Route("/api/capacities/{name}/slots", free_slots),
        Route("/api/capacities/{name}/allocations", requesting, methods=["POST"]),
        Route("/api/allocations", own),
        Route("/api/allocations/{name}", one_allocation),
        Route("/api/allocations/{name}/moves", moving, methods=["POST"]),
        Route("/allocations.ics", feed),
    ]


def _json(said: dict[str, Any], status: int = 200, more: dict[str, str] | None = None) -> Response:
    headers = {"cache-control": "private, no-cache", **(more or {})}
    return Response(orjson.dumps(said), status, headers, MEDIA_TYPES["json"])
