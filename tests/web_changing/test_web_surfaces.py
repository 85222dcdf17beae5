"""Analyses of ground and roofs over HTTP: refusals, lineage, and what a restriction keeps back.

Two elevation models are alike west of the town's middle, where the consumer's agreement lets it
look, and differ east of it: a plain in one, a wall of 400 m in the other.
"""

import math
import time
from typing import Any

import httpx
import numpy as np
import pytest
import rasterio
from rasterio.io import MemoryFile
from rasterio.transform import from_origin
from scenes import CRS, STEP, frame, longitudes
from town import MIDDLE, NORTH, SOUTH, WEST, Town, grid, put_on_show, term, visible, west_half

from quanyu import app as composition
from quanyu.catalogue import Access
from quanyu.spacetime import IngestOptions, ingest

ROOT = "/ogc/processes"
EDGE = (MIDDLE - 0.004, (SOUTH + NORTH) / 2)
POOL = (WEST + 0.012, SOUTH + 0.01)
GROUND, FLOOR = 20.0, 15.0


def point(x: float, y: float) -> dict[str, Any]:
    return {"type": "Point", "coordinates": [x, y]}


def around(x: float, y: float, half: float = 0.007) -> dict[str, Any]:
    ring = [[x - half, y - half], [x + half, y - half], [x + half, y + half], [x - half, y + half]]
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}


@pytest.fixture(scope="module")
def ground(town: Town) -> tuple[str, str]:
    """The two elevation models; each with an agreement for the west."""
    control = town.control()
    store = composition.open_store(town.settings, control)
    left, top, columns, rows = frame()
    x, y = np.meshgrid(np.arange(columns), np.arange(rows))
    out = ~from_origin(left, top, STEP, STEP)
    from pyproj import Transformer

    column, row = out * Transformer.from_crs("OGC:CRS84", CRS, always_xy=True).transform(*POOL)
    pool = np.hypot(x - column, y - row) * STEP < 100
    names = ("ground_open", "ground_wall")
    for name, beyond in zip(names, (GROUND, 400.0), strict=True):
        values = np.where(pool, FLOOR, GROUND).astype(np.float32)
        values[longitudes() >= MIDDLE] = beyond
        path = town.folder / f"{name}.tif"
        with rasterio.open(
            path, "w", driver="GTiff", width=columns, height=rows, count=1, dtype="float32",
            crs=CRS, transform=from_origin(left, top, STEP, STEP), nodata=-9999,
        ) as made:  # fmt: skip
            made.write(values, 1)
        version = ingest(
            store, path, name, IngestOptions(bands=("elevation",), datetime="2025-01-01T00:00:00Z")
        ).version
        with control.begin() as session:
            put_on_show(session, version, Access.RESTRICTED, town.callers["provider"])
    store.close()
    control.close()
    for name in names:
        town.agree(name, "consumer", term("spatial", "isPartOf", west_half()))
    return names[0], names[1]


def run(client: httpx.Client, process: str, **inputs: Any) -> dict[str, Any]:
    """The results in one document."""
    answer = execute(client, process, **inputs)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def execute(client: httpx.Client, process: str, **inputs: Any) -> httpx.Response:
    return client.post(
        f"{ROOT}/processes/{process}/execution",
        json={"inputs": inputs, "response": "document"},
        timeout=120,
    )


def bare(made: dict[str, Any]) -> Any:
    """Results without what tells of their lineage."""
    found = {}
    for name, value in made.items():
        if isinstance(value, dict) and value.get("encoding") == "base64":
            continue
        if isinstance(value, dict) and "value" in value:
            found[name] = value["value"]["features"]
        else:
            found[name] = value
    return found


@pytest.mark.parametrize("process", ["viewshed", "flood", "sun-hours", "section"])
def test_a_stranger_gets_nothing_of_ground_that_it_may_not_read(
    ground: tuple[str, str], stranger: httpx.Client, anybody: httpx.Client, process: str
) -> None:
    inputs: dict[str, Any] = {
        "viewshed": {"observer": point(*EDGE)},
        "flood": {"sources": point(*POOL), "level": 18},
        "sun-hours": {},
        "section": {"line": {"type": "LineString", "coordinates": [EDGE, POOL]}},
    }[process]
    assert execute(stranger, process, elevation=ground[0], **inputs).status_code == 403
    assert execute(anybody, process, elevation=ground[0], **inputs).status_code == 401


def test_what_is_hidden_does_not_change_a_letter(
    ground: tuple[str, str], consumer: httpx.Client, provider: httpx.Client
) -> None:
    """A wall beyond the middle hides nothing, holds no water and casts no shadow for those who may
    not know of it; and they are told that they do not know."""
    asked = {
        "viewshed": {"observer": point(*EDGE), "farthest": 600, "observer_height": 5},
        "flood": {"sources": point(*EDGE), "level": 21, "area": around(*EDGE)},
        "section": {
            "line": {
                "type": "LineString",
                "coordinates": [EDGE, [MIDDLE + 0.004, EDGE[1]]],
            },
        },
    }
    for process, inputs in asked.items():
        first, second = (bare(run(consumer, process, elevation=name, **inputs)) for name in ground)
        assert first == second, process
        assert first["without_data"] > 0.1, process
        whole = run(provider, process, elevation=ground[1], **inputs)
        assert whole["without_data"] < 0.05, process
    assert first["greatest"] == pytest.approx(GROUND)
    assert whole["greatest"] == pytest.approx(400)


def test_places_that_are_hidden_are_not_seen_nor_stood_on(
    ground: tuple[str, str], consumer: httpx.Client
) -> None:
    answer = execute(
        consumer, "sight-line", observer=point(*EDGE), targets=point(MIDDLE + 0.004, EDGE[1]),
        elevation=ground[1],
    )  # fmt: skip
    assert answer.status_code == 400
    problem = answer.json()
    assert problem["field"] == "targets"
    assert "not known" in problem["detail"]


def test_buildings_that_are_hidden_do_not_stand_there(
    town: Town, ground: tuple[str, str], consumer: httpx.Client, provider: httpx.Client
) -> None:
    """A section along a row of houses: of those in the west the agreement hides the high ones."""
    row = [(number, x, y) for number, x, y in grid(300, 20) if number // 20 == 7]
    y = row[0][2]
    line = {"type": "LineString", "coordinates": [[WEST, y], [MIDDLE - 0.0005, y]]}
    given = {"line": line, "elevation": ground[0], "buildings": "buildings"}
    west = {f"b{number:04d}" for number, x, _ in row if x < MIDDLE}
    seen = {f"b{number:04d}" for number, x, _ in row if visible(number, x)}

    def crossed(client: httpx.Client) -> dict[str, dict[str, Any]]:
        made = run(client, "section", **given)
        features = made["buildings_crossed"]["value"]["features"]
        return {one["properties"]["building"]: one["properties"] for one in features}

    assert set(crossed(provider)) == west
    mine = crossed(consumer)
    assert set(mine) == seen
    for name, one in mine.items():
        storeys = 1 + int(name[1:]) % 12
        assert one["roof"] == pytest.approx(GROUND + 3 * storeys, abs=0.01)


def test_a_flood_as_a_job_with_its_grid_and_its_lineage(
    ground: tuple[str, str], consumer: httpx.Client
) -> None:
    answer = consumer.post(
        f"{ROOT}/processes/flood/execution",
        json={"inputs": {"sources": point(*POOL), "level": 18, "elevation": ground[0]}},
        headers={"prefer": "respond-async"},
    )
    assert answer.status_code == 201, answer.text
    job = answer.json()["jobID"]
    until = time.monotonic() + 90
    while (status := consumer.get(f"{ROOT}/jobs/{job}").json())["status"] in {
        "accepted",
        "running",
    }:
        assert time.monotonic() < until
        time.sleep(0.1)
    assert status["status"] == "successful", status
    grid_answer = consumer.get(f"{ROOT}/jobs/{job}/results/depth")
    with MemoryFile(grid_answer.content) as file, file.open() as source:
        depth = source.read(1, masked=True)
        cell = source.transform.a * -source.transform.e
        assert source.units == ("m",)
    assert depth.max() == pytest.approx(18 - FLOOR, abs=1e-3)
    assert depth.count() * cell == pytest.approx(math.pi * 100**2, rel=0.05)
    volume = consumer.get(f"{ROOT}/jobs/{job}/results/volume").json()
    assert volume == pytest.approx(float(depth.sum()) * cell, rel=1e-3)
    water = consumer.get(f"{ROOT}/jobs/{job}/results/water").json()
    assert ground[0] in str({k: v for k, v in water.items() if k != "features"})


@pytest.mark.parametrize(
    "process",
    ["sight-line", "viewshed", "shadows", "sun-hours", "sunlight", "flood", "section"],
)
def test_each_is_described_and_has_a_form(anybody: httpx.Client, process: str) -> None:
    about = anybody.get(f"{ROOT}/processes/{process}").json()
    assert about["inputs"]["buildings"]["minOccurs"] == 0
    assert "elevation" in about["inputs"]
    for language, word in (("zh", "高程"), ("en", "Elevation")):
        page = anybody.get(f"/processes/{process}", headers={"accept-language": language})
        assert page.status_code == 200
        assert word in page.text


def test_elevation_is_read_around_what_is_asked_about(
    ground: tuple[str, str], provider: httpx.Client
) -> None:
    """The hidden height of a small view shed is that of the whole model cut by hand."""
    inputs = {"observer": point(*EDGE), "farthest": 200, "elevation": ground[1]}
    cut = around(*EDGE, half=0.02)["coordinates"][0]
    box = [*cut[0], *cut[2]]
    by_hand = inputs | {"elevation": {"collection": ground[1], "bbox": box}}
    assert bare(run(provider, "viewshed", **inputs)) == bare(run(provider, "viewshed", **by_hand))
