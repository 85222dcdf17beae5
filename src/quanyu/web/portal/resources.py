"""The page of one resource: what it is, who may have it, a look at it, how to use it."""

from typing import Any

import orjson
from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from quanyu.agreements import offers
from quanyu.catalogue import (
    LICENCES,
    Access,
    Kind,
    Licence,
    Resource,
    Sensitivity,
    StepKind,
    derived,
    history,
    may_write,
    open_application,
    resource,
    sources,
)
from quanyu.kernel import LocalText, QuanyuError
from quanyu.parties import Caller, party
from quanyu.spacetime import GeometryType, Query, View
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.node import base_of
from quanyu.web.pages import language_of
from quanyu.web.portal.identities import Identity, chosen, identities
from quanyu.web.portal.layers import layer_of
from quanyu.web.portal.snippets import snippets
from quanyu.web.portal.uses import UseCount
from quanyu.web.portal.visit import TheNode, Visitor, link_to, problem_of, reading, say, show
from quanyu.web.serve_use import Answer, look, serve_use

router = APIRouter(include_in_schema=False)
_ROWS = 8
_COLUMNS = 7
_LONGEST_CELL = 60
_uses = UseCount()
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
    known = await reading(node, lambda session: _read(session, caller, name))
    of: Resource = known["resource"]
    under = chosen(request.query_params.get("as"), known["identities"])
    if under is None and of.access is not Access.OPEN and of.provider != caller.party:
        under = next(iter(known["identities"]), None)
    seen = await _look(request, of, under)
    context = known | seen | _use_of(request, of, under, seen)
    context |= {
        "identity_options": _options(request, of, caller, known["identities"], under),
        "as_key": under.key if under else "",
        "access_text": _access_text(request, caller, of, under),
        "licence": _licence(of.licence),
        "step_names": {kind: say(request, text) for kind, text in STEPS.items()},
        "can_request": of.provider != caller.party
        and known["offered"]
        and of.access is not Access.OPEN,
        "links": [("OGC API – Records", f"/ogc/records/collections/catalogue/items/{of.id}")],
        "json_href": link_to(request, f="json"),
    }
    context["uses"], context["uses_at"] = await run_in_threadpool(_uses.of, node.log, of.id)
    twin = {
        "resource": of,
        "provider": known["provider"],
        "open_to_you": seen["open"],
        "fields": seen["fields"],
        "preview": seen["preview"],
        "refusal": seen["refusal"],
        "uses": {"count": context["uses"], "at": context["uses_at"]},
        "history": known["history"],
    }
    return show(request, "resource.html", context, twin=twin)


def _read(session: Session, caller: Caller, name: str) -> dict[str, Any]:
    of = resource(session, name, visible_to=caller)
    return {
        "resource": of,
        "provider": party(session, of.provider),
        "identities": identities(session, caller, of.id),
        "offered": bool(offers(session, of.id)),
        "history": history(session, of.id),
        "may_edit": may_write(caller, of.provider),
        "application": open_application(session, of.id),
        "sources": sources(session, of.id, visible_to=caller),
        "derived": derived(session, of.id, visible_to=caller),
    }


async def _look(request: Request, of: Resource, under: Identity | None) -> dict[str, Any]:
    """What the caller's view shows, or the reason why it shows nothing."""
    nothing: dict[str, Any] = {
        "open": False,
        "fields": [_described(meaning) for meaning in of.fields],
        "preview": None,
        "island": None,
        "refusal": None,
        "version": None,
        "use": None,
    }
    if of.kind is not Kind.DATASET:
        return nothing
    given = under.parameters if under else {}
    try:
        found = await look(request, of.slug, lambda view, r: _sight(request, view, r, under), given)
        found["preview"], found["use"] = await _preview(request, of, given)
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
        },
        "island": {"layers": [layer_of(view, of, language_of(request), under)]} if drawn else None,
    }


async def _preview(
    request: Request, of: Resource, given: dict[str, str]
) -> tuple[dict[str, Any] | None, str | None]:
    """The first rows, which is a use like any other: gated, counted, in evidence."""
    seen: dict[str, Any] = {}

    def work(view: View) -> Answer:
        page = view.page(Query(limit=_ROWS))
        features = orjson.loads(b"[" + page.features + b"]")
        columns = [field.name for field in view.fields][:_COLUMNS]
        seen.update(
            columns=columns,
            rows=[_row(feature, columns) for feature in features],
            matched=page.matched if page.matched is not None else view.count(),
            version=view.version.number,
            at=view.version.created_at,
        )
        return Answer(media_type=MEDIA_TYPES["geojson"], body=page.features, rows=page.returned)

    answer = await serve_use(request, of.slug, work, face="features", given=given, form="geojson")
    return seen or None, answer.headers.get("quanyu-use")


def _row(feature: dict[str, Any], columns: list[str]) -> dict[str, Any]:
    properties = feature.get("properties") or {}
    return {
        "id": str(feature["id"]),
        "cells": [_cell(properties.get(column)) for column in columns],
    }


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= _LONGEST_CELL else f"{text[:_LONGEST_CELL]}…"


def _described(meaning: Any) -> dict[str, Any]:
    return {
        name: getattr(meaning, name) for name in ("name", "type", "unit", "meaning", "sensitivity")
    }


def _use_of(
    request: Request, of: Resource, under: Identity | None, seen: dict[str, Any]
) -> dict[str, Any]:
    """Snippets and downloads, when there is something to get."""
    if not seen["open"]:
        return {"snippets": [], "downloads": [], "agreement_query": ""}
    drawn = seen["version"]["drawn"]
    parameters = under.parameters if under else {}
    query = f"?{under.query}" if under else ""
    forms = {
        "GeoJSON": "geojson",
        "CSV": "csv",
        "GeoParquet": "parquet",
        "FlatGeobuf": "fgb",
        "Arrow": "arrow",
    }
    return {
        "snippets": snippets(language_of(request), base_of(request), of.slug, parameters),
        "downloads": [
            {"name": name, "href": f"/data/{of.slug}.{form}{query}"}
            for name, form in forms.items()
            if drawn or form != "fgb"
        ],
        "agreement_query": f"&{under.query}" if under else "",
    }


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


def _licence(key: str) -> Licence:
    return LICENCES.get(key) or Licence(LocalText(en=key), key if key.startswith("http") else "")
