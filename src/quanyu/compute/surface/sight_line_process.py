"""The process ``sight-line`` 通视: from one place to others, and what stands between."""

from typing import Any

import numpy as np
import shapely

from quanyu.compute.model import (
    Algorithm,
    Features,
    Given,
    Holds,
    Made,
    Output,
    ProcessDescription,
    Progress,
    Reference,
)
from quanyu.compute.surface.inputs import (
    COMMON,
    FARTHEST_M,
    HIGHEST_M,
    REFRACTION,
    WITHOUT_DATA,
    metres_input,
    number_output,
    places,
    point_input,
)
from quanyu.compute.surface.model import NOBODY
from quanyu.compute.surface.outlines import lines_and_points
from quanyu.compute.surface.scene import Scene, ground_and_roofs, read_within
from quanyu.compute.surface.sight_line import SightLine, sight_line
from quanyu.kernel import Invalid, LocalText
from quanyu.spacetime import Bbox

_MOST_TARGETS = 500
GROUND = "ground"

DESCRIPTION = ProcessDescription(
    id="sight-line",
    version="1.0.0",
    title=LocalText(zh="通视分析", en="Sight lines"),
    description=LocalText(
        zh="从一点能否看到其他点；看不到时，视线首先被什么、在何处挡住。计入地球曲率与折光。",
        en="Whether other places are seen from one; if not, what blocks the line first, and where. "
        "The earth's curvature and refraction are regarded.",
    ),
    keywords=(LocalText(zh="通视", en="intervisibility"),),
    inputs={
        "observer": point_input(LocalText(zh="观察点", en="Observer")),
        "targets": point_input(LocalText(zh="目标点", en="Targets"), _MOST_TARGETS),
        "observer_height": metres_input(
            LocalText(zh="观察点高度", en="Height of the observer"),
            LocalText(
                zh="在地面以上；位于建筑轮廓内时在屋顶以上。",
                en="Above the ground, or above the roof within a footprint.",
            ),
            1.6,
            HIGHEST_M,
        ),
        "target_height": metres_input(
            LocalText(zh="目标点高度", en="Height of targets"),
            LocalText(
                zh="在地面以上；位于建筑轮廓内时在屋顶以上。",
                en="Above the ground, or above the roof within a footprint.",
            ),
            0.0,
            HIGHEST_M,
        ),
        "refraction": REFRACTION,
        **COMMON,
    },
    outputs={
        "lines": Output(
            title=LocalText(zh="视线", en="Lines"),
            description=LocalText(
                zh="每个目标一条：sees 是否可见（空为无法判断）、distance 距离、"
                "clearance 最小净空、blocked_by 与 blocked_at 首个遮挡物及其距离、without_data。",
                en="One to each target: sees (null where it cannot be said), distance, clearance "
                "(least height over what is below), blocked_by and blocked_at (what blocks first "
                "and how far away), without_data.",
            ),
            holds=Holds.FEATURES,
        ),
        "obstacles": Output(
            title=LocalText(zh="遮挡点", en="Obstacles"),
            description=LocalText(
                zh="视线遇到每个遮挡物之处：target、object（ground 或建筑编号）、distance、"
                "excess 高出视线的米数、order 次序。",
                en="Where each line meets what blocks it: target, object (ground or the id of a "
                "building), distance, excess (metres above the line), order.",
            ),
            holds=Holds.FEATURES,
        ),
        "seen": number_output(
            LocalText(zh="可见目标数", en="Targets seen"),
            LocalText(zh="能看到的目标有几个。", en="How many of the targets are seen."),
        ),
        "without_data": WITHOUT_DATA,
    },
    references=(
        Reference(
            "Torge, W.; Müller, J.: Geodesy. 4th ed., De Gruyter 2012, 5.1.1 (refraction 0.13)"
        ),
        Reference(
            "Karney, C. F. F.: Algorithms for geodesics. J. Geod. 87, 2013",
            "https://doi.org/10.1007/s00190-012-0578-z",
        ),
    ),
    accuracy=LocalText(
        zh="建筑按轮廓精确求交；地面每半个格网取样一次。结果取决于高程与建筑高度的精度。",
        en="Buildings are met exactly at their edges, ground is sampled at half a cell. A result "
        "is as good as the heights it is made of.",
    ),
)


def run(given: Given, progress: Progress) -> Made:
    """Lines from ``observer`` to each of ``targets``; raises ``Invalid`` where a line is longer
    than 100 km, has no length, or ends where ground is not known."""
    _, start = places("observer", given["observer"])
    fids, ends = places("targets", given["targets"])
    scene = ground_and_roofs(given, shapely.multipoints(np.vstack([start, ends])), field="targets")
    found: list[tuple[str, SightLine]] = []
    for number, (fid, end) in enumerate(zip(fids, ends, strict=True)):
        found.append((fid, _line(given, scene, fid, np.vstack([start, end]))))
        progress((number + 1) / len(fids))
    lengths = np.array([line.track.distance[-1] for _, line in found])
    gaps = np.array([line.without_data for _, line in found])
    return {
        "lines": _lines(scene, found),
        "obstacles": _obstacles(scene, found),
        "seen": sum(line.sees is True for _, line in found),
        "without_data": round(float((gaps * lengths).sum() / lengths.sum()), 4),
    }


def _line(given: Given, scene: Scene, fid: str, ends: Any) -> SightLine:
    heights = (given["observer_height"], given["target_height"])
    try:
        found = sight_line(
            scene.surface,
            scene.plane,
            ends,
            heights,
            step=scene.surface.cell[0] / 2,
            refraction=given["refraction"],
        )
    except ValueError as error:
        raise Invalid(
            "target “{id}” is where the observer is",
            field="targets",
            mend="give another place",
            id=fid,
        ) from error
    if found is None:
        raise Invalid(
            "the ground under the observer or under target “{id}” is not known",
            field="targets",
            mend="give places for which there is elevation that you may see",
            id=fid,
        )
    if found.track.distance[-1] > FARTHEST_M:
        raise Invalid(
            "target “{id}” is more than {most} m away",
            field="targets",
            mend="give nearer places",
            id=fid,
            most=FARTHEST_M,
        )
    return found


def _lines(scene: Scene, found: list[tuple[str, SightLine]]) -> Features:
    import pyarrow as pa

    lines = [line for _, line in found]
    first = [line.obstacles.number[:1].tolist() for line in lines]
    shapes = [
        shapely.linestrings(np.column_stack([line.track.lonlat, line.line])[[0, -1]])
        for line in lines
    ]
    return lines_and_points(
        shapes,
        {
            "fid": pa.array([fid for fid, _ in found], pa.string()),
            "sees": pa.array([line.sees for line in lines], pa.bool_()),
            "distance": [round(float(line.track.distance[-1]), 3) for line in lines],
            "clearance": [round(line.clearance, 3) for line in lines],
            "blocked_by": pa.array(
                [_name(scene, number[0]) if number else None for number in first], pa.string()
            ),
            "blocked_at": pa.array(
                [round(float(line.obstacles.begins[0]), 3) if n else None
                 for n, line in zip(first, lines, strict=True)], pa.float64(),
            ),
            "without_data": [round(line.without_data, 4) for line in lines],
        },
    )  # fmt: skip


def _obstacles(scene: Scene, found: list[tuple[str, SightLine]]) -> Features:
    import pyarrow as pa

    shapes, rows = [], []
    for fid, line in found:
        track, met = line.track, line.obstacles
        where = [
            np.interp(met.begins, track.distance, values)
            for values in (track.lonlat[:, 0], track.lonlat[:, 1], line.line)
        ]
        shapes.extend(shapely.points(np.column_stack(where)))
        rows += [
            {
                "fid": f"{fid}/{order}",
                "target": fid,
                "object": _name(scene, number),
                "distance": round(begins, 3),
                "excess": round(excess, 3),
                "order": order,
            }
            for order, (number, begins, excess) in enumerate(
                zip(met.number.tolist(), met.begins.tolist(), met.excess.tolist(), strict=True), 1
            )
        ]
    names = {"fid": pa.string(), "target": pa.string(), "object": pa.string(),
             "distance": pa.float64(), "excess": pa.float64(), "order": pa.int64()}  # fmt: skip
    columns = {name: pa.array([row[name] for row in rows], kind) for name, kind in names.items()}
    return lines_and_points(shapes, columns)


def _name(scene: Scene, number: int) -> str:
    return GROUND if number == NOBODY else scene.surface.buildings.ids[number]


def around(given: Given) -> dict[str, Bbox]:
    """Where elevation and buildings are read."""
    observer, targets = given["observer"], given["targets"]
    if observer is None or targets is None:
        return {}
    return read_within(np.concatenate([observer.geometries, targets.geometries]), 0)


SIGHT_LINE = Algorithm(DESCRIPTION, run, around)
