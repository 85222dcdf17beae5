"""Measures 量测: lengths and areas on the ellipsoid of CGCS2000.

Geodesic lengths, and areas of polygons with geodesic edges (Karney, C. F. F.: Algorithms for
geodesics. *Journal of Geodesy* 87, 2013), by PROJ; not of what a map projection makes of them.
"""

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from quanyu.compute.model import (
    Algorithm,
    Features,
    Given,
    Holds,
    Input,
    Made,
    Output,
    ProcessDescription,
    Progress,
    Reference,
)
from quanyu.kernel import LocalText

_ELLIPSOID = "GRS80"

DESCRIPTION = ProcessDescription(
    id="measures",
    version="1.0.0",
    title=LocalText(zh="量测", en="Measures"),
    description=LocalText(
        zh="线的长度、面的面积与周长，在 CGCS2000 椭球面上计算。",
        en="Lengths of lines, areas and perimeters of areas, on the ellipsoid of CGCS2000.",
    ),
    keywords=(LocalText(zh="长度", en="length"), LocalText(zh="面积", en="area")),
    inputs={
        "features": Input(
            title=LocalText(zh="要素", en="Features"),
            description=LocalText(
                zh="线或面：本节点的数据集，或 GeoJSON（CRS84）。",
                en="Lines or areas: a collection of this node, or GeoJSON (CRS84).",
            ),
            holds=Holds.FEATURES,
        ),
    },
    outputs={
        "result": Output(
            title=LocalText(zh="量测结果", en="Measured features"),
            description=LocalText(
                zh="原要素，加上米数（线长或周长）与平方米数。",
                en="The features with their metres (of lines, or around areas) and square metres.",
            ),
            holds=Holds.FEATURES,
        ),
        "metres": Output(
            title=LocalText(zh="长度合计", en="Length in all"),
            description=LocalText(zh="线长与周长之和。", en="Of lines, and around areas."),
            schema={"type": "number"},
            unit="m",
        ),
        "square_metres": Output(
            title=LocalText(zh="面积合计", en="Area in all"),
            description=LocalText(zh="各面面积之和。", en="Of all areas; overlaps count twice."),
            schema={"type": "number"},
            unit="m2",
        ),
    },
    references=(
        Reference(
            "Karney, C. F. F.: Algorithms for geodesics. Journal of Geodesy 87, 2013, 43–55",
            "https://doi.org/10.1007/s00190-012-0578-z",
        ),
    ),
    accuracy=LocalText(
        zh="长度误差小于 15 纳米，面积误差小于 0.1 平方米。",
        en="Lengths to 15 nanometres, areas to 0.1 square metres.",
    ),
)


def run(given: Given, progress: Progress) -> Made:
    """The features with ``metres`` and ``square_metres`` beside their properties."""
    features: Features = given["features"]
    metres = lengths(features.geometries)
    progress(0.5)
    square = areas(features.geometries)
    table = features.table
    for name, values in (("metres", metres), ("square_metres", square)):
        if name in table.column_names:
            table = table.drop_columns([name])
        table = table.append_column(name, [np.round(values, 3)])
    return {
        "result": Features(features.geometries, table),
        "metres": round(float(metres.sum()), 3),
        "square_metres": round(float(square.sum()), 3),
    }


def lengths(geometries: NDArray[Any]) -> NDArray[np.float64]:
    """Metres of each line, or around each area with the holes; 0 of points."""
    import pyproj

    found = np.zeros(len(geometries))
    flat = np.flatnonzero(shapely.get_dimensions(geometries) > 0)
    rings, owner = _paths(geometries[flat])
    xy, path = shapely.get_coordinates(rings, return_index=True)
    if len(xy) < 2:
        return found
    steps = pyproj.Geod(ellps=_ELLIPSOID).inv(xy[:-1, 0], xy[:-1, 1], xy[1:, 0], xy[1:, 1])[2]
    within = path[1:] == path[:-1]
    np.add.at(found, flat[owner[path[1:][within]]], np.asarray(steps)[within])
    return found


def areas(geometries: NDArray[Any]) -> NDArray[np.float64]:
    """Square metres of each area without its holes; 0 of points and lines."""
    import pyproj

    geod = pyproj.Geod(ellps=_ELLIPSOID)
    found = np.zeros(len(geometries))
    parts, owner = shapely.get_parts(geometries, return_index=True)
    polygons = np.flatnonzero(shapely.get_dimensions(parts) == 2)
    for at in polygons:  # PROJ takes one polygon at a time
        found[owner[at]] += abs(geod.geometry_area_perimeter(shapely.normalize(parts[at]))[0])
    return found


def _paths(geometries: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Lines and rings, and of which geometry each is."""
    parts, owner = shapely.get_parts(geometries, return_index=True)
    is_area = shapely.get_dimensions(parts) == 2
    rings, of = shapely.get_rings(parts[is_area], return_index=True)
    return (
        np.concatenate([parts[~is_area], rings]),
        np.concatenate([owner[~is_area], owner[is_area][of]]),
    )


MEASURES = Algorithm(DESCRIPTION, run)
