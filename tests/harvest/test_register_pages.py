"""Registering without typing, on a served node: a database, an interface, a file."""

import re
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from remote import Remote
from sqlalchemy import create_engine, text
from tcp_postgresql import tcp_postgresql
from town import PASSWORD, Town, found_town, serve_town

SignedIn = Callable[[str], httpx.Client]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    made = found_town(tmp_path_factory.mktemp("registering"))
    (made.folder / "quanyu.toml").write_text('allow_private_urls = true\nregistration = "direct"\n')
    stop = serve_town(made, workers=1)
    yield made
    stop()


@pytest.fixture
def supplier(node: Town) -> Iterator[httpx.Client]:
    headers = {"accept": "text/html", "accept-language": "en"}
    with httpx.Client(
        base_url=node.url,
        headers=headers,
        timeout=60,
        follow_redirects=True,
        verify=False,
    ) as client:
        client.post("/sign-in", data={"login": "provider", "password": PASSWORD, "back": "/"})
        yield client


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """A department's PostgreSQL with one table."""
    with tcp_postgresql() as url:
        if url is None:
            pytest.skip("no PostgreSQL server binaries: apt-get install postgresql")
        engine = create_engine(f"{url}/postgres")
        with engine.begin() as connection:
            connection.execute(
                text("CREATE TABLE benches (id int, 长度_m numeric, owner_phone text, built date)")
            )
            connection.execute(text("COMMENT ON TABLE benches IS '公园长椅'"))
            connection.execute(
                text(
                    "INSERT INTO benches SELECT n, n * 0.5, '138' || lpad(n::text, 8, '0'), "
                    "date '2025-01-01' + 7 * n FROM generate_series(1, 50) n"
                )
            )
            connection.execute(text("ANALYZE benches"))
        engine.dispose()
        yield url


def csrf(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def test_strangers(node: Town) -> None:
    with node.client(accept="text/html") as anybody:
        for path in ("/publish/database", "/publish/interface", "/publish/database/ing_x"):
            assert anybody.get(path).status_code == 401
    with node.client("stranger", accept="text/html") as stranger:
        assert stranger.get("/publish/database").status_code == 403
        assert stranger.get("/publish/interface?url=https://a.example").status_code == 403


def test_sockets_and_files_are_not_for_the_web(supplier: httpx.Client) -> None:
    form = {"csrf_token": csrf(supplier.get("/publish/database").text)}
    socket = "postgresql://u:hunter2@/x?host=/var/run/postgresql"
    for address in (socket, "sqlite:////etc/passwd", "nonsense"):
        answer = supplier.post("/publish/database", data={**form, "url": address})
        assert answer.status_code == 400
        assert "hunter2" not in answer.text
    gone = {"kind": "mysql", "host": "127.0.0.1", "port": "1", "database": "x",
            "user": "u", "password": "hunter2"}  # fmt: skip
    answer = supplier.post("/publish/database", data={**form, **gone})
    assert answer.status_code == 503
    assert "hunter2" not in answer.text


def test_interface(node: Town, supplier: httpx.Client) -> None:
    remote = Remote().start()
    remote.json(
        "/api/collections",
        {
            "collections": [
                {
                    "id": "lakes",
                    "title": "Lakes of the city",
                    "description": "<b>Water</b> bodies<script>alert(1)</script>",
                    "extent": {"spatial": {"bbox": [[24, 60, 25, 61]]}},
                    "links": [
                        {"rel": "items", "href": "/api/collections/lakes/items",
                         "type": "application/geo+json"}
                    ],
                }
            ]
        },
    )  # fmt: skip
    remote.json("/api", {"links": [{"rel": "data", "href": "/api/collections"}]})
    try:
        page = supplier.get("/publish/interface", params={"url": f"{remote.url}/api"})
        assert page.status_code == 200
        assert "Lakes of the city" in page.text
        asked = {"url": f"{remote.url}/api", "item": "lakes"}
        form = supplier.get("/publish/interface", params=asked)
        assert form.status_code == 200
        assert "<script>alert" not in form.text
        made = supplier.post(
            "/publish/interface",
            params=asked,
            data={"csrf_token": csrf(form.text), "title_zh": "湖泊", "slug": "lakes-there"},
        )
        assert made.status_code == 200, made.text
        assert made.url.path == "/resources/lakes-there"
        assert f"{remote.url}/api/collections/lakes/items" in made.text
        again = supplier.get("/publish/interface", params=asked)
        assert "may be here already" in again.text
        nothing = supplier.get("/publish/interface", params={"url": f"{remote.url}/nothing"})
        assert nothing.status_code in {400, 503}
    finally:
        remote.stop()


def test_file_with_proposal(supplier: httpx.Client) -> None:
    rows = "\n".join(f"{n},王伟,138{n:08d},{24.9 + n / 1000},60.17" for n in range(30))
    data = f"编号,姓名,手机,lon,lat\n{rows}\n".encode()
    page = supplier.get("/publish").text
    job = supplier.post(
        "/publish",
        data={"csrf_token": csrf(page)},
        files={"file": ("people.csv", data, "text/csv")},
    )
    for _ in range(450):
        said = supplier.get(job.url.path, params={"f": "json"}).json()
        if said["stage"] != "inspecting":
            break
        time.sleep(0.2)
    assert said["stage"] == "planned", said
    page = supplier.get(job.url.path).text
    assert "mobile phone numbers" in page
    assert "13800000001" not in page
    done = supplier.post(
        job.url.path,
        data={
            "csrf_token": csrf(page), "slug": "people", "title_zh": "人员", "access": "restricted",
            "licence": "by-agreement", "sensitivity.姓名": "personal", "meaning_en.手机": "Mobile",
        },
    )  # fmt: skip
    assert done.status_code == 200
    for _ in range(450):
        said = supplier.get(job.url.path, params={"f": "json"}).json()
        if said["stage"] != "running":
            break
        time.sleep(0.2)
    assert said["stage"] == "done", said
    entry = supplier.get("/resources/people", params={"f": "json"}).json()["resource"]
    fields = {one["name"]: one for one in entry["fields"]}
    assert fields["手机"]["sensitivity"] in {"personal", "sensitive"}
    assert fields["手机"]["meaning"]["en"] == "Mobile"


@pytest.mark.postgresql
@pytest.mark.parametrize("act", ["register", "copy"])
def test_database_from_form_to_entry(
    node: Town, supplier: httpx.Client, database: str, act: str
) -> None:
    page = supplier.get("/publish/database").text
    port = database.rpartition(":")[2]
    form = {
        "csrf_token": csrf(page), "kind": "postgresql", "host": "127.0.0.1", "port": port,
        "database": "postgres", "user": "quanyu", "password": "hunter2",
    }  # fmt: skip
    wrong = supplier.post("/publish/database", data={**form, "password": "wrong"})
    assert wrong.status_code == 503
    tables = supplier.post("/publish/database", data=form)
    assert tables.status_code == 200, tables.text
    assert "公园长椅" in tables.text
    job = tables.url.path
    kept = node.folder / "secrets" / job.rpartition("/")[2]
    assert kept.stat().st_mode & 0o777 == 0o600
    asked = {"table": "benches", "schema": "public"}
    proposal = supplier.get(job, params=asked)
    assert proposal.status_code == 200
    assert "mobile phone numbers" in proposal.text
    assert "13800000001" not in proposal.text
    said = {"csrf_token": csrf(proposal.text), "slug": f"benches-{act}", "act": act}
    made = supplier.post(job, params=asked, data=said)
    assert made.status_code == 200, made.text
    if act == "copy":
        for _ in range(450):
            state = supplier.get(made.url.path, params={"f": "json"}).json()
            if state["stage"] != "running":
                break
            time.sleep(0.2)
        assert state["stage"] == "done", state
        assert state["rows"] == 50
    entry = supplier.get(f"/resources/benches-{act}", params={"f": "json"}).json()["resource"]
    fields = {one["name"]: one for one in entry["fields"]}
    assert entry["title"]["zh"] == "公园长椅"
    assert entry["update_cycle"] == "weekly"
    assert fields["owner_phone"]["sensitivity"] == "personal"
    assert not kept.exists()
    for path in (node.folder / "publishing").rglob("job.json"):
        assert "hunter2" not in path.read_text()
    assert "hunter2" not in (node.folder / "server.log").read_text(errors="replace")
