"""Work orders over HTTP as JSON: opened, listed, moved, with photos; figures; CSV."""

from collections.abc import AsyncIterator, Collection
from typing import Any

import orjson
from sqlalchemy.orm import Session
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from quanyu.kernel import Invalid, MemberId, PartyId, TooLarge, now
from quanyu.operations import (
    FiguresBy,
    OrderMove,
    WorkOrder,
    all_work_orders,
    appoint_member,
    figures_document,
    list_work_orders,
    move_work_order,
    newest_step,
    open_for_correction,
    open_work_order,
    order_document,
    orders_csv,
    photo_bytes,
    redraw,
    service_levels,
    whole_order_document,
    work_order,
    work_order_figures,
)
from quanyu.web.choices import one_of
from quanyu.web.in_control import reading, writing
from quanyu.web.json_body import read_object
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.node import node_of
from quanyu.web.pages import language_of
from quanyu.web.parameters import check_known, read, whole
from quanyu.web.told_changes import tell_changes
from quanyu.web.who import check_csrf_of, signed_in
from quanyu.web.work_order_parameters import (
    FILTERS,
    draft_from,
    filter_from,
    revision_from,
)

_DRAFT = frozenset({"category", "title", "text", "priority", "resource", "thing", "source",
                    "correction", "party", "member", "lon", "lat", "address",
                    "division"})  # fmt: skip
_MOVE = frozenset({"move", "revision", "note", "party", "member"})
_PHOTO = 20 << 20


async def listing(request: Request) -> Response:
    """``GET /api/work-orders``: orders that the caller may know of, by filters, page by page."""
    node, caller = node_of(request), await signed_in(request)
    said = _parameters(request, {*FILTERS, "limit", "after", "f"})
    moment = now()
    wanted = filter_from(said, moment, node.settings.time_zone)
    limit = whole(said, "limit", 50, least=1, most=1000)

    def look(session: Session) -> dict[str, Any]:
        page = list_work_orders(session, caller, wanted, limit=limit, after=said.get("after"))
        items = [order_document(one, moment) for one in page.items]
        return {"items": items, "next": page.next}

    return _json(await reading(node, look))


async def opening(request: Request) -> Response:
    """``POST /api/work-orders``: open one; with ``correction`` it is made of that request."""
    node, caller = node_of(request), await signed_in(request)
    await check_csrf_of(request)
    said = await read_object(request, _DRAFT)
    draft, asked = draft_from(said), said.get("correction")
    if asked is not None and not isinstance(asked, str):
        raise Invalid("a text is needed here", field="correction")

    def write(session: Session) -> dict[str, Any]:
        if asked:
            days = node.settings.correction_fix_days
            one = open_for_correction(session, asked, draft, caller, days=days)
        else:
            one = open_work_order(session, draft, caller)
        return whole_order_document(session, one, caller, now())

    made = await writing(node, write)
    return _json(made, 201, {"location": f"/api/work-orders/{made['id']}"})


async def events(request: Request) -> Response:
    """``GET /api/work-orders/events``: server-sent events, one whenever an order that the caller
    may know of has moved.

    An event has no order in it: what the caller may see is asked for anew.
    """
    caller = await signed_in(request)
    return tell_changes(request, "work-orders", lambda s: str(newest_step(s, caller)))


async def one_order(request: Request) -> Response:
    """``GET /api/work-orders/{id}``: an order, its course, its photos, what may be done now."""
    node, caller, name = node_of(request), await signed_in(request), request.path_params["name"]
    return _json(
        await reading(
            node, lambda s: whole_order_document(s, work_order(s, name, caller), caller, now())
        )
    )


async def moving(request: Request) -> Response:
    """``POST /api/work-orders/{id}/moves``: one step of the table of transitions."""
    node, caller, name = node_of(request), await signed_in(request), request.path_params["name"]
    await check_csrf_of(request)
    said = await read_object(request, _MOVE)
    for field in ("move", "note", "party", "member"):
        if not isinstance(said.get(field, ""), str):
            raise Invalid("a text is needed here", field=field)
    revision = revision_from(said.get("revision"))
    member = MemberId(said["member"]) if said.get("member") else None

    def write(session: Session) -> dict[str, Any]:
        one: WorkOrder
        if said.get("move") == "appoint":
            one = appoint_member(session, name, caller, member or MemberId(""), revision=revision)
        else:
            one = move_work_order(
                session,
                name,
                caller,
                one_of(OrderMove, said.get("move", ""), "move"),
                revision=revision,
                note=said.get("note", ""),
                to_party=PartyId(said["party"]) if said.get("party") else None,
                to_member=member,
            )
        return whole_order_document(session, one, caller, now())

    return _json(await writing(node, write))


async def adding_photo(request: Request) -> Response:
    """``POST /api/work-orders/{id}/photos``: a JPEG, PNG or WebP file as the body."""
    node, caller, name = node_of(request), await signed_in(request), request.path_params["name"]
    await check_csrf_of(request)
    await reading(node, lambda s: work_order(s, name, caller))  # before anything is decoded
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > _PHOTO:
            raise TooLarge("the body passes the limit of this node", field="photo")
    picture = await run_in_threadpool(redraw, bytes(data))

    def write(session: Session) -> dict[str, Any]:
        one = move_work_order(session, name, caller, OrderMove.NOTE, photos=(picture,))
        return whole_order_document(session, one, caller, now())

    return _json(await writing(node, write), 201)


async def photo(request: Request) -> Response:
    """``GET /work-orders/{id}/photos/{photo}``: a photo as JPEG, for who may see the order."""
    node, caller = node_of(request), await signed_in(request)
    name, which = request.path_params["name"], request.path_params["photo"]
    data = await reading(node, lambda s: photo_bytes(s, work_order(s, name, caller).id, which))
    headers = {"cache-control": "private, max-age=3600", "content-disposition": "inline"}
    return Response(data, headers=headers, media_type=MEDIA_TYPES["jpeg"])


async def categories(request: Request) -> Response:
    """``GET /api/work-orders/categories``: the table of categories and their service levels."""
    await signed_in(request)
    found = [
        {
            "id": one.id,
            "name": {"zh": one.name.zh, "en": one.name.en},
            "within": {key.value: f"{w.amount} {w.unit}" for key, w in one.within.items()},
            "party": one.party,
        }
        for one in service_levels().categories.values()
    ]
    return _json({"categories": found})


async def figures(request: Request) -> Response:
    """``GET /api/work-orders/figures?by=``: how orders went, of all, by party or category."""
    node, caller = node_of(request), await signed_in(request)
    said = _parameters(request, {*FILTERS, "by"})
    by, moment = one_of(FiguresBy, said.get("by", "all"), "by"), now()
    wanted = filter_from(said, moment, node.settings.time_zone)
    found = await reading(
        node, lambda s: work_order_figures(s, caller, moment, by=by, wanted=wanted)
    )
    return _json({"by": by.value, "figures": [figures_document(one) for one in found]})


async def as_csv(request: Request) -> Response:
    """``GET /work-orders.csv``: every order that the caller may know of, by filters."""
    node, caller = node_of(request), await signed_in(request)
    said = _parameters(request, {*FILTERS, "lang"})
    moment, language = now(), language_of(request)
    wanted = filter_from(said, moment, node.settings.time_zone)

    async def lines() -> AsyncIterator[bytes]:
        with node.control.read() as session:
            found = all_work_orders(session, caller, wanted)
            async for line in iterate_in_threadpool(orders_csv(session, found, moment, language)):
                yield line

    headers = {
        "content-disposition": 'attachment; filename="work-orders.csv"',
        "cache-control": "private, no-cache",
    }
    return StreamingResponse(lines(), media_type="text/csv; charset=utf-8", headers=headers)


def routes() -> list[Route]:
    """Routes of work orders."""
    return [
        Route("/api/work-orders", listing),
        Route("/api/work-orders", opening, methods=["POST"]),
        Route("/api/work-orders/categories", categories),
        Route("/api/work-orders/figures", figures),
        Route("/api/work-orders/events", events),
        Route("/api/work-orders/{name}", one_order),
        Route("/api/work-orders/{name}/moves", moving, methods=["POST"]),
        Route("/api/work-orders/{name}/photos", adding_photo, methods=["POST"]),
        Route("/work-orders/{name}/photos/{photo}", photo),
        Route("/work-orders.csv", as_csv),
    ]


def _parameters(request: Request, known: Collection[str]) -> dict[str, str]:
    said = read(request)
    check_known(said, known)
    return said


def _json(said: dict[str, Any], status: int = 200, more: dict[str, str] | None = None) -> Response:
    headers = {"cache-control": "private, no-cache", **(more or {})}
    return Response(orjson.dumps(said), status, headers, MEDIA_TYPES["json"])
