"""Buffer 缓冲区: all that lies within some metres of features.

In planes around them, where distances are true to 3e-5 and a centimetre: features are taken by
cells of one degree, each with an equal-area plane of its own (Snyder, *Map Projections – A Working
Manual*, 1987, p. 187), so that a collection of a whole country is as exact as one of a street.
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
from quanyu.kernel import Invalid, LocalText
from quanyu.land import Plane

_WIDEST = 4.0
"""Degrees that one feature may be wide or high: a plane is not true farther out."""

DESCRIPTION = ProcessDescription(
    id="buffer",
    version="1.0.0",
    title=LocalText(zh="缓冲区", en="Buffer"),
    description=LocalText(
        zh="要素周围若干米以内的范围；负值向内收缩。可选端点、转角样式，可合并为一个面。",
        en="All that lies within some metres of features; a negative distance shrinks areas. "
        "Ends, corners and side can be chosen, and all may be dissolved into one area.",
    ),
    keywords=(LocalText(zh="邻近分析", en="proximity"),),
    inputs={
        "features": Input(
            title=LocalText(zh="要素", en="Features"),
            description=LocalText(
                zh="点、线或面：本节点的数据集，或 GeoJSON（CRS84）。",
                en="Points, lines or areas: a collection of this node, or GeoJSON (CRS84).",
            ),
            holds=Holds.FEATURES,
        ),
        "distance": Input(
            title=LocalText(zh="距离", en="Distance"),
            description=LocalText(
                zh="以米计；负值只对面有意义。", en="In metres; below zero for areas alone."
            ),
            schema={"type": "number", "minimum": -50_000, "maximum": 50_000},
            unit="m",
        ),
        "ends": Input(
            title=LocalText(zh="端点样式", en="Ends"),
            description=LocalText(
                zh="线的端点：圆、方或平。", en="Ends of lines: round, square or flat."
            ),
            schema={"type": "string", "enum": ["round", "square", "flat"]},
            default="round",
            words={
                "round": LocalText(zh="圆", en="round"),
                "square": LocalText(zh="方", en="square"),
                "flat": LocalText(zh="平", en="flat"),
            },
        ),
        "corners": Input(
            title=LocalText(zh="转角样式", en="Corners"),
            description=LocalText(
                zh="转角：圆、尖（不超过距离的五倍）或斜切。",
                en="Corners: round, mitre (up to five times the distance) or bevel.",
            ),
            schema={"type": "string", "enum": ["round", "mitre", "bevel"]},
            default="round",
            words={
                "round": LocalText(zh="圆", en="round"),
                "mitre": LocalText(zh="尖", en="mitre"),
                "bevel": LocalText(zh="斜切", en="bevel"),
            },
        ),
        "side": Input(
            title=LocalText(zh="侧", en="Side"),
            description=LocalText(
                zh="线的哪一侧（沿线的方向看）。", en="Side of lines, looking along them."
            ),
            schema={"type": "string", "enum": ["both", "left", "right"]},
            default="both",
            words={
                "both": LocalText(zh="两侧", en="both"),
                "left": LocalText(zh="左侧", en="left"),
                "right": LocalText(zh="右侧", en="right"),
            },
        ),
        "segments": Input(
            title=LocalText(zh="圆弧段数", en="Segments"),
            description=LocalText(
                zh="四分之一圆用多少段直线表示；16 段时误差为距离的 0.12%。",
                en="Straight segments in a quarter circle; with 16 arcs are 0.12 % of the distance "
                "short at most.",
            ),
            schema={"type": "integer", "minimum": 1, "maximum": 64},
            default=16,
        ),
        "dissolve": Input(
            title=LocalText(zh="合并", en="Dissolve"),
            description=LocalText(
                zh="相接的合并，去掉属性。", en="One area of all, without properties."
            ),
            schema={"type": "boolean"},
            default=False,
        ),
    },
    outputs={
        "result": Output(
            title=LocalText(zh="缓冲区", en="Buffers"),
            description=LocalText(
                zh="每个要素一个面，属性不变；合并时只有一个。",
                en="An area for each feature with its properties; one alone where dissolved.",
            ),
            holds=Holds.FEATURES,
        ),
    },
    references=(
        Reference("ISO 19125-1:2004, 6.1.2.4 (buffer)", "https://www.iso.org/standard/40114.html"),
        Reference("Snyder, J. P.: Map Projections – A Working Manual. USGS PP 1395, 1987, p. 187"),
    ),
    accuracy=LocalText(
        zh="距离误差不超过十万分之三加一厘米，另加圆弧折线化的误差。",
        en="Distances are true to 3e-5 and a centimetre, besides what arcs lose as segments.",
    ),
)


def run(given: Given, progress: Progress) -> Made:
    """Buffers of ``features``; raises ``Invalid`` for a negative distance of what has no area, a
    side of what is no line, and a feature wider than 4°."""
    features: Features = given["features"]
    shapes = shapely.force_2d(features.geometries)
    _check(shapes, given)
    made = np.full(len(shapes), None, dtype=object)
    cells = cells_of(shapes)
    for number, cell in enumerate(np.unique(cells)):
        here = cells == cell
        plane = Plane(shapely.box(*shapely.total_bounds(shapes[here])))
        made[here] = plane.degrees(_around(plane.metres(shapes[here]), given))
        progress(0.9 * (number + 1) / (cells.max() + 1))
    kept = ~shapely.is_empty(made)
    if given["dissolve"]:
        return {"result": _one(shapely.union_all(made[kept]))}
    return {"result": Features(made[kept], features.table.filter(kept))}


def cells_of(shapes: NDArray[Any]) -> NDArray[np.int64]:
    """Of each shape the number of the one-degree cell in which its middle lies, from 0."""
    bounds = shapely.bounds(shapes)
    middle = np.floor((bounds[:, :2] + bounds[:, 2:]) / 2)
    return np.unique(middle, axis=0, return_inverse=True)[1].reshape(-1)


def _around(shapes: NDArray[Any], given: Given) -> Any:
    distance, side = given["distance"], given["side"]
    if side == "both":
        return shapely.buffer(
            shapes,
            distance,
            quad_segs=given["segments"],
            cap_style=given["ends"],
            join_style=given["corners"],
            mitre_limit=5.0,
        )
    return shapely.buffer(
        shapes,
        distance if side == "left" else -distance,
        quad_segs=given["segments"],
        join_style=given["corners"],
        mitre_limit=5.0,
        single_sided=True,
    )


def _check(shapes: NDArray[Any], given: Given) -> None:
    dimensions = shapely.get_dimensions(shapes)
    if given["distance"] < 0 and (dimensions < 2).any():
        raise Invalid(
            "points and lines cannot be shrunk",
            field="distance",
            mend="give a distance above zero, or areas",
        )
    if given["side"] != "both" and (dimensions != 1).any():
        raise Invalid("only lines have sides", field="side", mend="say both, or give lines alone")
    bounds = shapely.bounds(shapes)
    if (np.nanmax(bounds[:, 2:] - bounds[:, :2], initial=0)) > _WIDEST:
        raise Invalid(
            "a feature is wider than {most} degrees",
            field="features",
            mend="cut it into parts",
            most=_WIDEST,
        )


def _one(geometry: Any) -> Features:
    import pyarrow as pa

    return Features(np.array([geometry], dtype=object), pa.table({"fid": ["dissolved"]}))


BUFFER = Algorithm(DESCRIPTION, run)
