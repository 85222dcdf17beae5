"""What search engines ask for: ``/robots.txt``, ``/sitemap.xml`` and its pages."""

from datetime import datetime
from xml.sax.saxutils import escape

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.catalogue import Listed, ListedPage, listing
from quanyu.kernel import NotFound, iso
from quanyu.parties import ANONYMOUS
from quanyu.web.entries import cacheable
from quanyu.web.node import base_of, node_of

_NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_PAGE = 1_000
_XML = "application/xml"
_PAGES = ("/", "/search", "/map", "/about")
_VARY = "Accept-Encoding"


async def robots(request: Request) -> Response:
    """``/robots.txt``: the catalogue may be read; data, sign-in and searches are not crawled."""
    lines = [
        "User-agent: *",
        "Allow: /resources/",
        *(f"Disallow: {path}" for path in ("/auth/", "/data/", "/ogc/", "/search?", "/log/tile/")),
        f"Sitemap: {base_of(request)}/sitemap.xml",
        "",
    ]
    return cacheable(request, "\n".join(lines).encode(), "text/plain; charset=utf-8", vary=_VARY)


async def index(request: Request) -> Response:
    """``/sitemap.xml``: where the pages of the sitemap are."""
    page = await run_in_threadpool(_list, request, Listed(limit=0))
    base = base_of(request)
    count = max(1, -(-page.total // _PAGE))
    changed = f"<lastmod>{iso(page.changed)}</lastmod>" if page.changed else ""
    maps = (
        f"<sitemap><loc>{escape(base)}/sitemap-{number}.xml</loc>{changed}</sitemap>"
        for number in range(1, count + 1)
    )
    body = f'{_HEAD}<sitemapindex xmlns="{_NAMESPACE}">{"".join(maps)}</sitemapindex>'
    return cacheable(request, body.encode(), _XML, changed=page.changed, vary=_VARY)


async def part(request: Request) -> Response:
    """``/sitemap-{number}.xml``: addresses of published entries, a thousand a page."""
    number = int(request.path_params["number"])
    wanted = Listed(limit=_PAGE, offset=(number - 1) * _PAGE)
    page = await run_in_threadpool(_list, request, wanted)
    if number > 1 and not page.hits:
        raise NotFound("there is no page {number} of the sitemap", number=number)
    base = base_of(request)
    found = [_address(base + path, None) for path in _PAGES if number == 1]
    found += (_address(f"{base}/resources/{one.slug}", one.updated_at) for one in page.hits)
    body = f'{_HEAD}<urlset xmlns="{_NAMESPACE}">{"".join(found)}</urlset>'
    return cacheable(request, body.encode(), _XML, changed=page.changed, vary=_VARY)


def _address(address: str, changed: datetime | None) -> str:
    said = f"<lastmod>{iso(changed)}</lastmod>" if changed else ""
    return f"<url><loc>{escape(address)}</loc>{said}</url>"


def _list(request: Request, wanted: Listed) -> ListedPage:
    with node_of(request).control.read() as session:
        return listing(session, wanted, visible_to=ANONYMOUS)


def routes() -> list[Route]:
    """Routes for search engines."""
    return [
        Route("/robots.txt", robots),
        Route("/sitemap.xml", index),
        Route("/sitemap-{number:int}.xml", part),
    ]
