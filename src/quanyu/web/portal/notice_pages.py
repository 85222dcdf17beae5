"""My notices: listed, filtered, marked as read; each opens what it is about."""

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from quanyu.kernel import iso
from quanyu.parties import TOPICS, NoticePage, mark_read, notices_of, unread_count
from quanyu.web.pages import language_of
from quanyu.web.portal.visit import (
    Member,
    TheNode,
    filter_of,
    forget_unread,
    go,
    link_to,
    reading,
    safe_path,
    show,
    writing,
)
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)


@router.get("/notices")
async def notices_page(
    request: Request,
    node: TheNode,
    caller: Member,
    after: str = "",
) -> Response:
    """The caller's notices, newest first."""
    topic = filter_of(request, "topic", TOPICS)
    unread = filter_of(request, "unread", {"1"})

    def read(session: Session) -> tuple[NoticePage, int]:
        page = notices_of(session, caller, topic=topic, unread=unread == "1", after=after)
        return page, unread_count(session, caller.member) if caller.member else 0

    page, waiting = await reading(node, read)
    language = language_of(request)
    told = [
        {
            "id": one.id,
            "topic": one.topic,
            "text": one.text(language, node.settings.time_zone),
            "link": one.link,
            "at": one.at,
            "read_at": one.read_at,
        }
        for one in page.notices
    ]
    context = {
        "notices": told,
        "waiting": waiting,
        "topics": TOPICS,
        "topic": topic,
        "only_unread": unread == "1",
        "next_href": link_to(request, after=page.after) if page.after else None,
    }
    twin = {
        "unread": waiting,
        "notices": [
            one | {"at": iso(n.at), "read_at": iso(n.read_at) if n.read_at else None}
            for one, n in zip(told, page.notices, strict=True)
        ],
        "next": context["next_href"],
    }
    return show(request, "notices.html", context, twin=twin)


@router.post("/notices/read")
async def read_notices(request: Request, node: TheNode, caller: Member) -> Response:
    """Mark the named notices, or all, as read; ``open`` leads on to what one is about."""
    await check_csrf_of(request)
    form = await request.form()
    ids = [str(value) for value in form.getlist("id")]
    everything = form.get("all") == "1"
    await writing(node, lambda s: mark_read(s, caller, None if everything else ids))
    forget_unread(caller.member)
    return go(safe_path(str(form.get("back", "/notices"))))
