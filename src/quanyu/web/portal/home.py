"""The home page: search, the city's figures with source and time, a drawing of the city."""

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from quanyu.catalogue import Resource, resources
from quanyu.evidence import NoteError, parse_checkpoint
from quanyu.kernel import NotFound, now
from quanyu.spacetime import GeometryType, View
from quanyu.web.node import Node
from quanyu.web.pages import language_of
from quanyu.web.portal.overview import plan_of
from quanyu.web.portal.visit import TheNode, Visitor, reading, say, show
from quanyu.web.serve_use import look_each

router = APIRouter(include_in_schema=False)
_NEWEST = 6
_MOST_FIGURES = 5


@router.get("/")
async def home(request: Request, node: TheNode, caller: Visitor) -> Response:
    """What there is, how much of it, and the way in."""
    language = language_of(request)

    def figure(view: View, of: Resource) -> dict[str, Any]:
        return {
            "label": of.title.to(language),
            "value": view.count(),
            "unit": say(request, "rows" if view.geometry is GeometryType.NONE else "features"),
            "digits": 0,
            "source": of.attribution
            or say(request, "version {number}", number=view.version.number),
            "href": f"/resources/{of.slug}",
            "at": view.version.created_at,
        }

    figures, _ = await look_each(request, figure, {}, _MOST_FIGURES, None)
    figures.sort(key=lambda one: -one["value"])

    def newest(session: Session) -> tuple[tuple[Resource, ...], int]:
        page = resources(session, visible_to=caller, limit=_NEWEST)
        return page.hits, page.total

    hits, total = await reading(node, newest)
    if total:
        count = {
            "label": say(request, "Resources in the catalogue"),
            "value": total,
            "unit": "",
            "digits": 0,
            "source": say(request, "Catalogue of this node"),
            "href": "/search",
            "at": now(),
        }
        figures.insert(0, count)
    context = {
        "figures": figures,
        "newest": hits,
        "plan": await plan_of(request),
        "checkpoint": await run_in_threadpool(_checkpoint, node),
    }
    twin = {"figures": figures, "newest": hits, "checkpoint": context["checkpoint"]}
    return show(request, "home.html", context, twin=twin)


def _checkpoint(node: Node) -> dict[str, Any] | None:
    try:
        note = node.log.checkpoint().decode()
        found = parse_checkpoint(note.partition("\n\n")[0] + "\n")
    except (NotFound, NoteError):
        return None
    return {"size": found.size, "root": found.root.hex(), "at": now()}
