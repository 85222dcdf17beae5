"""A project beside its sources: what every rule looks at."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import shapely

from quanyu.kernel import LocalText
from quanyu.land.model import Finding, Project, Role, Touch, Unread, Verdict
from quanyu.land.plane import Plane
from quanyu.land.sources import Reading, touch
from quanyu.land.use_table import Compatibility

MOST_TOLD = 200
"""Features told of under one rule, the largest parts first; figures count all."""


@dataclass
class Case:
    """``readings`` are the sources that were read, ``unread`` those that were not."""

    project: Project
    plane: Plane
    readings: Sequence[Reading]
    unread: Sequence[Unread]
    near: Callable[[Role, float], "list[tuple[Reading, str, float]]"]
    uses: Compatibility
    tolerance_m: float

    @cached_property
    def area_m2(self) -> float:
        """Square metres of the project."""
        return float(self.plane.area(self.project.geometry)[0])

    def of(self, *roles: Role, meaning: str | None = None) -> list[Reading]:
        """The sources of some roles, of those that say ``meaning`` when one is named."""
        return [
            one
            for one in self.readings
            if one.declaration.role in roles and (meaning is None or meaning in one.shown)
        ]

    def union(self, readings: Iterable[Reading]) -> Any:
        """All of the project that lies on their features, overlaps taken once."""
        parts = [one.parts for one in readings if len(one.parts)]
        return shapely.union_all(np.concatenate(parts)) if parts else shapely.Polygon()

    def left(self, readings: Iterable[Reading]) -> tuple[Any, float]:
        """The part of the project on none of their features, and its square metres; nothing where
        all of it is a sliver."""
        rest = shapely.difference(self.project.geometry, self.union(readings))
        parts = shapely.get_parts(rest)
        if not len(parts):
            return rest, 0.0
        wide = parts[~self.plane.slivers(parts, self.tolerance_m)]
        kept = shapely.union_all(wide) if len(wide) else shapely.Polygon()
        return kept, float(self.plane.area(kept)[0])

    def area_of(self, readings: Iterable[Reading], *, slivers: bool = False) -> float:
        """Square metres of the project on their features, overlaps taken once."""
        parts = [one.parts[one.slivers == slivers] for one in readings]
        parts = [one for one in parts if len(one)]
        if not parts:
            return 0.0
        return float(self.plane.area(shapely.union_all(np.concatenate(parts)))[0])

    @cached_property
    def net(self) -> tuple[float, str]:
        """Net site area 净用地面积: of the project what lies on parcels, else all of it; and which
        of the two it is."""
        on_parcels = self.area_of(self.of(Role.PARCELS))
        return (on_parcels, "parcels") if on_parcels > 0 else (self.area_m2, "project")

    def touches(self, reading: Reading, **more: Any) -> list[Touch]:
        """All features of a source on the project."""
        return [touch(reading, row, self.area_m2, **more) for row in range(len(reading.fids))]


def told(touches: Iterable[Touch]) -> tuple[Touch, ...]:
    """Those that are told of: the largest first, then in order of their names."""
    ordered = sorted(touches, key=lambda one: (-one.area_m2, one.dataset, one.feature))
    return tuple(ordered[:MOST_TOLD])


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict that counts among several: fail, then review or unchecked, then pass."""
    found = set(verdicts)
    if Verdict.FAIL in found:
        return Verdict.FAIL
    if found & {Verdict.REVIEW, Verdict.UNCHECKED}:
        return Verdict.REVIEW
    return Verdict.PASS


def found(
    verdict: Verdict, zh: str, en: str, touches: Iterable[Touch] = (), **figures: float
) -> Finding:
    """A finding in both languages; figures to two decimals in their texts, counts as they are."""
    text = {
        name: f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"
        for name, value in figures.items()
    }
    return Finding(
        verdict=verdict,
        said=LocalText(zh=zh.format(**text), en=en.format(**text)),
        figures={name: round(value, 4) for name, value in figures.items()},
        touches=told(touches),
    )
