"""What of a serving copy is at a place: rows that meet an area, or lie within metres of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from quanyu.spacetime import packed_index
from quanyu.spacetime.matching import valid_rows
from quanyu.spacetime.model import Bbox, Interval
from quanyu.spacetime.serving import Served

Rows = NDArray[np.int64]
_SQUARED = 0.00669437999014  # first eccentricity of WGS 84, squared
_RADIUS = 6_378_137.0


@dataclass(frozen=True, slots=True)
class Place:
    """A geometry in degrees, longitude first, and how many metres around it belong to it."""

    geometry: Any
    metres: float = 0.0

    @property
    def box(self) -> Bbox:
        """The smallest box around it, in degrees."""
        west, south, east, north = self.geometry.bounds
        if not self.metres:
            return west, south, east, north
        across, up = metres_a_degree(max(abs(south), abs(north)))
        wide, high = self.metres / max(across, 1e-6) * 1.001, self.metres / up * 1.01
        return west - wide, south - high, east + wide, north + high


@dataclass(frozen=True, slots=True)
class Found:
    """Features at a place, the nearest first, each already encoded as GeoJSON.

    ``features`` are joined by commas; ``more`` says that there are others. ``metres`` is how far
    each shown one is, 0 where it meets the place itself; ``matched`` is ``None`` when the search
    ended before all were known.
    """

    features: bytes
    returned: int
    matched: int | None
    metres: tuple[float, ...] = field(default=())

    @property
    def more(self) -> bool:
        """Whether there are others than those shown."""
        return self.matched is None or self.matched > self.returned


NOTHING = Found(b"", 0, 0)


def metres_a_degree(latitude: float) -> tuple[float, float]:
    """Metres in a degree of longitude and of latitude there, on the ellipsoid of WGS 84."""
    phi = np.radians(latitude)
    root = 1 - _SQUARED * np.sin(phi) ** 2
    across = _RADIUS * np.cos(phi) / np.sqrt(root)
    up = _RADIUS * (1 - _SQUARED) / root**1.5
    return float(np.radians(across)), float(np.radians(up))


def find_at(copy: Served, place: Place, interval: Interval | None, limit: int) -> Found:
    """At most ``limit`` features at a place that were valid at some time in an interval.

    Those that meet the place come in the order of the copy; with metres around it, by distance.
    Distances are taken in a plane scaled at the place's latitude, exact to a part in a thousand
    over some kilometres.
    """
    if not copy.about.shapes:
        return NOTHING
    if not place.metres:
        return _meeting(copy, place.geometry, interval, limit)
    parts = [part for part, _ in _near(copy, place, interval)]
    if not parts:
        return NOTHING
    rows = np.concatenate(parts)
    far = distances(place.geometry, copy.geometries(rows))
    close = far <= place.metres
    rows, far = rows[close], far[close]
    first = np.argsort(far, kind="stable")[:limit]
    shown = b"".join(copy.join(rows[at : at + 1]) + b"," for at in first)[:-1]
    return Found(shown, len(first), len(rows), tuple(far[first].tolist()))


def distances(geometry: Any, others: NDArray[Any]) -> NDArray[np.float64]:
    """How many metres other geometries are from one, both in degrees; infinite without any."""
    middle = (geometry.bounds[1] + geometry.bounds[3]) / 2
    scale = np.array(metres_a_degree(middle))
    flat = shapely.transform(others, lambda points: points * scale)
    near = shapely.transform(geometry, lambda points: points * scale)
    found = shapely.distance(near, flat)
    return np.where(np.isnan(found), np.inf, found)


def _meeting(copy: Served, geometry: Any, interval: Interval | None, limit: int) -> Found:
    shapely.prepare(geometry)
    rectangle = bool(geometry.equals(shapely.box(*geometry.bounds))) if geometry.area else False
    parts: list[Rows] = []
    count = 0
    ended = True
    for rows, box in _near(copy, Place(geometry), interval):
        if rectangle and copy.about.points:
            meets = rows
        elif rectangle:
            sure = packed_index.certain(copy.boxes(rows), box)
            open_ = np.flatnonzero(~sure)
            sure[open_] = shapely.intersects(geometry, copy.geometries(rows[open_]))
            meets = rows[sure]
        else:
            meets = rows[shapely.intersects(geometry, copy.geometries(rows))]
        parts.append(meets)
        count += len(meets)
        if count > limit:
            ended = False
            break
    found = np.concatenate(parts)[:limit] if parts else np.empty(0, np.int64)
    shown = copy.join(found)
    return Found(shown, len(found), count if ended else None, (0.0,) * len(found))


def _near(copy: Served, place: Place, interval: Interval | None) -> Iterator[tuple[Rows, Bbox]]:
    box = place.box
    for near in copy.search(box):
        rows = near if interval is None else valid_rows(copy, near, interval)
        if rows.size:
            yield rows, box
