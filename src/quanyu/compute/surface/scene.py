"""Ground and roofs of an area: what every analysis of surfaces reads its inputs through.

The elevation is brought into the plane of the area (bilinear between the middles of cells; averaged
where cells become coarser), buildings are put on it. What the caller may not see is not among the
inputs, so it is absent here: ground without data, and no building.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray

from quanyu.compute.model import Features, Given, Grid
from quanyu.compute.surface.model import Flags, Floats, Surface
from quanyu.compute.surface.plane import Plane, plane_around
from quanyu.compute.surface.rasterising import surface
from quanyu.kernel import Invalid
from quanyu.spacetime import METRES, STOREY_M, Bbox, Field, FieldType, height_field, storeys_field

MOST_CELLS = 4 << 20
_FLAT_CELL = 2.0  # metres, where there is no elevation
_DEGREE = 110_574.0  # metres, of latitude where it is shortest
_SPARE_M = 100.0
_LEVEL = 0.01


@dataclass(frozen=True, slots=True)
class Scene:
    """An area in its plane: ``surface`` reaches around ``inner``, the cells that were asked about.

    ``without_data`` is the share of those cells whose ground is not known.
    """

    plane: Plane
    surface: Surface
    inner: Flags

    @property
    def without_data(self) -> float:
        """Share of the area whose ground is not known."""
        count = int(self.inner.sum())
        return float((np.isnan(self.surface.ground) & self.inner).sum() / count) if count else 0.0


def ground_and_roofs(
    given: Given, around: Any, margin: float = 0.0, *, field: str = "area"
) -> Scene:
    """The ground and roofs within ``margin`` metres of a geometry in degrees.

    Reads the inputs ``elevation``, ``buildings``, ``height_property``, ``stands`` and
    ``cell``. Cells whose
    middle lies on the geometry (all, where it has no area) are the inner ones. Raises ``Invalid``
    where there would be more than :data:`MOST_CELLS`, and for heights that cannot be read.
    """
    plane = plane_around(around)
    shape = plane.metres(shapely.force_2d(around))
    elevation: Grid | None = given["elevation"]
    cell = given.get("cell") or _own_cell(elevation, plane)
    west, south, east, north = shapely.bounds(shapely.buffer(shape, margin + cell)).tolist()
    # Cells are counted from the middle of the plane, so that they do not shift with the margin.
    left, top = np.floor(west / cell) * cell, np.ceil(north / cell) * cell
    columns, rows = int(np.ceil((east - left) / cell)), int(np.ceil((top - south) / cell))
    if columns * rows > MOST_CELLS:
        raise Invalid(
            "the area has {count} cells of {cell} m; {most} are computed at a time",
            field=field,
            mend="ask about a smaller area, or in coarser cells",
            count=columns * rows,
            cell=round(cell, 3),
            most=MOST_CELLS,
        )
    transform = Affine(cell, 0, left, 0, -cell, top)
    ground = _ground(elevation, plane, transform, (rows, columns))
    box = shapely.box(left, top - rows * cell, left + columns * cell, top)
    standing = _on(given, plane, ground, transform, box)
    return Scene(plane, standing, _inner(shape, (rows, columns), transform))


def extent_of(given: Given) -> Any:
    """The box in degrees of the elevation, else of the buildings; raises ``Invalid`` where neither
    is given."""
    elevation: Grid | None = given["elevation"]
    buildings: Features | None = given["buildings"]
    if elevation is not None:
        from pyproj import Transformer

        rows, columns = elevation.values.shape
        move = Transformer.from_crs(elevation.crs, "OGC:CRS84", always_xy=True)
        return shapely.box(
            *move.transform_bounds(
                elevation.west,
                elevation.north - rows * elevation.step_y,
                elevation.west + columns * elevation.step_x,
                elevation.north,
            )
        )
    if buildings is not None and len(buildings):
        return shapely.box(*shapely.total_bounds(buildings.geometries))
    raise Invalid(
        "neither elevation nor buildings are given",
        field="elevation",
        mend="name a collection of either",
    )


def read_within(around: Any, metres: float) -> dict[str, Bbox]:
    """The box in degrees within which elevation and buildings are read for an analysis of what
    lies within ``metres`` of geometries in degrees, with a little to spare."""
    west, south, east, north = shapely.total_bounds(around).tolist()
    tall = (metres + _SPARE_M) / _DEGREE
    wide = tall / max(float(np.cos(np.radians(max(abs(south), abs(north))))), 0.01)
    box = (
        max(west - wide, -180.0),
        max(south - tall, -90.0),
        min(east + wide, 180.0),
        min(north + tall, 90.0),
    )
    return {"elevation": box, "buildings": box}


def _own_cell(elevation: Grid | None, plane: Plane) -> float:
    """The side of a cell of the elevation in metres."""
    if elevation is None:
        return _FLAT_CELL
    from pyproj import CRS

    crs = CRS.from_user_input(elevation.crs)
    if crs.is_geographic:
        wide = elevation.step_x * _DEGREE * float(np.cos(np.radians(plane.latitude)))
        return min(wide, elevation.step_y * _DEGREE)
    factor = float(crs.axis_info[0].unit_conversion_factor) if crs.axis_info else 1.0
    return min(elevation.step_x, elevation.step_y) * factor


def _ground(
    elevation: Grid | None, plane: Plane, transform: Affine, shape: tuple[int, int]
) -> NDArray[np.float32]:
    if elevation is None:
        return np.zeros(shape, np.float32)
    from rasterio.crs import CRS
    from rasterio.enums import Resampling
    from rasterio.transform import from_origin
    from rasterio.warp import reproject

    unit = (elevation.unit or "").strip().lower()
    if unit not in METRES:
        raise Invalid(
            "elevation is in “{unit}”, which is no length",
            field="elevation",
            mend="name imagery that holds heights in metres",
            unit=unit,
        )
    found = np.full(shape, np.nan, np.float32)
    own = _own_cell(elevation, plane)
    reproject(
        np.asarray(elevation.values * METRES[unit], np.float32),
        found,
        src_transform=from_origin(
            elevation.west, elevation.north, elevation.step_x, elevation.step_y
        ),
        src_crs=CRS.from_user_input(elevation.crs),
        src_nodata=np.nan,
        dst_transform=transform,
        dst_crs=CRS.from_string(plane.definition),
        dst_nodata=np.nan,
        resampling=Resampling.average if transform.a > 1.5 * own else Resampling.bilinear,
    )
    return found


def _on(
    given: Given, plane: Plane, ground: NDArray[np.float32], transform: Affine, box: Any
) -> Surface:
    buildings: Features | None = given["buildings"]
    if buildings is None or not len(buildings):
        return Surface(ground, transform)
    base, height = standing(buildings, given.get("height_property"), given.get("stands") or "auto")
    shapes = plane.metres(shapely.force_2d(buildings.geometries))
    bad = ~shapely.is_valid(shapes)
    shapes[bad] = shapely.make_valid(shapes[bad])
    near = np.flatnonzero(shapely.intersects(shapes, box) & np.isfinite(height))
    ids = buildings.table.column("fid").to_pylist()
    names = tuple(str(ids[at]) for at in near.tolist())
    return surface(ground, transform, names, shapes[near], base[near], height[near])


def standing(buildings: Features, named: str | None, stands: str) -> tuple[Floats, Floats]:
    """The foot of each building (NaN: the ground) and its height above it (NaN: not known).

    ``named`` is the property of heights; without it the reach of its geometry counts where it has
    one, else the first of the usual properties, else storeys of 3 m.
    """
    low, reach = _reach(buildings)
    height = (
        np.full(len(buildings), np.nan) if named is not None else np.where(reach > 0, reach, np.nan)
    )
    for property_name, metres in _properties(buildings, named):
        said = np.asarray(buildings.table.column(property_name).to_numpy(), dtype=np.float64)
        height = np.where(np.isnan(height), said * metres, height)
    absolute = stands == "absolute" or (stands == "auto" and bool((np.abs(low) > _LEVEL).any()))
    return (low if absolute else np.full(len(buildings), np.nan)), height


def _reach(buildings: Features) -> tuple[Floats, Floats]:
    """The lowest height of each building and how far it reaches above that, NaN where its geometry
    has no heights."""
    names = buildings.table.column_names
    if "zmin" in names and "zmax" in names:
        low, high = (
            np.asarray(buildings.table.column(name).to_numpy(), dtype=np.float64)
            for name in ("zmin", "zmax")
        )
        return low, high - low
    points, owner = shapely.get_coordinates(buildings.geometries, include_z=True, return_index=True)
    known = np.isfinite(points[:, 2])
    low, high = np.full(len(buildings), np.inf), np.full(len(buildings), -np.inf)
    np.minimum.at(low, owner[known], points[known, 2])
    np.maximum.at(high, owner[known], points[known, 2])
    with np.errstate(invalid="ignore"):
        return np.where(np.isfinite(low), low, np.nan), np.where(
            np.isfinite(low), high - low, np.nan
        )


def _properties(buildings: Features, named: str | None) -> list[tuple[str, float]]:
    """Properties that heights are read from, and metres to each of their units."""
    import pyarrow as pa

    schema = buildings.table.schema
    fields = [
        Field(one.name, FieldType.NUMBER)
        for one in schema
        if pa.types.is_integer(one.type) or pa.types.is_floating(one.type)
    ]
    if named is not None:
        if named not in {one.name for one in fields}:
            raise Invalid(
                "buildings have no numbers called “{name}”",
                field="height_property",
                mend="name one of their properties that holds metres",
                name=named[:80],
            )
        return [(named, 1.0)]
    found = [(height_field(fields), 1.0), (storeys_field(fields), STOREY_M)]
    return [(name, metres) for name, metres in found if name is not None]


def _inner(shape: Any, size: tuple[int, int], transform: Affine) -> Flags:
    if shapely.area(shape) == 0:
        return np.ones(size, np.bool_)
    from rasterio.features import geometry_mask

    found = np.asarray(geometry_mask([shape], size, transform, invert=True))
    if found.any():
        return found
    return np.asarray(geometry_mask([shape], size, transform, invert=True, all_touched=True))
