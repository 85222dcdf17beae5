"""What is said of a set of tiles: its metadata (OGC 17-083r4), TileJSON, a style, its grid."""

from typing import Any

from quanyu.catalogue import Bbox, Resource
from quanyu.kernel import Language, NotFound
from quanyu.spacetime import GeometryType, View
from quanyu.web import collection
from quanyu.web.documents import Link, link

ROOT = "/ogc/tiles"
GRID = "WebMercatorQuad"
DEEPEST = 22
GRID_URI = "http://www.opengis.net/def/tilematrixset/OGC/1.0/WebMercatorQuad"
GRID_CRS = "http://www.opengis.net/def/crs/EPSG/0/3857"
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


def grid_scheme() -> Any:
    """The grid, as morecantile knows it."""
    # Its models take a third of a second to build: only who asks for the grid waits for that.
    import morecantile

    return morecantile.tms.get(GRID)


def tileset_document(
    view: View, resource: Resource, language: Language, base: str
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
        "crs": GRID_CRS,
        "tileMatrixSetURI": GRID_URI,
        "layers": [layer],
        "links": [
            *grid_links(base),
            template(base, slug),
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
        found["tileMatrixSetLimits"] = limits(box)
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
        "tiles": [template(base, slug)["href"].format(**_ZYX) + query],
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


def template(base: str, slug: str) -> Link:
    """The link to any one tile."""
    path = f"{base}{ROOT}/collections/{slug}/tiles/{GRID}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}"
    return link(path, "item", "mvt", "MVT", templated=True)


def grid_links(base: str) -> list[Link]:
    """The link to the grid that the tiles stand in."""
    return [link(f"{base}{ROOT}/tileMatrixSets/{GRID}", _SCHEME, "json", GRID)]


def check_geometry(view: View) -> None:
    """Raise :class:`NotFound` for what cannot be drawn."""
    if view.geometry is GeometryType.NONE:
        raise NotFound("this collection has no geometry, so it has no tiles")


def limits(box: Bbox) -> list[dict[str, Any]]:
    """The tiles of each level that a box (CRS84) touches."""
    scheme = grid_scheme()
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
