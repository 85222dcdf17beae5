"""Sunlight at single points, such as window sills: exactly, by the edges of buildings.

Towards the sun at each instant, every wall that the ray meets is looked at: it shades the point
where the roof above it reaches over the ray. Ground shades by its heights along the ray, a cell at
a time. This is the plain geometry of GB/T 50947-2014 (buildings as prisms, the sun as a point).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import shapely

from quanyu.compute.surface.model import Flags, Floats, Ints, Surface
from quanyu.compute.surface.sun import Sun

AWAY_M = 0.05
"""How far outside of a wall a point on or behind it is put."""

_NEAR = 0.01


def outside(surface: Surface, xy: Floats) -> Floats:
    """Points (n × 2), those on or within a footprint moved out of it through its nearest wall."""
    shapes = surface.buildings.shapes
    if not len(shapes):
        return xy
    found = xy.copy()
    points = shapely.points(xy)
    at, which = shapely.STRtree(shapes).query(points, predicate="dwithin", distance=_NEAR)
    at, first = np.unique(at, return_index=True)
    for place, number in zip(at.tolist(), which[first].tolist(), strict=True):
        found[place] = _moved_out(shapes[number], xy[place])
    return found


def _moved_out(shape: object, place: Floats) -> Floats:
    """``place`` a little outside of the wall of ``shape`` that is nearest to it."""
    starts, ends = walls(np.array([shape], dtype=object))[:2]
    along = ends - starts
    share = np.sum((place - starts) * along, axis=1) / np.sum(along**2, axis=1)
    feet = starts + np.clip(share, 0, 1)[:, None] * along
    nearest = int(np.argmin(np.sum((feet - place) ** 2, axis=1)))
    normal = np.array([along[nearest, 1], -along[nearest, 0]]) / np.linalg.norm(along[nearest])
    either = feet[nearest] + np.array([normal, -normal]) * AWAY_M
    within = shapely.covers(shape, shapely.points(either))
    return np.asarray(either[int(within[0])])


def walls(shapes: "np.ndarray[tuple[int], np.dtype[np.object_]]") -> tuple[Floats, Floats, Ints]:
    """Every wall of polygons: where it starts and ends (n × 2), and whose it is."""
    parts, part_owner = shapely.get_parts(shapes, return_index=True)
    rings, ring_part = shapely.get_rings(parts, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    same = ring[1:] == ring[:-1]
    owner = part_owner[ring_part[ring[:-1][same]]]
    starts, ends = points[:-1][same], points[1:][same]
    long = np.any(starts != ends, axis=1)
    return starts[long], ends[long], np.asarray(owner[long], dtype=np.int64)


def sunlit(
    surface: Surface,
    xy: Floats,
    height: Floats,
    sun: Sun,
    *,
    farthest: float,
    heard: Callable[[float], None],
) -> Flags:
    """Whether each point (n × 2 metres, at ``height`` in the heights of the ground) has sun at each
    of the sun's positions (points × positions). What is ``farthest`` metres away shades no more."""
    up = np.flatnonzero(sun.elevation > 0)
    found = np.zeros((len(xy), len(sun.elevation)), np.bool_)
    if not len(up):
        return found
    azimuth: Floats = np.radians(sun.azimuth[up])
    rise: Floats = np.tan(np.radians(sun.elevation[up]))
    towards = np.column_stack([np.sin(azimuth), np.cos(azimuth)])
    starts, ends, owner = walls(surface.buildings.shapes)
    roofs = surface.buildings.roof[owner]
    tree = shapely.STRtree(shapely.linestrings(np.stack([starts, ends], axis=1)))
    step = min(surface.cell)
    ahead: Floats = np.arange(1, int(farthest / step) + 1, dtype=np.float64) * step
    greatest = np.nanmax(surface.ground, initial=-np.inf)
    for number, (place, level) in enumerate(zip(xy, height, strict=True)):
        near = tree.query(shapely.points(place), predicate="dwithin", distance=farthest)
        shaded = _by_walls(place, level, towards, rise, (starts[near], ends[near], roofs[near]))
        useful = ahead[: int(np.searchsorted(ahead, (greatest - level) / rise.min(), "right"))]
        if len(useful):
            shaded |= _by_ground(surface, place, level, (towards, rise), useful)
        found[number, up] = ~shaded
        heard((number + 1) / len(xy))
    return found


def _by_walls(
    place: Floats, level: float, towards: Floats, rise: Floats, made: tuple[Floats, Floats, Floats]
) -> Flags:
    """Whether a wall stands before the sun, for each of its directions."""
    starts, ends, roofs = made
    higher = roofs > level
    to, along = starts[higher] - place, (ends - starts)[higher]
    # place + d * towards = start + share * along, for every wall and direction.
    cross = towards[:, 0] * along[:, 1, None] - towards[:, 1] * along[:, 0, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = (to[:, 0] * along[:, 1] - to[:, 1] * along[:, 0])[:, None] / cross
        share = (to[:, 0, None] * towards[:, 1] - to[:, 1, None] * towards[:, 0]) / cross
        meets = (distance > 0) & (share >= 0) & (share <= 1)
        over = roofs[higher, None] > level + distance * rise
    return np.asarray((meets & over).any(axis=0))


def _by_ground(
    surface: Surface,
    place: Floats,
    level: float,
    sun: tuple[Floats, Floats],
    ahead: Floats,
) -> Flags:
    towards, rise = sun
    places = place + towards[:, None, :] * ahead[None, :, None]
    ground = surface.ground_at(places.reshape(-1, 2)).reshape(len(towards), len(ahead))
    return np.asarray((ground > level + ahead * rise[:, None]).any(axis=1))


@dataclass(frozen=True, slots=True)
class Periods:
    """Sun at a point: ``hours`` in all, ``longest`` hours without a break, and the first and last
    step (exclusive) of every period that counts."""

    hours: float
    longest: float
    steps: tuple[tuple[int, int], ...]


def periods(lit: Flags, minutes: float, least: float = 0.0) -> list[Periods]:
    """The periods of sun of each point (points × steps of ``minutes``); shorter ones than ``least``
    minutes do not count."""
    padded = np.zeros((len(lit), lit.shape[1] + 2), np.int8)
    padded[:, 1:-1] = lit
    change = np.diff(padded, axis=1)
    rows, begins = np.nonzero(change == 1)
    ends = np.nonzero(change == -1)[1]
    long = (ends - begins) * minutes >= least - 1e-9
    found = []
    for row in range(len(lit)):
        mine = long & (rows == row)
        lengths = (ends - begins)[mine] * minutes / 60
        steps = tuple(zip(begins[mine].tolist(), ends[mine].tolist(), strict=True))
        found.append(Periods(float(lengths.sum()), float(lengths.max(initial=0.0)), steps))
    return found
