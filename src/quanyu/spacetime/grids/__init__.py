"""Grids of cells on the earth, whose names are keys for aggregation and joins."""

from quanyu.spacetime.grids.beidou_height import (
    bounds_3d,
    cells_3d,
    children_3d,
    cover_3d,
    neighbours_3d,
    parents_3d,
    plane_of,
)
from quanyu.spacetime.grids.model import Grid
from quanyu.spacetime.grids.registry import GRIDS, grid_named, grid_of

__all__ = [
    "GRIDS",
    "Grid",
    "bounds_3d",
    "cells_3d",
    "children_3d",
    "cover_3d",
    "grid_named",
    "grid_of",
    "neighbours_3d",
    "parents_3d",
    "plane_of",
]
