"""The city map: every dataset with a geometry that the visitor may see, as layers."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from quanyu.catalogue import ACCESSES
from quanyu.kernel import QuanyuError
from quanyu.web.pages import language_of
from quanyu.web.portal.identities import Identity, chosen, identities
from quanyu.web.portal.layers import layer_of, layers_of
from quanyu.web.portal.visit import TheNode, Visitor, reading, say, show
from quanyu.web.serve_use import look

router = APIRouter(include_in_schema=False)
_MOST_LAYERS = 60
_FIRST_SHOWN = 6


@router.get("/map")
async def city_map(request: Request, node: TheNode, caller: Visitor) -> Response:
    """The map under one identity: open data alone, or with what an agreement adds."""
    mine = await reading(node, lambda session: identities(session, caller))
    under = chosen(request.query_params.get("as"), mine)
    layers = await layers_of(request, _MOST_LAYERS)
    problem = None
    if under is not None:
        layers = [one for one in layers if one["slug"] != under.slug]
        try:
            layers.insert(0, await _under(request, under))
        except QuanyuError as error:
            problem = str(error)
    asked = request.query_params.get("layers")
    shown = [one["slug"] for one in layers[:_FIRST_SHOWN]] if asked is None else asked.split(",")
    context = {
        "layers": [
            {
                "slug": one["slug"],
                "title": one["title"],
                "access": next(a for a in ACCESSES if a == one["access"]),
                "on": one["slug"] in shown,
            }
            for one in layers
        ],
        "identities": _options(request, caller.anonymous, mine, under),
        "identity_note": problem or _note(request, under),
        "island": {"layers": layers, "on": shown, "language": language_of(request)},
    }
    return show(request, "map.html", context, twin={"layers": layers})


async def _under(request: Request, under: Identity) -> dict[str, Any]:
    language = language_of(request)
    return await look(
        request,
        under.slug,
        lambda view, of: layer_of(view, of, language, under),
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
