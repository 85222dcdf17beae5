"""The surfaces of many objects as flat arrays, for arithmetic on all of them at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from quanyu.spacetime.cityobjects.model import DEPTHS, Json

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]

NO_SHELL = -1


@dataclass(frozen=True, slots=True)
class Surfaces:
    """Rings of surfaces of geometries of objects; each level knows the number of the one above.

    ``corners`` are vertex numbers of all rings, one after the other; ``starts`` says where each
    ring begins. ``shells`` are numbers of shells of solids, ``NO_SHELL`` for other surfaces; the
    first shell of a solid is in ``outer``.
    """

    corners: Ints
    starts: Ints
    lengths: Ints
    ring_surface: Ints
    surface_geometry: Ints
    surface_shell: Ints
    outer: Flags
    shell_geometry: Ints

    @property
    def first_rings(self) -> Ints:
        """The outer ring of each surface."""
        return np.searchsorted(self.ring_surface, np.arange(len(self.surface_geometry)))


def collect(geometries: Sequence[Json], offsets: Sequence[int]) -> Surfaces:
    """The surfaces of ``geometries``, whose vertices are counted from their ``offsets``."""
    rings: list[list[int]] = []
    shift: list[int] = []
    ring_surface: list[int] = []
    geometry_of: list[int] = []
    shell_of: list[int] = []
    outer: list[bool] = []
    shell_geometry: list[int] = []
    for number, (geometry, offset) in enumerate(zip(geometries, offsets, strict=True)):
        for shell, first, surfaces in _shells(geometry):
            at = NO_SHELL
            if shell:
                at = len(outer)
                outer.append(first)
                shell_geometry.append(number)
            for surface in surfaces:
                place = len(geometry_of)
                geometry_of.append(number)
                shell_of.append(at)
                for ring in surface:
                    rings.append(ring)
                    ring_surface.append(place)
                    shift.append(offset)
    lengths = np.fromiter(map(len, rings), np.int64, len(rings))
    flat = np.fromiter(chain.from_iterable(rings), np.int64, int(lengths.sum()))
    corners = flat + np.repeat(np.asarray(shift, dtype=np.int64), lengths)
    return Surfaces(
        corners,
        np.cumsum(lengths) - lengths,
        lengths,
        np.asarray(ring_surface, dtype=np.int64),
        np.asarray(geometry_of, dtype=np.int64),
        np.asarray(shell_of, dtype=np.int64),
        np.asarray(outer, dtype=bool),
        np.asarray(shell_geometry, dtype=np.int64),
    )


def _shells(geometry: Json) -> Iterator[tuple[bool, bool, list[Any]]]:
    """Parts of a geometry: whether it is a shell, whether an outer one, and its surfaces."""
    depth, boundaries = DEPTHS[geometry["type"]], geometry["boundaries"]
    if depth == 2:
        yield False, False, boundaries
    for solid in [boundaries] if depth == 3 else boundaries if depth == 4 else ():
        for number, shell in enumerate(solid):
            yield True, number == 0, shell


def ring_normals(found: Surfaces, xyz: Floats) -> Floats:
    """Twice the area of each ring as a vector (Newell), in a right-handed sense."""
    if not len(found.starts):
        return np.zeros((0, 3))
    here = xyz[found.corners]
    following = np.arange(1, len(found.corners) + 1)
    following[found.starts + found.lengths - 1] = found.starts
    # Measured from the ring's own first corner: coordinates of millions of metres lose digits.
    origin = np.repeat(here[found.starts], found.lengths, axis=0)
    one = here - origin
    crosses = np.cross(one, one[following])
    normals: Floats = np.add.reduceat(crosses, found.starts)
    return normals
