"""Isochrones and routes beside networkx, an independent graph library, on streets of all kinds."""

from typing import Any

import networkx as nx
import numpy as np
import pyarrow as pa
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from quanyu.compute import PROCESSES, Features
from quanyu.kernel import Invalid

GEOD = pyproj.Geod(ellps="GRS80")
ISOCHRONE, ROUTE = PROCESSES["isochrone"], PROCESSES["route"]
LIMIT_MIN = 6.0


def features(shapes: list[Any], **columns: list[Any]) -> Features:
    fids = [f"f{number}" for number in range(len(shapes))]
    table = pa.table({"fid": fids, **{name: pa.array(row) for name, row in columns.items()}})
    return Features(np.array(shapes, dtype=object), table)


def streets(seed: int, side: int = 12) -> tuple[Features, np.ndarray]:
    """A bent grid with gaps, one-way streets and speeds; and its crossings."""
    random = np.random.default_rng(seed)
    xs, ys = np.meshgrid(113.26 + 0.001 * np.arange(side), 23.12 + 0.001 * np.arange(side))
    at = np.round(np.stack([xs, ys], axis=-1) + random.normal(0, 1e-4, (side, side, 2)), 7)
    ends = [(at[i, j], at[i, j + 1]) for i in range(side) for j in range(side - 1)]
    ends += [(at[i, j], at[i + 1, j]) for i in range(side - 1) for j in range(side)]
    kept = [pair for pair in ends if random.random() < 0.85]
    lines = []
    for a, b in kept:
        bend = (a + b) / 2 + random.normal(0, 5e-5, 2)
        lines.append(shapely.LineString([a, bend, b]))
    count = len(lines)
    return features(
        lines,
        oneway=random.choice(["yes", "-1", "no", None], count, p=[0.15, 0.1, 0.45, 0.3]).tolist(),
        maxspeed=random.choice(["30", "50", "walk", None], count).tolist(),
    ), at.reshape(-1, 2)


def values(process: Any, **given_: Any) -> dict[str, Any]:
    defaults = {name: one.default for name, one in process.description.inputs.items()}
    return defaults | given_


def graph_of(network: Features, speed: float) -> "nx.DiGraph[tuple[float, float]]":
    """The same streets, edge by edge, as networkx has them."""
    graph: nx.DiGraph[tuple[float, float]] = nx.DiGraph()
    for line, row in zip(network.geometries, network.table.to_pylist(), strict=True):
        said = row["maxspeed"]
        metres = GEOD.geometry_length(line)
        seconds = metres / ((float(said) if said and said.isdigit() else speed) / 3.6)
        a, b = line.coords[0], line.coords[-1]
        for ways, start, stop in ((("yes", "no", None), a, b), (("-1", "no", None), b, a)):
            known = graph.get_edge_data(start, stop, {"seconds": np.inf})["seconds"]
            if row["oneway"] in ways and seconds < known:
                graph.add_edge(start, stop, seconds=seconds, metres=metres, line=line)
    return graph


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), towards=st.booleans())
def test_every_crossing_is_reached_when_networkx_says_so(seed: int, towards: bool) -> None:
    network, crossings = streets(seed)
    start = tuple(crossings[seed % len(crossings)])
    graph = graph_of(network, 12)
    if start not in graph:
        return
    made = ISOCHRONE.run(
        values(
            ISOCHRONE,
            network=network,
            places=features([shapely.Point(start)]),
            minutes=[1, 3, LIMIT_MIN],
            speed=12,
            speed_property="maxspeed",
            oneway_property="oneway",
            direction="towards" if towards else "from",
        ),
        lambda _share: None,
    )
    away = graph.reverse() if towards else graph
    seconds = nx.single_source_dijkstra_path_length(away, start, weight="seconds")
    reached = made["streets"]
    rows = reached.table.to_pylist()
    assert {row["minutes"] for row in rows} <= {1, 3, LIMIT_MIN}
    # Of each street as much as can be gone in the time that is left at its ends.
    expected = 0.0
    for line, row in zip(network.geometries, network.table.to_pylist(), strict=True):
        a, b = line.coords[0], line.coords[-1]
        metres = GEOD.geometry_length(line)
        said = row["maxspeed"]
        fast = (float(said) if said and said.isdigit() else 12) / 3.6
        ways = {"yes": (True, False), "-1": (False, True)}.get(row["oneway"], (True, True))
        along, against = ways[::-1] if towards else ways
        left = [
            max(LIMIT_MIN * 60 - seconds.get(end, np.inf), 0) * fast if way else 0.0
            for end, way in ((a, along), (b, against))
        ]
        expected += min(sum(left), metres)
    assert reached.table.column("metres").to_numpy().sum() == pytest.approx(expected, abs=1.0)
    assert made["figures"][-1]["metres"] == pytest.approx(expected, abs=1.0)
    lengths = [GEOD.geometry_length(line) for line in reached.geometries]
    assert lengths == pytest.approx([row["metres"] for row in rows], abs=0.02)
    areas = made["areas"]
    if expected < 1:  # every street there leads to this crossing, and none away
        assert len(areas) == 0
        return
    assert areas.table.column("minutes").to_pylist() == [LIMIT_MIN, 3, 1]
    grown = shapely.buffer(areas.geometries[0], 1e-7)
    assert shapely.covers(grown, areas.geometries[1:]).all()
    assert shapely.covers(grown, reached.geometries).all()


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), least=st.sampled_from(["time", "distance"]))
def test_a_route_is_as_long_as_that_of_networkx(seed: int, least: str) -> None:
    network, crossings = streets(seed)
    graph = graph_of(network, 12)
    start, stop = tuple(crossings[0]), tuple(crossings[-1])
    asked = values(
        ROUTE,
        network=network,
        places=features([shapely.Point(start), shapely.Point(stop)]),
        least=least,
        speed=12,
        speed_property="maxspeed",
        oneway_property="oneway",
        snap=0.5,
    )
    weight = {"time": "seconds", "distance": "metres"}[least]
    try:
        path = nx.shortest_path(graph, start, stop, weight=weight)
    except (nx.NetworkXNoPath, nx.NodeNotFound):
        with pytest.raises(Invalid) as refused:
            ROUTE.run(asked, lambda _share: None)
        assert refused.value.field == "places"
        return
    made = ROUTE.run(asked, lambda _share: None)
    assert made["metres"] == pytest.approx(nx.path_weight(graph, path, "metres"), abs=0.01)
    assert made["minutes"] == pytest.approx(nx.path_weight(graph, path, "seconds") / 60, abs=1e-3)
    (line,) = made["route"].geometries
    assert (line.coords[0], line.coords[-1]) == (start, stop)
    assert GEOD.geometry_length(line) == pytest.approx(made["metres"], abs=0.02)


def test_places_lie_on_streets_and_share_them() -> None:
    """A street of a thousand metres or so with two places on it, halfway to each other."""
    street = shapely.LineString([(113.26, 23.12), (113.27, 23.12)])
    metres = GEOD.geometry_length(street)
    places = [shapely.Point(113.2625, 23.1201), shapely.Point(113.2675, 23.1199)]
    asked = values(ISOCHRONE, network=features([street]), places=features(places), speed=6)
    made = ISOCHRONE.run(asked | {"minutes": [1, 60]}, lambda _share: None)
    assert made["figures"][0]["metres"] == pytest.approx(400, abs=0.1)
    assert made["figures"][1]["metres"] == pytest.approx(metres, abs=0.1)


def test_what_is_wrong_is_named() -> None:
    street = features([shapely.LineString([(113.26, 23.12), (113.27, 23.12)])], name=["x"])
    far = features([shapely.Point(113.26, 23.13)])
    for more, field in (
        ({}, "places"),
        ({"snap": 2_000, "speed_property": "fast"}, "speed_property"),
        ({"snap": 2_000, "oneway_property": "fast"}, "oneway_property"),
    ):
        with pytest.raises(Invalid) as refused:
            asked = values(ISOCHRONE, network=street, places=far, **more)
            ISOCHRONE.run(asked, lambda _share: None)
        assert (refused.value.field, bool(refused.value.mend)) == (field, True)


def test_a_bridge_does_not_meet_what_it_crosses() -> None:
    over = shapely.LineString([(113.26, 23.12), (113.27, 23.12)])
    under = shapely.LineString([(113.265, 23.115), (113.265, 23.125)])
    places = features([shapely.Point(113.261, 23.12), shapely.Point(113.265, 23.124)])
    asked = values(ROUTE, network=features([over, under]), places=places, snap=5)
    with pytest.raises(Invalid):
        ROUTE.run(asked, lambda _share: None)
