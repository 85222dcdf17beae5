"""Search results: facets, order, extents, paging; all of it in the address."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from quanyu.catalogue import (
    ACCESSES,
    KINDS,
    THEMES,
    Access,
    Kind,
    Search,
    SearchPage,
    Sort,
    search,
)
from quanyu.kernel import Invalid, PartyId
from quanyu.parties import Party, parties
from quanyu.web.pages import language_of
from quanyu.web.portal.plots import plot_extents
from quanyu.web.portal.visit import TheNode, Visitor, link_to, local, reading, say, show

router = APIRouter(include_in_schema=False)
_PAGE = 20
_FILTERS = ("kind", "theme", "access", "provider")
_SORTS = {
    Sort.RELEVANCE: "best match",
    Sort.UPDATED: "latest change",
    Sort.CREATED: "newest",
    Sort.TITLE_ZH: "by title",
    Sort.TITLE_EN: "by title",
}


@router.get("/search")
async def results(request: Request, node: TheNode, caller: Visitor) -> Response:
    """Resources that the caller may know of, narrowed by what the address says."""
    asked = read_search(request.query_params)

    def read(session: Session) -> tuple[SearchPage, dict[PartyId, Party]]:
        page = search(session, asked, visible_to=caller)
        return page, {party.id: party for party in parties(session)}

    page, providers = await reading(node, read)
    filtered = any(name in request.query_params for name in _FILTERS)
    context = {
        "query": asked,
        "page": page,
        "providers": providers,
        "facets": _facets(request, page, providers),
        "plot": plot_extents(page.hits),
        "sorts": _sorts(request, asked),
        "hidden": [(n, v) for n, v in request.query_params.items() if n in (*_FILTERS, "sort")],
        "next_href": link_to(request, after=page.next) if page.next else None,
        "first_href": link_to(request, after=None) if asked.after else None,
        "clear_href": f"/search?{urlencode({'q': asked.q})}" if filtered else None,
        "records_href": "/ogc/records/collections/catalogue/items?"
        + urlencode({"q": asked.q} if asked.q else {}),
    }
    twin = {"total": page.total, "hits": page.hits, "next": page.next, "facets": page.facets}
    return show(request, "search.html", context, twin=twin)


def read_search(given: Mapping[str, str]) -> Search:
    """The search that an address asks for; :class:`Invalid` names what is not understood."""
    try:
        sort = Sort(given.get("sort", Sort.RELEVANCE))
        kinds = frozenset(Kind(v) for v in _values(given, "kind"))
        accesses = frozenset(Access(v) for v in _values(given, "access"))
    except ValueError as error:
        raise Invalid(
            "this filter has no such value", field="query", mend="choose among the filters shown"
        ) from error
    return Search(
        q=given.get("q", "")[:1000],
        kinds=kinds,
        accesses=accesses,
        themes=frozenset(_values(given, "theme")),
        providers=frozenset(PartyId(v) for v in _values(given, "provider")),
        sort=sort,
        limit=_PAGE,
        after=given.get("after"),
    )


def _values(given: Mapping[str, str], name: str) -> list[str]:
    return [value for value in given.get(name, "").split(",") if value]


def _facets(
    request: Request, page: SearchPage, providers: Mapping[PartyId, Party]
) -> list[tuple[str, list[dict[str, Any]]]]:
    """Each facet's values with their counts and the address that turns them on or off."""
    names: dict[str, Callable[[str], str]] = {
        "kind": lambda v: local(request, KINDS[Kind(v)].name),
        "theme": lambda v: local(request, THEMES[v].name) if v in THEMES else v,
        "access": lambda v: local(request, ACCESSES[Access(v)].name),
        "provider": lambda v: local(request, providers[PartyId(v)].name),
    }
    titles = {
        "access": say(request, "Access"),
        "kind": say(request, "Kind"),
        "theme": say(request, "Theme"),
        "provider": say(request, "Provider"),
    }
    plural = {"kind": "kinds", "theme": "themes", "access": "accesses", "provider": "providers"}
    found = []
    for key, title in titles.items():
        on = _values(request.query_params, key)
        values = [
            {
                "name": names[key](fact.value),
                "count": fact.count,
                "on": fact.value in on,
                "href": _toggled(request, key, on, fact.value),
            }
            for fact in page.facets.get(plural[key], ())
        ]
        found.append((title, values))
    return found


def _toggled(request: Request, key: str, on: list[str], value: str) -> str:
    left = [v for v in on if v != value] if value in on else [*on, value]
    return link_to(request, **{key: ",".join(left) or None, "after": None})


def _sorts(request: Request, asked: Search) -> list[dict[str, Any]]:
    other = Sort.TITLE_EN if language_of(request) == "zh" else Sort.TITLE_ZH
    return [
        {"name": say(request, text), "on": sort is asked.sort, "href": _sorted(request, sort)}
        for sort, text in _SORTS.items()
        if sort is not other
        if asked.q or sort is not Sort.RELEVANCE or asked.sort is Sort.RELEVANCE
    ]


def _sorted(request: Request, sort: Sort) -> str:
    return link_to(request, sort=None if sort is Sort.RELEVANCE else sort.value, after=None)
