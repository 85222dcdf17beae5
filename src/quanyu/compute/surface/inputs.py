"""Inputs that several analyses of surfaces have in common, declared once."""

from typing import Any

import numpy as np
import shapely

from quanyu.compute.model import Features, Holds, Input, Output, Shape
from quanyu.kernel import Invalid, LocalText

FARTHEST_M = 100_000
HIGHEST_M = 10_000

ELEVATION = Input(
    title=LocalText(zh="高程", en="Elevation"),
    description=LocalText(
        zh="数字高程模型（影像数据集中以米计的一个波段）。不给则地面视为 0 米的平面。",
        en="A digital elevation model: imagery with heights in metres. Without one the ground is "
        "taken as a plain at 0 m.",
    ),
    holds=Holds.GRID,
    optional=True,
)
BUILDINGS = Input(
    title=LocalText(zh="建筑", en="Buildings"),
    description=LocalText(
        zh="建筑轮廓或城市对象，按棱柱计算：屋顶以下都视为实体。",
        en="Footprints or city objects, taken as prisms: all below a roof is solid.",
    ),
    holds=Holds.FEATURES,
    shapes=frozenset({Shape.AREA}),
    optional=True,
    empty=True,
)
HEIGHT = Input(
    title=LocalText(zh="高度属性", en="Property of heights"),
    description=LocalText(
        zh="建筑高度（米）在哪个属性中；不给则用几何的高度，再用常见属性名，再按每层 3 米。",
        en="Which property holds the height of a building in metres. Left out: the reach of its "
        "geometry, else a property of a usual name, else 3 m to a storey.",
    ),
    schema={"type": "string", "minLength": 1, "maxLength": 200},
    optional=True,
)
STANDS = Input(
    title=LocalText(zh="建筑底部", en="Feet of buildings"),
    description=LocalText(
        zh="ground：立在轮廓下最低的地面上；absolute：以几何中的高程为底；"
        "auto：几何中有非零高程时为 absolute，否则为 ground。",
        en="ground: on the lowest ground under them; absolute: at the heights of their geometry; "
        "auto: absolute where any of these is not zero, else ground.",
    ),
    schema={"type": "string", "enum": ["auto", "ground", "absolute"]},
    default="auto",
    words={
        "auto": LocalText(zh="自动", en="automatic"),
        "ground": LocalText(zh="立在地面", en="on the ground"),
        "absolute": LocalText(zh="几何中的高程", en="at heights of their geometry"),
    },
)
CELL = Input(
    title=LocalText(zh="格网大小", en="Side of a cell"),
    description=LocalText(
        zh="计算格网的边长；不给则与高程数据相同（没有高程时 2 米）。",
        en="Of the grid that is computed on; left out: that of the elevation (2 m without one).",
    ),
    schema={"type": "number", "minimum": 0.1, "maximum": 1_000},
    unit="m",
    optional=True,
)
REFRACTION = Input(
    title=LocalText(zh="折光系数", en="Refraction"),
    description=LocalText(
        zh="大气折光抵消地球曲率的份额；1 则不计曲率。",
        en="The share of the earth's curvature that refraction makes good; 1 leaves curvature out.",
    ),
    schema={"type": "number", "minimum": -1, "maximum": 1},
    default=0.13,
)
COMMON = {
    "elevation": ELEVATION,
    "buildings": BUILDINGS,
    "height_property": HEIGHT,
    "stands": STANDS,
    "cell": CELL,
}

WITHOUT_DATA = Output(
    title=LocalText(zh="无高程的份额", en="Without data"),
    description=LocalText(
        zh="所求范围中没有高程数据或不允许查看的份额，0 至 1。",
        en="The share of what was asked about for which there is no elevation, or none that may be "
        "seen: 0 to 1.",
    ),
    schema={"type": "number", "minimum": 0, "maximum": 1},
)


def point_input(title: LocalText, most: int = 1) -> Input:
    """An input of places."""
    return Input(
        title=title,
        description=LocalText(zh="点（CRS84）。", en="Points in CRS84 (longitude, latitude)."),
        holds=Holds.FEATURES,
        shapes=frozenset({Shape.POINT}),
        most=most,
    )


def metres_input(title: LocalText, description: LocalText, default: float, most: float) -> Input:
    """An input of metres from 0 to ``most``."""
    return Input(
        title=title,
        description=description,
        schema={"type": "number", "minimum": 0, "maximum": most},
        unit="m",
        default=default,
    )


def number_output(title: LocalText, description: LocalText, unit: str | None = None) -> Output:
    """A figure; null where there is none."""
    return Output(
        title=title, description=description, schema={"type": ["number", "null"]}, unit=unit
    )


def places(name: str, features: Features) -> tuple[list[str], Any]:
    """Ids and coordinates (n × 2, degrees) of points; raises ``Invalid`` for points of several."""
    parts, owner = shapely.get_parts(features.geometries, return_index=True)
    if len(np.unique(owner)) != len(owner):
        raise Invalid(
            "a feature holds several points",
            field=name,
            mend="give each point as a feature of its own",
        )
    fids = features.table.column("fid").to_pylist()
    return [str(fid) for fid in fids], shapely.get_coordinates(parts)
