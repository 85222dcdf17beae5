"""What a collection says of itself to a caller: extent, systems, fields, as its view shows them."""

from typing import Any

from quanyu.catalogue import LICENCES, Resource
from quanyu.kernel import Language, iso, translate
from quanyu.spacetime import Field, FieldType, GeometryType, Interval, View
from quanyu.web.documents import Link, link
from quanyu.web.filters import sortable, systems
from quanyu.web.negotiate import MEDIA_TYPES

JSON_TYPES: dict[FieldType, dict[str, Any]] = {
    FieldType.STRING: {"type": "string"},
    FieldType.INTEGER: {"type": "integer"},
    FieldType.NUMBER: {"type": "number"},
    FieldType.BOOLEAN: {"type": "boolean"},
    FieldType.DATE: {"type": "string", "format": "date"},
    FieldType.DATETIME: {"type": "string", "format": "date-time"},
    FieldType.BINARY: {"type": "string", "contentEncoding": "base64"},
    FieldType.JSON: {},
}
DOWNLOADS = ("geojson", "jsonfg", "csv", "parquet", "gpkg", "fgb", "arrow", "xlsx", "ndjson",
             "cityjson", "cityjsonseq", "zip")  # fmt: skip
SHAPED = frozenset({"fgb", "cityjson", "cityjsonseq"})
"""Downloads that need a geometry."""
CLOUD = "laz"
"""The download of points with heights alone."""


def described(view: View, resource: Resource, language: Language, base: str) -> dict[str, Any]:
    """A collection object (Features 7.14, Part 2 6.2) without links to itself."""
    here = f"{base}/ogc/features/collections/{resource.slug}"
    box, interval = view.extent()
    found: dict[str, Any] = {
        "id": resource.slug,
        "title": resource.title.to(language),
        "description": resource.abstract.to(language) if resource.abstract else "",
        "keywords": list(resource.keywords),
        "attribution": resource.attribution,
        "license": resource.licence,
        "extent": extent(box, interval),
        "itemType": "feature",
        "version": view.version.number,
        "updated": iso(view.version.created_at),
        "access": resource.access.value,
        "links": [
            link(f"{here}/items", "items", "geojson", translate(language, "Features")),
            link(f"{here}/items?f=html", "items", "html", translate(language, "Features")),
            *(
                link(f"{base}/data/{resource.slug}.{form}", "enclosure", form, form)
                for form in DOWNLOADS
                if form not in SHAPED or view.geometry is not GeometryType.NONE
            ),
            link(
                f"{here}/queryables",
                "http://www.opengis.net/def/rel/ogc/1.0/queryables",
                "schema",
                translate(language, "What filters may name"),
            ),
            link(
                f"{here}/sortables",
                "http://www.opengis.net/def/rel/ogc/1.0/sortables",
                "schema",
                translate(language, "What features can be sorted by"),
            ),
            link(
                f"{here}/schema",
                "http://www.opengis.net/def/rel/ogc/1.0/schema",
                "schema",
                translate(language, "Schema of a feature"),
            ),
            link(
                f"{base}/ogc/records/collections/catalogue/items/{resource.id}",
                "describedby",
                "geojson",
                translate(language, "Record in the catalogue"),
            ),
            *licence_links(resource, language),
        ],
    }
    if view.geometry is not GeometryType.NONE:
        found["crs"] = list(systems(view))
        found["storageCrs"] = view.version.storage_crs
        found["links"].append(
            link(
                f"{base}/ogc/tiles/collections/{resource.slug}/tiles",
                "http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector",
                "json",
                translate(language, "Vector tiles"),
            )
        )
    if view.cloud:
        address = f"{base}/data/{resource.slug}.{CLOUD}"
        found["links"].append(link(address, "enclosure", CLOUD, CLOUD))
    if view.stands:
        found["links"].append(
            link(
                f"{base}/ogc/3dgeovolumes/collections/{resource.slug}/3dtiles/tileset.json",
                "alternate",
                "3dtiles",
                translate(language, "3D Tiles"),
            )
        )
    if view.elevation:
        found["links"] += terrain_links(base, resource.slug, language)
    return {name: value for name, value in found.items() if value not in ("", [])}


def terrain_links(base: str, slug: str, language: Language, query: str = "") -> list[Link]:
    """The links from a collection to its terrain: for maps, for globes."""
    here = f"{base}/ogc/3dgeovolumes/collections/{slug}/terrain"
    return [
        link(
            f"{here}/terrarium/tilejson.json{query}",
            "http://www.opengis.net/def/rel/ogc/1.0/tilesets-coverage",
            "tilejson",
            translate(language, "Terrain for maps (TileJSON, raster-dem)"),
        ),
        link(
            f"{here}/layer.json{query}",
            "alternate",
            "json",
            translate(language, "Terrain for globes (quantized mesh)"),
        ),
    ]


def licence_links(resource: Resource, language: Language) -> list[Link]:
    """A link to the licence where it has an address."""
    known = LICENCES.get(resource.licence)
    address = known.url if known else resource.licence
    title = known.name.to(language) if known else resource.licence
    return [link(address, "license", "html", title)] if address.startswith("http") else []


def extent(box: tuple[float, ...] | None, interval: Interval) -> dict[str, Any]:
    """The extent object; a part that is not known is left out."""
    found: dict[str, Any] = {}
    if box is not None:
        crs = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
        found["spatial"] = {"bbox": [list(box)], "crs": crs}
    if interval != (None, None):
        times = [None if moment is None else iso(moment) for moment in interval]
        trs = "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian"
        found["temporal"] = {"interval": [times], "trs": trs}
    return found


def queryables(view: View, resource: Resource, language: Language, url: str) -> dict[str, Any]:
    """JSON Schema of what filters may name (Part 3 6.2)."""
    properties = _properties(view.fields, resource, language)
    if view.geometry is not GeometryType.NONE:
        properties["geometry"] = _geometry(view.geometry, language)
    return _schema(url, resource, language, properties)


def sortables(view: View, resource: Resource, language: Language, url: str) -> dict[str, Any]:
    """JSON Schema of what features can be sorted by."""
    fields = tuple(field for field in view.fields if sortable(field))
    return _schema(url, resource, language, _properties(fields, resource, language))


def returnables(view: View, resource: Resource, language: Language, url: str) -> dict[str, Any]:
    """JSON Schema of a feature's properties as this caller gets them (Part 5)."""
    properties = _properties(view.fields, resource, language)
    if view.geometry is not GeometryType.NONE:
        properties["geometry"] = _geometry(view.geometry, language)
    return _schema(url, resource, language, properties)


def _schema(
    url: str, resource: Resource, language: Language, properties: dict[str, Any]
) -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": url,
        "type": "object",
        "title": resource.title.to(language),
        "properties": properties,
        "additionalProperties": False,
    }


def _properties(
    fields: tuple[Field, ...], resource: Resource, language: Language
) -> dict[str, Any]:
    meanings = {field.name: field for field in resource.fields}
    found = {}
    for number, field in enumerate(fields):
        schema: dict[str, Any] = {"title": field.name, "x-ogc-propertySeq": number}
        meaning = meanings.get(field.name)
        if meaning is not None and meaning.meaning is not None:
            schema["title"] = meaning.meaning.to(language)
        if field.unit:
            schema["x-ogc-unit"] = field.unit
        found[field.name] = schema | JSON_TYPES[field.type]
    return found


def _geometry(kind: GeometryType, language: Language) -> dict[str, Any]:
    form = "any" if kind is GeometryType.GEOMETRY else kind.value.lower()
    return {
        "title": translate(language, "Geometry"),
        "format": f"geometry-{form}",
        "x-ogc-role": "primary-geometry",
    }


def media_type(form: str) -> str:
    """The media type behind a short name."""
    return MEDIA_TYPES[form]
