"""Shells that cut through themselves: an edge that pierces a surface which it is no part of."""

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from quanyu.spacetime.cityobjects.surfaces import Flags, Floats, Ints, Surfaces, ring_normals

_NEAR = 0.01  # metres: what comes closer may be rounding, or a surface that is not quite plane
_MOST_FACES = 1_000
_AXES = np.array([[1, 2], [2, 0], [0, 1]])


def cut_themselves(found: Surfaces, numbers: Ints, xyz: Floats, shells: Flags) -> Ints:
    """Which of ``shells`` do; ``numbers`` are those of merged vertices.

    Every edge of a shell is held against every surface of it, so shells of very many surfaces are
    left out.
    """
    faces = np.bincount(found.surface_shell[found.surface_shell >= 0], minlength=len(found.outer))
    shells = shells & (faces <= _MOST_FACES)
    surface = np.repeat(found.ring_surface, found.lengths)
    shell = found.surface_shell[surface]
    edges, edge_shell = _edges(found, shell, numbers, shells)
    if not len(edges):
        return np.zeros(0, dtype=np.int64)
    edge, face = _near(edges, edge_shell, xyz, found, _boxes(found, surface, xyz))
    apart = ~_touching(found, numbers, surface, numbers[edges[edge]], face)
    edge, face = edge[apart], face[apart]
    hits = _pierced(found, xyz, edges[edge], face)
    pierced: Ints = np.unique(edge_shell[edge[hits]])
    return pierced


def _edges(found: Surfaces, shell: Ints, numbers: Ints, shells: Flags) -> tuple[Ints, Ints]:
    """Edges of the shells, each in one sense only, as places of their ends in ``xyz``."""
    following = np.arange(1, len(found.corners) + 1)
    following[found.starts + found.lengths - 1] = found.starts
    ends = np.column_stack([found.corners, found.corners[following]])
    kept = (shell >= 0) & shells[shell] & (numbers[ends[:, 0]] < numbers[ends[:, 1]])
    return ends[kept], shell[kept]


def _boxes(found: Surfaces, surface: Ints, xyz: Floats) -> tuple[Floats, Floats]:
    starts = np.searchsorted(surface, np.arange(len(found.surface_shell)))
    corners = xyz[found.corners]
    return np.minimum.reduceat(corners, starts), np.maximum.reduceat(corners, starts)


def _near(
    edges: Ints,
    edge_shell: Ints,
    xyz: Floats,
    found: Surfaces,
    boxes: tuple[Floats, Floats],
) -> tuple[Ints, Ints]:
    """Pairs of an edge and a face of one shell whose boxes meet."""
    low, high = boxes
    faces = np.flatnonzero(found.surface_shell >= 0)
    one, two = xyz[edges[:, 0]], xyz[edges[:, 1]]
    under, over = np.minimum(one, two), np.maximum(one, two)
    # Sorted by shell: each edge is compared with the faces of its own shell only.
    order = np.argsort(found.surface_shell[faces], kind="stable")
    ranked = faces[order]
    first = np.searchsorted(found.surface_shell[ranked], edge_shell, "left")
    last = np.searchsorted(found.surface_shell[ranked], edge_shell, "right")
    pairs_edge, pairs_face = [], []
    for block in np.array_split(np.arange(len(edges)), max(1, int((last - first).sum() >> 20))):
        counts = (last - first)[block]
        edge = np.repeat(block, counts)
        offset = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        face = ranked[np.repeat(first[block], counts) + offset]
        meet = ((under[edge] <= high[face]) & (over[edge] >= low[face])).all(axis=1)
        pairs_edge.append(edge[meet])
        pairs_face.append(face[meet])
    return np.concatenate(pairs_edge), np.concatenate(pairs_face)


def _touching(found: Surfaces, numbers: Ints, surface: Ints, ends: Ints, face: Ints) -> Flags:
    """Whether one of the ends is a corner of the face."""
    size = int(numbers.max()) + 1
    corners = np.sort(surface * size + numbers[found.corners])
    wanted = face[:, None] * size + ends
    at = np.minimum(np.searchsorted(corners, wanted), len(corners) - 1)
    touching: Flags = (corners[at] == wanted).any(axis=1)
    return touching


def _pierced(found: Surfaces, xyz: Floats, edges: Ints, face: Ints) -> Flags:
    """Which edges go through their face, well away from its rim."""
    hits = np.zeros(len(edges), dtype=bool)
    if not len(edges):
        return hits
    first = found.first_rings[face]
    normals = ring_normals(found, xyz)[first]
    length = np.linalg.norm(normals, axis=1)
    flat = length > 1e-9
    normals[flat] /= length[flat, None]
    anchor = xyz[found.corners[found.starts[first]]]
    one, two = xyz[edges[:, 0]], xyz[edges[:, 1]]
    here = np.einsum("ij,ij->i", one - anchor, normals)
    there = np.einsum("ij,ij->i", two - anchor, normals)
    through = np.flatnonzero(
        flat & (np.minimum(here, there) < -_NEAR) & (np.maximum(here, there) > _NEAR)
    )
    for at in through.tolist():
        share = here[at] / (here[at] - there[at])
        axes = _AXES[int(np.abs(normals[at]).argmax())]
        place = (one[at] + share * (two[at] - one[at]) - anchor[at])[axes]
        shape = _outline(found, xyz, int(face[at]), anchor[at], axes)
        point = shapely.Point(place)
        hits[at] = shape.contains(point) and shape.boundary.distance(point) > _NEAR
    return hits


def _outline(found: Surfaces, xyz: Floats, face: int, anchor: Floats, axes: Ints) -> Any:
    rings: list[NDArray[np.float64]] = []
    for ring in np.flatnonzero(found.ring_surface == face).tolist():
        start = found.starts[ring]
        corners = found.corners[start : start + found.lengths[ring]]
        rings.append((xyz[corners] - anchor)[:, axes])
    return shapely.Polygon(rings[0], rings[1:])
