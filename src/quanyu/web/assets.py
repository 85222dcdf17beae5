"""Inventories of assets over HTTP: listed, registered, imported, maintained, accounted."""

from collections.abc import Callable
from datetime import date
from typing import Any

import orjson
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.catalogue import resource
from quanyu.kernel import Invalid, PartyId, ResourceId, TooLarge
from quanyu.operations import (
    AssetFilter,
    AssetState,
    EntryKind,
    asset,
    asset_document,
    asset_draft,
    asset_templates,
    change_asset,
    end_plan,
    enter,
    entries_of,
    entry_document,
    import_assets,
    let_read_assets,
    list_assets,
    plan_document,
    plan_maintenance,
    plans_of,
    read_assets,
    register_asset,
    run_hours,
    sums_below,
    sums_document,
)
from quanyu.parties import Caller
from quanyu.web.allocation_parameters import number
from quanyu.web.allocations import calendar_of
from quanyu.web.choices import one_of
from quanyu.web.in_control import reading, writing
from quanyu.web.json_body import read_object
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.node import node_of
from quanyu.web.parameters import check_known, read, whole
from quanyu.web.who import check_csrf_of, signed_in
from quanyu.web.work_order_parameters import revision_from

_ASSET = frozenset({"id", "name", "template", "parent", "state", "lon", "lat", "address",
                    "division", "since", "party", "attributes", "revision"})  # fmt: skip
_MOST_FILE = 64 << 20
Work = Callable[[Session, ResourceId, Caller], Any]


async def templates(_request: Request) -> Response:
    """``GET /api/asset-templates``: kinds of assets with the JSON Schema of their attributes."""
    found = [
        {"id": one.id, "name": {"zh": one.name.zh, "en": one.name.en}, "schema": one.schema}
        for one in asset_templates().values()
    ]
    return _json({"templates": found})


async def listing(request: Request) -> Response:
    """``GET /api/resources/{resource}/assets``: the inventory, in the order of its tree."""
    said = read(request)
    check_known(said, {"below", "parent", "template", "state", "q", "tops", "limit", "after"})
    wanted = filter_from(said)
    limit = whole(said, "limit", 100, least=1, most=10_000)

    def look(session: Session, of: ResourceId, caller: Caller) -> dict[str, Any]:
        page = list_assets(session, of, caller, wanted, limit=limit, after=said.get("after"))
        return {"items": [asset_document(one) for one in page.items], "next": page.next}

    return _json(await _look(request, look))


async def registering(request: Request) -> Response:
    """``POST /api/resources/{resource}/assets``: register one."""
    await check_csrf_of(request)
    draft = asset_draft(await read_object(request, _ASSET - {"revision"}))
    made = await _change(
        request, lambda s, of, caller: asset_document(register_asset(s, of, caller, draft))
    )
    return _json(made, 201)


async def importing(request: Request) -> Response:
    """``POST /api/resources/{resource}/assets/import``: a CSV or GeoJSON file as the body; all of
    it or nothing. ``template`` is of those that name none."""
    await check_csrf_of(request)
    said = read(request)
    check_known(said, {"template"})
    await signed_in(request)
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > _MOST_FILE:
            raise TooLarge("the body passes the limit of this node", field="file")

    def write(session: Session, of: ResourceId, caller: Caller) -> dict[str, Any]:
        drafts = read_assets(bytes(data), said.get("template", ""))
        made = import_assets(session, of, caller, drafts)
        return {"added": made.added, "changed": made.changed, "same": made.same}

    return _json(await _change(request, write))


async def one_asset(request: Request) -> Response:
    """``GET /api/resources/{resource}/assets/{id}``: an asset, its plans, entries and sums."""
    name = request.path_params["name"]

    def look(session: Session, of: ResourceId, caller: Caller) -> dict[str, Any]:
        return whole_asset(session, of, name, caller)

    return _json(await _look(request, look))


async def changing(request: Request) -> Response:
    """``PUT /api/resources/{resource}/assets/{id}``: say anew what is said of it."""
    await check_csrf_of(request)
    name = request.path_params["name"]
    said = await read_object(request, _ASSET)
    draft, revision = asset_draft({**said, "id": name}), revision_from(said.get("revision"))
    return _json(
        await _change(
            request,
            lambda s, of, caller: asset_document(
                change_asset(s, of, name, caller, draft, revision=revision)
            ),
        )
    )


async def running(request: Request) -> Response:
    """``PUT /api/resources/{resource}/assets/{id}/hours``: how many hours it has run in all."""
    await check_csrf_of(request)
    name = request.path_params["name"]
    hours = number((await read_object(request, frozenset({"hours"}))).get("hours"), "hours")
    return _json(
        await _change(
            request, lambda s, of, caller: asset_document(run_hours(s, of, name, caller, hours))
        )
    )


async def planning(request: Request) -> Response:
    """``POST /api/resources/{resource}/assets/{id}/plans``: maintenance owed again and again."""
    await check_csrf_of(request)
    name, node = request.path_params["name"], node_of(request)
    members = frozenset({"title", "category", "every_days", "every_hours", "first"})
    said = await read_object(request, members)

    def write(session: Session, of: ResourceId, caller: Caller) -> dict[str, Any]:
        made = plan_maintenance(
            session,
            of,
            name,
            caller,
            title=str(said.get("title", "")),
            category=str(said.get("category", "maintenance")),
            every_days=_optional(said.get("every_days"), "every_days"),
            every_hours=_optional(said.get("every_hours"), "every_hours"),
            first=day_of(said["first"], "first") if said.get("first") else None,
            calendar=calendar_of(node),
        )
        return plan_document(made)

    return _json(await _change(request, write), 201)


async def ending(request: Request) -> Response:
    """``DELETE /api/resources/{resource}/assets/{id}/plans/{plan}``."""
    await check_csrf_of(request)
    name, plan = request.path_params["name"], request.path_params["plan"]
    await _change(request, lambda s, of, caller: end_plan(s, of, name, plan, caller))
    return Response(status_code=204)


async def entering(request: Request) -> Response:
    """``POST /api/resources/{resource}/assets/{id}/entries``: energy, water or money of a time."""
    await check_csrf_of(request)
    name = request.path_params["name"]
    said = await read_object(request, frozenset({"kind", "since", "until", "amount", "note"}))
    amount = said.get("amount")
    if type(amount) is not int:
        raise Invalid(
            "give a whole number of Wh, L or 分", field="amount", mend="such as 25000 for 25 kWh"
        )

    def write(session: Session, of: ResourceId, caller: Caller) -> dict[str, Any]:
        made = enter(
            session,
            of,
            name,
            caller,
            kind=one_of(EntryKind, str(said.get("kind", "")), "kind"),
            since=day_of(said.get("since"), "since"),
            until=day_of(said.get("until"), "until"),
            amount=amount,
            note=str(said.get("note", "")),
        )
        return entry_document(made)

    return _json(await _change(request, write), 201)


async def letting(request: Request) -> Response:
    """``PUT /api/resources/{resource}/asset-readers``: which other parties may read it."""
    await check_csrf_of(request)
    said = (await read_object(request, frozenset({"readers"}))).get("readers")
    if not isinstance(said, list) or not all(isinstance(one, str) for one in said):
        raise Invalid("a list of parties is needed here", field="readers")
    readers = [PartyId(one) for one in said]
    await _change(request, lambda s, of, caller: let_read_assets(s, of, caller, readers))
    return _json({"readers": said})


def whole_asset(session: Session, of: ResourceId, name: str, caller: Caller) -> dict[str, Any]:
    """An asset with its plans, its entries and the sums of all below it."""
    found = asset(session, of, name, caller)
    return asset_document(found) | {
        "plans": [plan_document(one) for one in plans_of(session, of, name, caller)],
        "entries": [entry_document(one) for one in entries_of(session, of, name, caller)],
        "sums": sums_document(sums_below(session, of, name, caller)),
    }


def filter_from(said: dict[str, str]) -> AssetFilter:
    """The filter in an address; raises :class:`Invalid` naming what is wrong."""
    state = said.get("state", "")
    template = said.get("template", "")
    if template and template not in asset_templates():
        raise Invalid(
            "this filter has no such value", field="template", mend="choose among the filters shown"
        )
    return AssetFilter(
        below=said.get("below", ""),
        parent=said.get("parent", ""),
        template=template,
        state=one_of(AssetState, state, "state") if state else None,
        text=said.get("q", ""),
        tops=said.get("tops", "") in ("1", "true"),
    )


def day_of(text: Any, field: str) -> date:
    """A day; raises :class:`Invalid` on ``field``."""
    try:
        return date.fromisoformat(str(text or ""))
    except ValueError as error:
        raise Invalid("this is no day", field=field, mend="write it like 2026-05-01") from error


def routes() -> list[Route]:
    """Routes of inventories."""
    base = "/api/resources/{resource}/assets"
    return [
        Route("/api/asset-templates", templates),
        Route("/api/resources/{resource}/asset-readers", letting, methods=["PUT"]),
        Route(base, listing),
        Route(base, registering, methods=["POST"]),
        Route(f"{base}/import", importing, methods=["POST"]),
        # Ids may have slashes: what comes behind one is looked for first.
        Route(f"{base}/{{name:path}}/hours", running, methods=["PUT"]),
        Route(f"{base}/{{name:path}}/plans", planning, methods=["POST"]),
        Route(f"{base}/{{name:path}}/plans/{{plan}}", ending, methods=["DELETE"]),
        Route(f"{base}/{{name:path}}/entries", entering, methods=["POST"]),
        Route(f"{base}/{{name:path}}", one_asset),
        Route(f"{base}/{{name:path}}", changing, methods=["PUT"]),
    ]


def _optional(value: Any, field: str) -> int | None:
    return None if value is None or value == "" else number(value, field)


async def _look(request: Request, look: Work) -> Any:
    node, caller, name = node_of(request), await signed_in(request), request.path_params["resource"]
    return await reading(node, lambda s: look(s, resource(s, name, visible_to=caller).id, caller))


async def _change(request: Request, change: Work) -> Any:
    node, caller, name = node_of(request), await signed_in(request), request.path_params["resource"]
    return await writing(node, lambda s: change(s, resource(s, name, visible_to=caller).id, caller))


def _json(said: dict[str, Any], status: int = 200) -> Response:
    headers = {"cache-control": "private, no-cache"}
    return Response(orjson.dumps(said), status, headers, MEDIA_TYPES["json"])
