"""Private set intersection between two nodes, and secure sums among three, over HTTP."""

import base64
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import orjson
import pytest
from small_node import found_small
from town import Town, collection, serve_town, term

PURPOSE = "research"
KINDS = ["lime", "oak", "birch", "maple"]


def people(count: int, first: int) -> dict[str, Any]:
    """Points with a telephone as people type it, and a kind with a cost."""
    wide = str.maketrans("0123456789", "０１２３４５６７８９")
    return collection(
        {
            "type": "Feature",
            "id": f"p{number}",
            "geometry": {"type": "Point", "coordinates": [24.9 + number / 1e5, 60.16]},
            "properties": {
                "mobile": f"0401-{number:06d}".translate(wide if number % 2 else {}),
                "kind": KINDS[number % 3],
                "cost": number / 4,
            },
        }
        for number in range(first, first + count)
    )


@pytest.fixture(scope="module")
def neighbours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Town]]:
    """Two more nodes, which may ask hosts of this machine."""
    made = []
    for number in range(2):
        folder = tmp_path_factory.mktemp(f"neighbour{number}")
        made.append(found_small(folder, "people", people(100, 250 + 500 * number)))
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(2) as pool:
        patch.setenv("QUANYU_ALLOW_PRIVATE_URLS", "true")
        stops = list(pool.map(lambda one: serve_town(one, workers=1), made))
    yield made
    for stop in stops:
        stop()


@pytest.fixture(scope="module")
def matching(town: Town) -> Iterator[str]:
    """An agreement under which the stranger may match telephones, and nothing else."""
    made = town.agree(
        "buildings",
        "stranger",
        term("purpose", "eq", PURPOSE),
        term("quanyu:columns", "isAnyOf", ["phone"]),
        actions=["quanyu:match"],
    )
    yield made
    town.end(made, "provider")


def peer_of(town: Town, **more: str) -> dict[str, str]:
    return {
        "url": town.url,
        "token": town.tokens["stranger"],
        "collection": "buildings",
        "column": "phone",
        "purpose": PURPOSE,
        **more,
    }


def intersect(node: Town, peer: dict[str, str], **said: Any) -> httpx.Response:
    asked = {"collection": "people", "column": "mobile", "peer": peer, **said}
    with node.client("holder") as client:
        return client.post("/private/intersections", json=asked, timeout=90)


@pytest.mark.usefixtures("matching")
def test_two_nodes_intersect_and_both_have_evidence(town: Town, neighbours: list[Town]) -> None:
    found = intersect(neighbours[0], peer_of(town))
    assert found.status_code == 200, found.text
    said = found.json()
    # The town has the numbers 0 to 299, the neighbour 250 to 349.
    assert said["intersection"] == [f"0401{number:06d}" for number in range(250, 300)]
    assert (said["cardinality"], said["sizes"]) == (50, {"own": 100, "peer": 300})
    assert said["model"] == "semi-honest"
    with town.client("stranger") as there, neighbours[0].client("holder") as here:
        for client, use in ((here, said["uses"]["own"]), (there, said["uses"]["peer"])):
            assert orjson.loads(receipt_of(client, use)["leaf"])["face"] == "intersection"

    counted = intersect(neighbours[0], peer_of(town), cardinality=True).json()
    assert counted["cardinality"] == 50
    assert "intersection" not in counted


def receipt_of(client: httpx.Client, use: str) -> dict[str, Any]:
    until = time.monotonic() + 60
    while True:
        found = client.get(f"/log/receipts/{use}")
        if found.status_code == 200 or time.monotonic() > until:
            document: dict[str, Any] = found.json()
            return document
        time.sleep(0.3)


@pytest.mark.usefixtures("matching")
def test_the_other_side_decides(
    town: Town, neighbours: list[Town], stranger: httpx.Client, anybody: httpx.Client
) -> None:
    assert intersect(neighbours[0], peer_of(town, purpose="marketing")).status_code == 400
    hidden = intersect(neighbours[0], peer_of(town, column="owner"))
    assert (hidden.status_code, "owner" in hidden.json()["detail"]) == (400, True)
    where = "/private/intersections/buildings?column=phone&purpose=research"
    assert anybody.post(where, content=bytes(32)).status_code == 401
    assert stranger.post(where, content=bytes(31)).json()["field"] == "points"
    assert stranger.post(where, content=b"\xff" * 32).json()["field"] == "points"
    secret = where.replace("buildings", "secrets").replace("phone", "name")
    assert stranger.post(secret, content=bytes(32)).status_code == 403
    # The right to match is no right to read, nor to begin from there.
    assert stranger.get("/ogc/features/collections/buildings/items").status_code == 403
    begun = {"collection": "buildings", "column": "phone", "purpose": PURPOSE}
    own = stranger.post("/private/intersections", json={**begun, "peer": peer_of(town)})
    assert own.status_code == 403


def test_three_nodes_add_up_and_nobody_sees_a_part(
    town: Town, neighbours: list[Town], provider: httpx.Client
) -> None:
    names = ["provider", "consumer", "stranger"]
    parties = {name: str(town.callers[name].party) for name in names}
    body = {
        "title": "Costs by kind",
        "participants": list(parties.values()),
        "groups": KINDS,
        "decimals": 2,
    }
    two = provider.post("/private/sums", json={**body, "participants": body["participants"][:2]})
    assert (two.status_code, two.json()["field"]) == (400, "participants")
    begun = provider.post("/private/sums", json=body)
    assert begun.status_code == 201, begun.text
    name = begun.json()["id"]
    nodes = {"provider": (town, "provider", "trees", "height")}
    nodes["consumer"] = (neighbours[0], "holder", "people", "cost")
    nodes["stranger"] = (neighbours[1], "holder", "people", "cost")

    def take_part(who: str) -> httpx.Response:
        node, login, slug, column = nodes[who]
        said = {
            "gatherer": {"url": town.url, "token": town.tokens[who], "party": parties[who]},
            "round": name,
            "collection": slug,
            "by": "kind",
            "column": column,
        }
        with node.client(login) as client:
            return client.post("/private/sums/part", json=said, timeout=90)

    # The town's node may not ask hosts of a private network, so its party adds by a neighbour.
    assert take_part("provider").json()["rule"] == "fetch.private"
    nodes["provider"] = (neighbours[1], "holder", "people", "")
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(take_part, names))
    assert [one.status_code for one in answers] == [200] * 3, [one.text for one in answers]
    assert all(one.json()["use"] for one in answers)
    found = provider.get(f"/private/sums/{name}").json()
    assert found["status"] == "done"
    expected = [0.0] * 4
    for first, costs in ((250, True), (750, True), (750, False)):
        for number in range(first, first + 100):
            expected[number % 3] += number / 4 if costs else 1
    assert found["result"] == expected
    with town.client() as nobody:
        assert nobody.get(f"/private/sums/{name}").status_code == 401
    with town.client("node") as other:
        assert other.get(f"/private/sums/{name}").status_code == 404
    again = base64.b64encode(bytes(32)).decode()
    assert provider.post(f"/private/sums/{name}/key", json={"key": again}).status_code == 409


def test_a_round_with_a_silent_party_fails_and_says_who(
    town: Town, provider: httpx.Client, consumer: httpx.Client
) -> None:
    parties = [str(town.callers[one].party) for one in ("provider", "consumer", "stranger")]
    body = {"title": "x", "participants": parties, "groups": ["a"], "seconds": 1}
    name = provider.post("/private/sums", json=body).json()["id"]
    key = base64.b64encode(b"k" * 32).decode()
    assert consumer.post(f"/private/sums/{name}/key", json={"key": key}).status_code == 200
    time.sleep(1.1)
    found = provider.get(f"/private/sums/{name}").json()
    assert (found["status"], found["silent"]) == ("failed", [parties[0], parties[2]])
    late = provider.post(f"/private/sums/{name}/key", json={"key": key})
    assert (late.status_code, late.json()["field"]) == (409, "round")
