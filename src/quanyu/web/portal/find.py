"""Search results: facets, place, time, order, paging; all of it in the address."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import JSONResponse, Response

from quanyu.catalogue import (
    ACCESSES,
    GRADES,
    KINDS,
    LICENCES,
    THEMES,
    UPDATE_CYCLES,
    Access,
    FreshnessState,
    Grade,
    HealthFigure,
    HealthState,
    Kind,
    Resource,
    Search,
    SearchPage,
    Sort,
    UpdateCycle,
    care_of,
    freshness,
    health_figures,
    search,
    suggestions,
)
from quanyu.kernel import PartyId, ResourceId, now
from quanyu.parties import Party, parties
from quanyu.web.pages import language_of
from quanyu.web.portal.health_words import HEALTHS, health_badge
from quanyu.web.portal.plots import plot_extents
from quanyu.web.portal.quality_words import BADGES, LABELS
from quanyu.web.portal.search_address import FILTERS, PLACE, SIDES, TIME, read_search, values
from quanyu.web.portal.visit import TheNode, Visitor, link_to, local, reading, say, show

router = APIRouter(include_in_schema=False)
_SHOWN = 7
_SORTS = {
    Sort.RELEVANCE: "best match",
    Sort.UPDATED: "latest change",
    Sort.CREATED: "newest",
    Sort.TITLE_ZH: "by title",
    Sort.TITLE_EN: "by title",
    Sort.HEALTH: "healthiest",
    Sort.SICKNESS: "least healthy",
}
FIELDS = {
    "access": "Access",
    "kind": "Kind",
    "theme": "Theme",
    "freshness": "Freshness",
    "health": "Health",
    "provider": "Provider",
    "format": "Format",
    "licence": "Licence",
    "cycle": "Update cycle",
    "grade": "Grade",
}
_OPEN = frozenset({"access", "kind", "theme"})
_HERE = ("literal", "sort")

Providers = Mapping[PartyId, Party]


@router.get("/search")
async def results(request: Request, node: TheNode, caller: Visitor) -> Response:
    """Resources that the caller may know of, narrowed by what the address says."""
    given = request.query_params
    asked = read_search(given)

    def read(
        session: Session,
    ) -> tuple[SearchPage, Providers, dict[str, str], Mapping[ResourceId, HealthFigure]]:
        page = search(session, asked, visible_to=caller)
        figures = health_figures(session, [hit.id for hit in page.hits])
        return page, {p.id: p for p in parties(session)}, fresh_states(session, page.hits), figures

    page, providers, fresh, figures = await reading(node, read)
    narrowed = [name for name in (*FILTERS, *PLACE, *TIME) if given.get(name)]
    kept = {name: value for name, value in given.items() if value and name not in {"f", "after"}}
    context = {
        "query": asked,
        "page": page,
        "providers": providers,
        "fresh": fresh,
        "fresh_names": {s.value: say(request, LABELS[s]) for s in FreshnessState},
        "fresh_badges": {s.value: BADGES[s] for s in FreshnessState},
        "healths": {key: health_badge(request, one) for key, one in figures.items()},
        "facets": facets_of(request, page, providers),
        "plot": plot_extents(page.hits),
        "map": _map(asked, page),
        "sides": dict(zip(SIDES, asked.bbox, strict=True)) if asked.bbox else {},
        "days": _days(asked),
        "sorts": _sorts(request, asked),
        "kept": kept,
        "narrowed": bool(narrowed),
        "next_href": link_to(request, after=page.next) if page.next else None,
        "first_href": link_to(request, after=None) if asked.after else None,
        "clear_href": f"/search?{urlencode({'q': asked.q})}" if asked.q else "/search",
        "no_place_href": link_to(request, **dict.fromkeys((*PLACE, "after"))),
        "no_time_href": link_to(request, **dict.fromkeys((*TIME, "after"))),
        "literal_href": link_to(request, literal="1", after=None),
        "proposal_href": link_to(request, q=page.proposal, literal=None, after=None),
        "atom_href": f"/search.atom?{urlencode({n: v for n, v in kept.items() if n != 'sort'})}",
        "here_query": urlencode(kept),
        "records_href": "/ogc/records/collections/catalogue/items?"
        + urlencode({"q": asked.q} if asked.q else {}),
    }
    twin = {
        "total": page.total,
        "exact": page.exact,
        "hits": page.hits,
        "freshness": fresh,
        "health": figures,
        "next": page.next,
        "facets": page.facets,
        "corrected": page.corrected,
        "proposal": page.proposal,
    }
    return show(request, "search.html", context, twin=twin)


@router.get("/search/suggest")
async def suggest(request: Request, node: TheNode, caller: Visitor, q: str = "") -> Response:
    """What the question may become, as JSON; only of what the caller may see."""
    found = await reading(node, lambda session: suggestions(session, q, visible_to=caller))
    said = [
        {
            "kind": one.kind.value,
            "text": local(request, one.title) if one.title else one.text,
            "times": one.times,
            "href": f"/resources/{one.slug}"
            if one.slug
            else f"/search?{urlencode({'q': one.text})}",
        }
        for one in found
    ]
    headers = {"cache-control": "private, max-age=30", "vary": "Cookie, Accept-Language"}
    return JSONResponse({"q": q[:100], "suggestions": said}, headers=headers)


def fresh_states(session: Session, hits: tuple[Resource, ...]) -> dict[str, str]:
    """How the data of each entry stand against the promise, by id."""
    cares, moment = care_of(session, [hit.id for hit in hits]), now()
    return {
        hit.id: freshness(
            hit, cares[hit.id].data_at if hit.id in cares else None, moment
        ).state.value
        for hit in hits
    }


def facets_of(request: Request, page: SearchPage, providers: Providers) -> list[dict[str, Any]]:
    """Each facet's values with their counts and the address that turns them on or off."""
    named = _names(request, providers)
    found = []
    for key, plural in FILTERS.items():
        on = values(request.query_params, key)
        items = [
            {
                "name": named[key](fact.value),
                "count": fact.count,
                "on": fact.value in on,
                "href": _toggled(request, key, on, fact.value),
            }
            for fact in page.facets.get(plural, ())
        ]
        # What is chosen must stay in sight, so that it can be taken back.
        items.sort(key=lambda item: not item["on"])
        found.append(
            {
                "key": key,
                "title": say(request, FIELDS[key]),
                "first": items[:_SHOWN],
                "rest": items[_SHOWN:],
                "open": key in _OPEN or bool(on),
            }
        )
    return found


def _names(request: Request, providers: Providers) -> dict[str, Callable[[str], str]]:
    def coded(codes: Mapping[Any, Any], kind: Callable[[str], Any]) -> Callable[[str], str]:
        return lambda value: local(request, codes[kind(value)].name)

    return {
        "kind": coded(KINDS, Kind),
        "theme": lambda v: local(request, THEMES[v].name) if v in THEMES else v,
        "access": coded(ACCESSES, Access),
        "cycle": coded(UPDATE_CYCLES, UpdateCycle),
        "grade": coded(GRADES, Grade),
        "freshness": lambda v: say(request, LABELS[FreshnessState(v)]),
        "health": lambda v: say(request, HEALTHS[HealthState(v)]),
        "format": str,
        "licence": lambda v: local(request, LICENCES[v].name) if v in LICENCES else v,
        "provider": lambda v: (
            local(request, providers[PartyId(v)].name) if PartyId(v) in providers else v
        ),
    }


def _words_href(words: str) -> str:
    return f"/search?{urlencode({'q': words})}"


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


def _map(asked: Search, page: SearchPage) -> dict[str, Any]:
    """What the map draws: the extents of the hits, and the region sought."""
    return {
        "boxes": [
            {"name": hit.title.zh or hit.title.en, "bbox": hit.bbox, "slug": hit.slug}
            for hit in page.hits
            if hit.bbox
        ],
        "region": asked.bbox,
    }


def _days(asked: Search) -> tuple[str, str]:
    first, last = asked.interval or (None, None)
    return (f"{first:%Y-%m-%d}" if first else "", f"{last:%Y-%m-%d}" if last else "")
