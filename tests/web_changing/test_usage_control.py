"""Usage control over HTTP: figures of groups only, and SQL over restricted views."""

import itertools
import json
import math
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from town import EAST, MIDDLE, NORTH, SOUTH, WEST, Town, grid, term, visible

from quanyu.agreements import trace
from quanyu.cli.trace import read_columns
from quanyu.spacetime import naming, uses_named
from warm import warm_quanyu

STATISTICS = "/ogc/features/collections/buildings/statistics"
K = 5


def ask(client: httpx.Client, sql: str, **more: Any) -> httpx.Response:
    return client.post("/sql", json={"sql": sql, **more})


def rows(answer: httpx.Response) -> list[list[Any]]:
    assert answer.status_code == 200, answer.text
    found: list[list[Any]] = answer.json()["rows"]
    return found


def test_figures_only(town: Town) -> None:
    agreement = town.agree("buildings", "stranger", term("quanyu:groupSize", "gteq", K))
    with town.client("stranger") as client:
        found = client.get(STATISTICS, params={"by": "levels,cell:h3:9"})
        assert found.status_code == 200, found.text
        assert found.json()["withheld"] is True
        assert all(one["count"] >= K for one in found.json()["groups"])
        assert "quanyu-use" in found.headers
        one = client.get(STATISTICS, params={"filter": "name = 'House 7'"})
        assert one.json()["groups"] == []
        least = client.get(STATISTICS, params={"measure": "max:levels"})
        assert (least.status_code, least.json()["field"]) == (400, "measure")
        # Everything that shows a row is refused, with the rule of the agreement.
        items = "/ogc/features/collections/buildings"
        for path in (
            f"{items}/items",
            f"{items}/items/b0001",
            f"{items}/queryables",
            "/ogc/tiles/collections/buildings/tiles/WebMercatorQuad/12/1165/2348?f=mvt",
            "/ogc/3d/collections/buildings",
            "/ogc/edr/collections/buildings/position?coords=POINT(24.92 60.16)",
            "/data/buildings.csv",
            "/data/buildings.parquet",
            "/data/buildings/changes?since=1",
            "/ogc/features/collections/trees/statistics?by=zone:buildings",
        ):
            answer = client.get(path)
            assert answer.status_code in (403, 404), path
            if answer.status_code == 403:
                assert answer.json()["rule"] == f"{agreement}#permission.1.constraint.1", path
        place = client.get("/place", params={"at": "24.92,60.16", "f": "json"})
        assert "House" not in place.text
        refused = ask(client, "SELECT count(*) FROM buildings")
        assert refused.status_code == 403
        town.end(agreement, "provider")
        assert client.get(STATISTICS).status_code == 403


def test_figures_with_noise(town: Town) -> None:
    said = {"epsilon": 0.5, "budget": 1, "bounds": [{"column": "levels", "least": 1, "most": 12}]}
    agreement = town.agree("buildings", "stranger", term("quanyu:noise", "eq", said))
    with town.client("stranger") as client:
        first = client.get(STATISTICS, params={"measure": "count,mean:levels"}).json()
        assert first["noise"][0] == {
            "measure": "count", "distribution": "discrete Laplace", "scale": 4.0,
        }  # fmt: skip
        assert abs(first["groups"][0]["count"] - 300) < 200
        for _ in range(3):  # the same question, also in other words, is the same answer
            again = client.get(STATISTICS, params={"measure": "count,mean:levels", "f": "json"})
            assert again.json()["groups"] == first["groups"]
        assert client.get(STATISTICS, params={"by": "name"}).status_code == 400
        assert client.get(STATISTICS, params={"filter": "levels > 3"}).status_code == 200
        spent = client.get(STATISTICS, params={"filter": "levels > 4"})
        assert (spent.status_code, spent.json()["rule"].split("#")[0]) == (403, agreement)
        assert client.get(STATISTICS, params={"measure": "max:levels"}).status_code == 400
        town.end(agreement, "provider")


def test_sql_shows_what_the_agreement_shows(town: Town, consumer: httpx.Client) -> None:
    shown = [n for n, x, _ in grid(300, 20) if visible(n, x)]
    answer = ask(consumer, "SELECT fid, levels FROM buildings ORDER BY fid")
    assert rows(answer) == [[f"b{n:04d}", 1 + n % 12] for n in shown]
    assert set(answer.json()["uses"]) == {"buildings"}
    hidden = ask(consumer, "SELECT phone FROM buildings")
    assert (hidden.status_code, hidden.json()["field"]) == (400, "sql")
    owners = rows(ask(consumer, "SELECT owner FROM buildings"))
    assert all(one.startswith("****") for (one,) in owners)
    box = rows(ask(consumer, "SELECT max(ST_XMax(geometry)) FROM buildings"))
    west = max(x for n, x, _ in grid(300, 20) if visible(n, x)) + 0.0007
    assert box[0][0] <= west
    joined = ask(
        consumer,
        "SELECT t.kind, count(*) FROM trees t JOIN buildings b"
        " ON ST_Contains(b.geometry, t.geometry) GROUP BY 1",
    )
    assert set(joined.json()["uses"]) == {"buildings", "trees"}
    assert joined.status_code == 200
    form = consumer.post("/sql?f=csv", json={"sql": "SELECT 1 AS a"})
    assert form.text == "a\r\n1\r\n"


def test_sql_spends_and_is_refused_like_any_use(
    town: Town, anybody: httpx.Client, stranger: httpx.Client
) -> None:
    for client in (anybody, stranger):
        for slug in ("buildings", "secrets", "nothing"):
            assert ask(client, f"SELECT * FROM {slug}").status_code in (401, 403, 404)
    assert rows(ask(anybody, "SELECT count(*) FROM trees")) == [[400]]
    agreement = town.agree("buildings", "stranger", term("quanyu:rowCount", "lteq", 400))
    with town.client("stranger") as client:
        few = ask(client, "SELECT list(name) FROM buildings")
        assert len(rows(few)) == 1  # in which all 300 are
        more = ask(client, "SELECT name FROM buildings LIMIT 1")
        assert more.status_code == 403
        assert more.json()["rule"].startswith(agreement)
        town.end(agreement, "provider")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"sql": ""}, "sql"),
        ({"sql": "SELECT 1", "limit": 0}, "limit"),
        ({"sql": "SELECT 1", "limit": True}, "limit"),
        ({"sql": "SELECT 1", "purpose": 7}, "purpose"),
        ({"sql": "SELECT 1", "agreements": []}, None),
        ({"sql": "SELECT 1", "agreements": [1]}, "agreements"),
        ({"sql": "SELECT 1", "file": "x"}, "file"),
        ({"sql": "SELECT * FROM read_csv('/etc/passwd')"}, "sql"),
        ({"sql": "COPY trees TO '/tmp/x'"}, "sql"),
    ],
)
def test_a_wrong_question_names_its_field(
    anybody: httpx.Client, body: dict[str, Any], field: str | None
) -> None:
    answer = anybody.post("/sql", json=body)
    if field is None:
        assert answer.status_code == 200
    else:
        assert (answer.status_code, answer.json()["field"]) == (400, field)


def test_the_page_works_without_scripts(town: Town, consumer: httpx.Client) -> None:
    page = consumer.get("/console", headers={"accept": "text/html"})
    assert page.status_code == 200
    assert "buildings" in page.text
    twin = consumer.get("/console?f=json").json()
    columns = next(one for one in twin["tables"] if one["name"] == "buildings")["columns"]
    assert "phone" not in {column["name"] for column in columns}
    sent = {"sql": "SELECT name FROM buildings ORDER BY name LIMIT 2", "csrf_token": ""}
    ran = consumer.post("/console", data=sent, headers={"accept": "text/html"})
    assert ran.status_code == 200, ran.text
    assert "House" in ran.text
    saved = consumer.post("/console", data=sent | {"as": "csv"})
    assert saved.text.startswith("name\r\n")


def test_where_a_request_comes_from(town: Town) -> None:
    agreement = town.agree(
        "buildings", "stranger", term("quanyu:network", "isAnyOf", ["127.0.0.0/8"])
    )
    items = "/ogc/features/collections/buildings/items"
    with town.client("stranger") as client:
        assert client.get(items).status_code == 200
        # Through a proxy that the node does not know, nobody knows where it comes from.
        for name, value in (("x-forwarded-for", "127.0.0.1"), ("forwarded", "for=127.0.0.1")):
            refused = client.get(items, headers={name: value})
            assert refused.status_code == 403
            assert refused.json()["rule"] == f"{agreement}#permission.1.constraint.1"
        town.end(agreement, "provider")


def test_why_it_was_allowed_or_refused(
    town: Town, consumer: httpx.Client, stranger: httpx.Client
) -> None:
    why = f"/agreements/{town.agreement}/why"
    told = consumer.get(why, params={"f": "json", "face": "features"}).json()
    assert told["allowed"] is True
    assert {one["outcome"] for one in told["rules"]} == {"met", "narrows"}
    assert any("phone" in one for one in told["cut"])
    used = consumer.get("/ogc/features/collections/buildings/items?limit=1").headers["quanyu-use"]
    for _ in range(450):
        of_a_use = consumer.get(why, params={"f": "json", "use": used})
        if of_a_use.status_code == 200:
            break
        time.sleep(0.2)
    assert (of_a_use.json()["face"], of_a_use.json()["allowed"]) == ("features", True)
    assert stranger.get(why).status_code == 404
    bound = town.agree("buildings", "stranger", term("purpose", "eq", "research"))
    refused = stranger.get(f"/agreements/{bound}/why", params={"f": "json"}).json()
    assert refused["allowed"] is False
    assert refused["decided"] == "permission.1.constraint.1"
    page = stranger.get(f"/agreements/{bound}/why", headers={"accept": "text/html"})
    assert "permission.1.constraint.1" in page.text
    town.end(bound, "provider")


def test_a_download_is_traced_to_its_agreement(town: Town, tmp_path: Path) -> None:
    said = {"column": "levels", "mask": "mark", "step": 1}
    agreement = town.agree("buildings", "stranger", term("quanyu:mask", "eq", said))
    with town.client("stranger") as client:
        for ending in ("csv", "geojson", "parquet", "gpkg"):
            path = tmp_path / f"leaked.{ending}"
            path.write_bytes(client.get(f"/data/buildings.{ending}").content)
            control = town.control()
            with control.read() as session:
                found = trace(session, read_columns(path))
            control.close()
            assert [one.agreement for one in found] == [agreement], ending
        town.end(agreement, "provider")


def test_a_download_names_its_use(town: Town, tmp_path: Path) -> None:
    agreement = town.agree("buildings", "stranger")
    with town.client("stranger") as client, town.client() as anybody:
        for ending in ("geojson", "parquet", "arrow", "gpkg", "fgb"):
            path = tmp_path / f"named.{ending}"
            for _ in range(2):  # the second time from what was kept, under a use of its own
                answer = client.get(f"/data/buildings.{ending}")
                path.write_bytes(answer.content)
                assert uses_named(path) == [answer.headers["quanyu-use"]], ending
            whole, tag = answer.content, answer.headers["etag"]
            half = len(whole) // 2
            part = client.get(
                f"/data/buildings.{ending}",
                headers={"range": f"bytes={half}-", "if-range": tag},
            )
            assert part.status_code == 206
            path.write_bytes(whole[:half] + part.content)
            if ending in ("gpkg", "fgb", "parquet", "geojson"):
                assert len(read_columns(path)["name"]) == 300
            open_one = anybody.get(f"/data/trees.{ending}")
            path.write_bytes(open_one.content)
            assert uses_named(path) == []
    with town.client("stranger") as client:
        path = tmp_path / "leaked.geojson"
        answer = client.get("/data/buildings.geojson")
        path.write_bytes(answer.content)
        name = answer.headers["quanyu-use"]
        for _ in range(900):
            if client.get(f"/log/receipts/{name}").status_code == 200:
                break
            time.sleep(0.1)
        done = subprocess.run(
            [warm_quanyu(), "trace", path, "--dir", town.folder, "--json"],
            capture_output=True,
            text=True,
            check=True,
        )
        told = json.loads(done.stdout)
        assert [(one["use"], one["agreement"]) for one in told["uses"]] == [(name, agreement)]
        assert told["uses"][0]["rows"] == 300
        town.end(agreement, "provider")


@given(
    text=st.lists(st.sampled_from([b"use_", b"0" * 13, b"0" * 26, b"x", b"use_0"]), max_size=9),
    cuts=st.lists(st.integers(0, 200), max_size=6),
)
def test_a_use_is_named_wherever_a_file_is_cut(text: list[bytes], cuts: list[int]) -> None:
    place, name = b"use_" + b"0" * 26, "use_01JD" + "Z" * 22
    whole = b"".join(text) + place + b"".join(text)
    edges = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    chunks = [whole[a:b] for a, b in itertools.pairwise(edges)]
    assert b"".join(naming(chunks, name)) == whole.replace(place, name.encode())


FILTERS = (
    "levels > 3",
    "levels <= 12",
    "name LIKE 'House%'",
    "NOT (levels < 7)",
    "owner LIKE '%00%'",
    "name IN ('House 11', 'House 12', 'House 219')",
    "S_INTERSECTS(geometry, BBOX(24.93, 60.15, 24.99, 60.2))",
    "levels IS NULL OR name > 'A'",
)
FACES = (
    *("items", "csv", "geojson", "fgb", "statistics", "sql", "tile", "place"),
    *("tileset", "glb", "process", "job"),
    *("item", "edr", "changes", "zones", "parquet", "gpkg"),
)
NAMED = re.compile(r"House \d+|\bb\d{4}\b")
VOLUMES = "/ogc/3dgeovolumes/collections/buildings/3dtiles"
ITEMS = "/ogc/features/collections/buildings/items"


def results(client: httpx.Client, job: str) -> httpx.Response:
    """What a job has made, once it is over."""
    for _ in range(600):
        said = client.get(f"/ogc/processes/jobs/{job}").json()["status"]
        if said not in ("accepted", "running"):
            break
        time.sleep(0.1)
    # One that found nothing has failed, and says so.
    return client.get(f"/ogc/processes/jobs/{job}/results")


def drawn(client: httpx.Client, face: str, number: int) -> httpx.Response:
    """The description of the 3D Tiles, or one of them."""
    if face == "glb":
        return client.get(f"{VOLUMES}/{number}.glb")
    answer = client.get(f"{VOLUMES}/tileset.json")
    # What is hidden does not widen the box either.
    assert answer.json()["root"]["boundingVolume"]["region"][2] < math.radians(MIDDLE + 0.001)
    return answer


def processed(client: httpx.Client, of: dict[str, Any], *, wait: bool) -> httpx.Response:
    """What a process makes of features, at once or as a job."""
    answer = client.post(
        "/ogc/processes/processes/buffer/execution",
        json={"inputs": {"features": of, "distance": 5}},
        headers={} if wait else {"prefer": "respond-async"},
    )
    return results(client, answer.json()["jobID"]) if answer.status_code == 201 else answer


def asked_through(
    consumer: httpx.Client, face: str, filter_: str, west: float, tile: tuple[int, int]
) -> httpx.Response:
    """The answer of a face to a question."""
    box = {"bbox": f"{west},{SOUTH},{EAST},{NORTH}"}
    match face:
        case "item" | "edr" | "changes" | "zones":
            answer = looked_up(consumer, face, west, tile)
        case "items":
            answer = consumer.get(ITEMS, params={"filter": filter_, "limit": 500, **box})
        case "statistics":
            asked = {"filter": filter_, "by": "name", "measure": "count,max:levels", **box}
            answer = consumer.get(STATISTICS, params=asked)
        case "sql":
            # What CQL2 says of a place is not SQL: the rest of it is.
            where = "TRUE" if "S_INTERSECTS" in filter_ else filter_
            answer = ask(consumer, f"SELECT * FROM buildings WHERE {where}")
        case "tile":
            x, y = tile
            matrix = "/ogc/tiles/collections/buildings/tiles/WebMercatorQuad/14"
            answer = consumer.get(f"{matrix}/{4741 + y}/{9323 + x}?f=mvt")
        case "place":
            at = f"{west},{(SOUTH + NORTH) / 2}"
            answer = consumer.get("/place", params={"at": at, "radius": 2000, "f": "json"})
        case "tileset" | "glb":
            answer = drawn(consumer, face, tile[0])
        case "process" | "job":
            of = {"collection": "buildings", "filter": filter_, "bbox": [west, SOUTH, EAST, NORTH]}
            answer = processed(consumer, of, wait=face == "process")
        case _:
            answer = consumer.get(f"/data/buildings.{face}")
    return answer


def looked_up(
    consumer: httpx.Client, face: str, west: float, tile: tuple[int, int]
) -> httpx.Response:
    """The answer of a face that takes no filter."""
    match face:
        case "item":
            return consumer.get(f"{ITEMS}/b{100 * tile[0] + 20 * tile[1] + 7:04d}")
        case "edr":
            edge = f"{west} {SOUTH},{EAST} {SOUTH},{EAST} {NORTH},{west} {NORTH},{west} {SOUTH}"
            asked = {"coords": f"POLYGON(({edge}))", "f": "GeoJSON"}
            return consumer.get("/ogc/edr/collections/buildings/area", params=asked)
        case "changes":
            return consumer.get("/data/buildings/changes", params={"since": 1})
        case _:
            # The restricted set as the zones of another one: its zones are named in the answer.
            asked = {"by": "zone:buildings", "bbox": f"{west},{SOUTH},{EAST},{NORTH}"}
            path = "/ogc/features/collections/trees/statistics"
            return consumer.get(path, params=asked)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    face=st.sampled_from(FACES),
    filter_=st.sampled_from(FILTERS),
    west=st.floats(WEST, EAST),
    tile=st.tuples(st.integers(0, 3), st.integers(0, 3)),
)
def test_no_face_names_a_row_or_a_value_outside_of_the_restriction(
    consumer: httpx.Client, face: str, filter_: str, west: float, tile: tuple[int, int]
) -> None:
    """Whatever is asked through whatever face: only the houses of the agreement, and no phone."""
    shown = {n for n, x, _ in grid(300, 20) if visible(n, x)}
    allowed = {f"House {n}" for n in shown} | {f"b{n:04d}" for n in shown}
    answer = asked_through(consumer, face, filter_, west, tile)
    assert answer.status_code in (200, 204, 400, 404), answer.text
    if answer.status_code >= 400:  # 404: there are fewer tiles
        return
    text = answer.content.decode("latin-1")
    assert set(NAMED.findall(text)) <= allowed
    assert "040100" not in text
    assert "owner-" not in text
