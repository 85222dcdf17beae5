"""Facilities 设施: the card of a thing, and the things of a stream, for people."""

from datetime import datetime
from operator import itemgetter
from typing import Any
from urllib.parse import quote

import orjson
from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from quanyu.catalogue import Resource, health_figures, resource
from quanyu.kernel import Invalid, in_zone, now
from quanyu.operations import (
    AlertFilter,
    AlertState,
    OrderFilter,
    assets_called,
    find_alerts,
    list_work_orders,
)
from quanyu.parties import Caller, Role, Scope, parties
from quanyu.streams import (
    Card,
    Flag,
    Sight,
    Span,
    answer,
    facility_card,
    printed_unit,
    query_options,
    target_of_path,
)
from quanyu.web.node import Node
from quanyu.web.portal.alert_pages import titles_of
from quanyu.web.portal.alert_words import alert_words
from quanyu.web.portal.asset_pages import asset_words
from quanyu.web.portal.health_words import health_badge
from quanyu.web.portal.layers import ground_of
from quanyu.web.portal.visit import TheNode, Visitor, link_to, local, reading, say, show
from quanyu.web.portal.work_order_words import order_words
from quanyu.web.rules import sight_for
from quanyu.web.serve_stream import root_url, serve_stream
from quanyu.web.serve_use import Answer

router = APIRouter(include_in_schema=False)
SPANS = {Span.DAY: "One day", Span.WEEK: "One week", Span.YEAR: "One year"}
_TOP, _SHOWN, _GROUND = 100, 10, 6
FLAGS = {
    Flag.PASS: "Passed",
    Flag.NOT_EVALUATED: "Not evaluated",
    Flag.SUSPECT: "Suspect",
    Flag.FAIL: "Failed the tests",
    Flag.MISSING: "Value missing",
}
QUALITY_TESTS = {
    "gross_range_test": "Gross range",
    "spike_test": "Spike",
    "rate_of_change_test": "Rate of change of the value",
    "flat_line_test": "Flat line",
}
PROPERTY_NAMES = {
    "template": "Template",
    "source": "Source",
    "replay": "Played back",
    "speed": "Speed of playing back",
    "cadence": "Promised cadence",
    "owner": "Owner",
    "operator": "Operator of the facility",
    "maintainer": "Maintained by",
    "manufacturer": "Manufacturer",
    "model": "Model",
    "serial_number": "Serial number",
    "installed": "Installed on",
    "installed_at": "Installed on",
    "address": "Address",
    "street": "Street",
    "district": "District",
    "material": "Material",
    "height": "Height",
    "height_m": "Height (m)",
    "elevation_m": "Elevation (m)",
    "diameter_mm": "Diameter (mm)",
    "power_w": "Power (W)",
    "note": "Note",
}
"""Names of properties of things that are known; those of others are shown as they are."""
_SHAPES = ((Flag.SUSPECT, "triangle", "var(--amber)"), (Flag.FAIL, "diamond", "var(--seal)"))


@router.get("/facilities/{slug}")
async def things_page(request: Request, node: TheNode, caller: Visitor, slug: str) -> Response:
    """The things of a stream that may be seen, a page at a time."""
    of = await reading(node, lambda session: resource(session, slug, visible_to=caller))
    after = request.query_params.get("after")
    base = root_url(request, slug)
    options = {"$top": str(_TOP), "$count": "true", "$expand": "Locations($top=1)"}
    if after is not None:
        options["$skiptoken"] = after
    found: dict[str, Any] = {}

    def work(sight: Sight) -> Answer:
        kind = sight.scope.types.get("Thing")
        if kind is None or "Locations" not in kind.navigations:
            options.pop("$expand")
        here = f"/facilities/{slug}"
        told = answer(
            sight, target_of_path(sight, "Things"), query_options(options), (base, here, options)
        )
        found.update(orjson.loads(told.body))
        return Answer(media_type=told.media_type, body=told.body, rows=told.rows)

    said = await serve_stream(request, slug, work, _given(request))
    link = str(found.get("@iot.nextLink", ""))
    token = link.rpartition("skiptoken=")[2] if "skiptoken=" in link else None
    rows = [
        {
            "id": one.get("@iot.id", ""),
            "name": one.get("name") or one.get("@iot.id", ""),
            "description": one.get("description", ""),
            "href": _href(slug, one),
            "place": _place(one.get("Locations", ())),
        }
        for one in found.get("value", ())
    ]
    context = {
        "resource": of,
        "things": rows,
        "count": found.get("@iot.count", len(rows)),
        "root": base,
        "writes": caller.party == of.provider
        and any(caller.may(role, Scope.WRITE) for role in (Role.SUPPLIER, Role.STEWARD)),
        "next_href": None if token is None else link_to(request, after=token),
    }
    return _told(show(request, "facilities.html", context, twin=found), said)


@router.get("/facilities/{slug}/{thing:path}")
async def card_page(
    request: Request, node: TheNode, caller: Visitor, slug: str, thing: str
) -> Response:
    """What a thing is, where it is, what it observes."""
    of = await reading(node, lambda session: resource(session, slug, visible_to=caller))
    span = _span(request)
    base = root_url(request, slug)
    cards: list[Card] = []

    def work(sight: Sight) -> Answer:
        card = facility_card(sight, thing, span, base)
        cards.append(card)
        body = orjson.dumps({"thing": card.thing, "datastreams": card.datastreams})
        return Answer(media_type="application/json", body=body, rows=1 + len(card.datastreams))

    said = await serve_stream(request, slug, work, _given(request))
    card = cards[0]
    about = await reading(
        node, lambda session: _about(session, request, of, node=node, caller=caller, thing=thing)
    )
    place = _place(card.thing.get("Locations", ()))
    points = [] if place is None else [{**place, "title": card.thing.get("name", thing)}]
    context = about | alert_words(request) | order_words(request) | asset_words(request) | {
        "resource": of,
        "thing": card.thing,
        "thing_id": thing,
        "place": place,
        "properties": _properties(request, card.thing.get("properties")),
        "island": {"layers": await ground_of(request, _GROUND) if points else [], "points": points},
        "events": f"/sensorthings/{quote(slug)}/events",
        "now": now(),
        "plots": [
            _plot(request, number, one, node.settings.time_zone)
            for number, one in enumerate(card.datastreams)
        ],
        "spans": [
            {
                "name": say(request, text),
                "href": link_to(request, span=one.value),
                "on": one is span,
            }
            for one, text in SPANS.items()
        ],
        "root": base,
    }  # fmt: skip
    twin = {"resource": of.slug, "span": span, "thing": card.thing, "datastreams": card.datastreams}
    return _told(show(request, "facility.html", context, twin=twin), said)


def _about(
    session: Session, request: Request, of: Resource, *, node: Node, caller: Caller, thing: str
) -> dict[str, Any]:
    """What is known of a thing elsewhere: health of its stream, alerts, orders, its asset."""
    figure = health_figures(session, [of.id]).get(of.id)
    wanted = AlertFilter(states=tuple(AlertState), resource=of.id, thing=thing)
    alerts = find_alerts(session, sight_for(session, node, caller), wanted, limit=_SHOWN).alerts
    orders = list_work_orders(session, caller, OrderFilter(thing=thing), limit=_SHOWN).items
    return {
        "health": None if figure is None else health_badge(request, figure),
        "alerts": alerts,
        "titles": titles_of(session, request, alerts),
        "orders": orders,
        "assets": assets_called(session, thing, caller),
        "names": {one.id: local(request, one.name) for one in parties(session)} if orders else {},
    }


def _properties(request: Request, said: Any) -> list[tuple[str, Any, bool]]:
    """Properties of a thing: name, value, and whether the name is known."""
    if not isinstance(said, dict):
        return []
    templates = asset_words(request)["template_names"]
    return [
        (
            say(request, PROPERTY_NAMES[name]) if name in PROPERTY_NAMES else name,
            templates.get(value, value) if name == "template" and isinstance(value, str) else value,
            name in PROPERTY_NAMES,
        )
        for name, value in said.items()
    ]


def _plot(request: Request, number: int, one: Any, zone: str) -> dict[str, Any]:
    """A datastream as a row of the table and as a chart."""
    document = one.document
    unit = document.get("unitOfMeasurement") or {}
    symbol = printed_unit(str(unit.get("symbol") or "")) if isinstance(unit, dict) else ""
    name = str(document.get("name") or document.get("@iot.id", ""))
    seen = document.get("ObservedProperty") or {}
    points = [[start.isoformat(), round(mean, 6)] for start, mean in one.means]
    flagged = [
        {
            "type": "scatter",
            "name": say(request, FLAGS[flag]),
            "symbol": shape,
            "symbolSize": 9,
            "itemStyle": {"color": colour},
            "data": [
                [start.isoformat(), value] for start, value, code in one.doubtful if code == flag
            ],
        }
        for flag, shape, colour in _SHAPES
        if any(code == flag for _, _, code in one.doubtful)
    ]
    option = {
        "unit": symbol,
        "xAxis": {"type": "time"},
        # The unit stands above: beside every number it would take half of a phone.
        "yAxis": {"type": "value", "scale": True, "axisLabel": {"formatter": "{value}"}},
        "series": [{"type": "line", "name": name, "showSymbol": False, "data": points}, *flagged],
    }
    if flagged:
        option["legend"] = {}
    told: list[tuple[Any, ...]] = [(start, mean) for start, mean in one.means]
    head = [say(request, "Time"), say(request, "Mean") + (f" ({symbol})" if symbol else "")]
    if flagged:
        head.append(say(request, "Quality"))
        told = [(*row, None) for row in told]
        told += [(at, value, say(request, FLAGS[code])) for at, value, code in one.doubtful]
        told.sort(key=itemgetter(0))
    rows = [[in_zone(at, zone), *rest] for at, *rest in told]
    latest = one.latest or {}
    return {
        "id": f"stream-{number}",
        "stream": str(document.get("@iot.id", "")),
        "name": name,
        "property": seen.get("name", ""),
        "symbol": symbol,
        "heading": f"{name} ({symbol})" if symbol else name,
        "value": _text(latest.get("result")),
        "at": _moment(latest.get("phenomenonTime")),
        "quality": _quality(request, latest.get("resultQuality")),
        "href": document.get("@iot.selfLink", ""),
        "option": option,
        "table": (head, rows),
    }


def _quality(request: Request, value: Any) -> str:
    """Quality in words: the flag of all tests and those that were not passed, else as it is."""
    result = value.get("DQ_Result") if isinstance(value, dict) else None
    if not isinstance(result, dict) or result.get("code") not in FLAGS:
        return "" if value is None else _text(value)
    said = say(request, FLAGS[result["code"]])
    failed = [
        say(request, QUALITY_TESTS[name])
        for name, flag in result.items()
        if name in QUALITY_TESTS and flag >= Flag.SUSPECT
    ]
    given = value.get("given")
    told = f"{said} ({', '.join(failed)})" if failed else said
    return told if given is None else f"{told} · {_text(given)}"


def _moment(text: str | None) -> datetime | None:
    """When an observation was, or began."""
    return None if not text else datetime.fromisoformat(text.partition("/")[0])


def _text(value: Any) -> str:
    if value is None:
        return "—"
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _place(locations: Any) -> dict[str, Any] | None:
    """The first place with a point: longitude, latitude, name."""
    for named in locations or ():
        location = named.get("location") or {}
        location = location.get("geometry") or location
        if location.get("type") == "Point":
            lon, lat = (round(one, 7) for one in location["coordinates"][:2])
            return {"name": named.get("name", ""), "lon": lon, "lat": lat}
    return None


def _href(slug: str, thing: dict[str, Any]) -> str:
    return f"/facilities/{slug}/{quote(str(thing.get('@iot.id', '')), safe='')}"


def _span(request: Request) -> Span:
    text = request.query_params.get("span", Span.WEEK.value)
    try:
        return Span(text)
    except ValueError as error:
        raise Invalid(
            "there is no span {span}", field="span", mend="use day, week or year", span=text[:20]
        ) from error


def _given(request: Request) -> dict[str, str]:
    return {
        name: request.query_params[name]
        for name in ("agreement", "purpose")
        if name in request.query_params
    }


def _told(page: Response, said: Response) -> Response:
    """The page with what its use is told by: its agreement and its receipt."""
    for name in ("quanyu-agreement", "quanyu-use", "link"):
        if name in said.headers:
            page.headers[name] = said.headers[name]
    return page
