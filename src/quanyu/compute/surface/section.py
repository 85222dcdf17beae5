"""A section: ground and buildings along a line.

Ground is read bilinearly between the middles of cells; buildings are cut by the edges of their
footprints. Distances are geodesic (Karney, *Algorithms for geodesics*, 2013).
"""

from dataclasses import dataclass

import numpy as np

from quanyu.compute.surface.along import Crossings, Track, crossings, track
from quanyu.compute.surface.model import Floats, Surface
from quanyu.compute.surface.plane import Plane


@dataclass(frozen=True, slots=True)
class Section:
    """What lies along ``track``: ``ground`` (metres, NaN without data) and ``top``, the roof where
    there is one, at each of its places; and the buildings that it runs over, exactly."""

    track: Track
    ground: Floats
    top: Floats
    over: Crossings

    def figures(self) -> dict[str, float | None]:
        """Metres: ``length``, ``least`` and ``greatest`` ground, ``climb`` and ``descent`` added up
        along the line, ``highest`` top, ``built`` metres under roofs; ``without_data`` as a share
        of the length. ``None`` where no ground is known."""
        distance, ground = self.track.distance, self.ground
        steps = np.diff(ground)
        known = np.isfinite(steps)
        lengths = np.diff(distance)
        some = bool(np.isfinite(ground).any())
        return {
            "length": float(distance[-1]),
            "least": float(np.nanmin(ground)) if some else None,
            "greatest": float(np.nanmax(ground)) if some else None,
            "climb": float(steps[known & (steps > 0)].sum()),
            "descent": float(-steps[known & (steps < 0)].sum()),
            "highest": float(np.nanmax(self.top)) if np.isfinite(self.top).any() else None,
            "built": _covered(self.over),
            "without_data": float(lengths[~known].sum() / distance[-1]),
        }


def section(surface: Surface, plane: Plane, lonlat: Floats, step: float) -> Section:
    """The section along corners (n × 2, degrees), with a place at least every ``step`` metres."""
    way = track(lonlat, plane, step)
    ground = surface.ground_at(way.xy)
    over = crossings(surface, way)
    top = ground.copy()
    # The places within each crossing, all at once.
    first = np.searchsorted(way.distance, over.enters - 1e-9)
    last = np.searchsorted(way.distance, over.leaves + 1e-9, side="right")
    counts = last - first
    which = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(which)) - (np.cumsum(counts) - counts)[which] + first[which]
    np.fmax.at(top, place, surface.buildings.roof[over.number[which]])
    return Section(way, ground, top, over)


def _covered(over: Crossings) -> float:
    """Metres under at least one building."""
    if not len(over.enters):
        return 0.0
    reached = np.maximum.accumulate(over.leaves)
    before = np.append(-np.inf, reached[:-1])
    return float(np.maximum(over.leaves - np.maximum(over.enters, before), 0).sum())
