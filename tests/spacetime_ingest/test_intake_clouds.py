"""Point clouds: a point a row, with what the file says of each."""

import laspy
import numpy as np
import pyproj
import pytest
import shapely

from quanyu.kernel import Invalid, NotFound
from quanyu.spacetime import FieldType, GeometryType
from quanyu.spacetime.versions import version


def cloud(path, count=500, crs="EPSG:28992", version="1.4", form=7):
    """A cloud of a square kilometre, written as the ending of ``path`` says."""
    header = laspy.LasHeader(point_format=form, version=version)
    header.scales, header.offsets = [0.001] * 3, [85_000, 446_000, 0]
    if crs:
        header.add_crs(pyproj.CRS.from_user_input(crs))
    header.add_extra_dim(laspy.ExtraBytesParams("above", np.float32))
    made = laspy.LasData(header)
    lot = np.random.default_rng(1)
    made.x, made.y = (start + lot.random(count) * 1000 for start in (85_000, 446_000))
    made.z = lot.random(count) * 30
    made.classification = lot.integers(1, 7, count)
    made.intensity = lot.integers(0, 65_535, count)
    made.red = made.green = made.blue = lot.integers(0, 65_535, count)
    made.gps_time = np.arange(count) * 0.5
    made.return_number = made.number_of_returns = np.ones(count, int)
    made.above = np.arange(count, dtype=np.float32)
    made.write(path)
    return made


@pytest.mark.parametrize("ending", ["las", "laz"])
def test_points_with_all_that_is_said_of_them(here, tmp_path, ending):
    made = cloud(tmp_path / f"c.{ending}")
    report = here.take(tmp_path / f"c.{ending}")
    made_of = report.version
    assert (report.rows, report.rejects) == (500, 0)
    assert (made_of.geometry, made_of.has_z) == (GeometryType.POINT, True)
    kinds = {f.name: f.type for f in made_of.fields}
    assert kinds["classification"] is FieldType.INTEGER
    assert kinds["gps_time"] is FieldType.NUMBER
    assert {"intensity", "return_number", "number_of_returns", "red", "above"} <= set(kinds)
    table = here.table(report).sort_by("gps_time")
    for name in ("classification", "intensity", "red", "above"):
        assert np.array_equal(table[name].to_numpy(), np.asarray(made[name]))
    xyz = shapely.get_coordinates(shapely.from_wkb(table["geometry"].to_numpy()), include_z=True)
    assert np.allclose(xyz[:, 2], made.z)
    assert np.allclose(table["zmin"].to_numpy(), made.z)
    to_degrees = pyproj.Transformer.from_crs("EPSG:28992", "OGC:CRS84", always_xy=True)
    assert np.allclose(xyz[:, :2], np.column_stack(to_degrees.transform(made.x, made.y)))


def test_a_system_that_the_file_does_not_name(here, tmp_path):
    path = tmp_path / "bare.las"
    cloud(path, crs=None, version="1.2", form=3)
    with pytest.raises(Invalid) as refused:
        here.take(path)
    assert refused.value.field == "crs"
    assert here.take(path, crs="EPSG:28992").rows == 500


def test_compound_systems(here, tmp_path):
    cloud(tmp_path / "nap.laz", crs="EPSG:7415")
    report = here.take(tmp_path / "nap.laz")
    west, south, east, north = report.version.bbox
    assert 4.3 < west < east < 4.4
    assert 51.9 < south < north < 52.1


@pytest.mark.parametrize("ending", ["las", "laz"])
def test_a_file_that_is_cut(here, tmp_path, ending):
    whole, short = tmp_path / f"whole.{ending}", tmp_path / f"short.{ending}"
    cloud(whole, count=3000)
    short.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(Invalid) as refused:
        here.take(short, "short")
    assert refused.value.field == "source"
    with pytest.raises(NotFound), here.control.read() as session:
        version(session, "short")


def test_no_points_and_no_cloud(here, tmp_path):
    cloud(tmp_path / "none.las", count=0)
    with pytest.raises(Invalid, match="no points"):
        here.take(tmp_path / "none.las")
    (tmp_path / "sham.las").write_bytes(b"LASF" + b"\0" * 400)
    with pytest.raises(Invalid) as refused:
        here.take(tmp_path / "sham.las")
    assert refused.value.field == "source"
