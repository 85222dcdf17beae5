"""The duty desk: what is mine now, who is on call, hand-overs."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from quanyu.kernel import Invalid, MemberId, PartyId, QuanyuError, now
from quanyu.operations import (
    AlertFilter,
    AlertState,
    calendars,
    find_alerts,
    gaps,
    hand_over,
    next_shift,
    shifts,
    silences,
)
from quanyu.parties import Caller, members
from quanyu.web.alert_documents import PLAN, alert_document, shift_document, silence_document
from quanyu.web.alerts import alerts_stand
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
_MOST = 100


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
        plans = [(one, shifts(one.calendar, moment, moment + PLAN)) for one in kept]
        duty = [(one, plan[0], next_shift(plan), gaps(plan)) for one, plan in plans]
        return {
            "stands": alerts_stand(session, node, caller),
            "mine": mine,
            "waiting": waiting,
            "quiet": quiet,
            "others": others,
            "titles": titles_of(session, request, page.alerts),
            "names": names,
            "duty": duty,
            "called": [one.name for one, shift, *_ in duty if shift.member == caller.member],
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
        "onCall": [
            {
                "calendar": one.name,
                "now": shift_document(shift),
                "next": None if later is None else shift_document(later),
                "gaps": [shift_document(empty) for empty in holes],
            }
            for one, shift, later, holes in found["duty"]
        ],
    }
    return show(request, "duty.html", context, twin=twin, error=error)
