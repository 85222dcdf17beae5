"""Points counted by zone: one machine beside a cluster of two workers, on the same Delta table.

    python benchmarks/distributed.py [--quick] [--points N]

Three million points in 2,000 zones, seen through a restriction (a region, a filter on a hidden
column) and with an edit that is not in the table yet. One machine answers from its serving copy,
whose making is told apart, and once from the table, which is what a first question costs; the
cluster is Ray on the loopback address with two workers of one CPU each, and reads the table. The
answers must be the same. What the cluster takes more than the work itself is its overhead: on one
machine there is nothing to win, and it says from which size on more machines pay.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

import zonal
from measure import cpu_seconds, tree
from quanyu.kernel import ControlStore, migrate
from quanyu.spacetime import (
    OPEN,
    Action,
    ByField,
    ByPlace,
    ByTime,
    Column,
    Do,
    Editor,
    EditRequest,
    Function,
    Groups,
    IngestOptions,
    Measure,
    Query,
    Restriction,
    Store,
    edit,
    in_zones,
    index_zones,
    ingest,
)
from report import keep, table

ROUNDS = 3
WORKERS = 2
WEST = {
    "type": "Polygon",
    "coordinates": [[[113, 22], [114.5, 22], [114.5, 24], [113, 24], [113, 22]]],
}
RESTRICTION = Restriction(
    columns=(Column("kind"), Column("value")),
    rows={"op": "<", "args": [{"property": "secret"}, 90]},
    region=WEST,
)


def main() -> None:
    """Make the table, ask both, see that they say the same, print seconds and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the points")
    parser.add_argument("--points", type=int, default=3_000_000)
    given = parser.parse_args()
    points = 300_000 if given.quick else given.points
    with tempfile.TemporaryDirectory() as name, cluster() as (address, began_s):
        folder = Path(name)
        control = ControlStore(f"sqlite:///{folder / 'control.sqlite'}")
        migrate(control)
        store = Store(control, str(folder / "tables"), folder / "cache", cluster=address)
        zones = fill(store, folder, points)
        figures = measure(store, zones)
        store.close()
        control.close()
    figures |= {"points": points, "zones": len(zones), "cluster_start_s": began_s}
    show(figures)
    keep("distributed-quick" if given.quick else "distributed", figures)


@contextmanager
def cluster() -> Iterator[tuple[str, float]]:
    """Ray with two workers on the loopback address, and the seconds that it took to start."""
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # else it takes the machine's address
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112 - so it is called; as the engine here
    import ray
    from ray.cluster_utils import Cluster

    began = time.perf_counter()
    node = {"num_cpus": 1, "node_ip_address": "127.0.0.1", "object_store_memory": 512 << 20}
    made = Cluster(initialize_head=True, head_node_args=node | {"include_dashboard": False})
    for _ in range(WORKERS - 1):
        made.add_node(**node)
    try:
        yield made.address, time.perf_counter() - began
    finally:
        ray.shutdown()
        made.shutdown()


def fill(store: Store, folder: Path, points: int) -> np.ndarray:
    """A table of points with an edit over it; the zones."""
    print(f"bench: laying out {points:,} points …", flush=True)
    x, y, zones = zonal.made(points, 2_000)
    dice = np.random.default_rng(2)
    rows = pa.table(
        {
            "id": np.arange(points).astype(str),
            "kind": dice.integers(0, 3, points).astype(str),
            "value": dice.integers(0, 1000, points),
            "secret": dice.integers(0, 100, points),
            "geometry": pa.array(shapely.to_wkb(shapely.points(x, y)), pa.binary()),
        }
    )
    column = {"encoding": "WKB", "geometry_types": ["Point"]}
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
    source = folder / "points.parquet"
    pq.write_table(rows.replace_schema_metadata({"geo": orjson.dumps(geo)}), source)
    ingest(store, str(source), "points", IngestOptions(id_column="id"))
    actions = (Action(Do.DELETE, "1"), Action(Do.UPDATE, "2", {"properties": {"value": 5000}}))
    edit(store, [EditRequest("points", actions, OPEN)], Editor("member_bench"))
    return zones


def measure(store: Store, zones: np.ndarray) -> dict[str, Any]:
    """Wall and CPU seconds of each way; the answers must be the same."""
    labels = np.arange(len(zones)).astype(str)
    zone = in_zones("zone", labels, index_zones(zones))
    keys: list[ByField | ByTime | ByPlace] = [zone, ByField("kind")]
    measures = [
        Measure(Function.COUNT),
        *(Measure(one, "value") for one in (Function.SUM, Function.MEAN, Function.MOST)),
    ]

    def ask(*, on_cluster: bool) -> Groups:
        view = store.view("points", RESTRICTION)
        return view.aggregate(Query(), keys, measures, on_cluster=on_cluster)

    copy = timed(lambda: store.view("points", RESTRICTION).prepare())
    first = timed(lambda: ask(on_cluster=True))
    here = min(timed(lambda: ask(on_cluster=False)) for _ in range(ROUNDS))
    there = min(timed(lambda: ask(on_cluster=True)) for _ in range(ROUNDS))
    one, other = ask(on_cluster=False).table, ask(on_cluster=True).table
    assert one.schema.equals(other.schema)
    for left, right in zip(one.columns, other.columns, strict=True):
        if pa.types.is_floating(left.type):
            np.testing.assert_allclose(left.to_numpy(), right.to_numpy(), rtol=1e-9)
        else:
            assert left.equals(right)
    print(f"bench: both say the same of {one.num_rows:,} groups", flush=True)
    return {"copy": copy, "first_on_cluster": first, "here": here, "on_cluster": there}


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Wall seconds, and CPU seconds of this process and all that it started (Ray's with it)."""
    began, busy = time.perf_counter(), cpu_seconds(tree(os.getpid()))
    work()
    return time.perf_counter() - began, cpu_seconds(tree(os.getpid())) - busy


def show(figures: dict[str, Any]) -> None:
    """The table of figures."""
    here = figures["here"]
    rows = []
    for name, title in (
        ("copy", "one machine: its serving copy, once"),
        ("here", "one machine: a question"),
        ("first_on_cluster", "cluster: the first question"),
        ("on_cluster", "cluster: a question"),
    ):
        wall, busy = figures[name]
        rows.append([title, wall, busy, f"{wall / here[0]:.2f}×", f"{busy / here[1]:.2f}×"])
    table(
        f"{figures['points']:,} points in {figures['zones']:,} zones, {WORKERS} workers; Ray up"
        f" in {figures['cluster_start_s']:.0f} s",
        ("", "wall s", "CPU s", "wall / a question here", "CPU / a question here"),
        rows,
    )


if __name__ == "__main__":
    main()
