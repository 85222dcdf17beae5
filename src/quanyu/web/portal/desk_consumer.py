"""The consumer's desk: requests, agreements and quotas, tokens, receipts, what is followed."""

from datetime import timedelta
from typing import Any

from fastapi import Request
from sqlalchemy.orm import Session

from quanyu.agreements import (
    Agreement,
    AgreementState,
    Quota,
    Side,
    agreements,
    compile_policy,
)
from quanyu.catalogue import Resource, followed, resource, saved_searches
from quanyu.kernel import NotFound, now
from quanyu.parties import Caller, party, tokens
from quanyu.web.node import Node
from quanyu.web.portal.use_ledger import FACES, ledger
from quanyu.web.portal.visit import local, say

SOON = timedelta(days=30)
_SHOWN = 20
_RUNNING = frozenset({AgreementState.ACTIVE, AgreementState.SUSPENDED})
_STATES: dict[AgreementState, str] = {
    AgreementState.ACTIVE: "In force",
    AgreementState.SUSPENDED: "Suspended",
}


def consumer(session: Session, request: Request, node: Node, caller: Caller) -> dict[str, Any]:
    """What the page shows to a member who uses data."""
    moment = now()
    asked = frozenset({AgreementState.REQUESTED})
    requested = agreements(session, caller, side=Side.CONSUMER, states=asked, limit=_SHOWN)
    running = agreements(session, caller, side=Side.CONSUMER, states=_RUNNING, limit=_SHOWN)
    under = frozenset(one.id for one in running.items)
    seen = ledger.latest(node.log, node.settings.time_zone, under)
    live = [one for one in tokens(session, caller) if one.revoked_at is None]
    known = [one for one in live if one.expires_at > moment]
    return {
        "now": moment,
        "requested": [_row(session, request, one) for one in requested.items],
        "running": [
            _row(session, request, one) | {"quotas": _quotas(request, node, one)}
            for one in running.items
        ],
        "tokens": [
            {"name": one.name, "expires": one.expires_at, "soon": one.expires_at < moment + SOON}
            for one in sorted(known, key=lambda one: one.expires_at)[:_SHOWN]
        ],
        "receipts": [
            {"use": one, "of": of, "face": say(request, FACES.get(one.face, one.face))}
            for one in seen
            if (of := _seen(session, caller, one.resource)) is not None
        ],
        "saved": [
            {"id": one.id, "name": one.name, "told": one.told, "looked_at": one.looked_at}
            for one in saved_searches(session, caller)[:_SHOWN]
        ],
        "followed": [
            of
            for name in followed(session, caller)[:_SHOWN]
            if (of := _seen(session, caller, name)) is not None
        ],
    }


def _row(session: Session, request: Request, one: Agreement) -> dict[str, Any]:
    of = resource(session, one.resource)
    return {
        "id": one.id,
        "title": of.title,
        "slug": of.slug,
        "provider": local(request, party(session, one.provider).name),
        "state": one.state.value,
        "state_name": say(request, _STATES[one.state]) if one.state in _STATES else "",
        "at": one.requested_at,
        "signed": one.signed_at,
        "expires": one.expires_at,
        "term": _term(one),
    }


def _term(one: Agreement) -> float | None:
    """The part of the term that is over, of one, where there is an end."""
    if one.signed_at is None or one.expires_at is None:
        return None
    whole = (one.expires_at - one.signed_at).total_seconds()
    gone = (now() - one.signed_at).total_seconds()
    return min(1.0, max(0.0, gone / whole)) if whole > 0 else 1.0


def _quotas(request: Request, node: Node, one: Agreement) -> list[dict[str, Any]]:
    """Each quota with what has been given out under it; rates are said, they do not run out."""
    used = node.gate.used(one.id)
    words = {
        "requests": say(request, "requests"),
        "rows": say(request, "rows"),
        "bytes": say(request, "bytes"),
    }
    return [
        {
            "measure": words.get(quota.measure, quota.measure),
            "limit": quota.limit,
            "period": quota.period,
            "used": min(used.get(quota.rule, 0), quota.limit),
        }
        for quota in _all_quotas(one)
    ]


def _all_quotas(one: Agreement) -> list[Quota]:
    clauses = compile_policy(one.policy).permissions
    return [quota for clause in clauses for quota in clause.whole.quotas]


def _seen(session: Session, caller: Caller, name: str) -> Resource | None:
    try:
        return resource(session, name, visible_to=caller)
    except NotFound:
        return None
