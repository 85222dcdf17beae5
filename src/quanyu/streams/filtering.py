"""A client's expression over entities becomes SQL, over observations a condition for their store.

Of a boolean tree each atom (a comparison or function) is looked at by itself: one that leads
through a navigation is asked of what is there, and comes back as the numbers that satisfy it. So
any depth works, and whoever may not see an entity cannot ask about it either.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlalchemy.sql.elements import ColumnElement

from quanyu.kernel import Invalid, NotFound
from quanyu.streams.asked import Asked, Call, Path, conjuncts, walk
from quanyu.streams.entities import INNER_TYPES, OBSERVATION, EntityType, Navigation
from quanyu.streams.expressions import (
    NONE,
    Among,
    Column,
    Expression,
    Value,
    all_of,
    among,
    any_of,
    compiled,
    dialect_of,
)
from quanyu.streams.expressions import Call as Made
from quanyu.streams.extents import MOST_TIMED, numbers_timed, timed
from quanyu.streams.geometry import geometric, numbers_where
from quanyu.streams.observations import Selection
from quanyu.streams.typed import IDS, Reading, condition_over
from quanyu.streams.visibility import Scope, Sight, numbers_of_root, visible

BOOLEAN = ("and", "or", "not")
MOST_FEATURES = 1_000_000


def condition(sight: Sight, kind: EntityType, row: Any, asked: Asked) -> ColumnElement[bool]:
    """What is true of the entities ``row`` of which ``asked`` is; raises :class:`Invalid`."""
    if isinstance(asked, Call) and asked.name in BOOLEAN:
        return _combined(sight, kind, row, asked)
    steps = _first_steps(kind, asked)
    if steps - {None}:
        if len(steps) > 1:
            return _mixed(sight, kind, row, asked)
        name = next(step for step in steps if step is not None)
        return related(sight, kind, row, kind.navigations[name], stripped(asked))
    if geometric(asked) or timed(kind, asked):
        numbers = (
            numbers_where(sight.session, sight.scope, sight.root, kind, asked)
            if geometric(asked)
            else numbers_timed(sight, kind, asked)
        )
        return among(row.number, numbers.tolist(), dialect_of(sight.session))
    made = condition_over(Reading(kind, sight.scope), asked)
    return compiled(made, columns_of(row), dialect_of(sight.session))


def _combined(sight: Sight, kind: EntityType, row: Any, asked: Call) -> ColumnElement[bool]:
    if asked.name == "and":
        return _all(sight, kind, row, asked)
    parts = [condition(sight, kind, row, one) for one in asked.args]
    if asked.name == "not":
        return sa.not_(sa.func.coalesce(parts[0], sa.false()))
    return sa.or_(*parts)


def _all(sight: Sight, kind: EntityType, row: Any, asked: Call) -> ColumnElement[bool]:
    """That all parts are true; times are asked only of the datastreams of which the rest is."""
    whole = conjuncts(asked)
    times = [one for one in whole if not _boolean(one) and timed(kind, one)]
    rest = [condition(sight, kind, row, one) for one in whole if one not in times]
    if not times or not rest:
        return sa.and_(*rest, *(condition(sight, kind, row, one) for one in times))
    query = sa.select(row.number).where(row.root == sight.root, *rest).order_by(row.number)
    found = np.array(list(sight.session.scalars(query.limit(MOST_TIMED + 1))), np.int64)
    for one in times:
        found = numbers_timed(sight, kind, one, found)
    return among(row.number, found.tolist(), dialect_of(sight.session))


def _boolean(asked: Asked) -> bool:
    return isinstance(asked, Call) and asked.name in BOOLEAN


def related(
    sight: Sight, kind: EntityType, row: Any, navigation: Navigation, asked: Asked
) -> ColumnElement[bool]:
    """What is true of the entities ``row`` from which a navigation leads to one that satisfies."""
    if navigation.link is None:
        return _observed(sight, kind, row, asked)
    target = sight.kind(navigation.target)
    there = aliased(target.row)
    satisfied = visible(sight, target, there) & condition(sight, target, there, asked)
    if not navigation.many:
        return _leads_to_one(sight, row, navigation, there, satisfied)
    return leads(row, navigation, there, satisfied)


def _leads_to_one(
    sight: Sight, row: Any, navigation: Navigation, there: Any, satisfied: ColumnElement[bool]
) -> ColumnElement[bool]:
    """The same where it leads to one entity. One that is the only one to satisfy (an observed
    property by its name, say) is named, so that the index of who has it is read in order."""
    numbers = list(sight.session.scalars(sa.select(there.number).where(satisfied).limit(2)))
    if len(numbers) > 1 or navigation.link is None:
        return leads(row, navigation, there, satisfied)
    if not numbers:
        return sa.false()
    own: ColumnElement[bool] = getattr(row, navigation.link.target.key) == numbers[0]
    return own


def leads(
    row: Any, navigation: Navigation, there: Any, satisfied: ColumnElement[bool]
) -> ColumnElement[bool]:
    """Whether a navigation leads from ``row`` to one of ``there`` of which something is true."""
    link = navigation.link
    if link is None:
        raise ValueError("observations are in another store")
    found = sa.select(there.number).where(satisfied)
    if not navigation.many:
        own: ColumnElement[bool] = getattr(row, link.target.key).in_(found)
        return own
    if link.target.key == "number":
        back = getattr(there, link.source.key)
        reverse: ColumnElement[bool] = row.number.in_(sa.select(back).where(satisfied))
        return reverse
    pair = aliased(link.source.class_)
    pairs = sa.select(getattr(pair, link.source.key)).where(
        getattr(pair, link.target.key).in_(found)
    )
    paired: ColumnElement[bool] = row.number.in_(pairs)
    return paired


def observed(sight: Sight, asked: Asked | None) -> Expression:
    """The condition over observations that ``asked`` is, within the scope; raises
    :class:`Invalid`. Which datastreams are looked at is said apart."""
    parts = [given(sight)]
    if asked is not None:
        parts.append(over_observations(sight, asked))
    return all_of(*parts)


def given(sight: Sight) -> Expression:
    """The condition over observations that may be seen."""
    scope = sight.scope
    start, end = scope.restriction.interval
    parts: list[Expression] = []
    if start is not None:
        last = Made("coalesce", (Column("end"), Column("start")))
        parts.append(Made("ge", (last, Value(start))))
    if end is not None:
        parts.append(Made("le", (Column("start"), Value(end))))
    if scope.features is not None:
        parts.append(Among("feature", scope.features.tolist()))
    if scope.rows is not None:
        parts.append(over_observations(unscoped(sight), scope.rows))
    return all_of(*parts)


def unscoped(sight: Sight) -> Sight:
    """The same root without a restriction: for the restriction's own conditions."""
    return Sight(sight.session, sight.root, sight.observations, Scope(types=INNER_TYPES))


def over_observations(sight: Sight, asked: Asked) -> Expression:
    """A client's expression over observations; raises :class:`Invalid`."""
    kind = sight.kind(OBSERVATION)
    if isinstance(asked, Call) and asked.name in BOOLEAN:
        parts = tuple(over_observations(sight, one) for one in asked.args)
        return _either(parts) if asked.name == "or" else Made(asked.name, parts)
    steps = _first_steps(kind, asked)
    if not steps - {None}:
        if _names_one(asked):
            return _named(sight, asked)
        if geometric(asked):
            raise _apart()
        return condition_over(Reading(kind, sight.scope), asked)
    if len(steps) > 1:
        raise _apart()
    name = next(step for step in steps if step is not None)
    target = sight.kind(kind.navigations[name].target)
    there = aliased(target.row)
    satisfied = visible(sight, target, there) & condition(sight, target, there, stripped(asked))
    numbers = list(sight.session.scalars(sa.select(there.number).where(satisfied)))
    column = "feature" if target.name == "FeatureOfInterest" else "datastream"
    return Among(column, numbers) if numbers else NONE


def _either(parts: Sequence[Expression]) -> Expression:
    """That one of these is true; datastreams or features that are named one by one are one set, so
    that no others are looked at."""
    left = [one for one in parts if one != NONE]
    sets = [one for one in left if isinstance(one, Among)]
    if not sets or len(sets) < len(left) or len({one.column for one in sets}) > 1:
        return any_of(*left)
    return Among(sets[0].column, sorted({number for one in sets for number in one.numbers}))


def datastream_numbers_of(sight: Sight) -> Sequence[int]:
    """Numbers of all datastreams of the root that may be seen."""
    scope = sight.scope
    if scope.datastreams is not None:
        found: list[int] = scope.datastreams.tolist()
        return found
    return sight.learnt("datastreams", lambda: numbers_of_root(sight.session, sight.root))


def columns_of(row: Any) -> Any:
    """The columns of an alias by name."""
    return {one.key: getattr(row, one.key) for one in sa.inspect(row).mapper.column_attrs}


def stripped(asked: Asked) -> Asked:
    """An atom as it is asked one step further on."""
    match asked:
        case Path(steps):
            return Path(steps[1:])
        case Call(name, args):
            return Call(name, tuple(stripped(one) for one in args))
        case _:
            return asked


def _first_steps(kind: EntityType, asked: Asked) -> set[str | None]:
    """The navigation that each path of an atom begins with; ``None`` for own properties."""
    found: set[str | None] = set()
    for one in walk(asked):
        if isinstance(one, Path):
            first = one.steps[0]
            found.add(first if first in kind.navigations else None)
            if first in kind.navigations and len(one.steps) == 1:
                raise Invalid(
                    "{name} is an entity, not a value",
                    field="$filter",
                    mend="go on to one of its properties, as in {name}/name",
                    name=first,
                )
    return found


def _observed(sight: Sight, kind: EntityType, row: Any, asked: Asked) -> ColumnElement[bool]:
    """What is true of the datastreams, or features, of which an observation satisfies."""
    where = observed(sight, asked)
    selection = Selection(datastreams=datastream_numbers_of(sight), where=where)
    dialect = dialect_of(sight.session)
    if kind.name != "FeatureOfInterest":
        numbers = sight.observations.datastreams(selection).to_pylist()
        return among(row.number, numbers, dialect)
    selection = Selection(datastreams=selection.datastreams, where=where, limit=MOST_FEATURES)
    features = sight.observations.select(selection)["feature"].unique().drop_null()
    return among(row.number, features.to_pylist(), dialect)


def _mixed(sight: Sight, kind: EntityType, row: Any, asked: Asked) -> ColumnElement[bool]:
    """An atom over several entities: each path is a value found through navigation to one."""
    values: dict[str, ColumnElement[Any]] = dict(columns_of(row))

    def placed(one: Asked) -> Asked:
        match one:
            case Path(steps) if steps[0] in kind.navigations:
                name = f"{len(values)}"
                values[name] = value_at(sight, kind, row, steps)
                return Path((name,))
            case Call(name, args):
                return Call(name, tuple(placed(arg) for arg in args))
            case _:
                return one

    replaced = placed(asked)
    reading = Reading(_with(kind, values), sight.scope)
    return compiled(condition_over(reading, replaced), values, dialect_of(sight.session))


def value_at(
    sight: Sight, kind: EntityType, row: Any, steps: Sequence[str], option: str = "$filter"
) -> ColumnElement[Any]:
    """The text or time at the end of a path through navigation to one each; raises
    :class:`Invalid`."""
    name = steps[0]
    navigation = kind.navigations.get(name)
    if navigation is None:
        from quanyu.streams.typed import of_kind

        made = of_kind(Reading(kind, sight.scope, option), Path(tuple(steps)), None)
        return compiled(made, columns_of(row), dialect_of(sight.session))
    if navigation.many or navigation.link is None:
        raise Invalid(
            "{name} may be several, so it has no one value",
            field=option,
            mend="compare each by itself",
            name=name,
        )
    target = sight.kind(navigation.target)
    there = aliased(target.row)
    inner = value_at(sight, target, there, steps[1:], option)
    return (
        sa.select(inner)
        .where(
            there.number == getattr(row, navigation.link.target.key), visible(sight, target, there)
        )
        .scalar_subquery()
    )


def _with(kind: EntityType, values: dict[str, ColumnElement[Any]]) -> EntityType:
    from dataclasses import replace

    from quanyu.streams.entities import Kind, Property

    more = {name: Property(name, name, Kind.TEXT) for name in values if name.isdecimal()}
    return replace(kind, properties={**kind.properties, **more})


def _names_one(asked: Asked) -> bool:
    return any(isinstance(one, Path) and one.steps[0] in IDS for one in walk(asked))


def _named(sight: Sight, asked: Asked) -> Expression:
    """An observation by its id."""
    from quanyu.streams.names import key_of

    if not (isinstance(asked, Call) and asked.name in {"eq", "ne"} and len(asked.args) == 2):
        raise Invalid(
            "ids of observations are only compared by eq and ne", field="$filter", mend="use those"
        )
    value = next((one.value for one in asked.args if isinstance(one, Value)), None)
    try:
        key = key_of(sight.session, sight.root, value if isinstance(value, int) else str(value))
    except NotFound:
        found: Expression = NONE
    else:
        found = all_of(
            Made("eq", (Column("datastream"), Value(key.datastream))),
            Made("eq", (Column("start"), Value(key.start))),
            Made("eq", (Column("key"), Value(key.key))),
        )
    return found if asked.name == "eq" else Made("not", (found,))


def _apart() -> Invalid:
    return Invalid(
        "an observation and what it belongs to cannot stand in one comparison",
        field="$filter",
        mend="compare each with a literal, joined by and or or",
    )
