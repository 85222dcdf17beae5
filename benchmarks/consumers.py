"""Who asks in a benchmark: a party with a token, under agreements that hide a column."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from quanyu.agreements import approve, create_offer, request_agreement
from quanyu.kernel import LocalText, now
from quanyu.parties import (
    Caller,
    PartyKind,
    Role,
    Scope,
    add_member,
    caller_of,
    issue_token,
    register_party,
)

PURPOSE = "research"


def make_consumer(session: Session) -> tuple[Caller, str]:
    """A university's member, and a token of theirs."""
    return make_member(session, PartyKind.UNIVERSITY, [Role.CONSUMER], [Scope.READ])


def make_member(
    session: Session, kind: PartyKind, roles: Sequence[Role], scopes: Sequence[Scope]
) -> tuple[Caller, str]:
    """A member of a new party, and a token of theirs."""
    party = register_party(session, kind=kind, name=LocalText(en="Bench"), example=True)
    member = add_member(
        session, party.id, login="bench", name="bench", password="b" * 16, roles=list(roles)
    )
    caller = caller_of(session, member.id)
    _, secret = issue_token(
        session, caller, name="bench", scopes=list(scopes), expires_at=now() + timedelta(days=30)
    )
    return caller, secret


def agree_on(
    session: Session, provider: Caller, consumer: Caller, resource: Any, hidden: str
) -> None:
    """An agreement in force on a resource: reading for research, one column hidden."""
    offer = create_offer(session, provider, resource, policy(hidden))
    asked = request_agreement(session, consumer, offer.id, statement="benchmark")
    approve(session, provider, asked.id)


def policy(hidden: str) -> dict[str, Any]:
    """The ODRL offer of it."""
    return {
        "@context": ["http://www.w3.org/ns/odrl.jsonld", {"quanyu": "urn:quanyu:ns:"}],
        "@type": "Offer",
        "profile": "urn:quanyu:ns:odrl-1",
        "permission": [
            {
                "action": "use",
                "constraint": [
                    {"leftOperand": "purpose", "operator": "eq", "rightOperand": PURPOSE},
                    {
                        "leftOperand": "quanyu:columns",
                        "operator": "isNoneOf",
                        "rightOperand": [hidden],
                    },
                ],
            }
        ],
    }
