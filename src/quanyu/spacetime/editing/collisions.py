"""Solids that stand in one another: new or changed ones against all others of their dataset.

Two solids collide where their footprints share more than a tolerance of area and their heights
share more than a tolerance of length; walls and floors that touch are no collision. Footprints are
measured in square metres of the plane that is true at their own latitude.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import shapely
from numpy.typing import NDArray

from quanyu.spacetime.cityobjects.model import GROUP, PARENTS, TYPE
from quanyu.spacetime.edits.register import ChangeSet
from quanyu.spacetime.edits.rows import GONE, Row
from quanyu.spacetime.model import FID, GEOMETRY, HEIGHTS, Bbox, Restriction, Version
from quanyu.spacetime.store import Store

METRES_PER_DEGREE = 111_320.0
AREA_M2 = 0.05
HEIGHT_M = 0.01
_POLYGONAL = (3, 6)


@dataclass(frozen=True, slots=True)
class Collision:
    """Two solids, the area that their footprints share (m²) and the volume over it (m³)."""

    id: str
    other: str
    area: float
    volume: float


@dataclass(frozen=True, slots=True)
class Solids:
    """Footprints in CRS84 with the heights in metres between which each stands."""

    ids: Sequence[str]
    shapes: NDArray[Any]
    heights: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.ids)


def solids_of(rows: Sequence[Row]) -> Solids:
    """The solids among some rows: those with an area and heights."""
    found = [row for row in rows if row.get(GEOMETRY) and row.get(HEIGHTS[0]) is not None]
    shapes = np.array(shapely.from_wkb([row[GEOMETRY] for row in found]), dtype=object)
    heights = np.array([[row[name] for name in HEIGHTS] for row in found], np.float64)
    area = np.isin(shapely.get_type_id(shapes), _POLYGONAL)
    ids = [row[FID] for row, kept in zip(found, area, strict=True) if kept]
    return Solids(ids, shapes[area], heights.reshape(-1, 2)[area])


def bounds_of(solids: Solids) -> Bbox:
    """The box around solids, of which there is at least one."""
    west, south, east, north = shapely.total_bounds(solids.shapes).tolist()
    return west, south, east, north


def collisions(
    new: Solids, others: Solids, *, area_m2: float = AREA_M2, height_m: float = HEIGHT_M
) -> list[Collision]:
    """Pairs of ``new`` with ``others``, and of ``new`` among themselves, that collide.

    Candidates come from one STRtree, pairs are measured by GEOS, both without a loop.
    """
    if not len(new):
        return []
    ids = np.array([*new.ids, *others.ids], dtype=object)
    heights = np.concatenate([new.heights, others.heights])
    latitude = float(shapely.total_bounds(new.shapes)[[1, 3]].mean())
    scale = np.array([np.cos(np.radians(latitude)), 1.0]) * METRES_PER_DEGREE
    flat = shapely.force_2d(np.concatenate([new.shapes, others.shapes]))
    shapes = shapely.make_valid(shapely.transform(flat, lambda xy: xy * scale))
    first, second = shapely.STRtree(shapes).query(shapes[: len(new)], predicate="intersects")
    # Each pair once, and none with itself.
    pair = (second > first) | (second >= len(new))
    pair &= ids[first] != ids[second]
    first, second = first[pair], second[pair]
    high = np.minimum(heights[first, 1], heights[second, 1])
    shared = high - np.maximum(heights[first, 0], heights[second, 0])
    tall = shared > height_m
    first, second, shared = first[tall], second[tall], shared[tall]
    area = shapely.area(shapely.intersection(shapes[first], shapes[second]))
    wide = area > area_m2
    return [
        Collision(str(ids[a]), str(ids[b]), round(float(m2), 3), round(float(m2 * m), 3))
        for a, b, m2, m in zip(first[wide], second[wide], area[wide], shared[wide], strict=True)
    ]


def colliding(store: Store, changed: ChangeSet, restriction: Restriction) -> list[Collision]:
    """Solids that an edit brings in or changes, and others of the dataset that they collide with,
    as far as its editor may see them. City objects of one family stand in one another rightly."""
    version = changed.parent
    if not version.has_z:
        return []
    rows = [row for row in changed.rows.to_pylist() if not row[GONE]]
    new = solids_of(rows)
    if not len(new):
        return []
    others = store.around(version, restriction, bounds_of(new), changed.changes.keys())
    found = collisions(new, solids_of(others))
    if not version.city_model:
        return found
    known = {row[FID]: row for row in rows}
    ids = {fid for one in found for fid in (one.id, one.other)}
    tops = _tops(store, version, ids, known)
    return [one for one in found if tops[one.id] != tops[one.other]]


def _tops(
    store: Store, version: Version, ids: Collection[str], known: dict[str, Row]
) -> dict[str, str]:
    """The topmost object above each, groups apart; rows that are not ``known`` are read."""
    above: dict[str, str | None] = {}
    asked = set(ids)
    while asked:
        known |= store.rows_of(version, [fid for fid in asked if fid not in known])
        parents = {f: orjson.loads(known.get(f, {}).get(PARENTS) or "[]") for f in asked}
        new = {one for said in parents.values() for one in said if one not in known}
        known |= store.rows_of(version, sorted(new))
        for fid, said in parents.items():
            real = (one for one in said if one in known and known[one][TYPE] != GROUP)
            above[fid] = next(real, None)
        asked = {parent for parent in above.values() if parent is not None} - above.keys()
    return {fid: _climbed(fid, above) for fid in ids}


def _climbed(fid: str, above: Mapping[str, str | None]) -> str:
    seen = {fid}
    while (parent := above[fid]) is not None and parent not in seen:
        seen.add(parent)
        fid = parent
    return fid
