"""Rules over HTTP: their schema, put in JSON or YAML, tried on history, made live, paused."""

from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.catalogue import Kind, resource
from quanyu.kernel import Invalid, NotFound, Refused, TooLarge, now
from quanyu.operations import (
    BackTest,
    Composite,
    KeptRule,
    Rule,
    RuleState,
    Sight,
    back_test,
    change_rule_state,
    keep_rule,
    kept_rule,
    kept_rules,
    may_keep_rules,
    observed,
    read_rules,
    rule_schema,
    rule_versions,
    sight_of,
    subjects_of,
)
from quanyu.parties import Caller
from quanyu.web.alert_documents import back_test_document, rule_document, version_document
from quanyu.web.days import instant
from quanyu.web.in_control import reading, writing
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.node import Node, node_of
from quanyu.web.parameters import check_known
from quanyu.web.who import caller_of, check_csrf_of, signed_in

MOST_BODY = 1 << 20
LONGEST_TEST = timedelta(days=366 * 10)
MOST_TESTED = 1_000
"""Datastreams that a back-test runs over."""


async def schema(_request: Request) -> Response:
    """``GET /api/rules/schema``: the JSON Schema of a rule."""
    return Response(orjson.dumps(rule_schema()), media_type="application/schema+json")


async def listing(request: Request) -> Response:
    """``GET /api/rules``: rules of streams that the caller may read."""
    node, caller = node_of(request), await caller_of(request)
    check_known(request.query_params, {"f"})
    found = await reading(
        node, lambda s: [rule_document(one) for one in seen_rules(s, node, caller)]
    )
    return _json({"rules": found})


async def putting(request: Request) -> Response:
    """``PUT /api/rules``: one rule or several, all or none; ``state`` makes them live."""
    node, caller = node_of(request), await signed_in(request)
    await check_csrf_of(request)
    check_known(request.query_params, {"state"})
    rules = read_rules(await body_text(request))
    state = state_of(request.query_params.get("state"))

    def write(session: Session) -> list[dict[str, Any]]:
        return [rule_document(keep_rule(session, caller, one, state)) for one in rules]

    return _json({"rules": await writing(node, write)})


async def testing(request: Request) -> Response:
    """``POST /api/rules/back-test``: when a rule would have raised, ``start`` to ``end``."""
    node, caller = node_of(request), await signed_in(request)
    await check_csrf_of(request)
    check_known(request.query_params, {"start", "end"})
    rules = read_rules(await body_text(request))
    if len(rules) != 1:
        raise Invalid("one rule is tried at a time", field="rules")
    start, end = span_of(request.query_params.get("start"), request.query_params.get("end"))
    made, names = await run_in_threadpool(try_rule, node, caller, rules[0], start, end)
    return _json(back_test_document(made, names))


async def one_rule(request: Request) -> Response:
    """``GET /api/rules/{key}``: a rule and every change of it."""
    node, caller, key = node_of(request), await caller_of(request), request.path_params["key"]

    def read(session: Session) -> dict[str, Any]:
        one = seen_rule(session, node, caller, key)
        changes = [version_document(change) for change in rule_versions(session, one.key)]
        return rule_document(one) | {"versions": changes}

    return _json(await reading(node, read))


async def moving(request: Request) -> Response:
    """``PUT /api/rules/{key}/state?state=…``: live, paused or removed."""
    node, caller, key = node_of(request), await signed_in(request), request.path_params["key"]
    await check_csrf_of(request)
    state = state_of(request.query_params.get("state"))
    if state is None:
        raise Invalid("a state is needed", field="state", mend="live, paused, draft or removed")
    made = await writing(node, lambda s: rule_document(change_rule_state(s, caller, key, state)))
    return _json(made)


def sight_for(session: Session, node: Node, caller: Caller) -> Sight:
    """What a caller may see of alerts, its agreements' restrictions applied to datastreams."""
    return sight_of(session, caller, node.gate, node.streams.visible_datastreams)


def seen_rules(session: Session, node: Node, caller: Caller) -> list[KeptRule]:
    """Rules of the streams of which the caller sees all; drafts only for who keeps them."""
    sight = sight_for(session, node, caller)
    found = kept_rules(session, resources=sight.whole)
    return [one for one in found if _shown(one, sight, caller)]


def seen_rule(session: Session, node: Node, caller: Caller, key: str) -> KeptRule:
    """One of those; raises :class:`NotFound`."""
    one = kept_rule(session, key)
    sight = sight_for(session, node, caller)
    if one.resource not in sight.whole or not _shown(one, sight, caller):
        raise NotFound("there is no rule {id}", id=key[:80])
    return one


def try_rule(
    node: Node, caller: Caller, rule: Rule, start: datetime, end: datetime
) -> tuple[BackTest, dict[str, str]]:
    """Run a rule over history, for who may keep rules of its stream; names of its subjects."""
    with node.control.read() as session:
        of = resource(session, rule.stream, visible_to=caller)
        if not may_keep_rules(caller, of):
            raise Refused(
                "only those who provide a stream, or run the node, change its rules",
                rule="rules.keep",
            )
        if of.kind is not Kind.STREAM:
            raise Invalid("this resource is no stream", field="stream")
        subjects, stands = subjects_of(session, of.id, rule, MOST_TESTED)
    made = back_test(
        rule,
        subjects,
        observed(node.control, node.observations).history_for(rule),
        start=int(start.timestamp() * 1e6),
        end=int(end.timestamp() * 1e6),
        zone=node.settings.time_zone,
    )
    whole = isinstance(rule.when, Composite)
    names = {key: one.thing_name if whole else one.name for key, one in stands.items()}
    return made, names


def span_of(start: str | None, end: str | None) -> tuple[datetime, datetime]:
    """The span of a back-test, the last thirty days by default; raises :class:`Invalid`."""
    moment = now()
    last = moment if not end else instant(end, "end")
    first = last - timedelta(days=30) if not start else instant(start, "start")
    if not first < last <= first + LONGEST_TEST:
        raise Invalid(
            "it ends after it begins, within {days} days", field="end", days=LONGEST_TEST.days
        )
    return first, last


def state_of(text: str | None) -> RuleState | None:
    """A state out of a parameter; ``None`` where it is not given."""
    if not text:
        return None
    if text not in {one.value for one in RuleState}:
        raise Invalid(
            "there is no state {name}",
            field="state",
            mend="live, paused, draft or removed",
            name=text[:40],
        )
    return RuleState(text)


async def body_text(request: Request) -> str:
    """The body as text, bounded."""
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > MOST_BODY:
            raise TooLarge("the body passes the limit of this node", field="body")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Invalid("the body is no UTF-8 text", field="body") from error


def routes() -> list[Route]:
    """Routes of rules."""
    return [
        Route("/api/rules/schema", schema),
        Route("/api/rules/back-test", testing, methods=["POST"]),
        Route("/api/rules", listing),
        Route("/api/rules", putting, methods=["PUT"]),
        Route("/api/rules/{key}", one_rule),
        Route("/api/rules/{key}/state", moving, methods=["PUT"]),
    ]


def _shown(one: KeptRule, sight: Sight, caller: Caller) -> bool:
    return one.state is RuleState.LIVE or may_keep_rules(caller, sight.resources[one.resource])


def _json(said: dict[str, Any]) -> Response:
    headers = {"cache-control": "private, no-cache"}
    return Response(orjson.dumps(said), headers=headers, media_type=MEDIA_TYPES["json"])
