"""Statistics of imagery by zone: ``/ogc/coverages/collections/{slug}/statistics``.

Zones are polygons of another collection that the caller may read (``zones=``), or GeoJSON that is
posted; without either the box, or all there is, is one zone. A use of the face ``features``.
"""

import csv
import io
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.kernel import Invalid, NotFound
from quanyu.spacetime import CRS84, Query, View
from quanyu.web import parameters
from quanyu.web.coverages import ROOT
from quanyu.web.negotiate import MEDIA_TYPES, offer, representation
from quanyu.web.picture_parameters import box_of, chosen_of
from quanyu.web.serve_several import serve_uses
from quanyu.web.serve_use import Answer

_MOST_ZONES = 10_000
_MOST_BODY = 16 << 20
_FORMS = offer("json", "csv")
_GIVEN = parameters.COMMON | {
    "zones", "expression", "datetime", "difference-from", "scene", "threshold", "bbox", "bbox-crs",
    "subset", "subset-crs",
}  # fmt: skip


async def statistics(request: Request) -> Response:
    """By GET and by POST."""
    given = parameters.read(request)
    parameters.check_known(given, _GIVEN)
    form = representation(request, _FORMS, given.get("f"))
    slug, other = request.path_params["slug"], given.get("zones")
    posted = await _posted(request) if request.method == "POST" else None
    if posted is not None and other is not None:
        raise Invalid("zones were posted and named", field="zones", mend="leave one out")
    if other == slug:
        raise Invalid("scenes are no zones", field="zones", mend="name a collection of polygons")
    threshold, box = _threshold(given), box_of(given)
    chosen = chosen_of(given)
    against = chosen_of(given, "difference-from") if "difference-from" in given else None
    text = given.get("expression")
    if not text:
        raise Invalid(
            "there is nothing to compute",
            field="expression",
            mend="give a band, an expression of bands, or such as ndvi",
        )

    def work(views: Mapping[str, View]) -> tuple[Answer, Mapping[str, int]]:
        imagery = views[slug].imagery()
        rows = {slug: 0}
        if other is not None:
            document = _read(views[other], box)
            rows[other] = len(document["features"])
        else:
            document = posted or _rectangle(box, views[slug])
        zones = imagery.zones(document)
        found, rows[slug] = imagery.by_zone(zones, text, chosen, against, threshold)
        body = _csv(found) if form == "csv" else orjson.dumps({"expression": text, "zones": found})
        return Answer(media_type=MEDIA_TYPES[form], body=body), rows

    slugs = [slug] if other is None else [slug, other]
    return await serve_uses(request, slugs, work, face="features", given=given, need_all=True)


async def _posted(request: Request) -> dict[str, Any]:
    body = await request.body()
    try:
        document = orjson.loads(body) if len(body) <= _MOST_BODY else None
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise Invalid(
            "the body is no GeoJSON of at most 16 MiB",
            field="zones",
            mend="send a FeatureCollection of polygons",
        )
    return document


def _read(view: View, box: Any) -> dict[str, Any]:
    """The features of a collection as the caller sees them, all of them or those in the box."""
    query = Query(limit=_MOST_ZONES)
    if box is not None:
        query = Query(limit=_MOST_ZONES, bbox=box[0], bbox_crs=box[1])
    page = view.page(query)
    if page.next is not None:
        raise Invalid(
            "there are more than {most} zones",
            field="zones",
            mend="give a bbox with fewer",
            most=_MOST_ZONES,
        )
    if not page.returned:
        raise NotFound("no zone that may be seen is there")
    features = orjson.loads(b"[" + page.features + b"]")
    return {"type": "FeatureCollection", "features": features}


def _rectangle(box: Any, view: View) -> dict[str, Any]:
    if box is not None and box[1] != CRS84:
        raise Invalid("this box is in degrees", field="bbox-crs", mend="leave bbox-crs out")
    around = box[0] if box is not None else view.extent()[0]
    if around is None:
        raise NotFound("no scene that may be seen is there")
    w, s, e, n = around
    ring = [[w, s], [e, s], [e, n], [w, n], [w, s]]
    return {"type": "Feature", "id": "all", "geometry": {"type": "Polygon", "coordinates": [ring]}}


def _threshold(given: Mapping[str, str]) -> float | None:
    if "threshold" not in given:
        return None
    try:
        found = float(given["threshold"])
    except ValueError:
        found = float("nan")
    if not abs(found) < float("inf"):
        raise Invalid("a threshold is a number", field="threshold", mend="give such as 0.3")
    return found


def _csv(found: list[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(found[0]), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(found)
    return text.getvalue().encode()


def routes() -> list[Route]:
    """Routes of statistics."""
    one = f"{ROOT}/collections/{{slug}}/statistics"
    return [Route(one, statistics, methods=["GET", "POST"])]
