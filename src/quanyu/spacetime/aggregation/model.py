"""What to group rows by, and what to compute of each group."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray

from quanyu.spacetime.aggregation.zones import ZoneIndex

if TYPE_CHECKING:
    import pyarrow as pa

Place: TypeAlias = NDArray[np.float64]


class Function(StrEnum):
    """Figures of a group; all but ``COUNT`` and ``DENSITY`` are of a property."""

    COUNT = "count"
    DENSITY = "density"
    DISTINCT = "distinct"
    SUM = "sum"
    MEAN = "mean"
    MEDIAN = "median"
    DEVIATION = "stddev"
    LEAST = "min"
    MOST = "max"


class Unit(StrEnum):
    """Units of time to group by: spans of UTC, and places in the day and the week."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    HOUR_OF_DAY = "hour-of-day"
    DAY_OF_WEEK = "day-of-week"


class End(StrEnum):
    """The point that stands for a geometry: a point of its own, or one end of a line."""

    WITHIN = "within"
    START = "start"
    FINISH = "finish"


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure of each group; ``DENSITY`` is rows on a square kilometre of the cell or zone."""

    function: Function
    field: str | None = None

    @property
    def name(self) -> str:
        """Its column in the answer, such as ``mean_height``."""
        return self.function.value if self.field is None else f"{self.function}_{self.field}"


@dataclass(frozen=True, slots=True)
class ByField:
    """Rows with the same value of a property."""

    name: str


@dataclass(frozen=True, slots=True)
class ByTime:
    """Rows of the same span of a property, or of their validity's begin where ``field`` is none."""

    unit: Unit
    field: str | None = None

    @property
    def name(self) -> str:
        """Its column in the answer."""
        return self.unit.value


@dataclass(frozen=True, slots=True)
class ByPlace:
    """Rows in the same area: a cell of a grid or a zone.

    assign  of places (n,) in degrees: pairs of a place's index (ascending) and an area's label.
    shape   of labels: the areas as polygons in CRS84.
    labels  all labels there can be, where they are known before the data are read.
    mark    of the areas: another where they are others.
    """

    name: str
    assign: Callable[[Place, Place], tuple[NDArray[np.int64], NDArray[Any]]]
    shape: Callable[[NDArray[Any]], NDArray[np.object_]]
    end: End = End.WITHIN
    labels: NDArray[Any] | None = None
    mark: str = ""


Key: TypeAlias = ByField | ByTime | ByPlace


@dataclass(frozen=True, slots=True)
class NoiseScale:
    """The noise of a measure: its distribution, and the scale of that, in the measure's unit."""

    measure: str
    distribution: str
    scale: float


@dataclass(frozen=True, slots=True)
class Groups:
    """Figures by group: a row each, first the columns of the keys, then those of the measures.

    ``areas`` are names of keys that are places, each with the polygon (CRS84) of every row.
    ``withheld``: there are groups that may not be told of. ``noise`` says for each measure how its
    noise is distributed.
    """

    table: "pa.Table"
    areas: dict[str, NDArray[np.object_]]
    withheld: bool = False
    noise: tuple[NoiseScale, ...] = ()


def in_zones(name: str, labels: NDArray[Any], index: ZoneIndex, end: End = End.WITHIN) -> ByPlace:
    """Group by zones: ``labels`` (zones,) are their names, each once; ``index`` is over their
    areas."""
    order = np.argsort(labels)

    def assign(x: Place, y: Place) -> tuple[NDArray[np.int64], NDArray[Any]]:
        points, zones = index.join(x, y)
        return points, labels[zones]

    def shape(wanted: NDArray[Any]) -> NDArray[np.object_]:
        found: NDArray[np.object_] = index.polygons[order[np.searchsorted(labels[order], wanted)]]
        return found

    return ByPlace(name, assign, shape, end, labels[order], _mark(labels, index))


def _mark(labels: NDArray[Any], index: ZoneIndex) -> str:
    found = hashlib.sha256("\n".join(map(str, labels)).encode())
    for area in shapely.to_wkb(index.polygons):
        found.update(area or b"-")
    return found.hexdigest()


def in_cells(
    name: str,
    cells: Callable[[Place, Place], NDArray[Any]],
    boundary: Callable[[NDArray[Any]], NDArray[np.object_]],
    end: End = End.WITHIN,
) -> ByPlace:
    """Group by cells of a grid at one level: ``cells`` names the cell of each place."""

    def assign(x: Place, y: Place) -> tuple[NDArray[np.int64], NDArray[Any]]:
        placed = np.flatnonzero(~(np.isnan(x) | np.isnan(y)))
        return placed, cells(x[placed], y[placed])

    return ByPlace(name, assign, boundary, end)


def names(keys: Sequence[Key], measures: Sequence[Measure]) -> list[str]:
    """Columns of the answer."""
    return [key.name for key in keys] + [measure.name for measure in measures]
