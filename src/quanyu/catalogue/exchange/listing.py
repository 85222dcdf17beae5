"""Published entries in a stable order, for those who copy the whole catalogue.

Search answers people; this answers harvesters: nothing is weighed, every entry comes once, and a
page deep in the list costs no more than the first when it is asked by number.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from quanyu.catalogue.codes import Kind, State
from quanyu.catalogue.model import Resource
from quanyu.catalogue.rights import visible_rows
from quanyu.catalogue.rows import to_resource
from quanyu.catalogue.tables import ResourceRow, ThemeRow
from quanyu.kernel import Invalid, PartyId
from quanyu.parties import Caller

MOST_LISTED = 1_000


class ListedBy(StrEnum):
    """Orders of a listing; ``number`` is that in which entries were made."""

    NUMBER = "number"
    ID = "id"
    SLUG = "slug"
    CREATED = "created"
    UPDATED = "updated"


_COLUMNS: dict[ListedBy, ColumnElement[Any] | InstrumentedAttribute[Any]] = {
    ListedBy.NUMBER: ResourceRow.number,
    ListedBy.ID: ResourceRow.id,
    ListedBy.SLUG: ResourceRow.slug,
    ListedBy.CREATED: ResourceRow.created_at,
    ListedBy.UPDATED: ResourceRow.updated_at,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What is to be listed. Empty sets do not narrow.

    updated  from and to which instants an entry was last changed, both ends counted.
    after    number of the last entry before the page, for the order by number.
    located  only entries that have an extent.
    """

    kinds: frozenset[Kind] = frozenset()
    providers: frozenset[PartyId] = frozenset()
    themes: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()
    updated: tuple[datetime | None, datetime | None] = (None, None)
    located: bool = False
    by: ListedBy = ListedBy.NUMBER
    falling: bool = False
    after: int = 0
    offset: int = 0
    limit: int = 100


@dataclass(frozen=True, slots=True)
class ListedPage:
    """A page. ``last`` is the number to go on after, 0 at the end; ``changed`` the newest change
    among all that match."""

    hits: tuple[Resource, ...]
    total: int
    last: int
    changed: datetime | None


def listing(session: Session, wanted: Listed, *, visible_to: Caller) -> ListedPage:
    """Published entries that ``visible_to`` may know of.

    Raises :class:`Invalid` for a page of more than 1,000 entries.
    """
    if not 0 <= wanted.limit <= MOST_LISTED or wanted.offset < 0:
        raise Invalid(
            "a page has 1 to {most} entries",
            field="limit",
            mend="choose a number between them",
            most=MOST_LISTED,
        )
    within = _within(wanted, visible_to)
    counted = select(func.count(), func.max(ResourceRow.updated_at)).where(*within)
    total, changed = session.execute(counted).one()
    column = _COLUMNS[wanted.by]
    order: list[ColumnElement[Any]] = [column.desc() if wanted.falling else column.asc()]
    if wanted.by is not ListedBy.NUMBER:
        order.append(ResourceRow.number.asc())
    rows = select(ResourceRow).where(*within).order_by(*order)
    if wanted.after:
        rows = rows.where(ResourceRow.number > wanted.after)
    found = session.scalars(rows.offset(wanted.offset).limit(wanted.limit + 1)).all()
    shown = found[: wanted.limit]
    last = shown[-1].number if shown and len(found) > len(shown) else 0
    return ListedPage(tuple(map(to_resource, shown)), total, last, changed)


def _within(wanted: Listed, visible_to: Caller) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [
        ResourceRow.state == State.PUBLISHED.value,
        visible_rows(visible_to),
    ]
    if wanted.kinds:
        found.append(ResourceRow.kind.in_(sorted(wanted.kinds)))
    if wanted.providers:
        found.append(ResourceRow.provider.in_(_storable(wanted.providers)))
    if wanted.ids:
        ids = _storable(wanted.ids)
        found.append(ResourceRow.id.in_(ids) | ResourceRow.slug.in_(ids))
    if wanted.themes:
        themed = select(ThemeRow.number).where(ThemeRow.theme.in_(_storable(wanted.themes)))
        found.append(ResourceRow.number.in_(themed))
    if wanted.located:
        found.append(ResourceRow.west.is_not(None))
    start, end = wanted.updated
    if start is not None:
        found.append(ResourceRow.updated_at >= start)
    if end is not None:
        found.append(ResourceRow.updated_at <= end)
    return found


def _storable(values: frozenset[str] | frozenset[PartyId]) -> list[str]:
    # PostgreSQL takes no NUL and no lone surrogate, not even in a question.
    return sorted(value for value in values if value.isprintable())
