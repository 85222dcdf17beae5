"""The negotiation room: what goes on with peers, both sides' view of it, and what may be done."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from quanyu.agreements import Side
from quanyu.federation import (
    PUSH,
    PUSH_MEDIA,
    Here,
    Move,
    Peer,
    Process,
    ProcessKind,
    State,
    Thread,
    accept_offer,
    approve_terms,
    counter,
    end_negotiation,
    finalize_agreement,
    here_of,
    negotiate,
    offer_in,
    peer,
    peer_catalog,
    peer_dataset,
    peers,
    processes,
    read_terms,
    send_again,
    thread,
    token_for,
    transfer_data,
    verify_agreement,
)
from quanyu.kernel import Invalid, QuanyuError, iso
from quanyu.parties import Caller
from quanyu.web.node import Node
from quanyu.web.pages import language_of
from quanyu.web.portal.contract_view import contract_view
from quanyu.web.portal.terms_compared import versions
from quanyu.web.portal.visit import (
    Member,
    TheNode,
    go,
    link_to,
    problem_of,
    reading,
    say,
    show,
    writing,
)
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)
_NEG, _TRF = ProcessKind.NEGOTIATION, ProcessKind.TRANSFER
STATES: dict[State, str] = {
    State.REQUESTED: "Terms asked for",
    State.OFFERED: "Terms offered",
    State.ACCEPTED: "Offer accepted",
    State.AGREED: "Signed, to be verified",
    State.VERIFIED: "Verified, to come into force",
    State.FINALIZED: "In force",
    State.STARTED: "Running",
    State.SUSPENDED: "Suspended",
    State.COMPLETED: "Completed",
    State.TERMINATED: "Ended",
}
_MESSAGES: dict[Move, str] = {
    Move.REQUEST: "asks for terms",
    Move.OFFER: "offers terms",
    Move.ACCEPT: "accepts the offer",
    Move.AGREE: "signs the agreement",
    Move.VERIFY: "verifies the agreement",
    Move.FINALIZE: "puts the agreement in force",
    Move.START: "starts the transfer",
    Move.SUSPEND: "suspends the transfer",
    Move.COMPLETE: "completes the transfer",
    Move.TERMINATE: "ends it",
}
BADGES = {
    State.FINALIZED: "ok",
    State.STARTED: "ok",
    State.COMPLETED: "ok",
    State.TERMINATED: "bad",
    State.SUSPENDED: "restricted",
}


@dataclass(frozen=True, slots=True)
class Sent:
    """What every form of the room says."""

    here: Here
    caller: Caller
    name: str
    revision: int
    reason: str


_STEPS: dict[str, Callable[[Session, Sent, str], Process]] = {
    "approve": lambda s, f, _: approve_terms(s, f.here, f.caller, f.name, revision=f.revision),
    "accept": lambda s, f, _: accept_offer(s, f.caller, f.name, revision=f.revision),
    "verify": lambda s, f, _: verify_agreement(s, f.caller, f.name, revision=f.revision),
    "finalize": lambda s, f, _: finalize_agreement(s, f.caller, f.name, revision=f.revision),
    "end": lambda s, f, _: end_negotiation(s, f.caller, f.name, f.reason, revision=f.revision),
    "counter": lambda s, f, terms: counter(
        s, f.here, f.caller, f.name, _rules(terms), revision=f.revision
    ),
}


@router.get("/negotiations")
async def room(
    request: Request, node: TheNode, caller: Member, after: str | None = None
) -> Response:
    """Negotiations and transfers of the caller's party, the latest first."""

    def read(session: Session) -> dict[str, Any]:
        page = processes(session, caller, _NEG, after=after)
        moved = processes(session, caller, _TRF, limit=20)
        return {
            "negotiations": [row_of(request, one) for one in page.items],
            "transfers": [row_of(request, one) for one in moved.items],
            "peers": [one.participant for one in peers(session) if one.reachable],
            "next": page.next,
        }

    found = await reading(node, read)
    context = found | {
        "next_href": link_to(request, after=found["next"]) if found["next"] else None
    }
    return show(request, "negotiations.html", context, twin=found)


@router.get("/negotiations/new")
async def new(request: Request, node: TheNode, _caller: Member, peer: str) -> Response:
    """What a peer offers, each with the form to ask for it."""
    return await _new(request, node, peer)


@router.post("/negotiations/new")
async def begin(request: Request, node: TheNode, caller: Member, peer: str) -> Response:
    """A negotiation is begun: the peer is asked for the offer's own terms."""
    await check_csrf_of(request)
    form = await request.form()
    dataset, offer = str(form.get("dataset", "")), str(form.get("offer", ""))
    here = here_of(node.settings)
    try:
        found, token = await _peer(node, peer)
        whole = await run_in_threadpool(peer_dataset, here, found, token, dataset)
        put = offer_in(whole, offer)

        def write(session: Session) -> Process:
            return negotiate(
                session,
                here,
                caller,
                found.id,
                dataset=dataset,
                offer=offer,
                terms=read_terms(put, "offer"),
                statement=str(form.get("statement", "")),
            )

        made = await writing(node, write)
    except QuanyuError as error:
        return await _new(request, node, peer, error=error)
    return go(f"/negotiations/{made.id}")


@router.get("/negotiations/{name}")
async def negotiation(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """One negotiation: its thread, the versions of its terms, and what may be done now."""
    return await _page(request, node, caller, name)


@router.post("/negotiations/{name}")
async def decide(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """Approve, accept, propose other terms, verify, end, ask for the data, send again."""
    await check_csrf_of(request)
    form = await request.form()
    here = here_of(node.settings)
    step, reason = str(form.get("step", "")), str(form.get("reason", ""))

    def write(session: Session) -> Process:
        if step == "again":
            return send_again(session, caller, _NEG, name)
        if step == "transfer":
            return transfer_data(session, here, caller, name)
        if step == "push":
            said = {one: str(form.get(one, "")) for one in ("file", "purpose")}
            return transfer_data(session, here, caller, name, form=PUSH, **said)
        if step not in _STEPS:
            raise Invalid("there is no such step", field="step", mend="use the buttons of the page")
        sent = Sent(here, caller, name, revision_of(str(form.get("revision", ""))), reason)
        return _STEPS[step](session, sent, str(form.get("terms", "")))

    try:
        made = await writing(node, write)
    except QuanyuError as error:
        return await _page(request, node, caller, name, error=error)
    return go(f"/{made.kind.value}s/{made.id}")


def row_of(request: Request, one: Any) -> dict[str, Any]:
    """A process in a list."""
    process = one.process
    return {
        "id": process.id,
        "peer": one.peer.participant,
        "role": process.role.value,
        "dataset": process.dataset,
        "state": process.state.value,
        "state_name": say(request, STATES[process.state]),
        "badge": BADGES.get(process.state, "shared"),
        "waits_for": say(request, one.waiting.message, **one.waiting.params),
        "changed_at": process.changed_at,
    }


def waiting_words(request: Request, found: Thread) -> str:
    """What a process waits for; nothing once it is over."""
    if found.waiting.code == "nothing":
        return ""
    return say(request, found.waiting.message, **found.waiting.params)


def thread_view(request: Request, found: Thread) -> list[dict[str, Any]]:
    """The messages of a process, as both sides see them."""
    compared = versions(found.messages, language_of(request))
    return [
        {
            "what": say(request, _MESSAGES[one.move]),
            "move": one.move.value,
            "sender": one.sender.value,
            "mine": one.outgoing,
            "by": say(request, "Your party") if one.outgoing else found.peer.participant,
            "at": one.at,
            "reason": one.reason,
            "digest": one.digest,
            "delivered": not one.outgoing or one.sent_at is not None,
            "problem": one.problem,
            "version": compared.get(one.number),
            "body": orjson.dumps(one.body, option=orjson.OPT_INDENT_2).decode(),
        }
        for one in found.messages
    ]


def twin_of(request: Request, found: Thread) -> dict[str, Any]:
    """A process with its messages, as JSON."""
    process = found.process
    return {
        "id": process.id,
        "peer": found.peer.participant,
        "role": process.role.value,
        "their_pid": process.their_pid,
        "dataset": process.dataset,
        "offer": process.offer,
        "agreement": process.agreement,
        "state": process.state.value,
        "waiting": {
            "code": found.waiting.code,
            "detail": say(request, found.waiting.message, **found.waiting.params),
            **found.waiting.params,
        },
        "moves": [move.value for move in found.moves],
        "approvals": len(process.approvals),
        "approvals_needed": process.needed,
        "revision": process.revision,
        "messages": [
            {
                "move": one.move.value,
                "by": one.sender.value,
                "at": iso(one.at),
                "state": one.state.value,
                "sha256": one.digest,
                "delivered": not one.outgoing or one.sent_at is not None,
                "problem": one.problem,
                "body": one.body,
            }
            for one in found.messages
        ],
    }


def revision_of(text: str) -> int:
    """The revision in a form; :class:`Invalid` without one."""
    if not text.isdecimal() or len(text) > 9:
        raise Invalid("the form is incomplete", field="revision", mend="open the page again")
    return int(text)


async def _page(
    request: Request, node: Node, caller: Caller, name: str, *, error: QuanyuError | None = None
) -> Response:
    def read(session: Session) -> tuple[Thread, dict[str, Any], list[dict[str, Any]]]:
        found = thread(session, caller, _NEG, name)
        contract = contract_view(request, session, found.process)
        moved: list[dict[str, Any]] = []
        if found.process.agreement:
            page = processes(session, caller, _TRF, agreement=found.process.agreement, limit=20)
            moved = [row_of(request, one) for one in page.items]
        return found, contract, moved

    found, contract, moved = await reading(node, read)
    process = found.process
    context = {
        "process": process,
        "peer": found.peer,
        "state_name": say(request, STATES[process.state]),
        "badge": BADGES.get(process.state, "shared"),
        "waiting": waiting_words(request, found),
        "undelivered": found.waiting.code in ("undelivered", "delivery") and _tried(found),
        "messages": thread_view(request, found),
        "moves": {move.value for move in found.moves},
        "approved": found.approved,
        "provides": process.role is Side.PROVIDER,
        "finalized": process.state is State.FINALIZED,
        "terms": orjson.dumps(process.terms or {}, option=orjson.OPT_INDENT_2).decode(),
        "contract": contract,
        "transfers": moved,
        "forms": list(PUSH_MEDIA),
    }
    twin = None if error else twin_of(request, found) | {"contract": contract["twin"]}
    return show(request, "negotiation.html", context, twin=twin, error=error)


async def _new(
    request: Request, node: Node, name: str, *, error: QuanyuError | None = None
) -> Response:
    here = here_of(node.settings)
    datasets: list[dict[str, Any]] = []
    try:
        found, token = await _peer(node, name)
        listed = await run_in_threadpool(lambda: list(peer_catalog(here, found, token)))
        datasets = [_dataset(one, language_of(request)) for one in listed]
    except QuanyuError as failed:
        error = error or failed
    context = {
        "peer": name,
        "datasets": datasets,
        "problem": problem_of(request, error) if error else None,
    }
    status = error.status if error else 200
    return show(request, "negotiation_new.html", context, twin=context, status=status)


async def _peer(node: Node, name: str) -> tuple[Peer, str | None]:
    here = here_of(node.settings)

    def read(session: Session) -> tuple[Peer, str | None]:
        found = peer(session, name)
        return found, token_for(session, here, found.id)

    return await reading(node, read)


def _dataset(one: dict[str, Any], language: str) -> dict[str, Any]:
    titles = {
        text.get("@language"): str(text.get("@value"))
        for text in one.get("title") or []
        if isinstance(text, dict)
    }
    title = titles.get(language) or next(iter(titles.values()), str(one.get("@id")))
    names = [str(put.get("@id")) for put in one.get("hasPolicy") or [] if isinstance(put, dict)]
    return {"id": str(one.get("@id")), "title": title, "offers": names}


def _tried(found: Thread) -> bool:
    return any(one.outgoing and one.sent_at is None and one.attempts for one in found.messages)


def _rules(text: str) -> dict[str, Any]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Invalid("the terms are no JSON", field="terms", mend="write ODRL rules") from error
    if not isinstance(found, dict):
        raise Invalid("the terms are no JSON object", field="terms", mend="write ODRL rules")
    return found
