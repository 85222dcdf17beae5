"""``$expand``: what a navigation leads to from a whole page at once, one question a level."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from quanyu.kernel import Invalid
from quanyu.streams.asked import Options
from quanyu.streams.entities import OBSERVATION, EntityType, Navigation
from quanyu.streams.expressions import Among, Column, all_of, among, dialect_of
from quanyu.streams.filtering import condition, observed
from quanyu.streams.listing import (
    MOST_TOP,
    SHOWN,
    TOP,
    by_name,
    observation_order,
    ordered,
)
from quanyu.streams.observations import Selection, latest_of
from quanyu.streams.paging import order_of
from quanyu.streams.rendering import (
    Shown,
    entity_documents,
    observation_documents,
)
from quanyu.streams.resolving import names_shown
from quanyu.streams.spans import span_of
from quanyu.streams.unparsing import query_of
from quanyu.streams.visibility import Sight, visible

if TYPE_CHECKING:
    import pyarrow as pa

MOST_DEEP = 6
MOST_EXPANDED = 100_000
"""Entities in one answer, however they got there."""


@dataclass(slots=True)
class Budget:
    """How many entities may still be put into an answer."""

    left: int = MOST_EXPANDED

    def take(self, count: int) -> None:
        """Put so many in; raises :class:`Invalid` when they are too many."""
        self.left -= count
        if self.left < 0:
            raise Invalid(
                "the answer would hold more than {most} entities",
                field="$expand",
                mend="ask for less by $top, in $expand too",
                most=MOST_EXPANDED,
            )


def documents_of_entities(  # noqa: PLR0917 - of what, as what, within what
    sight: Sight,
    kind: EntityType,
    numbers: Sequence[int],
    options: Options,
    base: str,
    budget: Budget,
    deep: int = 0,
) -> dict[int, dict[str, Any]]:
    """Documents of entities by their numbers, with what is asked to be inside them."""
    budget.take(len(numbers))
    _check_deep(deep)
    show = Shown(base, options.select)
    found = entity_documents(sight, kind, numbers, show)
    for name, inner in options.expand:
        navigation = _navigation(kind, name)
        into = _Into(sight, kind, navigation, inner, base, budget, deep)
        _put(into, found)
    return found


def documents_of_observations(  # noqa: PLR0917 - of what, as what, within what
    sight: Sight, table: "pa.Table", options: Options, base: str, budget: Budget, deep: int = 0
) -> list[dict[str, Any]]:
    """Documents of observations in their order, with what is asked to be inside them."""
    budget.take(table.num_rows)
    _check_deep(deep)
    kind = sight.kind(OBSERVATION)
    show = Shown(base, options.select)
    found = observation_documents(sight, table, show, ids=names_shown(sight))
    for name, inner in options.expand:
        navigation = _navigation(kind, name)
        target = sight.kind(navigation.target)
        column = "feature" if target.name == "FeatureOfInterest" else "datastream"
        of = table[column].to_pylist()
        into = _Into(sight, kind, navigation, inner, base, budget, deep)
        there = _fetched(into, target, sorted({one for one in of if one is not None}))
        for document, number in zip(found, of, strict=True):
            document.pop(f"{name}@iot.navigationLink", None)
            if number in there:
                document[name] = there[number]
    return found


@dataclass(frozen=True, slots=True)
class _Into:
    """An expansion: from which kind along which navigation, with which options."""

    sight: Sight
    kind: EntityType
    navigation: Navigation
    options: Options
    base: str
    budget: Budget
    deep: int

    @property
    def top(self) -> int:
        """Most entities of one parent."""
        top = self.options.top
        return min(TOP if top is None else top, MOST_TOP)


def _put(into: _Into, found: dict[int, dict[str, Any]]) -> None:
    name = into.navigation.name
    for document in found.values():
        document.pop(f"{name}@iot.navigationLink", None)
    if into.navigation.link is None:
        _put_observations(into, found)
    elif into.navigation.many:
        _put_many(into, found)
    else:
        _put_one(into, found)


def _put_one(into: _Into, found: dict[int, dict[str, Any]]) -> None:
    link = into.navigation.link
    if link is None:
        return
    row = into.kind.row
    column = getattr(row, link.target.key)
    query = sa.select(link.source, column).where(_in(into, link.source, found))
    pairs = [(one[0], one[1]) for one in into.sight.session.execute(query)]
    target = into.sight.kind(into.navigation.target)
    there = _fetched(into, target, sorted({one for _, one in pairs if one is not None}))
    for source, number in pairs:
        if number in there:
            found[source][into.navigation.name] = there[number]


def _fetched(into: _Into, target: EntityType, numbers: list[int]) -> dict[int, dict[str, Any]]:
    """Those of some entities that may be seen and satisfy, as documents."""
    if not numbers:
        return {}
    row = aliased(target.row)
    where = [visible(into.sight, target, row), _in(into, row.number, numbers)]
    if into.options.filter is not None:
        where.append(condition(into.sight, target, row, into.options.filter))
    seen = list(into.sight.session.scalars(sa.select(row.number).where(*where)))
    return documents_of_entities(
        into.sight, target, seen, into.options, into.base, into.budget, into.deep + 1
    )


def _put_many(into: _Into, found: dict[int, dict[str, Any]]) -> None:
    pairs, counts = _pairs(into, list(found))
    numbers = sorted({number for _, number in pairs})
    target = into.sight.kind(into.navigation.target)
    there = documents_of_entities(
        into.sight, target, numbers, into.options, into.base, into.budget, into.deep + 1
    )
    inside: dict[int, list[Any]] = defaultdict(list)
    for source, number in pairs:
        inside[source].append(there[number])
    for source, document in found.items():
        _hang(into, document, inside[source], counts.get(source, 0))


def _pairs(into: _Into, sources: Sequence[int]) -> tuple[list[tuple[int, int]], dict[int, int]]:
    """Pairs of a parent and what it leads to, in order, at most ``top`` of each parent and one to
    tell that there are more; and how many there are of each."""
    sight, link = into.sight, into.navigation.link
    if link is None:
        return [], {}
    target = sight.kind(into.navigation.target)
    row = aliased(target.row)
    pair = row if link.source.class_ is target.row else aliased(link.source.class_)
    source = getattr(pair, link.source.key)
    both = sa.inspect(row).selectable
    if pair is not row:  # a join of its own: it must not go where nothing is visible
        both = sa.orm.join(pair, row, getattr(pair, link.target.key) == row.number)
    where = [_in(into, source, sources), visible(sight, target, row)]
    if into.options.filter is not None:
        where.append(condition(sight, target, row, into.options.filter))
    keys = ordered(sight, target, row, into.options.orderby)
    order = order_of(keys, row.number)
    place = sa.func.row_number().over(partition_by=source, order_by=order).label("place")
    total = sa.func.count().over(partition_by=source).label("total")
    listed = (
        sa.select(source.label("source"), row.number.label("target"), place, total)
        .select_from(both)
        .where(*where)
        .subquery()
    )
    skip = into.options.skip
    query = (
        sa.select(listed.c.source, listed.c.target, listed.c.total)
        .where(listed.c.place > skip, listed.c.place <= skip + into.top)
        .order_by(listed.c.source, listed.c.place)
    )
    rows = sight.session.execute(query).all()
    return [(one[0], one[1]) for one in rows], {one[0]: one[2] for one in rows}


def _put_observations(into: _Into, found: dict[int, dict[str, Any]]) -> None:
    sight, options = into.sight, into.options
    of_feature = into.kind.name == "FeatureOfInterest"
    where = observed(sight, options.filter)
    if of_feature:
        where = all_of(where, Among("feature", list(found)))
    start, end, where_else = span_of(where)
    asked = Selection(
        datastreams=_sources(into, list(found)), start=start, end=end, where=where_else
    )
    order = observation_order(sight, options.orderby)
    column = "feature" if of_feature else "datastream"
    counts = _counts(into, asked, found) if options.count and not of_feature else {}
    latest = _is_latest(into, asked, order)
    if latest and not of_feature:
        table = latest_of(sight.stands(list(found)))
    else:
        most = options.skip + into.top + 1
        each = None if of_feature else most
        limit = MOST_EXPANDED if of_feature else None
        table = sight.observations.select(
            replace(asked, order=by_name(order), each=each, limit=limit, columns=SHOWN)
        )
    _hang_observations(into, found, table, table[column].to_pylist(), counts)


def _hang_observations(
    into: _Into,
    found: dict[int, dict[str, Any]],
    table: "pa.Table",
    of: Sequence[int],
    counts: dict[int, int],
) -> None:
    skip, top = into.options.skip, into.top
    places: dict[int, list[int]] = defaultdict(list)
    for place, source in enumerate(of):
        places[source].append(place)
    wanted = [place for source in found for place in places[source][skip : skip + top]]
    documents = documents_of_observations(
        into.sight, _taken(table, wanted), into.options, into.base, into.budget, into.deep + 1
    )
    position = 0
    for source, document in found.items():
        size = len(places[source][skip : skip + top])
        total = counts.get(source, len(places[source]))
        _hang(into, document, documents[position : position + size], total)
        position += size


def _taken(table: "pa.Table", places: list[int]) -> "pa.Table":
    import pyarrow as pa

    if places == list(range(table.num_rows)):
        return table
    return table.take(pa.array(places, pa.int64()))


def _is_latest(into: _Into, asked: Selection, order: Sequence[tuple[Any, bool]]) -> bool:
    """Whether only the newest of each is asked: that is one look each."""
    plain = (asked.where, asked.start, asked.end) == (None, None, None)
    plain = plain and into.options.skip == 0 and into.top == 1
    return plain and not into.options.count and list(order) == [(Column("start"), True)]


def _sources(into: _Into, sources: list[int]) -> list[int]:
    """Datastreams whose observations are looked at."""
    if into.kind.name != "FeatureOfInterest":
        return sources
    from quanyu.streams.tables import ObservedFeatureRow as Pair

    query = sa.select(Pair.datastream).where(_in(into, Pair.feature, sources)).distinct()
    found = list(into.sight.session.scalars(query))
    allowed = into.sight.scope.datastreams
    return found if allowed is None else sorted(set(found) & set(allowed.tolist()))


def _counts(into: _Into, asked: Selection, found: dict[int, dict[str, Any]]) -> dict[int, int]:
    if (asked.where, asked.start, asked.end) == (None, None, None):
        return into.sight.observations.counts(list(found))
    return {one: into.sight.observations.count(replace(asked, datastreams=[one])) for one in found}


def _hang(into: _Into, document: dict[str, Any], inside: list[Any], total: int) -> None:
    name, options = into.navigation.name, into.options
    if options.count:
        document[f"{name}@iot.count"] = total
    document[name] = inside
    link = document.get("@iot.selfLink")
    if total > options.skip + len(inside) and link is not None and inside:
        query = query_of(options, skip=options.skip + len(inside))
        document[f"{name}@iot.nextLink"] = f"{link}/{name}?{query}"


def _in(into: _Into, column: Any, numbers: Any) -> Any:
    return among(column, list(numbers), dialect_of(into.sight.session))


def _navigation(kind: EntityType, name: str) -> Navigation:
    found = kind.navigations.get(name)
    if found is None:
        raise Invalid(
            "{entity} has no navigation {name}",
            field="$expand",
            mend="use one of: {known}",
            entity=kind.name,
            name=name[:60],
            known=", ".join(kind.navigations),
        )
    return found


def _check_deep(deep: int) -> None:
    if deep > MOST_DEEP:
        raise Invalid(
            "entities are expanded at most {most} levels deep",
            field="$expand",
            mend="follow the navigation links for the rest",
            most=MOST_DEEP,
        )
