"""The paths of the standards, a line each, and how a line becomes an operation of OpenAPI."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from quanyu.web.negotiate import MEDIA_TYPES

_PROBLEMS = (400, 401, 403, 404, 406, 429, 503)
_NAMES = re.compile(r"\{(\w+)\}")


class Path(NamedTuple):
    """A GET operation in a few words.

    ``asks`` are names of parameters among the components, those of the path left out; ``gives`` is
    a short name of a media type, or the type itself; ``schema`` a name among the components.
    """

    path: str
    id: str
    summary: str
    tag: str
    asks: str = ""
    gives: str = "json"
    schema: str | None = "Document"


_DATA = "lang agreement purpose version as-of"
ITEMS = (
    f"f-items {_DATA} bbox bbox-crs crs datetime limit after filter filter-lang filter-crs "
    "properties sortby count"
)
_F = "/ogc/features"
_T = "/ogc/tiles"
_R = "/ogc/records"
_V = "/ogc/3dgeovolumes"
_VOLUME = f"{_V}/collections/{{collectionId}}"
_ONE = f"{_F}/collections/{{collectionId}}"
_TILES = f"{_T}/collections/{{collectionId}}"
_GRID = f"{_TILES}/tiles/{{grid}}"
_CATALOGUE = f"{_R}/collections/catalogue"
_SEARCH = "f-record lang q bbox datetime type ids externalIds limit after sortby filter filter-lang"

PATHS = (
    Path(_F, "features", "Landing page", "Features", "f lang"),
    Path(
        f"{_F}/conformance",
        "features_conformance",
        "Standards that are met",
        "Features",
        "f lang",
        schema="Conformance",
    ),
    Path(
        f"{_F}/collections",
        "collections",
        "Collections",
        "Features",
        "f lang agreement purpose limit after",
        schema="Collections",
    ),
    Path(_ONE, "collection", "A collection", "Features", f"f {_DATA}", schema="Collection"),
    Path(
        f"{_ONE}/queryables",
        "queryables",
        "What filters may name",
        "Features",
        f"f-schema {_DATA}",
        "schema",
        "Schema",
    ),
    Path(
        f"{_ONE}/sortables",
        "sortables",
        "What features can be sorted by",
        "Features",
        f"f-schema {_DATA}",
        "schema",
        "Schema",
    ),
    Path(
        f"{_ONE}/schema",
        "schema",
        "Schema of a feature",
        "Features",
        f"f-schema {_DATA}",
        "schema",
        "Schema",
    ),
    Path(f"{_ONE}/items", "items", "Features", "Features", ITEMS, "geojson", "FeatureCollection"),
    Path(
        f"{_ONE}/items/{{featureId}}",
        "item",
        "A feature",
        "Features",
        f"f-item {_DATA} crs datetime",
        "geojson",
        "Feature",
    ),
    Path(
        "/data/{slug}.{form}",
        "download",
        "A whole collection",
        "Features",
        f"{_DATA} bbox datetime filter filter-lang properties",
        "application/octet-stream",
        None,
    ),
    Path(
        "/data/{slug}/changes",
        "row_changes",
        "Rows that changed since a version",
        "Features",
        f"f-changes {_DATA} since",
        "ndjson",
        None,
    ),
    Path(
        "/data/{slug}/versions",
        "dataset_versions",
        "Versions of a dataset",
        "Features",
        "f lang agreement purpose limit before",
    ),
    Path("/data/index.json", "catalogue_index", "The whole public catalogue", "Records", "lang"),
    Path(
        "/data/index.csv",
        "catalogue_index_csv",
        "The whole public catalogue as CSV",
        "Records",
        "lang",
        "csv",
        None,
    ),
    Path(
        "/changes.json",
        "catalogue_changes",
        "Changes of the catalogue",
        "Records",
        "lang feed-limit before",
    ),
    Path(
        "/changes.atom",
        "catalogue_feed",
        "Changes of the catalogue (Atom)",
        "Records",
        "lang feed-limit before",
        "atom",
        None,
    ),
    Path(_T, "tiles", "Landing page", "Tiles", "f lang"),
    Path(
        f"{_T}/conformance",
        "tiles_conformance",
        "Standards that are met",
        "Tiles",
        "f lang",
        schema="Conformance",
    ),
    Path(
        f"{_T}/collections",
        "tiles_collections",
        "Collections with tiles",
        "Tiles",
        "f lang agreement purpose",
        schema="Collections",
    ),
    Path(
        _TILES,
        "tiles_collection",
        "A collection with tiles",
        "Tiles",
        f"f {_DATA}",
        schema="Collection",
    ),
    Path(f"{_TILES}/tiles", "tilesets", "Sets of tiles of a collection", "Tiles", f"f {_DATA}"),
    Path(_GRID, "tileset", "A set of tiles", "Tiles", f"f-tileset {_DATA}"),
    Path(
        f"{_TILES}/tiles/WebMercatorQuad/tilejson.json",
        "tilejson",
        "TileJSON",
        "Tiles",
        _DATA,
        "tilejson",
        "TileJson",
    ),
    Path(
        f"{_GRID}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}",
        "tile",
        "A vector tile",
        "Tiles",
        f"{_DATA} datetime",
        "mvt",
        None,
    ),
    Path(f"{_TILES}/styles/default", "style", "MapLibre style", "Tiles", _DATA, "style", "Style"),
    Path(f"{_T}/tileMatrixSets", "grids", "Tile grids", "Tiles", "f lang"),
    Path(f"{_T}/tileMatrixSets/{{grid}}", "grid", "A tile grid", "Tiles", "f lang"),
    Path(_V, "geovolumes", "Landing page", "3D GeoVolumes", "f lang"),
    Path(
        f"{_V}/conformance",
        "geovolumes_conformance",
        "Standards that are met",
        "3D GeoVolumes",
        "f lang",
        schema="Conformance",
    ),
    Path(
        f"{_V}/collections",
        "geovolumes_collections",
        "Collections in three dimensions",
        "3D GeoVolumes",
        "f lang agreement purpose bbox",
        schema="Collections",
    ),
    Path(
        _VOLUME,
        "geovolume",
        "A collection in three dimensions",
        "3D GeoVolumes",
        f"f {_DATA} bbox",
        schema="Collection",
    ),
    Path(
        f"{_VOLUME}/3dtiles/tileset.json",
        "tileset_3d",
        "Where the 3D Tiles are",
        "3D GeoVolumes",
        f"{_DATA} lod",
        "3dtiles",
    ),
    Path(
        f"{_VOLUME}/3dtiles/{{tile}}.glb",
        "tile_3d",
        "A 3D tile (binary glTF)",
        "3D GeoVolumes",
        f"{_DATA} lod",
        "glb",
        None,
    ),
    Path(
        f"{_VOLUME}/terrain/layer.json",
        "terrain_layer",
        "Which meshes of the ground there are",
        "3D GeoVolumes",
        f"{_DATA} datetime",
    ),
    Path(
        f"{_VOLUME}/terrain/{{z}}/{{x}}/{{y}}.terrain",
        "terrain_mesh",
        "A mesh of the ground (quantized mesh)",
        "3D GeoVolumes",
        f"{_DATA} datetime",
        "terrain",
        None,
    ),
    Path(
        f"{_VOLUME}/terrain/{{encoding}}/tilejson.json",
        "terrain_tilejson",
        "TileJSON of pictures of heights (raster-dem)",
        "3D GeoVolumes",
        f"{_DATA} datetime",
        "tilejson",
    ),
    Path(
        f"{_VOLUME}/terrain/{{encoding}}/{{z}}/{{x}}/{{y}}.png",
        "terrain_picture",
        "A picture of heights (terrarium or mapbox)",
        "3D GeoVolumes",
        f"{_DATA} datetime",
        "png",
        None,
    ),
    Path(_R, "records_landing", "Landing page", "Records", "f lang"),
    Path(
        f"{_R}/conformance",
        "records_conformance",
        "Standards that are met",
        "Records",
        "f lang",
        schema="Conformance",
    ),
    Path(
        f"{_R}/collections",
        "records_collections",
        "Catalogues",
        "Records",
        "f lang",
        schema="Collections",
    ),
    Path(_CATALOGUE, "catalogue", "The catalogue", "Records", "f lang", schema="Collection"),
    Path(
        f"{_CATALOGUE}/items",
        "records",
        "Search the catalogue",
        "Records",
        _SEARCH,
        "geojson",
        "FeatureCollection",
    ),
    Path(
        f"{_CATALOGUE}/items/{{recordId}}",
        "record",
        "A record",
        "Records",
        "f-record lang",
        "geojson",
        "Feature",
    ),
    Path(
        "/log/checkpoint",
        "checkpoint",
        "The newest checkpoint, a signed note",
        "Log",
        "",
        "text/plain",
        None,
    ),
    Path(
        "/log/checkpoint.cosigned",
        "cosigned_checkpoint",
        "The newest checkpoint that witnesses have cosigned",
        "Log",
        "",
        "text/plain",
        None,
    ),
    Path(
        "/log/timestamps", "timestamps", "Timestamped checkpoints", "Log", "", "json", "Timestamps"
    ),
    Path(
        "/log/timestamps/{size}",
        "timestamp",
        "The timestamp (RFC 3161) of a checkpoint",
        "Log",
        "",
        "application/timestamp-reply",
        None,
    ),
    Path(
        "/log/timestamps/{size}/checkpoint",
        "timestamped_checkpoint",
        "The checkpoint that was timestamped",
        "Log",
        "",
        "text/plain",
        None,
    ),
    Path(
        "/witness/key",
        "witness_key",
        "Verifier key of this node as a witness (C2SP tlog-witness)",
        "Log",
        "",
        "text/plain",
        None,
    ),
    Path(
        "/witness/logs",
        "witness_logs",
        "What this node has cosigned last of each log",
        "Log",
        "",
        "json",
        "WitnessedLogs",
    ),
    Path("/log/key", "log_key", "Verifier keys of the log", "Log", "", "text/plain", None),
    Path(
        "/log/tile/{level}/{number}",
        "log_tile",
        "A tile (C2SP tlog-tiles)",
        "Log",
        "",
        "application/octet-stream",
        None,
    ),
    Path(
        "/log/receipts/{name}",
        "receipt",
        "The receipt of a use or leaf",
        "Log",
        "",
        "json",
        "Receipt",
    ),
    Path(
        "/problems/{problem}", "problem", "What a problem means", "Problems", "", "json", "Schema"
    ),
)


def paths() -> dict[str, Any]:
    """The paths object of every standard."""
    found = {one.path: {"get": operation(one)} for one in PATHS}
    _more(found, f"{_GRID}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}", "204", "The tile is empty.")
    _more(found, "/log/receipts/{name}", "202", "It waits to be sequenced.")
    return found


def operation(of: Path, more: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """The operation object of a line; ``more`` are parameters of its own."""
    names = [*_NAMES.findall(of.path), *of.asks.split()]
    parameters = [{"$ref": f"#/components/parameters/{name}"} for name in names]
    content = {"schema": {"$ref": f"#/components/schemas/{of.schema}"}} if of.schema else {}
    media_type = MEDIA_TYPES.get(of.gives, of.gives)
    return {
        "operationId": of.id,
        "summary": of.summary,
        "tags": [of.tag],
        "parameters": [*parameters, *more],
        "responses": {
            "200": {"description": of.summary, "content": {media_type: content}},
            **{str(status): {"$ref": "#/components/responses/Problem"} for status in _PROBLEMS},
        },
    }


def _more(found: dict[str, Any], path: str, status: str, description: str) -> None:
    found[path]["get"]["responses"][status] = {"description": description}
