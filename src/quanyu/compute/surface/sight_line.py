"""A sight line: whether one place sees another, and what stands between them.

The line is straight between the two ends; ground and roofs are raised by ``(1 - k) d (D - d) / 2R``
over the chord, which is the earth's curvature less refraction (:mod:`.earth`), and so the same from
both ends. Ground is compared at places a step apart, buildings exactly at the edges of their
footprints and along their roofs. Everything below a roof counts as solid.
"""

from dataclasses import dataclass

import numpy as np

from quanyu.compute.surface.along import Crossings, Track, crossings, track
from quanyu.compute.surface.earth import RADIUS_M, REFRACTION
from quanyu.compute.surface.model import NOBODY, Flags, Floats, Ints, Surface
from quanyu.compute.surface.plane import Plane

_TOUCHES = 1e-6  # metres; what a line only touches does not block it


@dataclass(frozen=True, slots=True)
class Obstacles:
    """What rises above a sight line, in order of distance from the observer (metres).

    ``begins`` is where the line first meets it, ``excess`` how many metres it rises above the line
    at most, ``number`` the building's place among those of the surface, ``NOBODY`` for ground.
    """

    begins: Floats
    excess: Floats
    number: Ints


@dataclass(frozen=True, slots=True)
class SightLine:
    """``sees`` is ``None`` where nothing that is known blocks the line but ground is not known all
    along. ``line`` and ``ground`` are heights at the places of ``track``; ``clearance`` is how high
    the line is at least over what lies below, negative if blocked; ``without_data`` a share."""

    sees: bool | None
    track: Track
    line: Floats
    ground: Floats
    obstacles: Obstacles
    clearance: float
    without_data: float


def sight_line(
    surface: Surface,
    plane: Plane,
    ends: Floats,
    heights: tuple[float, float],
    *,
    step: float,
    refraction: float = REFRACTION,
) -> SightLine | None:
    """Whether the first of ``ends`` (2 × 2, degrees) sees the second, each ``heights`` metres above
    the ground, or above the roof where it lies within a footprint. ``None`` where the ground under
    an end is not known."""
    way = track(ends, plane, step)
    ground = surface.ground_at(way.xy)
    over = crossings(surface, way)
    stands = _stands(surface, way, ground, over)
    if not np.isfinite(stands).all():
        return None
    low, high = stands + heights
    length = float(way.distance[-1])
    bulge = (1 - refraction) / (2 * RADIUS_M)
    slope = (high - low) / length
    line = low + slope * way.distance
    above = line - ground - bulge * way.distance * (length - way.distance)
    inner = np.nan_to_num(above, nan=np.inf)
    inner[[0, -1]] = np.maximum(inner[[0, -1]], 0)
    hills, hill_excess = _hills(way.distance, inner)
    walls, wall_least = _walls(surface, over, (low, slope, bulge, length))
    blocked = np.isfinite(walls)
    begins = np.concatenate([hills, walls[blocked]])
    excess = np.concatenate([hill_excess, -wall_least[blocked]])
    number = np.concatenate([np.full(len(hills), NOBODY, np.int64), over.number[blocked]])
    order = np.argsort(begins, kind="stable")
    missing = np.isnan(above)
    gap = np.diff(way.distance)[missing[1:] | missing[:-1]].sum() / length
    sees = False if len(begins) else None if missing.any() else True
    between = inner[1:-1]
    return SightLine(
        sees,
        way,
        line,
        ground,
        Obstacles(begins[order], excess[order], number[order]),
        float(min(wall_least.min(initial=np.inf), between.min(initial=np.inf), *heights)),
        float(gap),
    )


def _stands(surface: Surface, way: Track, ground: Floats, over: Crossings) -> Floats:
    """What the two ends stand on: the highest roof over them, else the ground."""
    found = ground[[0, -1]].copy()
    roofs = surface.buildings.roof[over.number]
    for end, here in (
        (0, over.enters <= _TOUCHES),
        (1, over.leaves >= way.distance[-1] - _TOUCHES),
    ):
        if here.any():
            found[end] = np.fmax(found[end], roofs[here].max())
    return found


def _hills(distance: Floats, above: Floats) -> tuple[Floats, Floats]:
    """Where ground begins to rise above the line, each time, and by how much at most."""
    under = above < -_TOUCHES
    starts = np.flatnonzero(under & ~np.append(False, under[:-1]))
    if not len(starts):
        return np.empty(0), np.empty(0)
    before = starts - 1  # never the observer itself, which stands on the ground or above it
    fall = np.where(np.isfinite(above[before]), above[before], 0.0)
    share = fall / (fall - above[starts])
    where = distance[before] + share * (distance[starts] - distance[before])
    return where, -np.minimum.reduceat(above, starts)


def _walls(
    surface: Surface, over: Crossings, line: tuple[float, float, float, float]
) -> tuple[Floats, Floats]:
    """Where the line meets each building that it crosses (infinite where it passes above), and how
    far above the roof it is where it is nearest.

    Above a roof the line's height is a parabola, ``q d² + (s - q D) d + (z - roof)``.
    """
    low, slope, q, length = line
    linear, constant = slope - q * length, low - surface.buildings.roof[over.number]

    def above(distance: Floats) -> Floats:
        return np.asarray((q * distance + linear) * distance + constant)

    lowest = over.enters if q <= 0 else np.clip(-linear / (2 * q), over.enters, over.leaves)
    ends = np.minimum(above(over.enters), above(over.leaves))
    least = np.minimum(ends, above(np.asarray(lowest)))
    blocked = least < -_TOUCHES
    # The first root: before it the line is above the roof.
    square = np.sqrt(np.maximum(linear**2 - 4 * q * constant, 0))
    below = linear - square  # negative where the line comes down
    with np.errstate(divide="ignore", invalid="ignore"):
        root = -2 * constant / below
        meets = np.where(above(over.enters) < -_TOUCHES, over.enters, root)
    meets = np.clip(np.nan_to_num(meets, nan=0.0), over.enters, over.leaves)
    return np.where(blocked, meets, np.inf), least


def seen_from(line: SightLine) -> Flags:
    """Which places of the track lie before the first obstacle."""
    first = line.obstacles.begins[0] if len(line.obstacles.begins) else np.inf
    return np.asarray(line.track.distance <= first)
