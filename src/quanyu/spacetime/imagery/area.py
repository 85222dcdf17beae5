"""Any rectangle out of rasters in any CRS, in as many pixels as are asked for (rio-tiler)."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.warp import transform_bounds
from rio_tiler import reader

from quanyu.kernel import Invalid
from quanyu.spacetime.imagery.handles import Handles
from quanyu.spacetime.imagery.source import Dataset
from quanyu.spacetime.model import Bbox


@dataclass(frozen=True, slots=True)
class Area:
    """``bounds`` (xmin, ymin, xmax, ymax) in ``crs`` as ``width`` by ``height`` pixels."""

    bounds: Bbox
    crs: CRS
    width: int
    height: int

    def in_crs84(self) -> Bbox:
        """The box around it in degrees."""
        return moved(self.bounds, self.crs, CRS.from_string("OGC:CRS84"))


def moved(bounds: Bbox, crs: CRS, to: CRS) -> Bbox:
    """The box around a box in another CRS; raises ``Invalid`` (field ``bbox``)."""
    if crs == to:
        return bounds
    try:
        found: Bbox = transform_bounds(crs, to, *bounds, densify_pts=21)
    except RasterioError as error:
        raise _away() from error
    if not all(map(math.isfinite, found)):
        raise _away()
    return found


def _away() -> Invalid:
    return Invalid(
        "the box cannot be placed in this system",
        field="bbox",
        mend="give a box within the area of use of its crs",
    )


def read_area(
    handles: Handles, path: Path, names: tuple[str, ...], area: Area, resampling: str
) -> Any:
    """The bands of that area as a masked array (bands, height, width); ``None`` when the raster
    lies elsewhere."""
    with handles.borrow(path) as dataset:
        here = moved(area.bounds, area.crs, dataset.crs)
        there = dataset.bounds
        if not (here[0] < there.right and here[2] > there.left
                and here[1] < there.top and here[3] > there.bottom):  # fmt: skip
            return None
        at = {name: index for index, name in enumerate(dataset.descriptions, start=1)}
        found = reader.part(
            dataset,
            area.bounds,
            dst_crs=area.crs,
            bounds_crs=area.crs,
            width=area.width,
            height=area.height,
            indexes=[at[name] for name in names],
            resampling_method=resampling,  # type: ignore[arg-type]
            reproject_method=resampling,  # type: ignore[arg-type]
        )
        return _each_masked(found.array, dataset)


def _each_masked(values: Any, dataset: Dataset) -> Any:
    """Each band masked by itself where it has no data."""
    mask = np.ma.getmaskarray(values)
    nodata = dataset.nodata
    if nodata is not None and not math.isnan(nodata):
        mask = mask | (values.data == nodata)
    return np.ma.MaskedArray(values.data, mask)
