"""OGC API – Coverages: values of imagery as cloud-optimised GeoTIFF or CoverageJSON.

``/ogc/coverages``. A use of the face ``download``; its rows are the scenes that values come from.
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.catalogue import Resource
from quanyu.kernel import Language, NotFound, translate
from quanyu.spacetime import FieldType, View
from quanyu.web import collection, parameters
from quanyu.web.common import Standard, collection_routes, common_routes
from quanyu.web.conformance import COVERAGES
from quanyu.web.documents import link, respond
from quanyu.web.negotiate import MEDIA_TYPES, offer, representation
from quanyu.web.node import base_of
from quanyu.web.pages import language_of
from quanyu.web.picture_parameters import CHOICE, box_of, chosen_of, scale_factor, sizes
from quanyu.web.serve_use import Answer, look, serve_use

ROOT = "/ogc/coverages"
_MOST_SIDE = 1 << 20
_FORMS = offer("geotiff", "covjson")
_GIVEN = parameters.COMMON | CHOICE | {
    "bbox", "bbox-crs", "subset", "subset-crs", "crs", "properties", "width", "height",
    "scale-factor", "scale-size",
}  # fmt: skip
_COVERAGE = "http://www.opengis.net/def/rel/ogc/1.0/coverage"
STANDARD = Standard(
    ROOT,
    COVERAGES,
    lambda language: translate(language, "Values of this city's imagery, as far as you may see."),
    lambda _language, _base: [],
)


async def coverage(request: Request) -> Response:
    """``/ogc/coverages/collections/{slug}/coverage``"""
    given = parameters.read(request)
    parameters.check_known(given, _GIVEN)
    form = representation(request, _FORMS, given.get("f"))
    chosen, box, size = chosen_of(given), box_of(given), sizes(given, _MOST_SIDE)
    factor, asked = scale_factor(given), parameters.names(given.get("properties", ""))
    crs = parameters.crs(given["crs"]) if "crs" in given else None
    slug = request.path_params["slug"]

    def work(view: View) -> Answer:
        imagery = view.imagery()
        bands = asked or imagery.bands
        if not bands:
            raise NotFound("none of the bands may be seen")
        imagery.wanted(bands)
        area = imagery.coverage_area(chosen, box, crs, size, factor, len(bands))
        make = imagery.geotiff if form == "geotiff" else imagery.coverage_json
        body, scenes = make(area, bands, chosen)
        ending = "tif" if form == "geotiff" else "covjson"
        name = f"{slug}.v{view.version.number}.{ending}"
        headers = (("content-disposition", f'attachment; filename="{name}"'),)
        return Answer(media_type=MEDIA_TYPES[form], body=body, rows=scenes, headers=headers)

    return await serve_use(request, slug, work, face="download", given=given, form=form)


async def schema(request: Request) -> Response:
    """``/ogc/coverages/collections/{slug}/schema``: the bands, as JSON Schema (Part 5)."""
    given = parameters.read(request)
    parameters.check_known(given, parameters.COMMON)
    language, url = language_of(request), base_of(request) + request.url.path

    def describe(view: View, resource: Resource) -> dict[str, Any]:
        imagery = view.imagery()
        properties = {
            band.name: {
                "title": band.common or band.name,
                "type": "number",
                "x-ogc-propertySeq": at,
                **({"x-ogc-unit": band.unit} if band.unit else {}),
            }
            for at, band in enumerate(imagery.wanted(imagery.bands), start=1)
        }
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": url,
            "type": "object",
            "title": resource.title.to(language),
            "properties": properties,
        }

    slug = request.path_params["slug"]
    document = await look(request, slug, describe, given, face="download")
    return respond(request, document, given, title=document["title"])


def _described(view: View, resource: Resource, language: Language, base: str) -> dict[str, Any]:
    view.imagery()
    found = collection.described(view, resource, language, base)
    here = f"{base}{ROOT}/collections/{resource.slug}"
    found["bands"] = [field.name for field in view.fields if field.type is FieldType.JSON]
    links = [link(here, "self", "json")]
    links += [link(f"{here}/coverage?f={form}", _COVERAGE, form, form) for form in _FORMS]
    links += [
        link(f"{here}/schema", "http://www.opengis.net/def/rel/ogc/1.0/schema", "schema"),
        link(f"{here}/statistics", f"{_COVERAGE}-statistics", "json"),
        link(f"{base}/stac/collections/{resource.slug}/items", "items", "geojson"),
    ]
    return found | {"links": links}


def routes() -> list[Route]:
    """Routes of this standard."""
    one = f"{ROOT}/collections/{{slug}}"
    return [
        *common_routes(STANDARD),
        *collection_routes(STANDARD, _described, "download"),
        Route(f"{one}/coverage", coverage),
        Route(f"{one}/schema", schema),
    ]
