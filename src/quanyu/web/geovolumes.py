"""OGC API – 3D GeoVolumes (draft): the list of what stands in three dimensions, its 3D Tiles, and
of terrain.

``/ogc/3dgeovolumes``. A tile answers like any data: through the gate, within the restriction, with
its evidence. What a view does not show is in no tile, no box and no schema.
"""

from functools import partial
from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.catalogue import Resource
from quanyu.kernel import Language, NotFound, translate
from quanyu.spacetime import CRS84H, View
from quanyu.web import collection, parameters
from quanyu.web.common import Standard, common_routes
from quanyu.web.conformance import GEOVOLUMES
from quanyu.web.documents import link, respond
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.node import base_of
from quanyu.web.pages import language_of
from quanyu.web.serve_use import Answer, look, look_each, serve_use

ROOT = "/ogc/3dgeovolumes"
STANDARD = Standard(
    ROOT,
    GEOVOLUMES,
    lambda language: translate(
        language, "This city in three dimensions, as far as you may see it."
    ),
    lambda _language, _base: [],
)

_FINEST = 4
_KEPT = ("agreement", "purpose", "version")
_LISTED = frozenset({"f", "lang", "agreement", "purpose", "bbox"})
_HEIGHTS = "as in the source, in metres; taken as heights above the ellipsoid"


async def collections(request: Request) -> Response:
    """``/ogc/3dgeovolumes/collections``: what stands, in ``bbox`` where one is given."""
    given = parameters.read(request)
    parameters.check_known(given, _LISTED)
    wanted = _wanted(given)
    describe = partial(_container, request, wanted=wanted, given=given, deep=False)
    found, _ = await look_each(request, describe, given, 1000, None, face="3d")
    language = language_of(request)
    document: dict[str, Any] = {"collections": found}
    title = translate(language, "Collections")
    return respond(request, document, given, title=title, crumbs=_crumbs(language))


async def one_collection(request: Request) -> Response:
    """``/ogc/3dgeovolumes/collections/{slug}``: a 3D container with its box and its content."""
    given = parameters.read(request)
    parameters.check_known(given, parameters.COMMON | {"bbox"})
    wanted = _wanted(given)

    def describe(view: View, resource: Resource) -> dict[str, Any]:
        if not view.elevation:
            view.in_3d()
        found = _container(request, view, resource, wanted=wanted, given=given, deep=True)
        if found is None:
            raise NotFound("nothing of this collection is in the box")
        return found

    slug = request.path_params["slug"]
    document = await look(request, slug, describe, given, face="3d")
    language = language_of(request)
    return respond(request, document, given, title=document["title"], crumbs=_crumbs(language))


async def tileset(request: Request) -> Response:
    """``…/collections/{slug}/3dtiles/tileset.json`` (3D Tiles 1.1, OGC 22-025r4)."""
    given = parameters.read(request)
    parameters.check_known(given, parameters.COMMON | {"lod"})
    lod = _lod(given)
    about = f"{base_of(request)}{ROOT}/collections/{request.path_params['slug']}"

    def work(view: View) -> Answer:
        # The version is named, so that a tree and its tiles are of one version always.
        query = urlencode(_repeated(given) | {"version": str(view.version.number)} | _asked(given))
        extras = {"version": view.version.number, "heights": _HEIGHTS, "describedBy": about}
        document = view.in_3d(lod).tileset(lambda tile: f"{tile}.glb?{query}", extras)
        return Answer(media_type=MEDIA_TYPES["3dtiles"], body=orjson.dumps(document))

    return await serve_use(
        request, request.path_params["slug"], work, face="3d", given=given, form="3dtiles"
    )


async def tile(request: Request) -> Response:
    """``…/collections/{slug}/3dtiles/{tile}.glb``"""
    given = parameters.read(request)
    parameters.check_known(given, parameters.COMMON | {"lod"})
    lod, number = _lod(given), request.path_params["tile"]

    def work(view: View) -> Answer:
        scene = view.in_3d(lod)
        body = scene.tile(number)
        return Answer(media_type=MEDIA_TYPES["glb"], body=body, rows=scene.rows(number))

    return await serve_use(
        request,
        request.path_params["slug"],
        work,
        face="3d",
        given=given,
        form="glb",
        quick=lambda view: view.stands and view.ready and view.in_3d(lod).is_drawn(number),
    )


def _lod(given: dict[str, str]) -> int:
    return parameters.whole(given, "lod", _FINEST, least=0, most=_FINEST)


def _wanted(given: dict[str, str]) -> tuple[float, ...] | None:
    return parameters.bbox(given["bbox"]) if "bbox" in given else None


def _container(
    request: Request,
    view: View,
    resource: Resource,
    *,
    wanted: tuple[float, ...] | None,
    given: dict[str, str],
    deep: bool,
) -> dict[str, Any] | None:
    """A 3D container; ``None`` for what neither stands nor is terrain, or is not in the box.

    The exact heights are looked up for one container, and where the box asked for has them.
    """
    if not (view.stands or view.elevation):
        return None
    language, base = language_of(request), base_of(request)
    box, interval = view.extent()
    if box is None or (wanted is not None and not _meets(box, None, wanted)):
        return None
    heights: tuple[float, float] | None = None
    if view.stands and (deep or (wanted is not None and len(wanted) == 6)):
        found = view.in_3d().box()
        if found is None:
            return None
        heights = found[1]
    if wanted is not None and not _meets(box, heights, wanted):
        return None
    here = f"{base}{ROOT}/collections/{resource.slug}"
    repeated = _repeated(given)
    query = f"?{urlencode(repeated)}" if repeated else ""
    shown = (
        [link(f"{here}/3dtiles/tileset.json{query}", "items", "3dtiles", "3D Tiles 1.1")]
        if view.stands
        else collection.terrain_links(base, resource.slug, language, query)
    )
    numbers = box if heights is None else (*box[:2], heights[0], *box[2:], heights[1])
    extent = collection.extent(numbers, interval)
    if heights is not None:
        extent["spatial"]["crs"] = CRS84H
    return {
        "id": resource.slug,
        "title": resource.title.to(language),
        "description": resource.abstract.to(language) if resource.abstract else "",
        "collectionType": "3d-container",
        "itemType": "unknown",
        "attribution": resource.attribution,
        "extent": extent,
        "contentExtent": list(numbers),
        "links": [
            link(here, "self" if not deep else "canonical", "json"),
            *shown,
            link(f"{base}/ogc/features/collections/{resource.slug}", "alternate", "json"),
            *collection.licence_links(resource, language),
        ],
        "content": [one | {"rel": "original", "collectionType": "3d-container"} for one in shown],
        "children": [],
    }


def _meets(
    box: tuple[float, ...], heights: tuple[float, float] | None, wanted: tuple[float, ...]
) -> bool:
    half = len(wanted) // 2
    west, south, east, north = wanted[0], wanted[1], wanted[half], wanted[half + 1]
    flat = box[1] <= north and box[3] >= south
    # A box whose west is east of its east crosses the antimeridian.
    flat &= (
        (box[0] <= east and box[2] >= west) if west <= east else (box[0] <= east or box[2] >= west)
    )
    if half == 3 and heights is not None:
        flat &= heights[0] <= wanted[5] and heights[1] >= wanted[2]
    return flat


def _repeated(given: dict[str, str]) -> dict[str, str]:
    """What addresses in a document must repeat so that they answer as it did."""
    return {name: given[name] for name in _KEPT if name in given}


def _asked(given: dict[str, str]) -> dict[str, str]:
    return {"lod": given["lod"]} if "lod" in given else {}


def _crumbs(language: Language) -> list[tuple[str, str]]:
    return [(translate(language, "3D"), ROOT)]


def routes() -> list[Route]:
    """Routes of this standard; the hot one first."""
    one = f"{ROOT}/collections/{{slug}}"
    return [
        Route(f"{one}/3dtiles/{{tile:int}}.glb", tile),
        Route(f"{one}/3dtiles/tileset.json", tileset),
        *common_routes(STANDARD),
        Route(f"{ROOT}/collections", collections),
        Route(one, one_collection),
    ]
