"""Flood by water level: the ground below a level that water reaches from where it comes in.

A connected fill ("bathtub with connectivity", Poulter & Halpin, *Raster modelling of coastal
flooding from sea-level rise*, 2008): cells lower than the level that hang together with a source,
over edges (4) or also over corners (8). Water stands level; there is no time, flow or drainage in
it, and buildings do not hold it back.
"""

from dataclasses import dataclass

import numpy as np

from quanyu.compute.surface.model import Flags, Floats, Grid, Ints, Surface

NEIGHBOURS = (4, 8)


@dataclass(frozen=True, slots=True)
class Flood:
    """``depth`` in metres where there is water, else NaN. ``open`` says that water reaches the edge
    of the data or ground that is not known, so that it may go on beyond; ``dry`` how many of the
    source's cells lie above the level or have no data."""

    depth: Grid
    open: bool
    dry: int

    @property
    def wet(self) -> Flags:
        """Cells with water."""
        return np.isfinite(self.depth)

    def figures(self, cell: tuple[float, float]) -> dict[str, float]:
        """``area`` (m²), ``volume`` (m³), ``deepest`` and ``mean`` depth (m)."""
        wet = self.wet
        size = cell[0] * cell[1]
        depths = self.depth[wet].astype(np.float64)
        return {
            "area": float(wet.sum() * size),
            "volume": float(depths.sum() * size),
            "deepest": float(depths.max(initial=0.0)),
            "mean": float(depths.mean()) if len(depths) else 0.0,
        }


def flood(ground: Grid, sources: Flags, level: float, neighbours: int = 8) -> Flood:
    """What stands under water at ``level`` (metres in the heights of the ground) when it comes from
    the cells ``sources``; ``ground`` is NaN where it is not known."""
    from scipy import ndimage

    if neighbours not in NEIGHBOURS:
        raise ValueError("cells have 4 or 8 neighbours")
    around = ndimage.generate_binary_structure(2, 1 if neighbours == 4 else 2)
    low = ground < level  # nothing is lower than a level it is not known to be
    pools, _ = ndimage.label(low, around)
    reached = np.unique(pools[sources & low])
    wet = np.isin(pools, reached[reached > 0]) & low
    unknown = ndimage.binary_dilation(np.isnan(ground), around)
    edge = np.zeros(ground.shape, np.bool_)
    edge[[0, -1], :] = True
    edge[:, [0, -1]] = True
    depth = np.where(wet, level - ground, np.nan).astype(np.float32)
    return Flood(depth, bool((wet & (edge | unknown)).any()), int((sources & ~low).sum()))


@dataclass(frozen=True, slots=True)
class Flooded:
    """Buildings that stand in water: their place among those of the surface, the greatest depth at
    them (m) and the share of their footprint's cells that is wet."""

    number: Ints
    deepest: Floats
    share: Floats


def flooded_buildings(surface: Surface, found: Flood) -> Flooded:
    """The buildings whose cells the water reaches, or next to whose walls it stands.

    One too small to cover the middle of a cell counts by the cell it stands in.
    """
    import shapely
    from scipy import ndimage

    count = len(surface.buildings.ids)
    if not count:
        return Flooded(np.empty(0, np.int64), np.empty(0), np.empty(0))
    owner, wet = surface.owner, found.wet
    depth = np.where(wet, found.depth, 0).astype(np.float64)
    which = np.arange(count)
    deepest = np.asarray(ndimage.maximum(depth, owner, which), dtype=np.float64)
    cells = np.bincount(owner[owner >= 0], minlength=count)
    wets = np.bincount(owner[(owner >= 0) & wet], minlength=count)
    share = wets / np.maximum(cells, 1)
    small = np.flatnonzero(cells == 0)
    if len(small):
        points = shapely.get_coordinates(shapely.point_on_surface(surface.buildings.shapes[small]))
        columns, rows = ~surface.transform * (points[:, 0], points[:, 1])
        row = np.floor(rows).astype(np.int64)
        column = np.floor(columns).astype(np.int64)
        inside = (row >= 0) & (row < wet.shape[0]) & (column >= 0) & (column < wet.shape[1])
        small, row, column = small[inside], row[inside], column[inside]
        deepest[small], share[small] = depth[row, column], wet[row, column]
    touched = np.flatnonzero(deepest > 0)
    return Flooded(touched, deepest[touched], share[touched])
