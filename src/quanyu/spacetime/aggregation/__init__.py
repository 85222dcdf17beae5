"""Figures by group: property, time, cell of a grid, zone; origin and destination; density."""

from quanyu.spacetime.aggregation.grouping import MOST_GROUPS, grouped
from quanyu.spacetime.aggregation.model import (
    ByField,
    ByPlace,
    ByTime,
    End,
    Function,
    Groups,
    Key,
    Measure,
    NoiseScale,
    Unit,
    in_cells,
    in_zones,
)
from quanyu.spacetime.aggregation.parts import work_of
from quanyu.spacetime.aggregation.protected import Once, guarded
from quanyu.spacetime.aggregation.zonal import MOST_ZONES, zones_of
from quanyu.spacetime.aggregation.zones import ZoneIndex, index_zones

__all__ = [
    "MOST_GROUPS",
    "MOST_ZONES",
    "ByField",
    "ByPlace",
    "ByTime",
    "End",
    "Function",
    "Groups",
    "Key",
    "Measure",
    "NoiseScale",
    "Once",
    "Unit",
    "ZoneIndex",
    "grouped",
    "guarded",
    "in_cells",
    "in_zones",
    "index_zones",
    "work_of",
    "zones_of",
]
