"""Alerts: the list, one alert; what is silenced."""

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from quanyu.kernel import Invalid, NotFound, QuanyuError, now
from quanyu.operations import (
    Alert,
    acknowledge,
    alert,
    alert_figures,
    end_silence,
    find_alerts,
    kept_rule,
    may_act,
    silence,
    silences,
)
from quanyu.parties import Caller, member
from quanyu.web.alert_documents import (
    alert_document,
    alert_in_full,
    figures_document,
    order_of_alert,
)
from quanyu.web.alerts import filter_from
from quanyu.web.node import Node
from quanyu.web.portal.alert_words import SEVERITIES, STATES, alert_words
from quanyu.web.portal.visit import (
    Member,
    TheNode,
    Visitor,
    filter_of,
    go,
    link_to,
    local,
    reading,
    safe_path,
    show,
    writing,
)
from quanyu.web.portal.work_order_words import order_words
from quanyu.web.rules import sight_for
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)
HOURS = (1, 4, 8, 24, 72)
_PAGE = 60


@router.get("/alerts")
async def alerts_page(
    request: Request, node: TheNode, caller: Visitor, after: str = ""
) -> Response:
    """Alerts of the streams that the visitor may read, the latest first."""
    state = filter_of(request, "state", set(STATES))
    severity = filter_of(request, "severity", set(SEVERITIES))
    wanted = filter_from(dict(request.query_params))

    def read(session: Session) -> dict[str, Any]:
        sight = sight_for(session, node, caller)
        page = find_alerts(session, sight, wanted, after=after, limit=_PAGE)
        figures = alert_figures(session, sight, now() - timedelta(days=1))
        return {
            "alerts": page.alerts,
            "next": page.after,
            "figures": figures,
            "titles": titles_of(session, request, page.alerts),
        }

    found = await reading(node, read)
    context = (
        found
        | alert_words(request)
        | {
            "state": state,
            "severity": severity,
            "next_href": link_to(request, after=found["next"]) if found["next"] else None,
        }
    )
    twin = {
        "alerts": [alert_document(one) for one in found["alerts"]],
        "figures": figures_document(found["figures"]),
        "next": found["next"],
    }
    return show(request, "alerts.html", context, twin=twin)


@router.get("/alerts/{name}")
async def alert_page(request: Request, node: TheNode, caller: Visitor, name: str) -> Response:
    """One alert, and what may be done with it."""
    return await _page(request, node, caller, name)


@router.post("/alerts/{name}/acknowledge")
async def take_on(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """The member takes the alert on."""
    await check_csrf_of(request)
    form = await request.form()
    note = str(form.get("note", ""))
    try:
        await writing(
            node,
            lambda s: acknowledge(s, caller, sight_for(s, node, caller), name, note),
        )
    except QuanyuError as error:
        return await _page(request, node, caller, name, error)
    return go(safe_path(str(form.get("back", f"/alerts/{name}"))))


@router.post("/alerts/{name}/silence")
async def be_quiet(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """Nobody is told of the rule at that thing for some hours."""
    await check_csrf_of(request)
    form = await request.form()
    hours, reason = str(form.get("hours", "")), str(form.get("reason", ""))

    def write(session: Session) -> None:
        one = alert(session, sight_for(session, node, caller), name)
        if hours not in {str(number) for number in HOURS}:
            raise Invalid("choose for how long", field="hours")
        end = now() + timedelta(hours=int(hours))
        matcher = {"rule": one.rule, "thing": one.thing}
        silence(session, caller, matcher, ends_at=end, reason=reason)

    try:
        await writing(node, write)
    except QuanyuError as error:
        return await _page(request, node, caller, name, error)
    return go(f"/alerts/{name}")


@router.post("/silences/{name}/end")
async def speak_again(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """A silence ends now."""
    await check_csrf_of(request)
    await writing(node, lambda s: end_silence(s, caller, name))
    return go("/duty")


def titles_of(session: Session, request: Request, found: tuple[Alert, ...]) -> dict[str, str]:
    """Titles of the rules of alerts, by their ids."""
    titles: dict[str, str] = {}
    for key in {one.rule for one in found}:
        try:
            titles[key] = local(request, kept_rule(session, key).rule.title)
        except NotFound:
            titles[key] = key
    return titles


async def _page(
    request: Request, node: Node, caller: Caller, name: str, error: QuanyuError | None = None
) -> Response:
    def read(session: Session) -> dict[str, Any]:
        sight = sight_for(session, node, caller)
        one = alert(session, sight, name)
        try:
            rule = kept_rule(session, one.rule).rule
        except NotFound:
            rule = None
        quiet = [
            silence
            for silence in silences(session, [one.party], now())
            if silence.matcher.get("rule", one.rule) == one.rule
            and silence.matcher.get("thing", one.thing) == one.thing
        ]
        acts = not caller.anonymous and may_act(caller, one)
        return {
            "one": one,
            "rule": rule,
            "of": sight.resources[one.resource],
            "silences": quiet if acts else [],
            "by": member(session, one.member).name if one.member and acts else "",
            "acts": acts,
            "order": order_of_alert(session, one, caller),
        }

    found = await reading(node, read)
    context = found | alert_words(request) | order_words(request) | {"hours": HOURS}
    twin = alert_in_full(found["one"], found["order"])
    return show(request, "alert.html", context, twin=twin, error=error)
