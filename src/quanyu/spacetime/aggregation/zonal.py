"""The areas of a view as zones for another."""

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from quanyu.kernel import Invalid, TooLarge
from quanyu.spacetime.aggregation.zones import ZoneIndex, index_zones
from quanyu.spacetime.engine import Engine
from quanyu.spacetime.model import GEOMETRY
from quanyu.spacetime.questions import Source

MOST_ZONES = 100_000
"""Most zones of a join."""


def zones_of(engine: Engine, source: Source, column: str) -> tuple[NDArray[Any], ZoneIndex]:
    """Labels (zones,) out of ``column`` (an identifier of the source), and an index over the areas.

    Rows without label or area are left out. Raises ``Invalid`` when two areas share a label.
    """
    if not source.relation.has_geometry:
        raise Invalid("these data have no areas", field="by", mend="name data that are areas")
    sql = (
        f"SELECT CAST({column} AS VARCHAR) AS label, {GEOMETRY} FROM {source.sql}"
        f" WHERE {column} IS NOT NULL AND {GEOMETRY} IS NOT NULL LIMIT {MOST_ZONES + 1}"
    )
    table = engine.table(sql, source.params)
    if table.num_rows > MOST_ZONES:
        raise TooLarge("there are more than {most} zones", field="by", most=MOST_ZONES)
    labels = table.column("label").to_numpy(zero_copy_only=False).astype(str)
    shapes = shapely.from_wkb(table.column(GEOMETRY).to_numpy(zero_copy_only=False))
    areas = np.flatnonzero(shapely.get_dimensions(shapes) == 2)
    if not areas.size:
        raise Invalid("these data have no areas", field="by", mend="name data that are areas")
    labels, shapes = labels[areas], shapely.make_valid(shapes[areas])
    once, count = np.unique(labels, return_counts=True)
    if len(once) < len(labels):
        raise Invalid(
            "several areas are called “{label}”",
            field="by",
            mend="name a property whose values are all different, or none to take the ids",
            label=str(once[np.argmax(count > 1)])[:80],
        )
    return labels, index_zones(shapes)
