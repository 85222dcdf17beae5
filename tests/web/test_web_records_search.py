"""OGC API - Records: CQL2 in both languages, and OWSLib as a client."""

import httpx
import pytest
from owslib.ogcapi.records import Records
from town import Town

ITEMS = "/ogc/records/collections/catalogue/items"


def ids(town: Town, **asked: str) -> list[str]:
    with town.client() as client:
        answer = client.get(ITEMS, params=asked)
        assert answer.status_code == 200, answer.text
        return sorted(one["properties"]["slug"] for one in answer.json()["features"])


def test_filters_in_both_languages_of_cql2(town: Town) -> None:
    text = "type = 'dataset' AND title LIKE 'Tree%'"
    json = (
        '{"op":"and","args":[{"op":"=","args":[{"property":"type"},"dataset"]},'
        '{"op":"like","args":[{"property":"title"},"Tree%"]}]}'
    )
    found = ids(town, filter=text)
    assert found == ids(town, filter=json, **{"filter-lang": "cql2-json"})
    assert found == ["trees"]


@pytest.mark.parametrize("wrong", ["owner = 'me'", "title = ", "S_WITHIN(geometry, BBOX(0,0,1,1))"])
def test_wrong_filters_name_themselves(town: Town, wrong: str) -> None:
    with town.client() as client:
        answer = client.get(ITEMS, params={"filter": wrong})
    assert answer.status_code == 400
    assert answer.json()["field"] == "filter"


def test_every_queryable_can_be_filtered_by(town: Town) -> None:
    with town.client() as client:
        names = client.get(ITEMS.replace("items", "queryables")).json()["properties"]
        for name in names:
            said = {
                "geometry": "S_INTERSECTS(geometry, BBOX(0,0,90,90))",
                "time": "T_AFTER(time, DATE('2020-01-01'))",
                "created": "created > DATE('2020-01-01')",
                "updated": "updated > DATE('2020-01-01')",
            }.get(name, f"{name} = 'x'")
            answer = client.get(ITEMS, params={"filter": said})
            assert answer.status_code == 200, answer.text


def test_owslib_reads_the_catalogue(town: Town) -> None:
    records = Records(f"{town.url}/ogc/records")
    assert "catalogue" in records.records()
    found = records.collection_items("catalogue", q="trees")
    assert [one["properties"]["slug"] for one in found["features"]] == ["trees"]
    filtered = records.collection_items("catalogue", filter="slug = 'trees'")
    assert filtered["numberMatched"] == 1


def test_suggestions_feeds_and_comparison_show_public_things_only(town: Town) -> None:
    with httpx.Client(base_url=town.url, timeout=30, verify=False) as stranger:
        told = stranger.get("/search/suggest", params={"q": "tre"}).json()
        assert any(one["href"] == "/resources/trees" for one in told["suggestions"])
        feed = stranger.get("/search.atom", params={"q": "trees"})
        assert feed.headers["content-type"].startswith("application/atom+xml")
        assert b"/resources/trees" in feed.content
        assert stranger.get("/compare", params={"r": ["trees", "nothing"]}).status_code == 404
        beside = stranger.get("/compare?r=trees&r=buildings&f=json").json()
        assert [one["slug"] for one in beside["resources"]] == ["trees", "buildings"]
        assert stranger.get("/searches").status_code in {303, 401}
        for wrong in ("west=1", "bbox=9", "sort=x", "kind=x", "freshness=x", "datetime=x"):
            assert stranger.get(f"/search?{wrong}").status_code == 400, wrong
