"""Geometry of a chunk: checked, brought to CRS84, bounded and written, without a loop over rows."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from quanyu.spacetime.crs import SourceCrs
from quanyu.spacetime.intake.model import Points, Sieve
from quanyu.spacetime.model import GeometryType

Geometries = NDArray[np.object_]
_POLYGONS = (3, 6)
_NOT_FINITE = "a coordinate is not a finite number or cannot be brought to CRS84"
_FAR = "a coordinate lies outside of ±180° longitude or ±90° latitude"
AWAY = (_NOT_FINITE, _FAR)
"""Reasons that speak of the coordinate system rather than of the row, when most rows have them."""

_TYPES: dict[frozenset[int], GeometryType] = {
    frozenset(): GeometryType.GEOMETRY,
    frozenset({0}): GeometryType.POINT,
    frozenset({1}): GeometryType.LINESTRING,
    frozenset({3}): GeometryType.POLYGON,
    frozenset({4}): GeometryType.MULTIPOINT,
    frozenset({0, 4}): GeometryType.MULTIPOINT,
    frozenset({5}): GeometryType.MULTILINESTRING,
    frozenset({1, 5}): GeometryType.MULTILINESTRING,
    frozenset({6}): GeometryType.MULTIPOLYGON,
    frozenset({3, 6}): GeometryType.MULTIPOLYGON,
}


_POINT = np.dtype([("order", "u1"), ("type", "<u4"), ("xy", "<f8", 2)])  # well-known binary
_POINT_Z = np.dtype([("order", "u1"), ("type", "<u4"), ("xy", "<f8", 2), ("z", "<f8")])


@dataclass(frozen=True, slots=True)
class Shaped:
    """WKB in CRS84 with its bounds; ``types`` are GEOS type ids, -1 for none."""

    wkb: pa.Array
    types: NDArray[np.int8]
    bounds: NDArray[np.float64]
    heights: NDArray[np.float64]


def without(geometry: Geometries, mask: NDArray[np.bool_]) -> Geometries:
    """A copy with none where the mask says so."""
    left = geometry.copy()
    left[mask] = None
    return left


def objects(geometry: Geometries | Points) -> Geometries:
    """As shapely geometries."""
    if not isinstance(geometry, Points):
        return geometry
    given = ~np.isnan(geometry.xy).any(axis=1)
    made: Geometries = np.full(len(geometry), None, dtype=object)
    xyz = geometry.xy if geometry.z is None else np.column_stack([geometry.xy, geometry.z])
    made[given] = shapely.points(xyz[given])
    return made


def common_type(ids: frozenset[int]) -> GeometryType:
    """The type of a table whose geometries have these GEOS type ids."""
    return _TYPES.get(ids, GeometryType.GEOMETRY)


def from_wkb(column: pa.Array, sieve: Sieve) -> Geometries | Points:
    """Geometries of a WKB column; rows whose bytes cannot be read fall through the sieve."""
    points = _plain_points(column)
    if points is not None:
        return points
    raw = np.asarray(column.to_numpy(zero_copy_only=False), dtype=object)
    found: Geometries = shapely.from_wkb(raw, on_invalid="ignore")
    given = np.asarray(column.is_valid().to_numpy(zero_copy_only=False), dtype=bool)
    sieve.drop(given & shapely.is_missing(found), "the geometry is not readable well-known binary")
    return found


def from_wkt(column: pa.Array, sieve: Sieve) -> Geometries:
    """Geometries of a WKT column; blank is none, unreadable text falls through the sieve."""
    raw = np.asarray(column.to_numpy(zero_copy_only=False), dtype=object)
    blank = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(column), ""), fill_value=True)
    given = ~np.asarray(blank.to_numpy(zero_copy_only=False), dtype=bool)
    found: Geometries = shapely.from_wkt(without(raw, ~given), on_invalid="ignore")
    sieve.drop(given & shapely.is_missing(found), "the geometry is not readable well-known text")
    return found


def from_xy(x: NDArray[np.float64], y: NDArray[np.float64], sieve: Sieve) -> Points:
    """Points; where both coordinates are NaN there is no geometry, where one is the row falls."""
    sieve.drop(np.isnan(x) ^ np.isnan(y), "one of the two coordinates is missing")
    return Points(np.column_stack([x, y]))


def _plain_points(column: pa.Array) -> Points | None:
    """Points of a column that holds nothing but two-dimensional points in little-endian order."""
    if column.type != pa.binary() or column.null_count or not len(column):
        return None
    _, offsets, data = column.buffers()
    ends = np.frombuffer(offsets, dtype=np.int32)[column.offset : column.offset + len(column) + 1]
    if not (np.diff(ends) == _POINT.itemsize).all():
        return None
    found = np.frombuffer(data, dtype=_POINT, count=len(column), offset=int(ends[0]))
    if not ((found["order"] == 1).all() and (found["type"] == 1).all()):
        return None
    return Points(found["xy"].copy())


def shape(
    geometry: Geometries | Points,
    crs: SourceCrs | None,
    sieve: Sieve,
    *,
    swap: bool,
    repair: bool,
) -> Shaped:
    """Bring geometries to CRS84 and let those that cannot be kept fall through the sieve.

    An empty geometry becomes none. Rings are turned as RFC 7946 wants them (outer ones
    counter-clockwise). With ``repair`` invalid polygons are mended by GEOS, else their rows fall.
    """
    if isinstance(geometry, Points):
        return _shape_points(geometry, crs, sieve, swap=swap)
    return _shape_objects(without(geometry, shapely.is_empty(geometry)), crs, sieve, swap, repair)


def _shape_objects(
    geometry: Geometries, crs: SourceCrs | None, sieve: Sieve, swap: bool, repair: bool
) -> Shaped:
    geometry = _to_crs84(geometry, crs, sieve, swap=swap)
    types = np.asarray(shapely.get_type_id(geometry), dtype=np.int8)
    sieve.drop(types > 7, "curved geometry is not kept")
    polygons = np.isin(types, _POLYGONS) & sieve.keep
    if polygons.any():
        invalid = np.zeros(len(geometry), dtype=bool)
        invalid[polygons] = ~shapely.is_valid(geometry[polygons])
        if repair and invalid.any():
            geometry[invalid] = shapely.make_valid(geometry[invalid])
            geometry = without(geometry, shapely.is_empty(geometry))
            types = np.asarray(shapely.get_type_id(geometry), dtype=np.int8)
            polygons = np.isin(types, _POLYGONS) & sieve.keep
        else:
            sieve.drop(invalid, lambda row: f"invalid polygon: {_why(geometry[row])}")
        sound = polygons & sieve.keep
        geometry[sound] = shapely.orient_polygons(geometry[sound])
    bounds = shapely.bounds(geometry)
    return Shaped(to_wkb(without(geometry, ~sieve.keep)), types, bounds, _heights(geometry))


def _shape_points(points: Points, crs: SourceCrs | None, sieve: Sieve, *, swap: bool) -> Shaped:
    xy, z = points.xy, points.z
    given = ~np.isnan(xy).any(axis=1)
    if swap:
        xy = xy[:, ::-1]
    if crs is not None and crs.to_crs84 is not None:
        xy = np.column_stack(crs.to_crs84(xy[:, 0].copy(), xy[:, 1].copy()))
    lost = ~np.asarray(np.isfinite(xy).all(axis=1))
    sieve.drop(given & lost, _NOT_FINITE)
    with np.errstate(invalid="ignore"):
        sieve.drop(np.asarray((np.abs(xy) > (180.0, 90.0)).any(axis=1)), _FAR)
    if z is not None:
        sieve.drop(given & ~np.isfinite(z), _NOT_FINITE)
    form = _POINT if z is None else _POINT_Z
    made = np.empty(len(xy), dtype=form)
    made["order"], made["type"], made["xy"] = 1, 1 if z is None else 1001, xy
    if z is not None:
        made["z"] = z
    fixed = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(form.itemsize), len(xy), [None, pa.py_buffer(made.tobytes())]
    )
    there = given & sieve.keep
    wkb = pc.if_else(pa.array(there), fixed.cast(pa.binary()), pa.scalar(None, pa.binary()))
    types = np.where(there, 0, -1).astype(np.int8)
    bounds = np.where(there[:, None], np.hstack([xy, xy]), np.nan)
    none = np.full(len(xy), np.nan)
    height = none if z is None else np.where(there, z, np.nan)
    return Shaped(wkb, types, bounds, np.column_stack([height, height]))


def widened(
    extents: NDArray[np.float64],
    bounds: NDArray[np.float64],
    heights: NDArray[np.float64],
    crs: SourceCrs | None,
    *,
    swap: bool = False,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Boxes in degrees, and heights, of all that rows hold: a roof reaches beyond its walls.

    The box of a box in another system holds it where its four corners do, to a millimetre for
    things of the size of a building.
    """
    x, y = extents[:, [0, 3, 3, 0]], extents[:, [1, 1, 4, 4]]
    if swap:
        x, y = y, x
    if crs is not None and crs.to_crs84 is not None:
        lon, lat = crs.to_crs84(x.ravel(), y.ravel())
        x, y = lon.reshape(x.shape), lat.reshape(y.shape)
    bounds = np.column_stack(
        [np.fmin(bounds[:, 0], x.min(axis=1)), np.fmin(bounds[:, 1], y.min(axis=1)),
         np.fmax(bounds[:, 2], x.max(axis=1)), np.fmax(bounds[:, 3], y.max(axis=1))]
    )  # fmt: skip
    bounds[~np.isfinite(bounds).all(axis=1)] = np.nan
    return bounds, np.column_stack(
        [np.fmin(heights[:, 0], extents[:, 2]), np.fmax(heights[:, 1], extents[:, 5])]
    )


def numbers(names: tuple[str, ...], values: NDArray[np.float64]) -> dict[str, pa.Array]:
    """Columns of those names; what is not known is null."""
    return {
        name: pa.array(values[:, index], mask=np.isnan(values[:, index]))
        for index, name in enumerate(names)
    }


def far(bounds: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which bounds leave the globe's degrees."""
    lon, lat = bounds[:, (0, 2)], bounds[:, (1, 3)]
    return np.asarray((np.abs(lon) > 180.0).any(axis=1) | (np.abs(lat) > 90.0).any(axis=1))


def promoted(wkb: pa.Array, single: int) -> pa.Array:
    """WKB with geometries of GEOS type ``single`` made into collections of one."""
    geometry = shapely.from_wkb(np.asarray(wkb.to_numpy(zero_copy_only=False), dtype=object))
    ones = shapely.get_type_id(geometry) == single
    many = {0: shapely.multipoints, 1: shapely.multilinestrings, 3: shapely.multipolygons}[single]
    if ones.any():
        indices = np.arange(int(ones.sum()))
        geometry[ones] = many(geometry[ones], indices=indices)
    return to_wkb(geometry)


def to_wkb(geometry: Geometries) -> pa.Array:
    """ISO well-known binary."""
    return pa.array(shapely.to_wkb(geometry, flavor="iso"), type=pa.binary())


def _to_crs84(
    geometry: Geometries, crs: SourceCrs | None, sieve: Sieve, *, swap: bool
) -> Geometries:
    xy, owner = shapely.get_coordinates(geometry, return_index=True)
    if swap:
        xy = xy[:, ::-1]
    if crs is not None and crs.to_crs84 is not None and len(xy):
        xy = np.column_stack(crs.to_crs84(xy[:, 0].copy(), xy[:, 1].copy()))
        changed = True
    else:
        changed = swap
    lost = np.zeros(len(geometry), dtype=bool)
    lost[owner[~np.isfinite(xy).all(axis=1)]] = True
    sieve.drop(lost, _NOT_FINITE)
    wide = np.zeros(len(geometry), dtype=bool)
    with np.errstate(invalid="ignore"):
        wide[owner[(np.abs(xy[:, 0]) > 180.0) | (np.abs(xy[:, 1]) > 90.0)]] = True
    sieve.drop(wide, _FAR)
    if not changed:
        return geometry
    geometry = without(geometry, ~sieve.keep)
    sound = sieve.keep[owner]
    if not shapely.has_z(geometry).any():
        return np.asarray(shapely.set_coordinates(geometry, xy[sound]), dtype=object)
    flat = ~shapely.has_z(geometry)
    z = shapely.get_coordinates(geometry, include_z=True)[:, 2:]
    raised: Geometries = shapely.set_coordinates(geometry, np.hstack([xy[sound], z]))
    # A missing height comes back as NaN: what was flat stays flat.
    return np.where(flat, shapely.force_2d(raised), raised)


def _heights(geometry: Geometries) -> NDArray[np.float64]:
    heights = np.full((len(geometry), 2), np.nan)
    solid = np.flatnonzero(shapely.has_z(geometry))
    if len(solid):
        xyz, owner = shapely.get_coordinates(geometry[solid], include_z=True, return_index=True)
        starts = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
        rows = solid[owner[starts]]
        heights[rows, 0] = np.fmin.reduceat(xyz[:, 2], starts)
        heights[rows, 1] = np.fmax.reduceat(xyz[:, 2], starts)
    return heights


def _why(geometry: object) -> str:
    return str(shapely.is_valid_reason(geometry))
