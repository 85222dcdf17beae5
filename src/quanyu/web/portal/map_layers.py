"""What the city map is told of a dataset beyond its tiles: its kind, solids, bands, times."""

from collections.abc import Mapping
from typing import Any

from quanyu.catalogue import Resource
from quanyu.kernel import Language, iso
from quanyu.spacetime import OPEN, FieldType, GeometryType, View
from quanyu.web.portal.identities import Identity
from quanyu.web.portal.layers import layer_of

LABELS: Mapping[str, str] = {
    "buildings": "Buildings and 3D",
    "land": "Parcels and control lines",
    "ground": "Streets and areas",
    "points": "Points and sensors",
    "imagery": "Imagery",
    "terrain": "Terrain",
    "clouds": "Point clouds",
}
"""Groups of layers, as message ids, in the order of the panel."""

FIRST = ("buildings", "ground", "points", "land")
"""Groups that a first look shows; the others are laid on when they are asked for."""

_POINTS = frozenset({GeometryType.POINT, GeometryType.MULTIPOINT})
_HEIGHTS = frozenset({
    "height", "measured_height", "measuredHeight", "levels", "building_levels", "building:levels",
    "storeys",
})  # fmt: skip
_NUMBERS = frozenset({FieldType.NUMBER, FieldType.INTEGER})


def map_layer(
    view: View,
    of: Resource,
    language: Language,
    roles: Mapping[str, str],
    under: Identity | None = None,
) -> dict[str, Any]:
    """A layer as ``web-ui/src/map/model.ts`` reads it; ``roles`` are declared roles of the
    land space by dataset."""
    imagery = view.version.imagery
    bands = [one.name for one in view.fields if one.type is FieldType.JSON] if imagery else []
    query = f"?{under.query}" if under else ""
    group = _group(view, of.slug in roles)
    _, (start, end) = view.extent()
    if view.restriction == OPEN and view.version.interval[1] is None:
        end = None  # some hold until further notice
    terrain = f"/ogc/3dgeovolumes/collections/{of.slug}/terrain/terrarium/tilejson.json{query}"
    return layer_of(view, of, language, under) | {
        "group": group,
        "role": roles.get(of.slug, ""),
        "model": view.version.city_model,
        "bands": bands,
        "terrain": terrain if group == "terrain" else "",
        "solids": f"/ogc/3dgeovolumes/collections/{of.slug}/3dtiles/tileset.json"
        if view.stands
        else "",
        "time": [iso(start) if start else None, iso(end) if end else None]
        if start or end
        else None,
        "numbers": [one.name for one in view.fields if one.type in _NUMBERS],
        "texts": [one.name for one in view.fields if one.type is FieldType.STRING],
        "generated": of.generated,
    }


def _group(view: View, declared: bool) -> str:
    if view.version.imagery:
        return "terrain" if view.elevation else "imagery"
    if view.geometry in _POINTS:
        return "clouds" if view.stands else "points"
    if declared:
        return "land"
    tall = view.stands or any(one.name in _HEIGHTS for one in view.fields)
    return "buildings" if tall else "ground"
