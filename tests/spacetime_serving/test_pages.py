"""Pages: the index and the query engine answer alike; tokens lead through all of it."""

import json
import threading
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from small_city import START, Town, areas

from quanyu.kernel import Invalid
from quanyu.spacetime import (
    ALL,
    CRS84H,
    Format,
    GeometryType,
    Query,
    Restriction,
    packed_index,
    parse_filter,
)

EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
TRUE = parse_filter("TRUE")


def ids(data: bytes) -> list[str]:
    return [feature["id"] for feature in json.loads(b"[" + data + b"]")]


@given(
    st.lists(st.tuples(*[st.floats(-10, 10)] * 4), max_size=3000).map(
        lambda rows: [(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in rows]
    ),
    st.tuples(*[st.floats(-10, 10)] * 4),
    st.integers(0, 100),
)
def test_the_index_finds_what_a_scan_finds(
    rows: list[tuple[float, ...]], corners: tuple[float, ...], start: int
) -> None:
    boxes = np.array(rows or np.empty((0, 4)), float).reshape(-1, 4)
    if len(boxes):
        boxes = np.tile(boxes, (1 + 2500 // len(boxes), 1))
        boxes[::7] = np.nan
    box = (
        min(corners[0], corners[2]), min(corners[1], corners[3]),
        max(corners[0], corners[2]), max(corners[1], corners[3]),
    )  # fmt: skip
    levels = [boxes, *packed_index.build(boxes)]
    found = [row for part in packed_index.search(levels, box, start) for row in part.tolist()]
    wanted = [k for k in np.flatnonzero(packed_index.meets(boxes, box)).tolist() if k >= start]
    assert found == wanted


@pytest.mark.parametrize("name", ["areas", "posts"])
@pytest.mark.parametrize(
    "query",
    [
        Query(),
        Query(bbox=(24.93, 60.16, 24.96, 60.18)),
        Query(bbox=(24.93, 60.16, 24.96, 60.18), interval=(START + timedelta(days=400), None)),
        Query(interval=(None, START + timedelta(days=300))),
        Query(bbox=(60.16, 24.93, 60.18, 24.96), bbox_crs=EPSG + "4326"),
        Query(bbox=(384000, 6671000, 387000, 6673000), bbox_crs=EPSG + "3067"),
        Query(bbox=(24.93, 60.16, -5, 24.96, 60.18, 100)),
        Query(bbox=(24.97, 60.16, 24.93, 60.18)),
        Query(bbox=(24.95, 60.17, 24.95, 60.17)),
    ],
)
def test_index_and_engine_answer_alike(town: Town, name: str, query: Query) -> None:
    view = town.store.view(name)
    by_index = view.page(replace(query, limit=ALL))
    by_engine = view.page(replace(query, limit=ALL, filter=TRUE))
    assert by_index.features == by_engine.features
    assert view.count(query) == view.count(replace(query, filter=TRUE)) == by_index.returned


@pytest.mark.parametrize(
    "query",
    [
        Query(limit=37),
        Query(limit=37, filter=parse_filter("floors > 3")),
        Query(limit=37, sortby=(("floors", True), ("name", False))),
        Query(limit=37, sortby=(("seen", False),), bbox=(24.9, 60.1, 24.96, 60.3)),
        Query(limit=37, crs=EPSG + "4547", properties=("name",)),
    ],
)
def test_following_pages_gives_everything_once(town: Town, query: Query) -> None:
    view = town.store.view("areas")
    whole = ids(view.page(replace(query, limit=ALL)).features)
    found: list[str] = []
    while True:
        page = view.page(query)
        found += ids(page.features)
        if page.next is None:
            break
        query = replace(query, after=page.next)
    assert found == whole
    assert len(whole) == view.count(replace(query, after=None))


def test_order(town: Town) -> None:
    view = town.store.view("areas")
    query = Query(limit=ALL, sortby=(("floors", True), ("name", False)))
    rows = [f["properties"] for f in json.loads(b"[" + view.page(query).features + b"]")]
    floors = [row["floors"] for row in rows]
    known = [f for f in floors if f is not None]
    assert known == sorted(known, reverse=True)
    assert all(f is None for f in floors[len(known) :])
    for unsortable in ("tags", "geometry", "ghost"):
        with pytest.raises(Invalid):
            view.page(Query(sortby=((unsortable, False),)))


def test_matched(town: Town) -> None:
    view = town.store.view("areas")
    assert view.page(Query(limit=1)).matched == 300
    box = (24.93, 60.16, 24.96, 60.18)
    assert view.page(Query(limit=1, bbox=box)).matched is None
    page = view.page(Query(limit=1, bbox=box, count=True))
    assert page.matched == view.count(Query(bbox=box))
    assert view.page(Query(limit=1000, bbox=box)).matched == page.matched


def test_axis_order_and_chinese_grids(town: Town) -> None:
    view = town.store.view("posts")
    true = town.shapes["posts"][5]
    lat_lon = json.loads(view.feature("f5", EPSG + "4490") or b"")["geometry"]["coordinates"]
    assert lat_lon == pytest.approx([true.y, true.x], abs=1e-7)
    north_east = json.loads(view.feature("f5", EPSG + "4547") or b"")["geometry"]["coordinates"]
    assert north_east[0] > 6_000_000
    assert ids(view.page(Query(crs=CRS84H)).features)
    with pytest.raises(Invalid, match="reference system"):
        view.page(Query(crs=EPSG + "999999"))


@pytest.mark.parametrize("bbox", [(1, 2, 3), (1, 5, 2, 3), (float("nan"), 0, 1, 1), ()])
def test_what_is_no_box(town: Town, bbox: tuple[float, ...]) -> None:
    view = town.store.view("areas")
    for query in (Query(bbox=bbox), Query(bbox=bbox, filter=TRUE)):
        with pytest.raises(Invalid) as refused:
            view.page(query)
        assert refused.value.field == "bbox"


def test_a_list_without_geometry(town: Town) -> None:
    view = town.store.view("list")
    assert view.extent()[0] is None
    assert view.page(Query(limit=50)).returned == 40
    assert json.loads(view.feature("f3") or b"")["geometry"] is None
    for query in (Query(bbox=(0, 0, 1, 1)), Query(bbox=(0, 0, 1, 1), filter=TRUE)):
        with pytest.raises(Invalid, match="no geometry"):
            view.page(query)


def test_a_large_open_view_answers_before_its_copy_is_built(new_town: Town) -> None:
    new_town.publish("areas", 200, GeometryType.POLYGON, areas(200, 9), 9)
    view = new_town.store.view("areas")
    gate = threading.Event()
    build = view._build

    def late() -> object:
        gate.wait(20)
        return build()

    view._patience_rows, view._build = 10, late
    query = Query(bbox=(24.93, 60.16, 24.96, 60.18), limit=9)
    before = view.page(query)
    assert not view.ready
    assert view.count(query)
    assert view.feature("f3")
    assert view.extent()[0]
    gate.set()
    view.prepare()
    assert view.ready
    after = view.page(query)
    assert (after.features, after.next) == (before.features, before.next)


def test_empty_answers(new_town: Town) -> None:
    new_town.publish("areas", 50, GeometryType.POLYGON, areas(50, 9), 9)
    nothing = Restriction(rows=parse_filter("floors > 1000"))
    view = new_town.store.view("areas", nothing)
    assert view.count() == 0
    assert view.page(Query()).features == b""
    assert view.extent() == (None, (None, None))
    assert view.distinct("name") == []
    assert view.tile(0, 0, 0) == b""
    with pytest.raises(Invalid):  # areas are no points with heights
        view.write(Query(limit=ALL), Format.LAZ)
    for form in set(Format) - {Format.LAZ}:
        assert b"".join(view.write(Query(limit=ALL), form)) is not None


def test_names_that_statements_use_themselves(new_town: Town) -> None:
    """Properties called as columns of a statement might be."""
    from datetime import UTC, datetime

    import pyarrow as pa
    from deltalake import write_deltalake

    from quanyu.spacetime import Field, FieldType, Mask, Version, publish_version
    from quanyu.spacetime.model import Column

    names = ["id", "properties", "time", "ordinal", "area", "width", "middle", "value", "times",
             "digest", "number", "rows", "chosen", "order", "select", "q_west",
             'a"b', "名称"]  # fmt: skip
    fields = tuple(Field(name, FieldType.INTEGER) for name in names)
    columns = {name: pa.array([3, 1, 2], pa.int64()) for name in names}
    shapes = shapely.points([[24.9, 60.1], [24.91, 60.11], [24.92, 60.12]])
    bounds = shapely.bounds(shapes)
    moments = pa.nulls(3, pa.timestamp("us", "UTC"))
    table = pa.table(
        {
            "fid": pa.array(["c", "a", "b"]),
            **columns,
            "geometry": pa.array(list(shapely.to_wkb(shapes))),
            **{n: bounds[:, k] for k, n in enumerate(("xmin", "ymin", "xmax", "ymax"))},
            "valid_from": moments,
            "valid_to": moments,
        }
    )
    write_deltalake(str(new_town.folder / "tables" / "odd"), table)
    version = Version(
        "odd", 0, "odd", 0, fields, GeometryType.POINT, False, 3, 0, (24.9, 60.1, 24.92, 60.12),
        (None, None), None, "test", None, datetime.now(UTC),
    )  # fmt: skip
    with new_town.control.begin() as session:
        publish_version(session, version)
    region = json.loads(shapely.to_geojson(shapely.box(24, 60, 25, 61)))
    kept = tuple(Column(n, Mask.ROUND, 1) for n in names)
    for restriction in (Restriction(), Restriction(columns=kept, region=region, grid_m=10.0)):
        view = new_town.store.view("odd", restriction)
        for name in names:
            page = view.page(Query(sortby=((name, False),), limit=2))
            assert ids(page.features) == ["a", "b"]
            page = view.page(Query(sortby=((name, False),), limit=2, after=page.next))
            assert ids(page.features) == ["c"]
            assert view.distinct(name) == [1, 2, 3]
            assert view.summary(name).most == 3
            quoted = name.replace('"', '""')
            if '"' not in name:
                found = view.page(
                    Query(filter=parse_filter(f'"{quoted}" = 2'), sortby=(("fid", False),))
                )
                assert ids(found.features) == ["b"]
        assert b"".join(view.write(Query(limit=ALL), Format.CSV)).count(b"\n") == 4
