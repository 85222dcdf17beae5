"""A view in three dimensions: its tiles, drawn when asked for and kept beside the serving copy.

Drawn tiles lie in the folder of the copy, whose path is the version and the key of the restriction:
nothing goes stale, nothing is shared between restrictions, and all of it goes when the copy goes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quanyu.kernel import Invalid, NotFound, whole_file
from quanyu.spacetime.cityobjects.heights import height_field, storeys_field
from quanyu.spacetime.engine import Engine
from quanyu.spacetime.model import Bbox, GeometryType
from quanyu.spacetime.restricted import Relation
from quanyu.spacetime.serving import Served
from quanyu.spacetime.tiles3d.content import draw
from quanyu.spacetime.tiles3d.laying import LAYOUT, Layout, lay_out
from quanyu.spacetime.tiles3d.tileset import tileset

FINEST = 4
"""The finest level of detail that there is."""

_MOST = 1 << 31  # tiles; a longer number is no name for a file
_AREAS = (GeometryType.POLYGON, GeometryType.MULTIPOLYGON, GeometryType.GEOMETRY)


def stands(relation: Relation) -> bool:
    """Whether rows have a third dimension that may be seen: solids, heights, or points with one."""
    if relation.geometry is GeometryType.POINT:
        return relation.has_z
    if relation.geometry not in _AREAS:
        return False
    known = height_field(relation.fields) or storeys_field(relation.fields)
    return relation.lods or relation.has_z or known is not None


@dataclass(frozen=True, slots=True)
class Scene3D:
    """The tiles of a serving copy in levels of detail up to ``lod`` (0 to :data:`FINEST`)."""

    copy: Served
    lod: int
    engine: Callable[[], Engine]
    city: Callable[[], Mapping[str, Any] | None]

    def tileset(self, address: Callable[[int], str], extras: dict[str, Any]) -> Any:
        """``tileset.json`` as a document; ``address`` gives the URI of a tile's content."""
        return tileset(self._layout(), address, extras=extras)

    def box(self) -> tuple[Bbox, tuple[float, float]] | None:
        """Degrees and heights in metres of all that is drawn."""
        layout = self._layout()
        if not layout.tiles:
            return None
        west, south, low, east, north, high = layout.boxes[0].tolist()
        return (west, south, east, north), (low, high)

    def tile(self, number: int) -> bytes:
        """The content of a tile as GLB; raises ``NotFound`` for one that there is not."""
        layout = self._layout()
        if not 0 <= number < layout.tiles:
            raise NotFound("there is no tile {number}", field="tile", number=number)
        path = self._path(number)
        try:
            return path.read_bytes()
        except FileNotFoundError:
            made = draw(
                self.engine(), self.copy.relation, layout, number, lod=self.lod, city=self.city()
            )
        if self.copy.there():
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(path) as unfinished:
                unfinished.write_bytes(made)
        return made

    def rows(self, number: int) -> int:
        """How many features are in a tile."""
        first, last = self._layout().starts[number : number + 2].tolist()
        return int(last - first)

    def is_drawn(self, number: int) -> bool:
        """Whether a tile has been drawn before: then it takes about a millisecond."""
        return number < _MOST and self._path(number).exists()

    def _path(self, number: int) -> Path:
        return self.copy.folder / "3d" / f"{LAYOUT}-{self.lod}" / f"{number}.glb"

    def _layout(self) -> Layout:
        return lay_out(self.copy, self.engine())


def check_lod(lod: int) -> None:
    """Raise ``Invalid`` for a level of detail that there is not."""
    if not 0 <= lod <= FINEST:
        raise Invalid(
            "{lod} is no level of detail",
            field="lod",
            mend="give 0, 1, 2, 3 or 4: the finest up to it is shown",
            lod=lod,
        )
