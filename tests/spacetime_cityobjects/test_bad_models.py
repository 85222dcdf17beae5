"""Bad input: each fault told with the object it is in, the rest stored, nothing half-written."""

import json

import pytest
from city_models import building, cube, meaning, model

from quanyu.kernel import Invalid, Unavailable


def test_faults_of_objects_are_told_and_the_rest_kept(city):
    vertices, shell = cube()
    inside_out = [[ring[::-1] for ring in face] for face in shell]
    one_turned = [shell[0], *[[ring[::-1] for ring in face] for face in shell[1:2]], *shell[2:]]
    fin = [*shell, [[0, 1, 6]], [[1, 0, 6]]]
    surface = {"type": "MultiSurface", "lod": "1", "boundaries": [[[0, 1]]]}
    strange = {"type": "Sphere", "lod": "1", "boundaries": []}
    meant = {
        "type": "MultiSurface",
        "lod": "1",
        "boundaries": [[[0, 1, 2]]],
        "semantics": {"surfaces": [], "values": [3]},
    }
    worn = building(shell)
    worn["geometry"][0]["material"] = {"t": {"value": 4}}
    placed = {"type": "GeometryInstance", "template": 1, "boundaries": [0],
              "transformationMatrix": [0] * 16}  # fmt: skip
    given = {
        "good": building(shell),
        "inside out": building(inside_out),
        "turned": building(one_turned),
        "fin": building(fin),
        "open": building(shell[:-1]),
        "short ring": {"type": "Building", "geometry": [surface]},
        "strange": {"type": "Building", "geometry": [strange]},
        "meaning": {"type": "Building", "geometry": [meant]},
        "material": worn,
        "template": {"type": "Building", "geometry": [placed]},
        "vertex": building([[[[0, 1, 99]]]][0]),
        "negative": building([[[0, 1, -2]]]),
        "text": building([[["a", "b", "c"]]]),
        "flat": {"type": "Building", "geometry": [{"type": "Solid", "boundaries": [1, 2]}]},
        "no type": {"geometry": []},
        "parents": {"type": "BuildingPart", "parents": "good"},
        "ring a": {"type": "BuildingPart", "parents": ["ring b"]},
        "ring b": {"type": "BuildingPart", "parents": ["ring a"]},
        "orphan": {"type": "BuildingPart", "parents": ["nobody"]},
    }
    report = city.take(model(given, vertices))
    reasons = {
        reject["reason"].split("“")[1].split("”")[0]: reject["reason"]
        for reject in city.told(report.rejects_file)
    }
    kept = {"good", "open", "orphan"}
    assert set(city.rows()) == kept
    assert set(reasons) == set(given) - kept
    assert report.rejects == len(given) - len(kept)
    for key, words in {
        "inside out": "turned inwards",
        "turned": "opposite senses",
        "fin": "two-manifold",
        "short ring": "fewer than three",
        "vertex": "vertex that is not there",
        "template": "template is not there",
        "ring a": "round in a ring",
    }.items():
        assert words in reasons[key], key
    (finding,) = city.told(report.findings_file)
    assert "“open”, LoD 2: a shell is not closed" in finding["reason"]
    assert report.findings == 1
    # A reference to nobody is dropped, and a part of nothing is a building.
    found = city.model()["CityObjects"]["orphan"]
    assert found == {"type": "Building"}
    raw = [json.loads(r["raw"]) for r in city.told(report.rejects_file) if "fin" in r["reason"]]
    assert json.loads(raw[0]["object"])["geometry"][0]["type"] == "Solid"


def test_a_shell_that_cuts_itself(city):
    vertices, shell = cube()
    # The roof pushed through the floor: closed, two-manifold, and wrong.
    pushed = [*vertices[:4], *vertices[4:6], [5_000, 5_000, -4_000], vertices[7]]
    report_of = model({"a": building(shell), "b": building(shell)}, vertices)
    report_of["CityObjects"]["b"]["geometry"][0]["boundaries"] = [
        [[[i + 8 for i in ring] for ring in face] for face in shell]
    ]
    report_of["vertices"] = vertices + pushed
    report = city.take(report_of)
    assert report.rejects == 1
    reason = city.told(report.rejects_file)[0]["reason"]
    assert "“b”" in reason
    assert "cut" in reason


def test_ids_that_come_again(city):
    vertices, shell = cube()
    head = model({}, [])
    line = {
        "type": "CityJSONFeature",
        "id": "a",
        "CityObjects": {"a": building(shell)},
        "vertices": vertices,
    }
    report = city.take(city.file([head, line, line], "a.city.jsonl"))
    assert (report.rows, report.rejects) == (1, 1)
    assert "“a” came before" in city.told(report.rejects_file)[0]["reason"]


@pytest.mark.parametrize("change", [
    {"version": "3.0"},
    {"CityObjects": []},
    {"CityObjects": {}},
    {"metadata": {"referenceSystem": "https://www.opengis.net/def/crs/EPSG/0/999999"}},
    {"metadata": {}},
    {"transform": {"scale": [1, 1], "translate": [0, 0, 0]}},
    {"transform": "none"},
    {"vertices": 7},
    {"geometry-templates": {"templates": [{}], "vertices-templates": [["a"]]}},
])  # fmt: skip
def test_models_that_cannot_be_read(city, change):
    vertices, shell = cube()
    given = model({"a": building(shell)}, vertices) | change
    with pytest.raises(Invalid):
        city.take(given)
    assert city.store.datasets() == []


def test_a_cut_file_is_refused_whole(city):
    vertices, shell = cube()
    text = json.dumps(model({"a": building(shell)}, vertices))
    with pytest.raises(Invalid, match="cut off"):
        city.take(city.file(text[:-30]))


def test_version_1_with_plain_coordinates(city):
    vertices, shell = cube()
    given = model(
        {"a": building(shell)},
        [[x / 1000 + 85000, y / 1000 + 446000, z / 1000] for x, y, z in vertices],
    )
    given["version"] = "1.0"
    del given["transform"]
    given["CityObjects"]["a"]["geometry"][0]["lod"] = 2.2
    assert city.take(given).rejects == 0
    found = meaning(city.model())["a"]["geometry"][0]
    assert found["lod"] == "2.2"
    assert (85010.0, 446010.0, 9.0) in found["boundaries"][0][1][0]


def test_what_the_model_says_of_itself_has_to_be_there(city):
    vertices, shell = cube()
    city.take(model({"a": building(shell)}, vertices))
    for file in (city.folder / "tables" / "city" / "_city").iterdir():
        file.unlink()
    with pytest.raises(Unavailable):
        city.model()
    assert city.rows()
