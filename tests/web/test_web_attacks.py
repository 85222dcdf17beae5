"""Attacks on the gate over HTTP: what an agreement hides cannot be reached by any face or form.

The consumer's agreement hides ``phone``, masks ``owner``, hides buildings of more than six levels
and everything east of the middle.
"""

import io
import json
import time
from typing import Any

import httpx
import mapbox_vector_tile
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from town import BELIEVED, EAST, MIDDLE, NORTH, SOUTH, WEST, Town, grid, term, visible

ITEMS = "/ogc/features/collections/buildings/items"
ALL = [(number, x) for number, x, _ in grid(300, 20)]
SHOWN = {f"b{number:04d}" for number, x in ALL if visible(number, x)}
HIDDEN = next(f"b{number:04d}" for number, x in ALL if not visible(number, x))
FACES = [
    ITEMS,
    f"{ITEMS}/b0000",
    "/ogc/features/collections/buildings",
    "/ogc/features/collections/buildings/queryables",
    "/ogc/features/collections/buildings/sortables",
    "/ogc/features/collections/buildings/schema",
    "/ogc/tiles/collections/buildings",
    "/ogc/tiles/collections/buildings/tiles",
    "/ogc/tiles/collections/buildings/tiles/WebMercatorQuad",
    "/ogc/tiles/collections/buildings/tiles/WebMercatorQuad/tilejson.json",
    "/ogc/tiles/collections/buildings/tiles/WebMercatorQuad/13/2370/4662",
    "/ogc/tiles/collections/buildings/styles/default",
    "/data/buildings.geojson",
    "/data/buildings.parquet",
    *(f"{ITEMS}?f={form}" for form in ("jsonfg", "csv", "parquet", "fgb", "arrow", "html")),
]


def page(client: httpx.Client, **params: Any) -> Any:
    answer = client.get(ITEMS, params={"limit": 1000, **params})
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(found: Any) -> set[str]:
    return {feature["id"] for feature in found["features"]}


@pytest.mark.parametrize("path", FACES)
def test_a_stranger_is_refused_on_every_face(
    anybody: httpx.Client, stranger: httpx.Client, path: str
) -> None:
    for client in (anybody, stranger):
        answer = client.get(path)
        assert answer.status_code == 403, (path, answer.status_code)
        assert b"House" not in answer.content
        if answer.headers["content-type"] == "application/problem+json":
            assert answer.json()["rule"] == "agreement.none"
            assert answer.json()["mend"]


def test_a_bad_token_is_not_anybody(anybody: httpx.Client) -> None:
    trees = "/ogc/features/collections/trees/items"
    for value in ("Bearer qy_nonsense", "Bearer", "Basic YTpi", "Bearer " + "x" * 5000):
        answer = anybody.get(trees, headers={"authorization": value})
        assert answer.status_code == 401, value
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_what_is_not_there_and_what_is_hidden_read_alike(
    anybody: httpx.Client, consumer: httpx.Client
) -> None:
    assert anybody.get("/ogc/features/collections/no-such/items").status_code == 404
    hidden = consumer.get(f"{ITEMS}/{HIDDEN}").json()
    absent = consumer.get(f"{ITEMS}/{'x' * len(HIDDEN)}").json()
    for said in (hidden, absent):
        del said["request_id"], said["instance"], said["detail"]
    assert hidden == absent


def test_rows_and_region(consumer: httpx.Client) -> None:
    found = page(consumer, count="exact")
    assert ids(found) == SHOWN
    assert found["numberMatched"] == len(SHOWN)
    for feature in found["features"]:
        assert feature["properties"]["levels"] <= 6
        for ring in feature["geometry"]["coordinates"]:
            assert all(x <= MIDDLE + 1e-9 for x, _ in ring)


def test_columns_and_masks(consumer: httpx.Client, provider: httpx.Client) -> None:
    own = page(provider)["features"][0]["properties"]
    assert set(own) >= {"name", "levels", "owner", "phone"}
    for feature in page(consumer)["features"]:
        assert set(feature["properties"]) == set(own) - {"phone"}
        assert feature["properties"]["owner"][-4:] == feature["id"][1:]
        assert "owner-" not in feature["properties"]["owner"]


@pytest.mark.parametrize(
    "query",
    [
        {"filter": "phone = '0401000000'"},
        {"filter": "phone LIKE '04%'"},
        {"filter": '"phone" IS NOT NULL'},
        {"filter": "CASEI(phone) = 'x'"},
        {"filter": "PHONE = '0401000000'"},
        {"filter": "levels = 1 OR phone > '0'"},
        {"filter": "NOT (phone IS NULL)"},
        {"filter": "phone IN ('0401000000')"},
        {
            "filter": json.dumps({"op": "isNull", "args": [{"property": "phone"}]}),
            "filter-lang": "cql2-json",
        },
        {"sortby": "phone"},
        {"sortby": "-phone"},
        {"sortby": "name,phone"},
        {"properties": "phone"},
        {"properties": "name,phone"},
        {"phone": "0401000000"},
    ],
)
def test_a_hidden_column_is_as_unknown_as_one_that_never_was(
    consumer: httpx.Client, query: dict[str, str]
) -> None:
    hidden = consumer.get(ITEMS, params=query)
    absent = consumer.get(
        ITEMS,
        params={
            name.replace("phone", "fhone"): text.replace("phone", "fhone").replace("PHONE", "FHONE")
            for name, text in query.items()
        },
    )
    assert hidden.status_code == absent.status_code == 400, hidden.text

    def told(answer: httpx.Response) -> dict[str, Any]:
        said = json.loads(answer.text.replace("fhone", "phone").replace("FHONE", "PHONE"))
        return {name: said[name] for name in ("type", "detail", "field", "mend")}

    assert told(hidden) == told(absent)
    assert "phone" not in told(hidden)["mend"]


@pytest.mark.parametrize(
    "name", ["xmin", "xmax", "zmin", "ordinal", "file_row_number", "rowid", "filename"]
)
def test_the_stores_own_columns_cannot_be_named(consumer: httpx.Client, name: str) -> None:
    for query in ({"filter": f"{name} > 0"}, {"sortby": name}, {"properties": name}, {name: "1"}):
        assert consumer.get(ITEMS, params=query).status_code == 400, query


@pytest.mark.parametrize(
    "text",
    [
        "pg_sleep(1) = 1",
        "read_text('/etc/passwd') = 'x'",
        "getenv('HOME') = 'x'",
        "current_setting('x') = 'y'",
        "query('select 1') = 1",
        "name = 'x'); DROP TABLE rows; --",
        "name = '' UNION SELECT phone FROM rows",
        "levels > (SELECT max(levels) FROM rows)",
        "max(levels) > 3",
        "1=1; ATTACH 'x'",
        "name = $q_1",
    ],
)
def test_functions_and_statements_of_the_engine_are_not_there(
    consumer: httpx.Client, text: str
) -> None:
    answer = consumer.get(ITEMS, params={"filter": text})
    assert answer.status_code == 400, answer.text
    assert answer.json()["field"] == "filter"


def test_a_masked_column_is_filtered_by_what_is_seen(consumer: httpx.Client) -> None:
    assert page(consumer, filter="owner = 'owner-0000'")["features"] == []
    assert page(consumer, filter="owner LIKE 'owner-%'")["features"] == []
    seen = page(consumer)["features"][0]["properties"]["owner"]
    assert len(page(consumer, filter=f"owner = '{seen}'")["features"]) >= 1


def test_counts_tell_nothing_of_hidden_rows(consumer: httpx.Client) -> None:
    for query in (
        {"filter": "levels > 6"},
        {"filter": "name = 'House 299'"},
        {"filter": f"S_INTERSECTS(geometry, BBOX({MIDDLE + 0.001},{SOUTH},{EAST},{NORTH}))"},
        {"bbox": f"{MIDDLE + 0.001},{SOUTH},{EAST},{NORTH}"},
        {"filter": f"fid = '{HIDDEN}'"},
    ):
        found = page(consumer, count="exact", **query)
        assert found["numberMatched"] == found["numberReturned"] == 0, query


def test_the_extent_is_that_of_what_is_seen(consumer: httpx.Client) -> None:
    collection = consumer.get("/ogc/features/collections/buildings").json()
    west, _, east, _ = collection["extent"]["spatial"]["bbox"][0]
    assert WEST <= west < east <= MIDDLE
    tilejson = consumer.get(
        "/ogc/tiles/collections/buildings/tiles/WebMercatorQuad/tilejson.json"
    ).json()
    assert tilejson["bounds"][2] <= MIDDLE
    assert "phone" not in json.dumps([collection, tilejson])


@pytest.mark.parametrize("crs", ["4326", "3857", "4490", "32635"])
def test_another_system_shows_no_more(consumer: httpx.Client, crs: str) -> None:
    uri = f"http://www.opengis.net/def/crs/EPSG/0/{crs}"
    assert ids(page(consumer, crs=uri)) == SHOWN
    world = {"4326": "-90,-180,90,180", "4490": "-90,-180,90,180"}.get(crs)
    if world:
        assert ids(page(consumer, **{"bbox": world, "bbox-crs": uri})) == SHOWN
    inside = page(
        consumer,
        **{
            "filter": f"S_INTERSECTS(geometry, BBOX({WEST},{SOUTH},{EAST},{NORTH}))",
            "filter-crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
        },
    )
    assert ids(inside) == SHOWN


def test_paging_on_shows_no_more(consumer: httpx.Client, provider: httpx.Client) -> None:
    met: set[str] = set()
    url: str | None = f"{ITEMS}?limit=17"
    while url:
        answer = consumer.get(url)
        found = answer.json()
        met |= ids(found)
        url = next((link["href"] for link in found["links"] if link["rel"] == "next"), None)
    assert met == SHOWN
    theirs = provider.get(f"{ITEMS}?limit=17").json()
    token = next(link["href"] for link in theirs["links"] if link["rel"] == "next")
    assert consumer.get(token).status_code == 400


@pytest.mark.parametrize("form", ["geojson", "jsonfg", "csv", "parquet", "fgb", "arrow", "html"])
def test_another_form_shows_no_more(consumer: httpx.Client, form: str) -> None:
    answer = consumer.get(ITEMS, params={"f": form, "limit": 1000})
    assert answer.status_code == 200
    held = answer.content
    if form == "parquet":
        held = str(pq.read_table(io.BytesIO(held)).to_pylist()).encode()
    elif form == "arrow":
        held = str(pa.ipc.open_stream(held).read_all().to_pylist()).encode()
    for secret in (b"phone", b"0401000", b"owner-0", HIDDEN.encode()):
        assert secret not in held, (form, secret)


def test_tiles_stop_at_the_edge(consumer: httpx.Client, provider: httpx.Client) -> None:
    shown: set[str] = set()
    everything: set[str] = set()
    for z, y, x in ((12, 1185, 2331), (12, 1185, 2332), (13, 2370, 4662), (13, 2370, 4663)):
        path = f"/ogc/tiles/collections/buildings/tiles/WebMercatorQuad/{z}/{y}/{x}"
        for client, names in ((consumer, shown), (provider, everything)):
            answer = client.get(path)
            assert answer.status_code in {200, 204}
            assert answer.headers["quanyu-use"].startswith("use_")
            if answer.status_code == 204:
                continue
            for layer in mapbox_vector_tile.decode(answer.content).values():
                for feature in layer["features"]:
                    names.add(feature["properties"]["name"])
                    if client is consumer:
                        assert "phone" not in feature["properties"]
                        assert "owner-" not in feature["properties"]["owner"]
    allowed = {f"House {number}" for number, x in ALL if visible(number, x)}
    assert shown <= allowed
    assert everything - allowed


def test_an_entity_tag_is_no_oracle(consumer: httpx.Client, provider: httpx.Client) -> None:
    theirs = provider.get(f"{ITEMS}?limit=5").headers["etag"]
    assert consumer.get(f"{ITEMS}?limit=5", headers={"if-none-match": theirs}).status_code == 200


def test_another_partys_agreement_does_not_help(
    town: Town, stranger: httpx.Client, anybody: httpx.Client
) -> None:
    for client in (stranger, anybody):
        for said in (
            {"params": {"agreement": town.agreement}},
            {"headers": {"quanyu-agreement": town.agreement}},
            {"params": {"agreement": "holder:buildings"}},
            {"params": {"agreement": "open:buildings"}},
        ):
            answer = client.get(ITEMS, **said)  # type: ignore[arg-type]
            assert answer.status_code == 403, said


def test_a_version_outside_the_agreement(town: Town) -> None:
    agreement = town.agree("changing", "stranger", term("quanyu:version", "eq", 1))
    with town.client("stranger") as client:
        path = f"/ogc/features/collections/changing/items?agreement={agreement}&count=exact"
        newest = client.get(path)
        assert newest.json()["numberMatched"] == 30
        assert client.get(f"{path}&version=1").json()["numberMatched"] == 30
        answer = client.get(f"{path}&version=2")
        assert answer.status_code == 403
        assert answer.json()["rule"].startswith(agreement)


def test_a_purpose_must_be_the_agreed_one(town: Town) -> None:
    agreement = town.agree("buildings", "stranger", term("purpose", "eq", "research"))
    try:
        with town.client("stranger") as client:
            assert client.get(ITEMS).status_code == 403
            assert client.get(f"{ITEMS}?purpose=marketing").status_code == 403
            assert client.get(f"{ITEMS}?purpose=research").status_code == 200
            assert client.get(ITEMS, headers={"quanyu-purpose": "research"}).status_code == 200
    finally:
        town.end(agreement, "stranger")


def test_a_quota_ends_exactly(town: Town) -> None:
    agreement = town.agree("buildings", "stranger", term("count", "lteq", 5))
    try:
        with town.client("stranger") as client:
            path = f"{ITEMS}?limit=1&agreement={agreement}"
            codes = [client.get(path).status_code for _ in range(12)]
            assert codes.count(200) <= 5
            deadline = time.monotonic() + 90
            while codes.count(200) < 5 and time.monotonic() < deadline:
                # Another worker may hold the last of the lease for a moment.
                time.sleep(0.5)
                codes.append(client.get(path).status_code)
            assert codes.count(200) == 5
            assert client.get(path).status_code in {403, 429}
    finally:
        town.end(agreement, "stranger")


def test_a_download_beyond_its_quota_does_not_begin(town: Town) -> None:
    agreement = town.agree("buildings", "stranger", term("quanyu:rowCount", "lteq", 100))
    try:
        with town.client("stranger") as client:
            named = {"agreement": agreement}
            answer = client.get("/data/buildings.geojson", params=named)
            assert answer.status_code == 403, answer.text[:200]
            assert answer.json()["rule"].startswith(agreement)
            assert client.get(ITEMS, params={**named, "limit": 50}).status_code == 200
            assert client.get(ITEMS, params={**named, "limit": 51}).status_code in {403, 429}
    finally:
        town.end(agreement, "stranger")


def test_a_revoked_token_fails_within_a_second_on_every_worker(town: Town) -> None:
    token, secret = town.token("consumer")
    one = f"{town.url}{ITEMS}?limit=1"
    headers = {"authorization": f"Bearer {secret}", "connection": "close"}
    for _ in range(20):  # so that both workers know the token
        assert httpx.get(one, headers=headers, verify=False).status_code == 200
    with town.client("consumer") as client:
        town.revoke("consumer", token)
        del client
    time.sleep(1.0)
    codes = {httpx.get(one, headers=headers, verify=False).status_code for _ in range(20)}
    assert codes == {401}


def test_an_ended_agreement_fails_within_a_second_on_every_worker(town: Town) -> None:
    agreement = town.agree("buildings", "stranger")
    one = f"{town.url}{ITEMS}?limit=1"
    headers = {"authorization": f"Bearer {town.tokens['stranger']}", "connection": "close"}
    for _ in range(20):
        assert httpx.get(one, headers=headers, verify=False).status_code == 200
    town.end(agreement, "stranger")
    time.sleep(1.0 - BELIEVED)
    codes = {httpx.get(one, headers=headers, verify=False).status_code for _ in range(20)}
    assert codes == {403}
