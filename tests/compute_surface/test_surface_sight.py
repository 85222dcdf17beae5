"""Sight lines and view sheds: beside plain geometry, one line at a time, and GDAL's view shed."""

import math
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.transform import Affine

from quanyu.compute.surface.earth import RADIUS_M, drop
from quanyu.compute.surface.model import Surface
from quanyu.compute.surface.plane import Plane
from quanyu.compute.surface.rasterising import surface
from quanyu.compute.surface.sight_line import SightLine, seen_from, sight_line
from quanyu.compute.surface.viewshed import viewshed

PLANE = Plane(120.0, 31.0)


def hills(size: int, seed: int, rough: float = 40.0, wide: float = 4.0) -> np.ndarray:
    """Ground with hills: noise smoothed over some cells."""
    from scipy import ndimage

    noise = np.random.default_rng(seed).normal(size=(size, size))
    smooth = ndimage.gaussian_filter(noise, wide)
    return (smooth / smooth.std() * rough + 100).astype(np.float32)


def grid(ground: np.ndarray, cell: float = 10.0) -> Affine:
    """The grid's place: its middle is that of the plane."""
    rows, columns = ground.shape
    return Affine(cell, 0, -columns / 2 * cell, 0, -cell, rows / 2 * cell)


def town(ground: np.ndarray, *blocks: tuple[tuple[float, float, float, float], float]) -> Surface:
    """Ground with blocks: a box in metres and a height each."""
    shapes = np.array([shapely.box(*box) for box, _ in blocks], dtype=object)
    ids = tuple(f"b{number}" for number in range(len(blocks)))
    heights = np.array([height for _, height in blocks])
    return surface(ground, grid(ground), ids, shapes, np.full(len(ids), np.nan), heights)


def look(here: Surface, start: tuple[float, float], end: tuple[float, float], *heights: float,
         refraction: float = 0.13) -> SightLine:  # fmt: skip
    found = sight_line(
        here,
        PLANE,
        PLANE.lonlat(np.array([start, end], dtype=float)),
        (heights[0], heights[1]),
        step=5.0,
        refraction=refraction,
    )
    assert found is not None
    return found


FLAT = np.zeros((200, 200), np.float32)


def test_a_wall_blocks_where_the_line_meets_it() -> None:
    """From 2 m over a plain to 2 m: a block of 12 m at 100 m is met at its wall, 10 m too high."""
    here = town(FLAT, ((100, -50, 120, 50), 12.0))
    line = look(here, (0, 0), (400, 0), 2.0, 2.0, refraction=1.0)
    assert line.sees is False
    assert line.obstacles.number.tolist() == [0]
    assert line.obstacles.begins == pytest.approx([100.0], abs=1e-4)
    assert line.obstacles.excess == pytest.approx([10.0], abs=1e-6)
    assert line.clearance == pytest.approx(-10.0, abs=1e-6)
    assert line.track.distance[seen_from(line)].max() == pytest.approx(100.0, abs=1e-4)


def test_a_line_that_comes_down_meets_the_roof() -> None:
    """From 50 m down to 0 m over 500 m a line is 20 m high at 300 m: on the roof, not at a wall."""
    here = town(FLAT, ((250, -5, 350, 5), 20.0))
    line = look(here, (0, 0), (500, 0), 50.0, 0.0, refraction=1.0)
    assert line.obstacles.begins == pytest.approx([300.0], abs=1e-3)
    assert line.obstacles.excess == pytest.approx([5.0], abs=1e-5)


def test_from_a_roof_one_looks_over_what_is_lower() -> None:
    here = town(FLAT, ((-10, -10, 10, 10), 30.0), ((100, -50, 120, 50), 12.0))
    assert look(here, (0, 0), (400, 0), 2.0, 2.0).sees is True
    assert look(here, (30, 0), (400, 0), 2.0, 2.0).sees is False


def test_the_earth_hides_what_is_far() -> None:
    """Over a plain, from h₁ to h₂ one sees √(2Rh₁/(1-k)) + √(2Rh₂/(1-k)) far."""
    ground = np.zeros((3, 4000), np.float32)
    plain = Surface(ground, Affine(20, 0, -40_000, 0, -20, 30))
    reach = 2 * math.sqrt(2 * RADIUS_M * 10 / (1 - 0.13))
    for share, sees in ((0.999, True), (1.001, False)):
        half = reach * share / 2
        line = sight_line(plain, PLANE, PLANE.lonlat(np.array([[-half, 0], [half, 0]])), (10, 10),
                          step=20)  # fmt: skip
        assert line is not None
        assert line.sees is sees


def test_what_is_not_known_is_not_said() -> None:
    ground = FLAT.copy()
    ground[:, 110:115] = np.nan
    line = look(town(ground), (0, 0), (400, 0), 2.0, 2.0)
    assert line.sees is None
    assert line.without_data == pytest.approx(60 / 400, abs=0.03)
    blocked = look(town(ground, ((200, -50, 210, 50), 9.0)), (0, 0), (400, 0), 2.0, 2.0)
    assert blocked.sees is False
    ends = PLANE.lonlat(np.array([[120.0, 0.0], [400.0, 0.0]]))
    assert sight_line(town(ground), PLANE, ends, (2, 2), step=5) is None


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 50),
    ends=st.tuples(*(st.floats(-900, 900) for _ in range(4))).filter(
        lambda xy: math.dist(xy[:2], xy[2:]) > 30
    ),
    heights=st.tuples(st.floats(0.5, 60), st.floats(0.5, 60)),
)
def test_seeing_is_mutual(seed: int, ends: tuple[float, ...], heights: tuple[float, float]) -> None:
    here = town(hills(200, seed, 15.0), ((-60, -40, 60, 40), 25.0), ((200, 0.123, 260, 300), 40.0))
    there = look(here, ends[:2], ends[2:], *heights)
    back = look(here, ends[2:], ends[:2], *heights[::-1])
    assert there.clearance == pytest.approx(back.clearance, abs=1e-3)
    if abs(there.clearance) > 1e-3:
        assert there.sees is back.sees


def by_hand(
    tops: np.ndarray, cell: float, observer: tuple[int, int], height: float, target: float
) -> np.ndarray:
    """Each cell by a line of its own, heights interpolated where it crosses lines of middles."""
    seen = np.zeros(tops.shape, bool)
    eye = tops[observer] + height
    for (row, column), top in np.ndenumerate(tops):
        rows, columns = row - observer[0], column - observer[1]
        steps = max(abs(rows), abs(columns))
        clear = True
        whole = math.hypot(rows, columns) * cell
        for step in range(1, steps):
            at = (observer[0] + rows * step / steps, observer[1] + columns * step / steps)
            r, c = math.floor(at[0] + 1e-9), math.floor(at[1] + 1e-9)
            east, south = at[1] - c, at[0] - r
            value = tops[r, c]
            if abs(south) > 1e-9:
                value = tops[r, c] * (1 - south) + tops[r + 1, c] * south
            elif abs(east) > 1e-9:
                value = tops[r, c] * (1 - east) + tops[r, c + 1] * east
            d = whole * step / steps
            line = (top + target - drop(whole) - eye) / whole
            if (value - drop(d) - eye) / d > line + 1e-9:
                clear = False
                break
        seen[row, column] = clear
    return seen


@pytest.mark.parametrize("seed", [1, 2])
def test_view_shed_is_that_of_each_line_by_itself(seed: int) -> None:
    tops = hills(45, seed, 10.0)
    found = viewshed(tops, (10.0, 10.0), (16, 25), 20.0)
    assert found is not None
    seen, truth = found.seen(1.0), by_hand(tops, 10.0, (16, 25), 20.0, 1.0)
    assert 0.2 < truth.mean() < 0.8
    assert (seen == truth).mean() > 0.98


def test_view_shed_on_axes_and_diagonals_is_exact() -> None:
    """There the ray of a cell passes through its middle."""
    tops = hills(41, 7)
    found = viewshed(tops, (10.0, 10.0), (20, 20), 5.0)
    assert found is not None
    truth, seen = by_hand(tops, 10.0, (20, 20), 5.0, 0.0), found.seen()
    at = np.arange(41)
    for rows, columns in ((at, np.full(41, 20)), (np.full(41, 20), at), (at, at), (at, 40 - at)):
        assert seen[rows, columns].tolist() == truth[rows, columns].tolist()


def test_a_plain_is_seen_and_the_far_side_of_a_wall_is_not() -> None:
    tops = np.zeros((101, 101), np.float32)
    tops[40, :] = 10.0
    found = viewshed(tops, (1.0, 1.0), (60, 50), 2.0)
    assert found is not None
    seen = found.seen()
    assert seen[40:].all()
    assert not seen[:40].any()
    # Behind the wall, 20 m away and 8 m over the eye, things are hidden up to 10 + 8 m at 40 m.
    assert found.hidden[20, 50] == pytest.approx(2 + 8 * 40 / 20, abs=1e-3)


def test_view_shed_keeps_to_its_range_and_to_what_is_known() -> None:
    tops = np.zeros((101, 101), np.float32)
    tops[50, 70] = np.nan
    found = viewshed(tops, (10.0, 10.0), (50, 50), 2.0, farthest=300.0)
    assert found is not None
    rows, columns = np.indices(tops.shape) - 50
    near = np.hypot(rows, columns) * 10 <= 300
    near[50, 70] = False
    assert np.array_equal(np.isfinite(found.hidden), near)
    assert not found.seen()[50, 71:].any()
    assert found.unknown()[50, 71:81].all()
    assert viewshed(tops, (10.0, 10.0), (50, 70), 2.0) is None


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 20),
    observer=st.tuples(st.integers(0, 39), st.integers(0, 39)),
    height=st.floats(0, 50),
    more=st.floats(0, 50),
)
def test_from_higher_up_one_sees_no_less(
    seed: int, observer: tuple[int, int], height: float, more: float
) -> None:
    tops = hills(40, seed)
    low = viewshed(tops, (10.0, 10.0), observer, height)
    high = viewshed(tops, (10.0, 10.0), observer, height + more)
    assert low is not None
    assert high is not None
    assert (high.hidden <= low.hidden + 1e-2).all()
    assert (low.seen(5.0) <= low.seen(6.0)).all()


@pytest.mark.gdal
@pytest.mark.parametrize("observer", [(100, 100), (3, 190)])
def test_view_shed_agrees_with_gdal(tmp_path: Path, observer: tuple[int, int]) -> None:
    """GDAL's is another method (reference planes: Wang, Robinson & White 2000)."""
    import rasterio

    if shutil.which("gdal_viewshed") is None:
        pytest.skip("gdal_viewshed is not installed")
    tops = hills(200, 11, 60.0, 15.0)
    transform = Affine(10, 0, 500_000, 0, -10, 3_400_000)
    profile = {"driver": "GTiff", "width": 200, "height": 200, "count": 1, "dtype": "float32"}
    with rasterio.open(
        tmp_path / "dem.tif", "w", crs="EPSG:4549", transform=transform, **profile
    ) as out:
        out.write(tops, 1)
    x, y = transform * (observer[1] + 0.5, observer[0] + 0.5)
    subprocess.run(
        ["gdal_viewshed", "-q", "-ox", str(x), "-oy", str(y), "-oz", "30", "-tz", "1.5", "-md",
         "0", "-cc", str(1 - 0.13), "dem.tif", "seen.tif"],
        cwd=tmp_path, check=True,
    )  # fmt: skip
    with rasterio.open(tmp_path / "seen.tif") as result:
        theirs = result.read(1) == 255
    ours = viewshed(tops, (10.0, 10.0), observer, 30.0)
    assert ours is not None
    assert (ours.seen(1.5) == theirs).mean() > 0.99
    assert (theirs & ours.seen(1.5)).sum() / (theirs | ours.seen(1.5)).sum() > 0.98
