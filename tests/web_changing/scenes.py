"""Scenes over the town, of a few thousand pixels whose values are known at every place.

West of the town's middle red and infrared are even, so that the vegetation index is; east of it
every band holds ``BEYOND``: whoever sees that value sees past the agreement. The shortwave band
holds ``HIDDEN`` everywhere.
"""

from pathlib import Path

import numpy as np
import rasterio
from pyproj import Transformer
from rasterio.transform import from_origin
from town import EAST, MIDDLE, NORTH, SOUTH, WEST

CRS = "EPSG:32635"
STEP = 8.0
BANDS = ("blue", "green", "red", "nir", "swir16")
BEYOND, HIDDEN = 60_000, 54_321
SCENES = {
    "t35_20200601T100000": (1_200, 2_400),
    "t35_20240601T100000": (1_000, 3_000),
    "t35_20250601T100000": (1_500, 2_500),
}
"""Red and infrared of each scene."""


def frame() -> tuple[float, float, int, int]:
    """Left and top in metres, columns and rows: the town and a little more."""
    into = Transformer.from_crs("OGC:CRS84", CRS, always_xy=True)
    left, bottom, right, top = into.transform_bounds(WEST, SOUTH, EAST, NORTH)
    left, top = np.floor(left / STEP) * STEP, np.ceil(top / STEP) * STEP
    return left, top, int((right - left) // STEP) + 2, int((top - bottom) // STEP) + 2


def longitudes() -> np.ndarray:
    """The longitude of the middle of every pixel."""
    left, top, columns, rows = frame()
    out = Transformer.from_crs(CRS, "OGC:CRS84", always_xy=True)
    x, y = np.meshgrid(
        left + (np.arange(columns) + 0.5) * STEP, top - (np.arange(rows) + 0.5) * STEP
    )
    return np.asarray(out.transform(x, y)[0])


def write_scene(folder: Path, name: str, *, crs: str | None = CRS) -> Path:
    """A scene as GeoTIFF."""
    red, nir = SCENES.get(name, (1_000, 3_000))
    left, top, columns, rows = frame()
    values = np.zeros((len(BANDS), rows, columns), dtype=np.uint16)
    for at, value in enumerate((400, 700, red, nir, HIDDEN)):
        values[at] = value
    values[:, longitudes() >= MIDDLE] = BEYOND
    values[4] = HIDDEN
    path = folder / f"{name}.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=columns, height=rows, count=len(BANDS), dtype="uint16",
        crs=crs, transform=from_origin(left, top, STEP, STEP), nodata=0,
    ) as out:  # fmt: skip
        out.write(values)
        out.descriptions = BANDS
    return path
