"""Places along a line, with their distance over the ellipsoid (geodesics: Karney 2013)."""

from dataclasses import dataclass

import numpy as np
import shapely

from quanyu.compute.surface.model import Floats, Surface
from quanyu.compute.surface.plane import ELLIPSOID, Plane

MOST_PLACES = 200_000


@dataclass(frozen=True, slots=True)
class Track:
    """A line, walked: ``distance`` (metres from its start), ``lonlat`` in degrees and ``xy`` in the
    plane of each place; its corners are among them."""

    distance: Floats
    lonlat: Floats
    xy: Floats


def track(lonlat: Floats, plane: Plane, step: float) -> Track:
    """The line through corners (n × 2, degrees) with a place at least every ``step`` metres,
    equally spaced between corners. Raises ``ValueError`` where it has no length."""
    from pyproj import Geod

    geod = Geod(ellps=ELLIPSOID)
    start, end = lonlat[:-1], lonlat[1:]
    azimuth, _, length = geod.inv(start[:, 0], start[:, 1], end[:, 0], end[:, 1])
    moves = length > 0
    start, azimuth, length = start[moves], azimuth[moves], length[moves]
    if not len(length):
        raise ValueError("the line has no length")
    parts = np.maximum(np.ceil(length / step - 1e-9), 1).astype(np.int64)
    leg = np.repeat(np.arange(len(parts)), parts)
    number = np.arange(len(leg)) - (np.cumsum(parts) - parts)[leg]
    along = number * (length / parts)[leg]
    lon, lat, _ = geod.fwd(start[leg, 0], start[leg, 1], azimuth[leg], along)
    places = np.vstack([np.column_stack([lon, lat]), end[moves][-1]])
    before = np.cumsum(length) - length
    distance = np.append(before[leg] + along, length.sum())
    return Track(distance, places, plane.places(places))


@dataclass(frozen=True, slots=True)
class Crossings:
    """Where a track runs over buildings: from ``enters`` to ``leaves`` (metres from the start) over
    the building ``number``, in order of distance."""

    enters: Floats
    leaves: Floats
    number: np.ndarray[tuple[int], np.dtype[np.int64]]


def crossings(surface: Surface, way: Track) -> Crossings:
    """The buildings under a track, exactly: by the edges of their footprints, not by cells."""
    line = shapely.linestrings(way.xy)
    shapes = surface.buildings.shapes
    near = np.sort(shapely.STRtree(shapes).query(line, predicate="intersects")).astype(np.int64)
    # Leg by leg: a line that crosses itself has several distances at one place.
    legs = shapely.linestrings(np.stack([way.xy[:-1], way.xy[1:]], axis=1))
    leg, which = shapely.STRtree(shapes[near]).query(legs, predicate="intersects")
    inside = shapely.intersection(legs[leg], shapes[near[which]])
    parts, of = shapely.get_parts(inside, return_index=True)
    lines = shapely.get_type_id(parts) == shapely.GeometryType.LINESTRING
    parts, of = parts[lines], of[lines]
    if not len(parts):
        empty = np.empty(0)
        return Crossings(empty, empty, np.empty(0, np.int64))
    first, last = shapely.get_point(parts, 0), shapely.get_point(parts, -1)
    leg, number = leg[of], near[which[of]]
    ends = np.column_stack([_along(way, leg, first), _along(way, leg, last)])
    return _joined(ends.min(axis=1), ends.max(axis=1), number)


def _along(way: Track, leg: "np.ndarray[tuple[int], np.dtype[np.int64]]", points: object) -> Floats:
    """Distance from the start of points on legs of a track."""
    xy = shapely.get_coordinates(points)
    start, end = way.xy[leg], way.xy[leg + 1]
    share = np.linalg.norm(xy - start, axis=1) / np.linalg.norm(end - start, axis=1)
    before, after = way.distance[leg], way.distance[leg + 1]
    return np.asarray(before + np.clip(share, 0, 1) * (after - before))


def _joined(
    enters: Floats, leaves: Floats, number: "np.ndarray[tuple[int], np.dtype[np.int64]]"
) -> Crossings:
    """Pieces of one building that follow one another made one."""
    order = np.lexsort([enters, number])
    enters, leaves, number = enters[order], leaves[order], number[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = (number[1:] != number[:-1]) | (enters[1:] > leaves[:-1] + 1e-6)
    first = np.flatnonzero(new)
    last = np.append(first[1:], len(order)) - 1
    enters, leaves, number = enters[first], leaves[last], number[first]
    order = np.argsort(enters, kind="stable")
    return Crossings(enters[order], leaves[order], number[order])
