"""What tiles in three dimensions are made of: triangles, the tree, places on the earth."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from quanyu.spacetime.tiles3d.blocks import blocks
from quanyu.spacetime.tiles3d.cloud import MOST, SAMPLE, framed, levels_of, tile_of
from quanyu.spacetime.tiles3d.earth import geocentric, upwards
from quanyu.spacetime.tiles3d.kinds import GROUND, ROOF, WALL
from quanyu.spacetime.tiles3d.polygons import Polygons
from quanyu.spacetime.tiles3d.tree import divide, gathered
from quanyu.spacetime.tiles3d.triangles import triangulate

METRE = 1 / 111_320


def areas(mesh, kind):
    chosen = mesh.triangles[mesh.kinds == kind]
    a, b, c = (mesh.corners[chosen[:, at]] for at in range(3))
    return np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2


def raised(shape, height=10.0):
    one = np.array([shape], dtype=object)
    return triangulate(
        blocks(one, np.zeros(1), np.array([height]), np.array([GROUND]), np.zeros(1, np.int64))
    )


def in_metres(shape):
    """A shape of metres around a place on the equator, where a degree is as long either way."""
    return shapely.transform(shape, lambda xy: xy * METRE)


STAR = shapely.Polygon(
    [
        (np.cos(a) * r, np.sin(a) * r)
        for a, r in zip(np.linspace(0, 6, 12), [20, 6] * 6, strict=True)
    ]
)
YARD = shapely.Polygon(
    [(0, 0), (40, 0), (40, 30), (0, 30)], [[(10, 10), (10, 20), (20, 20), (20, 10)]]
)


@pytest.mark.parametrize(
    "shape",
    [
        shapely.box(0, 0, 10, 20),
        STAR,
        YARD,
        shapely.MultiPolygon([shapely.box(50, 0, 60, 5), YARD]),
    ],
)
def test_blocks_are_whole(shape):
    mesh = raised(in_metres(shape))
    scale = float(areas(raised(in_metres(shapely.box(0, 0, 100, 100))), ROOF).sum()) / 10_000
    assert areas(mesh, ROOF).sum() == pytest.approx(shape.area * scale, rel=1e-4)
    assert areas(mesh, GROUND).sum() == pytest.approx(shape.area * scale, rel=1e-4)
    assert areas(mesh, WALL).sum() == pytest.approx(shape.length * 10, rel=1e-2)
    a, b, c = (mesh.corners[mesh.triangles[:, at]] for at in range(3))
    facing = np.cross(b - a, c - a)
    assert (np.einsum("ij,ij->i", facing, mesh.normals[mesh.triangles[:, 0]]) >= -1e-9).all()
    steep = np.einsum("ij,ij->i", mesh.normals[mesh.triangles[:, 0]], upwards(a))
    assert (steep[mesh.kinds == ROOF] > 0.999).all()
    assert (steep[mesh.kinds == GROUND] < -0.999).all()
    assert (abs(steep[mesh.kinds == WALL]) < 0.01).all()
    origin = mesh.corners.mean(axis=0)
    inside = np.einsum("ij,ij->i", a - origin, facing).sum() / 6
    assert inside == pytest.approx(shape.area * scale * 10, rel=1e-3)


def test_what_cuts_itself_or_has_no_area_is_no_error():
    bow = np.array([[0, 0, 0], [10, 10, 0], [10, 0, 0], [0, 10, 0]], float)
    thin = np.array([[0, 0, 0], [5, 0, 0], [10, 0, 0]], float)
    quarter = np.array([[0, 0, 9], [4, 0, 9], [4, 4, 9], [0, 4, 9]], float)
    lengths = np.array([4, 3, 4])
    number = np.arange(3)
    made = triangulate(
        Polygons(np.concatenate([bow, thin, quarter]), lengths, number, number, number)
    )
    assert areas(made, 1).sum() == 0
    assert areas(made, 2).sum() == pytest.approx(16)
    lengths_of_normals = np.linalg.norm(made.normals, axis=1)
    assert np.allclose(lengths_of_normals, 1)


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_each_row_is_in_one_tile_and_boxes_hold_what_is_below(data):
    count = data.draw(st.integers(1, 300))
    lot = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    xy = lot.choice([0.0, 0.5, 1.0], (count, 2)) + lot.random((count, 2)) * lot.choice(
        [0, 1e-9, 0.3]
    )
    size, weight = lot.random(count), lot.integers(1, 9, count).astype(float)
    tree = divide(xy, size, weight, 40, 12)
    assert (tree.parents[1:] < np.arange(1, len(tree.parents))).all()
    assert tree.parents[0] == -1
    assert (np.bincount(tree.tile, minlength=len(tree.parents)) > 0).all()
    least, most = gathered(tree, xy, xy)
    assert (least[tree.tile] <= xy).all()
    assert (most[tree.tile] >= xy).all()
    above = tree.parents[1:]
    assert (least[above] <= least[1:]).all()
    assert (most[above] >= most[1:]).all()
    leaf = np.ones(len(tree.parents), bool)
    leaf[above] = False
    loads = np.bincount(tree.tile, weights=weight)
    assert (loads[~leaf] < 12 + 9).all()
    # Whatever is on a deeper tile is no larger than the smallest above it.
    small = np.full(len(tree.parents), np.inf)
    np.minimum.at(small, tree.tile, size)
    large = np.zeros(len(tree.parents))
    np.maximum.at(large, tree.tile, size)
    assert (large[1:] <= small[above]).all()


def test_places_are_those_of_proj():
    lot = np.random.default_rng(0)
    lon, lat, height = (
        lot.uniform(-180, 180, 50),
        lot.uniform(-89, 89, 50),
        lot.uniform(-90, 9000, 50),
    )
    proj = Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)
    assert np.allclose(
        geocentric(lon, lat, height), np.column_stack(proj.transform(lon, lat, height)), atol=1e-6
    )


def test_points_are_shared_out_chunk_by_chunk():
    lot = np.random.default_rng(5)
    # A town, a wall in it where most points stand, and one point far away.
    places = np.concatenate(
        [lot.random((150_000, 2)) * 0.01, 0.005 + lot.random((500_000, 2)) * 1e-4, [[3.0, 3.0]]]
    )
    ordinals = np.arange(len(places))

    def read():
        for first in range(0, len(places), 150_000):
            part = slice(first, first + 150_000)
            nothing = np.zeros(len(places[part]))
            yield ordinals[part], places[part], nothing, nothing

    frame = framed(read())
    levels = levels_of(frame, read)
    tiles = tile_of(frame, levels, ordinals, places)
    assert len(levels) > 12  # beyond those that are counted in full
    again = [tile_of(frame, levels, o, p) for o, p, _, _ in read()]
    assert (np.concatenate(again) == tiles).all()
    counts = np.bincount(tiles, minlength=sum(len(level.cells) for level in levels))
    assert counts.sum() == len(places)
    assert counts.max() < MOST * 1.05
    above = np.concatenate([level.above for level in levels])
    inner = np.unique(above[above >= 0])
    assert np.allclose(counts[inner], SAMPLE, rtol=0.05)
    codes = frame.cells(places)
    for depth, level in enumerate(levels):
        here = (tiles >= level.first) & (tiles < level.first + len(level.cells))
        cells = codes[here] >> np.uint64(2 * (20 - depth))
        assert (level.cells[tiles[here] - level.first] == cells).all()
        if depth:
            parents = levels[depth - 1]
            assert (parents.cells[level.above - parents.first] == level.cells >> np.uint64(2)).all()
