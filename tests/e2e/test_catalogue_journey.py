"""The catalogue as a bureau lives it: harvested, registered, reviewed, found, used, corrected.

Every step goes through a public face: the command line, the pages, the interfaces.
"""

import contextlib
import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine, text

sys.path.insert(0, str(Path(__file__).parents[1] / "web"))

from town import PASSWORD, Town, found_town, serve_town

from warm import warm_quanyu

TURTLE = """
@prefix dcat: <http://www.w3.org/ns/dcat#> .
@prefix dct: <http://purl.org/dc/terms/> .
@prefix foaf: <http://xmlns.com/foaf/0.1/> .
<http://elsewhere.example/catalog> a dcat:Catalog ;
  dcat:dataset <http://elsewhere.example/noise>, <http://elsewhere.example/markets> .
<http://elsewhere.example/noise> a dcat:Dataset ;
  dct:identifier "noise-1" ; dct:title "噪声监测点"@zh, "Noise monitors"@en ;
  dct:description "Where noise is measured."@en ;
  dct:license <https://creativecommons.org/licenses/by/4.0/> ;
  dct:publisher [ a foaf:Agent ; foaf:name "Environment office" ] ;
  dcat:distribution [ a dcat:Distribution ; dct:format "CSV" ;
    dcat:accessURL <http://elsewhere.example/noise.csv> ;
    dcat:downloadURL <http://elsewhere.example/noise.csv> ] .
<http://elsewhere.example/markets> a dcat:Dataset ;
  dct:identifier "markets-1" ; dct:title "菜市场"@zh, "Food markets"@en ;
  dct:license <https://creativecommons.org/licenses/by/4.0/> .
"""


class Elsewhere(BaseHTTPRequestHandler):
    """A catalogue of somebody else."""

    def do_GET(self) -> None:
        body = TURTLE.encode()
        self.send_response(200)
        self.send_header("content-type", "text/turtle")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing: the test's output is its own."""


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/catalog.ttl"
    server.shutdown()
    server.server_close()


def open_town(folder: Path) -> tuple[Town, Callable[[], None]]:
    town = found_town(folder)
    (folder / "quanyu.toml").write_text("allow_private_urls = true\npublicity_days = 0\n")
    return town, serve_town(town, workers=1)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    made, stop = open_town(tmp_path_factory.mktemp("here"))
    yield made
    stop()


@pytest.fixture(scope="module")
def neighbour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    made, stop = open_town(tmp_path_factory.mktemp("neighbour"))
    yield made
    stop()


@pytest.fixture(scope="module")
def hospitals(postgresql_server: str) -> str:
    """A department's own database."""
    admin = create_engine(postgresql_server.format(name="postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("CREATE DATABASE health"))
    admin.dispose()
    url = postgresql_server.format(name="health")
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(
            text(
                "CREATE TABLE hospital (id integer PRIMARY KEY, name text, beds integer,"
                " lon double precision, lat double precision, opened date)"
            )
        )
        connection.execute(text("COMMENT ON TABLE hospital IS '社区医院'"))
        connection.execute(text("COMMENT ON COLUMN hospital.beds IS '床位数'"))
        connection.execute(
            text(
                "INSERT INTO hospital SELECT n, '社区医院' || n, 20 + n, 113.9 + n / 1000.0,"
                " 22.5 + n / 1000.0, date '2020-01-01' + n FROM generate_series(1, 120) n"
            )
        )
    engine.dispose()
    return url


def quanyu(town: Town, *arguments: str) -> str:
    done = subprocess.run(
        [warm_quanyu(), *arguments, "--dir", town.folder],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout.strip()


class Desk:
    """A person before the pages, signed in through the form."""

    def __init__(self, client: httpx.Client, who: str) -> None:
        self.client = client
        form = {"login": who, "password": PASSWORD, "back": "/"}
        assert self.client.post("/sign-in", data=form).status_code == 200

    def twin(self, path: str) -> Any:
        answer = self.client.get(path, params={"f": "json"})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def send(self, path: str, **form: Any) -> httpx.Response:
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.client.get(path).text)
        assert found
        answer = self.client.post(path, data={"csrf_token": found[1], **form})
        assert answer.status_code == 200, answer.text
        return answer


@pytest.fixture
def browser(town: Town) -> Iterator[Callable[[], httpx.Client]]:
    """Browsers without scripts, in English."""
    with contextlib.ExitStack() as opened:
        headers = {"accept": "text/html", "accept-language": "en"}
        yield lambda: opened.enter_context(
            httpx.Client(
                base_url=town.url, headers=headers, timeout=60, follow_redirects=True, verify=False
            )
        )


@pytest.mark.timeout(280)
@pytest.mark.postgresql
def test_from_harvest_to_correction(
    town: Town,
    neighbour: Town,
    elsewhere: str,
    hospitals: str,
    browser: Callable[[], httpx.Client],
) -> None:
    bureau = Desk(browser(), "node")
    before = figures(bureau)
    # Harvest a DCAT catalogue and another quanyu.
    dcat = quanyu(town, "harvest", "add", "dcat", elsewhere, "--en", "Elsewhere", "--publish")
    other = quanyu(
        town, "harvest", "add", "quanyu", neighbour.url, "--en", "Neighbour", "--publish"
    )
    for source in (dcat, other):
        done = json.loads(quanyu(town, "harvest", "run", source, "--json"))
        assert done["state"] == "done", done
        assert done["seen"] > 1, done
    titles = {hit["title"]["zh"] for hit in bureau.twin("/search?q=菜市场")["hits"]}
    assert "菜市场" in titles
    # Register a table of PostgreSQL, nothing copied until asked; take it through review.
    listed = json.loads(quanyu(town, "register", "probe", hospitals, "--json"))
    assert [row["table"] for row in listed] == ["public.hospital"]
    quanyu(
        town, "register", "from", hospitals, "--table", "public.hospital", "--slug", "hospitals",
        "--title-zh", "社区医院分布", "--title-en", "Community hospitals",
        "--licence", "CC-BY-4.0", "--access", "open", "--copy",
    )  # fmt: skip
    stranger = browser()
    assert stranger.get("/resources/hospitals").status_code == 404
    application = quanyu(town, "application", "submit", "hospitals").split()[0]
    assert "Community hospitals" in bureau.client.get("/review").text
    quanyu(town, "application", "accept", application)
    quanyu(town, "application", "approve", application, "--checklist-holds")
    assert stranger.get("/resources/hospitals").status_code == 200
    # Found in Chinese by a misspelt word.
    hits = stranger.get("/search", params={"q": "社区医圆分布", "f": "json"}).json()["hits"]
    assert hits[0]["slug"] == "hospitals"
    # Downloaded: every row, and the use is in evidence.
    rows = stranger.get("/data/hospitals.csv").text.splitlines()
    assert len(rows) == 121
    # A correction, filed on the page and answered by the provider.
    reader = Desk(browser(), "consumer")
    reader.send(
        "/resources/hospitals/corrections",
        wrong="第 7 号床位数是 27", right="应为 72", record="7", field="beds",
    )  # fmt: skip
    (asked,) = reader.twin("/corrections?show=mine")["items"]
    assert asked["field"] == "beds"
    # The desk's figures have moved.
    after = figures(bureau)
    assert after["Resources"] >= before["Resources"] + 4
    assert after["Waiting"] == before["Waiting"] + 1


def figures(desk: Desk) -> dict[str, int]:
    """The bureau's key figures, and the correction requests that wait for an answer."""
    shown = desk.twin("/desk/bureau")["bureau"]
    corrections = shown["figures"].get("corrections", {"rows": []})
    waiting = sum(row[3] for row in corrections["rows"])
    return {one["label"]: one["value"] for one in shown["strip"]} | {"Waiting": waiting}
