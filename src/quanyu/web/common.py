"""OGC API – Common: what every standard has: landing page, conformance declaration, collections."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.catalogue import Resource
from quanyu.kernel import Language, translate
from quanyu.spacetime import View
from quanyu.web import parameters
from quanyu.web.conformance import COMMON
from quanyu.web.documents import Link, link, respond
from quanyu.web.node import base_of, node_of
from quanyu.web.pages import language_of
from quanyu.web.serve_use import look, look_each

Describe: TypeAlias = Callable[[View, Resource, Language, str], dict[str, Any]]
"""A collection as a standard tells of it, in a language, under the node's URL. Raises ``NotFound``
or ``Invalid`` for one that is none of its collections."""

Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Standard:
    """A standard as its landing page tells of it.

    root      its path.
    classes   conformance classes beside those of Common.
    describe  what is to be had, in a language.
    links     what is linked beside the usual, in a language, under the node's URL.
    holds     whether it has collections.
    """

    root: str
    classes: Sequence[str]
    describe: Callable[[Language], str]
    links: Callable[[Language, str], Sequence[Link]]
    holds: bool = True


def common_routes(of: Standard) -> list[Route]:
    """The routes of its landing page and its conformance declaration."""
    here = _landing(of)
    return [
        Route(of.root, here),
        Route(f"{of.root}/", here),
        Route(f"{of.root}/conformance", _conformance(of)),
    ]


def collection_routes(of: Standard, describe: Describe, face: str) -> list[Route]:
    """The routes of the list of its collections, as far as the caller may use them through
    ``face``, and of each."""
    here = f"{of.root}/collections"
    return [
        Route(here, _collections(describe, face)),
        Route(f"{here}/{{slug}}", _one_collection(describe, face)),
    ]


def _collections(describe: Describe, face: str) -> Endpoint:
    async def collections(request: Request) -> Response:
        given = parameters.read(request)
        parameters.check_known(given, {"f", "lang", "limit", "after", "agreement", "purpose"})
        language, base = language_of(request), base_of(request)
        limit = parameters.whole(given, "limit", 1000, least=1, most=1000)
        found, following = await look_each(
            request,
            lambda view, resource: describe(view, resource, language, base),
            given,
            limit,
            given.get("after"),
            face=face,
        )
        links = []
        if following:
            query = urlencode({**given, "after": following})
            links.append(link(f"{base}{request.url.path}?{query}", "next", "json"))
        document: dict[str, Any] = {"collections": found, "links": links}
        return respond(request, document, given, title=translate(language, "Collections"))

    return collections


def _one_collection(describe: Describe, face: str) -> Endpoint:
    async def one_collection(request: Request) -> Response:
        given = parameters.read(request)
        parameters.check_known(given, parameters.COMMON)
        language, base = language_of(request), base_of(request)
        document = await look(
            request,
            request.path_params["slug"],
            lambda view, resource: describe(view, resource, language, base),
            given,
            face=face,
        )
        return respond(request, document, given, title=document["title"])

    return one_collection


def _landing(of: Standard) -> Endpoint:
    async def landing(request: Request) -> Response:
        given = parameters.read(request)
        parameters.check_known(given, {"f", "lang"})
        language, base = language_of(request), base_of(request)
        settings = node_of(request).settings
        name = settings.title_zh if language == "zh" else settings.title_en
        here = f"{base}{of.root}"
        document: dict[str, Any] = {
            "title": name,
            "description": of.describe(language),
            "links": [
                link(
                    f"{base}/api", "service-desc", "openapi", translate(language, "API definition")
                ),
                link(
                    f"{base}/api.html", "service-doc", "html", translate(language, "API in words")
                ),
                link(
                    f"{here}/conformance",
                    "conformance",
                    "json",
                    translate(language, "Standards that are met"),
                ),
                *_data(of, here, language),
                *of.links(language, base),
            ],
        }
        return respond(request, document, given, title=name)

    return landing


def _common(of: Standard) -> tuple[str, ...]:
    return COMMON if of.holds else tuple(one for one in COMMON if "ogcapi-common-1" in one)


def _data(of: Standard, here: str, language: Language) -> list[Link]:
    if not of.holds:
        return []
    return [link(f"{here}/collections", "data", "json", translate(language, "Collections"))]


def _conformance(of: Standard) -> Endpoint:
    async def conformance(request: Request) -> Response:
        given = parameters.read(request)
        parameters.check_known(given, {"f", "lang"})
        language = language_of(request)
        document: dict[str, Any] = {"conformsTo": list(dict.fromkeys((*_common(of), *of.classes)))}
        title = translate(language, "Standards that are met")
        crumbs = [(_name(request, language), of.root)]
        return respond(request, document, given, title=title, crumbs=crumbs)

    return conformance


def _name(request: Request, language: Language) -> str:
    settings = node_of(request).settings
    return settings.title_zh if language == "zh" else settings.title_en
