"""Everything at a place: what each caller is told, and what nobody may learn from it."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest
from town import MIDDLE, NORTH, SOUTH, WEST, Town, grid, term, visible

BUILDINGS = {number: (x, y) for number, x, y in grid(300, 20)}
SHOWN = next(number for number, (x, _) in BUILDINGS.items() if visible(number, x))
HIDDEN = next(
    number for number, (x, _) in BUILDINGS.items() if x < MIDDLE and not visible(number, x)
)
EAST_OF_IT = next(number for number, (x, _) in BUILDINGS.items() if x > MIDDLE)


def ask(client: httpx.Client, **given: str) -> dict:
    answer = client.get("/place", params=given)
    assert answer.status_code == 200, answer.text
    return answer.json()


def point(number: int) -> str:
    return ",".join(map(str, BUILDINGS[number]))


def told(document: dict) -> dict[str, list[str]]:
    return {
        one["id"]: [feature["id"] for feature in one["features"]["features"]]
        for one in document["collections"]
    }


# What is there


def test_a_point_in_every_collection(consumer: httpx.Client) -> None:
    number, (x, y) = 45, grid(400, 20)[45][1:]
    document = ask(consumer, point=f"{x},{y}", radius="5")
    assert told(document)["trees"] == [f"t{number:04d}"]
    trees = next(one for one in document["collections"] if one["id"] == "trees")
    assert trees["numberMatched"] == 1
    assert trees["metres"][0] < 0.2
    assert trees["features"]["features"][0]["properties"]["name"] == "Tree 45"
    assert document["place"]["by"] == "point"
    assert document["place"]["cells"]["beidou"].startswith("N35P")


def test_nearest_first_and_no_more_than_asked(anybody: httpx.Client) -> None:
    x, y = grid(400, 20)[45][1:]
    document = ask(anybody, point=f"{x},{y}", radius="2000", limit="7", collections="trees")
    (trees,) = document["collections"]
    assert trees["numberReturned"] == 7 < trees["numberMatched"]
    assert trees["metres"] == sorted(trees["metres"])
    assert trees["features"]["features"][0]["id"] == "t0045"


@pytest.mark.parametrize("way", ["wkt", "geojson", "bbox", "q-box", "q-wkt"])
def test_an_area_however_it_is_written(anybody: httpx.Client, way: str) -> None:
    south = SOUTH + 0.004
    box = (WEST, SOUTH, MIDDLE, south)
    ring = [
        [box[0], box[1]],
        [box[2], box[1]],
        [box[2], box[3]],
        [box[0], box[3]],
        [box[0], box[1]],
    ]
    wkt = "POLYGON ((" + ", ".join(f"{a} {b}" for a, b in ring) + "))"
    given = {
        "wkt": {"geometry": wkt},
        "geojson": {"geometry": json.dumps({"type": "Polygon", "coordinates": [ring]})},
        "bbox": {"bbox": ",".join(map(str, box))},
        "q-box": {"q": " ".join(map(str, box))},
        "q-wkt": {"q": wkt},
    }[way]
    wanted = {f"t{n:04d}" for n, x, y in grid(400, 20) if x < MIDDLE and y < south}
    assert set(told(ask(anybody, **given, limit="100"))["trees"]) == wanted


def test_a_cell_of_a_grid(anybody: httpx.Client) -> None:
    x, y = grid(400, 20)[45][1:]
    cells = ask(anybody, point=f"{x},{y}")["place"]["cells"]
    for name, cell in cells.items():
        document = ask(anybody, cell=cell, grid=name)
        assert told(document)["trees"] == ["t0045"], name
        assert document["place"]["grid"] == name
    assert told(ask(anybody, q=cells["beidou"]))["trees"] == ["t0045"]
    assert told(ask(anybody, q=cells["h3"]))["trees"] == ["t0045"]


def test_an_object_is_a_place(consumer: httpx.Client) -> None:
    fid = f"b{SHOWN:04d}"
    for given in ({"id": f"buildings/{fid}"}, {"id": fid}, {"q": fid}):
        document = ask(consumer, **given)
        assert document["place"]["collection"] == "buildings"
        assert fid in told(document)["buildings"]
        assert document["place"]["geometry"]["type"] in {"Polygon", "MultiPolygon"}


def test_a_name_is_a_place(anybody: httpx.Client) -> None:
    document = ask(anybody, address="tree 45", collections="trees")
    assert document["candidates"][0]["label"] == "Tree 45"
    assert document["place"]["id"] == "t0045"
    assert told(document)["trees"][0] == "t0045"
    several = ask(anybody, q="Tree 3", collections="trees")
    assert several["candidates"][0]["label"] == "Tree 3"
    assert len(several["candidates"]) == 5


def test_time(anybody: httpx.Client) -> None:
    now = ask(anybody, point="24.94,60.17")
    first, last = now["datetime"]
    assert first == last
    assert abs(datetime.now(UTC) - datetime.fromisoformat(first)).total_seconds() < 60
    assert ask(anybody, point="24.94,60.17", datetime="../..")["datetime"] == [None, None]


def test_geojson_of_all(anybody: httpx.Client) -> None:
    x, y = grid(400, 20)[45][1:]
    answer = anybody.get("/place", params={"point": f"{x},{y}", "f": "geojson"})
    assert answer.headers["content-type"].startswith("application/geo+json")
    features = answer.json()["features"]
    assert {"trees"} <= {feature["collection"] for feature in features}
    assert all(feature["type"] == "Feature" and feature["id"] for feature in features)


def test_the_page(consumer: httpx.Client) -> None:
    page = consumer.get("/place", params={"q": point(SHOWN), "lang": "en"},
                        headers={"accept": "text/html"})  # fmt: skip
    assert page.status_code == 200
    assert f"House {SHOWN}" in page.text
    empty = consumer.get("/place", headers={"accept": "text/html"})
    assert "<form" in empty.text
    bad = consumer.get("/place", params={"q": "nowhere at all"}, headers={"accept": "text/html"})
    assert bad.status_code == 404
    assert "<form" in bad.text


# What nobody may learn


def test_what_refuses_is_named_and_nothing_more(
    anybody: httpx.Client, stranger: httpx.Client
) -> None:
    for client in (anybody, stranger):
        document = ask(client, point=point(SHOWN), radius="500")
        assert {one["id"] for one in document["askAccess"]} == {"buildings", "secrets"}
        assert set(told(document)) <= {"trees", "changing"}
        assert not {"buildings", "secrets"} & set(document["nothingIn"])
        elsewhere = ask(client, point="10,10")
        # The same is said wherever one asks: it tells nothing of what they hold.
        assert document["askAccess"] == elsewhere["askAccess"]
        assert f"House {SHOWN}" not in json.dumps(document)


def test_hidden_rows_columns_and_regions_do_not_show(consumer: httpx.Client) -> None:
    document = ask(consumer, bbox=f"{WEST},{SOUTH},{MIDDLE + 0.04},{NORTH}", limit="100")
    (buildings,) = (one for one in document["collections"] if one["id"] == "buildings")
    allowed = {f"b{n:04d}" for n, (x, _) in BUILDINGS.items() if visible(n, x)}
    shown = {feature["id"] for feature in buildings["features"]["features"]}
    assert shown
    assert shown <= allowed
    matched = buildings.get("numberMatched")
    assert matched is None or matched <= len(allowed)
    for feature in buildings["features"]["features"]:
        assert "phone" not in feature["properties"]
        assert not feature["properties"]["owner"].startswith("owner-")
    assert "040100" not in json.dumps(document["collections"])
    for number in (HIDDEN, EAST_OF_IT):
        there = ask(consumer, point=point(number), radius="1")
        assert "buildings" in there["nothingIn"]


def test_ids_and_names_of_hidden_rows_are_unknown(
    consumer: httpx.Client, stranger: httpx.Client
) -> None:
    def refusal(client: httpx.Client, **given: str) -> dict:
        answer = client.get("/place", params=given)
        assert answer.status_code == 404
        problem = answer.json()
        return {name: problem[name] for name in ("type", "title", "detail", "status")}

    unknown = refusal(consumer, id="buildings/b9999")
    for number in (HIDDEN, EAST_OF_IT):
        fid = f"b{number:04d}"
        assert (
            refusal(consumer, id=f"buildings/{fid}")["detail"].replace(fid, "b9999")
            == (unknown["detail"])
        )
        assert refusal(consumer, id=fid)["status"] == 404
        assert refusal(consumer, q=f"owner-{number:04d}")["status"] == 404
        # A masked or hidden value is no name either.
        assert refusal(consumer, q=f"0401{number:06d}")["status"] == 404
    allowed = {f"b{n:04d}" for n, (x, _) in BUILDINGS.items() if visible(n, x)}
    for said in ("House", f"House {HIDDEN}", f"house {EAST_OF_IT}"):
        answer = consumer.get("/place", params={"address": said})
        found = answer.json().get("candidates", []) if answer.status_code == 200 else []
        assert {one["id"] for one in found} <= allowed
        assert f'"name":"House {EAST_OF_IT}"' not in answer.text
    assert refusal(stranger, id=f"buildings/b{SHOWN:04d}")["status"] == 404
    assert refusal(stranger, q=f"House {SHOWN}")["status"] == 404


def test_the_edge_of_a_region_is_not_passed_by_a_radius(consumer: httpx.Client) -> None:
    document = ask(consumer, point=f"{MIDDLE},{(SOUTH + NORTH) / 2}", radius="5000", limit="100")
    (buildings,) = (one for one in document["collections"] if one["id"] == "buildings")
    for feature in buildings["features"]["features"]:
        for x, _ in feature["geometry"]["coordinates"][0]:
            assert x <= MIDDLE + 1e-6


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "point"),
        ({"point": "24.9"}, "point"),
        ({"point": "60.17,124.9"}, "point"),
        ({"point": "nan,1"}, "point"),
        ({"point": "24.9,60.1", "cell": "N35P"}, "cell"),
        ({"geometry": "POLYGON ((0 0, 1 1, 0 1, 1 0, 0 0))"}, "geometry"),
        ({"geometry": "POLYGON EMPTY"}, "geometry"),
        ({"geometry": "{not json"}, "geometry"),
        ({"geometry": '{"type":"Point"}'}, "geometry"),
        ({"geometry": "POINT (300 1)"}, "geometry"),
        ({"bbox": "1,2,3"}, "bbox"),
        ({"bbox": "170,0,-170,1"}, "bbox"),
        ({"cell": "N99Z"}, "cell"),
        ({"cell": "N35P", "grid": "nothing"}, "grid"),
        ({"point": "1,1", "radius": "-3"}, "radius"),
        ({"point": "1,1", "radius": "1e9"}, "radius"),
        ({"point": "1,1", "datetime": "yesterday"}, "datetime"),
        ({"point": "1,1", "limit": "0"}, "limit"),
        ({"point": "1,1", "collections": "nothing"}, "collections"),
        ({"point": "1,1", "surprise": "1"}, "surprise"),
        ({"address": "x" * 300}, "address"),
    ],
)
def test_bad_questions_are_answered_plainly(
    anybody: httpx.Client, given: dict[str, str], field: str
) -> None:
    answer = anybody.get("/place", params=given)
    assert answer.status_code == 400, answer.text
    problem = answer.json()
    assert problem["field"] == field
    assert problem["mend"]


def test_the_api_definition_tells_of_it(anybody: httpx.Client) -> None:
    place = anybody.get("/api?f=json").json()["paths"]["/place"]["get"]
    names = {one.get("name") for one in place["parameters"]}
    assert {"q", "point", "bbox", "geometry", "cell", "id", "address", "radius"} <= names
    forms = place["responses"]["200"]["content"]
    assert set(forms) == {"application/json", "application/geo+json", "text/html"}
    said = ask(anybody, point="24.94,60.17")
    schema = forms["application/json"]["schema"]
    assert set(schema["required"]) <= set(said)
    assert set(schema["properties"]) == set(said) - {"links"}


# Quota and evidence


@pytest.fixture
def counted(town: Town) -> Iterator[str]:
    """Another agreement of the stranger, good for three requests."""
    agreement = town.agree("buildings", "stranger", term("count", "lteq", 3))
    yield agreement
    town.end(agreement, "provider")


@pytest.mark.usefixtures("counted")
def test_each_answer_is_a_use_with_its_quota_and_receipt(
    town: Town, stranger: httpx.Client
) -> None:
    for _ in range(3):
        document = ask(stranger, point=point(SHOWN))
        (buildings,) = (one for one in document["collections"] if one["id"] == "buildings")
        receipt = next(one for one in buildings["links"] if one["rel"] == "receipt")
        # A signed-in caller's uses of open data have leaves of their own too.
        assert (
            any(
                link["rel"] == "receipt"
                for one in document["collections"]
                if one["id"] == "trees"
                for link in one["links"]
            )
            or "trees" in document["nothingIn"]
        )
    used_up = ask(stranger, point=point(SHOWN))
    assert "buildings" not in told(used_up)
    assert "buildings" in {one["id"] for one in used_up["askAccess"]}
    assert stranger.get("/place", params={"id": f"b{SHOWN:04d}"}).status_code in {403, 429}
    path = receipt["href"].removeprefix(town.url)
    for _ in range(900):
        answer = stranger.get(path)
        if answer.status_code == 200:
            break
        time.sleep(0.1)
    leaf = json.dumps(answer.json())
    assert answer.status_code == 200
    assert "place" in leaf


def test_an_ended_agreement_shows_nothing_more(town: Town, stranger: httpx.Client) -> None:
    agreement = town.agree("buildings", "stranger")
    assert "buildings" in told(ask(stranger, point=point(SHOWN)))
    town.end(agreement, "provider")
    assert "buildings" not in told(ask(stranger, point=point(SHOWN)))
