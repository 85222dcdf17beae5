"""The public price list, and what an offer would cost and how it would be shared."""

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from quanyu.agreements import offer
from quanyu.catalogue import resource
from quanyu.kernel import Invalid, NotFound, PartyId
from quanyu.market import (
    PlanKind,
    Priced,
    Quantity,
    charges,
    permitted_incomes,
    plan_document,
    plan_of,
    price,
    price_list,
    sharing_document,
    weigh,
)
from quanyu.parties import Caller, party
from quanyu.web.pages import language_of
from quanyu.web.portal.price_words import KINDS, METHODS, charge_words, kind_name, plan_words
from quanyu.web.portal.visit import TheNode, Visitor, filter_of, local, reading, say, show

router = APIRouter(include_in_schema=False)
_MOST = 10**15


@router.get("/prices")
async def prices(request: Request, node: TheNode, caller: Visitor) -> Response:
    """Every price that is on offer, and what may be taken in for public data."""
    kind = filter_of(request, "kind", {one.value for one in PlanKind})
    language = language_of(request)

    def read(session: Session) -> dict[str, Any]:
        rows = [
            row
            for one in price_list(session)
            if not kind or one.plan.kind.value == kind
            if (row := _row(session, request, caller, one)) is not None
        ]
        permitted = [
            {
                "party": local(request, party(session, PartyId(one.provider)).name),
                "period": one.period,
                "amount": one.amount,
                "basis": one.basis,
                "counted": one.counted,
                "held": one.held,
            }
            for one in permitted_incomes(session)
        ]
        return {"rows": rows, "permitted": permitted}

    found = await reading(node, read)
    context = found | {
        "kinds": {one.value: say(request, name) for one, name in KINDS.items()},
        "kind": kind,
        "language": language,
    }
    return show(request, "prices.html", context, twin={"prices": found["rows"], **found})


@router.get("/what-if")
async def what_if(request: Request, node: TheNode, caller: Visitor, offer_id: str = "") -> Response:
    """What a quantity would cost under an offer, before anything is signed.

    How it would be shared is shown to the provider's members and to the node.
    """
    asked = request.query_params
    name = asked.get("offer", offer_id)
    quantity = Quantity(*(_whole(asked.get(one), one) for one in ("uses", "rows", "bytes")))
    language = language_of(request)

    def read(session: Session) -> dict[str, Any]:
        known = [
            row
            for one in price_list(session)
            if (row := _row(session, request, caller, one)) is not None
        ]
        if not name:
            return {"offers": known, "chosen": None}
        put = offer(session, name)
        of = resource(session, put.resource, visible_to=caller)
        priced = plan_of(session, put.id)
        amount = price(priced.plan, quantity)
        sees = caller.runs_node or caller.party == put.provider
        return {
            "offers": known,
            "chosen": {
                "offer": put.id,
                "slug": of.slug,
                "title": local(request, of.title),
                "plan": plan_document(priced.plan),
                "words": plan_words(priced.plan, language),
                "charges": charge_words(charges(priced.plan, quantity), language),
                "amount": amount,
                "sharing": say(request, METHODS[priced.sharing.method]),
                "shares": _shares(session, request, priced, put.resource, amount) if sees else [],
            },
        }

    found = await reading(node, read)
    context = found | {
        "quantity": {"uses": quantity.uses, "rows": quantity.rows, "bytes": quantity.bytes}
    }
    return show(request, "what_if.html", context, twin={"quantity": context["quantity"], **found})


def _shares(
    session: Session, request: Request, priced: Priced, of: str, amount: int
) -> list[dict[str, Any]]:
    parts = weigh(session, priced.sharing, of, priced.provider).shares(amount)
    total = sum(one.weight for one in parts)
    return [
        {
            "party": one.party,
            "name": local(request, party(session, PartyId(one.party)).name),
            "share": float(one.weight / total) if total else 0.0,
            "amount": one.amount,
            "resources": list(one.why),
        }
        for one in parts
    ]


def _row(session: Session, request: Request, caller: Caller, one: Priced) -> dict[str, Any] | None:
    """An offer and its price, or nothing where the visitor may not know of its resource."""
    put = offer(session, one.offer)
    try:
        of = resource(session, put.resource, visible_to=caller)
    except NotFound:
        return None
    language = language_of(request)
    return {
        "offer": put.id,
        "slug": of.slug,
        "title": local(request, of.title),
        "provider": local(request, party(session, put.provider).name),
        "kind": one.plan.kind.value,
        "kind_name": kind_name(one.plan, language),
        "words": plan_words(one.plan, language),
        "plan": plan_document(one.plan),
        "sharing": sharing_document(one.sharing)["method"],
        "since": one.at,
        "leaf": one.leaf,
    }


def _whole(text: str | None, name: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdecimal() and int(text) <= _MOST):
        raise Invalid("a whole number is needed here", field=name, mend="write digits only")
    return int(text)
