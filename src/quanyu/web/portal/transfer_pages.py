"""A transfer between nodes: its thread, where the data are, and what may be done with it."""

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import FileResponse, Response

from quanyu.agreements import Side
from quanyu.federation import (
    PUSH,
    Move,
    Process,
    ProcessKind,
    Taken,
    Thread,
    here_of,
    move_transfer,
    negotiation_of,
    process_row,
    send_again,
    taken_file,
    thread,
    transfer_row,
)
from quanyu.kernel import Invalid, NotFound, QuanyuError, iso
from quanyu.parties import Caller
from quanyu.web.node import Node
from quanyu.web.portal.negotiation_pages import (
    BADGES,
    STATES,
    revision_of,
    thread_view,
    twin_of,
    waiting_words,
)
from quanyu.web.portal.visit import Member, TheNode, go, reading, say, show, writing
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)
_TRF = ProcessKind.TRANSFER


@router.get("/transfers/{name}")
async def transfer(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """One transfer; its token is shown nowhere."""
    return await _page(request, node, caller, name)


@router.get("/transfers/{name}/data")
async def file(node: TheNode, caller: Member, name: str) -> Response:
    """The file that was pushed for a transfer, for those who act for its consumer."""

    def read(session: Session) -> Taken:
        here = here_of(node.settings)
        return taken_file(session, here, transfer_row(session, caller, name))

    found = await writing(node, read)
    headers = {"cache-control": "private, no-store"}
    return FileResponse(
        found.path, media_type=found.media_type, filename=found.name, headers=headers
    )


@router.post("/transfers/{name}")
async def decide(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """Start again, suspend, complete, terminate, send again."""
    await check_csrf_of(request)
    form = await request.form()
    step, reason = str(form.get("step", "")), str(form.get("reason", ""))

    def write(session: Session) -> Process:
        if step == "again":
            return send_again(session, caller, _TRF, name)
        if step not in {one.value for one in Move}:
            raise Invalid("there is no such step", field="step", mend="use the buttons of the page")
        return move_transfer(
            session,
            here_of(node.settings),
            caller,
            name,
            Move(step),
            reason,
            revision=revision_of(str(form.get("revision", ""))),
        )

    try:
        await writing(node, write)
    except QuanyuError as error:
        return await _page(request, node, caller, name, error=error)
    return go(f"/transfers/{name}")


async def _page(
    request: Request, node: Node, caller: Caller, name: str, *, error: QuanyuError | None = None
) -> Response:
    def read(session: Session) -> tuple[Thread, str, Taken | None]:
        found = thread(session, caller, _TRF, name)
        begun = negotiation_of(session, found.process.agreement or "")
        row = process_row(session, _TRF, name, hold=False)
        try:
            taken = taken_file(session, here_of(node.settings), row)
        except NotFound:
            taken = None
        return found, begun.id if begun else "", taken

    found, negotiation, taken = await reading(node, read)
    process = found.process
    context: dict[str, Any] = {
        "process": process,
        "peer": found.peer,
        "negotiation": negotiation,
        "provides": process.role is Side.PROVIDER,
        "state_name": say(request, STATES[process.state]),
        "badge": BADGES.get(process.state, "shared"),
        "waiting": waiting_words(request, found),
        "undelivered": found.waiting.code == "undelivered",
        "messages": thread_view(request, found),
        "moves": [move.value for move in found.moves],
        "pulled": process.format != PUSH,
        "taken": taken,
    }
    twin = None if error else twin_of(request, found) | {"file": _file(taken)}
    return show(request, "transfer.html", context, twin=twin, error=error)


def _file(taken: Taken | None) -> dict[str, Any] | None:
    if taken is None:
        return None
    return {
        "media_type": taken.media_type,
        "bytes": taken.size,
        "sha256": taken.sha256,
        "received_at": iso(taken.at),
    }
