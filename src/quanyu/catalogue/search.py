"""Search in both languages with filters, facets, orders and stable pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, and_, false, func, or_, select
from sqlalchemy.orm import Session

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


def search(session: Session, search: Search, *, visible_to: Caller) -> SearchPage:
    """The page of entries that ``visible_to`` may know of and that match; totals and facets too.

    Raises :class:`Invalid` for a wrong limit, extent, interval or page token.
    """
    _check(search)
    alternatives = query_terms(search.q)
    words = matching(session, alternatives) if alternatives else None
    filters = _filters(search, visible_to)
    if search.q.strip() and words is None:
        filters["words"] = false()
    order = _order(search, words)
    rows = _from(select(ResourceRow, order.key.label("key")), words).where(*filters.values())
    if search.after is not None:
        rows = rows.where(_after(order, *read_token(search, search.after, order.type)))
    direction = [c.desc() if order.falling else c.asc() for c in (order.key, ResourceRow.number)]
    found = session.execute(rows.order_by(*direction).limit(search.limit + 1)).all()
    shown = found[: search.limit]
    more = len(found) > len(shown)
    total = _from(select(func.count()).select_from(ResourceRow), words).where(*filters.values())
    return SearchPage(
        hits=tuple(to_resource(row) for row, _ in shown),
        total=session.scalar(total) or 0,
        next=write_token(search, shown[-1][1], shown[-1][0].number) if more else None,
        facets=_facets(session, filters, words) if search.facets else {},
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


def _filters(search: Search, visible_to: Caller) -> dict[str, ColumnElement[bool]]:
    """Conditions by name; a facet is counted without the one of its own name."""
    found = {"visible": visible_rows(visible_to)}
    columns = {
        "kinds": (ResourceRow.kind, search.kinds),
        "providers": (ResourceRow.provider, search.providers),
        "accesses": (ResourceRow.access, search.accesses),
        "states": (ResourceRow.state, search.states),
        "external_ids": (ResourceRow.code, search.external_ids),
    }
    for name, (column, values) in columns.items():
        if values:
            found[name] = column.in_(sorted(values))
    if search.themes:
        themed = select(ThemeRow.number).where(ThemeRow.theme.in_(sorted(search.themes)))
        found["themes"] = ResourceRow.number.in_(themed)
    if search.ids:
        ids = sorted(search.ids)
        found["ids"] = or_(ResourceRow.id.in_(ids), ResourceRow.slug.in_(ids))
    if search.bbox is not None:
        found["bbox"] = _meets(search.bbox)
    if search.interval is not None:
        found["interval"] = _during(search.interval)
    return found


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


def _facets(
    session: Session, filters: Mapping[str, ColumnElement[bool]], words: CTE | None
) -> dict[str, tuple[FacetCount, ...]]:
    values: dict[str, ColumnElement[Any]] = {
        "kinds": ResourceRow.kind.expression,
        "themes": ThemeRow.theme.expression,
        "providers": ResourceRow.provider.expression,
        "accesses": ResourceRow.access.expression,
        "states": ResourceRow.state.expression,
    }
    facets = {}
    for name, value in values.items():
        count = func.count().label("count")
        statement = _from(select(value, count).select_from(ResourceRow), words)
        if name == "themes":
            statement = statement.join(ThemeRow, ThemeRow.number == ResourceRow.number)
        others = [condition for other, condition in filters.items() if other != name]
        counted = statement.where(*others).group_by(value).order_by(count.desc(), value)
        facets[name] = tuple(
            FacetCount(value=found, count=times)
            for found, times in session.execute(counted.limit(MOST_VALUES))
        )
    return facets


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
