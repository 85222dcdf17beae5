"""The metric plane of an analysis: transverse Mercator (Snyder, *Map Projections – A Working
Manual*, 1987, p. 48) on GRS 80 around the middle of the area, at scale 1.

It is conformal, so directions to the sun hold, and true to scale to 1e-6 within 9 km of its central
meridian and to 1e-4 within 90 km. The ellipsoid is that of CGCS2000 to a tenth of a millimetre.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from quanyu.compute.surface.model import Floats

ELLIPSOID = "GRS80"


@dataclass(frozen=True)
class Plane:
    """The plane around a place in degrees (CRS84)."""

    longitude: float
    latitude: float

    @property
    def definition(self) -> str:
        """The plane as PROJ says it."""
        return (
            f"+proj=tmerc +lat_0={self.latitude!r} +lon_0={self.longitude!r} +k=1 +x_0=0 +y_0=0"
            f" +ellps={ELLIPSOID} +units=m +no_defs +type=crs"
        )

    @cached_property
    def _proj(self) -> Any:
        import pyproj

        return pyproj.Proj(self.definition)

    def metres(self, geometries: Any) -> Any:
        """Geometries (one or an array) of degrees in the plane."""

        def move(points: NDArray[np.float64]) -> NDArray[np.float64]:
            return self.places(points)

        return shapely.transform(geometries, move)

    def places(self, lonlat: Floats) -> Floats:
        """Degrees (n × 2) in the plane."""
        return np.column_stack(self._proj(lonlat[:, 0], lonlat[:, 1]))

    def degrees(self, geometries: Any) -> Any:
        """Geometries of the plane in degrees."""
        return shapely.transform(geometries, self.lonlat)

    def lonlat(self, xy: Floats) -> Floats:
        """Places of the plane (n × 2) in degrees."""
        return np.column_stack(self._proj(xy[:, 0], xy[:, 1], inverse=True))


def plane_around(geometry: Any) -> Plane:
    """The plane around the middle of the box of a geometry in degrees, rounded to the metre, so
    that the same area has the same plane whatever came last in its digits."""
    west, south, east, north = shapely.bounds(geometry).tolist()
    return Plane(round((west + east) / 2, 5), round((south + north) / 2, 5))
