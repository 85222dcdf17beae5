"""Statistics by group over HTTP: figures, forms, zones of another collection, and the gate."""

import csv
import io
from collections import Counter
from typing import Any

import httpx
import pytest
from town import EAST, MIDDLE, NORTH, SOUTH, WEST, Town, grid, term, visible

TREES = "/ogc/features/collections/trees/statistics"
BUILDINGS = "/ogc/features/collections/buildings/statistics"


def groups(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["groups"]
    return found


def test_figures_by_property_and_time(anybody: httpx.Client) -> None:
    found = groups(anybody.get(TREES, params={"by": "kind", "measure": "count,mean:height"}))
    heights = [3.0 + n % 20 for n in range(400) if n % 4 == 1]
    oak = next(one for one in found if one["kind"] == "oak")
    assert oak == {"kind": "oak", "count": 100, "mean_height": sum(heights) / len(heights)}
    years = groups(anybody.get(TREES, params={"by": "year:planted", "filter": "height > 10"}))
    assert sum(one["count"] for one in years) == sum(3 + n % 20 > 10 for n in range(400))
    assert years[0]["year"].startswith("1950-01-01")


@pytest.mark.parametrize("name", ["h3:8", "quadkey:15", "beidou:4", "geohash:6"])
def test_figures_by_cell_of_each_grid(anybody: httpx.Client, name: str) -> None:
    asked = {"by": f"cell:{name}", "measure": "count,density", "f": "geojson"}
    features = anybody.get(TREES, params=asked).json()["features"]
    assert sum(one["properties"]["count"] for one in features) == 400
    assert {one["geometry"]["type"] for one in features} == {"Polygon"}
    assert all(one["properties"]["density"] > 0 for one in features)
    assert len({one["properties"]["cell"] for one in features}) == len(features) > 1


def test_zones_are_another_collection(provider: httpx.Client, anybody: httpx.Client) -> None:
    answer = provider.get(TREES, params={"by": "zone:buildings", "f": "csv"})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    size = 0.0006
    expected: Counter[str] = Counter()
    for at, x, y in grid(300, 20):
        for _, a, b in grid(400, 20):
            if abs(round(a, 6) - x) <= size and abs(round(b, 6) - y) <= size:
                expected[f"b{at:04d}"] += 1
    assert {row["zone"]: int(row["count"]) for row in rows} == expected
    assert len(answer.headers["quanyu-use"].split(", ")) == 2
    refused = anybody.get(TREES, params={"by": "zone:buildings"})
    assert refused.status_code in (401, 403)


def test_figures_are_of_what_the_agreement_shows(consumer: httpx.Client) -> None:
    shown = [n for n, x, _ in grid(300, 20) if visible(n, x)]
    found = groups(consumer.get(BUILDINGS, params={"by": "levels"}))
    assert {one["levels"]: one["count"] for one in found} == Counter(1 + n % 12 for n in shown)
    cells = groups(consumer.get(BUILDINGS, params={"by": "cell:h3:9"}))
    assert sum(one["count"] for one in cells) == len(shown)
    for asked in ({"by": "phone"}, {"measure": "distinct:phone"}, {"filter": "phone = '1'"}):
        assert consumer.get(BUILDINGS, params=asked).status_code == 400
    by_owner = groups(consumer.get(BUILDINGS, params={"by": "owner", "filter": "levels = 2"}))
    assert all(one["owner"].startswith("****") for one in by_owner)
    zones = consumer.get(TREES, params={"by": "zone:buildings"})
    assert {one["zone"] for one in groups(zones)} <= {f"b{n:04d}" for n in shown}


def test_whole_numbers_add_up_and_nothing_is_an_answer(consumer: httpx.Client) -> None:
    shown = [n for n, x, _ in grid(300, 20) if visible(n, x)]
    (found,) = groups(consumer.get(BUILDINGS, params={"measure": "sum:levels"}))
    assert found == {"sum_levels": sum(1 + n % 12 for n in shown)}
    asked = {"by": "cell:h3:8,levels", "filter": "levels > 1000"}
    assert groups(consumer.get(BUILDINGS, params=asked)) == []


def test_a_node_without_a_cluster_says_so(anybody: httpx.Client) -> None:
    asked = {"by": "kind", "engine": "cluster"}
    answer = anybody.get(TREES, params=asked)
    assert (answer.status_code, answer.json()["field"]) == (503, "engine")
    assert groups(anybody.get(TREES, params=asked | {"engine": "node"}))
    wrong = anybody.get(TREES, params=asked | {"engine": "magic"})
    assert (wrong.status_code, wrong.json()["field"]) == (400, "engine")


def test_an_ended_agreement_gives_no_figures(town: Town) -> None:
    agreement = town.agree("buildings", "stranger", term("quanyu:rowCount", "lteq", 5))
    with town.client("stranger") as client:
        few = client.get(BUILDINGS, params={"agreement": agreement, "measure": "max:levels"})
        assert groups(few) == [{"max_levels": 12}]
        many = client.get(BUILDINGS, params={"agreement": agreement, "by": "name"})
        assert (many.status_code, many.json()["rule"].split("#")[0]) == (403, agreement)
        town.end(agreement, "provider")
        assert client.get(BUILDINGS).status_code == 403


def test_strangers_get_no_figures(anybody: httpx.Client, stranger: httpx.Client) -> None:
    for client in (anybody, stranger):
        for slug in ("buildings", "secrets"):
            answer = client.get(f"/ogc/features/collections/{slug}/statistics?by=name")
            assert answer.status_code in (401, 403, 404)


@pytest.mark.parametrize(
    ("asked", "status", "field"),
    [
        ({"by": "nothing"}, 400, "by"),
        ({"by": "hour:kind"}, 400, "by"),
        ({"by": "cell:h3"}, 400, "by"),
        ({"by": "cell:h3:99"}, 400, "by"),
        ({"by": "cell:squares:4"}, 400, "grid"),
        ({"by": "zone:nothing"}, 404, None),
        ({"by": "zone:trees"}, 400, "by"),
        ({"by": "origin:cell:h3:4"}, 400, "by"),
        ({"by": "kind,kind"}, 400, "by"),
        ({"measure": "variance:height"}, 400, "measure"),
        ({"measure": "mean:kind"}, 400, "measure"),
        ({"measure": "density"}, 400, "measure"),
        ({"limit": "4"}, 400, "limit"),
        ({"f": "xml"}, 400, "f"),
        ({"bbox": f"{WEST},{NORTH},{EAST},{SOUTH}"}, 400, "bbox"),
        ({"bbox": f"{WEST},{SOUTH},{MIDDLE},x"}, 400, "bbox"),
    ],
)
def test_bad_questions_about_figures(
    anybody: httpx.Client, asked: dict[str, str], status: int, field: str | None
) -> None:
    answer = anybody.get(TREES, params=asked)
    assert (answer.status_code, answer.json().get("field")) == (status, field), answer.text
