"""Which representation and which coding: what a client asks for and what it gets.

``f=`` goes before ``Accept`` (OGC API – Features 7.10).
"""

from collections.abc import Mapping
from functools import lru_cache

from starlette.requests import HTTPConnection, Request

from quanyu.kernel import Invalid, NotAcceptable

MEDIA_TYPES: dict[str, str] = {
    "json": "application/json",
    "geojson": "application/geo+json",
    "jsonfg": "application/vnd.ogc.fg+json",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "fgb": "application/flatgeobuf",
    "arrow": "application/vnd.apache.arrow.stream",
    "gpkg": "application/geopackage+sqlite3",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ndjson": "application/x-ndjson",
    "zip": "application/zip",
    "atom": "application/atom+xml",
    "ipynb": "application/x-ipynb+json",
    "cityjson": "application/city+json",
    "cityjsonseq": "application/city+json-seq",
    "laz": "application/vnd.laszip",
    "html": "text/html",
    "schema": "application/schema+json",
    "openapi": "application/vnd.oai.openapi+json;version=3.1",
    "mvt": "application/vnd.mapbox-vector-tile",
    "3dtiles": "application/json+3dtiles",
    "glb": "model/gltf-binary",
    "terrain": "application/vnd.quantized-mesh",
    "tilejson": "application/vnd.mapbox.tile+json",
    "style": "application/vnd.mapbox.style+json",
    "png": "image/png",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "geotiff": "image/tiff; application=geotiff; profile=cloud-optimized",
    "covjson": "application/prs.coverage+json",
    "problem": "application/problem+json",
    "jsonld": "application/ld+json",
    "ttl": "text/turtle",
    "rdf": "application/rdf+xml",
    "iso": "application/xml",
}
"""Media types by their short names in ``f=``."""

Offer = Mapping[str, str]
"""Representations that a route gives, best first: ``{"json": "application/json", …}``."""


def media_of(request: Request) -> str:
    """The media type of a request's body, without its parameters; empty when it says none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def offer(*names: str) -> Offer:
    """An offer of these short names, best first."""
    return {name: MEDIA_TYPES[name] for name in names}


def representation(request: HTTPConnection, offered: Offer, asked: str | None) -> str:
    """Short name of the representation to send; ``asked`` is the value of ``f=``.

    Raises :class:`Invalid` for an ``f`` that is not offered, :class:`NotAcceptable` when nothing
    that ``Accept`` names is.
    """
    if asked is not None:
        if asked in offered:
            return asked
        if asked == "json" and "geojson" in offered:
            return "geojson"
        raise Invalid(
            "this resource has no form {form}",
            field="f",
            mend="use one of: {forms}",
            form=asked,
            forms=", ".join(offered),
        )
    accept = request.headers.get("accept")
    if not accept or accept == "*/*":
        return next(iter(offered))
    chosen = _choose(accept, tuple(offered.items()))
    if chosen is None:
        raise NotAcceptable(
            "none of the accepted media types can be given",
            field="Accept",
            mend="accept one of: {forms}",
            forms=", ".join(offered.values()),
        )
    return chosen


@lru_cache(maxsize=1024)
def _choose(accept: str, offered: tuple[tuple[str, str], ...]) -> str | None:
    best: tuple[float, int, str] | None = None
    wanted = [(kind.partition(";")[0], q) for kind, q in qualities(accept)]
    for rank, (name, full) in enumerate(offered):
        kind = full.partition(";")[0]
        # JSON is what a GeoJSON, a schema or a style also is; a client that asks for it gets them.
        also = "application/json" if kind.endswith("json") else kind
        family = kind.partition("/")[0] + "/*"
        for precision, candidates in enumerate(((kind, also), (family,), ("*/*",))):
            found = [q for item, q in wanted if item in candidates]
            if found:
                score = (max(found) - precision * 1e-4, -rank, name)
                if max(found) > 0 and (best is None or score > best):
                    best = score
                break
    return best[2] if best else None


@lru_cache(maxsize=1024)
def qualities(header: str) -> tuple[tuple[str, float], ...]:
    """Values of an ``Accept…`` header with their weights (RFC 9110 12.4.2); odd weights count 0."""
    found = []
    for part in header.split(","):
        value, *rest = (piece.strip() for piece in part.split(";"))
        weight = 1.0
        for piece in rest:
            name, _, text = piece.partition("=")
            if name.strip().lower() == "q":
                try:
                    weight = float(text)
                except ValueError:
                    weight = 0.0
        if value:
            found.append((value.lower(), weight))
    return tuple(found)


@lru_cache(maxsize=256)
def coding(header: str) -> str | None:
    """The content coding to use for an ``Accept-Encoding``: ``zstd``, ``gzip`` or ``None``."""
    weights = dict(qualities(header))
    anything = weights.get("*", 0.0)
    best = max(("zstd", "gzip"), key=lambda name: weights.get(name, anything))
    return best if weights.get(best, anything) > 0 else None
