"""What is said of a set of tiles: its metadata (OGC 17-083r4), TileJSON, a style, its grid."""

from math import pi
from typing import Any

from quanyu.catalogue import Bbox, Resource
from quanyu.kernel import Language, NotFound
from quanyu.spacetime import DEEPEST, TILE_MATRIX_SETS, GeometryType, TileMatrixSet, View
from quanyu.web import collection
from quanyu.web.documents import Link, link

ROOT = "/ogc/tiles"
GRID = "WebMercatorQuad"
_CRS = {
    "WebMercatorQuad": "http://www.opengis.net/def/crs/EPSG/0/3857",
    "CGCS2000Quad": "http://www.opengis.net/def/crs/EPSG/0/4490",
}
_REGISTERED = "http://www.opengis.net/def/tilematrixset/OGC/1.0/WebMercatorQuad"
_METRES_A_DEGREE = 6_378_137 * pi / 180
_PIXEL = 0.00028  # metres, of a standard screen (OGC 17-083r4, 6.1.1)
_TILE = 256
_SCHEME = "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme"
_DIMENSIONS = {
    GeometryType.POINT: 0,
    GeometryType.MULTIPOINT: 0,
    GeometryType.LINESTRING: 1,
    GeometryType.MULTILINESTRING: 1,
    GeometryType.POLYGON: 2,
    GeometryType.MULTIPOLYGON: 2,
}
_ZYX = {"tileMatrix": "{z}", "tileRow": "{y}", "tileCol": "{x}"}


def scheme_document(matrix: TileMatrixSet, base: str) -> dict[str, Any]:
    """A tile matrix set (OGC 17-083r4, 6)."""
    if not matrix.geographic:
        # Its models take a third of a second to build: only who asks for them waits for that.
        import morecantile

        known = morecantile.tms.get(matrix.name)
        document: dict[str, Any] = known.model_dump(mode="json", exclude_none=True, by_alias=True)
        return document
    return {
        "id": matrix.name,
        "title": "CGCS2000 degrees, as China's map services cut them (CH/Z 9011)",
        "uri": scheme_uri(matrix, base),
        "crs": _CRS[matrix.name],
        "orderedAxes": ["Lat", "Lon"],
        "tileMatrices": [_matrix(matrix, z) for z in range(matrix.least, DEEPEST + 1)],
    }


def scheme_uri(matrix: TileMatrixSet, base: str) -> str:
    """What names the set: OGC's name where there is one, else its address here."""
    if matrix.name == GRID:
        return _REGISTERED
    return f"{base}{ROOT}/tileMatrixSets/{matrix.name}"


def scheme_summary(matrix: TileMatrixSet, base: str) -> dict[str, Any]:
    """The set in the list of sets."""
    here = f"{base}{ROOT}/tileMatrixSets/{matrix.name}"
    return {
        "id": matrix.name,
        "title": matrix.name,
        "uri": scheme_uri(matrix, base),
        "crs": _CRS[matrix.name],
        "links": [link(here, "self", "json")],
    }


def _matrix(matrix: TileMatrixSet, z: int) -> dict[str, Any]:
    columns, rows = matrix.size(z)
    cell = 360 / columns / _TILE
    return {
        "id": str(z),
        "scaleDenominator": cell * _METRES_A_DEGREE / _PIXEL,
        "cellSize": cell,
        "cornerOfOrigin": "topLeft",
        "pointOfOrigin": [90, -180],
        "tileWidth": _TILE,
        "tileHeight": _TILE,
        "matrixWidth": columns,
        "matrixHeight": rows,
    }


def tileset_brief(
    view: View, resource: Resource, language: Language, base: str, matrix: TileMatrixSet
) -> dict[str, Any]:
    """A set of tiles in the list of a collection's sets."""
    one = tileset_document(view, resource, language, base, matrix)
    brief = {name: one[name] for name in ("title", "tileMatrixSetURI", "crs", "dataType")}
    here = f"{base}{ROOT}/collections/{resource.slug}/tiles/{matrix.name}"
    links = [link(here, "self", "json"), *grid_links(base, matrix)]
    return brief | {"links": [*links, template(base, resource.slug, matrix)]}


def tileset_document(
    view: View, resource: Resource, language: Language, base: str, matrix: TileMatrixSet
) -> dict[str, Any]:
    """Metadata of a set of tiles (OGC 17-083r4, 7)."""
    check_geometry(view)
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
        "crs": _CRS[matrix.name],
        "tileMatrixSetURI": scheme_uri(matrix, base),
        "layers": [layer],
        "links": [
            *grid_links(base, matrix),
            template(base, slug, matrix),
            *(_drawing(here) if matrix.name == GRID else ()),
            link(f"{base}/ogc/features/collections/{slug}", "geodata", "json"),
            *collection.licence_links(resource, language),
        ],
    }
    return found | about_tiles(resource, box, matrix)


def about_tiles(resource: Resource, box: Bbox | None, matrix: TileMatrixSet) -> dict[str, Any]:
    """What the metadata of every set of tiles says: attribution, box, and which tiles there are."""
    found: dict[str, Any] = {}
    if resource.attribution:
        found["attribution"] = resource.attribution
    if box is not None:
        found["boundingBox"] = {
            "lowerLeft": list(box[:2]),
            "upperRight": list(box[2:]),
            "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
        }
        found["tileMatrixSetLimits"] = limits(box, matrix)
    return found


def tilejson_document(
    view: View, resource: Resource, language: Language, base: str, query: str
) -> dict[str, Any]:
    """TileJSON 3.0.0; ``query`` is what its addresses must repeat to answer as it does."""
    check_geometry(view)
    box = view.extent()[0]
    slug = resource.slug
    found: dict[str, Any] = {
        "tilejson": "3.0.0",
        "name": resource.title.to(language),
        "scheme": "xyz",
        "tiles": [template(base, slug, TILE_MATRIX_SETS[GRID])["href"].format(**_ZYX) + query],
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
        found["center"] = [*_middle(box), 13]
    return found


def style_document(
    view: View, resource: Resource, language: Language, base: str, query: str
) -> dict[str, Any]:
    """A MapLibre style that draws one collection, whatever geometries it has."""
    check_geometry(view)
    box = view.extent()[0]
    slug = resource.slug
    source = f"{base}{ROOT}/collections/{slug}/tiles/{GRID}/tilejson.json{query}"
    found: dict[str, Any] = {
        "version": 8,
        "name": resource.title.to(language),
        "sources": {slug: {"type": "vector", "url": source}},
        "layers": _layers(slug, view.geometry),
    }
    if box is not None:
        found |= {"center": _middle(box), "zoom": 12}
    return found


def _middle(box: Bbox) -> list[float]:
    return [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]


def _drawing(here: str) -> tuple[Link, ...]:
    """What clients that draw in Mercator read; TileJSON and MapLibre know no other grid."""
    return (
        link(f"{here}/tiles/{GRID}/tilejson.json", "describedby", "tilejson", "TileJSON"),
        link(f"{here}/styles/default", "stylesheet", "style", "MapLibre"),
    )


def template(base: str, slug: str, matrix: TileMatrixSet) -> Link:
    """The link to any one tile."""
    here = f"{base}{ROOT}/collections/{slug}/tiles/{matrix.name}"
    path = f"{here}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}"
    return link(path, "item", "mvt", "MVT", templated=True)


def grid_links(base: str, matrix: TileMatrixSet) -> list[Link]:
    """The link to the grid that the tiles stand in."""
    name = matrix.name
    return [link(f"{base}{ROOT}/tileMatrixSets/{name}", _SCHEME, "json", name)]


def check_geometry(view: View) -> None:
    """Raise :class:`NotFound` for what cannot be drawn."""
    if view.geometry is GeometryType.NONE:
        raise NotFound("this collection has no geometry, so it has no tiles")


def limits(box: Bbox, matrix: TileMatrixSet) -> list[dict[str, Any]]:
    """The tiles of each level that a box (CRS84) touches."""
    west, south, east, north = box
    found = []
    for z in range(matrix.least, DEEPEST + 1):
        first, last = matrix.tile_of(west, north, z), matrix.tile_of(east, south, z)
        found.append(
            {
                "tileMatrix": str(z),
                "minTileRow": first[1],
                "maxTileRow": last[1],
                "minTileCol": first[0],
                "maxTileCol": last[0],
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
