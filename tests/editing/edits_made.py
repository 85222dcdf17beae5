"""Edits of the small town, and restrictions that it is seen through."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import shapely

from quanyu.spacetime import OPEN, Action, Column, Do, Mask, Restriction

WEST, SOUTH, EAST, NORTH = 24.90, 60.15, 25.00, 60.20
RING = [[24.92, 60.15], [24.96, 60.15], [24.96, 60.19], [24.92, 60.19], [24.92, 60.15]]
RESTRICTIONS = {
    "open": OPEN,
    "columns": Restriction(
        columns=(Column("name"), Column("owner", Mask.KEEP_LAST_4), Column("floors"))
    ),
    "rows": Restriction(rows={"op": ">", "args": [{"property": "floors"}, 10]}),
    "region": Restriction(region={"type": "Polygon", "coordinates": [RING]}),
    "grid": Restriction(grid_m=200.0),
    "interval": Restriction(interval=(datetime(2021, 1, 1, tzinfo=UTC), None)),
}


def feature(random: np.random.Generator, kind: str, number: int) -> dict[str, Any]:
    x, y = random.uniform(WEST, EAST), random.uniform(SOUTH, NORTH)
    shape = shapely.Point(x, y) if kind == "posts" else shapely.box(x, y, x + 0.003, y + 0.002)
    return {
        "type": "Feature",
        "geometry": shapely.geometry.mapping(shape),
        "properties": {
            "name": f"new {number}",
            "owner": "622200000000",
            "floors": int(random.integers(0, 30)),
            "seen": "2024-05-06T07:08:09Z",
            "tags": ["t1", {"deep": [1, 2]}],
        },
        "time": {"interval": ["2022-01-01", ".."]},
    }


def some_edits(random: np.random.Generator, kind: str, count: int) -> list[Action]:
    """Actions on the rows f0 … of a town."""
    found = []
    chosen = random.permutation(count)[:12].tolist()
    for number, row in enumerate(chosen):
        fid = f"f{row}"
        match number % 4:
            case 0:
                found.append(Action(Do.DELETE, fid))
            case 1:
                found.append(Action(Do.REPLACE, fid, feature(random, kind, number)))
            case 2:
                patch = {"properties": {"floors": int(random.integers(0, 30)), "open": None}}
                found.append(Action(Do.UPDATE, fid, patch))
            case _:
                found.append(Action(Do.INSERT, None, feature(random, kind, number)))
    return found
