"""What imagery is made of: scenes, their bands, and what a restriction leaves of their pixels.

A dataset of imagery is a table with one row a scene: its footprint, its time, and one column a
band. So rows, region, interval and columns of a restriction mean for scenes and bands what they
mean for rows and columns; :class:`Pixels` is what they leave of the raster itself.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import orjson
import shapely

from quanyu.spacetime.model import Bbox, Interval

MOST_BANDS = 64
MOST_SIDE = 4096
"""Longest side of an answer in pixels."""

ELEVATION = "elevation"
"""Name of the band that is the height of the ground: a dataset that has it is terrain."""

METRES: Mapping[str, float] = {
    "": 1.0, "m": 1.0, "metre": 1.0, "meter": 1.0, "metres": 1.0, "meters": 1.0, "米": 1.0,
    "ft": 0.3048, "foot": 0.3048, "feet": 0.3048,
    "us-ft": 1200 / 3937, "us survey foot": 1200 / 3937, "ftus": 1200 / 3937,
    "cm": 0.01, "dm": 0.1, "km": 1000.0,
}  # fmt: skip
"""Metres in units of height (EPSG 9001 to 9003 among them)."""

COMMON_NAMES = frozenset(
    {"pan", "coastal", "blue", "green", "green05", "yellow", "red", "rededge", "rededge071",
     "rededge075", "rededge078", "nir", "nir08", "nir09", "cirrus", "swir16", "swir22", "lwir",
     "lwir11", "lwir12"}
)  # fmt: skip
"""Common names of bands (STAC extension eo, 2.0)."""


PRESETS: dict[str, str] = {
    "ndvi": "(nir - red) / (nir + red)",
    "ndwi": "(green - nir) / (green + nir)",
    "ndbi": "(swir16 - nir) / (swir16 + nir)",
    "evi": "2.5 * (nir - red) / (nir + 6 * red - 7.5 * blue + 1)",
    "savi": "1.5 * (nir - red) / (nir + red + 0.5)",
}
"""Indices by name: NDVI (Rouse 1974), NDWI (McFeeters 1996), NDBI (Zha 2003), EVI (Huete 2002),
SAVI (Huete 1988), of bands named by their common names (STAC eo)."""

PICTURES: dict[str, str] = {"png": "PNG", "jpeg": "JPEG", "webp": "WEBP"}
"""Forms of a picture, with GDAL's names of them."""

Ranges: TypeAlias = tuple[tuple[float, float], ...]
"""Least and greatest value, one pair for all bands or one for each."""


@dataclass(frozen=True, slots=True)
class Style:
    """How values become colours.

    bands       one or three, by name; none when there is an expression.
    expression  of bands; one value a pixel.
    ranges      least and greatest value, one for all or one for each band.
    colormap    name of a colour map, for one value.
    form        a key of :data:`PICTURES`.
    background  behind pixels without data; ``None`` is transparent (white in JPEG).
    """

    bands: tuple[str, ...] = ()
    expression: str | None = None
    ranges: Ranges = ()
    colormap: str | None = None
    form: str = "png"
    background: tuple[int, int, int] | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which scenes: of an interval, or one by its id."""

    interval: Interval = (None, None)
    scene: str | None = None


EVERY = Chosen()


@dataclass(frozen=True, slots=True)
class Band:
    """A band: values are stored as ``dtype``; ``value * scale + offset`` has the unit ``unit``.

    ``index`` counts from 1 in the file that it is read from. ``standard_name`` (CF) says what
    heights are counted from.
    """

    name: str
    index: int
    dtype: str
    nodata: float | None = None
    scale: float = 1.0
    offset: float = 0.0
    unit: str = ""
    standard_name: str = ""

    @property
    def common(self) -> str | None:
        """Its common name, when its name is one."""
        return self.name if self.name in COMMON_NAMES else None

    def as_json(self) -> dict[str, Any]:
        """As the table keeps it, in the words of STAC 1.1."""
        said: dict[str, Any] = {"index": self.index, "data_type": self.dtype}
        if self.nodata is not None:
            said["nodata"] = "nan" if math.isnan(self.nodata) else self.nodata
        if self.unit:
            said["unit"] = self.unit
        if self.scale != 1.0 or self.offset:
            said |= {"raster:scale": self.scale, "raster:offset": self.offset}
        if self.common:
            said["eo:common_name"] = self.common
        if self.standard_name:
            said["cf:parameter"] = [{"name": self.standard_name, "unit": self.unit}]
        return said


def band_of(name: str, text: str) -> Band:
    """The band that a column of the table describes."""
    said: Mapping[str, Any] = orjson.loads(text)
    nodata = said.get("nodata")
    meant = said.get("cf:parameter") or [{}]
    return Band(
        name,
        int(said["index"]),
        str(said["data_type"]),
        None if nodata is None else float(nodata),
        float(said.get("raster:scale", 1.0)),
        float(said.get("raster:offset", 0.0)),
        str(said.get("unit", "")),
        str(meant[0].get("name", "")),
    )


@dataclass(frozen=True, slots=True)
class Asset:
    """The file of a scene: its name among the files of its dataset, and how its pixels lie.

    ``transform`` is the affine transformation from pixels (column, row) to ``crs``, six numbers.
    """

    key: str
    size: int
    crs: str
    shape: tuple[int, int]
    transform: tuple[float, ...]

    def as_text(self) -> str:
        """As the table keeps it."""
        said = [self.key, self.size, self.crs, list(self.shape), list(self.transform)]
        return orjson.dumps(said).decode()


def asset_of(text: str) -> Asset:
    """The asset that a row of the table names."""
    key, size, crs, shape, transform = orjson.loads(text)
    return Asset(key, size, crs, (shape[0], shape[1]), tuple(transform))


@dataclass(frozen=True, slots=True)
class Scene:
    """A scene that may be seen. ``bands`` are those that may be; ``bbox`` is where pixels may be
    found, which is for the store to know and not for callers when geometry is coarsened."""

    id: str
    at: datetime | None
    bands: tuple[Band, ...]
    asset: Asset
    bbox: Bbox

    def band(self, name: str) -> Band | None:
        """The band of that name."""
        return next((band for band in self.bands if band.name == name), None)


@dataclass(frozen=True, slots=True)
class Pixels:
    """What a restriction leaves of rasters: where (WKB of a region in CRS84), and how fine.

    Pixels that do not lie wholly within the region have no data; ``grid_m`` is the least side of
    a pixel in metres.
    """

    region: bytes | None = None
    grid_m: float | None = None

    @property
    def open(self) -> bool:
        """Whether nothing is left out."""
        return self.region is None and self.grid_m is None

    @property
    def area(self) -> Any:
        """The region as a geometry."""
        return None if self.region is None else shapely.from_wkb(self.region)

    def key(self, bands: tuple[int, ...] | None) -> str:
        """A digest, equal where the same bands are left in the same way."""
        said = [self.region and self.region.hex(), self.grid_m, bands]
        return hashlib.sha256(orjson.dumps(said)).hexdigest()[:24]
