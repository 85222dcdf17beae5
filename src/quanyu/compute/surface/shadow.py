"""Shadows on a grid, and hours of sun: the horizon towards the sun, walked over the whole grid.

For an instant, each row (or column, whichever the sun is nearer to across) of the grid is shifted
so that the cells one behind the other towards the sun stand in a column; along it a cell is in
shadow when one before it reaches above the line to the sun. That is the march of Dozier, Bruno &
Downey (*A faster solution to the horizon problem*, 1981) for one direction, for all cells at once.
Cells are taken as standing where their middles are, so the edge of a shadow is true to a cell.
"""

from collections.abc import Callable

import numpy as np

from quanyu.compute.surface.model import Flags, Grid
from quanyu.compute.surface.sun import Sun


def lit(
    tops: Grid, cell: tuple[float, float], azimuth: float, elevation: float, above: float = 0.0
) -> Flags:
    """Cells on which the sun shines, at ``above`` metres over their tops.

    ``tops`` are metres (rows × columns, NaN without data: casts no shadow and is not lit), ``cell``
    the width and height of a cell in metres, ``azimuth`` and ``elevation`` degrees.
    """
    known = ~np.isnan(tops)
    if elevation <= 0:
        return np.zeros_like(known)
    east, north = np.sin(np.radians(azimuth)), np.cos(np.radians(azimuth))
    across, down = east / cell[0], -north / cell[1]  # cells to a metre towards the sun
    turned = abs(across) > abs(down)
    heights = np.where(known, tops, -np.inf).astype(np.float32)
    if turned:
        heights, across, down = heights.T, down, across
    if down > 0:  # the sun's side comes first
        heights = heights[::-1]
    if across < 0:
        heights = heights[:, ::-1]
    run = 1 / abs(down)  # metres to a row
    found = _march(heights, abs(across) * run, run * np.tan(np.radians(elevation)), above)
    if across < 0:
        found = found[:, ::-1]
    if down > 0:
        found = found[::-1]
    return np.asarray((found.T if turned else found) & known)


def _march(heights: Grid, aside: float, rise: float, above: float) -> Flags:
    """The sun lies towards row 0: a row nearer, ``aside`` (0 to 1) columns to the right, and
    ``rise`` metres higher."""
    rows, columns = heights.shape
    shift = np.rint(np.arange(rows) * aside).astype(np.int64)
    width = columns + int(shift[-1])
    # Column c of row i goes to c + shift: flat places in the wider grid.
    places = (np.arange(rows) * width + shift)[:, None] + np.arange(columns)
    level = (np.arange(rows) * rise).astype(np.float32)[:, None]
    raised = np.full(rows * width, -np.inf, np.float32)
    raised[places] = heights + level
    horizon = np.maximum.accumulate(raised.reshape(rows, width), axis=0).ravel()
    before = np.full(heights.shape, -np.inf, np.float32)
    before[1:] = horizon[places[1:] - width]
    return np.asarray(raised[places] + np.float32(above) >= before)


def sun_hours(
    tops: Grid,
    cell: tuple[float, float],
    sun: Sun,
    minutes: float,
    *,
    above: float = 0.0,
    heard: Callable[[float], None] = lambda _share: None,
) -> Grid:
    """Hours of sun of each cell, ``minutes`` to each of the sun's positions; NaN without data.

    ``heard`` is told the share that is done.
    """
    count = np.zeros(tops.shape, np.int32)
    for number, azimuth in enumerate(sun.azimuth.tolist()):
        elevation = float(sun.elevation[number])
        if elevation > 0:
            count += lit(tops, cell, azimuth, elevation, above)
        heard((number + 1) / len(sun.azimuth))
    hours = count.astype(np.float32) * np.float32(minutes / 60)
    return np.where(np.isnan(tops), np.float32(np.nan), hours).astype(np.float32)
