"""Following a stream: ``/sensorthings/{slug}/events`` and ``…/subscriptions``."""

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from quanyu.agreements import Ask
from quanyu.catalogue import Kind, resource
from quanyu.kernel import Invalid, NotFound, Refused, iso
from quanyu.parties import Caller, check_webhook_url, node_secret
from quanyu.streams import (
    Subscription,
    SubscriptionDraft,
    Way,
    datastream_numbers,
    remove_subscription,
    resume,
    subscribe,
    subscription,
    subscriptions,
)
from quanyu.web.following.events import events
from quanyu.web.following.news import FACE, Asked
from quanyu.web.following.webhooks import secret_of
from quanyu.web.json_body import read_object
from quanyu.web.node import Node, node_of
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
        _checked, node, caller, Asked(slug, None, agreement, purpose), given.get("datastream")
    )
    said = request.headers.get("last-event-id") or given.get("after")
    newest = await run_in_threadpool(node.observations.newest)
    after = newest if said is None else _number(said, newest)
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
    return JSONResponse({"subscriptions": [_document(one) for one in found]})


async def begin(request: Request) -> Response:
    """Answers with the secret that signs, which is shown this once."""
    node, slug = node_of(request), request.path_params["slug"]
    caller = await signed_in(request)
    await check_csrf_of(request)
    sent = await read_object(request, _MEMBERS)
    url = sent.get("url")
    check_webhook_url(url, allow_private=node.settings.allow_private_urls)
    asked = Asked(slug, None, _optional(sent, "agreement"), _optional(sent, "purpose"))

    def work() -> tuple[Subscription, str]:
        number = _checked(node, caller, asked, sent.get("datastream"))
        newest = node.observations.newest()
        if caller.party is None or caller.member is None:
            raise Refused("only a member of a party can subscribe", rule="identity.required")
        draft = SubscriptionDraft(
            way=Way.WEBHOOK,
            party=caller.party,
            member=caller.member,
            slug=slug,
            address=str(url),
            cursor=newest if sent.get("after") is None else _number(sent["after"], newest),
            agreement=asked.agreement or caller.agreement,
            purpose=asked.purpose,
            datastream=number,
        )
        with node.control.begin() as session:
            made = subscribe(session, draft)
        return made, secret_of(made, node_secret(node.settings.dir / "keys"))

    made, secret = await run_in_threadpool(work)
    return JSONResponse({**_document(made), "secret": secret}, 201)


async def go_on(request: Request) -> Response:
    """Nothing is lost: it goes on after the last number that was heard."""
    node, slug = node_of(request), request.path_params["slug"]
    caller = await signed_in(request)
    await check_csrf_of(request)

    def work() -> Subscription:
        with node.control.begin() as session:
            identifier = request.path_params["identifier"]
            _own(caller, slug, subscription(session, identifier))
            return resume(session, identifier)

    return JSONResponse(_document(await run_in_threadpool(work)))


async def remove(request: Request) -> Response:
    """Nothing is told any more."""
    node, slug = node_of(request), request.path_params["slug"]
    caller = await signed_in(request)
    await check_csrf_of(request)

    def work() -> None:
        with node.control.begin() as session:
            identifier = request.path_params["identifier"]
            _own(caller, slug, subscription(session, identifier))
            remove_subscription(session, identifier)

    await run_in_threadpool(work)
    return Response(status_code=204)


def _checked(node: Node, caller: Caller, asked: Asked, said: Any) -> int | None:
    """The number of the datastream that is asked for, once the gate has let the caller in."""
    grant = node.gate.decide(caller, asked.slug, Ask(FACE, "read", asked.purpose, asked.agreement))
    with node.control.read() as session:
        found = resource(session, asked.slug, visible_to=caller)
        if found.kind is not Kind.STREAM:
            raise NotFound("there is no stream {slug}", slug=asked.slug)
        if said is None:
            return None
        number = datastream_numbers(session, found.id, [str(said)]).get(str(said))
    if number is None or number not in node.streams.visible_datastreams(
        grant.resource, grant.restriction, [number]
    ):
        raise NotFound("there is no datastream {id}", id=str(said)[:80])
    return number


def _own(caller: Caller, slug: str, one: Subscription) -> None:
    if one.party != caller.party or one.slug != slug:
        raise NotFound("there is no subscription {id}", id=one.id)


def _number(said: Any, newest: int) -> int:
    try:
        number = int(said)
    except (TypeError, ValueError):
        number = -1
    if not 0 <= number <= newest:
        raise Invalid(
            "this is no number of an observation that was given out",
            field="after",
            mend="give the id of the last event that you had",
        )
    return number


def _optional(sent: dict[str, Any], name: str) -> str | None:
    value = sent.get(name)
    if value is not None and not isinstance(value, str):
        raise Invalid("{name} is text", field=name, name=name)
    return value


def _document(one: Subscription) -> dict[str, Any]:
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
    ]
