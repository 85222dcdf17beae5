"""What the surface analyses work on: a grid of the ground, and buildings that stand on it.

All of it lies in one metric plane that is conformal and has north upwards (:mod:`.plane`).
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from affine import Affine
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Grid: TypeAlias = NDArray[np.float32]
Flags: TypeAlias = NDArray[np.bool_]
Ints: TypeAlias = NDArray[np.int64]

NOBODY = -1
"""Number of the building of a cell on which there is none."""


@dataclass(frozen=True, slots=True)
class Buildings:
    """Prisms: ``shapes`` are polygons in the plane, ``base`` and ``roof`` metres in the heights of
    the ground, one of each for every id. Whatever is below a roof counts as solid."""

    ids: tuple[str, ...]
    shapes: NDArray[np.object_]
    base: Floats
    roof: Floats


NO_BUILDINGS = Buildings((), np.empty(0, np.object_), np.empty(0), np.empty(0))


@dataclass(frozen=True)
class Surface:
    """Ground and roofs of an area.

    ground     metres (rows × columns, float32), NaN where there is no data. Row 0 is the north.
    transform  from (column, row) to metres in the plane; cells are north up.
    buildings  what stands there, exactly.
    owner      place in ``buildings`` of what covers the middle of each cell, else :data:`NOBODY`.
    """

    ground: Grid
    transform: Affine
    buildings: Buildings = NO_BUILDINGS
    owner: Ints = field(default_factory=lambda: np.empty((0, 0), np.int64))

    def __post_init__(self) -> None:
        if self.owner.shape != self.ground.shape:
            object.__setattr__(self, "owner", np.full(self.ground.shape, NOBODY, np.int64))

    @property
    def cell(self) -> tuple[float, float]:
        """Width and height of a cell in metres."""
        return float(self.transform.a), float(-self.transform.e)

    @cached_property
    def tops(self) -> Grid:
        """Height of what is seen from above: the roof where there is one, else the ground; NaN
        where the ground is not known."""
        if not self.buildings.ids:
            return self.ground
        roofs = np.append(self.buildings.roof, np.nan).astype(np.float32)[self.owner]
        return np.where(np.isnan(self.ground), self.ground, np.fmax(self.ground, roofs))

    def cell_of(self, x: float, y: float) -> tuple[int, int] | None:
        """Row and column of the cell that a place lies in; ``None`` outside of the grid."""
        column, row = ~self.transform * (x, y)
        here = (int(np.floor(row)), int(np.floor(column)))
        inside = 0 <= here[0] < self.ground.shape[0] and 0 <= here[1] < self.ground.shape[1]
        return here if inside else None

    def ground_at(self, xy: Floats) -> Floats:
        """Ground at places (n × 2) in the plane, bilinear between the middles of cells; NaN where
        one of the cells that it is made of has no data, and outside of the grid."""
        return bilinear(self.ground, self.transform, xy)


def bilinear(values: NDArray[Any], transform: Affine, xy: Floats) -> Floats:
    """Values at places (n × 2); within half a cell of the edge those of the outermost cells."""
    inverse = ~transform
    column = inverse.a * xy[:, 0] + inverse.c - 0.5
    row = inverse.e * xy[:, 1] + inverse.f - 0.5
    rows, columns = values.shape
    outside = (column < -0.5) | (column > columns - 0.5) | (row < -0.5) | (row > rows - 0.5)
    column, row = np.clip(column, 0, columns - 1), np.clip(row, 0, rows - 1)
    left, top = np.floor(column).astype(np.int64), np.floor(row).astype(np.int64)
    right, low = np.minimum(left + 1, columns - 1), np.minimum(top + 1, rows - 1)
    east, south = column - left, row - top
    found = np.zeros(len(xy))
    for at_row, at_column, share in (
        (top, left, (1 - south) * (1 - east)),
        (top, right, (1 - south) * east),
        (low, left, south * (1 - east)),
        (low, right, south * east),
    ):  # what has no share has no say, even where it has no data
        part = values[at_row, at_column].astype(np.float64)
        found += np.where(share > 0, part * share, 0.0)
    found[outside] = np.nan
    return found
