"""How work orders went: in time, again, how long; by party and by category."""

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from quanyu.kernel import NotFound, now
from quanyu.operations import (
    FiguresBy,
    WorkOrderFigures,
    figures_document,
    service_levels,
    work_order_figures,
)
from quanyu.parties import Caller, parties
from quanyu.web.node import Node
from quanyu.web.portal.drawn import Drawn, csv_of
from quanyu.web.portal.visit import Member, TheNode, local, reading, say, show
from quanyu.web.work_order_parameters import filter_from

router = APIRouter(include_in_schema=False)
HEADS = ("Name", "Opened", "Done in time (%)", "Repeated (%)", "Hours, mean", "Overdue now",
         "Reopened")  # fmt: skip
TITLES = {
    FiguresBy.PARTY: "Work orders by who does them",
    FiguresBy.CATEGORY: "Work orders by category",
}


@router.get("/work-orders/statistics")
async def statistics(request: Request, node: TheNode, caller: Member) -> Response:
    """Figures of the orders that the caller may know of."""
    found = await _found(request, node, caller)
    drawn: dict[FiguresBy, Drawn] = found["drawn"]
    twin = {
        "all": figures_document(found["all"]) if found["all"] else None,
        **{f"by_{key.value}": one.twin() for key, one in drawn.items()},
    }
    since, until = (request.query_params.get(name, "") for name in ("since", "until"))
    context = found | {"since": since, "until": until, "query": _query(request)}
    return show(request, "work_order_statistics.html", context, twin=twin)


@router.get("/work-orders/statistics/{figure}.csv")
async def as_csv(request: Request, node: TheNode, caller: Member, figure: str) -> Response:
    """One figure as CSV."""
    drawn = {one.id: one for one in (await _found(request, node, caller))["drawn"].values()}
    if figure not in drawn:
        raise NotFound("there is no such figure", field="figure")
    return csv_of(drawn[figure])


async def _found(request: Request, node: Node, caller: Caller) -> dict[str, Any]:
    moment = now()
    wanted = filter_from(dict(request.query_params), moment, node.settings.time_zone)

    def look(session: Session) -> dict[str, Any]:
        names = {one.id: local(request, one.name) for one in parties(session)}
        names[""] = say(request, "not assigned yet")
        kinds = {key: local(request, one.name) for key, one in service_levels().categories.items()}
        every = work_order_figures(session, caller, moment, wanted=wanted)
        drawn = {}
        for by, known in ((FiguresBy.PARTY, names), (FiguresBy.CATEGORY, kinds)):
            rows = work_order_figures(session, caller, moment, by=by, wanted=wanted)
            drawn[by] = _drawn(request, by, say(request, TITLES[by]), rows, known)
        return {"all": every[0] if every else None, "drawn": drawn, "now": moment}

    return await reading(node, look)


def _drawn(
    request: Request,
    by: FiguresBy,
    title: str,
    rows: list[WorkOrderFigures],
    names: dict[str, str],
) -> Drawn:
    shown = rows[:16][::-1]
    category = [names.get(one.key, one.key) for one in shown]
    return Drawn(
        id=f"orders-by-{by.value}",
        title=title,
        headers=tuple(say(request, head) for head in HEADS),
        rows=tuple(
            (
                names.get(one.key, one.key),
                one.opened,
                _percent(one.on_time),
                _percent(one.repeated),
                None if one.mean_hours is None else round(one.mean_hours, 1),
                one.overdue,
                one.reopened,
            )
            for one in rows
        ),
        source=say(request, "work orders of this node that you may see"),
        at=now(),
        option={
            "unit": "%",
            "legend": {},
            "xAxis": {"type": "value", "max": 100},
            "yAxis": {"type": "category", "data": category},
            "series": [
                {
                    "name": say(request, "Done in time (%)"),
                    "type": "bar",
                    "data": [_percent(one.on_time) for one in shown],
                },
                {
                    "name": say(request, "Repeated (%)"),
                    "type": "bar",
                    "data": [_percent(one.repeated) for one in shown],
                },
            ],
        },
        wide=True,
    )


def _percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 1)


def _query(request: Request) -> str:
    return f"?{request.url.query}" if request.url.query else ""
