"""OGC API – Tiles of imagery: map tiles (PNG, JPEG, WebP) of the scenes laid over one another.

``/ogc/tiles/collections/{slug}/map/tiles``. A use of the face ``tiles``; its rows are the scenes
that a tile shows.
"""

from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.catalogue import Resource
from quanyu.kernel import Language, NotFound, translate
from quanyu.spacetime import DEEPEST, TILE_MATRIX_SETS, View
from quanyu.web import collection, parameters
from quanyu.web.documents import link, respond
from quanyu.web.negotiate import MEDIA_TYPES, offer, representation
from quanyu.web.node import base_of
from quanyu.web.pages import language_of
from quanyu.web.picture_parameters import CHOICE, PICTURE, STYLE, chosen_of, style_of
from quanyu.web.serve_use import Answer, look, serve_use
from quanyu.web.tile_documents import (
    GRID,
    ROOT,
    about_tiles,
    grid_links,
    scheme_uri,
)

_GIVEN = parameters.COMMON | STYLE | CHOICE
MATRIX = TILE_MATRIX_SETS[GRID]
_TILESET = offer("json", "tilejson", "html")


async def tile(request: Request) -> Response:
    """``…/map/tiles/WebMercatorQuad/{z}/{y}/{x}``; 204 where there is nothing to see."""
    at = request.path_params
    given = parameters.read(request)
    parameters.check_known(given, _GIVEN)
    form = representation(request, PICTURE, given.get("f"))
    z, y, x = at["z"], at["y"], at["x"]
    if z > DEEPEST or not (0 <= x < 1 << z and 0 <= y < 1 << z):
        raise NotFound("the grid has no tile {z}/{y}/{x}", z=z, y=y, x=x)
    style, chosen, place = style_of(given, form), chosen_of(given), (z, x, y)

    def work(view: View) -> Answer:
        body, scenes = view.imagery().tile(place, style, chosen)
        kind = MEDIA_TYPES[form]
        return Answer(media_type=kind, body=body, rows=scenes, status=200 if body else 204)

    def quick(view: View) -> bool:
        return view.imagery_open and view.imagery().cached(place, style, chosen)

    return await serve_use(
        request, at["slug"], work, face="tiles", given=given, form=form, quick=quick
    )


async def tilesets(request: Request) -> Response:
    """``…/map/tiles``: the sets of map tiles of a collection."""
    given = parameters.read(request)
    parameters.check_known(given, _GIVEN)
    one = await _looked(request, given, _document)
    brief = {name: one[name] for name in ("title", "tileMatrixSetURI", "crs", "dataType")}
    here = f"{base_of(request)}{ROOT}/collections/{request.path_params['slug']}/map/tiles/{GRID}"
    brief["links"] = [link(here, "self", "json"), *one["links"][:4]]
    document: dict[str, Any] = {"tilesets": [brief]}
    return respond(request, document, given, title=one["title"])


async def tileset(request: Request) -> Response:
    """``…/map/tiles/WebMercatorQuad``, also as TileJSON."""
    given = parameters.read(request)
    parameters.check_known(given, _GIVEN)
    form = representation(request, _TILESET, given.get("f"))
    if form == "tilejson":
        return await tilejson(request)
    one = await _looked(request, given, _document)
    return respond(request, one, given, title=one["title"], offered=_TILESET, form=form)


async def tilejson(request: Request) -> Response:
    """``…/map/tiles/WebMercatorQuad/tilejson.json`` (TileJSON 3.0.0)."""
    given = parameters.read(request)
    parameters.check_known(given, _GIVEN)
    document = await _looked(request, given, _tilejson)
    headers = {"cache-control": "private, no-cache"}
    return Response(orjson.dumps(document), headers=headers, media_type=MEDIA_TYPES["tilejson"])


async def _looked(request: Request, given: dict[str, str], make: Any) -> dict[str, Any]:
    language, base = language_of(request), base_of(request)
    kept = {name: text for name, text in given.items() if name != "lang"}
    query = f"?{urlencode(kept)}" if kept else ""

    def describe(view: View, resource: Resource) -> dict[str, Any]:
        found: dict[str, Any] = make(view, resource, language, base, query)
        return found

    return await look(request, request.path_params["slug"], describe, given, face="tiles")


def _document(
    view: View, resource: Resource, language: Language, base: str, _query: str
) -> dict[str, Any]:
    """Metadata of a set of map tiles (OGC 17-083r4, 7)."""
    view.imagery()
    box = view.extent()[0]
    here = f"{base}{ROOT}/collections/{resource.slug}/map/tiles/{GRID}"
    pattern = f"{here}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}"
    found: dict[str, Any] = {
        "title": resource.title.to(language),
        "dataType": "map",
        "crs": "http://www.opengis.net/def/crs/EPSG/0/3857",
        "tileMatrixSetURI": scheme_uri(MATRIX, base),
        "links": [
            *grid_links(base, MATRIX),
            *(
                link(f"{pattern}?f={form}", "item", form, form.upper(), templated=True)
                for form in PICTURE
            ),
            link(f"{here}/tilejson.json", "describedby", "tilejson", "TileJSON"),
            link(f"{base}/ogc/features/collections/{resource.slug}", "geodata", "json"),
            *collection.licence_links(resource, language),
        ],
    }
    return found | about_tiles(resource, box, MATRIX)


def _tilejson(
    view: View, resource: Resource, language: Language, base: str, query: str
) -> dict[str, Any]:
    view.imagery()
    box = view.extent()[0]
    here = f"{base}{ROOT}/collections/{resource.slug}/map/tiles/{GRID}"
    found: dict[str, Any] = {
        "tilejson": "3.0.0",
        "name": resource.title.to(language),
        "scheme": "xyz",
        "tiles": [f"{here}/{{z}}/{{y}}/{{x}}{query}"],
        "minzoom": 0,
        "maxzoom": DEEPEST,
    }
    if resource.attribution:
        found["attribution"] = resource.attribution
    if box is not None:
        found["bounds"] = list(box)
        found["center"] = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2, 12]
    return found


def describe_link(base: str, slug: str, language: Language) -> dict[str, Any]:
    """The link from a collection to its sets of map tiles."""
    return link(
        f"{base}{ROOT}/collections/{slug}/map/tiles",
        "http://www.opengis.net/def/rel/ogc/1.0/tilesets-map",
        "json",
        translate(language, "Map tiles"),
    )


def routes() -> list[Route]:
    """Routes of map tiles; the hot one first."""
    one = f"{ROOT}/collections/{{slug}}/map/tiles"
    return [
        Route(f"{one}/{GRID}/{{z:int}}/{{y:int}}/{{x:int}}", tile),
        Route(one, tilesets),
        Route(f"{one}/{GRID}", tileset),
        Route(f"{one}/{GRID}/tilejson.json", tilejson),
    ]
