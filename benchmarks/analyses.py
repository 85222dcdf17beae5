"""Analyses of ground and roofs on a grid: seconds of CPU, the view shed beside ``gdal_viewshed``.

    python benchmarks/analyses.py [--quick]

The same seeded hills of 1,000 × 1,000 cells (300 × 300 with ``--quick``). GDAL's figures hold its
start and its reading and writing of a file; quanyu's the same: the grid is read from the file, and
what is seen is written to one.
"""

import argparse
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from scipy import ndimage

import report
from quanyu.compute.surface.flood import flood
from quanyu.compute.surface.shadow import lit, sun_hours
from quanyu.compute.surface.sun import solar_instants, sun_at
from quanyu.compute.surface.viewshed import viewshed

ROUNDS = 3
CELL = 10.0
EYE, REFRACTION = 30.0, 0.13


def main() -> None:
    """Make the hills, look at them in each way, print seconds, ratios and the agreement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="300 × 300 cells")
    side = 300 if parser.parse_args().quick else 1_000
    tops = hills(side)
    with tempfile.TemporaryDirectory() as folder:
        seen = sight(Path(folder), tops)
    alone = single(tops)
    report.keep("analyses", {"side": side, "viewshed": seen, "seconds": alone})


def hills(side: int) -> np.ndarray:
    """Ground of some 60 m up and down."""
    noise = np.random.default_rng(3).normal(size=(side, side))
    smooth = ndimage.gaussian_filter(noise, 15)
    ground: np.ndarray = (smooth / smooth.std() * 60 + 200).astype(np.float32)
    return ground


def sight(folder: Path, tops: np.ndarray) -> dict[str, Any]:
    """The view shed from the middle, by both."""
    side = len(tops)
    transform = Affine(CELL, 0, 500_000, 0, -CELL, 3_400_000)
    profile = {"driver": "GTiff", "width": side, "height": side, "count": 1, "crs": "EPSG:4549",
               "transform": transform}  # fmt: skip
    with rasterio.open(folder / "dem.tif", "w", dtype="float32", **profile) as out:
        out.write(tops, 1)
    here = (side // 2, side // 2)

    def ours() -> np.ndarray:
        with rasterio.open(folder / "dem.tif") as source:
            found = viewshed(source.read(1), (CELL, CELL), here, EYE, refraction=REFRACTION)
        assert found is not None
        seen = found.seen(1.5)
        with rasterio.open(folder / "ours.tif", "w", dtype="uint8", **profile) as out:
            out.write(seen.astype(np.uint8) * 255, 1)
        return seen

    ways: dict[str, Callable[[], np.ndarray]] = {"quanyu": ours}
    if shutil.which("gdal_viewshed"):
        ways["gdal_viewshed"] = lambda: gdal(folder, transform * (here[1] + 0.5, here[0] + 0.5))
    else:
        print("bench: no gdal_viewshed; apt-get install gdal-bin")
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    answers = {}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            wall, busy = time.perf_counter(), used()
            answers[name] = way()
            took[name].append((used() - busy, time.perf_counter() - wall))
    best = {name: min(each) for name, each in took.items()}
    agree = {name: float((answers["quanyu"] == answer).mean()) for name, answer in answers.items()}
    rows = [
        [name, busy, wall, f"{busy / best['quanyu'][0]:.2f}×", f"{100 * agree[name]:.2f} %"]
        for name, (busy, wall) in best.items()
    ]
    columns = ["view shed", "CPU s", "wall s", "CPU / quanyu", "cells as quanyu"]
    report.table(f"View shed over {side:,} × {side:,} cells", columns, rows)
    return {"took": took, "agreement": agree}


def gdal(folder: Path, place: tuple[float, float]) -> np.ndarray:
    """GDAL's view shed by its program."""
    subprocess.run(
        ["gdal_viewshed", "-q", "-ox", str(place[0]), "-oy", str(place[1]), "-oz", str(EYE),
         "-tz", "1.5", "-md", "0", "-cc", str(1 - REFRACTION), "dem.tif", "theirs.tif"],
        cwd=folder, check=True,
    )  # fmt: skip
    with rasterio.open(folder / "theirs.tif") as result:
        return np.asarray(result.read(1) == 255)


def used() -> float:
    """Seconds of CPU of this program and those that it ran."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in both)


def single(tops: np.ndarray) -> dict[str, float]:
    """The other analyses of a grid, which have no such peer here."""
    instants = solar_instants(date(2001, 1, 20), 120.0, 8, 16, 5)
    sun = sun_at(instants, 120.0, 31.0)
    low = tops <= np.quantile(tops, 0.001)
    ways: dict[str, Callable[[], object]] = {
        "shadows at one instant": lambda: lit(tops, (CELL, CELL), 130.0, 15.0),
        "hours of sun, 96 instants": lambda: sun_hours(tops, (CELL, CELL), sun, 5.0),
        "flood": lambda: flood(tops, low, float(np.median(tops))),
    }
    found = {}
    for name, way in ways.items():
        busy = []
        for _ in range(ROUNDS):
            start = time.process_time()
            way()
            busy.append(time.process_time() - start)
        found[name] = min(busy)
    report.table("Other analyses of the grid", ["analysis", "CPU s"], list(found.items()))
    return found


if __name__ == "__main__":
    main()
