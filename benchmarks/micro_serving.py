"""Pages and tiles in one process, beside DuckDB on the same files in the same run.

    .venv/bin/python benchmarks/micro_serving.py [--quick] [--points N] [--buildings N] [--keep DIR]

Made-up points and buildings in one city (seeded), random windows of 0.02°, pages of 100, uncached
tiles of zoom 14. Prints CPU and wall milliseconds, and what DuckDB takes for the same answers. Read
the ratios; run on a quiet machine.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import morecantile
import numpy as np
import pyarrow as pa
import shapely
from deltalake import write_deltalake

from quanyu.kernel import ControlStore, migrate
from quanyu.spacetime import (
    Column,
    Field,
    FieldType,
    GeometryType,
    Mask,
    Query,
    Restriction,
    Store,
    Version,
    View,
    publish_version,
)
from quanyu.spacetime.tile_matrices import SETS, Tile
from quanyu.spacetime.tiles import draw

SEED = 7
MIDDLE, SPREAD = (24.94, 60.17), (0.12, 0.06)
FIELDS = (
    Field("name", FieldType.STRING),
    Field("kind", FieldType.STRING),
    Field("height", FieldType.NUMBER, "m"),
    Field("levels", FieldType.INTEGER),
)
WINDOW = 0.02


def publish(control: ControlStore, folder: Path, name: str, count: int) -> None:
    """Write a table of points or of buildings and make it a version."""
    random = np.random.default_rng(SEED + len(name))
    x, y = (random.uniform(m - s, m + s, count) for m, s in zip(MIDDLE, SPREAD, strict=True))
    points = name == "points"
    shapes = shapely.points(x, y)
    if not points:
        w, h = random.uniform(1e-4, 4e-4, count), random.uniform(5e-5, 2e-4, count)
        shapes = shapely.box(x, y, x + w, y + h)
    bounds = shapely.bounds(shapes)
    moments = pa.nulls(count, pa.timestamp("us", "UTC"))
    table = pa.table(
        {
            "fid": pa.array(np.arange(count).astype(str)),
            "name": pa.array([f"{name} {k}" for k in range(count)]),
            "kind": pa.array(random.choice(["shop", "home", "office"], count)),
            "height": random.uniform(1, 100, count).round(1),
            "levels": random.integers(1, 20, count),
            "geometry": pa.array(shapely.to_wkb(shapes), pa.binary()),
            **{n: bounds[:, k] for k, n in enumerate(("xmin", "ymin", "xmax", "ymax"))},
            "valid_from": moments,
            "valid_to": moments,
        }
    )
    write_deltalake(str(folder / "tables" / name), table)
    kind = GeometryType.POINT if points else GeometryType.POLYGON
    box = tuple(float(v) for v in shapely.total_bounds(shapes))
    version = Version(
        name, 0, name, 0, FIELDS, kind, False, count, 0, (box[0], box[1], box[2], box[3]),
        (None, None), None, "generated", None, datetime.now(UTC),
    )  # fmt: skip
    with control.begin() as session:
        publish_version(session, version)


def measure(label: str, work: Callable[[int], int], times: int) -> None:
    """Run ``work`` so often, after a tenth as warm-up, and print a line."""
    for k in range(max(times // 10, 1)):
        work(k)
    cpu, wall, sizes = time.process_time(), time.perf_counter(), 0
    for k in range(times):
        sizes += work(k)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    print(
        f"{label:<44} {cpu / times * 1000:9.3f} {wall / times * 1000:9.3f}"
        f" {times / wall:10.0f} {sizes / times / 1024:9.1f}"
    )


def compare(view: View, name: str, pages: int, tiles: int) -> None:
    """Pages and tiles of one view, by the copy and by DuckDB over the same rows."""
    random = np.random.default_rng(SEED)
    corners = [
        (float(a), float(b))
        for a, b in zip(
            random.uniform(MIDDLE[0] - 0.1, MIDDLE[0] + 0.08, pages),
            random.uniform(MIDDLE[1] - 0.05, MIDDLE[1] + 0.03, pages),
            strict=True,
        )
    ]

    def window(k: int) -> tuple[float, float, float, float]:
        x, y = corners[k % pages]
        return x, y, x + WINDOW, y + WINDOW

    everything = {"op": "and", "args": [True]}
    measure(
        f"{name}: page of 100",
        lambda k: len(view.page(Query(bbox=window(k), limit=100)).features),
        pages,
    )
    measure(
        f"{name}: page of 100 by DuckDB",
        lambda k: len(view.page(Query(bbox=window(k), limit=100, filter=everything)).features),
        max(pages // 50, 5),
    )
    grid = morecantile.tms.get("WebMercatorQuad")
    middle = grid.tile(*MIDDLE, 14)
    places = [(middle.x + i, middle.y + j) for i in range(-2, 3) for j in range(-2, 3)]
    cut = [Tile(SETS["WebMercatorQuad"], 14, *place) for place in places]
    copy = view._whole()  # noqa: SLF001 - tiles are measured without their cache
    measure(f"{name}: tile z14", lambda k: len(draw(copy, name, cut[k % 25])), tiles)

    def by_engine(k: int) -> int:
        x, y = places[k % 25]
        sql = (
            "SELECT ST_AsMVT({'fid': fid, 'name': name, 'kind': kind, 'height': height,"
            f" 'levels': levels, 'geom': shape}}, '{name}', 4096, 'geom') FROM (SELECT *,"
            f" ST_AsMVTGeom(shape3857, ST_Extent(ST_TileEnvelope(14, {x}, {y})), 4096, 64, true)"
            " AS shape FROM mercator WHERE x1 >= $w AND x0 <= $e AND y1 >= $s AND y0 <= $n)"
            " WHERE shape IS NOT NULL"
        )
        bounds = grid.xy_bounds(morecantile.Tile(x, y, 14))
        box = {"w": bounds.left, "e": bounds.right, "s": bounds.bottom, "n": bounds.top}
        return len(engine.rows(sql, box)[0][0])

    engine = view._engine()  # noqa: SLF001
    engine.run(
        "CREATE OR REPLACE TABLE mercator AS SELECT *, ST_XMin(shape3857) AS x0,"
        " ST_XMax(shape3857) AS x1, ST_YMin(shape3857) AS y0, ST_YMax(shape3857) AS y1 FROM"
        " (SELECT fid, name, kind, height, levels, ST_Transform(ST_GeomFromWKB(geometry),"
        f" 'OGC:CRS84', 'EPSG:3857') AS shape3857 FROM {copy.rows_sql})",
        {},
    )
    measure(f"{name}: tile z14 by DuckDB, stored 3857", by_engine, max(tiles // 5, 5))
    engine.run("DROP TABLE mercator", {})


def page_of(view: View, asked: Query, _k: int) -> int:
    """Features of one page."""
    return len(view.page(asked).features)


def main() -> None:
    """Make the city, serve it open and restricted, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--buildings", type=int, default=200_000)
    parser.add_argument("--pages", type=int, default=3000)
    parser.add_argument("--tiles", type=int, default=100)
    parser.add_argument("--keep", type=Path, help="folder to make the city in, or to find it")
    parser.add_argument("--quick", action="store_true", help="a tenth of rows, pages and tiles")
    options = parser.parse_args()
    if options.quick:
        for name in ("points", "buildings", "pages", "tiles"):
            setattr(options, name, getattr(options, name) // 10)
    with tempfile.TemporaryDirectory(prefix="quanyu-bench-") as scratch:
        folder = options.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        control = ControlStore(f"sqlite:///{folder / 'control.sqlite'}")
        migrate(control)
        store = Store(control, str(folder / "tables"), folder / "cache")
        region = shapely.Point(MIDDLE).buffer(0.05, quad_segs=4)
        narrow = Restriction(
            columns=(Column("kind"), Column("height", Mask.ROUND, 5)),
            rows={"op": ">", "args": [{"property": "levels"}, 3]},
            region={
                "type": "Polygon",
                "coordinates": [shapely.get_coordinates(region).tolist()],
            },
        )
        for name, count in (("points", options.points), ("buildings", options.buildings)):
            if name not in store.datasets():
                publish(control, folder, name, count)
            for label, view in (
                ("open", store.view(name)),
                ("restricted", store.view(name, narrow)),
            ):
                began, cpu = time.perf_counter(), time.process_time()
                view.prepare()
                wall, cpu = time.perf_counter() - began, time.process_time() - cpu
                print(
                    f"{name} {label}: {view.count():,} rows, serving copy in {wall:.1f} s"
                    f" wall, {cpu:.1f} s CPU"
                )
        print(f"\n{'':<44} {'CPU ms':>9} {'wall ms':>9} {'per s':>10} {'KiB':>9}")
        for name in ("points", "buildings"):
            compare(store.view(name), name, options.pages, options.tiles)
            narrow_view = store.view(name, narrow)
            asked = Query(bbox=(24.93, 60.16, 24.95, 60.18), limit=100)
            measure(
                f"{name}: page of 100, restricted",
                partial(page_of, narrow_view, asked),
                options.pages,
            )
        store.close()
        control.close()


if __name__ == "__main__":
    main()
