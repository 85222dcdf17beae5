"""The process ``sun-hours`` 日照时数: hours of sun of every cell on a day."""

import numpy as np

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
    Shape,
)
from quanyu.compute.surface.days import DAYS, REQUIRED, counted, minutes_input
from quanyu.compute.surface.inputs import COMMON, WITHOUT_DATA, metres_input, number_output
from quanyu.compute.surface.outlines import areas, grid_of
from quanyu.compute.surface.scene import extent_of, ground_and_roofs, read_within
from quanyu.compute.surface.shadow import sun_hours
from quanyu.kernel import LocalText
from quanyu.spacetime import Bbox

SPA = Reference(
    "Reda, I.; Andreas, A.: Solar Position Algorithm for Solar Radiation Applications. "
    "NREL/TP-560-34302, 2008",
    "https://www.nrel.gov/docs/fy08osti/34302.pdf",
)
AREA = Input(
    title=LocalText(zh="范围", en="Area"),
    description=LocalText(
        zh="在其中计算；不给则为全部高程，没有高程时为全部建筑。",
        en="Where it is computed; left out: all of the elevation, or of the buildings.",
    ),
    holds=Holds.FEATURES,
    shapes=frozenset({Shape.AREA}),
    optional=True,
    most=1,
)
SURROUNDINGS = metres_input(
    LocalText(zh="周边", en="Surroundings"),
    LocalText(
        zh="范围以外多远的地形与建筑也计其遮挡。",
        en="How far around the area ground and buildings cast shadows into it.",
    ),
    300.0,
    20_000.0,
)
ABOVE = metres_input(
    LocalText(zh="计算高度", en="Above"),
    LocalText(zh="地面或屋顶以上多高处。", en="How high over ground or roofs it is asked about."),
    0.0,
    500.0,
)

DESCRIPTION = ProcessDescription(
    id="sun-hours",
    version="1.0.0",
    title=LocalText(zh="日照时数分布", en="Hours of sun"),
    description=LocalText(
        zh="某日每格地面与屋顶的直射日照时数（不计云与散射）。大寒日、冬至日按国家标准的时间带，"
        "以真太阳时计。",
        en="Hours of direct sun of every cell of ground and roof on a day, without clouds. Great "
        "Cold and the winter solstice are counted in the hours of the Chinese standard, in "
        "apparent solar time.",
    ),
    keywords=(LocalText(zh="日照分析", en="insolation"), LocalText(zh="阴影", en="shade")),
    inputs={
        "area": AREA,
        **DAYS,
        "minutes": minutes_input(5.0),
        "above": ABOVE,
        "required": REQUIRED,
        "surroundings": SURROUNDINGS,
        **COMMON,
    },
    outputs={
        "hours": Output(
            title=LocalText(zh="日照时数", en="Hours"),
            description=LocalText(zh="每格的日照时数。", en="Of each cell."),
            holds=Holds.GRID,
            unit="h",
        ),
        "bands": Output(
            title=LocalText(zh="时数分级", en="Bands"),
            description=LocalText(
                zh="按整小时分级的范围与面积：at_least、below。",
                en="Areas by whole hours: at_least, below, area.",
            ),
            holds=Holds.FEATURES,
        ),
        "mean": number_output(
            LocalText(zh="平均时数", en="Mean"), LocalText(zh="各格平均。", en="Of all cells."), "h"
        ),
        "most": number_output(
            LocalText(zh="可能时数", en="Possible"),
            LocalText(
                zh="时间带内太阳在地平线以上的时数。", en="How long the sun is up in these hours."
            ),
            "h",
        ),
        "enough": number_output(
            LocalText(zh="达标份额", en="Share with enough"),
            LocalText(
                zh="达到要求时数的格网份额；未给要求则为空。",
                en="Of cells with the hours asked for; null when none are.",
            ),
        ),
        "day_counted": Output(
            title=LocalText(zh="计算日期", en="Day counted"),
            description=LocalText(zh="实际所取的日期。", en="The date that was taken."),
            schema={"type": "string", "format": "date"},
        ),
        "without_data": WITHOUT_DATA,
    },
    references=(
        SPA,
        Reference(
            "Dozier, J.; Bruno, J.; Downey, P.: A faster solution to the horizon problem. "
            "Computers & Geosciences 7, 1981"
        ),
        Reference("GB 50180-2018 城市居住区规划设计标准, 4.0.9 (day and hours that count)"),
    ),
    accuracy=LocalText(
        zh="太阳位置误差小于 0.01°；阴影边缘精确到一个格网；时数精确到每段日照一个时间间隔。"
        "周边以外的遮挡不计。",
        en="The sun stands within 0.01°; edges of shadows are true to a cell, hours to a step for "
        "each period of sun. What is farther away than the surroundings casts no shadow.",
    ),
)


def run(given: Given, progress: Progress) -> Made:
    """Hours of sun of the cells of ``area``."""
    area: Features | None = given["area"]
    around = extent_of(given) if area is None else area.geometries[0]
    margin = float(given["surroundings"]) if area is not None else 0.0
    scene = ground_and_roofs(given, around, margin, field="area")
    day = counted(given, scene.plane.longitude, scene.plane.latitude)
    hours = sun_hours(
        scene.surface.tops,
        scene.surface.cell,
        day.sun,
        day.minutes,
        above=float(given["above"]),
        heard=progress,
    )
    known = scene.inner & ~np.isnan(hours)
    values = hours[known]
    required = given["required"]
    enough = (
        None
        if required is None or not len(values)
        else round(float((values >= required - 1e-4).mean()), 4)
    )
    bands = {
        f"{low}-{low + 1}": known & (hours >= low) & (hours < low + 1)
        for low in range(int(np.ceil(day.hours)) + 1)
    }
    lows = {name: float(name.split("-")[0]) for name in bands}
    return {
        "hours": grid_of(scene, hours, "h"),
        "bands": areas(scene, bands, at_least=lows, below={n: v + 1 for n, v in lows.items()}),
        "mean": round(float(values.mean()), 3) if len(values) else None,
        "most": round(day.hours, 3),
        "enough": enough,
        "day_counted": day.day.isoformat(),
        "without_data": round(scene.without_data, 4),
    }


def around(given: Given) -> dict[str, Bbox]:
    """Where elevation and buildings are read."""
    area = given["area"]
    return {} if area is None else read_within(area.geometries, given["surroundings"])


SUN_HOURS = Algorithm(DESCRIPTION, run, around)
