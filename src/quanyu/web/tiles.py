"""OGC API – Tiles: vector tiles (MVT) of a collection, their sets, grids, TileJSON and a style.

``/ogc/tiles``. A tile answers like any data: through the gate, within the restriction, with its
evidence. An empty tile is 204 (Tiles 7.1.7), one outside the grid 404.
"""

from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.catalogue import Resource
from quanyu.kernel import Language, NotFound, translate
from quanyu.spacetime import GeometryType, View
from quanyu.web import collection, parameters
from quanyu.web.conformance import COMMON as COMMON_CLASSES
from quanyu.web.conformance import TILES
from quanyu.web.documents import Link, link, respond
from quanyu.web.negotiate import MEDIA_TYPES, offer, representation
from quanyu.web.node import base_of, node_of
from quanyu.web.pages import language_of
from quanyu.web.serve_use import Answer, look, look_each, serve_use

ROOT = "/ogc/tiles"
GRID = "WebMercatorQuad"
DEEPEST = 22
_GRID_URI = "http://www.opengis.net/def/tilematrixset/OGC/1.0/WebMercatorQuad"
_GRID_CRS = "http://www.opengis.net/def/crs/EPSG/0/3857"
_TILESETS = "http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector"
_SCHEMES = "http://www.opengis.net/def/rel/ogc/1.0/tiling-schemes"
_SCHEME = "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme"
TILESET = offer("json", "tilejson", "html")
_DIMENSIONS = {
    GeometryType.POINT: 0,
    GeometryType.MULTIPOINT: 0,
    GeometryType.LINESTRING: 1,
    GeometryType.MULTILINESTRING: 1,
    GeometryType.POLYGON: 2,
    GeometryType.MULTIPOLYGON: 2,
}


def _grid() -> Any:
    # Its models take a third of a second to build: only who asks for the grid waits for that.
    import morecantile

    return morecantile.tms.get(GRID)


async def tile(request: Request) -> Response:
    """``…/collections/{slug}/tiles/WebMercatorQuad/{z}/{y}/{x}``"""
    place = request.path_params
    given = parameters.read(request)
    parameters.check_known(given, parameters.COMMON)
    if given.get("f", "mvt") not in {"mvt", "pbf"}:
        representation(request, offer("mvt"), given["f"])
    z, y, x = place["z"], place["y"], place["x"]
    if z > DEEPEST or not (0 <= x < 1 << z and 0 <= y < 1 << z):
        raise NotFound("the grid has no tile {z}/{y}/{x}", z=z, y=y, x=x)

    def work(view: View) -> Answer:
        _check_geometry(view)
        body = view.tile(z, x, y, GRID)
        return Answer(media_type=MEDIA_TYPES["mvt"], body=body, status=200 if body else 204)

    return await serve_use(
        request,
        place["slug"],
        work,
        face="tiles",
        given=given,
        form="mvt",
        quick=lambda view: view.cached_tile(z, x, y, GRID) is not None,
    )


async def landing(request: Request) -> Response:
    """``/ogc/tiles``"""
    given = parameters.read(request)
    parameters.check_known(given, {"f", "lang"})
    language, base = language_of(request), base_of(request)
    settings = node_of(request).settings
    name = settings.title_zh if language == "zh" else settings.title_en
    document: dict[str, Any] = {
        "title": name,
        "description": translate(
            language, "Vector tiles of this city, as far as you may see them."
        ),
        "links": [
            link(f"{base}/api", "service-desc", "openapi", translate(language, "API definition")),
            link(f"{base}/api.html", "service-doc", "html", translate(language, "API in words")),
            link(
                f"{base}{ROOT}/conformance",
                "conformance",
                "json",
                translate(language, "Standards that are met"),
            ),
            link(f"{base}{ROOT}/collections", "data", "json", translate(language, "Collections")),
            link(
                f"{base}{ROOT}/tileMatrixSets", _SCHEMES, "json", translate(language, "Tile grids")
            ),
        ],
    }
    return respond(request, document, given, title=name, crumbs=_crumbs(language))


async def conformance(request: Request) -> Response:
    """``/ogc/tiles/conformance``"""
    given = parameters.read(request)
    parameters.check_known(given, {"f", "lang"})
    language = language_of(request)
    document: dict[str, Any] = {"conformsTo": [*COMMON_CLASSES, *TILES]}
    title = translate(language, "Standards that are met")
    return respond(request, document, given, title=title, crumbs=_crumbs(language))


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
        _check_geometry(view)
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
    one = await look(
        request,
        slug,
        lambda view, resource: _tileset(view, resource, language, base),
        given,
        face="tiles",
    )
    brief = {name: one[name] for name in ("title", "tileMatrixSetURI", "crs", "dataType")}
    here = f"{base}{ROOT}/collections/{slug}/tiles/{GRID}"
    brief["links"] = [link(here, "self", "json"), *_grid_links(base), _template(base, slug)]
    document: dict[str, Any] = {"tilesets": [brief]}
    return respond(request, document, given, title=one["title"], crumbs=_crumbs(language))


async def tileset(request: Request) -> Response:
    """``/ogc/tiles/collections/{slug}/tiles/WebMercatorQuad``, also as TileJSON."""
    given = parameters.read(request)
    parameters.check_known(given, parameters.COMMON)
    language, base = language_of(request), base_of(request)
    slug = request.path_params["slug"]
    form = representation(request, TILESET, given.get("f"))
    if form == "tilejson":
        return await tilejson(request)
    one = await look(
        request,
        slug,
        lambda view, resource: _tileset(view, resource, language, base),
        given,
        face="tiles",
    )
    return respond(
        request,
        one,
        given,
        title=one["title"],
        crumbs=_crumbs(language),
        offered=TILESET,
        form=form,
    )


async def tilejson(request: Request) -> Response:
    """``…/tiles/WebMercatorQuad/tilejson.json`` (TileJSON 3.0.0)."""
    given = parameters.read(request)
    parameters.check_known(given, parameters.COMMON)
    language, base = language_of(request), base_of(request)
    slug = request.path_params["slug"]

    def describe(view: View, resource: Resource) -> dict[str, Any]:
        _check_geometry(view)
        box = view.extent()[0]
        found: dict[str, Any] = {
            "tilejson": "3.0.0",
            "name": resource.title.to(language),
            "scheme": "xyz",
            "tiles": [_template(base, slug)["href"].format(**_ZYX) + _kept(given)],
            "minzoom": 0,
            "maxzoom": DEEPEST,
            "vector_layers": [
                {"id": slug, "fields": {field.name: field.type.value for field in view.fields}}
            ],
        }
        if resource.attribution:
            found["attribution"] = resource.attribution
        if box is not None:
            found["bounds"] = list(box)
            found["center"] = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2, 13]
        return found

    document = await look(request, slug, describe, given, face="tiles")
    return _plain(document, "tilejson")


async def style(request: Request) -> Response:
    """``/ogc/tiles/collections/{slug}/styles/default``: a MapLibre style of one collection."""
    given = parameters.read(request)
    parameters.check_known(given, parameters.COMMON)
    language, base = language_of(request), base_of(request)
    slug = request.path_params["slug"]

    def describe(view: View, resource: Resource) -> dict[str, Any]:
        _check_geometry(view)
        box = view.extent()[0]
        source = f"{base}{ROOT}/collections/{slug}/tiles/{GRID}/tilejson.json{_kept(given)}"
        found: dict[str, Any] = {
            "version": 8,
            "name": resource.title.to(language),
            "sources": {slug: {"type": "vector", "url": source}},
            "layers": _layers(slug, view.geometry),
        }
        if box is not None:
            found |= {"center": [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2], "zoom": 12}
        return found

    return _plain(await look(request, slug, describe, given, face="tiles"), "style")


async def grids(request: Request) -> Response:
    """``/ogc/tiles/tileMatrixSets``"""
    given = parameters.read(request)
    parameters.check_known(given, {"f", "lang"})
    language, base = language_of(request), base_of(request)
    one = {
        "id": GRID,
        "title": GRID,
        "uri": _GRID_URI,
        "crs": _GRID_CRS,
        "links": [link(f"{base}{ROOT}/tileMatrixSets/{GRID}", "self", "json")],
    }
    document: dict[str, Any] = {"tileMatrixSets": [one]}
    title = translate(language, "Tile grids")
    return respond(request, document, given, title=title, crumbs=_crumbs(language))


async def grid(request: Request) -> Response:
    """``/ogc/tiles/tileMatrixSets/WebMercatorQuad`` (OGC 17-083r4)."""
    given = parameters.read(request)
    parameters.check_known(given, {"f", "lang"})
    _check_grid(request.path_params["grid"])
    document = _grid().model_dump(mode="json", exclude_none=True, by_alias=True)
    return respond(request, document, given, title=GRID, crumbs=_crumbs(language_of(request)))


def _tileset(view: View, resource: Resource, language: Language, base: str) -> dict[str, Any]:
    """Metadata of a set of tiles (OGC 17-083r4, 7)."""
    _check_geometry(view)
    slug = resource.slug
    box = view.extent()[0]
    layer: dict[str, Any] = {
        "id": slug,
        "dataType": "vector",
        "propertiesSchema": {
            "type": "object",
            "properties": {f.name: collection.JSON_TYPES[f.type] for f in view.fields},
        },
    }
    if view.geometry in _DIMENSIONS:
        layer["geometryDimension"] = _DIMENSIONS[view.geometry]
    here = f"{base}{ROOT}/collections/{slug}"
    found: dict[str, Any] = {
        "title": resource.title.to(language),
        "dataType": "vector",
        "crs": _GRID_CRS,
        "tileMatrixSetURI": _GRID_URI,
        "layers": [layer],
        "links": [
            *_grid_links(base),
            _template(base, slug),
            link(f"{here}/tiles/{GRID}/tilejson.json", "describedby", "tilejson", "TileJSON"),
            link(f"{here}/styles/default", "stylesheet", "style", "MapLibre"),
            link(f"{base}/ogc/features/collections/{slug}", "geodata", "json"),
            *collection.licence_links(resource, language),
        ],
    }
    if resource.attribution:
        found["attribution"] = resource.attribution
    if box is not None:
        found["boundingBox"] = {
            "lowerLeft": list(box[:2]),
            "upperRight": list(box[2:]),
            "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
        }
        found["tileMatrixSetLimits"] = _limits(box)
    return found


def _limits(box: tuple[float, float, float, float]) -> list[dict[str, Any]]:
    scheme = _grid()
    west, south, east, north = box
    south, north = max(south, -85.05), min(north, 85.05)
    found = []
    for z in range(DEEPEST + 1):
        first, last = scheme.tile(west, north, z), scheme.tile(east, south, z)
        found.append(
            {
                "tileMatrix": str(z),
                "minTileRow": first.y,
                "maxTileRow": last.y,
                "minTileCol": first.x,
                "maxTileCol": last.x,
            }
        )
    return found


def _layers(slug: str, geometry: GeometryType) -> list[dict[str, Any]]:
    def layer(kind: str, only: str, paint: dict[str, Any]) -> dict[str, Any]:
        found = {"id": f"{slug}-{kind}", "type": kind, "source": slug, "source-layer": slug}
        return found | {"filter": ["==", ["geometry-type"], only], "paint": paint}

    every = [
        (2, layer("fill", "Polygon", {"fill-color": "#4c78a8", "fill-opacity": 0.5})),
        (1, layer("line", "LineString", {"line-color": "#e4572e", "line-width": 1.5})),
        (0, layer("circle", "Point", {"circle-color": "#e4572e", "circle-radius": 3})),
    ]
    dimension = _DIMENSIONS.get(geometry)
    return [one for at, one in every if dimension is None or at == dimension]


_KEPT = frozenset({"agreement", "purpose", "version"})
_ZYX = {"tileMatrix": "{z}", "tileRow": "{y}", "tileCol": "{x}"}


def _template(base: str, slug: str) -> Link:
    path = f"{base}{ROOT}/collections/{slug}/tiles/{GRID}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}"
    return link(path, "item", "mvt", "MVT", templated=True)


def _grid_links(base: str) -> list[Link]:
    return [link(f"{base}{ROOT}/tileMatrixSets/{GRID}", _SCHEME, "json", GRID)]


def _kept(given: dict[str, str]) -> str:
    """What the addresses in a document must repeat so that they answer as it did."""
    kept = {name: text for name, text in given.items() if name in _KEPT}
    return f"?{urlencode(kept)}" if kept else ""


def _check_grid(name: str) -> None:
    if name != GRID:
        raise NotFound("there is no tile grid {name}", name=name[:80], mend="use WebMercatorQuad")


def _check_geometry(view: View) -> None:
    if view.geometry is GeometryType.NONE:
        raise NotFound("this collection has no geometry, so it has no tiles")


def _plain(document: dict[str, Any], form: str) -> Response:
    headers = {"cache-control": "private, no-cache"}
    return Response(orjson.dumps(document), headers=headers, media_type=MEDIA_TYPES[form])


def _crumbs(language: Language) -> list[tuple[str, str]]:
    return [(translate(language, "Tiles"), ROOT)]


def routes() -> list[Route]:
    """Routes of this standard; the hot one first."""
    one = f"{ROOT}/collections/{{slug}}"
    # Where the collection is, its tiles are linked too (Tiles 11, geodata tilesets).
    other = "/ogc/features/collections/{slug}"
    return [
        Route(f"{one}/tiles/{GRID}/{{z:int}}/{{y:int}}/{{x:int}}", tile),
        Route(ROOT, landing),
        Route(f"{ROOT}/", landing),
        Route(f"{ROOT}/conformance", conformance),
        Route(f"{ROOT}/collections", collections),
        Route(f"{ROOT}/tileMatrixSets", grids),
        Route(f"{ROOT}/tileMatrixSets/{{grid}}", grid),
        Route(one, one_collection),
        Route(f"{one}/tiles", tilesets),
        Route(f"{other}/tiles", tilesets),
        Route(f"{one}/tiles/{GRID}", tileset),
        Route(f"{one}/tiles/{GRID}/tilejson.json", tilejson),
        Route(f"{one}/styles/default", style),
    ]
