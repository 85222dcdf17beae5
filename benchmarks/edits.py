"""One feature of a million is edited and read again, beside PostGIS, in one run.

    .venv/bin/python benchmarks/edits.py [--quick]

A million made-up points (``--quick``: 100,000). quanyu writes each edit as a version of its own,
with what it leaves to the verifiable log, and the next read opens that version: that read is told
apart from reads after it. PostGIS overwrites the row in a transaction and keeps no version. Both
answer the feature as GeoJSON, and must show the value that was written. Prints medians of wall
milliseconds and means of CPU milliseconds; read the ratio.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

import peers
from measure import cpu_seconds
from quanyu.kernel import ControlStore, migrate
from quanyu.spacetime import (
    OPEN,
    Action,
    Do,
    Editor,
    EditRequest,
    IngestOptions,
    Query,
    Store,
    edit,
    ingest,
)
from report import keep, table

EDITS = 40
_GEO = (
    b'{"version":"1.1.0","primary_column":"geometry","columns":'
    b'{"geometry":{"encoding":"WKB","geometry_types":["Point"]}}}'
)
_READ = (
    "SELECT json_build_object('type', 'Feature', 'id', id, 'geometry', ST_AsGeoJSON(geom)::json,"
    " 'properties', json_build_object('value', value))::text FROM points WHERE id = %s"
)
Figures = dict[str, tuple[float, float]]


def main() -> None:
    """Measure both and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100,000 points")
    quick = parser.parse_args().quick
    points = 100_000 if quick else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = make(folder, points)
        mine, other = ours(folder, file, points), theirs(file, points)
    rows = [
        [
            title,
            *mine[what],
            *other.get(what, ("", "")),
            f"{other[what][0] / mine[what][0]:.2f}×" if what in other else "",
        ]
        for what, title in (
            ("edit", "an edit of one feature"),
            ("next", "the read after it"),
            ("read", "a read after that"),
            ("box", "a box, 100 features at most, of what was edited"),
        )
    ]
    columns = ("", "quanyu ms", "CPU ms", "PostGIS ms", "CPU ms", "PostGIS / quanyu")
    table(f"Edits among {points:,} features", columns, rows)
    keep("edits-quick" if quick else "edits", {"points": points, "quanyu": mine, "postgis": other})


def make(folder: Path, points: int) -> Path:
    """The points as GeoParquet."""
    dice = np.random.default_rng(3)
    shapes = shapely.points(dice.uniform(113, 115, points), dice.uniform(22, 24, points))
    rows = pa.table(
        {
            "id": np.arange(points).astype(str),
            "value": dice.integers(0, 1000, points),
            "geometry": pa.array(shapely.to_wkb(shapes), pa.binary()),
        }
    )
    file = folder / "points.parquet"
    pq.write_table(rows.replace_schema_metadata({"geo": _GEO}), file)
    return file


def ours(folder: Path, file: Path, points: int) -> Figures:
    """Edits through the store, each a transaction that is on disk."""
    control = ControlStore(f"sqlite:///{folder / 'control.sqlite'}")
    migrate(control)
    store = Store(control, str(folder / "tables"), folder / "cache")
    ingest(store, str(file), "points", IngestOptions(id_column="id"))
    store.view("points").prepare()
    me = Editor("member_bench")

    def write(fid: str, value: int) -> None:
        action = Action(Do.UPDATE, fid, {"properties": {"value": value}})
        edit(store, [EditRequest("points", (action,), OPEN)], me)

    def read(fid: str) -> bytes:
        return store.view("points").feature(fid) or b""

    def box(west: float, south: float) -> bytes:
        query = Query(bbox=(west, south, west + 0.02, south + 0.02), limit=100)
        return store.view("points").page(query).features

    found = measure(points, (write, read, box), time.process_time)
    store.close()
    control.close()
    return found


def theirs(file: Path, points: int) -> Figures:
    """The same of PostGIS over one open connection."""
    with peers.postgis() as (dsn, _):
        peers.load(dsn, "points", file, {"id": "text", "value": "bigint"}, "Point")
        with psycopg.connect(dsn, autocommit=True) as connection:
            row = connection.execute("SELECT pg_backend_pid()").fetchone()
            assert row is not None
            pid = row[0]

            def write(fid: str, value: int) -> None:
                connection.execute("UPDATE points SET value = %s WHERE id = %s", (value, fid))

            def read(fid: str) -> bytes:
                found = connection.execute(_READ, (fid,)).fetchone()
                return b"" if found is None else found[0].encode()

            def box(west: float, south: float) -> bytes:
                sql = _READ.replace(
                    "id = %s",
                    "ST_Intersects(geom, ST_MakeEnvelope(%s, %s, %s, %s, 4326)) LIMIT 100",
                )
                rows = connection.execute(sql, (west, south, west + 0.02, south + 0.02)).fetchall()
                return b",".join(row[0].encode() for row in rows)

            return measure(
                points, (write, read, box), lambda: time.process_time() + cpu_seconds([pid])
            )


def measure(
    points: int,
    ways: tuple[
        Callable[[str, int], None], Callable[[str], bytes], Callable[[float, float], bytes]
    ],
    busy: Callable[[], float],
) -> Figures:
    """Medians of wall and means of CPU milliseconds of each step."""
    write, read, box = ways
    dice = np.random.default_rng(4)
    steps: dict[str, list[tuple[float, float]]] = {"edit": [], "next": [], "read": [], "box": []}
    fids = dice.choice(points, EDITS, replace=False).astype(str).tolist()
    for number, fid in enumerate(fids):

        def timed(what: str, work: Callable[[], Any]) -> Any:
            wall, cpu = time.perf_counter(), busy()
            made = work()
            steps[what].append((time.perf_counter() - wall, busy() - cpu))
            return made

        timed("edit", lambda: write(fid, 5000 + number))  # noqa: B023 - called at once
        for what in ("next", "read"):
            said = timed(what, lambda: read(fid))  # noqa: B023
            assert orjson.loads(said)["properties"]["value"] == 5000 + number
        west, south = dice.uniform(113, 114.9), dice.uniform(22, 23.9)
        timed("box", lambda: box(west, south))  # noqa: B023
    return {
        what: (
            1e3 * float(np.median([w for w, _ in each])),
            1e3 * float(np.mean([c for _, c in each])),
        )
        for what, each in steps.items()
    }


if __name__ == "__main__":
    main()
