"""The board of health: all resources by state, the least healthy first; departments; the course."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from quanyu.catalogue import (
    KINDS,
    HealthState,
    Kind,
    ProviderHealth,
    health_by_provider,
    health_figures,
    search,
)
from quanyu.kernel import PartyId, day_in_zone, now
from quanyu.operations import (
    Health,
    HealthDay,
    health_days,
    health_on,
    healths_of,
)
from quanyu.parties import Party, parties
from quanyu.web.health_documents import day_document, listed_document
from quanyu.web.portal.drawn import Drawn
from quanyu.web.portal.health_words import BADGES, HEALTHS, health_badge, parts_words
from quanyu.web.portal.visit import TheNode, Visitor, filter_of, link_to, local, reading, say, show
from quanyu.web.resource_health import search_from

router = APIRouter(include_in_schema=False)
_PAGE = 50
_DAYS = 90
_COLOURS = {
    HealthState.BAD: "var(--seal)",
    HealthState.WARNING: "var(--amber)",
    HealthState.GOOD: "var(--jade)",
    HealthState.UNKNOWN: "var(--line-strong)",
}
"""In the order in which states are shown: what is wrong comes first."""


@router.get("/health-board")
async def board(request: Request, node: TheNode, caller: Visitor) -> Response:
    """Resources that the caller may know of, narrowed by state, department and kind."""
    state = filter_of(request, "state", set(HealthState))
    kind = filter_of(request, "kind", set(Kind))
    said = {name: request.query_params.get(name, "") for name in ("provider", "after", "q")}
    asked = search_from(said | {"state": state, "kind": kind}, _PAGE)
    today = day_in_zone(now(), node.settings.time_zone)

    def read(session: Session) -> dict[str, Any]:
        page = search(session, asked, visible_to=caller)
        ids = [hit.id for hit in page.hits]
        provider = PartyId(said["provider"]) if said["provider"] else None
        return {
            "page": page,
            "figures": health_figures(session, ids),
            "healths": healths_of(session, ids),
            "departments": health_by_provider(session),
            "before": health_on(session, today - timedelta(days=7)),
            "days": health_days(session, today - timedelta(days=_DAYS), provider),
            "parties": {one.id: one for one in parties(session)},
        }

    found = await reading(node, read)
    page, figures, known = found["page"], found["figures"], found["parties"]
    departments: list[ProviderHealth] = found["departments"]
    chosen = [one for one in departments if said["provider"] in ("", one.provider)]
    counts = {one: sum(d.counts[one] for d in chosen) for one in HealthState}
    items = [_item(request, hit, figures.get(hit.id), found["healths"].get(hit.id), known)
             for hit in page.hits]  # fmt: skip
    context = {
        "items": items,
        "total": page.total,
        "exact": page.exact,
        "states": [
            {
                "key": one.value,
                "name": say(request, HEALTHS[one]),
                "count": counts[one],
                "badge": BADGES[one][0],
                "icon": BADGES[one][1],
                "href": link_to(request, state=None if state == one else one.value, after=None),
                "on": state == one,
            }
            for one in _COLOURS
        ],
        "kinds": [(one.value, local(request, KINDS[one].name)) for one in Kind],
        "providers": [
            (one.provider, local(request, known[one.provider].name))
            for one in departments
            if one.provider in known
        ],
        "said": said | {"state": state, "kind": kind},
        "departments": _departments(request, departments, found["before"], known),
        "drawn": _course(request, found["days"]),
        "clear_href": "/health-board",
        "next_href": link_to(request, after=page.next) if page.next else None,
        "first_href": link_to(request, after=None) if said["after"] else None,
        "now": now(),
    }
    twin = {
        "items": [listed_document(hit, figures.get(hit.id)) for hit in page.hits],
        "total": page.total,
        "exact": page.exact,
        "states": {one.value: n for one, n in counts.items()},
        "departments": [
            {"provider": one.provider, **{s.value: n for s, n in one.counts.items()}}
            for one in departments
        ],
        "days": [day_document(one) for one in found["days"]],
        "next": page.next,
    }
    return show(request, "health_board.html", context, twin=twin)


def _item(
    request: Request, hit: Any, figure: Any, health: Health | None, known: Mapping[PartyId, Party]
) -> dict[str, Any]:
    """A line of the board: what is worst of it first."""
    parts = parts_words(request, health.parts) if health else []
    told = [one for one in parts if one["state"] != "good"]
    told.sort(key=lambda one: 101 if one["score"] is None else one["score"])
    badge = health_badge(request, figure) if figure else None
    return {
        "slug": hit.slug,
        "title": hit.title,
        "kind": hit.kind,
        "provider": local(request, known[hit.provider].name) if hit.provider in known else "",
        "badge": badge or _unknown(request),
        "reasons": [one["reason"] for one in told[:2]],
        "since": health.since if health else None,
        "silent": health.silence.until if health and health.silence else None,
        "published": hit.state == "published",
    }


def _unknown(request: Request) -> dict[str, Any]:
    badge, icon = BADGES[HealthState.UNKNOWN]
    name = say(request, HEALTHS[HealthState.UNKNOWN])
    return {"text": name, "name": name, "badge": badge, "icon": icon, "score": None}


def _departments(
    request: Request,
    departments: list[ProviderHealth],
    before: Mapping[PartyId, Mapping[HealthState, int]],
    known: Mapping[PartyId, Party],
) -> list[dict[str, Any]]:
    """Each department with its counts, and how many more are not well than a week ago."""
    rows: list[dict[str, Any]] = []
    for one in departments:
        if one.provider not in known:
            continue
        total = sum(one.counts.values())
        old = before.get(one.provider)
        rows.append(
            {
                "name": local(request, known[one.provider].name),
                "href": f"/health-board?{urlencode({'provider': one.provider})}",
                "counts": [one.counts[state] for state in _COLOURS],
                "total": total,
                "well": one.counts[HealthState.GOOD] / total if total else None,
                "more": None if old is None else one.counts[HealthState.BAD] - old[HealthState.BAD],
            }
        )
    rows.sort(key=lambda row: (-row["counts"][0], -row["counts"][1], row["name"]))
    return rows


def _course(request: Request, days: list[HealthDay]) -> Drawn:
    """Resources by state over days, as stacked bars."""
    return Drawn(
        id="health-days",
        title=say(request, "Published resources by state of health, by day"),
        headers=(say(request, "Day"), *(say(request, HEALTHS[state]) for state in _COLOURS)),
        rows=tuple(
            (one.day.isoformat(), *(one.counts[state] for state in _COLOURS)) for one in days[::-1]
        ),
        option={
            "legend": {},
            "xAxis": {"type": "category", "data": [one.day.isoformat() for one in days]},
            "yAxis": {"type": "value"},
            "series": [
                {
                    "name": say(request, HEALTHS[state]),
                    "type": "bar",
                    "stack": "all",
                    "color": colour,
                    "data": [one.counts[state] for one in days],
                }
                for state, colour in _COLOURS.items()
            ],
        },
        source=say(request, "checks of this node"),
        at=now(),
        wide=True,
    )
