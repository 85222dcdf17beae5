"""3D Tiles: a generated city of LoD1 blocks and a point cloud, cold and cached, beside py3dtiles.

Run ``python benchmarks/three_d.py [--buildings 200000] [--points 1000000]``. Cold is the layout and
every tile drawn; cached is a tile again. The peer makes b3dm out of ready-made blocks of the same
buildings (it neither raises footprints nor writes properties), and tiles out of the same LAS.
"""

import argparse
import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import laspy
import numpy as np
import shapely
import structlog
from pyproj import CRS

from peers import environment
from quanyu.kernel import create_control, load_settings
from quanyu.spacetime import ALL, Format, IngestOptions, Query, Store, View, generate_city, ingest

_PEER = ("py3dtiles[las]==12.1.1",)
_MESHES = """
import pickle, sys, time
import numpy as np
from py3dtiles.tilers.b3dm.wkb_utils import TriangleSoup
from py3dtiles.tileset.content import B3dm
with open(sys.argv[1], "rb") as file:
    blocks = pickle.load(file)
began = time.process_time()
for start in range(0, len(blocks), 500):
    soups = [TriangleSoup.from_wkb_multipolygon(one) for one in blocks[start:start + 500]]
    normals = np.concatenate([soup.compute_normals() for soup in soups])
    B3dm.from_numpy_arrays(np.concatenate([s.vertices for s in soups]), normal=normals).to_array()
print(time.process_time() - began)
"""


def solids(view: View) -> list[bytes]:
    """Blocks of a view as WKB of multipolygons, for the peer."""
    text = b"".join(view.write(Query(limit=ALL), Format.NDJSON)).splitlines()
    found = []
    for line in text:
        feature = json.loads(line)
        ring = np.asarray(feature["geometry"]["coordinates"][0]) * 111_320
        high = float(feature["properties"]["height"])
        low, top = (np.column_stack([ring, np.full(len(ring), z)]) for z in (0.0, high))
        faces = [shapely.Polygon(low[::-1]), shapely.Polygon(top)]
        faces += [
            shapely.Polygon([low[at], low[at + 1], top[at + 1], top[at]])
            for at in range(len(ring) - 1)
        ]
        found.append(shapely.to_wkb(shapely.MultiPolygon(faces), flavor="iso"))
    return found


def cloud(path: Path, count: int) -> None:
    """A cloud over a square kilometre."""
    header = laspy.LasHeader(point_format=7, version="1.4")
    header.scales, header.offsets = [0.001] * 3, [500_000, 2_500_000, 0]
    header.add_crs(CRS.from_epsg(4547))
    made = laspy.LasData(header)
    lot = np.random.default_rng(5)
    made.x, made.y = (start + lot.random(count) * 1000 for start in (500_000, 2_500_000))
    made.z = lot.random(count) * 30
    made.classification = lot.integers(1, 7, count)
    made.red = made.green = made.blue = lot.integers(0, 65_535, count)
    made.write(path)


def drawn(view: View, what: str) -> float:
    """CPU seconds of a cold start and of every tile; prints them with what else was seen."""
    began, clock = time.process_time(), time.perf_counter()
    scene = view.in_3d()
    text = json.dumps(scene.tileset(lambda tile: f"{tile}.glb", {}))
    laid = time.process_time() - began
    count = text.count('"uri"')
    size = sum(len(scene.tile(number)) for number in range(count))
    cold, wall = time.process_time() - began, time.perf_counter() - clock
    spent = []
    for number in range(count):
        clock = time.perf_counter()
        scene.tile(number)
        spent.append(1000 * (time.perf_counter() - clock))
    said = {
        "what": what, "tiles": count, "mb": size >> 20, "tileset_kb": len(text) >> 10,
        "layout_cpu_s": round(laid, 1), "cold_cpu_s": round(cold, 1), "cold_s": round(wall, 1),
        "cached_ms_p50": round(float(np.median(spent)), 2),
        "cached_ms_p99": round(float(np.percentile(spent, 99)), 2),
    }  # fmt: skip
    print(json.dumps(said), flush=True)
    return cold


def peer(command: list[str | Path], what: str, cold: float, *, told: bool) -> None:
    """Print the CPU seconds of the peer (as it tells them itself, else all of its process), and how
    many times ours they are."""
    before = os.times()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    after = os.times()
    if done.returncode:
        sys.exit(f"bench: py3dtiles ended with an error:\n{done.stderr[-2000:]}")
    spent = after.children_user - before.children_user
    spent += after.children_system - before.children_system
    spent = float(done.stdout) if told else spent
    said = {"what": what, "cpu_s": round(spent, 1), "times_ours": round(spent / cold, 2)}
    print(json.dumps(said), flush=True)


def main() -> None:
    """Print one line of JSON for each measurement."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--buildings", type=int, default=200_000)
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args()
    if asked.quick:
        asked.buildings, asked.points = 20_000, 100_000
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        control = create_control(load_settings(dir=folder / "node"))
        store = Store(control, str(folder / "tables"), folder / "cache")
        generate_city(store, buildings=asked.buildings, points=0, seed=1)
        view = store.view("generated-buildings")
        view.prepare()
        beside = environment("py3dtiles", _PEER, (3, 11)) / "bin"
        cold = drawn(view, f"{asked.buildings} LoD1 buildings")
        (folder / "blocks").write_bytes(pickle.dumps(solids(view)))
        meshes: list[str | Path] = [beside / "python", "-c", _MESHES, folder / "blocks"]
        peer(meshes, "py3dtiles: b3dm of the same blocks", cold, told=True)
        cloud(folder / "cloud.las", asked.points)
        began = time.process_time()
        ingest(store, folder / "cloud.las", "cloud", IngestOptions())
        view = store.view("cloud")
        view.prepare()
        taken = {"what": "points in, with the serving copy", "points": asked.points}
        print(json.dumps(taken | {"cpu_s": round(time.process_time() - began, 1)}), flush=True)
        cold = drawn(view, f"{asked.points} points")
        convert: list[str | Path] = [beside / "py3dtiles", "convert", folder / "cloud.las"]
        convert.append("--disable-processpool")
        peer(
            [*convert, "--out", folder / "peer"],
            "py3dtiles: convert of the same points",
            cold,
            told=False,
        )
        store.close()
        control.close()


if __name__ == "__main__":
    main()
