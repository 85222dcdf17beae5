"""Offers: making one out of a resource, seeing what it would say and cost first, taking it back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.responses import Response

from quanyu.agreements import (
    Offer,
    Policy,
    agreements_on,
    close_offer,
    may_offer,
    offer,
    offering_party,
    offers_by,
    policy_document,
)
from quanyu.catalogue import Resource, product, resource
from quanyu.kernel import Invalid, NotFound, PartyId, QuanyuError, canonical, sha256_hex
from quanyu.market import (
    Measure,
    Method,
    PlanKind,
    Priced,
    charges,
    plan_document,
    plan_of,
    price,
    put_forward,
    sharing_document,
)
from quanyu.parties import Caller, parties, party
from quanyu.spacetime import Mask
from quanyu.web.node import Node
from quanyu.web.pages import language_of
from quanyu.web.portal.application_forms import revision_of
from quanyu.web.portal.identities import PURPOSES
from quanyu.web.portal.offer_price import price_of, quantity_of, said_of_price
from quanyu.web.portal.offer_terms import DUTIES, policy_of, said_of
from quanyu.web.portal.people import KINDS as PARTY_KINDS
from quanyu.web.portal.policy_words import ACTION_WORDS, in_words
from quanyu.web.portal.price_words import KINDS, MEASURES, METHODS, charge_words, plan_words
from quanyu.web.portal.visit import (
    Member,
    TheNode,
    Visitor,
    go,
    link_to,
    local,
    reading,
    say,
    show,
    trying,
    writing,
)
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)
_LISTS = ("actions", "purposes", "duties")
MASKS: dict[str, str] = {
    "show": "shown",
    "hide": "hidden",
    Mask.KEEP_LAST_4.value: "only the last four characters",
    Mask.HASH.value: "as a code that tells equal from unequal",
    Mask.ROUND.value: "rounded to the step",
    Mask.MARK.value: "marked in its last step",
}
"""What may be done with a column."""
_PLAN_FIELDS = {"plan.kind": "plan", "sharing.method": "method", "sharing.weights": "weights"}


@router.get("/offers")
async def offer_list(
    request: Request, node: TheNode, caller: Member, after: str | None = None
) -> Response:
    """What the visitor's party has put forward, closed offers too."""

    def read(session: Session) -> dict[str, Any]:
        assert caller.party is not None  # noqa: S101 - a page for members
        page, following = offers_by(session, caller.party, after=after)
        return {"rows": [_row(session, request, one) for one in page], "next": following}

    found = await reading(node, read)
    onward = link_to(request, after=found["next"]) if found["next"] else ""
    return show(request, "offers.html", found | {"next_href": onward}, twin=found)


@router.get("/offers/new")
async def new_offer(request: Request, node: TheNode, caller: Member) -> Response:
    """The form: blank, or as the offer says that it shall replace."""
    asked = request.query_params
    slug, replaces, of = (asked.get(name, "") for name in ("resource", "replaces", "product"))

    def read(session: Session) -> tuple[dict[str, Any], bool]:
        blank: dict[str, Any] = {"resource": slug, "replaces": "", "actions": ["odrl:use"]}
        if of:
            level = product(session, of, visible_to=caller).level
            blank |= {"level_zh": level.zh, "level_en": level.en} if level else {}
        if not replaces:
            return blank, True
        old = offer(session, replaces)
        known = resource(session, old.resource, visible_to=caller)
        names = tuple(one.name for one in known.fields)
        said, whole = said_of(old.policy, names, node.settings.time_zone)
        return (
            blank
            | said
            | said_of_price(plan_of(session, old.id))
            | {"resource": known.slug, "replaces": old.id},
            whole,
        )

    said, whole = await reading(node, read)
    return await _form(request, node, caller, said | ({} if whole else {"partly": "yes"}))


@router.post("/offers/new")
async def make_offer(request: Request, node: TheNode, caller: Member) -> Response:
    """Show what the offer would say and cost, or put it forward."""
    await check_csrf_of(request)
    said = _typed(await request.form())
    zone = node.settings.time_zone

    def make(session: Session) -> Priced:
        return put_forward(
            session,
            caller,
            said["resource"],
            policy_of(said, zone),
            price_of(said),
            replaces=said["replaces"],
        )

    try:
        if said.get("step") not in ("offer", "preview"):
            raise Invalid("there is no such step", field="step", mend="use the buttons of the page")
        if said["step"] == "offer" and said.get("seen") == _digest(said):
            made = await writing(node, make)
            return go(f"/offers/{made.offer}")
        quantity_of(said)
        # The offer is made and rolled back: so the preview passes every check.
        preview = await trying(node, lambda s: _preview(s, request, make(s), said))
    except QuanyuError as error:
        error.field = _PLAN_FIELDS.get(str(error.field), str(error.field or "").split(".")[-1])
        return await _form(request, node, caller, said, error=error)
    preview |= {"seen": _digest(said), "changed": said["step"] == "offer"}
    return await _form(request, node, caller, said, preview=preview)


@router.get("/offers/{name}")
async def offer_page(request: Request, node: TheNode, caller: Visitor, name: str) -> Response:
    """One offer: its terms in words, its price, and for its provider what may be done with it."""
    return await _page(request, node, caller, name)


@router.post("/offers/{name}")
async def withdraw_offer(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """Take the offer back, once that is confirmed."""
    await check_csrf_of(request)
    form = await request.form()

    def write(session: Session) -> Offer:
        if form.get("step") != "withdraw":
            raise Invalid("there is no such step", field="step", mend="use the buttons of the page")
        if form.get("sure") != "yes":
            raise Invalid(
                "say that you are sure", field="sure", mend="tick the box beside the button"
            )
        at = revision_of(str(form.get("revision", "")))
        return close_offer(session, caller, name, revision=at)

    try:
        await writing(node, write)
    except QuanyuError as error:
        return await _page(request, node, caller, name, error=error)
    return go(f"/offers/{name}")


def _typed(form: FormData) -> dict[str, Any]:
    """What a form says: texts, lists, and what is said of each column."""
    said: dict[str, Any] = {"resource": "", "replaces": "", "columns": {}, "steps": {}}
    for name, text in form.items():
        for kind in ("columns", "steps"):
            if name.startswith(f"{kind}/"):
                said[kind][name.removeprefix(f"{kind}/")] = str(text)
        said[name] = str(text)
    return said | {name: [str(one) for one in form.getlist(name)] for name in _LISTS}


def _digest(said: Mapping[str, Any]) -> str:
    """Of what is offered: so that nothing is put forward that was not looked at."""
    apart = {"csrf_token", "step", "seen", "partly", "if_uses", "if_rows", "if_bytes"}
    return sha256_hex(canonical({name: said[name] for name in said if name not in apart}))


def _preview(
    session: Session, request: Request, made: Priced, said: Mapping[str, Any]
) -> dict[str, Any]:
    """What the offer says, and what a month's quantity would cost under it."""
    quantity, language = quantity_of(said), language_of(request)
    put = offer(session, made.offer)
    return {
        "words": in_words(put.policy, language),
        "price": plan_words(made.plan, language),
        "method": say(request, METHODS[made.sharing.method]),
        "level": made.level,
        "amount": price(made.plan, quantity),
        "charges": charge_words(charges(made.plan, quantity), language),
        "policy": _shown(put.policy),
    }


async def _form(
    request: Request,
    node: Node,
    caller: Caller,
    said: Mapping[str, Any],
    *,
    preview: Mapping[str, Any] | None = None,
    error: QuanyuError | None = None,
) -> Response:
    def read(session: Session) -> dict[str, Any]:
        of = resource(session, said["resource"], visible_to=caller)
        offering_party(session, caller, of)
        everybody = parties(session)
        return {
            "resource": of,
            "columns": _columns(of, said),
            "parties": [(one.id, local(request, one.name)) for one in everybody],
        }

    def words(table: Mapping[Any, str]) -> list[tuple[str, str]]:
        return [(str(key), say(request, text)) for key, text in table.items()]

    found = await reading(node, read)
    context = found | {
        "said": said,
        "preview": preview,
        "actions": words(ACTION_WORDS),
        "purposes": words(PURPOSES),
        "duties": words(DUTIES),
        "masks": words(MASKS),
        "kinds": words(PARTY_KINDS),
        "plans": words({one.value: KINDS[one] for one in PlanKind}),
        "measures": words({one.value: MEASURES[one] for one in Measure}),
        "methods": words({one.value: METHODS[one] for one in Method}),
    }
    return show(request, "offer_form.html", context, error=error)


def _columns(of: Resource, said: Mapping[str, Any]) -> list[dict[str, Any]]:
    how, steps = said.get("columns", {}), said.get("steps", {})
    return [
        {
            "name": one.name,
            "meaning": one.meaning,
            "how": how.get(one.name, "show"),
            "step": steps.get(one.name, ""),
        }
        for one in of.fields
    ]


async def _page(
    request: Request, node: Node, caller: Caller, name: str, *, error: QuanyuError | None = None
) -> Response:
    language = language_of(request)

    def read(session: Session) -> dict[str, Any]:
        put, of = _visible(session, caller, name)
        priced = plan_of(session, put.id)
        return {
            "offer": put,
            "resource": of,
            "provider": party(session, put.provider),
            "words": in_words(put.policy, language),
            "priced": priced,
            "price": plan_words(priced.plan, language),
            "method": say(request, METHODS[priced.sharing.method]),
            "own": caller.party == put.provider and may_offer(session, caller, of),
            "asked": len(agreements_on(session, [put.id])),
        }

    found = await reading(node, read)
    put, priced = found["offer"], found["priced"]
    asked = found["asked"] if caller.party == put.provider else None
    context = found | {
        "json_href": f"/offers/{put.id}?f=json",
        "asked": asked,
        "policy": _shown(put.policy),
    }
    twin = {
        "id": put.id,
        "resource": found["resource"].slug,
        "provider": put.provider,
        "open": put.open,
        "policy": policy_document(put.policy),
        "plan": plan_document(priced.plan),
        "sharing": sharing_document(priced.sharing)["method"],
        "level": priced.level,
        "asked": asked,
    }
    shown = None if error else twin
    return show(request, "offer.html", context, twin=shown, error=error)


def _visible(session: Session, caller: Caller, name: str) -> tuple[Offer, Resource]:
    """An offer and its resource; one made to a party alone is for both sides and the node."""
    put = offer(session, name)
    of = resource(session, put.resource, visible_to=caller)
    to = put.policy.assignee
    sides = caller.party == put.provider or caller.runs_node
    if to is not None and not sides and not (caller.party and to.endswith(str(caller.party))):
        raise NotFound("there is no offer {id}", id=name[:80])
    return put, of


@dataclass(frozen=True, slots=True)
class _Row:
    """An offer in the list."""

    id: str
    slug: str
    title: str
    to: str
    price: list[str]
    open: bool
    at: Any


def _row(session: Session, request: Request, put: Offer) -> _Row:
    of, to = resource(session, put.resource), put.policy.assignee
    name = (to or "").removeprefix("urn:quanyu:")
    return _Row(
        id=put.id,
        slug=of.slug,
        title=local(request, of.title),
        to=local(request, party(session, PartyId(name)).name) if name else "",
        price=plan_words(plan_of(session, put.id).plan, language_of(request)),
        open=put.open,
        at=put.created_at,
    )


def _shown(policy: Policy) -> str:
    return orjson.dumps(policy_document(policy), option=orjson.OPT_INDENT_2).decode()
