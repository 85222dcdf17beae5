"""A page of a collection: entities, or observations, in order."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.orm import aliased

from quanyu.kernel import Invalid
from quanyu.streams.asked import Asked, Key, Options, Path
from quanyu.streams.entities import OBSERVATION, EntityType, Kind
from quanyu.streams.expressions import Column, Expression, Rank, all_of, compiled, dialect_of
from quanyu.streams.extents import in_order, timed
from quanyu.streams.filtering import columns_of, condition, observed, value_at
from quanyu.streams.observations import Selection, latest_of
from quanyu.streams.paging import Ordered, behind, order_of, token_of, values_of
from quanyu.streams.resolving import (
    Collection,
    conditions_of,
    names_shown,
    of_feature,
    selected,
)
from quanyu.streams.spans import span_of
from quanyu.streams.typed import IDS, Reading, kind_of, of_kind
from quanyu.streams.visibility import Sight, outermost, visible

if TYPE_CHECKING:
    import pyarrow as pa

TOP = 100
MOST_TOP = 10_000
MOST_RANKED = 20_000
SHOWN = (
    *("datastream", "start", "key", "end", "number", "text", "json", "result_time", "quality"),
    *("valid_start", "valid_end", "parameters", "feature"),
)
"""The columns of observations that answers are made of."""
_AND_ONE_MORE = 2
_IDENTITY = ("start", "datastream", "key")


@dataclass(frozen=True, slots=True)
class Numbers:
    """A page of entities by their numbers; ``next`` is the token of the page behind."""

    numbers: list[int]
    count: int | None
    next: str | None


@dataclass(frozen=True, slots=True)
class Rows:
    """A page of observations; ``next`` is the token of the page behind, ``more`` whether there is
    one that only ``$skip`` leads to."""

    table: "pa.Table"
    count: int | None
    next: str | None
    more: bool


def entities_page(
    sight: Sight, at: Collection, options: Options, token: str | None = None
) -> Numbers:
    """A page of a collection of entities; raises :class:`Invalid` naming the option."""
    row = outermost(at.kind.row)
    where = conditions_of(sight, at, row)
    if options.filter is not None:
        where.append(condition(sight, at.kind, row, options.filter))
    if any(timed(at.kind, key.of) for key in options.orderby):
        return _by_times(sight, at, options, token, (row, where))
    keys = ordered(sight, at.kind, row, options.orderby)
    query = sa.select(row.number, *(key.by for key in keys)).where(*where)
    if token is not None:
        query = query.where(behind(keys, row.number, values_of(token, len(keys) + 1)))
    top = top_of(options)
    query = query.order_by(*order_of(keys, row.number)).limit(top + 1)
    if token is None and options.skip:
        query = query.offset(options.skip)
    found = sight.session.execute(query).all()
    count = None
    if options.count:
        count = entities_count(sight, at, options.filter)
    following = None
    if len(found) > top and top:
        last = found[top - 1]
        following = token_of([*last[1:], last[0]])
    return Numbers([one[0] for one in found[:top]], count, following)


def _by_times(
    sight: Sight,
    at: Collection,
    options: Options,
    token: str | None,
    what: tuple[Any, list[Any]],
) -> Numbers:
    """Datastreams in the order of their times, which another store keeps; pages go by places."""
    row, where = what
    key = options.orderby[0]
    if len(options.orderby) > 1 or not isinstance(key.of, Path) or len(key.of.steps) > 1:
        raise Invalid(
            "the times of a datastream are the only thing that it is ordered by",
            field="$orderby",
            mend="write $orderby=phenomenonTime desc, and nothing more",
        )
    name = key.of.steps[0]
    if name not in at.kind.properties:
        of_kind(Reading(at.kind, sight.scope, "$orderby"), key.of, Kind.INSTANT)
    numbers = np.array(list(sight.session.scalars(sa.select(row.number).where(*where))), np.int64)
    found = in_order(sight, numbers, name, descending=key.descending).tolist()
    begin = int(values_of(token, 1)[0]) if token is not None else options.skip
    end = begin + top_of(options)
    following = token_of([end]) if begin < end < len(found) else None
    return Numbers(found[begin:end], len(found) if options.count else None, following)


def entities_count(sight: Sight, at: Collection, asked: Asked | None) -> int:
    """How many entities of a collection satisfy."""
    row = outermost(at.kind.row)
    where = conditions_of(sight, at, row)
    if asked is not None:
        where.append(condition(sight, at.kind, row, asked))

    def found() -> int:
        query = sa.select(sa.func.count()).select_from(row).where(*where)
        return int(sight.session.scalar(query) or 0)

    whole = asked is None and at.of is None
    return sight.learnt(("count", at.kind.name), found) if whole else found()


def ordered(sight: Sight, kind: EntityType, row: Any, keys: Sequence[Key]) -> list[Ordered]:
    """What entities are ordered by; raises :class:`Invalid` on ``$orderby``."""
    found = []
    for key in keys:
        if isinstance(key.of, Path):
            value = value_at(sight, kind, row, key.of.steps, "$orderby")
        else:
            reading = Reading(kind, sight.scope, "$orderby")
            made = of_kind(reading, key.of, kind_of(reading, key.of))
            value = compiled(made, columns_of(row), dialect_of(sight.session))
        found.append(Ordered(value, key.descending))
    return found


def observations_page(
    sight: Sight,
    at: Collection,
    options: Options,
    token: str | None = None,
    most: int = MOST_TOP,
) -> Rows:
    """A page of a collection of observations; raises :class:`Invalid` naming the option."""
    asked = observations_of(sight, at, options.filter)
    order = observation_order(sight, options.orderby)
    top = min(options.top if options.top is not None else TOP, most)
    plain = [one.name for one, _ in order if isinstance(one, Column)]
    named = len(plain) == len(order) and names_shown(sight)
    whole = [*plain, *(one for one in _IDENTITY if one not in plain)]
    after = None
    if token is not None and named:
        after = tuple(values_of(token, len(whole)))
    page = replace(
        asked,
        order=by_name(order),
        limit=top + 1,
        columns=SHOWN,
        skip=options.skip if after is None else 0,
        after=after,
    )
    if not top:  # only the count is asked for
        table, more = sight.observations.latest(()), False
    elif _is_latest(page):
        one = list(asked.datastreams or ())
        table, more = latest_of(sight.stands(one)), sum(_numbers(sight, one)) > 1
    else:
        table = sight.observations.select(page)
        more = table.num_rows > top
    count = sight.observations.count(asked) if options.count else None
    table = table.slice(0, top)
    following = _token(table, whole) if more and named else None
    return Rows(table, count, following, more)


def _is_latest(page: Selection) -> bool:
    """Whether only the newest of one datastream is asked for, which is kept beside it."""
    one = page.datastreams is not None and len(page.datastreams) == 1
    plain = (page.where, page.start, page.end, page.after, page.skip) == (None,) * 4 + (0,)
    return one and plain and page.limit == _AND_ONE_MORE and page.order == (("start", True),)


def _numbers(sight: Sight, datastreams: Sequence[int]) -> Iterable[int]:
    return sight.observations.counts(datastreams).values()


def observations_of(sight: Sight, at: Collection, asked: Asked | None) -> Selection:
    """The observations of a collection that satisfy."""
    start, end, where = span_of(all_of(observed(sight, asked), *of_feature(at)))
    return Selection(datastreams=selected(sight, at), start=start, end=end, where=where)


def observation_order(sight: Sight, keys: Sequence[Key]) -> list[tuple[Expression, bool]]:
    """What observations are ordered by; raises :class:`Invalid` on ``$orderby``."""
    kind = sight.kind(OBSERVATION)
    reading = Reading(kind, sight.scope, "$orderby")
    found: list[tuple[Expression, bool]] = []
    for key in keys:
        steps = key.of.steps if isinstance(key.of, Path) else ("",)
        if steps[0] in kind.navigations:
            found.append((_ranked(sight, kind, steps), key.descending))
        elif steps[0] in IDS:
            _check_named(sight)
            found += [(Column("datastream"), key.descending), (Column("start"), key.descending)]
        elif steps == ("result",):
            number, text = (of_kind(reading, key.of, wanted) for wanted in (Kind.NUMBER, None))
            found += [(number, key.descending), (text, key.descending)]
        else:
            found.append((of_kind(reading, key.of, kind_of(reading, key.of)), key.descending))
    if Column("start") not in [one for one, _ in found]:
        found.append((Column("start"), found[-1][1] if found else False))
    return found


def by_name(
    order: Sequence[tuple[Expression, bool]],
) -> tuple[tuple[str | Expression, bool], ...]:
    """An order whose plain columns are named: that of time alone the store answers at once."""
    return tuple((one.name if isinstance(one, Column) else one, down) for one, down in order)


def top_of(options: Options, most: int = MOST_TOP) -> int:
    """How many are answered at once."""
    return min(TOP if options.top is None else options.top, most)


def _ranked(sight: Sight, kind: EntityType, steps: tuple[str, ...]) -> Expression:
    """A property of what observations belong to: the places of those in the order of it."""
    navigation = kind.navigations[steps[0]]
    target = sight.kind(navigation.target)
    row = aliased(target.row)
    value = value_at(sight, target, row, steps[1:], "$orderby") if steps[1:] else row.number
    query = (
        sa.select(row.number)
        .where(visible(sight, target, row))
        .order_by(value.is_(None), value, row.number)
        .limit(MOST_RANKED + 1)
    )
    numbers = list(sight.session.scalars(query))
    if len(numbers) > MOST_RANKED:
        raise Invalid(
            "so many are not put in order by what they belong to",
            field="$orderby",
            mend="order by phenomenonTime, or ask one Datastream",
        )
    return Rank("feature" if target.name == "FeatureOfInterest" else "datastream", numbers)


def _check_named(sight: Sight) -> None:
    if not names_shown(sight):
        raise Invalid(
            "{entity} has no property {name}",
            field="$orderby",
            mend="use one of: {known}",
            entity=OBSERVATION,
            name="id",
            known=", ".join(sight.kind(OBSERVATION).properties),
        )


def _token(table: "pa.Table", names: Sequence[str]) -> str:
    last = table.slice(table.num_rows - 1, 1)
    return token_of([last[name][0].as_py() for name in names])
