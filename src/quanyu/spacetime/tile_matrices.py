"""Tile matrix sets (OGC 17-083r4): how the world is cut into tiles at each zoom.

``WebMercatorQuad`` is the registered one. ``CGCS2000Quad`` cuts degrees of CGCS2000 (EPSG:4490) as
China's national and city map services do (CH/Z 9011, tile set ``c`` of 天地图): matrix 1 is two
tiles side by side, west and east of Greenwich, from 90° north down, and each is quartered in the
next. OGC's register has none for EPSG:4490.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quanyu.kernel import NotFound
from quanyu.spacetime.model import Bbox
from quanyu.spacetime.world import BITS, MOST_LATITUDE, to_world

DEEPEST = 22
Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TileMatrixSet:
    """A set whose matrix ``z`` has ``2**z`` columns; ``geographic`` says that its rows are of
    degrees, half as many as columns, and else of the spherical Mercator map."""

    name: str
    least: int
    geographic: bool

    def size(self, z: int) -> tuple[int, int]:
        """Columns and rows of a matrix."""
        return 1 << z, 1 << (z - self.geographic)

    def latitude(self, z: int, row: float) -> float:
        """The latitude of a line between rows."""
        if self.geographic:
            return 90.0 - row * 360 / float(2**z)
        return float(np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * row / 2**z)))))

    def tile_of(self, lon: float, lat: float, z: int) -> tuple[int, int]:
        """Column and row of the tile that a place lies in."""
        columns, rows = self.size(z)
        column, row = self.of_degrees(np.array([[lon, lat]]))[0] * (columns / 2.0**BITS)
        return (
            int(np.clip(np.floor(column), 0, columns - 1)),
            int(np.clip(np.floor(row), 0, rows - 1)),
        )

    def of_degrees(self, points: Points) -> Points:
        """Longitudes and latitudes in units of the world's width (``2**BITS``), y downwards."""
        if not self.geographic:
            return to_world(points).astype(np.float64)
        return np.column_stack([points[:, 0] + 180, 90 - points[:, 1]]) * (2.0**BITS / 360)

    def of_world(self, world: NDArray[np.uint32]) -> Points:
        """Units of the Mercator world (:mod:`world`) in those of :meth:`of_degrees`; what lies
        beyond its edge, at 85.05°, is on the edge."""
        if not self.geographic:
            return world.astype(np.float64)
        share = world[:, 1] / 2.0**BITS
        latitude = np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * share))))
        return np.column_stack([world[:, 0], (90 - latitude) * (2.0**BITS / 360)])


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile of a set; raises ``NotFound`` when the set has none such."""

    matrix: TileMatrixSet
    z: int
    x: int
    y: int

    def __post_init__(self) -> None:
        matrix, z = self.matrix, self.z
        if matrix.least <= z <= DEEPEST:
            columns, rows = matrix.size(z)
            if 0 <= self.x < columns and 0 <= self.y < rows:
                return
        raise NotFound(
            "the grid has no tile {z}/{y}/{x}",
            mend="matrices go from {least} to {deepest}",
            z=z,
            y=self.y,
            x=self.x,
            least=matrix.least,
            deepest=DEEPEST,
        )

    def bounds(self, pad: float = 0.0) -> Bbox:
        """West, south, east, north in degrees, ``pad`` of its width wider all around."""
        span, latitude = 360 / 2**self.z, self.matrix.latitude
        west, east = (self.x - pad) * span - 180, (self.x + 1 + pad) * span - 180
        south, north = latitude(self.z, self.y + 1 + pad), latitude(self.z, self.y - pad)
        return west, south, east, north

    @property
    def stretch(self) -> float:
        """How many degrees of longitude are as long on it as one of latitude."""
        if self.matrix.geographic:
            return 1.0
        return float(1 / max(np.cos(np.radians(self.matrix.latitude(self.z, self.y + 0.5))), 1e-3))


SETS: Mapping[str, TileMatrixSet] = {
    one.name: one
    for one in (
        TileMatrixSet("WebMercatorQuad", least=0, geographic=False),
        TileMatrixSet("CGCS2000Quad", least=1, geographic=True),
    )
}
REACH = MOST_LATITUDE
"""Latitude up to which the Mercator world reaches."""


def matrix_set(name: str) -> TileMatrixSet:
    """The set of that name; raises ``NotFound`` (``tileMatrixSetId``)."""
    found = SETS.get(name)
    if found is None:
        raise NotFound(
            "there is no tile matrix set {name}",
            field="tileMatrixSetId",
            mend="use one of: {known}",
            name=name[:80],
            known=", ".join(SETS),
        )
    return found
