"""Features on an area, with their shapes and what they say: from the serving copy alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import shapely
from numpy.typing import NDArray

from quanyu.kernel import Invalid
from quanyu.spacetime.matching import valid_rows
from quanyu.spacetime.model import Interval
from quanyu.spacetime.serving import Served


@dataclass(frozen=True, slots=True)
class Met:
    """Features that meet an area, in the copy's order.

    fids        their ids.
    properties  what may be seen of each, as in its GeoJSON.
    geometries  their shapes in CRS84 degrees, exactly as stored.
    """

    fids: tuple[str, ...]
    properties: tuple[dict[str, Any], ...]
    geometries: NDArray[Any]


def meeting(copy: Served, area: Any, interval: Interval | None, most: int) -> Met:
    """Features of ``copy`` that intersect ``area`` (shapely, CRS84); raises ``Invalid`` for more
    than ``most``."""
    shapely.prepare(area)
    box = area.bounds
    parts = []
    for near in copy.search(box):
        rows = near if interval is None else valid_rows(copy, near, interval)
        if rows.size:
            parts.append(rows[shapely.intersects(area, copy.geometries(rows))])
    rows = np.concatenate(parts) if parts else np.empty(0, np.int64)
    if len(rows) > most:
        raise Invalid(
            "the area lies on more than {most} features",
            field="geometry",
            mend="ask for a smaller area",
            most=most,
        )
    features = orjson.loads(b"[" + copy.join(rows) + b"]")
    return Met(
        tuple(one["id"] for one in features),
        tuple(one["properties"] for one in features),
        copy.geometries(rows) if rows.size else np.empty(0, object),
    )
