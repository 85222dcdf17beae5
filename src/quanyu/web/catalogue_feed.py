"""What changed in the catalogue, the newest first: ``/changes.atom`` (RFC 4287) and ``.json``."""

from typing import Any
from xml.etree import ElementTree as ET

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.catalogue import CatalogueChange, StepKind, catalogue_changes
from quanyu.kernel import Language, iso, now, translate
from quanyu.web import parameters
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.node import base_of, node_of
from quanyu.web.pages import language_of

_ATOM = "http://www.w3.org/2005/Atom"
_PAGE = 50
_MOST = 500
_WORDS: dict[StepKind, str] = {
    StepKind.PUBLISHED: "Published",
    StepKind.AMENDED: "Amended",
    StepKind.WITHDRAWN: "Withdrawn",
}


async def changes(request: Request) -> Response:
    """A page of changes of published entries; ``before`` goes on to older ones."""
    given = parameters.read(request)
    parameters.check_known(given, {"limit", "before", "lang"})
    limit = parameters.whole(given, "limit", _PAGE, least=1, most=_MOST)
    before = (
        parameters.whole(given, "before", 0, least=1, most=2**53) if "before" in given else None
    )
    form = request.scope["path"].rpartition(".")[2]
    control = node_of(request).control

    def read() -> list[CatalogueChange]:
        with control.read() as session:
            return catalogue_changes(session, limit=limit, before=before)

    found = await run_in_threadpool(read)
    base, language = base_of(request), language_of(request)
    older = found[-1].number if len(found) == limit else None
    if form == "atom":
        body = _atom(request, found, base, language, older)
    else:
        link = f"{base}/changes.json?before={older}&limit={limit}"
        document = {
            "changes": [_said(one, base) for one in found],
            "links": [{"rel": "next", "href": link}] if older else [],
        }
        body = orjson.dumps(document)
    headers = {"cache-control": "public, max-age=60", "vary": "Accept-Language, Cookie"}
    return Response(body, 200, headers, MEDIA_TYPES[form])


def _said(one: CatalogueChange, base: str) -> dict[str, Any]:
    return {
        "number": one.number,
        "at": iso(one.at),
        "change": one.kind.value,
        "changed": list(one.changed),
        "id": one.resource,
        "slug": one.slug,
        "revision": one.revision,
        "title": {"zh": one.title.zh, "en": one.title.en} if one.title else None,
        "page": f"{base}/resources/{one.slug}" if one.title else None,
    }


def _atom(
    request: Request,
    found: list[CatalogueChange],
    base: str,
    language: Language,
    older: int | None,
) -> bytes:
    ET.register_namespace("", _ATOM)
    feed = ET.Element(_name("feed"), {"{http://www.w3.org/XML/1998/namespace}lang": language})
    settings = node_of(request).settings
    _put(feed, "id", f"{base}/changes.atom")
    site = settings.title_zh if language == "zh" else settings.title_en
    _put(feed, "title", translate(language, "Changes of the catalogue: {site}", site=site))
    _put(feed, "updated", iso(found[0].at if found else now()))
    author = ET.SubElement(feed, _name("author"))
    _put(author, "name", settings.node_name)
    _link(feed, "self", f"{base}/changes.atom", "application/atom+xml")
    _link(feed, "alternate", f"{base}/search?sort=updated", "text/html")
    if older:
        _link(feed, "next", f"{base}/changes.atom?before={older}", "application/atom+xml")
    for one in found:
        entry = ET.SubElement(feed, _name("entry"))
        word = translate(language, _WORDS[one.kind])
        title = one.title.to(language) if one.title else one.slug
        _put(entry, "id", f"urn:quanyu:{one.resource}:{one.number}")
        _put(entry, "title", f"{word}: {title}")
        _put(entry, "updated", iso(one.at))
        ET.SubElement(entry, _name("category"), {"term": one.kind.value, "label": word})
        if one.changed:
            _put(entry, "summary", ", ".join(one.changed))
        if one.title:
            _link(entry, "alternate", f"{base}/resources/{one.slug}", "text/html")
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(feed)


def _name(tag: str) -> str:
    return f"{{{_ATOM}}}{tag}"


def _put(parent: ET.Element, tag: str, text: str) -> None:
    ET.SubElement(parent, _name(tag)).text = text


def _link(parent: ET.Element, rel: str, href: str, media_type: str) -> None:
    ET.SubElement(parent, _name("link"), {"rel": rel, "href": href, "type": media_type})


def routes() -> list[Route]:
    """Routes of the feed."""
    return [Route("/changes.atom", changes), Route("/changes.json", changes)]
