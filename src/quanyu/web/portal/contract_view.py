"""The digital contract of an agreement as pages and their JSON show it."""

from typing import Any

from fastapi import Request
from sqlalchemy.orm import Session

from quanyu.agreements import Agreement, Side
from quanyu.federation import DigitalContract, Process, Stage, contract_of, peer
from quanyu.kernel import iso
from quanyu.parties import party
from quanyu.web.portal.visit import local, say

STAGES: dict[Stage, str] = {
    Stage.INITIATED: "Initiated",
    Stage.NEGOTIATING: "In negotiation",
    Stage.SIGNED: "Signing",
    Stage.EXECUTING: "In execution",
    Stage.TERMINATED: "Terminated",
}
_MESSAGES = {"01": "peer to peer", "02": "by the platform"}


def mode_words(mode: str) -> str:
    """How a contract was signed, as a message id."""
    return _MESSAGES[mode]


def contract_view(
    request: Request, session: Session, negotiation: Process | None, signed: Agreement | None = None
) -> dict[str, Any]:
    """Number, stage, filing and the line of stages of a contract; ``twin`` is the same as JSON."""
    provider = None
    if signed is not None:
        provider = party(session, signed.provider)
    elif negotiation is not None and negotiation.role is Side.PROVIDER:
        provider = party(session, negotiation.party)
    elif negotiation is not None:
        provider = party(session, peer(session, negotiation.peer).party)
    code = provider.credit_code if provider else None
    found = contract_of(session, code, signed, negotiation)
    order = list(Stage)
    line = [
        {
            "name": say(request, STAGES[stage]),
            "done": order.index(stage) <= order.index(found.stage) and _passed(stage, found),
            "now": stage is found.stage,
        }
        for stage in order
    ]
    filing = found.filing
    line.append({"name": say(request, "Filed"), "done": filing is not None, "now": False})
    twin = {
        "number": found.number,
        "form": "TC609-6-2025-14",
        "stage": found.stage.value,
        "mode": found.mode,
        "signed_at": iso(found.signed_at) if found.signed_at else None,
        "filing": None
        if filing is None
        else {
            "at": iso(filing.at),
            "authority": filing.authority,
            "reference": filing.reference,
        },
    }
    return {
        "number": found.number,
        "line": line,
        "mode": say(request, _MESSAGES[found.mode]),
        "filing": filing,
        "filed_by": local(request, party(session, filing.party).name) if filing else "",
        "signed": found.signed_at is not None,
        "has_code": code is not None,
        "twin": twin,
    }


def _passed(stage: Stage, found: DigitalContract) -> bool:
    """Whether a contract came through a stage: one that ended unsigned was never executed."""
    return stage not in (Stage.SIGNED, Stage.EXECUTING) or found.signed_at is not None
