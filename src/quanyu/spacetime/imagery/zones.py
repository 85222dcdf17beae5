"""Figures of pixels by zone: each pixel counts with the share of it that lies in the zone.

By exactextract (Baston 2025), whose coverage fractions are exact. Zones are GeoJSON in CRS84.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from exactextract import exact_extract
from exactextract.feature import JSONFeatureSource
from exactextract.raster import NumPyRasterSource
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.warp import transform_geom

from quanyu.kernel import Invalid
from quanyu.spacetime.imagery.area import Area
from quanyu.spacetime.model import Bbox

MOST_ZONES = 10_000
_FIGURES = ("count", "mean", "min", "max", "stdev")


@dataclass(frozen=True, slots=True)
class Zone:
    """A polygon with the name that its figures come under."""

    id: str
    shape: Any


def zones_of(document: Mapping[str, Any]) -> list[Zone]:
    """The polygons of a GeoJSON document, each under its ``id`` or its number from 1 on; raises
    ``Invalid`` (field ``zones``)."""
    match document.get("type"):
        case "FeatureCollection":
            features = document.get("features")
        case "Feature":
            features = [document]
        case _:
            features = [{"type": "Feature", "geometry": document}]
    if not isinstance(features, list) or not 0 < len(features) <= MOST_ZONES:
        raise Invalid(
            "zones are from 1 to {most} polygons",
            field="zones",
            mend="send a FeatureCollection in GeoJSON",
            most=MOST_ZONES,
        )
    found = []
    for number, feature in enumerate(features, start=1):
        name = feature.get("id") if isinstance(feature, Mapping) else None
        found.append(Zone(str(number if name is None else name)[:200], _shape(feature, number)))
    return found


def _shape(feature: Any, number: int) -> Any:
    try:
        shape = shapely.geometry.shape(feature["geometry"])
        sound = shapely.make_valid(shape)
        west, south, east, north = sound.bounds
        good = west >= -180 and east <= 180 and south >= -90 and north <= 90
    except (
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        shapely.errors.ShapelyError,
    ):
        good = False
    if not good or shape.geom_type not in {"Polygon", "MultiPolygon"}:
        raise Invalid(
            "zone {number} is no polygon in degrees",
            field="zones",
            mend="send polygons in GeoJSON, in CRS84",
            number=number,
        )
    return sound


def around(zones: Sequence[Zone]) -> Bbox:
    """The box around all zones, in CRS84."""
    west, south, east, north = shapely.total_bounds([zone.shape for zone in zones]).tolist()
    return west, south, east, north


def figures(
    values: Any, area: Area, zones: Sequence[Zone], threshold: float | None
) -> list[dict[str, Any]]:
    """For each zone ``count`` (pixels with data, in shares), ``mean``, ``min``, ``max``, ``std``,
    and with a threshold ``above``, the share of them above it. Figures of nothing are ``None``."""
    rasters = [_raster(np.ma.filled(values, np.nan), area, "value")]
    if threshold is not None:
        above = np.ma.filled((values > threshold).astype(np.float64), np.nan)
        rasters.append(_raster(above, area, "above"))
    features = [
        {"type": "Feature", "id": number, "geometry": _moved(zone, area.crs), "properties": {}}
        for number, zone in enumerate(zones)
    ]
    said = exact_extract(rasters, JSONFeatureSource(features), list(_FIGURES))
    one = threshold is None
    return [
        _named(zone, feature["properties"], "" if one else "value_", threshold)
        for zone, feature in zip(zones, said, strict=True)
    ]


def _raster(values: Any, area: Area, name: str) -> NumPyRasterSource:
    west, south, east, north = area.bounds
    return NumPyRasterSource(
        values, xmin=west, ymin=south, xmax=east, ymax=north, nodata=np.nan, name=name
    )


def _moved(zone: Zone, crs: CRS) -> dict[str, Any]:
    """The zone in the raster's CRS, its sides bent as the projection bends them."""
    dense = shapely.segmentize(zone.shape, max(zone.shape.length / 256, 1e-6))
    parts = [part for part in shapely.get_parts(dense) if part.geom_type.endswith("Polygon")]
    whole = shapely.geometry.mapping(shapely.union_all(parts))
    try:
        found: dict[str, Any] = transform_geom("OGC:CRS84", crs, whole)
    except RasterioError as error:
        raise Invalid(
            "zone {id} cannot be placed in the system of the scenes", field="zones", id=zone.id
        ) from error
    return found


def _named(
    zone: Zone, said: Mapping[str, Any], prefix: str, threshold: float | None
) -> dict[str, Any]:
    def number(name: str) -> float | None:
        value = said.get(name)
        return None if value is None or not np.isfinite(value) else float(value)

    found = {
        "zone": zone.id,
        "count": number(f"{prefix}count") or 0.0,
        "mean": number(f"{prefix}mean"),
        "min": number(f"{prefix}min"),
        "max": number(f"{prefix}max"),
        "std": number(f"{prefix}stdev"),
    }
    if threshold is not None:
        found["above"] = number("above_mean")
    return found
