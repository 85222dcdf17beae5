"""Grids whose cells are rectangles of degrees in columns and rows, and whose names nest.

A parent's name is the beginning of its children's. Columns go eastwards and wrap around the earth;
rows go either way, as the grid says.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike

from quanyu.kernel import Invalid
from quanyu.spacetime.grids.model import (
    MOST_CELLS,
    Codes,
    Degrees,
    Geometries,
    Ints,
    check_level,
    degrees,
)

Edges = tuple[Degrees, Degrees, Degrees, Degrees]
_AROUND = np.array([(x, y) for y in (-1, 0, 1) for x in (-1, 0, 1) if x or y], np.int64)


@dataclass(frozen=True, slots=True)
class Lattice:
    """A grid of rectangles; meets :class:`~quanyu.spacetime.grids.model.Grid`.

    locate   columns and rows of points at a level.
    write    names of columns and rows at a level.
    read     level, columns and rows of names; raises ``Invalid`` (``cell``).
    edges    west, south, east, north of columns and rows at a level, in degrees.
    span     least and greatest column, least and greatest row of a level.
    parts    columns and rows of the next level in a cell of a level.
    length   how long names of a level are.
    """

    name: str
    levels: range
    locate: Callable[[Degrees, Degrees, int], tuple[Ints, Ints]]
    write: Callable[[Ints, Ints, int], Codes]
    read: Callable[[ArrayLike], tuple[int, Ints, Ints]]
    edges: Callable[[Ints, Ints, int], Edges]
    span: Callable[[int], tuple[int, int, int, int]]
    parts: Callable[[int], tuple[int, int]]
    length: Callable[[int], int]

    def cells(self, lon: ArrayLike, lat: ArrayLike, level: int) -> Codes:
        """The cell of each point."""
        check_level(level, self.levels, self.name)
        return self.write(*self.locate(*degrees(lon, lat), level), level)

    def level(self, cells: ArrayLike) -> int:
        """The level of cells."""
        return self.read(cells)[0]

    def bounds(self, cells: ArrayLike) -> Edges:
        """West, south, east, north of each cell, in degrees."""
        level, column, row = self.read(cells)
        return self.edges(column, row, level)

    def boundary(self, cells: ArrayLike) -> Geometries:
        """The area of each cell as a polygon."""
        return np.asarray(shapely.box(*self.bounds(cells)))

    def neighbours(self, cells: ArrayLike) -> tuple[Codes, Ints]:
        """The eight cells around each, fewer where the rows end, with whose they are."""
        level, column, row = self.read(cells)
        first, last, low, high = self.span(level)
        around = len(_AROUND)
        columns = (column[:, None] + _AROUND[:, 0]).ravel()
        rows = (row[:, None] + _AROUND[:, 1]).ravel()
        columns = (columns - first) % (last - first + 1) + first
        owner = np.repeat(np.arange(len(column)), around)
        there = (rows >= low) & (rows <= high)
        return self.write(columns[there], rows[there], level), owner[there]

    def parents(self, cells: ArrayLike, level: int) -> Codes:
        """The cell of a coarser level that each lies in."""
        check_level(level, self.levels, self.name)
        own, column, row = self.read(cells)
        if level > own:
            raise Invalid(
                "cells of level {own} have no parents of level {level}",
                field="level",
                mend="give a level up to {own}",
                own=own,
                level=level,
            )
        return self.write(column, row, own).astype(f"U{self.length(level)}")

    def children(self, cells: ArrayLike) -> tuple[Codes, Ints]:
        """Cells of the next level within each, with whose they are."""
        level, column, row = self.read(cells)
        check_level(level + 1, self.levels, self.name)
        columns, rows = self._split(column, row, level)
        owner = np.repeat(np.arange(len(column)), len(columns) // max(len(column), 1))
        return self.write(columns, rows, level + 1), owner

    def cover(self, geometry: Any, level: int) -> Codes:
        """Cells of a level that meet a geometry; of areas, those that share more than an edge."""
        check_level(level, self.levels, self.name)
        if geometry.is_empty:
            return np.empty(0, "U1")
        check_many(self._at_least(geometry, level))
        shapely.prepare(geometry)
        column, row = self._whole(self.levels[0])
        for at in range(self.levels[0], level + 1):
            if at > self.levels[0]:
                across, up = self.parts(at - 1)
                check_many(len(column) * across * up // 4)
                column, row = self._split(column, row, at - 1)
            meets = _meets(geometry, self.edges(column, row, at))
            column, row = column[meets], row[meets]
        check_many(len(column))
        return np.sort(self.write(column, row, level))

    def _at_least(self, geometry: Any, level: int) -> int:
        """How many cells a cover has at least: cells are nowhere wider than at the equator."""
        origin = np.zeros(1)
        west, south, east, north = self.edges(*self.locate(origin, origin, level), level)
        return int(geometry.area / ((east - west) * (north - south))[0])

    def _whole(self, level: int) -> tuple[Ints, Ints]:
        first, last, low, high = self.span(level)
        columns, rows = np.meshgrid(np.arange(first, last + 1), np.arange(low, high + 1))
        return columns.ravel(), rows.ravel()

    def _split(self, column: Ints, row: Ints, level: int) -> tuple[Ints, Ints]:
        across, up = self.parts(level)
        right, above = np.meshgrid(np.arange(across), np.arange(up))
        columns = column[:, None] * across + right.ravel()
        rows = row[:, None] * up + above.ravel()
        return columns.ravel(), rows.ravel()


def _meets(geometry: Any, edges: Edges) -> Any:
    west, south, east, north = geometry.bounds
    found = (edges[0] <= east) & (edges[2] >= west) & (edges[1] <= north) & (edges[3] >= south)
    near = np.flatnonzero(found)
    boxes = shapely.box(*(edge[near] for edge in edges))
    meets = shapely.intersects(geometry, boxes)
    if shapely.get_dimensions(geometry) == 2:
        meets &= ~shapely.touches(geometry, boxes)
    found[near] = meets
    return found


def check_many(count: int) -> None:
    """Raise ``Invalid`` (``level``) for more cells than may be answered."""
    if count > MOST_CELLS:
        raise Invalid(
            "more than {most} cells would cover this",
            field="level",
            mend="take a coarser level or a smaller area",
            most=MOST_CELLS,
        )


def index_of(value: Degrees, per_degree: float) -> Ints:
    """``⌊value · per_degree⌋`` such that ``index / per_degree`` never passes ``value``, whatever
    the multiplication rounds to."""
    found = np.floor(value * per_degree)
    found -= found / per_degree > value
    found += (found + 1) / per_degree <= value
    return found.astype(np.int64)
