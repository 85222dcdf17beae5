"""Parties: who provides and uses the city's data."""

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from quanyu.catalogue import Search, resources, search
from quanyu.kernel import PartyId
from quanyu.parties import Caller, Party, PartyKind, Role, members, parties, party
from quanyu.web.portal.visit import TheNode, Visitor, reading, say, show

router = APIRouter(include_in_schema=False)
KINDS: dict[PartyKind, str] = {
    PartyKind.DEPARTMENT: "Department",
    PartyKind.ENTERPRISE: "Enterprise",
    PartyKind.UNIVERSITY: "University",
    PartyKind.RESEARCH_INSTITUTE: "Research institute",
    PartyKind.FINANCIAL_INSTITUTION: "Financial institution",
    PartyKind.CITY_NODE: "City node",
}
ROLES: dict[Role, str] = {
    Role.STEWARD: "steward",
    Role.REVIEWER: "reviewer",
    Role.OPERATOR: "operator",
    Role.SUPPLIER: "supplier",
    Role.CONSUMER: "consumer",
    Role.AUDITOR: "auditor",
}


@router.get("/parties")
async def all_parties(request: Request, node: TheNode, caller: Visitor) -> Response:
    """Every party with the number of its resources that the caller may see."""

    def read(session: Session) -> tuple[list[Party], dict[str, int]]:
        page = search(session, Search(limit=1), visible_to=caller)
        return parties(session), {f.value: f.count for f in page.facets.get("providers", ())}

    found, counts = await reading(node, read)
    context = {
        "parties": found,
        "counts": counts,
        "kind_names": {kind: say(request, text) for kind, text in KINDS.items()},
    }
    return show(request, "parties.html", context, twin={"parties": found, "resources": counts})


@router.get("/parties/{party_id}")
async def one_party(request: Request, node: TheNode, caller: Visitor, party_id: str) -> Response:
    """A party and what it provides; its members are shown to themselves."""
    found = PartyId(party_id)

    def read(session: Session) -> dict[str, object]:
        of = party(session, found)
        page = resources(session, visible_to=caller, providers=frozenset({found}))
        return {"party": of, "resources": page.hits, "members": _members(session, caller, found)}

    said = await reading(node, read)
    of = said["party"]
    assert isinstance(of, Party)  # noqa: S101 - tells the type checker
    context = said | {
        "kind_name": say(request, KINDS[of.kind]),
        "role_names": {role: say(request, text) for role, text in ROLES.items()},
    }
    return show(request, "party.html", context, twin={"party": of, "resources": said["resources"]})


def _members(session: Session, caller: Caller, of: PartyId) -> list[object]:
    return list(members(session, of)) if caller.party == of else []
