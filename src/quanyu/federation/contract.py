"""The digital contract 数字合约 of an agreement, in the published form of TC609-6-2025-14.

The number has 47 characters: ``C``, the kind of node (1: region), the provider's unified social
credit code (18), its area (4), the time of signing in China (14), eight characters and a check
character. The eight follow from the agreement's id and the check is that of ISO/IEC 7064 MOD 37,36
(GB/T 17710), so that both nodes find the same number, and none need be kept.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from quanyu.agreements import Agreement, AgreementState
from quanyu.federation.model import Process, State
from quanyu.federation.tables import FilingRow
from quanyu.kernel import Conflict, Invalid, MemberId, PartyId, now, owe, sha256_hex
from quanyu.parties import Caller, Role, Scope

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LENGTH = 47
_REGION = "1"
_CHINA = timezone(timedelta(hours=8))
PEER_TO_PEER, BY_PLATFORM = "01", "02"


class Stage(StrEnum):
    """Stages of a digital contract; filing 备案 stands beside them."""

    INITIATED = "initiated"
    NEGOTIATING = "negotiating"
    SIGNED = "signed"
    EXECUTING = "executing"
    TERMINATED = "terminated"


@dataclass(frozen=True, slots=True)
class Filing:
    """That a contract was filed 备案: when, by which party, with whom, under which reference."""

    at: datetime
    party: PartyId
    member: MemberId | None
    authority: str
    reference: str


@dataclass(frozen=True, slots=True)
class DigitalContract:
    """A digital contract. ``number`` is ``None`` where the provider's credit code is not known
    here or nothing is signed; ``mode`` is 01 between two nodes, 02 by this node's platform."""

    number: str | None
    stage: Stage
    mode: str
    signed_at: datetime | None
    filing: Filing | None


def contract_number(credit_code: str, signed_at: datetime, agreement: str) -> str:
    """The 47 characters of a contract's number."""
    eight = int.from_bytes(hashlib.sha256(agreement.encode()).digest()) % 36**8
    random = ""
    for _ in range(8):
        eight, rest = divmod(eight, 36)
        random = ALPHABET[rest] + random
    time = signed_at.astimezone(_CHINA).strftime("%Y%m%d%H%M%S")
    body = f"C{_REGION}{credit_code}{credit_code[2:6]}{time}{random}"
    return body + check_character(body)


def check_character(body: str) -> str:
    """The check character of ISO/IEC 7064 MOD 37,36 over digits and capitals."""
    product = 36
    for character in body:
        total = (product + ALPHABET.index(character)) % 36 or 36
        product = total * 2 % 37
    return ALPHABET[(37 - product) % 36]


def contract_valid(number: str) -> bool:
    """Whether a number has the form and its check character fits."""
    shaped = len(number) == LENGTH and number[0] == "C" and set(number) <= set(ALPHABET)
    return shaped and check_character(number[:-1]) == number[-1]


def contract_of(
    session: Session,
    credit_code: str | None,
    agreement: Agreement | None,
    negotiation: Process | None,
) -> DigitalContract:
    """The digital contract of an agreement of this node, or of one that it consumes under."""
    name = agreement.id if agreement else (negotiation.agreement if negotiation else None)
    signed = agreement.signed_at if agreement else _stamp(negotiation)
    number = None
    if name is not None and signed is not None and credit_code:
        number = contract_number(credit_code, signed, name)
    row = session.get(FilingRow, name) if name else None
    return DigitalContract(
        number=number,
        stage=_stage(agreement, negotiation),
        mode=PEER_TO_PEER if negotiation else BY_PLATFORM,
        signed_at=signed,
        filing=None if row is None else _filing(row),
    )


def file_contract(
    session: Session, caller: Caller, agreement: Agreement, *, authority: str, reference: str
) -> Filing:
    """Record that a signed contract was filed, by a member of one of its sides; owes
    ``contract.filed``. Filed again with the same words nothing changes."""
    able = any(
        caller.may(role, Scope.WRITE) for role in (Role.STEWARD, Role.SUPPLIER, Role.CONSUMER)
    )
    if caller.party not in (agreement.provider, agreement.consumer) or not able:
        raise Conflict(
            "only a side of the contract files it", field="agreement", mend="ask one of them"
        )
    if agreement.signed_at is None:
        raise Conflict("only a signed contract is filed", field="agreement", mend="sign it first")
    for field, text in (("authority", authority), ("reference", reference)):
        if not 0 < len(text.strip()) <= 200 or not text.isprintable():
            raise Invalid("a text of 1 to 200 characters is needed here", field=field)
    found = session.get(FilingRow, agreement.id)
    if found is not None:
        if (found.authority, found.reference) != (authority.strip(), reference.strip()):
            raise Conflict(
                "this contract is filed already", field="reference", mend="see its filing"
            )
        return _filing(found)
    row = FilingRow(
        agreement=agreement.id,
        at=now(),
        party=caller.party or "",
        member=caller.member,
        authority=authority.strip(),
        reference=reference.strip(),
    )
    session.add(row)
    session.flush()
    body: dict[str, Any] = {
        "policy_sha256": agreement.digest,
        "filing_sha256": sha256_hex(f"{row.authority}\n{row.reference}".encode()),
    }
    owe(session, "contract.filed", agreement.id, body)
    return _filing(row)


_STAGES = {
    AgreementState.REQUESTED: Stage.INITIATED,
    AgreementState.SIGNED: Stage.SIGNED,
    AgreementState.ACTIVE: Stage.EXECUTING,
    AgreementState.SUSPENDED: Stage.EXECUTING,
}
_NEGOTIATED = {
    State.REQUESTED: Stage.INITIATED,
    State.OFFERED: Stage.NEGOTIATING,
    State.ACCEPTED: Stage.NEGOTIATING,
    State.AGREED: Stage.SIGNED,
    State.VERIFIED: Stage.SIGNED,
    State.FINALIZED: Stage.EXECUTING,
}


def _stage(agreement: Agreement | None, negotiation: Process | None) -> Stage:
    if agreement is not None:
        return _STAGES.get(agreement.state_at(now()), Stage.TERMINATED)
    if negotiation is None:
        return Stage.INITIATED
    counted = negotiation.state is State.REQUESTED and negotiation.revision > 1
    return Stage.NEGOTIATING if counted else _NEGOTIATED.get(negotiation.state, Stage.TERMINATED)


def _stamp(negotiation: Process | None) -> datetime | None:
    said = (negotiation.signed or {}).get("timestamp") if negotiation else None
    if not isinstance(said, str):
        return None
    try:
        found = datetime.fromisoformat(said)
    except ValueError:
        return None
    return found if found.tzinfo else None


def _filing(row: FilingRow) -> Filing:
    member = MemberId(row.member) if row.member else None
    return Filing(row.at, PartyId(row.party), member, row.authority, row.reference)
