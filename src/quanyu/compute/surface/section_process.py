"""The process ``section`` 剖面: ground and buildings along a line."""

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
    Shape,
)
from quanyu.compute.surface.along import MOST_PLACES
from quanyu.compute.surface.inputs import COMMON, WITHOUT_DATA, number_output
from quanyu.compute.surface.outlines import lines_and_points
from quanyu.compute.surface.plane import ELLIPSOID
from quanyu.compute.surface.scene import Scene, ground_and_roofs, read_within
from quanyu.compute.surface.section import Section, section
from quanyu.kernel import Invalid, LocalText
from quanyu.spacetime import Bbox

_FIGURES = {
    "length": (LocalText(zh="长度", en="Length"), LocalText(zh="沿线大地线长度。", en="Geodesic.")),
    "least": (
        LocalText(zh="最低地面", en="Lowest ground"),
        LocalText(zh="沿线地面最低处。", en="The lowest ground along the line."),
    ),
    "greatest": (
        LocalText(zh="最高地面", en="Highest ground"),
        LocalText(zh="沿线地面最高处。", en="The highest ground along the line."),
    ),
    "highest": (
        LocalText(zh="最高点", en="Highest"),
        LocalText(zh="含屋顶。", en="Roofs are counted."),
    ),
    "climb": (
        LocalText(zh="累计上升", en="Climb"),
        LocalText(zh="沿线地面上升之和。", en="All that the ground rises along the line."),
    ),
    "descent": (
        LocalText(zh="累计下降", en="Descent"),
        LocalText(zh="沿线地面下降之和。", en="All that the ground falls along the line."),
    ),
    "built": (
        LocalText(zh="建筑下长度", en="Under roofs"),
        LocalText(zh="沿线位于建筑下的长度。", en="The part of the line under buildings."),
    ),
}

DESCRIPTION = ProcessDescription(
    id="section",
    version="1.0.0",
    title=LocalText(zh="剖面分析", en="Section"),
    description=LocalText(
        zh="沿线的地面与建筑剖面：每处的距离、地面与顶面高程，穿过的建筑及起止距离。",
        en="Ground and buildings along a line: distance, ground and top at each place, and the "
        "buildings it runs over with where each begins and ends.",
    ),
    keywords=(LocalText(zh="纵断面", en="profile"),),
    inputs={
        "line": Input(
            title=LocalText(zh="线", en="Line"),
            description=LocalText(zh="剖切线（CRS84）。", en="Along which to cut, in CRS84."),
            holds=Holds.FEATURES,
            shapes=frozenset({Shape.LINE}),
            most=1,
        ),
        "step": Input(
            title=LocalText(zh="取样间距", en="Step"),
            description=LocalText(
                zh="不给则为半个格网。", en="Between places; left out: half a cell."
            ),
            schema={"type": "number", "minimum": 0.05, "maximum": 10_000},
            unit="m",
            optional=True,
        ),
        **COMMON,
    },
    outputs={
        "profile": Output(
            title=LocalText(zh="剖面", en="Profile"),
            description=LocalText(
                zh="沿线各点：distance、ground、top（无数据为空）。",
                en="Places along the line with distance, ground and top (null without data).",
            ),
            holds=Holds.FEATURES,
        ),
        "buildings_crossed": Output(
            title=LocalText(zh="穿过的建筑", en="Buildings crossed"),
            description=LocalText(
                zh="线在建筑上的部分：building、enters、leaves、base、roof。",
                en="The parts of the line over buildings: building, enters, leaves, base, roof.",
            ),
            holds=Holds.FEATURES,
        ),
        **{
            name: number_output(title, description, "m")
            for name, (title, description) in _FIGURES.items()
        },
        "without_data": WITHOUT_DATA,
    },
    references=(
        Reference(
            "Karney, C. F. F.: Algorithms for geodesics. J. Geod. 87, 2013",
            "https://doi.org/10.1007/s00190-012-0578-z",
        ),
        Reference("Snyder, J. P.: Map Projections – A Working Manual. USGS PP 1395, 1987, p. 48"),
    ),
    accuracy=LocalText(
        zh="距离为 GRS 80 椭球上的大地线；建筑按轮廓精确求交；地面为双线性内插。",
        en="Distances are geodesics on GRS 80; buildings are cut exactly by their edges; ground is "
        "interpolated bilinearly.",
    ),
)


def run(given: Given, progress: Progress) -> Made:
    """The section along ``line``; raises ``Invalid`` where it has several parts or no length, or
    would have more than 200,000 places."""
    shape = given["line"].geometries[0]
    parts = shapely.get_parts(shape)
    if len(parts) != 1:
        raise Invalid("the line has several parts", field="line", mend="give one line")
    lonlat = shapely.get_coordinates(parts[0])
    scene = ground_and_roofs(given, parts[0], field="line")
    progress(0.4)
    step = given["step"] or scene.surface.cell[0] / 2
    found = _section(scene, lonlat, step)
    figures = found.figures()
    return {
        "profile": _profile(found),
        "buildings_crossed": _crossed(scene, found),
        **{name: None if (v := figures[name]) is None else round(v, 3) for name in _FIGURES},
        "without_data": round(figures["without_data"] or 0.0, 4),
    }


def _section(scene: Scene, lonlat: Any, step: float) -> Section:
    from pyproj import Geod

    length = Geod(ellps=ELLIPSOID).line_length(lonlat[:, 0], lonlat[:, 1])
    if length / step > MOST_PLACES:
        raise Invalid(
            "the line has more than {most} places",
            field="step",
            mend="give a longer step or a shorter line",
            most=MOST_PLACES,
        )
    try:
        return section(scene.surface, scene.plane, lonlat, step)
    except ValueError as error:
        raise Invalid("the line has no length", field="line", mend="give two places") from error


def _profile(found: Section) -> Features:
    import pyarrow as pa

    track = found.track
    return lines_and_points(
        list(shapely.points(track.lonlat)),
        {
            "fid": pa.array(map(str, range(len(track.distance))), pa.string()),
            "distance": pa.array(track.distance.round(3)),
            "ground": _numbers(found.ground),
            "top": _numbers(found.top),
        },
    )


def _numbers(values: Any) -> Any:
    """Metres to the millimetre, null where they are not known."""
    import pyarrow as pa

    return pa.array(values.round(3), mask=np.isnan(values))


def _crossed(scene: Scene, found: Section) -> Features:
    import pyarrow as pa

    over, track, standing = found.over, found.track, scene.surface.buildings
    ends = np.column_stack([over.enters, over.leaves])
    lon, lat = (np.interp(ends, track.distance, track.lonlat[:, at]) for at in (0, 1))
    shapes = shapely.linestrings(np.stack([lon, lat], axis=2)) if len(ends) else []
    return lines_and_points(
        list(shapes),
        {
            "fid": pa.array(map(str, range(len(ends))), pa.string()),
            "building": pa.array([standing.ids[at] for at in over.number.tolist()], pa.string()),
            "enters": pa.array(over.enters.round(3), pa.float64()),
            "leaves": pa.array(over.leaves.round(3), pa.float64()),
            "base": pa.array(standing.base[over.number].round(3), pa.float64()),
            "roof": pa.array(standing.roof[over.number].round(3), pa.float64()),
        },
    )


def around(given: Given) -> dict[str, Bbox]:
    """Where elevation and buildings are read."""
    line = given["line"]
    return {} if line is None else read_within(line.geometries, 0)


SECTION = Algorithm(DESCRIPTION, run, around)
