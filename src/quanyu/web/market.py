"""The market over HTTP: prices of offers, and uses that a provider answered elsewhere."""

from datetime import datetime
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.agreements import offer
from quanyu.catalogue import resource
from quanyu.kernel import Invalid
from quanyu.market import (
    Priced,
    Reported,
    plan_document,
    plan_of,
    price_offer,
    report_uses,
    sharing_document,
)
from quanyu.web.json_body import read_object
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.node import node_of
from quanyu.web.who import caller_of, check_csrf_of, signed_in

_USE = {"id", "agreement", "at", "rows", "bytes", "purpose"}


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
    """``PUT /market/offers/{offer}/price``: put a plan and a sharing to an offer, once."""
    caller = await signed_in(request)
    await check_csrf_of(request)
    said = await read_object(request, frozenset({"plan", "sharing"}))
    node, name = node_of(request), request.path_params["offer"]
    for member in ("plan", "sharing"):
        if not isinstance(said.get(member, {}), dict):
            raise Invalid("a JSON object is needed here", field=member)

    def write() -> Priced:
        with node.control.begin() as session:
            return price_offer(session, caller, name, said.get("plan", {}), said.get("sharing"))

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
        "leaf": one.leaf,
    }


def _json(said: dict[str, Any]) -> Response:
    headers = {"cache-control": "private, no-cache"}
    return Response(orjson.dumps(said), headers=headers, media_type=MEDIA_TYPES["json"])
