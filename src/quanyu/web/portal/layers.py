"""What a map island is told of a dataset: its tiles, extent, fields, under which agreement."""

from typing import Any

from starlette.requests import Request

from quanyu.catalogue import Resource
from quanyu.kernel import Language, iso
from quanyu.spacetime import GeometryType, View
from quanyu.web.pages import language_of
from quanyu.web.portal.identities import Identity
from quanyu.web.serve_use import look_each

_NO_GROUND = frozenset({GeometryType.NONE, GeometryType.POINT, GeometryType.MULTIPOINT})
_MOST_LOOKED = 40


async def layers_of(request: Request, most: int) -> list[dict[str, Any]]:
    """Every dataset with a geometry that the visitor may see, up to ``most``."""
    language = language_of(request)

    def layer(view: View, of: Resource) -> dict[str, Any] | None:
        return None if view.geometry is GeometryType.NONE else layer_of(view, of, language)

    found, _ = await look_each(request, layer, {}, most, None)
    return found


async def ground_of(request: Request, most: int) -> list[dict[str, Any]]:
    """What lies under marks on a map: lines and areas, what is real before what is made up, and
    no pictures, heights or points, which would cover or be taken for the marks."""
    language = language_of(request)

    def layer(view: View, of: Resource) -> dict[str, Any] | None:
        plain = not view.version.imagery and view.geometry not in _NO_GROUND
        return layer_of(view, of, language) | {"generated": of.generated} if plain else None

    found, _ = await look_each(request, layer, {}, _MOST_LOOKED, None)
    real = [one for one in found if not one["generated"]] or found
    return real[:most]


def layer_of(
    view: View, of: Resource, language: Language, under: Identity | None = None
) -> dict[str, Any]:
    """A layer as ``web-ui/src/map/model.ts`` reads it."""
    query = f"?{under.query}" if under else ""
    tiles = "map/tiles" if view.version.imagery else "tiles"
    grid = f"/ogc/tiles/collections/{of.slug}/{tiles}/WebMercatorQuad"
    box, _ = view.extent()
    return {
        "slug": of.slug,
        "title": of.title.to(language),
        "access": of.access.value,
        "geometry": view.geometry.value,
        "attribution": of.attribution,
        "licence": of.licence,
        "tiles": f"{grid}/{{z}}/{{y}}/{{x}}{query}",
        "imagery": view.version.imagery,
        "items": f"/ogc/features/collections/{of.slug}/items",
        "bounds": None if box is None else [box[0], box[1], box[2], box[3]],
        "fields": [field.name for field in view.fields],
        "agreement": under.name(language) if under else "",
        "query": under.query if under else "",
        "version": view.version.number,
        "updated": iso(view.version.created_at),
    }
