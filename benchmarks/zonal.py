"""Points in zones: quanyu's join beside DuckDB spatial and SedonaDB, each counting by zone.

    python benchmarks/zonal.py [--quick]

The same seeded points and zones as Arrow and WKB in memory; the counts of all three must agree.
"""

import argparse
import time
from collections.abc import Callable

import duckdb
import numpy as np
import pyarrow as pa
import shapely

import report
from quanyu.spacetime import index_zones
from quanyu.spacetime.engine import spatial_extension

ROUNDS = 3


def main() -> None:
    """Make the data, ask each in turn, print seconds and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the points")
    points = 300_000 if parser.parse_args().quick else 3_000_000
    x, y, zones = made(points, 2_000)
    ways: dict[str, Callable[[], dict[int, int]]] = {
        "quanyu": lambda: ours(x, y, zones),
        "DuckDB spatial": lambda: duck(x, y, zones),
        "SedonaDB": lambda: sedona(x, y, zones),
    }
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    answers = {}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            wall, busy = time.perf_counter(), time.process_time()
            answers[name] = way()
            took[name].append((time.perf_counter() - wall, time.process_time() - busy))
    assert answers["quanyu"] == answers["DuckDB spatial"] == answers["SedonaDB"]
    best = {name: min(each) for name, each in took.items()}
    rows = [
        [name, wall, busy, f"{wall / best['quanyu'][0]:.2f}×", f"{busy / best['quanyu'][1]:.2f}×"]
        for name, (wall, busy) in best.items()
    ]
    columns = ["engine", "wall s", "CPU s", "wall / quanyu", "CPU / quanyu"]
    report.table(f"{points:,} points in {len(zones):,} zones, counted by zone", columns, rows)
    report.keep("zonal", {"points": points, "zones": len(zones), "took": took})


def made(points: int, zones: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points over two degrees, and zones that fill them, of some 230 vertices each."""
    dice = np.random.default_rng(1)
    area = shapely.box(113, 22, 115, 24)
    seeds = shapely.multipoints(dice.uniform([113, 22], [115, 24], (zones, 2)))
    cells = np.array(shapely.get_parts(shapely.voronoi_polygons(seeds, extend_to=area)))
    found = shapely.segmentize(shapely.intersection(cells, area), 0.0008)
    return dice.uniform(113, 115, points), dice.uniform(22, 24, points), found


def ours(x: np.ndarray, y: np.ndarray, zones: np.ndarray) -> dict[int, int]:
    """The grid over the zones, made anew each time."""
    _points, held = index_zones(zones.copy()).join(x, y)
    return _counts(*np.unique(held, return_counts=True))


def duck(x: np.ndarray, y: np.ndarray, zones: np.ndarray) -> dict[int, int]:
    """Its spatial join."""
    with duckdb.connect(config={"allow_unsigned_extensions": True}) as base:
        base.execute(f"LOAD '{spatial_extension()}'")
        base.register("points", pa.table({"x": x, "y": y}))
        base.register("areas", pa.table({"id": np.arange(len(zones)), "g": shapely.to_wkb(zones)}))
        found = base.execute(
            "SELECT id, count(*) FROM (SELECT ST_Point(x, y) AS p FROM points) JOIN"
            " (SELECT id, ST_GeomFromWKB(g) AS a FROM areas) ON ST_Intersects(a, p) GROUP BY id"
        ).fetchnumpy()
    return _counts(*found.values())


def sedona(x: np.ndarray, y: np.ndarray, zones: np.ndarray) -> dict[int, int]:
    """Its spatial join."""
    import sedonadb

    base = sedonadb.connect()
    areas = pa.table({"id": np.arange(len(zones)), "g": shapely.to_wkb(zones)})
    base.create_data_frame(pa.table({"x": x, "y": y})).to_view("points", overwrite=True)
    base.create_data_frame(areas).to_view("areas", overwrite=True)
    found = base.sql(
        "SELECT id, count(*) AS n FROM (SELECT ST_Point(x, y) AS p FROM points) AS a JOIN"
        " (SELECT id, ST_GeomFromWKB(g) AS a FROM areas) AS b ON ST_Intersects(b.a, a.p)"
        " GROUP BY id"
    ).to_arrow_table()
    return _counts(found.column("id").to_numpy(), found.column("n").to_numpy())


def _counts(ids: np.ndarray, counts: np.ndarray) -> dict[int, int]:
    return dict(zip(ids.tolist(), counts.tolist(), strict=True))


if __name__ == "__main__":
    main()
