"""Pages of harvesting on a served node; entries of data elsewhere; a second node harvested."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from remote import Ckan, Remote, package
from town import PASSWORD, Town, found_town, serve_town

SignedIn = Callable[[str], httpx.Client]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A served town that may ask hosts of this machine."""
    made = found_town(tmp_path_factory.mktemp("harvester"))
    (made.folder / "quanyu.toml").write_text("allow_private_urls = true\n")
    stop = serve_town(made, workers=1)
    yield made
    stop()


@pytest.fixture(scope="module")
def source() -> Iterator[Remote]:
    made = Remote().start()
    Ckan(made, [package(n, notes="<script>alert(1)</script>About") for n in range(4)])
    yield made
    made.stop()


@pytest.fixture
def signed_in(node: Town) -> Iterator[SignedIn]:
    opened: list[httpx.Client] = []

    def enter(who: str) -> httpx.Client:
        headers = {"accept": "text/html", "accept-language": "en"}
        client = httpx.Client(
            base_url=node.url, headers=headers, timeout=30, follow_redirects=True, verify=False
        )
        opened.append(client)
        answer = client.post("/sign-in", data={"login": who, "password": PASSWORD, "back": "/"})
        assert answer.status_code == 200
        return client

    yield enter
    for client in opened:
        client.close()


def csrf(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def waited(client: httpx.Client, path: str) -> dict[str, Any]:
    """The last run of a source, once it is over."""
    for _ in range(450):
        said = client.get(path, params={"f": "json"}).json()
        assert "runs" in said, said
        if said["runs"] and said["runs"][0]["state"] not in {"running", "stalled"}:
            found: dict[str, Any] = said["runs"][0]
            return found
        time.sleep(0.2)
    raise AssertionError("the run did not end")


def test_strangers_see_nothing(node: Town, signed_in: SignedIn) -> None:
    with node.client(accept="text/html") as anybody:
        for path in ("/harvest", "/harvest/new", "/harvest/hsr_x", "/harvest/runs/hrn_x"):
            assert anybody.get(path).status_code == 401
        assert anybody.post("/harvest/new", data={"url": "https://a.example"}).status_code == 401
    stranger = signed_in("stranger")
    assert stranger.get("/harvest").status_code == 403
    assert stranger.get("/harvest/hsr_x").status_code == 404
    form = {"csrf_token": csrf(stranger.get("/harvest/hsr_x").text), "url": "https://a.example"}
    made = stranger.post("/harvest/new", data={**form, "name_en": "x"})
    assert made.status_code == 403


def test_a_source_from_form_to_entry(node: Town, source: Remote, signed_in: SignedIn) -> None:
    steward = signed_in("node")
    page = steward.get("/harvest/new").text
    form = {
        "csrf_token": csrf(page), "name_zh": "道路局", "kind": "ckan", "url": source.url,
        "provider": node.callers["provider"].party, "every_minutes": "1440", "trust": "publish",
        "licence": "by-agreement", "access": "restricted", "on_missing": "mark",
        "missing_runs": "3", "page_size": "2", "themes": "streets = transport",
    }  # fmt: skip
    wrong = steward.post("/harvest/new", data={**form, "url": "ftp://x"})
    assert wrong.status_code == 400
    assert "web address" in wrong.text
    made = steward.post("/harvest/new", data=form)
    assert made.status_code == 200, made.text
    path = made.url.path
    run = waited(steward, path)
    assert run["state"] == "done", run
    assert run["counts"] == {"added": 4}
    told = steward.get(f"/harvest/runs/{run['id']}").text
    assert "Dataset 3" in told
    assert "run-bar" in told
    assert "道路局" in steward.get("/harvest").text
    twin = steward.get(f"/harvest/runs/{run['id']}", params={"f": "json", "outcome": "added"})
    assert len(twin.json()["items"]) == 4
    assert steward.get(f"/harvest/runs/{run['id']}?outcome=nonsense").status_code == 400

    with node.client(accept="text/html") as anybody:
        found = anybody.get("/search", params={"q": "Dataset 2", "f": "json"}).json()
        entry = next(hit for hit in found["hits"] if hit["title"]["en"] == "Dataset 2")
        shown = anybody.get(f"/resources/{entry['slug']}").text
        assert 'href="https://data.example.org/2.csv" rel="noopener nofollow external"' in shown
        assert "held elsewhere" in shown
        assert "<script>alert" not in shown
        items = anybody.get(f"/ogc/features/collections/{entry['slug']}/items?f=geojson")
        assert items.status_code == 404
        problem = items.json()
        assert "elsewhere" in problem["detail"]
        assert "https://data.example.org/2.csv" in problem["mend"]
        for address in (
            f"/data/{entry['slug']}.csv",
            f"/ogc/tiles/collections/{entry['slug']}/tiles/WebMercatorQuad/0/0/0?f=mvt",
            f"/ogc/features/collections/{entry['slug']}",
        ):
            assert anybody.get(address, headers={"accept": "*/*"}).status_code == 404
        record = anybody.get(f"/ogc/records/collections/catalogue/items/{entry['id']}?f=geojson")
        links = [one["href"] for one in record.json()["links"]]
        assert "https://data.example.org/2.csv" in links
        assert not any("/data/" in link for link in links)

    page = steward.get(path).text
    again = steward.post(path, data={"csrf_token": csrf(page), "act": "run"})
    assert again.status_code == 200
    assert waited(steward, path)["counts"] == {"unchanged": 4}
    revision = re.search(r'name="revision" value="(\d+)"', page)
    assert revision is not None
    paused = steward.post(
        path, data={"csrf_token": csrf(page), "act": "pause", "revision": revision[1]}
    )
    assert "Paused" in paused.text
    stale = steward.post(
        path, data={"csrf_token": csrf(page), "act": "pause", "revision": revision[1]}
    )
    assert stale.status_code == 409
    assert steward.post(path, data={"act": "run"}).status_code == 403


def test_a_second_node_is_harvested(
    node: Town, signed_in: SignedIn, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = found_town(tmp_path_factory.mktemp("other"))
    folder: Path = other.folder
    (folder / "quanyu.toml").write_text('node_name = "other.city"\nallow_private_urls = true\n')
    stop = serve_town(other, workers=1)
    try:
        steward = signed_in("node")
        form = {
            "csrf_token": csrf(steward.get("/harvest/new").text), "name_en": "Other city",
            "kind": "quanyu", "url": other.url, "provider": node.callers["node"].party,
            "every_minutes": "0", "trust": "publish",
        }  # fmt: skip
        path = steward.post("/harvest/new", data=form).url.path
        steward.post(path, data={"csrf_token": csrf(steward.get(path).text), "act": "run"})
        run = waited(steward, path)
        assert run["state"] == "done", run
        assert run["counts"].get("added") == 4, run
        with httpx.Client(base_url=other.url, verify=False) as there, node.client() as here:
            theirs = there.get("/ogc/records/collections/catalogue/items?f=json").json()["features"]
            code = next(
                one["properties"]["externalIds"][0]["value"]
                for one in theirs
                if one["properties"]["slug"] == "trees"
            )
            ours = here.get(
                "/ogc/records/collections/catalogue/items",
                params={"externalIds": code, "f": "json"},
            ).json()["features"]
        assert len(ours) == 1
        assert "trees" in ours[0]["properties"]["title"].lower()
        page = steward.get(f"/resources/{ours[0]['properties']['slug']}").text
        assert "Entry of the node" in page
        # The other way round: what came from there goes not back.
        control = other.control()
        from quanyu.catalogue import SourceKind, SourceSettings, Trust, add_source, harvest_once
        from quanyu.kernel import LocalText

        with control.begin() as session:
            back = add_source(
                session, other.callers["node"], name=LocalText(en="Back"), kind=SourceKind.QUANYU,
                url=node.url, provider=other.callers["node"].party,  # type: ignore[arg-type]
                settings=SourceSettings(trust=Trust.PUBLISH), every_minutes=0,
            )  # fmt: skip
        returned = harvest_once(control, other.settings, back.id)
        control.close()
        assert returned.counts["skipped"] == 4, returned  # type: ignore[index]
    finally:
        stop()
