"""Digital contracts on paper: of an agreement of this node, and of one that was negotiated."""

from datetime import datetime
from typing import Any

import orjson
from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from quanyu.agreements import Agreement, Side, StepKind, agreement, steps
from quanyu.catalogue import resource
from quanyu.federation import Move, Process, ProcessKind, negotiation_of, peer, thread
from quanyu.kernel import Conflict, LocalText, canonical, leaves_of, sha256_hex
from quanyu.market import plan_of
from quanyu.parties import Caller, Party, party
from quanyu.web.contract_pdf import ContractPaper, Signature, contract_pdf
from quanyu.web.node import base_of
from quanyu.web.portal.contract_view import STAGES, contract_view, mode_words
from quanyu.web.portal.policy_words import in_words
from quanyu.web.portal.price_words import plan_words
from quanyu.web.portal.terms_compared import words_of
from quanyu.web.portal.visit import Member, TheNode, reading

router = APIRouter(include_in_schema=False)
_MESSAGES = {Move.AGREE: "signed the agreement", Move.VERIFY: "verified the agreement"}
_ACTIONS = {
    StepKind.REQUESTED: "asked for it on these terms",
    StepKind.APPROVED: "approved and signed it",
    StepKind.SIGNED: "signed the agreement",
}
_LEAVES = ("negotiation.agreed", "negotiation.verified")


@router.get("/agreements/{name}/contract.pdf")
async def of_agreement(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """The contract of a signed agreement, for who may read the agreement."""

    def read(session: Session) -> ContractPaper:
        return _of_agreement(request, session, caller, agreement(session, caller, name))

    paper = await reading(node, read)
    data = await run_in_threadpool(contract_pdf, paper, base_of(request), node.settings)
    return _file(data, name)


@router.get("/negotiations/{name}/contract.pdf")
async def of_negotiation(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """The contract that a negotiation with another node has led to, for who may read it."""

    def read(session: Session) -> ContractPaper:
        process = thread(session, caller, ProcessKind.NEGOTIATION, name).process
        if process.signed is None:
            raise _unsigned()
        if process.role is Side.PROVIDER and process.agreement:
            signed = agreement(session, caller, process.agreement)
            return _of_agreement(request, session, caller, signed)
        return _of_negotiation(request, session, caller, process)

    paper = await reading(node, read)
    data = await run_in_threadpool(contract_pdf, paper, base_of(request), node.settings)
    return _file(data, name)


def _of_agreement(
    request: Request, session: Session, caller: Caller, signed: Agreement
) -> ContractPaper:
    if signed.signed_at is None:
        raise _unsigned()
    begun = negotiation_of(session, signed.id)
    sides = {
        Side.PROVIDER: party(session, signed.provider),
        Side.CONSUMER: party(session, signed.consumer),
    }
    own = leaves_of(session, signed.id, ("agreement.signed", "agreement.approved"))
    of, plan = resource(session, signed.resource), plan_of(session, signed.offer).plan
    if begun is None:
        signatures = _by_steps(session, caller, signed, sides)
    else:
        signatures = _by_messages(session, caller, begun, sides)
    zh, en = (in_words(signed.policy, language) for language in ("zh", "en"))
    return ContractPaper(
        **_frame(contract_view(request, session, begun, signed)),
        agreement=signed.id,
        resource=of.title,
        code=of.id,
        term=(signed.signed_at, signed.expires_at),
        terms=(tuple((w.kind, w.text) for w in zh), tuple((w.kind, w.text) for w in en)),
        price=(tuple(plan_words(plan, "zh")), tuple(plan_words(plan, "en"))),
        signatures=signatures,
        policy_sha256=signed.digest,
        verified=own[-1][0] if own else "",
    )


def _of_negotiation(
    request: Request, session: Session, caller: Caller, process: Process
) -> ContractPaper:
    document = process.signed or {}
    sides = {
        Side.PROVIDER: party(session, peer(session, process.peer).party),
        Side.CONSUMER: party(session, process.party),
    }
    own = leaves_of(session, process.id, _LEAVES[:1])
    signatures = _by_messages(session, caller, process, sides)
    return ContractPaper(
        **_frame(contract_view(request, session, process)),
        agreement=process.agreement or "",
        resource=LocalText(zh=process.dataset, en=process.dataset),
        code=str(document.get("target") or process.dataset),
        term=(next((one.at for one in signatures if one.at), None), None),
        terms=(tuple(words_of(document, "zh")), tuple(words_of(document, "en"))),
        price=((), ()),
        signatures=signatures,
        policy_sha256=sha256_hex(canonical(document)),
        verified=own[-1][0] if own else "",
    )


def _frame(view: dict[str, Any]) -> dict[str, Any]:
    """Number, stage and filing of the paper, from what the page shows."""
    twin, filing = view["twin"], view["filing"]
    names = [*STAGES.values(), "Filed"]
    return {
        "number": twin["number"] or "",
        "mode": mode_words(twin["mode"]),
        "stage": next(name for stage, name in STAGES.items() if stage.value == twin["stage"]),
        "stages": tuple((name, one["done"]) for name, one in zip(names, view["line"], strict=True)),
        "filing": None if filing is None else (filing.authority, filing.reference, filing.at),
    }


def _by_messages(
    session: Session, caller: Caller, process: Process, sides: dict[Side, Party]
) -> tuple[Signature, ...]:
    """The two messages by which the sides signed; both nodes have each with the same digest."""
    said = {one.move: one for one in thread(session, caller, process.kind, process.id).messages}
    leaves = {
        orjson.loads(body)["message_sha256"]: leaf
        for leaf, body in leaves_of(session, process.id, _LEAVES)
    }
    found = []
    for side, move in ((Side.PROVIDER, Move.AGREE), (Side.CONSUMER, Move.VERIFY)):
        message = said.get(move)
        digest = message.digest if message else ""
        found.append(
            _signature(
                side,
                sides[side],
                _MESSAGES[move],
                message.at if message else None,
                digest,
                leaves.get(digest, ""),
            )
        )
    return tuple(found)


def _by_steps(
    session: Session, caller: Caller, signed: Agreement, sides: dict[Side, Party]
) -> tuple[Signature, ...]:
    """The steps by which the sides signed on this node; each leaf has the digest of the policy."""
    taken = {one.kind: one for one in steps(session, caller, signed.id)}
    found = []
    for side, kind in ((Side.PROVIDER, StepKind.APPROVED), (Side.CONSUMER, StepKind.REQUESTED)):
        step = taken.get(kind)
        owed = leaves_of(session, signed.id, (f"agreement.{kind.value}",))
        digest = orjson.loads(owed[-1][1])["policy_sha256"] if owed else ""
        at, leaf = step.at if step else None, owed[-1][0] if owed else ""
        found.append(_signature(side, sides[side], _ACTIONS[kind], at, digest, leaf))
    return tuple(found)


def _signature(  # noqa: PLR0917 — a row of a table
    side: Side, of: Party, act: str, at: datetime | None, sha256: str, leaf: str
) -> Signature:
    name = "Provider" if side is Side.PROVIDER else "Consumer"
    return Signature(name, of.name, of.credit_code, act, at, sha256, leaf)


def _unsigned() -> Conflict:
    return Conflict("only a signed contract is printed", field="agreement", mend="sign it first")


def _file(data: bytes, name: str) -> Response:
    headers = {
        "content-disposition": f'attachment; filename="{name}.contract.pdf"',
        "cache-control": "private, no-cache",
    }
    return Response(data, headers=headers, media_type="application/pdf")
