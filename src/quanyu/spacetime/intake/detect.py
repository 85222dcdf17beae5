"""What a file is, by its content; its name is only a hint."""

import re
from pathlib import Path

from quanyu.kernel import Invalid

FORMATS: dict[str, tuple[str, ...]] = {
    "csv": (".csv", ".tsv", ".txt", ".tab"),
    "excel": (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", ".et"),
    "geojson": (".geojson", ".json"),
    "geojsonseq": (".geojsonl", ".geojsons", ".ndjson", ".jsonl"),
    "gpkg": (".gpkg",),
    "shapefile": (".shp",),
    "flatgeobuf": (".fgb",),
    "parquet": (".parquet", ".geoparquet", ".pq"),
    "cityjson": (".json",),
    "cityjsonseq": (".jsonl", ".city.jsonl"),
    "citygml": (".gml", ".xml"),
    "ifc": (".ifc",),
    "osm": (".pbf", ".osm"),
    "geotiff": (".tif", ".tiff", ".gtiff"),
    "las": (".las", ".laz"),
}
"""Formats that are read, with the endings they usually have."""

CITY_FORMATS = frozenset({"cityjson", "cityjsonseq", "citygml", "ifc"})
"""Those of city models."""

_HEAD = 256 << 10
_CONTROL = re.compile(rb"[\x01-\x08\x0e-\x1f]")
_SIGNS = (
    (0, b"PAR1", "parquet"),
    (0, b"SQLite format 3\x00", "gpkg"),
    (0, b"fgb", "flatgeobuf"),
    (0, b"ISO-10303-21;", "ifc"),
    (0, b"LASF", "las"),
    (0, b"\x00\x00\x27\x0a", "shapefile"),
    (0, b"PK\x03\x04", "excel"),  # other archives have been opened before
    (0, b"\xd0\xcf\x11\xe0", "excel"),
    (4, b"\x0a\x09OSMHeader", "osm"),
    *((0, sign, "geotiff") for sign in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
)
_RASTERS = (
    (0, b"CDF\x01", "NetCDF"),
    (0, b"CDF\x02", "NetCDF"),
    (0, b"CDF\x05", "NetCDF"),
    (0, b"\x89HDF\r\n\x1a\n", "NetCDF-4 or HDF5"),
    (0, b"GRIB", "GRIB"),
    (4, b"jP  \r\n\x87\n", "JPEG 2000"),
    (0, b"EHFA_HEADER_TAG", "Erdas Imagine"),
)
"""Rasters that are not read, with many times and variables in a file or by large libraries."""


def detect(path: Path) -> str:
    """A key of :data:`FORMATS`; raises ``Invalid`` when the content is none of them."""
    with path.open("rb") as source:
        head = source.read(_HEAD)
    if not head:
        raise Invalid("the file is empty", field="source", mend="give a file with data")
    _refuse_raster(head)
    return _binary(head) or _text(head, path) or _unknown(path)


def _refuse_raster(head: bytes) -> None:
    for at, sign, name in _RASTERS:
        if head[at : at + len(sign)] == sign:
            raise Invalid(
                "{format} is not read here",
                field="source",
                mend="write each time of each variable as a GeoTIFF, such as with "
                "gdal_translate -b 1 NETCDF:in.nc:variable out.tif, and add it with its datetime",
                format=name,
            )


def _binary(head: bytes) -> str | None:
    return next((form for at, sign, form in _SIGNS if head[at : at + len(sign)] == sign), None)


def _text(head: bytes, path: Path) -> str | None:
    start = head.lstrip(b"\xef\xbb\xbf\x1e \t\r\n")
    if start[:1] in {b"{", b"["}:
        return _json(start, head)
    if start[:1] == b"<":
        if b"www.opengis.net/citygml/" in start:
            return "citygml"
        return "osm" if b"<osm" in start[:4096] else None
    wide = head[:2] in {b"\xff\xfe", b"\xfe\xff"}
    if not wide and (b"\x00" in head or len(_CONTROL.findall(head)) * 200 > len(head)):
        return None
    return "csv" if wide or path.suffix.lower() in FORMATS["csv"] or _lined(start) else None


def _json(start: bytes, head: bytes) -> str | None:
    squeezed = start.replace(b" ", b"")
    lines = start.split(b"\n", 2)
    sequence = len(lines) > 1 and lines[0].rstrip().endswith(b"}") and lines[1].lstrip()[:1] == b"{"
    if b'"type":"CityJSON' in squeezed or b'"CityObjects"' in start:
        return "cityjsonseq" if sequence or b'"type":"CityJSONFeature"' in squeezed else "cityjson"
    if sequence or head[:1] == b"\x1e":
        return "geojsonseq"
    if any(word in squeezed for word in (b'"FeatureCollection"', b'"Feature"', b'"coordinates"',
                                         b'"geometries"')):  # fmt: skip
        return "geojson"
    return None


def _lined(start: bytes) -> bool:
    first = start.split(b"\n", 1)[0]
    return b"\n" in start and any(
        sign in first for sign in (b",", b"\t", b";", b"|", b"\xef\xbc\x8c")
    )


def _unknown(path: Path) -> str:
    raise Invalid(
        "the content of {name} is of no format that is read here",
        field="source",
        mend="give one of: {formats}",
        name=path.name,
        formats=", ".join(FORMATS),
    )
