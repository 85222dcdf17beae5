"""What every grid of cells answers, whatever its cells look like.

Cells are named by text, in arrays of NumPy's ``U`` type; all cells of one array are of one level.
Longitudes and latitudes are degrees of CGCS2000 or WGS 84, which differ by centimetres here.
"""

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quanyu.kernel import Invalid

Codes: TypeAlias = NDArray[np.str_]
Ints: TypeAlias = NDArray[np.int64]
Degrees: TypeAlias = NDArray[np.float64]
Geometries: TypeAlias = NDArray[Any]

MOST_CELLS = 1_000_000
"""Most cells of a cover; more are refused, so that one question cannot fill the memory."""


class Grid(Protocol):
    """A grid of cells in levels, each cell with a name.

    Every function raises :class:`~quanyu.kernel.Invalid` on ``level`` or ``cell``.
    """

    @property
    def name(self) -> str:
        """How the grid is called in requests and commands."""

    @property
    def levels(self) -> range:
        """Its levels, the coarsest first."""

    def cells(self, lon: ArrayLike, lat: ArrayLike, level: int) -> Codes:
        """The cell of each point; arrays of n degrees give n names."""

    def level(self, cells: ArrayLike) -> int:
        """The level of cells, which is one for all; checks their names."""

    def boundary(self, cells: ArrayLike) -> Geometries:
        """The area of each cell as a polygon in degrees."""

    def neighbours(self, cells: ArrayLike) -> tuple[Codes, Ints]:
        """Cells that touch each cell, and the place in ``cells`` that each belongs to."""

    def parents(self, cells: ArrayLike, level: int) -> Codes:
        """The cell of a coarser level that each lies in (for H3: that its centre lies in)."""

    def children(self, cells: ArrayLike) -> tuple[Codes, Ints]:
        """Cells of the next level within each, and the place in ``cells`` that each belongs to."""

    def cover(self, geometry: Any, level: int) -> Codes:
        """Cells of a level that meet a geometry in degrees, in order of their names."""


def check_level(level: int, levels: range, name: str) -> None:
    """Raise ``Invalid`` (``level``) for a level that a grid does not have."""
    if level not in levels:
        raise Invalid(
            "the grid {grid} has no level {level}",
            field="level",
            mend="give a level from {least} to {most}",
            grid=name,
            level=level,
            least=levels[0],
            most=levels[-1],
        )


def degrees(lon: ArrayLike, lat: ArrayLike) -> tuple[Degrees, Degrees]:
    """Longitudes and latitudes as flat arrays; raises ``Invalid`` for what is no place."""
    x, y = np.atleast_1d(np.asarray(lon, np.float64)), np.atleast_1d(np.asarray(lat, np.float64))
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError("longitudes and latitudes are arrays of one length")
    with np.errstate(invalid="ignore"):
        good = (np.abs(x) <= 180) & (np.abs(y) <= 90)
    if not good.all():
        at = int(np.flatnonzero(~good)[0])
        raise Invalid(
            "{lon}, {lat} is no place on earth",
            field="point",
            mend="give the longitude first, from -180 to 180, then the latitude, from -90 to 90",
            lon=float(x[at]),
            lat=float(y[at]),
        )
    return x, y


def names_of(cells: ArrayLike, lengths: Sequence[int], alphabet: str, grid: str) -> Codes:
    """Names of one length out of ``lengths``, in capitals where the alphabet has capitals."""
    found: Codes = np.atleast_1d(np.asarray(cells, dtype=np.str_))
    found = np.char.upper(found) if alphabet.isupper() else np.char.lower(found)
    sizes = np.char.str_len(found)
    if not found.size:
        return found.astype("U1")
    if (sizes != sizes[0]).any():
        raise Invalid(
            "these cells are of several levels",
            field="cell",
            mend="give cells of one level at a time",
        )
    size = int(sizes[0])
    marks = symbols(found.astype(f"U{size}")) if size else np.empty((len(found), 0), np.uint32)
    known = np.isin(marks, symbols(np.array([alphabet]))).all(axis=1)
    if size not in lengths or not known.all():
        raise no_cell(str(found[0 if known.all() else int(np.flatnonzero(~known)[0])]), grid)
    return found.astype(f"U{size}")


def no_cell(code: str, grid: str) -> Invalid:
    """The error for a name that no cell has."""
    return Invalid(
        "“{cell}” is no cell of the grid {grid}",
        field="cell",
        mend="give such as {example}",
        cell=code[:40],
        grid=grid,
        example=EXAMPLES[grid],
    )


EXAMPLES = {
    "beidou": "N50J47539B82",
    "beidou3d": "N050J0047050390",
    "h3": "8931aa5065bffff",
    "quadkey": "132121030232",
    "geohash": "wx4g0bm6",
}


def symbols(codes: Codes) -> NDArray[np.uint32]:
    """The characters of names of one length as numbers, a row for each name."""
    size = codes.dtype.itemsize // 4
    return np.ascontiguousarray(codes).view(np.uint32).reshape(len(codes), size)


def written(marks: NDArray[np.uint32]) -> Codes:
    """Names out of their characters."""
    flat = np.ascontiguousarray(marks, np.uint32)
    found: Codes = flat.view(f"U{flat.shape[1]}").ravel()
    return found
