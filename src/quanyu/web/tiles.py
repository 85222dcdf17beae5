"""OGC API – Tiles: vector tiles (MVT) of a collection, their sets, grids, TileJSON and a style.

``/ogc/tiles``. A tile answers like any data: through the gate, within the restriction, with its
evidence. An empty tile is 204 (Tiles 7.1.7), one outside the grid 404.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.catalogue import Resource
from quanyu.kernel import Language, translate
from quanyu.spacetime import TILE_MATRIX_SETS, GeometryType, Tile, View, matrix_set
from quanyu.web import collection, parameters
from quanyu.web.common import Standard, common_routes
from quanyu.web.conformance import TILES
from quanyu.web.documents import link, respond
from quanyu.web.negotiate import MEDIA_TYPES, offer, representation
from quanyu.web.node import base_of
from quanyu.web.pages import language_of
from quanyu.web.serve_use import Answer, look, look_each, serve_use
from quanyu.web.tile_documents import (
    GRID,
    ROOT,
    check_geometry,
    scheme_document,
    scheme_summary,
    style_document,
    tilejson_document,
    tileset_brief,
    tileset_document,
)

_TILESETS = "http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector"
_SCHEMES = "http://www.opengis.net/def/rel/ogc/1.0/tiling-schemes"
TILESET = offer("json", "tilejson", "html")
STANDARD = Standard(
    ROOT,
    TILES,
    lambda language: translate(language, "Vector tiles of this city, as far as you may see them."),
    lambda language, base: [
        link(f"{base}{ROOT}/tileMatrixSets", _SCHEMES, "json", translate(language, "Tile grids"))
    ],
)


async def tile(request: Request) -> Response:
    """``…/collections/{slug}/tiles/{grid}/{z}/{y}/{x}``"""
    place = request.path_params
    given = parameters.read(request)
    parameters.check_known(given, parameters.COMMON | {"datetime"})
    when = parameters.interval(given["datetime"]) if "datetime" in given else None
    if given.get("f", "mvt") not in {"mvt", "pbf"}:
        representation(request, offer("mvt"), given["f"])
    z, y, x = place["z"], place["y"], place["x"]
    name = place["grid"]
    Tile(matrix_set(name), z, x, y)  # refuses one that there is not

    def work(view: View) -> Answer:
        check_geometry(view)
        body = view.tile(z, x, y, name, when)
        return Answer(media_type=MEDIA_TYPES["mvt"], body=body, status=200 if body else 204)

    return await serve_use(
        request,
        place["slug"],
        work,
        face="tiles",
        given=given,
        form="mvt",
        quick=lambda view: view.cached_tile(z, x, y, name, when) is not None,
    )


async def collections(request: Request) -> Response:
    """``/ogc/tiles/collections``: those with a geometry that the caller may read."""
    given = parameters.read(request)
    parameters.check_known(given, {"f", "lang", "agreement", "purpose"})
    language, base = language_of(request), base_of(request)

    def describe(view: View, resource: Resource) -> dict[str, Any] | None:
        if view.geometry is GeometryType.NONE:
            return None
        found = collection.described(view, resource, language, base)
        here = f"{base}{ROOT}/collections/{resource.slug}"
        return found | {
            "links": [link(here, "self", "json"), link(f"{here}/tiles", _TILESETS, "json")]
        }

    found, _ = await look_each(request, describe, given, 1000, None, face="tiles")
    document: dict[str, Any] = {"collections": found}
    title = translate(language, "Collections")
    return respond(request, document, given, title=title, crumbs=_crumbs(language))


async def one_collection(request: Request) -> Response:
    """``/ogc/tiles/collections/{slug}``"""
    given = parameters.read(request)
    parameters.check_known(given, parameters.COMMON)
    language, base = language_of(request), base_of(request)
    slug = request.path_params["slug"]

    def describe(view: View, resource: Resource) -> dict[str, Any]:
        check_geometry(view)
        found = collection.described(view, resource, language, base)
        tiles = link(f"{base}{ROOT}/collections/{slug}/tiles", _TILESETS, "json")
        return found | {"links": [tiles]}

    document = await look(request, slug, describe, given, face="tiles")
    return respond(request, document, given, title=document["title"], crumbs=_crumbs(language))


async def tilesets(request: Request) -> Response:
    """``/ogc/tiles/collections/{slug}/tiles``: the sets of tiles of a collection."""
    given = parameters.read(request)
    parameters.check_known(given, parameters.COMMON)
    language, base = language_of(request), base_of(request)
    slug = request.path_params["slug"]
    found = await look(
        request,
        slug,
        lambda view, resource: [
            tileset_brief(view, resource, language, base, matrix)
            for matrix in TILE_MATRIX_SETS.values()
        ],
        given,
        face="tiles",
    )
    document: dict[str, Any] = {"tilesets": found}
    return respond(request, document, given, title=found[0]["title"], crumbs=_crumbs(language))


async def tileset(request: Request) -> Response:
    """``/ogc/tiles/collections/{slug}/tiles/{grid}``, of Mercator also as TileJSON."""
    given = parameters.read(request)
    parameters.check_known(given, parameters.COMMON)
    language, base = language_of(request), base_of(request)
    slug = request.path_params["slug"]
    matrix = matrix_set(request.path_params["grid"])
    offered = TILESET if matrix.name == GRID else offer("json", "html")
    form = representation(request, offered, given.get("f"))
    if form == "tilejson":
        return await tilejson(request)
    one = await look(
        request,
        slug,
        lambda view, resource: tileset_document(view, resource, language, base, matrix),
        given,
        face="tiles",
    )
    return respond(
        request,
        one,
        given,
        title=one["title"],
        crumbs=_crumbs(language),
        offered=offered,
        form=form,
    )


async def tilejson(request: Request) -> Response:
    """``…/tiles/WebMercatorQuad/tilejson.json`` (TileJSON 3.0.0)."""
    return await _drawn(request, tilejson_document, "tilejson")


async def style(request: Request) -> Response:
    """``/ogc/tiles/collections/{slug}/styles/default``: a MapLibre style of one collection."""
    return await _drawn(request, style_document, "style")


async def _drawn(
    request: Request,
    make: Callable[[View, Resource, Language, str, str], dict[str, Any]],
    form: str,
) -> Response:
    given = parameters.read(request)
    parameters.check_known(given, parameters.COMMON | {"datetime"})
    if "datetime" in given:
        parameters.interval(given["datetime"])
    language, base, query = language_of(request), base_of(request), _kept(given)
    document = await look(
        request,
        request.path_params["slug"],
        lambda view, resource: make(view, resource, language, base, query),
        given,
        face="tiles",
    )
    headers = {"cache-control": "private, no-cache"}
    return Response(orjson.dumps(document), headers=headers, media_type=MEDIA_TYPES[form])


async def grids(request: Request) -> Response:
    """``/ogc/tiles/tileMatrixSets``"""
    given = parameters.read(request)
    parameters.check_known(given, {"f", "lang"})
    language, base = language_of(request), base_of(request)
    found = [scheme_summary(matrix, base) for matrix in TILE_MATRIX_SETS.values()]
    document: dict[str, Any] = {"tileMatrixSets": found}
    title = translate(language, "Tile grids")
    return respond(request, document, given, title=title, crumbs=_crumbs(language))


async def grid(request: Request) -> Response:
    """``/ogc/tiles/tileMatrixSets/{grid}`` (OGC 17-083r4)."""
    given = parameters.read(request)
    parameters.check_known(given, {"f", "lang"})
    matrix = matrix_set(request.path_params["grid"])
    document = scheme_document(matrix, base_of(request))
    crumbs = _crumbs(language_of(request))
    return respond(request, document, given, title=matrix.name, crumbs=crumbs)


_KEPT = frozenset({"agreement", "purpose", "version", "as-of", "datetime"})


def _kept(given: dict[str, str]) -> str:
    """What the addresses in a document must repeat so that they answer as it did."""
    kept = {name: text for name, text in given.items() if name in _KEPT}
    return f"?{urlencode(kept)}" if kept else ""


def _crumbs(language: Language) -> list[tuple[str, str]]:
    return [(translate(language, "Tiles"), ROOT)]


def routes() -> list[Route]:
    """Routes of this standard; the hot one first."""
    one = f"{ROOT}/collections/{{slug}}"
    # Where the collection is, its tiles are linked too (Tiles 11, geodata tilesets).
    other = "/ogc/features/collections/{slug}"
    return [
        Route(f"{one}/tiles/{{grid}}/{{z:int}}/{{y:int}}/{{x:int}}", tile),
        *common_routes(STANDARD),
        Route(f"{ROOT}/collections", collections),
        Route(f"{ROOT}/tileMatrixSets", grids),
        Route(f"{ROOT}/tileMatrixSets/{{grid}}", grid),
        Route(one, one_collection),
        Route(f"{one}/tiles", tilesets),
        Route(f"{other}/tiles", tilesets),
        Route(f"{one}/tiles/{GRID}/tilejson.json", tilejson),
        Route(f"{one}/tiles/{{grid}}", tileset),
        Route(f"{one}/styles/default", style),
    ]
