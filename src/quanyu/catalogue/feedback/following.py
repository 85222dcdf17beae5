"""Who wants to hear of changes of an entry."""

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from quanyu.catalogue.entries import resource
from quanyu.catalogue.feedback.limits import signed_in
from quanyu.catalogue.feedback.tables import FollowRow
from quanyu.kernel import MemberId, PartyId, ResourceId, now
from quanyu.parties import Caller


def follow(session: Session, resource_id: ResourceId, caller: Caller) -> None:
    """Hear of changes from now on; to follow twice is to follow once."""
    of = resource(session, resource_id, visible_to=caller)
    party, member = signed_in(caller)
    if session.get(FollowRow, (of.id, member)) is None:
        session.add(FollowRow(resource=of.id, member=member, party=party, at=now()))
        session.flush()


def unfollow(session: Session, resource_id: ResourceId, caller: Caller) -> None:
    """Hear no more."""
    _, member = signed_in(caller)
    session.execute(
        delete(FollowRow).where(FollowRow.resource == resource_id, FollowRow.member == member)
    )


def follows(session: Session, resource_id: ResourceId, caller: Caller) -> bool:
    """Whether the caller follows the entry."""
    if caller.member is None:
        return False
    return session.get(FollowRow, (resource_id, caller.member)) is not None


def follower_count(session: Session, resource_id: ResourceId) -> int:
    """How many follow the entry."""
    query = select(func.count()).where(FollowRow.resource == resource_id)
    return session.scalar(query) or 0


def followed(session: Session, caller: Caller) -> list[ResourceId]:
    """What the caller follows, the latest first."""
    if caller.member is None:
        return []
    query = (
        select(FollowRow.resource)
        .where(FollowRow.member == caller.member)
        .order_by(FollowRow.at.desc())
    )
    return [ResourceId(name) for name in session.scalars(query)]


def followers(session: Session, resource_id: ResourceId) -> dict[PartyId, list[MemberId]]:
    """Members who follow the entry, by their party."""
    found: dict[PartyId, list[MemberId]] = {}
    for row in session.scalars(select(FollowRow).where(FollowRow.resource == resource_id)):
        found.setdefault(PartyId(row.party), []).append(MemberId(row.member))
    return found
