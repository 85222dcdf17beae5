"""OGC API – Features, requirement by requirement (after the public abstract test suites)."""

import io
import json
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from town import EAST, MIDDLE, NORTH, SOUTH, WEST, Town, grid, visible

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/{}"
ITEMS = "/ogc/features/collections/trees/items"
TREE_HEIGHTS = [3.0 + number % 20 for number in range(400)]


def get(client: httpx.Client, path: str, **params: Any) -> Any:
    answer = client.get(path, params=params or None)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(page: Any) -> list[str]:
    return [feature["id"] for feature in page["features"]]


def rels(document: Any) -> set[str]:
    return {link["rel"] for link in document["links"]}


def problem(answer: httpx.Response, status: int = 400) -> Any:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert said["status"] == status
    return said


# Part 1, core


def test_landing_page_links_to_all_there_is(anybody: httpx.Client) -> None:
    document = get(anybody, "/ogc/features")
    assert {"self", "alternate", "service-desc", "service-doc", "conformance", "data"} <= rels(
        document
    )
    for link in document["links"]:
        answer = anybody.get(link["href"])
        assert answer.status_code == 200, link
        if link["type"] != "text/html":
            assert answer.headers["content-type"].startswith(link["type"].partition(";")[0])


def test_conformance_names_what_clients_need(anybody: httpx.Client) -> None:
    classes = set(get(anybody, "/ogc/features/conformance")["conformsTo"])
    features = "http://www.opengis.net/spec/ogcapi-features-{}"
    cql2 = "http://www.opengis.net/spec/cql2/1.0/conf/{}"
    needed = {
        features.format("1/1.0/conf/core"),
        features.format("1/1.0/conf/geojson"),
        features.format("1/1.0/conf/html"),
        features.format("2/1.0/conf/crs"),
        features.format("3/1.0/conf/filter"),
        features.format("3/1.0/conf/features-filter"),
        cql2.format("cql2-text"),
        cql2.format("basic-cql2"),
        cql2.format("advanced-comparison-operators"),
        cql2.format("basic-spatial-functions"),
    }
    assert needed <= classes


def test_the_api_definition_is_found(anybody: httpx.Client) -> None:
    answer = anybody.get("/api")
    assert answer.headers["content-type"] == "application/vnd.oai.openapi+json;version=3.1"
    document = answer.json()
    assert document["openapi"].startswith("3.1")
    for path in (
        "/ogc/features/collections/trees/items",
        "/ogc/features/collections/{collectionId}/items",
        "/ogc/tiles/collections/{collectionId}/tiles/{grid}/{tileMatrix}/{tileRow}/{tileCol}",
        "/auth/tokens",
    ):
        assert path in document["paths"], path
    assert "/ogc/features/collections/buildings/items" not in document["paths"]


def test_collections_and_one_collection_say_the_same(anybody: httpx.Client) -> None:
    listed = get(anybody, "/ogc/features/collections")
    by_id = {one["id"]: one for one in listed["collections"]}
    assert set(by_id) == {"trees", "changing"}
    one = get(anybody, "/ogc/features/collections/trees")
    assert {"items", "self", "alternate", "license", "describedby"} <= rels(one)
    west, south, east, north = one["extent"]["spatial"]["bbox"][0]
    assert WEST < west < east < EAST
    assert SOUTH < south < north < NORTH
    assert one["extent"] == by_id["trees"]["extent"]
    assert one["itemType"] == "feature"
    assert one["storageCrs"] in one["crs"]
    assert CRS84 in one["crs"]


def test_a_page_of_features(anybody: httpx.Client) -> None:
    answer = anybody.get(ITEMS, params={"limit": 7})
    assert answer.headers["content-type"] == "application/geo+json"
    assert answer.headers["content-crs"] == f"<{CRS84}>"
    page = answer.json()
    assert page["type"] == "FeatureCollection"
    assert page["numberReturned"] == len(page["features"]) == 7
    assert page["numberMatched"] == 400
    assert page["timeStamp"].endswith("Z")
    assert {"self", "next", "alternate", "collection"} <= rels(page)


def test_the_default_limit_is_ten_and_the_greatest_ten_thousand(anybody: httpx.Client) -> None:
    assert get(anybody, ITEMS)["numberReturned"] == 10
    assert get(anybody, ITEMS, limit=10_001)["numberReturned"] == 400


def test_following_next_meets_every_feature_once(anybody: httpx.Client) -> None:
    met: list[str] = []
    url: str | None = f"{ITEMS}?limit=64&bbox={WEST},{SOUTH},{EAST},{NORTH}"
    while url:
        page = get(anybody, url)
        met += ids(page)
        url = next((link["href"] for link in page["links"] if link["rel"] == "next"), None)
    assert len(met) == len(set(met)) == 400


def test_a_box_selects_what_meets_it(anybody: httpx.Client) -> None:
    page = get(anybody, ITEMS, bbox=f"{WEST},{SOUTH},{MIDDLE},{NORTH}", limit=1000)
    expected = {f"t{number:04d}" for number, x, _ in grid(400, 20) if x < MIDDLE}
    assert set(ids(page)) == expected
    assert get(anybody, ITEMS, bbox="0,0,1,1")["features"] == []


def test_one_feature(anybody: httpx.Client) -> None:
    answer = anybody.get(f"{ITEMS}/t0007")
    assert answer.headers["content-type"] == "application/geo+json"
    feature = answer.json()
    assert feature["id"] == "t0007"
    assert feature["properties"]["name"] == "Tree 7"
    assert {"self", "alternate", "collection"} <= rels(feature)
    problem(anybody.get(f"{ITEMS}/no-such"), 404)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("colour=red", "colour"),
        ("limit=0", "limit"),
        ("limit=many", "limit"),
        ("bbox=1,2,3", "bbox"),
        ("bbox=1,9,3,4", "bbox"),
        ("datetime=yesterday", "datetime"),
        ("crs=http://example.org/1", "crs"),
        ("crs=http://www.opengis.net/def/crs/EPSG/0/2154", "crs"),
        ("bbox-crs=nothing&bbox=1,2,3,4", "bbox-crs"),
        ("filter=height >", "filter"),
        ("filter=hight > 3", "filter"),
        ("filter-lang=sql&filter=1=1", "filter-lang"),
        ("sortby=-hight", "sortby"),
        ("properties=hight", "properties"),
        ("after=nonsense", "after"),
        ("count=some", "count"),
        ("version=zero", "version"),
        ("f=gml", "f"),
        ("limit=1&limit=2", "limit"),
        ("height=tall", "height"),
        ("height=nan", "height"),
        ("rings=99999999999999999999", "rings"),
        ("rings=1e3", "rings"),
    ],
)
def test_a_wrong_parameter_is_named_with_its_mend(
    anybody: httpx.Client, query: str, field: str
) -> None:
    said = problem(anybody.get(f"{ITEMS}?{query}"))
    assert said["field"] == field
    assert said["type"] == "/problems/invalid"
    assert said["request_id"]


def test_nothing_acceptable_is_406(anybody: httpx.Client) -> None:
    problem(anybody.get(ITEMS, headers={"accept": "image/png"}), 406)


def test_an_unchanged_answer_is_304(anybody: httpx.Client) -> None:
    first = anybody.get(ITEMS)
    again = anybody.get(ITEMS, headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304
    assert not again.content
    other = anybody.get(f"{ITEMS}?limit=2", headers={"if-none-match": first.headers["etag"]})
    assert other.status_code == 200


def test_head_has_no_body(anybody: httpx.Client) -> None:
    answer = anybody.head(ITEMS)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/geo+json"
    assert not answer.content


def test_codings_are_negotiated(town: Town) -> None:
    for accepted, coding in (("gzip", "gzip"), ("zstd, gzip", "zstd"), ("identity", None)):
        with (
            town.client(**{"accept-encoding": accepted}) as client,
            client.stream("GET", f"{ITEMS}?limit=100") as answer,
        ):
            raw = b"".join(answer.iter_raw())
            assert answer.headers.get("content-encoding") == coding
        if coding == "zstd":
            raw = pa.input_stream(pa.BufferReader(raw), compression="zstd").read()
        elif coding == "gzip":
            raw = pa.input_stream(pa.BufferReader(raw), compression="gzip").read()
        assert json.loads(raw)["numberReturned"] == 100


# Part 2, coordinate reference systems


def test_answers_in_another_system(anybody: httpx.Client) -> None:
    answer = anybody.get(ITEMS, params={"crs": EPSG.format(3857), "limit": 1})
    assert answer.headers["content-crs"] == f"<{EPSG.format(3857)}>"
    x, y = answer.json()["features"][0]["geometry"]["coordinates"]
    assert 2_771_000 < x < 2_781_000
    assert 8_420_000 < y < 8_450_000
    north_first = get(anybody, ITEMS, crs=EPSG.format(4326), limit=1)
    north, east = north_first["features"][0]["geometry"]["coordinates"]
    assert SOUTH < north < NORTH
    assert WEST < east < EAST


def test_a_box_in_another_system(anybody: httpx.Client) -> None:
    here = get(anybody, ITEMS, bbox=f"{WEST},{SOUTH},{MIDDLE},{NORTH}", limit=1000)
    turned = get(
        anybody,
        ITEMS,
        **{
            "bbox": f"{SOUTH},{WEST},{NORTH},{MIDDLE}",
            "bbox-crs": EPSG.format(4326),
            "limit": 1000,
        },
    )
    assert ids(turned) == ids(here)


def test_every_listed_system_can_be_had(anybody: httpx.Client) -> None:
    for crs in get(anybody, "/ogc/features/collections/trees")["crs"]:
        answer = anybody.get(ITEMS, params={"crs": crs, "limit": 1})
        assert answer.status_code == 200, crs
        assert answer.headers["content-crs"] == f"<{crs}>"


# Part 3, filtering; sorting; schemas


def test_queryables_are_a_json_schema(anybody: httpx.Client) -> None:
    answer = anybody.get("/ogc/features/collections/trees/queryables")
    assert answer.headers["content-type"] == "application/schema+json"
    schema = answer.json()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"].endswith("/ogc/features/collections/trees/queryables")
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) >= {"name", "kind", "height", "planted", "geometry"}
    assert schema["properties"]["height"]["type"] == "number"
    assert schema["properties"]["planted"]["format"] == "date"
    assert schema["properties"]["geometry"]["format"] == "geometry-point"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("height > 20", sum(h > 20 for h in TREE_HEIGHTS)),
        ("height BETWEEN 4 AND 8 AND kind = 'oak'", 40),
        ("kind IN ('oak', 'lime')", 200),
        ("name LIKE 'Tree 1%'", 111),
        ("CASEI(kind) = CASEI('OAK')", 100),
        ("NOT (kind = 'oak')", 300),
        ("street = TRUE", 134),
        ("planted >= DATE('2000-01-01')", sum(1950 + n % 70 >= 2000 for n in range(400))),
        (f"S_INTERSECTS(geometry, BBOX({WEST},{SOUTH},{MIDDLE},{NORTH}))", 200),
        ("name IS NULL", 0),
    ],
)
def test_filters_in_text(anybody: httpx.Client, text: str, expected: int) -> None:
    page = get(anybody, ITEMS, filter=text, limit=1000, count="exact")
    assert page["numberMatched"] == page["numberReturned"] == expected


def test_filters_in_json(anybody: httpx.Client) -> None:
    expression = {"op": ">", "args": [{"property": "height"}, 20]}
    asked = {"filter": json.dumps(expression), "filter-lang": "cql2-json", "limit": 999}
    page = get(anybody, ITEMS, **asked)
    assert page["numberReturned"] == sum(h > 20 for h in TREE_HEIGHTS)


def test_queryables_as_parameters(anybody: httpx.Client) -> None:
    page = get(anybody, ITEMS, kind="oak", height="4", limit=100)
    assert {f["properties"]["kind"] for f in page["features"]} == {"oak"}
    assert {f["properties"]["height"] for f in page["features"]} == {4.0}


def test_sorting(anybody: httpx.Client) -> None:
    page = get(anybody, ITEMS, sortby="-height,name", limit=400)
    found = [(-f["properties"]["height"], f["properties"]["name"]) for f in page["features"]]
    assert found == sorted(found)


def test_choosing_properties(anybody: httpx.Client) -> None:
    page = get(anybody, ITEMS, properties="name", limit=3)
    assert {tuple(f["properties"]) for f in page["features"]} == {("name",)}


def test_an_old_version_stays(anybody: httpx.Client) -> None:
    path = "/ogc/features/collections/changing/items"
    assert get(anybody, path, count="exact")["numberMatched"] == 60
    assert get(anybody, path, version=1, count="exact")["numberMatched"] == 30
    problem(anybody.get(path, params={"version": 9}), 404)


# Forms


@pytest.mark.parametrize(
    ("form", "media_type"),
    [
        ("json", "application/geo+json"),
        ("jsonfg", "application/vnd.ogc.fg+json"),
        ("csv", "text/csv; charset=utf-8"),
        ("parquet", "application/vnd.apache.parquet"),
        ("fgb", "application/flatgeobuf"),
        ("arrow", "application/vnd.apache.arrow.stream"),
        ("html", "text/html; charset=utf-8"),
    ],
)
def test_every_form_of_a_page(anybody: httpx.Client, form: str, media_type: str) -> None:
    answer = anybody.get(ITEMS, params={"f": form, "limit": 5})
    assert answer.status_code == 200, answer.text[:500]
    assert answer.headers["content-type"] == media_type
    if form in {"csv", "parquet", "fgb", "arrow", "jsonfg"}:
        assert 'rel="next"' in answer.headers["link"]
        assert answer.headers["ogc-numberreturned"] == "5"
    if form == "csv":
        assert len(answer.text.strip().splitlines()) == 6
    elif form == "parquet":
        assert pq.read_table(io.BytesIO(answer.content)).num_rows == 5
    elif form == "arrow":
        assert pa.ipc.open_stream(answer.content).read_all().num_rows == 5
    elif form == "fgb":
        assert answer.content[:3] == b"fgb"


@pytest.mark.parametrize("form", ["geojson", "jsonfg", "csv", "parquet", "fgb", "arrow"])
def test_downloads_are_whole(consumer: httpx.Client, form: str) -> None:
    answer = consumer.get(f"/data/buildings.{form}")
    assert answer.status_code == 200, answer.text[:500]
    assert "attachment" in answer.headers["content-disposition"]
    expected = sum(visible(number, x) for number, x, _ in grid(300, 20))
    if form in {"geojson", "jsonfg"}:
        assert len(answer.json()["features"]) == expected
    elif form == "csv":
        assert len(answer.text.strip().splitlines()) == expected + 1
    elif form == "parquet":
        assert pq.read_table(io.BytesIO(answer.content)).num_rows == expected
    elif form == "arrow":
        assert pa.ipc.open_stream(answer.content).read_all().num_rows == expected
    assert answer.headers["quanyu-use"].startswith("use_")


def test_pages_for_people(anybody: httpx.Client) -> None:
    for path in (
        "/ogc/features",
        "/ogc/features/conformance",
        "/ogc/features/collections",
        "/ogc/features/collections/trees",
        "/ogc/features/collections/trees/queryables",
        ITEMS,
        f"{ITEMS}/t0001",
        "/ogc/tiles",
        "/ogc/tiles/collections/trees/tiles/WebMercatorQuad",
        "/ogc/records",
        "/ogc/records/collections/catalogue/items",
        "/api.html",
    ):
        answer = anybody.get(path, headers={"accept": "text/html,*/*;q=0.5"})
        assert answer.status_code == 200, (path, answer.text[:800])
        assert answer.headers["content-type"].startswith("text/html"), path
        assert "content-security-policy" in answer.headers
