"""A made-up relief under the demo city, and what stands or grows on it as rasters and points.

Nothing here was measured. Heights are metres above a plane at sea level; the plane is UTM 35N.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer

PLANE = "EPSG:32635"
_HILLS = ((-250.0, 330.0, 260.0, 11.0), (330.0, 120.0, 210.0, 14.0), (120.0, -560.0, 300.0, 16.0),
          (-380.0, -300.0, 240.0, 8.0))  # fmt: skip
"""East and north of the middle, reach and height of each hill, in metres."""
_STEP = 4.0
Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ground:
    """The plane on which things are made up: its corners in metres, and its middle."""

    west: float
    south: float
    east: float
    north: float

    @property
    def middle(self) -> tuple[float, float]:
        """The middle of the plane."""
        return (self.west + self.east) / 2, (self.south + self.north) / 2

    def height(self, x: Any, y: Any) -> Numbers:
        """Height of the made-up relief in metres at places of the plane."""
        east, north = np.asarray(x) - self.middle[0], np.asarray(y) - self.middle[1]
        found = 3.0 + 1.2 * np.sin(east / 90.0) * np.cos(north / 130.0)
        for right, up, reach, top in _HILLS:
            away = ((east - right) ** 2 + (north - up) ** 2) / reach**2
            found = found + top * np.exp(-away)
        return np.asarray(found, np.float64)


_TO_PLANE = Transformer.from_crs("OGC:CRS84", PLANE, always_xy=True)
_TO_DEGREES = Transformer.from_crs(PLANE, "OGC:CRS84", always_xy=True)


def on_plane(shapes: Any) -> Any:
    """Geometries in degrees, on the plane."""
    return shapely.transform(shapes, lambda xy: np.column_stack(_TO_PLANE.transform(*xy.T)))


def in_degrees(shapes: Any) -> Any:
    """Geometries of the plane, in degrees."""
    return shapely.transform(shapes, lambda xy: np.column_stack(_TO_DEGREES.transform(*xy.T)))


def ground_of(box: Sequence[float]) -> Ground:
    """The plane under a box in degrees, with a margin."""
    west, south, east, north = shapely.bounds(on_plane(shapely.box(*box)))
    return Ground(west - 40.0, south - 40.0, east + 40.0, north + 40.0)


def write_relief(ground: Ground, path: Path) -> None:
    """The relief as a GeoTIFF of one band, a pixel for each 4 metres."""
    x, y, place = grid(ground, _STEP)
    write_raster(path, ground.height(x, y)[None].astype(np.float32), place, ("elevation",))


def grid(ground: Ground, step: float) -> tuple[Numbers, Numbers, tuple[float, float, float]]:
    """Middles of pixels of ``step`` metres, and where their first corner is."""
    columns = np.arange(ground.west + step / 2, ground.east, step)
    rows = np.arange(ground.north - step / 2, ground.south, -step)
    x, y = np.meshgrid(columns, rows)
    return x, y, (ground.west, ground.north, step)


def write_raster(
    path: Path, bands: NDArray[Any], place: tuple[float, float, float], names: Sequence[str]
) -> None:
    """Bands as a GeoTIFF on the plane."""
    import rasterio
    from rasterio.transform import from_origin

    west, north, step = place
    count, rows, columns = bands.shape
    with rasterio.open(
        path, "w", driver="GTiff", width=columns, height=rows, count=count, dtype=bands.dtype,
        crs=PLANE, transform=from_origin(west, north, step, step),
    ) as file:  # fmt: skip
        file.write(bands)
        file.descriptions = tuple(names)
