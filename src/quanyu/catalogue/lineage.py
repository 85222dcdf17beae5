"""What was made from what: sources must exist, and nothing may come from itself."""

from sqlalchemy import Select, delete, insert, select
from sqlalchemy.orm import Session

from quanyu.catalogue.model import Resource
from quanyu.catalogue.rights import visible_rows
from quanyu.catalogue.rows import to_resource
from quanyu.catalogue.tables import LineageRow, ResourceRow
from quanyu.kernel import Invalid, ResourceId
from quanyu.parties import Caller


def put_lineage(
    session: Session, resource: ResourceId, sources: tuple[ResourceId, ...], caller: Caller
) -> None:
    """Note the sources of a resource in place of those before.

    Raises :class:`Invalid` on ``lineage`` when a source is unknown to the caller, or when the
    resource would come from itself.
    """
    check_lineage(session, resource, sources, caller)
    session.execute(delete(LineageRow).where(LineageRow.resource == resource))
    if sources:
        session.execute(
            insert(LineageRow), [{"resource": resource, "source": source} for source in sources]
        )


def check_lineage(
    session: Session, resource: ResourceId, sources: tuple[ResourceId, ...], caller: Caller
) -> None:
    """Raise :class:`Invalid` as :func:`put_lineage` would, and note nothing."""
    known = set(
        session.scalars(
            select(ResourceRow.id).where(
                ResourceRow.id.in_([source for source in sources if source.isprintable()]),
                visible_rows(caller),
            )
        )
    )
    for source in sources:
        if source not in known:
            raise Invalid(
                "there is no resource {id}",
                field="lineage",
                mend="name resources of this catalogue by their id",
                id=source[:80],
            )
    if resource in sources or resource in _origins(session, sources):
        raise Invalid(
            "a resource cannot come from itself, not even by way of others",
            field="lineage",
            mend="leave out the source that was made from this resource",
        )


def sources(session: Session, resource: ResourceId, *, visible_to: Caller) -> list[Resource]:
    """What a resource was made from directly, as far as the caller may know of it."""
    joined = select(ResourceRow).join(LineageRow, LineageRow.source == ResourceRow.id)
    return _listed(session, joined.where(LineageRow.resource == resource), visible_to)


def derived(session: Session, resource: ResourceId, *, visible_to: Caller) -> list[Resource]:
    """What was made directly from a resource, as far as the caller may know of it."""
    joined = select(ResourceRow).join(LineageRow, LineageRow.resource == ResourceRow.id)
    return _listed(session, joined.where(LineageRow.source == resource), visible_to)


def origins(session: Session, of: tuple[ResourceId, ...]) -> dict[ResourceId, int]:
    """Everything that these come from, and over how few steps at least (1: directly)."""
    known: set[str] = {*of, *_origins(session, of)}
    edges = session.execute(
        select(LineageRow.resource, LineageRow.source).where(LineageRow.resource.in_(known))
    )
    made_from: dict[str, list[str]] = {}
    for made, source in edges:
        made_from.setdefault(made, []).append(source)
    depths: dict[ResourceId, int] = {}
    ring, depth = list(map(str, of)), 0
    while ring:
        depth += 1
        near = {source for one in ring for source in made_from.get(one, ())}
        ring = sorted(near - depths.keys())
        depths |= {ResourceId(source): depth for source in ring}
    return depths


def _listed(session: Session, statement: Select[ResourceRow], visible_to: Caller) -> list[Resource]:
    ordered = statement.where(visible_rows(visible_to)).order_by(ResourceRow.number)
    return [to_resource(row) for row in session.scalars(ordered)]


def _origins(session: Session, of: tuple[ResourceId, ...]) -> set[str]:
    """Everything that these come from, however far back."""
    first = select(LineageRow.source).where(LineageRow.resource.in_(of))
    back = first.cte("origin", recursive=True)
    back = back.union(select(LineageRow.source).join(back, LineageRow.resource == back.c.source))
    return set(session.scalars(select(back.c.source)))
