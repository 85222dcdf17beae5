"""The other side is told of every step of an agreement."""

from sqlalchemy.orm import Session

from quanyu.agreements.model import Side, StepKind
from quanyu.agreements.tables import AgreementRow
from quanyu.catalogue import resource
from quanyu.kernel import PartyId
from quanyu.parties import Role, notify, party

_WORDS: dict[StepKind, str] = {
    StepKind.REQUESTED: "{party} asks to use {title}",
    StepKind.WITHDRAWN: "{party} has taken back its request for {title}",
    StepKind.SIGNED: "{party} has signed the negotiated agreement on {title}, not yet in force",
    StepKind.ENTERED: "The negotiated agreement on {title} is in force",
    StepKind.APPROVED: "{party} has signed the agreement on {title}",
    StepKind.REFUSED: "{party} has refused the request for {title}",
    StepKind.SUSPENDED: "{party} has suspended the agreement on {title}",
    StepKind.RESUMED: "{party} has resumed the agreement on {title}",
    StepKind.ENDED: "{party} has ended the agreement on {title}",
}
_ROLES = {
    Side.PROVIDER: frozenset({Role.SUPPLIER, Role.STEWARD}),
    Side.CONSUMER: frozenset({Role.CONSUMER, Role.STEWARD}),
}


def tell_other_side(session: Session, row: AgreementRow, kind: StepKind, side: Side) -> None:
    """Tell those who deal with agreements in the other party what ``side`` has done."""
    mine, theirs = (
        (row.provider, row.consumer) if side is Side.PROVIDER else (row.consumer, row.provider)
    )
    other = Side.CONSUMER if side is Side.PROVIDER else Side.PROVIDER
    notify(
        session,
        to=PartyId(theirs),
        topic="agreement",
        message=_WORDS[kind],
        params={
            "party": party(session, PartyId(mine)).name,
            "title": resource(session, row.resource).title,
        },
        link=f"/agreements/{row.id}",
        roles=_ROLES[other],
        key=f"{row.id}.{row.revision}.{kind.value}",
    )
