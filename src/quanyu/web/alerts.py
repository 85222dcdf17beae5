"""Alerts over HTTP: listed, acknowledged, silenced; who is on call; what changes, as it does."""

from datetime import timedelta
from typing import Any

import orjson
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.kernel import Invalid, MemberId, PartyId, now
from quanyu.operations import (
    OPEN_STATES,
    AlertFilter,
    AlertState,
    KeptCalendar,
    Severity,
    acknowledge,
    alert,
    alert_figures,
    calendars,
    days_off,
    end_hand_over,
    end_silence,
    find_alerts,
    hand_over,
    hand_overs,
    newest_change,
    put_calendar,
    shifts,
    silence,
    silences,
    take_back_days_off,
    take_days_off,
)
from quanyu.parties import Caller
from quanyu.web.alert_documents import (
    PLAN,
    alert_document,
    alert_in_full,
    calendar_document,
    day_off_document,
    figures_document,
    hand_over_document,
    order_of_alert,
    silence_document,
)
from quanyu.web.days import day, instant
from quanyu.web.in_control import reading, writing
from quanyu.web.json_body import read_object
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.node import Node, node_of
from quanyu.web.parameters import check_known, whole
from quanyu.web.rules import sight_for
from quanyu.web.told_changes import tell_changes
from quanyu.web.who import caller_of, check_csrf_of, signed_in

FILTERS = {"state", "severity", "resource", "rule", "thing", "group"}


async def listing(request: Request) -> Response:
    """``GET /api/alerts``: open alerts that the caller may see, or those in a ``state``."""
    node, caller = node_of(request), await caller_of(request)
    said = dict(request.query_params)
    check_known(request.query_params, {*FILTERS, "limit", "after", "f"})
    wanted = filter_from(said)
    limit = whole(said, "limit", 100, least=1, most=500)

    def read(session: Session) -> dict[str, Any]:
        sight = sight_for(session, node, caller)
        page = find_alerts(session, sight, wanted, after=said.get("after", ""), limit=limit)
        return {"alerts": [alert_document(one) for one in page.alerts], "next": page.after}

    return _json(await reading(node, read))


async def figures(request: Request) -> Response:
    """``GET /api/alerts/figures``: how many are open, and what the last day brought."""
    node, caller = node_of(request), await caller_of(request)

    def read(session: Session) -> dict[str, Any]:
        sight = sight_for(session, node, caller)
        return figures_document(alert_figures(session, sight, now() - timedelta(days=1)))

    return _json(await reading(node, read))


async def one_alert(request: Request) -> Response:
    """``GET /api/alerts/{id}``."""
    node, caller, name = node_of(request), await caller_of(request), request.path_params["name"]

    def read(session: Session) -> dict[str, Any]:
        one = alert(session, sight_for(session, node, caller), name)
        return alert_in_full(one, order_of_alert(session, one, caller))

    return _json(await reading(node, read))


async def acknowledging(request: Request) -> Response:
    """``POST /api/alerts/{id}/acknowledge``: take it on, with a ``note``."""
    node, caller, name = node_of(request), await signed_in(request), request.path_params["name"]
    await check_csrf_of(request)
    said = await read_object(request, frozenset({"note"}))
    note = _text(said, "note")

    def write(session: Session) -> dict[str, Any]:
        sight = sight_for(session, node, caller)
        return alert_document(acknowledge(session, caller, sight, name, note))

    return _json(await writing(node, write))


async def silence_list(request: Request) -> Response:
    """``GET /api/silences``: of the caller's party, not over yet."""
    node, caller = node_of(request), await signed_in(request)

    def read(session: Session) -> dict[str, Any]:
        found = silences(session, [caller.party or ""], now())
        return {"silences": [silence_document(one) for one in found]}

    return _json(await reading(node, read))


async def silencing(request: Request) -> Response:
    """``POST /api/silences``: ``matcher``, ``endsAt``, ``reason``, ``startsAt`` if not now."""
    node, caller = node_of(request), await signed_in(request)
    await check_csrf_of(request)
    said = await read_object(request, frozenset({"matcher", "startsAt", "endsAt", "reason"}))
    matcher = said.get("matcher")
    if not isinstance(matcher, dict) or not all(isinstance(v, str) for v in matcher.values()):
        raise Invalid("an object of texts is needed here", field="matcher")
    start = instant(said["startsAt"], "startsAt") if said.get("startsAt") else None
    end = instant(said.get("endsAt", ""), "endsAt")

    def write(session: Session) -> dict[str, Any]:
        made = silence(
            session,
            caller,
            matcher,
            ends_at=end,
            reason=_text(said, "reason"),
            starts_at=start,
        )
        return silence_document(made)

    return _json(await writing(node, write), 201)


async def ending(request: Request) -> Response:
    """``DELETE /api/silences/{id}``: it ends now."""
    node, caller, name = node_of(request), await signed_in(request), request.path_params["name"]
    await check_csrf_of(request)
    return _json(await writing(node, lambda s: silence_document(end_silence(s, caller, name))))


def _planned(one: KeptCalendar) -> dict[str, Any]:
    """A calendar with the weeks to come."""
    moment = now()
    return calendar_document(one, shifts(one.calendar, moment, moment + PLAN))


async def calendar_list(request: Request) -> Response:
    """``GET /api/on-call``: the calendars of the caller's party, with the next two weeks, and what
    was handed over by hand."""
    node, caller = node_of(request), await signed_in(request)
    party = caller.party or PartyId("")

    def read(session: Session) -> dict[str, Any]:
        found = [_planned(one) for one in calendars(session, party)]
        changed = [hand_over_document(one) for one in hand_overs(session, party)]
        off = [day_off_document(one) for one in days_off(session, party)]
        return {"calendars": found, "overrides": changed, "daysOff": off}

    return _json(await reading(node, read))


async def calendar_put(request: Request) -> Response:
    """``PUT /api/on-call/{name}``: rotations and time zone."""
    node, caller, name = node_of(request), await signed_in(request), request.path_params["name"]
    await check_csrf_of(request)
    said = await read_object(request, frozenset({"zone", "rotations"}))

    def write(session: Session) -> dict[str, Any]:
        return _planned(put_calendar(session, caller, name, said))

    return _json(await writing(node, write))


async def handing(request: Request) -> Response:
    """``POST /api/on-call/{name}/overrides``: another ``member`` is called for a time."""
    node, caller, name = node_of(request), await signed_in(request), request.path_params["name"]
    await check_csrf_of(request)
    said = await read_object(request, frozenset({"member", "startsAt", "endsAt", "note"}))
    start = instant(said["startsAt"], "startsAt") if said.get("startsAt") else now()
    end = instant(said.get("endsAt", ""), "endsAt")

    def write(session: Session) -> dict[str, Any]:
        made = hand_over(
            session,
            caller,
            name,
            MemberId(_text(said, "member")),
            starts_at=start,
            ends_at=end,
            note=_text(said, "note"),
        )
        return _planned(made)

    return _json(await writing(node, write), 201)


async def unhanding(request: Request) -> Response:
    """``DELETE /api/on-call/overrides/{name}``: a hand-over ends now, or was never."""
    node, caller, name = node_of(request), await signed_in(request), request.path_params["name"]
    await check_csrf_of(request)
    await writing(node, lambda s: end_hand_over(s, caller, name))
    return Response(status_code=204)


async def days_off_put(request: Request) -> Response:
    """``POST /api/on-call/{name}/days-off``: a ``member`` is off from ``first`` until ``last``, a
    ``substitute`` stands in, ``inExchange`` for another day."""
    node, caller, name = node_of(request), await signed_in(request), request.path_params["name"]
    await check_csrf_of(request)
    known = frozenset({"member", "first", "last", "substitute", "inExchange", "note"})
    said = await read_object(request, known)
    first = day(_text(said, "first"), "first")
    last = day(_text(said, "last"), "last") if said.get("last") else first
    swapped = day(_text(said, "inExchange"), "inExchange") if said.get("inExchange") else None
    substitute = _text(said, "substitute") if said.get("substitute") else ""

    def write(session: Session) -> dict[str, Any]:
        made = take_days_off(
            session,
            caller,
            name,
            MemberId(_text(said, "member")),
            first=first,
            last=last,
            substitute=MemberId(substitute) if substitute else None,
            in_exchange=swapped,
            note=_text(said, "note"),
        )
        return _planned(made)

    return _json(await writing(node, write), 201)


async def days_off_end(request: Request) -> Response:
    """``DELETE /api/on-call/days-off/{name}``: the member is called then after all."""
    node, caller, name = node_of(request), await signed_in(request), request.path_params["name"]
    await check_csrf_of(request)
    await writing(node, lambda s: take_back_days_off(s, caller, name))
    return Response(status_code=204)


async def events(request: Request) -> Response:
    """``GET /api/alerts/events``: server-sent events, one whenever what the caller sees changed.

    An event has no alert in it: what the caller may see is asked for anew.
    """
    node, caller = node_of(request), await caller_of(request)
    return tell_changes(request, "alerts", lambda s: alerts_stand(s, node, caller))


def filter_from(said: dict[str, str]) -> AlertFilter:
    """What parameters ask for; raises :class:`Invalid` naming one that is no choice."""
    state, severity = said.get("state", ""), said.get("severity", "")
    if state and state not in {one.value for one in AlertState}:
        raise Invalid(
            "there is no state {name}",
            field="state",
            mend="choose among: {names}",
            name=state[:40],
            names=", ".join(AlertState),
        )
    if severity and severity not in {one.value for one in Severity}:
        raise Invalid(
            "there is no severity {name}",
            field="severity",
            mend="choose among: {names}",
            name=severity[:40],
            names=", ".join(Severity),
        )
    return AlertFilter(
        states=(AlertState(state),) if state else OPEN_STATES,
        severity=severity,
        resource=said.get("resource", ""),
        rule=said.get("rule", ""),
        thing=said.get("thing", ""),
        group=said.get("group", ""),
    )


def routes() -> list[Route]:
    """Routes of alerts, silences and calendars."""
    return [
        Route("/api/alerts", listing),
        Route("/api/alerts/figures", figures),
        Route("/api/alerts/events", events),
        Route("/api/alerts/{name}", one_alert),
        Route("/api/alerts/{name}/acknowledge", acknowledging, methods=["POST"]),
        Route("/api/silences", silence_list),
        Route("/api/silences", silencing, methods=["POST"]),
        Route("/api/silences/{name}", ending, methods=["DELETE"]),
        Route("/api/on-call", calendar_list),
        Route("/api/on-call/{name}", calendar_put, methods=["PUT"]),
        Route("/api/on-call/{name}/overrides", handing, methods=["POST"]),
        Route("/api/on-call/{name}/days-off", days_off_put, methods=["POST"]),
        Route("/api/on-call/days-off/{name}", days_off_end, methods=["DELETE"]),
        Route("/api/on-call/overrides/{name}", unhanding, methods=["DELETE"]),
    ]


def alerts_stand(session: Session, node: Node, caller: Caller) -> str:
    """Another text whenever an alert that the caller may see has changed."""
    changed = newest_change(session, sight_for(session, node, caller))
    return "-" if changed is None else str(changed)


def _text(said: dict[str, Any], name: str) -> str:
    value = said.get(name, "")
    if not isinstance(value, str):
        raise Invalid("a text is needed here", field=name)
    return value


def _json(said: dict[str, Any], status: int = 200) -> Response:
    headers = {"cache-control": "private, no-cache"}
    return Response(orjson.dumps(said), status, headers, MEDIA_TYPES["json"])
