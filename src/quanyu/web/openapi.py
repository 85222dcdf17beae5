"""The API definition (OpenAPI 3.1) at ``/api``: the standards' paths, written down with what each
collection offers this caller, beside those that FastAPI describes itself."""

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from quanyu import __version__
from quanyu.catalogue import Resource
from quanyu.kernel import translate
from quanyu.spacetime import GeometryType, View
from quanyu.web import collection, parameters
from quanyu.web.filters import PAGE, sortable
from quanyu.web.negotiate import offer, representation
from quanyu.web.node import base_of, node_of
from quanyu.web.openapi_alerts import alert_paths
from quanyu.web.openapi_algorithms import algorithm_paths
from quanyu.web.openapi_components import COMPONENTS, parameter
from quanyu.web.openapi_dsp import dsp_paths
from quanyu.web.openapi_edits import edit_paths
from quanyu.web.openapi_exchange import exchange_paths
from quanyu.web.openapi_health import health_paths
from quanyu.web.openapi_land import land_paths
from quanyu.web.openapi_market import market_paths
from quanyu.web.openapi_operations import operation_paths
from quanyu.web.openapi_parts import ITEMS, Path, operation, paths
from quanyu.web.openapi_place import place_paths
from quanyu.web.openapi_private import private_paths
from quanyu.web.openapi_processes import process_paths
from quanyu.web.openapi_sensorthings import sensorthings_paths
from quanyu.web.openapi_values import value_paths
from quanyu.web.pages import language_of, render
from quanyu.web.serve_use import look_each

_DESCRIBED = 100  # collections with paths of their own; the others go by {collectionId}
_FORMS = offer("openapi", "json", "html")


async def api(request: Request) -> Response:
    """``/api``: the definition as this caller sees it."""
    given = parameters.read(request)
    parameters.check_known(given, {"f", "lang"})
    form = representation(request, _FORMS, given.get("f"))
    if form == "html":
        return RedirectResponse("/api.html", 303)
    document = await definition(request)
    headers = {"cache-control": "private, no-cache", "vary": "Accept, Authorization, Cookie"}
    return Response(orjson.dumps(document), headers=headers, media_type=_FORMS[form])


async def api_page(request: Request) -> Response:
    """``/api.html``: the same for reading."""
    document = await definition(request)
    return render(request, "ogc/api.html", {"document": document})


async def definition(request: Request) -> dict[str, Any]:
    """The OpenAPI document."""
    language, base = language_of(request), base_of(request)
    settings = node_of(request).settings

    def describe(view: View, resource: Resource) -> dict[str, Any]:
        return {
            "slug": resource.slug,
            "title": resource.title.to(language),
            "geometry": view.geometry is not GeometryType.NONE,
            "fields": view.fields,
        }

    described, _ = await look_each(request, describe, {}, _DESCRIBED, None)
    application: FastAPI = request.app
    own = application.openapi()
    described_paths = {
        **own.get("paths", {}),
        **paths(),
        **exchange_paths(),
        **health_paths(),
        **land_paths(),
        **place_paths(),
        **value_paths(),
        **process_paths(),
        **private_paths(),
        **sensorthings_paths(),
        **market_paths(),
        **algorithm_paths(),
        **dsp_paths(),
        **alert_paths(),
        **operation_paths(),
    }
    for path, operations in edit_paths().items():
        described_paths[path] = described_paths.get(path, {}) | operations
    for one in described:
        described_paths.update(_paths_of(one))
    components = {
        kind: own.get("components", {}).get(kind, {}) | COMPONENTS.get(kind, {})
        for kind in {*own.get("components", {}), *COMPONENTS}
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": settings.title_zh if language == "zh" else settings.title_en,
            "version": __version__,
            "description": translate(
                language, "One gate for every standard: each answer names its agreement and use."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": base}],
        "security": [{}, {"token": []}, {"session": []}],
        "paths": described_paths,
        "components": components,
    }


def _paths_of(one: Mapping[str, Any]) -> dict[str, Any]:
    """The items of one collection, with its queryables as parameters."""
    slug = one["slug"]
    asks = ITEMS
    if not one["geometry"]:
        asks = " ".join(name for name in ITEMS.split() if "crs" not in name and name != "bbox")
    of = Path(
        f"/ogc/features/collections/{slug}/items",
        f"items_of_{slug}",
        one["title"],
        "Features",
        asks,
        "geojson",
        "FeatureCollection",
    )
    more = [
        parameter(field.name, collection.JSON_TYPES[field.type])
        for field in one["fields"]
        if field.name not in PAGE | parameters.COMMON and sortable(field)
    ]
    return {of.path: {"get": operation(of, more)}}


def routes() -> list[Route]:
    """Routes of the definition."""
    return [Route("/api", api), Route("/api.html", api_page)]
