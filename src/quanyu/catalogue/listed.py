"""Published entries as a plain list, for those who ask all of them at once."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.catalogue.codes import Access, Kind, State
from quanyu.catalogue.model import Bbox, Resource
from quanyu.catalogue.rows import to_resource
from quanyu.catalogue.tables import ResourceRow
from quanyu.kernel import ResourceId, batched


def published(
    session: Session, kinds: Collection[Kind], *, limit: int, bbox: Bbox | None = None
) -> list[Resource]:
    """Published entries of these kinds, which everybody may know of, in the order of registration.

    ``bbox`` leaves those whose published extent meets it; those without an extent go then.
    """
    statement = select(ResourceRow).where(
        ResourceRow.state == State.PUBLISHED.value,
        ResourceRow.kind.in_([kind.value for kind in kinds]),
    )
    if bbox is not None:
        west, south, east, north = bbox
        statement = statement.where(
            ResourceRow.west <= east,
            ResourceRow.east >= west,
            ResourceRow.south <= north,
            ResourceRow.north >= south,
        )
    rows = session.scalars(statement.order_by(ResourceRow.number).limit(limit))
    return [to_resource(row) for row in rows]


def published_revisions(session: Session, kinds: Collection[Kind]) -> list[tuple[ResourceId, int]]:
    """Ids and revisions of the published entries of these kinds that are shared at all, in the
    order of registration: enough to know whether what was made of them is still of today."""
    statement = select(ResourceRow.id, ResourceRow.revision).where(
        ResourceRow.state == State.PUBLISHED.value,
        ResourceRow.kind.in_([kind.value for kind in kinds]),
        ResourceRow.access != Access.CLOSED.value,
    )
    rows = session.execute(statement.order_by(ResourceRow.number))
    return [(ResourceId(name), revision) for name, revision in rows]


def entries_of(session: Session, names: Collection[ResourceId]) -> dict[ResourceId, Resource]:
    """These entries by their ids, in few questions; for the program itself."""
    found = {}
    for part in batched(list(names), 500):
        for row in session.scalars(select(ResourceRow).where(ResourceRow.id.in_(part))):
            found[ResourceId(row.id)] = to_resource(row)
    return found
