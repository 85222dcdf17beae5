"""OGC API – Environmental Data Retrieval 1.1 (OGC 19-086r6): values at, in and along places.

``/ogc/edr``: the collections with numbers and places; ``position``, ``radius``, ``area``, ``cube``
and ``trajectory``. Values are those of features; nothing is interpolated. A cube's are means of its
cells, ``resolution-x`` by ``resolution-y``.
"""

import csv
import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import orjson
import shapely
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.catalogue import Resource
from quanyu.kernel import Language, NotFound, translate
from quanyu.spacetime import (
    Cube,
    GeometryType,
    Samples,
    View,
    means_in,
    parameters_of,
    samples_along,
    samples_at,
    samples_in,
    samples_within,
)
from quanyu.web import collection, coverage_json, edr_parameters, parameters
from quanyu.web.common import Standard, collection_routes, common_routes
from quanyu.web.conformance import EDR
from quanyu.web.documents import link
from quanyu.web.negotiate import MEDIA_TYPES, offer, representation
from quanyu.web.serve_use import Answer, serve_use

ROOT = "/ogc/edr"
_FORMS = offer("covjson", "geojson", "csv")
_GRID_FORMS = offer("covjson", "csv")
_ASKED = parameters.COMMON | {"parameter-name", "datetime", "crs", "z"}
_QUERIES = {
    "position": ("coords",),
    "radius": ("coords", "within", "within-units"),
    "area": ("coords",),
    "cube": ("bbox", "resolution-x", "resolution-y"),
    "trajectory": ("coords",),
}

STANDARD = Standard(
    ROOT,
    EDR,
    lambda language: translate(language, "Values at, in and along places."),
    lambda _language, _base: [],
)


def _described(view: View, resource: Resource, language: Language, base: str) -> dict[str, Any]:
    if view.geometry is GeometryType.NONE or not parameters_of(view):
        raise NotFound("{dataset} has no numbers at places", dataset=resource.slug)
    here = f"{base}{ROOT}/collections/{resource.slug}"
    whole = collection.described(view, resource, language, base)
    found = {
        name: whole[name]
        for name in ("id", "title", "description", "keywords", "extent", "license", "version")
        if name in whole
    }
    return found | {
        "links": [link(here, "self", "json", whole["title"])],
        "crs": ["CRS84"],
        "output_formats": ["CoverageJSON", "GeoJSON", "CSV"],
        "data_queries": {
            name: {
                "link": link(
                    f"{here}/{name}",
                    "data",
                    "covjson",
                    name,
                    variables={
                        "title": name,
                        "query_type": name,
                        "output_formats": list(_GRID_FORMS if name == "cube" else _FORMS),
                        "default_output_format": "covjson",
                        "crs_details": [{"crs": "CRS84", "wkt": _WKT}],
                        **({"within_units": ["m", "km", "mi"]} if name == "radius" else {}),
                    },
                )
            }
            for name in _QUERIES
        },
        "parameter_names": coverage_json.parameters(
            parameters_of(view), _labels(resource, language)
        ),
    }


def _labels(resource: Resource, language: Language) -> dict[str, dict[str, str]]:
    return {
        one.name: {language: one.meaning.to(language)} for one in resource.fields if one.meaning
    }


_WKT = (
    'GEOGCRS["WGS 84 (CRS84)",DATUM["World Geodetic System 1984",ELLIPSOID["WGS 84",6378137,'
    '298.257223563]],CS[ellipsoidal,2],AXIS["longitude",east],AXIS["latitude",north],'
    'UNIT["degree",0.0174532925199433]]'
)


def _query_route(name: str) -> Callable[[Request], Any]:
    async def route(request: Request) -> Response:
        given = parameters.read(request)
        parameters.check_known(given, _ASKED | set(_QUERIES[name]))
        form = representation(request, _GRID_FORMS if name == "cube" else _FORMS, given.get("f"))
        slug = request.path_params["slug"]

        def work(view: View) -> Answer:
            return _answer(name, given, form, view)

        return await serve_use(request, slug, work, face="features", given=given, form=form)

    return route


def _answer(name: str, given: Mapping[str, str], form: str, view: View) -> Answer:
    query = edr_parameters.query_of(given, view)
    fields = [field for field in parameters_of(view) if field.name in (query.properties or ())]
    described = coverage_json.parameters(fields, {})
    if name == "cube":
        columns, rows = edr_parameters.cells_of(given)
        cube = means_in(view, edr_parameters.box_of(given), columns, rows, query)
        body = coverage_json.of_cube(cube, described) if form == "covjson" else _cube_csv(cube)
        return Answer(media_type=MEDIA_TYPES[form], body=body, rows=cube.rows)
    place = edr_parameters.place_of(given, name)
    if name == "position":
        samples = samples_at(view, edr_parameters.positions(place), query)
    elif name == "radius":
        metres = edr_parameters.metres(given)
        samples = samples_within(view, shapely.get_x(place), shapely.get_y(place), metres, query)
    elif name == "area":
        samples = samples_in(view, place, query)
    else:
        points = edr_parameters.positions(place)
        samples = samples_along(view, points, edr_parameters.times_of(place), query)
    if not len(samples):
        return Answer(media_type="", status=204)
    if form == "covjson":
        write = coverage_json.of_trajectory if name == "trajectory" else coverage_json.of_samples
        body = write(samples, described)
    else:
        body = _geojson(samples) if form == "geojson" else _csv(samples)
    return Answer(media_type=MEDIA_TYPES[form], body=body, rows=len(samples))


def _columns(samples: Samples) -> dict[str, list[Any]]:
    numbers = {name: coverage_json.with_gaps(values) for name, values in samples.values.items()}
    return {
        "id": samples.fids.tolist(),
        "datetime": coverage_json.times_as_text(samples.times),
        **numbers,
    }


def _geojson(samples: Samples) -> bytes:
    columns = _columns(samples)
    shapes = shapely.to_geojson(shapely.points(samples.x, samples.y)).tolist()
    names = [name for name in columns if name != "id"]
    features = [
        {
            "type": "Feature",
            "id": fid,
            "geometry": orjson.Fragment(shape),
            "properties": dict(zip(names, values, strict=True)),
        }
        for fid, shape, *values in zip(
            columns["id"], shapes, *(columns[name] for name in names), strict=True
        )
    ]
    return orjson.dumps({"type": "FeatureCollection", "features": features})


def _csv(samples: Samples) -> bytes:
    columns = {"x": samples.x.tolist(), "y": samples.y.tolist(), **_columns(samples)}
    return _table(columns)


def _cube_csv(cube: Cube) -> bytes:
    there = cube.count.ravel() > 0
    x, y = np.tile(cube.x, len(cube.y)), np.repeat(cube.y, len(cube.x))
    columns: dict[str, list[Any]] = {"x": x[there].tolist(), "y": y[there].tolist()}
    columns["count"] = cube.count.ravel()[there].tolist()
    for name, values in cube.values.items():
        columns[name] = coverage_json.with_gaps(values.ravel()[there])
    return _table(columns)


def _table(columns: Mapping[str, list[Any]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue().encode()


def routes() -> list[Route]:
    """Routes of this standard."""
    one = f"{ROOT}/collections/{{slug}}"
    return [
        *common_routes(STANDARD),
        *collection_routes(STANDARD, _described, "features"),
        *(Route(f"{one}/{name}", _query_route(name)) for name in _QUERIES),
    ]
