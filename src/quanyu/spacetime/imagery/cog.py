"""Writing cloud-optimised GeoTIFFs: the asset of a scene, and the copy that map tiles come from."""

from pathlib import Path

import rasterio
from rasterio import shutil as raster
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.vrt import WarpedVRT

from quanyu.spacetime.imagery.model import Band
from quanyu.spacetime.imagery.source import ENV, Dataset, Facts, broken

BLOCK = 512
TILE = 256
"""Side of a block of the copy for tiles: that of a tile of WebMercatorQuad."""

_ALIGNED = 3  # levels whose blocks are tiles; more would pad the raster with empty tiles


def write_asset(path: Path, target: Path, facts: Facts) -> None:
    """Write the scene in ``path`` as a COG with overviews to ``target``, in bounded memory.

    What options say over the file (CRS, nodata, names of bands) is written into it; a raster that
    is turned or hung on control points is straightened in its own CRS. Raises ``Invalid``.
    """
    said = target.with_name(f"{target.name}.vrt")
    kind = "nearest" if facts.categorical else "average"
    try:
        with rasterio.Env(**ENV, GDAL_TIFF_INTERNAL_MASK=True):
            # A file of GDAL's that we write ourselves: it holds what the options say.
            with rasterio.open(path, driver="GTiff") as source:
                raster.copy(source, said, driver="VRT")
            with rasterio.open(said, "r+", driver="VRT") as wrapped:
                _say(wrapped, facts)
            with rasterio.open(said, driver="VRT") as wrapped:
                if facts.upright:
                    _copy(wrapped, target, kind)
                else:
                    _straightened(wrapped, target, facts, kind)
    except RasterioError as error:
        target.unlink(missing_ok=True)
        raise broken(error) from error
    finally:
        said.unlink(missing_ok=True)


def _say(wrapped: Dataset, facts: Facts) -> None:
    if not wrapped.gcps[1] or facts.crs_from == "option":
        wrapped.crs = CRS.from_user_input(facts.crs)
    descriptions = list(wrapped.descriptions)
    for band in facts.bands:
        descriptions[band.index - 1] = band.name
        if band.unit:
            wrapped.set_band_unit(band.index, band.unit)
    wrapped.descriptions = descriptions
    nodata = {band.nodata for band in facts.bands}
    if len(nodata) == 1 and None not in nodata:
        wrapped.nodata = nodata.pop()


def _straightened(wrapped: Dataset, target: Path, facts: Facts, kind: str) -> None:
    options = {"crs": CRS.from_user_input(facts.crs)}
    if wrapped.gcps[0]:
        options["src_crs"] = options["crs"]
    way = Resampling.nearest if facts.categorical else Resampling.bilinear
    alpha = facts.bands[0].nodata is None and len(facts.bands) == wrapped.count
    with WarpedVRT(wrapped, resampling=way, add_alpha=alpha, **options) as straight:
        _copy(straight, target, kind)


def _copy(source: Dataset, target: Path, overviews: str) -> None:
    predictor = "YES" if max(map(_bytes, source.dtypes)) > 1 else "NO"
    raster.copy(
        source,
        target,
        driver="COG",
        compress="DEFLATE",
        predictor=predictor,
        blocksize=BLOCK,
        overviews="IGNORE_EXISTING",
        resampling=overviews,
        bigtiff="IF_SAFER",
        statistics="NO",
    )


def write_copy(source: Path, target: Path, *, categorical: bool) -> None:
    """The file again as a COG with overviews: the last step of a narrowed copy."""
    with rasterio.Env(**ENV), rasterio.open(source, driver="GTiff") as dataset:
        _copy(dataset, target, "nearest" if categorical else "average")


def write_tiles_copy(source: Path, target: Path, *, categorical: bool) -> None:
    """The raster of ``source`` in the grid of WebMercatorQuad, each block a tile.

    Values are resampled once (bilinear, or the nearest where they are classes); further out they
    are means of those with data.
    """
    with rasterio.Env(**ENV), rasterio.open(source, driver="GTiff") as dataset:
        way = "nearest" if categorical else "bilinear"
        raster.copy(
            dataset,
            target,
            driver="COG",
            tiling_scheme="GoogleMapsCompatible",
            aligned_levels=_ALIGNED,
            compress="ZSTD",
            level=1,
            overviews="IGNORE_EXISTING",
            warp_resampling=way,
            overview_resampling="nearest" if categorical else "average",
            bigtiff="IF_SAFER",
            statistics="NO",
        )


def bands_in(dataset: Dataset, bands: tuple[Band, ...]) -> list[int]:
    """Indexes of the bands in a narrowed copy, which holds just these, by their descriptions."""
    at = {name: index for index, name in enumerate(dataset.descriptions, start=1)}
    return [at[band.name] for band in bands]


def _bytes(kind: str) -> int:
    import numpy as np

    return int(np.dtype(kind).itemsize)
