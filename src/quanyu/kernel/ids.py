"""Typed identifiers: a prefix that names the kind, then a ULID (time-ordered, 26 characters)."""

from random import randbytes
from time import time_ns
from typing import NewType

from ulid import ULID

PartyId = NewType("PartyId", str)
MemberId = NewType("MemberId", str)
TokenId = NewType("TokenId", str)
ResourceId = NewType("ResourceId", str)
PolicyId = NewType("PolicyId", str)
OfferId = NewType("OfferId", str)
AgreementId = NewType("AgreementId", str)
UseId = NewType("UseId", str)
LeafId = NewType("LeafId", str)

PREFIXES: dict[str, str] = {
    "party": "pty",
    "member": "mbr",
    "token": "tok",
    "resource": "res",
    "policy": "pol",
    "offer": "off",
    "agreement": "agr",
    "use": "use",
    "leaf": "leaf",
    "session": "ses",
    "request": "req",
    "rule": "rul",
    "ingest": "ing",
    "product": "prd",
    "application": "app",
    "objection": "obj",
    "right": "rgt",
    "certificate": "crt",
    "grading": "grd",
    "operation": "opr",
    "operation_report": "orp",
    "harvest_source": "hsr",
    "harvest_run": "hrn",
    "discussion": "dis",
    "correction": "cor",
    "reuse": "reu",
    "saved_search": "sse",
    "invitation": "inv",
    "delegation": "del",
    "notice": "ntc",
    "webhook": "whk",
    "act": "act",
    "land_role": "lrl",
    "land_check": "chk",
    "job": "job",
    "settlement": "stl",
    "document": "doc",
    "valuation": "val",
    "algorithm": "alg",
    "run": "run",
    "sum_round": "sum",
    "peer": "peer",
    "subscription": "sub",
    "negotiation": "neg",
    "transfer": "trf",
    "message": "msg",
    "work_order": "wko",
    "photo": "pho",
    "check": "qck",
    "alert": "alt",
    "silence": "sil",
    "calendar": "cal",
    "override": "ovr",
    "day-off": "dof",
    "allocation": "alc",
    "capacity": "cap",
    "asset": "ast",
    "thing": "thg",
    "location": "loc",
    "historical_location": "hlo",
    "datastream": "dst",
    "sensor": "sns",
    "observed_property": "obp",
    "feature": "foi",
}


def new_id(kind: str) -> str:
    """A fresh identifier such as ``agr_01JD…``; ``kind`` is a key of :data:`PREFIXES`."""
    return f"{PREFIXES[kind]}_{ULID()}"


def request_id() -> str:
    """A fresh identifier of a request. It opens nothing and is kept nowhere, so its chance is the
    process's own: every answer has one, and one from the system would cost a call of it."""
    milliseconds = (time_ns() // 1_000_000).to_bytes(6, "big")
    chance = randbytes(10)  # noqa: S311 - nobody guesses what opens nothing
    return f"{PREFIXES['request']}_{ULID.from_bytes(milliseconds + chance)}"
