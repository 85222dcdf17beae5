"""The duty desk: what is mine now, who is on call, hand-overs; and on-call calendars."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from quanyu.kernel import Invalid, MemberId, PartyId, QuanyuError, now
from quanyu.operations import (
    AlertFilter,
    AlertState,
    calendars,
    find_alerts,
    hand_over,
    on_duty,
    put_calendar,
    shifts,
    silences,
)
from quanyu.parties import Caller, Role, members
from quanyu.web.alert_documents import alert_document, calendar_document, silence_document
from quanyu.web.node import Node
from quanyu.web.portal.alert_pages import titles_of
from quanyu.web.portal.alert_words import alert_words
from quanyu.web.portal.visit import (
    Member,
    TheNode,
    go,
    reading,
    show,
    writing,
)
from quanyu.web.rules import sight_for
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)
_PLAN = timedelta(days=14)
_MOST = 100
_START = "zone: Asia/Shanghai\nrotations:\n- members: [{member}]\n  first: {day}\n  at: 09:00\n"


@router.get("/duty")
async def duty_page(request: Request, node: TheNode, caller: Member) -> Response:
    """What waits for somebody of the party, what the member has taken on, who is on call."""
    return await _desk(request, node, caller)


@router.post("/duty/hand-over")
async def hand(request: Request, node: TheNode, caller: Member) -> Response:
    """Another member is called until a time."""
    await check_csrf_of(request)
    form = await request.form()
    zone = ZoneInfo(node.settings.time_zone)

    def write(session: Session) -> None:
        try:
            end = datetime.fromisoformat(str(form.get("until", ""))).replace(tzinfo=zone)
        except ValueError as error:
            raise Invalid("choose until when", field="until") from error
        hand_over(
            session,
            caller,
            str(form.get("calendar", "")),
            MemberId(str(form.get("member", ""))),
            starts_at=now(),
            ends_at=end,
            note=str(form.get("note", "")),
        )

    try:
        await writing(node, write)
    except QuanyuError as error:
        return await _desk(request, node, caller, error)
    return go("/duty")


@router.get("/on-call")
async def calendars_page(request: Request, node: TheNode, caller: Member) -> Response:
    """The party's calendars: who is called when."""
    return await _calendars(request, node, caller)


@router.post("/on-call")
async def keep_calendar(request: Request, node: TheNode, caller: Member) -> Response:
    """Put a calendar down."""
    await check_csrf_of(request)
    form = await request.form()
    name, text = str(form.get("name", "")), str(form.get("text", ""))

    def write(session: Session) -> None:
        try:
            said = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise Invalid("this is no YAML", field="text") from error
        if not isinstance(said, dict):
            raise Invalid("a calendar has rotations", field="text")
        for one in said.get("rotations") or []:
            if isinstance(one, dict):
                one |= {key: _plain(one[key]) for key in ("first", "at", "until") if key in one}
        put_calendar(session, caller, name, said)

    try:
        await writing(node, write)
    except QuanyuError as error:
        return await _calendars(request, node, caller, error, {"name": name, "text": text})
    return go("/on-call")


def _plain(value: Any) -> str | None:
    """YAML reads 09:00 as 540 (sexagesimal) and a date as a date."""
    if isinstance(value, int) and 0 <= value < 24 * 60:
        return f"{value // 60:02d}:{value % 60:02d}"
    return None if value is None else str(value)


async def _desk(
    request: Request, node: Node, caller: Caller, error: QuanyuError | None = None
) -> Response:
    party = caller.party or PartyId("")

    def read(session: Session) -> dict[str, Any]:
        moment = now()
        sight = sight_for(session, node, caller)
        own = "" if caller.runs_node else party
        page = find_alerts(session, sight, AlertFilter(party=own), limit=_MOST)
        mine = [one for one in page.alerts if one.member == caller.member]
        waiting = [one for one in page.alerts if one.state is AlertState.FIRING]
        quiet = [one for one in page.alerts if one.state is AlertState.SILENCED]
        others = [
            one
            for one in page.alerts
            if one.state is AlertState.ACKNOWLEDGED and one.member != caller.member
        ]
        names = {one.id: one.name for one in members(session, party)}
        kept = calendars(session, party)
        duty = [(one, on_duty(one.calendar, moment)) for one in kept]
        return {
            "mine": mine,
            "waiting": waiting,
            "quiet": quiet,
            "others": others,
            "titles": titles_of(session, request, page.alerts),
            "names": names,
            "duty": duty,
            "called": [one.name for one, member in duty if member == caller.member],
            "silences": silences(session, [party], moment),
            "people": [one for one in members(session, party) if one.active],
        }

    found = await reading(node, read)
    tomorrow = now().astimezone(ZoneInfo(node.settings.time_zone)) + timedelta(hours=12)
    context = (
        found
        | alert_words(request)
        | {
            "until": tomorrow.strftime("%Y-%m-%dT%H:00"),
        }
    )
    twin = {
        "waiting": [alert_document(one) for one in found["waiting"]],
        "mine": [alert_document(one) for one in found["mine"]],
        "silences": [silence_document(one) for one in found["silences"]],
        "called": found["called"],
    }
    return show(request, "duty.html", context, twin=twin, error=error)


async def _calendars(
    request: Request,
    node: Node,
    caller: Caller,
    error: QuanyuError | None = None,
    form: dict[str, str] | None = None,
) -> Response:
    party = caller.party or PartyId("")

    def read(session: Session) -> dict[str, Any]:
        moment = now()
        kept = calendars(session, party)
        people = [one for one in members(session, party) if one.active]
        return {
            "plans": [(one, shifts(one.calendar, moment, moment + _PLAN)) for one in kept],
            "texts": {
                one.name: yaml.safe_dump(dict(one.document), allow_unicode=True, sort_keys=False)
                for one in kept
            },
            "names": {one.id: one.name for one in members(session, party)},
            "people": people,
        }

    found = await reading(node, read)
    day = now().astimezone(ZoneInfo(node.settings.time_zone)).date()
    keeps = caller.may(Role.STEWARD) or caller.may(Role.OPERATOR)
    context = found | {
        "keeps": keeps,
        "form": form or {"name": "duty", "text": _START.format(member=caller.member, day=day)},
    }
    twin = {"calendars": [calendar_document(one, plan) for one, plan in found["plans"]]}
    return show(request, "on_call.html", context, twin=twin, error=error)
