"""OGC API – Features: Part 1 core, Part 2 CRS, Part 3 filtering, sorting and schemas.

``/ogc/features``: landing page, conformance, collections, items. Metadata is what the caller's
view shows; data go through :func:`~quanyu.web.serve_use.serve_use`.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.catalogue import Resource
from quanyu.kernel import Language, NotFound, iso, now, translate
from quanyu.spacetime import FID, Format, Query, View
from quanyu.web import collection, parameters
from quanyu.web.common import Standard, common_routes
from quanyu.web.conformance import FEATURES
from quanyu.web.documents import link, respond
from quanyu.web.filters import crs_of, plain, query_of
from quanyu.web.negotiate import MEDIA_TYPES, offer, representation
from quanyu.web.node import base_of
from quanyu.web.pages import language_of, render
from quanyu.web.serve_edit import CITY_FORMS, item_tag, may_edit
from quanyu.web.serve_use import Answer, look, look_each, serve_use
from quanyu.web.who import caller_of

ROOT = "/ogc/features"
ITEMS = offer(
    "geojson", "html", "jsonfg", "csv", "parquet", "fgb", "arrow", "cityjson", "cityjsonseq"
)
ITEM = offer("geojson", "html", "jsonfg", "cityjson", "cityjsonseq")
SCHEMA = offer("schema", "json", "html")

STANDARD = Standard(
    ROOT,
    FEATURES,
    lambda language: translate(language, "Features of this city, as far as you may see them."),
    lambda language, base: [
        link(
            f"{base}/ogc/records",
            "http://www.opengis.net/def/rel/ogc/1.0/ogc-catalog",
            "json",
            translate(language, "Catalogue"),
        )
    ],
)
_HEAD = b'{"type":"FeatureCollection","features":['


async def collections(request: Request) -> Response:
    """``/ogc/features/collections``: those whose features the caller may read."""
    given = parameters.read(request)
    parameters.check_known(given, {"f", "lang", "limit", "after", "agreement", "purpose"})
    language, base = language_of(request), base_of(request)

    def describe(view: View, resource: Resource) -> dict[str, Any]:
        found = collection.described(view, resource, language, base)
        here = f"{base}{ROOT}/collections/{resource.slug}"
        found["links"].insert(0, link(here, "self", "json", found["title"]))
        return found

    limit = parameters.whole(given, "limit", 1000, least=1, most=1000)
    found, following = await look_each(request, describe, given, limit, given.get("after"))
    document: dict[str, Any] = {"collections": found, "numberReturned": len(found), "links": []}
    if following:
        query = urlencode({**given, "after": following})
        document["links"].append(link(f"{base}{ROOT}/collections?{query}", "next", "json"))
    title = translate(language, "Collections")
    return respond(request, document, given, title=title, crumbs=_crumbs(request))


async def one_collection(request: Request) -> Response:
    """``/ogc/features/collections/{slug}``"""
    given = parameters.read(request)
    parameters.check_known(given, parameters.COMMON)
    language, base = language_of(request), base_of(request)
    slug = request.path_params["slug"]
    document = await look(
        request,
        slug,
        lambda view, resource: collection.described(view, resource, language, base),
        given,
    )
    crumbs = _crumbs(request, collections=True)
    return respond(request, document, given, title=document["title"], crumbs=crumbs)


def _schema_route(
    make: Callable[[View, Resource, Language, str], dict[str, Any]], title: str
) -> Callable[[Request], Any]:
    async def route(request: Request) -> Response:
        given = parameters.read(request)
        parameters.check_known(given, parameters.COMMON)
        language = language_of(request)
        slug = request.path_params["slug"]
        url = base_of(request) + request.url.path
        document = await look(
            request, slug, lambda view, resource: make(view, resource, language, url), given
        )
        form = representation(request, SCHEMA, given.get("f"))
        if form != "html":
            # A schema has no links of its own: they would be keywords of JSON Schema.
            headers = {"cache-control": "private, no-cache", "content-language": language}
            return Response(orjson.dumps(document), headers=headers, media_type=SCHEMA[form])
        crumbs = _crumbs(request, collections=True, slug=slug)
        return respond(
            request,
            document,
            given,
            title=translate(language, title),
            crumbs=crumbs,
            offered=SCHEMA,
        )

    return route


async def items(request: Request) -> Response:
    """``/ogc/features/collections/{slug}/items``"""
    given = parameters.read(request)
    form = representation(request, ITEMS, given.get("f"))
    slug = request.path_params["slug"]
    make = _page if form == "geojson" else _shown if form == "html" else _written
    work = partial(make, request, slug, given, form)
    return await serve_use(
        request, slug, work, face="features", given=given, form=form, quick=_quick(given, form)
    )


async def item(request: Request) -> Response:
    """``/ogc/features/collections/{slug}/items/{fid}``"""
    given = parameters.read(request)
    parameters.check_known(given, parameters.COMMON | {"crs", "datetime"})
    form = representation(request, ITEM, given.get("f"))
    slug = request.path_params["slug"]
    editable = form == "html" and await may_edit(request, await caller_of(request), slug)
    work = partial(_feature, request, given, form, editable)
    return await serve_use(request, slug, work, face="features", given=given, form=form)


def _quick(given: Mapping[str, str], form: str) -> Callable[[View], bool] | None:
    """A page that a serving copy answers by its index takes less time than a thread's turn."""
    if form != "geojson" or not plain(given) or len(given.get("limit", "")) > 3:
        return None
    return lambda view: view.ready


def _page(request: Request, slug: str, given: Mapping[str, str], form: str, view: View) -> Answer:
    """A page of GeoJSON: the store's bytes, framed."""
    query = query_of(given, view)
    page = view.page(query)
    frame: dict[str, Any] = {
        "numberReturned": page.returned,
        "timeStamp": iso(now()),
        "links": _links(request, slug, form, page.next),
    }
    if page.matched is not None:
        frame["numberMatched"] = page.matched
    body = b"".join((_HEAD, page.features, b"],", orjson.dumps(frame)[1:]))
    headers = _crs_header(query.crs)
    return Answer(media_type=MEDIA_TYPES["geojson"], body=body, rows=page.returned, headers=headers)


def _written(
    request: Request, slug: str, given: Mapping[str, str], form: str, view: View
) -> Answer:
    """A page in a form that has no place for links: they go in the header."""
    query = query_of(given, view)
    page = view.page(query)
    body = b"".join(view.write(query, Format(form)))
    headers = [*_crs_header(query.crs), ("ogc-numberreturned", str(page.returned))]
    if page.matched is not None:
        headers.append(("ogc-numbermatched", str(page.matched)))
    links = tuple(
        f'<{one["href"]}>; rel="{one["rel"]}"; type="{one["type"]}"'
        for one in _links(request, slug, form, page.next)
        if one["rel"] in {"self", "next", "first"}
    )
    return Answer(
        media_type=MEDIA_TYPES[form],
        body=body,
        rows=page.returned,
        headers=tuple(headers),
        links=links,
    )


def _shown(request: Request, slug: str, given: Mapping[str, str], form: str, view: View) -> Answer:
    """The same page for people: a table and a map."""
    answer = _page(request, slug, given, form, view)
    page = orjson.loads(answer.body)
    shown = render(
        request,
        "ogc/items.html",
        {
            "collection": {"id": slug, "title": slug, "fields": view.fields},
            "page": page,
            "links": page["links"],
        },
    )
    return Answer(
        media_type="text/html; charset=utf-8",
        body=bytes(shown.body),
        rows=answer.rows,
        headers=_headers_of(shown),
    )


def _feature(
    request: Request, given: Mapping[str, str], form: str, editable: bool, view: View
) -> Answer:
    if form in CITY_FORMS:
        return _city_object(request, given, form, view)
    slug, fid = request.path_params["slug"], request.path_params["fid"]
    crs = crs_of(given, view)
    written = Format.JSONFG if form == "jsonfg" else Format.GEOJSON
    when = parameters.interval(given["datetime"]) if "datetime" in given else None
    feature = view.feature(fid, crs, written, when)
    if feature is None:
        raise NotFound("there is no feature {id}", id=fid[:80])
    # A strong tag, which an edit can name as what it has seen.
    tag = item_tag(request, view, form)
    if tag in request.headers.get("if-none-match", ""):
        return Answer(media_type="", status=304, headers=(("etag", tag),))
    here = f"{base_of(request)}{ROOT}/collections/{slug}"
    path = f"{here}/items/{quote(fid, safe='')}"
    kept = {name: value for name, value in given.items() if name != "f"}
    links = [
        link(
            f"{path}?{urlencode({**kept, 'f': name})}",
            "self" if name == form else "alternate",
            name,
        )
        for name in ITEM
        if view.version.city_model or name not in CITY_FORMS
    ]
    links.append(link(here, "collection", "json"))
    relatives = view.relatives(fid)
    links += _family(here, relatives, kept)
    body = b"".join((feature.rstrip()[:-1], b',"links":', orjson.dumps(links), b"}"))
    if form == "html":
        shown = render(
            request,
            "ogc/item.html",
            {
                "collection": {"id": slug, "title": slug, "fields": view.fields},
                "feature": orjson.loads(body),
                "links": links,
                "relatives": relatives,
                "editable": editable,
            },
        )
        return Answer(
            media_type="text/html; charset=utf-8",
            body=bytes(shown.body),
            rows=1,
            headers=(*_headers_of(shown), ("etag", tag)),
        )
    headers = (*_crs_header(crs), ("etag", tag))
    return Answer(media_type=MEDIA_TYPES[form], body=body, rows=1, headers=headers)


def _city_object(request: Request, given: Mapping[str, str], form: str, view: View) -> Answer:
    """A feature with its whole family, as an edit of it takes it back."""
    fid = request.path_params["fid"]
    when = parameters.interval(given["datetime"]) if "datetime" in given else None
    only = {"op": "=", "args": [{"property": FID}, fid]}
    query = Query(filter=only, crs=crs_of(given, view), interval=when, limit=1)
    rows: list[int] = []
    body = b"".join(view.write(query, Format(form), rows.append))
    if not sum(rows):
        raise NotFound("there is no feature {id}", id=fid[:80])
    tag = item_tag(request, view, form)
    if tag in request.headers.get("if-none-match", ""):
        return Answer(media_type="", status=304, headers=(("etag", tag),))
    headers = (("etag", tag),)
    return Answer(media_type=MEDIA_TYPES[form], body=body, rows=sum(rows), headers=headers)


def _family(
    here: str, relatives: tuple[tuple[str, ...], tuple[str, ...]] | None, kept: Mapping[str, str]
) -> list[dict[str, str]]:
    """Links to the parents (``up``) and children (``item``) of a city object."""
    query = f"?{urlencode(kept)}" if kept else ""
    return [
        link(f"{here}/items/{quote(fid, safe='')}{query}", rel, "geojson", fid)
        for rel, ids in zip(("up", "item"), relatives or ((), ()), strict=True)
        for fid in ids
    ]


def _links(request: Request, slug: str, form: str, following: str | None) -> list[dict[str, str]]:
    base = base_of(request)
    here = f"{base}{ROOT}/collections/{slug}"
    query = request.scope["query_string"].decode("latin-1")
    kind = ITEMS[form]
    # The parameters as they came: they were read, so they are well encoded.
    parts = query.split("&") if query else []
    paged = [part for part in parts if not part.startswith("after=")]
    found = [{"href": _href(here, parts), "rel": "self", "type": kind}]
    if following is not None:
        onward = _href(here, [*paged, f"after={following}"])
        found.append({"href": onward, "rel": "next", "type": kind})
    if len(paged) != len(parts):
        found.append({"href": _href(here, paged), "rel": "first", "type": kind})
    other = _href(here, [*(part for part in paged if not part.startswith("f=")), "f="])
    found += [
        {"href": other + name, "rel": "alternate", "type": media_type}
        for name, media_type in ITEMS.items()
        if name != form
    ]
    found.append({"href": here, "rel": "collection", "type": MEDIA_TYPES["json"]})
    return found


def _href(here: str, parts: list[str]) -> str:
    return f"{here}/items?{'&'.join(parts)}" if parts else f"{here}/items"


def _crs_header(crs: str) -> tuple[tuple[str, str], ...]:
    return (("content-crs", f"<{crs}>"),)


def _headers_of(shown: Response) -> tuple[tuple[str, str], ...]:
    ours = {"content-length", "content-type", "vary", "cache-control"}
    return tuple(
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in shown.raw_headers
        if name.decode("latin-1") not in ours
    )


def _crumbs(
    request: Request, *, collections: bool = False, slug: str | None = None
) -> list[tuple[str, str]]:
    language = language_of(request)
    found = [(translate(language, "Features"), ROOT)]
    if collections:
        found.append((translate(language, "Collections"), f"{ROOT}/collections"))
    if slug:
        found.append((slug, f"{ROOT}/collections/{slug}"))
    return found


def routes() -> list[Route]:
    """Routes of this standard; the hot one first."""
    one = f"{ROOT}/collections/{{slug}}"
    return [
        Route(f"{one}/items", items),
        Route(f"{one}/items/{{fid:path}}", item),
        *common_routes(STANDARD),
        Route(f"{ROOT}/collections", collections),
        Route(one, one_collection),
        Route(f"{one}/queryables", _schema_route(collection.queryables, "What filters may name")),
        Route(
            f"{one}/sortables",
            _schema_route(collection.sortables, "What features can be sorted by"),
        ),
        Route(f"{one}/schema", _schema_route(collection.returnables, "Schema of a feature")),
    ]
