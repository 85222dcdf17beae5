"""A view shed: what can be seen from a place, by rays to every cell of the edge.

Method: R2 of Franklin & Ray (*Higher isn't necessarily better: visibility algorithms and
experiments*, 1994): rays from the observer to the edge of the area, heights interpolated where a
ray crosses the lines between middles of cells, and the steepest slope so far as its horizon. Here
each cell is then compared, at its own middle, with the horizon of the ray that passes nearest to it
(rays are :data:`RAYS` to a cell of the edge, so that none passes farther away than a quarter of a
cell). Curvature and refraction as in :mod:`.earth`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quanyu.compute.surface.earth import RADIUS_M, REFRACTION, drop
from quanyu.compute.surface.model import Flags, Floats, Grid, Ints

RAYS = 2
"""Rays to each cell of the edge."""

_SAMPLES = 1 << 17  # of rays that are walked at once: few enough to stay in the processor's cache
_FAR = np.float32(1e9)  # steeper than anything, and finite


@dataclass(frozen=True, slots=True)
class Viewshed:
    """``hidden`` is, for each cell, the height in metres above its top up to which things are
    hidden: 0 where the top itself is seen, NaN where there is no data or it is out of range.
    ``sure`` is false where ground between is not known, so that a cell that would be seen may be
    hidden by what is there."""

    hidden: Grid
    sure: Flags

    def seen(self, target: float = 0.0) -> Flags:
        """Cells in which something ``target`` metres high is seen for sure."""
        return np.asarray((self.hidden <= target) & self.sure)

    def unknown(self, target: float = 0.0) -> Flags:
        """Cells of which that cannot be said: no data there, or on the way and nothing else that
        hides them; cells out of range are not among them."""
        return np.asarray((self.hidden <= target) & ~self.sure)


def viewshed(
    tops: Grid,
    cell: tuple[float, float],
    observer: tuple[int, int],
    height: float,
    *,
    farthest: float = np.inf,
    refraction: float = REFRACTION,
) -> Viewshed | None:
    """What is seen from ``height`` metres above the top of the cell ``observer`` (row, column).

    ``tops`` (rows × columns, metres, NaN without data) are of cells ``cell`` metres wide and high;
    ``farthest`` is in metres. ``None`` where the observer's own cell has no data.
    """
    row, column = observer
    if not np.isfinite(tops[row, column]):
        return None
    reach = [int(min(farthest / size, 1 << 20)) for size in (cell[1], cell[0])]
    top, left = max(row - reach[0], 0), max(column - reach[1], 0)
    low, right = row + reach[0] + 1, column + reach[1] + 1
    part = tops[top:low, left:right]
    eye = np.float32(tops[row, column] + height)
    here = (row - top, column - left)
    edge = _edge(part.shape, here)
    sight = (float(eye), refraction)
    horizons = _horizons(part, cell, here, edge, sight)
    hidden, sure = _compared(part, cell, here, (*sight, farthest), horizons)
    whole = np.full(tops.shape, np.nan, np.float32)
    certain = np.ones(tops.shape, np.bool_)
    whole[top:low, left:right], certain[top:low, left:right] = hidden, sure
    return Viewshed(whole, certain)


def _edge(shape: tuple[int, ...], here: tuple[int, int]) -> Floats:
    """Ends of the rays as (rows, columns) from the observer, clockwise from the upper left corner:
    along the upper, right, lower and left side; one after the other as :func:`_nearest` counts."""
    up, left = -here[0], -here[1]
    down, right = shape[0] - 1 - here[0], shape[1] - 1 - here[1]
    columns = np.arange(left * RAYS, right * RAYS + 1) / RAYS
    rows = np.arange(up * RAYS, down * RAYS + 1) / RAYS
    sides = [
        (np.full(len(columns), up), columns),
        (rows, np.full(len(rows), right)),
        (np.full(len(columns), down), columns),
        (rows, np.full(len(rows), left)),
    ]
    return np.hstack([np.vstack(side) for side in sides]).T.astype(np.float64)


def _horizons(
    tops: Grid,
    cell: tuple[float, float],
    here: tuple[int, int],
    edge: Floats,
    sight: tuple[float, float],
) -> tuple[Grid, NDArray[np.int32]]:
    """For each ray, the steepest slope up to each of its steps, and the step at which it first came
    over a place without data."""
    reach = np.abs(edge).max(axis=1)
    steps = int(np.ceil(reach.max()))
    slopes = np.full((len(edge), steps + 1), -_FAR, np.float32)
    gaps = np.full(len(edge), steps + 2, np.int32)
    size = max(_SAMPLES // (steps + 1), 1)
    for first in range(0, len(edge), size):
        rays = slice(first, first + size)
        slope, gap = _walk(tops, cell, here, edge[rays], (*sight, steps))
        slopes[rays, 1:], gaps[rays] = slope, gap
    return slopes, gaps


def _walk(
    tops: Grid,
    cell: tuple[float, float],
    here: tuple[int, int],
    ends: Floats,
    sight: tuple[float, float, int],
) -> tuple[Grid, NDArray[np.int32]]:
    """Those that go farther along rows than along columns, and the others, in the turned grid."""
    steps = sight[2]
    slope = np.empty((len(ends), steps), np.float32)
    gap = np.empty(len(ends), np.int32)
    tall = np.abs(ends[:, 0]) >= np.abs(ends[:, 1])
    slope[tall], gap[tall] = _along_rows(tops, cell, here, ends[tall], sight)
    slope[~tall], gap[~tall] = _along_rows(
        tops.T, cell[::-1], here[::-1], ends[~tall][:, ::-1], sight
    )
    return slope, gap


def _along_rows(
    tops: Grid,
    cell: tuple[float, float],
    here: tuple[int, int],
    ends: Floats,
    sight: tuple[float, float, int],
) -> tuple[Grid, NDArray[np.int32]]:
    """Rays that go a row further with every step."""
    eye, refraction, steps = sight
    step = np.arange(1, steps + 1, dtype=np.int32)
    # Ends are parts of a cell, so columns at each step are exact as whole numbers over a divisor.
    parts = np.rint(ends * RAYS).astype(np.int32)
    reach = np.abs(parts[:, :1])
    forward = np.sign(parts[:, :1])
    over = np.maximum(reach, 1)
    whole, rest = np.divmod(parts[:, 1:] * step, over)
    share = rest.astype(np.float32) / over.astype(np.float32)
    beyond = step * RAYS > reach
    rows = np.clip(here[0] + forward * step, 0, tops.shape[0] - 1)
    columns = np.clip(here[1] + whole, 0, tops.shape[1] - 1)
    height = tops[rows, columns]
    next_to = tops[rows, np.minimum(columns + 1, tops.shape[1] - 1)]
    # What has no share has no say, even where it has no data.
    np.add(height, share * (next_to - height), out=height, where=rest > 0)
    distance = np.hypot(step * np.float32(cell[1]), (whole + share) * np.float32(cell[0]))
    fall = np.float32((1 - refraction) / (2 * RADIUS_M))
    slope = (height - np.float32(eye)) / distance - fall * distance
    missing = np.isnan(slope) & ~beyond
    gap = np.where(missing.any(axis=1), missing.argmax(axis=1) + 1, steps + 2)
    slope[missing | beyond] = -_FAR
    return np.maximum.accumulate(slope, axis=1), gap.astype(np.int32)


def _compared(
    tops: Grid,
    cell: tuple[float, float],
    here: tuple[int, int],
    sight: tuple[float, float, float],
    horizons: tuple[Grid, NDArray[np.int32]],
) -> tuple[Grid, Flags]:
    """Each cell beside the horizon of the ray nearest to it, one step before the cell."""
    eye, refraction, farthest = sight
    slopes, gaps = horizons
    rows = (np.arange(tops.shape[0]) - here[0])[:, None]
    columns = (np.arange(tops.shape[1]) - here[1])[None, :]
    ray, step = _nearest(tops.shape, here, rows, columns)
    distance = np.hypot(rows * cell[1], columns * cell[0])
    horizon = slopes[ray, step - 1]
    needed = eye + horizon.astype(np.float64) * distance + drop(distance, refraction)
    hidden = np.maximum(needed - tops, 0).astype(np.float32)
    hidden[here] = 0
    hidden[np.isnan(tops) | (distance > farthest)] = np.nan
    return hidden, np.asarray(gaps[ray] >= step)


def _nearest(
    shape: tuple[int, ...], here: tuple[int, int], rows: Ints, columns: Ints
) -> tuple[Ints, Ints]:
    """The ray that passes nearest to each cell, and the step of it that the cell lies at."""
    up, left = here
    down, right = shape[0] - 1 - here[0], shape[1] - 1 - here[1]
    # How many times farther away the edge is than the cell, by rows and by columns.
    with np.errstate(divide="ignore", invalid="ignore"):
        tall = np.where(rows > 0, down / rows, np.where(rows < 0, up / -rows, np.inf))
        wide = np.where(
            columns > 0, right / columns, np.where(columns < 0, left / -columns, np.inf)
        )
        times = np.minimum(tall, wide)
        level = tall <= wide  # it leaves by the upper or lower side
        at = np.where(level, columns * times + left, rows * times + up)
    at = np.rint(np.nan_to_num(at, nan=0.0, posinf=0.0, neginf=0.0) * RAYS).astype(np.int64)
    long, high = (shape[1] - 1) * RAYS + 1, (shape[0] - 1) * RAYS + 1
    start = np.where(
        level,
        np.where(rows < 0, 0, long + high),
        np.where(columns > 0, long, long + high + long),
    )
    at = np.clip(at, 0, np.where(level, long, high) - 1)
    end_rows = np.where(level, np.where(rows < 0, up, down), np.abs(at / RAYS - up))
    end_columns = np.where(level, np.abs(at / RAYS - left), np.where(columns > 0, right, left))
    step = np.where(end_rows >= end_columns, np.abs(rows), np.abs(columns))
    return start + at, np.maximum(step, 1)
