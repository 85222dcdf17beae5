"""What a process gave, as the bytes in which it is kept and sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from quanyu.compute.features import geojson
from quanyu.compute.model import Features, Grid, Holds, Made, Output
from quanyu.kernel import TooLarge

MEDIA_TYPES: Mapping[Holds, str] = {
    Holds.VALUE: "application/json",
    Holds.FEATURES: "application/geo+json",
    Holds.GRID: "image/tiff; application=geotiff",
}


@dataclass(frozen=True, slots=True)
class Result:
    """An output as bytes; ``rows`` counts the features in it."""

    output: str
    holds: Holds
    body: bytes
    rows: int = 0

    @property
    def media_type(self) -> str:
        """Its media type."""
        return MEDIA_TYPES[self.holds]


def encoded(
    outputs: Mapping[str, Output], made: Made, lineage: Mapping[str, Any], most: int
) -> tuple[Result, ...]:
    """Those outputs that a process gave; features and grids say their ``lineage``. Raises
    :class:`TooLarge` above ``most`` bytes together."""
    found = []
    for name, output in outputs.items():
        if made.get(name) is None:
            continue
        value = made[name]
        if output.holds is Holds.FEATURES:
            assert isinstance(value, Features)  # noqa: S101 - as the process declares
            found.append(Result(name, output.holds, geojson(value, lineage), len(value)))
        elif output.holds is Holds.GRID:
            found.append(Result(name, output.holds, geotiff(value, lineage)))
        else:
            found.append(Result(name, output.holds, _json(value)))
    size = sum(len(one.body) for one in found)
    if size > most:
        raise TooLarge(
            "the results have {size} bytes; {most} are kept",
            field="inputs",
            mend="ask about a smaller area or fewer features",
            size=size,
            most=most,
        )
    return tuple(found)


def _json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_UTC_Z)


def geotiff(grid: Grid, lineage: Mapping[str, Any]) -> bytes:
    """A grid as GeoTIFF, deflated, NaN where nothing is known; ``lineage`` as a tag."""
    from rasterio.crs import CRS
    from rasterio.io import MemoryFile
    from rasterio.transform import from_origin

    values = np.asarray(grid.values, np.float32)
    with MemoryFile() as file:
        with file.open(
            driver="GTiff",
            height=values.shape[0],
            width=values.shape[1],
            count=1,
            dtype="float32",
            crs=CRS.from_string(grid.crs),
            transform=from_origin(grid.west, grid.north, grid.step_x, grid.step_y),
            nodata=float("nan"),
            compress="deflate",
            predictor=3,
            tiled=True,
            blockxsize=256,
            blockysize=256,
        ) as dataset:
            dataset.write(values, 1)
            dataset.update_tags(lineage=orjson.dumps(lineage).decode())
            if grid.unit:
                dataset.set_band_unit(1, grid.unit)
        return bytes(file.getbuffer())


def read_geotiff(data: bytes) -> Grid:
    """The first band of a GeoTIFF that stands north up, in its unit; NaN where it has no data."""
    from rasterio.io import MemoryFile

    with MemoryFile(data) as file, file.open() as dataset:
        values = dataset.read(1, masked=True).astype(np.float64)
        filled = values.filled(np.nan) * dataset.scales[0] + dataset.offsets[0]
        at = dataset.transform
        return Grid(
            filled, at.c, at.f, at.a, -at.e, dataset.crs.to_string(), dataset.units[0] or None
        )
