"""Made-up pictures and points from above: two scenes a year and a half apart, and a laser scan."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from quanyu.cli.demo_relief import PLANE, Ground, Numbers, grid, write_raster

BANDS = ("blue", "green", "red", "nir")
SCENES = {"generated_20250601T090000": 0, "generated_20260915T090000": 1}
"""File names say when a scene claims to be taken; the second has less green."""
_PIXEL = 2.0
_COVERS: Mapping[str, tuple[int, int, int, int]] = {
    "ground": (900, 1000, 1100, 1500),
    "water": (700, 500, 300, 120),
    "green": (420, 780, 480, 3300),
    "street": (820, 830, 850, 900),
    "roof": (1150, 1250, 1700, 1750),
    "bare": (1150, 1350, 1750, 2000),
}
"""Reflectance of the four bands, times 10,000."""
_CLOUD_HALF = 170.0
_SPACING = 1.15


def write_scenes(
    ground: Ground, covers: Mapping[str, Any], rng: np.random.Generator, folder: Path
) -> list[Path]:
    """Two GeoTIFFs of four bands; ``covers`` are shapes on the plane by kind of cover."""
    from rasterio.features import rasterize
    from rasterio.transform import from_origin

    x, y, place = grid(ground, _PIXEL)
    west, north, step = place
    kinds = list(_COVERS)
    burnt = [
        (shape, kinds.index(kind))
        for kind in ("water", "green", "street", "roof")
        for shape in covers[kind]
        if not shape.is_empty
    ]
    cover = rasterize(burnt, x.shape, transform=from_origin(west, north, step, step), fill=0)
    colours = np.array(list(_COVERS.values()), np.float64)
    middle = ground.middle
    cleared = (np.abs(x - middle[0] + 140) < 120) & (np.abs(y - middle[1] - 520) < 90)
    written = []
    for name, later in SCENES.items():
        seen = np.where(cleared & (cover == kinds.index("green")), kinds.index("bare"), cover)
        kind = seen if later else cover
        slope = np.gradient(ground.height(x, y), step)
        shade = 1.0 + 0.6 * (slope[1] - slope[0])
        rough = rng.normal(1.0, 0.05, (4, *x.shape))
        bands = colours[kind].transpose(2, 0, 1) * rough * shade * (0.96 if later else 1.0)
        path = folder / f"{name}.tif"
        write_raster(path, np.clip(bands, 1, 10_000).astype(np.uint16), place, BANDS)
        written.append(path)
    return written


def write_cloud(
    ground: Ground,
    roofs: NDArray[np.object_],
    tops: Numbers,
    green: Any,
    rng: np.random.Generator,
    path: Path,
) -> None:
    """A laser scan as LAZ: ground, roofs (their heights above ground in ``tops``), trees."""
    import laspy

    middle = ground.middle
    count = int(2 * _CLOUD_HALF / _SPACING) ** 2
    x = middle[0] + rng.uniform(-_CLOUD_HALF, _CLOUD_HALF, count)
    y = middle[1] + rng.uniform(-_CLOUD_HALF, _CLOUD_HALF, count)
    z = ground.height(x, y) + rng.normal(0, 0.06, count)
    kind = np.full(count, 2, np.uint8)
    tree = shapely.STRtree(roofs)
    at, roof = tree.query(shapely.points(x, y), predicate="within")
    z[at] += tops[roof]
    kind[at] = 6
    leafy = shapely.contains_xy(green, x, y) & (kind == 2) & (rng.uniform(size=count) < 0.6)
    z[leafy] += rng.gamma(6.0, 1.1, int(leafy.sum()))
    kind[leafy] = 5
    colours = {2: (150, 146, 136), 5: (84, 128, 72), 6: (176, 112, 88)}
    shade = rng.uniform(0.85, 1.1, count)
    header = laspy.LasHeader(point_format=7, version="1.4")
    header.offsets = [middle[0], middle[1], 0.0]
    header.scales = [0.01, 0.01, 0.01]
    header.add_crs(_crs())
    cloud = laspy.LasData(header)
    cloud.x, cloud.y, cloud.z = x, y, z
    cloud.classification = kind
    for number, name in enumerate(("red", "green", "blue")):
        values = np.array([colours[k][number] for k in (2, 5, 6)])
        chosen = values[np.searchsorted((2, 5, 6), kind)] * shade
        setattr(cloud, name, (np.clip(chosen, 0, 255) * 257).astype(np.uint16))
    cloud.write(path)


def _crs() -> Any:
    from pyproj import CRS

    return CRS(PLANE)
