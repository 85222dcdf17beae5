"""Vector files: what is kept, what is rejected, what is refused."""

import json
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely
from deltalake import DeltaTable
from pyproj import CRS

from quanyu.kernel import Invalid

from .conftest import geojson, point

SQUARE = [[0, 0], [0, 1], [1, 1], [1, 0], [0, 0]]
BOW = [[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]


def polygon(ring):
    return {"type": "Polygon", "coordinates": [ring]}


def test_geojson_with_everything_that_can_be_wrong(here, write):
    text = geojson(
        (polygon(SQUARE), {"name": "good"}),
        (polygon(BOW), {"name": "bow"}),
        (None, {"name": "none"}),
        ({"type": "Polygon", "coordinates": []}, {"name": "empty"}),
        (point(300, 0), {"name": "far"}),
    )
    report = here.take(write("a.geojson", text))
    rows = {row["name"]: row for row in here.table(report).to_pylist()}
    assert set(rows) == {"good", "none", "empty"}
    assert rows["none"]["geometry"] is None
    assert rows["none"]["xmin"] is None
    good = shapely.from_wkb(rows["good"]["geometry"])
    assert good.exterior.is_ccw  # RFC 7946, 3.1.6
    reasons = {r["line"]: r["reason"] for r in here.rejects(report)}
    assert reasons[2].startswith("invalid polygon: Self-intersection")
    assert "±180°" in reasons[5]


def test_repair_mends_instead_of_rejecting(here, write):
    report = here.take(write("b.geojson", geojson((polygon(BOW), {}))), repair=True)
    mended = shapely.from_wkb(here.table(report)["geometry"][0].as_py())
    assert mended.is_valid
    assert mended.area == pytest.approx(0.5)


def test_single_and_multiple_become_multiple(here, write):
    many = {"type": "MultiPolygon", "coordinates": [[SQUARE]]}
    report = here.take(write("m.geojson", geojson((polygon(SQUARE), {}), (many, {}))))
    assert report.version.geometry == "MultiPolygon"
    types = shapely.get_type_id(shapely.from_wkb(here.table(report)["geometry"].to_pylist()))
    assert set(types) == {6}


def test_heights_are_kept(here, write):
    text = geojson((point(1, 2), {}), ({"type": "Point", "coordinates": [3, 4, 5]}, {}))
    report = here.take(write("z.geojson", text))
    rows = sorted(here.table(report).to_pylist(), key=lambda row: row["xmin"])
    assert report.version.has_z
    assert report.version.storage_crs.endswith("CRS84h")
    assert (rows[0]["zmin"], rows[1]["zmin"], rows[1]["zmax"]) == (None, 5, 5)


def test_properties_that_are_objects_are_json(here, write):
    features = [(point(1, 2), {"a": {"b": [1]}, "m": 1}), (point(1, 2), {"a": None, "m": "x"})]
    report = here.take(write("j.geojson", geojson(*features)))
    types = {f.name: f.type.value for f in report.version.fields}
    assert types == {"a": "json", "m": "string"}
    assert json.loads(sorted(here.table(report)["a"].to_pylist(), key=str)[1]) == {"b": [1]}


def test_numbers_and_names_of_features_become_ids(here, write):
    for ids in ([7, 9], ["p", "q"]):
        listed = [
            {"type": "Feature", "id": i, "geometry": point(1, 2), "properties": {"v": 1}}
            for i in ids
        ]
        text = json.dumps({"type": "FeatureCollection", "features": listed})
        report = here.take(write("i.geojson", text))
        assert sorted(here.table(report)["fid"].to_pylist()) == [str(i) for i in ids]


@pytest.mark.parametrize("cut", [0.3, 0.7, 0.99])
def test_cut_off_files_are_refused_and_leave_nothing(here, write, cut, tmp_path):
    text = geojson(*((point(1, 2), {"n": n}) for n in range(50)))
    with pytest.raises(Invalid) as caught:
        here.take(write("c.geojson", text[: int(len(text) * cut)]))
    assert caught.value.field == "source"
    assert not (tmp_path / "tables").exists()
    assert list((tmp_path / "cache" / "ingest").iterdir()) == []


def test_geojson_called_csv_is_read_as_what_it_is(here, write):
    report = here.take(write("x.csv", geojson((point(1, 2), {"n": 1}))))
    assert report.rows == 1
    assert any("content is geojson" in note for note in report.notes)


def geoparquet(path, columns, **more):
    meta = {"encoding": "WKB", "geometry_types": [], **more}
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": meta}}
    pq.write_table(pa.table(columns).replace_schema_metadata({"geo": json.dumps(geo)}), path)
    return path


def test_geoparquet(here, tmp_path):
    n = 3000
    lon, lat = np.linspace(113, 114, n), np.linspace(23, 24, n)
    columns = {
        "id": np.arange(n), "small": np.arange(n, dtype=np.int16), "nested": [{"a": 1}] * n,
        "kind": pa.array(["a", "b", "c"] * 1000).dictionary_encode(),
        "nan": np.where(np.arange(n) % 2, np.nan, 1.0),
        "geometry": shapely.to_wkb(shapely.points(lon, lat)),
    }  # fmt: skip
    report = here.take(geoparquet(tmp_path / "p.parquet", columns))
    assert report.rows == n
    types = {f.name: f.type.value for f in report.version.fields}
    assert types == {"id": "integer", "small": "integer", "nested": "json", "kind": "string",
                     "nan": "number"}  # fmt: skip
    found = here.table(report)
    assert found["nan"].null_count == n // 2
    assert found.schema.field("geometry").type == pa.binary()
    stored = DeltaTable(f"{here.tables_url}/data").schema().to_json()
    assert "http://www.opengis.net/def/crs/OGC/1.3/CRS84" in stored


def test_broken_wkb_is_rejected(here, tmp_path):
    good = shapely.to_wkb(shapely.Point(1, 2))
    report = here.take(
        geoparquet(tmp_path / "b.parquet", {"n": [1, 2], "geometry": [good, good[:9]]})
    )
    assert (report.rows, report.rejects) == (1, 1)
    assert "well-known binary" in here.rejects(report)[0]["reason"]


def test_cut_off_parquet_is_refused(here, tmp_path):
    path = geoparquet(tmp_path / "p.parquet", {"geometry": [shapely.to_wkb(shapely.Point(1, 2))]})
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(Invalid, match="cut off"):
        here.take(path)


def test_parquet_in_a_projection(here, tmp_path):
    crs = CRS("EPSG:4547").to_json_dict()
    wkb = [shapely.to_wkb(shapely.Point(434567.8, 2566543.2))]
    report = here.take(geoparquet(tmp_path / "p.parquet", {"geometry": wkb}, crs=crs))
    assert report.version.bbox[:2] == pytest.approx((113.36, 23.20), abs=0.02)
    assert report.version.source_crs == "EPSG:4547"


def test_rows_are_in_hilbert_order_and_files_can_be_skipped(here, tmp_path):
    chance = np.random.default_rng(1)
    n = 20_000
    lon, lat = chance.uniform(113, 114, n), chance.uniform(23, 24, n)
    path = geoparquet(
        tmp_path / "h.parquet", {"geometry": shapely.to_wkb(shapely.points(lon, lat))}
    )
    found = here.table(here.take(path))
    step = np.hypot(np.diff(found["xmin"].to_numpy()), np.diff(found["ymin"].to_numpy()))
    assert np.median(step) < 0.02  # at random it would be about half a degree
    actions = DeltaTable(f"{here.tables_url}/data").get_add_actions(flatten=True)
    names = pa.table(actions).column_names
    assert {"min.xmin", "max.xmax", "min.ymin", "max.ymax"} <= set(names)


def shapefile(folder, encoding, *, cpg):
    folder.mkdir()
    square = [shapely.to_wkb(shapely.Polygon(SQUARE))]
    pyogrio.raw.write(
        folder / "a.shp", geometry=np.array(square, dtype=object),
        field_data=[np.array(["天河区"], dtype=object), np.array([5])], fields=["名称", "n"],
        geometry_type="Polygon", crs="EPSG:4490", encoding=encoding, driver="ESRI Shapefile",
    )  # fmt: skip
    if not cpg:
        (folder / "a.cpg").unlink()
        raw = bytearray((folder / "a.dbf").read_bytes())
        raw[29] = 0
        (folder / "a.dbf").write_bytes(raw)
    return folder / "a.shp"


@pytest.mark.parametrize(("encoding", "cpg"), [("UTF-8", True), ("GBK", True), ("GBK", False)])
def test_shapefile_in_a_zip(here, tmp_path, encoding, cpg):
    path = shapefile(tmp_path / "s", encoding, cpg=cpg)
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        for part in path.parent.iterdir():
            archive.write(part, f"inside/{part.name}")
    report = here.take(tmp_path / "s.zip")
    assert here.table(report)["名称"].to_pylist() == ["天河区"]
    assert report.version.source_crs == "EPSG:4490"


@pytest.mark.parametrize(
    ("driver", "name"), [("FlatGeobuf", "o.fgb"), ("GPKG", "o.gpkg"), ("GeoJSONSeq", "o.geojsonl")]
)
def test_other_formats_by_content(here, tmp_path, driver, name):
    path = tmp_path / name
    pyogrio.raw.write(
        path, geometry=np.array([shapely.to_wkb(shapely.Point(1, 2))], dtype=object),
        field_data=[np.array([5])], fields=["n"], geometry_type="Point", crs="EPSG:4326",
        driver=driver,
    )  # fmt: skip
    report = here.take(path.rename(tmp_path / "o.bin"))
    assert here.table(report)["n"].to_pylist() == [5]


def test_real_files(here, real):
    land = here.take(real("landcover/LULC.gpkg"), "land")
    assert land.rows == 88
    assert land.version.source_crs == "EPSG:32633"
    assert land.version.bbox == pytest.approx((14.5486, 45.8617, 14.5798, 45.8814), abs=1e-3)
    assert here.take(real("trajectories/beijing-geolife-sample.gpkg"), "tracks").rows == 5908
    districts = here.take(real("boundaries/shenzhen-districts.json"), "districts")
    assert "宝安" in here.table(districts)["qh"].to_pylist()


def test_city_model(here, real):
    report = here.take(real("cityjson/delft.json"))
    assert (report.rows, report.rejects) == (570, 0)
    assert report.version.geometry == "MultiPolygon"
    assert report.version.has_z
    found = here.table(report)
    assert found["height"].null_count < 570
    assert report.version.bbox == pytest.approx((4.362, 52.0107, 4.3697, 52.0137), abs=1e-3)


def test_city_model_without_crs_asks_for_one(here, real):
    with pytest.raises(Invalid) as caught:
        here.take(real("cityjson/rotterdam_subset.json"))
    assert caught.value.field == "crs"
    report = here.take(real("cityjson/rotterdam_subset.json"), crs="EPSG:28992")
    assert report.version.bbox[0] == pytest.approx(4.46, abs=0.1)


def test_city_model_in_sequence(here, write):
    def cube(key, x):
        top = [[x, 0, 0], [x + 1000, 0, 0], [x + 1000, 1000, 0], [x, 1000, 0]]
        vertices = top + [[a, b, 3000] for a, b, _ in top]
        sides = [
            [[0, 3, 2, 1]],
            [[4, 5, 6, 7]],
            [[0, 1, 5, 4]],
            [[1, 2, 6, 5]],
            [[2, 3, 7, 6]],
            [[3, 0, 4, 7]],
        ]
        solid = {"type": "Solid", "lod": "2.2", "boundaries": [sides]}
        whole = {"type": "Building", "attributes": {"storeys": 1}, "children": [key + "p"]}
        part = {"type": "BuildingPart", "parents": [key], "geometry": [solid]}
        objects = {key: whole, key + "p": part}
        return {"type": "CityJSONFeature", "id": key, "CityObjects": objects, "vertices": vertices}

    head = {
        "type": "CityJSON", "version": "2.0", "CityObjects": {}, "vertices": [],
        "transform": {"scale": [0.001] * 3, "translate": [85000, 446000, 0]},
        "metadata": {"referenceSystem": "https://www.opengis.net/def/crs/EPSG/0/7415"},
    }  # fmt: skip
    lines = [json.dumps(line) for line in (head, cube("a", 0), cube("b", 5000))]
    report = here.take(write("c.city.jsonl", "\n".join(lines)))
    rows = {row["fid"]: row for row in here.table(report).to_pylist()}
    assert set(rows) == {"a", "ap", "b", "bp"}
    assert rows["a"]["height"] == rows["ap"]["height"] == 3.0
    assert rows["ap"]["parents"] == '["a"]'
    assert rows["a"]["geometry"] is not None
    cut = here.take(write("d.city.jsonl", "\n".join(lines)[:-40]), "cut")
    assert (cut.rows, cut.rejects) == (2, 1)
    reject = here.rejects(cut)[0]
    assert (reject["line"], "cut off" in reject["reason"]) == (3, True)


VIRTUAL = (
    '<OGRVRTDataSource><OGRVRTLayer name="a"><SrcDataSource>{other}</SrcDataSource>'
    "</OGRVRTLayer></OGRVRTDataSource>"
)
PIPELINE = '{{"type": "gdal_streamed_alg", "command_line": "gdal vector pipeline read {other}"}}'


@pytest.mark.parametrize("form", ["geojson", "gpkg"])
@pytest.mark.parametrize("text", [VIRTUAL, PIPELINE])
def test_files_that_point_to_others_are_refused(here, write, text, form):
    other = write("other.geojson", geojson((point(1, 2), {"secret": 1})))
    path = write("v.json", text.format(other=other))
    with pytest.raises(Invalid):
        here.take(path)
    with pytest.raises(Invalid):
        here.take(path, format=form)


def test_formats_are_what_they_say(here, write):
    path = write("a.geojson", geojson((point(1, 2), {"n": 1})))
    with pytest.raises(Invalid):
        here.take(path, format="flatgeobuf")
    with pytest.raises(Invalid, match="format"):
        here.take(path, format="nonsense")
