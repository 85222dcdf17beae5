"""The process ``flood`` 淹没: what stands under water at a level, from where it comes in."""

from typing import Any

import numpy as np
import shapely

from quanyu.compute.model import (
    ANY_SHAPE,
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
    Shape,
)
from quanyu.compute.surface.flood import Flood, flood, flooded_buildings
from quanyu.compute.surface.inputs import COMMON, WITHOUT_DATA, number_output
from quanyu.compute.surface.model import Flags
from quanyu.compute.surface.outlines import areas, grid_of, lines_and_points
from quanyu.compute.surface.scene import Scene, extent_of, ground_and_roofs, read_within
from quanyu.kernel import Invalid, LocalText
from quanyu.spacetime import Bbox

_MARGIN_M = 1.0

DESCRIPTION = ProcessDescription(
    id="flood",
    version="1.0.0",
    title=LocalText(zh="淹没分析", en="Flood by water level"),
    description=LocalText(
        zh="给定水位下，与水源连通且低于水位的地面；水深、水量、面积与受淹建筑。"
        "静态水面：不计时间、流动与排水，建筑不挡水。",
        en="The ground below a water level that hangs together with where the water comes in: "
        "depth, volume, area, and the buildings in it. Water stands level; there is no time, flow "
        "or drainage, and buildings do not hold it back.",
    ),
    keywords=(LocalText(zh="内涝", en="inundation"),),
    inputs={
        "sources": Input(
            title=LocalText(zh="水源", en="Sources"),
            description=LocalText(
                zh="水从哪里来：点、线（如岸线）或面（CRS84）。",
                en="Where water comes in: points, lines such as a bank, or areas, in CRS84.",
            ),
            holds=Holds.FEATURES,
            shapes=ANY_SHAPE,
            most=1_000,
        ),
        "level": Input(
            title=LocalText(zh="水位", en="Water level"),
            description=LocalText(
                zh="与高程同一基准的米数。", en="In metres, in the heights of the elevation."
            ),
            schema={"type": "number", "minimum": -1_000, "maximum": 9_000},
            unit="m",
        ),
        "neighbours": Input(
            title=LocalText(zh="连通方式", en="Neighbours"),
            description=LocalText(
                zh="水从一格到相邻的格：只经过格边（4 邻），或也经过格角（8 邻）。",
                en="How water goes from cell to cell: over their sides (4 neighbours), or over "
                "their corners too (8).",
            ),
            schema={"type": "string", "enum": ["sides", "corners"]},
            default="corners",
            words={
                "sides": LocalText(zh="格边", en="over sides"),
                "corners": LocalText(zh="格边与格角", en="over sides and corners"),
            },
        ),
        "area": Input(
            title=LocalText(zh="范围", en="Area"),
            description=LocalText(
                zh="只在其中计算；不给则为全部高程。",
                en="Where it is computed; left out: all of the elevation.",
            ),
            holds=Holds.FEATURES,
            shapes=frozenset({Shape.AREA}),
            optional=True,
            most=1,
        ),
        **COMMON,
    },
    outputs={
        "water": Output(
            title=LocalText(zh="淹没范围", en="Water"),
            description=LocalText(
                zh="淹没的范围与面积。", en="What stands under water, with its area."
            ),
            holds=Holds.FEATURES,
        ),
        "depth": Output(
            title=LocalText(zh="水深", en="Depth"),
            description=LocalText(
                zh="每格水深，无水处为空。", en="Of each cell; empty where there is no water."
            ),
            holds=Holds.GRID,
            unit="m",
        ),
        "buildings_in_water": Output(
            title=LocalText(zh="受淹建筑", en="Buildings in water"),
            description=LocalText(
                zh="depth 最大水深，share 轮廓内受淹的份额。",
                en="With the greatest depth at each and the share of its footprint that is wet.",
            ),
            holds=Holds.FEATURES,
        ),
        "wet_area": number_output(
            LocalText(zh="淹没面积", en="Area of water"),
            LocalText(zh="有水格网的面积。", en="Of the cells with water."),
            "m2",
        ),
        "volume": number_output(
            LocalText(zh="水量", en="Volume"),
            LocalText(zh="水深乘以格网面积之和。", en="Depth times area, summed over cells."),
            "m3",
        ),
        "deepest": number_output(
            LocalText(zh="最大水深", en="Deepest"),
            LocalText(zh="最深的格网。", en="The depth of the deepest cell."),
            "m",
        ),
        "open": Output(
            title=LocalText(zh="水到数据边缘", en="Reaches the edge"),
            description=LocalText(
                zh="水到达范围边缘或无高程处，可能继续向外。",
                en="Whether water reaches the edge of the area, or ground that is not known, and "
                "may go on beyond.",
            ),
            schema={"type": "boolean"},
        ),
        "without_data": WITHOUT_DATA,
    },
    references=(
        Reference(
            "Poulter, B.; Halpin, P. N.: Raster modelling of coastal flooding from sea-level rise. "
            "Int. J. Geogr. Inf. Sci. 22(2), 2008",
            "https://doi.org/10.1080/13658810701371858",
        ),
    ),
    accuracy=LocalText(
        zh="对给定高程是精确的（与逐格填充一致）；结果取决于高程精度与格网大小。",
        en="Exact for the elevation given (a fill cell by cell gives the same); as good as that "
        "elevation and the size of its cells.",
    ),
)


def run(given: Given, progress: Progress) -> Made:
    """The flood from ``sources`` at ``level``; raises ``Invalid`` where no elevation is given, and
    where all sources lie outside of it."""
    if given["elevation"] is None:
        raise Invalid(
            "a flood needs elevation",
            field="elevation",
            mend='name imagery that holds heights, such as {"collection": "dem"}',
        )
    area: Features | None = given["area"]
    around = extent_of(given) if area is None else area.geometries[0]
    scene = ground_and_roofs(given, around, _MARGIN_M, field="area")
    progress(0.3)
    surface = scene.surface
    sources = _sources(scene, given["sources"])
    if not (sources & scene.inner).any():
        raise Invalid(
            "no source lies in the area", field="sources", mend="give sources within the elevation"
        )
    # Outside of the area nothing is known; that water may go on there is told.
    ground = np.where(scene.inner, surface.ground, np.float32(np.nan))
    found = flood(
        ground, sources & scene.inner, given["level"], 4 if given["neighbours"] == "sides" else 8
    )
    progress(0.7)
    figures = found.figures(surface.cell)
    return {
        "water": areas(scene, {"water": found.wet}),
        "depth": grid_of(scene, found.depth, "m"),
        "buildings_in_water": _buildings(scene, found),
        "wet_area": round(figures["area"], 3),
        "volume": round(figures["volume"], 3),
        "deepest": round(figures["deepest"], 3),
        "open": found.open,
        "without_data": round(scene.without_data, 4),
    }


def _sources(scene: Scene, features: Features) -> Flags:
    """Cells that sources touch."""
    from rasterio.features import geometry_mask

    shapes: Any = scene.plane.metres(shapely.force_2d(features.geometries))
    surface = scene.surface
    return np.asarray(
        geometry_mask(
            shapes.tolist(), surface.ground.shape, surface.transform, invert=True, all_touched=True
        )
    )


def _buildings(scene: Scene, found: Flood) -> Features:
    import pyarrow as pa

    told = flooded_buildings(scene.surface, found)
    standing = scene.surface.buildings
    shapes = scene.plane.degrees(standing.shapes[told.number]) if len(told.number) else []
    return lines_and_points(
        list(shapes),
        {
            "fid": pa.array([standing.ids[at] for at in told.number.tolist()], pa.string()),
            "depth": pa.array(told.deepest.round(3), pa.float64()),
            "share": pa.array(told.share.round(4), pa.float64()),
        },
    )


def around(given: Given) -> dict[str, Bbox]:
    """Where elevation and buildings are read."""
    area = given["area"]
    return {} if area is None else read_within(area.geometries, 0)


FLOOD = Algorithm(DESCRIPTION, run, around)
