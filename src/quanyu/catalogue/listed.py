"""Published entries as a plain list, for those who ask all of them at once."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.catalogue.codes import Kind, State
from quanyu.catalogue.model import Bbox, Resource
from quanyu.catalogue.rows import to_resource
from quanyu.catalogue.tables import ResourceRow


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
