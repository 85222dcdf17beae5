"""Open discussions of a resource, and following it."""

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from quanyu.catalogue import (
    begin_discussion,
    discussions,
    follow,
    hide_message,
    may_write,
    reply,
    unfollow,
)
from quanyu.kernel import Invalid, PartyId, QuanyuError
from quanyu.parties import Caller, Party, party
from quanyu.web.node import Node
from quanyu.web.portal.entry_visit import entry_frame, entry_visit
from quanyu.web.portal.visit import (
    Member,
    TheNode,
    Visitor,
    go,
    reading,
    show,
    writing,
)
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)


@router.get("/resources/{name}/discussion")
async def discussion_page(request: Request, node: TheNode, caller: Visitor, name: str) -> Response:
    """Every thread; forms for those who are signed in."""
    return await _page(request, node, caller, name)


@router.post("/resources/{name}/discussion")
async def write(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """Begin a thread, answer in one, or hide a message."""
    await check_csrf_of(request)
    form = {key: str(value) for key, value in (await request.form()).items()}
    per_hour = node.settings.feedback_per_hour

    def change(session: Session) -> str:
        of = entry_visit(session, caller, name, None).of
        match form.get("step"):
            case "begin":
                return begin_discussion(
                    session,
                    of.id,
                    caller,
                    title=form.get("title", ""),
                    text=form.get("text", ""),
                    per_hour=per_hour,
                )
            case "reply":
                thread = form.get("thread", "")
                text = form.get("text", "")
                return reply(session, thread, caller, text=text, per_hour=per_hour)
            case "hide":
                message = form.get("message", "")
                hide_message(session, message, caller, reason=form.get("reason", ""))
                return message
        raise Invalid("there is no such step", field="step", mend="use the buttons of the page")

    try:
        message = await writing(node, change)
    except QuanyuError as error:
        return await _page(request, node, caller, name, typed=form, error=error)
    return go(f"/resources/{name}/discussion#{message}")


@router.post("/resources/{name}/follow")
async def follow_or_not(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """Hear of changes, or hear no more."""
    await check_csrf_of(request)
    stop = str((await request.form()).get("step", "")) == "stop"

    def change(session: Session) -> str:
        of = entry_visit(session, caller, name, None).of
        (unfollow if stop else follow)(session, of.id, caller)
        return of.slug

    return go(f"/resources/{await writing(node, change)}")


async def _page(
    request: Request,
    node: Node,
    caller: Caller,
    name: str,
    *,
    typed: dict[str, str] | None = None,
    error: QuanyuError | None = None,
) -> Response:
    def read(session: Session) -> dict[str, Any]:
        visit = entry_visit(session, caller, name, None)
        threads = discussions(session, visit.of.id, caller)
        return {
            "visit": visit,
            "threads": threads,
            "names": names_of(session, {m.party for t in threads for m in t.messages}),
            "judge": may_write(caller, visit.of.provider),
        }

    found = await reading(node, read)
    visit = found.pop("visit")
    context = entry_frame(request, visit, "discussion") | found
    context |= {"typed": typed or {}}
    twin = None if error else {"threads": found["threads"]}
    return show(request, "resource_discussion.html", context, twin=twin, error=error)


def names_of(session: Session, ids: set[PartyId]) -> dict[PartyId, Party]:
    """Parties by their ids."""
    return {name: party(session, name) for name in ids}
