"""The city drawn as a figure-ground plan: every building of an open layer, in one small SVG.

The drawing is made of what anybody may see, and its making is one open read in the evidence; it is
then kept, as long as the version lasts, in the memory of the worker.
"""

from collections.abc import Iterator
from math import cos, radians
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from quanyu.catalogue import Access, Resource
from quanyu.kernel import NotFound, day_in_zone
from quanyu.spacetime import GeometryType, Query, View
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.node import node_of
from quanyu.web.portal.visit import Visitor, local, say
from quanyu.web.serve_use import Answer, look_each, serve_use

router = APIRouter(include_in_schema=False)
_AREAS = frozenset({GeometryType.POLYGON, GeometryType.MULTIPOLYGON, GeometryType.GEOMETRY})
_TALL = frozenset({"height", "levels", "building"})
_MOST = 6_000
_WIDTH, _HEIGHT = 1200, 760
_SMALLEST = 2.0
_INK = b"/*ink*/"
_SCHEMES = {
    "light": b"path{fill:#0d5a54}",
    "dark": b"path{fill:#7fd0c4}",
    "auto": b"path{fill:#0d5a54}@media(prefers-color-scheme:dark){path{fill:#7fd0c4}}",
}
_drawn: dict[tuple[str, int], bytes] = {}


async def plan_of(request: Request) -> dict[str, Any] | None:
    """Address, caption and description of the drawing; ``None`` where there is nothing to draw."""

    def suits(view: View, of: Resource) -> dict[str, Any] | None:
        raised = _TALL & {field.name for field in view.fields}
        if of.access is not Access.OPEN or view.geometry not in _AREAS or not raised:
            return None
        return {"resource": of, "version": view.version, "box": view.extent()[0]}

    found, _ = await look_each(request, suits, {}, 100, None)
    best = max(found, key=lambda one: one["version"].rows, default=None)
    if best is None or best["box"] is None:
        return None
    of: Resource = best["resource"]
    title = local(request, of.title)
    caption = say(
        request,
        "Figure-ground plan: {title} · {source} · {when}",
        title=title,
        source=of.attribution,
        when=day_in_zone(best["version"].created_at, node_of(request).settings.time_zone),
    )
    return {
        "slug": of.slug,
        "box": best["box"],
        "version": best["version"].number,
        "caption": caption,
        "alt": say(request, "Plan of the buildings of the city, drawn from {title}", title=title),
        "url": f"/overview.svg?v={best['version'].number}",
    }


@router.get("/overview.svg")
async def drawing(request: Request, _caller: Visitor, scheme: str = "auto") -> Response:
    """The plan in the ink of a colour scheme."""
    plan = await plan_of(request)
    if plan is None:
        raise NotFound("there is nothing to draw here yet", mend="publish a layer of buildings")
    key = (plan["slug"], plan["version"])
    if key not in _drawn:
        _drawn.clear()
        _drawn[key] = await _draw(request, plan)
    headers = {"cache-control": "public, max-age=3600"}
    body = _drawn[key].replace(_INK, _SCHEMES.get(scheme, _SCHEMES["auto"]))
    return Response(body, media_type="image/svg+xml", headers=headers)


async def _draw(request: Request, plan: dict[str, Any]) -> bytes:
    box = _middle(plan["box"])
    parts: list[str] = []

    def work(view: View) -> Answer:
        page = view.page(Query(limit=_MOST, bbox=box))
        features = orjson.loads(b"[" + page.features + b"]")
        # A drawing made once for each version: plain Python over a few thousand shapes will do.
        parts.extend(path for feature in features for path in _paths(feature["geometry"], box))
        return Answer(media_type=MEDIA_TYPES["geojson"], body=b"", rows=page.returned)

    await serve_use(request, plan["slug"], work, face="tiles", given={}, form="svg")
    shape = "".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'preserveAspectRatio="xMidYMid slice"><style>{_INK.decode()}</style>'
        f'<path fill-rule="evenodd" d="{shape}"/></svg>'
    ).encode()


def _middle(box: tuple[float, ...]) -> tuple[float, float, float, float]:
    """The middle of an extent in the proportions of the drawing."""
    west, south, east, north = box[0], box[1], box[2], box[3]
    lon, lat = (west + east) / 2, (south + north) / 2
    squeeze = cos(radians(lat))
    tall = min(north - south, (east - west) * squeeze * _HEIGHT / _WIDTH) * 0.8
    wide = tall * _WIDTH / _HEIGHT / squeeze
    return lon - wide / 2, lat - tall / 2, lon + wide / 2, lat + tall / 2


def _paths(geometry: dict[str, Any] | None, box: tuple[float, ...]) -> Iterator[str]:
    if geometry is None:
        return
    polygons = {"Polygon": [geometry["coordinates"]], "MultiPolygon": geometry["coordinates"]}
    west, south, east, north = box
    across, down = _WIDTH / (east - west), _HEIGHT / (north - south)
    for rings in polygons.get(geometry["type"], []):
        for ring in rings:
            points = [
                (round((p[0] - west) * across, 1), round((north - p[1]) * down, 1)) for p in ring
            ]
            xs, ys = [p[0] for p in points], [p[1] for p in points]
            if max(xs) - min(xs) + max(ys) - min(ys) >= _SMALLEST:
                yield "M" + "L".join(f"{x:g} {y:g}" for x, y in points[:-1]) + "Z"
