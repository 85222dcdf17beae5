"""Webhooks on a stream: who of ours is told of its observations, where, and how it goes."""

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from quanyu.catalogue import Kind, resource
from quanyu.kernel import Conflict, NotFound, QuanyuError, Refused
from quanyu.parties import Caller
from quanyu.streams import (
    Subscription,
    datastreams_where,
    pause,
    remove_subscription,
    resume,
    subscriptions,
    watched_streams,
)
from quanyu.web.following import begin_webhook, change_webhook, subscription_document
from quanyu.web.node import Node
from quanyu.web.portal.visit import Member, TheNode, go, reading, say, show
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)
STATES: dict[str, str] = {
    "active": "Told as they come",
    "waiting": "Tried again soon",
    "stopped": "Stopped after too many tries",
    "paused": "Paused by you",
    "ended": "Ended for good",
}
_TONES: dict[str, tuple[str, str]] = {
    "active": ("ok", "yes"),
    "waiting": ("restricted", "wait"),
    "stopped": ("bad", "no"),
    "paused": ("", "wait"),
    "ended": ("bad", "no"),
}
_CHANGES = {"pause": pause, "resume": resume, "remove": remove_subscription}
_MOST_NAMED = 200


@router.get("/resources/{slug}/subscriptions")
async def subscriptions_page(
    request: Request, node: TheNode, caller: Member, slug: str
) -> Response:
    """The webhooks of the visitor's party on a stream that the visitor may know of."""
    return await _page(request, node, caller, slug)


@router.post("/resources/{slug}/subscriptions")
async def begin(request: Request, node: TheNode, caller: Member, slug: str) -> Response:
    """A webhook; this answer alone shows its secret."""
    await check_csrf_of(request)
    form = await request.form()
    said = {
        name: text
        for name in ("url", "datastream", "after", "purpose")
        if (text := str(form.get(name, "")).strip())
    }
    try:
        _, secret = await run_in_threadpool(begin_webhook, node, caller, slug, said)
    except QuanyuError as error:
        return await _page(request, node, caller, slug, said=said, error=error)
    answer = await _page(request, node, caller, slug, secret=secret)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@router.post("/resources/{slug}/subscriptions/{identifier}/{change}")
async def change(request: Request, node: TheNode, caller: Member, slug: str) -> Response:
    """Paused, gone on with, or removed."""
    await check_csrf_of(request)
    identifier, wish = (request.path_params[name] for name in ("identifier", "change"))
    if wish not in _CHANGES:
        raise NotFound("there is no such page")
    work: Any = _CHANGES[wish]
    try:
        await run_in_threadpool(change_webhook, node, caller, slug, identifier, work)
    except Conflict as error:
        return await _page(request, node, caller, slug, error=error)
    return go(f"/resources/{slug}/subscriptions")


async def _page(
    request: Request,
    node: Node,
    caller: Caller,
    slug: str,
    *,
    secret: str | None = None,
    said: dict[str, str] | None = None,
    error: QuanyuError | None = None,
) -> Response:
    def read(session: Session) -> dict[str, Any]:
        of = resource(session, slug, visible_to=caller)
        if of.kind is not Kind.STREAM:
            raise NotFound("there is no stream {slug}", slug=slug[:80])
        if caller.party is None:
            raise Refused("only a party has subscriptions", rule="identity.required")
        mine = subscriptions(session, caller.party, of.slug)
        own = of.provider == caller.party
        numbers = [one.datastream for one in mine if one.datastream is not None]
        # Names of datastreams are told by the gate's answers; here only to whom they belong.
        offered = datastreams_where(session, of.id, limit=_MOST_NAMED) if own else []
        known = watched_streams(session, [*numbers, *offered])
        return {
            "of": of,
            "mine": mine,
            "names": {number: one.name for number, one in known.items()},
            "offered": [known[number] for number in offered if number in known],
        }

    found = await reading(node, read)
    newest = await run_in_threadpool(node.observations.newest)
    context = found | {
        "secret": secret,
        "said": said or {},
        "newest": newest,
        "state_words": {key: (say(request, text), *_TONES[key]) for key, text in STATES.items()},
    }
    mine: list[Subscription] = found["mine"]
    twin = {"subscriptions": [subscription_document(one) for one in mine], "newest": newest}
    return show(request, "subscriptions.html", context, twin=twin, error=error)
