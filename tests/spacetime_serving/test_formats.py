"""Files in every form, read back by others' readers."""

import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely
from small_city import Town

from quanyu.kernel import Invalid
from quanyu.spacetime import ALL, Format, Query, View, parse_filter

TM35 = "http://www.opengis.net/def/crs/EPSG/0/3067"
LAT_LON = "http://www.opengis.net/def/crs/EPSG/0/4326"


@pytest.fixture(scope="module", params=["areas", "posts"])
def view(town: Town, request: pytest.FixtureRequest) -> View:
    return town.store.view(request.param)


def whole(view: View, form: Format, **query: object) -> bytes:
    counted: list[int] = []
    data = b"".join(view.write(Query(**{"limit": ALL, **query}), form, counted.append))
    assert sum(counted) == view.count(Query(filter=query.get("filter")))
    return data


def test_geojson(town: Town, view: View) -> None:
    document = json.loads(whole(view, Format.GEOJSON))
    name = view.version.dataset
    assert document["type"] == "FeatureCollection"
    for feature in document["features"]:
        k = int(feature["id"][1:])
        shape = town.shapes[name][k]
        assert feature["type"] == "Feature"
        if shape is None:
            assert feature["geometry"] is None
            continue
        found = shapely.from_geojson(json.dumps(feature["geometry"]))
        assert shapely.hausdorff_distance(found, shape) < 1e-6
        if found.geom_type == "Polygon":
            assert found.exterior.is_ccw
        tags = town.data[name]["tags"][k]
        assert feature["properties"]["tags"] == (None if tags is None else json.loads(tags))


def test_jsonfg(town: Town, view: View) -> None:
    document = json.loads(whole(view, Format.JSONFG, crs=TM35))
    assert any(uri.endswith("conf/core") for uri in document["conformsTo"])
    assert document["coordRefSys"] == TM35
    data = town.data[view.version.dataset]
    for feature in document["features"]:
        k = int(feature["id"][1:])
        assert feature["geometry"] is None
        start, end = data["valid_from"][k], data["valid_to"][k]
        if start is None and end is None:
            assert feature["time"] is None
        elif start == end:
            assert feature["time"]["timestamp"].startswith(start.date().isoformat())
        else:
            ends = feature["time"]["interval"]
            assert (
                ends[0] == ".." if start is None else ends[0].startswith(start.date().isoformat())
            )
    one = json.loads(view.feature("f1", form=Format.JSONFG) or b"")
    assert one["place"] is None


def test_csv(town: Town, view: View) -> None:
    table = pyarrow.csv.read_csv(io.BytesIO(whole(view, Format.CSV)))
    points = view.version.dataset == "posts"
    assert table.column_names[-2:] == (
        ["longitude", "latitude"] if points else ["tags", "geometry"]
    )
    assert table.num_rows == view.count()
    assert set(table["fid"].to_pylist()) == set(town.data[view.version.dataset]["fid"])


def test_geoparquet(town: Town, view: View) -> None:
    file = pq.ParquetFile(io.BytesIO(whole(view, Format.GEOPARQUET)))
    geo = json.loads(file.schema_arrow.metadata[b"geo"])
    column = geo["columns"]["geometry"]
    assert (geo["version"], geo["primary_column"]) == ("1.1.0", "geometry")
    assert column["crs"]["id"] == {"authority": "OGC", "code": "CRS84"}
    assert column["covering"]["bbox"]["xmin"] == ["bbox", "xmin"]
    table = file.read()
    for row in table.slice(0, 50).to_pylist():
        shape = town.shapes[view.version.dataset][int(row["fid"][1:])]
        if shape is None:
            assert row["geometry"] is None
            continue
        assert shapely.from_wkb(row["geometry"]).equals_exact(shape, 1e-12)
        assert tuple(row["bbox"].values()) == pytest.approx(shape.bounds)
    assert table.schema.field("built").type == pa.date32()


def test_geoparquet_keeps_east_first(town: Town) -> None:
    data = whole(town.store.view("posts"), Format.GEOPARQUET, crs=LAT_LON)
    row = pq.ParquetFile(io.BytesIO(data)).read().slice(0, 1).to_pylist()[0]
    true = town.shapes["posts"][int(row["fid"][1:])]
    assert shapely.from_wkb(row["geometry"]).equals_exact(true, 1e-7)
    assert row["bbox"]["xmin"] == pytest.approx(true.x)


def test_arrow(view: View) -> None:
    with pa.ipc.open_stream(whole(view, Format.ARROW)) as reader:
        table = reader.read_all()
    field = table.schema.field("geometry")
    assert field.metadata[b"ARROW:extension:name"] == b"geoarrow.wkb"
    assert table.num_rows == view.count()


def test_flatgeobuf(town: Town, view: View, tmp_path: Path) -> None:
    path = tmp_path / "whole.fgb"
    path.write_bytes(whole(view, Format.FLATGEOBUF))
    found = pyogrio.read_info(path)
    assert found["features"] == view.count()
    assert found["crs"] == "EPSG:4326"
    with pytest.raises(Invalid, match="FlatGeobuf"):
        town.store.view("list").write(Query(), Format.FLATGEOBUF)


@pytest.mark.parametrize("form", [Format.CSV, Format.GEOJSON, Format.ARROW, Format.GEOPARQUET])
def test_a_part_of_it(town: Town, form: Format) -> None:
    view = town.store.view("areas")
    query = {"filter": parse_filter("floors > 10"), "properties": ("name", "floors")}
    data = whole(view, form, **query)
    assert b"owner" not in data
    assert data
    few = b"".join(view.write(Query(limit=3), form))
    assert len(few) < len(b"".join(view.write(Query(limit=ALL), form)))


def test_a_list_in_every_form_it_fits(town: Town) -> None:
    view = town.store.view("list")
    for form in (Format.CSV, Format.GEOPARQUET, Format.ARROW, Format.GEOJSON, Format.JSONFG):
        assert b"".join(view.write(Query(limit=ALL), form))


def test_wrong_queries_are_refused_before_the_first_byte(town: Town) -> None:
    with pytest.raises(Invalid):
        town.store.view("areas").write(Query(properties=("ghost",)), Format.CSV)
