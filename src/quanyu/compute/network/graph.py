"""A network of lines as a graph: nodes where lines meet, edges with metres and seconds.

Lines meet where they share a vertex (to 1e-7 degrees, about a centimetre), as OpenStreetMap and
surveyed street networks have it: a bridge over a street has no vertex of it, and does not meet it.
Lengths are geodesic, on the ellipsoid of CGCS2000 (Karney, C. F. F.: Algorithms for geodesics.
*Journal of Geodesy* 87, 2013). Everything is done in arrays, whatever the number of edges.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from quanyu.kernel import Invalid
from quanyu.land import Plane

_GRAIN = 1e-7
Numbers = NDArray[np.float64]
Whole = NDArray[np.int64]


@dataclass(frozen=True)
class Lines:
    """Lines as flat arrays: ``xy`` of all vertices in degrees, and the ``line`` that each is of;
    ``owner`` is the feature that a line is a part of."""

    xy: Numbers
    line: Whole
    owner: Whole

    @cached_property
    def place(self) -> Numbers:
        """Metres of each vertex along its line."""
        import pyproj

        xy, steps = self.xy, np.zeros(len(self.xy))
        within = self.line[1:] == self.line[:-1]
        geod = pyproj.Geod(ellps="GRS80")
        steps[1:] = geod.inv(xy[:-1, 0], xy[:-1, 1], xy[1:, 0], xy[1:, 1])[2]
        steps[1:][~within] = 0.0
        total = np.cumsum(steps)
        begins = np.concatenate([[True], ~within])
        found: Numbers = total - total[begins][np.cumsum(begins) - 1]
        return found


@dataclass(frozen=True)
class Graph:
    """Edges between nodes. ``first`` and ``last`` are vertices of ``lines``; ``metres`` their
    lengths, ``forward`` and ``backward`` the seconds along and against, infinite where that is not
    allowed. ``node`` is the node of each vertex, -1 for those within an edge."""

    lines: Lines
    node: Whole
    nodes: int
    first: Whole
    last: Whole
    metres: Numbers
    forward: Numbers
    backward: Numbers

    @property
    def tail(self) -> Whole:
        """Node at which each edge begins."""
        return self.node[self.first]

    @property
    def head(self) -> Whole:
        """Node at which each edge ends."""
        return self.node[self.last]

    def matrix(self) -> Any:
        """Seconds from node to node (CSR); of parallel edges the quickest counts."""
        from scipy.sparse import csr_matrix

        a = np.concatenate([self.tail, self.head])
        b = np.concatenate([self.head, self.tail])
        seconds = np.concatenate([self.forward, self.backward])
        there = np.isfinite(seconds) & (a != b)
        a, b, seconds = a[there], b[there], np.maximum(seconds[there], 1e-9)
        order = np.lexsort((seconds, b, a))
        a, b, seconds = a[order], b[order], seconds[order]
        new = np.ones(len(a), dtype=bool)
        new[1:] = (a[1:] != a[:-1]) | (b[1:] != b[:-1])
        return csr_matrix((seconds[new], (a[new], b[new])), shape=(self.nodes, self.nodes))


def flat_lines(geometries: NDArray[Any]) -> Lines:
    """Lines and the parts of multi-lines, as flat arrays."""
    parts, owner = shapely.get_parts(geometries, return_index=True)
    xy, line = shapely.get_coordinates(parts, return_index=True)
    return Lines(xy, line, owner)


def with_points(
    lines: Lines, points: NDArray[Any], most_m: float, field: str
) -> tuple[Lines, Whole]:
    """The lines with a vertex at the place nearest to each point, and those vertices.

    Raises :class:`Invalid` on ``field`` when a point is farther than ``most_m`` metres off.
    """
    plane = Plane(shapely.box(*_bounds(lines.xy)))
    # In metres, so that the nearest is the nearest on the ground.
    xy = shapely.get_coordinates(plane.metres(shapely.LineString(lines.xy)))
    on_plane = plane.metres(points)
    inner = _near(lines, xy, shapely.total_bounds(shapely.buffer(on_plane, most_m)))
    segments = shapely.linestrings(np.stack([xy[inner], xy[inner + 1]], axis=1))
    tree = shapely.STRtree(segments)
    found = tree.query_nearest(on_plane, max_distance=most_m, all_matches=False)
    if found.shape[1] < len(points):
        missing = np.setdiff1d(np.arange(len(points)), found[0])
        raise Invalid(
            "point {number} is farther than {most} m from every line",
            field=field,
            mend="move it, or allow a larger “snap”",
            number=int(missing[0]) + 1,
            most=f"{most_m:g}",
        )
    segment = np.empty(len(points), np.int64)
    segment[found[0]] = found[1]
    share = shapely.line_locate_point(segments[segment], on_plane, normalized=True)
    share = np.nan_to_num(share)
    before = inner[segment]
    a, b = lines.xy[before], lines.xy[before + 1]
    placed = a + (b - a) * share[:, None]
    order = np.lexsort((share, before))
    grown = np.insert(lines.xy, before[order] + 1, placed[order], axis=0)
    line = np.insert(lines.line, before[order] + 1, lines.line[before[order]])
    vertices = np.empty(len(points), np.int64)
    vertices[order] = before[order] + 1 + np.arange(len(points))
    return Lines(grown, line, lines.owner), vertices


def _near(lines: Lines, xy: Numbers, box: Numbers) -> Whole:
    """The first vertex of each segment that reaches into a box."""
    low, high = np.minimum(xy[:-1], xy[1:]), np.maximum(xy[:-1], xy[1:])
    meets = ((low <= box[2:]) & (high >= box[:2])).all(axis=1)
    return np.flatnonzero(meets & (lines.line[1:] == lines.line[:-1]))


def build(lines: Lines, forward: Numbers, backward: Numbers, also: Whole) -> Graph:
    """The graph of lines. ``forward`` and ``backward`` are metres a second along and against each
    *feature*, 0 where that is not allowed; ``also`` are vertices that are nodes in any case."""
    grain = np.round(lines.xy / _GRAIN).astype(np.int64)
    key = (grain[:, 0] + 1_800_000_000) * 4_000_000_000 + grain[:, 1] + 900_000_000
    _, place, count = np.unique(key, return_inverse=True, return_counts=True)
    place = place.reshape(-1)
    ends = np.ones(len(key), dtype=bool)
    ends[1:-1] = (lines.line[1:-1] != lines.line[:-2]) | (lines.line[1:-1] != lines.line[2:])
    is_node = ends | (count[place] > 1)
    is_node[also] = True
    names, node_at = np.unique(place[is_node], return_inverse=True)
    node = np.full(len(key), -1, np.int64)
    node[is_node] = node_at.reshape(-1)
    at = np.flatnonzero(is_node)
    same = lines.line[at[1:]] == lines.line[at[:-1]]
    first, last = at[:-1][same], at[1:][same]
    metres = lines.place[last] - lines.place[first]
    owner = lines.owner[lines.line[first]]
    with np.errstate(divide="ignore", invalid="ignore"):
        along = np.where(forward[owner] > 0, metres / forward[owner], np.inf)
        against = np.where(backward[owner] > 0, metres / backward[owner], np.inf)
    return Graph(lines, node, len(names), first, last, metres, along, against)


def pieces(graph: Graph, edges: Whole, low: Numbers, high: Numbers) -> NDArray[Any]:
    """The part of each edge from ``low`` to ``high`` metres along it, as lines in degrees."""
    lines = graph.lines
    counts = graph.last[edges] - graph.first[edges] - 1
    which = np.repeat(np.arange(len(edges)), counts)
    offset = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    inner = graph.first[edges][which] + 1 + offset
    along = lines.place[inner] - lines.place[graph.first[edges]][which]
    kept = (along > low[which]) & (along < high[which])
    which, inner, along = which[kept], inner[kept], along[kept]
    numbers = np.arange(len(edges))
    piece = np.concatenate([numbers, which, numbers])
    where = np.concatenate([low, along, high])
    xy = np.concatenate([_at(graph, edges, low), lines.xy[inner], _at(graph, edges, high)], axis=0)
    rank = np.concatenate([np.zeros(len(edges)), np.ones(len(which)), np.full(len(edges), 2)])
    order = np.lexsort((where, rank, piece))
    return np.asarray(shapely.linestrings(xy[order], indices=piece[order]))


def _at(graph: Graph, edges: Whole, metres: Numbers) -> Numbers:
    """Degrees of the place so many metres along each edge."""
    lines = graph.lines
    # Lines laid end to end, so that one search finds all places.
    step = np.zeros(len(lines.place))
    step[1:] = np.where(lines.line[1:] == lines.line[:-1], np.diff(lines.place), 1.0)
    laid = np.cumsum(step)
    wanted = laid[graph.first[edges]] + metres
    at = np.clip(
        np.searchsorted(laid, wanted, side="right") - 1, graph.first[edges], graph.last[edges] - 1
    )
    length = laid[at + 1] - laid[at]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(length > 0, (wanted - laid[at]) / length, 0.0)
    share = np.clip(share, 0.0, 1.0)[:, None]
    found: Numbers = lines.xy[at] * (1 - share) + lines.xy[at + 1] * share
    return found


def _bounds(xy: Numbers) -> tuple[float, float, float, float]:
    (west, south), (east, north) = xy.min(axis=0), xy.max(axis=0)
    return float(west), float(south), float(east), float(north)
