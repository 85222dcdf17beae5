"""Why was this allowed or refused: the rules of an agreement before one request, or before a use.

Nothing is asked of the data: the agreement as signed is weighed again for what the request says.
"""

from datetime import datetime
from typing import Any

import orjson
from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from quanyu.agreements import (
    Agreement,
    Asked,
    Explained,
    Outcome,
    Whence,
    agreement,
    check_covered,
    compile_policy,
    explain_decision,
    uncovered,
)
from quanyu.catalogue import Resource, resource
from quanyu.federation import connector_of_party
from quanyu.kernel import NotFound, Refused, now
from quanyu.parties import party
from quanyu.spacetime import Restriction
from quanyu.web.node import Node
from quanyu.web.pages import language_of
from quanyu.web.portal.policy_words import ACTION_WORDS, said_of
from quanyu.web.portal.use_ledger import FACES
from quanyu.web.portal.visit import Member, TheNode, problem_of, reading, say, show
from quanyu.web.serve_use import ACTIONS

router = APIRouter(include_in_schema=False)
OUTCOMES: dict[Outcome, tuple[str, str]] = {
    Outcome.OTHER_ACTION: ("is about something else", ""),
    Outcome.MET: ("is met", "ok"),
    Outcome.NOT_MET: ("is not met", "bad"),
    Outcome.NOT_IN_FORCE: ("not in force then", "bad"),
    Outcome.NARROWS: ("narrows what is shown", "shared"),
    Outcome.COUNTS: ("is counted", "shared"),
    Outcome.PROHIBITS: ("prohibits this", "bad"),
    Outcome.SILENT: ("does not apply", ""),
}


CUTS: dict[str, str] = {
    "rows": "rows that do not meet the filter",
    "region": "everything outside of the region",
    "interval": "what was not valid in the interval",
    "grid": "exact places",
    "figures": "all rows: only figures are given",
}


@router.get("/agreements/{name}/why")
async def why_page(
    request: Request,
    node: TheNode,
    caller: Member,
    name: str,
    *,
    face: str = "features",
    purpose: str = "",
    use: str = "",
) -> Response:
    """A form for a request, every rule with what it said, and what is cut from the data."""
    leaf = _leaf(node, name, use) if use else None
    if leaf is not None:
        face, purpose = str(leaf.get("face", "")), str(leaf.get("purpose") or "")
    if face not in ACTIONS:
        raise NotFound("there is no interface “{face}”", face=face[:40])

    def read(session: Session) -> tuple[Agreement, Resource, Explained]:
        item = agreement(session, caller, name)
        of = resource(session, item.resource)
        at = datetime.fromisoformat(str(leaf["at"])) if leaf else now()
        asked = Asked(
            action=f"odrl:{ACTIONS[face]}",
            at=at,
            party=item.consumer,
            kind=party(session, item.consumer).kind,
            purpose=purpose or None,
            whence=Whence(connector=connector_of_party(session, item.consumer)),
            face=face,
        )
        known = tuple(meaning.name for meaning in of.fields)
        found = explain_decision(compile_policy(item.policy), asked, known)
        if leaf is None:  # a use of the past was paid for, or overdrawn
            found = _paid(found, uncovered(session, item.id), asked.purpose)
        return item, of, found

    item, of, found = await reading(node, read)
    rules = [
        {
            "rule": one.rule,
            "prohibits": one.prohibits,
            "says": said_of(one.stated, language_of(request))
            if one.stated
            else say(request, ACTION_WORDS.get(one.action, one.action)),
            "head": one.stated is None,
            "outcome": one.outcome.value,
            "said": say(request, OUTCOMES[one.outcome][0]),
            "look": OUTCOMES[one.outcome][1],
            "decided": one.rule == found.decided,
        }
        for one in found.weighed
    ]
    cut = [] if found.answer is None else _cut(request, found.answer.restriction, of)
    context = {
        "agreement": item,
        "resource": of,
        "face": face,
        "purpose": purpose,
        "use": use,
        "at": None if leaf is None else leaf["at"],
        "faces": [(key, say(request, FACES.get(key, key))) for key in ACTIONS if key in FACES],
        "allowed": found.answer is not None,
        "problem": None if found.refusal is None else problem_of(request, found.refusal),
        "rules": rules,
        "cut": cut,
    }
    twin = {
        "agreement": name,
        "face": face,
        "purpose": purpose or None,
        "use": use or None,
        "allowed": context["allowed"],
        "decided": found.decided,
        "rules": [{k: v for k, v in one.items() if k not in ("look", "head")} for one in rules],
        "cut": cut,
    }
    return show(request, "why.html", context, twin=twin)


def _paid(found: Explained, but: frozenset[str] | None, purpose: str | None) -> Explained:
    """The same, but refused where the prepaid balance is used up: that is weighed first."""
    try:
        check_covered(but, purpose)
    except Refused as refusal:
        return Explained(None, refusal, found.weighed)
    return found


def _leaf(node: Node, name: str, use: str) -> dict[str, Any]:
    """The leaf of a use under that agreement; raises :class:`NotFound`."""
    position = node.log.index.positions([use]).get(use)
    leaf: dict[str, Any] = {} if position is None else orjson.loads(node.log.leaf(position))
    if leaf.get("kind") != "used" or leaf.get("agreement") != name:
        raise NotFound("there is no use {use} under this agreement", use=use[:80])
    return leaf


def _cut(request: Request, seen: Restriction, of: Resource) -> list[str]:
    """What the restriction leaves out of the data, in words."""
    found = []
    if seen.columns is not None:
        shown = {column.name for column in seen.columns}
        hidden = [field.name for field in of.fields if field.name not in shown]
        masked = [column.name for column in seen.columns if column.mask]
        if hidden:
            found.append(say(request, "columns hidden: {names}", names=", ".join(hidden)))
        if masked:
            found.append(
                say(request, "columns blurred or marked: {names}", names=", ".join(masked))
            )
    parts = {
        "rows": seen.rows is not None,
        "region": seen.region is not None,
        "interval": seen.interval != (None, None),
        "grid": seen.grid_m is not None,
        "figures": seen.figures is not None,
    }
    return found + [say(request, CUTS[part]) for part, holds in parts.items() if holds]
