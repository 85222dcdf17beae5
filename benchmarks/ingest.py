"""Rows a second and peak memory of ingest, beside two peers on the same files.

    .venv/bin/python benchmarks/ingest.py [--quick] [--large]

Ours checks every row, brings it to CRS84, sorts the whole table along a Hilbert curve and publishes
it in one transaction. DuckDB's COPY only sorts along a Hilbert curve and writes Parquet; ogr2ogr
writes a GeoPackage with its R-tree, unsorted.
Each run is a process of its own, so that its peak memory is its own; loading programs and making an
empty control store are not counted.
``--large`` adds ten million rows, to show that memory does not grow with the file. Floors are those
of the project: exit status 1 when one is missed.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import duckdb_extension_spatial
import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pyogrio
import shapely
from rich.console import Console
from rich.table import Table

FLOORS = {"geoparquet": 150_000, "csv": 40_000}
MEMORY = 1 << 30
BATCH = 250_000
GEO = {
    "version": "1.1.0",
    "primary_column": "geometry",
    "columns": {"geometry": {"encoding": "WKB", "geometry_types": ["Point"]}},
}


@dataclass(frozen=True)
class Run:
    """What one process did: seconds, CPU seconds, bytes at its peak, rows that came out."""

    seconds: float
    cpu: float
    peak: int
    rows: int


def seed(folder: Path, rows: int) -> dict[str, Path]:
    """The same points as GeoParquet and as CSV, from a fixed seed."""
    made = {"geoparquet": folder / f"p{rows}.parquet", "csv": folder / f"p{rows}.csv"}
    parquet = csv = None
    for start in range(0, rows, BATCH):
        chance = np.random.default_rng([7, start])
        size = min(BATCH, rows - start)
        lon, lat = chance.normal(113.3, 0.1, size), chance.normal(23.1, 0.1, size)
        seconds = chance.integers(0, 31_000_000, size).astype("timedelta64[s]")
        moment = pa.array(np.datetime64("2025-01-01T00:00:00", "us") + seconds)
        plain = {
            "id": np.arange(start, start + size),
            "category": np.array(["air", "noise", "traffic", "water"])[chance.integers(0, 4, size)],
            "value": chance.normal(size=size).round(3),
            "time": moment.cast(pa.timestamp("us", tz="UTC")),
        }
        wkb = pa.array(shapely.to_wkb(shapely.points(lon, lat)), type=pa.binary())
        geo = pa.table({**plain, "geometry": wkb}, metadata={"geo": json.dumps(GEO)})
        flat = pa.table({**plain, "lon": lon, "lat": lat})
        parquet = parquet or pq.ParquetWriter(made["geoparquet"], geo.schema)
        csv = csv or pacsv.CSVWriter(made["csv"], flat.schema)
        parquet.write_table(geo)
        csv.write_table(flat)
    assert parquet is not None
    assert csv is not None
    parquet.close()
    csv.close()
    return made


def ours(path: Path, folder: Path) -> Callable[[], int]:
    """Ingest into a fresh place."""
    from quanyu.kernel import ControlStore, migrate
    from quanyu.spacetime import Store, ingest

    control = ControlStore(f"sqlite:///{folder / 'control.sqlite'}")
    migrate(control)
    store = Store(
        control, str(folder / "tables"), folder / "cache",
        engine_memory="256MB", engine_threads=2, cache_bytes=1 << 30,
    )  # fmt: skip

    def run() -> int:
        report = ingest(store, path, "points")
        assert report.rejects == 0
        return report.rows

    return run


def duck(path: Path, folder: Path) -> Callable[[], int]:
    """DuckDB with its spatial extension: sorted into Parquet."""
    engine = duckdb.connect()
    engine.execute("SET memory_limit='768MB'")
    engine.execute(f"SET temp_directory='{folder}'")
    spatial = Path(duckdb_extension_spatial.__file__).parent
    engine.load_extension(str(next(spatial.rglob("spatial.duckdb_extension"))))
    globe = "{'min_x': -180, 'min_y': -90, 'max_x': 180, 'max_y': 90}::BOX_2D"
    if path.suffix == ".csv":
        source, order = f"read_csv('{path}')", f"ST_Hilbert(lon, lat, {globe})"
    else:
        source, order = f"read_parquet('{path}')", f"ST_Hilbert(geometry, {globe})"
    target = folder / "duck.parquet"
    copy = f"COPY (FROM {source} ORDER BY {order}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)"

    def run() -> int:
        engine.execute(copy)
        return int(pq.read_metadata(target).num_rows)

    return run


def ogr(path: Path, folder: Path) -> Callable[[], int]:
    """ogr2ogr into a GeoPackage with its index."""
    command: list[str | Path] = ["ogr2ogr", "-f", "GPKG", folder / "o.gpkg", path]
    command += ["-oo", "AUTODETECT_TYPE=YES", "-oo", "X_POSSIBLE_NAMES=lon"]
    command += ["-oo", "Y_POSSIBLE_NAMES=lat", "-a_srs", "EPSG:4326"]

    def run() -> int:
        subprocess.run(command, check=True, capture_output=True)
        return int(pyogrio.read_info(folder / "o.gpkg")["features"])

    return run


PEERS = {"quanyu": ours, "duckdb copy": duck, "ogr2ogr": ogr}


def alone(who: str, path: Path) -> None:
    """In a process of its own: run and print what it took."""
    with tempfile.TemporaryDirectory(prefix="quanyu-bench-") as folder:
        run = PEERS[who](path, Path(folder))
        started, before = time.perf_counter(), sum(os.times()[:4])
        rows = run()
        seconds, cpu = time.perf_counter() - started, sum(os.times()[:4]) - before
    used = [resource.getrusage(r) for r in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    kilobytes = max(
        used[0].ru_maxrss if who != "ogr2ogr" else 0,
        used[1].ru_maxrss,
    )
    done = {"seconds": seconds, "cpu": cpu, "peak": kilobytes * 1024, "rows": rows}
    print(json.dumps(done))


def measured(who: str, path: Path) -> Run | None:
    """One run, or ``None`` where the peer cannot read the format."""
    if who == "ogr2ogr" and (path.suffix != ".csv" or shutil.which("ogr2ogr") is None):
        return None
    command = [sys.executable, __file__, "--alone", who, str(path)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Run(**json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Measure, print a table, and end with status 1 when a floor is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100,000 rows")
    parser.add_argument("--large", action="store_true", help="also ten million rows")
    parser.add_argument("--alone", nargs=2, metavar=("WHO", "FILE"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.alone:
        alone(asked.alone[0], Path(asked.alone[1]))
        return
    sizes = [100_000] if asked.quick else [1_000_000, *([10_000_000] if asked.large else [])]
    shown = Table(title="ingest", caption=f"load before: {os.getloadavg()[0]:.1f}")
    for column in ("rows", "format", "who", "rows/s", "seconds", "CPU s", "peak MiB", "ours is"):
        shown.add_column(column, justify="right")
    figures, missed = [], []
    with tempfile.TemporaryDirectory(prefix="quanyu-bench-") as folder:
        for rows in sizes:
            for form, path in seed(Path(folder), rows).items():
                runs = {who: measured(who, path) for who in PEERS}
                mine = runs["quanyu"]
                assert mine is not None
                for who, run in runs.items():
                    if run is None:
                        continue
                    ratio = "" if run is mine else f"{run.seconds / mine.seconds:.2f}×"
                    shown.add_row(
                        f"{rows:,}", form, who, f"{rows / run.seconds:,.0f}",
                        f"{run.seconds:.1f}", f"{run.cpu:.1f}", f"{run.peak / 2**20:,.0f}", ratio,
                    )  # fmt: skip
                    figures.append({"rows": rows, "format": form, "who": who, **run.__dict__})
                if rows / mine.seconds < FLOORS[form] and not asked.quick:
                    missed.append(f"{form}: fewer than {FLOORS[form]:,} rows/s")
                if mine.peak > MEMORY:
                    missed.append(f"{form}: more than {MEMORY >> 20} MiB")
    Console(width=110).print(shown)
    out = Path(__file__).parent / "out"
    out.mkdir(exist_ok=True)
    (out / "ingest.json").write_text(json.dumps(figures, indent=1))
    if missed:
        sys.exit("bench: floors missed: " + "; ".join(missed))


if __name__ == "__main__":
    main()
