"""Rules: the list, the editor with its back-test, every change of one."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from quanyu.catalogue import Kind, Search, resource, search
from quanyu.kernel import Invalid, QuanyuError, now
from quanyu.operations import (
    BackTest,
    Rule,
    RuleState,
    change_rule_state,
    instant,
    keep_rule,
    may_keep_rules,
    read_rules,
    rule_versions,
)
from quanyu.parties import Caller
from quanyu.web.alert_documents import back_test_document, rule_document, version_document
from quanyu.web.node import Node
from quanyu.web.portal.alert_words import KINDS, alert_words
from quanyu.web.portal.rule_charts import test_charts
from quanyu.web.portal.visit import (
    Member,
    TheNode,
    Visitor,
    filter_of,
    go,
    local,
    reading,
    show,
    writing,
)
from quanyu.web.rules import seen_rule, seen_rules, sight_for, span_of, state_of, try_rule
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)
_SPAN = timedelta(days=90)
_MOST_TOLD = 500
STARTS: dict[str, str] = {
    "threshold": "when:\n  kind: threshold\n  above: 150\n  clear_below: 115\n  for: 3h\n",
    "rate": "when:\n  kind: rate\n  rise: 100\n  over: 3h\n",
    "missing": "when:\n  kind: missing\n  for: 3h\n",
    "geofence": (
        "when:\n  kind: geofence\n  alarm: inside\n  area:\n    type: Polygon\n    coordinates:\n"
        "    - [[116.3, 39.9], [116.4, 39.9], [116.4, 40.0], [116.3, 40.0], [116.3, 39.9]]\n"
    ),
    "anomaly": "when:\n  kind: anomaly\n  score: 6\n  side: above\n  least: 10\n",
    "composite": (
        "when:\n  kind: composite\n  by: thing\n  terms:\n    high:\n"
        "      watch: {observed_property: PM2.5}\n      when: {kind: threshold, above: 150}\n"
        "    rising:\n      watch: {observed_property: PM2.5}\n"
        "      when: {kind: rate, rise: 50, over: 3h}\n  logic: {all: [high, rising]}\n"
    ),
}


@router.get("/rules")
async def rules_page(request: Request, node: TheNode, caller: Visitor) -> Response:
    """Rules of the streams that the visitor may read."""

    def read(session: Session) -> dict[str, Any]:
        rules = seen_rules(session, node, caller)
        found = sight_for(session, node, caller).resources
        names = {key: (one.slug, local(request, one.title)) for key, one in found.items()}
        return {"rules": rules, "streams": names, "keeps": bool(_streams(session, request, caller))}

    found = await reading(node, read)
    twin = {"rules": [rule_document(one) for one in found["rules"]]}
    context = found | alert_words(request) | {"kinds": list(KINDS)}
    return show(request, "rules.html", context, twin=twin)


@router.get("/rules/new")
async def new_rule(request: Request, node: TheNode, caller: Member) -> Response:
    """The editor, with something to begin from."""
    kind = filter_of(request, "kind", set(STARTS), "threshold")
    stream = request.query_params.get("stream", "")

    def read(session: Session) -> list[tuple[str, str]]:
        return _streams(session, request, caller)

    streams = await reading(node, read)
    slug = stream or (streams[0][0] if streams else "air")
    text = (
        f"id: my-rule\ntitle:\n  zh: 新规则\n  en: New rule\nstream: {slug}\nseverity: major\n"
        + STARTS[kind]
        + "escalate:\n- to: steward\n"
    )
    return await _editor(request, node, caller, text, streams=streams)


@router.post("/rules/edit")
async def edit_rule(request: Request, node: TheNode, caller: Member) -> Response:
    """Try what was written on history, or keep it."""
    await check_csrf_of(request)
    form = await request.form()
    text = str(form.get("text", "")).replace("\r\n", "\n")
    wish, key = str(form.get("do", "test")), str(form.get("key", ""))
    since, until = str(form.get("since", "")), str(form.get("until", ""))
    try:
        rules = read_rules(text)
        if len(rules) != 1:
            raise Invalid("one rule is written at a time", field="rules")
        if wish == "test":
            start, end = _span(node, since, until)
            made, names = await run_in_threadpool(try_rule, node, caller, rules[0], start, end)
            tested = (rules[0], made, names)
            return await _editor(
                request, node, caller, text, key=key, since=since, until=until, tested=tested
            )
        state = state_of(wish)
        kept = await writing(node, lambda s: keep_rule(s, caller, rules[0], state))
    except QuanyuError as error:
        return await _editor(
            request, node, caller, text, key=key, since=since, until=until, error=error
        )
    return go(f"/rules/{kept.key}")


@router.get("/rules/{key}")
async def rule_page(request: Request, node: TheNode, caller: Visitor, key: str) -> Response:
    """A rule and every change of it; its editor for who keeps it."""

    def read(session: Session) -> dict[str, Any]:
        one = seen_rule(session, node, caller, key)
        of = resource(session, one.resource)
        return {
            "kept": one,
            "stream": of,
            "versions": rule_versions(session, one.key),
            "keeps": may_keep_rules(caller, of),
        }

    found = await reading(node, read)
    document = rule_document(found["kept"])
    twin = document | {"versions": [version_document(one) for one in found["versions"]]}
    context = found | alert_words(request) | {"text": written(found["kept"].rule)}
    return show(request, "rule.html", context, twin=twin)


@router.get("/rules/{key}/edit")
async def rule_editor(request: Request, node: TheNode, caller: Member, key: str) -> Response:
    """The editor of a rule."""
    one = await reading(node, lambda s: seen_rule(s, node, caller, key))
    return await _editor(request, node, caller, written(one.rule), key=key)


@router.post("/rules/{key}/state")
async def rule_state(request: Request, node: TheNode, caller: Member, key: str) -> Response:
    """Live, paused or removed."""
    await check_csrf_of(request)
    form = await request.form()
    state = state_of(str(form.get("state", ""))) or RuleState.PAUSED
    await writing(node, lambda s: change_rule_state(s, caller, key, state))
    return go("/rules" if state is RuleState.REMOVED else f"/rules/{key}")


def written(rule: Rule) -> str:
    """A rule as YAML."""
    return yaml.safe_dump(dict(rule.document), allow_unicode=True, sort_keys=False)


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


def _streams(session: Session, request: Request, caller: Caller) -> list[tuple[str, str]]:
    wanted = Search(kinds=frozenset({Kind.STREAM}), limit=100, facets=False)
    page = search(session, wanted, visible_to=caller)
    return [
        (one.slug, local(request, one.title)) for one in page.hits if may_keep_rules(caller, one)
    ]


def _told(made: BackTest) -> list[dict[str, Any]]:
    return [
        {
            "subject": one.subject,
            "begin": instant(one.begin),
            "end": None if one.end is None else instant(one.end),
            "peak": one.peak,
        }
        for one in made.episodes[:_MOST_TOLD]
    ]


async def _editor(
    request: Request,
    node: Node,
    caller: Caller,
    text: str,
    *,
    key: str = "",
    since: str = "",
    until: str = "",
    streams: list[tuple[str, str]] | None = None,
    tested: tuple[Rule, BackTest, dict[str, str]] | None = None,
    error: QuanyuError | None = None,
) -> Response:
    if streams is None:
        streams = await reading(node, lambda s: _streams(s, request, caller))
    charts = None
    if tested:
        of = await reading(node, lambda s: resource(s, tested[0].stream, visible_to=caller))
        # Observations themselves are shown to their provider; others read them through the gate.
        own = of.provider == caller.party
        charts = await run_in_threadpool(test_charts, request, node, *tested, own=own)
    context = alert_words(request) | {
        "text": text,
        "key": key,
        "since": since,
        "until": until,
        "streams": streams,
        "kinds": list(KINDS),
        "made": tested[1] if tested else None,
        "names": tested[2] if tested else {},
        "episodes": _told(tested[1]) if tested else [],
        "charts": charts,
    }
    twin = back_test_document(tested[1], tested[2]) if tested else {"rule": text}
    return show(request, "rule_edit.html", context, twin=twin, error=error)
