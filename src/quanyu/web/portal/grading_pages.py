"""Grading 分类分级: what stands of an entry and why, and the reviewers' inbox of proposals."""

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from quanyu.catalogue import (
    ACCESSES,
    SUBJECTS,
    THEMES,
    Level,
    Subject,
    confirm_grading,
    grading_history,
    grading_of,
    grading_table,
    grading_waits,
    gradings_waiting,
    may_review,
    may_write,
    propose_grading,
    resource,
)
from quanyu.kernel import Invalid, QuanyuError, Refused
from quanyu.parties import Caller, Role, party
from quanyu.web.node import Node
from quanyu.web.portal.grading_words import grading_words, level_words
from quanyu.web.portal.visit import (
    Member,
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
_PAGE = 30


@router.get("/grading")
async def inbox(
    request: Request, node: TheNode, caller: Member, after: str | None = None
) -> Response:
    """Proposals that wait for a reviewer."""
    if not (may_review(caller) or (caller.runs_node and caller.may(Role.STEWARD))):
        raise Refused(
            "this page is for the node's reviewers",
            mend="ask the node's steward for the role “reviewer”",
            rule="applications.review",
        )

    def read(session: Session) -> dict[str, Any]:
        page = gradings_waiting(session, limit=_PAGE, after=after)
        return {
            "items": [
                {
                    "slug": one.slug,
                    "title": local(request, one.title),
                    "provider": one.provider,
                    "provider_name": local(request, party(session, one.provider).name),
                    "proposed": grading_words(request, one.proposed),
                    "confirmed": grading_words(request, one.confirmed),
                }
                for one in page.items
            ],
            "total": page.total,
            "next": page.next,
        }

    found = await reading(node, read)
    next_href = link_to(request, after=found["next"]) if found["next"] else None
    levels = [level_words(request, level) for level in Level]
    context = found | {"next_href": next_href, "levels": levels}
    return show(request, "grading.html", context, twin=found)


@router.get("/resources/{name}/grading")
async def grading_page(request: Request, node: TheNode, caller: Visitor, name: str) -> Response:
    """How an entry is graded; why, for its provider and the node."""
    return await _page(request, node, caller, name)


@router.post("/resources/{name}/grading")
async def decide(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """Confirm the class and level, or have them proposed anew."""
    form = await request.form()
    await check_csrf_of(request)

    def write(session: Session) -> None:
        of = resource(session, name, visible_to=caller)
        if form.get("step") == "propose" and (may_review(caller) or may_write(caller, of.provider)):
            propose_grading(session, of)
            return
        level, subject = str(form.get("level", "")), str(form.get("subject", ""))
        if level not in set(Level) or subject not in set(Subject):
            raise Invalid("choose one of the list", field="level", mend="open the page again")
        confirm_grading(
            session,
            of.id,
            caller,
            level=Level(level),
            industry=str(form.get("industry", "")),
            subject=Subject(subject),
            reason=str(form.get("reason", "")),
        )

    try:
        await writing(node, write)
    except QuanyuError as error:
        said = {key: str(value) for key, value in form.items()}
        return await _page(request, node, caller, name, said=said, error=error)
    return go(f"/resources/{name}/grading")


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
        of = resource(session, name, visible_to=caller)
        proposed, confirmed = grading_of(session, of.id)
        inside = may_review(caller) or may_write(caller, of.provider)
        history = grading_history(session, of.id) if inside else []
        return {
            "of": of,
            # What the rules saw in the data is for who answers for them.
            "proposed": grading_words(request, proposed) if inside else None,
            "confirmed": _shown(grading_words(request, confirmed), inside=inside),
            "waits": grading_waits(session, of.id),
            "history": [grading_words(request, one) for one in history],
            "inside": inside,
        }

    found = await reading(node, read)
    context = found | {
        "reviews": may_review(caller),
        "said": said or {},
        "levels": [level_words(request, level) for level in Level],
        "subjects": [(key.value, local(request, code.name)) for key, code in SUBJECTS.items()],
        "industries": [(key, local(request, code.name)) for key, code in THEMES.items()],
        "accesses": [
            {
                "level": level.value,
                "names": [local(request, ACCESSES[one].name) for one in ACCESSES if one in meaning],
            }
            for level, meaning in ((lv, m.access) for lv, m in grading_table().levels.items())
        ],
    }
    twin = {key: found[key] for key in ("proposed", "confirmed", "waits", "history")} | {
        "resource": found["of"].id,
        "grade": found["of"].grade,
    }
    return show(
        request, "resource_grading.html", context, twin=None if error else twin, error=error
    )


def _shown(words: dict[str, Any] | None, *, inside: bool) -> dict[str, Any] | None:
    """What others than the provider and the node see of a confirmation: not why."""
    if words is None or inside:
        return words
    hidden: dict[str, Any] = {"reasons": [], "reason": "", "rows": None, "data_version": None}
    return words | hidden
