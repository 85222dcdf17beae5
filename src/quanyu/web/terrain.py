"""Terrain: quantized-mesh-1.0 for globes, raster-dem for maps, beside the 3D Tiles of a collection.

``/ogc/3dgeovolumes/collections/{slug}/terrain``. A tile answers like any data: through the gate,
within the restriction, with its evidence. Its rows are the scenes that it shows.
"""

from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.catalogue import Resource
from quanyu.kernel import Language, NotFound
from quanyu.spacetime import View
from quanyu.web import parameters
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.node import base_of
from quanyu.web.pages import language_of
from quanyu.web.picture_parameters import CHOICE, chosen_of
from quanyu.web.serve_use import Answer, look, serve_use

ROOT = "/ogc/3dgeovolumes/collections"
NORMALS = "octvertexnormals"

_KEPT = ("agreement", "purpose", "datetime", "scene")
_GIVEN = parameters.COMMON | CHOICE
_PICTURES = ("png", "webp")
ENCODINGS = ("terrarium", "mapbox")
_DEEPEST = 24
_HEIGHTS = "as in the source, in metres; taken as above the ellipsoid; 0 where none is known"


async def layer(request: Request) -> Response:
    """``…/terrain/layer.json``: what meshes there are (layer.json of quantized-mesh, TileJSON
    2.1)."""
    given = parameters.read(request)
    parameters.check_known(given, _GIVEN)
    language = language_of(request)

    def describe(view: View, resource: Resource) -> dict[str, Any]:
        terrain = view.terrain(chosen_of(given))
        available = terrain.available()
        return _about(resource, language) | {
            "tilejson": "2.1.0",
            "version": f"{view.version.number}.0.0",
            "format": "quantized-mesh-1.0",
            "scheme": "tms",
            "projection": "EPSG:4326",
            "extensions": [NORMALS],
            "tiles": [f"{{z}}/{{x}}/{{y}}.terrain?{_query(given, view)}"],
            "minzoom": 0,
            "maxzoom": len(available) - 1,
            "bounds": list(terrain.bounds()),
            "available": available,
            "heights": _HEIGHTS,
            "standardNames": terrain.standard_names(),
        }

    document = await look(request, request.path_params["slug"], describe, given, face="3d")
    return _json(document, "json")


async def mesh(request: Request) -> Response:
    """``…/terrain/{z}/{x}/{y}.terrain``, with normals where ``Accept`` names the extension."""
    at = request.path_params
    given = parameters.read(request)
    parameters.check_known(given, _GIVEN)
    chosen, place = chosen_of(given), (at["z"], at["x"], at["y"])
    normals = NORMALS in request.headers.get("accept", "").lower()

    def work(view: View) -> Answer:
        body, scenes = view.terrain(chosen).mesh(*place, normals=normals)
        kind = MEDIA_TYPES["terrain"] + (f";extensions={NORMALS}" if normals else "")
        return Answer(media_type=kind, body=body, rows=scenes)

    def quick(view: View) -> bool:
        return view.imagery_open and view.terrain(chosen).is_drawn(*place, "mesh", normals)

    form = f"terrain {normals}"
    return await serve_use(
        request, at["slug"], work, face="3d", given=given, form=form, quick=quick
    )


async def tilejson(request: Request) -> Response:
    """``…/terrain/{encoding}/tilejson.json`` (TileJSON 3.0.0) of pictures of heights."""
    given = parameters.read(request)
    parameters.check_known(given, _GIVEN)
    slug, encoding = request.path_params["slug"], _encoding(request)
    here, language = f"{base_of(request)}{ROOT}/{slug}/terrain/{encoding}", language_of(request)

    def describe(view: View, resource: Resource) -> dict[str, Any]:
        terrain = view.terrain(chosen_of(given))
        west, south, east, north = terrain.bounds()
        deepest = terrain.deepest()
        return _about(resource, language) | {
            "tilejson": "3.0.0",
            "scheme": "xyz",
            "encoding": encoding,
            "tileSize": 256,
            "tiles": [f"{here}/{{z}}/{{x}}/{{y}}.png?{_query(given, view)}"],
            "minzoom": 0,
            "maxzoom": deepest,
            "bounds": [west, south, east, north],
            "center": [(west + east) / 2, (south + north) / 2, min(deepest, 12)],
            "heights": _HEIGHTS,
            "standardNames": terrain.standard_names(),
        }

    document = await look(request, slug, describe, given, face="3d")
    return _json(document, "tilejson")


async def picture(request: Request) -> Response:
    """``…/terrain/{encoding}/{z}/{x}/{y}.png`` or ``.webp``, without loss."""
    at = request.path_params
    given = parameters.read(request)
    parameters.check_known(given, _GIVEN - {"f"})
    form = _picture_form(at["form"])
    z, x, y = at["z"], at["x"], at["y"]
    if z > _DEEPEST or not (0 <= x < 1 << z and 0 <= y < 1 << z):
        raise NotFound("the grid has no tile {z}/{y}/{x}", z=z, y=y, x=x)
    chosen, place = chosen_of(given), (z, x, y, _encoding(request), form)

    def work(view: View) -> Answer:
        body, scenes = view.terrain(chosen).picture(*place)
        return Answer(media_type=MEDIA_TYPES[form], body=body, rows=scenes)

    def quick(view: View) -> bool:
        return view.imagery_open and view.terrain(chosen).is_drawn(*place)

    return await serve_use(
        request, at["slug"], work, face="3d", given=given, form=form, quick=quick
    )


def _about(resource: Resource, language: Language) -> dict[str, Any]:
    found = {
        "name": resource.title.to(language),
        "description": resource.abstract.to(language) if resource.abstract else "",
        "attribution": resource.attribution,
    }
    return {name: text for name, text in found.items() if text}


def _encoding(request: Request) -> str:
    name: str = request.path_params["encoding"]
    if name not in ENCODINGS:
        raise NotFound("heights are not written as {name}", name=name[:40])
    return name


def _picture_form(name: str) -> str:
    if name not in _PICTURES:
        raise NotFound("pictures of heights are png or webp")
    return name


def _query(given: dict[str, str], view: View) -> str:
    """What addresses of tiles repeat; the version, so that all are of one."""
    kept = {name: given[name] for name in _KEPT if name in given}
    return urlencode(kept | {"version": str(view.version.number)})


def _json(document: dict[str, Any], form: str) -> Response:
    headers = {"cache-control": "private, no-cache"}
    return Response(orjson.dumps(document), headers=headers, media_type=MEDIA_TYPES[form])


def routes() -> list[Route]:
    """Routes of terrain; the hot ones first."""
    one = f"{ROOT}/{{slug}}/terrain"
    place = "{z:int}/{x:int}/{y:int}"
    return [
        Route(f"{one}/{place}.terrain", mesh),
        Route(f"{one}/{{encoding}}/{place}.{{form}}", picture),
        Route(f"{one}/layer.json", layer),
        Route(f"{one}/{{encoding}}/tilejson.json", tilejson),
    ]
