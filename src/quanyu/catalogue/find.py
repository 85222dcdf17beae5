"""Search in both languages with filters, facets, orders and stable pages."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Select,
    and_,
    false,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from quanyu.catalogue.codes import Access, Kind, State
from quanyu.catalogue.model import Bbox, FacetCount, Interval, Search, SearchPage, Sort
from quanyu.catalogue.page_token import Key, read_token, write_token
from quanyu.catalogue.rights import visible_rows
from quanyu.catalogue.rows import to_resource
from quanyu.catalogue.tables import ResourceRow, ThemeRow
from quanyu.catalogue.text_index import matching
from quanyu.catalogue.words import query_terms
from quanyu.kernel import Invalid, PartyId
from quanyu.parties import Caller

MOST_HITS = 1_000
MOST_VALUES = 100

_FACETS = {
    "kinds": "kind",
    "themes": "",  # in a table of their own
    "providers": "provider",
    "accesses": "access",
    "states": "state",
}
"""Facets, by the name of their filter, and the column that each counts."""


def search(session: Session, search: Search, *, visible_to: Caller) -> SearchPage:
    """The page of entries that ``visible_to`` may know of and that match; totals and facets too.

    Raises :class:`Invalid` for a wrong limit, extent, interval or page token.
    """
    _check(search)
    alternatives = query_terms(search.q)
    words = matching(session, alternatives) if alternatives else None
    within = _within(search, visible_to)
    if search.q.strip() and words is None:
        within.append(false())
    order = _order(search, words)
    chosen = _chosen(search, ResourceRow.__table__.c)
    rows = _from(select(ResourceRow, order.key.label("key")), words).where(*within, *chosen)
    if search.after is not None:
        rows = rows.where(_after(order, *read_token(search, search.after, order.type)))
    direction = [c.desc() if order.falling else c.asc() for c in (order.key, ResourceRow.number)]
    found = session.execute(rows.order_by(*direction).limit(search.limit + 1)).all()
    shown = found[: search.limit]
    more = len(found) > len(shown)
    counted = matching(session, alternatives, scored=False) if alternatives else None
    total, facets = _count(session, search, within, counted)
    return SearchPage(
        hits=tuple(to_resource(row) for row, _ in shown),
        total=total,
        next=write_token(search, shown[-1][1], shown[-1][0].number) if more else None,
        facets=facets,
    )


def resources(
    session: Session,
    *,
    visible_to: Caller,
    kinds: frozenset[Kind] = frozenset(),
    providers: frozenset[PartyId] = frozenset(),
    states: frozenset[State] = frozenset(),
    accesses: frozenset[Access] = frozenset(),
    limit: int = 100,
    after: str | None = None,
) -> SearchPage:
    """A plain list, the latest change first, without facets."""
    asked = Search(
        kinds=kinds,
        providers=providers,
        states=states,
        accesses=accesses,
        limit=limit,
        after=after,
        facets=False,
    )
    return search(session, asked, visible_to=visible_to)


@dataclass(frozen=True, slots=True)
class _Order:
    key: ColumnElement[Any]
    type: type[Key]
    falling: bool


def _order(search: Search, words: CTE | None) -> _Order:
    if search.sort is Sort.RELEVANCE and words is not None:
        return _Order(words.c.score, float, search.reverse)
    by_title = {Sort.TITLE_ZH: ResourceRow.sort_zh, Sort.TITLE_EN: ResourceRow.sort_en}
    if search.sort in by_title:
        return _Order(by_title[search.sort].expression, bytes, search.reverse)
    newest = ResourceRow.created_at if search.sort is Sort.CREATED else ResourceRow.updated_at
    return _Order(newest.expression, datetime, not search.reverse)


def _after(order: _Order, key: Key, number: int) -> ColumnElement[bool]:
    if order.falling:
        return or_(order.key < key, and_(order.key == key, ResourceRow.number < number))
    return or_(order.key > key, and_(order.key == key, ResourceRow.number > number))


def _from(statement: Select[Any], words: CTE | None) -> Select[Any]:
    if words is None:
        return statement
    return statement.join(words, words.c.number == ResourceRow.number)


def _within(search: Search, visible_to: Caller) -> list[ColumnElement[bool]]:
    """What narrows hits and every facet alike."""
    found = [visible_rows(visible_to)]
    if search.external_ids:
        found.append(ResourceRow.code.in_(_storable(search.external_ids)))
    if search.ids:
        ids = _storable(search.ids)
        found.append(or_(ResourceRow.id.in_(ids), ResourceRow.slug.in_(ids)))
    if search.bbox is not None:
        found.append(_meets(search.bbox))
    if search.interval is not None:
        found.append(_during(search.interval))
    return found


def _chosen(
    search: Search, columns: ReadOnlyColumnCollection[str, Any], *, besides: str = ""
) -> list[ColumnElement[bool]]:
    """What is chosen in the facets, that of the name ``besides`` left out."""
    values: dict[str, Collection[str]] = {name: getattr(search, name) for name in _FACETS}
    found = [
        columns[column].in_(_storable(values[name]))
        for name, column in _FACETS.items()
        if column and values[name] and name != besides
    ]
    if search.themes and besides != "themes":
        themed = select(ThemeRow.number).where(ThemeRow.theme.in_(_storable(search.themes)))
        found.append(columns["number"].in_(themed))
    return found


def _storable(values: Collection[str]) -> list[str]:
    # PostgreSQL takes no NUL and no lone surrogate, not even in a question.
    return sorted(value for value in values if value.isprintable())


def _meets(bbox: Bbox) -> ColumnElement[bool]:
    xmin, ymin, xmax, ymax = bbox
    if xmin > xmax:  # across the antimeridian (RFC 7946, 5.2)
        return or_(_meets((xmin, ymin, 180, ymax)), _meets((-180, ymin, xmax, ymax)))
    return and_(
        ResourceRow.west <= xmax,
        ResourceRow.east >= xmin,
        ResourceRow.south <= ymax,
        ResourceRow.north >= ymin,
    )


def _during(interval: Interval) -> ColumnElement[bool]:
    start, end = interval
    known = or_(ResourceRow.time_from.is_not(None), ResourceRow.time_to.is_not(None))
    meets = [known]
    if end is not None:
        meets.append(or_(ResourceRow.time_from.is_(None), ResourceRow.time_from <= end))
    if start is not None:
        meets.append(or_(ResourceRow.time_to.is_(None), ResourceRow.time_to >= start))
    return and_(*meets)


def _count(
    session: Session, search: Search, within: list[ColumnElement[bool]], words: CTE | None
) -> tuple[int, dict[str, tuple[FacetCount, ...]]]:
    """The exact total and the facets, each counted without its own choice, in one statement."""
    columns = [ResourceRow.number, *(getattr(ResourceRow, c) for c in _FACETS.values() if c)]
    # Found once, counted six times.
    found = _from(select(*columns), words).where(*within).cte("found").prefix_with("MATERIALIZED")
    times = func.count().label("times")
    counts = [
        select(literal("total").label("facet"), literal("").label("value"), times)
        .select_from(found)
        .where(*_chosen(search, found.c))
    ]
    for name, column in _FACETS.items() if search.facets else ():
        key = found.c[column] if column else ThemeRow.theme.expression
        counted = select(literal(name), key, times).select_from(found)
        if not column:
            counted = counted.join(ThemeRow, ThemeRow.number == found.c.number)
        counts.append(counted.where(*_chosen(search, found.c, besides=name)).group_by(key))
    facets: dict[str, list[FacetCount]] = {name: [] for name in _FACETS if search.facets}
    total = 0
    for facet, value, count in session.execute(union_all(*counts)):
        if facet == "total":
            total = count
        else:
            facets[facet].append(FacetCount(value=value, count=count))
    return total, {
        name: tuple(sorted(values, key=lambda f: (-f.count, f.value))[:MOST_VALUES])
        for name, values in facets.items()
    }


def _check(search: Search) -> None:
    if not 1 <= search.limit <= MOST_HITS:
        raise Invalid(
            "a page has 1 to {most} entries",
            field="limit",
            mend="choose a number between them",
            most=MOST_HITS,
        )
    box = search.bbox
    if box and not (
        -180 <= box[0] <= 180 and -180 <= box[2] <= 180 and -90 <= box[1] <= box[3] <= 90
    ):
        raise Invalid(
            "{bbox} is no extent",
            field="bbox",
            mend="give west, south, east, north in degrees, south ≤ north",
            bbox=list(box),
        )
    start, end = search.interval or (None, None)
    if any(moment is not None and moment.tzinfo is None for moment in (start, end)):
        raise Invalid(
            "a time without an offset names no instant", field="datetime", mend="add Z or +08:00"
        )
    if start and end and start > end:
        raise Invalid(
            "the interval ends before it begins", field="datetime", mend="exchange its two ends"
        )
