"""The demo city, made and served by its own command: what it shows is there, by the usual ways."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "web"))

from town import free_port

pytest.importorskip("pvlib", reason="the demo's weather comes with quanyu[demo]")
PROGRAM = Path(sys.executable).with_name("quanyu")
STREAM = "/sensorthings/weather-replay/v1.1"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """The folder and the address of a demo city."""
    folder, port = tmp_path_factory.mktemp("demo") / "city", free_port()
    log = folder.with_name("demo.log")
    with log.open("wb") as told:
        process = subprocess.Popen(
            [PROGRAM, "demo", "--dir", folder, "--port", str(port), "--no-browser"],
            stdout=told,
            stderr=told,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(verify=False, timeout=10) as client:
            until = time.monotonic() + 280
            while process.poll() is None and time.monotonic() < until:
                try:
                    if client.get(f"{url}/readyz").status_code == 200:
                        break
                except httpx.HTTPError:
                    time.sleep(0.3)
            else:
                pytest.fail(log.read_text()[-4000:])
        yield folder, url
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def department(city: tuple[Path, str]) -> Iterator[httpx.Client]:
    """The example department, by a token of its own."""
    folder, url = city
    issued = subprocess.run(
        [PROGRAM, "token", "issue", "department", "--scope", "read", "--dir", folder],
        capture_output=True,
        text=True,
        check=True,
    )
    headers = {"authorization": f"Bearer {issued.stdout.strip()}", "accept": "application/json"}
    with httpx.Client(base_url=url, headers=headers, verify=False, timeout=30) as client:
        yield client


def test_accounts_are_for_looking_around(city: tuple[Path, str]) -> None:
    folder, _ = city
    accounts = json.loads((folder / "demo.json").read_text("utf-8"))["examples"]
    assert {"bureau", "reviewer", "auditor", "department"} <= {one["login"] for one in accounts}
    assert all("示例" in one["name"]["zh"] for one in accounts)


def test_people_are_named_on_english_pages_too(department: httpx.Client) -> None:
    page = department.get("/on-call", headers={"accept": "text/html", "accept-language": "en"})
    assert re.search(r"<text [^>]*>示例部门 Example department</text>", page.text)


@pytest.mark.timeout(400)
def test_weather_is_played_back_and_says_so(department: httpx.Client) -> None:
    streams = department.get(f"{STREAM}/Datastreams", params={"$expand": "Thing"}).json()["value"]
    assert len(streams) == 20
    assert all(one["properties"]["replay"] for one in streams)
    assert len({one["Thing"]["@iot.id"] for one in streams}) == 4
    newest = {"$orderby": "phenomenonTime desc", "$top": "1"}
    first = department.get(f"{STREAM}/Observations", params=newest).json()["value"][0]
    assert first["resultQuality"] == "replay"
    _wait_for_liveness(department, 75)  # one station of four is silent


def _wait_for_liveness(department: httpx.Client, score: int) -> None:
    """Until the node finds this score: it looks every two minutes, and where it took long to start
    it found nothing played back yet."""
    until = time.monotonic() + 300
    while time.monotonic() < until:
        health = department.get("/api/resources/weather-replay/health").json()
        parts: list[dict[str, Any]] = health["parts"]
        if [one["score"] for one in parts if one["aspect"] == "liveness"] == [score]:
            return
        time.sleep(0.5)
    pytest.fail(f"never seen to be live: {health}")


def test_rules_raised_alerts_and_orders_were_done(department: httpx.Client) -> None:
    rules = department.get("/api/rules").json()["rules"]
    assert len(rules) >= 3
    assert {rule["state"] for rule in rules} == {"live"}
    over = department.get("/api/alerts", params={"state": "resolved"}).json()["alerts"]
    assert {alert["rule"] for alert in over} <= {rule["key"] for rule in rules}
    assert all(alert["leaf"] and alert["peak"] is not None for alert in over)
    firing = department.get("/api/alerts", params={"state": "firing"}).json()["alerts"]
    silent = next(rule["key"] for rule in rules if rule["rule"]["id"] == "no-data")
    assert silent in {alert["rule"] for alert in firing}
    orders = department.get("/api/work-orders", params={"limit": "200"}).json()["items"]
    assert {"alert", "maintenance"} <= {order["source"]["kind"] for order in orders}
    assert any(order["accepted_at"] and order["done_at"] for order in orders)


def test_inventory_and_capacity_are_there(department: httpx.Client) -> None:
    (inventory,) = department.get("/assets", params={"f": "json"}).json()["items"]
    assert inventory["count"] > 1_000
    assert len(department.get("/api/capacities").json()["items"]) == 2
    asked = department.get("/api/allocations").json()["items"]
    assert {"held", "waiting"} <= {one["state"] for one in asked}


def test_a_stranger_sees_what_open_data_tell_and_nobody_at_work(city: tuple[Path, str]) -> None:
    with httpx.Client(base_url=city[1], verify=False, timeout=30) as anybody:
        for path in ("/api/work-orders", "/api/allocations", "/api/on-call"):
            assert anybody.get(path).status_code == 401, path
        for path in ("/api/rules", "/api/alerts"):  # of a stream that everybody may read
            shown = anybody.get(path)
            assert shown.status_code == 200, path
            assert "mbr_" not in shown.text, path


def test_the_node_is_sound(city: tuple[Path, str]) -> None:
    done = subprocess.run(
        [PROGRAM, "doctor", "--dir", city[0]], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
