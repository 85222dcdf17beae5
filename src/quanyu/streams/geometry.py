"""Questions about geometry: answered over arrays, and given back as numbers of entities.

Distances and lengths are in degrees, the unit of coordinates in CRS84.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import shapely
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from quanyu.kernel import Invalid
from quanyu.spacetime import METRES_PER_DEGREE
from quanyu.streams.asked import Asked, Call, Path, Shape, walk
from quanyu.streams.entities import EntityType, Kind
from quanyu.streams.expressions import COMPARISONS, Value
from quanyu.streams.tables import DatastreamRow, FeatureRow, ObservedFeatureRow
from quanyu.streams.visibility import Scope

RELATIONS: dict[str, Callable[..., Any]] = {
    "geo.intersects": shapely.intersects,
    "st_equals": shapely.equals,
    "st_disjoint": shapely.disjoint,
    "st_touches": shapely.touches,
    "st_within": shapely.within,
    "st_overlaps": shapely.overlaps,
    "st_crosses": shapely.crosses,
    "st_intersects": shapely.intersects,
    "st_contains": shapely.contains,
}
"""Spatial relations of 18-088, table 23."""
_MEASURES = ("geo.distance", "geo.length")
_COMPARED: dict[str, Callable[[Any, float], Any]] = {
    "eq": lambda left, right: np.isclose(left, right, rtol=0, atol=1e-12),
    "ne": lambda left, right: ~np.isclose(left, right, rtol=0, atol=1e-12),
    "gt": lambda left, right: left > right,
    "ge": lambda left, right: left >= right,
    "lt": lambda left, right: left < right,
    "le": lambda left, right: left <= right,
}
_TURNED = {"gt": "lt", "ge": "le", "lt": "gt", "le": "ge"}
_MARGIN = 1e-9


def geometric(asked: Asked) -> bool:
    """Whether an atom is about geometry."""
    return any(
        isinstance(one, Shape) or (isinstance(one, Call) and one.name.startswith(("geo.", "st_")))
        for one in walk(asked)
    )


def numbers_where(
    session: Session, scope: Scope, root: int, kind: EntityType, asked: Asked
) -> "np.ndarray[Any, Any]":
    """Numbers of the entities of a kind of which an atom about their geometry is true.

    The geometry is that which ``scope`` shows. Raises :class:`Invalid` on ``$filter``.
    """
    if not isinstance(asked, Call):
        raise _wrong()
    test, box = _test(kind, asked)
    numbers, shapes = geometries(session, scope, root, kind, box)
    if not len(numbers):
        return numbers
    chosen: np.ndarray[Any, Any] = numbers[np.asarray(test(shapes), dtype=bool)]
    return chosen


def geometries(
    session: Session,
    scope: Scope,
    root: int,
    kind: EntityType,
    box: tuple[float, float, float, float] | None = None,
) -> "tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]":
    """Numbers and geometries, as ``scope`` shows them, of entities whose box may meet ``box``."""
    row = kind.row
    if row is None:
        raise _wrong()
    if row is DatastreamRow:
        return _observed(session, scope, root)
    query = select(row.number, row.geometry).where(row.root == root, row.west.is_not(None))
    if box is not None and scope.restriction.grid_m is None:
        west, south, east, north = box
        query = query.where(
            row.west <= east + _MARGIN,
            row.east >= west - _MARGIN,
            row.south <= north + _MARGIN,
            row.north >= south - _MARGIN,
        )
    found = session.execute(query).all()
    numbers = np.fromiter((one[0] for one in found), np.int64, len(found))
    shapes = shapely.from_wkb(np.array([one[1] for one in found], dtype=object))
    return numbers, shown(scope, shapes)


def _observed(
    session: Session, scope: Scope, root: int
) -> "tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]":
    """Numbers of datastreams and the box of the features that they observe, where it is told."""
    if scope.narrowed or scope.restriction.interval != (None, None) or scope.restriction.grid_m:
        return np.empty(0, np.int64), np.empty(0, object)
    pair, feature = ObservedFeatureRow, FeatureRow
    ends = (func.min(feature.west), func.min(feature.south))
    others = (func.max(feature.east), func.max(feature.north))
    query = (
        select(pair.datastream, *ends, *others)
        .join(feature, feature.number == pair.feature)
        .where(feature.root == root, feature.west.is_not(None))
        .group_by(pair.datastream)
    )
    found = session.execute(query).all()
    if not found:
        return np.empty(0, np.int64), np.empty(0, object)
    numbers, west, south, east, north = (np.array(one) for one in zip(*found, strict=True))
    point = (west == east) & (south == north)
    return numbers, np.where(
        point, shapely.points(west, south), shapely.box(west, south, east, north)
    )


def shown(scope: Scope, shapes: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """Geometries as a scope shows them: clipped to its region, coarsened to its grid."""
    if scope.region is not None and len(shapes):
        clipped = shapely.intersection(shapely.make_valid(shapes), scope.region)
        inside = shapely.within(shapes, scope.region)
        shapes = np.where(inside, shapes, clipped)
    grid = scope.restriction.grid_m
    if grid is None or not len(shapes):
        return shapes
    cell = grid / METRES_PER_DEGREE
    middle = shapely.centroid(shapes)
    y = (np.floor(shapely.get_y(middle) / cell) + 0.5) * cell
    width = cell / np.maximum(np.cos(np.radians(y)), 0.001)
    x = (np.floor(shapely.get_x(middle) / width) + 0.5) * width
    return np.asarray(shapely.points(x, y))


def _test(
    kind: EntityType, asked: Call
) -> tuple[Callable[[Any], Any], tuple[float, float, float, float] | None]:
    """What is asked of an array of geometries, and the box that those must meet."""
    if asked.name in RELATIONS and len(asked.args) == 2:
        first, second = asked.args
        relation = RELATIONS[asked.name]
        far = asked.name == "st_disjoint"
        if _is_own(kind, first) and isinstance(second, Shape):
            shape = shapely.from_wkt(second.text)
            return (lambda shapes: relation(shapes, shape)), None if far else shape.bounds
        if _is_own(kind, second) and isinstance(first, Shape):
            other = shapely.from_wkt(first.text)
            return (lambda shapes: relation(other, shapes)), None if far else other.bounds
        raise _wrong()
    if asked.name == "st_relate" and len(asked.args) == 3:
        return _relate(kind, asked)
    if asked.name in COMPARISONS and len(asked.args) == 2:
        return _measured(kind, asked.name, *asked.args), None
    raise _wrong()


def _relate(kind: EntityType, asked: Call) -> tuple[Callable[[Any], Any], None]:
    first, second, pattern = asked.args
    if not (_is_own(kind, first) and isinstance(second, Shape) and isinstance(pattern, Value)):
        raise _wrong()
    text, shape = str(pattern.value).upper(), shapely.from_wkt(second.text)
    if len(text) != 9 or set(text) - set("TF*012"):
        raise Invalid(
            "a pattern of DE-9IM has nine characters out of T F * 0 1 2",
            field="$filter",
            mend="write one such as 'T********'",
        )
    return (lambda shapes: shapely.relate_pattern(shapes, shape, text)), None


def _measured(kind: EntityType, name: str, left: Asked, right: Asked) -> Callable[[Any], Any]:
    if isinstance(left, Value):
        left, right, name = right, left, _TURNED.get(name, name)
    if not (isinstance(left, Call) and left.name in _MEASURES and isinstance(right, Value)):
        raise _wrong()
    if isinstance(right.value, bool) or not isinstance(right.value, int | float):
        raise _wrong()
    bound = float(right.value)
    compare = _COMPARED[name]
    shapes_of = [_operand(kind, one) for one in left.args]
    if left.name == "geo.length" and len(shapes_of) == 1:
        return lambda shapes: compare(shapely.length(shapes_of[0](shapes)), bound)
    if left.name == "geo.distance" and len(shapes_of) == 2:
        first, second = shapes_of
        return lambda shapes: compare(shapely.distance(first(shapes), second(shapes)), bound)
    raise _wrong()


def _operand(kind: EntityType, asked: Asked) -> Callable[[Any], Any]:
    if isinstance(asked, Shape):
        shape = shapely.from_wkt(asked.text)
        return lambda shapes: np.full(len(shapes), shape)
    if _is_own(kind, asked):
        return lambda shapes: shapes
    raise _wrong()


def _is_own(kind: EntityType, asked: Asked) -> bool:
    if not isinstance(asked, Path) or len(asked.steps) != 1:
        return False
    of = kind.properties.get(asked.steps[0])
    return of is not None and of.kind is Kind.GEOMETRY


def _wrong() -> Invalid:
    return Invalid(
        "geometry is asked of a location or feature and a literal, or measured against a number",
        field="$filter",
        mend="write st_within(location, geography'POLYGON ((…))')"
        " or geo.distance(location, geography'POINT (x y)') lt 0.1",
    )
