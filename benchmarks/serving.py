"""Pages and tiles of quanyu beside tipg and pygeoapi on PostGIS, driven by wrk over random windows.

quanyu answers with the gate on and an agreement in force (a token of a party that is not the
provider; the agreement hides a column and limits the use to a purpose). The peers hold the same
rows without that column. ``--quick`` makes a small city and short runs.
"""

import argparse
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq

import peers
from consumers import agree_on, make_consumer
from measure import drive, need, resident_bytes, stop, tree, wait_ready
from report import OUT, keep, table

QUANYU = Path(sys.executable).parent / "quanyu"
PORTS = {"quanyu": 8041, "quanyu, no cache": 8044, "tipg": 8042, "pygeoapi": 8043}
WINDOW = 0.02
ZOOM = 14
MOST = 10_000  # features that all of them give on one page
HIDDEN = {"points": "category", "buildings": "use"}
COLLECTIONS = ("points", "buildings")
PROPERTIES = {
    "points": ("id", "value", "time", "generated"),
    "buildings": ("id", "levels", "height", "built", "floor_area", "generated"),
}


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its process, and the processes whose CPU is counted."""

    process: "subprocess.Popen[bytes]"
    pids: list[int]
    headers: dict[str, str]


def main() -> None:
    """Make the city, start everyone, measure, check that the answers agree, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    need("wrk")
    points, buildings, seconds = (50_000, 10_000, 3) if quick else (1_000_000, 200_000, 15)
    OUT.mkdir(exist_ok=True)
    city = OUT / f"city-{points}-{buildings}"
    token = make_city(city, points, buildings)
    files = {name: export(city, token, name) for name in COLLECTIONS}
    with ExitStack() as running:
        dsn, postmaster = running.enter_context(peers.postgis())
        extents = {}
        for name in COLLECTIONS:
            print(f"bench: loading {name} into PostGIS …", flush=True)
            extents[name] = load(dsn, name, files[name])
        servers = start(running, city, token, dsn, postmaster, extents)
        windows = {name: random_windows(extents[name]) for name in COLLECTIONS}
        agree(servers, windows)
        figures = measure(servers, windows, extents, seconds)
        figures["resident_mb"] = resident_bytes(tree(servers["quanyu"].process.pid)) / 1e6
    show(figures)
    keep("serving-quick" if quick else "serving", figures)


def run(*arguments: object) -> str:
    """The command line of quanyu."""
    return subprocess.run(
        [str(QUANYU), *map(str, arguments)], check=True, capture_output=True, text=True
    ).stdout


def make_city(folder: Path, points: int, buildings: int) -> Path:
    """A node with the generated city, offered under an agreement; returns the token's file."""
    token = folder / "bench-token"
    if token.exists():
        return token
    from quanyu.catalogue import Access, amend, resource
    from quanyu.cli.data import open_desk

    print(f"bench: making {points:,} points and {buildings:,} buildings …", flush=True)
    run("init", "--dir", folder)
    run("generate", "city", "--buildings", buildings, "--points", points, "--seed", 7,
        "--dir", folder)  # fmt: skip

    with open_desk(folder) as desk, desk.control.begin() as session:
        consumer, secret = make_consumer(session)
        for name in COLLECTIONS:
            found = resource(session, f"generated-{name}")
            shared = replace(found, access=Access.SHARED)
            amend(session, found.id, shared, desk.caller, revision=found.revision)
            agree_on(session, desk.caller, consumer, found.id, HIDDEN[name])
    token.write_text(secret)
    return token


def export(city: Path, token: Path, name: str) -> Path:
    """What the agreement lets out, as the peers' input: so both hold the same rows and columns."""
    target = city / f"{name}.parquet"
    if not target.exists():
        run("export", f"generated-{name}", target, "--token-file", token, "--purpose", "research",
            "--dir", city)  # fmt: skip
    return target


def load(dsn: str, name: str, file: Path) -> list[float]:
    """Fill PostGIS and give the extent."""
    schema = pq.read_schema(file)
    kinds = {"string": "text", "int64": "bigint", "double": "double precision", "bool": "boolean"}
    columns = {"id": "text"}
    for field in schema:
        kind = kinds.get(str(field.type).replace("large_", ""))
        if str(field.type).startswith("timestamp"):
            kind = "timestamptz"
        if kind and field.name in PROPERTIES[name]:
            columns[field.name] = kind
    peers.load(dsn, name, file, columns, "Point" if name == "points" else "Polygon")
    return peers.extent(dsn, name)


def start(  # noqa: PLR0917
    running: ExitStack,
    city: Path,
    token: Path,
    dsn: str,
    postmaster: int,
    extents: dict[str, list[float]],
) -> dict[str, Server]:
    """Start quanyu and the peers, each with two workers."""
    secret = token.read_text()
    ours = {}
    for name, cache in (("quanyu", None), ("quanyu, no cache", "0")):
        began = time.perf_counter()
        ours[name] = subprocess.Popen(
            [str(QUANYU), "serve", "--dir", str(city), "--port", str(PORTS[name]),
             "--workers", peers.WORKERS],
            env=os.environ | ({"QUANYU_TILE_CACHE_BYTES": cache} if cache else {}),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        running.callback(stop, ours[name])
        wait_ready(f"http://127.0.0.1:{PORTS[name]}/readyz")
        print(f"bench: {name} ready after {time.perf_counter() - began:.1f} s", flush=True)
    tipg = peers.tipg(dsn, PORTS["tipg"])
    running.callback(stop, tipg)
    pygeoapi = peers.pygeoapi(dsn, PORTS["pygeoapi"], extents)
    running.callback(stop, pygeoapi)
    headers = {"Authorization": f"Bearer {secret}", "Quanyu-Purpose": "research"}
    servers = {
        **{name: Server(process, [process.pid], headers) for name, process in ours.items()},
        "tipg": Server(tipg, [tipg.pid, postmaster], {}),
        "pygeoapi": Server(pygeoapi, [pygeoapi.pid, postmaster], {}),
    }
    for name in ("tipg", "pygeoapi"):
        wait_ready(base(name) + page_path(name, "points", (0.0, 0.0, 0.1, 0.1), 1), seconds=300)
    return servers


def base(server: str) -> str:
    """URL of a server."""
    return f"http://127.0.0.1:{PORTS[server]}"


def page_path(server: str, name: str, window: tuple[float, ...], limit: int = 100) -> str:
    """Path of a page of features."""
    box = ",".join(f"{value:.6f}" for value in window)
    query = f"bbox={box}&limit={limit}"
    return {
        "quanyu": f"/ogc/features/collections/generated-{name}/items?f=json&{query}",
        "tipg": f"/collections/public.{name}/items?f=geojson&{query}",
        "pygeoapi": f"/collections/{name}/items?f=json&{query}",
    }[server]


def tile_path(server: str, name: str, tile: tuple[int, int]) -> str:
    """Path of a vector tile; ``tile`` is column and row at the zoom."""
    x, y = tile
    return {
        "quanyu": f"/ogc/tiles/collections/generated-{name}/tiles/WebMercatorQuad/{ZOOM}/{y}/{x}",
        "tipg": f"/collections/public.{name}/tiles/WebMercatorQuad/{ZOOM}/{x}/{y}",
        "pygeoapi": f"/collections/{name}/tiles/WebMercatorQuad/{ZOOM}/{y}/{x}?f=mvt",
    }[server.partition(",")[0]]


def random_windows(extent: list[float], count: int = 400) -> list[tuple[float, ...]]:
    """Windows of 0.02° inside the extent, the same in every run."""
    chance = random.Random(11)
    found: list[tuple[float, ...]] = []
    for _ in range(count):
        x = chance.uniform(extent[0], extent[2] - WINDOW)
        y = chance.uniform(extent[1], extent[3] - WINDOW)
        found.append((x, y, x + WINDOW, y + WINDOW))
    return found


def tiles_of(extent: list[float]) -> list[tuple[int, int]]:
    """All tiles at the zoom that the extent touches, in a fixed random order."""
    import morecantile

    grid = morecantile.tms.get("WebMercatorQuad")
    west, south, east, north = extent
    found = [(t.x, t.y) for t in grid.tiles(west, south, east, north, zooms=[ZOOM])]
    random.Random(13).shuffle(found)
    return found


def agree(servers: dict[str, Server], windows: dict[str, list[tuple[float, ...]]]) -> None:
    """End the run when quanyu and tipg do not answer the same features."""
    compared = 0
    for name in COLLECTIONS:
        for window in windows[name][:60]:
            answers = []
            for server in ("quanyu", "tipg"):
                reply = httpx.get(
                    base(server) + page_path(server, name, window, MOST),
                    headers=servers[server].headers,
                    timeout=60,
                )
                reply.raise_for_status()
                answers.append({str(f["id"]) for f in reply.json()["features"]})
            if max(map(len, answers)) >= MOST:
                continue  # each gives the first of its own order
            compared += 1
            if answers[0] != answers[1]:
                only = [sorted(a - b)[:3] for a, b in (answers, answers[::-1])]
                sys.exit(f"bench: {name} in {window}: only one of the two answers {only}")
    print(f"bench: quanyu and tipg answer the same features in {compared} windows", flush=True)


def measure(
    servers: dict[str, Server],
    windows: dict[str, list[tuple[float, ...]]],
    extents: dict[str, list[float]],
    seconds: int,
) -> dict[str, Any]:
    """Drive everyone in turn."""
    figures: dict[str, Any] = {}

    def turn(workload: str, server: str, paths: list[str]) -> None:
        print(f"bench: {workload} · {server} …", flush=True)
        found = drive(
            base(server),
            paths,
            servers[server].pids,
            seconds=seconds,
            headers=servers[server].headers,
        )
        figures.setdefault(workload, {})[server] = asdict(found)

    for name in COLLECTIONS:
        for server in ("quanyu", "tipg", "pygeoapi"):
            paths = [page_path(server, name, window) for window in windows[name]]
            turn(f"pages of {name}", server, paths)
    for name in COLLECTIONS:
        tiles = tiles_of(extents[name])
        # pygeoapi takes a minute and more for one such tile: it is left out of this drive.
        for server in ("quanyu, no cache", "tipg"):
            turn(f"tiles of {name}", server, [tile_path(server, name, t) for t in tiles])
        turn(f"cached tiles of {name}", "quanyu", [tile_path("quanyu", name, t) for t in tiles])
    return figures


def show(figures: dict[str, Any]) -> None:
    """The table of figures and of ratios."""
    rows: list[list[object]] = []
    peer_of: Callable[[str], str] = lambda workload: workload.removeprefix("cached ")  # noqa: E731
    for workload, by_server in figures.items():
        if not isinstance(by_server, dict):
            continue
        ours = by_server.get("quanyu") or by_server["quanyu, no cache"]
        for server, load_ in by_server.items():
            rows.append(
                [
                    workload, server, load_["rate"], load_["p50_ms"], load_["p99_ms"],
                    load_["cpu_ms"], load_["errors"],
                    "" if server.startswith("quanyu") else f"{ours['rate'] / load_['rate']:.1f}×",
                ]
            )  # fmt: skip
        if workload.startswith("cached") and "tipg" in figures.get(peer_of(workload), {}):
            tipg = figures[peer_of(workload)]["tipg"]
            rows.append(
                [
                    workload,
                    "(tipg above)",
                    "",
                    "",
                    "",
                    "",
                    "",
                    f"{ours['rate'] / tipg['rate']:.1f}×",
                ]
            )
    table(
        "Serving, the gate on and an agreement in force",
        ("workload", "server", "req/s", "p50 ms", "p99 ms", "CPU ms/req", "errors", "quanyu is"),
        rows,
    )
    print(f"quanyu resident after the runs: {figures['resident_mb']:.0f} MB")


if __name__ == "__main__":
    main()
