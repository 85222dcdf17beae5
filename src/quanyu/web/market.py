"""The market over HTTP: offers, their prices, and uses that a provider answered elsewhere."""

from datetime import datetime
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.agreements import close_offer, offer
from quanyu.catalogue import resource
from quanyu.kernel import Invalid
from quanyu.market import (
    Priced,
    Reported,
    plan_document,
    plan_of,
    price_offer,
    put_forward,
    report_uses,
    sharing_document,
)
from quanyu.web.json_body import read_object
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.node import node_of
from quanyu.web.who import caller_of, check_csrf_of, signed_in

_PRICE = ("plan", "sharing", "level")
_OFFER = frozenset({"resource", "policy", "replaces", *_PRICE})
_USE = {"id", "agreement", "at", "rows", "bytes", "purpose"}


async def make_offer(request: Request) -> Response:
    """``POST /market/offers``: put an offer forward with its price, in place of another perhaps."""
    caller = await signed_in(request)
    await check_csrf_of(request)
    said = await read_object(request, _OFFER)
    _check_objects(said, "policy", *_PRICE)
    texts = {name: said.get(name, "") for name in ("resource", "replaces")}
    for name, value in texts.items():
        if not isinstance(value, str):
            raise Invalid("a text is needed here", field=name)
    price = {"plan": {"kind": "free"}} | {name: said[name] for name in _PRICE if name in said}
    node = node_of(request)

    def write() -> Priced:
        with node.control.begin() as session:
            return put_forward(
                session,
                caller,
                texts["resource"],
                said.get("policy", {}),
                price,
                replaces=texts["replaces"],
            )

    made = await run_in_threadpool(write)
    return _json(_priced(made), 201, location=f"/offers/{made.offer}")


async def withdraw_offer(request: Request) -> Response:
    """``DELETE /market/offers/{offer}``: take an offer back; agreements made from it stay."""
    caller = await signed_in(request)
    await check_csrf_of(request)
    node, name = node_of(request), request.path_params["offer"]

    def write() -> dict[str, Any]:
        with node.control.begin() as session:
            made = close_offer(session, caller, name)
        return {"offer": made.id, "open": made.open}

    return _json(await run_in_threadpool(write))


async def offer_price(request: Request) -> Response:
    """``GET /market/offers/{offer}/price``: the price plan of an offer, for all who may see its
    resource."""
    node, name = node_of(request), request.path_params["offer"]
    caller = await caller_of(request)

    def read() -> Priced:
        with node.control.read() as session:
            resource(session, offer(session, name).resource, visible_to=caller)
            return plan_of(session, name)

    return _json(_priced(await run_in_threadpool(read)))


async def put_price(request: Request) -> Response:
    """``PUT /market/offers/{offer}/price``: put a plan, a sharing and a service level to an offer,
    once."""
    caller = await signed_in(request)
    await check_csrf_of(request)
    said = await read_object(request, frozenset(_PRICE))
    _check_objects(said, *_PRICE)
    node, name = node_of(request), request.path_params["offer"]

    def write() -> Priced:
        with node.control.begin() as session:
            plan, level = said.get("plan", {}), said.get("level")
            return price_offer(session, caller, name, plan, said.get("sharing"), level=level)

    return _json(_priced(await run_in_threadpool(write)))


async def report(request: Request) -> Response:
    """``POST /market/uses``: uses that the caller's party answered elsewhere, all or none.

    The same id and content again is taken as known (200); another content is 409.
    """
    caller = await signed_in(request)
    await check_csrf_of(request)
    said = await read_object(request, frozenset({"uses"}))
    given = said.get("uses")
    if not isinstance(given, list):
        raise Invalid("a list of uses is needed here", field="uses")
    uses = [_use(one, f"uses[{place}]") for place, one in enumerate(given)]
    node = node_of(request)

    def write() -> dict[str, int]:
        with node.control.begin() as session:
            made = report_uses(session, caller, uses, node.settings.time_zone)
        return {"fresh": made.fresh, "known": made.known}

    return _json(await run_in_threadpool(write))


def routes() -> list[Route]:
    """Routes of the market."""
    return [
        Route("/market/uses", report, methods=["POST"]),
        Route("/market/offers", make_offer, methods=["POST"]),
        Route("/market/offers/{offer}", withdraw_offer, methods=["DELETE"]),
        Route("/market/offers/{offer}/price", offer_price),
        Route("/market/offers/{offer}/price", put_price, methods=["PUT"]),
    ]


def _use(said: Any, where: str) -> Reported:
    if not isinstance(said, dict) or not said.keys() <= _USE:
        raise Invalid("a use has the members {names}", field=where, names=", ".join(sorted(_USE)))
    try:
        at = datetime.fromisoformat(str(said.get("at", "")))
    except ValueError as error:
        raise Invalid(
            "an instant with its offset is needed here",
            field=f"{where}.at",
            mend="such as 2026-11-03T08:30:00Z",
        ) from error
    numbers = {name: said.get(name, 0) for name in ("rows", "bytes")}
    texts = {name: said.get(name, "") for name in ("id", "agreement", "purpose")}
    for name, value in numbers.items():
        if type(value) is not int:
            raise Invalid("a whole number is needed here", field=f"{where}.{name}")
    for name, value in texts.items():
        if not isinstance(value, str):
            raise Invalid("a text is needed here", field=f"{where}.{name}")
    return Reported(**texts, **numbers, at=at)


def _priced(one: Priced) -> dict[str, Any]:
    return {
        "offer": one.offer,
        "provider": one.provider,
        "plan": plan_document(one.plan),
        "sharing": sharing_document(one.sharing)["method"],
        "level": None if one.level is None else {"zh": one.level.zh, "en": one.level.en},
        "leaf": one.leaf,
    }


def _check_objects(said: dict[str, Any], *names: str) -> None:
    for name in names:
        if not isinstance(said.get(name, {}), dict):
            raise Invalid("a JSON object is needed here", field=name)


def _json(said: dict[str, Any], status: int = 200, **more: str) -> Response:
    headers = {"cache-control": "private, no-cache", **more}
    return Response(orjson.dumps(said), status, headers, MEDIA_TYPES["json"])
