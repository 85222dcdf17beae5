"""The desks: one page with the sections that the visitor's roles give, and each by itself."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from quanyu.catalogue import may_review
from quanyu.kernel import NotFound, Refused
from quanyu.parties import Caller, Role
from quanyu.web.node import Node
from quanyu.web.portal.desk_auditor import auditor
from quanyu.web.portal.desk_bureau import PERIODS, bureau
from quanyu.web.portal.desk_consumer import consumer
from quanyu.web.portal.desk_reviewer import reviewer
from quanyu.web.portal.desk_supplier import supplier
from quanyu.web.portal.drawn import Drawn, csv_of
from quanyu.web.portal.visit import Member, TheNode, Visitor, link_to, reading, say, show

router = APIRouter(include_in_schema=False)
STATES: dict[str, str] = {
    "supplier": "Supplier",
    "reviewer": "Reviewer",
    "consumer": "User",
    "bureau": "Bureau",
    "auditor": "Auditor",
}
"""The desks by the last part of their address."""


@router.get("/desk")
async def all_desks(request: Request, node: TheNode, caller: Member) -> Response:
    """Every section that the roles give, the most urgent first."""
    return await _desk(request, node, caller, desks_of(caller), "")


@router.get("/desk/{name}")
async def one_desk(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """One desk; refused to whom it is not for."""
    _check(caller, name)
    return await _desk(request, node, caller, [name], name)


@router.get("/desk/bureau/{figure}.csv")
async def bureau_csv(request: Request, node: TheNode, caller: Member, figure: str) -> Response:
    """One figure of the bureau's desk as CSV."""
    _check(caller, "bureau")
    found = await reading(node, lambda s: bureau(s, request, node, caller, public=False))
    return csv_of(_one(found["figures"], figure))


@router.get("/statistics")
async def statistics(request: Request, node: TheNode, caller: Visitor) -> Response:
    """What the public may know of the same figures."""
    found = await reading(node, lambda s: bureau(s, request, node, caller, public=True))
    context = {
        "bureau": found,
        "filters": _filters(request),
        "csv": "/statistics",
        "query": _query(request),
    }
    return show(request, "statistics.html", context, twin=_twin({"bureau": found}))


@router.get("/statistics/{figure}.csv")
async def statistics_csv(request: Request, node: TheNode, caller: Visitor, figure: str) -> Response:
    """One public figure as CSV."""
    found = await reading(node, lambda s: bureau(s, request, node, caller, public=True))
    return csv_of(_one(found["figures"], figure))


def desks_of(caller: Caller) -> list[str]:
    """Names of the desks that a member's roles give."""
    allowed = {
        "bureau": caller.runs_node
        and any(caller.may(role) for role in (Role.STEWARD, Role.OPERATOR, Role.AUDITOR)),
        "reviewer": may_review(caller),
        "supplier": any(caller.may(role) for role in (Role.SUPPLIER, Role.STEWARD)),
        "consumer": not caller.anonymous,
        "auditor": caller.may(Role.AUDITOR),
    }
    return [name for name, may in allowed.items() if may]


def _check(caller: Caller, name: str) -> None:
    if name not in STATES:
        raise NotFound("there is no desk {name}", name=name[:40])
    if name not in desks_of(caller):
        raise Refused(
            "this desk is for others: {name}",
            mend="ask your steward for the role",
            rule="desk.role",
            name=name,
        )


async def _desk(
    request: Request, node: Node, caller: Caller, names: list[str], only: str
) -> Response:
    def read(session: Session) -> dict[str, Any]:
        makers = {
            "bureau": lambda: bureau(session, request, node, caller, public=False),
            "reviewer": lambda: reviewer(session, request, node, caller),
            "supplier": lambda: supplier(session, request, node, caller),
            "consumer": lambda: consumer(session, request, node, caller),
            "auditor": lambda: auditor(session, request, node, caller),
        }
        return {name: makers[name]() for name in names}

    found = await reading(node, read)
    tabs = [
        {"name": say(request, STATES[name]), "href": f"/desk/{name}", "on": name == only}
        for name in desks_of(caller)
    ]
    context = {
        "desks": names,
        "only": only,
        "tabs": tabs,
        "filters": _filters(request),
        "csv": "/desk/bureau",
        "query": _query(request),
        **dict.fromkeys(STATES, None),
        **found,
    }
    return show(request, "desk.html", context, twin=_twin(found))


def _filters(request: Request) -> list[dict[str, Any]]:
    """Periods to choose."""
    given = request.query_params.get("days", "")
    shown = [("", say(request, "All time"))]
    shown += [(key, say(request, "Last {count} days", count=days)) for key, days in PERIODS.items()]
    return [
        {"name": name, "href": link_to(request, days=key or None), "value": key, "on": key == given}
        for key, name in shown
    ]


def _query(request: Request) -> str:
    return f"?{request.url.query}" if request.url.query else ""


def _one(figures: Mapping[str, Drawn], name: str) -> Drawn:
    if name not in figures:
        raise NotFound("there is no figure {name}", name=name[:40])
    return figures[name]


def _twin(found: Mapping[str, Any]) -> dict[str, Any]:
    """Figures as tables; everything else as it is."""

    def plain(value: Any) -> Any:
        if isinstance(value, Drawn):
            return value.twin()
        if isinstance(value, dict):
            return {key: plain(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [plain(one) for one in value]
        return value

    return {name: plain(part) for name, part in found.items()}
