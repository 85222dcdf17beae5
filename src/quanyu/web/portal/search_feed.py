"""A search as an Atom feed (RFC 4287): what changed last comes first."""

from dataclasses import replace
from urllib.parse import urlencode
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from quanyu.catalogue import Resource, SearchPage, Sort, search
from quanyu.kernel import Language, PartyId, iso, now
from quanyu.parties import Party, parties
from quanyu.web.node import base_of
from quanyu.web.pages import HTML_LANG, language_of
from quanyu.web.portal.search_address import read_search
from quanyu.web.portal.visit import TheNode, Visitor, reading, say

router = APIRouter(include_in_schema=False)
ATOM = "http://www.w3.org/2005/Atom"
_MEDIA_TYPE = "application/atom+xml"
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
register_namespace("", ATOM)


@router.get("/search.atom")
async def feed(request: Request, node: TheNode, caller: Visitor) -> Response:
    """The twenty entries that match and changed last."""
    asked = replace(read_search(request.query_params), sort=Sort.UPDATED, facets=False, after=None)

    def read(session: Session) -> tuple[SearchPage, dict[PartyId, Party]]:
        page = search(session, asked, visible_to=caller)
        return page, {party.id: party for party in parties(session)}

    page, providers = await reading(node, read)
    language, base = language_of(request), base_of(request)
    given = {n: v for n, v in request.query_params.items() if n not in {"f", "after", "lang"}}
    query = f"?{urlencode(given)}" if given else ""
    root = Element(f"{{{ATOM}}}feed", {_XML_LANG: HTML_LANG[language]})
    heading = (
        say(request, "Search for “{words}”", words=asked.q)
        if asked.q
        else say(request, "Catalogue")
    )
    _text(root, "title", f"{heading} · {_site(node, language)}")
    _text(root, "id", f"{base}/search.atom{query}")
    _text(root, "updated", iso(page.hits[0].updated_at if page.hits else now()))
    _link(root, "self", f"{base}/search.atom{query}", _MEDIA_TYPE)
    _link(root, "alternate", f"{base}/search{query}", "text/html")
    author = SubElement(root, f"{{{ATOM}}}author")
    _text(author, "name", _site(node, language))
    for hit in page.hits:
        _entry(root, hit, providers.get(hit.provider), language, base)
    body = b'<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="utf-8")
    headers = {"cache-control": "private, no-cache", "vary": "Cookie, Accept-Language"}
    return Response(body, headers=headers, media_type=_MEDIA_TYPE)


def _entry(
    root: Element, hit: Resource, provider: Party | None, language: Language, base: str
) -> None:
    entry = SubElement(root, f"{{{ATOM}}}entry")
    _text(entry, "title", hit.title.to(language))
    _text(entry, "id", f"urn:quanyu:{hit.id}")
    _text(entry, "updated", iso(hit.updated_at))
    if hit.published_at:
        _text(entry, "published", iso(hit.published_at))
    _link(entry, "alternate", f"{base}/resources/{hit.slug}", "text/html")
    if provider:
        author = SubElement(entry, f"{{{ATOM}}}author")
        _text(author, "name", provider.name.to(language))
    for theme in hit.themes:
        SubElement(entry, f"{{{ATOM}}}category", {"term": theme, "scheme": "urn:quanyu:themes"})
    if hit.abstract:
        _text(entry, "summary", hit.abstract.to(language))


def _text(parent: Element, name: str, text: str) -> None:
    SubElement(parent, f"{{{ATOM}}}{name}").text = text


def _link(parent: Element, rel: str, href: str, kind: str) -> None:
    SubElement(parent, f"{{{ATOM}}}link", {"rel": rel, "href": href, "type": kind})


def _site(node: TheNode, language: Language) -> str:
    return node.settings.title_zh if language == "zh" else node.settings.title_en
