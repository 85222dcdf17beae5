"""What was made with a resource: shown, put forward, looked at."""

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from quanyu.catalogue import (
    ReuseKind,
    ReuseState,
    decide_reuse,
    may_write,
    propose_reuse,
    reuses,
)
from quanyu.kernel import QuanyuError
from quanyu.parties import Caller
from quanyu.web.node import Node
from quanyu.web.portal.discussion_pages import names_of
from quanyu.web.portal.entry_visit import entry_frame, entry_visit
from quanyu.web.portal.visit import (
    Member,
    TheNode,
    Visitor,
    go,
    reading,
    say,
    show,
    writing,
)
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)
KINDS: dict[ReuseKind, str] = {
    ReuseKind.APPLICATION: "Application",
    ReuseKind.RESEARCH: "Research",
    ReuseKind.NOTEBOOK: "Notebook",
    ReuseKind.VISUALISATION: "Visualisation",
    ReuseKind.ARTICLE: "Article",
    ReuseKind.OTHER: "Other",
}
STATES: dict[ReuseState, str] = {
    ReuseState.PROPOSED: "Waits to be looked at",
    ReuseState.SHOWN: "Shown",
    ReuseState.REFUSED: "Not shown",
}


@router.get("/resources/{name}/reuses")
async def reuses_page(request: Request, node: TheNode, caller: Visitor, name: str) -> Response:
    """What was made with it; those who may decide see what waits."""
    return await _page(request, node, caller, name)


@router.post("/resources/{name}/reuses")
async def write(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """Put something forward, or decide on it."""
    await check_csrf_of(request)
    form = {key: str(value) for key, value in (await request.form()).items()}

    def change(session: Session) -> str:
        of = entry_visit(session, caller, name, None).of
        step = form.get("step", "")
        if step in ("show", "refuse"):
            decide_reuse(
                session,
                form.get("reuse", ""),
                caller,
                show=step == "show",
                reason=form.get("reason", ""),
            )
        else:
            propose_reuse(
                session,
                of.id,
                caller,
                title=form.get("title", ""),
                url=form.get("url", ""),
                kind=form.get("kind", ""),
                text=form.get("text", ""),
            )
        return of.slug

    try:
        slug = await writing(node, change)
    except QuanyuError as error:
        return await _page(request, node, caller, name, typed=form, error=error)
    return go(f"/resources/{slug}/reuses")


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
        found = reuses(session, visit.of.id, caller)
        return {
            "visit": visit,
            "reuses": found,
            "names": names_of(session, {one.party for one in found}),
            "judge": may_write(caller, visit.of.provider),
        }

    found = await reading(node, read)
    visit = found.pop("visit")
    context = entry_frame(request, visit, "reuses") | found
    context |= {
        "typed": typed or {},
        "kinds": {kind: say(request, text) for kind, text in KINDS.items()},
        "states": {state: say(request, text) for state, text in STATES.items()},
    }
    twin = None if error else {"reuses": found["reuses"]}
    return show(request, "resource_reuses.html", context, twin=twin, error=error)
