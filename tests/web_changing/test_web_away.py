"""Data whose files are away: lists go on without them, and who asks for them is told so."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from town import BELIEVED, Town, bring_in, buildings, put_on_show, trees

from quanyu import app as composition
from quanyu.catalogue import Access

GONE, BROKEN, THERE = "gone-trees", "broken-trees", "trees"
LISTS = [
    "/ogc/features/collections",
    "/ogc/tiles/collections",
    "/ogc/edr/collections",
    "/ogc/maps/collections",
    "/ogc/coverages/collections",
    "/ogc/3dgeovolumes/collections",
]
"""Lists of what can be had through a standard: what cannot be read is not in them."""
RECORDS = [
    "/stac/collections",
    "/ogc/records/collections/catalogue/items?limit=100",
    "/catalog.jsonld",
    "/search?q=trees&f=json",
]
"""Lists of what is on record: what cannot be read is still there."""
OTHERS = [
    "/", "/?f=json", "/map", "/map?f=json", "/wall", "/wall?f=json", "/search", "/console",
    "/place?f=html&point=24.94,60.17", "/processes", "/overview.svg", "/api", "/stac/search",
    "/ogc/processes/processes", "/sitemap.xml", "/api/health", "/health-board",
    f"/resources/{GONE}", f"/resources/{GONE}/health", f"/api/resources/{GONE}/health",
]  # fmt: skip
"""All else that looks at many data, or at the entry itself."""
SINGLE = [
    "/ogc/features/collections/{slug}/items",
    "/ogc/features/collections/{slug}",
    "/ogc/tiles/collections/{slug}",
    "/ogc/edr/collections/{slug}",
    "/ogc/features/collections/{slug}/items/t0001",
    "/data/{slug}.csv",
]


@pytest.fixture(scope="module")
def away(town: Town) -> Iterator[Town]:
    """A table's folder was moved away and another's file is damaged, before any copy was made."""
    control = town.control()
    store = composition.open_store(town.settings, control)
    folders = {}
    for slug, features in ((GONE, trees(40)), (BROKEN, trees(40)), ("whole-homes", buildings())):
        version = bring_in(store, town.folder, slug, features)
        folders[slug] = town.settings.dir / "tables" / version.table
        with control.begin() as session:
            put_on_show(session, version, Access.OPEN, town.callers["provider"])
    store.close()
    control.close()
    elsewhere = folders[GONE].rename(folders[GONE].with_name("elsewhere"))
    damaged = {one: one.read_bytes() for one in folders[BROKEN].glob("*.parquet")}
    for one in damaged:
        one.write_bytes(b"nothing of a table")
    time.sleep(BELIEVED)
    yield town
    if elsewhere.exists():
        elsewhere.rename(folders[GONE])  # others use this town too
    for one, body in damaged.items():
        one.write_bytes(body)


def reach(client: httpx.Client, slug: str) -> int | None:
    """The score of the part of health of whether files can be read; none while there is none."""
    parts = client.get(f"/api/resources/{slug}/health").json()["parts"]
    return next((one["score"] for one in parts if one["aspect"] == "reach"), None)


def until(client: httpx.Client, slug: str, score: int | None) -> None:
    """Wait for that score."""
    end = time.monotonic() + 180
    while reach(client, slug) != score:
        assert time.monotonic() < end, client.get(f"/api/resources/{slug}/health").text
        time.sleep(0.5)


def test_a_place_alone_has_their_health_look_at_them(away: Town) -> None:
    # Before anybody else has asked for them. Their view opens: the file is damaged, not the table.
    with away.client("provider") as client:
        assert reach(client, BROKEN) is None
        answer = client.get("/place?point=24.94,60.17&f=json").json()
        assert BROKEN in {one["id"] for one in answer["problems"]}
        assert BROKEN not in answer["nothingIn"]
        assert "whole-homes" in [
            *answer["nothingIn"],
            *(one["id"] for one in answer["collections"]),
        ]
        until(client, BROKEN, 0)


@pytest.mark.parametrize("slug", [GONE, BROKEN])
@pytest.mark.parametrize("form", ["json", "geojson", "html"])
def test_an_object_of_theirs_is_no_place_while_they_are_away(
    away: Town, slug: str, form: str
) -> None:
    with away.client() as client:
        answer = client.get(f"/place?id={slug}/t0001&f={form}")
        assert answer.status_code == 503, answer.text
        if form != "html":
            assert answer.json()["dataset"] == slug
        assert str(away.folder) not in answer.text
        # What is there has such objects still.
        assert client.get(f"/place?id={THERE}/t0001&f={form}").status_code == 200


@pytest.mark.parametrize("path", LISTS)
def test_lists_of_data_go_on_without_them(away: Town, path: str) -> None:
    with away.client() as client:
        answer = client.get(path)
        assert answer.status_code == 200, answer.text
        listed = {one["id"] for one in answer.json()["collections"]}
        assert not listed & {GONE, BROKEN}
        if "features" in path or "/tiles" in path:
            assert {THERE, "whole-homes"} <= listed


@pytest.mark.parametrize("path", RECORDS)
def test_the_catalogue_still_knows_them(away: Town, path: str) -> None:
    with away.client() as client:
        answer = client.get(path)
        assert answer.status_code == 200, answer.text
        assert GONE in answer.text


@pytest.mark.parametrize("path", OTHERS)
@pytest.mark.parametrize("who", [None, "provider"])
def test_no_page_fails_for_them(away: Town, who: str | None, path: str) -> None:
    with away.client(who) as client:
        answer = client.get(path, follow_redirects=True)
        assert answer.status_code in {200, 401, 403}, (path, answer.text)


def test_a_place_is_told_by_the_others(away: Town) -> None:
    with away.client() as client:
        for query in ("?point=24.94,60.17", "?id=t0001", "?q=t0001"):
            answer = client.get(f"/place{query}&f=json")
            assert answer.status_code == 200, answer.text
            assert {GONE, BROKEN} <= {one["id"] for one in answer.json()["problems"]}


@pytest.mark.parametrize("slug", [GONE, BROKEN])
@pytest.mark.parametrize("path", SINGLE)
def test_who_asks_for_them_is_told_which_are_away(away: Town, slug: str, path: str) -> None:
    with away.client() as client:
        answer = client.get(path.format(slug=slug))
        assert answer.status_code == 503, answer.text
        problem = answer.json()
        assert problem["dataset"] == slug
        assert problem["mend"]
        assert str(away.folder) not in answer.text


def test_their_health_says_so_until_they_are_back(away: Town) -> None:
    with away.client("provider") as client:
        for slug in (GONE, BROKEN):
            assert client.get(f"/ogc/features/collections/{slug}").status_code == 503
            until(client, slug, 0)
        assert reach(client, "whole-homes") is None
        said = client.get(f"/api/resources/{GONE}/health").json()
        assert said["state"] == "bad"
        assert GONE in {one["slug"] for one in client.get("/api/health?state=bad").json()["items"]}
        tables = away.settings.dir / "tables"
        (tables / "elsewhere").rename(tables / folder_of(away))
        assert client.post(f"/api/resources/{GONE}/health/check").status_code == 200
        until(client, GONE, None)
        assert client.get(f"/ogc/features/collections/{GONE}").status_code == 200


def folder_of(town: Town) -> Path:
    """The folder of the table that was moved away, within the folder of tables."""
    control = town.control()
    store = composition.open_store(town.settings, control)
    try:
        return Path(store.newest(GONE).table)
    finally:
        store.close()
        control.close()
