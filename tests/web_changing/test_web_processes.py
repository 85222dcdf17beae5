"""OGC API – Processes over HTTP: a client of the standard, the gate, jobs, and wrong requests."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pyproj
import pytest
import shapely
from owslib.ogcapi.processes import Processes
from town import (
    BELIEVED,
    EAST,
    MIDDLE,
    NORTH,
    PASSWORD,
    SOUTH,
    WEST,
    Town,
    bring_in,
    buildings,
    collection,
    grid,
    put_on_show,
    term,
    visible,
    west_half,
)

from quanyu import app as composition
from quanyu.catalogue import Access

ROOT = "/ogc/processes"
_WAIT_S = 90.0
_GEOD = pyproj.Geod(ellps="GRS80")
POINT = {"type": "Point", "coordinates": [24.93, 60.17]}


@pytest.fixture(scope="module")
def streets(town: Town) -> str:
    """A restricted grid of streets over the town, every third of them one-way."""
    xs = [WEST + (EAST - WEST) * at / 16 for at in range(17)]
    ys = [SOUTH + (NORTH - SOUTH) * at / 8 for at in range(9)]
    lines = [[[x, y] for y in ys] for x in xs] + [[[x, y] for x in xs] for y in ys]
    features = collection(
        {
            "type": "Feature",
            "id": f"s{number}",
            "geometry": {"type": "LineString", "coordinates": line},
            "properties": {
                "name": f"Street {number}",
                "maxspeed": "30",
                "oneway": "yes" if number % 3 == 0 else "no",
                "keeper": f"keeper-{number}",
            },
        }
        for number, line in enumerate(lines)
    )
    control = town.control()
    store = composition.open_store(town.settings, control)
    version = bring_in(store, town.folder, "streets", features)
    with control.begin() as session:
        put_on_show(session, version, Access.RESTRICTED, town.callers["provider"])
    store.view("streets").prepare()
    store.close()
    control.close()
    time.sleep(BELIEVED)
    town.agree(
        "streets",
        "consumer",
        term("spatial", "isPartOf", west_half()),
        term("quanyu:columns", "isNoneOf", ["keeper"]),
    )
    return "streets"


@pytest.fixture(scope="module")
def maker(town: Town) -> Iterator[httpx.Client]:
    """The consumer, patient."""
    with town.client("consumer") as client:
        client.timeout = httpx.Timeout(_WAIT_S)
        yield client


def ask(client: httpx.Client, process: str, prefer: str = "", **inputs: Any) -> httpx.Response:
    headers = {"prefer": prefer} if prefer else {}
    body = {"inputs": inputs}
    return client.post(
        f"{ROOT}/processes/{process}/execution", json=body, headers=headers, timeout=_WAIT_S
    )


def features(answer: httpx.Response, output: str | None = None) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    document = answer.json() if output is None else answer.json()[output]["value"]
    found: list[dict[str, Any]] = document["features"]
    return found


def form_token(page: str) -> str:
    return page.partition('name="csrf_token" value="')[2].partition('"')[0]


def over(client: httpx.Client, job: str) -> dict[str, Any]:
    """The status of a job once it is over."""
    until = time.monotonic() + _WAIT_S
    while time.monotonic() < until:
        status: dict[str, Any] = client.get(f"{ROOT}/jobs/{job}").json()
        if status["status"] not in {"accepted", "running"}:
            return status
        time.sleep(0.2)
    raise AssertionError(f"{job} is not over")


def test_a_client_of_the_standard_lists_describes_and_executes(
    town: Town, maker: httpx.Client
) -> None:
    headers = {"authorization": f"Bearer {town.tokens['consumer']}"}
    client = Processes(f"{town.url}{ROOT}", headers=headers, timeout=90)
    classes = client.conformance()["conformsTo"]
    assert "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/core" in classes
    assert {"buffer", "isochrone", "route", "measures"} <= {one["id"] for one in client.processes()}
    described = client.process("buffer")
    assert described["inputs"]["distance"]["schema"]["x-ogc-unit"] == "m"
    assert described["inputs"]["ends"]["minOccurs"] == 0
    inputs = {"features": POINT, "distance": 100, "segments": 64}
    found = client.execute("buffer", inputs)
    shape = shapely.from_geojson(orjson.dumps(found["result"]["value"]["features"][0]["geometry"]))
    assert abs(_GEOD.geometry_area_perimeter(shape)[0]) == pytest.approx(31412.8, rel=1e-4)
    started = client.execute("buffer", inputs, async_=True)
    assert started["status"] in {"accepted", "running"}
    status = over(maker, started["jobID"])
    assert (status["status"], status["progress"]) == ("successful", 100)
    kept = maker.get(f"{ROOT}/jobs/{started['jobID']}/results").json()
    assert kept["result"]["value"]["features"] == found["result"]["value"]["features"]


def test_an_analysis_sees_what_the_agreement_shows(maker: httpx.Client) -> None:
    shown = {f"b{number:04d}" for number, x, _ in grid(300, 20) if visible(number, x)}
    answer = ask(maker, "buffer", features={"collection": "buildings"}, distance=5)
    found = features(answer)
    assert {one["id"] for one in found} == shown
    assert all("phone" not in one["properties"] for one in found)
    assert all(one["properties"]["owner"].startswith("****") for one in found)
    assert answer.json()["lineage"]["sources"] == [{"collection": "buildings", "version": 1}]
    receipt = next(one for one in answer.headers["link"].split(", ") if 'rel="receipt"' in one)
    job = answer.headers["link"].partition("/jobs/")[2].partition(">")[0]
    (source,) = maker.get(f"{ROOT}/jobs/{job}").json()["lineage"]
    assert (source["rows"], source["version"]) == (len(shown), 1)
    assert source["use"] in receipt
    narrowed = {"collection": "buildings", "filter": "levels = 2", "bbox": [WEST, SOUTH, 24.92, 61]}
    few = features(ask(maker, "buffer", features=narrowed, distance=5))
    assert 0 < len(few) < len(shown)
    assert {one["properties"]["levels"] for one in few} == {2}
    hidden = {"collection": "buildings", "filter": "phone = '0401000001'"}
    answer = ask(maker, "buffer", features=hidden, distance=5)
    assert (answer.status_code, answer.json()["field"]) == (400, "features.filter")


def test_an_isochrone_ends_where_the_region_does(
    maker: httpx.Client, provider: httpx.Client, streets: str
) -> None:
    inputs = {
        "network": {"collection": streets},
        "places": {"type": "Point", "coordinates": [MIDDLE - 0.001, 60.17]},
        "minutes": [1, 4],
        "speed_property": "maxspeed",
        "oneway_property": "oneway",
        "width": 10,
    }
    body = {"inputs": inputs, "response": "document"}
    path = f"{ROOT}/processes/isochrone/execution"
    narrow = maker.post(path, json=body, timeout=_WAIT_S)
    wide = provider.post(path, json=body, timeout=_WAIT_S)
    reach = []
    for answer in (narrow, wide):
        lines = features(answer, "streets")
        reach.append(max(x for one in lines for x, _ in one["geometry"]["coordinates"]))
        assert {one["properties"]["minutes"] for one in lines} == {1, 4}
    assert reach[0] <= MIDDLE + 1e-7 < reach[1]
    near, far = narrow.json()["figures"], wide.json()["figures"]
    assert near[1]["metres"] < far[1]["metres"]
    assert all(far[1][key] > far[0][key] > 0 for key in ("metres", "square_metres"))
    # A column that the agreement hides is as one that never was.
    answer = ask(maker, "isochrone", **{**inputs, "speed_property": "keeper"})
    assert (answer.status_code, answer.json()["field"]) == (400, "speed_property")
    assert "keeper" not in answer.json()["mend"]


def test_strangers_are_refused(
    town: Town, anybody: httpx.Client, stranger: httpx.Client, streets: str
) -> None:
    inputs = {"features": {"collection": streets}, "distance": 5}
    assert ask(anybody, "buffer", **inputs).status_code == 401
    assert ask(anybody, "buffer", features=POINT, distance=5).status_code == 401
    for prefer in ("", "respond-async"):
        assert ask(stranger, "buffer", prefer, **inputs).status_code == 403
        unknown = {"features": {"collection": "secrets"}, "distance": 5}
        assert ask(stranger, "buffer", prefer, **unknown).status_code in {403, 404}
    _, secret = town.token("consumer")  # reads only
    with town.client("consumer", authorization=f"Bearer {secret}") as reader:
        reader.headers["authorization"] = f"Bearer {secret}"
        refused = ask(reader, "buffer", features=POINT, distance=5)
        assert (refused.status_code, refused.json()["rule"]) == (403, "compute.run")


def test_a_job_is_its_partys_alone(
    maker: httpx.Client, stranger: httpx.Client, anybody: httpx.Client
) -> None:
    answer = ask(maker, "buffer", "respond-async", features=POINT, distance=5)
    assert answer.status_code == 201
    assert answer.headers["preference-applied"] == "respond-async"
    job = answer.json()["jobID"]
    assert answer.headers["location"].endswith(f"{ROOT}/jobs/{job}")
    over(maker, job)
    for path in (job, f"{job}/results", f"{job}/results/result"):
        assert stranger.get(f"{ROOT}/jobs/{path}").status_code == 404
        assert anybody.get(f"{ROOT}/jobs/{path}").status_code == 401
        assert maker.get(f"{ROOT}/jobs/{path}").status_code == 200
    other = stranger.get(f"{ROOT}/jobs/{job}").json()
    none = stranger.get(f"{ROOT}/jobs/job_01").json()
    assert (
        other["type"]
        == none["type"]
        == ("http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/no-such-job")
    )
    assert job not in {one["jobID"] for one in stranger.get(f"{ROOT}/jobs").json()["jobs"]}
    assert stranger.delete(f"{ROOT}/jobs/{job}").status_code == 404
    mine = maker.get(f"{ROOT}/jobs", params={"status": "successful", "processID": "buffer"})
    assert job in {one["jobID"] for one in mine.json()["jobs"]}
    dismissed = maker.delete(f"{ROOT}/jobs/{job}")
    assert (dismissed.status_code, dismissed.json()["status"]) == (200, "dismissed")
    assert maker.get(f"{ROOT}/jobs/{job}/results").status_code == 404


def test_results_end_with_the_agreement(town: Town) -> None:
    agreement = town.agree("buildings", "stranger", term("quanyu:rowCount", "lteq", 400))
    with town.client("stranger") as client:
        named = {"collection": "buildings", "agreement": agreement}
        answer = ask(client, "buffer", features=named, distance=5)
        assert len(features(answer)) == 300
        job = answer.headers["link"].partition("/jobs/")[2].partition(">")[0]
        # More rows than are left: nothing is kept that was not accounted for.
        spent = ask(client, "buffer", features=named, distance=5)
        assert (spent.status_code, spent.json()["rule"].split("#")[0]) == (403, agreement)
        assert client.get(f"{ROOT}/jobs/{job}/results").status_code == 200
        town.end(agreement, "provider")
        for path in ("results", "results/result"):
            assert client.get(f"{ROOT}/jobs/{job}/{path}").status_code == 403
        assert client.get(f"{ROOT}/jobs/{job}").status_code == 200


def test_several_outputs_come_together_or_one_by_one(
    maker: httpx.Client, provider: httpx.Client, streets: str
) -> None:
    places = {"type": "MultiPoint", "coordinates": [[24.91, 60.16], [24.93, 60.18]]}
    network = {"collection": streets}
    body: dict[str, Any] = {"inputs": {"network": network, "places": places}}
    path = f"{ROOT}/processes/route/execution"
    several = maker.post(path, json=body, timeout=_WAIT_S)
    assert several.headers["content-type"].startswith("multipart/related; boundary=")
    body["outputs"] = {"metres": {}}
    one = maker.post(path, json=body, timeout=_WAIT_S)
    straight = _GEOD.inv(24.91, 60.16, 24.93, 60.18)[2]
    assert straight < one.json() < 2 * straight
    assert f"{one.json()}".encode() in several.content
    body["outputs"] = {"route": {"transmissionMode": "reference"}}
    linked = maker.post(path, json=body, timeout=_WAIT_S)
    assert linked.status_code == 204
    href = next(
        part.partition("<")[2].partition(">")[0]
        for part in linked.headers["link"].split(", ")
        if 'rel="route"' in part
    )
    (leg,) = features(maker.get(httpx.URL(href).raw_path.decode()))
    assert leg["properties"]["metres"] == pytest.approx(one.json())
    measured = _GEOD.geometry_length(shapely.from_geojson(orjson.dumps(leg["geometry"])))
    assert measured == pytest.approx(one.json(), abs=0.1)


def test_data_that_are_away_count_against_their_health(town: Town) -> None:
    control = town.control()
    store = composition.open_store(town.settings, control)
    for slug in ("kept", "away"):
        version = bring_in(store, town.folder, slug, buildings())
        with control.begin() as session:
            put_on_show(session, version, Access.RESTRICTED, town.callers["provider"])
    store.close()
    away = next(one for one in (town.settings.dir / "tables").glob("*away*") if one.is_dir())
    elsewhere = away.rename(away.with_name("elsewhere"))
    control.close()
    time.sleep(BELIEVED)

    def jobs(client: httpx.Client, slug: str) -> int:
        """The part of the figure that is about jobs, once it has been looked at."""
        until = time.monotonic() + 90
        while time.monotonic() < until:
            parts = client.get(f"/api/resources/{slug}/health").json()["parts"]
            for one in parts:
                if one["aspect"] == "jobs":
                    return int(one["score"])
            time.sleep(0.5)
        raise AssertionError(f"nobody looked at {slug}")

    with town.client("provider") as client:
        good = ask(client, "buffer", features={"collection": "kept"}, distance=5)
        assert good.status_code == 200
        gone = ask(client, "buffer", features={"collection": "away"}, distance=5)
        assert gone.status_code == 503
        # What is asked wrongly, and who may not ask, is no fault of the data.
        wrong = {"collection": "kept", "filter": "nothing = 1"}
        assert ask(client, "buffer", features=wrong, distance=5).status_code == 400
        with town.client("stranger") as other:
            for slug in ("kept", "away"):
                refused = ask(other, "buffer", features={"collection": slug}, distance=5)
                assert refused.status_code == 403
        assert (jobs(client, "kept"), jobs(client, "away")) == (100, 0)
    elsewhere.rename(away)  # others use this town too


def test_work_that_is_stopped_leaves_no_results(maker: httpx.Client) -> None:
    line = {"type": "LineString", "coordinates": [[24 + n * 1e-5, 60 + n % 2] for n in range(9000)]}
    answer = ask(maker, "buffer", "respond-async", features=line, distance=5000, segments=64)
    job = answer.json()["jobID"]
    assert maker.delete(f"{ROOT}/jobs/{job}").json()["status"] == "dismissed"
    time.sleep(3)
    assert maker.get(f"{ROOT}/jobs/{job}").json()["status"] == "dismissed"
    assert maker.get(f"{ROOT}/jobs/{job}/results").status_code == 404


@pytest.mark.usefixtures("streets")
@pytest.mark.parametrize(
    ("process", "body", "status", "field"),
    [
        ("nothing", {}, 404, "process"),
        ("buffer", {"inputs": {"features": POINT}}, 400, "distance"),
        ("buffer", {"inputs": {"features": POINT, "distance": "far"}}, 400, "distance"),
        ("buffer", {"inputs": {"features": POINT, "distance": 5, "unit": "m"}}, 400, "unit"),
        ("buffer", {"inputs": {"features": POINT, "distance": -5}}, 400, "distance"),
        ("buffer", {"inputs": {"features": POINT, "distance": 5, "side": "left"}}, 400, "side"),
        ("buffer", {"inputs": {"features": 7, "distance": 5}}, 400, "features"),
        ("buffer", {"inputs": {"features": {"collection": "x", "y": 1}}}, 400, "features.y"),
        ("buffer", {"inputs": {"features": {"href": "https://a.example/b"}}}, 400, "features"),
        ("buffer", {"inputs": {"features": {"collection": "no"}, "distance": 5}}, 404, None),
        ("buffer", {"inputs": [], "outputs": {}}, 400, "inputs"),
        ("buffer", {"subscriber": {}}, 400, "subscriber"),
        ("measures", {"inputs": {"features": POINT}, "outputs": {"x": {}}}, 400, "outputs.x"),
        ("measures", {"inputs": {"features": POINT}, "response": "both"}, 400, "response"),
        (
            "measures",
            {"inputs": {"features": {"type": "Point", "coordinates": [360, 91]}}},
            400,
            "features",
        ),
        (
            "isochrone",
            {"inputs": {"network": {"collection": "trees"}, "places": POINT}},
            400,
            "network",
        ),
        (
            "route",
            {"inputs": {"network": {"collection": "streets"}, "places": POINT}},
            400,
            "places",
        ),
        (
            "isochrone",
            {
                "inputs": {
                    "network": {"collection": "streets"},
                    "places": {"type": "Point", "coordinates": [25.5, 60.17]},
                }
            },
            400,
            "places",
        ),
    ],
)
def test_wrong_requests_are_named(
    maker: httpx.Client, process: str, body: dict[str, Any], status: int, field: str | None
) -> None:
    path = f"{ROOT}/processes/{process}/execution"
    answer = maker.post(path, json=body, timeout=_WAIT_S)
    assert (answer.status_code, answer.json().get("field")) == (status, field), answer.text
    assert field is None or answer.json().get("mend")


def test_a_member_runs_one_from_its_page(town: Town, streets: str) -> None:
    with town.client() as client:
        client.timeout = httpx.Timeout(_WAIT_S)
        assert "Sign in to run it" in client.get("/processes/isochrone").text
        token = form_token(client.get("/sign-in").text)
        secret = {"login": "consumer", "password": PASSWORD, "csrf_token": token}
        client.post("/sign-in", data=secret)
        page = client.get("/processes/isochrone").text
        assert f'<option value="{streets}"' in page
        form = {
            "csrf_token": form_token(page),
            "network.collection": streets,
            "places.geojson": "24.92,60.17",
            "minutes": "2, 5",
            "speed": "20",
        }
        wrong = client.post("/processes/isochrone", data={**form, "speed": "fast"})
        assert (wrong.status_code, 'aria-invalid="true"' in wrong.text) == (400, True)
        assert (
            client.post("/processes/isochrone", data=form | {"csrf_token": ""}).status_code == 403
        )
        sent = client.post("/processes/isochrone", data=form)
        assert sent.status_code == 303
        job = sent.headers["location"]
        over(client, job.removeprefix("/jobs/"))
        page = client.get(job).text
        assert "<svg viewBox" in page
        assert "square_metres" in page
        assert f'href="/resources/{streets}"' in page
        assert job in client.get("/jobs").text
