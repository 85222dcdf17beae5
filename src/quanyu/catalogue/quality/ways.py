"""The ways to the data of an entry, and what is known of formats."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from quanyu.catalogue.model import Resource

_MEDIA = {
    "GEOJSON": "application/geo+json",
    "CSV": "text/csv",
    "GEOPARQUET": "application/vnd.apache.parquet",
    "PARQUET": "application/vnd.apache.parquet",
    "FLATGEOBUF": "application/flatgeobuf",
    "ARROW": "application/vnd.apache.arrow.stream",
    "JSON-FG": "application/vnd.ogc.fg+json",
}
_OPEN = frozenset(
    {
        *_MEDIA, "MVT", "JSON", "JSON-LD", "JSONLD", "XML", "RDF", "RDF/XML", "TURTLE", "TTL", "N3",
        "N-TRIPLES", "GML", "KML", "GEOPACKAGE", "GPKG", "GEOTIFF", "COG", "NETCDF", "ODS", "ODT",
        "TSV", "TXT", "HTML", "CITYJSON", "CITYGML", "3D TILES", "LAS", "LAZ", "OGC API", "WMS",
        "WFS", "WMTS", "WCS", "SENSORTHINGS", "GTFS", "GEORSS", "ATOM", "ZARR", "SQLITE", "GLTF",
    }
)  # fmt: skip
_TABULAR_TEXT = frozenset({"HTML", "TXT", "ODT", "DOC", "DOCX", "PDF"})
_PROPRIETARY = frozenset(
    {"XLS", "XLSX", "DOC", "DOCX", "SHP", "SHAPEFILE", "ESRI SHAPEFILE", "DWG", "DXF", "MDB",
     "FILEGDB", "PDF", "I3S", "S3M", "ZIP"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Way:
    """One way to the data; ``reachable`` only after it has been seen to answer."""

    url: str
    download: bool
    reachable: bool
    format: str = ""
    media_type: str = ""
    bytes: int | None = None


def ways(
    resource: Resource,
    *,
    served: bool,
    sizes: Mapping[str, int],
    answered: Collection[str] = (),
) -> tuple[Way, ...]:
    """Ways to the data: what this node serves, else where the entry says that others do.

    ``answered`` are addresses that were seen to answer.
    """
    if served:
        found = []
        for name in resource.formats:
            media = _MEDIA.get(name.upper(), "")
            found.append(
                Way(f"/data/{resource.slug}", bool(media), True, name, media, sizes.get(name))
            )
        return tuple(found)
    return tuple(
        Way(one.url, not one.api, one.url in answered, one.format, one.media_type, one.bytes)
        for one in resource.distributions
    )


def known_format(name: str) -> bool:
    """Whether a vocabulary knows the format by that name."""
    return name.upper() in _OPEN | _PROPRIETARY


def open_format(name: str) -> bool:
    """Whether the format belongs to nobody."""
    return name.upper() in _OPEN


def machine_readable(name: str) -> bool:
    """Whether a program can read the format without guessing."""
    return known_format(name) and name.upper() not in _TABULAR_TEXT
