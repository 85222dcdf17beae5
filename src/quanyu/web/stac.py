"""STAC API 1.0 over STAC 1.1: what has an extent as Collections, scenes as Items.

``/stac``. A Collection stands for each published entry that has an extent. The scenes of imagery
that this node holds are its Items; a scene that only the catalogue knows, with a known time, is an
Item of its own Collection. Files and interfaces are assets, used through the gate.
"""

from collections.abc import Iterable
from dataclasses import replace
from math import isfinite
from typing import Any, TypeAlias
from urllib.parse import urlencode

import orjson
from shapely import geometry
from shapely.errors import ShapelyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.catalogue import (
    Bbox,
    Entry,
    Kind,
    Listed,
    Resource,
    Search,
    Sort,
    State,
    listing,
    resource,
    search,
    to_stac_collection,
    to_stac_item,
)
from quanyu.kernel import Invalid, Language, NotFound, translate
from quanyu.web import parameters
from quanyu.web.conformance import STAC
from quanyu.web.dcat import published
from quanyu.web.documents import link
from quanyu.web.entries import Shelf, cacheable
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.node import base_of, node_of
from quanyu.web.pages import language_of
from quanyu.web.serve_use import scene_slugs
from quanyu.web.stac_search import CATALOGUE, feature_collection, stored_item, stored_items
from quanyu.web.who import caller_of

Item: TypeAlias = dict[str, Any]

ROOT = "/stac"
_MOST = 1_000
_IMAGERY = frozenset({"GeoTIFF", "COG", "JPEG 2000", "NetCDF", "Zarr", "HDF5", "3D Tiles"})
_STORED = frozenset({"filter", "filter-lang", "filter-crs", "sortby", "fields"})
_SEARCH = _STORED | {"collections", "ids", "bbox", "datetime", "limit", "intersects", "token"}
_AGREED = frozenset({"agreement", "purpose"})


async def landing(request: Request) -> Response:
    """``/stac``"""
    parameters.check_known(parameters.read(request), {"lang"})
    language, base = language_of(request), base_of(request)
    settings = node_of(request).settings
    here = f"{base}{ROOT}"
    document = {
        "type": "Catalog",
        "stac_version": "1.1.0",
        "id": settings.node_name,
        "title": settings.title_zh if language == "zh" else settings.title_en,
        "description": translate(language, "Everything that this city has put on record."),
        "conformsTo": list(STAC),
        "links": [
            link(here, "self", "json"),
            link(here, "root", "json"),
            link(f"{here}/conformance", "conformance", "json"),
            link(f"{here}/collections", "data", "json"),
            link(f"{here}/search", "search", "geojson", method="GET"),
            link(f"{here}/search", "search", "geojson", method="POST"),
            link(f"{base}/api", "service-desc", "openapi"),
            link(f"{base}/api.html", "service-doc", "html"),
        ],
    }
    return _send(request, document)


async def conformance(request: Request) -> Response:
    """``/stac/conformance``"""
    return _send(request, {"conformsTo": list(STAC)})


async def collections(request: Request) -> Response:
    """``/stac/collections``"""
    given = parameters.read(request)
    parameters.check_known(given, {"lang", "limit", "token"})
    limit = parameters.whole(given, "limit", 100, least=1, most=_MOST)
    after = parameters.whole(given, "token", 0, least=0, most=2**53)
    caller, base, language = await caller_of(request), base_of(request), language_of(request)

    def read() -> dict[str, Any]:
        with node_of(request).control.read() as session:
            wanted = Listed(located=True, after=after, limit=limit)
            page = listing(session, wanted, visible_to=caller)
            shelf = Shelf(session, base, caller)
            found = [_collection(shelf, one, language) for one in page.hits]
        here = f"{base}{ROOT}/collections"
        links = [link(here, "self", "json"), link(f"{base}{ROOT}", "root", "json")]
        if page.last:
            onward = urlencode({"limit": limit, "token": page.last})
            links.append(link(f"{here}?{onward}", "next", "json"))
        matched = {"numberMatched": page.total, "numberReturned": len(found)}
        return {"collections": found, "links": links, **matched}

    return _send(request, await run_in_threadpool(read))


async def collection(request: Request) -> Response:
    """``/stac/collections/{id}``"""
    parameters.check_known(parameters.read(request), {"lang"})
    caller, base, language = await caller_of(request), base_of(request), language_of(request)
    name = request.path_params["collection"]

    def read() -> dict[str, Any]:
        with node_of(request).control.read() as session:
            found = _located(resource(session, name, visible_to=caller))
            return _collection(Shelf(session, base, caller), found, language)

    return _send(request, await run_in_threadpool(read))


async def items(request: Request) -> Response:
    """``/stac/collections/{id}/items``"""
    given = parameters.read(request)
    # Some clients name the collection again.
    parameters.check_known(given, _SEARCH | _AGREED | {"lang"})
    caller, name = await caller_of(request), request.path_params["collection"]

    def read() -> str:
        with node_of(request).control.read() as session:
            return _located(resource(session, name, visible_to=caller)).slug

    return await _found(request, given | {"collections": await run_in_threadpool(read)})


async def item(request: Request) -> Response:
    """``/stac/collections/{id}/items/{item}``"""
    given = parameters.read(request)
    parameters.check_known(given, _AGREED | {"lang", "version"})
    caller, base, language = await caller_of(request), base_of(request), language_of(request)
    name, wanted = request.path_params["collection"], request.path_params["item"]

    stored = await stored_item(request, name, wanted, given)
    if stored is not None:
        return stored

    def read() -> Item:
        with node_of(request).control.read() as session:
            of = _located(resource(session, name, visible_to=caller))
            found = _items(Shelf(session, base, caller), [of], language)
        for one in found:
            if one["id"] == wanted:
                return one
        raise NotFound("there is no item {id}", id=wanted[:80])

    return _send(request, await run_in_threadpool(read), "geojson")


async def find(request: Request) -> Response:
    """``/stac/search``, by GET and by POST."""
    given = parameters.read(request)
    if request.method == "POST":
        given |= await _body(request)
    parameters.check_known(given, _SEARCH | _AGREED | {"lang"})
    return await _found(request, given)


async def _body(request: Request) -> dict[str, str]:
    """The body's members as they would stand in a query."""
    try:
        document = orjson.loads(await request.body() or b"{}")
    except orjson.JSONDecodeError as error:
        raise Invalid("the body is no JSON", field="body", mend="send a JSON object") from error
    if not isinstance(document, dict):
        raise Invalid("the body is no JSON object", field="body", mend="send a JSON object")
    found: dict[str, str] = {}
    for name, value in document.items():
        if value is not None:
            found[name] = _as_text(name, value)
    if isinstance(document.get("filter"), dict):
        found["filter-lang"] = "cql2-json"
    if any("\0" in value for value in found.values()):
        raise Invalid("a parameter holds a null character", field="body", mend="leave it out")
    return found


def _as_text(name: str, value: Any) -> str:
    if name == "sortby" and isinstance(value, list):
        return _body_sort(value)
    if name == "fields" and isinstance(value, dict):
        return _body_fields(value)
    if isinstance(value, list):
        return ",".join(str(one) for one in value)
    return orjson.dumps(value).decode() if isinstance(value, dict) else str(value)


def _body_sort(value: list[Any]) -> str:
    """The order of a body (STAC API, Sort 1.0) as a query says it."""
    try:
        return ",".join(
            ("-" if str(one.get("direction", "asc")).lower() == "desc" else "") + str(one["field"])
            for one in value
        )
    except (AttributeError, KeyError) as error:
        raise Invalid(
            "this is no order",
            field="sortby",
            mend='send such as [{"field": "datetime", "direction": "desc"}]',
        ) from error


def _body_fields(value: dict[str, Any]) -> str:
    """The fields of a body (STAC API, Fields 1.0) as a query says them."""
    include, exclude = value.get("include") or [], value.get("exclude") or []
    return ",".join([*map(str, include), *(f"-{name}" for name in exclude)])


async def _found(request: Request, given: dict[str, str]) -> Response:
    """Items that match: scenes that the store holds, then those that only the catalogue knows."""
    token = given.get("token", "")
    if not token.startswith(CATALOGUE):
        stored = await stored_items(request, given)
        if stored is not None:
            return stored
    elif given.keys() & _STORED:
        raise Invalid("this token is of another search", field="token", mend="begin again")
    return await _catalogued(request, given | {"token": token.removeprefix(CATALOGUE)})


async def _catalogued(request: Request, given: dict[str, str]) -> Response:
    """Items of scenes that the catalogue knows and the store does not hold."""
    caller, base, language = await caller_of(request), base_of(request), language_of(request)
    if "bbox" in given and "intersects" in given:
        raise Invalid("bbox and intersects exclude each other", field="intersects")
    limit = parameters.whole(given, "limit", 10, least=1, most=_MOST)
    shape = _shape(given["intersects"]) if "intersects" in given else None
    names = frozenset(parameters.names(given.get("collections", "")))
    ids = frozenset(parameters.names(given.get("ids", "")))
    wanted = Search(
        states=frozenset({State.PUBLISHED}),
        ids=(names & ids or frozenset({"-"})) if names and ids else names or ids,
        filter=_SCENES,
        bbox=_box(given) if shape is None else shape.bounds,
        interval=parameters.interval(given["datetime"]) if "datetime" in given else None,
        sort=Sort.CREATED,
        limit=limit,
        after=given.get("token") or None,
        facets=False,
    )

    held = frozenset(await scene_slugs(request))

    def read() -> dict[str, Any]:
        with node_of(request).control.read() as session:
            page = search(session, wanted, visible_to=caller)
            found = _items(Shelf(session, base, caller), page.hits, language)
        found = [one for one in found if one["id"] not in held]
        if shape is not None:
            found = [one for one in found if shape.intersects(geometry.box(*one["bbox"]))]
        following = f"{CATALOGUE}{page.next}" if page.next else None
        return feature_collection(request, given, found, following, base)

    return _send(request, await run_in_threadpool(read), "geojson")


_SCENES: dict[str, Any] = {
    "op": "or",
    "args": [
        {"op": "=", "args": [{"property": "type"}, Kind.SCENE.value]},
        {"op": "in", "args": [{"property": "format"}, sorted(_IMAGERY)]},
    ],
}


def _box(given: dict[str, str]) -> Bbox | None:
    if "bbox" not in given:
        return None
    box = parameters.bbox(given["bbox"])
    return (box[0], box[1], box[len(box) // 2], box[len(box) // 2 + 1])


def _shape(text: str) -> Any:
    """The geometry of ``intersects``; :class:`Invalid` when it is none."""
    try:
        found = geometry.shape(orjson.loads(text))
        sound = not found.is_empty and all(map(isfinite, found.bounds))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, ShapelyError) as error:
        raise _no_geometry() from error
    if not sound:
        raise _no_geometry()
    return found


def _no_geometry() -> Invalid:
    return Invalid(
        "this is no geometry", field="intersects", mend="give a geometry in GeoJSON, in degrees"
    )


def _located(found: Resource) -> Resource:
    if published(found).bbox is None:
        raise NotFound("{slug} has no extent, so it is no collection", slug=found.slug)
    return found


def _is_scene(one: Resource) -> bool:
    return one.kind is Kind.SCENE or not _IMAGERY.isdisjoint(one.formats)


def _collection(shelf: Shelf, one: Resource, language: Language) -> dict[str, Any]:
    document = to_stac_collection(_named(shelf, one), language)
    here = f"{shelf.base}{ROOT}/collections/{one.slug}"
    document["links"] = [
        link(here, "self", "json"),
        link(f"{shelf.base}{ROOT}", "root", "json"),
        link(f"{shelf.base}{ROOT}", "parent", "json"),
        link(f"{here}/items", "items", "geojson"),
        *document["links"],
    ]
    return document


def _items(shelf: Shelf, found: Iterable[Resource], language: Language) -> list[Item]:
    """Those that are scenes with an extent in space and time."""
    made: list[Item] = []
    for one in found:
        document = _is_scene(one) and to_stac_item(_named(shelf, one), one.slug, language)
        if not document:
            continue
        here = f"{shelf.base}{ROOT}/collections/{one.slug}"
        document["links"] = [
            link(f"{here}/items/{one.slug}", "self", "geojson"),
            link(f"{shelf.base}{ROOT}", "root", "json"),
            link(here, "parent", "json"),
            link(here, "collection", "json"),
            *document["links"],
        ]
        made.append(document)
    return made


def _named(shelf: Shelf, one: Resource) -> Entry:
    """The entry under its name in addresses, as the identifiers of STAC stand in them."""
    entry = shelf.entry(one)
    others = tuple(dict.fromkeys((entry.identifier, *entry.other_identifiers)))
    return replace(entry, identifier=one.slug, other_identifiers=others)


def _send(request: Request, document: dict[str, Any], form: str = "json") -> Response:
    vary = "Accept-Language, Authorization, Cookie"
    return cacheable(request, orjson.dumps(document), MEDIA_TYPES[form], vary=vary)


def routes() -> list[Route]:
    """Routes of the STAC API."""
    one = f"{ROOT}/collections/{{collection}}"
    return [
        Route(ROOT, landing),
        Route(f"{ROOT}/", landing),
        Route(f"{ROOT}/conformance", conformance),
        Route(f"{ROOT}/collections", collections),
        Route(one, collection),
        Route(f"{one}/items", items),
        Route(f"{one}/items/{{item}}", item),
        Route(f"{ROOT}/search", find, methods=["GET", "POST"]),
    ]
