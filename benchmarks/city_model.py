"""City models in and out: buildings a second beside cjio's own reading, in the same run.

Run ``python -m benchmarks.city_model [--quick] [--buildings 20000]``. The model is made from a
seed: LoD2 houses with gabled roofs, semantic surfaces and attributes. The peer only parses and
checks indices (``cjio``: reader, info); this store also checks solids, makes footprints, sorts and
commits.
"""

import argparse
import json
import random
import resource
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import structlog

from quanyu.kernel import create_control, load_settings
from quanyu.spacetime import ALL, Format, IngestOptions, Query, Store, ingest

KINDS = ("GroundSurface", "WallSurface", "RoofSurface")


def house(x: int, y: int, width: int, depth: int) -> tuple[list[Any], list[Any]]:
    """Vertices in millimetres and the shell of a house with a gabled roof."""
    wall, ridge = 6_000, 9_500
    low = [[x, y, 0], [x + width, y, 0], [x + width, y + depth, 0], [x, y + depth, 0]]
    eaves = [[a, b, wall] for a, b, _ in low]
    top = [[x + width // 2, y, ridge], [x + width // 2, y + depth, ridge]]
    shell = [
        [[0, 3, 2, 1]], [[0, 1, 5, 8, 4]], [[1, 2, 6, 5]], [[2, 3, 7, 9, 6]], [[3, 0, 4, 7]],
        [[5, 6, 9, 8]], [[7, 4, 8, 9]],
    ]  # fmt: skip
    return low + eaves + top, shell


def made(count: int) -> list[dict[str, Any]]:
    """The lines of a CityJSONSeq."""
    rng = random.Random(7)
    head = {
        "type": "CityJSON", "version": "2.0", "CityObjects": {}, "vertices": [],
        "transform": {"scale": [0.001] * 3, "translate": [500_000.0, 2_500_000.0, 0.0]},
        "metadata": {"referenceSystem": "https://www.opengis.net/def/crs/EPSG/0/4547"},
    }  # fmt: skip
    lines = [head]
    for number in range(count):
        x, y = (number % 200) * 30_000, (number // 200) * 30_000
        vertices, shell = house(x, y, rng.randrange(8, 20) * 1000, rng.randrange(8, 25) * 1000)
        solid = {
            "type": "Solid", "lod": "2.2", "boundaries": [shell],
            "semantics": {"surfaces": [{"type": kind} for kind in KINDS],
                          "values": [[0, 1, 1, 1, 1, 2, 2]]},
        }  # fmt: skip
        attributes = {"storeys": rng.randrange(1, 4), "use": "home", "year": 1950 + number % 70}
        thing = {"type": "Building", "attributes": attributes, "geometry": [solid]}
        lines.append({"type": "CityJSONFeature", "id": f"b{number}",
                      "CityObjects": {f"b{number}": thing}, "vertices": vertices})  # fmt: skip
    return lines


def whole(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """The same as one CityJSON."""
    found = dict(lines[0]) | {"CityObjects": {}, "vertices": []}
    for line in lines[1:]:
        start = len(found["vertices"])
        found["vertices"] += line["vertices"]
        for key, thing in line["CityObjects"].items():
            solid = thing["geometry"][0]
            moved = [[[[i + start for i in r] for r in f] for f in s] for s in solid["boundaries"]]
            found["CityObjects"][key] = thing | {"geometry": [solid | {"boundaries": moved}]}
    return found


def peer(path: Path) -> float:
    """Seconds that cjio takes to load the file and describe it."""
    from cjio import cityjson

    began = time.perf_counter()
    with warnings.catch_warnings(), path.open() as file:
        warnings.simplefilter("ignore")
        cityjson.reader(file, ignore_duplicate_keys=False).get_info(long=True)
    return time.perf_counter() - began


def main() -> None:
    """Print one line of JSON for each measurement."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--buildings", type=int, default=20_000)
    parser.add_argument("--quick", action="store_true", help="a tenth of the buildings")
    options = parser.parse_args()
    count = options.buildings // 10 if options.quick else options.buildings
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        control = create_control(load_settings(dir=folder / "node"))
        store = Store(control, str(folder / "tables"), folder / "cache")
        lines = made(count)
        (folder / "a.city.json").write_text(json.dumps(whole(lines)))
        (folder / "a.city.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
        del lines
        beside = peer(folder / "a.city.json")
        print(json.dumps({"what": "cjio: load and info", "per_s": round(count / beside)}))
        for form in ("city.jsonl", "city.json"):
            began = time.process_time()
            report = ingest(store, folder / f"a.{form}", form.replace(".", "-"), IngestOptions())
            busy = time.process_time() - began
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
            said = {"what": f"in, {form}", "per_s": round(count / report.seconds),
                    "per_cpu_s": round(count / busy), "rejects": report.rejects,
                    "beside_cjio": round(beside / report.seconds, 2), "peak_mb": peak}  # fmt: skip
            print(json.dumps(said))
        view = store.view("city-json")
        view.prepare()
        for form in (Format.CITYJSONSEQ, Format.CITYJSON):
            began = time.perf_counter()
            size = sum(map(len, view.write(Query(limit=ALL), form)))
            spent = time.perf_counter() - began
            print(
                json.dumps(
                    {"what": f"out, {form}", "per_s": round(count / spent), "mb": size >> 20}
                )
            )
        store.close()
        control.close()


if __name__ == "__main__":
    main()
