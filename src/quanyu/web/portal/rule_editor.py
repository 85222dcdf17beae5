"""The editor of rules: fields of a form, and the YAML that they write, each of which may be sent.

Both make the same :class:`~quanyu.operations.Rule`. A rule that says more than the form has fields
for is shown as YAML alone.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.responses import Response

from quanyu.catalogue import Kind, Resource, Search, resource, search
from quanyu.kernel import Invalid, Language, QuanyuError, now
from quanyu.operations import (
    BackTest,
    Rule,
    calendars,
    instant,
    keep_rule,
    may_keep_rules,
    parse_rule,
    peak_unit,
    read_rules,
    worst_text,
)
from quanyu.parties import Caller, Role
from quanyu.streams import WatchedStream, datastreams_where, printed_unit, watched_streams
from quanyu.web.alert_documents import back_test_document
from quanyu.web.node import Node
from quanyu.web.pages import language_of
from quanyu.web.portal.alert_words import KINDS, SEVERITIES, alert_words
from quanyu.web.portal.people import ROLES
from quanyu.web.portal.rule_charts import test_charts
from quanyu.web.portal.rule_form import (
    STEPS,
    TERM_KINDS,
    TERMS,
    UNITS,
    document_of,
    fields_of,
    input_of,
)
from quanyu.web.portal.visit import (
    Member,
    TheNode,
    filter_of,
    go,
    local,
    reading,
    say,
    show,
    writing,
)
from quanyu.web.portal.work_order_words import order_words
from quanyu.web.rules import seen_rule, span_of, state_of, try_rule
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)
MOST_SHOWN = 200
"""Datastreams to pick from."""
_SPAN = timedelta(days=90)
_MOST_TOLD = 500
STARTS: dict[str, str] = {
    "threshold": "when: {kind: threshold, above: 150, clear_below: 115, for: 3h}\n",
    "rate": "when: {kind: rate, rise: 100, over: 3h}\n",
    "missing": "when: {kind: missing, for: 3h}\n",
    "geofence": (
        "when:\n  kind: geofence\n  alarm: inside\n  area:\n    type: Polygon\n    coordinates:\n"
        "    - [[116.3, 39.9], [116.4, 39.9], [116.4, 40.0], [116.3, 40.0], [116.3, 39.9]]\n"
    ),
    "anomaly": "when: {kind: anomaly, score: 6, side: above, least: 10}\n",
    "composite": (
        "when:\n  kind: composite\n  by: thing\n  terms:\n"
        "    high:\n      when: {kind: threshold, above: 150}\n"
        "    rising:\n      when: {kind: rate, rise: 50, over: 3h}\n"
        "  logic: {all: [high, rising]}\n"
    ),
}
SPANS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
TERM_WORDS = {
    "above": "is above",
    "below": "is below",
    "rise": "rises by more than",
    "fall": "falls by more than",
    "missing": "does not come",
}
GROUPS = {
    "thing": "alerts of one thing",
    "area": "alerts of one neighbourhood",
    "rule": "all alerts of the rule",
    "none": "each alert of itself",
}


@dataclass(frozen=True, slots=True)
class Written:
    """What stands in the editor: ``fields`` is ``None`` where only the YAML says it."""

    text: str
    fields: dict[str, str] | None
    key: str = ""
    since: str = ""
    until: str = ""


@router.get("/rules/new")
async def new_rule(request: Request, node: TheNode, caller: Member) -> Response:
    """The editor, with something to begin from."""
    kind = filter_of(request, "kind", set(STARTS), "threshold")
    streams = await reading(node, lambda s: rule_streams(s, request, caller))
    slug = request.query_params.get("stream", "") or (streams[0][0] if streams else "air")
    return await _editor(request, node, caller, _beginning(kind, slug), streams=streams)


@router.post("/rules/edit")
async def edit_rule(request: Request, node: TheNode, caller: Member) -> Response:
    """Show, try on history, or keep what was written, in fields or as YAML."""
    await check_csrf_of(request)
    form = await request.form()
    written = _sent(form)
    wish = str(form.get("do", "test"))
    try:
        if wish == "show" and written.fields is not None:
            return await _editor(request, node, caller, written)
        rule = _rule(written)
        if form.get("way") == "yaml":
            written = _written(rule, written)
        if wish == "show":
            return await _editor(request, node, caller, written)
        if wish == "test":
            start, end = _span(node, written.since, written.until)
            made, names = await run_in_threadpool(try_rule, node, caller, rule, start, end)
            return await _editor(request, node, caller, written, tested=(rule, made, names))
        state = state_of(wish)
        kept = await writing(node, lambda s: keep_rule(s, caller, rule, state))
    except QuanyuError as error:
        return await _editor(request, node, caller, written, error=error)
    return go(f"/rules/{kept.key}")


@router.get("/rules/{key}/edit")
async def rule_editor(request: Request, node: TheNode, caller: Member, key: str) -> Response:
    """The editor of a rule."""
    one = await reading(node, lambda s: seen_rule(s, node, caller, key))
    return await _editor(request, node, caller, _written(one.rule, Written("", None, key)))


def yaml_of(document: Any) -> str:
    """A rule as YAML."""
    return yaml.safe_dump(
        dict(document), allow_unicode=True, sort_keys=False, default_flow_style=None, width=88
    )


def _beginning(kind: str, slug: str) -> Written:
    said = f"id: my-rule\ntitle: {{zh: 新规则, en: New rule}}\nstream: {slug}\nseverity: major\n"
    return _written(read_rules(f"{said}{STARTS[kind]}escalate: [{{to: steward}}]\n")[0])


def _written(rule: Rule, before: Written | None = None) -> Written:
    at = before or Written("", None)
    return Written(yaml_of(rule.document), fields_of(rule), at.key, at.since, at.until)


def _sent(form: FormData) -> Written:
    """What was sent: a text, or fields, whose text is what they write."""
    key, since, until = (str(form.get(name, "")) for name in ("key", "since", "until"))
    if form.get("way") == "yaml":
        text = str(form.get("text", "")).replace("\r\n", "\n")
        return Written(text, None, key, since, until)
    own = {"csrf_token", "do", "key", "since", "until", "way", "was"}
    fields = {name: str(value) for name, value in form.items() if name not in own}
    chosen = [str(one) for one in form.getlist("watch.datastreams")]
    fields["watch.datastreams"] = "\n".join(chosen)
    if fields.get("when.kind") not in STARTS:
        fields["when.kind"] = "threshold"
    kind = fields["when.kind"]
    if form.get("was") != kind:
        begun = _beginning(kind, "air").fields or {}
        fields = {name: text for name, text in fields.items() if not name.startswith("when.")}
        fields |= {name: text for name, text in begun.items() if name.startswith("when.")}
    try:
        text = yaml_of(document_of(fields))
    except Invalid:
        text = ""
    return Written(text, fields, key, since, until)


def _rule(written: Written) -> Rule:
    if written.fields is not None:
        return parse_rule(document_of(written.fields))
    rules = read_rules(written.text)
    if len(rules) != 1:
        raise Invalid("one rule is written at a time", field="rules")
    return rules[0]


def _span(node: Node, since: str, until: str) -> tuple[datetime, datetime]:
    """From the beginning of a day until the end of another, in the node's time zone."""
    zone = ZoneInfo(node.settings.time_zone)
    try:
        end = datetime.fromisoformat(until).replace(tzinfo=zone) if until else now()
        start = datetime.fromisoformat(since).replace(tzinfo=zone) if since else end - _SPAN
    except ValueError as error:
        raise Invalid("a day is needed here", field="since", mend="such as 2026-11-02") from error
    if until:
        end += timedelta(days=1)
    return span_of(start.isoformat(), end.isoformat())


def rule_streams(session: Session, request: Request, caller: Caller) -> list[tuple[str, str]]:
    """Slugs and titles of the streams whose rules the caller keeps."""
    wanted = Search(kinds=frozenset({Kind.STREAM}), limit=100, facets=False)
    page = search(session, wanted, visible_to=caller)
    return [
        (one.slug, local(request, one.title)) for one in page.hits if may_keep_rules(caller, one)
    ]


def _picker(session: Session, caller: Caller, fields: dict[str, str]) -> dict[str, Any]:
    """Datastreams to choose from, those that are chosen first; who may be told."""
    nothing: dict[str, Any] = {"datastreams": [], "properties": [], "called": [], "more": False}
    try:
        of: Resource = resource(session, fields.get("stream", ""), visible_to=caller)
    except QuanyuError:  # the stream is named when the rule is read
        return nothing
    if of.kind is not Kind.STREAM or not may_keep_rules(caller, of):
        return nothing
    chosen = fields.get("watch.datastreams", "").split("\n")
    numbers = datastreams_where(session, of.id, datastreams=chosen) if chosen[0] else []
    found = datastreams_where(session, of.id, limit=MOST_SHOWN + 1)
    known = watched_streams(session, [*numbers, *found[:MOST_SHOWN]])
    names = {one.observed_properties[0][0] for one in known.values() if one.observed_properties}
    return {
        "datastreams": sorted(
            known.values(), key=lambda one: (one.id not in chosen, one.thing_name, one.name)
        ),
        "properties": [(name, name) for name in sorted(names)],
        "called": [one.name for one in calendars(session, of.provider)],
        "more": len(found) > MOST_SHOWN,
    }


def _unit(fields: dict[str, str], known: list[WatchedStream]) -> str:
    """The unit of what is watched, where it is one."""
    chosen = set(fields.get("watch.datastreams", "").split("\n")) - {""}
    wanted = fields.get("watch.observed_property", "")
    units = {
        one.unit
        for one in known
        if (not chosen or one.id in chosen)
        and (not wanted or any(wanted in names for names in one.observed_properties))
    }
    return printed_unit(units.pop()) if len(units) == 1 else ""


def _told(made: BackTest, language: Language, unit: str) -> list[dict[str, Any]]:
    return [
        {
            "subject": one.subject,
            "begin": instant(one.begin),
            "end": None if one.end is None else instant(one.end),
            "worst": worst_text(language, one.peak, unit) or "—",
        }
        for one in made.episodes[:_MOST_TOLD]
    ]


async def _editor(
    request: Request,
    node: Node,
    caller: Caller,
    written: Written,
    *,
    streams: list[tuple[str, str]] | None = None,
    tested: tuple[Rule, BackTest, dict[str, str]] | None = None,
    error: QuanyuError | None = None,
) -> Response:
    if streams is None:
        streams = await reading(node, lambda s: rule_streams(s, request, caller))
    fields = written.fields
    picked = await reading(node, lambda s: _picker(s, caller, fields or {}))
    charts = None
    if tested:
        of = await reading(node, lambda s: resource(s, tested[0].stream, visible_to=caller))
        # Observations themselves are shown to their provider; others read them through the gate.
        own = of.provider == caller.party
        charts = await run_in_threadpool(test_charts, request, node, *tested, own=own)
    told = [
        (f"on-call:{name}", say(request, "on call: {name}", name=name)) for name in picked["called"]
    ]
    told += [(one.value, say(request, ROLES[one])) for one in (Role.STEWARD, Role.OPERATOR,
                                                             Role.SUPPLIER)]  # fmt: skip
    unit = _unit(fields, picked["datastreams"]) if fields else ""
    context = alert_words(request) | order_words(request) | picked
    context |= {
        "written": written,
        "said": fields or {},
        "chosen": set((fields or {}).get("watch.datastreams", "").split("\n")) - {""},
        "unit": unit,
        "wrong": input_of(error.field, fields) if error is not None and fields else "",
        "streams": streams,
        "kinds": list(KINDS),
        "severities": list(SEVERITIES),
        "spans": {unit: say(request, SPANS[unit]) for unit in UNITS},
        "term_words": {one: say(request, TERM_WORDS[one]) for one in TERM_KINDS},
        "group_names": {one: say(request, text) for one, text in GROUPS.items()},
        "told": told,
        "terms": range(TERMS),
        "steps": range(STEPS),
        "made": tested[1] if tested else None,
        "names": tested[2] if tested else {},
        "episodes": _told(tested[1], language_of(request), peak_unit(tested[0], unit))
        if tested
        else [],
        "charts": charts,
    }
    twin = back_test_document(tested[1], tested[2]) if tested else {"rule": written.text}
    return show(request, "rule_edit.html", context, twin=twin, error=error)
