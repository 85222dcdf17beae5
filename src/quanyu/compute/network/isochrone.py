"""Isochrone 等时圈: what can be reached on a network within some minutes.

Times to every node by Dijkstra's algorithm (scipy.sparse.csgraph) from places put onto the lines;
along each edge the front moves at the edge's speed from both of its ends, so that streets are cut
where the time is up, not at the next crossing.
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
from quanyu.compute.network.graph import (
    Graph,
    Numbers,
    Whole,
    build,
    flat_lines,
    pieces,
    with_points,
)
from quanyu.compute.network.inputs import NETWORK, REFERENCES, speeds
from quanyu.kernel import LocalText
from quanyu.land import Plane

_LEAST_M = 0.01

DESCRIPTION = ProcessDescription(
    id="isochrone",
    version="1.0.0",
    title=LocalText(zh="等时圈", en="Isochrone"),
    description=LocalText(
        zh="从一个或多个地点出发，沿路网在若干分钟内能到的街道和范围；也可算能按时到达该地点的范围。",
        en="Streets and areas that can be reached on a network within some minutes from one place "
        "or several; or from which these can be reached.",
    ),
    keywords=(
        LocalText(zh="可达性", en="accessibility"),
        LocalText(zh="服务区", en="service area"),
    ),
    inputs={
        "network": NETWORK["network"],
        "places": Input(
            title=LocalText(zh="地点", en="Places"),
            description=LocalText(
                zh="点：数据集（如医院），或 GeoJSON（CRS84）；取到其中最近的时间。",
                en="Points: a collection, such as hospitals, or GeoJSON (CRS84); the time to the "
                "nearest of them counts.",
            ),
            holds=Holds.FEATURES,
            shapes=frozenset({Shape.POINT}),
            most=10_000,
        ),
        "minutes": Input(
            title=LocalText(zh="时间", en="Minutes"),
            description=LocalText(zh="分钟，最多十个。", en="Minutes, up to ten of them."),
            schema={
                "type": "array",
                "items": {"type": "number", "exclusiveMinimum": 0, "maximum": 600},
                "minItems": 1,
                "maxItems": 10,
            },
            unit="min",
            default=[5, 10, 15],
        ),
        "direction": Input(
            title=LocalText(zh="方向", en="Direction"),
            description=LocalText(
                zh="从地点出发，或前往地点。", en="From the places, or towards them."
            ),
            schema={"type": "string", "enum": ["from", "towards"]},
            default="from",
            words={
                "from": LocalText(zh="从地点出发", en="from the places"),
                "towards": LocalText(zh="前往地点", en="towards the places"),
            },
        ),
        **{name: one for name, one in NETWORK.items() if name != "network"},
        "width": Input(
            title=LocalText(zh="街道两侧", en="Beside streets"),
            description=LocalText(
                zh="可达街道两侧多少米算在范围内。",
                en="Metres beside the streets reached that count as reached.",
            ),
            schema={"type": "number", "exclusiveMinimum": 0, "maximum": 1_000},
            unit="m",
            default=40,
        ),
    },
    outputs={
        "areas": Output(
            title=LocalText(zh="等时圈", en="Isochrones"),
            description=LocalText(
                zh="每个时间一个面，时间长的在前；含分钟数与平方米数。",
                en="An area for each time, the longest first, with its minutes and square metres.",
            ),
            holds=Holds.FEATURES,
        ),
        "streets": Output(
            title=LocalText(zh="可达街道", en="Streets reached"),
            description=LocalText(
                zh="可达的街道段：在多少分钟内、长度、所属的线。",
                en="Parts of lines that are reached: within how many minutes, metres, of which "
                "line.",
            ),
            holds=Holds.FEATURES,
        ),
        "figures": Output(
            title=LocalText(zh="数值", en="Figures"),
            description=LocalText(
                zh="每个时间可达的街道长度与面积。",
                en="Metres of street and square metres for each time.",
            ),
            schema={
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "minutes": {"type": "number", "x-ogc-unit": "min"},
                        "metres": {"type": "number", "x-ogc-unit": "m"},
                        "square_metres": {"type": "number", "x-ogc-unit": "m2"},
                    },
                },
            },
        ),
    },
    references=REFERENCES,
    accuracy=LocalText(
        zh="时间按几何长度与速度计算，不含路口等候；长度为椭球面长度。",
        en="Times follow from geodesic lengths and speeds; waiting at crossings is not in them.",
    ),
)


def run(given: Given, progress: Progress) -> Made:
    """Areas and streets reached; raises ``Invalid`` for places far from every line and for
    properties that are not there."""
    network: Features = given["network"]
    limits = np.unique(np.asarray(given["minutes"], dtype=np.float64)) * 60
    forward, backward = speeds(given)
    if given["direction"] == "towards":
        forward, backward = backward, forward
    lines, starts = with_points(
        flat_lines(network.geometries), given["places"].geometries, given["snap"], "places"
    )
    graph = build(lines, forward, backward, starts)
    progress(0.3)
    seconds = reached(graph, graph.node[starts], float(limits[-1]))
    progress(0.5)
    bands = [_band(graph, seconds, low, high) for low, high in pairwise([0.0, *limits])]
    progress(0.6)
    areas, square = _areas([lines for _, _, lines in bands], given["width"], progress)
    metres = np.cumsum([found.sum() for _, found, _ in bands])
    minutes = limits / 60
    return {
        "areas": _area_features(areas, minutes, square),
        "streets": _streets(network, graph, bands, minutes),
        "figures": [
            {"minutes": float(m), "metres": round(float(a), 1), "square_metres": round(float(s), 1)}
            for m, a, s in zip(minutes, metres, square, strict=True)
        ],
    }


def reached(graph: Graph, starts: Whole, limit: float) -> Numbers:
    """Seconds from the nearest of ``starts`` to every node; infinite beyond ``limit``."""
    from scipy.sparse.csgraph import dijkstra

    found: Numbers = dijkstra(
        graph.matrix(), directed=True, indices=np.unique(starts), min_only=True, limit=limit
    )
    return found


def _fronts(graph: Graph, seconds: Numbers, until: float) -> tuple[Numbers, Numbers]:
    """How many metres of each edge are reached from its beginning and from its end."""
    ahead, behind = seconds[graph.tail], seconds[graph.head]
    with np.errstate(divide="ignore", invalid="ignore"):
        fast = np.nan_to_num(graph.metres / graph.forward)  # metres a second, 0 where forbidden
        back = np.nan_to_num(graph.metres / graph.backward)
        from_tail = np.where(np.isfinite(ahead), np.maximum(until - ahead, 0) * fast, 0.0)
        from_head = np.where(np.isfinite(behind), np.maximum(until - behind, 0) * back, 0.0)
        # Where both fronts meet, each has come as far as it gets.
        meet = (behind - ahead + graph.backward) / (1 / fast + 1 / back)
    both = (fast > 0) & (back > 0) & np.isfinite(ahead) & np.isfinite(behind)
    meet = np.clip(np.where(both, meet, np.inf), 0, None)
    a = np.minimum(np.minimum(from_tail, graph.metres), np.where(both, meet, graph.metres))
    rest = np.where(both, graph.metres - np.minimum(meet, graph.metres), graph.metres)
    b = np.minimum(np.minimum(from_head, graph.metres), rest)
    return a, b


def _band(
    graph: Graph, seconds: Numbers, low: float, high: float
) -> tuple[Whole, Numbers, NDArray[Any]]:
    """Parts of edges that are reached after ``low`` and within ``high`` seconds: the edges, their
    metres, and lines."""
    inner_a, inner_b = _fronts(graph, seconds, low) if low else (0.0 * graph.metres,) * 2
    outer_a, outer_b = _fronts(graph, seconds, high)
    every = np.arange(len(graph.metres))
    edges = np.concatenate([every, every])
    begin = np.concatenate([inner_a, graph.metres - outer_b])
    end = np.concatenate([outer_a, graph.metres - inner_b])
    kept = end - begin > _LEAST_M
    edges, begin, end = edges[kept], begin[kept], end[kept]
    return edges, end - begin, pieces(graph, edges, begin, end)


def _areas(
    bands: list[NDArray[Any]], width: float, progress: Progress
) -> tuple[list[Any], list[float]]:
    """Of each time all that lies within ``width`` metres of what is reached, and square metres."""
    everything = np.concatenate(bands)
    if not len(everything):
        return [shapely.Polygon()] * len(bands), [0.0] * len(bands)
    plane = Plane(shapely.box(*shapely.total_bounds(everything)))
    whole: Any = shapely.Polygon()
    areas, square = [], []
    for number, band in enumerate(bands):
        around = shapely.buffer(plane.metres(band), width, quad_segs=4)
        whole = shapely.union_all([whole, shapely.union_all(around)])
        areas.append(plane.degrees(whole))
        square.append(float(whole.area))
        progress(0.6 + 0.4 * (number + 1) / len(bands))
    return areas, square


def _area_features(areas: list[Any], minutes: Numbers, square: list[float]) -> Features:
    import pyarrow as pa

    table = pa.table(
        {
            "fid": [f"{m:g}" for m in minutes][::-1],
            "minutes": minutes[::-1],
            "square_metres": np.round(square, 1)[::-1],
        }
    )
    shapes = np.array(areas, dtype=object)[::-1]
    there = ~shapely.is_empty(shapes)
    return Features(shapes[there], table.filter(there))


def _streets(
    network: Features,
    graph: Graph,
    bands: list[tuple[Whole, Numbers, NDArray[Any]]],
    minutes: Numbers,
) -> Features:
    import pyarrow as pa

    edges = np.concatenate([found for found, _, _ in bands])
    owner = graph.lines.owner[graph.lines.line[graph.first[edges]]]
    table = pa.table(
        {
            "line": network.table.column("fid").take(pa.array(owner)),
            "minutes": np.repeat(minutes, [len(found) for found, _, _ in bands]),
            "metres": np.round(np.concatenate([length for _, length, _ in bands]), 2),
        }
    )
    return Features(np.concatenate([lines for _, _, lines in bands]), table)


ISOCHRONE = Algorithm(DESCRIPTION, run)
