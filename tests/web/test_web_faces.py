"""Tiles, Records, the log, sign-in, health and problems over HTTP."""

import json
import re
import time
from datetime import timedelta
from typing import Any

import httpx
import mapbox_vector_tile
import morecantile
import pytest
from town import EAST, NORTH, PASSWORD, SOUTH, WEST, Town

from quanyu.evidence import verify_receipt
from quanyu.kernel import iso, now

TILES = "/ogc/tiles/collections/trees/tiles/WebMercatorQuad"
RECORDS = "/ogc/records/collections/catalogue/items"


def get(client: httpx.Client, path: str, **params: Any) -> Any:
    answer = client.get(path, params=params or None)
    assert answer.status_code == 200, answer.text
    return answer.json()


# Tiles


def test_tiles_hold_every_feature(anybody: httpx.Client) -> None:
    names: set[str] = set()
    limits = {one["tileMatrix"]: one for one in get(anybody, TILES)["tileMatrixSetLimits"]}["13"]
    for y in range(limits["minTileRow"], limits["maxTileRow"] + 1):
        for x in range(limits["minTileCol"], limits["maxTileCol"] + 1):
            answer = anybody.get(f"{TILES}/13/{y}/{x}")
            assert answer.status_code == 200
            assert answer.headers["content-type"] == "application/vnd.mapbox-vector-tile"
            layers = mapbox_vector_tile.decode(answer.content)
            assert set(layers) == {"trees"}
            names |= {feature["properties"]["name"] for feature in layers["trees"]["features"]}
    assert len(names) == 400


def test_tiles_outside_and_empty(anybody: httpx.Client) -> None:
    assert anybody.get(f"{TILES}/13/0/0").status_code == 204
    for wrong in ("0/0/1", "0/1/0", "23/0/0", "5/32/0"):
        assert anybody.get(f"{TILES}/{wrong}").status_code == 404, wrong
    assert anybody.get("/ogc/tiles/collections/trees/tiles/Nothing/0/0/0").status_code == 404
    assert anybody.get(f"{TILES}/13/0/0?colour=red").status_code == 400


def test_an_unchanged_tile_is_304(anybody: httpx.Client) -> None:
    path = f"{TILES}/11/592/1165"
    tag = anybody.get(path).headers["etag"]
    assert anybody.get(path, headers={"if-none-match": tag}).status_code == 304


def test_documents_of_tiles(anybody: httpx.Client) -> None:
    for path in (
        "/ogc/tiles",
        "/ogc/tiles/conformance",
        "/ogc/tiles/collections",
        "/ogc/tiles/collections/trees",
        "/ogc/tiles/collections/trees/tiles",
        "/ogc/features/collections/trees/tiles",
        TILES,
        "/ogc/tiles/tileMatrixSets",
    ):
        document = get(anybody, path)
        assert "links" in document, path
    grid = get(anybody, "/ogc/tiles/tileMatrixSets/WebMercatorQuad")
    assert len(grid["tileMatrices"]) >= 20
    sets = get(anybody, "/ogc/tiles/tileMatrixSets")["tileMatrixSets"]
    assert [one["id"] for one in sets] == ["WebMercatorQuad", "CGCS2000Quad"]
    tilejson = get(anybody, f"{TILES}/tilejson.json")
    assert tilejson["tilejson"] == "3.0.0"
    assert WEST < tilejson["bounds"][0] < tilejson["bounds"][2] < EAST
    assert SOUTH < tilejson["bounds"][1] < tilejson["bounds"][3] < NORTH
    tile = tilejson["tiles"][0].format(z=13, y=0, x=0)
    assert anybody.get(tile).status_code == 204
    assert anybody.get(f"{TILES}?f=tilejson").json() == tilejson
    style = get(anybody, "/ogc/tiles/collections/trees/styles/default")
    assert style["version"] == 8
    assert {layer["source-layer"] for layer in style["layers"]} == {"trees"}
    assert "glyphs" not in style


def test_tiles_in_degrees_of_cgcs2000(anybody: httpx.Client) -> None:
    document = get(anybody, "/ogc/tiles/tileMatrixSets/CGCS2000Quad")
    grid = morecantile.TileMatrixSet.model_validate(document)
    assert grid.crs.to_epsg() == 4490
    assert grid.crs._pyproj_crs.axis_info[0].direction == "north"
    assert [(m.id, m.matrixWidth, m.matrixHeight) for m in grid.tileMatrices[:2]] == [
        ("1", 2, 1),
        ("2", 4, 2),
    ]
    place = "/ogc/tiles/collections/trees/tiles/CGCS2000Quad"
    one = get(anybody, place)
    assert one["crs"].endswith("/EPSG/0/4490")
    assert not [link for link in one["links"] if "tilejson" in link["href"]]
    limits = {limit["tileMatrix"]: limit for limit in one["tileMatrixSetLimits"]}
    tile = grid._tile((WEST + EAST) / 2, (SOUTH + NORTH) / 2, 10)
    assert limits["10"]["minTileRow"] <= tile.y <= limits["10"]["maxTileRow"]
    assert limits["10"]["minTileCol"] <= tile.x <= limits["10"]["maxTileCol"]
    answer = anybody.get(f"{place}/10/{tile.y}/{tile.x}")
    assert answer.status_code == 200
    assert b"t0" in answer.content
    for bad in ("0/0/0", "1/1/0", "23/0/0"):
        assert anybody.get(f"{place}/{bad}").status_code == 404, bad
    assert anybody.get(f"{place}?f=tilejson").status_code >= 400
    assert anybody.get("/ogc/tiles/collections/trees/tiles/Nothing").status_code == 404


# Records


def test_the_catalogue_is_searched_in_both_languages(anybody: httpx.Client) -> None:
    for words in ("trees", "数据", "Test data"):
        found = get(anybody, RECORDS, q=words)
        assert found["numberMatched"] >= 1, words
    assert get(anybody, RECORDS, q="nothing-of-the-kind")["features"] == []


def test_records_are_shown_with_their_access_and_links(anybody: httpx.Client) -> None:
    found = get(anybody, RECORDS, limit=50)
    by_slug = {record["properties"]["slug"]: record for record in found["features"]}
    assert set(by_slug) == {"trees", "buildings", "secrets", "changing"}
    assert by_slug["buildings"]["properties"]["access"] == "restricted"
    hrefs = [link["href"] for link in by_slug["trees"]["links"]]
    for part in ("/ogc/features/collections/trees", "/data/trees.csv", "/ogc/tiles/collections"):
        assert any(part in href for href in hrefs), part


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"ids": "trees,buildings"}, 2),
        ({"type": "dataset"}, 4),
        ({"type": "stream"}, 0),
        ({"bbox": f"{WEST},{SOUTH},{EAST},{NORTH}"}, 4),
        ({"bbox": "0,0,1,1"}, 0),
        ({"access": "open"}, 2),
        ({"theme": "environment"}, 4),
        ({"filter": "access = 'open' AND type = 'dataset'"}, 2),
        ({"filter": "access IN ('open', 'closed')"}, 3),
        ({"filter": "access = 'open' AND access = 'closed'"}, 0),
        ({"limit": "1"}, 4),
    ],
)
def test_records_are_narrowed(anybody: httpx.Client, query: dict[str, str], expected: int) -> None:
    assert get(anybody, RECORDS, **query)["numberMatched"] == expected


def test_records_are_paged_and_sorted(anybody: httpx.Client) -> None:
    met: list[str] = []
    url: str | None = f"{RECORDS}?limit=1&sortby=title&lang=en"
    while url:
        page = get(anybody, url)
        met += [record["properties"]["title"] for record in page["features"]]
        url = next((link["href"] for link in page["links"] if link["rel"] == "next"), None)
    assert met == sorted(met)
    assert len(met) == 4


def test_wrong_searches_are_named(anybody: httpx.Client) -> None:
    for query, field in (
        ("colour=red", "colour"),
        ("type=thing", "type"),
        ("sortby=colour", "sortby"),
        ("filter=colour LIKE 'x'", "filter"),
        ("filter=fid = 'x'", "filter"),
        ("after=x", "after"),
        ("bbox=1", "bbox"),
    ):
        answer = anybody.get(f"{RECORDS}?{query}")
        assert answer.status_code == 400, query
        assert answer.json()["field"] == field


def test_one_record_in_either_language(anybody: httpx.Client) -> None:
    record = get(anybody, f"{RECORDS}/trees", lang="zh")
    assert record["properties"]["title"] == "trees 数据"
    assert get(anybody, f"{RECORDS}/{record['id']}")["id"] == record["id"]
    assert anybody.get(f"{RECORDS}/no-such").status_code == 404


# The log


def test_the_log_is_laid_out_as_tiles(town: Town, anybody: httpx.Client) -> None:
    checkpoint = anybody.get("/log/checkpoint")
    origin, size, *_ = checkpoint.text.splitlines()
    assert origin == town.settings.node_name
    width = int(size)
    assert width > 0
    name = "000" if width >= 256 else f"000.p/{width}"
    tile = anybody.get(f"/log/tile/0/{name}")
    assert len(tile.content) == 32 * min(width, 256)
    assert "immutable" in tile.headers["cache-control"]
    assert anybody.get(f"/log/tile/entries/{name}").status_code == 200
    for wrong in ("0/0", "0/x000/000", "0/000.p/0", "0/000.p/256", "9/000", "0/999", "x/000"):
        assert anybody.get(f"/log/tile/{wrong}").status_code == 404, wrong


def test_a_use_has_a_receipt_that_checks_without_the_node(
    anybody: httpx.Client, consumer: httpx.Client
) -> None:
    used = consumer.get("/ogc/features/collections/buildings/items?limit=3")
    link = re.search(r'<([^>]+)>; rel="receipt"', used.headers["link"])
    assert link
    assert used.headers["quanyu-use"] in link[1]
    deadline = time.monotonic() + 90
    while (answer := anybody.get(link[1])).status_code == 202:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert answer.status_code == 200
    leaf = json.loads(answer.json()["leaf"])
    assert leaf["rows"] == 3
    assert leaf["bytes"] == len(used.content)
    assert leaf["agreement"] == used.headers["quanyu-agreement"]
    said = json.dumps(leaf)
    assert "limit=3" not in said
    assert "pty_" not in said
    key = anybody.get("/log/key").text.strip().splitlines()[0]
    assert verify_receipt(answer.content, key).ok
    assert answer.json()["disclosures"] == []
    opened = consumer.get(link[1])
    assert [d["field"] for d in opened.json()["disclosures"]] == ["party"]
    assert verify_receipt(opened.content, key).ok
    forged = opened.content.replace(b'"value": "pty_', b'"value": "ptx_')
    assert forged != opened.content
    assert not verify_receipt(forged, key).ok
    assert anybody.get("/log/receipts/use_" + "0" * 26).status_code == 404
    assert anybody.get("/log/receipts/nonsense").status_code == 404


def test_anonymous_reads_of_open_data_are_counted(anybody: httpx.Client) -> None:
    answer = anybody.get("/ogc/features/collections/trees/items")
    assert answer.headers["quanyu-agreement"].startswith("open:")
    assert "quanyu-use" not in answer.headers


# Sign-in and tokens


def test_sign_in_by_cookie_and_its_guard(town: Town) -> None:
    with town.client() as client:
        wrong = client.post("/auth/sign-in", json={"login": "consumer", "password": "wrong"})
        assert wrong.status_code == 401
        answer = client.post("/auth/sign-in", json={"login": "consumer", "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        csrf = {"x-csrf-token": answer.json()["csrf_token"]}
        assert get(client, "/auth/whoami")["anonymous"] is False
        buildings = "/ogc/features/collections/buildings/items"
        assert client.get(buildings).status_code == 200
        wish = {
            "name": "from the test",
            "scopes": ["read"],
            "expires_at": iso(now() + timedelta(days=1)),
        }
        refused = client.post("/auth/tokens", json=wish)
        assert refused.status_code == 403
        assert refused.json()["rule"] == "csrf"
        foreign = {**csrf, "origin": "https://evil.example", "sec-fetch-site": "cross-site"}
        assert client.post("/auth/tokens", json=wish, headers=foreign).status_code == 403
        made = client.post("/auth/tokens", json=wish, headers=csrf)
        assert made.status_code == 201, made.text
        token = made.json()
        assert token["secret"].startswith("qy_")
        listed = get(client, "/auth/tokens")["tokens"]
        assert token["id"] in {one["id"] for one in listed}
        assert all("secret" not in one for one in listed)
        bearer = {"authorization": f"Bearer {token['secret']}"}
        assert httpx.get(town.url + buildings, headers=bearer, verify=False).status_code == 200
        gone = client.delete(f"/auth/tokens/{token['id']}", headers=csrf)
        assert gone.status_code == 204
        assert client.post("/auth/sign-out", headers=csrf).status_code == 204
        assert get(client, "/auth/whoami")["anonymous"] is True
        assert client.get(buildings).status_code == 403


def test_nobody_lists_tokens(anybody: httpx.Client) -> None:
    assert anybody.get("/auth/tokens").status_code == 401
    assert anybody.post("/auth/tokens", json={}).status_code in {400, 401}
    said = anybody.post("/auth/sign-in", json={"login": "x"}).json()
    assert said["status"] == 400
    assert said["field"] == "password"


# Health, headers, problems


def test_health(anybody: httpx.Client) -> None:
    assert get(anybody, "/healthz") == {"status": "ok"}
    ready = get(anybody, "/readyz")
    assert set(ready["checks"].values()) == {"ok"}
    figures = anybody.get("/metrics")
    assert "quanyu_http_requests_total" in figures.text
    assert "quanyu_uses_total" in figures.text
    behind = anybody.get("/metrics", headers={"x-forwarded-for": "203.0.113.9"})
    assert behind.status_code == 403


def test_request_ids_are_kept_when_sane(anybody: httpx.Client) -> None:
    mine = anybody.get("/healthz", headers={"x-request-id": "abc-123"})
    assert mine.headers["x-request-id"] == "abc-123"
    for odd in ("a b", "x" * 200, "<script>"):
        other = anybody.get("/healthz", headers={"x-request-id": odd})
        assert other.headers["x-request-id"].startswith("req_")


def test_other_sites_may_read_what_anybody_may(anybody: httpx.Client) -> None:
    answer = anybody.get("/ogc/features", headers={"origin": "https://map.example"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    asked = {"origin": "https://map.example", "access-control-request-method": "GET"}
    assert anybody.request("OPTIONS", "/ogc/features", headers=asked).status_code == 204


def test_every_fault_is_a_problem_in_the_callers_language(anybody: httpx.Client) -> None:
    for method, path, status in (
        ("GET", "/no/such/page", 404),
        ("POST", "/ogc/features", 405),
        ("DELETE", "/auth/whoami", 405),
        ("GET", "/problems/none", 404),
    ):
        answer = anybody.request(method, path)
        assert answer.status_code == status, path
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["request_id"] == answer.headers["x-request-id"]
    chinese = anybody.get("/no/such/page", headers={"accept-language": "zh-CN"})
    assert chinese.headers["content-language"].startswith("zh")
    page = anybody.get("/no/such/page", headers={"accept": "text/html"})
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    for kind in ("invalid", "refused", "not-found", "internal"):
        assert get(anybody, f"/problems/{kind}")["type"] == f"/problems/{kind}"


def test_bodies_are_bounded(anybody: httpx.Client) -> None:
    huge = b"{" + b" " * (2 << 20)
    headers = {"content-type": "application/json"}
    answer = anybody.post("/auth/sign-in", content=huge, headers=headers)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
