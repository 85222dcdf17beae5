"""Metadata documents of the standards: links, negotiation, and the page that shows the same."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response

from quanyu.kernel import translate
from quanyu.web.negotiate import MEDIA_TYPES, Offer, offer, representation
from quanyu.web.node import base_of
from quanyu.web.pages import language_of, render

Link = dict[str, Any]
Crumbs = Iterable[tuple[str, str]]

DOCUMENT = offer("json", "html")


def link(href: str, rel: str, form: str, title: str = "", **more: object) -> Link:
    """A link object (OGC API – Common 7.4); ``form`` is a short name of a media type."""
    found: Link = {"href": href, "rel": rel, "type": MEDIA_TYPES.get(form, form)}
    if title:
        found["title"] = title
    return found | more


def self_links(request: Request, given: Mapping[str, str], form: str, offered: Offer) -> list[Link]:
    """``self`` and, for each other form of the same, ``alternate``."""
    here = base_of(request) + request.scope["path"]
    language = language_of(request)
    found = []
    for name in offered:
        query = urlencode({**given, "f": name})
        rel = "self" if name == form else "alternate"
        title = translate(language, "This document") if rel == "self" else name
        found.append(link(f"{here}?{query}", rel, name, title))
    return found


def respond(
    request: Request,
    document: dict[str, Any],
    given: Mapping[str, str],
    *,
    title: str,
    crumbs: Crumbs = (),
    offered: Offer = DOCUMENT,
    form: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A document with its links to itself, as JSON or as a page, whichever is asked for."""
    form = form or representation(request, offered, given.get("f"))
    document["links"] = self_links(request, given, form, offered) + document.get("links", [])
    said = {
        "cache-control": "private, no-cache",
        "vary": "Accept, Accept-Language, Authorization, Cookie",
        "content-language": language_of(request),
        **(headers or {}),
    }
    if form == "html":
        data = next((item["href"] for item in document["links"] if item["rel"] == "alternate"), "")
        context = {"title": title, "document": document, "crumbs": [*crumbs], "data_url": data}
        return render(request, "ogc/document.html", context, headers=said)
    return Response(orjson.dumps(document), headers=said, media_type=offered[form])
