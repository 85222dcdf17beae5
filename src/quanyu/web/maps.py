"""OGC API – Maps: pictures of imagery of any place and size.

``/ogc/maps``. A use of the face ``tiles`` (a display); its rows are the scenes that a map shows.
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.catalogue import Resource
from quanyu.kernel import Language, translate
from quanyu.spacetime import CRS84, MOST_SIDE, View
from quanyu.web import collection, parameters
from quanyu.web.common import Standard, collection_routes, common_routes
from quanyu.web.conformance import MAPS
from quanyu.web.documents import link
from quanyu.web.map_tiles import describe_link
from quanyu.web.negotiate import MEDIA_TYPES, representation
from quanyu.web.picture_parameters import (
    CHOICE,
    PICTURE,
    STYLE,
    box_of,
    chosen_of,
    sizes,
    style_of,
)
from quanyu.web.serve_use import Answer, serve_use

ROOT = "/ogc/maps"
_GIVEN = parameters.COMMON | STYLE | CHOICE | {
    "bbox", "bbox-crs", "subset", "subset-crs", "width", "height", "crs", "transparent", "bgcolor",
}  # fmt: skip
_MAP = "http://www.opengis.net/def/rel/ogc/1.0/map"
STANDARD = Standard(
    ROOT,
    MAPS,
    lambda language: translate(language, "Maps of this city's imagery, as far as you may see it."),
    lambda _language, _base: [],
)


async def draw(request: Request) -> Response:
    """``/ogc/maps/collections/{slug}/map``"""
    given = parameters.read(request)
    parameters.check_known(given, _GIVEN)
    form = representation(request, PICTURE, given.get("f"))
    style, chosen = style_of(given, form, opaque=True), chosen_of(given)
    box, size = box_of(given), sizes(given, MOST_SIDE)
    crs = parameters.crs(given["crs"]) if "crs" in given else None

    def work(view: View) -> Answer:
        imagery = view.imagery()
        area = imagery.map_area(view.extent()[0], box, crs, size)
        body, scenes = imagery.map(area, style, chosen)
        headers = (
            ("content-crs", f"<{crs or (box[1] if box else CRS84)}>"),
            ("content-bbox", ",".join(f"{side:.9g}" for side in area.bounds)),
        )
        return Answer(media_type=MEDIA_TYPES[form], body=body, rows=scenes, headers=headers)

    slug = request.path_params["slug"]
    return await serve_use(request, slug, work, face="tiles", given=given, form=form)


def _described(view: View, resource: Resource, language: Language, base: str) -> dict[str, Any]:
    view.imagery()
    found = collection.described(view, resource, language, base)
    here = f"{base}{ROOT}/collections/{resource.slug}"
    links = [link(here, "self", "json")]
    links += [link(f"{here}/map?f={form}", _MAP, form, form.upper()) for form in PICTURE]
    return found | {"links": [*links, describe_link(base, resource.slug, language)]}


def routes() -> list[Route]:
    """Routes of this standard."""
    one = f"{ROOT}/collections/{{slug}}"
    return [
        *common_routes(STANDARD),
        *collection_routes(STANDARD, _described, "tiles"),
        Route(f"{one}/map", draw),
    ]
