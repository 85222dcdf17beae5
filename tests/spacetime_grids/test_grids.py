"""Grids of cells: the standard's own examples, published vectors, and the algebra of cells."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from quanyu.kernel import Invalid
from quanyu.spacetime import (
    GRIDS,
    bounds_3d,
    cells_3d,
    children_3d,
    cover_3d,
    grid_of,
    neighbours_3d,
    parents_3d,
    plane_of,
)

OFFICE = (116 + 18 / 60 + 45.37 / 3600, 39 + 59 / 60 + 35.38 / 3600)
"""The example of GB/T 39409-2020, annex B.2."""

longitudes = st.floats(-180, 180)
latitudes = st.floats(-87.999, 87.999)
places = st.lists(st.tuples(longitudes, latitudes), min_size=1, max_size=20)
DEEPEST = {"beidou": 10, "h3": 15, "quadkey": 23, "geohash": 12}
levels = {name: st.integers(GRIDS[name].levels[0], DEEPEST[name]) for name in GRIDS}
every_grid = pytest.mark.parametrize("name", list(GRIDS))


def flat(points: list[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    pairs = np.array(points)
    return pairs[:, 0], pairs[:, 1]


def test_example_of_the_standard_level_by_level() -> None:
    whole = "N50J47539B825534"
    for level, length in enumerate((4, 6, 7, 9, 11, 12, 14, 16), start=1):
        assert GRIDS["beidou"].cells(*OFFICE, level).tolist() == [whole[:length]]


@pytest.mark.parametrize(
    ("lat", "lon", "code"),
    [
        ((39, 59, 56.1444), (116, 19, 14.3184), "N50J475493E"),
        ((39, 59, 59.7012), (116, 19, 5.9808), "N50J475491E"),
        ((39, 59, 56.5260), (116, 19, 9.3540), "N50J475492E"),
    ],
)
def test_examples_of_short_codes(lat: tuple[float, ...], lon: tuple[float, ...], code: str) -> None:
    """Clause 8.1."""
    y, x = (d + m / 60 + s / 3600 for d, m, s in (lat, lon))
    assert GRIDS["beidou"].cells(x, y, 5).tolist() == [code]


def test_digits_grow_away_from_equator_and_meridian() -> None:
    """Figures 2 to 8: the code of a place is that of its mirror image but for its beginning."""
    x, y = OFFICE
    codes = GRIDS["beidou"].cells([x, -x, x, -x], [y, y, -y, -y], 10)
    assert [code[:4] for code in codes] == ["N50J", "N11J", "S50J", "S11J"]
    assert {code[4:] for code in codes} == {"47539B8255346152"}


def test_code_in_space_of_the_standard() -> None:
    """Table 1 gives one cell in the plane and in space."""
    code = "N036J0093000780B3010010520430140"
    assert plane_of([code]).tolist() == ["N36J93078B3101524314"]
    west, south, bottom, *_ = bounds_3d([code])
    assert bottom[0] == 0
    middle = (west + 1e-9, south + 1e-9, np.array([0.005]))
    assert cells_3d(*middle, 10).tolist() == [code]


def test_heights_of_the_standard() -> None:
    """Annex C.2: the 256th layer of one degree below, and above, the ground."""
    for metres, degree in ((-6_302_106.722602182, -256), (519_501_834.1582395, 255)):
        height = 6_378_137 * np.expm1(degree * np.log1p(np.pi / 180))
        assert height == pytest.approx(metres, rel=1e-12)
        code = cells_3d(0.0, 0.0, np.nextafter(metres, metres + 1), 10)
        assert bounds_3d(code)[2][0] == pytest.approx(metres, abs=1e-3)


def test_ground_is_between_two_layers() -> None:
    above, below = cells_3d([1.0, 1.0], [1.0, 1.0], [0.0, -0.001], 10)
    assert (above[1], below[1]) == ("0", "1")
    assert bounds_3d([above])[2] == bounds_3d([below])[5] == 0
    around, _ = neighbours_3d([above])
    assert below in around
    assert len(set(around)) == 26


@pytest.mark.parametrize(
    ("name", "lon", "lat", "level", "cell"),
    [
        # Microsoft's article; the example of h3geo.org; Wikipedia's and geohash.org's.
        ("quadkey", -122.12946, 47.64054, 7, "0212300"),
        ("h3", -122.0553238, 37.3615593, 7, "87283472bffffff"),
        ("geohash", -5.6, 42.6, 5, "ezs42"),
        ("geohash", 10.40744, 57.64911, 11, "u4pruydqqvj"),
    ],
)
def test_published_cells(name: str, lon: float, lat: float, level: int, cell: str) -> None:
    assert GRIDS[name].cells(lon, lat, level).tolist() == [cell]
    assert name == "geohash" or grid_of(cell).name == name


@every_grid
@given(data=st.data())
@settings(max_examples=12, deadline=None)
def test_cell_holds_its_points_and_parents_hold_their_children(
    name: str, data: st.DataObject
) -> None:
    grid = GRIDS[name]
    level = data.draw(levels[name])
    lon, lat = flat(data.draw(places))
    if name == "quadkey":
        lat = np.clip(lat, -85.05, 85.05)
    cells = grid.cells(lon, lat, level)
    assert grid.level(cells) == level
    if name != "h3":  # sides of hexagons are arcs, and cross the antimeridian
        assert shapely.intersects_xy(grid.boundary(cells), lon, lat).all()
    for above in range(grid.levels[0], level + 1):
        parents = grid.parents(cells, above)
        if name == "h3":
            assert grid.level(parents) == above
        else:
            assert np.array_equal(parents, grid.cells(lon, lat, above))
            starts = [p == c[: len(p)] for p, c in zip(parents, cells, strict=True)]
            assert all(starts)
    if level < DEEPEST[name]:
        children, owner = grid.children(cells)
        assert np.array_equal(grid.parents(children, level), cells[owner])
        assert len(set(children)) == len(children) or len(set(cells)) < len(cells)


@every_grid
@given(data=st.data())
@settings(max_examples=12, deadline=None)
def test_neighbours_are_mutual(name: str, data: st.DataObject) -> None:
    grid = GRIDS[name]
    level = data.draw(levels[name])
    lon, lat = flat(data.draw(places)[:1])
    cells = grid.cells(lon, lat, level)
    around, owner = grid.neighbours(cells)
    assert not owner.any()
    back, of = grid.neighbours(around)
    assert set(of[back == cells[0]]) == set(range(len(around)))
    assert cells[0] not in around


@given(
    lon=longitudes,
    lat=latitudes,
    height=st.floats(-6_000_000, 500_000_000),
    level=st.integers(1, 10),
)
@settings(max_examples=50, deadline=None)
def test_cells_in_space(lon: float, lat: float, height: float, level: int) -> None:
    cell = cells_3d(lon, lat, height, level)
    west, south, bottom, east, north, top = (float(edge[0]) for edge in bounds_3d(cell))
    assert west <= lon <= east
    assert south <= lat <= north
    assert bottom <= height < top
    assert plane_of(cell) == GRIDS["beidou"].cells(lon, lat, level)
    for above in range(1, level + 1):
        parent = parents_3d(cell, above)
        assert parent == cells_3d(lon, lat, height, above)
        assert cell[0].startswith(parent[0])
    if level < 10:
        children, _ = children_3d(cell)
        assert (parents_3d(children, level) == cell[0]).all()
        assert cells_3d(lon, lat, height, level + 1)[0] in children
    around, _ = neighbours_3d(cell)
    back, of = neighbours_3d(around[:5])
    assert set(of[back == cell[0]]) == set(range(len(around[:5])))


@every_grid
def test_cover_is_every_cell_that_meets_and_no_other(name: str) -> None:
    grid = GRIDS[name]
    level = {"beidou": 5, "h3": 9, "quadkey": 16, "geohash": 6}[name]
    area = shapely.Polygon([(24.93, 60.16), (24.95, 60.165), (24.94, 60.18)])
    cover = grid.cover(area, level)
    assert shapely.union_all(grid.boundary(cover)).buffer(1e-9).contains(area)
    assert shapely.intersects(area, grid.boundary(cover)).all()
    xs, ys = np.meshgrid(np.linspace(24.93, 24.95, 60), np.linspace(60.16, 60.18, 60))
    inside = shapely.contains_xy(area, xs.ravel(), ys.ravel())
    assert set(grid.cells(xs.ravel()[inside], ys.ravel()[inside], level)) <= set(cover)
    with pytest.raises(Invalid) as refused:
        grid.cover(shapely.box(-170, -80, 170, 80), DEEPEST[name])
    assert refused.value.field == "level"


def test_cover_of_a_cell_is_the_cell() -> None:
    for name in ("beidou", "quadkey", "geohash"):
        grid = GRIDS[name]
        cell = grid.cells(-58.38, -34.6, 6)
        assert grid.cover(grid.boundary(cell)[0], 6).tolist() == cell.tolist()
    box = GRIDS["beidou"].boundary(["N50J47"])[0]
    found = cover_3d(box, 0.0, 100_000.0, 2)
    assert {plane_of([cell])[0] for cell in found} == {"N50J47"}
    assert len(found) == 2


@pytest.mark.parametrize(
    "code",
    ["", "N", "X50J", "N61J", "N00A", "N50W", "N50JC0", "N50J476", "N50J4753A", "N50J47539F0",
     "N50J47539B84", "N50J47539B8258", "N50J4", "北50J"],
)  # fmt: skip
def test_what_is_no_code_is_refused(code: str) -> None:
    with pytest.raises(Invalid) as refused:
        GRIDS["beidou"].level([code])
    assert refused.value.field == "cell"


def test_bad_places_are_refused() -> None:
    for lon, lat, field in ((181, 0, "point"), (0, 89, "point"), (float("nan"), 0, "point")):
        with pytest.raises(Invalid) as refused:
            GRIDS["beidou"].cells(lon, lat, 5)
        assert refused.value.field == field
    with pytest.raises(Invalid) as refused:
        cells_3d(0.0, 0.0, 1e9, 5)
    assert refused.value.field == "height"
    with pytest.raises(Invalid) as refused:
        GRIDS["h3"].boundary(["8a283082a677ff0"])
    assert refused.value.field == "cell"
    with pytest.raises(Invalid) as refused:
        GRIDS["beidou"].level(["N50J", "N50J47"])
    assert refused.value.field == "cell"


def test_many_cells_at_once() -> None:
    rng = np.random.default_rng(5)
    lon, lat = rng.uniform(-180, 180, 50_000), rng.uniform(-80, 80, 50_000)
    for name, grid in GRIDS.items():
        cells = grid.cells(lon, lat, 6)
        assert cells.shape == (50_000,)
        assert np.array_equal(cells[:3], grid.cells(lon[:3], lat[:3], 6)), name
