"""The grids there are, by name, and which of them a cell's name belongs to."""

from collections.abc import Mapping

from quanyu.kernel import Invalid
from quanyu.spacetime.grids.beidou import BEIDOU
from quanyu.spacetime.grids.geohash import GEOHASH
from quanyu.spacetime.grids.hexagons import H3
from quanyu.spacetime.grids.model import Grid
from quanyu.spacetime.grids.quadkey import QUADKEY

GRIDS: Mapping[str, Grid] = {grid.name: grid for grid in (BEIDOU, H3, QUADKEY, GEOHASH)}
_TOLD_APART: tuple[Grid, ...] = (BEIDOU, H3, QUADKEY)


def grid_named(name: str) -> Grid:
    """The grid of that name; raises ``Invalid`` (``grid``)."""
    found = GRIDS.get(name)
    if found is None:
        raise Invalid(
            "there is no grid {name}",
            field="grid",
            mend="use one of: {known}",
            name=name[:40],
            known=", ".join(GRIDS),
        )
    return found


def grid_of(cell: str) -> Grid:
    """The grid that has a cell of this name: BeiDou's begin with N or S, H3's have 15 symbols,
    quadkeys only 0 to 3. Geohashes look like words, so they are never guessed. Raises ``Invalid``
    (``cell``)."""
    for grid in _TOLD_APART:
        try:
            grid.level([cell])
        except Invalid:
            continue
        return grid
    raise Invalid(
        "“{cell}” is no cell of a grid known here",
        field="cell",
        mend="give a cell of one of the grids {known}",
        cell=cell[:40],
        known=", ".join(grid.name for grid in _TOLD_APART),
    )
