"""The city map: every dataset with a geometry that the visitor may see, as layers."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from quanyu.catalogue import ACCESSES, HealthFigure, Resource, health_figures
from quanyu.kernel import Language, QuanyuError
from quanyu.land import NUMBERS, SCHEMES, Scheme, classes, declarations
from quanyu.spacetime import GeometryType, View
from quanyu.web.land_checking import today
from quanyu.web.node import Node, node_of
from quanyu.web.pages import language_of
from quanyu.web.portal.health_words import health_badge
from quanyu.web.portal.identities import Identity, chosen, identities
from quanyu.web.portal.map_layers import FIRST, LABELS, map_layer
from quanyu.web.portal.visit import TheNode, Visitor, local, reading, say, show
from quanyu.web.serve_use import look, look_each

router = APIRouter(include_in_schema=False)
_MOST_LAYERS = 200
_FIRST_SHOWN = 8


@router.get("/map")
async def city_map(request: Request, node: TheNode, caller: Visitor) -> Response:
    """The map under one identity: open data alone, or with what an agreement adds."""
    mine = await reading(node, lambda session: identities(session, caller))
    under = chosen(request.query_params.get("as"), mine)
    roles = await _roles(node)
    layers = await _layers(request, roles)
    problem = None
    if under is not None:
        layers = [one for one in layers if one["slug"] != under.slug]
        try:
            layers.insert(0, await _under(request, under, roles))
        except QuanyuError as error:
            problem = str(error)
    asked = request.query_params.get("layers")
    shown = _first(layers) if asked is None else asked.split(",")
    context = {
        "groups": [
            {
                "name": say(request, name),
                "layers": [_listed(one, shown) for one in layers if one["group"] == group],
            }
            for group, name in LABELS.items()
            if any(one["group"] == group for one in layers)
        ],
        "layers": layers,
        "identities": _options(request, caller.anonymous, mine, under),
        "identity_note": problem or _note(request, under),
        "schemes": _schemes(request),
        "island": {
            "layers": layers,
            "on": shown,
            "language": language_of(request),
            "groups": [{"id": group, "name": say(request, LABELS[group])} for group in LABELS],
            "member": not caller.anonymous,
            "today": today(node).isoformat(),
            "numbers": list(NUMBERS),
        },
    }
    return show(request, "map.html", context, twin={"layers": layers})


async def _roles(node: Node) -> dict[str, str]:
    """Roles that datasets play in the land space."""
    declared = await reading(node, declarations)
    return {one.dataset: one.role.value for one in declared}


async def _layers(request: Request, roles: dict[str, str]) -> list[dict[str, Any]]:
    language, ids = language_of(request), {}

    def layer(view: View, of: Resource) -> dict[str, Any] | None:
        if view.geometry is GeometryType.NONE:
            return None
        ids[of.slug] = of.id
        return map_layer(view, of, language, roles)

    found, _ = await look_each(request, layer, {}, _MOST_LAYERS, None)
    figures = await reading(node_of(request), lambda s: health_figures(s, list(ids.values())))
    for one in found:
        figure = figures.get(ids[one["slug"]])
        one["health"] = None if figure is None else _health(request, figure)
    return found


def _health(request: Request, figure: HealthFigure) -> dict[str, str]:
    """The state in words, and the class of its badge."""
    said = health_badge(request, figure)
    return {"text": said["text"], "badge": said["badge"]}


def _first(layers: list[dict[str, Any]]) -> list[str]:
    """What a first look shows: what is real before what is made up, without what covers it all."""
    plain = [one for one in layers if one["group"] in FIRST] or layers
    real = [one for one in plain if not one["generated"]] or plain
    return [one["slug"] for one in real[:_FIRST_SHOWN]]


def _listed(one: dict[str, Any], shown: list[str]) -> dict[str, Any]:
    return {
        "slug": one["slug"],
        "title": one["title"],
        "access": next(a for a in ACCESSES if a == one["access"]),
        "on": one["slug"] in shown,
    }


def _schemes(request: Request) -> list[dict[str, Any]]:
    """Code tables of land classes, for the form of a project."""
    return [
        {
            "id": scheme.value,
            "name": local(request, SCHEMES[scheme]),
            "classes": [
                {"code": one.code, "name": local(request, one.name)}
                for one in classes(scheme).values()
            ],
        }
        for scheme in Scheme
    ]


async def _under(request: Request, under: Identity, roles: dict[str, str]) -> dict[str, Any]:
    language: Language = language_of(request)
    return await look(
        request,
        under.slug,
        lambda view, of: map_layer(view, of, language, roles, under),
        under.parameters,
        face="tiles",
    )


def _options(
    request: Request, anonymous: bool, mine: list[Identity], under: Identity | None
) -> list[dict[str, Any]]:
    plain = say(request, "Anybody: open data only" if anonymous else "Open data and your own")
    options = [{"id": "", "name": plain, "on": under is None}]
    return options + [
        {"id": one.key, "name": one.name(language_of(request)), "on": one == under} for one in mine
    ]


def _note(request: Request, under: Identity | None) -> str:
    if under is None:
        return say(
            request,
            "What is not shown here does not exist for this view: not in tiles, not in counts.",
        )
    return say(
        request,
        "Rows, columns and the area of “{title}” are cut as this agreement says.",
        title=under.title.to(language_of(request)),
    )
