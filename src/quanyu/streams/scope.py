"""A restriction compiled for a stream: the one place where law becomes what exists."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import shapely
import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.elements import ColumnElement

from quanyu.kernel import Invalid
from quanyu.spacetime import Mask, Restriction, region_of
from quanyu.streams.asked import Asked, Call, Path
from quanyu.streams.cql2_asked import asked_of
from quanyu.streams.entities import (
    ANY_DATASTREAM,
    INNER_TYPES,
    OBSERVATION,
    TYPES,
    EntityType,
)
from quanyu.streams.expressions import among, dialect_of
from quanyu.streams.filtering import condition, stripped
from quanyu.streams.geometry import geometries
from quanyu.streams.observations import Observations
from quanyu.streams.tables import DatastreamRow, ObservedFeatureRow, ThingLocationRow
from quanyu.streams.visibility import EVERYTHING, Scope, Sight

STREAM_FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "thing": "string",
        "thing_name": "string",
        "datastream": "string",
        "datastream_name": "string",
        "observed_property": "string",
        "sensor": "string",
        "unit": "string",
        "phenomenon_time": "date-time",
        "result_time": "date-time",
        "result": "string",
        "result_quality": "string",
        "geometry": "geometry",
    }
)
"""The flat observation that policies of streams are written over: fields and their types."""

_ENTITY_OF = {
    "Thing": "thing",
    "Location": "geometry",
    "HistoricalLocation": "geometry",
    "FeatureOfInterest": "geometry",
    "Datastream": "datastream",
    "MultiDatastream": "datastream",
    "Sensor": "sensor",
    "ObservedProperty": "observed_property",
}
"""The field without which an entity does not exist."""
_NAMED = {
    "Thing": "thing_name",
    "Datastream": "datastream_name",
    "MultiDatastream": "datastream_name",
}
_PROPERTY_OF: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        **{
            (entity, name): field
            for entity, field in _NAMED.items()
            for name in ("name", "description", "properties")
        },
        ("Datastream", "unitOfMeasurement"): "unit",
        ("MultiDatastream", "unitOfMeasurements"): "unit",
        **{
            (entity, name): field
            for entity in ("Datastream", "MultiDatastream")
            for name, field in (
                ("observedArea", "geometry"),
                ("phenomenonTime", "phenomenon_time"),
                ("resultTime", "result_time"),
            )
        },
        (OBSERVATION, "phenomenonTime"): "phenomenon_time",
        (OBSERVATION, "validTime"): "phenomenon_time",
        (OBSERVATION, "resultTime"): "result_time",
        (OBSERVATION, "result"): "result",
        (OBSERVATION, "parameters"): "result",
        (OBSERVATION, "resultQuality"): "result_quality",
        ("HistoricalLocation", "time"): "phenomenon_time",
    }
)
"""The field that each property is told by; others are told by their entity's."""


def scope_of(
    session: Session, root: int, observations: Observations, restriction: Restriction
) -> Scope:
    """What a restriction lets be seen of a root.

    Raises :class:`Invalid` (field ``restriction``) for one that cannot be applied to streams: then
    nothing is given.
    """
    if restriction.open:
        return EVERYTHING
    if restriction.figures is not None:
        raise _cannot("the agreement gives figures only, and this answers rows")
    names, step = _columns(restriction)
    scope = Scope(
        restriction=restriction,
        types=_types(names) if names is not None else TYPES,
        result_step=step,
    )
    region = None if restriction.region is None else region_of(restriction)
    rows = None if restriction.rows is None else asked_of(restriction.rows)
    scope = replace(scope, rows=rows)
    if region is None and rows is None:
        return scope
    free = Sight(session, root, observations, Scope(types=INNER_TYPES))
    if region is not None:
        features = _meeting(free, "FeatureOfInterest", region)
        locations = _meeting(free, "Location", region)
        scope = replace(scope, region=region, features=features, locations=locations)
    row = aliased(DatastreamRow)
    parts: list[ColumnElement[bool]] = [row.root == root]
    if rows is not None:
        parts.append(_possible(free, rows, row))
    if scope.features is not None and scope.locations is not None:
        parts.append(_placed(free, row, scope.features.tolist(), scope.locations.tolist()))
    found = list(session.scalars(sa.select(row.number).where(*parts).order_by(row.number)))
    return replace(scope, datastreams=np.array(found, dtype=np.int64))


def _meeting(free: Sight, name: str, region: Any) -> "np.ndarray[Any, Any]":
    """Numbers of entities whose geometry has something inside of a region."""
    west, south, east, north = map(float, region.bounds)
    numbers, shapes = geometries(
        free.session, free.scope, free.root, TYPES[name], (west, south, east, north)
    )
    if not len(numbers):
        return numbers
    shapely.prepare(region)
    meets = shapely.intersects(region, shapes)
    # What only touches the edge has nothing inside, but for a point, which is all of itself.
    plain = shapely.get_dimensions(shapes) == 0
    touches = shapely.touches(region, shapes) & ~plain
    return np.sort(numbers[meets & ~touches])


def _possible(free: Sight, rows: Asked, row: Any) -> ColumnElement[bool]:
    """Which datastreams may have observations to give, as far as that follows from the datastream
    itself: what is asked of single observations may be true of one."""
    if isinstance(rows, Call) and rows.name in {"and", "or"}:
        parts = [_possible(free, one, row) for one in rows.args]
        return sa.and_(*parts) if rows.name == "and" else sa.or_(*parts)
    first = _first(rows)
    if first == ANY_DATASTREAM:
        return condition(free, INNER_TYPES[ANY_DATASTREAM], row, stripped(rows))
    if first == "FeatureOfInterest":
        there = aliased(TYPES["FeatureOfInterest"].row)
        met = condition(free, TYPES["FeatureOfInterest"], there, stripped(rows))
        features = free.session.scalars(sa.select(there.number).where(there.root == free.root, met))
        place = aliased(TYPES["Location"].row)
        stands = condition(free, TYPES["Location"], place, _of_location(stripped(rows)))
        locations = free.session.scalars(
            sa.select(place.number).where(place.root == free.root, stands)
        )
        return _placed(free, row, list(features), list(locations))
    return sa.true()


def _placed(
    free: Sight, row: Any, features: list[int], locations: list[int]
) -> ColumnElement[bool]:
    """Datastreams with an observation of one of these features, or whose thing stands there."""
    dialect = dialect_of(free.session)
    pair, stands = aliased(ObservedFeatureRow), aliased(ThingLocationRow)
    observed = sa.select(pair.datastream).where(among(pair.feature, features, dialect))
    there = sa.select(stands.thing).where(among(stands.location, locations, dialect))
    found: ColumnElement[bool] = row.number.in_(observed) | row.thing.in_(there)
    return found


def _of_location(asked: Asked) -> Asked:
    match asked:
        case Path(("feature", *rest)):
            return Path(("location", *rest))
        case Call(name, args):
            return Call(name, tuple(_of_location(one) for one in args))
        case _:
            return asked


def _first(asked: Asked) -> str | None:
    """The navigation that an atom is about. Raises :class:`Invalid` when there are several."""
    from quanyu.streams.asked import walk

    steps = {one.steps[0] for one in walk(asked) if isinstance(one, Path)}
    found = steps & {ANY_DATASTREAM, "FeatureOfInterest"}
    if len(steps) > 1 and found:
        raise _cannot("the filter compares an observation with what it belongs to")
    return next(iter(found), None)


def _columns(restriction: Restriction) -> tuple[frozenset[str] | None, float | None]:
    """Fields that may be seen, and the grain of results."""
    if restriction.columns is None:
        return None, None
    step = None
    for column in restriction.columns:
        if column.mask is None:
            continue
        if column.name != "result" or column.mask is not Mask.ROUND or not column.step:
            raise _cannot("field “{name}” of a stream cannot be masked so", name=column.name)
        step = float(column.step)
    return frozenset(column.name for column in restriction.columns), step


def _types(shown: frozenset[str]) -> Mapping[str, EntityType]:
    """Entities with what may be seen of them."""
    there = {name for name, field in _ENTITY_OF.items() if field in shown} | {OBSERVATION}
    return MappingProxyType(
        {name: _shown(TYPES[name], shown, there) for name in TYPES if name in there}
    )


def _shown(kind: EntityType, shown: frozenset[str], there: set[str]) -> EntityType:
    properties = {
        name: of
        for name, of in kind.properties.items()
        if _PROPERTY_OF.get((kind.name, name), _ENTITY_OF.get(kind.name)) in shown
    }
    navigations = {name: one for name, one in kind.navigations.items() if one.target in there}
    return replace(kind, properties=properties, navigations=navigations)


def _cannot(detail: str, **params: Any) -> Invalid:
    return Invalid(
        detail,
        field="restriction",
        mend="the holder has to change the policy; nothing is given out under this one",
        **params,
    )
