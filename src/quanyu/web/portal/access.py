"""Requesting access, deciding on it, and the life of an agreement."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from quanyu.agreements import (
    Agreement,
    AgreementState,
    Obligation,
    Offer,
    Side,
    StepKind,
    agreement,
    agreements,
    approve,
    compile_policy,
    confirm_obligation,
    end,
    obligations_of,
    offers,
    policy_document,
    refuse,
    request_agreement,
    resume,
    steps,
    suspend,
    uncovered,
    withdraw_request,
)
from quanyu.catalogue import resource
from quanyu.federation import (
    Listed,
    ProcessKind,
    State,
    file_contract,
    negotiation_of,
    processes,
)
from quanyu.kernel import Invalid, PartyId, QuanyuError, now
from quanyu.market import estimate, in_force, period_of, plan_document, plan_of, usage
from quanyu.parties import Caller, party
from quanyu.web.node import Node
from quanyu.web.pages import language_of
from quanyu.web.portal.contract_view import contract_view
from quanyu.web.portal.identities import identities
from quanyu.web.portal.policy_words import in_words
from quanyu.web.portal.price_words import plan_words
from quanyu.web.portal.visit import (
    Member,
    TheNode,
    go,
    link_to,
    local,
    reading,
    say,
    show,
    writing,
)
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)
STATES: dict[AgreementState, str] = {
    AgreementState.REQUESTED: "Requested",
    AgreementState.SIGNED: "Signed, not yet in force",
    AgreementState.REFUSED: "Refused",
    AgreementState.WITHDRAWN: "Withdrawn",
    AgreementState.ACTIVE: "In force",
    AgreementState.SUSPENDED: "Suspended",
    AgreementState.ENDED: "Ended",
    AgreementState.EXPIRED: "Expired",
}
STEPS: dict[StepKind, str] = {
    StepKind.REQUESTED: "Requested",
    StepKind.WITHDRAWN: "Withdrawn",
    StepKind.SIGNED: "Negotiated and signed",
    StepKind.ENTERED: "In force",
    StepKind.APPROVED: "Approved and signed",
    StepKind.REFUSED: "Refused",
    StepKind.SUSPENDED: "Suspended",
    StepKind.RESUMED: "Resumed",
    StepKind.ENDED: "Ended",
}
OWED: dict[str, str] = {
    "odrl:delete": "Delete the data",
    "odrl:inform": "Inform the provider",
}
OBLIGATION_STATES: dict[str, str] = {
    "Confirmed": "Confirmed",
    "Overdue": "Overdue",
    "Owed": "Still owed",
}
MEASURES: dict[str, str] = {
    "requests": "Requests",
    "rows": "Rows",
    "bytes": "Bytes",
    "epsilon": "Privacy budget (ε)",
}
_Change = Callable[[Session, Caller, str, str, int], Agreement]
CHANGES: dict[str, _Change] = {
    "approve": lambda s, c, i, _, r: approve(s, c, i, revision=r),
    "refuse": lambda s, c, i, why, r: refuse(s, c, i, reason=why, revision=r),
    "suspend": lambda s, c, i, why, r: suspend(s, c, i, reason=why, revision=r),
    "resume": lambda s, c, i, _, r: resume(s, c, i, revision=r),
    "end": lambda s, c, i, why, r: end(s, c, i, reason=why, revision=r),
    "withdraw": lambda s, c, i, _, r: withdraw_request(s, c, i, revision=r),
}
LABELS: dict[str, tuple[str, str]] = {
    "approve": ("Approve and sign", ""),
    "refuse": ("Refuse", "danger"),
    "withdraw": ("Withdraw the request", "quiet"),
    "suspend": ("Suspend", "quiet"),
    "resume": ("Resume", ""),
    "end": ("End for good", "danger"),
}


@router.get("/request/{slug}")
async def request_page(request: Request, node: TheNode, caller: Member, slug: str) -> Response:
    """The terms on offer, in words, and the form to ask for them."""
    return await _request_page(request, node, caller, slug)


@router.post("/request/{slug}")
async def send_request(request: Request, node: TheNode, caller: Member, slug: str) -> Response:
    """The request goes to the provider's inbox."""
    await check_csrf_of(request)
    form = await request.form()
    offer, statement = str(form.get("offer", "")), str(form.get("statement", ""))
    try:
        made = await writing(
            node, lambda s: request_agreement(s, caller, offer, statement=statement)
        )
    except QuanyuError as error:
        return await _request_page(request, node, caller, slug, statement=statement, error=error)
    return go(f"/agreements/{made.id}")


@router.get("/agreements")
async def inbox(
    request: Request, node: TheNode, caller: Member, after: str | None = None
) -> Response:
    """What waits for the caller's party, what it may use, what it has granted."""

    def read(session: Session) -> dict[str, Any]:
        asked = frozenset({AgreementState.REQUESTED})
        waiting = agreements(session, caller, side=Side.PROVIDER, states=asked, limit=200)
        page = agreements(session, caller, after=after)
        rows = [_row(session, request, caller, item) for item in page.items]
        return {
            "inbox": [_row(session, request, caller, item) for item in waiting.items],
            "mine": [row for row in rows if row["side"] == "consumer"],
            "granted": [
                row for row in rows if row["side"] != "consumer" and row["state"] != "requested"
            ],
            "elsewhere": [
                _at_peer(one)
                for one in processes(session, caller, ProcessKind.NEGOTIATION, limit=200).items
                if one.process.role is Side.CONSUMER and one.process.state is State.FINALIZED
            ],
            "next": page.next,
        }

    found = await reading(node, read)
    context = found | {
        "next_href": link_to(request, after=found["next"]) if found["next"] else None
    }
    return show(request, "agreements.html", context, twin=found)


@router.get("/agreements/{name}")
async def agreement_page(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """One agreement: its terms in words, its course, what may be done with it now."""
    return await _agreement_page(request, node, caller, name)


@router.post("/agreements/{name}")
async def decide(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """Approve, refuse, suspend, resume, end, withdraw."""
    await check_csrf_of(request)
    form = await request.form()
    step, reason = str(form.get("step", "")), str(form.get("reason", ""))
    try:
        revision = _revision(str(form.get("revision", "")))
        if step == "file":
            await writing(node, lambda s: _file(s, caller, name, form))
            return go(f"/agreements/{name}")
        change = CHANGES.get(step)
        if change is None:
            raise Invalid("there is no such step", field="step", mend="use the buttons of the page")
        await writing(node, lambda s: change(s, caller, name, reason, revision))
    except QuanyuError as error:
        return await _agreement_page(request, node, caller, name, error=error)
    return go(f"/agreements/{name}")


@router.post("/agreements/{name}/obligations")
async def fulfil(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """The consumer confirms what it owed, with what shows it."""
    await check_csrf_of(request)
    form = await request.form()
    rule, evidence = str(form.get("rule", "")), str(form.get("evidence", ""))
    try:
        await writing(node, lambda s: confirm_obligation(s, caller, name, rule, evidence=evidence))
    except QuanyuError as error:
        return await _agreement_page(request, node, caller, name, error=error)
    return go(f"/agreements/{name}")


async def _request_page(
    request: Request,
    node: Node,
    caller: Caller,
    slug: str,
    *,
    statement: str = "",
    error: QuanyuError | None = None,
) -> Response:
    language = language_of(request)

    def read(session: Session) -> dict[str, Any]:
        of = resource(session, slug, visible_to=caller)
        mine = {one.agreement: one for one in identities(session, caller, of.id)}
        return {
            "resource": of,
            "provider": party(session, of.provider),
            "offers": [
                {
                    "offer": item,
                    "words": in_words(item.policy, language),
                    "price": plan_words(plan_of(session, item.id).plan, language),
                }
                for item in offers(session, of.id)
                if _for(item, caller)
            ],
            "mine": [{"id": i, "name": one.name(language)} for i, one in mine.items()],
        }

    context = await reading(node, read) | {
        "purpose": statement,
    }
    return show(request, "request.html", context, error=error)


def _file(session: Session, caller: Caller, name: str, form: Mapping[str, Any]) -> None:
    file_contract(
        session,
        caller,
        agreement(session, caller, name),
        authority=str(form.get("authority", "")),
        reference=str(form.get("reference", "")),
    )


def _for(item: Offer, caller: Caller) -> bool:
    """Whether an offer is for anybody or for the caller's party."""
    return item.policy.assignee is None or item.policy.assignee.endswith(str(caller.party))


async def _agreement_page(
    request: Request,
    node: Node,
    caller: Caller,
    name: str,
    *,
    error: QuanyuError | None = None,
) -> Response:
    language = language_of(request)

    def read(session: Session) -> dict[str, Any]:
        item = agreement(session, caller, name)
        state = item.state_at(now())
        return {
            "agreement": item,
            "state": state.value,
            "state_name": say(request, STATES[state]),
            "resource": resource(session, item.resource),
            "provider": party(session, item.provider),
            "consumer": party(session, item.consumer),
            "words": in_words(item.policy, language),
            "steps": [
                {
                    "what": say(request, STEPS[step.kind]),
                    "at": step.at,
                    "by": local(request, party(session, step.party).name),
                    "reason": step.reason,
                }
                for step in steps(session, caller, name)
            ],
            "price": _price(session, request, node, item),
            "uncovered": uncovered(session, item.id) is not None,
            "owed": _owed(request, caller, item, obligations_of(session, caller, name)),
            "actions": _actions(request, caller, item, state),
            "usable": state is AgreementState.ACTIVE and caller.party == item.consumer,
            "contract": contract_view(
                request, session, begun := negotiation_of(session, name), item
            ),
            "negotiation": begun.id if begun and begun.party == caller.party else "",
            "files": caller.party in (item.provider, item.consumer) and item.signed_at is not None,
        }

    found = await reading(node, read)
    document = policy_document(found["agreement"].policy)
    used = await run_in_threadpool(node.gate.used, name)
    gauges = _gauges(request, found["agreement"], used)
    context = found | {
        "policy": orjson.dumps(document, option=orjson.OPT_INDENT_2).decode(),
        "used": used,
        "gauges": gauges,
    }
    twin = {
        "id": name,
        "state": found["state"],
        "policy": document,
        "price": found["price"],
        "covered": not found["uncovered"],
        "steps": found["steps"],
        "used": used,
        "owed": found["owed"],
        "quotas": gauges,
        "contract": found["contract"]["twin"],
    }
    shown = None if error else twin
    return show(request, "agreement.html", context, twin=shown, error=error)


def _price(session: Session, request: Request, node: Node, item: Agreement) -> dict[str, Any]:
    """The price plan of an agreement, and what this month costs so far."""
    zone = node.settings.time_zone
    period, plan = period_of(now(), zone), plan_of(session, item.offer).plan
    whole, free = usage(session, item.id, period)
    subscribed = in_force(item, period, zone)
    return {
        "plan": plan_document(plan),
        "words": plan_words(plan, language_of(request)),
        "period": period,
        "uses": whole.uses,
        "rows": whole.rows,
        "bytes": whole.bytes,
        "estimate": estimate(plan, whole, free, subscribed=subscribed),
    }


def _actions(
    request: Request, caller: Caller, item: Agreement, state: AgreementState
) -> list[dict[str, str]]:
    """What the caller's side may do next; the life cycle itself decides when it is sent."""
    provider, consumer = caller.party == item.provider, caller.party == item.consumer
    mine = Side.PROVIDER if provider else Side.CONSUMER
    names: list[str] = []
    if state is AgreementState.REQUESTED:
        names = ["approve", "refuse"] if provider else ["withdraw"] if consumer else []
    elif state in (AgreementState.ACTIVE, AgreementState.SUSPENDED) and (provider or consumer):
        names = ["resume" if mine in item.held_by else "suspend", "end"]
    return [{"name": n, "label": say(request, LABELS[n][0]), "kind": LABELS[n][1]} for n in names]


def _owed(
    request: Request, caller: Caller, item: Agreement, found: list[Obligation]
) -> list[dict[str, Any]]:
    """What is owed, how it stands, and whether the caller may confirm it."""
    moment = now()
    rows = []
    for one in found:
        done, late = one.confirmed_at is not None, one.overdue_at(moment)
        state = "Confirmed" if done else "Overdue" if late else "Owed"
        rows.append(
            {
                "rule": one.rule,
                "what": say(request, OWED[one.action]),
                "due": one.due,
                "state": "done" if done else "late" if late else "open",
                "state_name": say(request, OBLIGATION_STATES[state]),
                "confirmed_at": one.confirmed_at,
                "evidence": one.evidence,
                "mine": not done and caller.party == item.consumer,
            }
        )
    return rows


def _gauges(request: Request, item: Agreement, used: Mapping[str, int]) -> list[dict[str, Any]]:
    """Each quota, how much of it there is and how much of that is used; rates have no gauge."""
    rows = []
    for quota in compile_policy(item.policy).quotas:
        if quota.period is None:
            scale = 1_000_000 if quota.measure == "epsilon" else 1
            rows.append(
                {
                    "rule": quota.rule,
                    "measure": quota.measure,
                    "name": say(request, MEASURES[quota.measure]),
                    "used": used.get(quota.rule, 0) / scale,
                    "limit": quota.limit / scale,
                }
            )
    return rows


def _row(session: Session, request: Request, caller: Caller, item: Agreement) -> dict[str, Any]:
    of = resource(session, item.resource)
    mine = caller.party == item.consumer
    other = party(session, PartyId(item.provider if mine else item.consumer))
    state = item.state_at(now())
    return {
        "id": item.id,
        "slug": of.slug,
        "resource": local(request, of.title),
        "other": local(request, other.name),
        "side": "consumer" if mine else "provider",
        "state": state.value,
        "state_name": say(request, STATES[state]),
        "at": item.requested_at,
        "statement": item.statement,
    }


def _at_peer(one: Listed) -> dict[str, Any]:
    """An agreement under which the party uses a peer's data."""
    return {
        "id": one.process.id,
        "agreement": one.process.agreement,
        "peer": one.peer.participant,
        "dataset": one.process.dataset,
        "at": one.process.changed_at,
    }


def _revision(text: str) -> int:
    if not text.isdecimal():
        raise Invalid("the form is incomplete", field="revision", mend="open the page again")
    return int(text)
