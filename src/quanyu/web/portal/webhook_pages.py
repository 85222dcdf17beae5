"""The webhooks of a party: where notices are sent, how it went, and another try."""

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from quanyu.kernel import PartyId, QuanyuError, iso
from quanyu.parties import (
    TOPICS,
    Caller,
    add_webhook,
    node_secret,
    party,
    remove_webhook,
    renew_webhook,
    replay_delivery,
    try_webhook,
    webhooks,
)
from quanyu.web.node import Node
from quanyu.web.portal.visit import Member, TheNode, go, reading, show, writing
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)


@router.get("/parties/{party_id}/webhooks")
async def webhooks_page(request: Request, node: TheNode, caller: Member, party_id: str) -> Response:
    """Where the party's notices are sent; for who administers it."""
    return await _page(request, node, caller, PartyId(party_id))


@router.post("/parties/{party_id}/webhooks")
async def add(request: Request, node: TheNode, caller: Member, party_id: str) -> Response:
    """A webhook; this answer alone shows its secret."""
    await check_csrf_of(request)
    form = await request.form()
    of = PartyId(party_id)

    def write(session: Session) -> str:
        _, secret = add_webhook(
            session,
            caller,
            of,
            url=str(form.get("url", "")).strip(),
            topics=[str(value) for value in form.getlist("topics")],
            key=node_secret(node.settings.dir / "keys"),
            allow_private=node.settings.allow_private_urls,
        )
        return secret

    return await _with_secret(request, node, caller, of, write)


@router.post("/parties/{party_id}/webhooks/{webhook_id}/renew")
async def renew(
    request: Request, node: TheNode, caller: Member, party_id: str, webhook_id: str
) -> Response:
    """Another secret, shown this once."""
    await check_csrf_of(request)
    key = node_secret(node.settings.dir / "keys")
    return await _with_secret(
        request,
        node,
        caller,
        PartyId(party_id),
        lambda s: renew_webhook(s, caller, webhook_id, key),
    )


@router.post("/parties/{party_id}/webhooks/{webhook_id}/test")
async def test(
    request: Request, node: TheNode, caller: Member, party_id: str, webhook_id: str
) -> Response:
    """A test is sent within seconds."""
    await check_csrf_of(request)
    await writing(node, lambda s: try_webhook(s, caller, webhook_id))
    return go(f"/parties/{party_id}/webhooks")


@router.post("/parties/{party_id}/webhooks/{webhook_id}/remove")
async def remove(
    request: Request, node: TheNode, caller: Member, party_id: str, webhook_id: str
) -> Response:
    """Nothing is sent there any more."""
    await check_csrf_of(request)
    await writing(node, lambda s: remove_webhook(s, caller, webhook_id))
    return go(f"/parties/{party_id}/webhooks")


@router.post("/parties/{party_id}/deliveries/{delivery_id}/again")
async def again(
    request: Request, node: TheNode, caller: Member, party_id: str, delivery_id: str
) -> Response:
    """Sent once more, with the same id."""
    await check_csrf_of(request)
    await writing(node, lambda s: replay_delivery(s, caller, delivery_id))
    return go(f"/parties/{party_id}/webhooks")


async def _with_secret(
    request: Request, node: Node, caller: Caller, of: PartyId, write: Any
) -> Response:
    try:
        secret = await writing(node, write)
    except QuanyuError as error:
        return await _page(request, node, caller, of, error=error)
    answer = await _page(request, node, caller, of, secret=secret)
    answer.headers["Cache-Control"] = "no-store"
    return answer


async def _page(
    request: Request,
    node: Node,
    caller: Caller,
    of: PartyId,
    *,
    secret: str | None = None,
    error: QuanyuError | None = None,
) -> Response:
    hooks, found = await reading(node, lambda s: (webhooks(s, caller, of), party(s, of)))
    context = {
        "hooks": hooks,
        "party": found,
        "topics": TOPICS,
        "secret": secret,
    }
    twin = {
        "webhooks": [
            {
                "id": hook.id,
                "url": hook.url,
                "topics": list(hook.topics),
                "deliveries": [
                    {"id": d.id, "state": d.state, "at": iso(d.created_at), "attempts": d.attempts}
                    for d in sent
                ],
            }
            for hook, sent in hooks
        ]
    }
    return show(request, "webhooks.html", context, twin=twin, error=error)
