"""Scenes in: as cloud-optimised GeoTIFFs, a version each, whole or not at all."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.transform import from_origin

from migrated import new_control
from quanyu.kernel import Conflict, Invalid, NotFound, load_settings
from quanyu.spacetime import (
    EVERY,
    Column,
    IngestOptions,
    Query,
    Restriction,
    Store,
    Style,
    ingest,
    inspect,
)

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


@pytest.fixture
def place(tmp_path: Path) -> Any:
    control = new_control(load_settings(dir=tmp_path / "node"))
    store = Store(control, str(tmp_path / "tables"), tmp_path / "cache")
    yield store
    store.close()
    control.close()


def write(path: Path, **more: Any) -> Path:
    """A raster of two bands, 40 by 30 pixels of 10 m in CGCS2000 / 3-degree GK 114°E."""
    values = np.arange(1, 2 * 30 * 40 + 1, dtype=np.int16).reshape(2, 30, 40)
    profile = {
        "driver": "GTiff", "width": 40, "height": 30, "count": 2, "dtype": "int16",
        "crs": "EPSG:4547", "transform": from_origin(500_000, 3_400_000, 10, 10), **more,
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as out:
        out.write(values)
        out.descriptions = ("Red", "NIR")
        out.set_band_unit(1, "1")
        out.scales = (0.5, 1.0)
    return path


def test_a_scene_becomes_a_row_and_a_cog(place: Store, tmp_path: Path) -> None:
    source = write(tmp_path / "wuhan_20240601T021530.tif", nodata=-1)
    report = ingest(place, source, "wuhan")
    assert report.version.imagery
    assert report.version.interval[0] == datetime(2024, 6, 1, 2, 15, 30, tzinfo=UTC)
    assert any("name" in note for note in report.notes)
    imagery = place.view("wuhan").imagery()
    assert imagery.bands == ("red", "nir")
    red, nir = imagery.wanted(imagery.bands)
    assert (red.scale, red.unit, red.nodata, nir.scale) == (0.5, "1", -1, 1.0)
    with rasterio.open(imagery.native(imagery.scenes[0])) as made:
        assert made.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert made.read(2)[0, 0] == 1201
    west, south, east, north = report.version.bbox or (0, 0, 0, 0)
    assert 113.99 < west < east < 114.02
    assert 30.6 < south < north < 30.8


def test_a_dataset_grows_scene_by_scene_and_old_versions_stay(place: Store, tmp_path: Path) -> None:
    first = write(tmp_path / "a_20240601.tif")
    ingest(place, first, "wuhan")
    ingest(place, write(tmp_path / "b_20250601.tif"), "wuhan")
    again = ingest(place, write(tmp_path / "b_20250601.tif"), "wuhan")
    assert again.version.number == 3
    assert [one.id for one in place.view("wuhan").imagery().scenes] == ["b_20250601", "a_20240601"]
    assert [one.id for one in place.view("wuhan", number=1).imagery().scenes] == ["a_20240601"]
    only = ingest(
        place, first, "wuhan", IngestOptions(replace=True, datetime="2023-01-01T08:00+08")
    )
    assert only.rows == 1
    assert only.version.interval[0] == datetime(2023, 1, 1, tzinfo=UTC)
    # The same pixels are kept once.
    assert len(list((tmp_path / "tables" / "wuhan" / "_scenes").iterdir())) == 1


def test_options_go_before_what_the_file_says(place: Store, tmp_path: Path) -> None:
    source = write(tmp_path / "x_20240601.tif", crs=None)
    with pytest.raises(Invalid) as refused:
        inspect(source, IngestOptions(), tmp_path)
    assert refused.value.field == "crs"
    said = IngestOptions(crs="EPSG:4547", bands=("swir16", "nir"), nodata=7)
    plan = inspect(source, said, tmp_path)
    assert {"swir16", "nir"} <= {field.name for field in plan.fields}
    ingest(place, source, "named", said)
    imagery = place.view("named").imagery()
    with rasterio.open(imagery.native(imagery.scenes[0])) as made:
        assert made.crs.to_epsg() == 4547
        assert made.nodata == 7
        assert made.descriptions == ("swir16", "nir")


@pytest.mark.parametrize(
    ("name", "more", "options", "field"),
    [
        ("a_20240601.tif", {"crs": None}, {}, "crs"),
        ("a_20240601.tif", {}, {"crs": "GCJ-02"}, "crs"),
        ("a_20240601.tif", {}, {"crs": "EPSG:1"}, "crs"),
        ("a_20240601.tif", {"crs": "EPSG:4326"}, {}, "crs"),
        ("undated.tif", {}, {}, "datetime"),
        ("undated.tif", {}, {"datetime": "yesterday"}, "datetime"),
        ("a_20240601.tif", {}, {"bands": ("red",)}, "bands"),
        ("a_20240601.tif", {}, {"bands": ("red", "red")}, "bands"),
        ("a_20240601.tif", {}, {"bands": ("red", "Geometry")}, "bands"),
        ("a_20240601.tif", {}, {"max_bytes": 1_000}, "source"),
        (
            "a_20240601.tif",
            {"width": 1 << 20, "height": 1 << 20, "SPARSE_OK": "TRUE"},
            {},
            "source",
        ),
        ("a_20240601.tif", {"dtype": "complex64"}, {}, "source"),
    ],
)
def test_what_is_no_scene_is_refused_by_name(  # noqa: PLR0917
    place: Store, tmp_path: Path, name: str, more: dict[str, Any], options: Any, field: str
) -> None:
    path = tmp_path / name
    if "SPARSE_OK" in more or "dtype" in more:
        profile = {"driver": "GTiff", "width": 40, "height": 30, "count": 1, "dtype": "int16",
                   "crs": "EPSG:4547", "tiled": True, "BIGTIFF": "YES",
                   "transform": from_origin(500_000, 3_400_000, 0.1, 0.1), **more}  # fmt: skip
        rasterio.open(path, "w", **profile).close()
    else:
        write(path, **more)
    with pytest.raises(Invalid) as refused:
        ingest(place, path, "refused", IngestOptions(**options))
    assert refused.value.field == field
    assert place.datasets() == []


def heights(path: Path, dtype: str = "float32", unit: str = "", **more: Any) -> Path:
    """A raster of one band that rises northwards."""
    values = np.repeat(np.arange(30, dtype=dtype)[::-1, None], 40, axis=1)
    profile = {
        "driver": "GTiff", "width": 40, "height": 30, "count": 1, "dtype": dtype,
        "crs": "EPSG:4547", "transform": from_origin(500_000, 3_400_000, 10, 10), **more,
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as out:
        out.write(values, 1)
        if unit:
            out.set_band_unit(1, unit)
    return path


@pytest.mark.parametrize(
    ("name", "raster", "options", "meant"),
    [
        ("dem_20240601.tif", {}, {}, "surface_altitude"),
        ("高程_20240601.tif", {"dtype": "int16"}, {}, "surface_altitude"),
        ("a_20240601.tif", {"unit": "m"}, {}, "surface_altitude"),
        ("a_20240601.tif", {"crs": "EPSG:4547+5737"}, {}, "surface_altitude"),
        ("a_20240601.tif", {}, {}, None),
        ("modem_20240601.tif", {}, {}, None),
        ("dem_20240601.tif", {"dtype": "uint8"}, {}, None),
        ("dem_20240601.tif", {"unit": "K"}, {}, None),
        ("dem_20240601.tif", {}, {"heights": "none"}, None),
        ("a_20240601.tif", {}, {"bands": ("elevation",)}, "surface_altitude"),
        ("a_20240601.tif", {}, {"heights": "ellipsoid"}, "height_above_reference_ellipsoid"),
        ("dem_20240601.tif", {}, {"heights": "ellipsoid"}, "height_above_reference_ellipsoid"),
    ],
)
def test_what_is_taken_for_heights(
    tmp_path: Path, name: str, raster: dict[str, Any], options: Any, meant: str | None
) -> None:
    path = heights(tmp_path / name, **raster)
    plan = inspect(path, IngestOptions(**options), tmp_path)
    assert any(field.name == "elevation" for field in plan.fields) == (meant is not None)
    asked = bool(options) or meant is None
    assert any("height of the ground" in said for said in plan.warnings) != asked
    elevation = [field for field in plan.fields if field.name == "elevation"]
    assert all(meant in str(field.samples) for field in elevation if meant)


@pytest.mark.parametrize(
    ("raster", "options"),
    [
        ({}, {"heights": "sea"}),
        ({"unit": "K"}, {"heights": "geoid"}),
        ({"dtype": "uint8"}, {"heights": "geoid"}),
    ],
)
def test_what_cannot_be_heights_is_refused(
    tmp_path: Path, raster: dict[str, Any], options: Any
) -> None:
    path = heights(tmp_path / "a_20240601.tif", **raster)
    with pytest.raises(Invalid) as refused:
        inspect(path, IngestOptions(**options), tmp_path)
    assert refused.value.field == "heights"


def test_two_bands_are_no_heights(tmp_path: Path) -> None:
    with pytest.raises(Invalid) as refused:
        inspect(write(tmp_path / "a_20240601.tif"), IngestOptions(heights="geoid"), tmp_path)
    assert refused.value.field == "heights"


def test_heights_are_given_in_metres(place: Store, tmp_path: Path) -> None:
    ingest(place, heights(tmp_path / "dem_20240601.tif", unit="ft"), "ground")
    ingest(place, heights(tmp_path / "plain_20240601.tif"), "plain")
    view = place.view("ground")
    assert view.elevation
    assert view.terrain().standard_names() == ["surface_altitude"]
    imagery = view.imagery()
    area = imagery.coverage_area(EVERY, None, None, (None, None), 1.0, 1)
    found = imagery.elevation(area)[:, 0]
    assert found.tolist() == pytest.approx([0.3048 * at for at in range(29, -1, -1)])
    with rasterio.open(imagery.native(imagery.scenes[0])) as kept:
        assert (kept.descriptions, kept.units) == (("elevation",), ("ft",))
    assert not place.view("plain").elevation
    with pytest.raises(NotFound):
        place.view("plain").terrain()


def test_a_file_that_is_cut_off_leaves_nothing(place: Store, tmp_path: Path) -> None:
    whole = write(tmp_path / "a_20240601.tif", compress="DEFLATE").read_bytes()
    for share in (0.02, 0.3, 0.6, 0.9):
        cut = tmp_path / "cut_20240601.tif"
        cut.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(Invalid) as refused:
            ingest(place, cut, "cut")
        assert refused.value.field in {"source", "crs"}
        assert str(tmp_path) not in str(refused.value)
    assert place.datasets() == []
    assert not list((tmp_path / "tables").glob("cut/_scenes/*.tif"))


def test_only_scenes_that_touch_are_opened_and_publishing_prepares_them(
    place: Store, tmp_path: Path
) -> None:
    for number in range(3):
        left = 500_000 + number * 40_000
        source = write(tmp_path / f"s{number}_20240601.tif",
                       transform=from_origin(left, 3_400_000, 10, 10))  # fmt: skip
        ingest(place, source, "many")
    copies = tmp_path / "cache" / "imagery" / "many"
    view = place.view("many")
    middle = view.imagery().scenes[1].bbox
    z = 12
    x = int((middle[0] + middle[2] + 360) / 720 * 2**z)
    y = int((1 - np.arcsinh(np.tan(np.radians(middle[1]))) / np.pi) / 2 * 2**z)
    _, count = view.imagery().tile((z, x, y), Style(bands=("red",), ranges=((0, 2500),)), EVERY)
    assert count == 1
    assert len(list(copies.rglob("*.web.tif"))) == 1
    assert view.page(Query()).returned == 3
    assert len(list(copies.rglob("*.web.tif"))) == 1
    view.prepare()
    assert len(list(copies.rglob("*.web.tif"))) == 3


@pytest.mark.parametrize("head", [b"CDF\x01", b"\x89HDF\r\n\x1a\n", b"GRIB\0\0\0\2"])
def test_other_rasters_are_refused_with_what_to_do(tmp_path: Path, head: bytes) -> None:
    source = tmp_path / "weather.nc"
    source.write_bytes(head + b"\0" * 100)
    with pytest.raises(Invalid) as refused:
        inspect(source, IngestOptions(), tmp_path)
    assert refused.value.field == "source"
    assert "gdal_translate" in str(refused.value.mend)


def test_a_turned_raster_is_straightened(place: Store, tmp_path: Path) -> None:
    points = [
        GroundControlPoint(row, column, 500_000 + 10 * row, 3_400_000 + 10 * column)
        for row, column in ((0, 0), (0, 40), (30, 40), (30, 0))
    ]
    path = tmp_path / "turned_20240601.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=40, height=30, count=1, dtype="uint8", nodata=0
    ) as out:
        out.write(np.full((1, 30, 40), 9, dtype=np.uint8))
        out.gcps = (points, rasterio.crs.CRS.from_epsg(4547))
    ingest(place, path, "turned")
    imagery = place.view("turned").imagery()
    with rasterio.open(imagery.native(imagery.scenes[0])) as made:
        assert made.transform.b == made.transform.d == 0
        assert (made.bounds.right - made.bounds.left) == pytest.approx(300, abs=15)
        assert (made.bounds.top - made.bounds.bottom) == pytest.approx(400, abs=15)
        assert (made.read(1) == 9).mean() > 0.9


def test_a_table_and_a_scene_do_not_share_a_dataset(place: Store, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("lon,lat,name\n114.0,30.5,a\n")
    ingest(place, table, "mixed")
    with pytest.raises(Conflict):
        ingest(place, write(tmp_path / "a_20240601.tif"), "mixed")
    assert not place.view("mixed").version.imagery


def test_a_masked_band_is_not_given(place: Store, tmp_path: Path) -> None:
    ingest(place, write(tmp_path / "a_20240601.tif", nodata=-1), "wuhan")
    from quanyu.spacetime import Mask

    hashed = Restriction(columns=(Column("red", Mask.HASH), Column("nir")), salt="00ff")
    assert place.view("wuhan", hashed).imagery().bands == ("nir",)
    with pytest.raises(Invalid):
        place.view("wuhan", Restriction(columns=(Column("red", Mask.ROUND, 10.0),)))
