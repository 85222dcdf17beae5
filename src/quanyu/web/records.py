"""OGC API – Records Part 1: the catalogue, searched and read as GeoJSON records.

``/ogc/records``. The catalogue is metadata: published entries are for all to see, with their access
level; what the data hold is behind the gate.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import orjson
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from quanyu.catalogue import HELD_KINDS, Resource, Search, SearchPage, search, to_record
from quanyu.catalogue import resource as find_resource
from quanyu.kernel import Language, LocalText, PartyId, translate
from quanyu.parties import Caller, party
from quanyu.web import collection, parameters
from quanyu.web.conformance import COMMON as COMMON_CLASSES
from quanyu.web.conformance import RECORDS
from quanyu.web.documents import Link, link, respond, self_links
from quanyu.web.negotiate import MEDIA_TYPES, offer, representation
from quanyu.web.node import base_of, node_of
from quanyu.web.pages import language_of
from quanyu.web.record_search import PARAMETERS, QUERYABLES, SORTABLES, search_of
from quanyu.web.who import caller_of

ROOT = "/ogc/records"
CATALOGUE = "catalogue"
HERE = f"{ROOT}/collections/{CATALOGUE}"
RECORD = offer("geojson", "html")
_OGC = "http://www.opengis.net/def/rel/ogc/1.0/"


async def landing(request: Request) -> Response:
    """``/ogc/records``"""
    given = parameters.read(request)
    parameters.check_known(given, {"f", "lang"})
    language, base = language_of(request), base_of(request)
    settings = node_of(request).settings
    name = settings.title_zh if language == "zh" else settings.title_en
    document: dict[str, Any] = {
        "title": name,
        "description": translate(language, "The catalogue of this city."),
        "links": [
            link(f"{base}/api", "service-desc", "openapi", translate(language, "API definition")),
            link(f"{base}/api.html", "service-doc", "html", translate(language, "API in words")),
            link(
                f"{base}{ROOT}/conformance",
                "conformance",
                "json",
                translate(language, "Standards that are met"),
            ),
            link(f"{base}{ROOT}/collections", "data", "json", translate(language, "Collections")),
            link(f"{base}{HERE}", f"{_OGC}ogc-catalog", "json", translate(language, "Catalogue")),
        ],
    }
    return respond(request, document, given, title=name)


async def conformance(request: Request) -> Response:
    """``/ogc/records/conformance``"""
    given = parameters.read(request)
    parameters.check_known(given, {"f", "lang"})
    document: dict[str, Any] = {"conformsTo": list(dict.fromkeys((*COMMON_CLASSES, *RECORDS)))}
    title = translate(language_of(request), "Standards that are met")
    return respond(request, document, given, title=title, crumbs=_crumbs(request))


async def collections(request: Request) -> Response:
    """``/ogc/records/collections``: there is one, the catalogue."""
    given = parameters.read(request)
    parameters.check_known(given, {"f", "lang"})
    language, base = language_of(request), base_of(request)
    one = _catalogue(language, base)
    one["links"].insert(0, link(f"{base}{HERE}", "self", "json", one["title"]))
    document: dict[str, Any] = {"collections": [one]}
    title = translate(language, "Collections")
    return respond(request, document, given, title=title, crumbs=_crumbs(request))


async def one_collection(request: Request) -> Response:
    """``/ogc/records/collections/catalogue``"""
    given = parameters.read(request)
    parameters.check_known(given, {"f", "lang"})
    document = _catalogue(language_of(request), base_of(request))
    return respond(request, document, given, title=document["title"], crumbs=_crumbs(request))


async def queryables(request: Request) -> Response:
    """``…/catalogue/queryables``: what filters may name."""
    return _schema(request, QUERYABLES)


async def sortables(request: Request) -> Response:
    """``…/catalogue/sortables``"""
    return _schema(request, SORTABLES)


async def items(request: Request) -> Response:
    """``…/catalogue/items``: search."""
    given = parameters.read(request)
    parameters.check_known(given, PARAMETERS)
    form = representation(request, RECORD, given.get("f"))
    language, base = language_of(request), base_of(request)
    caller = await caller_of(request)
    wanted = search_of(given, language)
    page, records = await run_in_threadpool(
        _search, node_of(request).control.read, wanted, caller, language, base
    )
    document: dict[str, Any] = {
        "type": "FeatureCollection",
        "features": records,
        "numberReturned": len(records),
        "links": [link(f"{base}{HERE}", "collection", "json")],
    }
    if page.exact:  # else there are more than it is worth to count
        document["numberMatched"] = page.total
    if page.next:
        onward = urlencode({**given, "after": page.next})
        document["links"].append(link(f"{base}{HERE}/items?{onward}", "next", "geojson"))
    title = translate(language, "Catalogue")
    return respond(
        request, document, given, title=title, crumbs=_crumbs(request), offered=RECORD, form=form
    )


async def item(request: Request) -> Response:
    """``…/catalogue/items/{id}``: one record, by id, slug or published identifier."""
    given = parameters.read(request)
    parameters.check_known(given, {"f", "lang"})
    form = representation(request, RECORD, given.get("f"))
    language, base = language_of(request), base_of(request)
    caller = await caller_of(request)
    wanted = request.path_params["record"]
    read = node_of(request).control.read

    def find() -> tuple[Resource, dict[str, Any]]:
        with read() as session:
            found = find_resource(session, wanted, visible_to=caller)
            return found, _record(session, found, language, base, {})

    found, record = await run_in_threadpool(find)
    if form == "html":
        return RedirectResponse(f"/resources/{found.slug}", 303)
    record["links"] = self_links(request, given, form, RECORD) + record["links"]
    headers = {"cache-control": "private, no-cache", "content-language": language}
    return Response(orjson.dumps(record), headers=headers, media_type=MEDIA_TYPES["geojson"])


def _search(
    read: Any, wanted: Search, caller: Caller, language: Language, base: str
) -> tuple[SearchPage, list[dict[str, Any]]]:
    names: dict[PartyId, LocalText] = {}
    with read() as session:
        page = search(session, wanted, visible_to=caller)
        return page, [_record(session, hit, language, base, names) for hit in page.hits]


def _record(
    session: Session,
    found: Resource,
    language: Language,
    base: str,
    names: dict[PartyId, LocalText],
) -> dict[str, Any]:
    if found.provider not in names:
        names[found.provider] = party(session, found.provider).name
    record = to_record(found, language, provider=names[found.provider])
    record["links"] = _links(found, language, base)
    return record


def _links(found: Resource, language: Language, base: str) -> list[Link]:
    links = [
        link(f"{base}{HERE}", "collection", "json", translate(language, "Catalogue")),
        link(f"{base}/resources/{found.slug}", "about", "html", found.title.to(language)),
        *collection.licence_links(found, language),
    ]
    if found.distributions:  # somebody else serves the data
        links += [
            link(
                one.url,
                "service" if one.api else "enclosure",
                one.media_type or "application/octet-stream",
                one.title.to(language) if one.title else one.format,
            )
            for one in found.distributions
        ]
    elif found.kind in HELD_KINDS:
        features = f"{base}/ogc/features/collections/{found.slug}"
        links += [
            link(features, f"{_OGC}data-meta", "json", translate(language, "Collection")),
            link(f"{features}/items", "item", "geojson", translate(language, "Features")),
            *(
                link(f"{base}/data/{found.slug}.{form}", "enclosure", form, form)
                for form in collection.DOWNLOADS
                if form not in collection.SHAPED or found.bbox is not None
            ),
        ]
        if found.bbox is not None:
            tiles = f"{base}/ogc/tiles/collections/{found.slug}/tiles"
            title = translate(language, "Vector tiles")
            links.append(link(tiles, f"{_OGC}tilesets-vector", "json", title))
    return links


def _catalogue(language: Language, base: str) -> dict[str, Any]:
    title = translate(language, "Catalogue")
    return {
        "id": CATALOGUE,
        "type": "Collection",
        "title": title,
        "description": translate(language, "Everything that this city has put on record."),
        "itemType": "record",
        "conformsTo": [one for one in RECORDS if "record" in one],
        "links": [
            link(f"{base}{HERE}/items", "items", "geojson", title),
            link(f"{base}{HERE}/queryables", f"{_OGC}queryables", "schema"),
            link(f"{base}{HERE}/sortables", f"{_OGC}sortables", "schema"),
        ],
    }


def _schema(request: Request, properties: Mapping[str, Any]) -> Response:
    given = parameters.read(request)
    parameters.check_known(given, {"f", "lang"})
    offered = offer("schema", "json")
    form = representation(request, offered, given.get("f"))
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": base_of(request) + request.url.path,
        "type": "object",
        "title": translate(language_of(request), "Catalogue"),
        "properties": properties,
        "additionalProperties": False,
    }
    return Response(orjson.dumps(document), media_type=offered[form])


def _crumbs(request: Request) -> list[tuple[str, str]]:
    return [(translate(language_of(request), "Catalogue"), ROOT)]


def routes() -> list[Route]:
    """Routes of this standard."""
    return [
        Route(ROOT, landing),
        Route(f"{ROOT}/", landing),
        Route(f"{ROOT}/conformance", conformance),
        Route(f"{ROOT}/collections", collections),
        Route(HERE, one_collection),
        Route(f"{HERE}/queryables", queryables),
        Route(f"{HERE}/sortables", sortables),
        Route(f"{HERE}/items", items),
        Route(f"{HERE}/items/{{record:path}}", item),
    ]
