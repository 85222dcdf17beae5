"""The catalogue as others take it: DCAT, ISO 19115, CKAN, STAC, sitemap; with their clients."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pystac
import pytest
import rdflib
from ckanapi import NotFound, RemoteCKAN
from pystac_client import Client
from town import Town, found_town, serve_town

from quanyu.catalogue import (
    Access,
    Distribution,
    Kind,
    ResourceDraft,
    from_dcat,
    from_iso,
    publish,
    register,
)
from quanyu.kernel import LocalText

PUBLISHED = {"trees", "buildings", "secrets", "changing", "aerial"}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The town with an aerial picture beside, and an entry that nobody may know of."""
    town = found_town(tmp_path_factory.mktemp("shown"))
    control = town.control()
    provider = town.callers["provider"]
    assert provider.party is not None
    scene = ResourceDraft(
        slug="aerial",
        kind=Kind.SCENE,
        title=LocalText(zh="航拍影像", en="Aerial picture"),
        abstract=LocalText(zh="<script>alert(1)</script>", en="A picture & more"),
        keywords=("影像", "aerial"),
        provider=provider.party,
        licence="CC-BY-4.0",
        access=Access.OPEN,
        bbox=(24.9, 60.15, 24.98, 60.19),
        interval=(datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 2, tzinfo=UTC)),
        formats=("COG",),
        distributions=(
            Distribution("https://example.org/a.tif", format="COG", media_type="image/tiff"),
        ),
    )
    hidden = ResourceDraft(
        slug="hidden",
        kind=Kind.DATASET,
        title=LocalText(zh="隐秘", en="Hidden thing"),
        provider=provider.party,
        licence="CC-BY-4.0",
        access=Access.OPEN,
        bbox=(24.9, 60.15, 24.98, 60.19),
    )
    with control.begin() as session:
        publish(session, register(session, scene, provider).id, provider, reviewed=False)
        register(session, hidden, provider)
    control.close()
    stop = serve_town(town, workers=1)
    yield town
    stop()


@pytest.mark.parametrize("form", ["jsonld", "ttl", "rdf"])
def test_the_catalogue_comes_in_pages(shown: Town, form: str) -> None:
    with shown.client() as client:
        address, found, pages = f"/catalog.{form}?limit=2", set(), 0
        while address:
            answer = client.get(address)
            assert answer.status_code == 200, answer.text
            assert b"Hidden thing" not in answer.content
            parsed = from_dcat(answer.content, answer.headers["content-type"], base=shown.url)
            assert not parsed.rejects
            assert parsed.total == len(PUBLISHED)
            found |= {entry.uri.rpartition("/")[2] for entry in parsed.entries}
            address, pages = parsed.next, pages + 1
            assert (f'<{address}>; rel="next"' in answer.headers["link"]) or not address
    assert found == PUBLISHED
    assert pages == 3


def test_the_catalogue_is_negotiated_and_cached(shown: Town) -> None:
    with shown.client() as client:
        page = client.get("/catalog", headers={"accept": "text/html"})
        assert page.status_code == 303
        turtle = client.get("/catalog", headers={"accept": "text/turtle"})
        assert turtle.headers["content-type"].startswith("text/turtle")
        again = client.get(
            "/catalog",
            headers={"accept": "text/turtle", "if-none-match": turtle.headers["etag"]},
        )
        assert again.status_code == 304
        since = {"if-modified-since": turtle.headers["last-modified"], "accept": "text/turtle"}
        assert client.get("/catalog", headers=since).status_code == 304
        assert client.get("/catalog", headers={"accept": "image/png"}).status_code == 406
        assert client.get("/catalog.ttl?limit=0").status_code == 400
        assert client.get("/catalog.ttl?nonsense=1").status_code == 400


def test_each_entry_has_each_form(shown: Town) -> None:
    with shown.client() as client:
        for form in ("jsonld", "ttl", "rdf"):
            answer = client.get(f"/resources/trees.{form}")
            (entry,) = from_dcat(answer.content, answer.headers["content-type"]).entries
            assert entry.title == LocalText(zh="trees 数据", en="Trees")
            assert f"{shown.url}/data/trees.csv" in {one.url for one in entry.distributions}
            assert any(one.api for one in entry.distributions)
        for form in ("iso19115.xml", "iso19139.xml"):
            (entry,) = from_iso(client.get(f"/resources/trees.{form}").content).entries
            assert entry.title.en == "Trees"
        for name in ("hidden", "no-such"):
            assert client.get(f"/resources/{name}.ttl").status_code == 404
        seen = client.get("/resources/trees", headers={"accept": "text/turtle"})
        assert seen.status_code == 303
        assert seen.headers["location"] == "/resources/trees.ttl"


def test_a_restricted_entry_names_its_policy(shown: Town) -> None:
    with shown.client() as client:
        answer = client.get("/resources/buildings.jsonld")
        (entry,) = from_dcat(answer.content, "application/ld+json").entries
        assert entry.access is Access.RESTRICTED
        assert entry.policy == f"{shown.url}/resources/buildings/policy"
        offered = client.get("/resources/buildings/policy").json()
        assert offered["@type"] == "Offer"
        assert client.get("/resources/trees/policy").status_code == 404


def test_ckanapi_reads_it(shown: Town) -> None:
    with RemoteCKAN(shown.url) as site:
        assert set(site.action.package_list()) == PUBLISHED
        found = site.action.package_show(id="trees")
        assert found["title"] == "trees 数据"
        assert {one["format"] for one in found["resources"]} >= {"CSV", "GeoJSON"}
        file = site.action.resource_show(id=found["resources"][0]["id"])
        assert file["package_id"] == found["id"]
        assert site.action.package_search(q="trees")["count"] >= 1
        assert "environment" in site.action.group_list()
        (owner,) = site.action.organization_list(all_fields=True)
        assert site.action.organization_show(id=owner["id"])["package_count"] == len(PUBLISHED)
        assert "CC-BY-4.0" in {one["id"] for one in site.action.license_list()}
        assert site.action.tag_list() == ["aerial", "影像"]
        assert site.action.status_show()["site_url"] == shown.url
        assert site.action.site_read() is True
        assert site.call_action("package_list", {}, requests_kwargs={"timeout": 9})
        with pytest.raises(NotFound):
            site.action.package_show(id="hidden")


def test_a_ckan_harvester_finds_every_package_once(shown: Town) -> None:
    """The calls of ckanext-harvest's CKAN harvester."""
    with shown.client() as client:
        names: list[str] = []
        for start in range(0, 10, 2):
            params: dict[str, Any] = {"rows": 2, "start": start, "sort": "id asc"}
            page = client.get("/api/3/action/package_search", params=params).json()
            assert page["success"]
            assert page["result"]["count"] == len(PUBLISHED)
            names += [one["name"] for one in page["result"]["results"]]
        assert sorted(names) == sorted(PUBLISHED)
        past = {"fq": "metadata_modified:[2000-01-01T00:00:00Z TO *] AND dataset_type:dataset"}
        found = client.get("/api/3/action/package_search", params=past).json()["result"]
        assert found["count"] == len(PUBLISHED)
        future = {"fq": "metadata_modified:[2999-01-01T00:00:00Z TO *]"}
        none = client.get("/api/3/action/package_search", params=future).json()["result"]
        assert none["count"] == 0


def test_ckan_facets_and_filters(shown: Town) -> None:
    with shown.client() as client:

        def sought(**params: Any) -> Any:
            answer = client.get("/api/3/action/package_search", params=params)
            assert answer.status_code == 200, answer.text
            return answer.json()["result"]

        facets = sought(**{"facet.field": '["groups","res_format"]'})["search_facets"]
        assert {"name": "environment", "display_name": "生态环境", "count": 4} in facets["groups"][
            "items"
        ]
        assert {one["name"] for one in sought(fq="res_format:COG")["results"]} == {"aerial"}
        assert sought(fq='groups:"environment"')["count"] == 4
        assert sought(q="aerial", rows=1, start=0)["results"][0]["name"] == "aerial"
        assert sought(q="航拍")["results"][0]["name"] == "aerial"
        bad = client.get("/api/3/action/package_search", params={"fq": "nonsense:1"})
        assert bad.status_code == 409
        assert bad.json()["error"]["__type"] == "Validation Error"
        assert client.get("/api/3/action/no_such_thing").status_code == 400
        assert client.post("/api/3/action/package_show", content=b"[1").status_code == 409
        assert client.get("/api/3/action/package_show").status_code == 409


def test_pystac_client_reads_it(shown: Town) -> None:
    client = Client.open(f"{shown.url}/stac")
    collections = {one.id: one for one in client.get_collections()}
    assert set(collections) == PUBLISHED
    (item,) = client.search(collections=["aerial"]).items()
    assert item.id == "aerial"
    assert item.assets["cog"].href == "https://example.org/a.tif"
    near = client.search(bbox=[24.91, 60.16, 24.92, 60.17])
    assert [one.id for one in near.items()] == ["aerial"]
    assert not list(client.search(bbox=[0, 0, 1, 1]).items())
    assert not list(client.search(datetime="2020-01-01/2020-02-01").items())
    point = {"type": "Point", "coordinates": [24.95, 60.17]}
    assert [one.id for one in client.search(intersects=point).items()] == ["aerial"]
    assert [one.id for one in collections["aerial"].get_items()] == ["aerial"]


def test_stac_documents_are_valid(shown: Town) -> None:
    with shown.client() as client:
        for name in PUBLISHED:
            found = client.get(f"/stac/collections/{name}").json()
            found["stac_extensions"] = []  # their schemas are on another host
            pystac.Collection.from_dict(found).validate()
        item = client.get("/stac/collections/aerial/items/aerial").json()
        item["stac_extensions"] = []
        pystac.Item.from_dict(item).validate()
        assert client.get("/stac/collections/hidden").status_code == 404
        assert client.get("/stac/collections/hidden/items").status_code == 404
        assert client.post("/stac/search", content=b"{").status_code == 400
        assert client.post("/stac/search", json={"intersects": {"type": "x"}}).status_code == 400


def test_the_sitemap_lists_what_is_published(shown: Town) -> None:
    with shown.client() as client:
        robots = client.get("/robots.txt").text
        assert f"Sitemap: {shown.url}/sitemap.xml" in robots
        index = ET.fromstring(client.get("/sitemap.xml").content)
        (place,) = (one.text for one in index.findall(".//{*}loc"))
        assert place is not None
        urls = {one.text for one in ET.fromstring(client.get(place).content).findall(".//{*}loc")}
        assert urls >= {f"{shown.url}/resources/{name}" for name in PUBLISHED}
        assert f"{shown.url}/resources/hidden" not in urls
        assert client.get("/sitemap-9.xml").status_code == 404


def test_nobody_learns_of_what_is_not_published(shown: Town) -> None:
    faces = [
        *("/catalog.jsonld", "/catalog.ttl", "/catalog.rdf", "/sitemap-1.xml"),
        *("/stac/collections", "/stac/search", "/api/3/action/current_package_list_with_resources"),
        *("/api/3/action/package_search?q=hidden", "/api/3/action/package_list"),
        "/api/3/action/package_autocomplete?q=hidden",
    ]
    with shown.client() as anybody, shown.client("stranger") as stranger:
        for face in faces:
            for client in (anybody, stranger):
                answer = client.get(face)
                assert answer.status_code == 200, (face, answer.text)
                assert "Hidden thing" not in answer.text.replace("help", ""), face
                assert "隐秘" not in answer.text


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph:DeprecationWarning")
def test_rdflib_reads_every_form_alike(shown: Town) -> None:
    with shown.client() as client:
        graphs = [
            rdflib.Graph().parse(data=client.get(f"/resources/trees.{form}").content, format=name)
            for form, name in (("ttl", "turtle"), ("rdf", "xml"), ("jsonld", "json-ld"))
        ]
    assert len({len(graph) for graph in graphs}) == 1


def test_a_page_tells_search_engines(shown: Town) -> None:
    with shown.client(accept="text/html") as client:
        page = client.get("/resources/aerial").text
    assert '<script type="application/ld+json">' in page
    assert "<script>alert(1)" not in page
    assert 'rel="alternate" type="text/turtle"' in page


@pytest.mark.timeout(300)
def test_schemathesis_finds_no_fault_of_these_faces(shown: Town, tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("schemathesis")
    done = subprocess.run(
        [
            *(program, "run", f"{shown.url}/api", "--url", shown.url),
            *("--checks", "not_a_server_error", "--max-examples", "3", "--max-time", "15"),
            *("--include-path-regex", "^/(catalog|stac|api/3|resources/.*[.]|sitemap|robots)"),
            *("--no-color", "--phases", "examples,fuzzing"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert "Server error" not in done.stdout, done.stdout[-4000:]
    assert done.returncode == 0, done.stdout[-4000:]
