"""Scenes as STAC 1.1 Items, as a view shows them (extensions eo, projection, raster, file).

Assets are addresses of this node: the scene's GeoTIFF, a thumbnail, map tiles. Each passes the gate
when it is used.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from quanyu.kernel import Invalid
from quanyu.spacetime import Cql2, FieldType, Query, View, parse_filter
from quanyu.web import parameters
from quanyu.web.documents import link
from quanyu.web.filters import filter_language, sortable
from quanyu.web.negotiate import MEDIA_TYPES

Item = dict[str, Any]

STAC = "/stac"
EXTENSIONS = (
    "https://stac-extensions.github.io/eo/v2.0.0/schema.json",
    "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "https://stac-extensions.github.io/raster/v2.0.0/schema.json",
    "https://stac-extensions.github.io/file/v2.1.0/schema.json",
)
_CF = "https://stac-extensions.github.io/cf/v0.2.0/schema.json"
_OURS = {"id": "fid", "proj:code": "crs"}
_SORTED = _OURS | {"id": "scene"}
_AGREED = ("agreement", "purpose", "version")
_FIELD = re.compile(r"[A-Za-z0-9_:.-]{1,80}")


def query_of(given: Mapping[str, str], view: View, limit: int, after: str | None) -> Query:
    """The query that the parameters of a search ask of one collection (STAC API 1.0, Item Search).

    ``id`` and ``proj:code`` in filters and sorting are the columns that hold them. Without
    ``sortby`` the newest come first. Raises ``Invalid`` for what cannot be.
    """
    conditions: list[Cql2] = []
    if ids := parameters.names(given.get("ids", "")):
        conditions.append({"op": "in", "args": [{"property": "fid"}, list(ids)]})
    if "intersects" in given:
        shape = orjson.loads(given["intersects"])
        conditions.append({"op": "s_intersects", "args": [{"property": "geometry"}, shape]})
    if "filter" in given:
        conditions.append(_filter(given, view))
    whole = conditions[0] if len(conditions) == 1 else {"op": "and", "args": conditions}
    return Query(
        bbox=parameters.bbox(given["bbox"]) if "bbox" in given else None,
        interval=parameters.interval(given["datetime"]) if "datetime" in given else None,
        filter=whole if conditions else None,
        sortby=sorting(given, view),
        limit=limit,
        after=after,
    )


def sorting(given: Mapping[str, str], view: View) -> tuple[tuple[str, bool], ...]:
    """The order asked for, by columns of the view."""
    known = {field.name for field in view.fields if sortable(field)}
    asked = parameters.sortby(given["sortby"]) if "sortby" in given else (("datetime", True),)
    found = []
    for name, falling in asked:
        plain = name.removeprefix("properties.")
        column = _SORTED.get(plain, plain)
        if column in known:
            found.append((column, falling))
        elif "sortby" in given:
            raise Invalid(
                "there is no property “{name}”",
                field="sortby",
                mend="use these: {names}",
                name=name[:80],
                names=", ".join(sorted(known)),
            )
    return tuple(found)


def _filter(given: Mapping[str, str], view: View) -> Cql2:
    language = filter_language(given)
    text = given["filter"]
    return parse_filter(_renamed(parse_filter(text, None, language)), view.fields, "cql2-json")


def _renamed(node: Any) -> Any:
    if isinstance(node, list):
        return [_renamed(one) for one in node]
    if not isinstance(node, dict):
        return node
    name = node.get("property")
    if isinstance(name, str):
        return node | {"property": _OURS.get(name, name)}
    return {key: _renamed(value) for key, value in node.items()}


def items_of(
    view: View, slug: str, features: bytes, base: str, given: Mapping[str, str]
) -> list[Item]:
    """Items out of a page of encoded features."""
    kept = {name: given[name] for name in _AGREED if name in given}
    query = urlencode(kept)
    return [
        _item(view, slug, feature, base, query) for feature in orjson.loads(b"[" + features + b"]")
    ]


def _item(view: View, slug: str, feature: dict[str, Any], base: str, query: str) -> Item:
    said = feature["properties"]
    names = [field.name for field in view.fields if field.type is FieldType.JSON]
    bands = {name: _parsed(said.get(name)) for name in names}
    here = f"{base}{STAC}/collections/{slug}"
    name = feature["id"]
    properties = {
        "datetime": said.get("datetime"),
        "gsd": said.get("gsd"),
        "proj:code": said.get("crs") if str(said.get("crs")).startswith("EPSG:") else None,
        "created": view.version.created_at.isoformat().replace("+00:00", "Z"),
    }
    item: Item = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [*EXTENSIONS, *([_CF] if view.elevation else [])],
        "id": name,
        "collection": slug,
        "geometry": feature["geometry"],
        "bbox": feature.get("bbox") or _box(feature["geometry"]),
        "properties": {key: value for key, value in properties.items() if value is not None},
        "assets": _assets(view, slug, name, bands, base, query),
        "links": [
            link(f"{here}/items/{quote(name)}", "self", "geojson"),
            link(f"{base}{STAC}", "root", "json"),
            link(here, "parent", "json"),
            link(here, "collection", "json"),
        ],
    }
    item["properties"].setdefault("datetime", None)
    return item


def _parsed(value: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    found: dict[str, Any] = orjson.loads(value) if isinstance(value, str) else dict(value)
    found.pop("index", None)
    return found


def _assets(  # noqa: PLR0917 - all of it stands in addresses
    view: View,
    slug: str,
    name: str,
    bands: Mapping[str, dict[str, Any] | None],
    base: str,
    query: str,
) -> dict[str, Any]:
    seen = [{"name": band, **said} for band, said in bands.items() if said is not None]
    if not seen:
        return {}
    more = f"&{query}" if query else ""
    scene = quote(name, safe="")
    tiles = f"{base}/ogc/tiles/collections/{slug}/map/tiles/WebMercatorQuad/tilejson.json"
    found: dict[str, dict[str, Any]] = {
        "data": {
            "href": f"{base}/data/{slug}/scenes/{scene}.tif{'?' if query else ''}{query}",
            "type": MEDIA_TYPES["geotiff"],
            "title": "COG",
            "roles": ["data"],
            "bands": seen,
        },
        "thumbnail": {
            "href": f"{base}/ogc/maps/collections/{slug}/map?scene={scene}&width=256{more}&f=png",
            "type": MEDIA_TYPES["png"],
            "title": "256 px",
            "roles": ["thumbnail"],
        },
        "tiles": {
            "href": f"{tiles}?scene={scene}{more}",
            "type": MEDIA_TYPES["tilejson"],
            "title": "TileJSON",
            "roles": ["visual"],
        },
    }
    asset = view.imagery().whole_asset(name)
    if asset is not None:
        found["data"] |= {
            "file:size": asset.size,
            "proj:shape": list(asset.shape),
            "proj:transform": list(asset.transform),
        }
    return found


def _box(geometry: Mapping[str, Any]) -> list[float]:
    numbers = list(_positions(geometry["coordinates"]))
    xs, ys = [one[0] for one in numbers], [one[1] for one in numbers]
    return [min(xs), min(ys), max(xs), max(ys)]


def _positions(coordinates: Any) -> Any:
    if coordinates and isinstance(coordinates[0], (int, float)):
        yield coordinates
        return
    for one in coordinates:
        yield from _positions(one)


def with_fields(item: Item, text: str | None) -> Item:
    """The item with the members that ``fields`` asks for (STAC API, Fields 1.0): names to include,
    and with a minus before them to leave out."""
    if not text:
        return item
    include: list[str] = []
    exclude: list[str] = []
    for part in text.split(","):
        name = part.strip().lstrip("+ ")
        if not _FIELD.fullmatch(name):
            raise Invalid("“{name}” is no field", field="fields", mend="give names", name=name[:60])
        (exclude if name.startswith("-") else include).append(name.removeprefix("-"))
    made = item if not include else _only(item, include)
    for name in exclude:
        made = _without(made, name)
    return made


def _only(item: Item, names: list[str]) -> Item:
    made: Item = {key: item[key] for key in ("type", "stac_version", "id", "collection")}
    for name in names:
        head, _, rest = name.partition(".")
        if head in item and not rest:
            made[head] = item[head]
        elif head in item and isinstance(item[head], dict) and rest in item[head]:
            made.setdefault(head, {})[rest] = item[head][rest]
        elif name in item["properties"]:
            made.setdefault("properties", {})[name] = item["properties"][name]
    return made


def _without(item: Item, name: str) -> Item:
    head, _, rest = name.partition(".")
    if not rest:
        if head in {"id", "type", "stac_version"}:
            return item
        return {key: value for key, value in item.items() if key != head}
    inner = item.get(head)
    if isinstance(inner, dict):
        return item | {head: {key: value for key, value in inner.items() if key != rest}}
    return item
