"""A scene as a restriction leaves it, as a file of its own: other bands and pixels are not in it.

Everything that leaves the store (tiles, maps, coverages, figures, previews, overviews) is read from
such a file, so there is nothing hidden in what it is made of. A pixel is kept when it lies wholly
within the region; the rest has no data. Overviews and coarser pixels are computed afterwards.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, Resampling
from rasterio.features import rasterize
from rasterio.transform import Affine
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform_geom
from rasterio.windows import Window

from quanyu.spacetime.imagery.cog import write_copy
from quanyu.spacetime.imagery.model import Band, Pixels
from quanyu.spacetime.imagery.source import ENV, Dataset

_BLOCK = 1024
_METRES_PER_DEGREE = 111_320.0


def narrow(asset: Path, target: Path, bands: tuple[Band, ...], pixels: Pixels) -> None:
    """Write what ``pixels`` leaves of these bands of ``asset`` as a COG to ``target``.

    Where nothing is left one pixel without data stands at the corner.
    """
    kept = target.with_name(f"{target.name}.kept.tif")
    coarse = target.with_name(f"{target.name}.coarse.tif")
    try:
        with rasterio.Env(**ENV):
            with rasterio.open(asset, driver="GTiff") as source:
                categorical = ColorInterp.palette in source.colorinterp
                region = _region(pixels, source.crs)
                _cut(source, kept, bands, region)
            done = kept
            if pixels.grid_m is not None and _coarsen(kept, coarse, pixels.grid_m, categorical):
                done = coarse
        write_copy(done, target, categorical=categorical)
    finally:
        kept.unlink(missing_ok=True)
        coarse.unlink(missing_ok=True)


def _region(pixels: Pixels, crs: CRS) -> Any:
    """The region in the CRS of the raster, its straight lines bent as the projection bends them."""
    area = pixels.area
    if area is None:
        return None
    length = max(area.length / 512, 1e-6)
    dense = shapely.segmentize(area, length)
    moved = transform_geom("OGC:CRS84", crs, shapely.geometry.mapping(dense))
    return shapely.make_valid(shapely.geometry.shape(moved))


def _cut(source: Dataset, target: Path, bands: tuple[Band, ...], region: Any) -> None:
    window = _window(source, region)
    transform = source.window_transform(window)
    alpha = bands[0].nodata is None
    indexes = [band.index for band in bands]
    kind = np.result_type(*(source.dtypes[index - 1] for index in indexes))
    profile = {
        "driver": "GTiff",
        "width": window.width,
        "height": window.height,
        "count": len(bands),
        "dtype": str(kind),
        "crs": source.crs,
        "transform": transform,
        "tiled": True,
        "blockxsize": 256,
        "blockysize": 256,
        "bigtiff": "IF_SAFER",
        "compress": "DEFLATE",
        "zlevel": 1,
        "nodata": None if alpha else bands[0].nodata,
    }
    with (
        rasterio.Env(**ENV, GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(target, "w", **profile) as out,
    ):
        out.descriptions = [band.name for band in bands]
        out.scales = [band.scale for band in bands]
        out.offsets = [band.offset for band in bands]
        out.units = [band.unit for band in bands]
        _colours(source, out, indexes)
        for block in _blocks(window.width, window.height):
            there = Window(
                block.col_off + window.col_off,
                block.row_off + window.row_off,
                block.width,
                block.height,
            )
            values = source.read(indexes, window=there).astype(kind, copy=False)
            data = source.dataset_mask(window=there) > 0
            if region is not None:
                data &= _wholly_within(region, source.window_transform(there), data.shape)
            if alpha:
                values[:, ~data] = 0
                out.write_mask(data, window=block)
            else:
                values[:, ~data] = bands[0].nodata
            out.write(values, window=block)


def _colours(source: Dataset, out: Dataset, indexes: list[int]) -> None:
    for place, index in enumerate(indexes, start=1):
        if source.colorinterp[index - 1] is ColorInterp.palette:
            out.write_colormap(place, source.colormap(index))


def _window(source: Dataset, region: Any) -> Window:
    """The whole pixels around the region; one pixel where it lies elsewhere."""
    if region is None:
        return Window(0, 0, source.width, source.height)
    inverse = ~source.transform
    west, south, east, north = region.bounds
    left, top = inverse * (west, north)
    right, bottom = inverse * (east, south)
    first, last = max(math.floor(left), 0), min(math.ceil(right), source.width)
    upper, lower = max(math.floor(top), 0), min(math.ceil(bottom), source.height)
    if first >= last or upper >= lower:
        return Window(0, 0, 1, 1)
    return Window(first, upper, last - first, lower - upper)


def _blocks(width: int, height: int) -> list[Window]:
    return [
        Window(left, top, min(_BLOCK, width - left), min(_BLOCK, height - top))
        for top in range(0, height, _BLOCK)
        for left in range(0, width, _BLOCK)
    ]


def _wholly_within(region: Any, transform: Affine, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Which pixels lie wholly within: those that neither the outside nor the edge touches."""
    height, width = shape
    corners = [transform * corner for corner in ((0, 0), (width, 0), (width, height), (0, height))]
    frame = shapely.Polygon(corners).buffer(2 * abs(transform.a))
    outside = shapely.difference(frame, region)
    if outside.is_empty:
        return np.ones(shape, dtype=bool)
    touched = rasterize(
        [(outside, 1), (outside.boundary, 1)],
        out_shape=shape,
        transform=transform,
        all_touched=True,
        dtype="uint8",
    )
    return np.asarray(touched == 0)


def _coarsen(source: Path, target: Path, metres: float, categorical: bool) -> bool:
    """Write the raster with pixels of at least that side; ``False`` when they are coarser already.

    Cells are counted from the origin of the CRS, so that scenes of one CRS share them.
    """
    with rasterio.open(source, driver="GTiff") as dataset:
        step = _step(dataset, metres)
        if step[0] <= dataset.transform.a and step[1] <= -dataset.transform.e:
            return False
        west, south, east, north = dataset.bounds
        left, top = math.floor(west / step[0]) * step[0], math.ceil(north / step[1]) * step[1]
        width = max(math.ceil((east - left) / step[0]), 1)
        height = max(math.ceil((top - south) / step[1]), 1)
        transform = Affine(step[0], 0, left, 0, -step[1], top)
        way = Resampling.mode if categorical else Resampling.average
        with (
            WarpedVRT(
                dataset,
                crs=dataset.crs,
                transform=transform,
                width=width,
                height=height,
                resampling=way,
                add_alpha=dataset.nodata is None,
            ) as coarse,
            rasterio.open(target, "w", **_coarse_profile(dataset, coarse)) as out,
        ):
            out.descriptions = dataset.descriptions
            out.scales, out.offsets = dataset.scales, dataset.offsets
            out.units = dataset.units
            _colours(dataset, out, list(dataset.indexes))
            for block in _blocks(width, height):
                out.write(coarse.read(list(dataset.indexes), window=block), window=block)
                if dataset.nodata is None:
                    out.write_mask(coarse.dataset_mask(window=block) > 0, window=block)
    return True


def _coarse_profile(dataset: Dataset, coarse: Dataset) -> dict[str, Any]:
    return {
        "driver": "GTiff",
        "width": coarse.width,
        "height": coarse.height,
        "count": dataset.count,
        "dtype": dataset.dtypes[0],
        "crs": dataset.crs,
        "transform": coarse.transform,
        "nodata": dataset.nodata,
        "tiled": True,
        "blockxsize": 256,
        "blockysize": 256,
        "compress": "DEFLATE",
    }


def _step(dataset: Dataset, metres: float) -> tuple[float, float]:
    if not dataset.crs.is_geographic:
        step = metres / float(dataset.crs.linear_units_factor[1])
        return step, step
    middle = (dataset.bounds.bottom + dataset.bounds.top) / 2
    tall = metres / _METRES_PER_DEGREE
    return tall / max(math.cos(math.radians(middle)), 0.001), tall
