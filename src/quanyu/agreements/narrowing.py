"""Conjunction of restrictions: what is left is never wider than either side.

Where the exact conjunction cannot be said in a :class:`Restriction`, less is shown: two different
masks of one column hide it.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from math import gcd, lcm
from typing import Any, TypeVar

import orjson
import shapely
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry

from quanyu.kernel import sha256_hex
from quanyu.spacetime import Column, Cql2, Figures, Interval, Noise, Restriction

NOTHING: Cql2 = {"op": "=", "args": [0, 1]}
"""A filter that no row meets."""

_T = TypeVar("_T", float, datetime)


def narrow(a: Restriction, b: Restriction) -> Restriction:
    """What both ``a`` and ``b`` allow: idempotent, commutative in effect, wider than neither."""
    if a == b:
        return a
    interval = narrow_interval(a.interval, b.interval)
    region, nowhere = _region(a.region, b.region)
    rows = narrow_rows(a.rows, b.rows)
    if nowhere or _empty(interval):
        rows = narrow_rows(rows, NOTHING)
    return Restriction(
        columns=_columns(a.columns, b.columns),
        rows=rows,
        region=region,
        interval=interval,
        grid_m=coarser(a.grid_m, b.grid_m),
        salt=_salt(a.salt, b.salt),
        figures=narrow_figures(a.figures, b.figures),
    )


def narrow_rows(a: Cql2 | None, b: Cql2 | None) -> Cql2 | None:
    """Rows that meet both filters; the order in which they were given leaves no trace."""
    if a is None or b is None:
        return b if a is None else a
    parts = {
        orjson.dumps(part, option=orjson.OPT_SORT_KEYS): part for part in (*_ands(a), *_ands(b))
    }
    if len(parts) == 1:
        return next(iter(parts.values()))
    return {"op": "and", "args": [parts[key] for key in sorted(parts)]}


def narrow_interval(a: Interval, b: Interval) -> Interval:
    """The time in both intervals; it ends before it starts when they do not meet."""
    return _later(a[0], b[0]), _earlier(a[1], b[1])


def coarser(a: float | None, b: float | None) -> float | None:
    """The least grid whose cells hold whole cells of both grids, so that neither shows through."""
    if a is None or b is None or a == b:
        return b if a is None else a
    one, two = Fraction(Decimal(repr(a))), Fraction(Decimal(repr(b)))
    return float(Fraction(lcm(one.numerator, two.numerator), gcd(one.denominator, two.denominator)))


def narrow_figures(a: Figures | None, b: Figures | None) -> Figures | None:
    """Figures that both allow: of the larger groups, with the greater noise."""
    if a is None or b is None or a == b:
        return b if a is None else a
    return Figures(max(a.least, b.least), _noise(a.noise, b.noise), a.person or b.person)


def _noise(a: Noise | None, b: Noise | None) -> Noise | None:
    if a is None or b is None or a == b:
        return b if a is None else a
    other = {bounds.column: bounds for bounds in b.bounds}
    both = tuple(one for one in a.bounds if other.get(one.column) == one)
    return Noise(min(a.epsilon, b.epsilon), both)


def outside(region: Mapping[str, Any]) -> dict[str, Any] | None:
    """Everywhere but ``region`` (GeoJSON, CRS84); ``None`` when that is nowhere."""
    rest = _polygons(shapely.difference(shapely.box(-180, -90, 180, 90), shape(region)))
    return None if rest is None else dict(mapping(rest))


def _columns(
    a: tuple[Column, ...] | None, b: tuple[Column, ...] | None
) -> tuple[Column, ...] | None:
    if a is None or b is None:
        return b if a is None else a
    other = {column.name: column for column in b}
    both = (_mask(column, other[column.name]) for column in a if column.name in other)
    return tuple(column for column in both if column is not None)


def _mask(a: Column, b: Column) -> Column | None:
    if a == b or b.mask is None:
        return a
    return b if a.mask is None else None


def _region(
    a: Mapping[str, Any] | None, b: Mapping[str, Any] | None
) -> tuple[Mapping[str, Any] | None, bool]:
    """The common region, and whether there is none at all."""
    if a is None or b is None or a == b:
        return (b if a is None else a), False
    common = _polygons(shapely.intersection(shape(a), shape(b)))
    if common is None:
        return a, True
    return dict(mapping(common)), False


def _polygons(geometry: BaseGeometry) -> BaseGeometry | None:
    """The parts with an area, in canonical order: regions that only touch share nothing."""
    parts = [
        part
        for part in shapely.get_parts(shapely.get_parts(geometry))
        if part.geom_type == "Polygon" and not part.is_empty
    ]
    if not parts:
        return None
    return shapely.normalize(parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts))


def _salt(a: str, b: str) -> str:
    if not a or not b or a == b:
        return a or b
    # Under neither salt can the hashes of the other be recognised.
    return sha256_hex("".join(sorted((a, b))).encode())[:32]


def _ands(filter_: Cql2) -> list[Cql2]:
    return list(filter_["args"]) if filter_.get("op") == "and" else [filter_]


def _empty(interval: Interval) -> bool:
    start, end = interval
    return start is not None and end is not None and end < start


def _later(a: _T | None, b: _T | None) -> _T | None:
    return (b if a is None else a) if a is None or b is None else max(a, b)


def _earlier(a: _T | None, b: _T | None) -> _T | None:
    return (b if a is None else a) if a is None or b is None else min(a, b)


def without_salt(restriction: Restriction) -> Restriction:
    """The restriction as it is without columns to hash: equal ones share one serving copy."""
    return replace(restriction, salt="")
