"""Assets: inventories, the tree or a list with filters and a map, one asset, files brought in."""

from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.datastructures import UploadFile
from starlette.responses import Response

from quanyu.catalogue import may_write, resource
from quanyu.kernel import Invalid, PartyId, QuanyuError, now
from quanyu.operations import (
    ENTRY_UNITS,
    LIFE_CYCLE,
    AssetDraft,
    AssetState,
    EntryKind,
    OrderFilter,
    ancestors,
    asset,
    asset_counts,
    asset_document,
    asset_templates,
    change_asset,
    enter,
    entries_of,
    import_assets,
    inventories,
    let_read_assets,
    list_assets,
    list_work_orders,
    plan_maintenance,
    plans_of,
    read_assets,
    readers_of,
    run_hours,
    sums_below,
)
from quanyu.parties import Caller, parties
from quanyu.web.allocation_parameters import number
from quanyu.web.allocations import calendar_of
from quanyu.web.assets import day_of, filter_from, whole_asset
from quanyu.web.choices import one_of
from quanyu.web.node import Node
from quanyu.web.portal.layers import ground_of
from quanyu.web.portal.visit import (
    Member,
    TheNode,
    go,
    link_to,
    local,
    reading,
    say,
    show,
    writing,
)
from quanyu.web.portal.work_order_words import order_words
from quanyu.web.who import check_csrf_of
from quanyu.web.work_order_parameters import revision_from

router = APIRouter(include_in_schema=False)
STATES: dict[AssetState, tuple[str, str, str]] = {
    AssetState.PLANNED: ("Planned", "shared", "wait"),
    AssetState.IN_SERVICE: ("In service", "ok", "yes"),
    AssetState.UNDER_REPAIR: ("Under repair", "restricted", "duty"),
    AssetState.OUT_OF_SERVICE: ("Out of service", "bad", "no"),
    AssetState.RETIRED: ("Retired", "", "no"),
}
KINDS = {EntryKind.ENERGY: "Energy", EntryKind.WATER: "Water", EntryKind.COST: "Cost"}
_PAGE, _GROUND, _MOST_FILE = 100, 6, 64 << 20
_FILTERS = ("below", "parent", "template", "state", "q", "tops")


@router.get("/assets")
async def overview(request: Request, node: TheNode, caller: Member) -> Response:
    """Inventories that the caller may read."""

    def look(session: Session) -> list[dict[str, Any]]:
        return [
            {"resource": of, "title": local(request, title), "slug": slug, "count": count}
            for of, title, slug, count in inventories(session, caller)
        ]

    found = {"items": await reading(node, look)}
    return show(request, "assets.html", found, twin=found)


@router.get("/assets/{slug}")
async def inventory_page(
    request: Request, node: TheNode, caller: Member, slug: str, after: str | None = None
) -> Response:
    """An inventory: its tree from the top, or a list by filters, with a map."""
    return await _inventory(request, node, caller, slug, after)


@router.post("/assets/{slug}")
async def keeping(request: Request, node: TheNode, caller: Member, slug: str) -> Response:
    """Bring in a file, or say who may read the inventory."""
    await check_csrf_of(request)
    form = await request.form()

    def write(session: Session) -> None:
        of = resource(session, slug, visible_to=caller).id
        if form.get("step") == "readers":
            readers = [PartyId(str(one)) for one in form.getlist("readers") if one]
            let_read_assets(session, of, caller, readers)
            return
        import_assets(session, of, caller, read_assets(data, str(form.get("template", ""))))

    try:
        file = form.get("file")
        data = b""
        if form.get("step") != "readers":
            if not isinstance(file, UploadFile) or not file.filename:
                raise Invalid("choose a file", field="file", mend="CSV or GeoJSON")
            data = await file.read(_MOST_FILE)
        await writing(node, write)
    except QuanyuError as error:
        return await _inventory(request, node, caller, slug, None, error=error)
    return go(f"/assets/{slug}")


@router.get("/assets/{slug}/{name:path}")
async def asset_page(
    request: Request, node: TheNode, caller: Member, slug: str, name: str
) -> Response:
    """One asset: what it is a part of, what it needs, what was done to it, what it costs."""
    return await _asset(request, node, caller, slug, name)


@router.post("/assets/{slug}/{name:path}")
async def caring(request: Request, node: TheNode, caller: Member, slug: str, name: str) -> Response:
    """Change its state, plan maintenance, enter energy or cost, say how long it ran."""
    await check_csrf_of(request)
    form = {key: str(value) for key, value in (await request.form()).items()}

    def write(session: Session) -> None:
        of = resource(session, slug, visible_to=caller).id
        match form.get("step"):
            case "state":
                was = asset(session, of, name, caller)
                said = {field: getattr(was, field) for field in AssetDraft.__dataclass_fields__}
                said["state"] = one_of(AssetState, form.get("state", ""), "state")
                revision = revision_from(form.get("revision"))
                change_asset(session, of, name, caller, AssetDraft(**said), revision=revision)
            case "plan":
                plan_maintenance(
                    session,
                    of,
                    name,
                    caller,
                    title=form.get("title", ""),
                    category=form.get("category", "maintenance"),
                    every_days=_number(form, "every_days"),
                    every_hours=_number(form, "every_hours"),
                    first=day_of(form["first"], "first") if form.get("first") else None,
                    calendar=calendar_of(node),
                )
            case "entry":
                kind = one_of(EntryKind, form.get("kind", ""), "kind")
                enter(
                    session,
                    of,
                    name,
                    caller,
                    kind=kind,
                    since=day_of(form.get("since"), "since"),
                    until=day_of(form.get("until"), "until"),
                    amount=_amount(form.get("amount", ""), kind),
                    note=form.get("note", ""),
                )
            case "hours":
                hours = number(form.get("hours", ""), "hours")
                run_hours(session, of, name, caller, hours)
            case _:
                raise Invalid(
                    "there is no such step", field="step", mend="use the buttons of the page"
                )

    try:
        await writing(node, write)
    except QuanyuError as error:
        return await _asset(request, node, caller, slug, name, typed=form, error=error)
    return go(f"/assets/{slug}/{quote(name)}")


async def _inventory(
    request: Request,
    node: Node,
    caller: Caller,
    slug: str,
    after: str | None,
    *,
    error: QuanyuError | None = None,
) -> Response:
    said = {key: value for key, value in request.query_params.items() if key in _FILTERS and value}
    wanted = filter_from(said or {"tops": "1"})

    def look(session: Session) -> dict[str, Any]:
        of = resource(session, slug, visible_to=caller)
        keeps = may_write(caller, of.provider)
        page = list_assets(session, of.id, caller, wanted, limit=_PAGE, after=after)
        return {
            "resource": of,
            "items": page.items,
            "next": page.next,
            "counts": asset_counts(session, of.id, caller),
            "keeps": keeps,
            "parties": [(one.id, local(request, one.name)) for one in parties(session)]
            if keeps
            else [],
            "readers": readers_of(session, of.id) if keeps else (),
        }

    found = await reading(node, look)
    points = [
        {
            "lon": one.lon,
            "lat": one.lat,
            "title": one.name,
            "href": f"/assets/{slug}/{quote(one.id)}",
        }
        for one in found["items"]
        if one.lon is not None
    ]
    context = (
        found
        | asset_words(request)
        | {
            "said": {name: said.get(name, "") for name in _FILTERS},
            "filtered": bool(said),
            "points": points,
            "island": {
                "layers": await ground_of(request, _GROUND) if points else [],
                "points": points,
            },
            "next_href": link_to(request, after=found["next"]) if found["next"] else None,
        }
    )
    twin = {"items": [asset_document(one) for one in found["items"]], "next": found["next"]}
    return show(request, "assets_of.html", context, twin=None if error else twin, error=error)


async def _asset(
    request: Request,
    node: Node,
    caller: Caller,
    slug: str,
    name: str,
    *,
    typed: dict[str, str] | None = None,
    error: QuanyuError | None = None,
) -> Response:
    def look(session: Session) -> dict[str, Any]:
        of = resource(session, slug, visible_to=caller)
        one = asset(session, of.id, name, caller)
        orders = OrderFilter(resource=of.id, thing=one.id)
        return {
            "resource": of,
            "one": one,
            "above": ancestors(session, one),
            "below": list_assets(
                session, of.id, caller, filter_from({"parent": one.id}), limit=_PAGE
            ).items,
            "plans": plans_of(session, of.id, one.id, caller),
            "entries": entries_of(session, of.id, one.id, caller, 50),
            "sums": sums_below(session, of.id, one.id, caller),
            "orders": list_work_orders(session, caller, orders, limit=20).items,
            "names": {item.id: local(request, item.name) for item in parties(session)},
            "keeps": may_write(caller, of.provider),
            "twin": whole_asset(session, of.id, one.id, caller),
        }

    found = await reading(node, look)
    one, twin = found["one"], found.pop("twin")
    points = [{"lon": one.lon, "lat": one.lat, "title": one.name}] if one.lon is not None else []
    names = asset_templates()[one.template].attribute_names()
    context = found | asset_words(request) | order_words(request) | {
        "attributes": [
            (local(request, names[key][0]) if key in names else key, _shown(value),
             names[key][1] if key in names else "")
            for key, value in one.attributes.items()
        ],
        "nexts": sorted(LIFE_CYCLE[one.state]),
        "island": {"layers": await ground_of(request, _GROUND) if points else [], "points": points},
        "now": now(),
        "typed": typed or {},
    }  # fmt: skip
    return show(request, "asset.html", context, twin=None if error else twin, error=error)


def asset_words(request: Request) -> dict[str, Any]:
    """What templates of assets speak with."""
    return {
        "asset_states": {key: say(request, said[0]) for key, said in STATES.items()},
        "asset_tones": {key: said[1:] for key, said in STATES.items()},
        "template_names": {key: local(request, one.name) for key, one in asset_templates().items()},
        "kind_names": {key: say(request, text) for key, text in KINDS.items()},
        "said_amount": said_amount,
        "units": ENTRY_UNITS,
    }


def said_amount(kind: EntryKind, amount: int) -> tuple[float, str]:
    """An amount as people read it: kWh, m³, yuan."""
    unit = {EntryKind.ENERGY: "kWh", EntryKind.WATER: "m³", EntryKind.COST: "¥"}[kind]
    return amount / (100 if kind is EntryKind.COST else 1000), unit


def _amount(text: str, kind: EntryKind) -> int:
    """What people typed (kWh, m³, yuan) as whole Wh, L or 分; raises :class:`Invalid`."""
    digits = 2 if kind is EntryKind.COST else 3
    whole, _, part = text.strip().removeprefix("-").partition(".")
    if not (whole.isdecimal() and len(whole) < 12 and len(part) <= digits and
            (part.isdecimal() or not part)):  # fmt: skip
        raise Invalid(
            "this is no amount of it",
            field="amount",
            mend="a number with {digits} decimals at most",
            digits=digits,
        )
    found = int(whole + part.ljust(digits, "0"))
    return -found if text.strip().startswith("-") else found


def _number(form: dict[str, str], field: str) -> int | None:
    return number(form[field], field) if form.get(field, "").strip() else None


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
