"""One project checked against a million parcels, beside the same question in PostGIS, in one run.

    .venv/bin/python benchmarks/land.py [--quick]

A made-up square of parcels (a million; ``--quick``: 100,000) with planned uses and farmland. Asked
is which parcels, planned areas and farmland a project of about a hectare lies on, and by how many
square metres; quanyu reads the project, judges every rule and makes the canonical report besides.
PostGIS answers with ``ST_Intersects`` on a GiST index and ``ST_Area`` of the intersections as
geography (on the ellipsoid), over one open connection. Areas must agree. Prints wall and CPU
milliseconds; read the ratio.
"""

import argparse
import os
import sys
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

import peers
from quanyu.kernel import ControlStore, migrate
from quanyu.land import (
    Asked,
    Declaration,
    Role,
    Scheme,
    Settings,
    Source,
    check_project,
    compatibility,
    project_of,
    report_bytes,
)
from quanyu.spacetime import IngestOptions, Store, ingest

WEST, SOUTH = 113.0, 23.0
CELL = 0.0004
ROUNDS = 60
TOLERANCE = 1e-4
_GEO = (
    b'{"version":"1.1.0","primary_column":"geometry","columns":'
    b'{"geometry":{"encoding":"WKB","geometry_types":["Polygon"]}}}'
)
_QUESTION = (
    "SELECT id, dlbm, ST_Area(ST_Intersection(geom, p)::geography) FROM {},"
    " (SELECT ST_GeomFromText(%s, 4326) AS p) AS asked WHERE ST_Intersects(geom, p)"
)


def make(folder: Path, side: int) -> dict[str, Path]:
    """GeoParquet files of parcels, planned areas of 10 × 10 parcels, and strips of farmland."""
    column, row = np.meshgrid(np.arange(side), np.arange(side))
    x, y = WEST + column.ravel() * CELL, SOUTH + row.ravel() * CELL
    wide = CELL * 10
    coarse = side // 10
    planned = np.array([(i, j) for j in range(coarse) for i in range(coarse)])
    made = {
        "parcels": shapely.box(x, y, x + CELL, y + CELL),
        "planned": shapely.box(
            WEST + planned[:, 0] * wide, SOUTH + planned[:, 1] * wide,
            WEST + (planned[:, 0] + 1) * wide, SOUTH + (planned[:, 1] + 1) * wide,
        ),
        "farmland": shapely.box(
            WEST, SOUTH + np.arange(0, side, 50) * CELL,
            WEST + side * CELL, SOUTH + (np.arange(0, side, 50) + 5) * CELL,
        ),
    }  # fmt: skip
    files = {}
    codes = np.array(["0701", "0601", "0501", "0810"])
    for name, shapes in made.items():
        numbers = np.arange(len(shapes))
        table = pa.table(
            {
                "id": pa.array(numbers.astype(str)),
                "dlbm": pa.array(codes[numbers % 4]),
                "geometry": pa.array(shapely.to_wkb(shapes), pa.binary()),
            }
        )
        files[name] = folder / f"{name}.parquet"
        pq.write_table(table.replace_schema_metadata({b"geo": _GEO}), files[name])
    return files


def projects(side: int) -> list[str]:
    """About a hectare each, anywhere in the square."""
    random = np.random.default_rng(11)
    size = 0.001
    x = WEST + random.uniform(0, side * CELL - size, ROUNDS)
    y = SOUTH + random.uniform(0, side * CELL - size, ROUNDS)
    return [shapely.to_wkt(shape, 9) for shape in shapely.box(x, y, x + size, y + size)]


def ours(
    folder: Path, files: dict[str, Path], asked: list[str]
) -> tuple[list[float], float, float]:
    """Square metres on parcels of each project; median wall and mean CPU milliseconds."""
    control = ControlStore(f"sqlite:///{folder / 'control.sqlite'}")
    migrate(control)
    store = Store(control, str(folder / "tables"), folder / "cache")
    roles = {
        "parcels": (Role.PARCELS, {}),
        "planned": (Role.PLANNED_USE, {"class": "dlbm"}),
        "farmland": (Role.FARMLAND, {}),
    }
    sources = []
    at = datetime.now(UTC)
    for name, (role, columns) in roles.items():
        ingest(store, str(files[name]), name, IngestOptions(id_column="id"))
        store.view(name).prepare()
        declared = Declaration(
            id=f"lrl_{name}", role=role, dataset=name, revision=1, columns=columns,
            scheme=Scheme.GBT21010, values={}, note=None, declared_at=at, declared_by=None,
        )  # fmt: skip
        sources.append(Source(declared, store.view(name)))
    values = {"use": "0701", "height_m": 60, "floor_area_m2": 20_000}
    uses, settings, day = compatibility(), Settings(), Asked(date(2026, 5, 1))
    areas, walls = [], []
    began = time.process_time()
    for wkt in asked:
        start = time.perf_counter()
        checked = check_project(project_of(values, wkt), sources, day, uses, settings)
        report_bytes(checked)
        walls.append((time.perf_counter() - start) * 1e3)
        touches = checked.findings["parcels"].touches
        areas.append(sum(one.area_m2 for one in touches))
    cpu = (time.process_time() - began) * 1e3 / len(asked)
    store.close()
    control.close()
    print(f"  slowest of {len(walls)}: {max(walls):.1f} ms")
    return areas, float(np.median(walls)), cpu


def theirs(files: dict[str, Path], asked: list[str]) -> tuple[list[float], float, float]:
    """The same of PostGIS: three questions over one connection."""
    areas, walls = [], []
    with peers.postgis() as (dsn, _):
        for name, file in files.items():
            peers.load(dsn, name, file, {"id": "text", "dlbm": "text"}, "Polygon")
        with psycopg.connect(dsn, autocommit=True) as connection:
            pid = connection.execute("SELECT pg_backend_pid()").fetchone()
            assert pid is not None
            began = _cpu_ms(pid[0]) + time.process_time() * 1e3
            for wkt in asked:
                start = time.perf_counter()
                for name in files:
                    rows = connection.execute(_QUESTION.format(name), (wkt,)).fetchall()
                    if name == "parcels":
                        areas.append(float(sum(row[2] for row in rows)))
                walls.append((time.perf_counter() - start) * 1e3)
            cpu = (_cpu_ms(pid[0]) + time.process_time() * 1e3 - began) / len(asked)
    return areas, float(np.median(walls)), cpu


def _cpu_ms(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1e3 / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure both, check that they agree, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100,000 parcels")
    side = 310 if parser.parse_args().quick else 1000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files, asked = make(folder, side), projects(side)
        print(f"{side * side:,} parcels, {len(asked)} projects of a hectare", flush=True)
        own, wall, cpu = ours(folder, files, asked)
        other, peer_wall, peer_cpu = theirs(files, asked)
    apart = np.abs(np.array(own) - np.array(other)) / np.array(other)
    if apart.max() > TOLERANCE:
        sys.exit(f"bench: areas differ by {apart.max():.1e}")
    print(f"{'':28}{'wall ms':>10}{'CPU ms':>10}")
    print(f"{'quanyu, all rules + report':28}{wall:>10.1f}{cpu:>10.1f}")
    print(f"{'PostGIS, the areas alone':28}{peer_wall:>10.1f}{peer_cpu:>10.1f}")
    print(f"ratio: wall {peer_wall / wall:.2f}×, CPU {peer_cpu / cpu:.2f}×")
    print(f"areas agree to {apart.max():.1e}")


if __name__ == "__main__":
    main()
