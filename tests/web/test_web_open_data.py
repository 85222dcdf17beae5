"""Open data: every form in one line, resumed, bundled, listed, and what changed; under the gate."""

import csv
import io
import json
import sqlite3
import zipfile
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import httpx
import pytest
from town import PURPOSE, Town, term

FORMS = ("geojson", "jsonfg", "csv", "parquet", "gpkg", "fgb", "arrow", "xlsx", "ndjson", "zip")
ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.mark.parametrize("form", FORMS)
def test_every_form_can_be_had_and_resumed(anybody: httpx.Client, form: str) -> None:
    url = f"/data/trees.{form}"
    plain = {"accept-encoding": "identity"}
    whole = anybody.get(url, headers=plain)
    assert whole.status_code == 200
    assert whole.headers["accept-ranges"] == "bytes"
    tag = whole.headers["etag"]
    assert not tag.startswith("W/")
    size = len(whole.content)
    begun = anybody.get(url, headers={**plain, "range": "bytes=0-99"})
    rest = anybody.get(url, headers={**plain, "range": "bytes=100-", "if-range": tag})
    assert (begun.status_code, rest.status_code) == (206, 206)
    assert rest.headers["content-range"] == f"bytes 100-{size - 1}/{size}"
    assert begun.content + rest.content == whole.content
    last = anybody.get(url, headers={**plain, "range": "bytes=-10"})
    assert last.content == whole.content[-10:]
    changed = anybody.get(url, headers={**plain, "range": "bytes=5-", "if-range": '"other"'})
    assert (changed.status_code, len(changed.content)) == (200, size)
    outside = anybody.get(url, headers={**plain, "range": f"bytes={size}-"})
    assert (outside.status_code, outside.headers["content-range"]) == (416, f"bytes */{size}")
    assert anybody.get(url, headers={"if-none-match": tag}).status_code == 304


@pytest.mark.parametrize(
    "header", ["bytes=a-b", "bytes=-", "rows=1-2", "bytes=1-2,5-9", "bytes=9-3"]
)
def test_odd_ranges_do_no_harm(anybody: httpx.Client, header: str) -> None:
    answer = anybody.get("/data/trees.csv", headers={"range": header})
    assert answer.status_code in (200, 416)


def test_a_part_counts_as_a_part(town: Town) -> None:
    agreement = town.agree("buildings", "stranger", term("count", "lteq", 1000))
    with town.client("stranger", **{"quanyu-agreement": agreement}) as client:
        whole = client.get("/data/buildings.csv")
        size = len(whole.content)
        part = client.get("/data/buildings.csv", headers={"range": f"bytes={size // 2}-"})
        assert part.status_code == 206
        assert part.headers["quanyu-use"] != whole.headers["quanyu-use"]
    town.end(agreement, "provider")


def test_a_file_has_a_name_in_both_alphabets(town: Town) -> None:
    with town.client() as client:
        said = client.get("/data/trees.csv?lang=zh").headers["content-disposition"]
    assert 'filename="trees.v1.csv"' in said
    assert unquote(said.rpartition("''")[2]) == "trees 数据.v1.csv"


def test_a_bundle_holds_all_that_belongs_together(anybody: httpx.Client) -> None:
    data = anybody.get("/data/trees.zip").content
    with zipfile.ZipFile(io.BytesIO(data)) as bundle:
        assert bundle.testzip() is None
        names = {name.partition("/")[2] for name in bundle.namelist()}
        assert names == {
            "README.txt", "LICENCE.zh.txt", "LICENCE.en.txt", "dictionary.csv", "datapackage.json",
            "metadata.json", "trees.csv", "trees.parquet",
        }  # fmt: skip
        read = {n.partition("/")[2]: bundle.read(n) for n in bundle.namelist()}
    assert read["trees.csv"] == anybody.get("/data/trees.csv").content
    assert "name the source" in read["LICENCE.en.txt"].decode()
    assert "署名" in read["LICENCE.zh.txt"].decode()
    package = json.loads(read["datapackage.json"])
    header = next(csv.reader(io.StringIO(read["trees.csv"].decode())))
    assert [f["name"] for f in package["resources"][0]["schema"]["fields"]] == header
    assert json.loads(read["metadata.json"])["properties"]["slug"] == "trees"


def test_a_bundle_under_an_agreement_tells_no_more(consumer: httpx.Client) -> None:
    data = consumer.get("/data/buildings.zip").content
    with zipfile.ZipFile(io.BytesIO(data)) as bundle:
        everything = b"".join(bundle.read(name) for name in bundle.namelist())
    assert b"phone" not in everything
    assert b"owner-0001" not in everything
    assert b"not everything there is" in everything


def test_a_geopackage_opens(anybody: httpx.Client, tmp_path: Path) -> None:
    path = tmp_path / "trees.gpkg"
    path.write_bytes(anybody.get("/data/trees.gpkg").content)
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT count(*) FROM data").fetchone() == (400,)


def test_what_changed_carries_one_version_into_the_next(anybody: httpx.Client) -> None:
    lines = anybody.get("/data/changing/changes?since=1").text.splitlines()
    head, *changes = map(json.loads, lines)
    assert head == {"dataset": "changing", "since": 1, "version": 2}

    def features(version: int) -> dict[str, dict]:
        document = anybody.get(f"/data/changing.geojson?version={version}").json()
        return {feature["id"]: feature for feature in document["features"]}

    state = features(1)
    for change in changes:
        if change["change"] == "deleted":
            del state[change["id"]]
        else:
            state[change["id"]] = change["feature"]
    assert state == features(2)
    table = list(
        csv.DictReader(io.StringIO(anybody.get("/data/changing/changes?since=1&f=csv").text))
    )
    assert [row["fid"] for row in table] == [change["id"] for change in changes]
    assert anybody.get("/data/changing/changes?since=2").text.count("\n") == 1
    numbers = [one["number"] for one in anybody.get("/data/changing/versions").json()["versions"]]
    assert numbers == [2, 1]


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("", 400, "since"),
        ("?since=x", 400, "since"),
        ("?since=0", 400, "since"),
        ("?since=99", 404, None),
        ("?since=1&f=parquet", 400, "f"),
        ("?since=1&filter=x", 400, "filter"),
    ],
)
def test_bad_questions_about_changes(
    anybody: httpx.Client, query: str, status: int, field: str | None
) -> None:
    answer = anybody.get(f"/data/changing/changes{query}")
    assert answer.status_code == status
    assert answer.json().get("field") == field


@pytest.mark.parametrize(
    "path",
    [
        "/data/buildings.csv", "/data/buildings.zip", "/data/buildings.gpkg",
        "/data/buildings/changes?since=1", "/data/buildings/versions", "/data/secrets.zip",
        "/resources/buildings/notebook.ipynb", "/resources/buildings/dictionary?f=csv",
    ],
)  # fmt: skip
def test_strangers_are_refused(anybody: httpx.Client, stranger: httpx.Client, path: str) -> None:
    for client in (anybody, stranger):
        answer = client.get(path, headers={"range": "bytes=0-10"})
        assert answer.status_code in (401, 403)
        assert answer.json()["rule"]


def test_only_versions_of_the_agreement_can_be_compared(town: Town) -> None:
    agreement = town.agree("buildings", "stranger", term("quanyu:version", "isAnyOf", [1]))
    with town.client("stranger", **{"quanyu-agreement": agreement}) as client:
        assert client.get("/data/buildings/changes?since=1").status_code == 200
        refused = client.get("/data/buildings/changes?since=2")
        assert refused.status_code == 403
        listed = client.get("/data/buildings/versions").json()["versions"]
        assert [one["number"] for one in listed] == [1]
    town.end(agreement, "provider")


def test_changes_and_parts_leave_evidence(consumer: httpx.Client) -> None:
    answer = consumer.get("/data/buildings/changes?since=1")
    assert answer.status_code == 200
    assert answer.headers["quanyu-use"].startswith("use_")
    assert b"phone" not in answer.content


def test_the_index_lists_what_the_public_sees(anybody: httpx.Client) -> None:
    table = {
        row["slug"]: row for row in csv.DictReader(io.StringIO(anybody.get("/data/index.csv").text))
    }
    found = {row["slug"]: row for row in anybody.get("/data/index.json").json()["resources"]}
    lines = anybody.get("/data/index.ndjson").text.splitlines()
    assert table.keys() == found.keys() == {json.loads(line)["slug"] for line in lines}
    assert {"trees", "buildings"} <= table.keys()
    assert found["trees"]["csv"].endswith("/data/trees.csv")
    assert found["buildings"]["csv"] is None
    assert 0 < found["trees"]["metadata_score"] <= 405
    assert anybody.get("/data/index.xml").status_code == 404


def test_the_feed_of_the_catalogue(anybody: httpx.Client) -> None:
    answer = anybody.get("/changes.atom")
    feed = ET.fromstring(answer.content)
    entries = feed.findall(f"{ATOM}entry")
    assert entries
    assert all(entry.find(f"{ATOM}id") is not None for entry in entries)
    pages, url = [], "/changes.json?limit=2"
    while url:
        document = anybody.get(url).json()
        pages += document["changes"]
        url = next((link["href"] for link in document["links"]), "")
    numbers = [one["number"] for one in pages]
    assert numbers == sorted(set(numbers), reverse=True)
    assert len(entries) == len(pages)
    assert anybody.get("/changes.json?limit=0").status_code == 400
    assert anybody.get("/changes.json?odd=1").status_code == 400


def test_the_dictionary_for_programs(anybody: httpx.Client, consumer: httpx.Client) -> None:
    schema = anybody.get("/resources/trees/dictionary?f=schema").json()
    header = next(csv.reader(io.StringIO(anybody.get("/data/trees.csv").text)))
    assert [field["name"] for field in schema["fields"]] == header
    assert schema["primaryKey"] == ["fid"]
    seen = consumer.get("/resources/buildings/dictionary?f=json").json()
    assert "phone" not in [field["name"] for field in seen["fields"]]


@pytest.mark.parametrize("who", ["", "consumer"])
def test_the_notebook_runs(town: Town, who: str, monkeypatch: pytest.MonkeyPatch) -> None:
    slug = "buildings" if who else "trees"
    with town.client(who or None) as client:
        document = client.get(f"/resources/{slug}/notebook.ipynb?as={town.agreement}").json()
    assert (document["nbformat"], document["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in document["cells"]]
    assert len(ids) == len(set(ids))
    if who:
        monkeypatch.setenv("QUANYU_TOKEN", town.tokens[who])
    names: dict[str, object] = {}
    for cell in document["cells"]:
        assert {"id", "cell_type", "metadata", "source"} <= cell.keys()
        if cell["cell_type"] == "code":
            exec(compile(cell["source"], cell["id"], "exec"), names)
    assert len(names["table"]) == len(names["shapes"]) > 0  # type: ignore[arg-type]


def test_purposes_travel_with_a_resumed_download(town: Town) -> None:
    agreement = town.agree("buildings", "stranger", term("purpose", "isAnyOf", [PURPOSE]))
    with town.client("stranger") as client:
        url = f"/data/buildings.csv?agreement={agreement}"
        assert client.get(url, headers={"range": "bytes=0-9"}).status_code == 403
        whole = client.get(f"{url}&purpose={PURPOSE}", headers={"range": "bytes=0-9"})
        assert whole.status_code == 206
    town.end(agreement, "provider")
