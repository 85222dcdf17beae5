"""Vector tiles: read back by another decoder, and compared with the engine's own."""

import mapbox_vector_tile
import morecantile
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from small_city import Town

from quanyu.kernel import NotFound
from quanyu.spacetime import GeometryType, mvt, tiles
from quanyu.spacetime.world import paths_of, to_world

GRID = morecantile.tms.get("WebMercatorQuad")


def _decode(data: bytes) -> dict:
    return mapbox_vector_tile.decode(data, default_options={"y_coord_down": True})


@given(st.lists(st.integers(0, 2**63 - 1)))
def test_varints(values: list[int]) -> None:
    wanted = bytearray()
    for value in values:
        rest = value
        while rest > 127:
            wanted.append(rest & 127 | 128)
            rest >>= 7
        wanted.append(rest)
    tokens = np.array(values, np.uint64)
    assert mvt.varints(tokens).tobytes() == bytes(wanted)
    assert mvt.sizes_of(tokens).sum() == len(wanted)


@given(st.lists(st.integers(-(2**40), 2**40)))
def test_zigzag(values: list[int]) -> None:
    tokens = mvt.zigzag(np.array(values, np.int64))
    assert [int(t) for t in tokens] == [2 * v if v >= 0 else -2 * v - 1 for v in values]


def _layer(shapes: list[object]) -> list[dict]:
    """Shapes in tile coordinates, through the encoder and back."""
    array = np.array(shapes, dtype=object)
    paths, owners, kinds = paths_of(array, clockwise=False)
    points, path_of = shapely.get_coordinates(paths, return_index=True)
    counts = np.bincount(owners, minlength=len(array))
    runs = mvt.Shapes(
        np.rint(points).astype(np.int64),
        np.concatenate(([0], np.cumsum(np.bincount(path_of, minlength=len(paths))))),
        kinds,
        np.concatenate(([0], np.cumsum(counts))),
    )
    ids = np.arange(len(array), dtype=np.uint64)
    data = mvt.encode_layer("x", runs, [], ids)
    return _decode(data)["x"]["features"] if data else []


def test_every_kind_of_geometry_comes_back() -> None:
    hole = shapely.box(10, 10, 100, 100).difference(shapely.box(20, 20, 30, 40))
    shapes = [
        shapely.Point(5, 7),
        shapely.MultiPoint([(1, 2), (3, 4), (0, 0)]),
        shapely.LineString([(0, 0), (10, 0), (10, 5)]),
        shapely.MultiLineString([[(0, 0), (1, 1)], [(5, 5), (6, 9), (7, 7)]]),
        hole,
        shapely.MultiPolygon([shapely.box(0, 0, 5, 5), hole]),
        shapely.GeometryCollection([shapely.Point(1, 1), shapely.box(0, 0, 9, 9)]),
    ]
    found = {f["id"]: shapely.geometry.shape(f["geometry"]) for f in _layer(shapes)}
    for number, shape in enumerate(shapes[:-1]):
        assert found[number].equals(shape), shape
    assert found[6].equals(shapely.box(0, 0, 9, 9))


def test_what_rounding_leaves_nothing_of_is_left_out() -> None:
    shapes = [
        shapely.box(1, 1, 1.3, 1.3),
        shapely.LineString([(1, 1), (1.2, 1.2)]),
        shapely.Polygon([(0, 0), (4, 4), (8, 8.1)]),
        None,
        shapely.Polygon(),
        shapely.box(0, 0, 50, 50).difference(shapely.box(3, 3, 3.2, 3.2)),
    ]
    found = _layer(shapes)
    assert [f["id"] for f in found] == [5]
    assert len(found[0]["geometry"]["coordinates"]) == 1


def _overlap(town: Town, name: str, z: int, x: int, y: int) -> None:
    data = town.store.view(name).tile(z, x, y)
    shapes = town.shapes[name]
    bounds = GRID.bounds(x, y, z)
    window = shapely.box(bounds.left, bounds.bottom, bounds.right, bounds.top)
    pixel = (bounds.right - bounds.left) / 512
    wanted = {f"f{k}" for k, s in enumerate(shapes) if s is not None and s.intersects(window)}
    boxes = {f: shapes[int(f[1:])].bounds for f in wanted}
    big = {f for f, b in boxes.items() if max(b[2] - b[0], b[3] - b[1]) > 2 * pixel}
    found = {f["properties"]["fid"] for f in _decode(data)[name]["features"]} if data else set()
    assert (wanted if name == "posts" else big) <= found
    margin = (bounds.right - bounds.left) / 32
    for fid in found:
        assert shapes[int(fid[1:])].distance(window) < margin


@pytest.mark.parametrize("name", ["areas", "posts"])
@pytest.mark.parametrize("z", [8, 12, 14, 16])
def test_a_tile_holds_what_lies_in_it(town: Town, name: str, z: int) -> None:
    for tile in list(GRID.tiles(24.93, 60.165, 24.96, 60.18, [z]))[:6]:
        _overlap(town, name, tile.z, tile.x, tile.y)


def test_tags_and_geometry_are_those_of_the_feature(town: Town) -> None:
    tile = GRID.tile(24.95, 60.175, 14)
    bounds = GRID.xy_bounds(tile)
    data, shapes = town.data["areas"], town.shapes["areas"]
    features = _decode(town.store.view("areas").tile(14, tile.x, tile.y))["areas"]["features"]
    assert len(features) > 5
    size = (bounds.right - bounds.left) / 4096
    for feature in features:
        k = int(feature["properties"].pop("fid")[1:])
        for key in ("name", "owner", "floors", "open", "value"):
            wanted = data[key][k]
            got = feature["properties"].get(key)
            assert got == (pytest.approx(wanted) if isinstance(wanted, float) else wanted)
        seen = shapely.geometry.shape(feature["geometry"])
        moved = shapely.transform(
            shapes[k],
            lambda p: (to_world(p).astype(float) / 2**32 * 2**14 - (tile.x, tile.y)) * 4096,
        )
        window = shapely.box(0, 0, 4096, 4096)
        assert seen.intersection(window).symmetric_difference(moved.intersection(window)).area < (
            4 * moved.length + 10
        )
    assert size > 0


@pytest.mark.parametrize("name", ["areas", "posts"])
@pytest.mark.parametrize("z", [9, 14, 17])
def test_tiles_in_degrees_of_cgcs2000(town: Town, name: str, z: int) -> None:
    span = 360 / 2**z
    column, row = int((24.95 + 180) // span), int((90 - 60.172) // span)
    west, north = column * span - 180, 90 - row * span
    window = shapely.box(west, north - span, west + span, north)
    data = town.store.view(name).tile(z, column, row, "CGCS2000Quad")
    features = _decode(data)[name]["features"] if data else []
    shapes = town.shapes[name]
    touched = [k for k, s in enumerate(shapes) if s is not None and s.intersects(window)]
    for feature in features:
        k = int(feature["properties"]["fid"][1:])
        seen = shapely.geometry.shape(feature["geometry"])
        moved = shapely.transform(shapes[k], lambda p: (p - (west, north)) * (4096, -4096) / span)
        tile = shapely.box(0, 0, 4096, 4096)
        assert seen.distance(moved) < 2
        difference = seen.intersection(tile).symmetric_difference(moved.intersection(tile))
        assert difference.area < 4 * moved.length + 10
    found = {int(feature["properties"]["fid"][1:]) for feature in features}
    size = span / 256
    big = {k for k in touched if max(np.ptp(shapes[k].bounds[::2]), 0) > size or name == "posts"}
    assert big <= found
    with pytest.raises(NotFound):
        town.store.view(name).tile(1, 0, 1, "CGCS2000Quad")


def test_tiles_of_the_far_north(new_town: Town) -> None:
    far = [shapely.box(10, 86, 40, 88), shapely.box(10, 84, 12, 84.5)]
    new_town.publish("areas", 2, GeometryType.POLYGON, np.array(far, dtype=object), 1)
    data = new_town.store.view("areas").tile(4, 8, 0, "CGCS2000Quad")
    span = 360 / 16
    for feature in _decode(data)["areas"]["features"]:
        k = int(feature["properties"]["fid"][1:])
        moved = shapely.transform(far[k], lambda p: (p - (0, 90)) * (4096, -4096) / span)
        seen = shapely.geometry.shape(feature["geometry"])
        tile = shapely.box(0, 0, 4096, 4096)
        one, two = seen.intersection(tile), moved.intersection(tile)
        assert one.symmetric_difference(two).area < 0.02 * two.area
    assert len(_decode(data)["areas"]["features"]) == 2


def test_the_engine_draws_the_same_tile(town: Town) -> None:
    tile = GRID.tile(24.95, 60.175, 13)
    view = town.store.view("areas")
    ours = _decode(view.tile(13, tile.x, tile.y))["areas"]["features"]
    sql = (
        "SELECT ST_AsMVT({'fid': fid, 'geom': shape}, 'areas', 4096, 'geom') FROM (SELECT fid,"
        " ST_AsMVTGeom(ST_Transform(ST_GeomFromWKB(geometry), 'OGC:CRS84', 'EPSG:3857'),"
        f" ST_Extent(ST_TileEnvelope(13, {tile.x}, {tile.y})), 4096, 64, true) AS shape"
        f" FROM {view._copy.rows_sql} WHERE geometry IS NOT NULL) WHERE shape IS NOT NULL"
    )
    theirs = _decode(bytes(view._engine().rows(sql, {})[0][0]))["areas"]["features"]
    assert {f["properties"]["fid"] for f in ours} == {f["properties"]["fid"] for f in theirs}
    other = {f["properties"]["fid"]: shapely.geometry.shape(f["geometry"]) for f in theirs}
    window = shapely.box(0, 0, 4096, 4096)
    for feature in ours:
        one = shapely.geometry.shape(feature["geometry"]).intersection(window)
        two = other[feature["properties"]["fid"]].intersection(window)
        assert one.symmetric_difference(two).area < 2 * max(one.length, 4)


def test_work_is_bounded_and_what_is_shown_stays(
    new_town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    from small_city import points

    monkeypatch.setattr(tiles, "MOST", 500)
    new_town.publish("posts", 9000, GeometryType.POINT, points(9000, 4), 4)
    view = new_town.store.view("posts")
    shapes, before = new_town.shapes["posts"], set()
    for z in (6, 10, 12):
        tile = GRID.tile(24.95, 60.175, z)
        features = _decode(view.tile(z, tile.x, tile.y))["posts"]["features"]
        now = {f["properties"]["fid"] for f in features}
        assert 100 < len(now) <= 500
        if z == 10:
            window = shapely.box(*GRID.bounds(tile))
            assert {f for f in before if shapes[int(f[1:])].within(window)} <= now
        before = now


def test_tiles_are_kept(town: Town) -> None:
    view = town.store.view("posts")
    tile = GRID.tile(24.95, 60.175, 11)
    assert view.cached_tile(11, tile.x, tile.y) is None
    drawn = view.tile(11, tile.x, tile.y)
    assert view.cached_tile(11, tile.x, tile.y) is drawn
    assert view.tile(11, 0, 0) == b""


def test_a_feature_much_larger_than_its_tile_is_cut(new_town: Town) -> None:
    big = shapely.box(24.0, 60.0, 26.0, 61.0).segmentize(0.001)
    new_town.publish("areas", 1, GeometryType.POLYGON, np.array([big], dtype=object), 1)
    tile = GRID.tile(24.95, 60.175, 15)
    data = new_town.store.view("areas").tile(15, tile.x, tile.y)
    feature = _decode(data)["areas"]["features"][0]
    shape = shapely.geometry.shape(feature["geometry"])
    assert shape.equals(shapely.box(-64, -64, 4160, 4160))
    assert len(data) < 400
