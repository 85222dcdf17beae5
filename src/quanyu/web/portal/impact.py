"""What a party's data did: uses over time, by face and agreement, corrections, reuses, freshness.

Uses are counted from the evidence log. Nobody is named there: an agreement is shown with its party
only to the two sides of it, and others see no count below :data:`FEWEST`.
"""

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from quanyu.agreements import AgreementState, Side, agreements
from quanyu.catalogue import (
    Resource,
    State,
    care_of,
    correction_figures,
    follower_count,
    freshness,
    rating_of,
    resource,
    resources,
    reuse_counts,
)
from quanyu.kernel import PartyId, Refused, ResourceId, day_in_zone, now
from quanyu.parties import Caller, Role, parties, party
from quanyu.web.pages import language_of
from quanyu.web.portal.identities import purpose_name
from quanyu.web.portal.quality_words import BADGES, LABELS
from quanyu.web.portal.use_ledger import FACES
from quanyu.web.portal.uses import UseTally, uses_in_log
from quanyu.web.portal.visit import Member, TheNode, filter_of, link_to, local, reading, say, show

router = APIRouter(include_in_schema=False)
FEWEST = 5
"""Counts below this are not told to those who are not of the party."""

PERIODS: dict[str, int] = {"30": 30, "90": 90, "365": 365}
_MOST = 500
_TOP = 10


@router.get("/impact")
async def impact_page(request: Request, node: TheNode, caller: Member) -> Response:
    """Figures of the caller's party, of one of its resources, or (for the node) of another's."""
    asked = request.query_params
    period = filter_of(request, "days", PERIODS, "90")
    whose = PartyId(asked.get("party") or str(caller.party))
    _check_sees(caller, whose)
    moment, zone = now(), node.settings.time_zone
    since = day_in_zone(moment, zone) - timedelta(days=PERIODS[period] - 1)
    chosen = asked.get("resource")
    known = await reading(node, lambda session: _read(session, caller, whose, chosen))
    found: list[Resource] = known["resources"]
    tallies, read_at = await run_in_threadpool(
        uses_in_log.tallies, node.log, zone, [one.id for one in found], since
    )
    hide = 0 if whose == caller.party else FEWEST
    days = [since + timedelta(days=n) for n in range(PERIODS[period])]
    figures = _figures(request, tallies, days, known, hide)
    if asked.get("f") == "csv":
        return _csv(tallies, found, hide)
    context = (
        known
        | figures
        | {
            "periods": [
                {
                    "name": say(request, "{days} days", days=key),
                    "href": link_to(request, days=key),
                    "on": key == period,
                }
                for key in PERIODS
            ],
            "rows": [_row(request, one, tallies, known, hide) for one in found],
            "read_at": read_at,
            "since": since,
            "hidden_below": hide,
            "csv_href": link_to(request, f="csv"),
            "json_href": link_to(request, f="json"),
            "all_href": link_to(request, resource=None),
        }
    )
    twin = {
        "party": whose,
        "since": since,
        "as_of": read_at,
        "totals": figures["totals"],
        "by_day": figures["by_day"][1],
        "by_face": figures["by_face"][1],
        "resources": [{k: v for k, v in row.items() if k != "fresh"} for row in context["rows"]],
        "corrections": known["corrections"],
    }
    return show(request, "impact.html", context, twin=twin)


def _check_sees(caller: Caller, whose: PartyId) -> None:
    oversees = caller.runs_node and (caller.may(Role.STEWARD) or caller.may(Role.AUDITOR))
    if whose != caller.party and not oversees:
        raise Refused(
            "these figures are for the members of that party",
            mend="look at those of your own party",
            rule="impact.party",
        )


def _read(session: Session, caller: Caller, whose: PartyId, chosen: str | None) -> dict[str, Any]:
    owner = party(session, whose)
    states = frozenset({State.PUBLISHED, State.WITHDRAWN, State.REGISTERED})
    every = list(
        resources(
            session,
            visible_to=caller,
            providers=frozenset({whose}),
            states=states,
            limit=_MOST,
        ).hits
    )
    found = [resource(session, chosen, visible_to=caller)] if chosen else every
    found = [one for one in found if one.provider == whose]
    ids = [one.id for one in found]
    names: dict[str, PartyId] = {}
    if whose == caller.party:
        page = agreements(session, caller, side=Side.PROVIDER, limit=1000)
        names = {item.id: PartyId(item.consumer) for item in page.items}
    active = (
        agreements(
            session,
            caller,
            side=Side.PROVIDER,
            states=frozenset({AgreementState.ACTIVE}),
            limit=1000,
        ).items
        if whose == caller.party
        else ()
    )
    return {
        "owner": owner,
        "every": every,
        "chosen": found[0] if chosen and found else None,
        "resources": found,
        "care": care_of(session, ids),
        "reuses": reuse_counts(session, ids),
        "followers": {name: follower_count(session, name) for name in ids[:100]},
        "corrections": correction_figures(session, now(), provider=whose)[0],
        "agreement_parties": names,
        "agreements_active": len(active),
        "party_names": {one.id: one.name for one in parties(session)},
    }


def _figures(
    request: Request,
    tallies: Sequence[UseTally],
    days: Sequence[date],
    known: dict[str, Any],
    hide: int,
) -> dict[str, Any]:
    titles = {one.id: local(request, one.title) for one in known["resources"]}
    by_day: Counter[tuple[date, bool]] = Counter()
    for one in tallies:
        by_day[one.day, not one.agreement] += one.requests
    faces = _summed(tallies, lambda one: one.face)
    tops = _summed(tallies, lambda one: one.resource)
    purposes = _summed((one for one in tallies if one.agreement), lambda one: one.purpose or "—")
    agreed = _summed((one for one in tallies if one.agreement), lambda one: one.agreement)
    language = language_of(request)

    def user(agreement: str) -> str:
        consumer = known["agreement_parties"].get(agreement)
        name = known["party_names"].get(consumer)
        return name.to(language) if name else agreement

    users: Counter[str] = Counter()
    for agreement, count in agreed.items():
        users[user(agreement)] += count
    return {
        "totals": {
            "requests": sum(one.requests for one in tallies),
            "downloads": faces.get("download", 0),
            "rows": sum(one.rows for one in tallies),
            "bytes": sum(one.bytes for one in tallies),
        },
        "by_day": _days_chart(request, days, by_day),
        "by_face": _bars(
            say(request, "Uses"),
            [(say(request, FACES.get(face, face)), n) for face, n in faces.most_common()],
            hide,
        ),
        "by_resource": _bars(
            say(request, "Uses"),
            [(titles[ResourceId(k)], n) for k, n in tops.most_common(_TOP)],
            hide,
        ),
        "by_user": _bars(say(request, "Uses"), users.most_common(_TOP), hide),
        "by_purpose": _bars(
            say(request, "Uses"),
            [(purpose_name(language, k), n) for k, n in purposes.most_common(_TOP)],
            hide,
        ),
    }


def _summed(tallies: Iterable[UseTally], key: Callable[[UseTally], str]) -> Counter[str]:
    found: Counter[str] = Counter()
    for one in tallies:
        found[key(one)] += one.requests
    return found


def _days_chart(
    request: Request, days: Sequence[date], counts: Counter[tuple[date, bool]]
) -> tuple[dict[str, Any], tuple[list[str], list[list[Any]]]]:
    names = [say(request, "Open to all"), say(request, "Under an agreement")]
    labels = [day.isoformat() for day in days]
    series = [
        {
            "type": "bar",
            "name": name,
            "stack": "uses",
            "data": [counts[day, is_open] for day in days],
        }
        for name, is_open in zip(names, (True, False), strict=True)
    ]
    option = {
        "legend": {},
        "tooltip": {"trigger": "axis"},
        "xAxis": {"type": "category", "data": labels},
        "yAxis": {"type": "value", "minInterval": 1},
        "series": series,
    }
    rows = [
        [day.isoformat(), counts[day, True], counts[day, False]]
        for day in days
        if counts[day, True] or counts[day, False]
    ]
    return option, ([say(request, "Day"), *names], rows)


def _bars(
    name: str, found: Sequence[tuple[str, int]], hide: int
) -> tuple[dict[str, Any], tuple[list[str], list[list[Any]]]]:
    rows: list[list[Any]] = [
        [label, count if count >= hide else f"< {hide}"] for label, count in found
    ]
    shown = [(label, count if count >= hide else 0) for label, count in found][::-1]
    option = {
        "tooltip": {},
        "xAxis": {"type": "value", "minInterval": 1},
        "yAxis": {"type": "category", "data": [label for label, _ in shown]},
        "series": [{"type": "bar", "name": name, "data": [count for _, count in shown]}],
    }
    return option, (["", name], rows)


def _row(
    request: Request,
    one: Resource,
    tallies: Sequence[UseTally],
    known: dict[str, Any],
    hide: int,
) -> dict[str, Any]:
    mine = [tally for tally in tallies if tally.resource == one.id]
    count = sum(tally.requests for tally in mine)
    downloads = sum(tally.requests for tally in mine if tally.face == "download")
    care = known["care"].get(one.id)
    fresh = freshness(one, care.data_at if care else None, now())
    kind, icon = BADGES[fresh.state]
    return {
        "slug": one.slug,
        "title": local(request, one.title),
        "uses": count if count >= hide else f"< {hide}",
        "downloads": downloads if downloads >= hide else f"< {hide}",
        "reuses": known["reuses"].get(one.id, 0),
        "followers": known["followers"].get(one.id, 0),
        "score": care.score if care else None,
        "rating": say(request, LABELS[rating_of(care.score)]) if care else "",
        "freshness": fresh.state.value,
        "fresh": {"name": say(request, LABELS[fresh.state]), "badge": kind, "icon": icon},
    }


def _csv(tallies: Sequence[UseTally], found: Sequence[Resource], hide: int) -> Response:
    slugs = {one.id: one.slug for one in found}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["day", "resource", "face", "open", "requests", "rows", "bytes"])
    summed: Counter[tuple[date, str, str, bool]] = Counter()
    rows: Counter[tuple[date, str, str, bool]] = Counter()
    size: Counter[tuple[date, str, str, bool]] = Counter()
    for one in tallies:
        key = (one.day, slugs[one.resource], one.face, not one.agreement)
        summed[key] += one.requests
        rows[key] += one.rows
        size[key] += one.bytes
    for key in sorted(summed):
        if summed[key] >= hide:
            writer.writerow([*key, summed[key], rows[key], size[key]])
    headers = {"content-disposition": 'attachment; filename="uses.csv"'}
    return Response(text.getvalue(), 200, headers, "text/csv; charset=utf-8")
