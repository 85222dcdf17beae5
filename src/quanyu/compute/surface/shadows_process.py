"""The process ``shadows`` 阴影: what lies in shadow at given instants."""

from datetime import UTC, datetime

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
)
from quanyu.compute.surface.inputs import COMMON, WITHOUT_DATA
from quanyu.compute.surface.model import NOBODY
from quanyu.compute.surface.outlines import areas
from quanyu.compute.surface.scene import extent_of, ground_and_roofs, read_within
from quanyu.compute.surface.shadow import lit
from quanyu.compute.surface.sun import sun_at
from quanyu.compute.surface.sun_hours_process import AREA, SPA, SURROUNDINGS
from quanyu.kernel import LocalText
from quanyu.spacetime import Bbox

_MOST_TIMES = 48

DESCRIPTION = ProcessDescription(
    id="shadows",
    version="1.0.0",
    title=LocalText(zh="阴影分析", en="Shadows"),
    description=LocalText(
        zh="给定时刻处于阴影中的地面（与屋顶），以及太阳的方位角与高度角。",
        en="The ground (and roofs) in shadow at given instants, with the sun's azimuth and "
        "elevation.",
    ),
    keywords=(LocalText(zh="日照分析", en="shade"),),
    inputs={
        "times": Input(
            title=LocalText(zh="时刻", en="Instants"),
            description=LocalText(
                zh="带时区的时刻，如 2026-01-20T12:00:00+08:00；最多 48 个。",
                en="With their offset, such as 2026-01-20T12:00:00+08:00; 48 at most.",
            ),
            schema={
                "anyOf": [
                    {"type": "string", "format": "date-time"},
                    {
                        "type": "array",
                        "items": {"type": "string", "format": "date-time"},
                        "minItems": 1,
                        "maxItems": _MOST_TIMES,
                    },
                ]
            },
        ),
        "area": AREA,
        "roofs": Input(
            title=LocalText(zh="含屋顶", en="Roofs too"),
            description=LocalText(
                zh="屋顶上的阴影也给出。", en="Whether shadows on roofs are given too."
            ),
            schema={"type": "boolean"},
            default=False,
        ),
        "surroundings": SURROUNDINGS,
        **COMMON,
    },
    outputs={
        "shadows": Output(
            title=LocalText(zh="阴影", en="Shadows"),
            description=LocalText(
                zh="每个时刻一个：time、azimuth、elevation、area；太阳在地平线下时不给。",
                en="One for each instant: time, azimuth, elevation, area; none while the sun is "
                "down.",
            ),
            holds=Holds.FEATURES,
        ),
        "without_data": WITHOUT_DATA,
    },
    references=(
        SPA,
        Reference(
            "Dozier, J.; Bruno, J.; Downey, P.: A faster solution to the horizon problem. "
            "Computers & Geosciences 7, 1981"
        ),
    ),
    accuracy=LocalText(
        zh="太阳位置误差小于 0.01°；阴影边缘精确到一个格网。周边以外的遮挡不计。",
        en="The sun stands within 0.01°; edges of shadows are true to a cell. What is farther away "
        "than the surroundings casts no shadow.",
    ),
)


def run(given: Given, progress: Progress) -> Made:
    """Shadows in ``area`` at ``times``."""
    area: Features | None = given["area"]
    around = extent_of(given) if area is None else area.geometries[0]
    margin = float(given["surroundings"]) if area is not None else 0.0
    scene = ground_and_roofs(given, around, margin, field="area")
    surface, plane = scene.surface, scene.plane
    times = [given["times"]] if isinstance(given["times"], str) else list(given["times"])
    unix = np.array([datetime.fromisoformat(text).timestamp() for text in times])
    sun = sun_at(unix, plane.longitude, plane.latitude)
    shown = scene.inner & ~np.isnan(surface.ground)
    if not given["roofs"]:
        shown = shown & (surface.owner == NOBODY)
    found: list[Features] = []
    for number, at in enumerate(unix.tolist()):
        azimuth, elevation = float(sun.azimuth[number]), float(sun.elevation[number])
        if elevation > 0:
            name = datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
            dark = shown & ~lit(surface.tops, surface.cell, azimuth, elevation)
            found.append(
                areas(
                    scene,
                    {name: dark},
                    time={name: name},
                    azimuth={name: round(azimuth, 3)},
                    elevation={name: round(elevation, 3)},
                )
            )
        progress((number + 1) / len(unix))
    return {"shadows": _together(found), "without_data": round(scene.without_data, 4)}


def _together(found: list[Features]) -> Features:
    import pyarrow as pa

    if not found:
        return Features(np.empty(0, object), pa.table({"fid": pa.array([], pa.string())}))
    tables = [one.table for one in found]
    return Features(
        np.concatenate([one.geometries for one in found]),
        pa.concat_tables(tables, promote_options="permissive"),
    )


def around(given: Given) -> dict[str, Bbox]:
    """Where elevation and buildings are read."""
    area = given["area"]
    return {} if area is None else read_within(area.geometries, given["surroundings"])


SHADOWS = Algorithm(DESCRIPTION, run, around)
