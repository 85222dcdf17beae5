"""Correction requests 校核纠错: asked for, listed, answered."""

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from quanyu.catalogue import (
    CorrectionDraft,
    CorrectionState,
    answer_correction,
    close_correction,
    correction,
    correction_figures,
    corrections,
    file_correction,
    may_write,
    resource,
    withdraw_correction,
)
from quanyu.kernel import Calendar, Invalid, PartyId, QuanyuError, now, read_calendar
from quanyu.parties import Caller, party
from quanyu.web.node import Node
from quanyu.web.portal.discussion_pages import names_of
from quanyu.web.portal.entry_visit import entry_frame, entry_visit
from quanyu.web.portal.visit import (
    Member,
    TheNode,
    Visitor,
    filter_of,
    go,
    link_to,
    reading,
    say,
    show,
    writing,
)
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)
STATES: dict[CorrectionState, str] = {
    CorrectionState.OPEN: "Waits for an answer",
    CorrectionState.ACCEPTED: "Accepted, to be corrected",
    CorrectionState.REFUSED: "Refused",
    CorrectionState.CORRECTED: "Corrected",
    CorrectionState.WITHDRAWN: "Withdrawn",
}
BADGES = {
    CorrectionState.OPEN: ("shared", "wait"),
    CorrectionState.ACCEPTED: ("restricted", "duty"),
    CorrectionState.REFUSED: ("bad", "no"),
    CorrectionState.CORRECTED: ("ok", "yes"),
    CorrectionState.WITHDRAWN: ("", "no"),
}
LABELS = {"all": "All", "desk": "To my party", "mine": "Asked by me", "overdue": "Overdue"}
_OWED = frozenset({CorrectionState.OPEN, CorrectionState.ACCEPTED})


@router.get("/corrections")
async def corrections_page(
    request: Request, node: TheNode, caller: Visitor, after: str | None = None
) -> Response:
    """Requests on entries that the caller may see, and how they are dealt with."""
    moment = now()
    show_only = filter_of(request, "show", LABELS, "all")

    def read(session: Session) -> dict[str, Any]:
        page = corrections(
            session,
            caller,
            provider=(caller.party or PartyId("")) if show_only == "desk" else None,
            mine=show_only == "mine",
            overdue_at=moment if show_only == "overdue" else None,
            after=after,
        )
        of = {one.resource for one in page.items}
        found = correction_figures(session, moment)
        return {
            "items": page.items,
            "next": page.next,
            "resources": {name: resource(session, name) for name in of},
            "figures": found[0],
            "by_provider": found[1:],
            "names": names_of(session, {one.provider for one in found[1:] if one.provider}),
        }

    found = await reading(node, read)
    choices = [
        {
            "name": say(request, name),
            "href": link_to(request, show=key, after=None),
            "on": key == show_only,
        }
        for key, name in LABELS.items()
        if not (caller.anonymous and key in ("desk", "mine"))
    ]
    context = (
        found
        | _words(request, node)
        | {
            "choices": choices,
            "now": moment,
            "next_href": link_to(request, after=found["next"]) if found["next"] else None,
        }
    )
    twin = {name: found[name] for name in ("items", "next", "figures", "by_provider")}
    return show(request, "corrections.html", context, twin=twin)


@router.get("/corrections/{name}")
async def correction_page(request: Request, node: TheNode, caller: Visitor, name: str) -> Response:
    """One request, its course, and what may be done with it now."""
    return await _correction(request, node, caller, name)


@router.post("/corrections/{name}")
async def answer(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """Accept, refuse, say that it is corrected, take it back."""
    await check_csrf_of(request)
    form = {key: str(value) for key, value in (await request.form()).items()}

    def change(session: Session) -> None:
        revision = _whole(form.get("revision", ""), "revision") or 0
        text = form.get("answer", "")
        match form.get("step"):
            case "accept" | "refuse" as step:
                answer_correction(
                    session,
                    name,
                    caller,
                    accept=step == "accept",
                    answer=text,
                    revision=revision,
                    calendar=_calendar(node),
                    days=node.settings.correction_fix_days,
                )
            case "corrected":
                version = _whole(form.get("version", ""), "version")
                close_correction(
                    session, name, caller, revision=revision, version=version, answer=text
                )
            case "withdraw":
                withdraw_correction(session, name, caller, revision=revision)
            case _:
                raise Invalid(
                    "there is no such step", field="step", mend="use the buttons of the page"
                )

    try:
        await writing(node, change)
    except QuanyuError as error:
        return await _correction(request, node, caller, name, typed=form, error=error)
    return go(f"/corrections/{name}")


@router.get("/resources/{name}/corrections")
async def of_resource(request: Request, node: TheNode, caller: Visitor, name: str) -> Response:
    """Requests on a resource, and the form for another one."""
    return await _of_resource(request, node, caller, name)


@router.post("/resources/{name}/corrections")
async def ask(request: Request, node: TheNode, caller: Visitor, name: str) -> Response:
    """Ask for a correction."""
    if not caller.anonymous:
        await check_csrf_of(request)
    form = {key: str(value) for key, value in (await request.form()).items()}
    settings = node.settings

    def change(session: Session) -> str:
        of = entry_visit(session, caller, name, None).of
        draft = CorrectionDraft(
            version=_whole(form.get("version", ""), "version"),
            **{
                key: form.get(key, "")
                for key in ("wrong", "right", "record", "field", "evidence", "contact")
            },
        )
        made = file_correction(
            session,
            of.id,
            draft,
            caller,
            calendar=_calendar(node),
            days=settings.correction_days,
            anonymous=settings.anonymous_corrections,
            per_hour=settings.feedback_per_hour,
        )
        return made.id

    try:
        made = await writing(node, change)
    except QuanyuError as error:
        return await _of_resource(request, node, caller, name, typed=form, error=error)
    return go(f"/corrections/{made}")


async def _of_resource(
    request: Request,
    node: Node,
    caller: Caller,
    name: str,
    *,
    typed: dict[str, str] | None = None,
    error: QuanyuError | None = None,
) -> Response:
    after = request.query_params.get("after")

    def read(session: Session) -> dict[str, Any]:
        visit = entry_visit(session, caller, name, None)
        page = corrections(session, caller, resource_id=visit.of.id, after=after)
        return {
            "visit": visit,
            "items": page.items,
            "next": page.next,
            "figures": correction_figures(session, now(), resource_id=visit.of.id)[0],
        }

    found = await reading(node, read)
    visit = found.pop("visit")
    may_ask = not caller.anonymous or node.settings.anonymous_corrections
    said = {
        key: request.query_params[key]
        for key in ("record", "field", "version")
        if key in request.query_params
    }
    context = (
        entry_frame(request, visit, "discussion")
        | found
        | _words(request, node)
        | {
            "now": now(),
            "may_ask": may_ask,
            "typed": said if typed is None else typed,
            "days": node.settings.correction_days,
            "next_href": link_to(request, after=found["next"]) if found["next"] else None,
        }
    )
    twin = None if error else {name: found[name] for name in ("items", "next", "figures")}
    return show(request, "resource_corrections.html", context, twin=twin, error=error)


async def _correction(
    request: Request,
    node: Node,
    caller: Caller,
    name: str,
    *,
    typed: dict[str, str] | None = None,
    error: QuanyuError | None = None,
) -> Response:
    def read(session: Session) -> dict[str, Any]:
        item = correction(session, name, caller)
        return {
            "item": item,
            "resource": resource(session, item.resource, visible_to=caller),
            "provider": party(session, item.provider),
            "asker": party(session, item.party) if item.party else None,
            "judge": may_write(caller, item.provider),
        }

    found = await reading(node, read)
    context = (
        found
        | _words(request, node)
        | {
            "now": now(),
            "typed": typed or {},
            "fix_days": node.settings.correction_fix_days,
            "open_states": _OWED,
        }
    )
    twin = None if error else {"correction": found["item"]}
    return show(request, "correction.html", context, twin=twin, error=error)


def _words(request: Request, node: Node) -> dict[str, Any]:
    calendar = _calendar(node)
    return {
        "state_names": {state: say(request, text) for state, text in STATES.items()},
        "badges": BADGES,
        # A deadline is the midnight that ends a day: people count by the day.
        "last_day": lambda moment: calendar.day_of(moment - timedelta(seconds=1)),
    }


def _calendar(node: Node) -> Calendar:
    return read_calendar(node.settings.holidays_file, node.settings.time_zone)


def _whole(text: str, field: str) -> int | None:
    if not text.strip():
        return None
    if not (text.strip().isdecimal() and len(text) < 10):
        raise Invalid("give a whole number", field=field, mend="such as 3")
    return int(text)
