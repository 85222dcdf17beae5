"""A GeoTIFF as a source: opened with no other driver than GDAL's for TIFF, and checked."""

import math
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

import numpy as np
import rasterio
import shapely
from rasterio.crs import CRS
from rasterio.enums import ColorInterp
from rasterio.errors import CRSError, NotGeoreferencedWarning, RasterioError
from rasterio.warp import transform_geom

from quanyu.kernel import Invalid
from quanyu.spacetime.imagery import elevation
from quanyu.spacetime.imagery.model import ELEVATION, MOST_BANDS, Band
from quanyu.spacetime.model import RESERVED

Dataset: TypeAlias = Any
"""An open dataset of rasterio, which has no types."""

ENV: dict[str, Any] = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",  # no files beside it are looked for
    "GDAL_CACHEMAX": 64 << 20,
    "GDAL_NUM_THREADS": 1,
    "GTIFF_SRS_SOURCE": "EPSG",
}
OWN = frozenset({"scene", "datetime", "crs", "gsd", "scene_asset", *RESERVED})
"""Names of columns that a band cannot have."""

_STAMP = re.compile(r"(?<!\d)((?:19|20)\d{2})-?([01]\d)-?([0-3]\d)(?:[T_]?([0-2]\d)([0-5]\d)"
                    r"([0-5]\d))?(?!\d)")  # fmt: skip
_WORD = re.compile(r"[^a-z0-9]+")
_REAL = frozenset({"uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"})


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file says of itself. ``footprint`` is in CRS84, ``gsd`` in metres.

    ``upright`` says whether rows run north to south and columns west to east. ``heights_from`` says
    who says that a band is the height of the ground: ``option``, ``source``, or nobody.
    """

    id: str
    at: datetime
    at_from: str
    crs: str
    crs_from: str
    shape: tuple[int, int]
    bands: tuple[Band, ...]
    footprint: Any
    gsd: float
    upright: bool
    categorical: bool
    heights_from: str = ""


@contextmanager
def opened(path: Path) -> Iterator[Dataset]:
    """The file, read as a TIFF or not at all; raises ``Invalid`` (field ``source``)."""
    try:
        with rasterio.Env(**ENV), _quietly(path) as dataset:
            yield dataset
    except RasterioError as error:
        raise broken(error) from error


def _quietly(path: Path) -> Dataset:
    """That a raster does not say where it lies is told later, as what it is: a fault."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        return rasterio.open(path, driver="GTiff")


def broken(error: Exception) -> Invalid:
    """What is said of a file that GDAL cannot read."""
    return Invalid(
        "the raster cannot be read; it is cut off or damaged: {why}",
        field="source",
        mend="fetch or write it again, as GeoTIFF",
        why=_bare(str(error)),
    )


def facts_of(
    dataset: Dataset,
    name: str,
    *,
    crs: str | None = None,
    at: str | None = None,
    timezone: str = "UTC",
    bands: tuple[str, ...] = (),
    nodata: float | None = None,
    heights: str | None = None,
    most_bytes: int = 16 << 30,
) -> Facts:
    """What is known of an open file; options go before what it says. Raises ``Invalid``."""
    _check_size(dataset, most_bytes)
    elevation.check(heights)
    system, crs_from = _crs(dataset, crs)
    shape = (int(dataset.height), int(dataset.width))
    footprint = _footprint(dataset, system)
    moment, at_from = _moment(dataset, name, at, timezone)
    matrix = dataset.transform
    middle = footprint.centroid
    named = _bands(dataset, bands, nodata)
    sure = heights is not None or ELEVATION in bands
    seems = None if sure else elevation.proposed(dataset, name, _name_of(system))
    named = elevation.with_elevation(named, heights or seems, sure=sure)
    found = any(band.name == ELEVATION for band in named)
    return Facts(
        id=_identifier(name),
        at=moment,
        at_from=at_from,
        crs=_name_of(system),
        crs_from=crs_from,
        shape=shape,
        bands=named,
        footprint=footprint,
        gsd=_metres(math.hypot(matrix.a, matrix.d), system, middle.y),
        upright=_upright(dataset),
        categorical=ColorInterp.palette in dataset.colorinterp,
        heights_from=("option" if sure else "source") if found else "",
    )


def _check_size(dataset: Dataset, most: int) -> None:
    kinds = {str(kind) for kind in dataset.dtypes}
    if not dataset.count or not kinds <= _REAL:
        raise Invalid(
            "pixels of the type {kinds} are not read here",
            field="source",
            mend="write it with whole or real numbers",
            kinds=", ".join(sorted(kinds)) or "-",
        )
    if dataset.count > MOST_BANDS:
        raise Invalid(
            "the raster has {count} bands; {most} are read",
            field="source",
            mend="write fewer bands",
            count=dataset.count,
            most=MOST_BANDS,
        )
    size = dataset.width * dataset.height * sum(np.dtype(kind).itemsize for kind in dataset.dtypes)
    if size > most:
        raise Invalid(
            "the raster takes {size} bytes unpacked; {most} are allowed",
            field="source",
            mend="cut it into parts",
            size=size,
            most=most,
        )


def _crs(dataset: Dataset, given: str | None) -> tuple[CRS, str]:
    if given is None and not dataset.crs and not dataset.gcps[1]:
        raise Invalid(
            "the raster names no coordinate reference system",
            field="crs",
            mend="name it, such as EPSG:4547 for CGCS2000 at 114° E",
        )
    try:
        found = CRS.from_user_input(given) if given else (dataset.crs or dataset.gcps[1])
        transform_geom(found, "OGC:CRS84", {"type": "Point", "coordinates": [1.0, 1.0]})
    except (CRSError, RasterioError, ValueError) as error:
        raise Invalid(
            "“{crs}” is no system in which rasters are read here",
            field="crs",
            mend="give an EPSG code such as EPSG:4547, or well-known text",
            crs=(given or dataset.crs.to_string())[:120],
        ) from error
    return found, "option" if given else "source"


def _name_of(system: CRS) -> str:
    authority = system.to_authority()
    return ":".join(authority) if authority else str(system.to_wkt())


def _upright(dataset: Dataset) -> bool:
    matrix = dataset.transform
    return bool(matrix.b == 0 and matrix.d == 0 and matrix.a > 0 and matrix.e < 0)


def _footprint(dataset: Dataset, system: CRS) -> Any:
    """Where the raster lies, as a polygon in CRS84 with a corner every 32nd of a side."""
    points = dataset.gcps[0]
    if dataset.transform.is_identity and not points:
        raise Invalid(
            "the raster does not say where it lies",
            field="source",
            mend="write it with a geotransform",
        )
    if dataset.transform.is_identity:
        outline = shapely.MultiPoint([(one.x, one.y) for one in points]).convex_hull
    else:
        corners = [(0, 0), (dataset.width, 0), (dataset.width, dataset.height), (0, dataset.height)]
        outline = shapely.Polygon([dataset.transform * corner for corner in corners])
    if not (outline.area > 0 and np.isfinite(outline.bounds).all()):
        raise Invalid("the raster has no area", field="source", mend="write it anew")
    dense = shapely.segmentize(outline, outline.length / 128)
    try:
        moved = shapely.geometry.shape(
            transform_geom(system, "OGC:CRS84", shapely.geometry.mapping(dense), precision=9)
        )
    except RasterioError as error:
        raise _away(system) from error
    west, south, east, north = moved.bounds if not moved.is_empty else (math.nan,) * 4
    if not (west >= -180.0001 and south >= -90.0001 and east <= 180.0001 and north <= 90.0001):
        raise _away(system)
    return moved if moved.is_valid else moved.convex_hull


def _away(system: CRS) -> Invalid:
    return Invalid(
        "in {crs} the raster lies outside of the world",
        field="crs",
        mend="check the coordinate reference system",
        crs=_name_of(system)[:120],
    )


def _metres(step: float, system: CRS, latitude: float) -> float:
    if system.is_geographic:
        return round(step * 111_320.0 * max(math.cos(math.radians(latitude)), 0.001), 6)
    return round(step * float(system.linear_units_factor[1]), 6)


def _moment(dataset: Dataset, name: str, given: str | None, timezone: str) -> tuple[datetime, str]:
    if given is not None:
        try:
            found = datetime.fromisoformat(given)
        except ValueError as error:
            raise Invalid(
                "“{text}” is no time",
                field="datetime",
                mend="give such as 2026-03-01T02:30:00Z",
                text=given[:60],
            ) from error
        return _in_utc(found, timezone), "option"
    for domain in ("IMAGERY", None):
        stamp = _stamp(dataset.tags(ns=domain).get("ACQUISITIONDATETIME", ""))
        if stamp:
            return _in_utc(stamp, timezone), "tag"
    named = next(filter(None, map(_of_name, _STAMP.finditer(name))), None)
    if named:
        return _in_utc(named, timezone), "name"
    # When the file was written (TIFF 6.0), which some programs set to when the scene was taken.
    written = _stamp(dataset.tags().get("TIFFTAG_DATETIME", "").replace(":", "-", 2))
    if written is None:
        raise Invalid(
            "neither a tag nor the name of the file says when the scene was taken",
            field="datetime",
            mend="give the time, such as 2026-03-01T02:30:00Z",
        )
    return _in_utc(written, timezone), "date of the file"


def _stamp(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        return None


def _of_name(match: re.Match[str]) -> datetime | None:
    year, month, day, *clock = match.groups()
    hour, minute, second = (int(part) if part else 0 for part in clock)
    try:
        return datetime(int(year), int(month), int(day), hour, minute, second)  # noqa: DTZ001
    except ValueError:
        return None


def _in_utc(moment: datetime, timezone: str) -> datetime:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(timezone))
    return moment.astimezone(UTC)


def _bands(dataset: Dataset, names: tuple[str, ...], nodata: float | None) -> tuple[Band, ...]:
    """The bands with their names: from the option, the descriptions, the colours, or numbered."""
    indexes = [
        index
        for index, colour in zip(dataset.indexes, dataset.colorinterp, strict=True)
        if colour is not ColorInterp.alpha
    ]
    if names and len(names) != len(indexes):
        raise Invalid(
            "{given} names were given for {count} bands",
            field="bands",
            mend="give one name for each band, in order",
            given=len(names),
            count=len(indexes),
        )
    found: list[Band] = []
    for place, index in enumerate(indexes):
        said = names[place] if names else _said_name(dataset, index)
        found.append(
            Band(
                _free_name(said, index, {band.name for band in found}, strict=bool(names)),
                index,
                str(dataset.dtypes[index - 1]),
                nodata if nodata is not None else dataset.nodatavals[index - 1],
                float(dataset.scales[index - 1]),
                float(dataset.offsets[index - 1]),
                str(dataset.units[index - 1] or ""),
            )
        )
    return tuple(found)


def _said_name(dataset: Dataset, index: int) -> str:
    said = dataset.descriptions[index - 1]
    colour = dataset.colorinterp[index - 1]
    if not said and colour in {ColorInterp.red, ColorInterp.green, ColorInterp.blue}:
        return str(colour.name)
    return str(said or f"b{index}")


def _free_name(said: str, index: int, taken: set[str], *, strict: bool) -> str:
    """A name that may stand in expressions and as a column."""
    word = _WORD.sub("_", said.strip().lower()).strip("_")[:40]
    if strict and (word != said or not word[:1].isalpha() or word in OWN or word in taken):
        raise Invalid(
            "“{name}” cannot name a band",
            field="bands",
            mend="use a-z, 0-9 and underscore, each name once, beginning with a letter",
            name=said[:60],
        )
    if not word or not word[0].isalpha() or word in OWN or word in taken:
        word = f"b{index}"
    while word in taken:
        word += "_"
    return word


def _identifier(name: str) -> str:
    stem = re.sub(r"\.(tiff?|gtiff?)$", "", name, flags=re.IGNORECASE)
    word = re.sub(r"[^A-Za-z0-9_.-]+", "-", stem).strip("-.")[:100]
    return word or "scene"


def _bare(text: str) -> str:
    """GDAL's words without the path of the file."""
    return re.sub(r"(/[^\s:,']+)+", "…", text)[:200]
