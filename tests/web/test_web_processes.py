"""OGC API – Processes over HTTP: clients, the gate, jobs, and requests that are wrong."""

import time
from typing import Any

import httpx
import pyproj
import pytest
import shapely
from owslib.ogcapi.processes import Processes
from town import EAST, MIDDLE, NORTH, SOUTH, WEST, Town, grid, term, visible

ROOT = "/ogc/processes"
BUFFER = f"{ROOT}/processes/buffer/execution"
_WAIT_S = 60.0


def run(client: httpx.Client, process: str, **inputs: Any) -> httpx.Response:
    answer = client.post(
        f"{ROOT}/processes/{process}/execution", json={"inputs": inputs}, timeout=_WAIT_S
    )
    return answer


def result(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def over(client: httpx.Client, job: str) -> dict[str, Any]:
    """The status of a job once it is over."""
    until = time.monotonic() + _WAIT_S
    while time.monotonic() < until:
        status: dict[str, Any] = client.get(f"{ROOT}/jobs/{job}").json()
        if status["status"] not in {"accepted", "running"}:
            return status
        time.sleep(0.1)
    raise AssertionError(f"{job} is not over")


def test_a_client_of_the_standard_lists_describes_and_executes(
    town: Town, consumer: httpx.Client
) -> None:
    headers = {"authorization": f"Bearer {town.tokens['consumer']}"}
    client = Processes(f"{town.url}{ROOT}", headers=headers, timeout=60)
    assert (
        f"http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/core"
        in (client.conformance()["conformsTo"])
    )
    assert "buffer" in {one["id"] for one in client.processes()}
    described = client.process("buffer")
    assert described["inputs"]["distance"]["schema"]["x-ogc-unit"] == "m"
    assert described["inputs"]["ends"]["minOccurs"] == 0
    inputs = {"features": {"type": "Point", "coordinates": [24.94, 60.17]}, "distance": 100}
    found = client.execute("buffer", inputs)
    area, _ = pyproj.Geod(ellps="GRS80").geometry_area_perimeter(
        shapely.from_geojson(
            str(found["result"]["value"]["features"][0]["geometry"]).replace("'", '"')
        )
    )
    assert abs(area) == pytest.approx(64 * 100**2 * 0.5 * 0.09801714, rel=1e-4)
    started = client.execute("buffer", inputs, async_=True)
    assert started["status"] == "accepted"
    status = over(consumer, started["jobID"])
    assert (status["status"], status["progress"]) == ("successful", 100)
    kept = consumer.get(f"{ROOT}/jobs/{started['jobID']}/results").json()
    assert kept["result"]["value"]["features"] == found["result"]["value"]["features"]
