"""Footprints as blocks, made-up models there and back, and what cjio says of what is written."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import shapely
from city_models import CityStore, building, cube, meaning, model
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quanyu.kernel import ControlStore
from quanyu.spacetime import ALL, Format, Query
from quanyu.spacetime.cityobjects.lod1 import block
from quanyu.spacetime.cityobjects.pieces import Numbering, cut_out
from quanyu.spacetime.cityobjects.soundness import faults
from quanyu.spacetime.cityobjects.surfaces import collect


def houses(*features):
    listed = [
        {"type": "Feature", "id": str(n), "properties": p, "geometry": g}
        for n, (g, p) in enumerate(features)
    ]
    return json.dumps({"type": "FeatureCollection", "features": listed})


def square(x, y, size=1e-4, hole=None):
    ring = [[x, y], [x + size, y], [x + size, y + size], [x, y + size], [x, y]]
    rings = [ring]
    if hole:
        a, b = x + size * 0.25, x + size * 0.75
        c, d = y + size * 0.25, y + size * 0.75
        rings.append([[a, c], [a, d], [b, d], [b, c], [a, c]])
    return {"type": "Polygon", "coordinates": rings}


def test_footprints_become_buildings(city):
    text = houses(
        (square(114.0, 22.5), {"height": 30.0, "name": "塔"}),
        (square(114.001, 22.5, hole=True), {"height": 9.0}),
        (square(114.002, 22.5), {"height": None}),
    )
    city.take(city.file(text, "b.geojson"))
    found = city.model()
    assert found["metadata"]["referenceSystem"].endswith("/4547")
    tower, court, flat = (found["CityObjects"][key] for key in sorted(found["CityObjects"]))
    assert tower["type"] == "Building"
    assert tower["attributes"]["name"] == "塔"
    (solid,) = tower["geometry"]
    assert (solid["type"], solid["lod"], len(solid["boundaries"][0])) == ("Solid", "1", 6)
    assert len(court["geometry"][0]["boundaries"][0]) == 10
    assert (flat["geometry"][0]["type"], flat["geometry"][0]["lod"]) == ("MultiSurface", "0")
    # As a city model again: sound solids, and the same heights.
    report = city.take(found, "again")
    assert (report.rejects, report.findings) == (0, 0)
    assert city.rows("again")[min(found["CityObjects"])]["properties"]["height"] == 30.0
    box = city.model(bbox=(113.9995, 22.4, 114.0005, 22.6))
    assert len(box["CityObjects"]) == 1


def test_storeys_do_for_a_height(city):
    city.take(city.file(houses((square(114.0, 22.5), {"levels": 4})), "b.geojson"))
    found = city.model()
    assert max(v[2] for v in found["vertices"]) == 12_000


@given(
    st.lists(st.tuples(st.integers(-500, 500), st.integers(-500, 500)), min_size=3, max_size=12),
    st.integers(1, 300),
)
@settings(max_examples=60)
def test_blocks_are_sound(points, height):
    shape = shapely.convex_hull(shapely.multipoints(points))
    if shape.geom_type != "Polygon":
        return
    corners = Numbering()
    made = block(shape, 0, height, corners.__getitem__)
    assert made is not None
    vertices = np.array(list(corners))
    wrong = faults(collect([made], [0]), vertices, vertices.astype(float))
    assert (wrong.grave, wrong.slight) == ({}, {})


values = st.one_of(
    st.booleans(),
    st.integers(-(2**40), 2**40),
    st.floats(-1e6, 1e6),
    st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8),
    st.lists(st.integers(0, 9), max_size=3),
    st.dictionaries(st.sampled_from("ab"), st.integers(0, 9), max_size=2),
)
names = st.sampled_from(
    ["type", "height", "fid", "parents", "名称", "a b", "A B", "x", "lod_geometry"]
)


@given(st.lists(st.dictionaries(names, values, max_size=4), min_size=1, max_size=6))
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_attributes_of_any_kind_come_back(tmp_path_factory, sqlite_template, attributes):
    folder = tmp_path_factory.mktemp("made")
    shutil.copy(sqlite_template, folder / "c.db")
    control = ControlStore(f"sqlite:///{folder}/c.db")
    here = CityStore(control, folder)
    vertices, shell = cube()
    given_model = model(
        {f"o{n}": building(shell, attributes=said) for n, said in enumerate(attributes)}, vertices
    )
    try:
        assert here.take(given_model).rejects == 0
        assert meaning(here.model()) == meaning(given_model)
    finally:
        here.close()
        control.close()


def test_a_piece_holds_only_what_it_uses():
    vertices, shell = cube()
    thing = building(shell)
    thing["geometry"][0]["material"] = {"t": {"value": 1}}
    looks = {"materials": [{"name": "a"}, {"name": "b"}]}
    piece = cut_out(thing, [*vertices, [7, 7, 7]], looks)
    assert len(piece.vertices) == 8
    assert piece.document["appearance"] == {"materials": [{"name": "b"}]}


@pytest.mark.parametrize("name", ["delft", "rotterdam_subset", "multi_lod"])
def test_cjio_agrees(city, real, name):
    city.take(real(f"cityjson/{name}.json"), **({} if name == "delft" else {"crs": "EPSG:7415"}))
    path = city.folder / "out.city.json"
    path.write_bytes(city.give("cityjson"))
    pytest.importorskip("cjio", reason="cjio judges what is written")
    code = (
        "import sys, warnings; warnings.simplefilter('ignore')\n"
        "from cjio import cityjson\n"
        "for path in sys.argv[1:]:\n"
        "    found = cityjson.reader(open(path), ignore_duplicate_keys=False)\n"
        "    assert found.get_info(long=True)\n"
        "    print(found.number_city_objects_level1(), len(found.j['CityObjects']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path), str(real(f"cityjson/{name}.json"))],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    ours, theirs = done.stdout.splitlines()
    assert ours == theirs


def test_a_view_counts_what_it_writes(city):
    vertices, shell = cube()
    city.take(model({"a": building(shell), "b": building(shell)}, vertices))
    went = []
    view = city.store.view("city")
    b"".join(view.write(Query(limit=ALL), Format.CITYJSON, went.append))
    assert sum(went) == 2
