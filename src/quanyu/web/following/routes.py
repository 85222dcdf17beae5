"""Following a stream: ``/sensorthings/{slug}/events`` and ``…/subscriptions``."""

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from quanyu.kernel import Refused, iso
from quanyu.streams import Subscription, pause, remove_subscription, resume, subscriptions
from quanyu.web.following.events import events
from quanyu.web.following.news import Asked
from quanyu.web.following.subscribing import allowed, begin_webhook, change_webhook, number_of
from quanyu.web.json_body import read_object
from quanyu.web.node import node_of
from quanyu.web.who import caller_of, check_csrf_of, signed_in

_MEMBERS = frozenset({"url", "datastream", "after", "agreement", "purpose"})


async def follow(request: Request) -> Response:
    """An endless answer, from ``Last-Event-ID`` (or ``after``) on, else from what comes now."""
    node, slug = node_of(request), request.path_params["slug"]
    given = request.query_params
    caller = await caller_of(request)
    agreement = given.get("agreement") or request.headers.get("quanyu-agreement")
    purpose = given.get("purpose") or request.headers.get("quanyu-purpose")
    number = await run_in_threadpool(
        allowed, node, caller, Asked(slug, None, agreement, purpose), given.get("datastream")
    )
    said = request.headers.get("last-event-id") or given.get("after")
    newest = await run_in_threadpool(node.observations.newest)
    after = newest if said is None else number_of(said, newest)
    return StreamingResponse(
        events(request, node, Asked(slug, number, agreement, purpose), after),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


async def listed(request: Request) -> Response:
    """How each stands."""
    node, slug = node_of(request), request.path_params["slug"]
    caller = await signed_in(request)
    if caller.party is None:
        raise Refused("only a party has subscriptions", rule="identity.required")
    party = caller.party

    def read() -> list[Subscription]:
        with node.control.read() as session:
            return subscriptions(session, party, slug)

    found = await run_in_threadpool(read)
    return JSONResponse({"subscriptions": [subscription_document(one) for one in found]})


async def begin(request: Request) -> Response:
    """Answers with the secret that signs, which is shown this once."""
    node, slug = node_of(request), request.path_params["slug"]
    caller = await signed_in(request)
    await check_csrf_of(request)
    sent = await read_object(request, _MEMBERS)
    made, secret = await run_in_threadpool(begin_webhook, node, caller, slug, sent)
    return JSONResponse({**subscription_document(made), "secret": secret}, 201)


async def go_on(request: Request) -> Response:
    """Nothing is lost: it goes on after the last number that was heard."""
    node, slug = node_of(request), request.path_params["slug"]
    caller = await signed_in(request)
    await check_csrf_of(request)

    identifier = request.path_params["identifier"]
    made = await run_in_threadpool(change_webhook, node, caller, slug, identifier, resume)
    return JSONResponse(subscription_document(made))


async def halt(request: Request) -> Response:
    """Nothing is told until it goes on; what comes meanwhile waits."""
    node, slug = node_of(request), request.path_params["slug"]
    caller = await signed_in(request)
    await check_csrf_of(request)
    identifier = request.path_params["identifier"]
    made = await run_in_threadpool(change_webhook, node, caller, slug, identifier, pause)
    return JSONResponse(subscription_document(made))


async def remove(request: Request) -> Response:
    """Nothing is told any more."""
    node, slug = node_of(request), request.path_params["slug"]
    caller = await signed_in(request)
    await check_csrf_of(request)

    identifier = request.path_params["identifier"]
    await run_in_threadpool(change_webhook, node, caller, slug, identifier, remove_subscription)
    return Response(status_code=204)


def subscription_document(one: Subscription) -> dict[str, Any]:
    """A subscription as JSON: how it stands, and never its secret."""
    return {
        "id": one.id,
        "stream": one.slug,
        "url": one.address,
        "state": one.state,
        "after": one.cursor,
        "agreement": one.agreement,
        "purpose": one.purpose,
        "attempts": one.attempts,
        "status": one.status,
        "problem": one.problem,
        "failing": None if one.failing_at is None else iso(one.failing_at),
        "created": iso(one.created_at),
        "delivered": None if one.delivered_at is None else iso(one.delivered_at),
        "ended": None if one.ended_at is None else iso(one.ended_at),
    }


def routes() -> list[Route]:
    """Beside the service of a stream, not below its root, whose addresses are the standard's."""
    root = "/sensorthings/{slug}"
    return [
        Route(f"{root}/events", follow, methods=["GET"]),
        Route(f"{root}/subscriptions", listed, methods=["GET"]),
        Route(f"{root}/subscriptions", begin, methods=["POST"]),
        Route(f"{root}/subscriptions/{{identifier}}", remove, methods=["DELETE"]),
        Route(f"{root}/subscriptions/{{identifier}}/resume", go_on, methods=["POST"]),
        Route(f"{root}/subscriptions/{{identifier}}/pause", halt, methods=["POST"]),
    ]
