"""Edits over HTTP (OGC API – Features Parts 4 and 11) and what was known when, on two workers."""

import html
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from math import asinh, pi, radians, tan
from typing import Any

import httpx
import mapbox_vector_tile
import pytest
from town import BELIEVED, PASSWORD, Town, bring_in, put_on_show, term, trees

from quanyu import app as composition
from quanyu.catalogue import Access
from quanyu.parties import Role, Scope, set_roles

ROOT = "/ogc/features/collections"
GEOJSON = "application/geo+json"
PATCH = "application/merge-patch+json"


@pytest.fixture(scope="module")
def benches(town: Town) -> str:
    """An open dataset to edit: 60 benches."""
    control = town.control()
    store = composition.open_store(town.settings, control)
    version = bring_in(store, town.folder, "benches", trees(60))
    with control.begin() as session:
        put_on_show(session, version, Access.OPEN, town.callers["provider"])
    store.close()
    control.close()
    return f"{ROOT}/benches/items"


@pytest.fixture
def writer(town: Town, benches: str) -> Iterator[httpx.Client]:
    with town.client("provider") as client:
        yield client


@contextmanager
def acting_as(town: Town, who: str, role: Role) -> Iterator[None]:
    """Somebody in one more role for a while."""
    member = town.callers[who].member
    assert member is not None
    control = town.control()
    for roles in ([*town.callers[who].roles, role], town.callers[who].roles):
        with control.begin() as session:
            set_roles(session, member, roles)
        time.sleep(BELIEVED)
        if role in roles:
            yield
    control.close()


def bench(name: str, x: float = 24.93, y: float = 60.17, **more: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [x, y]},
        "properties": {"name": name, "rings": 3},
        **more,
    }


def send(
    client: httpx.Client, method: str, path: str, document: Any, **headers: str
) -> httpx.Response:
    kind = headers.pop("kind", PATCH if method == "PATCH" else GEOJSON)
    said = {"content-type": kind, **{name.replace("_", "-"): v for name, v in headers.items()}}
    return client.request(method, path, content=json.dumps(document), headers=said)


def form_token(page: str) -> str:
    found = re.findall(r'name="csrf_token" value="([^"]*)"', page)
    return found[0] if found else ""


def test_a_feature_is_created_replaced_updated_and_deleted(
    writer: httpx.Client, benches: str, town: Town
) -> None:
    made = send(writer, "POST", benches, bench("new", 24.9312345, 60.1654321))
    assert made.status_code == 201, made.text
    path = made.headers["location"].removeprefix(town.url)
    # Whichever worker answers, the next request shows it.
    for _ in range(6):
        with town.client() as fresh:
            found = fresh.get(path)
            assert found.json()["properties"]["name"] == "new"
            assert found.headers["etag"].startswith(made.headers["etag"].rstrip('"'))
            near = fresh.get(benches, params={"bbox": "24.93123,60.16543,24.93124,60.16544"})
            assert [one["properties"]["name"] for one in near.json()["features"]] == ["new"]
    tag = found.headers["etag"]
    assert writer.get(path, headers={"if-none-match": tag}).status_code == 304
    patched = send(writer, "PATCH", path, {"properties": {"kind": "oak"}}, if_match=tag)
    assert patched.status_code == 204, patched.text
    assert writer.get(path).json()["properties"] == {
        "id": path.rpartition("/")[2], "name": "new", "kind": "oak", "height": None,
        "planted": None, "rings": 3, "street": None,
    }  # fmt: skip
    stale = send(writer, "PUT", path, bench("late"), if_match=tag)
    assert stale.status_code == 412
    assert stale.json()["field"] == "If-Match"
    put = send(writer, "PUT", path, bench("put"), if_match=patched.headers["etag"])
    assert put.status_code == 204
    assert writer.get(path).json()["properties"]["kind"] is None
    gone = writer.delete(path, headers={"if-match": put.headers["etag"]})
    assert gone.status_code == 204
    assert writer.get(path).status_code == 404
    assert writer.delete(path, headers={"if-match": "*"}).status_code == 404


def test_coordinates_come_in_the_system_that_is_named(writer: httpx.Client, benches: str) -> None:
    feature = bench("projected", 386000.0, 6672000.0)
    crs = "<http://www.opengis.net/def/crs/EPSG/0/32635>"
    made = send(writer, "POST", benches, feature, content_crs=crs)
    assert made.status_code == 201, made.text
    found = writer.get(made.headers["location"]).json()["geometry"]["coordinates"]
    again = writer.get(
        made.headers["location"], params={"crs": "http://www.opengis.net/def/crs/EPSG/0/32635"}
    ).json()["geometry"]["coordinates"]
    assert 24.9 < found[0] < 25.0
    assert again == pytest.approx([386000.0, 6672000.0], abs=0.01)
    wrong = send(writer, "POST", benches, feature, content_crs="<urn:nothing>")
    assert (wrong.status_code, wrong.json()["field"]) == (400, "Content-Crs")


def test_what_is_missing_or_wrong_is_named(writer: httpx.Client, benches: str) -> None:
    one = f"{benches}/t0001"
    patch = {"properties": {"rings": 1}}
    cases = [
        (send(writer, "PATCH", one, patch), 428, "If-Match"),
        (send(writer, "PATCH", one, patch, if_match='W/"1"'), 412, "If-Match"),
        (send(writer, "PATCH", one, {"properties": {"rings": "x"}}, if_match="*"), 400,
         "properties.rings"),
        (send(writer, "PATCH", one, patch, if_match="*", kind="text/plain"), 415, "Content-Type"),
        (send(writer, "PUT", one, {"type": "Feature", "properties": {}}, if_match="*"), 400,
         "geometry"),
        (send(writer, "POST", benches, [1]), 400, "body"),
        (send(writer, "POST", f"{benches}?bbox=1", bench("x")), 400, "bbox"),
        (send(writer, "POST", f"{benches}?collisions=never", bench("x")), 400, "collisions"),
        (send(writer, "POST", benches, bench("x", id="t0001")), 409, "id"),
        (send(writer, "POST", benches, bench("x"), idempotency_key="k" * 201), 400,
         "idempotency-key"),
    ]  # fmt: skip
    for answer, status, field in cases:
        assert (answer.status_code, answer.json()["field"]) == (status, field), answer.text
    broken = writer.post(benches, content=b"{", headers={"content-type": GEOJSON})
    assert (broken.status_code, broken.json()["field"]) == (400, "body")


def test_strangers_are_refused(town: Town, benches: str) -> None:
    _, reading = town.token("provider", scopes=[Scope.READ])
    told: list[tuple[str | None, int]] = [(None, 401), ("consumer", 403), ("stranger", 403)]
    document = {
        "transaction": [{"action": "delete", "collection": "benches", "featureId": "t0002"}]
    }
    undo = "/data/benches/versions/1/restore"
    for who, status in told:
        with town.client(who) as client:
            answers = [
                send(client, "POST", benches, bench("x")),
                send(client, "PUT", f"{benches}/t0002", bench("x"), if_match="*"),
                send(client, "PATCH", f"{benches}/t0002", {"properties": {}}, if_match="*"),
                client.delete(f"{benches}/t0002", headers={"if-match": "*"}),
                send(
                    client, "POST", "/ogc/features/transactions", document, kind="application/json"
                ),
                client.post(undo),
            ]
            assert [one.status_code for one in answers] == [status] * 6, who
            # Not even whether a feature or a dataset is there.
            hidden = send(client, "POST", f"{ROOT}/secrets/items", bench("x"))
            assert hidden.status_code in {401, 403, 404}
    with town.client(authorization=f"Bearer {reading}") as client:
        answer = client.delete(f"{benches}/t0002", headers={"if-match": "*"})
        assert (answer.status_code, answer.json()["rule"]) == (403, "scope.write")
        assert client.get(f"{benches}/t0002").status_code == 200


def test_a_page_of_another_site_cannot_edit(town: Town, benches: str) -> None:
    with town.client() as browser:
        token = form_token(browser.get("/sign-in").text)
        secret = {"login": "provider", "password": PASSWORD, "csrf_token": token}
        browser.post("/sign-in", data=secret)
        assert browser.cookies
        answer = browser.delete(f"{benches}/t0003", headers={"if-match": "*"})
        assert answer.status_code == 403
        assert browser.get(f"{benches}/t0003").status_code == 200


def test_a_transaction_is_done_wholly_or_not_at_all(
    town: Town, writer: httpx.Client, benches: str
) -> None:
    def transact(*actions: dict[str, Any], **headers: str) -> httpx.Response:
        document = {"semantic": "atomic", "transaction": list(actions)}
        path = "/ogc/features/transactions"
        return send(writer, "POST", path, document, kind="application/ogc-tx+json", **headers)

    insert = {"action": "insert", "collection": "benches", "items": [bench("a"), bench("b")]}
    modify = {
        "action": "update",
        "collection": "benches",
        "filter": "id = 't0010'",
        "properties": {
            "add": [{"name": "name", "value": "ten"}],
            "modify": [{"name": "rings", "value": 10}],
            "delete": ["kind"],
        },
    }
    replaced = {
        "action": "replace",
        "collection": "trees",
        "properties": {"feature": bench("tree", id="t0011")},
    }
    remove = {
        "action": "delete",
        "collection": "benches",
        "filter": {"op": "=", "args": [{"property": "id"}, "t0012"]},
    }
    before = writer.get(f"{benches}/t0010").json()
    bad = transact(insert, modify, {**remove, "filter": "id = 'never'"})
    assert bad.status_code == 404
    wrong = transact(
        insert, {**modify, "properties": {"modify": [{"name": "rings", "value": "x"}]}}
    )
    assert (wrong.status_code, wrong.json()["field"]) == (400, "transaction[1].properties.rings")
    assert writer.get(f"{benches}/t0010").json()["properties"] == before["properties"]
    good = transact(insert, modify, replaced, remove, idempotency_key="batch-1")
    assert good.status_code == 200, good.text
    told = good.json()
    assert told["summary"] == {"totalInserted": 2, "totalUpdated": 2, "totalDeleted": 1}
    assert {one["collection"] for one in told["collections"]} == {"benches", "trees"}
    assert writer.get(f"{benches}/t0010").json()["properties"]["rings"] == 10
    assert writer.get(f"{ROOT}/trees/items/t0011").json()["properties"]["name"] == "tree"
    again = transact(insert, modify, replaced, remove, idempotency_key="batch-1")
    assert again.json() == told
    other = transact(insert, idempotency_key="batch-1")
    assert (other.status_code, other.json()["field"]) == (409, "Idempotency-Key")
    for document in ({}, {"transaction": []}, {"transaction": [1]}, {"transaction": [{}]},
                     {"semantic": "batch", "transaction": [insert]},
                     {"transaction": [{**insert, "items": [7]}]},
                     {"transaction": [{**remove, "filter": "name = 'x'"}]}):  # fmt: skip
        answer = send(writer, "POST", "/ogc/features/transactions", document,
                      kind="application/json")  # fmt: skip
        assert answer.status_code == 400, document
        assert answer.json()["field"]
    restored = writer.post("/data/trees/versions/1/restore")
    assert restored.status_code == 200, restored.text


def test_the_city_as_it_was_and_as_it_was_known(
    town: Town, writer: httpx.Client, benches: str
) -> None:
    one = f"{benches}/t0020"
    first = send(writer, "PATCH", one, {"properties": {"name": "then"},
                 "time": {"interval": ["2020-01-01", "2021-12-31"]}}, if_match="*")  # fmt: skip
    assert first.status_code == 204, first.text
    known = datetime.now(UTC)
    second = send(writer, "PATCH", one, {"properties": {"name": "now"},
                  "time": {"interval": ["2022-01-01", ".."]}}, if_match="*")  # fmt: skip
    assert second.status_code == 204
    as_of = known.isoformat()

    def names(**params: str) -> list[str]:
        answer = writer.get(benches, params={"id": "t0020", "limit": "1000", **params})
        assert answer.status_code == 200, answer.text
        return [f["properties"]["name"] for f in answer.json()["features"]]

    assert names() == ["now"]
    assert names(**{"as-of": as_of}) == ["then"]
    assert names(datetime="2021-06-01") == []
    assert names(datetime="2021-06-01", **{"as-of": as_of}) == ["then"]
    assert names(datetime="2023-06-01", **{"as-of": as_of}) == []
    assert names(datetime="2023-06-01") == ["now"]
    old = writer.get(one, params={"as-of": as_of})
    assert old.json()["properties"]["name"] == "then"
    assert "memento-datetime" in old.headers
    assert writer.get(one, params={"datetime": "2021-06-01"}).status_code == 404
    # The same on files and tiles.
    csv = writer.get("/data/benches.csv", params={"as-of": as_of, "datetime": "2021-06-01"}).text
    assert "then" in csv
    x, y = writer.get(one).json()["geometry"]["coordinates"]
    z = 16
    column = int((x + 180) / 360 * 2**z)
    line = int((1 - asinh(tan(radians(y))) / pi) / 2 * 2**z)
    tile = f"/ogc/tiles/collections/benches/tiles/WebMercatorQuad/{z}/{line}/{column}"

    def drawn(**params: str) -> set[str]:
        answer = writer.get(tile, params=params)
        if answer.status_code == 204:
            return set()
        layer = mapbox_vector_tile.decode(answer.content)["benches"]
        return {f["properties"]["name"] for f in layer["features"]}

    assert "now" in drawn()
    assert "then" in drawn(**{"as-of": as_of})
    assert not {"now", "then"} & drawn(datetime="2021-06-01")
    assert "then" in drawn(datetime="2021-06-01", **{"as-of": as_of})
    long_ago = (known - timedelta(days=3650)).isoformat()
    for params, status in (
        ({"as-of": long_ago}, 404),
        ({"as-of": "yesterday"}, 400),
        ({"as-of": as_of, "version": "1"}, 400),
    ):
        answer = writer.get(benches, params=params)
        assert (answer.status_code, answer.json()["field"]) == (status, "as-of"), params


def test_paging_goes_on_in_the_version_that_it_began_in(writer: httpx.Client, benches: str) -> None:
    page = writer.get(benches, params={"limit": 20}).json()
    ids = [one["id"] for one in page["features"]]
    victim = f"{benches}/t0033"
    assert writer.delete(victim, headers={"if-match": "*"}).status_code == 204
    while following := [one["href"] for one in page["links"] if one["rel"] == "next"]:
        page = writer.get(following[0]).json()
        ids += [one["id"] for one in page["features"]]
    assert len(ids) == len(set(ids))
    assert "t0033" in ids


def test_an_agreement_gives_no_right_to_edit_unless_it_says_so(town: Town) -> None:
    """The consumer may use the buildings, which is not to modify them; nor what it does not see."""
    with town.client("consumer") as client:
        items = f"{ROOT}/buildings/items"
        seen = client.get(items, params={"limit": 1}).json()["features"][0]["id"]
        answer = client.delete(f"{items}/{seen}", headers={"if-match": "*"})
        assert answer.status_code == 403
        hidden = client.delete(f"{items}/b0299", headers={"if-match": "*"})
        assert hidden.status_code == 403
        assert answer.json()["rule"] == hidden.json()["rule"]


def test_an_agreement_to_modify_lets_edit_what_it_shows(town: Town, benches: str) -> None:
    """Within its region another party may edit; what lies outside, or would, is refused."""
    inside = {"type": "Point", "coordinates": [24.9411, 60.1611]}
    west, south, east, north = 24.941, 60.161, 24.942, 60.162
    area = {
        "type": "Polygon",
        "coordinates": [
            [[west, south], [east, south], [east, north], [west, north], [west, south]]
        ],
    }
    agreement = town.agree(
        "benches", "consumer", term("spatial", "isPartOf", area), actions=("use", "modify")
    )
    with town.client("consumer") as client, acting_as(town, "consumer", Role.SUPPLIER):
        params = {"agreement": agreement}
        document = {"type": "Feature", "geometry": inside, "properties": {"name": "theirs"}}
        headers = {"content-type": GEOJSON}
        made = client.post(benches, params=params, json=document, headers=headers)
        assert made.status_code == 201, made.text
        path = made.headers["location"].removeprefix(town.url)
        away = {"geometry": {"type": "Point", "coordinates": [24.95, 60.17]}}
        patch = {"content-type": PATCH, "if-match": made.headers["etag"]}
        moved = client.patch(path, params=params, json=away, headers=patch)
        assert (moved.status_code, moved.json()["rule"]) == (403, "edit.outside")
        beyond = client.patch(
            f"{benches}/t0001", params=params, json={"properties": {"name": "x"}}, headers=patch
        )
        assert beyond.status_code == 404
        assert client.delete(path, params=params, headers=patch).status_code == 204
        assert client.delete(path, params=params, headers=patch).status_code == 404


def test_the_methods_are_told(writer: httpx.Client, benches: str) -> None:
    assert "POST" in writer.options(benches).headers["allow"]
    answer = writer.options(f"{benches}/t0001")
    assert "PATCH" in answer.headers["allow"]
    assert answer.headers["accept-patch"] == PATCH
    classes = writer.get("/ogc/features/conformance").json()["conformsTo"]
    assert "http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/create-replace-delete" in classes


def test_differences_and_histories_are_told(
    town: Town, writer: httpx.Client, benches: str, anybody: httpx.Client
) -> None:
    one = f"{benches}/t0040"
    before = int(writer.get(one).json()["properties"]["rings"])
    made = send(writer, "PATCH", one, {"properties": {"rings": 41}}, if_match="*",
                quanyu_note="counted again")  # fmt: skip
    number = int(made.headers["quanyu-version"])
    told = anybody.get("/data/benches/differences", params={"since": number - 1, "version": number})
    assert told.status_code == 200, told.text
    [found] = told.json()["differences"]
    assert (found["id"], found["change"]) == ("t0040", "updated")
    assert found["properties"] == [{"name": "rings", "before": before, "after": 41}]
    assert found["geometry"]["changed"] is False
    page = anybody.get("/data/benches/differences", params={"since": number - 1, "f": "html"})
    assert "t0040" in page.text
    assert "<svg" in page.text
    paged = anybody.get("/data/benches/differences", params={"since": 1, "limit": 1}).json()
    following = [link["href"] for link in paged["links"]]
    assert anybody.get(following[0]).json()["differences"][0]["id"] > paged["differences"][0]["id"]
    # Who it was is for the holder alone.
    steps = anybody.get("/data/benches/history/t0040", params={"f": "json"}).json()["steps"]
    assert steps[0]["version"] == number
    assert "editor" not in steps[0]
    assert "note" not in steps[0]
    own = writer.get("/data/benches/history/t0040", params={"f": "json"}).json()["steps"]
    assert (own[0]["editor"], own[0]["note"]) == ("provider", "counted again")
    assert "counted again" in writer.get("/data/benches/history/t0040", params={"f": "html"}).text
    listed = writer.get("/data/benches/versions").json()["versions"]
    assert listed[0]["edited"] is True
    assert listed[0]["editor"] == "provider"
    assert "editor" not in anybody.get("/data/benches/versions").json()["versions"][0]
    assert anybody.get("/data/benches/versions", params={"f": "html"}).status_code == 200
    assert anybody.get("/data/secrets/differences", params={"since": 1}).status_code in {
        401,
        403,
        404,
    }
    assert anybody.get("/data/secrets/history/t0001").status_code in {401, 403, 404}
    undone = writer.post(f"/data/benches/versions/{number}/undo")
    assert undone.status_code == 200, undone.text
    assert writer.get(one).json()["properties"]["rings"] == before


def test_a_member_edits_in_a_form(town: Town, benches: str) -> None:
    with town.client() as browser:
        browser.headers["accept"] = "text/html"
        token = form_token(browser.get("/sign-in").text)
        secret = {"login": "provider", "password": PASSWORD, "csrf_token": token}
        assert browser.post("/sign-in", data=secret).status_code in {302, 303}
        page = browser.get(f"{benches}/t0045", params={"f": "html"}).text
        assert "/data/benches/edit/t0045" in page
        form = browser.get("/data/benches/edit/t0045").text
        sent = dict(re.findall(r'name="((?:was|type|value)\.[^"]+)"[^>]*? value="([^"]*)"', form))
        sent["tag"] = html.unescape(re.findall(r'name="tag" value="([^"]*)"', form)[0])
        sent |= {"value.name": "by hand", "value.rings": "7"}
        without = browser.post("/data/benches/edit/t0045", data=sent)
        assert without.status_code == 403
        sent["csrf_token"] = form_token(form)
        saved = browser.post("/data/benches/edit/t0045", data=sent)
        assert saved.status_code == 303, saved.text
        found = browser.get(f"{benches}/t0045", params={"f": "json"}).json()["properties"]
        assert (found["name"], found["rings"], found["kind"]) == ("by hand", 7, "oak")
        again = browser.post("/data/benches/edit/t0045", data=sent)
        assert again.status_code == 412
    with town.client("stranger") as other:
        assert other.get("/data/benches/edit/t0045").status_code == 403
    with town.client() as nobody:
        assert nobody.get("/data/benches/edit/t0045").status_code == 401
