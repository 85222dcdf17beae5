"""Times on a street network: quanyu's graph beside networkx, from the same lines and place.

    python benchmarks/network.py [--quick]

Both read the lines, build a graph with geodesic lengths and give the seconds to every crossing that
is reached in a quarter of an hour; they must agree. The whole isochrone, with areas and streets, is
told beside it.
"""

import argparse
import time
from collections.abc import Callable

import networkx as nx
import numpy as np
import pyarrow as pa
import pyproj
import shapely

import report
from quanyu.compute import PROCESSES, Features
from quanyu.compute.network.graph import build, flat_lines, with_points
from quanyu.compute.network.isochrone import reached

SPEED = 30 / 3.6
LIMIT = 900.0
GRAIN = 1e7


def main() -> None:
    """Make the streets, ask each, print seconds and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the edges")
    lines, start = made(100 if parser.parse_args().quick else 320)
    ways: dict[str, Callable[[], dict[tuple[int, int], float]]] = {
        "quanyu": lambda: ours(lines, start),
        "networkx": lambda: peer(lines, start),
    }
    took, answers = {}, {}
    for name, way in ways.items():
        wall, busy = time.perf_counter(), time.process_time()
        answers[name] = way()
        took[name] = (time.perf_counter() - wall, time.process_time() - busy)
    assert answers["quanyu"].keys() == answers["networkx"].keys()
    odd = max(abs(answers["quanyu"][at] - answers["networkx"][at]) for at in answers["quanyu"])
    assert odd < 1e-6, odd
    wall, busy = time.perf_counter(), time.process_time()
    whole(lines, start)
    took["quanyu, whole isochrone"] = (time.perf_counter() - wall, time.process_time() - busy)
    rows = [
        [name, wall, busy, f"{busy / took['quanyu'][1]:.2f}×"]
        for name, (wall, busy) in took.items()
    ]
    title = f"{len(lines):,} edges, {len(answers['quanyu']):,} crossings reached"
    report.table(title, ["library", "wall s", "CPU s", "CPU / quanyu"], rows)
    report.keep("network", {"edges": len(lines), "took": took})


def made(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Streets between the crossings of an uneven grid, a tenth of them missing; a place on one."""
    dice = np.random.default_rng(1)
    x, y = np.meshgrid(113 + 0.001 * np.arange(side), 23 + 0.001 * np.arange(side))
    at = np.stack([x, y], axis=-1) + dice.normal(0, 5e-5, (side, side, 2))
    at = np.round(at, 7)
    rows = np.stack([at[:, :-1], at[:, 1:]], axis=2).reshape(-1, 2, 2)
    columns = np.stack([at[:-1], at[1:]], axis=2).reshape(-1, 2, 2)
    ends = np.concatenate([rows, columns])
    return shapely.linestrings(ends[dice.random(len(ends)) < 0.9]), at[side // 2, side // 2]


def ours(lines: np.ndarray, start: np.ndarray) -> dict[tuple[int, int], float]:
    """Seconds to crossings, by their places in units of 1e-7 degrees."""
    flat, places = with_points(flat_lines(lines), shapely.points([start]), 200, "places")
    fast = np.full(len(lines), SPEED)
    graph = build(flat, fast, fast, places)
    seconds = reached(graph, graph.node[places], LIMIT)
    at = np.flatnonzero(graph.node >= 0)
    near = at[np.isfinite(seconds[graph.node[at]])]
    keys = map(tuple, np.round(flat.xy[near] * GRAIN).astype(int).tolist())
    return dict(zip(keys, seconds[graph.node[near]].tolist(), strict=True))


def peer(lines: np.ndarray, start: np.ndarray) -> dict[tuple[int, int], float]:
    """The same by networkx, edge by edge."""
    geod = pyproj.Geod(ellps="GRS80")
    ends = shapely.get_coordinates(lines).reshape(-1, 4)
    metres = geod.inv(*ends.T)[2]
    keys = np.round(ends * GRAIN).astype(int).tolist()
    graph: nx.Graph[tuple[int, int]] = nx.Graph()
    graph.add_weighted_edges_from(
        ((a, b), (c, d), length / SPEED)
        for (a, b, c, d), length in zip(keys, metres.tolist(), strict=True)
    )
    place = tuple(np.round(start * GRAIN).astype(int).tolist())
    found: dict[tuple[int, int], float] = nx.single_source_dijkstra_path_length(
        graph, place, cutoff=LIMIT, weight="weight"
    )
    return found


def whole(lines: np.ndarray, start: np.ndarray) -> None:
    """Areas and streets of a quarter of an hour, in three parts."""
    process = PROCESSES["isochrone"]
    given = {name: one.default for name, one in process.description.inputs.items()}
    network = Features(lines, pa.table({"fid": np.arange(len(lines)).astype(str)}))
    places = Features(shapely.points([start]), pa.table({"fid": ["1"]}))
    asked = {"network": network, "places": places, "speed": SPEED * 3.6, "minutes": [5, 10, 15]}
    process.run(given | asked, lambda _share: None)


if __name__ == "__main__":
    main()
