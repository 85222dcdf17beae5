"""The processes of surfaces, run as a job runs them but for the process of their own."""

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import shapely

from quanyu.compute import Features, Grid, process_named
from quanyu.compute.results import encoded
from quanyu.compute.surface.plane import Plane
from quanyu.compute.surface.sun import sun_at
from quanyu.kernel import Invalid

PLANE = Plane(120.5, 31.3)
NAMES = ("sight-line", "viewshed", "shadows", "sun-hours", "sunlight", "flood", "section")


def at(*places: tuple[float, float]) -> np.ndarray:
    return PLANE.lonlat(np.array(places, dtype=float))


def points(*places: tuple[float, float], **columns: list[Any]) -> Features:
    names = [f"p{number}" for number in range(len(places))]
    return Features(shapely.points(at(*places)), pa.table({"fid": names, **columns}))


def areas(*boxes: tuple[float, float, float, float], **columns: list[Any]) -> Features:
    shapes = np.array([PLANE.degrees(shapely.box(*box)) for box in boxes], dtype=object)
    names = [f"b{number}" for number in range(len(boxes))]
    return Features(shapes, pa.table({"fid": names, **columns}))


def dem(values: np.ndarray, cell: float = 5.0) -> Grid:
    """Heights around the middle of the plane, in its own system."""
    rows, columns = values.shape
    return Grid(values.astype(float), -columns / 2 * cell, rows / 2 * cell, cell, cell,
                PLANE.definition, "m")  # fmt: skip


def run(name: str, **given: Any) -> dict[str, Any]:
    """A process with what is left out as its description has it; results as bytes too."""
    algorithm = process_named(name)
    inputs = algorithm.description.inputs
    assert set(given) <= set(inputs)
    heard: list[float] = []
    made = algorithm.run(
        {key: given.get(key, one.default) for key, one in inputs.items()}, heard.append
    )
    assert heard
    assert all(0 <= share <= 1 for share in heard)
    assert set(made) == set(algorithm.description.outputs)
    assert encoded(algorithm.description.outputs, made, {}, 1 << 24)
    return dict(made)


def rows(features: Features) -> list[dict[str, Any]]:
    return features.table.to_pylist()


PLAIN = np.full((200, 200), 10.0)
BLOCK = areas((40, -20, 60, 20), height=[25.0])


@pytest.mark.parametrize("name", NAMES)
def test_every_process_says_where_it_is_from(name: str) -> None:
    about = process_named(name).description
    assert about.references
    for one in (*about.inputs.values(), *about.outputs.values()):
        assert one.title.zh
        assert one.title.en
        assert one.description.zh
    assert about.accuracy.zh


def test_sight_lines_to_several_targets() -> None:
    made = run(
        "sight-line", observer=points((0, 0)), targets=points((200, 0), (0, 200)),
        elevation=dem(PLAIN), buildings=BLOCK,
    )  # fmt: skip
    behind, beside = rows(made["lines"])
    assert (behind["sees"], behind["blocked_by"]) == (False, "b0")
    assert behind["blocked_at"] == pytest.approx(40, abs=0.01)
    assert (beside["sees"], beside["blocked_by"]) == (True, None)
    assert made["seen"] == 1
    assert [row["target"] for row in rows(made["obstacles"])] == ["p0"]
    assert made["without_data"] == 0
    end = shapely.get_point(made["lines"].geometries[0], 0)
    assert shapely.get_z(end) == pytest.approx(11.6, abs=1e-3)


def test_sight_lines_refuse_what_cannot_be() -> None:
    hole = PLAIN.copy()
    hole[90:110, 150:170] = np.nan
    for targets, error in (((0, 0), "where the observer is"), ((300, 0), "not known")):
        with pytest.raises(Invalid, match=error) as told:
            run("sight-line", observer=points((0, 0)), targets=points(targets),
                elevation=dem(hole))  # fmt: skip
        assert told.value.field == "targets"


def test_view_shed_of_a_plain_with_a_block() -> None:
    made = run("viewshed", observer=points((0, 0)), elevation=dem(PLAIN), buildings=BLOCK,
               farthest=300.0)  # fmt: skip
    named = {row["fid"]: row["area"] for row in rows(made["area"])}
    assert named["seen"] == made["seen_area"]
    # The block hides a sector of about 2 · atan(20 / 40) behind it, and its own roof.
    sector = (300**2 - 40**2) * math.atan(0.5)
    assert made["seen_area"] == pytest.approx(math.pi * 300**2 - sector, rel=0.04)
    assert made["without_data"] == 0
    half = made["area"].geometries[0]
    assert not shapely.covers(half, shapely.Point(*at((100, 0))[0]))
    assert shapely.covers(half, shapely.Point(*at((-100, 0))[0]))
    # At 80 m a thing must reach over the line past the roof's edge at 40 m, 23.4 m above the eye.
    grid = made["hidden"]
    column = int((80 - grid.west) / grid.step_x)
    row = int(grid.north / grid.step_y)
    assert grid.values[row, column] == pytest.approx(1.6 + 23.4 * 80 / 40, abs=3)


def test_view_shed_tells_what_it_does_not_know() -> None:
    ground = PLAIN.copy()
    ground[:, 140:] = np.nan  # from 200 m east of the middle on
    made = run("viewshed", observer=points((0, 0)), elevation=dem(ground), farthest=300.0)
    assert {row["fid"] for row in rows(made["area"])} == {"seen", "unknown"}
    cap = 300**2 * math.acos(200 / 300) - 200 * math.sqrt(300**2 - 200**2)
    assert made["without_data"] == pytest.approx(cap / (math.pi * 300**2), abs=0.01)
    with pytest.raises(Invalid, match="observer is not known"):
        run("viewshed", observer=points((300, 0)), elevation=dem(ground), farthest=100.0)


def test_shadows_have_the_length_of_trigonometry() -> None:
    made = run("shadows", times=["2026-01-20T12:04:00+08:00", "2026-01-20T23:00:00+08:00"],
               buildings=areas((-10, -10, 10, 10), height=[20.0]), cell=0.5,
               area=areas((-60, -60, 60, 60)))  # fmt: skip
    (shadow,) = rows(made["shadows"])
    elevation = math.radians(shadow["elevation"])
    assert shadow["time"] == "2026-01-20T04:04:00Z"
    assert shadow["azimuth"] == pytest.approx(180, abs=2)
    assert shadow["area"] == pytest.approx(20 * 20 / math.tan(elevation), rel=0.04)


def test_sun_hours_of_great_cold() -> None:
    made = run("sun-hours", buildings=areas((-40, -10, 40, 10), height=[60.0]), cell=2.0,
               area=areas((-100, -100, 100, 100)), required=2, minutes=15)  # fmt: skip
    assert made["day_counted"] == "2001-01-20"
    assert made["most"] == pytest.approx(8, abs=1e-3)
    grid = made["hours"]
    assert grid.values.shape == (100, 100)
    middle = int(-grid.west / 2)
    assert grid.values[int((grid.north + 50) / 2), middle] == 8  # south of the block
    assert grid.values[int((grid.north - 12) / 2), middle] < 2  # close behind it
    assert 0.5 < made["enough"] < 1
    assert sum(row["area"] for row in rows(made["bands"])) == pytest.approx(200 * 200, rel=1e-3)


def test_sunlight_at_windows_agrees_with_cells_and_with_plain_geometry() -> None:
    """A point north of a wide slab sees the sun only where it stands above the slab's edge."""
    slab = areas((-500, -30, 500, -10), height=[30.0])
    made = run("sunlight", points=points((0, 10), (0, -60), (0, 0.0)), buildings=slab,
               required=2, least=0.0, day="2026-03-01", begin=9, end=15)  # fmt: skip
    behind, before, near = rows(made["points_in_sun"])
    assert before["hours"] == 6
    assert before["periods"] == "09:00-15:00"
    assert behind["longest"] <= behind["hours"]
    instants = 1772334000 + np.arange(0, 6 * 3600, 60)  # some six hours around noon
    sun = sun_at(instants - 2 * 3600 - 120, 120.5, 31.3)
    away = np.cos(np.radians(sun.azimuth))  # the slab's roof edge is 20 m south
    over = np.tan(np.radians(sun.elevation)) * (-20 / np.minimum(away, -1e-9)) > 30 - 0.9
    assert behind["hours"] == pytest.approx(over.sum() / 60, abs=0.2)
    assert near["hours"] <= behind["hours"]
    assert made["enough"] == sum(row["enough"] for row in rows(made["points_in_sun"]))


def test_a_window_in_a_wall_is_not_shaded_by_its_own_wall_in_front() -> None:
    """Put on the south wall it has sun at noon; on the north wall none."""
    house = areas((-10, -10, 10, 10), height=[20.0])
    made = run("sunlight", points=points((0, -10), (0, 10)), buildings=house)
    south, north = rows(made["points_in_sun"])
    assert south["hours"] == pytest.approx(8, abs=0.05)
    assert north["hours"] == 0


def test_heights_of_points_come_from_a_property() -> None:
    slab = areas((-500, -30, 500, -10), height=[30.0])
    made = run("sunlight", points=points((0, 10), (0, 10), floor=[0.9, 40.0]), buildings=slab,
               above_property="floor")  # fmt: skip
    low, high = rows(made["points_in_sun"])
    assert low["hours"] < high["hours"] == 8
    with pytest.raises(Invalid, match="no property"):
        run("sunlight", points=points((0, 10)), buildings=slab, above_property="nought")


def test_flood_of_a_basin_with_a_house_in_it() -> None:
    ground = np.full((60, 60), 10.0)
    ground[20:40, 20:40] = 7.0
    houses = areas((-10, -10, 10, 10), (90, 90, 95, 95), height=[9.0, 9.0])
    made = run("flood", sources=points((0, 0)), level=8.5, elevation=dem(ground), buildings=houses)
    # Its rim is a slope of half a cell to either side where heights are interpolated.
    assert made["wet_area"] == pytest.approx(100 * 100, rel=0.03)
    assert made["volume"] == pytest.approx(100 * 100 * 1.5, rel=0.03)
    assert made["deepest"] == pytest.approx(1.5)
    assert made["open"] is False
    assert [row["fid"] for row in rows(made["buildings_in_water"])] == ["b0"]
    assert made["water"].table.column("area").to_pylist() == [made["wet_area"]]
    over = run("flood", sources=points((0, 0)), level=10.5, elevation=dem(ground))
    assert over["open"] is True
    dry = run("flood", sources=points((0, 0)), level=6.0, elevation=dem(ground))
    assert dry["volume"] == 0
    assert len(dry["water"]) == 0


def test_flood_refuses_what_cannot_be() -> None:
    with pytest.raises(Invalid, match="needs elevation"):
        run("flood", sources=points((0, 0)), level=1.0)
    with pytest.raises(Invalid, match="no source lies in the area"):
        run("flood", sources=points((5000, 0)), level=1.0, elevation=dem(PLAIN))


def test_water_stays_in_the_area_that_is_asked_about() -> None:
    made = run("flood", sources=points((0, 0)), level=12.0, elevation=dem(PLAIN),
               area=areas((-50, -50, 50, 50)))  # fmt: skip
    assert made["wet_area"] == pytest.approx(100 * 100)
    assert made["open"] is True


def test_section_tells_ground_roofs_and_figures() -> None:
    line = Features(np.array([shapely.LineString(at((-100, 0), (100, 0)))], object),
                    pa.table({"fid": ["cut"]}))  # fmt: skip
    made = run("section", line=line, elevation=dem(PLAIN), buildings=BLOCK)
    assert made["length"] == pytest.approx(200, abs=0.01)
    assert made["built"] == pytest.approx(20, abs=0.01)
    assert (made["least"], made["greatest"], made["highest"]) == (10, 10, 35)
    (crossed,) = rows(made["buildings_crossed"])
    assert crossed["building"] == "b0"
    assert (crossed["enters"], crossed["leaves"]) == pytest.approx((140, 160), abs=0.01)
    assert (crossed["base"], crossed["roof"]) == (10, 35)
    tops = {row["distance"]: row["top"] for row in rows(made["profile"])}
    assert max(tops.values()) == 35


def test_elevation_in_degrees_is_brought_into_the_plane() -> None:
    """A slope by longitude, 100 m in a hundredth of a degree, read along a parallel."""
    west, north, step = 120.49, 31.31, 0.0001
    values = np.tile((np.arange(200) + 0.5) * step * 10_000, (200, 1))
    grid = Grid(values, west, north, step, step, "OGC:CRS84", "m")
    line = Features(np.array([shapely.LineString([(120.495, 31.3), (120.505, 31.3)])], object),
                    pa.table({"fid": ["cut"]}))  # fmt: skip
    made = run("section", line=line, elevation=grid)
    assert made["least"] == pytest.approx(50, abs=0.3)
    assert made["greatest"] == pytest.approx(150, abs=0.3)
    feet = Grid(values / 0.3048, west, north, step, step, "OGC:CRS84", "feet")
    assert run("section", line=line, elevation=feet)["greatest"] == pytest.approx(150, abs=0.3)
    with pytest.raises(Invalid, match="no length"):
        run("section", line=line, elevation=Grid(values, west, north, step, step, "OGC:CRS84", "K"))


def test_heights_come_from_geometry_then_from_usual_names_then_from_storeys() -> None:
    line = Features(np.array([shapely.LineString(at((0, 0), (100, 0)))], object),
                    pa.table({"fid": ["cut"]}))  # fmt: skip

    def roof(stands: str = "auto", height: str | None = None, **columns: list[Any]) -> float:
        made = run(
            "section",
            line=line,
            elevation=dem(PLAIN),
            stands=stands,
            height_property=height,
            buildings=areas((40, -20, 60, 20), **columns),
        )
        return float(made["highest"])

    assert roof(levels=[4]) == 22
    assert roof(levels=[4], height=None) == 22
    assert roof(measuredHeight=[9.5]) == 19.5
    assert roof(zmin=[12.0], zmax=[40.0], measuredHeight=[3.0]) == 40
    assert roof(zmin=[0.0], zmax=[28.0]) == 38
    assert roof("ground", zmin=[12.0], zmax=[40.0]) == 38
    assert roof(height="tall", tall=[7.0], zmin=[12.0], zmax=[40.0]) == 19
    assert roof(levels=[None]) == 10
    with pytest.raises(Invalid, match="no numbers called"):
        roof(height="nought", levels=[4])


def test_areas_that_are_too_large_are_refused_with_the_way_out() -> None:
    with pytest.raises(Invalid, match="cells of") as told:
        run("viewshed", observer=points((0, 0)), elevation=dem(PLAIN), farthest=50_000.0, cell=1.0)
    assert told.value.mend == "ask about a smaller area, or in coarser cells"
    with pytest.raises(Invalid, match="neither elevation nor buildings"):
        run("sun-hours")


def test_hours_of_cells_are_those_of_points_in_them() -> None:
    """Two ways that share nothing but the sun's place: cells one behind the other, and rays that
    meet walls exactly."""
    blocks = areas((-30, -20, 10, -5), (20, -10, 32, 30), (-40, 20, 0, 32),
                   height=[18.0, 30.0, 24.0])  # fmt: skip
    places = [(x + 0.5, y + 0.5) for x in range(-45, 45, 6) for y in range(-45, 45, 6)]
    day = {"day": "2026-03-21", "begin": 8, "end": 16, "minutes": 10, "buildings": blocks}
    made = run("sun-hours", area=areas((-50, -50, 50, 50)), cell=1.0, **day)
    points_made = run("sunlight", points=points(*places), above=0.0, least=0.0, cell=1.0, **day)
    grid = made["hours"]
    exact = points_made["points_in_sun"].table.column("hours").to_numpy()
    column = np.floor((np.array([x for x, _ in places]) - grid.west) / grid.step_x).astype(int)
    row = np.floor((grid.north - np.array([y for _, y in places])) / grid.step_y).astype(int)
    # On a roof the one asks about the roof, the other about the wall's foot outside of it.
    shapes = shapely.union_all([PLANE.metres(shape) for shape in blocks.geometries])
    outdoors = ~shapely.contains(shapes.buffer(1.0), shapely.points(np.array(places)))
    apart = np.abs(grid.values[row, column] - exact)[outdoors]
    assert outdoors.sum() > 150
    assert exact[outdoors].min() < 2
    assert exact[outdoors].max() > 7.9
    assert np.mean(apart <= 1 / 6 + 1e-3) > 0.9
    assert apart.max() <= 1.0
