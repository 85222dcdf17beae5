"""Floods: beside a fill by hand, volumes by hand, and the algebra of levels and sources."""

from collections import deque

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from rasterio.transform import Affine

from quanyu.compute.surface.flood import flood, flooded_buildings
from quanyu.compute.surface.rasterising import surface

ground_st = arrays(
    np.float32, (9, 11), elements=st.one_of(st.integers(0, 9).map(float), st.just(float("nan")))
)
sources_st = arrays(np.bool_, (9, 11))
AROUND = {
    4: [(-1, 0), (1, 0), (0, -1), (0, 1)],
    8: [(r, c) for r in (-1, 0, 1) for c in (-1, 0, 1) if (r, c) != (0, 0)],
}


def by_hand(ground: np.ndarray, sources: np.ndarray, level: float, neighbours: int) -> np.ndarray:
    """A queue of cells, each handing the water on to those around it."""
    wet = np.zeros(ground.shape, bool)
    queue = deque((int(r), int(c)) for r, c in np.argwhere(sources) if ground[r, c] < level)
    while queue:
        row, column = queue.popleft()
        if wet[row, column]:
            continue
        wet[row, column] = True
        for down, right in AROUND[neighbours]:
            r, c = row + down, column + right
            inside = 0 <= r < ground.shape[0] and 0 <= c < ground.shape[1]
            if inside and ground[r, c] < level and not wet[r, c]:
                queue.append((r, c))
    return wet


@settings(max_examples=40, deadline=None)
@given(ground_st, sources_st, st.integers(0, 10), st.sampled_from([4, 8]))
def test_flood_is_that_of_a_fill_by_hand(
    ground: np.ndarray, sources: np.ndarray, level: int, neighbours: int
) -> None:
    found = flood(ground, sources, level, neighbours)
    assert np.array_equal(found.wet, by_hand(ground, sources, level, neighbours))
    volume = sum(float(level - ground[r, c]) * 6 for r, c in np.argwhere(found.wet))
    assert found.figures((2.0, 3.0))["volume"] == pytest.approx(volume)


@settings(max_examples=40, deadline=None)
@given(ground_st, sources_st, st.floats(0, 10), st.floats(0, 5))
def test_rising_water_never_shrinks(
    ground: np.ndarray, sources: np.ndarray, level: float, more: float
) -> None:
    low, high = flood(ground, sources, level), flood(ground, sources, level + more)
    assert (low.wet <= high.wet).all()
    assert (flood(ground, sources, level, 4).wet <= low.wet).all()
    assert low.open <= high.open


@settings(max_examples=30, deadline=None)
@given(ground_st, sources_st, sources_st, st.floats(0, 10))
def test_sources_add_up(
    ground: np.ndarray, one: np.ndarray, other: np.ndarray, level: float
) -> None:
    together = flood(ground, one | other, level).wet
    assert np.array_equal(together, flood(ground, one, level).wet | flood(ground, other, level).wet)


def basin() -> np.ndarray:
    """Two hollows of 3 × 3 cells, 2 m and 4 m deep, in a plain at 10 m; a dam of 9 m between."""
    ground = np.full((9, 13), 10.0, np.float32)
    ground[3:6, 2:5] = 8.0
    ground[3:6, 8:11] = 6.0
    ground[4, 5:8] = 9.0
    return ground


def test_water_stays_behind_a_dam_until_it_tops_it() -> None:
    ground = basin()
    source = np.zeros(ground.shape, bool)
    source[4, 3] = True
    behind = flood(ground, source, 9.0)
    assert behind.figures((10.0, 10.0)) == pytest.approx(
        {"area": 900.0, "volume": 900.0, "deepest": 1.0, "mean": 1.0}
    )
    assert not behind.open
    over = flood(ground, source, 9.5)
    assert over.figures((10.0, 10.0)) == pytest.approx(
        {"area": 2100.0, "volume": (9 * 1.5 + 9 * 3.5 + 3 * 0.5) * 100, "deepest": 3.5,
         "mean": (9 * 1.5 + 9 * 3.5 + 3 * 0.5) / 21}
    )  # fmt: skip
    assert flood(ground, source, 10.5).open


def test_sources_above_the_level_are_told_and_give_nothing() -> None:
    ground = basin()
    source = np.zeros(ground.shape, bool)
    source[0, 0] = source[4, 3] = True
    assert flood(ground, source, 9.0).dry == 1
    source[4, 3] = False
    assert not flood(ground, source, 9.0).wet.any()


def test_ground_that_is_not_known_is_dry_and_leaves_the_flood_open() -> None:
    ground = basin()
    ground[4, 5] = np.nan
    source = np.zeros(ground.shape, bool)
    source[4, 3] = True
    found = flood(ground, source, 9.5)
    assert found.open
    assert not found.wet[4, 5:].any()


def test_buildings_that_stand_in_water_are_told() -> None:
    ground = basin()
    transform = Affine(10, 0, 0, 0, -10, 90)
    shapes = np.array(
        [
            shapely.box(20, 30, 40, 60),  # six cells in the hollow
            shapely.box(40, 30, 60, 60),  # three in it, one on the dam, two on dry ground
            shapely.box(0, 0, 10, 10),  # on the plain
            shapely.box(31, 41, 33, 43),  # smaller than a cell, in the hollow
        ],
        dtype=object,
    )
    here = surface(
        ground, transform, ("wet", "half", "dry", "shed"), shapes, np.full(4, np.nan),
        np.array([6.0, 9.0, 5.0, 3.0]),
    )  # fmt: skip
    source = np.zeros(ground.shape, bool)
    source[4, 3] = True
    told = flooded_buildings(here, flood(ground, source, 9.0))
    said = {
        here.buildings.ids[number]: (depth, share)
        for number, depth, share in zip(
            told.number.tolist(), told.deepest.tolist(), told.share.tolist(), strict=True
        )
    }
    assert said == {"wet": (1.0, 1.0), "half": (1.0, 0.5), "shed": (1.0, 1.0)}
