"""City models over the standards: through the gate, and whole only to those who may."""

import json
import sys
from pathlib import Path

import pytest
from town import put_on_show, term

from quanyu import app as composition
from quanyu.catalogue import Access
from quanyu.spacetime import IngestOptions, ingest

sys.path.insert(0, str(Path(__file__).parents[1] / "spacetime_cityobjects"))

from city_models import building, cube, model

ITEMS = "/ogc/features/collections/{}/items"


@pytest.fixture(scope="module")
def models(town):
    """Two models, an open one and a restricted one, which hides the solids from the consumer."""
    vertices, shell = cube()
    further = [[x + 12_000, y, z] for x, y, z in vertices]
    beyond = [[[i + 8 for i in ring] for ring in face] for face in shell]
    part = building(beyond, parents=["h"]) | {"type": "BuildingPart"}
    objects = {"h": building(shell, children=["p"], attributes={"name": "一号"}), "p": part}
    path = town.folder / "model.city.json"
    path.write_text(json.dumps(model(objects, vertices + further)))
    control = town.control()
    store = composition.open_store(town.settings, control)
    for slug, access in (("model", Access.OPEN), ("guarded-model", Access.RESTRICTED)):
        version = ingest(store, path, slug, IngestOptions()).version
        with control.begin() as session:
            put_on_show(session, version, access, town.callers["provider"])
        store.view(slug).prepare()
    store.close()
    control.close()
    town.agree("guarded-model", "consumer", term("quanyu:columns", "isNoneOf", ["lod_geometry"]))
    return town


def test_downloads(models, anybody):
    whole, lines = "application/city+json", "application/city+json-seq"
    for ending, kind in (("city.json", whole), ("cityjson", whole), ("city.jsonl", lines)):
        answer = anybody.get(f"/data/model.{ending}")
        assert answer.status_code == 200
        assert answer.headers["content-type"].split(";")[0] == kind
        name = "model.v1.city.jsonl" if ending.endswith("l") else "model.v1.city.json"
        assert f'filename="{name}"' in answer.headers["content-disposition"]
    found = anybody.get("/data/model.city.json").json()
    assert found["CityObjects"]["h"]["children"] == ["p"]
    assert found["CityObjects"]["h"]["geometry"][0]["lod"] == "2"
    lines = anybody.get("/data/model.city.jsonl").text.splitlines()
    assert [json.loads(line)["type"] for line in lines] == ["CityJSON", "CityJSONFeature"]


def test_items_as_city_models(models, anybody):
    answer = anybody.get(ITEMS.format("model"), params={"f": "cityjson", "limit": 1})
    assert answer.status_code == 200
    assert set(answer.json()["CityObjects"]) == {"h", "p"}
    chosen = anybody.get(
        ITEMS.format("model"), params={"f": "cityjsonseq", "filter": "type = 'BuildingPart'"}
    )
    assert json.loads(chosen.text.splitlines()[1])["id"] == "h"
    other = anybody.get(
        ITEMS.format("model"),
        params={"f": "cityjson", "crs": "http://www.opengis.net/def/crs/EPSG/0/3857"},
    )
    assert other.status_code == 400
    whole = anybody.get(ITEMS.format("model")).json()
    assert "lod_geometry" not in json.dumps(whole)


def test_an_object_shows_its_family(models, anybody):
    one = anybody.get(ITEMS.format("model") + "/h").json()
    assert one["properties"]["type"] == "Building"
    assert one["properties"]["lods"] == "2"
    assert [link["title"] for link in one["links"] if link["rel"] == "item"] == ["p"]
    child = anybody.get(ITEMS.format("model") + "/p").json()
    up = next(link for link in child["links"] if link["rel"] == "up")
    assert up["href"].endswith("/items/h")
    page = anybody.get(ITEMS.format("model") + "/h", params={"f": "html"})
    assert "/ogc/features/collections/model/items/p?f=html" in page.text
    schema = anybody.get("/ogc/features/collections/model/schema").json()
    assert "lod_geometry" not in schema["properties"]


def test_who_may_not_see_solids_gets_blocks(models, consumer, provider):
    full = provider.get("/data/guarded-model.city.json").json()
    assert full["CityObjects"]["h"]["geometry"][0]["lod"] == "2"
    found = consumer.get("/data/guarded-model.city.json", params={"purpose": "research"})
    assert found.status_code == 200
    geometries = [thing["geometry"][0] for thing in found.json()["CityObjects"].values()]
    assert {one["lod"] for one in geometries} == {"1"}
    assert found.headers["quanyu-use"]


def test_strangers_are_refused(models, anybody, stranger):
    for client in (anybody, stranger):
        for url in ("/data/guarded-model.city.json", "/data/guarded-model.city.jsonl",
                    "/data/guarded-model.cityjson"):  # fmt: skip
            assert client.get(url).status_code in {401, 403, 404}
        answer = client.get(ITEMS.format("guarded-model"), params={"f": "cityjson"})
        assert answer.status_code in {401, 403, 404}


def test_plain_features_as_blocks(models, anybody):
    found = anybody.get("/data/trees.city.json")
    assert found.status_code == 200
    assert {thing["type"] for thing in found.json()["CityObjects"].values()} == {
        "GenericCityObject"
    }
