"""The health of one resource: its figure part by part, its course, its quality rules; and what may
be done: check now, plan maintenance, declare rules, have it offered all the same."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from quanyu.agreements import Withheld, may_overrule, overrule_withholding, withheld
from quanyu.catalogue import Resource, check_writes, guarded_fields, may_write, resource
from quanyu.kernel import Invalid, QuanyuError, in_zone, now
from quanyu.operations import (
    Health,
    HealthChange,
    RuleResult,
    check_declares,
    declare_rules,
    declares,
    end_health_silence,
    health_changes,
    health_of,
    latest_results,
    propose_rules,
    read_quality_rules,
    rule_set,
    rules_seen,
    rules_yaml,
    sees_all,
    silence_health,
)
from quanyu.parties import Caller
from quanyu.spacetime import View
from quanyu.web.health_documents import change_document, dimensions_document, health_document
from quanyu.web.node import Node
from quanyu.web.pages import language_of
from quanyu.web.portal.drawn import Drawn
from quanyu.web.portal.entry_visit import EntryVisit, entry_frame, entry_visit
from quanyu.web.portal.health_words import (
    HEALTHS,
    dimension_words,
    health_badge,
    parts_words,
    result_words,
)
from quanyu.web.portal.visit import (
    Member,
    TheNode,
    Visitor,
    go,
    reading,
    say,
    show,
    writing,
)
from quanyu.web.rechecked import recheck_here
from quanyu.web.rule_rows import rows_of_rule
from quanyu.web.serve_use import look
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)
_CHANGES = 200
_SHOWN_ROWS = 20


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the page shows that everybody may know who knows of the resource."""

    visit: EntryVisit
    health: Health
    changes: list[HealthChange]
    held: Withheld | None
    results: tuple[RuleResult, ...]


@router.get("/resources/{name}/health")
async def health_page(request: Request, node: TheNode, caller: Visitor, name: str) -> Response:
    """How the resource does, why, since when, and what was found by rules."""
    return await _page(request, node, caller, name)


@router.get("/resources/{name}/health/rules")
async def rules_page(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """The form in which rules are declared, as YAML; ``propose=1`` fills it from the profile."""
    return await _form(request, node, caller, name)


@router.post("/resources/{name}/health/rules")
async def declaring(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """Declare them, and check them at once."""
    await check_csrf_of(request)
    form = await request.form()
    text = str(form.get("rules", ""))
    said = str(form.get("revision", ""))

    def describe(view: View, of: Resource) -> Resource:
        check_declares(caller, of)
        revision = int(said) if said.isdecimal() and len(said) < 10 else None
        with node.control.begin() as session:
            declare_rules(session, caller, of.id, read_quality_rules(text), view, revision=revision)
        return of

    try:
        of = await look(request, name, describe, {})
    except QuanyuError as error:
        if error.status not in (400, 403, 409):
            raise
        return await _form(request, node, caller, name, text=text, error=error)
    await run_in_threadpool(recheck_here, node, of)
    return go(f"/resources/{of.slug}/health#rules")


@router.get("/resources/{name}/health/rules/{rule}")
async def rule_page(
    request: Request, node: TheNode, caller: Visitor, name: str, rule: str
) -> Response:
    """Rows that break a rule, of those that the visitor may see: a use of the data."""
    key = request.query_params.get("as")
    visit = await reading(node, lambda session: entry_visit(session, caller, name, key))
    document, uses = await rows_of_rule(request, visit.of.slug, rule, visit.parameters, _SHOWN_ROWS)
    columns = list(document["rows"][0]) if document["rows"] else []
    context = entry_frame(request, visit, "quality") | {
        "rule": rule,
        "result": document["rule"],
        "rows": document["rows"],
        "columns": columns,
        "use": uses[0] if uses else None,
    }
    return show(request, "resource_rule.html", context, twin=document)


@router.post("/resources/{name}/health/check")
async def checking(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """Run every check now."""
    await check_csrf_of(request)

    def find(session: Session) -> Resource:
        of = resource(session, name, visible_to=caller)
        check_writes(caller, of.provider)
        return of

    of = await reading(node, find)
    await run_in_threadpool(recheck_here, node, of)
    return go(f"/resources/{of.slug}/health")


@router.post("/resources/{name}/health/maintenance")
async def silencing(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """Plan maintenance, or end it (``end=1``)."""
    await check_csrf_of(request)
    form = await request.form()
    zone = node.settings.time_zone

    def write(session: Session) -> str:
        of = resource(session, name, visible_to=caller)
        if form.get("end"):
            end_health_silence(session, caller, of.id)
        else:
            until = local_moment(str(form.get("until", "")), zone)
            silence_health(session, caller, of.id, until, str(form.get("reason", "")))
        return of.slug

    return await _done(request, node, caller, name, write)


@router.post("/resources/{name}/health/overrule")
async def overruling(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """Have it offered though it is not well."""
    await check_csrf_of(request)
    form = await request.form()

    def write(session: Session) -> str:
        of = resource(session, name, visible_to=caller)
        overrule_withholding(session, caller, of.id, str(form.get("reason", "")))
        return of.slug

    return await _done(request, node, caller, name, write)


def local_moment(text: str, zone: str) -> datetime:
    """What a form's ``datetime-local`` says in the node's time zone; raises :class:`Invalid`."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    except ValueError as error:
        raise Invalid("this is no time", field="until", mend="choose a day and a time") from error


async def _done(request: Request, node: Node, caller: Caller, name: str, write: Any) -> Response:
    try:
        slug = await writing(node, write)
    except QuanyuError as error:
        if error.status not in (400, 409):
            raise
        return await _page(request, node, caller, name, error=error)
    return go(f"/resources/{slug}/health")


async def _page(
    request: Request, node: Node, caller: Caller, name: str, *, error: QuanyuError | None = None
) -> Response:
    moment, key = now(), request.query_params.get("as")

    def read(session: Session) -> _Seen:
        visit = entry_visit(session, caller, name, key)
        of = visit.of
        return _Seen(
            visit,
            health_of(session, of.id),
            health_changes(session, of.id, limit=_CHANGES)[0],
            withheld(session, [of.id]).get(of.id),
            latest_results(session, [of.id]).get(of.id, ()),
        )

    seen = await reading(node, read)
    of, insider = seen.visit.of, may_write(caller, seen.visit.of.provider)
    shown, whole = await _rules(request, node, seen) if seen.results else ([], False)
    drawn = _drawn(request, seen.changes, moment, node.settings.time_zone)
    context = entry_frame(request, seen.visit, "quality") | {
        "health": seen.health,
        "badge": health_badge(request, seen.health),
        "parts": parts_words(request, seen.health.parts),
        "drawn": drawn,
        "held": seen.held,
        "dimensions": dimension_words(request, seen.results),
        "results": shown,
        "whole": whole,
        "insider": insider,
        "declares": declares(caller, of) and seen.visit.holds_data,
        "overrules": may_overrule(caller, of),
        "now": moment,
        "soon": (moment + timedelta(hours=8)).astimezone(ZoneInfo(node.settings.time_zone)),
    }
    language = language_of(request)
    twin = health_document(of, seen.health, seen.held, insider=insider, language=language) | {
        "dimensions": dimensions_document(seen.results),
        "changes": [change_document(change, language) for change in seen.changes],
    }
    return show(request, "resource_health.html", context, twin=twin, error=error)


async def _rules(request: Request, node: Node, seen: _Seen) -> tuple[list[dict[str, Any]], bool]:
    """Rules that the visitor may know of: with counts where nothing is kept from it."""

    def describe(view: View, of: Resource) -> tuple[list[dict[str, Any]], bool]:
        with node.control.read() as session:
            declared = rule_set(session, of.id)
        known = rules_seen(view, declared)
        names = {rule.name for rule in known}
        mine = [one for one in seen.results if one.name in names]
        return result_words(request, mine, known), sees_all(view)

    try:
        return await look(request, seen.visit.of.slug, describe, seen.visit.parameters)
    except QuanyuError:  # it may see none of the data, so nothing is told of single rules
        return [], False


async def _form(
    request: Request,
    node: Node,
    caller: Caller,
    name: str,
    *,
    text: str | None = None,
    error: QuanyuError | None = None,
) -> Response:
    visit = await reading(node, lambda session: entry_visit(session, caller, name, None))
    proposing = request.query_params.get("propose") == "1"

    def describe(view: View, of: Resource) -> tuple[str, int]:
        check_declares(caller, of)
        with node.control.read() as session:
            declared = rule_set(session, of.id)
        if proposing:
            return rules_yaml(propose_rules(view.profile(guarded_fields(of)))), declared.revision
        return rules_yaml(declared.rules) if declared.rules else "", declared.revision

    kept, revision = await look(request, visit.of.slug, describe, {})
    context = entry_frame(request, visit, "quality") | {
        "text": kept if text is None else text,
        "revision": revision,
        "proposing": proposing,
    }
    twin = {"revision": revision, "rules": kept}
    return show(request, "resource_rules.html", context, twin=twin, error=error)


def _drawn(request: Request, changes: list[HealthChange], moment: datetime, zone: str) -> Drawn:
    """The figure over time, as a line that steps where it changed."""
    known = [one for one in changes if one.score is not None][::-1]
    points: list[list[Any]] = [[one.at.isoformat(), one.score] for one in known]
    if points:
        points.append([moment.isoformat(), points[-1][1]])
    option = {
        "xAxis": {"type": "time"},
        "yAxis": {"type": "value", "min": 0, "max": 100},
        "series": [
            {
                "type": "line",
                "step": "end",
                "name": say(request, "Figure"),
                "showSymbol": len(points) < 3,
                "data": points,
            }
        ],
    }
    return Drawn(
        id="health-course",
        title=say(request, "Figure of health over time"),
        headers=(say(request, "Since"), say(request, "State"), say(request, "Figure")),
        rows=tuple(
            (
                in_zone(one.at, zone),
                say(request, HEALTHS[one.state]),
                one.score,
            )
            for one in changes
        ),
        option=option if points else {},
        source=say(request, "checks of this node"),
        at=moment,
        wide=True,
    )
