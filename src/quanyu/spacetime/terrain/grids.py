"""The two grids that terrain is cut by, and where their points lie in pixels of WebMercatorQuad.

Meshes: geographic, twice as wide as high at level 0, rows counted from the south (the scheme
``tms`` of EPSG:4326). Pictures: WebMercatorQuad, rows counted from the north.

Points of a mesh are counted over the whole world, so that tiles beside one another compute the
same numbers for the points that they share.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quanyu.spacetime.model import Bbox

Floats = NDArray[np.float64]

SIDE = 64
"""Cells along a side of a mesh."""
TILE = 256
"""Pixels along a side of a picture."""
DEEPEST = 20

_LEVEL_0_DEGREES = 180.0
_METRES = 111_320.0  # of a degree of latitude
_HIGHEST = math.degrees(math.atan(math.sinh(math.pi)))  # where WebMercatorQuad ends


@dataclass(frozen=True, slots=True)
class Lattice:
    """Columns and rows of points: where they are in pixels of WebMercatorQuad at ``zoom``."""

    zoom: int
    columns: Floats
    rows: Floats


@dataclass(frozen=True, slots=True)
class MeshTile:
    """A tile of the geographic grid."""

    z: int
    x: int
    y: int

    @property
    def there(self) -> bool:
        """Whether the grid has it."""
        return 0 <= self.z <= DEEPEST and 0 <= self.x < 2 << self.z and 0 <= self.y < 1 << self.z

    @property
    def bounds(self) -> Bbox:
        """West, south, east, north in degrees."""
        lon, lat = self.degrees(0)
        return float(lon[0]), float(lat[0]), float(lon[-1]), float(lat[-1])

    def degrees(self, beyond: int) -> tuple[Floats, Floats]:
        """Longitudes and latitudes of its points, and of as many beyond each edge; rising."""
        step = _LEVEL_0_DEGREES / (SIDE << self.z)
        along = np.arange(-beyond, SIDE + 1 + beyond, dtype=np.float64)
        lon: Floats = (self.x * SIDE + along) * step - 180.0
        lat: Floats = (self.y * SIDE + along) * step - 90.0
        return lon, lat

    def lattice(self, beyond: int = 1) -> Lattice:
        """Its points, rows from the south; at a zoom whose pixels are as wide as its cells."""
        zoom = max(self.z - 1, 0)
        lon, lat = self.degrees(beyond)
        size = float(TILE << zoom)
        return Lattice(zoom, (lon + 180.0) / 360.0 * size, _rows(lat) * size)


def picture_lattice(z: int, x: int, y: int) -> Lattice:
    """The middles of the pixels of a tile of WebMercatorQuad, rows from the north."""
    along = np.arange(TILE, dtype=np.float64) + 0.5
    columns: Floats = x * TILE + along
    rows: Floats = y * TILE + along
    return Lattice(z, columns, rows)


def _rows(lat: Floats) -> Floats:
    """Shares of the way from the north edge of WebMercatorQuad to its south edge."""
    phi = np.radians(np.clip(lat, -_HIGHEST, _HIGHEST))
    return np.asarray(0.5 - np.arcsinh(np.tan(phi)) / (2 * math.pi))


def mesh_level(metres: float) -> int:
    """The level whose cells are about as fine as pixels of that side."""
    return _bounded(math.ceil(math.log2(_LEVEL_0_DEGREES / SIDE * _METRES / metres) - 0.25))


def picture_zoom(metres: float, latitude: float) -> int:
    """The zoom whose pixels are about as fine as those of that side, at a latitude."""
    there = metres / max(math.cos(math.radians(latitude)), 0.001)
    return _bounded(round(math.log2(360.0 * _METRES / TILE / there)))


def _bounded(level: int) -> int:
    return min(max(level, 0), DEEPEST)


def ranges(boxes: list[Bbox], deepest: int) -> list[list[dict[str, int]]]:
    """For each level the tiles that boxes touch, as ``available`` of ``layer.json`` has them.

    Level 0 is there as a whole: clients begin with it.
    """
    return [
        [
            {"startX": west, "startY": south, "endX": east, "endY": north}
            for west, south, east, north in sorted({_touched(box, z) for box in boxes})
        ]
        for z in range(deepest + 1)
    ]


def touches(boxes: list[Bbox], tile: MeshTile) -> bool:
    """Whether a tile is one of :func:`ranges`."""
    return any(
        west <= tile.x <= east and south <= tile.y <= north
        for west, south, east, north in (_touched(box, tile.z) for box in boxes)
    )


def _touched(box: Bbox, z: int) -> tuple[int, int, int, int]:
    """First and last columns and rows: west, south, east, north."""
    if z == 0:
        return 0, 0, 1, 0
    step = _LEVEL_0_DEGREES / (1 << z)
    west, south, east, north = box
    return (
        _place((west + 180) / step, 2 << z),
        _place((south + 90) / step, 1 << z),
        _place((east + 180) / step, 2 << z),
        _place((north + 90) / step, 1 << z),
    )


def _place(share: float, most: int) -> int:
    return min(max(math.floor(share), 0), most - 1)
