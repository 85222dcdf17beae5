"""Ways round a restriction that people try, each of which must find nothing."""

import json
from dataclasses import replace

import mapbox_vector_tile
import morecantile
import pytest
import shapely
from small_city import FIELDS, Town

from quanyu.kernel import Invalid, NotFound
from quanyu.spacetime import (
    ALL,
    Column,
    Format,
    GeometryType,
    Mask,
    Query,
    Restriction,
    View,
    parse_filter,
)

REGION = shapely.Polygon([(24.93, 60.16), (24.97, 60.165), (24.96, 60.185), (24.935, 60.18)])
SALT = "ab" * 16
NARROW = Restriction(
    columns=(Column("name"), Column("value", Mask.ROUND, 10), Column("owner", Mask.KEEP_LAST_4)),
    rows=parse_filter("floors > 5", FIELDS),
    region=json.loads(shapely.to_geojson(REGION)),
    salt=SALT,
)


@pytest.fixture(scope="module")
def view(town: Town) -> View:
    return town.store.view("areas", NARROW)


def _refusal(call: object) -> str:
    with pytest.raises(Invalid) as refused:
        call()
    return str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "floors > 10",
        "casei(tags) = casei('x')",
        "tags IS NULL",
        "floors BETWEEN 1 AND 2",
        "built = DATE('2000-01-01')",
        "floors IN (name)",
        "T_AFTER(seen, DATE('2020-01-01'))",
    ],
)
def test_a_hidden_column_is_as_unknown_as_one_that_never_was(view: View, text: str) -> None:
    hidden = next(n for n in ("floors", "tags", "built", "seen") if n in text)
    said = _refusal(lambda: view.page(Query(filter=parse_filter(text))))
    absent = _refusal(lambda: view.page(Query(filter=parse_filter(text.replace(hidden, "ghost")))))
    assert said.replace(hidden, "ghost") == absent
    assert not {"floors", "tags", "built"} & {
        word.strip(",)") for word in said.split("use one of")[1].split()
    }


def test_hidden_columns_cannot_be_sorted_listed_or_chosen(view: View) -> None:
    for call in (
        lambda: view.page(Query(sortby=(("floors", False),))),
        lambda: view.page(Query(properties=("floors",))),
        lambda: view.distinct("floors"),
        lambda: view.summary("floors"),
        lambda: list(view.write(Query(properties=("floors",)), Format.CSV)),
    ):
        assert "there is no property “floors”" in _refusal(call)


def test_masked_columns_answer_with_masked_values_only(town: Town, view: View) -> None:
    owner = next(o for o in town.data["areas"]["owner"] if o)
    raw = Query(filter=parse_filter(f"owner LIKE '{owner[:8]}%'"))
    assert view.count(raw) == 0
    assert all(value.startswith("****") for value in view.distinct("owner", 1000))
    assert all(value % 10 == 0 for value in view.distinct("value", 1000))
    assert view.count(Query(filter=parse_filter("value > 12 AND value < 18"))) == 0


@pytest.mark.parametrize("form", [form for form in Format if form is not Format.LAZ])
def test_no_form_holds_more_than_another(town: Town, view: View, form: Format) -> None:
    data = b"".join(view.write(Query(limit=ALL), form))
    for word in (b"floors", b"tags", b"seen"):
        assert word not in data
    for owner in town.data["areas"]["owner"]:
        assert owner is None or owner.encode() not in data


def test_everything_lies_in_the_region(view: View) -> None:
    found = json.loads(b"".join(view.write(Query(limit=ALL), Format.GEOJSON)))["features"]
    assert len(found) > 10
    around = REGION.buffer(1e-6)
    for feature in found:
        shape = shapely.from_geojson(json.dumps(feature["geometry"]))
        assert shape.within(around)
        assert shape.area > 0
    box, _ = view.extent()
    assert box is not None
    assert shapely.box(*box).within(REGION.envelope.buffer(1e-9))
    outside = Query(bbox=(24.90, 60.15, 24.929, 60.20))
    assert (view.count(outside), view.page(outside).returned) == (0, 0)


def test_tiles_hold_nothing_beyond_the_region_nor_hidden(view: View) -> None:
    grid = morecantile.tms.get("WebMercatorQuad")
    drawn = 0
    for z in (10, 12, 14, 16):
        for tile in grid.tiles(24.90, 60.15, 25.0, 60.2, [z]):
            data = view.tile(tile.z, tile.x, tile.y)
            if not data:
                continue
            bounds = grid.xy_bounds(tile)
            layer = mapbox_vector_tile.decode(data, default_options={"y_coord_down": True})["areas"]
            size = (bounds.right - bounds.left) / 4096
            corner = (bounds.left, bounds.top)
            region = _mercator(REGION).buffer(2 * size)
            for feature in layer["features"]:
                shape = shapely.geometry.shape(feature["geometry"])
                moved = shapely.transform(shape, lambda p, c=corner, s=size: c + p * (s, -s))
                assert moved.within(region)
                assert feature["properties"].keys() <= {"fid", "name", "value", "owner"}
                assert not str(feature["properties"].get("owner", "")).startswith("6222")
                drawn += 1
    assert drawn


def _mercator(shape: object) -> object:
    import pyproj

    to = pyproj.Transformer.from_crs("OGC:CRS84", "EPSG:3857", always_xy=True)
    return shapely.transform(shape, to.transform, interleaved=False)


def test_a_window_closing_in_finds_no_more_than_the_cell(town: Town) -> None:
    view = town.store.view("posts", Restriction(grid_m=500))
    assert view.geometry is GeometryType.POINT
    for k in range(0, 3000, 300):
        true = town.shapes["posts"][k]
        feature = json.loads(view.feature(f"f{k}") or b"{}")
        x, y = feature["geometry"]["coordinates"]
        assert (abs(x - true.x), abs(y - true.y)) != (0, 0)
        near = Query(bbox=(true.x - 1e-6, true.y - 1e-6, true.x + 1e-6, true.y + 1e-6), limit=ALL)
        found = json.loads(b"[" + view.page(near).features + b"]")
        assert f"f{k}" not in {f["id"] for f in found}
    cells = {
        tuple(json.loads(view.feature(f"f{k}") or b"")["geometry"]["coordinates"])
        for k in range(500)
    }
    assert len(cells) < 200


def test_order_of_rows_within_a_cell_says_nothing(town: Town) -> None:
    view = town.store.view("posts", Restriction(grid_m=2000))
    found = json.loads(b"".join(view.write(Query(limit=ALL), Format.GEOJSON)))["features"]
    by_cell: dict[tuple[float, float], list[str]] = {}
    for feature in found:
        by_cell.setdefault(tuple(feature["geometry"]["coordinates"]), []).append(feature["id"])
    assert all(ids == sorted(ids) for ids in by_cell.values())


@pytest.mark.parametrize(
    ("bbox", "crs"),
    [
        ((60.15, 24.90, 60.20, 24.929), "EPSG/0/4326"),
        ((60.15, 24.90, 60.20, 24.929), "EPSG/0/4490"),
        ((2771855, 8431000, 2775084, 8442000), "EPSG/0/3857"),
    ],
)
def test_another_crs_does_not_reach_out_of_the_region(
    view: View, bbox: tuple[float, ...], crs: str
) -> None:
    uri = f"http://www.opengis.net/def/crs/{crs}"
    assert view.count(Query(bbox=bbox, bbox_crs=uri)) == 0
    whole = view.page(Query(limit=1000, crs=uri))
    assert whole.returned == view.count()


def test_a_page_is_of_its_own_query_restriction_and_version(new_town: Town) -> None:
    from small_city import areas

    new_town.publish("areas", 60, GeometryType.POLYGON, areas(60, 5), 5)
    store = new_town.store
    query = Query(limit=7)
    token = store.view("areas").page(query).next
    assert token
    follow = replace(query, after=token)
    assert store.view("areas").page(follow).returned == 7
    other = Restriction(columns=(Column("name"),))
    wrong = [
        lambda: store.view("areas", other).page(follow),
        lambda: store.view("areas").page(replace(follow, bbox=(24.0, 60.0, 25.0, 61.0))),
        lambda: store.view("areas").page(replace(follow, sortby=(("name", False),))),
        lambda: store.view("areas").page(replace(follow, after=token[:-4] + "AAAA=")),
        lambda: store.view("areas").page(replace(follow, after="é")),
    ]
    new_town.publish("areas", 60, GeometryType.POLYGON, areas(60, 6), 6)
    store._newest.clear()
    wrong.append(lambda: store.view("areas").page(follow))
    for call in wrong:
        with pytest.raises(Invalid) as refused:
            call()
        assert refused.value.field == "after"
    assert store.view("areas", number=1).page(follow).returned == 7


def test_a_page_past_the_end_is_empty(view: View) -> None:
    rest, pages = view.count(), 0
    query = Query(limit=5)
    while True:
        page = view.page(query)
        rest -= page.returned
        pages += 1
        if page.next is None:
            break
        query = replace(query, after=page.next)
    assert rest == 0
    assert view.page(Query(limit=10**9)).returned == view.count()


def test_hidden_features_do_not_exist(town: Town, view: View) -> None:
    shown = {f["id"] for f in json.loads(b"[" + view.page(Query(limit=1000)).features + b"]")}
    for fid in town.data["areas"]["fid"]:
        assert (view.feature(str(fid)) is not None) == (fid in shown)
        assert (view.feature(str(fid), form=Format.JSONFG) is not None) == (fid in shown)
    assert view.feature("f1' OR '1'='1") is None


@pytest.mark.parametrize(
    "restriction",
    [
        Restriction(columns=(Column("owner", Mask.HASH),)),
        Restriction(columns=(Column("owner", Mask.HASH),), salt="no hex"),
        Restriction(columns=(Column("owner", Mask.ROUND, 3),)),
        Restriction(columns=(Column("value", Mask.ROUND),)),
        Restriction(columns=(Column("value", Mask.ROUND, -1),)),
        Restriction(columns=(Column("value"), Column("value", Mask.ROUND, 5))),
        Restriction(region={"type": "Point", "coordinates": [24.9, 60.1]}),
        Restriction(region={"type": "Nonsense"}),
        Restriction(rows={"op": "no_such_function", "args": []}),
        Restriction(rows={"op": "=", "args": [{"property": "ghost"}, 1]}),
        Restriction(grid_m=0),
        Restriction(grid_m=-5),
    ],
)
def test_what_cannot_be_applied_gives_nothing(town: Town, restriction: Restriction) -> None:
    with pytest.raises(Invalid):
        town.store.view("areas", restriction).count()


def test_unknown_versions_and_tiles_are_not_found(town: Town, view: View) -> None:
    for call in (
        lambda: town.store.view("areas", number=9),
        lambda: town.store.view("ghost"),
        lambda: view.tile(3, 8, 0),
        lambda: view.tile(40, 0, 0),
        lambda: view.tile(3, 1, 1, "LINZ2193"),
        lambda: town.store.view("list").tile(0, 0, 0),
    ):
        with pytest.raises(NotFound):
            call()
