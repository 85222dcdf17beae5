"""Publicity 公示: what is about to be registered, for everybody to see and to object to."""

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from quanyu.catalogue import (
    OBJECTION_STATES,
    Application,
    ApplicationState,
    Objection,
    object_to,
    objections,
    open_objections,
    publicised,
    publicised_application,
    registration_rules,
)
from quanyu.kernel import QuanyuError
from quanyu.parties import Caller
from quanyu.web.node import Node
from quanyu.web.portal.application_views import changes, description, in_lines, row, whole
from quanyu.web.portal.rights_views import rights_change
from quanyu.web.portal.visit import (
    TheNode,
    Visitor,
    go,
    link_to,
    local,
    reading,
    show,
    writing,
)
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)
_SHOWN = frozenset({ApplicationState.PUBLICISED, ApplicationState.REGISTERED})
_PUBLIC = ("id", "slug", "title", "kind", "kind_name", "state", "state_name", "tone", "provider",
           "provider_name", "due")  # fmt: skip


@router.get("/publicity")
async def publicity(
    request: Request, node: TheNode, _caller: Visitor, after: str | None = None
) -> Response:
    """Everything in publicity now."""

    def read(session: Session) -> dict[str, Any]:
        page = publicised(session, limit=30, after=after)
        return {
            "items": [_row(session, request, node, one) for one in page.items],
            "total": page.total,
            "next": page.next,
        }

    found = await reading(node, read)
    next_href = link_to(request, after=found["next"]) if found["next"] else None
    return show(request, "publicity.html", found | {"next_href": next_href}, twin=found)


@router.get("/publicity/{name}")
async def publicity_page(request: Request, node: TheNode, caller: Visitor, name: str) -> Response:
    """What is proposed, until when, and the form to object."""
    return await _page(request, node, caller, name)


@router.post("/publicity/{name}")
async def object_here(request: Request, node: TheNode, caller: Visitor, name: str) -> Response:
    """Take an objection, from anybody."""
    await check_csrf_of(request)
    form = await request.form()
    text, contact = str(form.get("text", "")), str(form.get("contact", ""))
    rules = registration_rules(node.settings)
    try:
        await writing(node, lambda s: object_to(s, name, caller, rules, text=text, contact=contact))
    except QuanyuError as error:
        said = {"text": text, "contact": contact}
        return await _page(request, node, caller, name, said=said, error=error)
    return go(f"/publicity/{name}?objected=1#objections")


async def _page(
    request: Request,
    node: Node,
    caller: Caller,
    name: str,
    *,
    said: dict[str, str] | None = None,
    error: QuanyuError | None = None,
) -> Response:
    def read(session: Session) -> dict[str, Any]:
        one = publicised_application(session, name)
        shown, full = one.state in _SHOWN, whole(one)
        return {
            "item": _row(session, request, node, one)
            | {"from": one.publicity_from, "paused_at": one.paused_at},
            "changes": changes(request, one) if shown and not full else [],
            "description": description(session, request, caller, one) if shown and full else [],
            "rights": rights_change(session, request, node, one.rights_base, one.rights)
            if shown and one.rights is not None
            else [],
            "objections": [
                _told(request, item)
                for item in objections(session, name, visible_to=caller)
                if item.answered_at is not None
            ],
            "open": open_objections(session, name),
        }

    found = await reading(node, read)
    context = found | {
        "lines": in_lines(found["description"]),
        "said": said or {"text": "", "contact": ""},
        "objected": request.query_params.get("objected") == "1",
    }
    return show(request, "publicity_item.html", context, twin=None if error else found, error=error)


def _row(session: Session, request: Request, node: Node, one: Application) -> dict[str, Any]:
    """What anybody may know of an application."""
    known = row(session, request, node, one)
    return {name: known[name] for name in _PUBLIC} | {"until": one.publicity_until}


def _told(request: Request, item: Objection) -> dict[str, Any]:
    """An answered objection without who raised it."""
    return {
        "id": item.id,
        "at": item.at,
        "text": item.text,
        "state": item.state.value,
        "state_name": local(request, OBJECTION_STATES[item.state].name),
        "answer": item.answer,
        "answered_at": item.answered_at,
    }
