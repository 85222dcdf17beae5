"""Resources that are not offered for now, because they are not well: until they are again, or a
steward overrules it with a reason, which is in evidence. Agreements that there are go on.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from quanyu.agreements.rules import refused
from quanyu.agreements.tables import WithheldRow
from quanyu.catalogue import Resource, resource
from quanyu.kernel import Invalid, NotFound, PartyId, ResourceId, blind, new_salt, now, owe
from quanyu.parties import Caller, Role, Scope

OVERRULED = "offer.overruled"
_MOST_TEXT = 2_000


@dataclass(frozen=True, slots=True)
class Withheld:
    """Since when a resource is not offered and why (an English message id and what fills it); by
    whom that is overruled, and its reason, while it is."""

    resource: ResourceId
    since: datetime
    message: str
    params: Mapping[str, str | int]
    overruled_at: datetime | None
    overruled_by: PartyId | None
    overruled_because: str

    @property
    def stands(self) -> bool:
        """Whether the resource is not offered now."""
        return self.overruled_at is None


def withhold(
    session: Session, resource_id: ResourceId, message: str, params: Mapping[str, str | int]
) -> None:
    """Do not offer a resource for now; one that is withheld already, or overruled, stays so."""
    if session.get(WithheldRow, resource_id) is None:
        session.add(
            WithheldRow(
                resource=resource_id,
                since=now(),
                message=message,
                params=dict(params),
                salt=new_salt(),
                overruled_because="",
            )
        )


def offer_again(session: Session, resource_id: ResourceId) -> None:
    """Offer a resource again; an overruling ends with what it overruled."""
    session.execute(delete(WithheldRow).where(WithheldRow.resource == resource_id))


def withheld(session: Session, ids: Collection[ResourceId]) -> dict[ResourceId, Withheld]:
    """Which of these resources are not well enough to be offered, overruled or not."""
    rows = session.scalars(select(WithheldRow).where(WithheldRow.resource.in_(list(ids))))
    return {ResourceId(row.resource): _withheld(row) for row in rows}


def sick(session: Session, resource_id: ResourceId) -> bool:
    """Whether a resource is not offered now because it is not well."""
    found = withheld(session, [resource_id]).get(resource_id)
    return found is not None and found.stands


def check_well(session: Session, resource_id: ResourceId) -> None:
    """Raise :class:`Refused`, rule ``resource.sick``, when :func:`sick`."""
    if sick(session, resource_id):
        raise refused(
            "resource.sick",
            "this resource is not well and is not offered for now",
            "wait until it is mended; a steward of its provider or of the node may overrule this"
            " with a reason",
        )


def may_overrule(caller: Caller, of: Resource) -> bool:
    """Whether the caller may have it offered all the same: stewards of its provider or the node."""
    mine = caller.party == of.provider or caller.runs_node
    return mine and caller.may(Role.STEWARD, Scope.WRITE)


def overrule_withholding(
    session: Session, caller: Caller, resource_id: str, reason: str
) -> Withheld:
    """Have a resource offered though it is not well, until it is: owes ``offer.overruled``.

    Raises :class:`Refused` (``resource.overrule``), :class:`Invalid` without a reason,
    :class:`NotFound` when nothing is withheld.
    """
    of = resource(session, resource_id, visible_to=caller)
    if not may_overrule(caller, of):
        raise refused(
            "resource.overrule",
            "only a steward of the provider or of the node may do this",
            "ask one of them; a token needs the scope “write”",
        )
    said = reason.strip()
    if not said:
        raise Invalid("this is missing", field="reason", mend="say why it is offered all the same")
    if len(said) > _MOST_TEXT:
        raise Invalid("this is too long", field="reason", mend="shorten it")
    row = session.scalar(select(WithheldRow).where(WithheldRow.resource == of.id).with_for_update())
    if row is None:
        raise NotFound("this resource is offered as ever", field="resource")
    row.overruled_at, row.overruled_by, row.overruled_because = now(), caller.party, said
    row.overruled_member = caller.member
    session.flush()
    owe(
        session,
        OVERRULED,
        of.id,
        {"by": blind(str(caller.party), row.salt), "reason": blind(said, row.salt)},
    )
    return _withheld(row)


def _withheld(row: WithheldRow) -> Withheld:
    return Withheld(
        resource=ResourceId(row.resource),
        since=row.since,
        message=row.message,
        params=row.params,
        overruled_at=row.overruled_at,
        overruled_by=PartyId(row.overruled_by) if row.overruled_by else None,
        overruled_because=row.overruled_because,
    )
