"""Route 最短路径: the quickest, or the shortest, way on a network from place to place.

Dijkstra's algorithm (scipy.sparse.csgraph) from each place to the next, as they stand in order.
"""

from itertools import pairwise
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from quanyu.compute.model import (
    Algorithm,
    Features,
    Given,
    Holds,
    Input,
    Made,
    Output,
    ProcessDescription,
    Progress,
    Shape,
)
from quanyu.compute.network.graph import Graph, build, flat_lines, pieces, with_points
from quanyu.compute.network.inputs import NETWORK, REFERENCES, speeds
from quanyu.kernel import Invalid, LocalText

DESCRIPTION = ProcessDescription(
    id="route",
    version="1.0.0",
    title=LocalText(zh="路径", en="Route"),
    description=LocalText(
        zh="沿路网依次经过各地点的最快或最短路径。",
        en="The quickest or shortest way on a network through places in their order.",
    ),
    keywords=(LocalText(zh="导航", en="routing"),),
    inputs={
        "network": NETWORK["network"],
        "places": Input(
            title=LocalText(zh="地点", en="Places"),
            description=LocalText(
                zh="依次经过的点，二至五十个：GeoJSON（CRS84）或数据集。",
                en="Two to fifty points in the order in which they are passed: GeoJSON (CRS84) or "
                "a collection.",
            ),
            holds=Holds.FEATURES,
            shapes=frozenset({Shape.POINT}),
            most=50,
        ),
        "least": Input(
            title=LocalText(zh="最少", en="Least"),
            description=LocalText(zh="时间最少或距离最短。", en="Least time or least distance."),
            schema={"type": "string", "enum": ["time", "distance"]},
            default="time",
            words={
                "time": LocalText(zh="时间", en="time"),
                "distance": LocalText(zh="距离", en="distance"),
            },
        ),
        **{name: one for name, one in NETWORK.items() if name != "network"},
    },
    outputs={
        "route": Output(
            title=LocalText(zh="路径", en="Route"),
            description=LocalText(
                zh="每一程一条线，含米数与分钟数。",
                en="A line for each leg, with its metres and minutes.",
            ),
            holds=Holds.FEATURES,
        ),
        "metres": Output(
            title=LocalText(zh="长度", en="Length"),
            description=LocalText(zh="各程之和。", en="Of all legs together."),
            schema={"type": "number"},
            unit="m",
        ),
        "minutes": Output(
            title=LocalText(zh="时间", en="Time"),
            description=LocalText(zh="各程之和。", en="Of all legs together."),
            schema={"type": "number"},
            unit="min",
        ),
    },
    references=REFERENCES,
    accuracy=LocalText(
        zh="时间按几何长度与速度计算，不含路口等候；长度为椭球面长度。",
        en="Times follow from geodesic lengths and speeds; waiting at crossings is not in them.",
    ),
)


def run(given: Given, progress: Progress) -> Made:
    """The way; raises ``Invalid`` on ``places`` where there is none from one to the next."""
    network, places = given["network"], shapely.get_parts(given["places"].geometries)
    if len(places) < 2:
        raise Invalid("a route needs two places", field="places", mend="give two or more points")
    forward, backward = speeds(given)
    lines, stops = with_points(flat_lines(network.geometries), places, given["snap"], "places")
    if given["least"] == "distance":  # seconds at a metre a second are metres
        passable = (forward > 0).astype(float), (backward > 0).astype(float)
        weighed = build(lines, *passable, stops)
    else:
        weighed = build(lines, forward, backward, stops)
    timed = build(lines, forward, backward, stops)
    progress(0.3)
    legs = _legs(weighed, timed, weighed.node[stops], progress)
    return {
        "route": _features(legs),
        "metres": round(float(sum(metres for _, metres, _ in legs)), 2),
        "minutes": round(float(sum(seconds for _, _, seconds in legs)) / 60, 3),
    }


_Leg = tuple[Any, float, float]


def _legs(weighed: Graph, timed: Graph, stops: NDArray[np.int64], progress: Progress) -> list[_Leg]:
    from scipy.sparse.csgraph import dijkstra

    matrix = weighed.matrix()
    legs = []
    for number, (start, stop) in enumerate(pairwise(stops)):
        cost, before = dijkstra(matrix, indices=start, return_predecessors=True)
        if not np.isfinite(cost[stop]):
            raise Invalid(
                "there is no way from place {start} to place {stop}",
                field="places",
                mend="move them, or look at one-way streets and gaps of the network",
                start=number + 1,
                stop=number + 2,
            )
        path = [int(stop)]
        while path[-1] != start:
            path.append(int(before[path[-1]]))
        legs.append(_leg(weighed, timed, np.array(path[::-1])))
        progress(0.3 + 0.7 * (number + 1) / (len(stops) - 1))
    return legs


def _leg(weighed: Graph, timed: Graph, path: NDArray[np.int64]) -> _Leg:
    """The line through these nodes, its metres and seconds."""
    if len(path) < 2:
        at = shapely.Point(weighed.lines.xy[np.flatnonzero(weighed.node == path[0])[0]])
        return shapely.LineString([at, at]), 0.0, 0.0
    a = np.concatenate([weighed.tail, weighed.head])
    b = np.concatenate([weighed.head, weighed.tail])
    cost = np.concatenate([weighed.forward, weighed.backward])
    order = np.lexsort((cost, b, a))
    key = a[order] * weighed.nodes + b[order]
    chosen = order[np.searchsorted(key, path[:-1] * weighed.nodes + path[1:])]
    count = len(weighed.metres)
    edges, against = chosen % count, chosen >= count
    metres = weighed.metres[edges]
    lines = pieces(weighed, edges, np.zeros(len(edges)), metres)
    lines[against] = shapely.reverse(lines[against])
    xy, piece = shapely.get_coordinates(lines, return_index=True)
    new = np.ones(len(xy), dtype=bool)
    new[1:] = (piece[1:] == piece[:-1]) | (xy[1:] != xy[:-1]).any(axis=1)
    seconds = np.where(against, timed.backward[edges], timed.forward[edges])
    return shapely.LineString(xy[new]), float(metres.sum()), float(seconds.sum())


def _features(legs: list[_Leg]) -> Features:
    import pyarrow as pa

    table = pa.table(
        {
            "fid": [str(number + 1) for number in range(len(legs))],
            "metres": [round(metres, 2) for _, metres, _ in legs],
            "minutes": [round(seconds / 60, 3) for _, _, seconds in legs],
        }
    )
    return Features(np.array([line for line, _, _ in legs], dtype=object), table)


ROUTE = Algorithm(DESCRIPTION, run)
