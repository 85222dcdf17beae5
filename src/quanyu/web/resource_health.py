"""The health of resources over HTTP as JSON: figures, history, quality rules, what is done of it.

Figures are of the catalogue: whoever may know of a resource may know how it does. Rules, counts and
rows that break them are of the data, and come through the gate alone.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.agreements import overrule_withholding, withheld
from quanyu.catalogue import (
    Kind,
    Resource,
    Search,
    Sort,
    check_writes,
    guarded_fields,
    health_by_provider,
    health_figures,
    may_write,
    resource,
    search,
)
from quanyu.kernel import Invalid, PartyId, Refused, TooLarge, day_in_zone, now
from quanyu.operations import (
    QualityRule,
    check_declares,
    declare_rules,
    end_health_silence,
    health_changes,
    health_days,
    health_of,
    latest_results,
    parse_rules,
    propose_rules,
    read_quality_rules,
    result_history,
    rule_set,
    rules_document,
    rules_seen,
    rules_yaml,
    sees_all,
    silence_health,
)
from quanyu.spacetime import View
from quanyu.web.health_documents import (
    change_document,
    day_document,
    dimensions_document,
    health_document,
    listed_document,
    result_document,
    rules_answer,
)
from quanyu.web.in_control import reading, writing
from quanyu.web.json_body import read_object
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.node import node_of
from quanyu.web.pages import language_of
from quanyu.web.parameters import check_known, read, whole
from quanyu.web.rechecked import recheck_here
from quanyu.web.rule_rows import rows_of_rule
from quanyu.web.serve_use import look
from quanyu.web.who import caller_of, check_csrf_of, signed_in

_DATA = frozenset({"agreement", "purpose", "version"})
_MOST_RULES = 1 << 20
_DAYS = 366


async def listing(request: Request) -> Response:
    """``GET /api/health``: resources that the caller may know of, the least healthy first."""
    said = _parameters(request, {"state", "provider", "kind", "sort", "limit", "after", "q"})
    asked = search_from(said, whole(said, "limit", 50, least=1, most=1000))
    node, caller = node_of(request), await caller_of(request)

    def find(session: Session) -> dict[str, Any]:
        page = search(session, asked, visible_to=caller)
        figures = health_figures(session, [hit.id for hit in page.hits])
        items = [listed_document(hit, figures.get(hit.id)) for hit in page.hits]
        counts = {fact.value: fact.count for fact in page.facets.get("healths", ())}
        return {
            "items": items,
            "total": page.total,
            "exact": page.exact,
            "states": counts,
            "next": page.next,
        }

    return _json(await reading(node, find))


async def departments(request: Request) -> Response:
    """``GET /api/health/departments``: published resources of each provider by state."""
    _parameters(request, set())
    node = node_of(request)
    found = await reading(node, health_by_provider)
    items = [
        {"provider": one.provider, **{state.value: n for state, n in one.counts.items()}}
        for one in found
    ]
    return _json({"departments": items})


async def days(request: Request) -> Response:
    """``GET /api/health/days?since=&provider=``: states at the end of each day."""
    said = _parameters(request, {"since", "provider"})
    node = node_of(request)
    since = day_from(said.get("since"), day_in_zone(now(), node.settings.time_zone))
    provider = PartyId(said["provider"]) if said.get("provider") else None
    found = await reading(node, lambda session: health_days(session, since, provider))
    return _json({"days": [day_document(one) for one in found]})


async def one(request: Request) -> Response:
    """``GET /api/resources/{slug}/health``: the figure, part by part, with reasons and times."""
    _parameters(request, set())
    node, caller, language = node_of(request), await caller_of(request), language_of(request)

    def find(session: Session) -> dict[str, Any]:
        of = resource(session, request.path_params["slug"], visible_to=caller)
        held = withheld(session, [of.id]).get(of.id)
        insider = may_write(caller, of.provider)
        said = health_document(
            of, health_of(session, of.id), held, insider=insider, language=language
        )
        results = latest_results(session, [of.id]).get(of.id, ())
        return said | {"dimensions": dimensions_document(results)}

    return _json(await reading(node, find))


async def history(request: Request) -> Response:
    """``GET /api/resources/{slug}/health/history``: figures since it was first looked at."""
    said = _parameters(request, {"limit", "after"})
    limit = whole(said, "limit", 100, least=1, most=1000)
    after = whole(said, "after", 0, least=0, most=2**53)
    node, caller, language = node_of(request), await caller_of(request), language_of(request)

    def find(session: Session) -> dict[str, Any]:
        of = resource(session, request.path_params["slug"], visible_to=caller)
        changes, onward = health_changes(session, of.id, limit=limit, before=after or None)
        return {
            "changes": [change_document(change, language) for change in changes],
            "next": onward,
        }

    return _json(await reading(node, find))


async def checking(request: Request) -> Response:
    """``POST /api/resources/{slug}/health/check``: run every check, for who writes the entry."""
    node, caller, language = node_of(request), await signed_in(request), language_of(request)
    await check_csrf_of(request)

    def work() -> dict[str, Any]:
        with node.control.read() as session:
            of = resource(session, request.path_params["slug"], visible_to=caller)
            check_writes(caller, of.provider)
        found = recheck_here(node, of)
        with node.control.read() as session:
            held = withheld(session, [of.id]).get(of.id)
        return health_document(of, found, held, insider=True, language=language)

    return _json(await run_in_threadpool(work))


async def silencing(request: Request) -> Response:
    """``PUT`` and ``DELETE /api/resources/{slug}/health/maintenance``: until when nobody is called,
    and why."""
    node, caller, language = node_of(request), await signed_in(request), language_of(request)
    await check_csrf_of(request)
    slug = request.path_params["slug"]
    said = {}
    if request.method == "PUT":
        said = await read_object(request, frozenset({"until", "reason"}))

    def write(session: Session) -> dict[str, Any]:
        of = resource(session, slug, visible_to=caller)
        if request.method == "DELETE":
            found = end_health_silence(session, caller, of.id)
        else:
            until = moment_from(said.get("until"))
            found = silence_health(session, caller, of.id, until, _text(said, "reason"))
        held = withheld(session, [of.id]).get(of.id)
        return health_document(of, found, held, insider=True, language=language)

    return _json(await writing(node, write))


async def offering(request: Request) -> Response:
    """``POST /api/resources/{slug}/health/overrule``: have it offered though it is not well."""
    node, caller = node_of(request), await signed_in(request)
    await check_csrf_of(request)
    slug, said = request.path_params["slug"], await read_object(request, frozenset({"reason"}))

    def write(session: Session) -> dict[str, Any]:
        of = resource(session, slug, visible_to=caller)
        overrule_withholding(session, caller, of.id, _text(said, "reason"))
        return {"resource": of.id, "offered": True}

    return _json(await writing(node, write))


async def rules(request: Request) -> Response:
    """``GET /api/resources/{slug}/quality-rules``: rules that the caller may know of, and how they
    went on the rows that it sees; ``f=yaml`` gives the whole declaration to who sees all."""
    given = _parameters(request, {*_DATA, "f"})
    node = node_of(request)

    def describe(view: View, of: Resource) -> tuple[dict[str, Any], str]:
        with node.control.read() as session:
            declared = rule_set(session, of.id)
            results = latest_results(session, [of.id]).get(of.id, ()) if sees_all(view) else ()
        seen = rules_seen(view, declared)
        said = rules_answer(declared) | {
            "rules": rules_document(seen),
            "whole": sees_all(view),
            "results": [result_document(one) for one in results],
        }
        return said, rules_yaml(seen)

    document, text = await look(request, request.path_params["slug"], describe, given)
    if given.get("f") == "yaml":
        return Response(text, media_type="application/yaml")
    return _json(document)


async def declaring(request: Request) -> Response:
    """``PUT /api/resources/{slug}/quality-rules``: declare all rules anew, as YAML or JSON; with
    ``If-Match: "revision"`` only over that declaration."""
    node, caller = node_of(request), await signed_in(request)
    await check_csrf_of(request)
    given = _parameters(request, set())
    wanted = await _rules_from(request)
    revision = _revision(request.headers.get("if-match"))

    def describe(view: View, of: Resource) -> dict[str, Any]:
        check_declares(caller, of)
        if not sees_all(view):
            raise Refused("a token bound to an agreement declares nothing", rule="quality.declare",
                          mend="use one without agreement")  # fmt: skip
        with node.control.begin() as session:
            found = declare_rules(session, caller, of.id, wanted, view, revision=revision)
            return rules_answer(found)

    return _json(await look(request, request.path_params["slug"], describe, given))


async def proposals(request: Request) -> Response:
    """``GET /api/resources/{slug}/quality-rules/proposals``: rules that the values keep now, for
    the provider."""
    given, caller = _parameters(request, {"f"}), await signed_in(request)

    def describe(view: View, of: Resource) -> tuple[QualityRule, ...]:
        check_declares(caller, of)
        return propose_rules(view.profile(guarded_fields(of)))

    found = await look(request, request.path_params["slug"], describe, given)
    if given.get("f") == "yaml":
        return Response(rules_yaml(found), media_type="application/yaml")
    return _json({"rules": rules_document(found)})


async def results(request: Request) -> Response:
    """``GET /api/resources/{slug}/quality-rules/results``: how rules went, the latest first, for
    those from whom nothing of the data is kept."""
    given = _parameters(request, {*_DATA, "limit"})
    limit = whole(given, "limit", 200, least=1, most=5000)
    node = node_of(request)

    def describe(view: View, of: Resource) -> dict[str, Any]:
        if not sees_all(view):
            raise Refused(
                "counts of all rows are for those who may see all rows",
                mend="ask for a rule's rows: it is checked on those that you see",
                rule="quality.counts",
            )
        with node.control.read() as session:
            found = result_history(session, of.id, limit=limit)
        return {"results": [result_document(one) for one in found]}

    return _json(await look(request, request.path_params["slug"], describe, given))


async def rows(request: Request) -> Response:
    """``GET /api/resources/{slug}/quality-rules/{name}/rows``: a rule checked on the rows that the
    caller sees, with some that break it: a use of the data like any other."""
    given = _parameters(request, {*_DATA, "limit"})
    limit = whole(given, "limit", 20, least=0, most=100)
    slug, name = request.path_params["slug"], request.path_params["name"]
    found, uses = await rows_of_rule(request, slug, name, given, limit)
    headers = {"quanyu-use": ", ".join(uses)} if uses else {}
    return _json(found, headers=headers)


def search_from(said: Mapping[str, str], limit: int) -> Search:
    """The search that a list of health asks for; raises :class:`Invalid` naming the parameter."""
    try:
        kinds = frozenset(Kind(word) for word in _words(said, "kind"))
        sort = Sort(said.get("sort") or Sort.SICKNESS)
    except ValueError as error:
        field = "kind" if said.get("kind") else "sort"
        raise Invalid("there is no such value", field=field, mend="use a known word") from error
    return Search(
        q=said.get("q", "")[:1000],
        healths=frozenset(_words(said, "state")),
        providers=frozenset(map(PartyId, _words(said, "provider"))),
        kinds=kinds,
        sort=sort,
        limit=limit,
        after=said.get("after") or None,
    )


def day_from(text: str | None, today: date) -> date:
    """The day that is asked for, at most a year ago; ninety days ago when none is."""
    if not text:
        return today - timedelta(days=90)
    try:
        return max(date.fromisoformat(text), today - timedelta(days=3 * _DAYS))
    except ValueError as error:
        raise Invalid("this is no day", field="since", mend="write 2026-03-01") from error


def moment_from(value: object) -> datetime:
    """An instant with its offset; raises :class:`Invalid`."""
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise Invalid("this is no time", field="until", mend="write 2026-03-01T08:00:00+08:00")
    return found.astimezone(UTC)


async def _rules_from(request: Request) -> tuple[QualityRule, ...]:
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > _MOST_RULES:
            raise TooLarge("the body passes the limit of this node", field="body")
    text = data.decode("utf-8", "replace")
    if "json" not in request.headers.get("content-type", ""):
        return read_quality_rules(text)
    try:
        return parse_rules(orjson.loads(data))
    except orjson.JSONDecodeError as error:
        raise Invalid("the body is no JSON", field="body", mend="send a JSON object") from error


def _revision(said: str | None) -> int | None:
    if said is None:
        return None
    text = said.strip('" ')
    if not text.isdecimal() or len(text) > 9:
        raise Invalid("this is no revision", field="If-Match", mend="send the revision you read")
    return int(text)


def _parameters(request: Request, known: set[str]) -> dict[str, str]:
    given = read(request)
    check_known(given, known | {"lang"})
    return given


def _words(said: Mapping[str, str], name: str) -> list[str]:
    return [word for word in said.get(name, "").split(",") if word]


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name, "")
    if not isinstance(value, str):
        raise Invalid("a text is needed here", field=name)
    return value


def _json(document: Any, headers: Mapping[str, str] | None = None) -> Response:
    more = {"cache-control": "private, no-cache", "vary": "Authorization, Cookie, Accept-Language"}
    return Response(
        orjson.dumps(document), media_type=MEDIA_TYPES["json"], headers=more | dict(headers or {})
    )


def routes() -> list[Route]:
    """Routes of health."""
    at, rule = "/api/resources/{slug}/health", "/api/resources/{slug}/quality-rules"
    return [
        Route("/api/health", listing),
        Route("/api/health/departments", departments),
        Route("/api/health/days", days),
        Route(at, one),
        Route(f"{at}/history", history),
        Route(f"{at}/check", checking, methods=["POST"]),
        Route(f"{at}/maintenance", silencing, methods=["PUT", "DELETE"]),
        Route(f"{at}/overrule", offering, methods=["POST"]),
        Route(rule, rules),
        Route(rule, declaring, methods=["PUT"]),
        Route(f"{rule}/proposals", proposals),
        Route(f"{rule}/results", results),
        Route(f"{rule}/{{name}}/rows", rows),
    ]
