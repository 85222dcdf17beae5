"""The process ``sunlight`` 窗点日照: hours and periods of sun at single points, such as sills."""

from typing import Any

import numpy as np
import shapely

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
from quanyu.compute.surface.daylight import Periods, outside, periods, sunlit
from quanyu.compute.surface.days import DAYS, REQUIRED, Counted, counted, minutes_input
from quanyu.compute.surface.inputs import COMMON, number_output, places, point_input
from quanyu.compute.surface.outlines import lines_and_points
from quanyu.compute.surface.scene import ground_and_roofs, read_within
from quanyu.compute.surface.sun_hours_process import SPA, SURROUNDINGS
from quanyu.kernel import Invalid, LocalText
from quanyu.spacetime import Bbox

_MOST_POINTS = 1_000

DESCRIPTION = ProcessDescription(
    id="sunlight",
    version="1.0.0",
    title=LocalText(zh="窗点日照", en="Sunlight at windows"),
    description=LocalText(
        zh="各点（如底层窗台外墙位置）在大寒日、冬至日或某日的日照时数与各段起止，"
        "按建筑棱柱精确计算；给出要求时数则说明达标与否。",
        en="Hours and periods of direct sun at points, such as sills in outer walls, on Great "
        "Cold, the winter solstice or another day, exactly for buildings as prisms; and whether "
        "they have the hours asked for.",
    ),
    keywords=(LocalText(zh="住宅日照", en="dwellings"),),
    inputs={
        "points": point_input(LocalText(zh="计算点", en="Points"), _MOST_POINTS),
        "above": Input(
            title=LocalText(zh="离地高度", en="Above the ground"),
            description=LocalText(
                zh="点处地面以上多高；窗台距室内地坪 0.9 米。",
                en="How high over the ground at the point; a sill is 0.9 m over the floor.",
            ),
            schema={"type": "number", "minimum": 0, "maximum": 1_000},
            unit="m",
            default=0.9,
        ),
        "above_property": Input(
            title=LocalText(zh="高度属性", en="Property of heights above"),
            description=LocalText(
                zh="各点的离地高度在哪个属性中（米）；没有值的点用上面的高度。",
                en="Which property of the points holds it, in metres; points without a value take "
                "the one above.",
            ),
            schema={"type": "string", "minLength": 1, "maxLength": 200},
            optional=True,
        ),
        **DAYS,
        "minutes": minutes_input(1.0),
        "least": Input(
            title=LocalText(zh="最短连续日照", en="Shortest period"),
            description=LocalText(
                zh="短于它的一段不计入。", en="Periods that are shorter do not count."
            ),
            schema={"type": "number", "minimum": 0, "maximum": 240},
            unit="min",
            default=5.0,
        ),
        "required": REQUIRED,
        "surroundings": SURROUNDINGS,
        **COMMON,
    },
    outputs={
        "points_in_sun": Output(
            title=LocalText(zh="各点日照", en="Points"),
            description=LocalText(
                zh="hours 时数、longest 最长连续、periods 各段（真太阳时）、enough 是否达标、"
                "ground 地面高程（空为未知，此时其余为空）。",
                en="With hours, longest (without a break), periods (apparent solar time), enough, "
                "and ground (null where it is not known; then the others are null too).",
            ),
            holds=Holds.FEATURES,
        ),
        "enough": number_output(
            LocalText(zh="达标点数", en="Points with enough"),
            LocalText(zh="未给要求则为空。", en="Null when no hours are asked for."),
        ),
        "unknown": number_output(
            LocalText(zh="未知点数", en="Points not known"),
            LocalText(zh="地面高程未知的点。", en="Those of which the ground is not known."),
        ),
        "day_counted": Output(
            title=LocalText(zh="计算日期", en="Day counted"),
            description=LocalText(zh="实际所取的日期。", en="The date that was taken."),
            schema={"type": "string", "format": "date"},
        ),
    },
    references=(
        SPA,
        Reference("GB 50180-2018 城市居住区规划设计标准, 4.0.9"),
        Reference("GB/T 50947-2014 建筑日照计算参数标准"),
    ),
    accuracy=LocalText(
        zh="太阳位置误差小于 0.01°，建筑棱柱精确求交，时数精确到每段一个时间间隔。"
        "不计扫掠角、窗洞宽度与阳台；气候区与城市规模对应的标准由使用者给出。",
        en="The sun stands within 0.01°, prisms are met exactly, hours are true to a step for each "
        "period. The sweep angle, the width of windows and balconies are not regarded; which "
        "standard holds by climate zone and size of the city is for the caller to say.",
    ),
)


def run(given: Given, progress: Progress) -> Made:
    """Sun at ``points``; raises ``Invalid`` for a property that is not there."""
    fids, lonlat = places("points", given["points"])
    above = _above(given)
    farthest = float(given["surroundings"])
    scene = ground_and_roofs(given, shapely.multipoints(lonlat), farthest, field="points")
    day = counted(given, scene.plane.longitude, scene.plane.latitude)
    xy = outside(scene.surface, scene.plane.places(lonlat))
    ground = scene.surface.ground_at(xy)
    known = np.isfinite(ground)
    lit = sunlit(
        scene.surface,
        xy[known],
        ground[known] + above[known],
        day.sun,
        farthest=farthest,
        heard=progress,
    )
    found: list[Periods | None] = [None] * len(fids)
    said = periods(lit, day.minutes, given["least"])
    for at, one in zip(np.flatnonzero(known).tolist(), said, strict=True):
        found[at] = one
    required = given["required"]
    enough = [
        None if one is None or required is None else one.hours >= required - 1e-6 for one in found
    ]
    return {
        "points_in_sun": _points(fids, lonlat, ground, (found, enough), day),
        "enough": None if required is None else sum(one is True for one in enough),
        "unknown": int((~known).sum()),
        "day_counted": day.day.isoformat(),
    }


def _above(given: Given) -> Any:
    """Metres above the ground of each point."""
    features: Features = given["points"]
    found = np.full(len(features), float(given["above"]))
    name = given["above_property"]
    if name is None:
        return found
    if name not in features.table.column_names:
        raise Invalid(
            "points have no property “{name}”",
            field="above_property",
            mend="name one of their properties that holds metres",
            name=name[:80],
        )
    try:
        said = np.asarray(features.table.column(name).to_numpy(), dtype=np.float64)
    except ValueError as error:
        raise Invalid(
            "“{name}” holds no numbers",
            field="above_property",
            mend="name one of their properties that holds metres",
            name=name[:80],
        ) from error
    return np.where(np.isnan(said), found, said)


def _points(
    fids: list[str],
    lonlat: Any,
    ground: Any,
    told: tuple[list[Periods | None], list[bool | None]],
    day: Counted,
) -> Features:
    import pyarrow as pa

    found, enough = told
    return lines_and_points(
        list(shapely.points(lonlat)),
        {
            "fid": pa.array(fids, pa.string()),
            "hours": pa.array(
                [None if one is None else round(one.hours, 4) for one in found], pa.float64()
            ),
            "longest": pa.array(
                [None if one is None else round(one.longest, 4) for one in found], pa.float64()
            ),
            "periods": pa.array(
                [None if one is None else _said(one, day) for one in found], pa.string()
            ),
            "enough": pa.array(enough, pa.bool_()),
            "ground": pa.array(ground.round(3), mask=np.isnan(ground)),
        },
    )


def _said(one: Periods, day: Counted) -> str:
    """Periods as ``09:15-11:40 13:02-15:00``."""
    return " ".join(f"{day.clock(first)}-{day.clock(last)}" for first, last in one.steps)


def around(given: Given) -> dict[str, Bbox]:
    """Where elevation and buildings are read."""
    points = given["points"]
    return {} if points is None else read_within(points.geometries, given["surroundings"])


SUNLIGHT = Algorithm(DESCRIPTION, run, around)
