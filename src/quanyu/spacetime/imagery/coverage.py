"""Coverages as files: values of bands over an area as GeoTIFF (COG) or CoverageJSON."""

from typing import Any

import numpy as np
import orjson
import rasterio
from rasterio import shutil as raster
from rasterio.io import MemoryFile
from rasterio.transform import from_bounds

from quanyu.kernel import Invalid
from quanyu.spacetime.imagery.area import Area
from quanyu.spacetime.imagery.model import Band
from quanyu.spacetime.imagery.source import ENV

_MOST_JSON = 1 << 20


def geotiff(values: Any, area: Area, bands: tuple[Band, ...]) -> bytes:
    """A cloud-optimised GeoTIFF of the stored values, with names, scales and units."""
    nodata = bands[0].nodata
    profile = {
        "driver": "GTiff",
        "width": area.width,
        "height": area.height,
        "count": len(bands),
        "dtype": str(values.dtype),
        "crs": area.crs,
        "transform": from_bounds(*area.bounds, area.width, area.height),
        "nodata": nodata,
    }
    with (
        rasterio.Env(**ENV, GDAL_TIFF_INTERNAL_MASK=True),
        MemoryFile() as plain,
        MemoryFile() as made,
    ):
        with plain.open(**profile) as out:
            out.write(np.ma.filled(values, 0 if nodata is None else nodata))
            if nodata is None:
                out.write_mask(~np.ma.getmaskarray(values).all(axis=0))
            out.descriptions = [band.name for band in bands]
            out.scales = [band.scale for band in bands]
            out.offsets = [band.offset for band in bands]
            out.units = [band.unit for band in bands]
        with plain.open() as source:
            raster.copy(source, made.name, driver="COG", compress="DEFLATE", statistics="NO")
        return bytes(made.getbuffer())


def coverage_json(values: Any, area: Area, bands: tuple[Band, ...]) -> bytes:
    """CoverageJSON 1.0 of the values in the units of their bands; raises ``Invalid`` when large."""
    if values.size > _MOST_JSON:
        raise Invalid(
            "CoverageJSON holds {most} values; these are {count}",
            field="f",
            mend="take f=geotiff, or a smaller box",
            most=_MOST_JSON,
            count=int(values.size),
        )
    west, south, east, north = area.bounds
    half_x, half_y = (east - west) / area.width / 2, (north - south) / area.height / 2
    geographic = area.crs.is_geographic
    authority = area.crs.to_authority()
    system = (
        f"http://www.opengis.net/def/crs/{authority[0]}/0/{authority[1]}"
        if authority and authority[0] == "EPSG"
        else "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
    )
    document = {
        "type": "Coverage",
        "domain": {
            "type": "Domain",
            "domainType": "Grid",
            "axes": {
                "x": {"start": west + half_x, "stop": east - half_x, "num": area.width},
                "y": {"start": north - half_y, "stop": south + half_y, "num": area.height},
            },
            "referencing": [
                {
                    "coordinates": ["x", "y"],
                    "system": {
                        "type": "GeographicCRS" if geographic else "ProjectedCRS",
                        "id": system,
                    },
                }
            ],
        },
        "parameters": {band.name: _parameter(band) for band in bands},
        "ranges": {
            band.name: {
                "type": "NdArray",
                "dataType": "float",
                "axisNames": ["y", "x"],
                "shape": [area.height, area.width],
                "values": _scaled(values[at], band).ravel(),
            }
            for at, band in enumerate(bands)
        },
    }
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)


def _parameter(band: Band) -> dict[str, Any]:
    said: dict[str, Any] = {
        "type": "Parameter",
        "observedProperty": {"label": {"en": band.common or band.name}},
    }
    if band.unit:
        said["unit"] = {"symbol": band.unit}
    return said


def _scaled(values: Any, band: Band) -> Any:
    """Values in the band's unit; NaN, which JSON writes as null, where there is no data."""
    numbers = values.astype(np.float64) * band.scale + band.offset
    return np.ma.filled(numbers, np.nan)
