"""Where a project lies, in any form and reference system; and what is wrong, said plainly."""

import io
import json
import sqlite3
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import pyproj
import pytest
import shapely
from town_land import X, Y, box

from quanyu.kernel import Invalid, TooLarge
from quanyu.land import project_of, read_geometry
from quanyu.spacetime import wgs84_to_gcj02

SHAPE = box(1, 1, 2, 2)
GEOJSON = json.loads(shapely.to_geojson(SHAPE))
REAL = Path("/work/shared/data/real/landcover/LULC.gpkg")


def file_of(tmp_path: Path, name: str, crs: str = "EPSG:4490") -> bytes:
    path = tmp_path / name
    pyogrio.raw.write(
        path, shapely.to_wkb(np.array([SHAPE])), [], [], geometry_type="Polygon", crs=crs
    )
    if path.suffix != ".shp":
        return path.read_bytes()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for one in tmp_path.glob(f"{path.stem}.*"):
            archive.write(one, f"data/{one.name}")
        archive.writestr("data/readme.txt", "x")
    return packed.getvalue()


def test_every_form_gives_the_same_place(tmp_path: Path) -> None:
    transformer = pyproj.Transformer.from_crs("OGC:CRS84", "EPSG:4547", always_xy=True)
    zone = shapely.transform(SHAPE, lambda p: np.column_stack(transformer.transform(*p.T)))
    mars = shapely.transform(SHAPE, lambda p: np.column_stack(wgs84_to_gcj02(*p.T)))
    feature = {"type": "Feature", "properties": {}, "geometry": GEOJSON}
    named = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    forms: list[tuple[bytes | str, str | None]] = [
        (json.dumps(GEOJSON), None),
        (json.dumps(feature).encode(), None),
        (json.dumps({"type": "FeatureCollection", "features": [feature], "crs": named}), None),
        (b"\xef\xbb\xbf" + shapely.to_wkt(SHAPE, 12).encode(), None),
        (f"SRID=4547;{shapely.to_wkt(zone, 6)}", None),
        (shapely.to_wkt(zone, 6), "EPSG:4547"),
        (shapely.to_wkt(mars, 12), "GCJ-02"),
        (shapely.to_wkt(shapely.force_3d(SHAPE, 5.0), 12), None),
        (file_of(tmp_path, "p.gpkg"), None),
        (file_of(tmp_path, "q.shp"), None),
    ]
    for data, crs in forms:
        shape, used = read_geometry(data, crs)
        assert shapely.hausdorff_distance(shape, SHAPE) < 1e-7, (data[:40], used)
        assert used


@pytest.mark.parametrize(
    ("data", "crs", "field"),
    [
        ("", None, "geometry"),
        ("{", None, "geometry"),
        ('{"type":"FeatureCollection","features":[]}', None, "geometry"),
        ('{"type":"FeatureCollection","features":3}', None, "geometry"),
        ('{"type":"Feature","geometry":null}', None, "geometry"),
        ('{"type":"Polygon","coordinates":"x"}', None, "geometry"),
        ("POLYGON ((0 0, 1 1, 0 1, 1 0, 0 0))", None, "geometry"),
        ("POLYGON ((113 23, 113.1 23, 113.1 nan, 113 23))", None, "geometry"),
        ("POLYGON ((113 23, 113.1 23, inf 24, 113 23))", None, "geometry"),
        ("POINT (113 23)", None, "geometry"),
        ("LINESTRING (113 23, 114 24)", None, "geometry"),
        ("POLYGON EMPTY", None, "geometry"),
        ("POLYGON ((110 20, 112 20, 112 22, 110 22, 110 20))", None, "geometry"),
        ("POLYGON ((113 23, 113.0000000001 23, 113 23.0000000001, 113 23))", None, "geometry"),
        ("POLYGON ((500000 2500000, 500100 2500000, 500100 2500100, 500000 2500000))", None, "crs"),
        ("POLYGON ((113 23, 113.001 23, 113.001 23.001, 113 23))", "EPSG:4547", "crs"),
        ("POLYGON ((113 23, 113.001 23, 113.001 23.001, 113 23))", "EPSG:99999", "crs"),
        ("SELECT 1", None, "geometry"),
        ("(" * 100_000, None, "geometry"),
        (b"\x00\x01\x02\xff", None, "geometry"),
        (b"PK\x03\x04broken", None, "geometry"),
        (b"SQLite format 3\x00broken", None, "geometry"),
    ],
)
def test_what_is_wrong_is_named(data: bytes | str, crs: str | None, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_geometry(data, crs)
    assert refused.value.field == field
    assert refused.value.mend


def test_hostile_archives_and_files_reach_nothing(tmp_path: Path) -> None:
    secret = tmp_path / "secret.geojson"
    secret.write_text(json.dumps(GEOJSON))
    pointer = f"<OGRVRTDataSource><OGRVRTLayer name='x'><SrcDataSource>{secret}</SrcDataSource>"
    for name in ("../project.shp", "a.shp"):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(name, pointer)
        with pytest.raises(Invalid):
            read_geometry(packed.getvalue())
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.shp", bytes(65 << 20))
    with pytest.raises(TooLarge):
        read_geometry(bomb.getvalue())
    database = tmp_path / "x.gpkg"
    connection = sqlite3.connect(database)
    connection.execute("CREATE TABLE x (y)")
    connection.close()
    with pytest.raises(Invalid):
        read_geometry(database.read_bytes())


def test_huge_geometries_are_refused() -> None:
    with pytest.raises(TooLarge):
        read_geometry(b" " * (9 << 20))
    turns = np.linspace(0, 2 * np.pi, 100_002)
    many = shapely.Polygon(np.column_stack([X + np.cos(turns) / 1e3, Y + np.sin(turns) / 1e3]))
    with pytest.raises(TooLarge) as refused:
        read_geometry(shapely.to_wkt(many, 9))
    assert refused.value.field == "geometry"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"use": "0799"}, "use"),
        ({"use": ""}, "use"),
        ({"use": "0701", "scheme": "other"}, "scheme"),
        ({"use": "0701", "height_m": -1}, "height_m"),
        ({"use": "0701", "height_m": "NaN"}, "height_m"),
        ({"use": "0701", "floor_area_m2": "inf"}, "floor_area_m2"),
        ({"use": "0701", "floor_area_m2": True}, "floor_area_m2"),
        ({"use": "0701", "buffer_m": 1e9}, "buffer_m"),
        ({"use": "0701", "height_m": [3]}, "height_m"),
        ({"use": "0701", "name": "x" * 201}, "name"),
        ({"use": "0701", "name": "a\0b"}, "name"),
    ],
)
def test_numbers_and_codes_are_checked(values: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        project_of(values, json.dumps(GEOJSON))
    assert refused.value.field == field
    assert refused.value.mend


@pytest.mark.skipif(not REAL.exists(), reason="no real land cover: shared/data/real is absent")
def test_a_real_file_of_parcels_is_too_large_for_one_project_or_read_whole() -> None:
    shape, crs = read_geometry(REAL.read_bytes())
    assert crs == "EPSG:32633"
    assert shape.geom_type in ("Polygon", "MultiPolygon")
    _, _, wkb, (areas,) = pyogrio.raw.read(REAL, columns=["AREA"])
    assert len(wkb) == 88
    assert shapely.area(shapely.from_wkb(wkb)).sum() == pytest.approx(areas.sum(), rel=1e-3)
