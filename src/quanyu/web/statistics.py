"""Statistics by group: ``/ogc/features/collections/{slug}/statistics``.

``by`` names what to group by, ``measure`` what to compute; the parameters of ``items`` choose the
features. Zones are another collection that the caller may read, which then is used too. ``engine``
says where it is computed: on this node, or on its cluster.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import orjson
import shapely
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.spacetime import Groups, View
from quanyu.web import parameters
from quanyu.web.features import ROOT
from quanyu.web.filters import PAGE, query_of
from quanyu.web.negotiate import MEDIA_TYPES, offer, representation
from quanyu.web.node import node_of
from quanyu.web.serve_several import Ledger, serve_uses
from quanyu.web.serve_use import Answer
from quanyu.web.statistics_parameters import FLOW, engine_of, keys_of, measures_of, zones_in

_FORMS = offer("json", "csv", "geojson")
_OWN = frozenset({"by", "measure", "engine"})
_UNPAGED = PAGE - {"limit", "after", "count", "properties", "sortby", "crs"}


async def statistics(request: Request) -> Response:
    """Figures of groups of features, in the order of what they are grouped by."""
    given = parameters.read(request)
    form = representation(request, _FORMS, given.get("f"))
    slug = request.path_params["slug"]
    asked = {name: value for name, value in given.items() if name not in _OWN}
    zones = zones_in(given)
    on_cluster = engine_of(given, node_of(request).settings.statistics_engine) == "cluster"

    ledger = Ledger()

    def work(views: Mapping[str, View]) -> tuple[Answer, Mapping[str, int]]:
        view = views[slug]
        parameters.check_known(
            asked, _UNPAGED | parameters.COMMON | {field.name for field in view.fields}
        )
        query = query_of(asked, view)
        keys, measures = keys_of(given, view, views), measures_of(given)
        groups = view.aggregate(
            query, keys, measures, on_cluster=on_cluster, once=ledger.once(slug, view)
        )
        body = _WRITERS[form](groups)
        # What leaves are groups, not rows, and of zones those that a group is named after.
        rows = dict.fromkeys([slug, *zones], groups.table.num_rows)
        return Answer(media_type=MEDIA_TYPES[form], body=body), rows

    slugs = [slug, *(name for name in zones if name != slug)]
    return await serve_uses(
        request,
        slugs,
        work,
        face="statistics",
        given=given,
        need_all=True,
        # Of zones every area and its name are shown: that is to read them.
        helping="features",
        ledger=ledger,
    )


def _json(groups: Groups) -> bytes:
    rows = groups.table.to_pylist()
    document: dict[str, Any] = {"groups": rows, "numberReturned": len(rows)}
    return orjson.dumps(document | _protection(groups), option=orjson.OPT_UTC_Z)


def _protection(groups: Groups) -> dict[str, Any]:
    """What was done to the figures so that they tell of nobody."""
    found: dict[str, Any] = {"withheld": True} if groups.withheld else {}
    if groups.noise:
        found["noise"] = [asdict(one) for one in groups.noise]
    return found


def _csv(groups: Groups) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(groups.table.column_names)
    writer.writerows(zip(*(column.to_pylist() for column in groups.table.columns), strict=True))
    return text.getvalue().encode()


def _geojson(groups: Groups) -> bytes:
    """Cells and zones as polygons, flows as lines from place to place; nothing else has a shape."""
    shapes = _shapes(groups)
    features = [
        {
            "type": "Feature",
            "geometry": None if shape is None else orjson.Fragment(shape),
            "properties": row,
        }
        for shape, row in zip(shapes, groups.table.to_pylist(), strict=True)
    ]
    document = {"type": "FeatureCollection", "features": features}
    return orjson.dumps(document | _protection(groups), option=orjson.OPT_UTC_Z)


def _shapes(groups: Groups) -> list[str | None]:
    areas = groups.areas
    if areas.keys() >= set(FLOW):
        ends = [shapely.get_coordinates(shapely.centroid(areas[end])) for end in FLOW]
        lines = shapely.linestrings(np.stack(ends, axis=1))
        return _text(lines)
    if areas:
        return _text(next(iter(areas.values())))
    return [None] * groups.table.num_rows


def _text(shapes: Any) -> list[str | None]:
    found: list[str | None] = shapely.to_geojson(shapes).tolist()
    return found


_WRITERS: dict[str, Any] = {"json": _json, "csv": _csv, "geojson": _geojson}


def routes() -> list[Route]:
    """Routes of statistics."""
    return [Route(f"{ROOT}/collections/{{slug}}/statistics", statistics)]
