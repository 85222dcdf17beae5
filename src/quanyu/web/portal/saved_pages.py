"""Searches that a member keeps: listed, kept, forgotten."""

from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Request
from starlette.responses import Response

from quanyu.catalogue import (
    SavedSearch,
    address_of,
    forget_search,
    save_search,
    saved_searches,
)
from quanyu.web.portal.search_address import read_search
from quanyu.web.portal.visit import Member, TheNode, go, reading, show, writing
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)


@router.get("/searches")
async def kept_searches(request: Request, node: TheNode, caller: Member) -> Response:
    """The searches that the caller keeps."""
    found = await reading(node, lambda session: saved_searches(session, caller))
    items = [{"saved": one, "href": _href(one), "feed": _href(one, ".atom")} for one in found]
    return show(request, "searches.html", {"items": items}, twin={"searches": found})


@router.post("/searches")
async def keep(request: Request, node: TheNode, caller: Member) -> Response:
    """Keep the search whose address the form carries."""
    await check_csrf_of(request)
    form = await request.form()
    search = read_search(dict(parse_qsl(str(form.get("query", ""))[:4000])))
    name = str(form.get("name", ""))
    await writing(node, lambda session: save_search(session, search, caller, name=name))
    return go("/searches")


@router.post("/searches/{search_id}/forget")
async def forget(request: Request, node: TheNode, caller: Member, search_id: str) -> Response:
    """Forget one of them."""
    await check_csrf_of(request)
    await writing(node, lambda session: forget_search(session, search_id, caller))
    return go("/searches")


def _href(one: SavedSearch, form: str = "") -> str:
    return f"/search{form}?{urlencode(address_of(one.search))}"
