"""Figures of a stream's observations by time, drawn: of all datastreams of an observed property
together, or of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from quanyu.catalogue import Kind
from quanyu.kernel import Invalid, NotFound, QuanyuError, Refused, day_in_zone, in_zone, now
from quanyu.spacetime import Unit
from quanyu.streams import Sight, answer, figures_of, printed_unit, query_options, target_of_path
from quanyu.web.days import day
from quanyu.web.portal.entry_visit import EntryVisit, entry_frame, entry_visit
from quanyu.web.portal.visit import (
    TheNode,
    Visitor,
    filter_of,
    link_to,
    problem_of,
    reading,
    say,
    show,
)
from quanyu.web.serve_stream import root_url, serve_stream
from quanyu.web.serve_use import Answer

router = APIRouter(include_in_schema=False)
MOST_DRAWN = 8
MOST_SPANS = 2_000
_MOST_PROPERTIES = 200
_FUNCTIONS = ("count", "mean", "min", "max")
_TOGETHER, _APART = "together", "apart"
SPANS: dict[Unit, tuple[str, timedelta]] = {
    Unit.MINUTE: ("Every minute", timedelta(minutes=1)),
    Unit.HOUR: ("Every hour", timedelta(hours=1)),
    Unit.DAY: ("Every day", timedelta(days=1)),
    Unit.WEEK: ("Every week", timedelta(days=7)),
    Unit.MONTH: ("Every month", timedelta(days=28)),
    Unit.QUARTER: ("Every quarter", timedelta(days=90)),
    Unit.YEAR: ("Every year", timedelta(days=365)),
}
"""Spans of time by name, and how long each is at least."""
PERIODS = {1: "One day", 7: "One week", 30: "30 days", 365: "One year"}
_HOURLY, _DAILY = timedelta(days=14), timedelta(days=800)
MEASURES = {"mean": "Mean", "max": "Maximum", "min": "Minimum"}
_SHORT = {Unit.MINUTE, Unit.HOUR}
"""Spans that are told by their time, others by their day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What is to be drawn, of an observed property (``None``: of all), from the first day to the
    ``last``, which are days of the node's ``zone``."""

    of: str | None
    first: date
    last: date
    every: Unit
    apart: bool
    zone: str

    @property
    def within(self) -> str:
        zone = ZoneInfo(self.zone)
        start, end = (
            datetime.combine(one, time(), zone).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            for one in (self.first, self.last + timedelta(days=1))
        )
        return f"phenomenonTime ge {start} and phenomenonTime lt {end}"


@dataclass(frozen=True, slots=True)
class _Drawing:
    """A chart: of which datastream (``None``: all together), and the spans in order."""

    name: str
    unit: str
    datastream: Any = None
    spans: list[dict[str, Any]] = field(default_factory=list)


@router.get("/resources/{name}/figures")
async def figures_page(request: Request, node: TheNode, caller: Visitor, name: str) -> Response:
    """Charts with their tables; each page that is looked at is a use, gated and in evidence."""
    key = request.query_params.get("as")
    visit = await reading(node, lambda session: entry_visit(session, caller, name, key))
    if visit.of.kind is not Kind.STREAM or visit.of.distributions:
        raise NotFound("{id} is no stream", id=visit.of.slug)
    zone = node.settings.time_zone
    apart = filter_of(request, "of", (_TOGETHER, _APART), _TOGETHER) == _APART
    seen, problem = await _described(request, visit, _Seen(zone, now()), apart=apart)
    drawn, use = list[_Drawing](), None
    if seen.asked is not None:
        try:
            drawn, use = await _drawn(request, visit, seen.asked, seen.datastreams)
            problem = None
        except QuanyuError as error:
            problem = problem_of(request, error)
    asked = seen.asked
    context = entry_frame(request, visit, "figures") | {
        "given": _given(request, seen, apart=apart),
        "properties": seen.properties,
        "units": [(one.value, say(request, SPANS[one][0])) for one in SPANS],
        "periods": _periods(request, seen),
        "plots": [
            _plot(request, place, one, asked.every, zone)
            for place, one in enumerate(drawn)
            if asked is not None
        ],
        "count": seen.count,
        "zone": zone,
        "next_href": None if seen.next is None else link_to(request, after=seen.next),
        "csv": "" if asked is None else _csv(visit, asked, [one.datastream for one in drawn]),
        "problem": problem,
        "use": use,
        "now": now(),
    }
    twin = {
        "resource": visit.of.slug,
        "properties": seen.properties,
        "property": asked and asked.of,
        "start": asked and asked.first,
        "end": asked and asked.last,
        "by": asked and asked.every.value,
        "timeZone": zone,
        "datastreams": seen.count,
        "next": seen.next,
        "figures": drawn,
        "refusal": problem,
        "use": use,
    }
    return show(request, "resource_figures.html", context, twin=twin)


@dataclass(slots=True)
class _Seen:
    """What reading tells: observed properties to choose from, when the newest observation was, what
    is asked for among these, and the datastreams of it: how many, and a page of them to draw."""

    zone: str
    newest: datetime
    properties: list[str] = field(default_factory=list)
    asked: _Asked | None = None
    count: int | None = None
    datastreams: list[dict[str, Any]] = field(default_factory=list)
    next: str | None = None

    @property
    def last_day(self) -> date:
        """The day of the newest observation, by the node's clock."""
        return day_in_zone(self.newest, self.zone)


async def _described(
    request: Request, visit: EntryVisit, seen: _Seen, *, apart: bool
) -> tuple[_Seen, dict[str, Any] | None]:
    """What there is to draw, a use like any other; and why it may not be read, or nothing can be
    drawn. Who may not read but ask for figures is given those over all datastreams."""

    def work(sight: Sight) -> Answer:
        rows = _properties(request, visit, sight, seen)
        seen.asked = _asked(request, seen, apart=apart)
        if seen.asked.of is not None:
            rows += _datastreams(request, visit, sight, seen, seen.asked)
        told = {"properties": seen.properties, "datastreams": seen.datastreams}
        return Answer(media_type="application/json", body=orjson.dumps(told), rows=rows)

    try:
        try:
            await serve_stream(request, visit.of.slug, work, visit.parameters)
        except Refused as error:
            seen = _Seen(seen.zone, now())
            seen.asked = _asked(request, seen, apart=False)
            return seen, problem_of(request, error)
    except QuanyuError as error:
        seen.asked = None
        return seen, problem_of(request, error)
    return seen, None


def _properties(request: Request, visit: EntryVisit, sight: Sight, seen: _Seen) -> int:
    """Note observed properties and the newest observation; how many rows that takes."""
    rows = 0
    if {"ObservedProperty", "Datastream"} <= set(sight.scope.types):
        options = {"$orderby": "name", "$top": str(_MOST_PROPERTIES)}
        told = _ask(request, visit, sight, "ObservedProperties", options)["value"]
        names = (one.get("name") for one in told)
        seen.properties = list(dict.fromkeys(name for name in names if name))
        rows += len(told)
    if "phenomenonTime" in sight.kind("Observation").properties:
        options = {"$orderby": "phenomenonTime desc", "$top": "1"}
        for one in _ask(request, visit, sight, "Observations", options)["value"]:
            seen.newest = datetime.fromisoformat(one["phenomenonTime"].partition("/")[0])
            rows += 1
    return rows


def _datastreams(
    request: Request, visit: EntryVisit, sight: Sight, seen: _Seen, asked: _Asked
) -> int:
    """Note the datastreams of the property; how many rows that takes."""
    options = {
        "$filter": f"ObservedProperty/name eq {_literal(asked.of)}",
        "$count": "true",
        "$top": str(MOST_DRAWN if asked.apart else 1),
    }
    after = request.query_params.get("after")
    if after and asked.apart:
        options["$skiptoken"] = after
    if "Thing" in sight.kind("Datastream").navigations:
        options["$expand"] = "Thing"
    told = _ask(request, visit, sight, "Datastreams", options)
    seen.count = told["@iot.count"]
    seen.datastreams = told["value"] if asked.apart else []
    link = str(told.get("@iot.nextLink", ""))
    seen.next = link.rpartition("skiptoken=")[2] if asked.apart and "skiptoken=" in link else None
    return len(seen.datastreams)


async def _drawn(
    request: Request, visit: EntryVisit, asked: _Asked, datastreams: Sequence[dict[str, Any]]
) -> tuple[list[_Drawing], str | None]:
    """What is drawn, and the use that it was."""
    shown = [one for one in datastreams if "@iot.id" in one]
    if asked.apart and not shown:
        return [], None
    found: list[_Drawing] = []

    def work(sight: Sight) -> Answer:
        condition = _condition(asked, [one["@iot.id"] for one in shown])
        chosen = query_options({"$filter": condition}).options.filter
        made = figures_of(sight, chosen, asked.every, _FUNCTIONS, apart=asked.apart)
        rows = made.table.to_pylist()
        if asked.apart:
            drawings = {str(one["@iot.id"]): _of_datastream(one) for one in shown}
            for row in rows:
                drawings[str(row.pop("datastream"))].spans.append(row)
            found.extend(drawings.values())
        else:
            unit = printed_unit(made.unit or "")
            found.append(_Drawing(asked.of or say(request, "Result"), unit, spans=rows))
        body = orjson.dumps(rows, default=str)
        return Answer(media_type="application/json", body=body, rows=len(rows))

    said = await serve_stream(request, visit.of.slug, work, visit.parameters, "statistics")
    return found, said.headers.get("quanyu-use")


def _of_datastream(document: Mapping[str, Any]) -> _Drawing:
    unit = document.get("unitOfMeasurement") or {}
    thing = document.get("Thing") or {}
    names = [thing.get("name"), document.get("name") or str(document["@iot.id"])]
    symbol = printed_unit(str(unit.get("symbol") or ""))
    return _Drawing(" · ".join(str(one) for one in names if one), symbol, document["@iot.id"])


def _ask(
    request: Request, visit: EntryVisit, sight: Sight, path: str, options: Mapping[str, str]
) -> dict[str, Any]:
    base = root_url(request, visit.of.slug)
    about = (base, f"{base}/{path}", options)
    told = answer(sight, target_of_path(sight, path), query_options(options), about)
    found: dict[str, Any] = orjson.loads(told.body)
    return found


def _asked(request: Request, seen: _Seen, *, apart: bool) -> _Asked:
    """What the address asks for: without more a week up to the newest observation, of the first
    observed property. Raises :class:`Invalid`."""
    given, properties = request.query_params, seen.properties
    of = given.get("property") or next(iter(properties), None)
    if properties and of not in properties:
        raise Invalid(
            "there is no observed property “{name}”",
            field="property",
            mend="choose one of the list",
            name=str(of)[:80],
        )
    of = of if properties else None
    last = day(given["end"], "end") if given.get("end") else seen.last_day
    first = day(given["start"], "start") if given.get("start") else last - timedelta(days=6)
    if first > last:
        raise Invalid("the period ends before it begins", field="end", mend="choose a later end")
    whole = last - first + timedelta(days=1)
    every = _every(given.get("by") or "", whole)
    if whole / SPANS[every][1] > MOST_SPANS:
        raise Invalid(
            "a chart has {most} spans at most",
            field="by",
            mend="choose longer spans, or a shorter period",
            most=MOST_SPANS,
        )
    return _Asked(
        of=of, first=first, last=last, every=every, apart=apart and of is not None, zone=seen.zone
    )


def _every(text: str, whole: timedelta) -> Unit:
    if text:
        found = next((one for one in SPANS if one.value == text), None)
        if found is None:
            raise Invalid(
                "there is no such span of time", field="by", mend="choose one of the list"
            )
        return found
    if whole <= _HOURLY:
        return Unit.HOUR
    return Unit.DAY if whole <= _DAILY else Unit.MONTH


def _condition(asked: _Asked, identifiers: Sequence[Any]) -> str:
    if identifiers:
        which = " or ".join(f"Datastream/id eq {_literal(one)}" for one in identifiers)
        return f"({which}) and {asked.within}"
    if asked.of is None:
        return asked.within
    return f"Datastream/ObservedProperty/name eq {_literal(asked.of)} and {asked.within}"


def _literal(value: Any) -> str:
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


def _plot(request: Request, number: int, one: _Drawing, every: Unit, zone: str) -> dict[str, Any]:
    """A chart of means between the least and the greatest, and its table; spans of days and longer
    by their days."""
    starts = [(row["start"] if every in _SHORT else row["start"].date(), row) for row in one.spans]
    unit = f" ({one.unit})" if one.unit else ""
    option = {
        "unit": one.unit,
        "legend": {},
        "xAxis": {"type": "time"},
        # The unit stands above: beside every number it would take half of a phone.
        "yAxis": {"type": "value", "scale": True, "axisLabel": {"formatter": "{value}"}},
        "series": [
            {
                "type": "line",
                "name": say(request, name),
                "showSymbol": len(one.spans) == 1,
                "lineStyle": {"width": 2.2 if figure == "mean" else 1.8},
                "data": [[start.isoformat(), _rounded(row[figure])] for start, row in starts],
            }
            for figure, name in MEASURES.items()
        ],
    }
    head = [say(request, "Time"), *(say(request, name) + unit for name in MEASURES.values())]
    rows = [
        [_told(start, zone), *(_rounded(row[f]) for f in MEASURES), row["count"]]
        for start, row in starts
    ]
    return {
        "id": f"figures-{number}",
        "heading": f"{one.name}{unit}",
        "option": option,
        "table": ([*head, say(request, "Observations")], rows),
    }


def _told(start: date, zone: str) -> str:
    return in_zone(start, zone) if isinstance(start, datetime) else start.isoformat()


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _given(request: Request, seen: _Seen, *, apart: bool) -> dict[str, str]:
    """What the form says: what was typed where it is wrong, else what is drawn."""
    asked = seen.asked
    if asked is None:
        typed = {name: request.query_params.get(name, "") for name in ("property", "by")}
        last = seen.last_day.isoformat()
        typed |= {name: request.query_params.get(name) or last for name in ("start", "end")}
    else:
        typed = {
            "property": asked.of or "",
            "by": asked.every.value,
            "start": asked.first.isoformat(),
            "end": asked.last.isoformat(),
        }
    return typed | {"of": _APART if apart else _TOGETHER}


def _periods(request: Request, seen: _Seen) -> list[dict[str, Any]]:
    """Periods up to the newest observation, and which of them is drawn."""
    last, found = seen.last_day, []
    for days, name in PERIODS.items():
        first = last - timedelta(days=days - 1)
        href = link_to(request, by=None, start=first.isoformat(), end=last.isoformat())
        on = seen.asked is not None and (seen.asked.first, seen.asked.last) == (first, last)
        found.append({"name": say(request, name), "href": href, "on": on})
    return found


def _csv(visit: EntryVisit, asked: _Asked, identifiers: Sequence[Any]) -> str:
    """The same figures as a table for programs."""
    measures = ["count", *(f"{one}:result" for one in _FUNCTIONS[1:])]
    given = {
        "by": f"Datastream,{asked.every.value}" if asked.apart else asked.every.value,
        "measure": ",".join(measures),
        "$filter": _condition(asked, [one for one in identifiers if one is not None]),
        "f": "csv",
        **visit.parameters,
    }
    return f"/sensorthings/{visit.of.slug}/statistics?{urlencode(given)}"
