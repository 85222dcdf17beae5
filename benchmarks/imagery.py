"""Map tiles of a GeoTIFF beside titiler, in the same run: the same COG, the same tiles.

Run ``python benchmarks/imagery.py [--quick]``. A scene of three bands of bytes
is made from a seed in EPSG:32635; both servers have one worker and draw random tiles of the levels
13 to 16 that lie wholly in it. Each is driven with ``wrk``; CPU is that of the server's processes.
quanyu's cache of drawn tiles is off (``QUANYU_TILE_CACHE_BYTES=0``), its gate is on and its uses
are counted in evidence.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

import httpx
import morecantile
import numpy as np
import rasterio
from rasterio.transform import from_origin
from rasterio.warp import transform_bounds

from measure import drive, need, stop, wait_ready
from peers import environment
from report import keep, table

PEER = ("titiler.application==2.4.0", "uvicorn")
SIDE, STEP = 4_000, 5.0
LEFT, TOP = 380_000.0, 6_690_000.0


def scene(path: Path) -> None:
    """A smooth field with noise over it, so that it packs about as a photograph does."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    with rasterio.open(
        path, "w", driver="GTiff", width=SIDE, height=SIDE, count=3, dtype="uint8", tiled=True,
        crs="EPSG:32635", transform=from_origin(LEFT, TOP, STEP, STEP),
    ) as out:  # fmt: skip
        for band, name in enumerate(("red", "green", "blue"), start=1):
            wave = 110 + 60 * np.sin(x / (150 + 40 * band)) * np.cos(y / (210 - 30 * band))
            out.write((wave + rng.normal(0, 12, x.shape)).clip(1, 255).astype(np.uint8), band)
            out.set_band_description(band, name)


def tiles(count: int) -> list[tuple[int, int, int]]:
    """Random tiles of levels 13 to 16 wholly within the scene."""
    rng = random.Random(11)
    grid = morecantile.tms.get("WebMercatorQuad")
    bounds = (LEFT, TOP - SIDE * STEP, LEFT + SIDE * STEP, TOP)
    west, south, east, north = transform_bounds("EPSG:32635", "OGC:CRS84", *bounds)
    middle_x, middle_y = (west + east) / 2, (south + north) / 2
    wide, tall = (east - west) * 0.38, (north - south) * 0.38
    found = []
    for _ in range(count):
        z = rng.randrange(13, 17)
        one = grid.tile(middle_x + rng.uniform(-wide, wide), middle_y + rng.uniform(-tall, tall), z)
        found.append((z, one.x, one.y))
    return found


def serve(folder: Path, port: int) -> "subprocess.Popen[bytes]":
    """A node with the scene as open data, served by one worker."""
    program = Path(sys.executable).with_name("quanyu")
    surroundings = os.environ | {"QUANYU_TILE_CACHE_BYTES": "0"}
    home: list[str | Path] = ["--dir", folder / "node"]
    subprocess.run([program, "init", *home], check=True, capture_output=True)
    subprocess.run(
        [program, "add", folder / "scene.tif", "--dataset", "scene", "--datetime", "2026-01-01",
         "--access", "open", "--licence", "CC0-1.0", "--title-en", "Scene", "--yes", *home],
        check=True, capture_output=True,
    )  # fmt: skip
    return subprocess.Popen(
        [program, "serve", *home, "--port", str(port), "--workers", "1"], env=surroundings,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def peer(port: int) -> "subprocess.Popen[bytes]":
    """titiler with one worker."""
    home = environment("titiler", PEER, (3, 11))
    surroundings = os.environ | {
        "GDAL_CACHEMAX": "200", "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
        "TITILER_API_DISABLE_STAC": "TRUE",
    }  # fmt: skip
    return subprocess.Popen(
        [home / "bin/python", "-m", "uvicorn", "titiler.application.main:app", "--port", str(port),
         "--log-level", "error"],
        env=surroundings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def alike(ours: httpx.Response, theirs: httpx.Response) -> float:
    """Mean difference of two pictures in steps of a byte."""
    both = []
    for answer in (ours, theirs):
        with rasterio.MemoryFile(answer.content) as file, file.open() as picture:
            both.append(picture.read()[:3].astype(np.int16))
    return float(np.abs(both[0] - both[1]).mean())


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter runs")
    quick = parser.parse_args().quick
    need("wrk")
    seconds, rows = (5 if quick else 15), []
    port, other = random.sample(range(20_000, 40_000), 2)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scene(folder / "scene.tif")
        ours = serve(folder, port)
        theirs = peer(other)
        try:
            base, beside = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{other}"
            wait_ready(f"{base}/readyz", seconds=600)
            wait_ready(f"{beside}/healthz", seconds=600)
            asset = next((folder / "node/tables/scene/_scenes").glob("*.tif"))
            places = tiles(400)
            root = "/ogc/tiles/collections/scene/map/tiles/WebMercatorQuad"
            for form, ending in (("png", "png"), ("jpeg", "jpeg"), ("webp", "webp")):
                mine = [f"{root}/{z}/{y}/{x}?f={form}" for z, x, y in places]
                url = quote(str(asset), safe="")
                peers = [
                    f"/cog/tiles/WebMercatorQuad/{z}/{x}/{y}.{ending}?url={url}&tilesize=256"
                    for z, x, y in places
                ]
                with httpx.Client(timeout=150) as client:
                    pairs = [
                        (client.get(base + a), client.get(beside + b))
                        for a, b in zip(mine[:20], peers[:20], strict=True)
                    ]
                told = {(a.status_code, b.status_code) for a, b in pairs}
                if told != {(200, 200)}:
                    sys.exit(f"bench: the servers answered {sorted(told)}")
                apart = max(alike(a, b) for a, b in pairs)
                first = drive(base, mine, [ours.pid], seconds=seconds)
                second = drive(beside, peers, [theirs.pid], seconds=seconds)
                rows.append({
                    "form": form, "quanyu": first.rate, "titiler": second.rate,
                    "ratio": first.rate / second.rate, "cpu_ms": first.cpu_ms,
                    "peer_cpu_ms": second.cpu_ms, "cpu_ratio": second.cpu_ms / first.cpu_ms,
                    "p99_ms": first.p99_ms, "peer_p99_ms": second.p99_ms,
                    "errors": first.errors + second.errors, "apart": apart,
                })  # fmt: skip
        finally:
            stop(ours)
            stop(theirs)
    names = list(rows[0])
    table("Map tiles of a GeoTIFF, beside titiler", names, [list(row.values()) for row in rows])
    keep("imagery", rows)


if __name__ == "__main__":
    main()
