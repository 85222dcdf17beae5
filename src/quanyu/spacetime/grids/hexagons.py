"""H3: hexagons of an icosahedron in sixteen levels, by the library ``h3ronpy`` (Rust's ``h3o``).

Neighbours of the twelve pentagons are five. A child may reach out of its parent: only its centre
is sure to lie within, so a parent is told from the name and not from the place.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike

from quanyu.kernel import Invalid
from quanyu.spacetime.grids.lattice import check_many
from quanyu.spacetime.grids.model import (
    Codes,
    Geometries,
    Ints,
    check_level,
    degrees,
    names_of,
    no_cell,
)

_LENGTHS = (15,)
_ALPHABET = "0123456789abcdef"
_AREA_0 = 4_357_449.416  # mean square kilometres of a cell of level 0; a level's is a seventh


@dataclass(frozen=True, slots=True)
class Hexagons:
    """The grid H3; meets :class:`~quanyu.spacetime.grids.model.Grid`."""

    name: str = "h3"
    levels: range = range(16)

    def cells(self, lon: ArrayLike, lat: ArrayLike, level: int) -> Codes:
        """The cell of each point."""
        from h3ronpy import vector

        check_level(level, self.levels, self.name)
        x, y = degrees(lon, lat)
        return _text(vector.coordinates_to_cells(y, x, level))

    def level(self, cells: ArrayLike) -> int:
        """The level of cells."""
        return self._level(_numbers(cells))

    def boundary(self, cells: ArrayLike) -> Geometries:
        """The area of each cell as a polygon."""
        from h3ronpy import vector

        found = vector.cells_to_wkb_polygons(_numbers(cells))
        return np.asarray(shapely.from_wkb(_objects(found)))

    def neighbours(self, cells: ArrayLike) -> tuple[Codes, Ints]:
        """The six cells around each, five of a pentagon, with whose they are."""
        import h3ronpy

        numbers = _numbers(cells)
        around, owner = _listed(h3ronpy.grid_disk(numbers, 1))
        other = around != numbers[owner]
        return _text(around[other]), owner[other]

    def parents(self, cells: ArrayLike, level: int) -> Codes:
        """The cell of a coarser level that each is named under."""
        import h3ronpy

        check_level(level, self.levels, self.name)
        numbers = _numbers(cells)
        own = self._level(numbers)
        if level > own:
            raise Invalid(
                "cells of level {own} have no parents of level {level}",
                field="level",
                mend="give a level up to {own}",
                own=own,
                level=level,
            )
        return _text(h3ronpy.change_resolution(numbers, level))

    def children(self, cells: ArrayLike) -> tuple[Codes, Ints]:
        """Cells of the next level named under each, with whose they are."""
        import h3ronpy

        numbers = _numbers(cells)
        level = self._level(numbers)
        check_level(level + 1, self.levels, self.name)
        found, owner = _listed(h3ronpy.change_resolution_list(numbers, level + 1))
        return _text(found), owner

    def cover(self, geometry: Any, level: int) -> Codes:
        """Cells of a level that meet a geometry; around the poles by h3ronpy's own measure."""
        from h3ronpy import ContainmentMode, vector

        check_level(level, self.levels, self.name)
        if geometry.is_empty:
            return np.empty(0, "U1")
        check_many(int(_square_km(geometry) / (_AREA_0 / 7**level)))
        found = vector.wkb_to_cells(
            [shapely.to_wkb(geometry)],
            level,
            containment_mode=ContainmentMode.Covers,
            flatten=True,
        )
        codes = _text(found)
        check_many(len(codes))
        return np.unique(codes)

    def _level(self, numbers: Any) -> int:
        import h3ronpy

        levels = np.asarray(h3ronpy.cells_resolution(numbers))
        if len(levels) and (levels != levels[0]).any():
            raise Invalid(
                "these cells are of several levels",
                field="cell",
                mend="give cells of one level at a time",
            )
        return int(levels[0]) if len(levels) else 0


def _numbers(cells: ArrayLike) -> Any:
    """Names as the 64-bit numbers that they write in hexadecimal."""
    import h3ronpy
    import pyarrow as pa

    codes = names_of(cells, _LENGTHS, _ALPHABET, "h3")
    if not codes.size:
        return np.empty(0, np.uint64)
    numbers = pa.array(h3ronpy.cells_parse(pa.array(codes), set_failing_to_invalid=True))
    if numbers.null_count:
        raise no_cell(str(codes[numbers.is_null().to_numpy(zero_copy_only=False)][0]), "h3")
    return numbers.to_numpy()


def _text(numbers: Any) -> Codes:
    import h3ronpy

    return np.asarray(_objects(h3ronpy.cells_to_string(numbers)), dtype="U15")


def _objects(column: Any) -> Any:
    import pyarrow as pa

    return pa.array(column).to_numpy(zero_copy_only=False)


def _listed(column: Any) -> tuple[Any, Ints]:
    """Values of a column of lists, and the row of each."""
    import pyarrow as pa

    lists = pa.array(column)
    lengths = np.diff(lists.offsets.to_numpy())
    return lists.flatten().to_numpy(), np.repeat(np.arange(len(lengths)), lengths)


def _square_km(geometry: Any) -> float:
    """About the area of a geometry, never less than a hundredth of the true one on the ground."""
    west, south, east, north = geometry.bounds
    middle = np.cos(np.radians((south + north) / 2))
    return float(geometry.area * 111.32**2 * max(middle, 0.01)) if east > west else 0.0


H3 = Hexagons()
