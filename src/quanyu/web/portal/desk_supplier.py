"""The supplier's desk: its entries, what waits for it, what wants mending."""

from typing import Any

from fastapi import Request
from sqlalchemy.orm import Session

from quanyu.agreements import AgreementState, Side, agreements
from quanyu.catalogue import (
    APPLICATION_KINDS,
    APPLICATION_STATES,
    STATES,
    ApplicationState,
    CorrectionState,
    State,
    applications,
    care_of,
    catalogue_figures,
    corrections,
    resource,
    resources,
    wanting_care,
)
from quanyu.kernel import PartyId, now
from quanyu.parties import Caller, party
from quanyu.web.node import Node
from quanyu.web.portal.application_views import due_day, last_day
from quanyu.web.portal.drawn import Drawn
from quanyu.web.portal.run_words import runs_waiting
from quanyu.web.portal.use_ledger import ledger
from quanyu.web.portal.visit import local, say, say_count

_SHOWN, _MOST = 8, 1_000
_UNDER_WAY = frozenset(
    {
        ApplicationState.DRAFT,
        ApplicationState.SUBMITTED,
        ApplicationState.ACCEPTED,
        ApplicationState.REVIEWED,
        ApplicationState.PUBLICISED,
        ApplicationState.RETURNED,
    }
)


def supplier(session: Session, request: Request, node: Node, caller: Caller) -> dict[str, Any]:
    """What the page shows to a supplier of ``caller.party``."""
    assert caller.party is not None  # noqa: S101 - a page for members
    own = caller.party
    figures = catalogue_figures(session, public=False, provider=own)
    mine = resources(session, visible_to=caller, providers=frozenset({own}), limit=_SHOWN).hits
    care = care_of(session, [one.id for one in mine])
    asked = frozenset({AgreementState.REQUESTED})
    waiting = agreements(session, caller, side=Side.PROVIDER, states=asked, limit=_SHOWN).items
    under_way = applications(
        session, caller, own=True, states=_UNDER_WAY, sort="deadline", limit=_SHOWN
    )
    owed = corrections(
        session,
        caller,
        provider=own,
        states=frozenset({CorrectionState.OPEN, CorrectionState.ACCEPTED}),
        limit=_SHOWN,
    ).items
    promised = sum(count for _, count, _ in figures.freshness)
    late = sum(count for _, _, count in figures.freshness)
    mean = figures.quality[0][1] if figures.quality else None
    counts = [
        _count(
            local(request, STATES[s].name),
            figures.states.get(s, 0),
            f"/search?provider={own}&state={s.value}",
        )
        for s in State
    ]
    counts += [
        _count(say(request, "Requests to decide"), len(waiting), "/agreements"),
        _count(say(request, "Corrections to answer"), len(owed), "#corrections"),
        _count(say(request, "Overdue data"), late if promised else None, "#wanting"),
        _count(say(request, "Mean quality"), mean, "#wanting", "/ 405"),
    ]
    return {
        "runs": runs_waiting(session, request, caller),
        "counts": counts,
        "at": figures.at,
        "items": [{"of": one, "care": care.get(one.id)} for one in mine],
        "total": figures.total,
        "waiting": [_request(session, request, one) for one in waiting],
        "applications": [
            {
                "id": one.id,
                "title": one.title,
                "kind": APPLICATION_KINDS[one.kind].name,
                "state": one.state.value,
                "state_name": APPLICATION_STATES[one.state].name,
                "deadline": due_day(node, one),
                "late": one.deadline is not None and one.deadline < now(),
            }
            for one in under_way.items
        ],
        "corrections": [
            {
                "id": one.id,
                "title": resource(session, one.resource).title,
                "slug": resource(session, one.resource).slug,
                "wrong": one.wrong,
                "due": last_day(
                    node, one.due_at if one.state is CorrectionState.OPEN else one.correct_by
                ),
                "late": one.due_at < now()
                if one.state is CorrectionState.OPEN
                else one.correct_by is not None and one.correct_by < now(),
                "accepted": one.state is CorrectionState.ACCEPTED,
            }
            for one in owed
        ],
        "wanting": wanting_care(session, own, limit=_SHOWN),
        "now": now(),
        "uses": _uses(session, request, node, caller, own),
    }


def _uses(
    session: Session, request: Request, node: Node, caller: Caller, own: PartyId
) -> Drawn | None:
    page = resources(session, visible_to=caller, providers=frozenset({own}), limit=_MOST)
    mine = frozenset(one.id for one in page.hits)
    days, at = ledger.by_day(node.log, node.settings.time_zone, 90, mine)
    shown = list(days.items())
    return Drawn(
        id="my-uses",
        title=say(request, "Uses of your data by day"),
        option={
            "xAxis": {"type": "category", "data": [day for day, _ in shown]},
            "yAxis": {"type": "value", "minInterval": 1},
            "series": [
                {"type": "bar", "name": say(request, "Uses"), "data": [n for _, n in shown]}
            ],
        },
        headers=(say(request, "Day"), say(request, "Uses")),
        rows=tuple(shown),
        source=say_count(
            request, "Evidence log, {count} leaf", "Evidence log, {count} leaves", node.log.size
        ),
        at=at or now(),
        size="small",
    )


def _request(session: Session, request: Request, one: Any) -> dict[str, Any]:
    of = resource(session, one.resource)
    return {
        "id": one.id,
        "title": of.title,
        "slug": of.slug,
        "who": local(request, party(session, one.consumer).name),
        "statement": one.statement,
        "at": one.requested_at,
    }


def _count(label: str, value: float | None, href: str, unit: str = "") -> dict[str, Any]:
    return {"label": label, "value": value, "href": href, "unit": unit, "source": ""}
