"""OGC SensorThings API 1.1 (18-088): reading, one service for each stream of the catalogue."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.kernel import Invalid
from quanyu.streams import SETS, Sight, answer, query_options, target_of_path
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.sensorthings_conformance import server_settings
from quanyu.web.sensorthings_edit import create, remove, replace, update
from quanyu.web.serve_stream import look_streams, root_url, serve_stream
from quanyu.web.serve_use import Answer

ROOT = "/sensorthings/{slug}/v1.1"
_OTHERS = frozenset({"agreement", "purpose", "lang", "f"})


async def services(request: Request) -> Response:
    """``GET /sensorthings``: the services that the caller may read."""
    found = [
        {
            "name": one.slug,
            "title": {"zh": one.title.zh, "en": one.title.en},
            "url": root_url(request, one.slug),
        }
        for one in await look_streams(request)
    ]
    headers = {"cache-control": "private, no-cache", "vary": "Authorization, Cookie"}
    return Response(orjson.dumps({"value": found}), headers=headers, media_type=MEDIA_TYPES["json"])


async def root(request: Request) -> Response:
    """``GET …/v1.1``: the collections and what the service does (9.2.1)."""
    slug, base = request.path_params["slug"], root_url(request, request.path_params["slug"])
    settings = server_settings(request, slug)

    def work(sight: Sight) -> Answer:
        listed = [
            {"name": name, "url": f"{base}/{name}"}
            for name, kind in SETS.items()
            if kind.name in sight.scope.types
        ]
        document = {"value": listed, "serverSettings": settings}
        return Answer(media_type=MEDIA_TYPES["json"], body=orjson.dumps(document))

    return await serve_stream(request, slug, work, given_of(request))


async def read(request: Request) -> Response:
    """``GET …/v1.1/{path}``: an entity, a collection, a property, a count or a link."""
    slug, path = request.path_params["slug"], request.path_params["path"]
    given = given_of(request)
    base = root_url(request, slug)
    here = f"{base}/{request.scope['path'].split('/v1.1/', 1)[1]}"
    query = query_options(given)

    def work(sight: Sight) -> Answer:
        found = answer(sight, target_of_path(sight, path), query, (base, here, given))
        links = () if found.next is None else (f'<{found.next}>; rel="next"',)
        return Answer(
            media_type=found.media_type,
            body=found.body,
            rows=found.rows,
            status=found.status,
            links=links,
        )

    return await serve_stream(request, slug, work, given)


def given_of(request: Request) -> Mapping[str, str]:
    """The parameters of a request, each once; raises :class:`Invalid`."""
    text = request.scope["query_string"].decode("latin-1")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), errors="strict")
    except (ValueError, UnicodeDecodeError) as error:
        raise Invalid(
            "the query cannot be read", field="query", mend="write $option=value, joined by &"
        ) from error
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise Invalid("this is given twice", field=name[:40], mend="give it once")
        if not name.startswith("$") and name not in _OTHERS:
            raise Invalid(
                "there is no parameter {name}",
                field=name[:40],
                mend="begin query options with a dollar sign, as in $filter",
                name=name[:40],
            )
        found[name] = value
    return found


def routes() -> list[Route]:
    """Routes of SensorThings."""
    one = f"{ROOT}/{{path:path}}"
    return [
        Route("/sensorthings", services),
        Route(ROOT, root),
        Route(f"{ROOT}/", root),
        Route(one, read),
        Route(one, create, methods=["POST"]),
        Route(one, update, methods=["PATCH"]),
        Route(one, replace, methods=["PUT"]),
        Route(one, remove, methods=["DELETE"]),
    ]
