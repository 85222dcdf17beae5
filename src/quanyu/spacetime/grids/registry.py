"""The grids there are, by name, and which of them a cell's name belongs to."""

from collections.abc import Mapping

from quanyu.kernel import Invalid
from quanyu.spacetime.grids.beidou import BEIDOU
from quanyu.spacetime.grids.geohash import GEOHASH
from quanyu.spacetime.grids.hexagons import H3
from quanyu.spacetime.grids.model import Grid
from quanyu.spacetime.grids.quadkey import QUADKEY

GRIDS: Mapping[str, Grid] = {grid.name: grid for grid in (BEIDOU, H3, QUADKEY, GEOHASH)}


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
    """The grid that has a cell of this name, taken in the order of :data:`GRIDS`: BeiDou's begin
    with N or S, H3's have 15 symbols, quadkeys only 0 to 3. Raises ``Invalid`` (``cell``)."""
    for grid in GRIDS.values():
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
        known=", ".join(GRIDS),
    )
