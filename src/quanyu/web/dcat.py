"""DCAT 3: the catalogue and each entry as linked data, and each entry as ISO 19115.

``/catalog`` in pages joined by ``hydra:next`` and by ``Link`` headers; ``/resources/{slug}`` with
the ending of its form. Published entries are for all to see; what the data hold is behind the gate.
"""

from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from quanyu.agreements import offers, policy_document
from quanyu.catalogue import (
    CatalogDescription,
    Entry,
    IsoForm,
    Listed,
    ListedPage,
    Publisher,
    Resource,
    State,
    listing,
    resource,
    to_dcat,
    to_iso,
)
from quanyu.kernel import LocalText, NotFound, Settings
from quanyu.web import parameters
from quanyu.web.entries import Shelf, cacheable
from quanyu.web.negotiate import MEDIA_TYPES, offer, representation
from quanyu.web.node import base_of, node_of
from quanyu.web.who import caller_of

RDF = ("jsonld", "ttl", "rdf")
CATALOG = offer(*RDF, "html")
PAGE = offer("html", *RDF)
_PAGE = 100
_MOST = 500
_ISO: dict[str, IsoForm] = {"iso19115.xml": "19115-3", "iso19139.xml": "19139"}


async def catalog(request: Request) -> Response:
    """``/catalog``, with the ending of a form or by ``Accept``; people are sent to the search."""
    given = parameters.read(request)
    parameters.check_known(given, {"f", "limit", "after"})
    form = request.path_params.get("form") or representation(request, CATALOG, given.get("f"))
    form = "rdf" if form == "xml" else form
    if form == "html":
        return RedirectResponse("/search", 303)
    limit = parameters.whole(given, "limit", _PAGE, least=1, most=_MOST)
    after = parameters.whole(given, "after", 0, least=0, most=2**53)
    caller = await caller_of(request)
    node, base = node_of(request), base_of(request)

    def read() -> tuple[ListedPage, list[Entry]]:
        with node.control.read() as session:
            page = listing(session, Listed(after=after, limit=limit), visible_to=caller)
            return page, Shelf(session, base, caller).entries(page.hits)

    def write() -> tuple[bytes, ListedPage, str]:
        page, entries = read()
        here = f"{base}{request.scope['path']}"
        described = _described(node.settings, base, here, given, page)
        return to_dcat(entries, MEDIA_TYPES[form], catalog=described), page, described.next

    body, page, onward = await run_in_threadpool(write)
    links = [f'<{onward}>; rel="next"'] if onward else []
    links += [
        f'<{base}/catalog.{name}>; rel="alternate"; type="{MEDIA_TYPES[name]}"'
        for name in RDF
        if name != form
    ]
    return cacheable(request, body, MEDIA_TYPES[form], changed=page.changed, links=links)


def _described(
    settings: Settings, base: str, here: str, given: dict[str, str], page: ListedPage
) -> CatalogDescription:
    """The catalogue, and which page of it this is."""
    kept = {name: value for name, value in given.items() if name in {"f", "limit"}}

    def address(**more: object) -> str:
        query = urlencode({**kept, **more})
        return f"{here}?{query}" if query else here

    after = given.get("after", "")
    name = LocalText(zh=settings.title_zh, en=settings.title_en)
    return CatalogDescription(
        uri=f"{base}/catalog",
        title=name,
        description=LocalText(
            zh="本城市登记在册的全部资源目录。", en="Everything that this city has put on record."
        ),
        publisher=Publisher(name, url=base),
        homepage=f"{base}/search",
        modified=page.changed,
        total=page.total,
        page=address(after=after) if after else address(),
        first=address(),
        next=address(after=page.last) if page.last else "",
    )


async def entry(request: Request) -> Response:
    """``/resources/{slug}.{form}``: one entry, by slug or id."""
    given = parameters.read(request)
    parameters.check_known(given, {"lang"})
    form, name = request.path_params["form"], request.path_params["slug"]
    caller = await caller_of(request)
    node, base = node_of(request), base_of(request)

    def read() -> tuple[Resource, Entry]:
        with node.control.read() as session:
            found = published(resource(session, name, visible_to=caller))
            return found, Shelf(session, base, caller).entry(found)

    found, one = await run_in_threadpool(read)
    links = [
        f'<{base}/resources/{found.slug}>; rel="describes"',
        *alternates(base, found.slug, besides=form),
    ]
    if form in _ISO:
        body = await run_in_threadpool(to_iso, one, _ISO[form])
        media_type = MEDIA_TYPES["iso"]
    else:
        body = await run_in_threadpool(to_dcat, [one], MEDIA_TYPES[form])
        media_type = MEDIA_TYPES[form]
    changed = max([found.updated_at, *(measured.at for measured in one.measurements)])
    return cacheable(request, body, media_type, changed=changed, links=links)


def alternates(base: str, slug: str, *, besides: str = "") -> list[str]:
    """``Link`` values for the other forms of an entry."""
    forms = {**{form: MEDIA_TYPES[form] for form in RDF}, "iso19115.xml": MEDIA_TYPES["iso"]}
    return [
        f'<{base}/resources/{slug}.{form}>; rel="alternate"; type="{kind}"'
        for form, kind in forms.items()
        if form != besides
    ]


def published(found: Resource) -> Resource:
    """The entry, when it is published: drafts are not exchanged, not even with their owner."""
    if found.state is not State.PUBLISHED:
        raise NotFound("there is no resource {id}", id=found.slug)
    return found


def negotiated(request: Request, slug: str) -> Response | None:
    """Where to find the page of a resource in the form of RDF that is asked for; else ``None``."""
    accept = request.headers.get("accept", "")
    if "f" in request.query_params or not any(MEDIA_TYPES[form] in accept for form in RDF):
        return None
    form = representation(request, PAGE, None)
    if form == "html":
        return None
    return RedirectResponse(f"/resources/{slug}.{form}", 303, {"vary": "Accept"})


async def policy(request: Request) -> Response:
    """``/resources/{slug}/policy``: the offer (ODRL 2.2) under which it may be had."""
    parameters.check_known(parameters.read(request), ())
    name = request.path_params["slug"]
    caller = await caller_of(request)
    node = node_of(request)

    def read() -> dict[str, Any]:
        with node.control.read() as session:
            found = published(resource(session, name, visible_to=caller))
            offered = offers(session, found.id)
            if not offered:
                raise NotFound("nobody offers {slug} under a policy", field="slug", slug=found.slug)
            return policy_document(offered[0].policy)

    document = await run_in_threadpool(read)
    return cacheable(request, orjson.dumps(document), MEDIA_TYPES["jsonld"])


def routes() -> list[Route]:
    """Routes of linked data."""
    forms = [*RDF, *_ISO]
    return [
        Route("/catalog", catalog),
        *(Route(f"/catalog.{form}", _as(form)) for form in (*RDF, "xml")),
        *(Route(f"/resources/{{slug}}.{form}", _entry_as(form)) for form in forms),
        Route("/resources/{slug}/policy", policy),
    ]


def _as(form: str) -> Any:
    async def answer(request: Request) -> Response:
        request.path_params["form"] = form
        return await catalog(request)

    return answer


def _entry_as(form: str) -> Any:
    async def answer(request: Request) -> Response:
        request.path_params["form"] = form
        return await entry(request)

    return answer
