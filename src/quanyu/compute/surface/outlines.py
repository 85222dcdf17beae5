"""Cells as areas: the outlines of those that have something in common, in degrees."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray

from quanyu.compute.model import Features, Grid
from quanyu.compute.surface.model import Flags
from quanyu.compute.surface.scene import Scene


def outlines(numbers: NDArray[np.int32], transform: Affine) -> dict[int, Any]:
    """For each number from 0 on, the area of its cells as a MultiPolygon in the plane; cells that
    touch at a corner only are areas of their own."""
    from rasterio.features import shapes

    found: dict[int, list[Any]] = {}
    for shape, number in shapes(numbers, mask=numbers >= 0, transform=transform):
        rings = shape["coordinates"]
        found.setdefault(int(number), []).append(shapely.Polygon(rings[0], rings[1:]))
    return {number: shapely.multipolygons(parts) for number, parts in sorted(found.items())}


def areas(scene: Scene, classes: Mapping[str, Flags], **more: Mapping[str, Any]) -> Features:
    """The cells of each class as one feature, its name as ``fid``, with its ``area`` in m² and what
    ``more`` says of each class; classes without cells are left out. Classes do not overlap."""
    import pyarrow as pa

    numbers = np.full(scene.surface.ground.shape, -1, np.int32)
    for number, flags in enumerate(classes.values()):
        numbers[flags] = number
    found = outlines(numbers, scene.surface.transform)
    names = [list(classes)[number] for number in found]
    shapes = np.array(list(found.values()), dtype=object)
    columns: dict[str, Any] = {
        "fid": pa.array(names, pa.string()),
        "area": pa.array(shapely.area(shapes).round(3) if len(shapes) else [], pa.float64()),
    }
    for title, said in more.items():
        columns[title] = pa.array([said[name] for name in names])
    degrees = scene.plane.degrees(shapes) if len(shapes) else shapes
    return Features(degrees, pa.table(columns))


def grid_of(scene: Scene, values: NDArray[Any], unit: str) -> Grid:
    """Values of cells as a grid in the plane, cut to the inner cells and empty beside them."""
    rows, columns = np.nonzero(scene.inner)
    top, low, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    part = np.where(scene.inner, values, np.nan)[top:low, left:right].astype(np.float64)
    at = scene.surface.transform
    west, north = at * (float(left), float(top))
    return Grid(part, west, north, at.a, -at.e, scene.plane.definition, unit)


def lines_and_points(shapes: list[Any], columns: Mapping[str, Any]) -> Features:
    """Features of shapes in degrees and columns of one length each."""
    import pyarrow as pa

    made = np.empty(len(shapes), dtype=object)
    made[:] = shapes
    return Features(made, pa.table(dict(columns)))
