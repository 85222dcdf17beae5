"""Which zones hold each point, by a grid over the zones.

Cells of the grid that no edge crosses lie wholly inside or outside of each zone, so that the points
in them need no geometry; those of the others are compared exactly. The grid makes the join linear
in the points (the filter and refine steps of spatial joins: Jacox and Samet, “Spatial join
techniques”, ACM TODS 32(1), 2007, with the interior approximation of their section 3).
"""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

_CELLS = 1 << 19
"""Cells in all zones' boxes together, about: more take longer to make than they save."""
_MOST_ACROSS = 4096


@dataclass(frozen=True, slots=True)
class ZoneIndex:
    """A grid over zones: for each cell which zones hold it, in part or wholly.

    ``starts`` (cells + 1,) says where the entries of a cell begin in ``zones`` and ``whole``.
    """

    polygons: NDArray[np.object_]
    west: float
    south: float
    width: float
    height: float
    columns: int
    rows: int
    starts: NDArray[np.int64]
    zones: NDArray[np.int32]
    whole: NDArray[np.bool_]

    def join(
        self, x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Pairs of a point and a zone that intersects it, points ascending.

        ``x``, ``y`` (points,) in the CRS of the zones; NaN is nowhere. A point on the border of two
        zones is in both, as OGC 06-103r4's *intersects* says.
        """
        with np.errstate(invalid="ignore"):
            column = np.floor((x - self.west) / self.width)
            row = np.floor((y - self.south) / self.height)
            near = (column >= 0) & (column <= self.columns) & (row >= 0) & (row <= self.rows)
        points = np.flatnonzero(near)
        # The last column and row hold the points on the eastern and northern edge too.
        column = np.minimum(column[points], self.columns - 1).astype(np.int64)
        row = np.minimum(row[points], self.rows - 1).astype(np.int64)
        cell = row * self.columns + column
        count = self.starts[cell + 1] - self.starts[cell]
        entry = _ranges(self.starts[cell], count)
        points = np.repeat(points, count)
        zones, sure = self.zones[entry], self.whole[entry]
        doubt = np.flatnonzero(~sure)
        kept = sure.copy()
        kept[doubt] = _inside(self.polygons, zones[doubt], x[points[doubt]], y[points[doubt]])
        return points[kept], zones[kept]


def index_zones(polygons: NDArray[np.object_]) -> ZoneIndex:
    """The grid over ``polygons`` (zones,): valid areas of one CRS; ``None`` and empty ones hold
    nothing."""
    shapely.prepare(polygons)
    boxes = shapely.bounds(polygons)
    there = np.flatnonzero(~np.isnan(boxes[:, 0]))
    if not there.size:
        none = np.empty(0, np.int32)
        starts = np.zeros(2, np.int64)
        return ZoneIndex(polygons, 0, 0, 1, 1, 1, 1, starts, none, none.astype(bool))
    west, south = boxes[there, :2].min(axis=0)
    east, north = boxes[there, 2:].max(axis=0)
    columns, rows = _resolution(boxes[there], east - west, north - south)
    width = max((east - west) / columns, np.finfo(float).tiny)
    height = max((north - south) / rows, np.finfo(float).tiny)
    zone, column, row = _box_cells(
        boxes[there], (west, south, width, height), columns, rows, there.astype(np.int32)
    )
    cell = row * columns + column
    crossed = _crossed(polygons, (west, south, width, height), columns, rows)
    pair = zone.astype(np.int64) * (columns * rows) + cell
    edge = _among(pair, crossed)
    middle_x = west + (column + 0.5) * width
    middle_y = south + (row + 0.5) * height
    inner = ~edge
    inner[inner] = _inside(polygons, zone[inner], middle_x[inner], middle_y[inner])
    kept = edge | inner
    cell, zone, whole = cell[kept], zone[kept], inner[kept]
    order = np.argsort(cell, kind="stable")
    counts = np.bincount(cell, minlength=columns * rows)
    starts = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    return ZoneIndex(
        polygons, west, south, width, height, columns, rows, starts, zone[order], whole[order]
    )


def _resolution(boxes: NDArray[np.float64], width: float, height: float) -> tuple[int, int]:
    """Columns and rows with which all boxes together have about :data:`_CELLS` cells."""
    share = ((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).sum()
    whole = width * height
    across = np.sqrt(_CELLS * whole / share) if share > 0 and whole > 0 else 1.0
    stretch = np.sqrt(width / height) if width > 0 and height > 0 else 1.0
    columns = int(np.clip(across * stretch, 1, _MOST_ACROSS))
    return columns, int(np.clip(across / stretch, 1, _MOST_ACROSS))


def _box_cells(
    boxes: NDArray[np.float64],
    frame: tuple[float, float, float, float],
    columns: int,
    rows: int,
    zones: NDArray[np.int32],
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """Every cell of the box of every zone, as zone, column and row."""
    west, south, width, height = frame
    first_column = _index(boxes[:, 0], west, width, columns)
    first_row = _index(boxes[:, 1], south, height, rows)
    wide = _index(boxes[:, 2], west, width, columns) - first_column + 1
    high = _index(boxes[:, 3], south, height, rows) - first_row + 1
    count = wide * high
    place = _ranges(np.zeros_like(count), count)
    column = np.repeat(first_column, count) + place % np.repeat(wide, count)
    row = np.repeat(first_row, count) + place // np.repeat(wide, count)
    return np.repeat(zones, count), column, row


def _crossed(
    polygons: NDArray[np.object_],
    frame: tuple[float, float, float, float],
    columns: int,
    rows: int,
) -> NDArray[np.int64]:
    """Zone × cells + cell of every cell that an edge may cross, sorted: those of the boxes of its
    segments, which are cut to at most a cell's length."""
    width, height = frame[2:]
    lines, zone_of = shapely.get_parts(shapely.boundary(polygons), return_index=True)
    lines = shapely.segmentize(lines, min(width, height))
    points, line_of = shapely.get_coordinates(lines, return_index=True)
    same = np.flatnonzero(line_of[1:] == line_of[:-1])
    ends = np.stack([points[same], points[same + 1]])
    low, high = ends.min(axis=0), ends.max(axis=0)
    # A little wider than the segment, so that rounding puts no edge beside its cell.
    low -= 1e-9 * np.array([width, height])
    high += 1e-9 * np.array([width, height])
    zone, column, row = _box_cells(
        np.hstack([low, high]), frame, columns, rows, zone_of[line_of[same]].astype(np.int32)
    )
    return np.unique(zone.astype(np.int64) * (columns * rows) + row * columns + column)


def _inside(
    polygons: NDArray[np.object_],
    zones: NDArray[np.int32],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Whether each point intersects its zone; asked zone by zone, so that each stays at hand."""
    order = np.argsort(zones, kind="stable")
    found = np.empty(len(zones), bool)
    found[order] = shapely.intersects_xy(polygons[zones[order]], x[order], y[order])
    return found


def _index(values: NDArray[np.float64], start: float, size: float, count: int) -> NDArray[np.int64]:
    found: NDArray[np.int64] = np.clip(np.floor((values - start) / size), 0, count - 1).astype(
        np.int64
    )
    return found


def _ranges(starts: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """``starts[i], starts[i] + 1, …`` of ``counts[i]`` numbers, one range after another."""
    total = int(counts.sum())
    before = np.cumsum(counts) - counts
    found: NDArray[np.int64] = np.arange(total) + np.repeat(starts - before, counts)
    return found


def _among(values: NDArray[np.int64], sorted_set: NDArray[np.int64]) -> NDArray[np.bool_]:
    if not sorted_set.size:
        return np.zeros(len(values), bool)
    at = np.minimum(np.searchsorted(sorted_set, values), len(sorted_set) - 1)
    found: NDArray[np.bool_] = sorted_set[at] == values
    return found
