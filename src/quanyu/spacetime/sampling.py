"""Values of a view at, in and along places: the queries of OGC API – EDR (OGC 19-086r6, clause 8).

Values are those of the features themselves: nothing is interpolated. A feature's place is a point
of its own on its shape; its time is the beginning of its validity.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray

from quanyu.kernel import Invalid, TooLarge
from quanyu.spacetime.aggregation import Function, Measure, in_cells
from quanyu.spacetime.model import FID, GEOMETRY, Bbox, Field, FieldType, GeometryType, Query
from quanyu.spacetime.view import View

if TYPE_CHECKING:
    import pyarrow as pa

MOST_SAMPLES = 100_000
"""Most values of each parameter in an answer."""

FARTHEST_M = 50_000.0
"""How far the nearest place may be from the position asked for, in metres."""

_NEAREST_M = 50.0
_DEGREE_M = 111_320.0
_TIME = "datetime64[us]"
_NEVER = np.datetime64("0001-01-01", "us")
_AREAS = (GeometryType.POLYGON, GeometryType.MULTIPOLYGON)
_THIN = (GeometryType.POINT, GeometryType.MULTIPOINT)
_NUMBERS = (FieldType.INTEGER, FieldType.NUMBER)


@dataclass(frozen=True, slots=True)
class Samples:
    """Values at places and times; every array is (samples,), in the order of place, then time.

    ``x`` and ``y`` are CRS84; ``times`` datetime64[us] in UTC, NaT where a feature has none;
    ``values`` of each parameter NaN where there is none.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    times: NDArray[np.datetime64]
    fids: NDArray[Any]
    values: dict[str, NDArray[np.float64]]

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True, slots=True)
class Cube:
    """Means in the cells of a box: ``values`` (rows, columns) of each parameter, NaN where nothing
    is; ``x`` and ``y`` are the middles of columns and rows, south first."""

    x: NDArray[np.floating[Any]]
    y: NDArray[np.floating[Any]]
    count: NDArray[np.int64]
    values: dict[str, NDArray[np.float64]]
    rows: int


def parameters_of(view: View) -> tuple[Field, ...]:
    """What can be sampled: the numbers that may be seen."""
    return tuple(field for field in view.fields if field.type in _NUMBERS)


def samples_at(view: View, points: NDArray[np.float64], query: Query) -> Samples:
    """Values at each of ``points`` (n, 2): of the areas that hold it, else of the places nearest to
    it, no farther than :data:`FARTHEST_M`."""
    found = []
    for x, y in points.tolist():
        holding = (
            _none(query) if view.geometry in _THIN else _read(view, query, shapely.Point(x, y))
        )
        nearest = not len(holding) and not _areal(view)
        found.append(_nearest(view, query, x, y) if nearest else holding)
    return _together(found, query)


def _areal(view: View) -> bool:
    """Whether all features are areas; what is clipped may be parts of areas."""
    clipped = view.geometry is GeometryType.GEOMETRY
    return (view.version.geometry if clipped else view.geometry) in _AREAS


def samples_in(view: View, area: Any, query: Query) -> Samples:
    """Values of what intersects ``area``, a geometry in CRS84."""
    return _read(view, query, area)


def samples_within(view: View, x: float, y: float, metres: float, query: Query) -> Samples:
    """Values of what lies no farther than ``metres`` from a point."""
    return _read(view, query, _circle(x, y, metres))


def samples_along(
    view: View, points: NDArray[np.float64], times: Sequence[datetime | None], query: Query
) -> Samples:
    """Values on a path of ``points`` (n, 2), as :func:`samples_at` finds them: of each place the
    value at the vertex's time where it has one, else the latest; in the order of the path."""
    found = []
    for (x, y), time in zip(points.tolist(), times, strict=True):
        asked = query if time is None else replace(query, interval=(None, time))
        here = samples_at(view, np.array([[x, y]]), asked)
        if len(here):
            latest = np.argmax(np.where(np.isnat(here.times), _NEVER, here.times))
            one = _chosen(here, np.array([latest]))
            stamp = one.times if time is None else np.array([time.replace(tzinfo=None)], _TIME)
            found.append(replace(one, x=np.array([x]), y=np.array([y]), times=stamp))
    return _together(found, query)


def means_in(view: View, box: Bbox, columns: int, rows: int, query: Query) -> Cube:
    """Means in ``columns`` × ``rows`` cells of a box, each of what has its place in it."""
    west, south, east, north = box
    width, height = (east - west) / columns, (north - south) / rows

    def cells(x: Any, y: Any) -> Any:
        column = np.clip((x - west) / width, -1, columns).astype(np.int64)
        row = np.clip((y - south) / height, -1, rows).astype(np.int64)
        inside = (x >= west) & (x <= east) & (y >= south) & (y <= north)
        column, row = np.minimum(column, columns - 1), np.minimum(row, rows - 1)
        return np.where(inside, row * columns + column, -1).astype(str)

    names = query.properties or ()
    figures = [Measure(Function.COUNT), *(Measure(Function.MEAN, name) for name in names)]
    grid = in_cells("cell", cells, lambda labels: np.full(len(labels), None, object))
    table = view.aggregate(replace(query, bbox=box), [grid], figures).table
    cell = table.column("cell").to_numpy(zero_copy_only=False).astype(np.int64)
    inside = cell >= 0
    count = np.zeros(columns * rows, np.int64)
    count[cell[inside]] = table.column("count").to_numpy()[inside]
    values = {}
    for name in names:
        mean = np.full(columns * rows, np.nan)
        mean[cell[inside]] = _floats(table, f"mean_{name}")[inside]
        values[name] = mean.reshape(rows, columns)
    return Cube(
        west + (np.arange(columns) + 0.5) * width,
        south + (np.arange(rows) + 0.5) * height,
        count.reshape(rows, columns),
        values,
        int(count.sum()),
    )


def _nearest(view: View, query: Query, x: float, y: float) -> Samples:
    """Values of the nearest place: of all features there, whose times make a series."""
    metres = _NEAREST_M
    while metres <= FARTHEST_M:
        if view.count(replace(query, bbox=_circle(x, y, metres).bounds)):
            # The nearest may lie beside the box, as far as its corners.
            near = _read(view, query, _circle(x, y, 1.5 * metres))
            if len(near):
                far = _metres(near.x, near.y, x, y)
                return _chosen(near, far <= far.min() + 1e-3)
        metres *= 2
    return _none(query)


def _read(view: View, query: Query, area: Any) -> Samples:
    import pyarrow.compute as pc

    shape = {"op": "s_intersects", "args": [{"property": GEOMETRY}, _geojson(area)]}
    parts = [shape] if query.filter is None else [shape, query.filter]
    asked = replace(query, filter=parts[0] if len(parts) == 1 else {"op": "and", "args": parts})
    table = view.rows_within(replace(asked, limit=MOST_SAMPLES + 1))
    if table.num_rows > MOST_SAMPLES:
        raise TooLarge(
            "these are more than {most} values",
            field="coords",
            mend="ask for a smaller place, a shorter time, or statistics",
            most=MOST_SAMPLES,
        )
    shapes = shapely.from_wkb(table.column(GEOMETRY).to_numpy())
    points = shapely.point_on_surface(shapes)
    times = pc.cast(table.column("valid_from"), "timestamp[us]").to_numpy()
    return _sorted(
        Samples(
            shapely.get_x(points),
            shapely.get_y(points),
            times,
            table.column(FID).to_numpy(),
            {name: _floats(table, name) for name in query.properties or ()},
        )
    )


def _floats(table: "pa.Table", name: str) -> NDArray[np.float64]:
    found: NDArray[np.float64] = (
        table.column(name).cast("double").fill_null(float("nan")).to_numpy()
    )
    return found


def _sorted(samples: Samples) -> Samples:
    return _chosen(samples, np.lexsort((samples.times, samples.y, samples.x)))


def _chosen(samples: Samples, which: NDArray[Any]) -> Samples:
    return Samples(
        samples.x[which],
        samples.y[which],
        samples.times[which],
        samples.fids[which],
        {name: values[which] for name, values in samples.values.items()},
    )


def _together(found: Sequence[Samples], query: Query) -> Samples:
    if len(found) == 1:
        return found[0]
    if not found:
        return _none(query)
    return Samples(
        np.concatenate([one.x for one in found]),
        np.concatenate([one.y for one in found]),
        np.concatenate([one.times for one in found]),
        np.concatenate([one.fids for one in found]),
        {
            name: np.concatenate([one.values[name] for one in found])
            for name in query.properties or ()
        },
    )


def _none(query: Query) -> Samples:
    empty = np.empty(0)
    values = dict.fromkeys(query.properties or (), empty)
    return Samples(empty, empty, np.empty(0, _TIME), np.empty(0, object), values)


def _circle(x: float, y: float, metres: float) -> Any:
    """A circle of metres as a polygon in CRS84, a thousandth too large at the most."""
    if not abs(y) < 89:
        raise Invalid("distances are not measured at the poles", field="coords")
    angle = np.linspace(0, 2 * np.pi, 72)
    reach = metres / _DEGREE_M / np.cos(np.pi / 72)
    return shapely.polygons(
        np.column_stack(
            [x + reach * np.cos(angle) / np.cos(np.radians(y)), y + reach * np.sin(angle)]
        )
    )


def _metres(
    x: NDArray[np.float64], y: NDArray[np.float64], to_x: float, to_y: float
) -> NDArray[np.float64]:
    """Distances on the ellipsoid."""
    import pyproj

    many_x, many_y = np.full_like(x, to_x), np.full_like(y, to_y)
    found: NDArray[np.float64] = pyproj.Geod(ellps="WGS84").inv(x, y, many_x, many_y)[2]
    return found


def _geojson(area: Any) -> Any:
    import orjson

    return orjson.loads(shapely.to_geojson(area))
