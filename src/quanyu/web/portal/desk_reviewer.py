"""The reviewer's desk: what waits by deadline, and what has been got through."""

from collections import defaultdict
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request
from sqlalchemy.orm import Session

from quanyu.catalogue import (
    APPLICATION_KINDS,
    APPLICATION_STATES,
    MOVES,
    Application,
    ApplicationState,
    Move,
    application_counts,
    applications,
    gradings_waiting,
    overdue_applications,
    review_throughput,
)
from quanyu.kernel import day_in_zone, now
from quanyu.parties import Caller, party
from quanyu.web.node import Node
from quanyu.web.pages import language_of
from quanyu.web.portal.application_views import due_day
from quanyu.web.portal.drawn import Drawn, counted, stacked
from quanyu.web.portal.visit import local, say

_WAITING = frozenset({ApplicationState.SUBMITTED, ApplicationState.ACCEPTED})
_MOVES = (Move.SUBMITTED, Move.REVIEWED, Move.REGISTERED, Move.RETURNED, Move.REFUSED)
_COLOURS = (
    "var(--blue)",
    "var(--jade)",
    "color-mix(in oklab, var(--jade) 55%, var(--surface))",
    "var(--amber)",
    "var(--seal)",
)
_SHOWN = 8
_DAYS = 30


def reviewer(session: Session, request: Request, node: Node, caller: Caller) -> dict[str, Any]:
    """What the page shows to a reviewer of the node."""
    counts = application_counts(session, caller)
    due = applications(session, caller, states=_WAITING, sort="deadline", limit=_SHOWN)
    soon = sum(1 for one in due.items if one.deadline and one.deadline < now() + timedelta(days=2))
    return {
        "at": now(),
        "counts": [
            counted(
                say(request, "Past their deadline"),
                overdue_applications(session, caller),
                "/review?overdue=1",
            ),
            counted(say(request, "Due within two days"), soon, "/review"),
            counted(
                say(request, "Grades to confirm"),
                gradings_waiting(session, limit=1).total,
                "/grading",
            ),
            *(
                counted(
                    local(request, APPLICATION_STATES[state].name),
                    counts[state],
                    f"/review?state={state.value}",
                )
                for state in (
                    ApplicationState.SUBMITTED,
                    ApplicationState.ACCEPTED,
                    ApplicationState.PUBLICISED,
                )
            ),
        ],
        "items": [_row(session, request, node, one) for one in due.items],
        "throughput": _throughput(session, request, node),
    }


def _throughput(session: Session, request: Request, node: Node) -> Drawn:
    moment = now()
    zone = ZoneInfo(node.settings.time_zone)
    today = day_in_zone(moment, node.settings.time_zone)
    dates = [today - timedelta(days=n) for n in range(_DAYS, -2, -1)]
    starts = [datetime.combine(date, time(), zone) for date in dates]
    days = [date.isoformat() for date in dates[:-1]]
    cells: dict[tuple[str, str], int] = defaultdict(int)
    for number, move, count in review_throughput(session, starts):
        cells[days[number], move.value] += count
    language = language_of(request)
    parts = [
        (move.value, MOVES[move].name.to(language), colour)
        for move, colour in zip(_MOVES, _COLOURS, strict=True)
        if any(cells.get((day, move.value)) for day in days)
    ]
    option = stacked([(day, day[5:]) for day in days], parts, cells, lying=False)
    for at, one in enumerate(option["series"]):
        one["data"] = [cells.get((day, parts[at][0]), 0) for day in days]
    option["xAxis"]["data"] = [day[5:] for day in days]
    return Drawn(
        id="throughput",
        title=say(request, "Steps of the last 30 days"),
        option=option,
        headers=(say(request, "Day"), *(name for _, name, _ in parts)),
        rows=tuple(
            (day, *(cells.get((day, part), 0) for part, _, _ in parts))
            for day in days
            if any(cells.get((day, part)) for part, _, _ in parts)
        ),
        source=say(request, "Applications for registration"),
        at=moment,
    )


def _row(session: Session, request: Request, node: Node, one: Application) -> dict[str, Any]:
    return {
        "id": one.id,
        "title": one.title,
        "kind": APPLICATION_KINDS[one.kind].name,
        "state_name": APPLICATION_STATES[one.state].name,
        "provider": local(request, party(session, one.provider).name),
        "deadline": due_day(node, one),
        "late": one.deadline is not None and one.deadline < now(),
    }
