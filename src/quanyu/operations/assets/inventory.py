"""The inventory of a resource: who may read and change it, and the tree within it.

Below an asset lies one range of the index over paths, so a subtree of any size is found without a
walk. Whoever changes the tree holds the inventory's row, so that two changes cannot make a circle.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, aliased

from quanyu.catalogue import check_writes, resource
from quanyu.kernel import Invalid, LocalText, NotFound, PartyId, ResourceId, owe
from quanyu.operations.assets.model import Asset, AssetPage, AssetState
from quanyu.operations.assets.tables import AssetRow, InventoryRow
from quanyu.parties import Caller, Role, party

MOST_DEPTH = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetFilter:
    """Which assets: ``below`` that one (and itself), of a template, in a state, whose id or name
    holds a text; ``tops`` only those that are parts of nothing."""

    below: str = ""
    parent: str = ""
    template: str = ""
    state: AssetState | None = None
    text: str = ""
    tops: bool = False


def check_reads_assets(session: Session, of: ResourceId, caller: Caller) -> None:
    """Raise :class:`NotFound` unless ``caller`` may read the inventory: its provider's members,
    parties that the provider lets, and who oversees the node."""
    found = resource(session, of, visible_to=caller)
    row = session.get(InventoryRow, found.id)
    allowed = {found.provider, *(row.readers if row else ())}
    overseers = {Role.STEWARD, Role.OPERATOR, Role.AUDITOR}
    oversees = caller.runs_node and bool(caller.roles & overseers)
    if caller.party is None or not (oversees or caller.party in allowed):
        raise NotFound("there is no inventory of {id} for you", id=found.slug)


def let_read_assets(
    session: Session, of: ResourceId, caller: Caller, readers: Sequence[PartyId]
) -> None:
    """Say which other parties may read the inventory; for who may write the resource's entry."""
    row = held_inventory(session, of, caller)
    for one in readers:
        party(session, one)
    row.readers = sorted(set(readers))
    owe(
        session,
        "asset.readers",
        row.resource,
        {"by": caller.party or "", "readers": list(row.readers)},
    )


def readers_of(session: Session, of: ResourceId) -> tuple[PartyId, ...]:
    """Parties that the provider lets read the inventory."""
    row = session.get(InventoryRow, of)
    return tuple(PartyId(one) for one in (row.readers if row else ()))


def held_inventory(session: Session, of: ResourceId, caller: Caller) -> InventoryRow:
    """The inventory, held for this transaction by who may change it, begun if there is none."""
    found = resource(session, of, visible_to=caller)
    check_writes(caller, found.provider)
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    session.execute(
        insert(InventoryRow)
        .values(resource=found.id, provider=found.provider, readers=[], last=0)
        .on_conflict_do_nothing()
    )
    query = select(InventoryRow).where(InventoryRow.resource == found.id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one()


def asset(session: Session, of: ResourceId, name: str, caller: Caller) -> Asset:
    """One asset; :class:`NotFound` when there is none, or none for this caller."""
    check_reads_assets(session, of, caller)
    return to_asset(session, asset_row(session, of, name))


def asset_row(session: Session, of: ResourceId, name: str) -> AssetRow:
    """Its row; :class:`NotFound` when there is none."""
    query = select(AssetRow).where(AssetRow.resource == of, AssetRow.id == name)
    found = session.scalar(query) if name.isprintable() else None
    if found is None:
        raise NotFound("there is no asset {id}", id=name[:80])
    return found


def list_assets(
    session: Session,
    of: ResourceId,
    caller: Caller,
    wanted: AssetFilter = AssetFilter(),
    *,
    limit: int = 100,
    after: str | None = None,
) -> AssetPage:
    """Assets in the order in which the tree is walked, page by page."""
    check_reads_assets(session, of, caller)
    if not 1 <= limit <= 10_000:
        raise Invalid("a page has 1 to 10000 items", field="limit", mend="ask for fewer")
    query = (
        select(AssetRow, _parts())
        .where(*_conditions(session, of, wanted))
        .order_by(AssetRow.path)
        .limit(limit + 1)
    )
    if after is not None:
        if not after.replace("/", "").isdecimal():
            raise Invalid("this page token is not of this list", field="after", mend="begin again")
        query = query.where(AssetRow.path > after)
    rows = session.execute(query).all()
    more = len(rows) > limit
    return AssetPage(
        tuple(_asset(row, parts) for row, parts in rows[:limit]),
        rows[limit - 1][0].path if more else None,
    )


def asset_counts(session: Session, of: ResourceId, caller: Caller) -> dict[tuple[str, str], int]:
    """How many assets there are, by template and state."""
    check_reads_assets(session, of, caller)
    columns = (AssetRow.template, AssetRow.state)
    query = select(*columns, func.count()).where(AssetRow.resource == of).group_by(*columns)
    return {(template, state): count for template, state, count in session.execute(query)}


def inventories(session: Session, caller: Caller) -> list[tuple[ResourceId, LocalText, str, int]]:
    """Inventories that the caller may read: resource, title, slug, how many assets."""
    counted = select(AssetRow.resource, func.count()).group_by(AssetRow.resource)
    counts: dict[str, int] = {of: number for of, number in session.execute(counted)}  # noqa: C416
    found = []
    for row in session.scalars(select(InventoryRow).order_by(InventoryRow.resource)):
        of = ResourceId(row.resource)
        try:
            check_reads_assets(session, of, caller)
        except NotFound:
            continue
        said = resource(session, of)
        found.append((of, said.title, said.slug, counts.get(of, 0)))
    return found


def assets_called(session: Session, name: str, caller: Caller) -> list[tuple[str, Asset]]:
    """Assets with that id in the inventories that the caller may read, with their resource's slug:
    an asset, its thing and its object on the map have one id."""
    if not name.isprintable():
        return []
    found = []
    query = select(AssetRow).where(AssetRow.id == name).order_by(AssetRow.resource).limit(20)
    for row in session.scalars(query):
        of = ResourceId(row.resource)
        try:
            check_reads_assets(session, of, caller)
        except NotFound:
            continue
        found.append((resource(session, of).slug, to_asset(session, row)))
    return found


def ancestors(session: Session, one: Asset) -> list[tuple[str, str]]:
    """Ids and names of all above an asset, the top first."""
    row = session.get_one(AssetRow, one.number)
    numbers = [int(part) for part in row.path.split("/")[:-2]]
    query = select(AssetRow.id, AssetRow.name).where(
        AssetRow.seq.in_(numbers), AssetRow.resource == one.resource
    )
    return [(name, said) for name, said in session.execute(query.order_by(AssetRow.depth))]


def below(path: str) -> ColumnElement[bool]:
    """The range of paths that a subtree is, its top with it."""
    return (AssetRow.path >= path) & (AssetRow.path < path[:-1] + "0")


def place_under(session: Session, row: AssetRow, parent: str | None) -> None:
    """Give a row its place in the tree, its subtree with it; the inventory must be held.

    Raises :class:`Invalid` on ``parent`` for one that is not there, is below the asset itself, or
    would make the tree deeper than :data:`MOST_DEPTH`.
    """
    above = _parent(session, ResourceId(row.resource), parent) if parent else None
    base, depth = (above.path, above.depth + 1) if above else ("", 0)
    old = row.path
    if above is not None and old and above.path.startswith(old):
        raise Invalid(
            "an asset cannot be a part of itself or of what is below it",
            field="parent",
            mend="choose another",
        )
    deepest = depth
    if old:
        lowest = select(func.max(AssetRow.depth)).where(AssetRow.resource == row.resource)
        deepest += (session.scalar(lowest.where(below(old))) or row.depth) - row.depth
    if deepest >= MOST_DEPTH:
        raise Invalid(
            "the tree is at most {most} assets deep",
            field="parent",
            mend="choose one further up",
            most=MOST_DEPTH,
        )
    new = f"{base}{row.seq}/"
    if old and old != new:
        session.execute(
            update(AssetRow)
            .where(AssetRow.resource == row.resource, below(old))
            .values(
                path=literal(new) + func.substr(AssetRow.path, len(old) + 1),
                depth=AssetRow.depth + (depth - row.depth),
            )
            .execution_options(synchronize_session=False)
        )
        session.expire_all()
    row.path, row.depth, row.parent = new, depth, parent


def to_asset(session: Session, row: AssetRow) -> Asset:
    """The asset in a row."""
    counted = select(func.count()).where(
        AssetRow.resource == row.resource, AssetRow.parent == row.id
    )
    return _asset(row, session.scalar(counted) or 0)


def _parent(session: Session, of: ResourceId, name: str) -> AssetRow:
    query = select(AssetRow).where(AssetRow.resource == of, AssetRow.id == name)
    found = session.scalar(query) if name.isprintable() else None
    if found is None:
        raise Invalid(
            "there is no asset {id} to be a part of",
            field="parent",
            mend="name one that is in the inventory",
            id=name[:80],
        )
    return found


def _parts() -> ColumnElement[int]:
    part = aliased(AssetRow)
    return (
        select(func.count())
        .where(part.resource == AssetRow.resource, part.parent == AssetRow.id)
        .correlate(AssetRow)
        .scalar_subquery()
    )


def _conditions(session: Session, of: ResourceId, wanted: AssetFilter) -> list[ColumnElement[bool]]:
    found = [AssetRow.resource == of]
    if wanted.below:
        found.append(below(asset_row(session, of, wanted.below).path))
    if wanted.parent:
        found.append(AssetRow.parent == wanted.parent)
    if wanted.template:
        found.append(AssetRow.template == wanted.template)
    if wanted.state is not None:
        found.append(AssetRow.state == wanted.state.value)
    if wanted.tops:
        found.append(AssetRow.parent.is_(None))
    if wanted.text:
        text = wanted.text[:100].lower()
        said = func.lower(AssetRow.name).contains(text, autoescape=True)
        found.append(said | func.lower(AssetRow.id).contains(text, autoescape=True))
    return found


def _asset(row: AssetRow, parts: int) -> Asset:
    return Asset(
        id=row.id,
        number=row.number,
        resource=ResourceId(row.resource),
        name=row.name,
        template=row.template,
        parent=row.parent,
        state=AssetState(row.state),
        lon=row.lon,
        lat=row.lat,
        address=row.address,
        division=row.division,
        since=row.since,
        party=PartyId(row.party) if row.party else None,
        attributes=row.attributes,
        depth=row.depth,
        parts=parts,
        hours=row.hours,
        revision=row.revision,
    )


def check_place(lon: float | None, lat: float | None) -> None:
    """Raise :class:`Invalid` on ``place`` for half a point or one beyond the Earth."""
    if lon is None and lat is None:
        return
    right = lon is not None and lat is not None and math.isfinite(lon) and math.isfinite(lat)
    if not right or abs(lon or 0) > 180 or abs(lat or 0) > 90:
        raise Invalid(
            "this is no place on Earth",
            field="place",
            mend="give degrees: longitude -180 to 180, latitude -90 to 90",
        )
