"""Who has which right on a resource at a moment, and whose rights lie beneath it."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from quanyu.catalogue.entries import resource
from quanyu.catalogue.lineage import origins
from quanyu.catalogue.model import Resource
from quanyu.catalogue.operating import in_force
from quanyu.catalogue.property_rights.model import (
    Beneath,
    Conditions,
    Held,
    Origin,
    RightKind,
)
from quanyu.catalogue.property_rights.rows import to_held
from quanyu.catalogue.property_rights.tables import RightRow
from quanyu.catalogue.rows import to_resource
from quanyu.catalogue.tables import ResourceRow
from quanyu.kernel import PartyId, ResourceId


def rights_on(session: Session, resource_id: ResourceId, at: datetime) -> tuple[Held, ...]:
    """Everybody's rights on a resource at ``at``: at least one of each kind, in their order.

    A kind of right that is not registered then belongs to whoever holds the data by the register,
    else to the provider; :attr:`Held.registered` tells the difference. Operators under an
    authorisation in force come last (:attr:`Held.operation`). Raises :class:`NotFound`.
    """
    of = resource(session, resource_id)
    standing = _standing(session, [of.id], at)
    return _with_defaults(of, standing) + _authorised(session, [of.id], at)


def rights_beneath(session: Session, resource_id: ResourceId, at: datetime) -> tuple[Beneath, ...]:
    """Whose rights a resource rests on: everything that it was made from, the nearest first, each
    with the rights on it at ``at``. Empty for what was made from nothing. Raises :class:`NotFound`.
    """
    return _beneath(session, origins(session, (resource(session, resource_id).id,)), at)


def rights_of_sources(
    session: Session, sources: tuple[ResourceId, ...], at: datetime
) -> tuple[Beneath, ...]:
    """:func:`rights_beneath` of something that is yet to be made from ``sources``."""
    further = {one: depth + 1 for one, depth in origins(session, sources).items()}
    return _beneath(session, further | dict.fromkeys(sources, 1), at)


def _beneath(session: Session, depths: dict[ResourceId, int], at: datetime) -> tuple[Beneath, ...]:
    rows = session.scalars(select(ResourceRow).where(ResourceRow.id.in_(list(depths))))
    standing = _standing(session, depths, at)
    authorised = _authorised(session, depths, at)
    found = [
        Beneath(
            resource=of.id,
            slug=of.slug,
            title=of.title,
            provider=of.provider,
            depth=depths[of.id],
            rights=_with_defaults(of, standing)
            + tuple(held for held in authorised if held.resource == of.id),
        )
        for of in map(to_resource, rows)
    ]
    return tuple(sorted(found, key=lambda one: (one.depth, one.slug)))


def holders(rights: Iterable[Held], kind: RightKind) -> frozenset[PartyId]:
    """The parties that have a right of that kind, out of what :func:`rights_on` gave."""
    return frozenset(right.holder for right in rights if right.kind is kind)


def registered_rights(session: Session, resource_id: ResourceId) -> tuple[Held, ...]:
    """Every right that was ever registered on a resource, the earliest entry first."""
    rows = session.scalars(
        select(RightRow).where(RightRow.resource == resource_id).order_by(RightRow.number)
    )
    return tuple(map(to_held, rows))


def _standing(session: Session, ids: Iterable[ResourceId], at: datetime) -> list[Held]:
    """Rights that stood in the register and held at ``at``."""
    rows = session.scalars(
        select(RightRow)
        .where(
            RightRow.resource.in_(list(ids)),
            RightRow.entered_at <= at,
            or_(RightRow.ended_at.is_(None), RightRow.ended_at > at),
        )
        .order_by(RightRow.number)
    )
    return [held for held in map(to_held, rows) if held.holds_at(at)]


def _authorised(session: Session, ids: Iterable[ResourceId], at: datetime) -> tuple[Held, ...]:
    return tuple(
        Held(
            kind=RightKind.OPERATION,
            holder=one.operator,
            origin=Origin.AUTHORISED,
            scope=one.scope,
            term=one.term,
            basis=one.filing,
            conditions=Conditions(transferable=False),
            resource=one.resource,
            operation=one.operation,
        )
        for one in in_force(session, ids, at)
    )


def _with_defaults(of: Resource, standing: Iterable[Held]) -> tuple[Held, ...]:
    here = [held for held in standing if held.resource == of.id]
    holding = [held.holder for held in here if held.kind is RightKind.HOLDING]
    found: list[Held] = []
    for kind in RightKind:
        registered = [held for held in here if held.kind is kind]
        found += registered or [
            Held(
                kind=kind,
                holder=holder,
                origin=Origin.DERIVED if of.lineage else Origin.PRODUCED,
                conditions=Conditions(attribution=of.attribution),
                resource=of.id,
            )
            for holder in dict.fromkeys(holding or [of.provider])
        ]
    return tuple(found)
