"""OGC API – Common: the landing page and the conformance declaration that every standard has."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.kernel import Language, translate
from quanyu.web import parameters
from quanyu.web.conformance import COMMON
from quanyu.web.documents import Link, link, respond
from quanyu.web.node import base_of, node_of
from quanyu.web.pages import language_of

Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Standard:
    """A standard as its landing page tells of it.

    root      its path.
    classes   conformance classes beside those of Common.
    describe  what is to be had, in a language.
    links     what is linked beside the usual, in a language, under the node's URL.
    """

    root: str
    classes: Sequence[str]
    describe: Callable[[Language], str]
    links: Callable[[Language, str], Sequence[Link]]


def common_routes(of: Standard) -> list[Route]:
    """The routes of its landing page and its conformance declaration."""
    here = _landing(of)
    return [
        Route(of.root, here),
        Route(f"{of.root}/", here),
        Route(f"{of.root}/conformance", _conformance(of)),
    ]


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
                link(f"{here}/collections", "data", "json", translate(language, "Collections")),
                *of.links(language, base),
            ],
        }
        return respond(request, document, given, title=name)

    return landing


def _conformance(of: Standard) -> Endpoint:
    async def conformance(request: Request) -> Response:
        given = parameters.read(request)
        parameters.check_known(given, {"f", "lang"})
        language = language_of(request)
        document: dict[str, Any] = {"conformsTo": list(dict.fromkeys((*COMMON, *of.classes)))}
        title = translate(language, "Standards that are met")
        crumbs = [(_name(request, language), of.root)]
        return respond(request, document, given, title=title, crumbs=crumbs)

    return conformance


def _name(request: Request, language: Language) -> str:
    settings = node_of(request).settings
    return settings.title_zh if language == "zh" else settings.title_en
