"""The frame that objects are written in: reference system, transform, and what the model says."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from quanyu.spacetime.cityobjects.model import OWN, Json
from quanyu.spacetime.crs import wgs84_to_bd09, wgs84_to_gcj02
from quanyu.spacetime.model import CRS84, Bbox, Version

_CHINA = (73.0, 3.0, 136.0, 54.0)
_FRAME = frozenset({"type", "version", "transform", "metadata", "appearance", "geometry-templates"})
_OFFSETS = {"GCJ-02": wgs84_to_gcj02, "BD-09": wgs84_to_bd09}

Flat = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scene:
    """A frame. ``attributes`` are names of attributes by their columns; ``own`` the columns that
    are no attributes. ``native`` brings degrees into the frame's reference system."""

    head: Json
    attributes: Mapping[str, str]
    own: frozenset[str]
    system: str | None
    scale: Flat
    translate: Flat
    native: Callable[[Flat, Flat], tuple[Flat, Flat]]

    def whole(self, xy: Flat) -> Flat:
        """Degrees as (unrounded) numbers of the transform."""
        x, y = self.native(xy[:, 0].copy(), xy[:, 1].copy())
        found: Flat = (np.column_stack([x, y]) - self.translate[:2]) / self.scale[:2]
        return found

    def level(self, metres: float) -> int:
        """A height as a number of the transform."""
        return round((metres - float(self.translate[2])) / float(self.scale[2]))

    @property
    def transform(self) -> Json:
        """The member of that name."""
        return {"scale": self.scale.tolist(), "translate": self.translate.tolist()}

    def metadata(self, extent: list[float] | None = None) -> Json:
        """What the model says of itself, its extent computed anew."""
        said = dict(self.head.get("metadata") or {})
        said.pop("geographicalExtent", None)
        if self.system:
            said["referenceSystem"] = self.system
        return said | ({"geographicalExtent": extent} if extent else {})

    def more(self) -> Json:
        """Other members of the model: extensions and their properties."""
        return {name: value for name, value in self.head.items() if name not in _FRAME}


def scene_of(version: Version, city: Mapping[str, Any] | None, area: Bbox | None) -> Scene:
    """The frame of a city model, or one for plain features that lie in ``area``."""
    if city is not None:
        transform = city["head"]["transform"]
        crs = city["crs"] or "OGC:CRS84"
        return Scene(
            city["head"],
            city["attributes"],
            frozenset(OWN),
            _uri(crs),
            np.asarray(transform["scale"], dtype=np.float64),
            np.asarray(transform["translate"], dtype=np.float64),
            _native(crs),
        )
    west, south, east, north = area or (0.0, 0.0, 0.0, 0.0)
    code = _projected(version.source_crs) or metric((west + east) / 2, (south + north) / 2)
    native = _native(code)
    x, y = native(np.array([west]), np.array([south]))
    corner = [math.floor(float(x[0])), math.floor(float(y[0])), 0]
    return Scene(
        {},
        {},
        frozenset(),
        _uri(code),
        np.full(3, 0.001),
        np.asarray(corner, dtype=np.float64),
        native,
    )


def _native(crs: str) -> Callable[[Flat, Flat], tuple[Flat, Flat]]:
    if crs.upper() in _OFFSETS:
        return _OFFSETS[crs.upper()]
    found = CRS.from_user_input(crs)
    flat = found.sub_crs_list[0] if found.is_compound else found.to_2d()
    transformer = Transformer.from_crs(CRS84, flat, always_xy=True)

    def convert(lon: Flat, lat: Flat) -> tuple[Flat, Flat]:
        x, y = transformer.transform(lon, lat)
        return np.asarray(x), np.asarray(y)

    return convert


def _uri(crs: str) -> str | None:
    """The form that CityJSON 2.0 wants (clause 5.4); ``None`` for a system without a number."""
    horizontal, _, vertical = crs.partition("+")
    if vertical:
        parts = (horizontal.removeprefix("EPSG:"), vertical.removeprefix("EPSG:"))
        one, two = (f"http://www.opengis.net/def/crs/EPSG/0/{code}" for code in parts)
        return f"https://www.opengis.net/def/crs-compound?1={one}&2={two}"
    try:
        authority = CRS.from_user_input(crs).to_authority()
    except CRSError:
        return crs if crs.startswith("http") else None
    if authority is None:
        return None
    name, code = authority
    return f"https://www.opengis.net/def/crs/{name}/0/{code}"


def _projected(name: str | None) -> str | None:
    try:
        found = CRS.from_user_input(name) if name else None
    except CRSError:
        return None
    usable = found is not None and found.is_projected and found.to_authority() is not None
    return name if usable else None


def metric(lon: float, lat: float) -> str:
    """A system in metres: the 3° zone of CGCS2000 in China, else that of UTM."""
    west, south, east, north = _CHINA
    if west <= lon <= east and south <= lat <= north:
        return f"EPSG:{4534 + min(max(round((lon - 75) / 3), 0), 20)}"
    zone = min(int((lon + 180) // 6) + 1, 60)
    return f"EPSG:{(32600 if lat >= 0 else 32700) + zone}"
