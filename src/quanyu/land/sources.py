"""What one dataset that plays a role says of a place, within what the caller's view shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any

import numpy as np
import orjson
import shapely
from numpy.typing import NDArray

from quanyu.land.model import Declaration, Project, Touch
from quanyu.land.plane import Plane, areal
from quanyu.land.roles import CLASS
from quanyu.spacetime import View

MOST_FEATURES = 2_000
_DECIMALS = 7


@dataclass(frozen=True)
class Reading:
    """A source, read: its features on the project, and what the caller's view keeps back.

    shown    meaning → column, of those that may be seen unmasked.
    hidden   meanings that were declared and may not be seen so.
    narrowed whether rows that may lie here can be hidden from the caller.
    parts    of each feature the part on the project, in CRS84, with its square metres.
    """

    declaration: Declaration
    version: int
    known_at: datetime
    shown: Mapping[str, str]
    hidden: tuple[str, ...]
    narrowed: bool
    fids: tuple[str, ...]
    properties: tuple[dict[str, Any], ...]
    parts: NDArray[Any] = field(repr=False)
    areas: NDArray[np.float64] = field(repr=False)
    slivers: NDArray[np.bool_] = field(repr=False)

    def says(self, row: int, meaning: str) -> Any:
        """What a feature says; ``None`` where it says nothing or its column is not shown."""
        column = self.shown.get(meaning)
        return None if column is None else self.properties[row].get(column)

    def code(self, row: int) -> str | None:
        """The code of a feature's class."""
        said = self.says(row, CLASS)
        return None if said is None else self.declaration.values.get(str(said), str(said).strip())

    def number(self, row: int, meaning: str) -> float | None:
        """A number that a feature says."""
        said = self.says(row, meaning)
        return float(said) if isinstance(said, int | float) and np.isfinite(said) else None


def read_source(
    declaration: Declaration,
    view: View,
    project: Project,
    plane: Plane,
    *,
    day: date,
    tolerance: float,
) -> Reading | None:
    """What a source says of the project on a day; ``None`` when the caller's view gives places only
    coarsely, so that nothing can be measured."""
    restriction = view.restriction
    if restriction.grid_m is not None:
        return None
    moment = datetime.combine(day, time(12), UTC)
    met = view.meeting(project.geometry, (moment, moment), MOST_FEATURES)
    order = np.array(sorted(range(len(met.fids)), key=met.fids.__getitem__), dtype=np.int64)
    parts = areal(shapely.intersection(areal(met.geometries[order]), project.geometry))
    areas = plane.area(parts) if len(parts) else np.empty(0)
    inside = areas > 0
    order, parts, areas = order[inside], parts[inside], areas[inside]
    masked = {one.name for one in restriction.columns or () if one.mask is not None}
    seen = {one.name for one in view.fields} - masked
    shown = {name: column for name, column in declaration.columns.items() if column in seen}
    return Reading(
        declaration,
        view.version.number,
        view.version.created_at,
        shown,
        tuple(sorted(declaration.columns.keys() - shown.keys())),
        _narrowed(view, project.geometry),
        tuple(met.fids[row] for row in order),
        tuple(met.properties[row] for row in order),
        parts,
        areas,
        plane.slivers(parts, tolerance) if len(parts) else np.empty(0, np.bool_),
    )


def touch(reading: Reading, row: int, project_m2: float, **more: Any) -> Touch:
    """A feature that the project lies on, as the report tells of it."""
    declaration = reading.declaration
    area = float(reading.areas[row])
    return Touch(
        role=declaration.role,
        dataset=declaration.dataset,
        version=reading.version,
        feature=reading.fids[row],
        area_m2=round(area, 2),
        share=round(min(area / project_m2, 1.0), 6),
        sliver=bool(reading.slivers[row]),
        geometry=shape_of(reading.parts[row]),
        **more,
    )


def shape_of(geometry: Any, decimals: int = _DECIMALS) -> dict[str, Any]:
    """GeoJSON to about a centimetre, as it stands in reports."""
    rounded = shapely.transform(geometry, lambda points: points.round(decimals))
    document: dict[str, Any] = orjson.loads(shapely.to_geojson(rounded))
    return document


def _narrowed(view: View, geometry: Any) -> bool:
    """Whether the restriction may hide a feature, or a part of one, at this place."""
    restriction = view.restriction
    if restriction.rows is not None or restriction.interval != (None, None):
        return True
    if restriction.region is None:
        return False
    region = shapely.make_valid(shapely.from_geojson(orjson.dumps(restriction.region)))
    return not bool(shapely.covers(region, geometry))
