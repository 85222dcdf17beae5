"""Polygons in space as flat arrays: the surfaces of a whole tile at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Polygons:
    """Polygons of rings of corners; each level knows the number of the one above, ascending.

    ``corners`` (n × 3) are geocentric metres, rings are open and the first of a polygon is its
    outer one. ``kinds`` are numbers of materials, ``owners`` places of features in their tile.
    """

    corners: Floats
    lengths: Ints
    ring_polygon: Ints
    kinds: Ints
    owners: Ints

    @property
    def starts(self) -> Ints:
        """Where each ring begins."""
        found: Ints = np.cumsum(self.lengths) - self.lengths
        return found

    @property
    def first_rings(self) -> Ints:
        """The outer ring of each polygon."""
        return np.searchsorted(self.ring_polygon, np.arange(len(self.kinds)))


def joined(parts: Sequence[Polygons]) -> Polygons:
    """Several as one."""
    before = np.cumsum([0, *(len(part.kinds) for part in parts)])
    return Polygons(
        np.concatenate([np.zeros((0, 3)), *(part.corners for part in parts)]),
        _ints([part.lengths for part in parts]),
        _ints([part.ring_polygon + at for part, at in zip(parts, before[:-1], strict=True)]),
        _ints([part.kinds for part in parts]),
        _ints([part.owners for part in parts]),
    )


def following(lengths: Ints) -> Ints:
    """The corner after each corner in its ring."""
    found = np.arange(1, int(lengths.sum()) + 1)
    ends = np.cumsum(lengths)
    found[ends - 1] = ends - lengths
    return found


def _ints(parts: Sequence[Ints]) -> Ints:
    return np.concatenate([np.zeros(0, np.int64), *parts])
