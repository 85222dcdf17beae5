"""The standard interfaces, for people who bring their own tools."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from quanyu.parties import node_party
from quanyu.web.node import base_of
from quanyu.web.portal.visit import TheNode, Visitor, reading, say, show

router = APIRouter(include_in_schema=False)

INTERFACES: tuple[tuple[str, str, str], ...] = (
    (
        "OGC API – Features",
        "/ogc/features",
        "Features by area, time, CQL2 filter; GeoJSON, JSON-FG, CSV, GeoParquet, FlatGeobuf, Arrow",
    ),
    ("OGC API – Tiles", "/ogc/tiles", "Vector tiles, TileJSON and styles for maps"),
    (
        "OGC API – EDR",
        "/ogc/edr",
        "Values at a position, within a radius or area, in a cube, along a path",
    ),
    (
        "OGC API – 3D GeoVolumes",
        "/ogc/3dgeovolumes",
        "Buildings, city models and point clouds as 3D Tiles",
    ),
    ("OGC API – Records", "/ogc/records", "The catalogue, searchable"),
    ("OpenAPI 3.1", "/api", "Every operation, described for programs"),
    ("C2SP tlog-tiles", "/log/checkpoint", "The evidence log: checkpoint, tiles, receipts"),
)


@router.get("/about")
async def about(request: Request, node: TheNode, _caller: Visitor) -> Response:
    """A table of the interfaces, lines for clients, and where to appeal."""
    base = base_of(request)
    interfaces = [
        {"name": name, "href": href, "what": say(request, what)} for name, href, what in INTERFACES
    ]
    clients = [
        {"title": "QGIS", "text": f"{base}/ogc/features"},
        {"title": "GDAL", "text": f"ogrinfo OAPIF:{base}/ogc/features"},
        {"title": "OWSLib (Python)", "text": _owslib(base)},
    ]
    context = {
        "interfaces": interfaces,
        "clients": clients,
        "party": await reading(node, node_party),
    }
    return show(request, "about.html", context, twin={"interfaces": interfaces})


def _owslib(base: str) -> str:
    return (
        "from owslib.ogcapi.features import Features\n\n"
        f'city = Features("{base}/ogc/features")\n'
        "print(city.feature_collections())"
    )
