"""Models come out as they went in."""

import json

import pytest
from city_models import meaning


@pytest.mark.parametrize("name", ["delft", "rotterdam_subset", "multi_lod"])
def test_real_models(city, real, name):
    path = real(f"cityjson/{name}.json")
    given = json.loads(path.read_bytes())
    crs = {} if name == "delft" else {"crs": "EPSG:7415"}
    report = city.take(path, **crs)
    assert report.rejects == 0
    assert report.rows == len(given["CityObjects"])
    found = city.model()
    assert meaning(found) == meaning(given)
    assert found["transform"] == given["transform"]
    if name == "delft":
        assert found["metadata"] == given["metadata"]
        assert found["extensions"] == given["extensions"]
    again = city.take(found, "again")
    assert again.rejects == 0
    assert meaning(city.model("again")) == meaning(given)
    lines = city.features()
    seq = city.take(city.file(lines, "m.city.jsonl"), "sequence")
    assert seq.rows == report.rows
    assert meaning(city.model("sequence")) == meaning(given)
