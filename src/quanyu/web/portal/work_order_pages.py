"""Work orders 工单: the board, one order, a new one, how they went."""

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from quanyu.catalogue import correction, resource
from quanyu.kernel import MemberId, PartyId, QuanyuError, now
from quanyu.operations import (
    OrderMove,
    WorkOrder,
    appoint_member,
    dispatches,
    leads,
    list_work_orders,
    move_name,
    move_work_order,
    moves_of,
    newest_step,
    open_for_correction,
    open_work_order,
    order_document,
    orders_by_state,
    photos_of,
    service_levels,
    whole_order_document,
    work_order,
    work_order_steps,
)
from quanyu.parties import Caller, member, members, parties
from quanyu.web.choices import one_of
from quanyu.web.node import Node
from quanyu.web.portal.layers import ground_of
from quanyu.web.portal.visit import (
    Member,
    TheNode,
    filter_of,
    go,
    link_to,
    local,
    reading,
    say,
    show,
    writing,
)
from quanyu.web.portal.work_order_words import (
    BOARD,
    order_words,
)
from quanyu.web.who import check_csrf_of
from quanyu.web.work_order_parameters import (
    draft_from,
    filter_from,
    pictures_from,
    revision_from,
)

router = APIRouter(include_in_schema=False)
SHOWN = {"all": "All", "mine": "Mine", "party": "For my party", "overdue": "Overdue"}
_EACH, _PAGE, _GROUND = 30, 50, 6


@router.get("/work-orders")
async def board(
    request: Request, node: TheNode, caller: Member, after: str | None = None
) -> Response:
    """What is owed, in columns by state; as a list with ``view=list``."""
    moment, said = now(), dict(request.query_params)
    show_only = filter_of(request, "show", SHOWN, "all")
    as_list = filter_of(request, "view", ("list", "board"), "board") == "list"
    said |= {"mine": "1"} if show_only == "mine" else {}
    said |= {"overdue": "1"} if show_only == "overdue" else {}
    said |= {"party": caller.party or ""} if show_only == "party" else {}
    wanted = filter_from(said, moment, node.settings.time_zone)

    def look(session: Session) -> dict[str, Any]:
        names = {one.id: local(request, one.name) for one in parties(session)}
        said: dict[str, Any] = {
            "items": (),
            "next": None,
            "columns": [],
            "names": names,
            "stands": str(newest_step(session, caller)),
        }
        if as_list or request.query_params.get("f") == "json":
            page = list_work_orders(session, caller, wanted, limit=_PAGE, after=after)
            return said | {"items": page.items, "next": page.next}
        found = orders_by_state(session, caller, wanted, _EACH)
        return said | {"columns": [(state, *found.get(state, (0, ()))) for state in BOARD]}

    found = await reading(node, look)
    choices = [
        {
            "name": say(request, name),
            "href": link_to(request, show=key, after=None, f=None),
            "on": key == show_only,
        }
        for key, name in SHOWN.items()
    ]
    context = (
        found
        | order_words(request)
        | {
            "now": moment,
            "choices": choices,
            "as_list": as_list,
            "category": said.get("category", ""),
            "priority": said.get("priority", ""),
            "show_only": show_only,
            "view_href": link_to(request, view="board" if as_list else "list", after=None, f=None),
            "csv_href": "/work-orders.csv" + _query(said),
            "next_href": link_to(request, after=found["next"]) if found["next"] else None,
        }
    )
    twin = {"items": [order_document(one, moment) for one in found["items"]], "next": found["next"]}
    return show(request, "work_orders.html", context, twin=twin)


@router.get("/work-orders/new")
async def new_page(request: Request, node: TheNode, caller: Member) -> Response:
    """The form of an order; of a correction request with ``correction``."""
    return await _form(request, node, caller, dict(request.query_params))


@router.post("/work-orders/new")
async def opening(request: Request, node: TheNode, caller: Member) -> Response:
    """Open it."""
    await check_csrf_of(request)
    form = await request.form()
    said = {key: value for key, value in form.items() if isinstance(value, str)}

    def write(session: Session) -> str:
        draft = draft_from({key: value for key, value in said.items() if key != "correction"})
        if said.get("correction"):
            days = node.settings.correction_fix_days
            return open_for_correction(
                session, said["correction"], draft, caller, days=days, photos=photos
            ).id
        return open_work_order(session, draft, caller, photos=photos).id

    try:
        photos = await pictures_from(form)
        made = await writing(node, write)
    except QuanyuError as error:
        return await _form(request, node, caller, said, error=error)
    return go(f"/work-orders/{made}")


@router.get("/work-orders/{name}")
async def order_page(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """One order: its course, its photos, where it is, what may be done now."""
    return await _order(request, node, caller, name)


@router.post("/work-orders/{name}")
async def moving(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """Take the step that the pressed button names."""
    await check_csrf_of(request)
    form = await request.form()
    said = {key: value for key, value in form.items() if isinstance(value, str)}

    def write(session: Session) -> None:
        revision = revision_from(said.get("revision"))
        to_member = MemberId(said["member"]) if said.get("member") else None
        if said.get("move") == "appoint":
            appoint_member(session, name, caller, to_member or MemberId(""), revision=revision)
            return
        move = one_of(OrderMove, said.get("move", ""), "move")
        handed = move in (OrderMove.ASSIGN, OrderMove.TRANSFER)
        move_work_order(
            session,
            name,
            caller,
            move,
            revision=revision,
            note=said.get("note", ""),
            to_party=PartyId(said["party"]) if handed and said.get("party") else None,
            photos=photos,
        )

    try:
        # Nothing is decoded for somebody who may not know of the order.
        await reading(node, lambda session: work_order(session, name, caller))
        photos = await pictures_from(form)
        await writing(node, write)
    except QuanyuError as error:
        return await _order(request, node, caller, name, typed=said, error=error)
    return go(f"/work-orders/{name}")


async def _order(
    request: Request,
    node: Node,
    caller: Caller,
    name: str,
    *,
    typed: dict[str, str] | None = None,
    error: QuanyuError | None = None,
) -> Response:
    moment = now()

    def look(session: Session) -> dict[str, Any]:
        one = work_order(session, name, caller)
        known = {item.id: local(request, item.name) for item in parties(session)}
        steps = work_order_steps(session, one.id)
        mine = {one.party, one.raiser}
        people = {
            who: member(session, who).name
            for who in {step.member for step in steps} | {one.member}
            if who is not None and caller.party in mine | {None}
        }
        moves = moves_of(caller, one)
        chooses = {OrderMove.ASSIGN, OrderMove.TRANSFER} & {row.move for row in moves}
        return {
            "one": one,
            "steps": steps,
            "photos": photos_of(session, one.id),
            "names": known,
            "people": people,
            "moves": [row for row in moves if row.move is not OrderMove.NOTE],
            "may_note": any(row.move is OrderMove.NOTE for row in moves),
            "parties": list(known.items()) if chooses else [],
            "team": _team(session, caller, one),
            "resource": resource(session, one.resource, visible_to=caller)
            if one.resource and _sees(session, caller, one.resource)
            else None,
            "twin": whole_order_document(session, one, caller, moment),
        }

    found = await reading(node, look)
    one: WorkOrder = found["one"]
    twin = found.pop("twin")
    layers = await ground_of(request, _GROUND) if one.place.lon is not None else []
    point = {"lon": one.place.lon, "lat": one.place.lat, "title": local(request, one.title)}
    context = (
        found
        | order_words(request)
        | {
            "now": moment,
            "move_name": lambda move: local(request, move_name(move)),
            "typed": typed or {},
            "island": {"layers": layers, "points": [point]},
        }
    )
    return show(request, "work_order.html", context, twin=None if error else twin, error=error)


async def _form(
    request: Request,
    node: Node,
    caller: Caller,
    said: dict[str, str],
    *,
    error: QuanyuError | None = None,
) -> Response:
    def look(session: Session) -> dict[str, Any]:
        asked = correction(session, said["correction"], caller) if said.get("correction") else None
        about = said.get("resource") or (asked.resource if asked else "")
        return {
            "asked": asked,
            "about": resource(session, about, visible_to=caller) if about else None,
            "parties": [(one.id, local(request, one.name)) for one in parties(session)]
            if dispatches(caller)
            else [],
        }

    found = await reading(node, look)
    if found["about"] is not None:
        said = said | {"resource": found["about"].id}
    context = (
        found
        | order_words(request)
        | {
            "said": said,
            "levels": service_levels().categories,
            "island": {"layers": await ground_of(request, _GROUND), "points": [], "pick": True},
        }
    )
    return show(request, "work_order_new.html", context, error=error)


def _team(session: Session, caller: Caller, one: WorkOrder) -> list[tuple[str, str]]:
    """Members whom the caller may give the order to."""
    if one.party is None or not leads(caller, one):
        return []
    return [(who.id, who.name) for who in members(session, one.party) if who.active]


def _sees(session: Session, caller: Caller, of: str) -> bool:
    try:
        resource(session, of, visible_to=caller)
    except QuanyuError:  # withdrawn since: not for this caller to know of any more
        return False
    return True


def _query(said: dict[str, str]) -> str:
    kept = {
        key: value
        for key, value in said.items()
        if key in ("category", "priority", "party", "mine", "overdue", "lang") and value
    }
    return f"?{urlencode(kept)}" if kept else ""
