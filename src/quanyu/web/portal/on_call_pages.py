"""On-call calendars: the week drawn, rotations in fields or as YAML, changes by hand."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.responses import Response

from quanyu.kernel import Invalid, MemberId, NotFound, PartyId, QuanyuError, now
from quanyu.operations import (
    calendar,
    calendars,
    days_off,
    end_hand_over,
    gaps,
    hand_over,
    hand_overs,
    members_of,
    put_calendar,
    shifts,
    take_back_days_off,
    take_days_off,
)
from quanyu.parties import Caller, Role, members
from quanyu.web.alert_documents import (
    PLAN,
    calendar_document,
    day_off_document,
    hand_over_document,
)
from quanyu.web.days import day
from quanyu.web.node import Node
from quanyu.web.portal.on_call_form import (
    document_of,
    fields_of,
    input_of,
    monday_of,
    turns_shown,
    week_of,
)
from quanyu.web.portal.visit import Member, TheNode, go, link_to, reading, say, show, writing
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)
WEEKDAY_WORDS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@router.get("/on-call")
async def calendars_page(request: Request, node: TheNode, caller: Member) -> Response:
    """The party's calendars: who is called when; ``week`` is a day of the week that is drawn."""
    return await _calendars(request, node, caller)


@router.get("/on-call/new")
async def new_calendar(request: Request, node: TheNode, caller: Member) -> Response:
    """The editor, with something to begin from."""
    return await _editor(request, node, caller, fields=_beginning(node, caller))


@router.get("/on-call/{name}/edit")
async def calendar_editor(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """The editor of a calendar of the visitor's party."""
    party = caller.party or PartyId("")
    kept = await reading(node, lambda s: calendar(s, party, name))
    fields = fields_of(kept.document)
    if fields is not None:
        fields["name"] = name
    text = _yaml(kept.document)
    return await _editor(request, node, caller, name=name, fields=fields, text=text)


@router.post("/on-call")
async def keep_calendar(request: Request, node: TheNode, caller: Member) -> Response:
    """Put a calendar down, out of fields or YAML; or ``add`` a turn to a rotation of the form."""
    await check_csrf_of(request)
    form = await request.form()
    name, text = str(form.get("name", "")).strip(), str(form.get("text", ""))
    fields = None if form.get("way") == "yaml" else _fields(form)
    if fields is not None and (adding := str(form.get("add", ""))):
        return await _editor(request, node, caller, name=name, fields=fields, adding=adding)

    def write(session: Session) -> None:
        said = _read(text) if fields is None else document_of(fields)
        put_calendar(session, caller, name, said)

    try:
        await writing(node, write)
    except QuanyuError as error:
        return await _editor(
            request, node, caller, name=name, fields=fields, text=text, error=error
        )
    return go("/on-call")


@router.post("/on-call/{name}/take-over")
async def take_over(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """Another member is called from a time until another: a holiday, an illness."""
    await check_csrf_of(request)
    form = await request.form()

    def write(session: Session) -> None:
        kept = calendar(session, caller.party or PartyId(""), name)
        begin, end = (
            _moment(str(form.get(field, "")), field, kept.calendar.zone)
            for field in ("starts_at", "ends_at")
        )
        member = MemberId(str(form.get("member", "")))
        note = str(form.get("note", ""))
        hand_over(session, caller, name, member, starts_at=begin, ends_at=end, note=note)

    try:
        await writing(node, write)
    except NotFound:
        raise
    except QuanyuError as error:
        said = {key: str(value) for key, value in form.items()} | {"calendar": name}
        return await _calendars(request, node, caller, error, said)
    return go("/on-call")


@router.post("/on-call/{name}/days-off")
async def be_off(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """A member is off on some days; somebody may stand in, for a day in exchange."""
    await check_csrf_of(request)
    form = await request.form()
    said = {key: str(value).strip() for key, value in form.items()}

    def write(session: Session) -> None:
        swapped = said.get("in_exchange", "")
        take_days_off(
            session,
            caller,
            name,
            MemberId(said.get("member", "")),
            first=day(said.get("first", ""), "first"),
            last=day(said.get("last", ""), "last"),
            substitute=MemberId(said["substitute"]) if said.get("substitute") else None,
            in_exchange=day(swapped, "in_exchange") if swapped else None,
            note=said.get("note", ""),
        )

    try:
        await writing(node, write)
    except NotFound:
        raise
    except QuanyuError as error:
        again = said | {"calendar": name, "form": "off"}
        return await _calendars(request, node, caller, error, again)
    return go("/on-call")


@router.post("/on-call/days-off/{name}/end")
async def be_there(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """Days off are taken back."""
    await check_csrf_of(request)
    await writing(node, lambda s: take_back_days_off(s, caller, name))
    return go("/on-call")


@router.post("/on-call/hand-overs/{name}/end")
async def end_take_over(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """A hand-over ends now, or was never."""
    await check_csrf_of(request)
    await writing(node, lambda s: end_hand_over(s, caller, name))
    return go("/on-call")


def _beginning(node: Node, caller: Caller) -> dict[str, str]:
    day = now().astimezone(ZoneInfo(node.settings.time_zone)).date()
    return {
        "name": "duty",
        "zone": node.settings.time_zone,
        "rotations[0].members[0]": caller.member or "",
        "rotations[0].first": day.isoformat(),
        "rotations[0].at": "09:00",
        "rotations[0].days": "7",
    }


def _fields(form: FormData) -> dict[str, str]:
    return {
        name: str(value) for name, value in form.items() if name not in {"csrf_token", "way", "add"}
    }


def _yaml(document: Any) -> str:
    return yaml.safe_dump(dict(document), allow_unicode=True, sort_keys=False)


def _read(text: str) -> dict[str, Any]:
    try:
        said = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Invalid("this is no YAML", field="text") from error
    if not isinstance(said, dict):
        raise Invalid("a calendar has rotations", field="text")
    for one in said.get("rotations") or []:
        if isinstance(one, dict):
            one |= {key: _plain(one[key]) for key in ("first", "at", "until") if key in one}
    return said


def _plain(value: Any) -> str | None:
    """YAML reads 09:00 as 540 (sexagesimal) and a date as a date."""
    if isinstance(value, int) and 0 <= value < 24 * 60:
        return f"{value // 60:02d}:{value % 60:02d}"
    return None if value is None else str(value)


def _moment(text: str, field: str, zone: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    except ValueError as error:
        raise Invalid("choose a day and a time", field=field) from error


async def _calendars(
    request: Request,
    node: Node,
    caller: Caller,
    error: QuanyuError | None = None,
    said: dict[str, str] | None = None,
) -> Response:
    party = caller.party or PartyId("")
    monday = monday_of(request.query_params.get("week", ""), node.settings.time_zone)

    def read(session: Session) -> dict[str, Any]:
        moment = now()
        kept = calendars(session, party)
        everybody = members(session, party)
        plans = [(one, shifts(one.calendar, moment, moment + PLAN)) for one in kept]
        return {
            "plans": plans,
            "holes": {one.name: gaps(plan) for one, plan in plans},
            "turns": {one.name: sorted(members_of(one.calendar.rotations)) for one in kept},
            "off": days_off(session, party),
            "weeks": {one.name: week_of(one.calendar, monday) for one in kept},
            "names": {one.id: one.name for one in everybody},
            "tones": {one.id: place % 6 for place, one in enumerate(everybody)},
            "people": [one for one in everybody if one.active],
            "changed": hand_overs(session, party),
        }

    found = await reading(node, read)
    context = found | {
        "keeps": _keeps(caller),
        "said": said or {},
        "monday": monday,
        "sunday": monday + timedelta(days=6),
        "before": link_to(request, week=(monday - timedelta(days=7)).isoformat()),
        "after": link_to(request, week=(monday + timedelta(days=7)).isoformat()),
        "weekdays": [say(request, name) for name in WEEKDAY_WORDS],
    }
    twin = {
        "calendars": [calendar_document(one, plan) for one, plan in found["plans"]],
        "overrides": [hand_over_document(one) for one in found["changed"]],
        "daysOff": [day_off_document(one) for one in found["off"]],
    }
    return show(request, "on_call.html", context, twin=twin, error=error)


async def _editor(
    request: Request,
    node: Node,
    caller: Caller,
    *,
    fields: dict[str, str] | None,
    name: str = "",
    text: str = "",
    adding: str = "",
    error: QuanyuError | None = None,
) -> Response:
    party = caller.party or PartyId("")
    everybody = await reading(node, lambda s: [one for one in members(s, party) if one.active])
    if fields is not None:
        text = _yaml(document_of(fields))
    context = {
        "name": name,
        "fields": fields,
        "text": text,
        "wrong": input_of(error.field, fields or {}) if error is not None else "",
        "people": everybody,
        "keeps": _keeps(caller),
        "turns": turns_shown(fields or {}, adding),
        "adding": adding,
        "weekdays": [say(request, day) for day in WEEKDAY_WORDS],
    }
    return show(request, "on_call_edit.html", context, error=error)


def _keeps(caller: Caller) -> bool:
    return caller.may(Role.STEWARD) or caller.may(Role.OPERATOR)
