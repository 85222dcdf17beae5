"""Whether solids are closed, two-manifold and turned outwards, and surfaces rings at all.

A shell is sound when each of its edges is run through once in each sense (ISO 19107, GM_Shell), and
the volume that it encloses is positive for an outer shell, negative for an inner one. Vertices with
the same coordinates are one.
"""

from dataclasses import dataclass, field

import numpy as np

from quanyu.spacetime.cityobjects.crossings import cut_themselves
from quanyu.spacetime.cityobjects.surfaces import (
    NO_SHELL,
    Flags,
    Floats,
    Ints,
    Surfaces,
    ring_normals,
)


@dataclass(frozen=True, slots=True)
class Faults:
    """What is wrong with geometries, by their number.

    With a ``grave`` one nothing can be done. A ``slight`` one is told and the geometry kept: shells
    with holes are what most models of cities are made of.
    """

    grave: dict[int, str] = field(default_factory=dict)
    slight: dict[int, str] = field(default_factory=dict)


def faults(found: Surfaces, vertices: Ints, xyz: Floats) -> Faults:
    """The faults of geometries; ``vertices`` are whole numbers, ``xyz`` the same in metres."""
    wrong = Faults()
    if len(found.outer):
        _shells(found, vertices, xyz, wrong)
    return wrong


def _shells(found: Surfaces, vertices: Ints, xyz: Floats, wrong: Faults) -> None:
    numbers = merged(vertices)
    shell, start, end = _edges(found, numbers)
    forth = np.lexsort((end, start, shell))
    back = np.lexsort((start, end, shell))
    here, there = (
        np.column_stack([shell[forth], start[forth], end[forth]]),
        np.column_stack([shell[back], end[back], start[back]]),
    )
    unlike = (here != there).any(axis=1)
    again = np.zeros(len(here), dtype=bool)
    again[1:] = (here[1:] == here[:-1]).all(axis=1)
    order = np.argsort(shell, kind="stable")
    bounds = np.searchsorted(shell[order], np.arange(len(found.outer) + 1))
    unsound = np.zeros(len(found.outer), dtype=bool)
    unsound[here[unlike | again, 0]] = True
    for number in np.flatnonzero(unsound).tolist():
        mine = order[bounds[number] : bounds[number + 1]]
        grave, why = _why(start[mine], end[mine])
        kept = wrong.grave if grave else wrong.slight
        kept.setdefault(int(found.shell_geometry[number]), why)
    turned = (_volumes(found, xyz) > 0) != found.outer
    for number in np.flatnonzero(turned & ~unsound).tolist():
        side = "inwards" if found.outer[number] else "outwards"
        wrong.grave.setdefault(
            int(found.shell_geometry[number]), f"the surfaces of a shell are turned {side}"
        )
    for number in cut_themselves(found, numbers, xyz, ~(unsound | turned)).tolist():
        wrong.grave.setdefault(
            int(found.shell_geometry[number]), "a shell cuts through itself: an edge pierces it"
        )


def merged(vertices: Ints) -> Ints:
    """A number for each vertex, the same for those at the same place."""
    order = np.lexsort(vertices.T)
    ranked = vertices[order]
    new = np.ones(len(order), dtype=np.int64)
    new[1:] = (ranked[1:] != ranked[:-1]).any(axis=1)
    numbers = np.empty(len(order), dtype=np.int64)
    numbers[order] = np.cumsum(new) - 1
    return numbers


def _edges(found: Surfaces, numbers: Ints) -> tuple[Ints, Ints, Ints]:
    """Edges of shells, as (shell, from, to); those of no length are left out."""
    following = np.arange(1, len(found.corners) + 1)
    following[found.starts + found.lengths - 1] = found.starts
    start = numbers[found.corners]
    end = start[following]
    shell = np.repeat(found.surface_shell[found.ring_surface], found.lengths)
    kept: Flags = (shell != NO_SHELL) & (start != end)
    return shell[kept], start[kept], end[kept]


def _why(start: Ints, end: Ints) -> tuple[bool, str]:
    """What is wrong with the edges of a shell, and whether that is grave."""
    low, high = np.minimum(start, end), np.maximum(start, end)
    _, times = np.unique(low * (int(high.max()) + 1) + high, return_counts=True)
    single, many = int((times == 1).sum()), int((times > 2).sum())
    if single:
        return False, f"a shell is not closed: {single} edges have one surface only"
    if many:
        return True, f"a shell is not two-manifold: {many} edges have more than two surfaces"
    return True, "neighbouring surfaces of a shell are turned in opposite senses"


def _volumes(found: Surfaces, xyz: Floats) -> Floats:
    """Six times the volume that each shell encloses."""
    normals = ring_normals(found, xyz)
    shell = found.surface_shell[found.ring_surface]
    solid = shell != NO_SHELL
    first = xyz[found.corners[found.starts]]
    # Heights over one corner of the shell: products of coordinates of a city would lose digits.
    anchor = np.zeros((len(found.outer), 3))
    anchor[shell[solid][::-1]] = first[solid][::-1]
    each = np.einsum("ij,ij->i", first[solid] - anchor[shell[solid]], normals[solid])
    return np.bincount(shell[solid], weights=each, minlength=len(found.outer)).astype(np.float64)
