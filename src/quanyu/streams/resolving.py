"""The resource path of a request: which entity, collection or property it is of (18-088, 9.2)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from quanyu.kernel import Invalid, NotFound
from quanyu.streams.documents import Given
from quanyu.streams.entities import OBSERVATION, EntityType, Navigation
from quanyu.streams.expressions import Call, Column, Value, all_of
from quanyu.streams.filtering import datastream_numbers_of, given, leads
from quanyu.streams.names import key_of
from quanyu.streams.observations import Key, Selection
from quanyu.streams.tables import ObservedFeatureRow
from quanyu.streams.visibility import Sight, all_visible, in_root, outermost, visible

if TYPE_CHECKING:
    import pyarrow as pa

MOST_STEPS = 20
_SEGMENT = re.compile(r"([A-Za-z@$][\w.@$]*)(?:\((.*)\))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity that a path has led to; ``observed`` is the row of an observation."""

    kind: EntityType
    number: int
    observed: "pa.Table | None" = None


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection; ``of`` is the entity that a navigation led from, where there is one."""

    kind: EntityType
    of: Entity | None = None
    navigation: Navigation | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is of, and in which form: ``entity``, ``ref``, ``value`` or ``count``."""

    at: Entity | Collection
    property: tuple[str, ...] = ()
    form: str = "entity"


@dataclass(frozen=True, slots=True)
class Step:
    """A segment of a path, with the id in its brackets."""

    name: str
    id: Given | None = field(default=None)


def steps_of(path: str) -> list[Step]:
    """The segments of a path; raises :class:`NotFound` for what is none."""
    parts = _split(path)
    if not 0 < len(parts) <= MOST_STEPS:
        raise _nothing(path)
    return [_step(part, path) for part in parts]


def target_of_path(sight: Sight, path: str) -> Target:
    """What a path leads to within the scope; raises :class:`NotFound`."""
    steps = steps_of(path)
    first = steps[0]
    kind = next((one for one in sight.scope.types.values() if one.set == first.name), None)
    if kind is None:
        raise NotFound("there is no collection {name}", name=first.name[:60])
    whole = Collection(kind)
    at: Entity | Collection = whole
    if first.id is not None:
        at = entity_in(sight, whole, first.id)
    for position, step in enumerate(steps[1:], 1):
        if isinstance(at, Collection) or step.name not in at.kind.navigations:
            return _ending(at, steps[position:], path)
        at = _go(sight, at, step)
    return Target(at)


def entity_in(sight: Sight, at: Collection, identifier: Given) -> Entity:
    """An entity of a collection by its id; raises :class:`NotFound`."""
    if at.kind.name == OBSERVATION:
        try:
            key = key_of(sight.session, sight.root, identifier)
        except NotFound as error:
            # In the same words as of one that is hidden.
            raise _missing(at.kind, identifier) from error
        found = observation_at(sight, key, at)
        if found is None:
            raise _missing(at.kind, identifier)
        return Entity(at.kind, key.datastream, found)
    if at.of is not None and at.of.observed is not None:
        return Entity(at.kind, _number(sight, at, identifier))
    of = None if at.of is None or at.navigation is None else (at.of.number, at.navigation.name)
    what = ("number", at.kind.name, str(identifier), of)
    return Entity(at.kind, sight.learnt(what, lambda: _number(sight, at, identifier)))


def _number(sight: Sight, at: Collection, identifier: Given) -> int:
    values = {"root": sight.root, "id": str(identifier)}
    if at.of is None and all_visible(sight, at.kind):
        query = _by_id(at.kind.row, at.kind.multi)
    else:
        row = outermost(at.kind.row)
        query = sa.select(row.number).where(*conditions_of(sight, at, row), row.id == values["id"])
    number: int | None = sight.session.connection().execute(query, values).scalar()
    if number is None:
        raise _missing(at.kind, identifier)
    return number


@cache
def _by_id(kind: Any, multi: bool | None) -> Any:
    """The question for any entity of a table by its id, made once: making it costs more than
    asking it."""
    row = kind.__table__.c
    there = in_root(row, sa.bindparam("root"), multi)
    return sa.select(row.number).where(there, row.id == sa.bindparam("id"))


def observation_at(sight: Sight, key: Key, at: Collection | None = None) -> "pa.Table | None":
    """An observation, if it may be seen (and is of a collection)."""
    if at is not None and not _shows_names(sight):
        return None
    numbers = datastreams_of(sight, at) if at is not None else None
    allowed = sight.scope.datastreams
    if numbers is not None and key.datastream not in set(numbers):
        return None
    if allowed is not None and key.datastream not in set(allowed.tolist()):
        return None
    where = all_of(
        Call("eq", (Column("start"), Value(key.start))),
        Call("eq", (Column("key"), Value(key.key))),
        given(sight),
        *_of_feature(at),
    )
    found = sight.observations.select(
        Selection(datastreams=[key.datastream], start=key.start, where=where, limit=1)
    )
    return found if len(found) else None


def _shows_names(sight: Sight) -> bool:
    return names_shown(sight)


def names_shown(sight: Sight) -> bool:
    """Whether ids of observations may be told: they say which datastream, and when."""
    kind = sight.kind(OBSERVATION)
    return "phenomenonTime" in kind.properties and "Datastream" in kind.navigations


def conditions_of(sight: Sight, at: Collection, row: Any) -> list[Any]:
    """What is true of the entities of a collection."""
    found = [visible(sight, at.kind, row)]
    if at.of is None or at.navigation is None:
        return found
    back = next(
        one
        for one in at.kind.navigations.values()
        if one.target == at.of.kind.name and one.link is not None
    )
    there = aliased(at.of.kind.row)
    found.append(leads(row, back, there, there.number == at.of.number))
    return found


def datastreams_of(sight: Sight, at: Collection) -> list[int] | None:
    """Datastreams that observations of a collection can be of; ``None`` for all of the root."""
    if at.of is None:
        return None
    if at.of.kind.name in {"Datastream", "MultiDatastream"}:
        return [at.of.number]
    pairs = sa.select(ObservedFeatureRow.datastream).where(
        ObservedFeatureRow.feature == at.of.number
    )
    numbers = list(sight.session.scalars(pairs))
    allowed = sight.scope.datastreams
    if allowed is None:
        return numbers
    seen = set(allowed.tolist())
    return [one for one in numbers if one in seen]


def selected(sight: Sight, at: Collection) -> Sequence[int]:
    """Datastreams whose observations a collection is out of."""
    found = datastreams_of(sight, at)
    return datastream_numbers_of(sight) if found is None else found


def _of_feature(at: Collection | None) -> list[Any]:
    if at is None or at.of is None or at.of.kind.name != "FeatureOfInterest":
        return []
    return [Call("eq", (Column("feature"), Value(at.of.number)))]


def of_feature(at: Collection) -> list[Any]:
    """The condition that observations of a feature's collection are of that feature."""
    return _of_feature(at)


def _go(sight: Sight, at: Entity, step: Step) -> Entity | Collection:
    navigation = at.kind.navigations[step.name]
    target = sight.kind(navigation.target)
    if navigation.many:
        collection = Collection(target, at, navigation)
        return collection if step.id is None else entity_in(sight, collection, step.id)
    number = one_of(sight, at, navigation)
    if number is None or step.id is not None:
        raise NotFound("{entity} has no {name}", entity=at.kind.name, name=navigation.name)
    return Entity(target, number)


def one_of(sight: Sight, at: Entity, navigation: Navigation) -> int | None:
    """The number of the entity that a navigation to one leads to, if it may be seen."""
    target = sight.kind(navigation.target)
    there = aliased(target.row)
    query = sa.select(there.number).where(visible(sight, target, there))
    if at.observed is not None:
        column = "feature" if target.name == "FeatureOfInterest" else "datastream"
        number = at.observed[column][0].as_py()
        return sight.session.scalar(query.where(there.number == number))
    if navigation.link is None:
        return None
    here = aliased(at.kind.row)
    column = getattr(here, navigation.link.target.key)
    own = sa.select(column).where(here.number == at.number).scalar_subquery()
    return sight.session.scalar(query.where(there.number == own))


def _ending(at: Entity | Collection, rest: list[Step], path: str) -> Target:
    """What follows the last entity: a property, or ``$ref``, ``$value``, ``$count``."""
    names = [step.name for step in rest]
    if any(step.id is not None for step in rest):
        raise _nothing(path)
    if isinstance(at, Collection):
        if names in (["$ref"], ["$count"]):
            return Target(at, form=names[0][1:])
        raise _nothing(path)
    if names == ["$ref"]:
        return Target(at, form="ref")
    form = "entity"
    if names[-1] == "$value":
        names, form = names[:-1], "value"
    known = (*at.kind.properties, "@iot.id", "id", "@iot.selfLink")
    if not names or names[0] not in known:
        raise NotFound(
            "{entity} has no property {name}",
            entity=at.kind.name,
            name=(names or ["$value"])[0][:60],
        )
    return Target(at, tuple(names), form)


def _split(path: str) -> list[str]:
    """Segments, but not where a slash stands in an id."""
    parts, part, quoted = [], "", False
    for character in path.strip("/"):
        if character == "'":
            quoted = not quoted
        if character == "/" and not quoted:
            parts.append(part)
            part = ""
        else:
            part += character
    return [*parts, part]


def _step(part: str, path: str) -> Step:
    found = _SEGMENT.fullmatch(part)
    if found is None:
        raise _nothing(path)
    name, inside = found.groups()
    if inside is None:
        return Step(name)
    if len(inside) >= 2 and inside[0] == inside[-1] == "'":
        return Step(name, inside[1:-1].replace("''", "'"))
    if re.fullmatch(r"-?\d{1,18}", inside):
        return Step(name, int(inside))
    if inside and "'" not in inside:
        return Step(name, inside)
    raise Invalid(
        "the id in brackets cannot be read",
        field="path",
        mend="write an integer, or a text between single quotes",
    )


def _missing(kind: EntityType, identifier: Given) -> NotFound:
    return NotFound("there is no {entity} {id}", entity=kind.name, id=str(identifier)[:80])


def _nothing(path: str) -> NotFound:
    return NotFound("there is nothing at {path}", path=path[:120])
