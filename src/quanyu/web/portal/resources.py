"""The page of one resource: what it is, who may have it, a look at it, how to use it."""

from typing import Any

import orjson
from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from quanyu.agreements import may_offer, offers, sick
from quanyu.catalogue import (
    HELD_KINDS,
    Access,
    Care,
    Kind,
    Resource,
    ReuseState,
    Sensitivity,
    State,
    StepKind,
    care_of,
    correction_figures,
    corrections,
    derived,
    discussions,
    follower_count,
    follows,
    freshness_of,
    grading_of,
    guarded_fields,
    harvest_origin,
    history,
    may_write,
    open_application,
    products,
    quality_of,
    reuses,
    rights_on,
    similar,
    sources,
    to_schema_org,
)
from quanyu.kernel import QuanyuError, now
from quanyu.operations import health_of
from quanyu.parties import Caller
from quanyu.spacetime import MOST_XLSX_ROWS, GeometryType, Profile, Query, View
from quanyu.web.dcat import negotiated
from quanyu.web.elsewhere import HeldElsewhere
from quanyu.web.entries import Shelf
from quanyu.web.licence_words import licence_words
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.node import base_of
from quanyu.web.pages import language_of
from quanyu.web.portal.correction_pages import BADGES as CORRECTION_BADGES
from quanyu.web.portal.correction_pages import STATES as CORRECTION_STATES
from quanyu.web.portal.entry_visit import EntryVisit, entry_frame, entry_visit
from quanyu.web.portal.grading_words import grading_words
from quanyu.web.portal.health_words import health_badge, parts_words
from quanyu.web.portal.identities import Identity
from quanyu.web.portal.imagery_sight import imagery_sight
from quanyu.web.portal.layers import layer_of
from quanyu.web.portal.quality_words import freshness_words, score_words
from quanyu.web.portal.reuse_pages import KINDS as REUSE_KINDS
from quanyu.web.portal.rights_views import right_rows
from quanyu.web.portal.snippets import snippets
from quanyu.web.portal.uses import uses_in_log
from quanyu.web.portal.visit import TheNode, Visitor, link_to, problem_of, reading, say, show
from quanyu.web.serve_use import Answer, look, serve_use

router = APIRouter(include_in_schema=False)
_ROWS = 8
_COLUMNS = 7
_LONGEST_CELL = 60
STEPS: dict[StepKind, str] = {
    StepKind.DRAFTED: "Drafted",
    StepKind.REGISTERED: "Registered",
    StepKind.AMENDED: "Amended",
    StepKind.PUBLISHED: "Published",
    StepKind.WITHDRAWN: "Withdrawn",
}


@router.get("/resources/{name}")
async def resource_page(request: Request, node: TheNode, caller: Visitor, name: str) -> Response:
    """Everything that is said of a resource; data only as far as the caller's agreement goes."""
    other = negotiated(request, name)
    if other is not None:
        return other
    key = request.query_params.get("as")
    base = base_of(request)
    known = await reading(node, lambda session: _read(session, caller, name, key, base))
    visit: EntryVisit = known.pop("visit")
    of, under = visit.of, visit.under
    seen = await _look(request, of, under)
    context = entry_frame(request, visit, "overview") | known | seen
    context |= _use_of(request, of, under, seen, known["care"])
    context |= {
        "quality_words": score_words(request, known["quality"]),
        "fresh": freshness_words(request, known["fresh"]),
        "health_badge": health_badge(request, known["health"]),
        "health_parts": parts_words(request, known["health"].parts),
        "state_names": {k: say(request, text) for k, text in CORRECTION_STATES.items()},
        "correction_badges": CORRECTION_BADGES,
        "reuse_kinds": {k: say(request, text) for k, text in REUSE_KINDS.items()},
        "identity_options": _options(request, of, caller, list(visit.known), under),
        "access_text": _access_text(request, caller, of, under),
        "licence": licence_words(of.licence, language_of(request)),
        "step_names": {kind: say(request, text) for kind, text in STEPS.items()},
        "can_request": of.provider != caller.party
        and not of.distributions
        and known["offered"]
        and of.access is not Access.OPEN,
        "may_offer": known["may_offer"],
        "links": _links(of),
        "rights": await reading(
            node, lambda session: right_rows(session, request, node, known["rights"])
        ),
        "grading": grading_words(request, known["grading"]),
        "json_href": link_to(request, f="json"),
    }
    context["uses"], context["uses_at"] = await run_in_threadpool(
        uses_in_log.of, node.log, node.settings.time_zone, of.id
    )
    twin = {
        "resource": of,
        "provider": visit.provider,
        "open_to_you": seen["open"],
        "fields": seen["fields"],
        "preview": seen["preview"],
        "refusal": seen["refusal"],
        "uses": {"count": context["uses"], "at": context["uses_at"]},
        "quality": {"score": known["quality"].score, "rating": known["quality"].rating},
        "freshness": known["fresh"],
        "health": {"state": known["health"].state, "score": known["health"].score},
        "corrections": known["correction_figures"],
        "reuses": known["reuses"],
        "history": known["history"],
        "rights": context["rights"],
        "level": context["grading"] and context["grading"]["level"],
    }
    return show(request, "resource.html", context, twin=twin)


def _links(of: Resource) -> list[tuple[str, str]]:
    """The entry in the forms of other catalogues."""
    found = [("OGC API – Records", f"/ogc/records/collections/catalogue/items/{of.id}")]
    if of.state is State.PUBLISHED:
        found += [
            ("DCAT", f"/resources/{of.slug}.ttl"),
            ("ISO 19115", f"/resources/{of.slug}.iso19115.xml"),
        ]
    if of.kind is Kind.STREAM and not of.distributions:
        found += [
            ("SensorThings 1.1", f"/sensorthings/{of.slug}/v1.1"),
            ("Facilities", f"/facilities/{of.slug}"),
        ]
    return found


def _told(shelf: Shelf, of: Resource) -> dict[str, Any] | None:
    """What search engines are told; nothing of what is not published."""
    if of.state is not State.PUBLISHED:
        return None
    return to_schema_org(shelf.entry(of), catalogue=f"{shelf.base}/catalog")


def _read(
    session: Session, caller: Caller, name: str, key: str | None, base: str
) -> dict[str, Any]:
    visit = entry_visit(session, caller, name, key)
    of, moment = visit.of, now()
    threads = discussions(session, of.id, caller)
    shown = [one for one in reuses(session, of.id, caller) if one.state is ReuseState.SHOWN]
    return {
        "visit": visit,
        "told": _told(Shelf(session, base, caller), of),
        "now": moment,
        "care": care_of(session, [of.id]).get(of.id),
        "quality": quality_of(session, of),
        "fresh": freshness_of(session, of, moment),
        "threads": threads[:3],
        "thread_count": len(threads),
        "corrections": corrections(session, caller, resource_id=of.id, limit=3).items,
        "correction_figures": correction_figures(session, moment, resource_id=of.id)[0],
        "reuses": shown,
        "follows": follows(session, of.id, caller),
        "followers": follower_count(session, of.id),
        "offered": bool(offers(session, of.id)) and not sick(session, of.id),
        "may_offer": of.state is State.PUBLISHED
        and of.access is not Access.CLOSED
        and may_offer(session, caller, of),
        "health": health_of(session, of.id),
        "history": history(session, of.id),
        "origin": harvest_origin(session, of.id),
        "may_edit": may_write(caller, of.provider),
        "application": open_application(session, of.id),
        "sources": sources(session, of.id, visible_to=caller),
        "derived": derived(session, of.id, visible_to=caller),
        "products": products(session, visible_to=caller, source=of.id, limit=20).items,
        "rights": rights_on(session, of.id, moment),
        "grading": grading_of(session, of.id)[1],
        "similar": similar(session, of.id, visible_to=caller),
    }


async def _look(request: Request, of: Resource, under: Identity | None) -> dict[str, Any]:
    """What the caller's view shows, or the reason why it shows nothing."""
    nothing: dict[str, Any] = {
        "open": False,
        "fields": [_described(meaning) for meaning in of.fields],
        "preview": None,
        "island": None,
        "imagery": None,
        "refusal": None,
        "version": None,
        "use": None,
        "profile": None,
    }
    if of.kind not in HELD_KINDS:
        return nothing
    given = under.parameters if under else {}
    try:
        found = await look(request, of.slug, lambda view, r: _sight(request, view, r, under), given)
        found["preview"], found["use"], found["profile"] = await _preview(request, of, given)
    except HeldElsewhere:
        return nothing
    except QuanyuError as error:
        return nothing | {"refusal": problem_of(request, error)}
    return nothing | found


def _sight(request: Request, view: View, of: Resource, under: Identity | None) -> dict[str, Any]:
    meanings = {meaning.name: meaning for meaning in of.fields}
    fields = [
        {
            "name": field.name,
            "type": field.type.value,
            "unit": field.unit or "",
            "meaning": meanings[field.name].meaning if field.name in meanings else None,
            "sensitivity": meanings[field.name].sensitivity
            if field.name in meanings
            else Sensitivity.PUBLIC,
        }
        for field in view.fields
    ]
    drawn = view.geometry is not GeometryType.NONE
    return {
        "open": True,
        "fields": fields,
        "version": {
            "number": view.version.number,
            "geometry": view.geometry.value if drawn else "—",
            "at": view.version.created_at,
            "drawn": drawn,
            "stands": view.stands,
            "cloud": view.cloud,
        },
        "island": {"layers": [layer_of(view, of, language_of(request), under)]} if drawn else None,
        "imagery": imagery_sight(view, of, under) if view.version.imagery else None,
    }


async def _preview(
    request: Request, of: Resource, given: dict[str, str]
) -> tuple[dict[str, Any] | None, str | None, Profile | None]:
    """The first rows, which is a use like any other: gated, counted, in evidence; with them the
    profile where it has been made."""
    seen: dict[str, Any] = {}
    profiles: list[Profile | None] = [None]

    def work(view: View) -> Answer:
        page = view.page(Query(limit=_ROWS))
        features = orjson.loads(b"[" + page.features + b"]")
        columns = [field.name for field in view.fields][:_COLUMNS]
        profiles[0] = view.kept_profile(guarded_fields(of))
        seen.update(
            columns=columns,
            rows=[_row(feature, columns) for feature in features],
            matched=page.matched if page.matched is not None else view.count(),
            version=view.version.number,
            at=view.version.created_at,
        )
        return Answer(media_type=MEDIA_TYPES["geojson"], body=page.features, rows=page.returned)

    answer = await serve_use(request, of.slug, work, face="features", given=given, form="geojson")
    return seen or None, answer.headers.get("quanyu-use"), profiles[0]


def _row(feature: dict[str, Any], columns: list[str]) -> dict[str, Any]:
    properties = feature.get("properties") or {}
    return {
        "id": str(feature["id"]),
        "cells": [_cell(properties.get(column)) for column in columns],
    }


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    if isinstance(value, bool):
        text = text.lower()
    return text if len(text) <= _LONGEST_CELL else f"{text[:_LONGEST_CELL]}…"


def _described(meaning: Any) -> dict[str, Any]:
    return {
        name: getattr(meaning, name) for name in ("name", "type", "unit", "meaning", "sensitivity")
    }


def _use_of(
    request: Request,
    of: Resource,
    under: Identity | None,
    seen: dict[str, Any],
    care: Care | None,
) -> dict[str, Any]:
    """Snippets and downloads, when there is something to get."""
    if not seen["open"]:
        return {"snippets": [], "downloads": [], "curl": "", "changes": None}
    parameters = under.parameters if under else {}
    query = f"?{under.query}" if under else ""
    address = f"{base_of(request)}/data/{of.slug}.csv{query}"
    token = '-H "Authorization: Bearer $QUANYU_TOKEN" ' if parameters else ""
    number = seen["version"]["number"]
    since = f"/data/{of.slug}/changes?since={number - 1}{'&' + under.query if under else ''}"
    return {
        "snippets": snippets(
            language_of(request),
            base_of(request),
            of.slug,
            parameters,
            stands=seen["version"]["stands"],
        ),
        "downloads": _downloads(request, of, query, seen, care),
        "curl": f'curl {token}-OJ -C - "{address}"',
        "changes": since if number > 1 else None,
    }


def _downloads(
    request: Request, of: Resource, query: str, seen: dict[str, Any], care: Care | None
) -> list[dict[str, Any]]:
    """Every form with a word on what it is for, and its size where it was measured."""
    drawn = seen["version"]["drawn"]
    measured = care is not None and care.profiled == seen["version"]["number"] and not query
    sizes = care.sizes if care is not None and measured else {}
    forms = (
        ("CSV", "csv", say(request, "any spreadsheet or program")),
        ("Excel", "xlsx", say(request, "at most {rows} rows", rows=MOST_XLSX_ROWS)),
        ("GeoJSON", "geojson", say(request, "web maps")),
        ("GeoPackage", "gpkg", say(request, "QGIS and other desktop GIS")),
        ("GeoParquet" if drawn else "Parquet", "parquet", say(request, "DuckDB, pandas, Spark")),
        ("FlatGeobuf", "fgb", say(request, "large maps, read in parts")),
        ("CityJSON", "city.json", say(request, "3D tools; footprints become blocks")),
        ("LAZ", "laz", say(request, "CloudCompare, PDAL, QGIS and other tools for point clouds")),
        ("Arrow", "arrow", say(request, "programs, column by column")),
        ("NDJSON", "ndjson", say(request, "a feature a line")),
        ("ZIP", "zip", say(request, "data, dictionary and licence together")),
    )
    return [
        {
            "name": name,
            "href": f"/data/{of.slug}.{form}{query}",
            "for": what,
            "size": sizes.get(name),
        }
        for name, form, what in forms
        if (drawn or form not in {"fgb", "city.json"})
        and (form != "laz" or seen["version"]["cloud"])
    ]


def _options(
    request: Request,
    of: Resource,
    caller: Caller,
    known: list[Identity],
    under: Identity | None,
) -> list[dict[str, Any]]:
    """What the visitor may look under, when there is a choice."""
    found = [
        {"key": one.key, "name": one.name(language_of(request)), "on": one == under}
        for one in known
    ]
    if found and (of.access is Access.OPEN or of.provider == caller.party):
        name = say(request, "Open to all" if of.access is Access.OPEN else "As its holder")
        found.insert(0, {"key": "", "name": name, "on": under is None})
    return found if len(found) > 1 else []


def _access_text(request: Request, caller: Caller, of: Resource, under: Identity | None) -> str:
    if of.distributions:
        return say(request, "Its data are held elsewhere; below is where to get them.")
    if of.access is Access.OPEN:
        return say(request, "Anybody may use it, without an account; the source is to be named.")
    if of.provider == caller.party:
        return say(request, "Your party holds it.")
    if under is not None:
        return say(
            request,
            "You see what your agreement shows: {name}",
            name=under.name(language_of(request)),
        )
    if of.access is Access.CLOSED:
        return say(request, "It is not shared; the catalogue says only that it exists.")
    return say(request, "It is shared by agreement: ask the provider, saying what you need it for.")
