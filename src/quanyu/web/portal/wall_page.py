"""The operations wall: a map of what is wrong, the list, key figures; live, for a large screen."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from quanyu.catalogue import Resource
from quanyu.kernel import ResourceId, iso, now
from quanyu.operations import AlertFilter as Wanted
from quanyu.operations import Severity, alert_figures, find_alerts
from quanyu.streams import datastreams_of
from quanyu.web.alert_documents import alert_document, figures_document
from quanyu.web.alerts import alerts_stand
from quanyu.web.portal.alert_pages import titles_of
from quanyu.web.portal.alert_words import alert_words, worst_of
from quanyu.web.portal.layers import ground_of
from quanyu.web.portal.visit import TheNode, Visitor, reading, show
from quanyu.web.rules import sight_for

router = APIRouter(include_in_schema=False)
_SHOWN, _FACILITIES, _GROUND = 60, 2_000, 6
_WORST = list(Severity)


@router.get("/wall")
async def wall_page(request: Request, node: TheNode, caller: Visitor) -> Response:
    """What is wrong in the city now, of what the visitor may see."""

    def read(session: Session) -> dict[str, Any]:
        sight = sight_for(session, node, caller)
        page = find_alerts(session, sight, Wanted(), limit=_SHOWN)
        found = sorted(page.alerts, key=lambda one: (_WORST.index(one.severity), one.id))
        facilities = _facilities(session, sight.resources, set(sight.whole))
        return {
            "alerts": found,
            "stands": alerts_stand(session, node, caller),
            "more": page.after is not None,
            "figures": alert_figures(session, sight, now() - timedelta(days=1)),
            "titles": titles_of(session, request, page.alerts),
            "facilities": facilities,
        }

    found = await reading(node, read)
    as_json = request.query_params.get("f") == "json"
    layers = [] if as_json else await ground_of(request, _GROUND)
    words = alert_words(request)
    twin = {
        "at": iso(now()),
        "stands": found["stands"],
        "figures": figures_document(found["figures"]),
        "alerts": [
            alert_document(one)
            | {
                "title": found["titles"].get(one.rule, ""),
                "severityName": words["severity_names"][one.severity.value],
                "stateName": words["alert_state_names"][one.state.value],
                "worst": worst_of(request, one),
            }
            for one in found["alerts"]
        ],
        "facilities": found["facilities"],
    }
    return show(
        request,
        "wall.html",
        found | words | {"twin": twin, "layers": layers, "at": now()},
        twin=twin,
    )


def _facilities(
    session: Session, streams: Mapping[ResourceId, Resource], whole: set[ResourceId]
) -> list[list[Any]]:
    """Where the things are that are watched: longitude, latitude, name; of streams seen whole."""
    found: dict[tuple[str, str], list[Any]] = {}
    for key in streams:
        if key not in whole:
            continue
        for one in datastreams_of(session, key, limit=_FACILITIES):
            if one.place is not None:
                found[key, str(one.thing)] = [*one.place, one.thing_name]
    return list(found.values())[:_FACILITIES]
